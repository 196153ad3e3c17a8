# What was recorded about me, and my choices.

me-title = میرا ڈیٹا
me-lede = آلات نے آپ کے بارے میں کیا ریکارڈ کیا، اور یہ کس کو ملا۔
me-devices = آپ سے جڑے آلات
me-devices-none = کوئی آلہ آپ سے جڑا ہوا نہیں۔
me-choose = چنیں کہ کیا دینا ہے
me-not-mine = یہ آلہ اب میرا نہیں
me-not-mine-means = آلہ آپ کا نہیں رہا؟ پھر اس سے آپ کے نام کچھ ریکارڈ نہیں ہو گا۔ پہلے کا ریکارڈ آپ کا رہے گا۔
me-empty-title = کچھ ریکارڈ نہیں ہوا
me-empty = اس عرصے میں آپ کے بارے میں کوئی ریکارڈ نہیں۔ جب آپ سے جڑا کوئی آلہ ایسی چیز بھیجے گا جس کی آپ نے اجازت دی ہے، تو وہ یہاں نظر آئے گی۔
me-recorded = کیا ریکارڈ ہوا
me-recorded-none = اس دن کچھ ریکارڈ نہیں ہوا۔
me-received = کس کو ملا
me-received-none = اس دن کسی کو کچھ نہیں ملا۔
me-received-times = { $count ->
    [one] ایک بار، { $time } پر
   *[other] { $count } بار، آخری بار { $time } پر
}
me-received-fields = کیا ملا: { $fields }
me-received-for = مقصد: { $purpose }
me-kept-until = { $date } کو مٹ جائے گا
me-older = پہلے کے ریکارڈ
me-newest = تازہ ترین ریکارڈ
value-yes = ہاں
value-no = نہیں
me-pages = میرے ڈیٹا کے صفحے

choices-title = آپ کیا دیتے ہیں
choices-lede = ہر چیز اور ہر وصول کنندہ کے لیے چنیں کہ کتنا آگے جائے۔ آپ کا فیصلہ اگلے پیغام سے لاگو ہوتا ہے۔
choices-notice = پورا اعلان نامہ پڑھیں
choices-me = میرے ڈیٹا پر واپس
choices-lane = { $recipient }، مقصد: { $purpose }
choices-terms = شرائط: { $terms }
choices-save-row = صرف یہ محفوظ کریں
choices-save-all = سب محفوظ کریں
choices-basis = { $basis }۔ { $choice }
choices-fixed = آپ اسے بند نہیں کر سکتے۔ اس کے پیچھے قانون یا وجہ: { $source }
choices-none-title = یہاں چننے کو کچھ نہیں
choices-none = یہ آلات کسی کو کچھ نہیں بھیجتے۔
choices-not-granted = ابھی اس تک رسائی نہیں دی گئی، اس لیے کچھ نہیں جا رہا۔ رسائی ملتے ہی آپ کا فیصلہ لاگو ہو گا۔
choices-saved-title = اب نافذ ہے
choices-saved = نیچے لکھی تبدیلی اب سے ہر پیغام پر لاگو ہے۔
choices-unchanged-title = کچھ نہیں بدلا
choices-unchanged = آپ کے فیصلے پہلے سے یہی تھے۔ وہ نافذ ہیں۔
choices-change = { $field }، { $recipient } کے لیے، مقصد { $purpose }: پہلے { $before }، اب { $after }
choices-stays = { $field }، { $recipient } کے لیے، مقصد { $purpose }: { $now }، پہلے کی طرح
choices-error = { $field } کے لیے دکھائے گئے درجوں میں سے ایک چنیں۔
choices-title-error = غلطی: { $title }

stay-named = پیغام میں “{ $field }” سے آپ پہچانے جاتے ہیں
stay-holder = آپ کا ہے یا آپ کے پاس رہتا ہے
stay-household = آپ وہیں رہتے ہیں جہاں یہ ہے
stay-occupant = آپ وہاں ٹھہرتے ہیں جہاں یہ ہے
stay-always = { $thing }: { $role }
stay-from = { $thing }: { $role }، { $from } سے
stay-until = { $thing }: { $role }، { $until } تک
stay-between = { $thing }: { $role }، { $from } سے { $until } تک
stay-over = { $thing }: { $until } کو ختم ہوا ({ $role })۔ تب تک کا ریکارڈ آپ اب بھی دیکھ سکتے ہیں۔

model-ahead = { $at } سے ایک پروگرام آپ کے ڈیٹا پر خود کام کرے گا: { $model }، مقام { $deployment }۔ { $decides }
model-made = { $model } { $version } نے نکالا، ناپا نہیں گیا
