# What a new version of a notice changes for people.

diff-heading-more = More is shown, or you can choose less
diff-heading-other = Other changes
diff-heading-less = Less is shown, or you can choose more
diff-none = Nothing changes for people.

diff-flow-new = “{ $field }” goes to { $recipient } from now on ({ $purpose }). How exact: { $now }.
diff-flow-gone = “{ $field }” does not go to { $recipient } any more ({ $purpose }).
diff-becomes-exact = “{ $field }” becomes exact for { $recipient } ({ $purpose }). Until now: { $was }.
diff-more-exact = “{ $field }” becomes more exact for { $recipient } ({ $purpose }). From now on: { $now }. Until now: { $was }.
diff-less-exact = “{ $field }” becomes less exact for { $recipient } ({ $purpose }). From now on: { $now }. Until now: { $was }.
diff-shown-otherwise = “{ $field }” is shown in another way to { $recipient } ({ $purpose }). From now on: { $now }. Until now: { $was }.

diff-field-added = New: “{ $field }” is measured.
diff-field-removed = “{ $field }” is not measured any more.
diff-field-changed = The name, unit or kind of “{ $field }” changes.
diff-sensitivity = About “{ $field }” the notice now says: { $now }. Until now: { $was }.
diff-range-wider = More values of “{ $field }” are let in.
diff-range-narrower = Fewer values of “{ $field }” are let in.
diff-range-other = Other values of “{ $field }” are let in.
diff-level-lost = You can no longer choose this for “{ $field }”: { $level }.
diff-level-gained = You can now choose this for “{ $field }”: { $level }.
diff-roles-lost = These people have no say over “{ $field }” any more: { $roles }.
diff-roles-gained = These people now have a say over “{ $field }”: { $roles }.
diff-role-holder = who owns or carries the device
diff-role-household = who lives where the device is
diff-role-occupant = who is there for a time
diff-subject-new = From now on “{ $field }” tells who a message is about.
diff-subject-gone = “{ $field }” does not tell any more who a message is about.

diff-purpose-added = New purpose: { $purpose }. { $why }
diff-purpose-removed = This purpose is gone: { $purpose }.
diff-purpose-changed = The purpose “{ $purpose }” is described in other words: { $why }
diff-recipient-added = New recipient: { $recipient }. { $terms }
diff-recipient-removed = { $recipient } is no recipient any more.
diff-recipient-changed = The name or terms of { $recipient } change. The terms are now: { $terms }
diff-party = { $recipient } is now { $now }. Until now: { $was }.
diff-party-controller = the organisation that runs the devices
diff-party-processor = a firm that works on its orders
diff-party-third-party = somebody else
diff-party-public = everybody
diff-country-new = { $recipient } now works with the data in another country: { $country }.
diff-country-gone = { $recipient } does not work with the data in another country any more.

diff-basis-consent = { $purpose }: this is off from now on until you say yes. It is about: { $fields }.
diff-basis-on = { $purpose }: nobody asks you first any more. This is on from now on unless you turn it off: { $fields }. The reason given: { $basis }.
diff-basis-free = { $purpose }: you can turn this off from now on: { $fields }.
diff-basis-bound = { $purpose }: you can no longer turn this off: { $fields }. The reason given: { $basis }.
diff-basis-other = { $purpose }: the reason given changes for { $fields }. Now: { $basis }. What you can choose stays the same.
diff-kept-longer = { $purpose }: kept longer: { $fields }. From now on: { $now }. Until now: { $was }.
diff-kept-shorter = { $purpose }: kept for a shorter time: { $fields }. From now on: { $now }. Until now: { $was }.
diff-stored = The place where the data is stored changes. Now: { $place }
diff-stored-for = { $purpose }: the place where this is stored changes.
diff-bystanders-new = People nearby may be sensed from now on: { $text }
diff-bystanders-gone = The notice does not say any more that people nearby are sensed.
diff-bystanders-changed = What the notice says about people nearby changes. Now: { $text }

diff-model-added = New: { $model } works with the data on its own. It decides: { $decides } { $when }
diff-model-removed = { $model } does not work with the data any more.
diff-model-changed = { $model } changes. It decides: { $decides } { $when }
diff-fed = { $model } is now also fed with: { $fields }.
diff-makes = { $model } now also works out: { $fields }.
diff-model-when = Version { $version }, at work from { $day }.
diff-not-fed = { $model } is not fed any more with: { $fields }.
diff-switch-added = From now on the device itself can stop measuring: { $fields }.
diff-switch-removed = The device itself can no longer be told to stop measuring: { $fields }.
diff-switch-changed = The way in which the device is told to stop changes for: { $fields }.
diff-command-added = From now on others can make the device do this: { $command }.
diff-command-removed = Others can no longer make the device do this: { $command }.
diff-command-changed = What this does, who may ask for it or when it is refused is changing: { $command }.
diff-controller = { $now } runs the devices from now on. Until now: { $was }.
diff-contact = The office to ask changes: { $name }, { $email }.
diff-description = The name, the place or the summary changes.
diff-format = The devices write their messages in another way. This changes nothing for you.
