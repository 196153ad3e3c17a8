//! Passwords that are tried first: what stands at the top of every published count of leaked passwords, written down here from
//! common knowledge, in the forms in which it gets long enough: repeated, with digits behind it, one after the other.
//!
//! A list of fifteen characters and more would be short: most people who are made to write more repeat themselves. So the
//! password is taken apart into such words and runs; when less than [`OWN_CHARS`] characters are left, it is one of those.

/// How many characters must be somebody's own.
const OWN_CHARS: usize = 6;

/// Longer ones first, so that `password` is found before `pass`.
const WORDS: [&str; 64] = [
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv",
    "zaq12wsxcde34rfv",
    "pakistanzindabad",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r5t",
    "q1w2e3r4t5",
    "1qaz2wsx",
    "zaq12wsx",
    "bismillah",
    "alhamdulillah",
    "mashallah",
    "inshallah",
    "allahuakbar",
    "muhammad",
    "mohammad",
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "pa55word",
    "passwort",
    "changeme",
    "letmein",
    "welcome",
    "iloveyou",
    "princess",
    "sunshine",
    "football",
    "baseball",
    "superman",
    "batman",
    "pakistan",
    "islamabad",
    "lahore",
    "karachi",
    "zindabad",
    "cricket",
    "computer",
    "internet",
    "samsung",
    "facebook",
    "whatsapp",
    "trustno1",
    "starwars",
    "whatever",
    "administrator",
    "admin",
    "default",
    "secret",
    "master",
    "dragon",
    "monkey",
    "shadow",
    "qwerty",
    "asdfgh",
    "abcdef",
    "abc123",
    "amanat",
    "hello",
    "login",
    "pass",
];

/// Whether a password is one that is tried first by somebody who knows the name that goes with it.
pub(super) fn is(password: &str, name: &str) -> bool {
    let mut rest = password.to_lowercase();
    let mut words: Vec<_> = WORDS.to_vec();
    words.sort_by_key(|it| std::cmp::Reverse(it.len()));
    words.insert(0, name);
    for word in words {
        rest = rest.replace(word, "\n");
    }
    let left: Vec<char> = rest.chars().filter(|it| *it != '\n').collect();
    own(&left) < OWN_CHARS || repeats(password)
}

/// How many characters do not follow from those before them: neither the same, nor the next or the last in order, nor such that
/// stand behind nearly every password.
fn own(text: &[char]) -> usize {
    let steps = text.windows(2).filter(|pair| match pair {
        [before, after] => {
            let (before, after) = (u32::from(*before), u32::from(*after));
            before.abs_diff(after) > 1 && !(before == u32::from('9') && after == u32::from('0'))
        }
        _ => false,
    });
    let first = usize::from(!text.is_empty());
    steps.count() + first
}

/// Whether a text is one piece of at most a third of it, again and again.
fn repeats(text: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let same = |size: usize| text.iter().zip(text.iter().skip(size)).all(|(a, b)| a == b);
    (1..=text.len() / 3).any(same)
}
