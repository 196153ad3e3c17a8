# Off means off at the source: what devices are told, and whether they obey.

source-off-waiting = The device is being told to stop measuring this.
source-off-deaf = The device cannot be told to stop: it does not listen. What it sends of this is thrown away.
source-off-told = The device was told to stop. Whether it obeys is not known yet. What it sends of this is thrown away.
source-off-obeyed = The device was told to stop, and it obeys.
source-off-disobeyed = The device was told to stop and still sends this. We throw it away.
source-slow-waiting = The device is being told to measure less.
source-slow-deaf = The device cannot be told to measure less: it does not listen. What is too exact is thrown away.
source-slow-told = The device was told to measure less.
source-on-waiting = The device is being told to measure this again.
source-on-deaf = The device cannot be told to measure this again: it does not listen.
source-on-told = The device was told to measure this again.
source-on-disobeyed = The device was told to measure this again, and it does not.
source-given-up = It is not told again.
source-when = Last told: { $moment }.

source-log = What the devices were told
source-log-line = { $moment } · { $fields }: { $what }
source-log-told-off = told to stop
source-log-told-slow = told to measure less
source-log-told-on = told to measure again
source-log-received = it has the command
source-log-obeyed = it obeys
source-log-disobeyed = it does not obey

notice-source = Off at the source
notice-source-lede = Devices are told to stop measuring what nobody may have. Should one not obey, what it sends is thrown away.
notice-source-disobey-few = Fewer than { $count } devices do not obey.
notice-source-disobey = { $count } devices do not obey.
notice-source-deaf-few = Fewer than { $count } devices cannot be told.
notice-source-deaf = { $count } devices cannot be told.
