# The frame around every page, and the pages that say no.

brand = Amanat
brand-line = held in trust
page-title = { $page } – Amanat
skip-to-content = Skip to the content
nav-label = Main menu
nav-home = The alliance
nav-record = Public record
nav-cases = Cases
nav-me = My data
nav-office = Office
nav-sign-in = Sign in
nav-sign-out = Sign out
language-other = اردو
footer-promise = Amanat lets in only what was declared in public, licensed by the alliance, and chosen by the people it concerns.
footer-wrong = Something is wrong? Say so

list-comma = { ", " }
date-day = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }
date-weekday = { $weekday ->
    [1] Monday
    [2] Tuesday
    [3] Wednesday
    [4] Thursday
    [5] Friday
    [6] Saturday
   *[7] Sunday
}, { $date }
date-moment = { $date }, { $time }

error-bad-request-title = We could not read that
error-bad-request = Something in the request was not as it should be. Nothing was changed. Go back and try again.
error-form-title = This form is too old
error-form = You signed in or out after you opened the form, or it came from another site. Nothing was changed. Open the page again and send the form once more.
error-denied-title = You may not do this
error-denied = Your account does not have the right to do this. Nothing was changed.
error-not-found-title = There is no such page
error-not-found = The address may be wrong, the page may be gone, or it may be open only to others.
error-method-title = This address works in another way
error-method = The page exists, but not for this kind of request. Nothing was changed.
error-conflict-title = Somebody was faster
error-conflict = What you wanted to change has changed since you opened the page. Your change was not made. Open the page again and look.
error-waits-title = Another officer has to agree
error-waits = What you asked for takes two officers. It was checked and kept, and nothing is in force yet. Another officer agrees to it or refuses it.
error-too-large-title = That was too long
error-too-large = The text you sent is longer than we take. Nothing was changed. Go back and make it shorter.
error-internal-title = Something broke on our side
error-internal = It is not your fault, and it was written down. Please try again in a while.
error-busy-title = We are not ready yet
error-busy = The system is starting or busy. Nothing was changed. Please try again in a minute.
error-unsettled-title = We do not know whether it was done
error-unsettled = The database stopped answering just as your change was written. It may be in force, or it may not. Open the page again and look before you send it once more.
error-home = Go to the first page
error-sign-in = Sign in
error-summary-title = There is a problem
