//! Epoch keys and subject keys as they are sealed in rows, and epoch keys opened.

use model::{Retention, Timestamp};

use super::KeyError;
use super::mask::Scope;
use crate::crypto::{CryptoError, KeyId, Label, Plaintext, SealingKey, SecretKey, Suite};

/// Which readings of a subject have a key of their own: those of one UTC day that are kept equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shelf {
    /// The day.
    pub(crate) epoch: i64,
    /// The retention class.
    pub(crate) retention: Retention,
}

impl Shelf {
    /// Where a reading belongs.
    pub(crate) fn of(at: Timestamp, retention: Retention) -> Self {
        Self {
            epoch: at.day(),
            retention,
        }
    }

    /// That of the next day.
    pub(crate) fn next(self) -> Self {
        Self {
            epoch: self.epoch.saturating_add(1),
            ..self
        }
    }

    /// From this moment on nothing that belongs here is kept any more.
    pub(crate) fn expires_at(self) -> Timestamp {
        const DAY_MS: i64 = 86_400_000;
        let days = self
            .epoch
            .saturating_add(1)
            .saturating_add(i64::from(self.retention.as_days()));
        Timestamp::from_millis(days.saturating_mul(DAY_MS))
    }
}

/// The opened key of one subject, epoch and retention class.
#[derive(Debug)]
pub(crate) struct EpochKey {
    pub(crate) id: KeyId,
    pub(crate) epoch: i64,
    /// The class; [`Retention::LIVE_ONLY`] for a key of before there were keys of classes: it opens readings of any.
    pub(crate) retention: Retention,
    /// The subject as in rows and associated data.
    pub(crate) subject: String,
    /// Seals records.
    pub(crate) record: SealingKey,
    /// What of its readings is erased and not yet re-sealed: nobody may see it.
    pub(crate) masks: Vec<Scope>,
    secret: SecretKey,
}

impl EpochKey {
    /// From an opened secret.
    pub(crate) fn new(
        id: KeyId,
        shelf: Shelf,
        subject: String,
        secret: SecretKey,
        suite: Suite,
    ) -> Result<Self, CryptoError> {
        let record = secret.derive(Label::Record, suite)?;
        Ok(Self {
            id,
            epoch: shelf.epoch,
            retention: shelf.retention,
            subject,
            record,
            masks: Vec::new(),
            secret,
        })
    }

    /// Which readings it is for.
    pub(crate) fn shelf(&self) -> Shelf {
        Shelf {
            epoch: self.epoch,
            retention: self.retention,
        }
    }

    /// Uses the cipher of records of a segment, whichever suite that has.
    pub(crate) fn with_record<T>(
        &self,
        suite: Suite,
        open: impl FnOnce(&SealingKey) -> Result<T, CryptoError>,
    ) -> Result<T, CryptoError> {
        if suite == self.record.suite() {
            return open(&self.record);
        }
        open(&self.secret.derive(Label::Record, suite)?)
    }

    /// Seals blocks.
    pub(crate) fn block(&self) -> Result<SealingKey, CryptoError> {
        self.secret.derive(Label::Block, self.record.suite())
    }

    /// Opens a sealed block, in place.
    pub(crate) fn open_block<'a>(
        &self,
        associated: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<Plaintext<'a>, CryptoError> {
        self.secret.open_row(Label::Block, associated, sealed)
    }
}

/// What may be done with an epoch key, as its row has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Seals and opens.
    InUse,
    /// Opens what its masks leave.
    Masked,
    /// Is no more.
    Destroyed,
}

impl KeyState {
    /// As in the row.
    pub(crate) const fn to_row(self) -> i64 {
        match self {
            Self::InUse => 0,
            Self::Masked => 1,
            Self::Destroyed => 2,
        }
    }

    /// From the row; what is not known seals nothing and opens nothing.
    pub(crate) const fn from_row(value: i64) -> Self {
        match value {
            0 => Self::InUse,
            1 => Self::Masked,
            _ => Self::Destroyed,
        }
    }
}

/// An epoch key as its row has it, with the row of its subject.
pub(crate) struct WrappedKey {
    pub(crate) id: KeyId,
    pub(crate) epoch: i64,
    pub(crate) retention: Retention,
    pub(crate) subject: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) state: KeyState,
    pub(crate) mask: Option<Vec<u8>>,
    pub(crate) wrapped_subject: Vec<u8>,
}

pub(super) fn make_epoch_key(
    subject_key: &SecretKey,
    subject: &str,
    shelf: Shelf,
    suite: Suite,
) -> Result<(EpochKey, Vec<u8>), CryptoError> {
    let secret = SecretKey::random()?;
    let id = KeyId::random()?;
    let wrapped = wrap_epoch_key(subject_key, suite, id, shelf.epoch, subject, &secret)?;
    let key = EpochKey::new(id, shelf, subject.to_owned(), secret, suite)?;
    Ok((key, wrapped))
}

pub(super) fn wrap_epoch_key(
    subject_key: &SecretKey,
    suite: Suite,
    id: KeyId,
    epoch: i64,
    subject: &str,
    secret: &SecretKey,
) -> Result<Vec<u8>, CryptoError> {
    let data = epoch_data(id, epoch, subject);
    subject_key.seal_row(Label::EpochKey, suite, &data, secret.expose_secret())
}

pub(super) fn unwrap_epoch_key(
    subject_key: &SecretKey,
    id: KeyId,
    epoch: i64,
    subject: &str,
    mut wrapped: Vec<u8>,
) -> Result<SecretKey, KeyError> {
    let damaged = damaged_epoch_key(id);
    let data = epoch_data(id, epoch, subject);
    let opened = subject_key
        .open_row(Label::EpochKey, &data, &mut wrapped)
        .map_err(&damaged)?;
    take_secret(opened.0).ok_or_else(|| damaged(CryptoError::Open))
}

pub(super) fn damaged_epoch_key(id: KeyId) -> impl Fn(CryptoError) -> KeyError {
    move |source| KeyError::Damaged {
        table: "vault_epoch_key",
        key_id: id.0,
        source,
    }
}

/// Opens a subject key under a root key.
pub(super) fn open_subject(
    root: &SecretKey,
    subject: &str,
    mut wrapped: Vec<u8>,
) -> Result<SecretKey, KeyError> {
    let damaged = |source| KeyError::Damaged {
        table: "vault_subject_key",
        key_id: 0,
        source,
    };
    let opened = root
        .open_row(Label::SubjectKey, &subject_data(subject), &mut wrapped)
        .map_err(damaged)?;
    take_secret(opened.0).ok_or_else(|| damaged(CryptoError::Open))
}

/// The associated data of a wrapped subject key.
pub(crate) fn subject_data(subject: &str) -> Vec<u8> {
    [Label::SubjectKey.bytes(), subject.as_bytes()].concat()
}

/// The associated data of a wrapped epoch key.
pub(crate) fn epoch_data(id: KeyId, epoch: i64, subject: &str) -> Vec<u8> {
    let label = Label::EpochKey.bytes();
    [
        label,
        &id.0.to_le_bytes(),
        &epoch.to_le_bytes(),
        subject.as_bytes(),
    ]
    .concat()
}

/// Takes an opened secret and wipes where it lay.
pub(super) fn take_secret(opened: &mut [u8]) -> Option<SecretKey> {
    let secret = SecretKey::from_slice(opened);
    zeroize::Zeroize::zeroize(opened);
    secret
}
