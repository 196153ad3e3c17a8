# What was recorded about me, and my choices.

me-title = My data
me-lede = What devices recorded about you, and who received it.
me-devices = Devices linked to you
me-devices-none = No device is linked to you.
me-choose = Choose what you share
me-not-mine = This device is not mine any more
me-not-mine-means = Moved out, or taken by mistake? From then on, nothing more is recorded for you from the device. What was recorded before stays yours.
me-empty-title = Nothing was recorded
me-empty = There are no records about you for this time. When a device that is linked to you sends something that you allow, it shows up here.
me-recorded = What was recorded
me-recorded-none = Nothing was recorded on this day.
me-received = Who received it
me-received-none = Nobody received anything on this day.
me-received-times = { $count ->
    [one] Once, at { $time }
   *[other] { $count } times, last at { $time }
}
me-received-fields = Values: { $fields }
me-received-for = for { $purpose }
me-kept-until = Vanishes on { $date }
me-older = Earlier records
me-newest = Newest records
value-yes = yes
value-no = no
me-pages = Pages of my data

choices-title = What you share
choices-lede = For each value and each recipient, choose how much may pass. A choice holds from the next message on.
choices-notice = Read the full notice
choices-me = Back to my data
choices-lane = { $recipient }, for { $purpose }
choices-terms = Terms: { $terms }
choices-save-row = Save this one
choices-save-all = Save all
choices-basis = { $basis }. { $choice }
choices-fixed = You cannot turn this off. The law or reason behind it: { $source }
choices-none-title = Nothing to choose here
choices-none = This deployment passes no values to anyone.
choices-not-granted = No access was given yet, so nothing passes now. Your choice will hold once it is.
choices-saved-title = In force now
choices-saved = The change below holds for every message from now on.
choices-unchanged-title = Nothing changed
choices-unchanged = Your choices were already like this. They are in force.
choices-change = { $field } to { $recipient } for { $purpose }: { $before } → { $after }
choices-stays = { $field } to { $recipient } for { $purpose }: { $now }, as before
choices-error = Choose one of the levels shown for { $field }.
choices-title-error = Error: { $title }

stay-named = You are known by the “{ $field }” in its messages
stay-holder = you own or carry it
stay-household = you live where it is
stay-occupant = you stay where it is
stay-always = { $thing }: { $role }
stay-from = { $thing }: { $role }, from { $from }
stay-until = { $thing }: { $role }, until { $until }
stay-between = { $thing }: { $role }, from { $from } until { $until }
stay-over = { $thing }: over since { $until } ({ $role }). You still see what was recorded until then.

model-ahead = From { $at } a program works with your data on its own: { $model }, at { $deployment }. { $decides }
model-made = worked out by { $model } { $version }, not measured
