//! The key of a repository, under a protection that also protects root keys.
//!
//! # Format
//! One line of ASCII: `amanat-backup-key-1 `, the word of the protection, a space, and what it wrote. It lies in the repository twice:
//! without it nothing there can be read.

use vault::{PassphraseError, Protection, ProtectionError};
use zeroize::Zeroizing;

use crate::seal::{KEY_BYTES, RepositoryKey, SealError};

const PREFIX: &str = "amanat-backup-key-1 ";
const ANY_VERSION: &str = "amanat-backup-key-";
/// A key file is never longer than this.
pub(crate) const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

/// The key of a repository could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The passphrase is another one.
    #[error("the passphrase is not that of this repository, or its key file was changed")]
    Wrong,
    /// The protection in the file is not the one at hand.
    #[error("the key of the repository is protected by `{word}`, and `{at_hand}` was given")]
    NotAtHand {
        /// The word in the file.
        word: String,
        /// What was given.
        at_hand: &'static str,
    },
    /// It is no key file.
    #[error("the key file of the repository is damaged")]
    Malformed,
    /// A later release wrote it.
    #[error("the key file of the repository is of a later version: use the release that wrote it")]
    Version,
    /// The key could not be protected or opened.
    #[error("the key of the repository could not be protected or opened")]
    Protection(#[source] ProtectionError),
    /// No randomness for a new key.
    #[error("a new key could not be made")]
    New(#[source] SealError),
}

/// The line of a new key file.
pub(crate) fn line(key: &RepositoryKey, protection: &dyn Protection) -> Result<String, KeyError> {
    let fields = protection
        .protect(key.bytes())
        .map_err(KeyError::Protection)?;
    Ok(format!("{PREFIX}{} {fields}\n", protection.word()))
}

/// The key out of the bytes of a key file.
pub(crate) fn open(bytes: &[u8], protection: &dyn Protection) -> Result<RepositoryKey, KeyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| KeyError::Malformed)?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let Some(rest) = line.strip_prefix(PREFIX) else {
        return Err(match line.strip_prefix(ANY_VERSION) {
            Some(rest) if rest.starts_with(|it: char| it.is_ascii_digit()) => KeyError::Version,
            _ => KeyError::Malformed,
        });
    };
    let (word, fields) = rest.split_once(' ').ok_or(KeyError::Malformed)?;
    if word != protection.word() {
        let is_word = !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase());
        return Err(match is_word {
            true => KeyError::NotAtHand {
                word: word.chars().take(32).collect(),
                at_hand: protection.word(),
            },
            false => KeyError::Malformed,
        });
    }
    let opened: Zeroizing<[u8; KEY_BYTES]> =
        protection.open(fields).map_err(|source| match source {
            ProtectionError::Passphrase(PassphraseError::Wrong(_)) => KeyError::Wrong,
            ProtectionError::Passphrase(PassphraseError::Malformed | PassphraseError::Cost) => {
                KeyError::Malformed
            }
            source => KeyError::Protection(source),
        })?;
    Ok(RepositoryKey::from_bytes(opened))
}
