# How long what is kept about a person is kept.

keep-link = How long your data is kept
keep-title = How long your data is kept
keep-lede = Each value is deleted by itself when its time is over. The time begins when the value comes in. You do not have to do anything.
keep-none = Nothing is kept about you at the moment.
keep-next = The next values are deleted on { $time }.
keep-classes = All that is kept about you
keep-column-time = Kept for
keep-column-count = Readings now
keep-column-field = What
keep-column-values = Values now
keep-when = The next is deleted on { $next }, the last of these on { $last }.
keep-things = Device by device
keep-not-whole = There is very much about you. The tables below count the oldest readings only, up to { $count }. The table above counts all.
keep-thing = { $place }: { $thing }
keep-for = Kept for { $period }. Used for: { $purposes }.
keep-earlier = Kept for { $period }, as an older notice said.
keep-by-law = A law wants this kept, so you cannot choose it away.
keep-shortened = A later notice made the time shorter for some of this.
keep-more = Not all of your devices fit on this page. The file for programs has all of them.
keep-file = The same as a file for programs
keep-rules = What holds for all of it
keep-rule-shorter = When a later notice says a shorter time, this holds for what is kept already. A longer time does not.
keep-rule-waiting = What waits to be sent to somebody is not kept longer either. What nobody may keep waits for one hour at most.
keep-rule-file = A file that you asked for stays for one day, as it was when it was made.
keep-rule-proofs = Your choices, their proofs and the list of who received what stay. They do not hold measured values.
keep-back = Back to your choices
