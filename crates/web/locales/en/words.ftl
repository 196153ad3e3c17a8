# The words of the domain.

licence-none = Not licensed
licence-active = Licensed
licence-suspended = Suspended
licence-revoked = Licence taken away
licence-expired = Licence ended
licence-none-means = The alliance has not allowed these devices to run. Whatever they send is refused.
licence-active-means = The alliance allows these devices to run as described here.
licence-suspended-means = The alliance has stopped these devices for now. Whatever they send is refused.
licence-revoked-means = The alliance has stopped these devices for good. Whatever they send is refused.
licence-expired-means = The licence has run out. Whatever the devices send is refused.

chamber-government = Government
chamber-academia = Universities and schools
chamber-vendors = Vendors and operators
chamber-startups = Startups and small firms
chamber-ngos = Non-profit groups
chamber-communities = Communities

basis-consent = Your consent
basis-contract = A contract with you
basis-legitimate-interest = A fair interest of the organisation
basis-public-task = A public task
basis-legal-obligation = A duty in law
basis-vital-interest = To protect life
basis-choice-consent = Off until you say yes. You can change your mind at any time.
basis-choice-object = On unless you object. You can turn it off or make it less exact.
basis-choice-none = You cannot turn this off.

sensitivity-none = Tells nothing about a person
sensitivity-low = Tells little about a person
sensitivity-medium = Can show habits
sensitivity-high = Can show where you are, or when you are at home
sensitivity-very-high = Can show health, belief or private life

retention-live = Not kept: passed on at once and never stored
period-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
period-months = { $count ->
    [one] { $count } month
   *[other] { $count } months
}
period-years = { $count ->
    [one] { $count } year
   *[other] { $count } years
}
period-exact = { $period } ({ $days })

act-member-joined = { $about } joined the alliance.
act-deployment-registered = { $about } was registered.
act-notice-published = A notice for { $about } was published.
act-licence-issued = { $about } was licensed.
act-licence-suspended = The licence of { $about } was suspended.
act-licence-reinstated = The licence of { $about } is in force again.
act-licence-revoked = The licence of { $about } was taken away.
act-grant-issued = { $recipient } was given access to data of { $about }, for { $purpose }.
act-grant-withdrawn = { $recipient } lost access to data of { $about }, for { $purpose }.
act-grant-ends = { $recipient } will lose access to data of { $about }, for { $purpose }, on { $moment }.
act-limit-set = The rulebook has a limit: { $about }.
act-limit-lifted = A limit of the rulebook was lifted: { $about }.
act-device-authority-begun = The alliance began to give devices certificates of its own.
act-maker-trusted = { $about } accepts certificates that a maker of devices gave them.
act-maker-distrusted = { $about } no longer accepts the certificates of a maker of devices.
act-access-asked = Whoever runs this server asked for a way into somebody’s account ({ $about }).
act-access-approved = A second person agreed that the operator gets a way into somebody’s account ({ $about }).
act-access-refused = The owner of an account refused the operator a way into it ({ $about }).
act-access-used = The operator made a sign-in link to somebody’s account ({ $about }).
act-statistic-declared = Figures about many people will be published, with noise ({ $about }).
act-statistic-released = A figure about many people was published, with noise ({ $about }).
act-statistic-ended = No more figures of { $about } will be published.
act-data-erased = Somebody had readings about them erased.
act-commons-declared = Open data set declared: { $about }
act-commons-admitted = Open data published: { $about }
act-commons-refused = Open data not published, because people could be told apart: { $about }
act-case-decided = A panel decided { $about }
act-sanction-imposed = Sanction imposed on { $about }
act-sanction-lifted = Sanction lifted from { $about }
act-calendar-changed = The days off that clocks go by were changed
act-finding-rule-set = The rulebook says anew when a finding opens a case
act-officer-appointed = Somebody was given an account of { $about }.
act-order-approved = Two chambers agreed to an order of an authority ({ $about }).
act-order-refused = Two chambers refused an order of an authority ({ $about }).
act-order-ended = An order of an authority is over ({ $about }).
act-order-disclosed = Where an order of an authority was carried out is no secret any more ({ $about }).
act-incident-opened = Data may have got out. The office looks into it ({ $about }).
act-incident-reported = The authority was told that data may have got out ({ $about }).
act-incident-told = The people whose data may have got out were told ({ $about }).
act-receipts-committed = The record now holds who received what in hours that are over ({ $about }). Nobody can read it there; each person has the proof of theirs.
act-keys-rotated = Everything that is kept was sealed again under a new key ({ $about }).

level-off = Off
level-on = Exact
level-round = To within { $accuracy }
level-grid-km = A square about { $kilometres } km wide
level-grid-m = A square about { $metres } m wide
level-bucket = Only the step: { $bounds }
level-presence = Only that there was a value
level-area = Only the area, not the exact place
level-threshold = Only whether it is { $bound } or more
level-category = Only the group: { $labels }
each-days = { $count ->
    [one] day
   *[other] { $count } days
}
each-hours = { $count ->
    [one] hour
   *[other] { $count } hours
}
each-minutes = { $count ->
    [one] minute
   *[other] { $count } minutes
}
each-seconds = { $count ->
    [one] second
   *[other] { $count } seconds
}
level-window-mean = Only the mean of each { $period }
level-window-min = Only the lowest value of each { $period }
level-window-max = Only the highest value of each { $period }
level-window-count = Only how many values came in each { $period }
level-window-last = Only the last value of each { $period }
off-by-minutes = { $amount } { $count ->
    [one] minute
   *[other] minutes
}
off-by-hours = { $amount } { $count ->
    [one] hour
   *[other] hours
}
off-by-days = { $amount } { $count ->
    [one] day
   *[other] days
}
unit-date-and-time = date and time
value-within = to within { $accuracy }
value-coarse = made less exact
value-threshold = whether it was { $bound } or more
window-mean = mean of { $count ->
    [one] { $count } value
   *[other] { $count } values
}, { $from } to { $until }
window-min = lowest of { $count ->
    [one] { $count } value
   *[other] { $count } values
}, { $from } to { $until }
window-max = highest of { $count ->
    [one] { $count } value
   *[other] { $count } values
}, { $from } to { $until }
window-last = last of { $count ->
    [one] { $count } value
   *[other] { $count } values
}, { $from } to { $until }
window-count = how many values came, { $from } to { $until }
window-incomplete = { $window }; some values may be missing

limit-words = { $what } · { $purpose } · { $most }
limit-field = Value { $name }
limit-sensitivity = All values marked “{ $sensitivity }” or more telling
limit-every-purpose = every purpose
limit-purpose = purpose { $purpose }
limit-off = given to nobody and not kept
limit-coarse = at most step { $number } of exactness (step 1 is the least exact)
