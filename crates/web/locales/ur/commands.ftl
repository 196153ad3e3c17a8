# آلات کو حکم: دوسرے ان سے کیا کروا سکتے ہیں، اور کیا کروایا گیا۔

notice-commands = دوسرے ان آلات سے کیا کروا سکتے ہیں
notice-commands-lede = ان میں سے ہر کام نام لے کر مانگا جاتا ہے، { $days } دن تک درج رہتا ہے، اور جہاں محفوظ نہ ہو یا آلہ کوئی نئی خبر نہ دے وہاں روک دیا جاتا ہے۔
notice-command-who = { $recipients }، ”{ $purpose }“ کے لیے
notice-command-arguments = اسے یہ بتایا جا سکتا ہے: { $arguments }
notice-command-refused = ان صورتوں میں، یا جب ہمیں علم نہ ہو، روک دیا جاتا ہے:
notice-command-never = حفاظت کی وجہ سے کبھی نہیں روکا جاتا۔
notice-command-touches = جب تک لوگوں نے یہ بند رکھا ہو، روک دیا جاتا ہے: { $fields }
notice-command-expires = اگر آلہ اسے { $seconds } سیکنڈ میں نہ لے تو پھر کبھی نہیں بھیجا جاتا۔
notice-commands-counts = پچھلے { $days } دنوں میں: { $sent } روکے گئے: { $refused }
notice-commands-few = { $count } سے کم۔
notice-commands-many = { $count }۔
command-argument-number = { $name } ({ $min } سے { $max } { $unit } تک)
command-argument-plain-number = { $name } ({ $min } سے { $max } تک)
command-argument-boolean = { $name } (ہاں یا نہیں)
command-argument-choice = { $name } ({ $words })

command-log = دوسروں نے آلات سے کیا کروایا
command-log-lede = کس نے کیا مانگا، اور اس کا کیا بنا۔ { $days } دن تک درج رہتا ہے۔
command-log-line = { $moment } · { $thing }: { $command }۔ مانگنے والا: { $recipient }۔ { $outcome }
command-log-line-told = { $moment } · { $thing }: { $command } ({ $arguments })۔ مانگنے والا: { $recipient }۔ { $outcome }
command-queued = آلے کا انتظار ہے۔
command-sent = آلے کو بھیج دیا گیا۔
command-acknowledged = آلے کو مل گیا۔
command-confirmed = آلے نے کر دیا۔
command-expired = آلے نے وقت پر نہیں لیا۔ اسے بھیجا نہیں گیا۔
command-unknown = اس وقت ہمارا سرور بند ہو گیا۔ معلوم نہیں کہ آلے کو ملا یا نہیں۔
command-refused-interlock = لوگوں کی حفاظت کے لیے روکا گیا: { $why }
command-refused-some-interlock = لوگوں کی حفاظت کے لیے روکا گیا۔
command-refused-off = روکا گیا، کیونکہ آپ نے یا دوسروں نے یہ بند کر رکھا ہے۔
command-refused-right = روکا گیا، کیونکہ مانگنے کی اجازت ختم ہو چکی تھی۔
command-refused-changed = روکا گیا، کیونکہ اعلان بدل گیا۔
command-refused-arguments = روکا گیا، کیونکہ اعلان کے مطابق نہیں مانگا گیا تھا۔
