//! Ed25519 keys of signed notes: names, key ids and the text form of verifier keys (C2SP `signed-note`); of a log, and of a witness.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::hash::sha256;

/// Signature type of plain Ed25519 note signatures.
const ED25519_TYPE: u8 = 0x01;

/// Signature type of Ed25519 cosignatures (C2SP `tlog-cosignature`).
const COSIGNATURE_TYPE: u8 = 0x04;

/// Length of an Ed25519 seed and of an Ed25519 public key (RFC 8032).
const KEY_BYTES: usize = 32;

/// A key name that is empty or contains a space, a control character or `+`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key name `{name}` must not be empty or contain spaces, control characters or `+`")]
pub struct KeyNameError {
    /// The refused name.
    pub name: String,
}

/// Why a text is not a verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// Not three parts joined by `+`, the last one base64.
    #[error("verifier key is not `<name>+<key id>+<base64 key>`")]
    Malformed,
    /// The name cannot be a key name.
    #[error("verifier key has an unusable name")]
    Name(#[source] KeyNameError),
    /// A key for signatures of another type (a witness's where a log's is wanted, or the other way round), or of the wrong length.
    #[error("verifier key is not an Ed25519 key of the kind that is wanted here")]
    OtherKind,
    /// The key id does not belong to this name and key: a typing error or a mix of two keys.
    #[error("verifier key id `{id}` does not belong to this name and key")]
    WrongId {
        /// The id in the text.
        id: String,
    },
}

/// The secret half of a log's key. The seed is wiped from memory on drop.
///
/// The expanded key exists only while a signature is made.
pub struct Signer {
    secret: Secret,
    verifier: Verifier,
}

impl Signer {
    /// A signer from a 32-byte secret seed. The name is also the log's origin, by convention a URL without scheme.
    pub fn new(name: &str, seed: &[u8; KEY_BYTES]) -> Result<Signer, KeyNameError> {
        let secret = Secret(Zeroizing::new(*seed));
        let verifier = PublicKey::new(ED25519_TYPE, name, secret.public_key()).map(Verifier)?;
        Ok(Signer { secret, verifier })
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The Ed25519 signature of a text (RFC 8032).
    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        self.secret.sign(text)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// The public half of a log's key. Prints as, and parses from, `<name>+<key id>+<base64 key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier(PublicKey);

impl Verifier {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Verifier, VerifierError> {
        PublicKey::parse(ED25519_TYPE, text).map(Verifier)
    }

    /// The key's name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The short identifier that signatures carry beside the name.
    pub fn key_id(&self) -> u32 {
        self.0.id
    }

    /// Whether this key made the signature over the text.
    pub(crate) fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        self.0.accepts(text, signature)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

/// The secret half of a witness's key. The seed is wiped from memory on drop.
///
/// A seed must be of one witness alone: what is signed does not say the witness's name.
pub struct WitnessSigner {
    secret: Secret,
    verifier: WitnessVerifier,
}

impl WitnessSigner {
    /// A signer from a 32-byte secret seed. The name is by convention a URL without scheme.
    pub fn new(name: &str, seed: &[u8; KEY_BYTES]) -> Result<WitnessSigner, KeyNameError> {
        let secret = Secret(Zeroizing::new(*seed));
        let key = PublicKey::new(COSIGNATURE_TYPE, name, secret.public_key());
        let verifier = key.map(WitnessVerifier)?;
        Ok(WitnessSigner { secret, verifier })
    }

    /// The public half.
    pub fn verifier(&self) -> &WitnessVerifier {
        &self.verifier
    }

    /// The Ed25519 signature of a text (RFC 8032).
    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        self.secret.sign(text)
    }
}

impl fmt::Debug for WitnessSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessSigner")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// The public half of a witness's key. Prints as, and parses from, `<name>+<key id>+<base64 key>`; a log's key is none.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessVerifier(PublicKey);

impl WitnessVerifier {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<WitnessVerifier, VerifierError> {
        PublicKey::parse(COSIGNATURE_TYPE, text).map(WitnessVerifier)
    }

    /// The witness's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The short identifier that cosignatures carry beside the name.
    pub fn key_id(&self) -> u32 {
        self.0.id
    }

    /// Whether this key made the signature over the text.
    pub(crate) fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        self.0.accepts(text, signature)
    }
}

impl fmt::Display for WitnessVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WitnessVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessVerifier({self})")
    }
}

/// A named Ed25519 key for signatures of one type.
#[derive(Clone, PartialEq, Eq)]
struct PublicKey {
    kind: u8,
    name: String,
    id: u32,
    bytes: [u8; KEY_BYTES],
}

impl PublicKey {
    fn new(kind: u8, name: &str, bytes: [u8; KEY_BYTES]) -> Result<Self, KeyNameError> {
        if !is_key_name(name) {
            return Err(KeyNameError {
                name: name.to_owned(),
            });
        }
        let id = key_id(kind, name, &bytes);
        let name = name.to_owned();
        Ok(Self {
            kind,
            name,
            id,
            bytes,
        })
    }

    fn parse(kind: u8, text: &str) -> Result<Self, VerifierError> {
        // Neither name nor key id contains a plus; the base64 key may.
        let (name, rest) = text.split_once('+').ok_or(VerifierError::Malformed)?;
        let (id, key) = rest.split_once('+').ok_or(VerifierError::Malformed)?;
        let key = STANDARD.decode(key).map_err(|_| VerifierError::Malformed)?;
        let bytes = match key.split_first() {
            Some((found, bytes)) if *found == kind => bytes.try_into().ok(),
            _ => None,
        };
        let bytes = bytes.ok_or(VerifierError::OtherKind)?;
        let key = Self::new(kind, name, bytes).map_err(VerifierError::Name)?;
        if id == key.id_text() {
            Ok(key)
        } else {
            Err(VerifierError::WrongId { id: id.to_owned() })
        }
    }

    fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes)
            .verify(text.as_bytes(), signature)
            .is_ok()
    }

    fn id_text(&self) -> String {
        format!("{:08x}", self.id)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind];
        key.extend_from_slice(&self.bytes);
        let (name, id) = (&self.name, self.id_text());
        write!(f, "{name}+{id}+{}", STANDARD.encode(key))
    }
}

/// Whether a text can name a key: not empty, no Unicode space, no control character, no plus.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|it| it.is_whitespace() || it.is_control() || it == '+')
}

/// The first four bytes of SHA-256 over name, newline, signature type and public key.
fn key_id(kind: u8, name: &str, public_key: &[u8; KEY_BYTES]) -> u32 {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend_from_slice(&[b'\n', kind]);
    bytes.extend_from_slice(public_key);
    let [a, b, c, d, ..] = sha256(&bytes).0;
    u32::from_be_bytes([a, b, c, d])
}

/// A seed of Ed25519 (RFC 8032), wiped from memory on drop.
struct Secret(Zeroizing<[u8; KEY_BYTES]>);

impl Secret {
    fn public_key(&self) -> [u8; KEY_BYTES] {
        let mut public_key = [0; KEY_BYTES];
        public_key.copy_from_slice(self.key_pair().public_key().as_ref());
        public_key
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        self.key_pair().sign(text.as_bytes()).as_ref().to_vec()
    }

    #[expect(
        clippy::expect_used,
        reason = "the length is the only thing checked of a seed, and the type fixes it"
    )]
    fn key_pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(self.0.as_slice())
            .expect("a seed of 32 bytes is always a key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn verifier_key_of_the_specification_parses_and_prints() {
        let verifier = Verifier::parse(EXAMPLE).unwrap();
        assert_eq!(
            (verifier.name(), verifier.key_id()),
            ("example.com/foo", 0x530d_903a)
        );
        assert_eq!(verifier.to_string(), EXAMPLE);
    }

    #[track_caller]
    fn check_refused(text: &str, expected: VerifierError) {
        assert_eq!(Verifier::parse(text), Err(expected), "`{text}`");
    }

    #[test]
    fn other_verifier_keys_are_refused() {
        let wrong_id = |id: &str| VerifierError::WrongId { id: id.to_owned() };
        check_refused("", VerifierError::Malformed);
        check_refused("example.com/foo+530d903a", VerifierError::Malformed);
        check_refused(EXAMPLE.trim_end_matches('k'), VerifierError::Malformed);
        check_refused(&format!("{EXAMPLE}\n"), VerifierError::Malformed);
        check_refused(
            &EXAMPLE.replace("530d903a", "530D903A"),
            wrong_id("530D903A"),
        );
        check_refused(
            &EXAMPLE.replace("530d903a", "530d903b"),
            wrong_id("530d903b"),
        );
        check_refused(&EXAMPLE.replace("foo", "bar"), wrong_id("530d903a"));
        check_refused(&EXAMPLE.replace("+Aeky", "+Beky"), VerifierError::OtherKind);
        check_refused(
            "example.com/foo+530d903a+AekyeRrm",
            VerifierError::OtherKind,
        );
        let name = KeyNameError {
            name: "a b".to_owned(),
        };
        check_refused(
            &EXAMPLE.replace("example.com/foo", "a b"),
            VerifierError::Name(name),
        );
    }

    #[test]
    fn unusable_key_names_are_refused() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{7f}b"] {
            assert_eq!(
                Signer::new(name, &[1; 32]).unwrap_err(),
                KeyNameError {
                    name: name.to_owned()
                }
            );
        }
    }

    #[test]
    fn debug_of_a_signer_hides_the_seed() {
        let signer = Signer::new("example.com/log", &[0xab; 32]).unwrap();
        let debug = format!("{signer:?}");
        assert_eq!(
            debug,
            format!("Signer {{ verifier: Verifier({}), .. }}", signer.verifier())
        );
        assert!(!debug.contains("171") && !debug.to_lowercase().contains("abab"));
    }
}
