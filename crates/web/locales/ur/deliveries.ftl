# کس کو کیا ملا، گھنٹہ بہ گھنٹہ۔

deliveries-title = کس کو کیا ملا
deliveries-lede = ہر خانہ ایک گھنٹہ ہے۔ گھنٹہ ختم ہونے پر عوامی ریکارڈ اسے محفوظ کر لیتا ہے: بعد میں کوئی اسے بدلے تو پکڑا جائے گا۔
deliveries-none = آپ کے بارے میں کسی کو کچھ نہیں ملا۔
deliveries-hour = { $day }، { $from } سے { $until } تک
deliveries-exact = جیسا ناپا گیا: { $fields }
deliveries-coarse = کم درست کر کے: { $fields }
deliveries-not-yet = گھنٹہ ختم ہوتے ہی ریکارڈ اسے محفوظ کر لے گا۔
deliveries-forgotten = یہ ریکارڈ میں محفوظ ہے۔ ثبوت اب نہیں رہا، کیونکہ آپ نے سب کچھ مٹوا دیا تھا۔
deliveries-held = اندراج { $number } میں محفوظ
deliveries-proof = ثبوت حاصل کریں
deliveries-pages = مزید گھنٹے
deliveries-newest = تازہ ترین گھنٹے
deliveries-older = پرانے گھنٹے
deliveries-csv = جدول کی صورت میں (CSV)
deliveries-json = پروگراموں کے لیے (JSON)
deliveries-limit = ایک فائل میں تازہ ترین { $count } سطریں ہوتی ہیں۔ سب کے لیے:
deliveries-check = ثبوت خود جانچیں
deliveries-check-means = ثبوت ایک چھوٹی سی فائل ہے۔ جس کے پاس فائل ہو وہ اس سائٹ کے بغیر بھی اسے جانچ سکتا ہے:
deliveries-rule-salt = ریکارڈ آپ کے بارے میں کچھ نہیں بتاتا۔ اس میں صرف ایک نشان ہے جسے آپ کا ثبوت ہی کھولتا ہے۔
deliveries-rule-share = جس کے پاس آپ کا ثبوت ہو وہ یہ سطر پڑھ سکتا ہے۔ اس میں آپ کا نام نہیں ہے۔
