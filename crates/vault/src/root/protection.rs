//! What stands between a root key file and the root key.

use zeroize::Zeroizing;

use super::{PassphraseError, TransitError};
use crate::crypto::KEY_BYTES;

/// Protects a root key in its file. It must open what it made for as long as the file is there.
pub trait Protection: Send + Sync {
    /// The word in the file that says who opens it: lower-case letters.
    fn word(&self) -> &'static str;

    /// What is written behind the word: printable ASCII without line feeds, at most 12 KiB.
    ///
    /// # Errors
    /// When the key could not be protected.
    fn protect(&self, root: &Zeroizing<[u8; KEY_BYTES]>) -> Result<String, ProtectionError>;

    /// The key, from what is written behind the word.
    ///
    /// # Errors
    /// When it does not open, or whoever opens it does not answer.
    fn open(&self, fields: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, ProtectionError>;
}

/// A protection did not protect or open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectionError {
    /// The passphrase.
    #[error("the passphrase did not open the key, or could not be used")]
    Passphrase(#[from] PassphraseError),
    /// The key server.
    #[error("the key server did not open or protect the key")]
    Transit(#[from] TransitError),
}

/// Appends lower-case hexadecimal digits.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
}

/// Reads hexadecimal digits: exactly so many bytes.
pub(crate) fn parse_hex<const N: usize>(digits: &str) -> Option<Zeroizing<[u8; N]>> {
    let digits = digits.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = Zeroizing::new([0_u8; N]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        if !pair.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}
