# The public notice of a deployment, and its sign.

notice-run-by = Run by { $member }
notice-licence-since = Since { $date }.
notice-licence-reason = Reason given:
notice-licence-entry = See it in the public record
notice-to-choices = Choose what you share
notice-to-sign = Print the sign
notice-glance = At a glance
notice-glance-fields = { $count ->
    [one] One value is measured
   *[other] { $count } values are measured
}
notice-glance-recipients = { $count ->
    [0] Nobody receives them
    [one] One party receives them
   *[other] { $count } parties receive them
}
notice-glance-live = Nothing is stored
notice-glance-kept = Kept for { $period } at most
notice-fields = What is measured
notice-fields-choices = Less exact, if you wish: { $levels }
notice-uses = What it is used for
notice-use-fields = Uses
notice-use-recipients = Who receives it
notice-use-retention = How long it is kept
notice-use-basis = Why it is allowed
notice-use-precision = How exact
notice-use-level = { $field }: { $level }
notice-use-choice = What you can choose
notice-terms = Under which terms they receive it
notice-stored = Where it is stored
notice-way = On the way there
notice-way-plain = { $count ->
    [one] One device last sent its values without encryption. Others on the same network could read them.
   *[other] { $count } devices last sent their values without encryption. Others on the same network could read them.
}
notice-bystanders = People nearby
notice-bystanders-none = People who only pass by are not recorded.
notice-people = How people are known
notice-people-field = By “{ $field }” in the message. Recipients never see it: each gets its own cover name instead.
notice-people-assigned = Only people who are linked to a device can see and choose what it records. If no one is linked, its values belong to no person.
notice-people-none = They are not known. Nothing that these devices send is linked to a person.
notice-nobody = These devices do not know who you are, so there is nothing for you to set here. If you have a question or an objection, see “Whom to ask”.
notice-cover-name = As a cover name only
notice-contact = Whom to ask
notice-contact-lede = This office must answer for the devices.
notice-contact-mail = Mail
notice-contact-phone = Phone
notice-drift = What came in without being declared
notice-drift-lede = The devices also sent the values below. They are not declared, so they were never stored and never passed on.
notice-drift-none = Nothing. The devices have sent only what is declared here.
notice-drift-pointer = Value in the message
notice-drift-unknown = Not declared
notice-drift-wrong-type = Not of the declared type or unit
notice-drift-out-of-range = Outside of the declared limits
notice-drift-not-yet = Worked out by a program that may not be used yet
notice-drift-seen = First seen { $first }, last { $last }
notice-drift-count = Times
notice-drift-never = Never stored, never delivered
notice-drift-all = See all values that came in like this
drift-title = { $title }: what came in without being declared
drift-order = What was seen last stands at the top.
drift-range = Values { $first } to { $last } of { $total }
drift-pages = Pages of this list
drift-previous = Previous page
drift-next = Next page
drift-whole = The message as a whole
drift-hidden = Names that are not shown, as they could tell something about a person
drift-rest = More values, which no longer fit on the list
notice-record = In the public record
notice-record-none = The record holds nothing about these devices yet.
notice-version = Version { $version } of this notice
notice-machines = For programs:

sign-title = Sign for { $title }
sign-lede = Print this page and put it where people can see it, near the devices.
sign-back = Back to the notice
sign-heading = This place is measured
sign-measures = What is measured
sign-more = { $count ->
    [one] and one more value
   *[other] and { $count } more values
}
sign-scan = Scan to see why, who gets it, and what you can choose
sign-scan-nobody = Scan to see why, and who gets it
sign-run-by = Run by
sign-ask = Questions
sign-qr = QR code that leads to { $url }

notice-limits = Limits of the alliance
notice-limits-lede = The alliance’s rulebook lets less pass here than the notice says.

notice-models = Programs that work with the data on their own
notice-changes = What changed
notice-nearby = What else may sense you nearby

changes-title = What changed in the notice
changes-lede = These are the versions of the notice, the newest first. The public record holds the SHA-256 of each text, so anybody can check that no text was changed later.
changes-version = Version { $version }
changes-now = In force now
changes-at = Published on { $date }
changes-undated = The day on which it was published was not kept.
changes-text = Read the text
changes-hash = SHA-256 of the text:
changes-first = This is the first version.
changes-unknown = The version before it was not kept, so this page cannot say what changed.
changes-more = { $count ->
    [one] One more change is not listed here. To see it, compare the two texts.
   *[other] { $count } more changes are not listed here. To see them, compare the two texts.
}
changes-pages = Pages of versions
changes-newest = Newest versions
changes-older = Older versions

choices-news = The notice changed on { $date }, after you last chose.
choices-news-undated = The notice changed after you last chose.
choices-news-link = See what changed

model-version = Version { $version }
model-version-from = Version { $version }, at work from { $at }
model-before = Until then: version { $version }
model-fed = Works with: { $fields }
model-makes = Works out: { $fields }
