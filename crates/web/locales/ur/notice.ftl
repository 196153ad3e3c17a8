# The public notice of a deployment, and its sign.

notice-run-by = چلانے والا ادارہ: { $member }
notice-licence-since = { $date } سے۔
notice-licence-reason = بتائی گئی وجہ:
notice-licence-entry = عوامی ریکارڈ میں دیکھیں
notice-to-choices = چنیں کہ کیا دینا ہے
notice-to-sign = نشان چھاپیں
notice-glance = ایک نظر میں
notice-glance-fields = { $count ->
    [one] ایک چیز ناپی جاتی ہے
   *[other] { $count } چیزیں ناپی جاتی ہیں
}
notice-glance-recipients = { $count ->
    [0] یہ کسی کو نہیں ملتیں
    [one] ایک فریق کو ملتی ہیں
   *[other] { $count } فریقوں کو ملتی ہیں
}
notice-glance-live = کچھ جمع نہیں کیا جاتا
notice-glance-kept = زیادہ سے زیادہ { $period } رکھا جاتا ہے
notice-fields = کیا ناپا جاتا ہے
notice-fields-choices = چاہیں تو کم درست: { $levels }
notice-uses = یہ کس کام آتا ہے
notice-use-fields = کیا استعمال ہوتا ہے
notice-use-recipients = کس کو ملتا ہے
notice-use-retention = کب تک رکھا جاتا ہے
notice-use-basis = اس کی اجازت کیوں ہے
notice-use-precision = کتنا درست
notice-use-level = { $field }: { $level }
notice-use-choice = آپ کیا چن سکتے ہیں
notice-terms = کن شرائط پر ملتا ہے
notice-stored = کہاں رکھا جاتا ہے
notice-way = وہاں تک کا راستہ
notice-way-plain = { $count ->
    [one] ایک آلے نے پچھلی بار اپنی معلومات خفیہ کاری کے بغیر بھیجیں۔ اسی نیٹ ورک پر دوسرے لوگ انہیں پڑھ سکتے تھے۔
   *[other] { $count } آلات نے پچھلی بار اپنی معلومات خفیہ کاری کے بغیر بھیجیں۔ اسی نیٹ ورک پر دوسرے لوگ انہیں پڑھ سکتے تھے۔
}
notice-bystanders = آس پاس کے لوگ
notice-bystanders-none = جو لوگ صرف گزرتے ہیں ان کا کچھ ریکارڈ نہیں ہوتا۔
notice-people = لوگوں کی پہچان کیسے ہوتی ہے
notice-people-field = پیغام میں موجود ”{ $field }“ سے۔ وصول کنندگان اسے کبھی نہیں دیکھتے: ہر ایک کو اس کی جگہ ایک الگ فرضی نام ملتا ہے۔
notice-people-assigned = صرف وہ لوگ جو کسی آلے سے جڑے ہیں، دیکھ اور چن سکتے ہیں کہ وہ کیا ریکارڈ کرے۔ اگر کوئی جڑا نہ ہو تو اس کا ڈیٹا کسی شخص کا نہیں ہوتا۔
notice-people-none = نہیں ہوتی۔ یہ آلات جو کچھ بھیجتے ہیں وہ کسی شخص سے جڑا نہیں ہوتا۔
notice-nobody = یہ آلات نہیں جانتے کہ آپ کون ہیں، اس لیے یہاں آپ کے چننے کو کچھ نہیں۔ کوئی سوال یا اعتراض ہو تو ”کس سے پوچھیں“ دیکھیں۔
notice-cover-name = صرف فرضی نام کی صورت میں
notice-contact = کس سے پوچھیں
notice-contact-lede = یہ دفتر ان آلات کے لیے جواب دہ ہے۔
notice-contact-mail = ای میل
notice-contact-phone = فون
notice-drift = جو اعلان کے بغیر آیا
notice-drift-lede = آلات نے نیچے لکھی چیزیں بھی بھیجیں۔ ان کا اعلان نہیں ہوا، اس لیے یہ نہ کبھی جمع ہوئیں اور نہ کبھی آگے بھیجی گئیں۔
notice-drift-none = کچھ نہیں۔ آلات نے صرف وہی بھیجا ہے جس کا یہاں اعلان ہے۔
notice-drift-pointer = پیغام میں جگہ
notice-drift-unknown = اعلان نہیں ہوا
notice-drift-wrong-type = قسم یا اکائی اعلان سے مختلف ہے
notice-drift-out-of-range = اعلان کی گئی حدوں سے باہر ہے
notice-drift-not-yet = ایسے پروگرام کا نتیجہ جس کے استعمال کی ابھی اجازت نہیں
notice-drift-seen = پہلی بار { $first }، آخری بار { $last }
notice-drift-count = کتنی بار
notice-drift-never = کبھی جمع نہیں ہوا، کبھی آگے نہیں گیا
notice-drift-all = اس طرح آنے والی سب چیزیں دیکھیں
drift-title = { $title }: جو اعلان کے بغیر آیا
drift-order = سب سے تازہ چیز سب سے اوپر ہے۔
drift-range = کل { $total } میں سے چیز نمبر { $first } تا { $last }
drift-pages = اس فہرست کے صفحے
drift-previous = پچھلا صفحہ
drift-next = اگلا صفحہ
drift-whole = پورا پیغام
drift-hidden = وہ نام جو یہاں نہیں دکھائے جاتے، کیونکہ ان سے کسی شخص کے بارے میں پتا چل سکتا ہے
drift-rest = مزید چیزیں، جن کی اس فہرست میں جگہ نہیں رہی
notice-record = عوامی ریکارڈ میں
notice-record-none = ریکارڈ میں ان آلات کے بارے میں ابھی کچھ نہیں۔
notice-version = اس اعلان نامے کا نسخہ { $version }
notice-machines = پروگراموں کے لیے:

sign-title = { $title } کے لیے نشان
sign-lede = یہ صفحہ چھاپ کر آلات کے قریب ایسی جگہ لگائیں جہاں لوگ اسے دیکھ سکیں۔
sign-back = اعلان نامے پر واپس
sign-heading = اس جگہ پیمائش ہوتی ہے
sign-measures = کیا ناپا جاتا ہے
sign-more = { $count ->
    [one] اور ایک مزید چیز
   *[other] اور { $count } مزید چیزیں
}
sign-scan = کیوں، کس کو ملتا ہے، اور آپ کیا چن سکتے ہیں: سکین کر کے دیکھیں
sign-scan-nobody = کیوں، اور کس کو ملتا ہے: سکین کر کے دیکھیں
sign-run-by = چلانے والا ادارہ
sign-ask = سوالات
sign-qr = کیو آر کوڈ جو { $url } پر لے جاتا ہے

notice-limits = اتحاد کی حدیں
notice-limits-lede = اتحاد کے ضابطے کے تحت یہاں اس سے کم گزرتا ہے جتنا اعلان نامے میں لکھا ہے۔

notice-models = خود بخود ڈیٹا پر کام کرنے والے پروگرام
notice-changes = کیا بدلا
notice-nearby = آس پاس اور کون سے آلات آپ کو محسوس کر سکتے ہیں

changes-title = اعلان نامے میں کیا بدلا
changes-lede = یہ اعلان نامے کے نسخے ہیں، سب سے نیا پہلے۔ ہر متن کا SHA-256 عوامی ریکارڈ میں ہے، اس لیے ہر کوئی جانچ سکتا ہے کہ کوئی متن بعد میں بدلا نہیں گیا۔
changes-version = نسخہ { $version }
changes-now = اس وقت نافذ ہے
changes-at = { $date } کو شائع ہوا
changes-undated = اس کے شائع ہونے کا دن محفوظ نہیں ہے۔
changes-text = متن پڑھیں
changes-hash = متن کا SHA-256:
changes-first = یہ پہلا نسخہ ہے۔
changes-unknown = اس سے پہلے کا نسخہ محفوظ نہیں ہے، اس لیے یہ صفحہ نہیں بتا سکتا کہ کیا بدلا۔
changes-more = { $count ->
    [one] ایک اور تبدیلی یہاں نہیں لکھی گئی۔ اسے دیکھنے کے لیے دونوں متن ملا کر پڑھیں۔
   *[other] { $count } اور تبدیلیاں یہاں نہیں لکھی گئیں۔ انہیں دیکھنے کے لیے دونوں متن ملا کر پڑھیں۔
}
changes-pages = نسخوں کے صفحے
changes-newest = سب سے نئے نسخے
changes-older = پرانے نسخے

choices-news = آپ کے پچھلے چناؤ کے بعد { $date } کو اعلان نامہ بدل گیا ہے۔
choices-news-undated = آپ کے پچھلے چناؤ کے بعد اعلان نامہ بدل گیا ہے۔
choices-news-link = دیکھیں کہ کیا بدلا

model-version = ورژن { $version }
model-version-from = ورژن { $version }، { $at } سے کام پر
model-before = تب تک: ورژن { $version }
model-fed = جس ڈیٹا سے کام لیتا ہے: { $fields }
model-makes = جو خود نکالتا ہے: { $fields }
