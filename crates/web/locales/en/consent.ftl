# All my choices: presets, copies, files, history, receipts, what my browser asks for.

mine-title = All my choices
mine-lede = Decide for all devices at once, or go to one of them. Before anything changes you see what would change.
mine-devices = One by one
mine-count = { $decided ->
    [one] You decided on 1 of { $all } values.
   *[other] You decided on { $decided } of { $all } values.
}
mine-none = No device is linked to you, so there is nothing to choose yet.
mine-household = Each person decides only for themselves. Where a device senses several people, the choice that protects most holds for that device.
mine-file-title = Keep your choices, or bring them
mine-file = Save my choices as a file
mine-import = Bring a file of choices
mine-record = Download the record of all my choices
mine-record-means = The record follows ISO/IEC TS 27560. It holds every yes and every no, and the notice each one rests on.
mine-link = Decide for all my devices at once

preset-title = Choose with one step
preset-title-here = Choose for all values here
preset-service-only = Only what the service needs
preset-research = Also research and public good
preset-all-off = Everything off that I may switch off
preset-as-before = As it was before I chose
preset-service-only-means = What a contract with you or the service itself needs stays as it is. All else is off.
preset-research-means = As above. Studies and public services may also have what tells little about you; the rest only roughly, or not at all.
preset-all-off-means = Nothing goes to anyone, apart from what the law asks for. A service that needs a value may stop.
preset-as-before-means = Your decisions here are taken back. What needs your yes is off, all else is on.

same-lede = Use what you chose for { $title } wherever the same recipient asks for the same kind of value for the same kind of purpose.
same-row = Use this choice for all my devices
same-link = Use these choices for all my devices

preview-title = What would change
preview-of-preset = { $preset }: { $where }
preview-everywhere = all my devices
preview-of-same = Your choices for { $title }, for all your other devices
preview-of-file = The file of choices that you brought
preview-count = { $count ->
    [one] 1 value changes.
   *[other] { $count } values change.
}
preview-written = { $count ->
    [one] 1 value stays as it is, and your decision about it is written down.
   *[other] { $count } values stay as they are, and your decision about them is written down.
}
preview-same = { $count ->
    [one] 1 value stays as it is.
   *[other] { $count } values stay as they are.
}
preview-fixed = { $count ->
    [one] 1 value cannot be changed by anyone: the law fixes it.
   *[other] { $count } values cannot be changed by anyone: the law fixes them.
}
preview-lane = { $count ->
    [one] 1 value
   *[other] { $count } values
}
preview-change = { $field }: { $before } → { $after }
preview-stays = { $field }: { $now }, as before
preview-nothing = Nothing would change. Your choices are like this already.
preview-apply = Put this in force
preview-cancel = Change nothing
preview-stale = Something changed in the meantime. This is what would change now; look at it again.
preview-pages = Pages of what would change
preview-next = More changes
preview-before = Changes before these
preview-unmatched = What does not fit here
preview-lonely = { $field } to { $recipient } for { $purpose }: no other device has it.
preview-row = Choice { $number } ({ $deployment }, { $field }, { $recipient }): { $reason }
preview-more = { $count ->
    [one] And 1 more.
   *[other] And { $count } more.
}
misfit-no-deployment = no such device senses you here.
misfit-not-declared = the notice here does not name it.
misfit-no-choice = the law leaves no choice here.
misfit-no-level = there is no such level here.
misfit-other-notice = the notice has changed, so the level may mean something else.

import-title = Bring a file of choices
import-lede = Take a file that you saved here or elsewhere. You see what would change before anything does.
import-waits = A file of choices waits for you. See what it would change.
import-file = File of choices
import-hint = A file of type JSON, at most 1 MB.
import-button = Show what would change
import-none = Choose a file first.
import-large = The file is too large. It may have at most 1 MB and 4,096 choices.
import-form = This is not a file of choices. Line { $line }, column { $column } cannot be read.
import-version = This file is of another kind, or from a later version of this site.
import-row = Choice { $number } of the file cannot be read, or stands in it twice.

history-title = What you chose, over time
history-none = You have not chosen anything here yet.
history-older = Earlier choices
history-newest = Newest choices
history-pages = Pages of the history
history-link = What I chose, over time
history-receipt = Receipt
history-put-back = Put back
history-put-back-of = Put back what you chose on { $date }
history-record = Download the record of this device
how-by-hand = You chose this yourself.
how-preset = You took “{ $preset }”.
how-copied = You took over your choices for { $title }.
how-imported = You brought a file of choices.
how-browser-signal = Your browser asked for it (Global Privacy Control).
how-carried-over = Version { $version } of the notice has other levels, so the choice moved to one that shows no more.
how-undone = You put an earlier choice back.
way-browser-signal = Switched off because your browser asked for it.
way-carried-over = Moved to another level by a new notice.

receipt-title = Receipt for your choices
receipt-lede = This is what you decided on { $date }.
receipt-download = Download the receipt
receipt-all = All my choices
receipt-page = See the receipt
receipt-check = How to check it
receipt-hash = Hash of this receipt
receipt-previous = Hash of the receipt before
receipt-first = This is your first receipt.
receipt-intact = The record here still matches this receipt.
receipt-broken = The record here does not match this receipt any more. Tell the alliance, and keep your copy.
receipt-how = The file holds a statement in plain text. Its SHA-256 hash is the one above. Each receipt names the hash of the one before it, so nothing in between can be changed later without your copies showing it.
receipt-undone-none = There was nothing left to put back.
state-given = Yes given
state-refused = No given
state-withdrawn = Yes taken back
state-objected = Objected
state-objection-withdrawn = Objection taken back
state-reset = Decision taken back

signal-title = Your browser asks for privacy
signal-line = { $count ->
    [one] Your browser asks that your data is not passed on (Global Privacy Control), so we switched 1 value off here. You can switch it on below.
   *[other] Your browser asks that your data is not passed on (Global Privacy Control), so we switched { $count } values off here. You can switch them on below.
}
choices-now = Passes now: { $level }
choices-together = From devices that also sense others: { $level }. The choice that protects most holds.
choices-why = Why?
choices-pages = Pages of values
choices-page = { $purpose } ({ $from }–{ $to })
choices-page-hint = There are { $count } values. Each page is saved on its own.

record-keeper = The alliance
record-right-see = See what was recorded, and who received it
record-right-decide = Agree, refuse, object, or take a decision back
record-right-copy = Have a copy of your choices to take with you
record-valid = until the person decides anew or the notice changes
record-withdrawal = Set the value to off on the page of choices. It holds from the next message on.
