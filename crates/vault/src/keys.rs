//! Root key → subject key → epoch key, as rows and as a bounded cache of opened keys.
//!
//! # Rows
//! | table | column | what |
//! |---|---|---|
//! | `vault_root` | `sealed` | a constant sealed under the root key: tells a wrong root key at once |
//! | `vault_subject_key` | `wrapped` | the subject's 32 random bytes, sealed under the root key; associated data: label, subject |
//! | `vault_epoch_key` | `wrapped` | 32 random bytes for one subject, UTC day and retention class, sealed under the subject key; associated data: label, key id, epoch, subject; empty once it is destroyed |
//! | | `state` | 0 in use; 1 readings under it are masked, nothing more is sealed with it; 2 destroyed |
//! | | `retention_days` | the class; 0 for a key of before version 4 of the tables, which opens readings of any class and seals nothing more |
//! | | `expires_at` | from then on nothing under it is kept: the end of its day and the days of its class; the row is deleted within the hour |
//! | | `is_kept` | 1 for what stays readable of a day that is sealed to the person's own keys (see `sealed`): nothing new is sealed with it |
//! | | `mask` | what of its readings is erased and not yet re-sealed (see `mask`), sealed under the epoch key; associated data: label, key id |
//! | `vault_secret` | `wrapped` | 32 bytes for another use than the vault's own, sealed under the root key; associated data: label, name |
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
//! - Who changes the keys of a subject (rotation, erasure) has its place in `Opening`, writes the rows of `Fresh`, and takes what it
//!   changes out of the cache first; then the rows are the whole truth about the subject.
//! - Asking the database for a key holds nothing but the place of its subject in `Opening`: others are opened meanwhile.
//!   Whoever comes back with a key looks whether keys were retired since, and if so asks again.

mod cache;
mod changes;
mod epoch;
pub(crate) mod mask;
mod opening;
pub(crate) mod rewrite;
pub(crate) mod secrets;

use std::sync::atomic::AtomicBool;
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use model::{Retention, Subject, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Db, DbError, Tx};

use crate::crypto::{CryptoError, KeyId, Label, SecretKey, Suite};
use crate::reading::Reading;
use crate::root::RootKey;
use crate::rows;
use crate::shorten::Shortening;
use crate::tombstone::{Graveyard, Stonemason};
use cache::{Cache, find};
use changes::Changes;
use epoch::{damaged_epoch_key, make_epoch_key, open_subject, unwrap_epoch_key};
use mask::Stripper;
use opening::Opening;
use secrets::check_root;

#[cfg(test)]
pub(crate) use epoch::epoch_data;
pub(crate) use epoch::{EpochKey, KeyState, Shelf, WrappedKey, subject_data};

/// More new keys than this are not queued between two commits.
pub(crate) const MAX_FRESH_KEYS: usize = 65_536;
/// No more keys than this are opened ahead in one go: their rows are written together with the next batch, which waits for them.
pub(crate) const MAX_AHEAD_KEYS: usize = 1_024;

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
    /// The keys of a subject were changed by somebody else meanwhile.
    #[error("the keys were changed meanwhile, and nothing was done: it is tried again by itself")]
    Changed,
    /// Too many new keys wait for their rows to be written.
    #[error("{MAX_FRESH_KEYS} new keys wait to be written: try again after the next commit")]
    Busy,
}

/// Opens keys, makes keys, keeps opened keys.
pub(crate) struct Keyring {
    db: Db,
    root: SecretKey,
    suite: Suite,
    cache: RwLock<Cache>,
    /// Never held while the database is asked.
    fresh: Mutex<Fresh>,
    /// Held while rows of new keys are written, so that whoever finds none to write knows that they are there.
    committing: Mutex<()>,
    opening: Opening,
    /// Makes tombstones.
    pub(crate) stonemason: Stonemason,
    /// The file of tombstones. Held from the writing of a tombstone until the erasure is carried out.
    graveyard: Mutex<Graveyard>,
    /// Counts what was done to the keys of subjects.
    pub(crate) changes: Changes,
    /// Takes fields out of bodies.
    pub(crate) stripper: OnceLock<Stripper>,
    /// Says which readings are kept for less long than their class.
    pub(crate) shortening: OnceLock<Box<dyn Shortening>>,
    /// Whether there may be keys whose erasure is not finished.
    pub(crate) has_unfinished: AtomicBool,
}

/// Keys whose rows are not yet durable.
#[derive(Default)]
struct Fresh {
    rows: Vec<KeyRow>,
    subjects: FxHashMap<Subject, SecretKey>,
    keys: FxHashMap<(Subject, Shelf), Arc<EpochKey>>,
}

struct KeyRow {
    subject: Subject,
    key: Arc<EpochKey>,
    wrapped: Vec<u8>,
    wrapped_subject: Option<Vec<u8>>,
}

impl Keyring {
    /// Checks the root key against the rows; on an empty database the root key becomes the one that belongs to it.
    pub(crate) fn open(
        db: Db,
        root: &RootKey,
        cached_keys: usize,
        suite: Suite,
        graveyard: Graveyard,
    ) -> Result<Self, KeyError> {
        check_root(&db, root)?;
        let stonemason = Stonemason::new(&db, root, suite)?;
        let has_unfinished = !db.read(rows::unfinished_keys)?.is_empty();
        Ok(Self {
            stonemason,
            graveyard: Mutex::new(graveyard),
            db,
            root: root.0.copied(),
            suite,
            cache: RwLock::new(Cache::new(cached_keys)),
            fresh: Mutex::new(Fresh::default()),
            committing: Mutex::new(()),
            opening: Opening::default(),
            changes: Changes::default(),
            stripper: OnceLock::new(),
            shortening: OnceLock::new(),
            has_unfinished: AtomicBool::new(has_unfinished),
        })
    }

    /// The suite that is sealed with.
    pub(crate) const fn suite(&self) -> Suite {
        self.suite
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
            if let Some(key) = find(&cache.young, reading.subject, shelf_of(reading)) {
                return Ok(seal(&[key]));
            }
        } else {
            let of_reading =
                |it: &Reading<'_>| Some(&**find(&cache.young, it.subject, shelf_of(it))?);
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
            let open = |it: &Reading<'_>| self.open_or_make(it.subject, shelf_of(it));
            let keys: Vec<_> = readings.iter().map(open).collect::<Result<_, _>>()?;
            let keys: Vec<&EpochKey> = keys.iter().map(|it| &**it).collect();
            let cache = self.read_cache();
            if cache.retirements == retirements {
                return Ok(seal(&keys));
            }
        }
    }

    /// Opens, or makes, the keys of the next epoch for subjects and classes whose key of this epoch is open, as far as that pushes no other key out.
    /// Says how many: at most [`MAX_AHEAD_KEYS`], and none when there is no more to do.
    pub(crate) fn open_ahead(&self, now: Timestamp) -> Result<u64, KeyError> {
        let missing = self.read_cache().without_next(now.day(), MAX_AHEAD_KEYS);
        let mut opened = 0;
        for (subject, shelf) in missing {
            match self.open_or_make(&subject, shelf) {
                Ok(_) => opened += 1,
                Err(KeyError::Busy) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(opened)
    }

    fn open_or_make(&self, subject: &Subject, shelf: Shelf) -> Result<Arc<EpochKey>, KeyError> {
        let _opening = self.opening.enter(subject);
        loop {
            let mut cache = self.write_cache();
            if let Some(key) = cache.promote(subject, shelf) {
                return Ok(key);
            }
            let retirements = cache.retirements;
            drop(cache);
            let key = self.load_or_make(subject, shelf)?;
            let mut cache = self.write_cache();
            if cache.retirements == retirements {
                cache.insert(subject, Arc::clone(&key));
                return Ok(key);
            }
        }
    }

    /// A key that is used once, for what stays of a day that is sealed to the subject's own keys; its row is written.
    pub(crate) fn make_kept(&self, subject: &Subject, shelf: Shelf) -> Result<EpochKey, KeyError> {
        let text = subject.key();
        let _opening = self.opening.enter(subject);
        self.flush()?;
        self.db.write(|tx| {
            let sql = "SELECT wrapped FROM vault_subject_key WHERE subject = $1";
            let row = tx.query_one(sql, &[text.as_str().into()])?;
            let wrapped_subject = row.ok_or(KeyError::Changed)?.get(0)?;
            let secret = self.unwrap_subject(&text, wrapped_subject)?;
            let made = make_epoch_key(&secret, &text, shelf, self.suite);
            let (key, wrapped) = made.map_err(KeyError::New)?;
            let row = KeyRow {
                subject: subject.clone(),
                key: Arc::new(key),
                wrapped,
                wrapped_subject: None,
            };
            insert_row(tx, &row)?;
            let id = to_row(row.key.id.0);
            let sql = "UPDATE vault_epoch_key SET is_kept = 1 WHERE key_id = $1";
            tx.execute(sql, &[id.into()])?;
            Arc::into_inner(row.key).ok_or(KeyError::Changed)
        })
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
    fn load_or_make(&self, subject: &Subject, shelf: Shelf) -> Result<Arc<EpochKey>, KeyError> {
        let text = subject.key();
        let fresh = self
            .lock_fresh()
            .find_or_make(subject, &text, shelf, self.suite)?;
        if let Some(key) = fresh {
            return Ok(key);
        }
        // What is not in `fresh` any more has its row.
        match self.db.read(|tx| find_rows(tx, &text, shelf))? {
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
                    make_epoch_key(&secret, &text, shelf, self.suite).map_err(KeyError::New)?;
                self.lock_fresh().queue(subject, key, wrapped, None)
            }
            (None, None) => self.make_subject(subject, &text, shelf),
        }
    }

    fn make_subject(
        &self,
        subject: &Subject,
        text: &str,
        shelf: Shelf,
    ) -> Result<Arc<EpochKey>, KeyError> {
        let secret = SecretKey::random().map_err(KeyError::New)?;
        let wrapped_subject = self.wrap_subject(text, &secret)?;
        let (key, wrapped) =
            make_epoch_key(&secret, text, shelf, self.suite).map_err(KeyError::New)?;
        let mut fresh = self.lock_fresh();
        let key = fresh.queue(subject, key, wrapped, Some(wrapped_subject))?;
        fresh.subjects.insert(subject.clone(), secret);
        Ok(key)
    }

    /// Opens a key for reading, without touching the cache. A destroyed one does not open.
    pub(crate) fn unwrap(&self, row: WrappedKey) -> Result<EpochKey, KeyError> {
        let WrappedKey {
            id,
            epoch,
            retention,
            subject,
            wrapped,
            mask,
            wrapped_subject,
            ..
        } = row;
        let subject_key = self.unwrap_subject(&subject, wrapped_subject)?;
        let secret = unwrap_epoch_key(&subject_key, id, epoch, &subject, wrapped)?;
        let damaged = damaged_epoch_key(id);
        let masks = match mask {
            Some(mask) => mask::open(&secret, id, mask).map_err(&damaged)?,
            None => Vec::new(),
        };
        let shelf = Shelf { epoch, retention };
        let mut key = EpochKey::new(id, shelf, subject, secret, self.suite).map_err(damaged)?;
        key.masks = masks;
        Ok(key)
    }

    fn wrap_subject(&self, subject: &str, secret: &SecretKey) -> Result<Vec<u8>, KeyError> {
        let data = subject_data(subject);
        self.root
            .seal_row(Label::SubjectKey, self.suite, &data, secret.expose_secret())
            .map_err(KeyError::New)
    }

    fn unwrap_subject(&self, subject: &str, wrapped: Vec<u8>) -> Result<SecretKey, KeyError> {
        open_subject(&self.root, subject, wrapped)
    }

    /// Writes the rows of new keys with `write`; after it they are durable. Two callers: the commit thread before each batch, and
    /// [`Keyring::flush`]; one at a time, and each returns only when no row that was queued before waits any more.
    ///
    /// Should the database be away for a moment, the rows wait with the caller; nothing sealed under the keys is written meanwhile.
    /// Rows that could not be written are queued again: writing a row twice changes nothing.
    pub(crate) fn commit_fresh(
        &self,
        write: impl FnOnce(&FreshRows) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let _one_at_a_time = self
            .committing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let rows = FreshRows(std::mem::take(&mut self.lock_fresh().rows));
        if rows.0.is_empty() {
            return Ok(());
        }
        let written = write(&rows);
        let mut fresh = self.lock_fresh();
        if let Err(error) = written {
            fresh.rows.splice(0..0, rows.0);
            return Err(error);
        }
        for row in rows.0 {
            if row.wrapped_subject.is_some() {
                fresh.subjects.remove(&row.subject);
            }
            fresh.keys.remove(&(row.subject, row.key.shelf()));
        }
        Ok(())
    }

    /// The file of tombstones.
    pub(crate) fn graveyard(&self) -> MutexGuard<'_, Graveyard> {
        self.graveyard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a key of a subject is in memory.
    pub(crate) fn is_open(&self, subject: &Subject, id: KeyId) -> bool {
        let is_queued = self.lock_fresh().keys.values().any(|it| it.id == id);
        is_queued || self.read_cache().has(subject, id)
    }

    /// Writes the rows of new keys now.
    pub(crate) fn flush(&self) -> Result<(), DbError> {
        self.commit_fresh(|rows| self.db.write(|tx| rows.insert(tx)))
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
        shelf: Shelf,
        suite: Suite,
    ) -> Result<Option<Arc<EpochKey>>, KeyError> {
        if let Some(key) = self.keys.get(&(subject.clone(), shelf)) {
            return Ok(Some(Arc::clone(key)));
        }
        let Some(secret) = self.subjects.get(subject) else {
            return Ok(None);
        };
        let (key, wrapped) = make_epoch_key(secret, text, shelf, suite).map_err(KeyError::New)?;
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
            .insert((subject.clone(), key.shelf()), Arc::clone(&key));
        self.rows.push(KeyRow {
            subject: subject.clone(),
            key: Arc::clone(&key),
            wrapped,
            wrapped_subject,
        });
        Ok(key)
    }
}

fn shelf_of(reading: &Reading<'_>) -> Shelf {
    Shelf::of(reading.at, reading.retention)
}

/// A `u64` as a row has it: the same 64 bits, signed.
pub(crate) fn to_row(value: u64) -> i64 {
    value.cast_signed()
}

/// A retention class from a row. Days beyond the type never come from us; nothing matches them.
pub(crate) fn days_from_row(value: i64) -> Retention {
    Retention::from_days(u16::try_from(value).unwrap_or(u16::MAX))
}

/// A `u64` back from a row.
pub(crate) fn from_row(value: i64) -> u64 {
    value.cast_unsigned()
}

/// The wrapped key of a subject, and its wrapped epoch key, as far as there are rows.
fn find_rows(
    tx: &mut Tx<'_>,
    subject: &str,
    shelf: Shelf,
) -> Result<(Option<Vec<u8>>, Option<WrappedKey>), KeyError> {
    let row = tx.query_one(
        "SELECT s.wrapped, e.key_id, e.wrapped FROM vault_subject_key s \
         LEFT JOIN vault_epoch_key e ON e.subject = s.subject AND e.epoch = $2 AND e.retention_days = $3 AND e.state = 0 AND e.is_kept = 0 \
         WHERE s.subject = $1 ORDER BY e.key_id LIMIT 1",
        &[
            subject.into(),
            shelf.epoch.into(),
            i64::from(shelf.retention.as_days()).into(),
        ],
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
        epoch: shelf.epoch,
        retention: shelf.retention,
        subject: subject.to_owned(),
        wrapped: row.get(2)?,
        state: KeyState::InUse,
        mask: None,
        wrapped_subject,
    };
    Ok((None, Some(key)))
}

fn insert_row(tx: &mut Tx<'_>, row: &KeyRow) -> Result<(), DbError> {
    let subject = row.key.subject.as_str();
    if let Some(wrapped) = &row.wrapped_subject {
        let written = tx.execute(
            "INSERT INTO vault_subject_key (subject, wrapped) VALUES ($1, $2) \
             ON CONFLICT (subject) DO UPDATE SET wrapped = excluded.wrapped \
             WHERE vault_subject_key.wrapped = excluded.wrapped",
            &[subject.into(), wrapped.as_slice().into()],
        )?;
        if written == 0 {
            let constraint = "vault_subject_key".to_owned();
            return Err(DbError::Unique { constraint });
        }
    }
    tx.execute(
        "INSERT INTO vault_epoch_key (key_id, subject, epoch, wrapped, retention_days, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key_id) DO NOTHING",
        &[
            to_row(row.key.id.0).into(),
            subject.into(),
            row.key.epoch.into(),
            row.wrapped.as_slice().into(),
            i64::from(row.key.retention.as_days()).into(),
            row.key.shelf().expires_at().as_millis().into(),
        ],
    )?;
    Ok(())
}
