# Taking a device with the code from its label, and the label.

claim-title = Take a device as yours
claim-lede = A device came to you with a code. Enter the code here to see what the device measures.
claim-sign-in = Sign in first. Then open the link on the label again.
claim-code = Code on the label
claim-code-hint = 16 letters and digits. Hyphens and capital letters make no difference.
claim-look = See what the device measures
claim-form = A code has 16 letters and digits. Look at the label again and correct what stands here.
claim-wrong = This code does not work. It may have a typing mistake, be used already, or be too old. Ask whoever gave you the device for a new one.
claim-wait = There were too many codes that do not work. Wait an hour and try again.
claim-measures = What it measures
claim-more = and { $count } more values
claim-read = Read the whole notice
claim-then = What happens then
claim-role-holder = The device counts as one that you own or carry.
claim-role-household = The device counts as one in the home where you live.
claim-role-occupant = The device counts as one in a place where you stay for a time.
claim-then-yours = From that moment you see what it measures, and you decide who else may have it. You do not see what was measured before.
claim-button = Link this device to me
claim-not-now = Not now
claim-done = { $thing } is linked to you from now on.
claim-done-then = What it measures from now on stands under “My data”.
claim-done-choose = Decide who may have its values

label-heading = This device comes with a code
label-how = Scan the picture, or open the address and enter the code. You will see what the device measures before anything happens.
label-until = The code works once, until { $day }.
