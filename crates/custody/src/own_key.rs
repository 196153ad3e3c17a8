//! Keys that people bring, and the sealing of their history to them.
//!
//! # In plain words
//! A person gives one or several public keys and shows that they have the other half of each: they open a small file and type the word in
//! it. Then they begin. From that day on, [`OWN_KEY_DELAY_MILLIS`] after a UTC day is over, what was kept of it is sealed to all of their keys
//! and this server's own keys of that day are destroyed (`vault::Vault::seal_days` says how, and what a crash leaves). While a day goes on
//! the server can read it: it has to decide and to deliver.
//!
//! # What follows
//! - Nobody here can read a sealed day, show it, deliver it, or take a field out of it. Counts are known: how many readings, of which thing and day.
//! - A key that is lost takes the history with it that is sealed to it and to no other.
//! - A key that is retired still opens what was sealed to it; what comes is sealed to the others. A new key opens what comes and nothing that
//!   is sealed already.
//! - What a law or a vital interest wants kept stays readable for those who have it by that law.
//! - An export has the sealed files as they are. An erasure takes a file whole as soon as one of its readings can be meant:
//!   [`vault::Vault::own_files_in`] says which beforehand, and [`vault::Vault::erase`] deletes them. A file vanishes with the last of its readings.
//! - History for recipients and destinations ends where sealing begins: what they had not fetched by then they do not get.

mod law;
mod pass;
mod read;

use data_encoding::BASE32_NOPAD;
use model::{PersonId, Subject, Timestamp};
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;
use vault::{MAX_OWN_KEYS, OwnKey, OwnKeyError, OwnKeys, OwnKeysError, OwnTotal};

use crate::Custody;
use crate::rows::RowError;
use crate::rows::own_key::{self, OwnKeyRow};

pub use pass::OwnKeyPassError;
pub use read::{OwnFilesPage, SealedFile};

/// So long after a UTC day is over it is sealed.
pub const OWN_KEY_DELAY_MILLIS: i64 = 60 * 60 * 1000;
/// A key whose word nobody said goes after this time.
pub const OWN_KEY_PROOF_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// So many wrong words take a key away that was not proved.
pub const MAX_WORD_TRIES: i64 = 10;
/// The most keys that a person has, with the retired ones.
pub const MAX_KEPT_OWN_KEYS: usize = 32;
const WORD_BYTES: usize = 10;
const WORD_GROUP: usize = 4;

/// How a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnKeyState {
    /// The person has not said the word of this file yet. A recovery key is sealed to all the same.
    Asked {
        /// The file, in letters that can be pasted.
        challenge: String,
    },
    /// The person has shown that they have the other half.
    Proved(Timestamp),
    /// Nothing is sealed to it any more.
    Retired(Timestamp),
}

/// A key as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKeyView {
    /// Its name.
    pub id: String,
    /// The key.
    pub key: OwnKey,
    /// Whether it lies somewhere safe for the day on which the others are lost.
    pub is_recovery: bool,
    /// When it came.
    pub added_at: Timestamp,
    /// How it stands.
    pub state: OwnKeyState,
}

impl OwnKeyView {
    /// Whether what comes is sealed to it.
    #[must_use]
    pub const fn is_used(&self) -> bool {
        match self.state {
            OwnKeyState::Asked { .. } => self.is_recovery,
            OwnKeyState::Proved(_) => true,
            OwnKeyState::Retired(_) => false,
        }
    }
}

/// The keys of a person and what is sealed to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnKeysView {
    /// The keys, in the order in which they came.
    pub keys: Vec<OwnKeyView>,
    /// From which UTC day on history is sealed, counted from 1970-01-01; `None` where it is not.
    pub since_day: Option<i64>,
    /// What is sealed.
    pub sealed: OwnTotal,
}

impl OwnKeysView {
    /// Whether a key is there whose other half the person has shown.
    #[must_use]
    pub fn has_proved(&self) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|it| matches!(it.state, OwnKeyState::Proved(_)))
    }

    /// To how many keys what comes is sealed.
    #[must_use]
    pub fn used(&self) -> usize {
        self.keys.iter().filter(|it| it.is_used()).count()
    }
}

/// Why a key was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AddOwnKeyError {
    /// It is none that can be used.
    #[error(transparent)]
    Key(#[from] OwnKeyError),
    /// It cannot stand beside the others.
    #[error(transparent)]
    Keys(#[from] OwnKeysError),
    /// There are too many, with the retired ones.
    #[error("a person has at most {MAX_KEPT_OWN_KEYS} keys, with the retired ones")]
    TooMany,
    /// The operating system gives no randomness.
    #[error("the operating system gives no random bytes")]
    Random,
    /// The rows.
    #[error("the keys could not be read or written")]
    Rows(#[from] RowError),
}

impl From<store::DbError> for AddOwnKeyError {
    fn from(error: store::DbError) -> Self {
        Self::Rows(error.into())
    }
}

/// What became of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordSaid {
    /// It is the right one.
    Right,
    /// It is not; the key is asked again.
    Wrong,
    /// There is no such key any more: too many wrong words, or too late.
    Gone,
}

/// Why history is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum BeginSealingError {
    /// No key was proved.
    #[error("first show that you have the other half of a key")]
    NoKey,
    /// There is one key only, and the person did not say that they know what that means.
    #[error(
        "add a recovery key, or say that you know: without this one key nobody can read your history"
    )]
    OneKey,
    /// The rows.
    #[error("the keys could not be read or written")]
    Rows(#[from] RowError),
}

impl From<store::DbError> for BeginSealingError {
    fn from(error: store::DbError) -> Self {
        Self::Rows(error.into())
    }
}

fn view(row: OwnKeyRow) -> OwnKeyView {
    let state = match (row.retired_at, row.proved_at) {
        (Some(at), _) => OwnKeyState::Retired(at),
        (None, Some(at)) => OwnKeyState::Proved(at),
        (None, None) => OwnKeyState::Asked {
            challenge: row.challenge,
        },
    };
    OwnKeyView {
        id: row.id,
        key: row.key,
        is_recovery: row.is_recovery,
        added_at: row.added_at,
        state,
    }
}

/// Whether nobody said its word in time.
fn is_over(row: &OwnKeyRow, now: Timestamp) -> bool {
    let is_asked = row.proved_at.is_none() && row.retired_at.is_none() && !row.is_recovery;
    let end = row.added_at.plus_millis(OWN_KEY_PROOF_MILLIS);
    is_asked && (end <= now || row.tries >= MAX_WORD_TRIES)
}

/// The key of that name, unless it was retired.
fn in_use<'a>(rows: &'a [OwnKeyRow], id: &str) -> Option<&'a OwnKeyRow> {
    rows.iter()
        .find(|it| it.id == id && it.retired_at.is_none())
}

/// A word in groups, as it is shown, and the bytes that stand for it however it is typed.
fn plain(word: &str) -> Vec<u8> {
    let kept = word.bytes().filter(u8::is_ascii_alphanumeric);
    digest(
        &SHA256,
        &kept.map(|it| it.to_ascii_lowercase()).collect::<Vec<_>>(),
    )
    .as_ref()
    .to_vec()
}

fn random_text(bytes: usize) -> Result<String, AddOwnKeyError> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|_| AddOwnKeyError::Random)?;
    Ok(BASE32_NOPAD.encode(&random).to_ascii_lowercase())
}

impl Custody {
    /// The keys of a person and what is sealed to them. Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn own_keys(&self, person: &PersonId, now: Timestamp) -> Result<OwnKeysView, RowError> {
        let (rows, sealing) = self.inner.db.read(|tx| {
            let rows = own_key::of(tx, person)?;
            Ok::<_, RowError>((rows, own_key::sealing(tx, person)?))
        })?;
        let subject = Subject::Person(person.clone());
        let rows = rows.into_iter().filter(|it| !is_over(it, now));
        Ok(OwnKeysView {
            keys: rows.map(view).collect(),
            since_day: sealing.map(|it| it.0),
            sealed: self.inner.vault.own_total(&subject, now)?,
        })
    }

    /// Takes a key, and makes the file whose word shows that the person has the other half. The caller has checked that the person has
    /// just proved who they are.
    ///
    /// # Errors
    /// See [`AddOwnKeyError`]; nothing is changed then.
    pub fn add_own_key(
        &self,
        person: &PersonId,
        text: &str,
        is_recovery: bool,
        now: Timestamp,
    ) -> Result<(), AddOwnKeyError> {
        let key = OwnKey::parse(text, now)?;
        let word = random_text(WORD_BYTES)?;
        let groups: Vec<_> = word
            .as_bytes()
            .chunks(WORD_GROUP)
            .map(String::from_utf8_lossy)
            .collect();
        let alone = OwnKeys::new(vec![key.clone()])?;
        let challenge = alone.seal_text(&format!("{}\n", groups.join("-")));
        let row = OwnKeyRow {
            id: random_text(16)?,
            word_sha256: plain(&word),
            challenge: challenge.map_err(|_| AddOwnKeyError::Random)?,
            key,
            is_recovery,
            added_at: now,
            proved_at: None,
            retired_at: None,
            tries: 0,
        };
        self.inner.db.write(|tx| {
            let mut rows = own_key::of(tx, person)?;
            for over in rows.extract_if(.., |it| is_over(it, now)) {
                own_key::delete(tx, &over.id)?;
            }
            if rows.len() >= MAX_KEPT_OWN_KEYS {
                return Err(AddOwnKeyError::TooMany);
            }
            let used = rows.iter().filter(|it| it.retired_at.is_none());
            let mut used: Vec<_> = used.map(|it| it.key.clone()).collect();
            used.push(row.key.clone());
            OwnKeys::new(used)?;
            Ok(own_key::insert(tx, person, &row)?)
        })
    }

    /// Takes the word of a key's file.
    ///
    /// # Errors
    /// When the database fails.
    pub fn prove_own_key(
        &self,
        person: &PersonId,
        id: &str,
        word: &str,
        now: Timestamp,
    ) -> Result<WordSaid, RowError> {
        self.inner.db.write(|tx| {
            let rows = own_key::of(tx, person)?;
            let Some(row) = in_use(&rows, id) else {
                return Ok(WordSaid::Gone);
            };
            if is_over(row, now) || row.tries >= MAX_WORD_TRIES {
                if is_over(row, now) {
                    own_key::delete(tx, id)?;
                }
                return Ok(WordSaid::Gone);
            }
            if !bool::from(plain(word).ct_eq(&row.word_sha256)) {
                own_key::count_try(tx, id)?;
                return Ok(WordSaid::Wrong);
            }
            own_key::prove(tx, id, now)?;
            Ok(WordSaid::Right)
        })
    }

    /// Seals nothing more to a key; one that was never used goes. When no proved key is left, sealing stops. Says whether there was such a key.
    /// The caller has checked that the person has just proved who they are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn retire_own_key(
        &self,
        person: &PersonId,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, RowError> {
        self.inner.db.write(|tx| {
            let rows = own_key::of(tx, person)?;
            let Some(row) = in_use(&rows, id) else {
                return Ok(false);
            };
            if row.proved_at.is_none() && !row.is_recovery {
                own_key::delete(tx, id)?;
            } else {
                own_key::retire(tx, id, now)?;
            }
            let is_left =
                |it: &OwnKeyRow| it.id != id && it.proved_at.is_some() && it.retired_at.is_none();
            if !rows.iter().any(is_left) {
                own_key::stop(tx, person)?;
            }
            Ok(true)
        })
    }

    /// Seals the person's history from today on, and what lies before too if `past`. `knows` says that the person knows what one key
    /// without another means. The caller has checked that the person has just proved who they are.
    ///
    /// # Errors
    /// See [`BeginSealingError`].
    pub fn begin_sealing(
        &self,
        person: &PersonId,
        past: bool,
        knows: bool,
        now: Timestamp,
    ) -> Result<(), BeginSealingError> {
        let view = self.own_keys(person, now)?;
        if !view.has_proved() {
            return Err(BeginSealingError::NoKey);
        }
        if view.used() < 2 && !knows {
            return Err(BeginSealingError::OneKey);
        }
        let since_day = if past { 0 } else { now.day() };
        let begun = self
            .inner
            .db
            .write(|tx| own_key::begin(tx, person, since_day, now));
        begun?;
        self.pass_soon();
        Ok(())
    }

    /// Seals nothing more of a person's history; what is sealed stays sealed. The caller has checked that the person has just proved
    /// who they are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn stop_sealing(&self, person: &PersonId) -> Result<(), RowError> {
        self.inner.db.write(|tx| own_key::stop(tx, person))
    }
}

/// The keys that what comes is sealed to; `None` where no proved one is among them.
fn used_keys(rows: &[OwnKeyRow], now: Timestamp) -> Option<OwnKeys> {
    let used = rows.iter().filter(|it| {
        let is_shown = it.proved_at.is_some() || it.is_recovery;
        it.retired_at.is_none() && is_shown && !is_over(it, now)
    });
    let used: Vec<_> = used.collect();
    if !used.iter().any(|it| it.proved_at.is_some()) {
        return None;
    }
    let keys = used.into_iter().map(|it| it.key.clone());
    OwnKeys::new(keys.take(MAX_OWN_KEYS).collect()).ok()
}
