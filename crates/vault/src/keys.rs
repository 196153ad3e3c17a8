//! Root key → subject key → epoch key, as rows and as a bounded cache of opened keys.
//!
//! # Rows
//! | table | column | what |
//! |---|---|---|
//! | `vault_root` | `sealed` | a constant sealed under the root key: tells a wrong root key at once |
//! | `vault_subject_key` | `wrapped` | the subject's 32 random bytes, sealed under the root key; associated data: label, subject |
//! | `vault_epoch_key` | `wrapped` | 32 random bytes for one subject and UTC day, sealed under the subject key; associated data: label, key id, epoch, subject |
//!
//! Sealed columns have the form of [`crypto::seal_row`](crate::crypto::seal_row), which begins with a version byte.
//! Ciphers are derived from the 32 bytes with HKDF and a label, so a record never shares a cipher with a block or a wrapped key.
//!
//! # New keys
//! A new key is used at once and its row is queued; the commit thread writes the queued rows in one transaction *before* it writes the records.
//! So a durable record always has its key row. Until then the key is kept in `Fresh`, where eviction from the cache cannot lose it.
//! Should a subject have two keys for one epoch, both are read; nothing depends on there being one.
//!
//! # Locks
//! - Sealing holds the cache for reading, [`Keyring::retire`] holds it for writing: so it knows of every use of a key.
//! - Asking the database for a key holds nothing but the place of its subject in `Opening`: others are opened meanwhile.
//!   Whoever comes back with a key looks whether keys were retired since, and if so asks again.

mod cache;
mod opening;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::{Subject, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Db, DbError, Tx};

use crate::crypto::{CryptoError, KeyId, Label, SealingKey, SecretKey, open_row, seal_row};
use crate::reading::Reading;
use crate::root::RootKey;
use crate::rows;
use cache::{Cache, find};
use opening::Opening;

/// More new keys than this are not queued between two commits.
pub(crate) const MAX_FRESH_KEYS: usize = 65_536;
/// No more keys than this are opened ahead in one go: their rows are written together with the next batch, which waits for them.
pub(crate) const MAX_AHEAD_KEYS: usize = 1_024;
const ROOT_CHECK: &[u8] = b"amanat";

/// A key could not be opened or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The database did not answer.
    #[error("the rows of keys could not be read or written")]
    Rows(#[from] DbError),
    /// A wrapped key does not open.
    #[error(
        "wrapped key {key_id:016x} does not open: its row was changed; restore the table `{table}` from a backup"
    )]
    Damaged {
        /// Where the row is.
        table: &'static str,
        /// The key's id; 0 for a subject key.
        key_id: u64,
        /// What failed.
        #[source]
        source: CryptoError,
    },
    /// The root key is not the one the rows were made with.
    #[error(
        "the root key does not belong to this database: use the root key file that was used before (restore it from its backup), or another database"
    )]
    WrongRootKey,
    /// A key could not be made.
    #[error("a new key could not be made")]
    New(#[source] CryptoError),
    /// Too many new keys wait for their rows to be written.
    #[error("{MAX_FRESH_KEYS} new keys wait to be written: try again after the next commit")]
    Busy,
}

/// The opened key of one subject and epoch.
#[derive(Debug)]
pub(crate) struct EpochKey {
    pub(crate) id: KeyId,
    pub(crate) epoch: i64,
    /// The subject as in rows and associated data.
    pub(crate) subject: String,
    /// Seals records.
    pub(crate) record: SealingKey,
    secret: SecretKey,
}

impl EpochKey {
    /// From an opened secret.
    pub(crate) fn new(
        id: KeyId,
        epoch: i64,
        subject: String,
        secret: SecretKey,
    ) -> Result<Self, CryptoError> {
        let record = secret.derive(Label::Record)?;
        Ok(Self {
            id,
            epoch,
            subject,
            record,
            secret,
        })
    }

    /// Seals blocks.
    pub(crate) fn block(&self) -> Result<SealingKey, CryptoError> {
        self.secret.derive(Label::Block)
    }
}

/// An epoch key as its row has it, with the row of its subject.
pub(crate) struct WrappedKey {
    pub(crate) id: KeyId,
    pub(crate) epoch: i64,
    pub(crate) subject: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) wrapped_subject: Vec<u8>,
}

/// Opens keys, makes keys, keeps opened keys.
pub(crate) struct Keyring {
    db: Db,
    root: SealingKey,
    cache: RwLock<Cache>,
    /// Never held while the database is asked.
    fresh: Mutex<Fresh>,
    opening: Opening,
}

/// Keys whose rows are not yet durable.
#[derive(Default)]
struct Fresh {
    rows: Vec<KeyRow>,
    subjects: FxHashMap<Subject, SecretKey>,
    keys: FxHashMap<(Subject, i64), Arc<EpochKey>>,
}

struct KeyRow {
    subject: Subject,
    key: Arc<EpochKey>,
    wrapped: Vec<u8>,
    wrapped_subject: Option<Vec<u8>>,
}

impl Keyring {
    /// Checks the root key against the rows; on an empty database the root key becomes the one that belongs to it.
    pub(crate) fn open(db: Db, root: &RootKey, cached_keys: usize) -> Result<Self, KeyError> {
        check_root(&db, root)?;
        Ok(Self {
            db,
            root: root.0.derive(Label::SubjectKey).map_err(KeyError::New)?,
            cache: RwLock::new(Cache::new(cached_keys)),
            fresh: Mutex::new(Fresh::default()),
            opening: Opening::default(),
        })
    }

    /// Uses the keys of readings, one for each, in their order: opened already, or opened from their rows, or made.
    /// Asks the database at most once for a key, and then not again while the key is cached.
    ///
    // INVARIANT: a key is used for sealing only while the cache is locked, so `retire`, which locks it, knows of every use.
    pub(crate) fn with_keys<T>(
        &self,
        readings: &[Reading<'_>],
        seal: impl FnOnce(&[&EpochKey]) -> T,
    ) -> Result<T, KeyError> {
        let cache = self.read_cache();
        if let [reading] = readings {
            if let Some(key) = find(&cache.young, reading.subject, reading.at.day()) {
                return Ok(seal(&[key]));
            }
        } else {
            let of_reading =
                |it: &Reading<'_>| Some(&**find(&cache.young, it.subject, it.at.day())?);
            if let Some(keys) = readings.iter().map(of_reading).collect::<Option<Vec<_>>>() {
                return Ok(seal(&keys));
            }
        }
        drop(cache);
        self.with_opened_keys(readings, seal)
    }

    fn with_opened_keys<T>(
        &self,
        readings: &[Reading<'_>],
        seal: impl FnOnce(&[&EpochKey]) -> T,
    ) -> Result<T, KeyError> {
        loop {
            let retirements = self.read_cache().retirements;
            let open = |it: &Reading<'_>| self.open_or_make(it.subject, it.at.day());
            let keys: Vec<_> = readings.iter().map(open).collect::<Result<_, _>>()?;
            let keys: Vec<&EpochKey> = keys.iter().map(|it| &**it).collect();
            let cache = self.read_cache();
            if cache.retirements == retirements {
                return Ok(seal(&keys));
            }
        }
    }

    /// Opens, or makes, the keys of the next epoch for subjects whose key of this epoch is open, as far as that pushes no other key out.
    /// Says how many: at most [`MAX_AHEAD_KEYS`], and none when there is no more to do.
    pub(crate) fn open_ahead(&self, now: Timestamp) -> Result<u64, KeyError> {
        let epoch = now.day();
        let subjects = self.read_cache().without_next(epoch, MAX_AHEAD_KEYS);
        let mut opened = 0;
        for subject in subjects {
            match self.open_or_make(&subject, epoch + 1) {
                Ok(_) => opened += 1,
                Err(KeyError::Busy) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(opened)
    }

    fn open_or_make(&self, subject: &Subject, epoch: i64) -> Result<Arc<EpochKey>, KeyError> {
        let _opening = self.opening.enter(subject);
        loop {
            let mut cache = self.write_cache();
            if let Some(key) = cache.promote(subject, epoch) {
                return Ok(key);
            }
            let retirements = cache.retirements;
            drop(cache);
            let key = self.load_or_make(subject, epoch)?;
            let mut cache = self.write_cache();
            if cache.retirements == retirements {
                cache.insert(subject, Arc::clone(&key));
                return Ok(key);
            }
        }
    }

    /// Takes keys out of use whose rows are about to be deleted. `keep_unused` removes those that records in the log still need.
    /// From here on none of the rest is used; a late reading of such an epoch gets a new key. [`Keyring::retired`] ends it.
    pub(crate) fn retire(
        &self,
        mut keys: FxHashSet<KeyId>,
        keep_unused: impl FnOnce(&mut FxHashSet<KeyId>),
    ) -> FxHashSet<KeyId> {
        let mut cache = self.write_cache();
        keep_unused(&mut keys);
        cache.retire(&keys);
        keys
    }

    /// The rows of retired keys are deleted, or will not be.
    pub(crate) fn retired(&self) {
        self.write_cache().retire(&FxHashSet::default());
    }

    /// Only for one who has the subject's place in `opening`, so that no subject gets two keys at once.
    fn load_or_make(&self, subject: &Subject, epoch: i64) -> Result<Arc<EpochKey>, KeyError> {
        let text = subject.key();
        if let Some(key) = self.lock_fresh().find_or_make(subject, &text, epoch)? {
            return Ok(key);
        }
        // What is not in `fresh` any more has its row.
        match self.db.read(|tx| find_rows(tx, &text, epoch))? {
            (_, Some(wrapped)) if !self.read_cache().is_retiring(wrapped.id) => {
                Ok(Arc::new(self.unwrap(wrapped)?))
            }
            (
                _,
                Some(WrappedKey {
                    wrapped_subject, ..
                }),
            )
            | (Some(wrapped_subject), None) => {
                let secret = self.unwrap_subject(&text, wrapped_subject)?;
                let (key, wrapped) =
                    make_epoch_key(&secret, &text, epoch).map_err(KeyError::New)?;
                self.lock_fresh().queue(subject, key, wrapped, None)
            }
            (None, None) => self.make_subject(subject, &text, epoch),
        }
    }

    fn make_subject(
        &self,
        subject: &Subject,
        text: &str,
        epoch: i64,
    ) -> Result<Arc<EpochKey>, KeyError> {
        let secret = SecretKey::random().map_err(KeyError::New)?;
        let wrapped_subject = seal_row(&self.root, &subject_data(text), secret.expose_secret())
            .map_err(KeyError::New)?;
        let (key, wrapped) = make_epoch_key(&secret, text, epoch).map_err(KeyError::New)?;
        let mut fresh = self.lock_fresh();
        let key = fresh.queue(subject, key, wrapped, Some(wrapped_subject))?;
        fresh.subjects.insert(subject.clone(), secret);
        Ok(key)
    }

    /// Opens a key for reading, without touching the cache.
    pub(crate) fn unwrap(&self, row: WrappedKey) -> Result<EpochKey, KeyError> {
        let WrappedKey {
            id,
            epoch,
            subject,
            mut wrapped,
            wrapped_subject,
        } = row;
        let secret = self.unwrap_subject(&subject, wrapped_subject)?;
        let damaged = |source| KeyError::Damaged {
            table: "vault_epoch_key",
            key_id: id.0,
            source,
        };
        let cipher = secret.derive(Label::EpochKey).map_err(damaged)?;
        let opened =
            open_row(&cipher, &epoch_data(id, epoch, &subject), &mut wrapped).map_err(damaged)?;
        let secret = take_secret(opened.0).ok_or_else(|| damaged(CryptoError::Open))?;
        EpochKey::new(id, epoch, subject, secret).map_err(damaged)
    }

    fn unwrap_subject(&self, subject: &str, mut wrapped: Vec<u8>) -> Result<SecretKey, KeyError> {
        let damaged = |source| KeyError::Damaged {
            table: "vault_subject_key",
            key_id: 0,
            source,
        };
        let opened = open_row(&self.root, &subject_data(subject), &mut wrapped).map_err(damaged)?;
        take_secret(opened.0).ok_or_else(|| damaged(CryptoError::Open))
    }

    /// Writes the rows of new keys with `write`; after it they are durable. One caller: the commit thread.
    ///
    /// Should the database be away for a moment, the rows wait with the caller; nothing sealed under the keys is written meanwhile.
    pub(crate) fn commit_fresh(
        &self,
        write: impl FnOnce(&FreshRows) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let rows = FreshRows(std::mem::take(&mut self.lock_fresh().rows));
        if rows.0.is_empty() {
            return Ok(());
        }
        write(&rows)?;
        let mut fresh = self.lock_fresh();
        for row in rows.0 {
            if row.wrapped_subject.is_some() {
                fresh.subjects.remove(&row.subject);
            }
            fresh.keys.remove(&(row.subject, row.key.epoch));
        }
        Ok(())
    }

    fn read_cache(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_cache(&self) -> RwLockWriteGuard<'_, Cache> {
        self.cache.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows of new keys that are written in one transaction.
pub(crate) struct FreshRows(Vec<KeyRow>);

impl FreshRows {
    /// Writes them.
    pub(crate) fn insert(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        self.0.iter().try_for_each(|row| insert_row(tx, row))
    }

    /// Whether they were written: all of them or none.
    pub(crate) fn are_there(&self, tx: &mut Tx<'_>) -> Result<bool, DbError> {
        match self.0.first() {
            Some(row) => Ok(rows::wrapped_key(tx, row.key.id)?.is_some()),
            None => Ok(true),
        }
    }
}

impl Fresh {
    /// The key, if its row or that of its subject is still to be written.
    fn find_or_make(
        &mut self,
        subject: &Subject,
        text: &str,
        epoch: i64,
    ) -> Result<Option<Arc<EpochKey>>, KeyError> {
        if let Some(key) = self.keys.get(&(subject.clone(), epoch)) {
            return Ok(Some(Arc::clone(key)));
        }
        let Some(secret) = self.subjects.get(subject) else {
            return Ok(None);
        };
        let (key, wrapped) = make_epoch_key(secret, text, epoch).map_err(KeyError::New)?;
        self.queue(subject, key, wrapped, None).map(Some)
    }

    fn queue(
        &mut self,
        subject: &Subject,
        key: EpochKey,
        wrapped: Vec<u8>,
        wrapped_subject: Option<Vec<u8>>,
    ) -> Result<Arc<EpochKey>, KeyError> {
        if self.rows.len() >= MAX_FRESH_KEYS {
            return Err(KeyError::Busy);
        }
        let key = Arc::new(key);
        self.keys
            .insert((subject.clone(), key.epoch), Arc::clone(&key));
        self.rows.push(KeyRow {
            subject: subject.clone(),
            key: Arc::clone(&key),
            wrapped,
            wrapped_subject,
        });
        Ok(key)
    }
}

/// A `u64` as a row has it: the same 64 bits, signed.
pub(crate) fn to_row(value: u64) -> i64 {
    value.cast_signed()
}

/// A `u64` back from a row.
pub(crate) fn from_row(value: i64) -> u64 {
    value.cast_unsigned()
}

fn check_root(db: &Db, root: &RootKey) -> Result<(), KeyError> {
    let cipher = root.0.derive(Label::RootCheck).map_err(KeyError::New)?;
    let label = Label::RootCheck.bytes();
    let found = db.read(|tx| tx.query_one("SELECT sealed FROM vault_root WHERE id = 1", &[]))?;
    if let Some(row) = found {
        let mut sealed: Vec<u8> = row.get(0)?;
        let opened = open_row(&cipher, label, &mut sealed).map_err(|_| KeyError::WrongRootKey)?;
        return if opened.0 == ROOT_CHECK {
            Ok(())
        } else {
            Err(KeyError::WrongRootKey)
        };
    }
    let sealed = seal_row(&cipher, label, ROOT_CHECK).map_err(KeyError::New)?;
    db.write(|tx| {
        tx.execute(
            "INSERT INTO vault_root (id, sealed) VALUES (1, $1)",
            &[sealed.as_slice().into()],
        )
    })?;
    Ok(())
}

/// The wrapped key of a subject, and its wrapped epoch key, as far as there are rows.
fn find_rows(
    tx: &mut Tx<'_>,
    subject: &str,
    epoch: i64,
) -> Result<(Option<Vec<u8>>, Option<WrappedKey>), KeyError> {
    let row = tx.query_one(
        "SELECT s.wrapped, e.key_id, e.wrapped FROM vault_subject_key s \
         LEFT JOIN vault_epoch_key e ON e.subject = s.subject AND e.epoch = $2 \
         WHERE s.subject = $1 ORDER BY e.key_id LIMIT 1",
        &[subject.into(), epoch.into()],
    )?;
    let Some(row) = row else {
        return Ok((None, None));
    };
    let wrapped_subject: Vec<u8> = row.get(0)?;
    let Some(id) = row.get::<Option<i64>>(1)? else {
        return Ok((Some(wrapped_subject), None));
    };
    let key = WrappedKey {
        id: KeyId(from_row(id)),
        epoch,
        subject: subject.to_owned(),
        wrapped: row.get(2)?,
        wrapped_subject,
    };
    Ok((None, Some(key)))
}

fn insert_row(tx: &mut Tx<'_>, row: &KeyRow) -> Result<(), DbError> {
    let subject = row.key.subject.as_str();
    if let Some(wrapped) = &row.wrapped_subject {
        tx.execute(
            "INSERT INTO vault_subject_key (subject, wrapped) VALUES ($1, $2)",
            &[subject.into(), wrapped.as_slice().into()],
        )?;
    }
    tx.execute(
        "INSERT INTO vault_epoch_key (key_id, subject, epoch, wrapped) VALUES ($1, $2, $3, $4)",
        &[
            to_row(row.key.id.0).into(),
            subject.into(),
            row.key.epoch.into(),
            row.wrapped.as_slice().into(),
        ],
    )?;
    Ok(())
}

fn make_epoch_key(
    subject_key: &SecretKey,
    subject: &str,
    epoch: i64,
) -> Result<(EpochKey, Vec<u8>), CryptoError> {
    let secret = SecretKey::random()?;
    let id = KeyId::random()?;
    let cipher = subject_key.derive(Label::EpochKey)?;
    let wrapped = seal_row(
        &cipher,
        &epoch_data(id, epoch, subject),
        secret.expose_secret(),
    )?;
    Ok((
        EpochKey::new(id, epoch, subject.to_owned(), secret)?,
        wrapped,
    ))
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
fn take_secret(opened: &mut [u8]) -> Option<SecretKey> {
    let secret = SecretKey::from_slice(opened);
    zeroize::Zeroize::zeroize(opened);
    secret
}
