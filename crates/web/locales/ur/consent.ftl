# All my choices: presets, copies, files, history, receipts, what my browser asks for.

mine-title = میرے تمام فیصلے
mine-lede = تمام آلات کے لیے ایک ساتھ فیصلہ کریں، یا کسی ایک پر جائیں۔ کچھ بدلنے سے پہلے آپ دیکھیں گے کہ کیا بدلے گا۔
mine-devices = ایک ایک کر کے
mine-count = { $decided ->
    [one] آپ نے { $all } میں سے 1 چیز کا فیصلہ کیا ہے۔
   *[other] آپ نے { $all } میں سے { $decided } چیزوں کا فیصلہ کیا ہے۔
}
mine-none = کوئی آلہ آپ سے جڑا ہوا نہیں، اس لیے ابھی چننے کو کچھ نہیں۔
mine-household = ہر شخص صرف اپنے لیے فیصلہ کرتا ہے۔ جہاں ایک آلہ کئی لوگوں کے بارے میں ہو، وہاں اس آلے پر وہ فیصلہ لاگو ہوتا ہے جو سب سے زیادہ حفاظت کرے۔
mine-file-title = اپنے فیصلے محفوظ رکھیں، یا لے آئیں
mine-file = میرے فیصلے فائل میں محفوظ کریں
mine-import = فیصلوں کی فائل لائیں
mine-record = میرے تمام فیصلوں کا ریکارڈ ڈاؤن لوڈ کریں
mine-record-means = یہ ریکارڈ معیار ISO/IEC TS 27560 کے مطابق ہے۔ اس میں آپ کی ہر ہاں اور ہر نہیں درج ہے، اور وہ اعلان نامہ بھی جس پر وہ قائم ہے۔
mine-link = میرے تمام آلات کے لیے ایک ساتھ فیصلہ کریں

preset-title = ایک ہی قدم میں چنیں
preset-title-here = یہاں کی سب چیزوں کے لیے چنیں
preset-service-only = صرف وہ جو سروس کے لیے ضروری ہے
preset-research = تحقیق اور عوامی بھلائی کے لیے بھی
preset-all-off = جو کچھ بند ہو سکتا ہے، سب بند
preset-as-before = جیسا میرے چننے سے پہلے تھا
preset-service-only-means = جو آپ کے معاہدے یا خود سروس کے لیے ضروری ہے، وہ ویسا ہی رہے گا۔ باقی سب بند۔
preset-research-means = اوپر کی طرح۔ تحقیق اور عوامی خدمات کو وہ بھی ملے گا جو آپ کے بارے میں بہت کم بتاتا ہے؛ باقی صرف موٹا موٹا، یا بالکل نہیں۔
preset-all-off-means = قانون جو مانگتا ہے اس کے سوا کسی کو کچھ نہیں جائے گا۔ جس سروس کو کوئی چیز چاہیے، وہ رک سکتی ہے۔
preset-as-before-means = یہاں آپ کے فیصلے واپس لے لیے جائیں گے۔ جس کے لیے آپ کی ہاں چاہیے وہ بند، باقی سب جاری۔

same-lede = { $title } کے لیے آپ نے جو چنا ہے، وہ ہر اس جگہ لاگو کریں جہاں وہی وصول کنندہ اسی قسم کے مقصد کے لیے اسی قسم کی چیز مانگتا ہے۔
same-row = یہ فیصلہ میرے تمام آلات پر لاگو کریں
same-link = یہ فیصلے میرے تمام آلات پر لاگو کریں

preview-title = کیا بدلے گا
preview-of-preset = { $preset }: { $where }
preview-everywhere = میرے تمام آلات
preview-of-same = { $title } کے لیے آپ کے فیصلے، آپ کے باقی تمام آلات پر
preview-of-file = فیصلوں کی وہ فائل جو آپ لائے ہیں
preview-count = { $count ->
    [one] 1 چیز بدلے گی۔
   *[other] { $count } چیزیں بدلیں گی۔
}
preview-written = { $count ->
    [one] 1 چیز ویسی ہی رہے گی، اور اس کے بارے میں آپ کا فیصلہ لکھ لیا جائے گا۔
   *[other] { $count } چیزیں ویسی ہی رہیں گی، اور ان کے بارے میں آپ کا فیصلہ لکھ لیا جائے گا۔
}
preview-same = { $count ->
    [one] 1 چیز ویسی ہی رہے گی۔
   *[other] { $count } چیزیں ویسی ہی رہیں گی۔
}
preview-fixed = { $count ->
    [one] 1 چیز کوئی نہیں بدل سکتا: یہ قانون سے طے ہے۔
   *[other] { $count } چیزیں کوئی نہیں بدل سکتا: یہ قانون سے طے ہیں۔
}
preview-lane = { $count ->
    [one] 1 چیز
   *[other] { $count } چیزیں
}
preview-change = { $field }: پہلے { $before }، اب { $after }
preview-stays = { $field }: { $now }، پہلے کی طرح
preview-nothing = کچھ نہیں بدلے گا۔ آپ کے فیصلے پہلے سے یہی ہیں۔
preview-apply = اسے نافذ کریں
preview-cancel = کچھ نہ بدلیں
preview-stale = اس دوران کچھ بدل گیا۔ اب یہ بدلے گا؛ اسے دوبارہ دیکھ لیں۔
preview-pages = تبدیلیوں کے صفحے
preview-next = مزید تبدیلیاں
preview-before = اس سے پہلے کی تبدیلیاں
preview-unmatched = جو یہاں لاگو نہیں ہوتا
preview-lonely = { $field }، { $recipient } کے لیے، مقصد { $purpose }: کسی اور آلے میں یہ نہیں ہے۔
preview-row = فیصلہ { $number } ({ $deployment }، { $field }، { $recipient }): { $reason }
preview-more = { $count ->
    [one] اور 1 مزید۔
   *[other] اور { $count } مزید۔
}
misfit-no-deployment = یہاں ایسا کوئی آلہ آپ کے بارے میں نہیں ہے۔
misfit-not-declared = یہاں کے اعلان نامے میں اس کا ذکر نہیں۔
misfit-no-choice = یہاں قانون چننے کا اختیار نہیں دیتا۔
misfit-no-level = یہاں ایسا کوئی درجہ نہیں۔
misfit-other-notice = اعلان نامہ بدل چکا ہے، اس لیے اس درجے کا مطلب کچھ اور ہو سکتا ہے۔

import-title = فیصلوں کی فائل لائیں
import-lede = وہ فائل لیں جو آپ نے یہاں یا کہیں اور محفوظ کی تھی۔ کچھ بدلنے سے پہلے آپ دیکھیں گے کہ کیا بدلے گا۔
import-waits = فیصلوں کی ایک فائل آپ کی منظوری کی منتظر ہے۔ دیکھیں کہ اس سے کیا بدلے گا۔
import-file = فیصلوں کی فائل
import-hint = JSON فائل، زیادہ سے زیادہ 1 MB۔
import-button = دکھائیں کہ کیا بدلے گا
import-none = پہلے ایک فائل چنیں۔
import-large = فائل بہت بڑی ہے۔ زیادہ سے زیادہ 1 MB اور 4,096 فیصلے ہو سکتے ہیں۔
import-form = یہ فیصلوں کی فائل نہیں۔ سطر { $line }، خانہ { $column } پڑھا نہیں جا سکتا۔
import-version = یہ فائل کسی اور قسم کی ہے، یا اس سائٹ کے کسی نئے نسخے کی ہے۔
import-row = فائل کا فیصلہ { $number } پڑھا نہیں جا سکتا، یا اس میں دو بار لکھا ہے۔

history-title = آپ نے کب کیا چنا
history-none = آپ نے یہاں ابھی تک کچھ نہیں چنا۔
history-older = پہلے کے فیصلے
history-newest = تازہ ترین فیصلے
history-pages = فیصلوں کے صفحے
history-link = میں نے کب کیا چنا
history-receipt = رسید
history-put-back = واپس پہلے جیسا کریں
history-put-back-of = { $date } کا فیصلہ واپس پہلے جیسا کریں
history-record = اس آلے کا ریکارڈ ڈاؤن لوڈ کریں
how-by-hand = آپ نے خود چنا۔
how-preset = آپ نے ”{ $preset }“ چنا۔
how-copied = آپ نے { $title } والے فیصلے یہاں بھی لاگو کیے۔
how-imported = آپ فیصلوں کی فائل لائے۔
how-browser-signal = آپ کے براؤزر نے یہ کہا (Global Privacy Control)۔
how-carried-over = اعلان نامے کے نسخے { $version } میں درجے بدل گئے، اس لیے فیصلہ ایسے درجے پر چلا گیا جو زیادہ نہیں دکھاتا۔
how-undone = آپ نے ایک پچھلا فیصلہ واپس پہلے جیسا کیا۔
way-browser-signal = بند ہے، کیونکہ آپ کے براؤزر نے یہ کہا تھا۔
way-carried-over = نئے اعلان نامے کی وجہ سے درجہ بدلا۔

receipt-title = آپ کے فیصلوں کی رسید
receipt-lede = { $date } کو آپ نے یہ فیصلہ کیا۔
receipt-download = رسید ڈاؤن لوڈ کریں
receipt-all = میرے تمام فیصلے
receipt-page = رسید دیکھیں
receipt-check = اسے کیسے جانچیں
receipt-hash = اس رسید کا ہیش
receipt-previous = پچھلی رسید کا ہیش
receipt-first = یہ آپ کی پہلی رسید ہے۔
receipt-intact = یہاں کا ریکارڈ اب بھی اس رسید کے مطابق ہے۔
receipt-broken = یہاں کا ریکارڈ اب اس رسید کے مطابق نہیں۔ اتحاد کو بتائیں، اور اپنی نقل سنبھال کر رکھیں۔
receipt-how = فائل میں سادہ متن میں ایک بیان ہے۔ اس کا SHA-256 ہیش وہی ہے جو اوپر لکھا ہے۔ ہر رسید میں پچھلی رسید کا ہیش بھی ہوتا ہے، اس لیے بعد میں بیچ کی کوئی چیز بدلی جائے تو آپ کی نقلوں سے پتا چل جائے گا۔
receipt-undone-none = واپس کرنے کو کچھ باقی نہیں تھا۔
state-given = ہاں کہی
state-refused = نہ کہی
state-withdrawn = ہاں واپس لی
state-objected = اعتراض کیا
state-objection-withdrawn = اعتراض واپس لیا
state-reset = فیصلہ واپس لیا

signal-title = آپ کا براؤزر رازداری چاہتا ہے
signal-line = { $count ->
    [one] آپ کا براؤزر کہتا ہے کہ آپ کا ڈیٹا آگے نہ دیا جائے (Global Privacy Control)، اس لیے ہم نے یہاں 1 چیز بند کر دی۔ آپ اسے نیچے کھول سکتے ہیں۔
   *[other] آپ کا براؤزر کہتا ہے کہ آپ کا ڈیٹا آگے نہ دیا جائے (Global Privacy Control)، اس لیے ہم نے یہاں { $count } چیزیں بند کر دیں۔ آپ انہیں نیچے کھول سکتے ہیں۔
}
choices-now = ابھی جا رہا ہے: { $level }
choices-together = جو آلات دوسروں کے بارے میں بھی ہیں، ان سے: { $level }۔ وہ فیصلہ لاگو ہے جو سب سے زیادہ حفاظت کرتا ہے۔
choices-why = کیوں؟
choices-pages = چیزوں کے صفحے
choices-page = { $purpose } ({ $from }–{ $to })
choices-page-hint = کل { $count } چیزیں ہیں۔ ہر صفحہ الگ محفوظ ہوتا ہے۔

record-keeper = اتحاد
record-right-see = دیکھیں کہ کیا ریکارڈ ہوا اور کس کو ملا
record-right-decide = ہاں کہیں، انکار کریں، اعتراض کریں، یا فیصلہ واپس لیں
record-right-copy = اپنے فیصلوں کی نقل ساتھ لے جائیں
record-valid = جب تک وہ شخص نیا فیصلہ نہ کرے یا اعلان نامہ نہ بدلے
record-withdrawal = فیصلوں کے صفحے پر اس چیز کو بند کر دیں۔ یہ اگلے پیغام سے لاگو ہوتا ہے۔
