# What a new version of a notice changes for people.

diff-heading-more = اب زیادہ ظاہر ہو گا، یا آپ کے پاس اختیار کم ہو گا
diff-heading-other = دوسری تبدیلیاں
diff-heading-less = اب کم ظاہر ہو گا، یا آپ کے پاس اختیار زیادہ ہو گا
diff-none = لوگوں کے لیے کچھ نہیں بدلتا۔

diff-flow-new = اب سے ”{ $field }“ { $recipient } کو بھی جائے گا ({ $purpose })۔ کتنا درست: { $now }۔
diff-flow-gone = ”{ $field }“ اب { $recipient } کو نہیں جائے گا ({ $purpose })۔
diff-becomes-exact = ”{ $field }“ اب { $recipient } کو بالکل درست ملے گا ({ $purpose })۔ پہلے: { $was }۔
diff-more-exact = ”{ $field }“ اب { $recipient } کو پہلے سے زیادہ درست ملے گا ({ $purpose })۔ اب: { $now }۔ پہلے: { $was }۔
diff-less-exact = ”{ $field }“ اب { $recipient } کو پہلے سے کم درست ملے گا ({ $purpose })۔ اب: { $now }۔ پہلے: { $was }۔
diff-shown-otherwise = ”{ $field }“ اب { $recipient } کو دوسری شکل میں ملے گا ({ $purpose })۔ اب: { $now }۔ پہلے: { $was }۔

diff-field-added = نئی چیز: ”{ $field }“ بھی ناپا جائے گا۔
diff-field-removed = ”{ $field }“ اب نہیں ناپا جائے گا۔
diff-field-changed = ”{ $field }“ کا نام، اکائی یا قسم بدل رہی ہے۔
diff-sensitivity = ”{ $field }“ کے بارے میں اعلان نامہ اب کہتا ہے: { $now }۔ پہلے: { $was }۔
diff-range-wider = ”{ $field }“ کی اب زیادہ پیمائشیں قبول ہوں گی۔
diff-range-narrower = ”{ $field }“ کی اب کم پیمائشیں قبول ہوں گی۔
diff-range-other = ”{ $field }“ کی اب دوسری پیمائشیں قبول ہوں گی۔
diff-level-lost = ”{ $field }“ کے لیے آپ اب یہ نہیں چن سکتے: { $level }۔
diff-level-gained = ”{ $field }“ کے لیے آپ اب یہ بھی چن سکتے ہیں: { $level }۔
diff-roles-lost = ”{ $field }“ پر اب ان لوگوں کا اختیار نہیں رہے گا: { $roles }۔
diff-roles-gained = ”{ $field }“ پر اب ان لوگوں کا بھی اختیار ہو گا: { $roles }۔
diff-role-holder = جس کے پاس آلہ ہے
diff-role-household = جو وہاں رہتا ہے جہاں آلہ ہے
diff-role-occupant = جو کچھ دیر کے لیے وہاں ہو
diff-subject-new = اب سے ”{ $field }“ بتائے گا کہ پیغام کس کے بارے میں ہے۔
diff-subject-gone = ”{ $field }“ اب نہیں بتائے گا کہ پیغام کس کے بارے میں ہے۔

diff-purpose-added = نیا مقصد: { $purpose }۔ { $why }
diff-purpose-removed = یہ مقصد ختم ہو گیا: { $purpose }۔
diff-purpose-changed = مقصد ”{ $purpose }“ کی وضاحت بدل گئی ہے: { $why }
diff-recipient-added = نیا وصول کنندہ: { $recipient }۔ { $terms }
diff-recipient-removed = { $recipient } کو اب کچھ نہیں ملے گا۔
diff-recipient-changed = { $recipient } کا نام یا شرائط بدل گئی ہیں۔ اب شرائط یہ ہیں: { $terms }
diff-party = { $recipient } کی حیثیت اب یہ ہے: { $now }۔ پہلے: { $was }۔
diff-party-controller = وہ ادارہ جو آلات چلاتا ہے
diff-party-processor = اس کے حکم پر کام کرنے والا ادارہ
diff-party-third-party = کوئی دوسرا
diff-party-public = سب لوگ
diff-country-new = { $recipient } اب دوسرے ملک میں ڈیٹا پر کام کرے گا: { $country }۔
diff-country-gone = { $recipient } اب دوسرے ملک میں ڈیٹا پر کام نہیں کرے گا۔

diff-basis-consent = { $purpose }: اب یہ تب تک بند رہے گا جب تک آپ ہاں نہ کہیں۔ بات ان کی ہے: { $fields }۔
diff-basis-on = { $purpose }: اب آپ سے پہلے نہیں پوچھا جائے گا۔ یہ اب سے چالو ہے، جب تک آپ بند نہ کریں: { $fields }۔ وجہ یہ بتائی گئی ہے: { $basis }۔
diff-basis-free = { $purpose }: اب آپ اسے بند کر سکتے ہیں: { $fields }۔
diff-basis-bound = { $purpose }: اب آپ اسے بند نہیں کر سکتے: { $fields }۔ وجہ یہ بتائی گئی ہے: { $basis }۔
diff-basis-other = { $purpose }: { $fields } کی وجہ بدل گئی ہے۔ اب: { $basis }۔ آپ کا اختیار وہی رہے گا۔
diff-kept-longer = { $purpose }: اب زیادہ عرصہ رکھا جائے گا: { $fields }۔ اب: { $now }۔ پہلے: { $was }۔
diff-kept-shorter = { $purpose }: اب کم عرصہ رکھا جائے گا: { $fields }۔ اب: { $now }۔ پہلے: { $was }۔
diff-stored = ڈیٹا رکھنے کی جگہ بدل رہی ہے۔ اب: { $place }
diff-stored-for = { $purpose }: اسے رکھنے کی جگہ بدل رہی ہے۔
diff-bystanders-new = اب سے آس پاس کے لوگ بھی آلات میں آ سکتے ہیں: { $text }
diff-bystanders-gone = اعلان نامہ اب یہ نہیں کہتا کہ آس پاس کے لوگ آلات میں آتے ہیں۔
diff-bystanders-changed = آس پاس کے لوگوں کے بارے میں اعلان نامے کی بات بدل گئی ہے۔ اب: { $text }

diff-model-added = نئی چیز: { $model } خود بخود ڈیٹا پر کام کرے گا۔ یہ طے کرتا ہے: { $decides } { $when }
diff-model-removed = { $model } اب ڈیٹا پر کام نہیں کرے گا۔
diff-model-changed = { $model } جو طے کرتا ہے وہ بدل گیا ہے۔ اب: { $decides } { $when }
diff-fed = { $model } کو اب یہ بھی دیا جائے گا: { $fields }۔
diff-makes = { $model } اب یہ بھی خود نکالتا ہے: { $fields }۔
diff-model-when = ورژن { $version }، { $day } سے کام پر۔
diff-not-fed = { $model } کو اب یہ نہیں دیا جائے گا: { $fields }۔
diff-switch-added = اب آلہ خود یہ ناپنا بند کر سکتا ہے: { $fields }۔
diff-switch-removed = اب آلے سے یہ ناپنا بند نہیں کرایا جا سکتا: { $fields }۔
diff-switch-changed = آلے سے ناپنا بند کرانے کا طریقہ ان کے لیے بدل رہا ہے: { $fields }۔
diff-command-added = اب دوسرے آلے سے یہ کروا سکیں گے: { $command }۔
diff-command-removed = اب دوسرے آلے سے یہ نہیں کروا سکیں گے: { $command }۔
diff-command-changed = اس کا کام، اسے مانگنے والے، یا اسے روکنے کی صورتیں بدل رہی ہیں: { $command }۔
diff-controller = اب سے { $now } آلات چلائے گا۔ پہلے: { $was }۔
diff-contact = پوچھنے کا دفتر بدل رہا ہے: { $name }، { $email }۔
diff-description = نام، جگہ یا خلاصہ بدل رہا ہے۔
diff-format = آلات اپنے پیغام دوسرے طریقے سے لکھیں گے۔ آپ کے لیے کچھ نہیں بدلتا۔
