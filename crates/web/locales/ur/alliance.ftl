# The first page, members, signing in.

home-title = اتحاد
home-lede = یہاں آپ کے آس پاس لگے سینسر آپ کو جواب دہ ہیں۔ آپ دیکھ سکتے ہیں کہ وہ کیا ریکارڈ کرتے ہیں، کیوں کرتے ہیں، اور یہ کس کو ملتا ہے۔ اور آپ انکار بھی کر سکتے ہیں۔
home-deployments = لگے ہوئے آلات
home-deployments-none = ابھی کوئی آلہ درج نہیں ہوا۔
home-deployments-lede = ہر خانہ اس عوامی اعلان نامے تک لے جاتا ہے جو کیو آر نشان کے پیچھے ہے۔
home-run-by = چلانے والا ادارہ: { $member }
home-members = ارکان، ایوان کے لحاظ سے
home-members-lede = { $members ->
    [one] ایک ادارہ، { $chambers ->
        [one] ایک ایوان سے
       *[other] { $chambers } ایوانوں سے
    } شامل ہو چکا ہے۔
   *[other] { $members } ادارے، { $chambers ->
        [one] ایک ایوان سے
       *[other] { $chambers } ایوانوں سے
    } شامل ہو چکے ہیں۔
}
home-members-none = ابھی کوئی شامل نہیں ہوا۔
home-how = یہ کیسے کام کرتا ہے
home-how-declare = اعلان
home-how-declare-text = جو بھی آلات لگائے، اسے پہلے سب کے سامنے بتانا ہو گا کہ وہ کیا ناپتے ہیں، کیوں، اور یہ کس کو ملتا ہے۔
home-how-license = اجازت
home-how-license-text = اتحاد کی اجازت کے بغیر آلات کی بھیجی ہوئی کوئی چیز اندر نہیں آتی۔
home-how-choose = انتخاب
home-how-choose-text = جو آپ نہیں چاہتے اسے بند کر دیں، یا کم درست کر دیں۔ آپ کا فیصلہ اگلے ہی پیغام سے لاگو ہوتا ہے۔
home-how-prove = ثبوت
home-how-prove-text = اتحاد کے فیصلے ایک عوامی ریکارڈ میں درج ہوتے ہیں جسے کوئی چپکے سے بدل نہیں سکتا۔

member-chamber = ایوان
member-deployments = اس کے چلائے ہوئے آلات
member-deployments-none = یہ رکن کوئی آلہ نہیں چلاتا۔
member-record = عوامی ریکارڈ میں
member-record-none = ریکارڈ میں اس رکن کے بارے میں ابھی کچھ نہیں۔

