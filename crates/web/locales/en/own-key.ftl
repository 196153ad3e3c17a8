# A person's own keys, and what is sealed to them.

seal-link = Seal to your own key
seal-title = Seal to your own key
seal-lede = You bring a public key. When a day is over, what was kept of it is sealed to your key. From then on you can read it and we cannot.
seal-on = Your history is sealed to your keys
seal-off = Nothing new is sealed
seal-since = Every day from { $date } on is sealed when it is over.
seal-since-ever = Every day is sealed when it is over, and the days before are sealed too.
seal-used = { $count ->
    [one] New days are sealed to one key.
   *[other] New days are sealed to { $count } keys. Any of them opens everything.
}
seal-off-means = New days stay as they are. What was sealed stays sealed.
seal-sealed = { $readings ->
    [one] One reading
   *[other] { $readings } readings
} of { $days ->
    [one] one day
   *[other] { $days } days
} can be opened by you only. We cannot read this.
seal-to-sealed = See and download the sealed files
seal-past-means = What lies before that day can still be read here. You can have it sealed too. This cannot be undone.
seal-past-button = Seal what lies before, too
seal-stop = Seal nothing more
seal-keys = Your keys
seal-kind-age = age key
seal-kind-quantum = age key, post-quantum
seal-kind-ed25519 = SSH key (Ed25519)
seal-kind-rsa = SSH key (RSA)
seal-kind-openpgp = OpenPGP key
seal-recovery = recovery key
seal-state-asked = Added on { $date }. Its word is still to be typed.
seal-state-proved = You showed on { $date } that you have the secret half.
seal-state-retired = Not used since { $date }. It still opens what was sealed to it before.
seal-word-means = Show that you have the secret half: save this text as word.txt, open it with your key, and type the word in it. You have one day for this.
seal-word-recovery = This key is used already, for a recovery key may lie where you cannot reach it now. If you can, open this text too and type the word: only then do you know that the key works.
seal-word-file = The text to open
seal-word = The word in it
seal-word-button = This is the word
seal-retire = Stop using { $key }
seal-begin = Begin
seal-lost = If you lose all of your keys, nobody can bring your sealed history back. We cannot do it either, whoever asks us to.
seal-ask-recovery = You have no recovery key. Make a second key, keep it in a safe place away from the first, and add it below before you begin.
seal-knows = I know: if I lose this one key, my history is lost.
seal-past = Seal what lies before today, too. This cannot be undone.
seal-begin-button = Seal my history
seal-add = Add a key
seal-key = Public key
seal-key-hint = It begins with age1, ssh-ed25519, ssh-rsa or -----BEGIN PGP PUBLIC KEY BLOCK. Never paste a secret key.
seal-file = Or a file with it
seal-recovery-box = This is my recovery key. It lies in a safe place.
seal-add-button = Add this key
seal-fresh = To add a key or to change something here you must have signed in a short time ago.
seal-what = What this means
seal-what-day = While a day goes on we can read it: we have to decide who gets what. One hour after the day (UTC) it is sealed.
seal-what-nobody = What is sealed is not shown here any more and is not given to anybody. Whoever had not fetched it by then does not get it from us.
seal-what-lost = A new key opens only what is sealed after you added it. For what is sealed already you need a key you had then.
seal-what-law = Receipts of who got what, your choices and the public record stay readable. So does what a law wants kept for somebody.
seal-what-erase = When you erase a part of a sealed day, the whole file goes: we cannot look for that part in it. You can open it first and keep the rest.
seal-what-quantum = Post-quantum keys (age1pq) also hold against computers that do not exist yet. They cannot stand beside other keys.
seal-what-openpgp = For OpenPGP keys the files are OpenPGP messages. A file has one form, so these keys cannot stand beside other keys.
seal-back = Back to your choices
seal-added = The key was taken. Now type its word below.
seal-proved = That is the word. The key is ready.
seal-retired-now = Nothing new is sealed to this key.
seal-begun = From now on your history is sealed when a day is over.
seal-stopped = Nothing more is sealed. What is sealed stays sealed.
seal-not-proved = Nothing was changed. First show on the page about the safety of your account that it is you.
seal-wrong-word = This is not the word in the text. Open it again and type what you see.
seal-gone = This key is not there any more. Add it again if you need it.
seal-no-key = First add a key and type its word.
seal-one-key = Add a recovery key, or tick that you know what it means to have only one key.
seal-too-many = You have too many keys. Stop using one first.
seal-twice = This key is there already.
seal-mixed = Post-quantum keys cannot stand beside other keys: the files would be only as strong as the weaker key. Stop using the others first, or add a key of the same kind.
seal-formats = OpenPGP keys cannot stand beside other keys, for a file has one form. Stop using the others first, or add a key of the same kind.
seal-bad-empty = There is no key in it. Paste one public key.
seal-bad-several = There is more than one key in it. Add one at a time.
seal-bad-secret = That is a secret key. It was not kept. If somebody else may have seen it, make a new one. Paste the public key that belongs to it.
seal-bad-long = This text is too long for a key. An OpenPGP key gets shorter when you export it with export-minimal.
seal-bad-openpgp = OpenPGP keys of this kind cannot be used. Make one of the kind Curve25519.
seal-bad-expired = The time of this key is over. Give it a new end, or make a new key.
seal-bad-revoked = This key was revoked. Add one that is in use.
seal-bad-signs = This key only signs. Add a key for encryption to it and export it again.
seal-bad-hash = This key is signed in an old way that is broken (SHA-1 or MD5). Sign it anew, or make a new key.
seal-bad-plugin = Keys of this kind need a plugin or a security token. Add an age or SSH key.
seal-bad-ssh = SSH keys of this kind cannot open files. Add an Ed25519 or RSA key, or an age key.
seal-bad-weak = This key is weak: others could open what is sealed to it. Make a new one.
seal-bad-rsa = An RSA key needs { $least } to { $most } bits. Make a new key, best of the kind Ed25519.
seal-bad-damaged = A character of the key is wrong or missing. Copy it again.
seal-bad-unknown = This is no public key that we know. It begins with age1, ssh-ed25519, ssh-rsa or -----BEGIN PGP PUBLIC KEY BLOCK.

sealed-title = Sealed to your own key
sealed-lede = Only you can open these files. We keep them for you and cannot read them.
sealed-none = Nothing is sealed to a key of yours.
sealed-all = Take everything as one file
sealed-open = Open a file with one of these:
sealed-count = { $count ->
    [one] One reading
   *[other] { $count } readings
}
sealed-until = deleted on { $date }
sealed-download = Download ({ $size })
sealed-pages = Pages of sealed files
sealed-older = Older days
sealed-back = Your keys

opener-link = Open a file here, in the browser
opener-title = Open sealed files
opener-lede = The files are opened in this page. Neither they nor your key are sent anywhere: once the page is loaded it works without the network.
opener-file = Sealed files (.age)
opener-keyfile = The file with your secret key
opener-key = Or the secret key itself
opener-key-hint = It begins with AGE-SECRET-KEY-1. For SSH, OpenPGP and post-quantum keys, and for keys with a passphrase, use a program.
opener-button = Open
opener-done = # readings. The first 50 stand below.
opener-save = Save all of them
opener-bad-key = This is no age secret key, or a character of it is wrong.
opener-bad-quantum = Post-quantum keys cannot be used in this page. Use one of the programs below.
opener-bad-match = A file is sealed to another key. Try the keys you had when it was made.
opener-bad-file = A file is damaged, or it is no age file.
opener-programs = With a program
opener-programs-means = These open the files too. With files that end in .pgp use the last one:
