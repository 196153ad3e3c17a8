# Why a value passes as it does: one sentence, put together from what happens and the reason.

explain-sentence = { $what }, because { $reason }.

explain-exact = It passes as it was measured
explain-cover = A cover name passes in place of the real one
explain-coarse = It passes less exact ({ $level })
explain-nothing = Nothing passes
explain-dropped = It was dropped
explain-kept-exact = It is kept as measured for { $period }
explain-kept-coarse = It is kept less exact ({ $level }) for { $period }

explain-you-agreed = you said yes
explain-agreed = it needs a yes and has it
explain-all-agreed = everyone whom it tells about said yes
explain-contract = a contract allows it and nobody asked for less
explain-legitimate-interest = the organisation has a fair interest and nobody asked for less
explain-public-task = a public task needs it and nobody asked for less
explain-law = the law asks for it
explain-law-source = the law asks for it ({ $source })
explain-life = it can save lives
explain-life-source = it can save lives ({ $source })
explain-law-fixed = the law asks for it, whatever people choose
explain-law-fixed-source = the law asks for it, whatever people choose ({ $source })
explain-life-fixed = it can save lives, whatever people choose
explain-life-fixed-source = it can save lives, whatever people choose ({ $source })
explain-notice = the notice allows no more

explain-you-chose = you chose so
explain-other = another person's choice may hold here too: the one that protects most counts
explain-one-chose = the person whom it tells about chose so
explain-some-chose = { $count } of the { $of } people whom it tells about chose so
explain-you-silent = you have not said yes
explain-one-silent = nobody has said yes so far
explain-some-silent = { $count } of the { $of } people whom it tells about have not said yes
explain-nobody = it needs a yes and nobody is linked to the device

explain-cap-sensitivity = the alliance allows no more of what tells so much about people
explain-cap-sensitivity-purpose = the alliance allows no more of what tells so much about people, for { $purpose }
explain-cap-field = the alliance allows no more of this value
explain-cap-field-purpose = the alliance allows no more of this value, for { $purpose }
explain-no-level = it cannot be made as vague as was asked
explain-not-declared = the notice does not list it for this recipient and purpose
explain-no-access = this recipient was given no access
explain-access-from = access begins on { $when }
explain-access-ended = access ended on { $when }
explain-licence-none = the alliance has not allowed these devices to run
explain-licence-suspended = the alliance has stopped these devices for now
explain-licence-revoked = the alliance has stopped these devices for good
explain-licence-expired = the licence of these devices has run out
explain-quarantined = the device was shut off for safety
explain-other-notice = the message was read under another notice

explain-absent = the message does not have it
explain-not-coarsenable = the less exact levels cannot show this value
explain-wrong-type = it is of another kind than the notice says
explain-out-of-range = it lies outside of what the notice says
explain-not-yet = a program works it out that may not be used yet
explain-unknown = the notice does not name it
explain-kept-chosen = the notice says so and people let it pass
