# Who received what about a person, hour by hour.

deliveries-title = Who received what
deliveries-lede = Each box is one hour. When the hour is over, the public record holds it fast: nobody can change it later without being found out.
deliveries-none = Nobody has received anything about you.
deliveries-hour = { $day }, { $from } to { $until }
deliveries-exact = As measured: { $fields }
deliveries-coarse = Made less exact: { $fields }
deliveries-not-yet = The record will hold this once the hour is over.
deliveries-forgotten = The record holds this. The proof is gone, because you had everything erased.
deliveries-held = Held by entry { $number }
deliveries-proof = Get the proof
deliveries-pages = More hours
deliveries-newest = Newest hours
deliveries-older = Older hours
deliveries-csv = As a table (CSV)
deliveries-json = For programs (JSON)
deliveries-limit = A file has the newest { $count } lines. For all of them:
deliveries-check = Check a proof yourself
deliveries-check-means = A proof is a small file. Anyone who has the file can check it, without this site:
deliveries-rule-salt = The record says nothing about you. It holds a mark that only your proof can open.
deliveries-rule-share = Whoever has your proof can read that line. Your name is not in it.
