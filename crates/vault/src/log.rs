//! The write-ahead log: appending into a pending buffer, and the commit thread that makes it durable.
//!
//! There is one open segment. [`Log::append`] seals a record straight into the pending buffer under a short mutex. The commit thread takes
//! the whole buffer (appending goes on in the other one), then, in this order: writes the rows of new keys, writes the batch with one
//! write, calls fdatasync, publishes the new durable position. A batch is as large as what came in during the one before: group commit.
//!
//! - **Full.** At most `max_pending_bytes` wait; then `append` returns [`AppendError::Busy`] at once and nothing is kept of that reading.
//! - **Failure.** When anything of the above fails, the log stops: every later append and wait fails, until the vault is opened again.
//!   After a failed fdatasync the kernel may have dropped the pages, so trying again would acknowledge what is not there.
//!   [`Progress::Stopped`] is told at once, so that nobody waits for what will never be durable.
//! - **Database away.** When it is lost or busy, rows of keys and segments are tried again for `database_patience_ms`. Nothing that needs
//!   them is written before they are, so nothing is lost or acknowledged too early; meanwhile readings wait, up to **Full**.
//! - **Rotation.** When the open segment has reached `segment_bytes`, or on request of `maintain`, the commit thread makes a new segment,
//!   swaps it in together with the buffer, and finishes the old one with its trailer. A segment exceeds its size by one batch at most.
//! - **Room.** For small batches the file is extended with written zeros in steps of `allocate_bytes`, so that most fdatasync calls find
//!   nothing to do for the file's metadata (measured on ext4: a third less time). Large batches are written as they are.

mod commit;
mod tail;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};

use model::Timestamp;
use rustc_hash::FxHashSet;
use store::DbError;

use crate::crypto::{CryptoError, KeyId, Suite};
use crate::disk::{Disk, SegmentFile};
use crate::keys::{EpochKey, KeyError, Keyring};
use crate::reading::{MAX_BODY_BYTES, Reading};
use crate::segment::{FrameRef, Index, SEGMENT_HEADER_BYTES, SegmentName, suite_of_header};

pub(crate) use commit::{create_segment, finish, run};
pub(crate) use tail::Tail;

/// A position in the order of appending: reading number n since this vault was opened. Compare only positions of one open vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub(crate) u64);

impl Lsn {
    /// Before the first reading.
    pub const START: Self = Self(0);

    /// How many readings were appended up to here since the vault was opened.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// What the log tells while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Everything up to this position is durable.
    Durable(Lsn),
    /// Half of what may wait for the disk did, or more, and is being written now: there is room again.
    Room,
    /// The log stopped after a failure: nothing more will be durable. The last that is told.
    Stopped,
}

/// Why the log stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The rows of new keys were not written.
    #[error("the rows of new keys could not be written")]
    Keys(#[source] DbError),
    /// The row of a new segment was not written.
    #[error("the row of segment `{path}` could not be written")]
    SegmentRow {
        /// The segment's file.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: DbError,
    },
    /// A segment's file did not do what was asked.
    #[error("cannot {doing} segment `{path}`: check the disk and its free space, then start again")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The segment's file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// No randomness for a segment id.
    #[error("a new segment could not be named")]
    Random(#[source] CryptoError),
    /// The commit thread or an appender panicked.
    #[error("the log stopped after a panic: this is a bug, please report it")]
    Panic,
}

/// Why a reading was not appended. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A reading with retention 0 is live only; it must not be stored.
    #[error("a reading that is live only cannot be stored")]
    LiveOnly,
    /// The body is too long.
    #[error("a reading has at most {MAX_BODY_BYTES} bytes, this one has {size_bytes}")]
    TooLarge {
        /// Its length.
        size_bytes: usize,
    },
    /// Readings that are appended together do not fit into the pending buffer, however empty it is.
    #[error(
        "readings that are appended together have at most {max_bytes} bytes, these have {size_bytes}"
    )]
    TooMany {
        /// Their length, with what sealing adds.
        size_bytes: usize,
        /// `max_pending_bytes` of the vault.
        max_bytes: usize,
    },
    /// The pending buffer is full: the disk does not keep up. Try again after the next [`Progress::Durable`].
    #[error("too many readings wait to be written: try again")]
    Busy,
    /// The vault was closed.
    #[error("the vault is closed")]
    Closed,
    /// The log stopped after a failure; see its cause. Open the vault again.
    #[error("the log has stopped after a failure; start again once its cause is removed")]
    Stopped(#[source] Arc<CommitError>),
    /// The key could not be opened or made.
    #[error("the key for the reading could not be had")]
    Key(#[source] KeyError),
    /// Sealing failed.
    #[error("the reading could not be sealed")]
    Seal(#[source] CryptoError),
}

/// Why a position will not become durable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The log stopped after a failure; see its cause.
    #[error("the log has stopped after a failure; start again once its cause is removed")]
    Stopped(#[source] Arc<CommitError>),
    /// The vault was closed before anything was appended at this position.
    #[error("the vault is closed")]
    Closed,
}

/// A segment file that this process writes or wrote.
pub(crate) struct Segment {
    pub(crate) name: SegmentName,
    pub(crate) header: [u8; SEGMENT_HEADER_BYTES],
    pub(crate) path: PathBuf,
    pub(crate) file: Box<dyn SegmentFile>,
    /// Everything before this offset is durable.
    pub(crate) durable_end: AtomicU64,
    /// The trailer is durable; nothing will be written any more.
    pub(crate) is_finished: AtomicBool,
}

impl Segment {
    /// The suite that its records are sealed with.
    pub(crate) fn suite(&self) -> Suite {
        suite_of_header(&self.header).unwrap_or_default()
    }
}

/// A segment that gets no more records, with its index.
pub(crate) struct ClosedSegment {
    pub(crate) segment: Arc<Segment>,
    pub(crate) index: Index,
}

/// A segment whose readings are not in blocks, as it stood at one moment.
#[derive(Clone)]
pub(crate) struct HeadSegment {
    pub(crate) closed: Arc<ClosedSegment>,
    /// Where its durable records ended.
    durable_end: u64,
}

impl HeadSegment {
    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.closed.segment.name.number
    }

    /// Whether a record may be shown: nobody sees what a crash could still take back. What became durable since the moment is not
    /// shown, so that of an order of appending always a beginning is seen.
    pub(crate) fn is_durable(&self, frame: &FrameRef) -> bool {
        frame.end() <= self.durable_end
    }
}

/// Limits of the log, from the vault's options.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) segment_bytes: u64,
    pub(crate) max_pending_bytes: usize,
    pub(crate) allocate_bytes: u32,
    pub(crate) database_patience_ms: u64,
}

/// What [`Log`] calls when it has something to tell.
pub(crate) type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;

/// The log, shared by appenders, readers and the commit thread.
pub(crate) struct Log {
    pub(crate) directory: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) db: store::Db,
    pub(crate) keyring: Keyring,
    pub(crate) limits: Limits,
    tail: Mutex<Tail>,
    /// Something waits to be written.
    work: Condvar,
    /// The durable position, the segment or the state of failure changed.
    advanced: Condvar,
    durable: AtomicU64,
    /// How many bytes wait to be written.
    pending: AtomicUsize,
    /// Why the log stopped. Set once, and then waiters are woken.
    failed: OnceLock<Arc<CommitError>>,
    on_progress: OnProgress,
    /// Whether there may be something in [`Vault::reapplied`](crate::Vault::reapplied).
    pub(crate) has_reapplied: AtomicBool,
}

impl Log {
    /// A log whose commit thread is not yet running.
    pub(crate) fn new(
        directory: PathBuf,
        disk: Arc<dyn Disk>,
        db: store::Db,
        keyring: Keyring,
        limits: Limits,
        tail: Tail,
        on_progress: OnProgress,
    ) -> Self {
        Self {
            directory,
            disk,
            db,
            keyring,
            limits,
            tail: Mutex::new(tail),
            work: Condvar::new(),
            advanced: Condvar::new(),
            durable: AtomicU64::new(0),
            pending: AtomicUsize::new(0),
            failed: OnceLock::new(),
            on_progress,
            has_reapplied: AtomicBool::new(true),
        }
    }

    /// Seals readings into the pending buffer, each under its key: all of them or none, and all in one batch.
    pub(crate) fn append(
        &self,
        keys: &[&EpochKey],
        readings: &[Reading<'_>],
    ) -> Result<Lsn, AppendError> {
        let mut tail = self.lock();
        self.check_running().map_err(AppendError::Stopped)?;
        tail.admit(self.limits.max_pending_bytes, readings)?;
        let was_empty = tail.is_empty();
        let lsn = tail.push_all(keys, readings).map_err(AppendError::Seal)?;
        self.pending.store(tail.pending_bytes(), Ordering::Release);
        drop(tail);
        if was_empty {
            self.work.notify_one();
        }
        Ok(lsn)
    }

    /// Whether so much waits to be written that more should come later: half of what may. Not when it will never be written.
    pub(crate) fn is_crowded(&self) -> bool {
        self.is_many(self.pending.load(Ordering::Acquire)) && !self.is_stopped()
    }

    fn is_many(&self, bytes: usize) -> bool {
        bytes >= self.limits.max_pending_bytes / 2
    }

    /// Whether the log has stopped after a failure.
    pub(crate) fn is_stopped(&self) -> bool {
        // A panic of an appender is noticed by the next one who locks.
        if self.failed.get().is_none() && self.tail.is_poisoned() {
            drop(self.lock());
        }
        self.failed.get().is_some()
    }

    fn check_running(&self) -> Result<(), Arc<CommitError>> {
        self.failed.get().map_or(Ok(()), |it| Err(Arc::clone(it)))
    }

    /// The last position that is durable.
    pub(crate) fn durable(&self) -> Lsn {
        Lsn(self.durable.load(Ordering::Acquire))
    }

    /// The last position that was appended, durable or not.
    pub(crate) fn appended(&self) -> Lsn {
        self.lock().last()
    }

    /// Blocks until a position is durable.
    pub(crate) fn wait(&self, lsn: Lsn) -> Result<(), WaitError> {
        let mut tail = self.lock();
        loop {
            if tail.durable >= lsn {
                return Ok(());
            }
            self.check_running().map_err(WaitError::Stopped)?;
            if tail.is_closed {
                return Err(WaitError::Closed);
            }
            tail = self.wait_advanced(tail);
        }
    }

    /// The segments whose readings are not in blocks, at this moment: all records of closed ones, of the open one those of some keys.
    /// A block made from one of these segments must be ignored: its readings are here.
    pub(crate) fn head(&self, keys: impl Iterator<Item = KeyId>) -> Vec<HeadSegment> {
        let tail = self.lock();
        let index = keys
            .filter_map(|key| Some((key, tail.index.get(&key)?.clone())))
            .collect();
        let open = ClosedSegment {
            segment: Arc::clone(&tail.segment),
            index,
        };
        let mut segments = tail.closed.clone();
        drop(tail);
        segments.push(Arc::new(open));
        // The newest first: while these are asked, more becomes durable, and what comes later must not be seen without what came before.
        let mut head: Vec<_> = segments
            .into_iter()
            .rev()
            .map(|closed| HeadSegment {
                durable_end: closed.segment.durable_end.load(Ordering::Acquire),
                closed,
            })
            .collect();
        head.reverse();
        head
    }

    /// Every segment whose readings are not in blocks, with the end of what is durable in it.
    pub(crate) fn durable_segments(&self) -> Vec<(Arc<Segment>, u64)> {
        let tail = self.lock();
        let closed = tail.closed.iter().map(|it| Arc::clone(&it.segment));
        let all: Vec<_> = closed.chain([Arc::clone(&tail.segment)]).collect();
        drop(tail);
        let end = |it: &Segment| it.durable_end.load(Ordering::Acquire);
        all.into_iter()
            .map(|it| (Arc::clone(&it), end(&it)))
            .collect()
    }

    /// The segments that nothing will be written to any more, oldest first.
    pub(crate) fn finished_segments(&self) -> Vec<Arc<ClosedSegment>> {
        let tail = self.lock();
        let is_finished = |it: &&Arc<ClosedSegment>| it.segment.is_finished.load(Ordering::Acquire);
        tail.closed
            .iter()
            .take_while(is_finished)
            .cloned()
            .collect()
    }

    /// Removes the keys that records in the log need.
    pub(crate) fn keep_unused(&self, keys: &mut FxHashSet<KeyId>) {
        let tail = self.lock();
        keys.retain(|key| {
            let is_closed = tail.closed.iter().any(|it| it.index.contains_key(key));
            !is_closed && !tail.index.contains_key(key)
        });
    }

    /// Asks for a new segment if the open one has records and is old enough, and waits until it is there.
    pub(crate) fn rotate_if_older(&self, now: Timestamp, age_ms: i64) -> Result<(), WaitError> {
        let mut tail = self.lock();
        if tail.records() == 0 {
            return Ok(());
        }
        let first_seen = *tail.first_seen.get_or_insert(now);
        // A clock that was set back says nothing about the age: better too early than never.
        if (first_seen..first_seen.plus_millis(age_ms)).contains(&now) {
            return Ok(());
        }
        let old = Arc::clone(&tail.segment);
        tail.wants_rotation = true;
        self.work.notify_one();
        while !old.is_finished.load(Ordering::Acquire) {
            self.check_running().map_err(WaitError::Stopped)?;
            if tail.is_closed {
                return Err(WaitError::Closed);
            }
            tail = self.wait_advanced(tail);
        }
        Ok(())
    }

    /// Takes a segment out of the head: its readings are in committed blocks.
    pub(crate) fn release(&self, segment: SegmentName) {
        self.lock().closed.retain(|it| it.segment.name != segment);
    }

    /// Asks the commit thread to write what is pending, finish the segment and end.
    pub(crate) fn begin_close(&self) {
        self.lock().is_closing = true;
        self.work.notify_one();
    }

    /// Locks the tail. A panic while it was locked leaves it unusable: the log stops.
    fn lock(&self) -> MutexGuard<'_, Tail> {
        self.tail
            .lock()
            .unwrap_or_else(|poisoned| self.poisoned(poisoned.into_inner()))
    }

    fn wait_advanced<'a>(&self, tail: MutexGuard<'a, Tail>) -> MutexGuard<'a, Tail> {
        self.advanced
            .wait(tail)
            .unwrap_or_else(|poisoned| self.poisoned(poisoned.into_inner()))
    }

    fn poisoned<'a>(&self, tail: MutexGuard<'a, Tail>) -> MutexGuard<'a, Tail> {
        self.stop_locked(CommitError::Panic);
        tail
    }

    /// Stops the log, for one who has locked the tail, so that nobody begins to wait in between.
    fn stop_locked(&self, error: CommitError) {
        let error = Arc::new(error);
        if self.failed.set(Arc::clone(&error)).is_ok() {
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "the vault stopped: no reading is accepted until it is opened again"
            );
            (self.on_progress)(Progress::Stopped);
        }
        self.advanced.notify_all();
        self.work.notify_all();
    }
}
