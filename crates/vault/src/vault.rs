//! The handle that everything goes through.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use model::{Subject, Timestamp};
use store::{Db, DbError, MigrateError};

use crate::crypto::Suite;
use crate::cut::{SegmentCopy, cut};
use crate::disk::{Disk, RealDisk, lock_directory};
use crate::erase::{EraseError, Erasure, ErasureProof, erase, reapply};
use crate::follow::{FollowQuery, Followed, Position, follow};
use crate::held::{Held, KeptBetween, held};
use crate::keys::mask::Strip;
use crate::keys::secrets::check_root;
use crate::keys::{KeyError, Keyring};
use crate::late::{CameBack, ComeBackError, come_back};

use crate::log::{
    AppendError, CommitError, Limits, Log, Lsn, OnProgress, Progress, Tail, WaitError,
    create_segment, run,
};
use crate::maintain::{MaintainError, Maintained, maintain};
use crate::read::{ReadError, ReadQuery, read};
use crate::reading::{MAX_BODY_BYTES, Reading, StoredReading};
use crate::recover::recover;
use crate::root::RootKey;
use crate::rows;
use crate::schema::MIGRATIONS;
use crate::shorten::{ShortenPass, Shortening, enforce};
use crate::tombstone::{Graveyard, TombstoneError};

/// Where a vault lies and how much it takes.
#[derive(Debug, Clone)]
pub struct VaultOptions {
    /// Directory of the segments; made if it is not there; one process at a time.
    pub dir: PathBuf,
    /// A segment that reaches this size is followed by a new one. At most 1 GiB counts.
    pub segment_bytes: u64,
    /// A segment that `maintain` saw in use so long ago is followed by a new one, so that its readings go into blocks.
    pub segment_age_ms: i64,
    /// At most so many bytes wait to be written; then `append` answers `Busy`. At most 1 GiB counts.
    pub max_pending_bytes: usize,
    /// At most so many epoch keys are kept open.
    pub cached_keys: usize,
    /// While batches are small, segments are extended in steps of so many bytes, ahead of what is written; 0 for no extension ahead.
    pub allocate_bytes: u32,
    /// How long the commit thread tries again when the database is away while rows of keys or segments have to be written, in pauses
    /// all together; then the vault stops. Readings wait meanwhile.
    pub database_patience_ms: u64,
    /// The file of erasures; it must lie where no backup takes it.
    pub erasures: PathBuf,
    /// What is sealed from now on is sealed with this; what was sealed with another is read all the same.
    pub suite: Suite,
}

const MAX_BYTES: usize = 1024 * 1024 * 1024;

impl VaultOptions {
    /// The defaults, in a directory: segments of 64 MiB or one hour, 32 MiB pending, 65,536 open keys (about 80 MiB), steps of 1 MiB,
    /// 30 seconds of patience with the database, erasures in `erasures.log` beside the directory, AES-256-GCM.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        Self {
            erasures: dir.with_file_name("erasures.log"),
            suite: Suite::default(),
            dir,
            segment_bytes: 64 * 1024 * 1024,
            segment_age_ms: 60 * 60 * 1000,
            max_pending_bytes: 32 * 1024 * 1024,
            cached_keys: 65_536,
            allocate_bytes: 1024 * 1024,
            database_patience_ms: 30_000,
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            segment_bytes: self.segment_bytes.min(crate::segment::widen(MAX_BYTES)),
            max_pending_bytes: self.max_pending_bytes.min(MAX_BYTES),
            allocate_bytes: self.allocate_bytes,
            database_patience_ms: self.database_patience_ms,
        }
    }
}

/// A vault was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file or directory could not be used.
    #[error("cannot use `{path}`: check that it is ours and that the disk has room")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the vault open.
    #[error("the vault in `{path}` is in use: stop the other process first")]
    InUse {
        /// Its directory.
        path: PathBuf,
    },
    /// The tables could not be made.
    #[error("the tables of the vault could not be made")]
    Migrate(#[source] MigrateError),
    /// Rows could not be read or written.
    #[error("the rows of the vault could not be read or written")]
    Rows(#[source] DbError),
    /// The root key does not fit, or could not be used.
    #[error("the keys of the vault could not be opened")]
    Key(#[source] KeyError),
    /// A segment is damaged before its end.
    #[error(
        "segment `{path}` is damaged at byte {offset}: restore the file from a backup, or rename it to `{path}.abandoned` and start again to go on without its readings"
    )]
    Damaged {
        /// The segment's file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
    /// A segment has a version that this program does not know.
    #[error(
        "segment `{path}` has version {version}, this program knows versions 1 and 2: use the release that wrote it"
    )]
    Version {
        /// The segment's file.
        path: PathBuf,
        /// The version found.
        version: u32,
    },
    /// The database knows a segment that is not there.
    #[error(
        "segment `{path}` is missing: restore the file from a backup, or make an empty file `{path}.abandoned` and start again to go on without its readings"
    )]
    Missing {
        /// The segment's file.
        path: PathBuf,
    },
    /// A segment is there that the database does not know.
    #[error(
        "segment `{path}` has readings but the database does not know it: use the database it belongs to, or move the file away to go on without its readings"
    )]
    Unknown {
        /// The segment's file.
        path: PathBuf,
    },
    /// The file of erasures could not be used.
    #[error("the file of erasures could not be used")]
    Tombstones(#[source] TombstoneError),
    /// What was erased could not be erased again.
    #[error("what a restored backup brought back could not be erased again")]
    Erase(#[source] EraseError),
    /// A segment could not be made or finished.
    #[error("a segment could not be made or finished")]
    Segment(#[source] CommitError),
    /// The commit thread could not be started.
    #[error("the commit thread could not be started")]
    Thread(#[source] io::Error),
}

/// Sealed readings, kept.
///
/// Every method blocks at most for what it says, and may be called from any thread, but not from inside a transaction of the same database.
/// Dropping a vault closes it.
pub struct Vault {
    log: Arc<Log>,
    segment_age_ms: i64,
    running: Mutex<Option<Running>>,
    maintaining: Mutex<()>,
}

struct Running {
    thread: JoinHandle<()>,
    /// Held as long as the vault is open.
    _lock: File,
}

impl Vault {
    /// Opens the vault in a directory, or makes it. Reads back what earlier processes left in the log.
    ///
    /// `on_progress` is called after each commit, in order, and once when the vault stops after a failure.
    /// It must be quick; of this vault it may call [`Vault::durable`] and [`Vault::failed`], nothing else.
    ///
    /// # Errors
    /// When another process uses it, the root key is not the right one, or a segment is damaged or missing. Nothing is skipped.
    pub fn open(
        options: VaultOptions,
        db: Db,
        root: RootKey,
        on_progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::open_on(
            Arc::new(RealDisk),
            options,
            db,
            &root,
            Box::new(on_progress),
        )
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        options: VaultOptions,
        db: Db,
        root: &RootKey,
        on_progress: OnProgress,
    ) -> Result<Self, OpenError> {
        let lock = lock(&options.dir)?;
        db.migrate(&MIGRATIONS).map_err(OpenError::Migrate)?;
        check_root(&db, root).map_err(OpenError::Key)?;
        let graveyard = Graveyard::open(&options.erasures).map_err(OpenError::Tombstones)?;
        let (cached, suite) = (options.cached_keys, options.suite);
        let keyring = Keyring::open(db.clone(), root, cached, suite, graveyard);
        let keyring = keyring.map_err(OpenError::Key)?;
        let recovered = recover(&*disk, &db, &options.dir)?;
        let number = recovered.next_number;
        let segment = create_segment(&*disk, &db, &options.dir, number, suite, || false)
            .map_err(OpenError::Segment)?;
        let forget = |tx: &mut store::Tx<'_>| {
            recovered
                .forgotten
                .iter()
                .try_for_each(|it| rows::forget(tx, *it))
        };
        db.write(forget).map_err(OpenError::Rows)?;
        let tail = Tail::new(segment, recovered.closed);
        let limits = options.limits();
        let log = Arc::new(Log::new(
            options.dir,
            disk,
            db,
            keyring,
            limits,
            tail,
            on_progress,
        ));
        reapply(&log).map_err(OpenError::Erase)?;
        let of_thread = Arc::clone(&log);
        let thread = std::thread::Builder::new()
            .name("vault-commit".to_owned())
            .spawn(move || run(&of_thread))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            log,
            segment_age_ms: options.segment_age_ms,
            running: Mutex::new(Some(Running {
                thread,
                _lock: lock,
            })),
            maintaining: Mutex::new(()),
        })
    }

    /// Seals a reading and hands it to the commit thread. It is kept once [`Vault::durable`] has reached the returned position.
    ///
    /// Uses the CPU only, except for the first reading of a subject in an epoch since its key was last open: that asks the database once,
    /// and holds up nobody but the same subject. Near the end of an epoch [`Vault::maintain`] opens the keys of the next one ahead.
    ///
    /// # Errors
    /// [`AppendError::Busy`] when the disk does not keep up; [`AppendError::Stopped`] after a failed write. Nothing of the reading is kept then.
    pub fn append(&self, reading: &Reading<'_>) -> Result<Lsn, AppendError> {
        self.append_all(std::slice::from_ref(reading))
    }

    /// As [`Vault::append`], for readings that belong together: all of them are kept or none, also after a crash.
    /// They are kept once [`Vault::durable`] has reached the returned position. For no readings that is [`Lsn::START`].
    ///
    /// # Errors
    /// As [`Vault::append`]; nothing of any of the readings is kept then. [`AppendError::TooMany`] when they never fit together.
    pub fn append_all(&self, readings: &[Reading<'_>]) -> Result<Lsn, AppendError> {
        if readings.is_empty() {
            return Ok(Lsn::START);
        }
        for reading in readings {
            if reading.retention.as_days() == 0 {
                return Err(AppendError::LiveOnly);
            }
            let size_bytes = reading.body.len();
            if size_bytes > MAX_BODY_BYTES {
                return Err(AppendError::TooLarge { size_bytes });
            }
        }
        let seal = |keys: &[&_]| self.log.append(keys, readings);
        match self.log.keyring.with_keys(readings, seal) {
            Ok(appended) => appended,
            Err(KeyError::Busy) => Err(AppendError::Busy),
            Err(error) => Err(AppendError::Key(error)),
        }
    }

    /// Whether half of `max_pending_bytes` wait to be written, or more: whoever can wait waits for [`Progress::Room`]. Never when the
    /// vault has stopped.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.log.is_crowded()
    }

    /// As [`Vault::append_all`], for readings of one subject that come back from elsewhere: what was erased here stays erased. Holds up
    /// erasures meanwhile, so not too many at once.
    ///
    /// # Errors
    /// See [`ComeBackError`]; nothing of any of the readings is kept then.
    pub fn come_back(&self, readings: Vec<StoredReading>) -> Result<CameBack, ComeBackError> {
        come_back(&self.log, readings, |it| self.append_all(it))
    }

    /// Whether the vault has stopped after a failure: nothing is accepted, and nothing more will be durable, until it is opened again.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.log.is_stopped()
    }

    /// The last position that is durable.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        self.log.durable()
    }

    /// The last position that was appended, durable or not.
    #[must_use]
    pub fn appended(&self) -> Lsn {
        self.log.appended()
    }

    /// Blocks until a position is durable.
    ///
    /// # Errors
    /// When the log stopped or was closed before.
    pub fn wait(&self, lsn: Lsn) -> Result<(), WaitError> {
        self.log.wait(lsn)
    }

    /// Readings of a subject in a range of time, ordered by time and then by order of appending.
    ///
    /// Returns what was durable when it was called, and maybe what became durable meanwhile; never what a crash could still take back.
    ///
    /// # Errors
    /// When rows, keys, blocks or segments cannot be read; there is no partial answer.
    pub fn read(&self, query: &ReadQuery) -> Result<Vec<StoredReading>, ReadError> {
        let placed = self.read_placed(query)?;
        Ok(placed.into_iter().map(|it| it.1).collect())
    }

    /// The same, each reading with its place in the order of appending.
    ///
    /// # Errors
    /// As [`Vault::read`].
    pub fn read_placed(
        &self,
        query: &ReadQuery,
    ) -> Result<Vec<(Position, StoredReading)>, ReadError> {
        read(&self.log, query)
    }

    /// Readings of a subject in the order of appending, behind a position. See [`FollowQuery`]. What is damaged has a place of its own.
    ///
    /// # Errors
    /// When rows or files cannot be read; there is no partial answer.
    pub fn follow(&self, query: &FollowQuery) -> Result<Vec<(Position, Followed)>, ReadError> {
        follow(&self.log, query)
    }

    /// Moves closed segments into sealed blocks, drops blocks whose retention is over, and in the last hour of an epoch opens keys of the
    /// next one ahead. To be called every minute or so, from a thread that may block.
    /// One call works at a time; a second one waits.
    ///
    /// # Errors
    /// When rows or files cannot be read or written. What was done is done, the rest is left for the next call.
    pub fn maintain(&self, now: Timestamp) -> Result<Maintained, MaintainError> {
        let _one_at_a_time = self
            .maintaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // What an erasure left in the log must not wait there.
        let is_unfinished = self.log.keyring.has_unfinished.load(Ordering::SeqCst);
        let age_ms = if is_unfinished {
            0
        } else {
            self.segment_age_ms
        };
        self.log
            .rotate_if_older(now, age_ms)
            .map_err(MaintainError::Rotate)?;
        maintain(&self.log, now)
    }

    /// The log, for what is done elsewhere.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// While this is held nobody maintains, seals or copies.
    pub(crate) fn maintaining(&self) -> std::sync::MutexGuard<'_, ()> {
        self.maintaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A consistent copy of the log, for a backup; see the module `cut`. `tx` is a read transaction of the vault's database that has run
    /// no statement yet: what it reads from now on is the other half. This is the one method that may be called inside of one.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn cut(&self, tx: &mut store::Tx<'_>) -> Result<Vec<SegmentCopy>, DbError> {
        let _nothing_moves = self
            .maintaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cut(&self.log, tx)
    }

    /// Erases readings of a subject: those that were appended before. When it returns nobody sees them any more, and what was under
    /// keys of its own does not open any more; [`Vault::maintain`] does the rest. See the module `erase` for what happens.
    ///
    /// Takes as long as the subject has epoch keys (days), however many readings there are.
    ///
    /// # Errors
    /// See [`EraseError`], which says how far it got.
    pub fn erase(&self, erasure: &Erasure, now: Timestamp) -> Result<ErasureProof, EraseError> {
        erase(&self.log, erasure, now)
    }

    /// Carries out what the file of erasures has and the database does not know, as [`Vault::open`] does. Says how many there were.
    ///
    /// # Errors
    /// When rows or the file cannot be read or written.
    pub fn reapply_erasures(&self) -> Result<u64, EraseError> {
        reapply(&self.log)
    }

    /// Which of these subjects had something erased, as far as the file of erasures says: also what a restored backup does not know of.
    #[must_use]
    pub fn were_erased(&self, subjects: &[Subject]) -> Vec<bool> {
        crate::erase::were_erased(&self.log, subjects)
    }

    /// Whose readings of these days, both ends included (UTC, days since 1970), can be opened still, and who has some that only they can
    /// open. Looks at keys, not at readings.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn keys_between(&self, first: i64, last: i64) -> Result<KeptBetween, DbError> {
        crate::held::between(&self.log, first, last)
    }

    /// Of how many keys (days) of a subject the erasure is not finished: 0 once nothing of what was erased lies anywhere.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn unfinished_erasure(&self, subject: &Subject) -> Result<u64, DbError> {
        let text = subject.key();
        self.log.db.read(|tx| rows::count_unfinished(tx, &text))
    }

    /// Says which readings are kept for less long than their class. To be called once, right after opening. Says whether it was the
    /// first call.
    pub fn shorten_with(&self, shortening: impl Shortening + 'static) -> bool {
        self.log
            .keyring
            .shortening
            .set(Box::new(shortening))
            .is_ok()
    }

    /// Takes out of blocks what is past a shortened time; see [`ShortenPass`]. Says whether all of them were done: those of which
    /// something else is being erased are left for later.
    ///
    /// # Errors
    /// When rows or blocks cannot be read or written. What was done is done.
    pub fn enforce_shortening(
        &self,
        pass: ShortenPass,
        now: Timestamp,
    ) -> Result<bool, MaintainError> {
        let _one_at_a_time = self
            .maintaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        enforce(&self.log, pass, now)
    }

    /// What is kept of a subject, by retention class, shortest first. Opens no reading, so it takes as long as there are blocks; what an
    /// erasure has hidden and `maintain` not yet taken out, and what is past a shortened time within the hour, may be counted.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn held(&self, subject: &Subject, now: Timestamp) -> Result<Vec<Held>, DbError> {
        held(&self.log, subject, now)
    }

    /// Says how [`Scope::strip`](crate::Scope::strip) is taken out of a reading. To be called once, right after opening: until then
    /// readings of which something is to be taken out are hidden whole. It must give the same answer each time, and [`Strip::Keep`]
    /// for what it gave back itself. Says whether it was the first call.
    pub fn strip_with(
        &self,
        strip: impl Fn(&[u8], &StoredReading) -> Strip + Send + Sync + 'static,
    ) -> bool {
        self.log.keyring.stripper.set(Box::new(strip)).is_ok()
    }

    /// Gives a subject a new key, and seals its epoch keys again under it.
    ///
    /// # Errors
    /// When rows cannot be read or written, or a key does not open.
    pub fn rotate_subject(&self, subject: &Subject) -> Result<(), KeyError> {
        let rewritten = self.log.keyring.rewrite(subject, None, |_| Ok(()));
        rewritten.map(|_| ())
    }

    /// Writes what is pending, finishes the segment, stops the commit thread. Later appends fail with [`AppendError::Closed`].
    pub fn close(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.log.begin_close();
        if let Some(Running { thread, _lock }) = running
            && thread.join().is_err()
        {
            tracing::error!("the commit thread of the vault ended with a panic");
        }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    lock_directory(directory).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => OpenError::InUse {
            path: directory.to_owned(),
        },
        _ => OpenError::Directory {
            path: directory.to_owned(),
            source,
        },
    })
}
