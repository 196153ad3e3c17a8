# The words of the domain.

licence-none = اجازت نہیں
licence-active = اجازت یافتہ
licence-suspended = اجازت معطل
licence-revoked = اجازت منسوخ
licence-expired = اجازت کی مدت ختم
licence-none-means = اتحاد نے ان آلات کو چلنے کی اجازت نہیں دی۔ یہ جو کچھ بھیجیں، قبول نہیں کیا جاتا۔
licence-active-means = اتحاد نے ان آلات کو اسی طرح چلنے کی اجازت دی ہے جیسے یہاں لکھا ہے۔
licence-suspended-means = اتحاد نے ان آلات کو فی الحال روک دیا ہے۔ یہ جو کچھ بھیجیں، قبول نہیں کیا جاتا۔
licence-revoked-means = اتحاد نے ان آلات کو ہمیشہ کے لیے روک دیا ہے۔ یہ جو کچھ بھیجیں، قبول نہیں کیا جاتا۔
licence-expired-means = اجازت کی مدت ختم ہو چکی ہے۔ آلات جو کچھ بھیجیں، قبول نہیں کیا جاتا۔

chamber-government = حکومت
chamber-academia = یونیورسٹیاں اور سکول
chamber-vendors = بنانے اور چلانے والی کمپنیاں
chamber-startups = نئے اور چھوٹے کاروبار
chamber-ngos = فلاحی تنظیمیں
chamber-communities = مقامی برادریاں

basis-consent = آپ کی رضامندی
basis-contract = آپ کے ساتھ معاہدہ
basis-legitimate-interest = ادارے کی جائز ضرورت
basis-public-task = عوامی خدمت کا کام
basis-legal-obligation = قانون کی پابندی
basis-vital-interest = جان بچانے کے لیے
basis-choice-consent = جب تک آپ ہاں نہ کہیں، یہ بند ہے۔ آپ کسی بھی وقت اپنا فیصلہ بدل سکتے ہیں۔
basis-choice-object = جب تک آپ اعتراض نہ کریں، یہ جاری ہے۔ آپ اسے بند کر سکتے ہیں یا کم درست کر سکتے ہیں۔
basis-choice-none = آپ اسے بند نہیں کر سکتے۔

sensitivity-none = کسی شخص کے بارے میں کچھ نہیں بتاتا
sensitivity-low = کسی شخص کے بارے میں بہت کم بتاتا ہے
sensitivity-medium = عادتیں ظاہر کر سکتا ہے
sensitivity-high = بتا سکتا ہے کہ آپ کہاں ہیں یا کب گھر پر ہوتے ہیں
sensitivity-very-high = صحت، عقیدے یا نجی زندگی کا پتا دے سکتا ہے

retention-live = محفوظ نہیں ہوتا: فوراً آگے بھیجا جاتا ہے، جمع نہیں کیا جاتا
period-days = { $count ->
    [one] { $count } دن
   *[other] { $count } دن
}
period-months = { $count ->
    [one] { $count } مہینہ
   *[other] { $count } مہینے
}
period-years = { $count ->
    [one] { $count } سال
   *[other] { $count } سال
}
period-exact = { "\u200F" }{ $period } ({ $days })

act-member-joined = { $about } اتحاد میں شامل ہوا۔
act-deployment-registered = { $about } کا اندراج ہوا۔
act-notice-published = { $about } کا اعلان نامہ شائع ہوا۔
act-licence-issued = { $about } کو اجازت ملی۔
act-licence-suspended = { $about } کی اجازت معطل ہوئی۔
act-licence-reinstated = { $about } کی اجازت پھر سے نافذ ہے۔
act-licence-revoked = { $about } کی اجازت منسوخ ہوئی۔
act-grant-issued = { $recipient } کو { $about } کے ڈیٹا تک رسائی ملی۔ مقصد: { $purpose }۔
act-grant-withdrawn = { $recipient } سے { $about } کے ڈیٹا تک رسائی واپس لی گئی۔ مقصد: { $purpose }۔
act-grant-ends = { $recipient } کی { $about } کے ڈیٹا تک رسائی { $moment } کو ختم ہو جائے گی۔ مقصد: { $purpose }۔
act-limit-set = ضابطے میں حد لگائی گئی: { $about }۔
act-limit-lifted = ضابطے کی حد ہٹائی گئی: { $about }۔
act-device-authority-begun = اتحاد نے آلات کو اپنے سرٹیفکیٹ دینے شروع کیے۔
act-maker-trusted = { $about } نے آلات بنانے والی ایک کمپنی کے سرٹیفکیٹ قبول کرنے شروع کیے۔
act-maker-distrusted = { $about } نے آلات بنانے والی ایک کمپنی کے سرٹیفکیٹ قبول کرنے بند کر دیے۔
act-access-asked = سرور چلانے والے نے کسی کے اکاؤنٹ میں جانے کی اجازت مانگی ({ $about })۔
act-access-approved = ایک دوسرے ذمہ دار نے اتفاق کیا کہ سرور چلانے والا کسی کے اکاؤنٹ میں جا سکے ({ $about })۔
act-access-refused = اکاؤنٹ کے مالک نے سرور چلانے والے کو اپنے اکاؤنٹ میں آنے سے روک دیا ({ $about })۔
act-access-used = سرور چلانے والے نے کسی کے اکاؤنٹ کے لیے داخلے کا لنک بنایا ({ $about })۔
act-statistic-declared = بہت سے لوگوں کے بارے میں اعداد و شمار، تھوڑے سے ردوبدل کے ساتھ، شائع ہوں گے ({ $about })۔
act-statistic-released = بہت سے لوگوں کے بارے میں ایک عدد، تھوڑے سے ردوبدل کے ساتھ، شائع ہوا ({ $about })۔
act-statistic-ended = { $about } کے مزید اعداد و شمار شائع نہیں ہوں گے۔
act-data-erased = کسی نے اپنے بارے میں ریڈنگز مٹوائیں۔
act-commons-declared = کھلے ڈیٹا کا مجموعہ قائم ہوا: { $about }
act-commons-admitted = کھلا ڈیٹا شائع ہوا: { $about }
act-commons-refused = کھلا ڈیٹا شائع نہیں ہوا کیونکہ لوگ پہچانے جا سکتے تھے: { $about }
act-case-decided = پینل نے فیصلہ سنایا: { $about }
act-sanction-imposed = پابندی عائد کی گئی: { $about }
act-sanction-lifted = پابندی ختم کر دی گئی: { $about }
act-calendar-changed = تعطیلات کی فہرست بدلی گئی، جس سے میعادیں شمار ہوتی ہیں
act-finding-rule-set = ضابطے میں نئے سرے سے طے ہوا کہ شکایت کب خود کھلے گی
act-officer-appointed = { $about } کی طرف سے کام کرنے کے لیے کسی کا اکاؤنٹ بنایا گیا۔
act-order-approved = ایک ادارے کے حکم نامے پر دو ایوان متفق ہوئے ({ $about })۔
act-order-refused = دو ایوانوں نے ایک ادارے کا حکم نامہ نامنظور کیا ({ $about })۔
act-order-ended = ایک ادارے کا حکم نامہ ختم ہوا ({ $about })۔
act-order-disclosed = ایک ادارے کا حکم نامہ کہاں نافذ ہوا، یہ اب راز نہیں ({ $about })۔
act-incident-opened = ڈیٹا باہر گیا ہو سکتا ہے۔ دفتر دیکھ رہا ہے ({ $about })۔
act-incident-reported = متعلقہ ادارے کو بتا دیا گیا کہ ڈیٹا باہر گیا ہو سکتا ہے ({ $about })۔
act-incident-told = جن لوگوں کا ڈیٹا باہر گیا ہو سکتا ہے انہیں بتا دیا گیا ({ $about })۔
act-receipts-committed = ریکارڈ نے گزرے ہوئے گھنٹوں کے لیے محفوظ کر لیا کہ کس کو کیا ملا ({ $about })۔ وہاں اسے کوئی پڑھ نہیں سکتا؛ ہر شخص کے پاس اپنا ثبوت ہے۔
act-keys-rotated = جو کچھ محفوظ ہے اسے نئی کلید سے دوبارہ بند کیا گیا ({ $about })۔

level-off = بند
level-on = بالکل درست
level-round = فرق { $accuracy } تک
level-grid-km = تقریباً { $kilometres } کلومیٹر چوڑا علاقہ
level-grid-m = تقریباً { $metres } میٹر چوڑا علاقہ
level-bucket = صرف درجہ: { $bounds }
level-presence = صرف یہ کہ کچھ آیا تھا
level-area = صرف علاقہ، ٹھیک جگہ نہیں
level-threshold = صرف یہ کہ { $bound } یا اس سے زیادہ ہے یا نہیں
level-category = صرف گروہ: { $labels }
each-days = { $count ->
    [one] دن
   *[other] { $count } دن
}
each-hours = { $count ->
    [one] گھنٹے
   *[other] { $count } گھنٹے
}
each-minutes = { $count ->
    [one] منٹ
   *[other] { $count } منٹ
}
each-seconds = { $count ->
    [one] سیکنڈ
   *[other] { $count } سیکنڈ
}
level-window-mean = صرف ہر { $period } کی اوسط
level-window-min = صرف ہر { $period } کی سب سے کم پیمائش
level-window-max = صرف ہر { $period } کی سب سے زیادہ پیمائش
level-window-count = صرف یہ کہ ہر { $period } میں کتنی پیمائشیں آئیں
level-window-last = صرف ہر { $period } کی آخری پیمائش
off-by-minutes = { $amount } { $count ->
    [one] منٹ
   *[other] منٹ
}
off-by-hours = { $amount } { $count ->
    [one] گھنٹہ
   *[other] گھنٹے
}
off-by-days = { $amount } { $count ->
    [one] دن
   *[other] دن
}
unit-date-and-time = تاریخ اور وقت
value-within = فرق { $accuracy } تک
value-coarse = درستی کم کی گئی
value-threshold = صرف یہ کہ { $bound } یا اس سے زیادہ تھی یا نہیں
window-mean = { $count ->
    [one] { $count } پیمائش
   *[other] { $count } پیمائشوں
} کی اوسط، { $from } سے { $until } تک
window-min = { $count ->
    [one] { $count } پیمائش
   *[other] { $count } پیمائشوں
} میں سب سے کم، { $from } سے { $until } تک
window-max = { $count ->
    [one] { $count } پیمائش
   *[other] { $count } پیمائشوں
} میں سب سے زیادہ، { $from } سے { $until } تک
window-last = { $count ->
    [one] { $count } پیمائش
   *[other] { $count } پیمائشوں
} میں آخری، { $from } سے { $until } تک
window-count = کتنی پیمائشیں آئیں، { $from } سے { $until } تک
window-incomplete = { $window }؛ ہو سکتا ہے کچھ پیمائشیں رہ گئی ہوں

limit-words = { $what } · { $purpose } · { $most }
limit-field = چیز { $name }
limit-sensitivity = وہ سب چیزیں جن کے ساتھ ”{ $sensitivity }“ یا اس سے بڑھ کر لکھا ہے
limit-every-purpose = ہر مقصد
limit-purpose = مقصد { $purpose }
limit-off = نہ کسی کو دی جائے گی، نہ رکھی جائے گی
limit-coarse = زیادہ سے زیادہ درستی کے درجے { $number } تک (درجہ 1 سب سے کم درست ہے)
