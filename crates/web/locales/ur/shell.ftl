# The frame around every page, and the pages that say no.

brand = امانت
brand-line = آپ کا ڈیٹا، آپ کی امانت
page-title = { $page } – امانت
skip-to-content = سیدھے متن پر جائیں
nav-label = بڑا مینو
nav-home = اتحاد
nav-record = عوامی ریکارڈ
nav-cases = شکایات
nav-me = میرا ڈیٹا
nav-office = دفتر
nav-sign-in = داخل ہوں
nav-sign-out = باہر نکلیں
language-other = English
footer-promise = امانت صرف وہی ڈیٹا آنے دیتی ہے جس کا سب کے سامنے اعلان ہوا، جس کی اتحاد نے اجازت دی، اور جسے متعلقہ لوگوں نے خود چنا۔
footer-wrong = کچھ غلط ہے؟ ہمیں بتائیں

list-comma = { "، " }
# The mark at the start makes a date run right to left where it stands inside another text.
date-day = { "\u200F" }{ $day } { $month ->
    [1] جنوری
    [2] فروری
    [3] مارچ
    [4] اپریل
    [5] مئی
    [6] جون
    [7] جولائی
    [8] اگست
    [9] ستمبر
    [10] اکتوبر
    [11] نومبر
   *[12] دسمبر
} { $year }
date-weekday = { "\u200F" }{ $weekday ->
    [1] پیر
    [2] منگل
    [3] بدھ
    [4] جمعرات
    [5] جمعہ
    [6] ہفتہ
   *[7] اتوار
}، { $date }
date-moment = { "\u200F" }{ $date }، { $time }

error-bad-request-title = یہ درخواست پڑھی نہیں جا سکی
error-bad-request = درخواست میں کچھ درست نہیں تھا۔ کوئی تبدیلی نہیں ہوئی۔ واپس جا کر دوبارہ کوشش کریں۔
error-form-title = یہ فارم پرانا ہو چکا ہے
error-form = فارم کھولنے کے بعد آپ داخل ہوئے یا باہر نکلے، یا یہ فارم کسی اور ویب سائٹ سے آیا۔ کوئی تبدیلی نہیں ہوئی۔ صفحہ دوبارہ کھول کر فارم پھر بھیجیں۔
error-denied-title = آپ کو اس کی اجازت نہیں
error-denied = آپ کے اکاؤنٹ کو یہ کام کرنے کا اختیار نہیں ہے۔ کوئی تبدیلی نہیں ہوئی۔
error-not-found-title = ایسا کوئی صفحہ نہیں
error-not-found = ہو سکتا ہے پتا غلط ہو، صفحہ ہٹا دیا گیا ہو، یا وہ صرف دوسروں کے لیے ہو۔
error-method-title = یہ پتا اس طرح کام نہیں کرتا
error-method = صفحہ موجود ہے، لیکن اس قسم کی درخواست کے لیے نہیں۔ کوئی تبدیلی نہیں ہوئی۔
error-conflict-title = کوئی اور پہل کر گیا
error-conflict = آپ جو بدلنا چاہتے تھے وہ صفحہ کھولنے کے بعد بدل چکا ہے۔ آپ کی تبدیلی نہیں ہوئی۔ صفحہ دوبارہ کھول کر دیکھیں۔
error-too-large-title = متن بہت لمبا تھا
error-too-large = آپ کا بھیجا ہوا متن حد سے لمبا ہے۔ کوئی تبدیلی نہیں ہوئی۔ واپس جا کر اسے مختصر کریں۔
error-internal-title = ہماری طرف سے خرابی ہوئی
error-internal = اس میں آپ کی غلطی نہیں، اور خرابی درج کر لی گئی ہے۔ کچھ دیر بعد دوبارہ کوشش کریں۔
error-busy-title = ابھی ہم تیار نہیں
error-busy = نظام شروع ہو رہا ہے یا مصروف ہے۔ کوئی تبدیلی نہیں ہوئی۔ ایک منٹ بعد دوبارہ کوشش کریں۔
error-unsettled-title = معلوم نہیں کہ یہ ہوا یا نہیں
error-unsettled = آپ کی تبدیلی لکھتے وقت ڈیٹا بیس نے جواب دینا بند کر دیا۔ ہو سکتا ہے وہ نافذ ہو چکی ہو، اور ہو سکتا ہے نہ ہوئی ہو۔ دوبارہ بھیجنے سے پہلے صفحہ کھول کر دیکھ لیں۔
error-home = پہلے صفحے پر جائیں
error-sign-in = داخل ہوں
error-summary-title = ایک مسئلہ ہے
