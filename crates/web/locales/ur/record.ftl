# The public record.

record-title = عوامی ریکارڈ
record-lede = اتحاد کا ہر فیصلہ یہاں ترتیب سے درج ہے۔ کوئی چیز چپکے سے نکالی یا بدلی نہیں جا سکتی۔
record-count = { $count ->
    [one] ریکارڈ میں ایک اندراج ہے۔
   *[other] ریکارڈ میں { $count } اندراج ہیں۔
}
record-empty = ریکارڈ میں ابھی کوئی اندراج نہیں۔
record-by = کس نے کیا: { $by }
record-by-licensing = اجازت دینے والا دفتر
record-by-operator = اس سرور کا منتظم
record-by-two = اجازت دینے والے دفتر کے دو افسر
record-by-operator-and-officer = اس سرور کا منتظم اور اجازت دینے والے دفتر کا ایک افسر
record-by-itself = نظام خود، مقررہ اوقات پر
record-by-person = جس کا اکاؤنٹ ہے، وہ خود
record-reason = وجہ:
record-newer = تازہ ترین اندراج
record-older = پرانے اندراج
record-pages = ریکارڈ کے صفحے
record-verify = خود جانچیں
record-verify-lede = آپ کو اس ویب سائٹ پر بھروسا کرنے کی ضرورت نہیں۔ کوئی بھی اپنے کمپیوٹر سے پورا ریکارڈ جانچ سکتا ہے۔
record-verify-command = یہ حکم چلائیں۔ یہ ہر اندراج پڑھتا ہے، ثبوت نئے سرے سے بناتا ہے، اور اسے دستخط شدہ سرے سے ملاتا ہے:
record-verify-offline = انٹرنیٹ نہ ہو تو پتے کی جگہ ریکارڈ کے فولڈر کی نقل دیں۔
record-verify-key = سرے پر اس کلید سے دستخط ہیں۔ اسے اس نقل سے ملائیں جو آپ کو کسی اور راستے سے ملی ہو:
record-verify-files = دستخط شدہ سرا، فائل کی صورت میں

entry-title = اندراج { $index }
entry-when = کب
entry-about = کس کے بارے میں
entry-by = کس نے کیا
entry-reason = وجہ
entry-document = دستاویز کا نشان (SHA-256)
entry-raw = اندراج، جیسا ریکارڈ میں ہے
entry-proof = ثبوت کہ یہ ریکارڈ میں ہے
entry-proof-lede = نیچے لکھے نشان ثابت کرتے ہیں کہ یہ اندراج ریکارڈ کا حصہ ہے۔ اندراج اور راستے سے ہر کوئی جڑ کا حساب لگا سکتا ہے، اور جڑ دستخط شدہ سرے میں موجود ہے۔
entry-proof-leaf = اندراج کا نشان
entry-proof-path = راستہ
entry-proof-path-empty = ضرورت نہیں: یہ واحد اندراج ہے۔
entry-proof-size = ریکارڈ میں کل اندراج
entry-proof-root = جڑ
entry-proof-head = دستخط شدہ سرا
entry-previous = پچھلا اندراج
entry-next = اگلا اندراج
entry-back = تمام اندراج
record-witnesses = ریکارڈ پر کون نظر رکھتا ہے
record-witnesses-lede = گواہ ریکارڈ پر تبھی دستخط کرتے ہیں جب اس میں کچھ بدلا یا ہٹایا نہ گیا ہو۔ ان کے دستخط ریکارڈ کے سرے پر ہیں۔
record-witness-cosigned = { $at } کو { $count } اندراجات پر دستخط کیے
record-witness-not-yet = ابھی دستخط نہیں کیے
record-witness-larger = گواہ { $name } اس سے لمبے ریکارڈ پر دستخط کر چکا ہے۔ یا تو پرانی نقل واپس رکھی گئی ہے یا کوئی دو ریکارڈ دکھا رہا ہے۔ بھروسے سے پہلے اپنی محفوظ نقل سے ملائیں۔
record-witness-other = گواہ { $name } کسی اور ریکارڈ پر دستخط کر چکا ہے۔ یا تو کوئی دو ریکارڈ دکھا رہا ہے یا پرانی نقل واپس رکھ کر آگے بڑھائی گئی ہے۔ بھروسے سے پہلے اپنی محفوظ نقل سے ملائیں۔
record-search = ریکارڈ میں تلاش
record-search-kind = کیا ہوا
record-search-every = سب کچھ
record-search-about = کس کے بارے میں یا کس نے کیا
record-search-about-hint = جیسے اندراج میں لکھا ہے، مثلاً { "\u2066" }deployment:family-home{ "\u2069" } یا { "\u2066" }office:licensing{ "\u2069" }۔
record-search-words = وجہ کے الفاظ
record-search-do = تلاش کریں
record-search-none = ریکارڈ میں ایسا کچھ نہیں۔
record-hourly = ہر گھنٹے پلیٹ فارم ایک اندراج کرتا ہے جو محفوظ کر لیتا ہے کہ کس کو کیا ملا۔ وہ یہاں نہیں دکھائے گئے۔
record-hourly-show = انہیں دکھائیں
