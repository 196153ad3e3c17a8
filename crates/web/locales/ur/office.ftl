# The alliance office.

office-title = دفتر
office-lede = تمام آلات کی اجازتیں۔ ہر عمل آپ کی لکھی وجہ کے ساتھ فوراً عوامی ریکارڈ میں درج ہوتا ہے۔
office-none = ابھی کوئی آلہ درج نہیں ہوا۔
office-suspend = اجازت معطل کریں
office-suspend-hint = اگلے ہی پیغام سے ان آلات کی کوئی چیز قبول نہیں ہوگی۔
office-reinstate = اجازت پھر نافذ کریں
office-reinstate-hint = یہ آلات فوراً دوبارہ بھیج سکیں گے۔
office-reason = وجہ
office-reason-hint = یہ سب کو نظر آئے گی۔ سادہ الفاظ میں لکھیں، کسی شخص کا نام نہ لکھیں۔ زیادہ سے زیادہ { $limit } حروف۔
office-reason-missing = وجہ لکھیں: یہ عوامی ریکارڈ میں درج ہوگی۔
office-reason-long = وجہ { $length } حروف کی ہے۔ اسے { $limit } یا اس سے کم کریں۔
office-state-changed = اجازت کی حالت اب وہ نہیں جو آپ نے دیکھی تھی۔ صفحہ دوبارہ دیکھیں۔
office-done-suspended = { $title } کی اجازت معطل کر دی گئی۔ اب سے اس کے آلات کی کوئی چیز قبول نہیں ہوگی۔
office-done-reinstated = { $title } کی اجازت پھر سے نافذ ہے۔
office-done-entry = عوامی ریکارڈ میں یہ اندراج دیکھیں
office-no-act = اس حالت میں کوئی عمل ممکن نہیں۔
office-title-error = غلطی: { $title }
