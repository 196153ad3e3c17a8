# Signing in, the safety of an account, and who may read a person's data.

sign-in-title = Sign in
sign-in-lede = Use a passkey, or your name and password. The first time, you sign in with a link that works once.
sign-in-lede-plain = Use your name and password. The first time, you sign in with a link that works once.
passkey-title = Passkey
passkey-what = A passkey is a key in your telephone or computer. You unlock it there, with a finger, your face or a PIN. There is nothing to remember, and nothing that another site could steal.
passkey-use = Go on with a passkey
passkey-not-used = The passkey was not used. You may have stopped it, or it took too long. Try again, or take another way.
passkey-not-taken = This passkey was not accepted. Try again, or take another way.
passkey-not-made = No passkey was made. You may have stopped it, or this device has one for this account already. Nothing was changed.
sign-in-password-title = Name and password
sign-in-name = Sign-in name
sign-in-password = Password
sign-in-button = Sign in
sign-in-wrong = Name and password do not fit together. Check both and try again.
sign-in-wait = There were too many wrong tries. Wait an hour, or take another way to sign in.
sign-in-code-title = If you have lost everything else
sign-in-code-lede = A recovery code signs you in once. You were shown the codes when you made them.
sign-in-code = Recovery code
sign-in-code-button = Sign in with the code
sign-in-code-wrong = This code does not work. It may have a typing mistake, or be used already.
sign-in-how = How to get a link
sign-in-how-ask = For a new account, ask the office that runs the devices, or the alliance office, for a sign-in link.
sign-in-how-lost = If you have used your account before and have no way in left, a new link takes at least three days. A second person must agree, and you can refuse it.
sign-in-how-demo = If you run the demo on your own machine, the link is printed where you started it.
sign-in-how-keep = Do not pass the link on: whoever first presses the button on its page is signed in as you.
sign-in-read = You can read every notice and the public record without signing in.
sign-in-once-title = Sign in with this link
sign-in-once-lede = The link works once. Opening this page does not use it up. Pressing the button does.
sign-in-once-button = Sign me in
sign-in-gone-title = This link no longer works
sign-in-gone = It was used already, or it is too old. Ask for a new one.
sign-in-again = How to get a new link

safety-link = Safety of your account
safety-title = Safety of your account
safety-lede = Here you see how you sign in and where you are signed in, and you change both.
safety-to-events = What happened lately
safety-to-access = Who may read my data
safety-ways = How you sign in
safety-ways-none = So far only a link signs you in. Add a passkey or a password now, and make recovery codes. Then you need nobody to get in.
safety-added = Since { $day }. Not used yet.
safety-added-used = Since { $day }. Last used: { $used }.
safety-name-is = name: { $name }
safety-remove = Remove “{ $name }”
safety-password-remove = Remove the password
safety-codes = Recovery codes
safety-codes-left = { $count ->
    [0] none left
    [one] one left
   *[other] { $count } left
}
safety-last-title = This is your last way to sign in
safety-last = Without it, only a recovery code gets you in. If you have none, you must ask for a new link, and that takes at least three days.
safety-last-button = Remove it all the same
safety-prove = To change this, show that it is you
safety-prove-lede = You signed in a while ago. Somebody else could be sitting here. After this you have ten minutes.
safety-prove-button = It is me
safety-prove-code-button = Use up a recovery code
safety-add = Add a way to sign in
safety-passkey-add = Add a passkey
safety-passkey-name = What do you call this device?
safety-passkey-button = Make a passkey
safety-passkey-not-here = Passkeys do not work at this address: they need a site with a name. A password and recovery codes do.
safety-password-set = Set a name and a password
safety-name-hint = 3 to 32 small letters from a to z, digits, dots or hyphens. Nobody else sees it.
safety-password-new = New password
safety-password-hint = At least { $least } characters, { $most } at most. Four words that do not belong together are good. All letters and spaces are fine, and you may paste it. Your other devices are signed out.
safety-password-button = Set the password
safety-codes-make = Make recovery codes
safety-codes-what = You get eight codes to write down or print. Each signs you in once. Codes from before stop working.
safety-codes-button = Make eight new codes
safety-sessions = Where you are signed in
safety-sessions-lede = Each sign-in ends by itself after 30 days, or when it was not used for 14 days. If you do not know one of these, sign it out and change how you sign in.
safety-device = { $browser }, { $system }
safety-session-this = you are here
safety-session-link = Signed in with a link: { $since }. Last seen: { $seen }.
safety-session-password = Signed in with a password: { $since }. Last seen: { $seen }.
safety-session-passkey = Signed in with a passkey: { $since }. Last seen: { $seen }.
safety-session-code = Signed in with a recovery code: { $since }. Last seen: { $seen }.
safety-session-end = Sign out there
safety-others-end = Sign out everywhere else
safety-done-proved = Good: it is you. For ten minutes you can change how you sign in.
safety-done-password = Your password is set. All other places were signed out.
safety-done-password-removed = Your password is removed.
safety-done-passkey = Your passkey is added.
safety-done-passkey-removed = The passkey is removed. All other places were signed out.
safety-done-session = That place is signed out.
safety-done-others = All other places are signed out.
safety-done-refused = You refused it. Nobody gets a link with this request any more, and the record says that it was refused.
safety-not-proved = Nothing was changed. First show below that it is you.
safety-wrong = That was not right. Nothing was changed.
safety-bad-name = A name has 3 to 32 small letters from a to z, digits, dots or hyphens. Nothing was changed.
safety-name-taken = This name cannot be used. Choose another one. Nothing was changed.
safety-password-short = This password is too short: it needs { $least } characters. Nothing was changed.
safety-password-long = This password is too long: { $most } characters are the most. Nothing was changed.
safety-password-common = Many people use passwords like this, so it is tried first. Take words of your own. Nothing was changed.
safety-bad-passkey-name = Give the device a name of at most 40 characters. Nothing was changed.
safety-passkey-many = You have five passkeys, which is the most. Remove one first.
safety-passkey-known = This passkey is there already.

browser-firefox = Firefox
browser-chrome = Chrome
browser-edge = Edge
browser-opera = Opera
browser-samsung = Samsung browser
browser-safari = Safari
browser-other = another browser
system-android = Android
system-iphone = iPhone
system-ipad = iPad
system-windows = Windows
system-mac = Mac
system-linux = Linux
system-other = device not known

codes-title = Your recovery codes
codes-lede = You see these codes only now. Write them down, or print this page, and keep the paper in a safe place.
codes-keep = Each code signs you in once. Whoever has one can sign in as you. If the paper is lost, make new codes: the old ones stop working then.
codes-kept = I have kept them

events-title = What happened lately
events-lede = The last { $count } events, for { $days } days. We keep what happened, when, and the kind of browser. We do not keep the address of your network.
events-none = Nothing has happened yet.
events-back = Safety of your account
event-signed-in-link = Signed in with a link
event-signed-in-password = Signed in with a password
event-signed-in-passkey = Signed in with a passkey
event-signed-in-code = Signed in with a recovery code
event-wrong-password = { $count ->
    [one] Somebody tried a wrong password
   *[other] Somebody tried a wrong password, { $count } times within a day of each other
}
event-passkey-copied = A passkey was refused: its counter went back, so somebody may have copied it. Remove it.
event-password-set = The password was set
event-password-removed = The password was removed
event-passkey-added = A passkey was added
event-passkey-removed = A passkey was removed
event-codes-made = New recovery codes were made
event-session-ended = A place was signed out from another
event-others-ended = All other places were signed out
event-access-asked = Whoever runs this server asked for a way into your account
event-access-approved = A second person agreed to a way into your account
event-access-refused = You refused a way into your account
event-access-used = Whoever runs this server made a link to your account
event-credential-renewed = One of your devices got a new credential
event-credential-revoked = The credential of one of your devices was ended
event-export-brought-back = Whoever runs this server brought a file of your data back into this account
event-own-key-added = A key of your own was added
event-own-key-proved = The secret half of a key of your own was shown
event-own-key-removed = A key of your own was taken out of use
event-sealing-begun = Your history began to be sealed to your own keys
event-sealing-stopped = Nothing more is sealed to your own keys

access-asked-title = Somebody asks for a way into your account
access-asked = Whoever runs this server asked for it: { $asked }. If a second person agrees, they can make a sign-in link to your account from { $ready } on. In the public record this has the number { $id }, without your name. If you did not ask for a new link yourself, refuse it.
access-refuse = Refuse

access-title = Who may read my data
access-lede = These offices may receive values about you now. Whether anything was sent, and when, stands under “My data”.
access-none = No device is linked to you, so nobody may read anything.
access-nobody = At this moment nobody but you may read anything from here.
access-reader = { $recipient }, for: { $purpose } ({ $count ->
    [one] one value
   *[other] { $count } values
})
access-more = and { $count ->
    [one] one more
   *[other] { $count } more
}
access-others = { $count ->
    [one] One other person is
   *[other] { $count } other people are
} sensed by a device together with you, and they see what it measures too.
access-more-places = { $count ->
    [one] One more place is not shown here.
   *[other] { $count } more places are not shown here.
}
access-office = Who else could look
access-office-you = You, wherever you are signed in.
access-office-operator = Whoever runs this server cannot sign in as you alone: a second person must agree, you are told and can refuse for at least three days, and it stands in the public record. If it ever happened, it stands here:
own-title = Keys of my own devices
own-lede = Each device of yours has a secret key by which we know it. If somebody else may have it, change it.
own-thing = Device
own-barred = no key now
own-renew-means = A new key: the old one stops at once, and the device sends nothing more until you have put the new key into it.
own-renew = Make a new key
own-revoke-means = No key: nothing that calls itself this device gets in any more, until you make a new key.
own-revoke = End the key
own-revoked = The key of this device is ended. Nothing comes in from it any more.
own-not-proved = Nothing was changed. First show on the page about the safety of your account that it is you.
own-token-title = A new key for your device
own-token-lede = You see this key of { $thing } only now. Put it into the device, or into the program that speaks for it.
own-token-then = The old key stopped working. Until the new one is in the device, nothing is recorded from it.

office-access-title = Access to accounts
office-access-lede = The operator wants to make a sign-in link to somebody’s account. That needs you as the second person. Every step stands in the public record, and the person can refuse.
office-access-none = No request waits.
office-access-when = Asked for: { $asked }. A link can be made from { $ready } on, until { $ends }.
office-access-check = Agree only if you have met the person yourself and they asked for a new link. Ask the operator for this number and compare it.
office-access-button = I have met the person, and I agree
office-access-done = You agreed. It stands in the public record.
office-access-not-own = Nothing was changed. To agree, sign in with a password or passkey of your own that you had seven days before the request.
office-access-gone = This request does not stand any more: it was refused, used, agreed to already, or it is too old.
office-to-access = Access to accounts
