# Why values pass as they do before anybody has chosen.
why-title = { $title }: why each value passes or not
why-heading = Why each value passes or not
why-lede = This holds before anybody whom the devices sense has chosen anything. What people choose changes it: a yes lets more pass, turning off lets less pass.
why-pages = Pages of reasons
why-previous = Reasons before these
why-next = More reasons
