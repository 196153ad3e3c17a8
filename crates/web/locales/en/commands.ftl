# Commands to devices: what others can make them do, and what was done.

notice-commands = What others can make the devices do
notice-commands-lede = Each of these is asked for by name, kept in a log for { $days } days, and refused where it is not safe or the device says nothing new.
notice-command-who = { $recipients }, for “{ $purpose }”
notice-command-arguments = What it can be told: { $arguments }
notice-command-refused = Refused, in these cases, or when we do not know:
notice-command-never = Never refused for reasons of safety.
notice-command-touches = Refused while people have this turned off: { $fields }
notice-command-expires = If the device does not take it within { $seconds } seconds, it is never sent.
notice-commands-counts = In the last { $days } days: { $sent } Refused: { $refused }
notice-commands-few = fewer than { $count }.
notice-commands-many = { $count }.
command-argument-number = { $name } ({ $min } to { $max } { $unit })
command-argument-plain-number = { $name } ({ $min } to { $max })
command-argument-boolean = { $name } (yes or no)
command-argument-choice = { $name } ({ $words })

command-log = What others made the devices do
command-log-lede = Who asked for what, and what came of it. Kept for { $days } days.
command-log-line = { $moment } · { $thing }: { $command }. Asked for by { $recipient }. { $outcome }
command-log-line-told = { $moment } · { $thing }: { $command } ({ $arguments }). Asked for by { $recipient }. { $outcome }
command-queued = It waits for the device.
command-sent = It was sent to the device.
command-acknowledged = The device has it.
command-confirmed = The device did it.
command-expired = The device did not take it in time. It was not sent.
command-unknown = Our server stopped then. Nobody knows if the device got it.
command-refused-interlock = Refused, to keep people safe: { $why }
command-refused-some-interlock = Refused, to keep people safe.
command-refused-off = Refused, because you or others have this turned off.
command-refused-right = Refused, because the right to ask for it had ended.
command-refused-changed = Refused, because the notice changed.
command-refused-arguments = Refused, because it was not asked for as the notice says.
