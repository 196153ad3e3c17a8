//! Tokens and keyed hashes: the few places of this crate that make or compare secrets.

use std::borrow::Cow;
use std::fmt;

use data_encoding::BASE32_NOPAD;
use model::FieldKind;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

const TOKEN_BYTES: usize = 32;
const PSEUDONYM_BYTES: usize = 10;

/// A bearer secret: 256 random bits, shown once, kept only as a hash.
///
/// It is random, so a plain SHA-256 is enough: there is no dictionary to try.
pub struct Token(String);

impl Token {
    /// A fresh token.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()))
    }

    /// The secret itself. Write it to a file of mode 0600 or show it once; never log it.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Takes what somebody sent as a token.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What is kept of it: its SHA-256.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.hash().0
    }

    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is kept of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(crate) fn of(token: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token).as_ref());
        Self(hash)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells a token of ours from another of ours; tokens are random.
    pub(crate) fn start(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Whether both are of the same token, in constant time.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Whether `token` is the one that was hashed, in constant time.
    #[cfg(test)]
    pub(crate) fn matches(&self, token: &[u8]) -> bool {
        self.is(&Self::of(token))
    }
}

/// Lower-case hex SHA-256 of a public document.
#[must_use]
pub fn document_sha256(document: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, document).as_ref())
}

/// Keyed hashes of what identifies a person in a message: one for looking the person up, one per recipient.
pub(crate) struct Pseudonyms {
    lookup: hmac::Key,
    recipients: [u8; 32],
}

/// The keyed hash under which a person is looked up by a card number or plate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SubjectToken(pub(crate) [u8; 32]);

impl Pseudonyms {
    /// `lookup` and `recipients` are two independent keys.
    pub(crate) fn new(lookup: &[u8; 32], recipients: [u8; 32]) -> Self {
        Self {
            lookup: hmac::Key::new(hmac::HMAC_SHA256, lookup),
            recipients,
        }
    }

    /// The lookup hash of `text` as seen by `deployment`: the same card in two deployments stays unlinkable in rows.
    pub(crate) fn subject(&self, deployment: &str, text: &str) -> SubjectToken {
        let mut hash = [0; 32];
        hash.copy_from_slice(keyed(&self.lookup, deployment, text).as_ref());
        SubjectToken(hash)
    }

    /// The key under which `recipient` gets its own pseudonyms.
    pub(crate) fn recipient_key(&self, recipient: &str) -> hmac::Key {
        let root = hmac::Key::new(hmac::HMAC_SHA256, &self.recipients);
        hmac::Key::new(
            hmac::HMAC_SHA256,
            hmac::sign(&root, recipient.as_bytes()).as_ref(),
        )
    }
}

/// The text under which a person is looked up: a number has many spellings (`10`, `10.0`, `1e1`), a person one.
pub(crate) fn subject_text(text: &str, kind: FieldKind) -> Cow<'_, str> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if kind != FieldKind::Number {
        return Cow::Borrowed(text);
    }
    if let Ok(number) = text.parse::<i128>() {
        return Cow::Owned(number.to_string());
    }
    match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < EXACT => {
            Cow::Owned(format!("{number:.0}"))
        }
        Ok(number) => Cow::Owned(number.to_string()),
        Err(_) => Cow::Borrowed(text),
    }
}

/// What a recipient gets in place of what identifies a person: stable for it, useless to others.
pub(crate) fn pseudonym(key: &hmac::Key, deployment: &str, text: &str) -> String {
    let tag = keyed(key, deployment, text);
    let short = tag.as_ref().get(..PSEUDONYM_BYTES).unwrap_or_default();
    BASE32_NOPAD.encode(short).to_ascii_lowercase()
}

fn keyed(key: &hmac::Key, deployment: &str, text: &str) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(deployment.as_bytes());
    context.update(&[0]);
    context.update(text.as_bytes());
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_only_its_own_hash() {
        let token = Token::random().unwrap();
        assert_eq!(token.expose_secret().len(), 52);
        assert!(token.hash().matches(token.expose_secret().as_bytes()));
        assert!(!token.hash().matches(b""));
        assert!(
            !Token::random()
                .unwrap()
                .hash()
                .matches(token.expose_secret().as_bytes())
        );
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn a_number_is_one_person_however_it_is_written() {
        for text in ["10", "10.0", "1e1", "1.0E1", "+10"] {
            assert_eq!(subject_text(text, FieldKind::Number), "10");
        }
        assert_eq!(subject_text("-0.0", FieldKind::Number), "-0");
        assert_eq!(subject_text("1.50", FieldKind::Number), "1.5");
        assert_eq!(
            subject_text("92300123456789012345", FieldKind::Number),
            "92300123456789012345"
        );
        assert_eq!(subject_text("0010", FieldKind::Text), "0010");
    }

    #[test]
    fn pseudonyms_of_two_recipients_cannot_be_linked() {
        let pseudonyms = Pseudonyms::new(&[1; 32], [2; 32]);
        let a = pseudonyms.recipient_key("a");
        let b = pseudonyms.recipient_key("b");
        assert_eq!(
            pseudonym(&a, "bus", "card-7"),
            pseudonym(&a, "bus", "card-7")
        );
        assert_ne!(
            pseudonym(&a, "bus", "card-7"),
            pseudonym(&b, "bus", "card-7")
        );
        assert_ne!(
            pseudonym(&a, "bus", "card-7"),
            pseudonym(&a, "tram", "card-7")
        );
        assert_ne!(
            pseudonyms.subject("bus", "card-7"),
            pseudonyms.subject("tram", "card-7")
        );
    }
}
