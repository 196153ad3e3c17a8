# Why a value passes as it does: one sentence, put together from what happens and the reason.

explain-sentence = { $what }، کیونکہ { $reason }۔

explain-exact = یہ چیز ویسے ہی آگے جاتی ہے جیسے ناپی گئی
explain-cover = اصل نام کی جگہ ایک فرضی نام آگے جاتا ہے
explain-coarse = یہ چیز کم درست ہو کر آگے جاتی ہے ({ $level })
explain-nothing = کچھ آگے نہیں جاتا
explain-dropped = اسے رد کر دیا گیا
explain-kept-exact = یہ چیز جیسے ناپی گئی ویسے ہی { $period } تک محفوظ رہتی ہے
explain-kept-coarse = یہ چیز کم درست ہو کر ({ $level }) { $period } تک محفوظ رہتی ہے

explain-you-agreed = آپ نے ہاں کہی
explain-agreed = اس کے لیے ہاں ضروری ہے اور وہ مل چکی ہے
explain-all-agreed = ہر اس شخص نے ہاں کہی جس کے بارے میں یہ بتاتی ہے
explain-contract = ایک معاہدے میں اس کی اجازت ہے اور کسی نے اس سے کم نہیں مانگا
explain-legitimate-interest = ادارے کو اس کی جائز ضرورت ہے اور کسی نے اس سے کم نہیں مانگا
explain-public-task = عوامی خدمت کے کام کو اس کی ضرورت ہے اور کسی نے اس سے کم نہیں مانگا
explain-law = قانون اس کا تقاضا کرتا ہے
explain-law-source = قانون اس کا تقاضا کرتا ہے ({ $source })
explain-life = اس سے جانیں بچ سکتی ہیں
explain-life-source = اس سے جانیں بچ سکتی ہیں ({ $source })
explain-law-fixed = قانون اس کا تقاضا کرتا ہے، لوگ کچھ بھی چنیں
explain-law-fixed-source = قانون اس کا تقاضا کرتا ہے، لوگ کچھ بھی چنیں ({ $source })
explain-life-fixed = اس سے جانیں بچ سکتی ہیں، لوگ کچھ بھی چنیں
explain-life-fixed-source = اس سے جانیں بچ سکتی ہیں، لوگ کچھ بھی چنیں ({ $source })
explain-notice = اعلان نامہ اس سے زیادہ کی اجازت نہیں دیتا

explain-you-chose = آپ نے یہی چنا
explain-other = یہاں کسی اور شخص کا انتخاب بھی لاگو ہو سکتا ہے: جو سب سے زیادہ تحفظ دے، وہی مانا جاتا ہے
explain-one-chose = جس شخص کے بارے میں یہ بتاتی ہے، اس نے یہی چنا
explain-some-chose = جن { $of } لوگوں کے بارے میں یہ بتاتی ہے، ان میں سے { $count } نے یہی چنا
explain-you-silent = آپ نے ابھی ہاں نہیں کہی
explain-one-silent = ابھی تک کسی نے ہاں نہیں کہی
explain-some-silent = جن { $of } لوگوں کے بارے میں یہ بتاتی ہے، ان میں سے { $count } نے ابھی ہاں نہیں کہی
explain-nobody = اس کے لیے ہاں ضروری ہے اور آلے سے کوئی شخص جڑا ہوا نہیں

explain-cap-sensitivity = جو چیز لوگوں کے بارے میں اتنا بتائے، اتحاد اس میں سے اس سے زیادہ کی اجازت نہیں دیتا
explain-cap-sensitivity-purpose = جو چیز لوگوں کے بارے میں اتنا بتائے، اتحاد اس مقصد کے لیے اس سے زیادہ کی اجازت نہیں دیتا: { $purpose }
explain-cap-field = اتحاد اس چیز میں سے اس سے زیادہ کی اجازت نہیں دیتا
explain-cap-field-purpose = اتحاد اس مقصد کے لیے اس چیز میں سے اس سے زیادہ کی اجازت نہیں دیتا: { $purpose }
explain-no-level = اسے اتنا کم درست نہیں کیا جا سکتا جتنا کہا گیا
explain-not-declared = اعلان نامے میں یہ اس وصول کنندہ اور اس مقصد کے لیے درج نہیں
explain-no-access = اس وصول کنندہ کو رسائی نہیں دی گئی
explain-access-from = رسائی { $when } سے شروع ہو گی
explain-access-ended = رسائی { $when } کو ختم ہو گئی
explain-licence-none = اتحاد نے ان آلات کو چلنے کی اجازت نہیں دی
explain-licence-suspended = اتحاد نے ان آلات کو فی الحال روک دیا ہے
explain-licence-revoked = اتحاد نے ان آلات کو ہمیشہ کے لیے روک دیا ہے
explain-licence-expired = ان آلات کی اجازت کی مدت ختم ہو چکی ہے
explain-quarantined = آلہ حفاظت کی خاطر بند کر دیا گیا ہے
explain-other-notice = پیغام کسی اور اعلان نامے کے تحت پڑھا گیا

explain-absent = پیغام میں یہ چیز نہیں ہے
explain-not-coarsenable = کم درست درجوں میں یہ چیز دکھائی نہیں جا سکتی
explain-wrong-type = اس کی قسم وہ نہیں جو اعلان نامے میں ہے
explain-out-of-range = یہ چیز اعلان نامے میں لکھی حد سے باہر ہے
explain-not-yet = اسے ایک پروگرام نکالتا ہے جس کے استعمال کی ابھی اجازت نہیں
explain-unknown = اعلان نامے میں اس کا نام نہیں
explain-kept-chosen = اعلان نامے میں یہی لکھا ہے اور لوگوں نے اسے آگے جانے دیا
