# The public record.

record-title = Public record
record-lede = Every act of the alliance stands here, in order. Nothing can be taken out or changed without anyone noticing.
record-count = { $count ->
    [one] The record holds one entry.
   *[other] The record holds { $count } entries.
}
record-empty = The record has no entries yet.
record-by = By { $by }
record-by-licensing = the licensing office
record-by-operator = whoever runs this server
record-by-two = two officers of the licensing office
record-by-operator-and-officer = whoever runs this server, and an officer of the licensing office
record-by-itself = the platform, by itself at set times
record-by-person = the person whose account it is
record-reason = Reason:
record-newer = Newest entries
record-older = Older entries
record-pages = Pages of the record
record-verify = Check it yourself
record-verify-lede = You do not have to trust this site. Anyone can check the whole record with their own computer.
record-verify-command = Run this command. It reads every entry, builds the proof anew, and compares it with the signed head:
record-verify-offline = Without a network, give it a copy of the record’s folder instead of the address.
record-verify-key = The head is signed with this key. Compare it with a copy that you got in another way:
record-verify-files = The signed head as a file

entry-title = Entry { $index }
entry-when = When
entry-about = About
entry-by = Who acted
entry-reason = Reason
entry-document = Fingerprint of the document (SHA-256)
entry-raw = The entry as it stands in the record
entry-proof = Proof that it is in the record
entry-proof-lede = The numbers below show that this entry is part of the record. From the entry and the path anyone can work out the root, and the root is in the signed head.
entry-proof-leaf = Fingerprint of the entry
entry-proof-path = Path
entry-proof-path-empty = None needed: this is the only entry.
entry-proof-size = Entries in the record
entry-proof-root = Root
entry-proof-head = Signed head
entry-previous = Entry before
entry-next = Entry after
entry-back = All entries
record-witnesses = Who watches the record
record-witnesses-lede = Witnesses sign the record only when nothing in it was changed or taken away. What they signed stands in the signed head.
record-witness-cosigned = Signed { $count } entries on { $at }
record-witness-not-yet = Has not signed yet
record-witness-larger = The witness { $name } has signed a longer record than this one. An old copy was put back, or somebody shows two records. Compare what you kept before you rely on it.
record-witness-other = The witness { $name } has signed another record than this one. Somebody shows two records, or an old copy was put back and went on. Compare what you kept before you rely on it.
record-search = Search the record
record-search-kind = What happened
record-search-every = Everything
record-search-about = About whom or by whom
record-search-about-hint = As it stands in an entry, such as deployment:family-home or office:licensing.
record-search-words = Words of the reason
record-search-do = Search
record-search-none = Nothing in the record fits.
record-hourly = Once an hour the platform adds an entry that holds fast who received what. These are left out here.
record-hourly-show = Show them
