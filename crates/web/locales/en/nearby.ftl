# What senses people nearby.
nearby-title = What may sense you nearby
nearby-lede = These devices may notice people who only pass by. Your choices hold for devices that are about you. They do not hold here: ask the office named below.
nearby-from = Nearest to “{ $place }” first.
nearby-anywhere = Show them without distances
nearby-none = No notice says that its devices sense people who only pass by.
nearby-ask = Whom to ask: { $office }
nearby-starts = Show what is near
nearby-distance-here = at the same place
nearby-distance-m = about { $metres } m away
nearby-distance-km = about { $kilometres } km away
nearby-facts = What shows that somebody is there
nearby-facts-lede = This was worked out from what was kept at “{ $place }”. A value can tell that somebody is there although it is collected for something else.
nearby-facts-none = Nothing that is kept here shows clearly that somebody is there, or too little is kept to say.
nearby-fact-value = { $field }: shown one moment with somebody there and one without, the value alone picks the right one in { $told } of 100 tries ({ $readings } readings).
nearby-fact-slope = { $field }: shown one moment with somebody there and one without, how fast it rises or falls picks the right one in { $told } of 100 tries ({ $readings } readings).
