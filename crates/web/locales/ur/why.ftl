# Why values pass as they do before anybody has chosen.
why-title = { $title }: ہر معلومات کیوں دی جاتی ہے یا نہیں
why-heading = ہر معلومات کیوں دی جاتی ہے یا نہیں
why-lede = یہ اس وقت کی صورت ہے جب ان لوگوں میں سے کسی نے کوئی فیصلہ نہیں کیا جن کے بارے میں یہ آلات ہیں۔ لوگوں کے فیصلے سے یہ صرف کم ہو سکتا ہے، زیادہ نہیں۔
why-pages = وجوہات کے صفحے
why-previous = پہلے کی وجوہات
why-next = مزید وجوہات
