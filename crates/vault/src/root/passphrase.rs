//! A root key under a passphrase.
//!
//! # What is written into the file
//! `argon2id M T P SALT SEALED`: memory in KiB, passes, lanes (decimal), 16 random bytes and the sealed key (hexadecimal). The key of 32
//! bytes that Argon2id (RFC 9106, version 0x13) makes of passphrase and salt seals the root key as a row is sealed (see `crypto`), with
//! the label `root-file`; associated data: the label and everything before the last space. So none of the numbers can be changed.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::private::{self, Unfit};
use super::protection::push_hex;
use super::{Protection, ProtectionError, parse_hex};
use crate::crypto::{CryptoError, KEY_BYTES, Label, NONCE_BYTES, SecretKey, Suite, TAG_BYTES};

/// A passphrase has at least so many bytes.
pub const MIN_PASSPHRASE_BYTES: usize = 12;
const MAX_PASSPHRASE_BYTES: usize = 4096;
const SALT_BYTES: usize = 16;
const SEALED_BYTES: usize = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES;
/// The second recommendation of RFC 9106, section 4: 64 MiB, three passes, four lanes.
const COST: Cost = Cost {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 4,
};
/// A file that asks for more is refused: no file of ours does.
const MAX_COST: Cost = Cost {
    memory_kib: 1024 * 1024,
    passes: 16,
    lanes: 16,
};

/// Protects a root key with a passphrase. Whoever has the file has to guess the passphrase, and each guess costs 64 MiB and time.
pub struct Passphrase {
    text: Zeroizing<String>,
    cost: Cost,
}

#[derive(Debug, Clone, Copy)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A passphrase could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The file with it could not be read.
    #[error("cannot read the passphrase file `{path}`")]
    File {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Others may read the file with it.
    #[error(
        "the passphrase file `{path}` is open to others (mode {mode:03o}): run `chmod 600 {path}`"
    )]
    OpenToOthers {
        /// Where.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },
    /// It is too short or too long.
    #[error(
        "a passphrase has {MIN_PASSPHRASE_BYTES} to {MAX_PASSPHRASE_BYTES} bytes, this one has {size_bytes}: take several words"
    )]
    Length {
        /// How long it is.
        size_bytes: usize,
    },
    /// The file of the root key does not say how the passphrase was stretched.
    #[error("the root key file is damaged: restore it from its backup")]
    Malformed,
    /// The file of the root key asks for more memory or time than any that we write.
    #[error("the root key file asks for too much memory or time: restore it from its backup")]
    Cost,
    /// Argon2id failed.
    #[error("the passphrase could not be stretched: {reason}")]
    Stretch {
        /// What it said.
        reason: String,
    },
    /// It is the wrong one.
    #[error("the passphrase is wrong, or the root key file was changed")]
    Wrong(#[source] CryptoError),
    /// The key could not be sealed.
    #[error("the key could not be sealed")]
    Seal(#[source] CryptoError),
}

impl Passphrase {
    /// A passphrase as it was typed.
    ///
    /// # Errors
    /// When it is too short or too long.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PassphraseError> {
        let size_bytes = text.len();
        if !(MIN_PASSPHRASE_BYTES..=MAX_PASSPHRASE_BYTES).contains(&size_bytes) {
            return Err(PassphraseError::Length { size_bytes });
        }
        Ok(Self { text, cost: COST })
    }

    /// The passphrase in a file that only its owner may read: a password file, or a credential of the service manager. A line feed at
    /// its end does not count.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or has no passphrase.
    pub fn from_file(path: &Path) -> Result<Self, PassphraseError> {
        let failed = |source| PassphraseError::File {
            path: path.to_owned(),
            source,
        };
        let file = private::open(path).map_err(|unfit| match unfit {
            Unfit::Io(source) => failed(source),
            Unfit::OpenToOthers(mode) => PassphraseError::OpenToOthers {
                path: path.to_owned(),
                mode,
            },
        })?;
        let mut text = Zeroizing::new(String::with_capacity(MAX_PASSPHRASE_BYTES + 2));
        let longest = u64::try_from(MAX_PASSPHRASE_BYTES + 2).unwrap_or(u64::MAX);
        file.take(longest)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.ends_with('\n') {
            text.pop();
        }
        Self::new(text)
    }

    /// Stretches less: for tests.
    #[cfg(test)]
    pub(crate) fn cheap(text: &str) -> Self {
        let cost = Cost {
            memory_kib: 32,
            passes: 1,
            lanes: 1,
        };
        Self {
            text: Zeroizing::new(text.to_owned()),
            cost,
        }
    }

    fn stretch(&self, cost: Cost, salt: &[u8]) -> Result<SecretKey, PassphraseError> {
        let failed = |source: argon2::Error| PassphraseError::Stretch {
            reason: source.to_string(),
        };
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_BYTES))
            .map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        argon2
            .hash_password_into(self.text.as_bytes(), salt, bytes.as_mut_slice())
            .map_err(failed)?;
        SecretKey::from_slice(bytes.as_slice()).ok_or(PassphraseError::Malformed)
    }
}

impl Protection for Passphrase {
    fn word(&self) -> &'static str {
        "passphrase"
    }

    fn protect(&self, root: &Zeroizing<[u8; KEY_BYTES]>) -> Result<String, ProtectionError> {
        let mut salt = [0; SALT_BYTES];
        let random = |source| PassphraseError::Seal(CryptoError::Random(source));
        getrandom::fill(&mut salt).map_err(random)?;
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        let mut fields = format!("argon2id {memory_kib} {passes} {lanes} ");
        push_hex(&mut fields, &salt);
        let key = self.stretch(self.cost, &salt)?;
        let sealed = key
            .seal_row(
                Label::RootFile,
                Suite::default(),
                &data(&fields),
                root.as_slice(),
            )
            .map_err(PassphraseError::Seal)?;
        fields.push(' ');
        push_hex(&mut fields, &sealed);
        Ok(fields)
    }

    fn open(&self, fields: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, ProtectionError> {
        let (head, sealed) = fields.rsplit_once(' ').ok_or(PassphraseError::Malformed)?;
        let (cost, salt) = parse(head).ok_or(PassphraseError::Malformed)?;
        let sealed = parse_hex::<SEALED_BYTES>(sealed).ok_or(PassphraseError::Malformed)?;
        let is_sane = (8..=MAX_COST.memory_kib).contains(&cost.memory_kib)
            && (1..=MAX_COST.passes).contains(&cost.passes)
            && (1..=MAX_COST.lanes).contains(&cost.lanes);
        if !is_sane {
            return Err(PassphraseError::Cost.into());
        }
        let key = self.stretch(cost, salt.as_slice())?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = key
            .open_row(Label::RootFile, &data(head), &mut sealed)
            .map_err(PassphraseError::Wrong)?;
        let mut root = Zeroizing::new([0; KEY_BYTES]);
        if opened.0.len() != KEY_BYTES {
            return Err(PassphraseError::Malformed.into());
        }
        root.copy_from_slice(opened.0);
        Ok(root)
    }
}

fn parse(head: &str) -> Option<(Cost, Zeroizing<[u8; SALT_BYTES]>)> {
    let mut words = head.split(' ');
    let is_known = words.next()? == "argon2id";
    let mut number = || words.next()?.parse().ok();
    let cost = Cost {
        memory_kib: number()?,
        passes: number()?,
        lanes: number()?,
    };
    let salt = parse_hex(words.next()?)?;
    (is_known && words.next().is_none()).then_some((cost, salt))
}

fn data(head: &str) -> Vec<u8> {
    [Label::RootFile.bytes(), head.as_bytes()].concat()
}
