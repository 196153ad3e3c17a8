//! The commit thread: the one owner of everything that is written to segments.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use store::{Db, DbError};

use super::tail::{Batch, Rotated};
use super::{CommitError, Log, Progress, Segment};
use crate::crypto::{Suite, random_id};
use crate::disk::Disk;
use crate::keys::FreshRows;
use crate::retry::write_with_patience;
use crate::rows;
use crate::segment::{SegmentName, trailer, widen, widen_len};

/// The file is extended ahead only for batches of which so many fit into one step; larger ones would have to write twice as much.
const SMALL_BATCHES_PER_STEP: usize = 16;
/// The first pause before rows are tried again; each one is twice as long as the one before, up to [`MAX_PAUSE_MS`].
const MIN_PAUSE_MS: u64 = 50;
const MAX_PAUSE_MS: u64 = 1_000;

/// What the thread found to do.
enum Work {
    Write,
    Rotate,
    Close,
    /// The log stopped elsewhere.
    Nothing,
}

/// Runs until the log is closed or fails.
pub(crate) fn run(log: &Log) {
    let guard = StopOnPanic(log);
    let mut allocated = 0;
    loop {
        let outcome = match log.next_work() {
            Work::Write => log.write_pending(None, &mut allocated),
            Work::Rotate => log.rotate(&mut allocated),
            Work::Close => {
                match log
                    .write_pending(None, &mut allocated)
                    .and_then(|()| log.finish_open())
                {
                    Ok(()) => log.closed(),
                    Err(error) => log.stop(error),
                }
                break;
            }
            Work::Nothing => break,
        };
        if let Err(error) = outcome {
            log.stop(error);
            break;
        }
    }
    drop(guard);
}

impl Log {
    fn next_work(&self) -> Work {
        let mut tail = self.lock();
        loop {
            if self.failed.get().is_some() {
                return Work::Nothing;
            }
            if tail.is_closing {
                return Work::Close;
            }
            let is_full =
                tail.segment_bytes() >= self.limits.segment_bytes || tail.records() > u32::MAX / 2;
            if tail.wants_rotation || is_full {
                return Work::Rotate;
            }
            if !tail.is_empty() {
                return Work::Write;
            }
            tail = match self.work.wait(tail) {
                Ok(tail) => tail,
                Err(_) => self.lock(),
            };
        }
    }

    /// Writes what is pending. With a new segment, later records go there.
    fn write_pending(
        &self,
        next: Option<Arc<Segment>>,
        allocated: &mut u64,
    ) -> Result<(), CommitError> {
        let mut tail = self.lock();
        let batch = tail.take_batch();
        let rotated = next.map(|it| tail.install(it));
        self.pending.store(0, Ordering::Release);
        drop(tail);
        if let Some(batch) = batch {
            if self.is_many(batch.bytes.len()) {
                (self.on_progress)(Progress::Room);
            }
            let committed = self.keyring.commit_fresh(|rows| self.write_keys(rows));
            committed.map_err(CommitError::Keys)?;
            #[cfg(test)]
            crate::crash::point();
            self.write_batch(&batch, allocated)?;
            #[cfg(test)]
            crate::crash::point();
            self.publish(batch);
        }
        if let Some(rotated) = rotated {
            *allocated = 0;
            finish(
                &rotated.segment,
                rotated.end,
                rotated.batches,
                rotated.records,
            )?;
            // Waiters look at `is_finished` under this lock.
            drop(self.lock());
            self.advanced.notify_all();
        }
        Ok(())
    }

    fn write_batch(&self, batch: &Batch, allocated: &mut u64) -> Result<(), CommitError> {
        let segment = &batch.segment;
        let end = batch.offset + widen(batch.bytes.len());
        let step = widen_len(self.limits.allocate_bytes);
        if end > *allocated && batch.bytes.len() * SMALL_BATCHES_PER_STEP <= step {
            let zeros = vec![0; step];
            let extended = segment.file.write_all_at(&zeros, end);
            extended.map_err(file_error("extend", &segment.path))?;
            *allocated = end + widen(step);
        }
        segment
            .file
            .write_all_at(&batch.bytes, batch.offset)
            .map_err(file_error("write to", &segment.path))?;
        segment
            .file
            .sync_data()
            .map_err(file_error("sync", &segment.path))?;
        segment.durable_end.store(end, Ordering::Release);
        Ok(())
    }

    fn publish(&self, batch: Batch) {
        let Batch {
            mut bytes, last, ..
        } = batch;
        bytes.clear();
        let mut tail = self.lock();
        tail.durable = last;
        tail.spare = bytes;
        self.durable.store(last.0, Ordering::Release);
        drop(tail);
        self.advanced.notify_all();
        (self.on_progress)(Progress::Durable(last));
    }

    fn write_keys(&self, rows: &FreshRows) -> Result<(), DbError> {
        let mut patience = Patience::new(self);
        write_with_patience(
            &self.db,
            || patience.pause(),
            |tx| rows.are_there(tx),
            |tx| rows.insert(tx),
        )
    }

    fn rotate(&self, allocated: &mut u64) -> Result<(), CommitError> {
        let number = self.lock().segment.name.number + 1;
        let mut patience = Patience::new(self);
        let pause = || patience.pause();
        let suite = self.keyring.suite();
        let next = create_segment(&*self.disk, &self.db, &self.directory, number, suite, pause)?;
        self.write_pending(Some(next), allocated)
    }

    fn finish_open(&self) -> Result<(), CommitError> {
        let Rotated {
            segment,
            end,
            batches,
            records,
        } = self.lock().rotated();
        finish(&segment, end, batches, records)
    }

    fn closed(&self) {
        self.lock().is_closed = true;
        self.advanced.notify_all();
    }

    fn stop(&self, error: CommitError) {
        let tail = self.lock();
        self.stop_locked(error);
        drop(tail);
    }
}

/// How long the commit thread still tries again when the database is away.
struct Patience<'a> {
    log: &'a Log,
    left_ms: u64,
    next_ms: u64,
}

impl<'a> Patience<'a> {
    fn new(log: &'a Log) -> Self {
        Self {
            log,
            left_ms: log.limits.database_patience_ms,
            next_ms: MIN_PAUSE_MS,
        }
    }

    /// Waits before the next try; false when it is time to give up. A vault that is being closed has patience for one more.
    fn pause(&mut self) -> bool {
        if self.left_ms == 0 {
            return false;
        }
        let pause_ms = self.next_ms.min(self.left_ms);
        self.left_ms -= pause_ms;
        self.next_ms = (pause_ms * 2).min(MAX_PAUSE_MS);
        let waiting = self.log.work.wait_timeout_while(
            self.log.lock(),
            Duration::from_millis(pause_ms),
            |tail| !tail.is_closing,
        );
        let (tail, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        if tail.is_closing {
            self.left_ms = 0;
        }
        true
    }
}

/// Makes a segment: a file with its header, and then its row; both durable before any record is sealed for it.
/// Should the database be away, the row is tried again while `pause` allows it.
pub(crate) fn create_segment(
    disk: &dyn Disk,
    db: &Db,
    directory: &Path,
    number: u64,
    suite: Suite,
    pause: impl FnMut() -> bool,
) -> Result<Arc<Segment>, CommitError> {
    let name = SegmentName {
        number,
        id: random_id().map_err(CommitError::Random)?,
    };
    let path = name.path(directory);
    let header = name.header(suite);
    let file = disk.create(&path).map_err(file_error("create", &path))?;
    file.write_all_at(&header, 0)
        .map_err(file_error("write to", &path))?;
    file.sync_data().map_err(file_error("sync", &path))?;
    disk.sync_directory(directory)
        .map_err(file_error("sync the directory of", &path))?;
    write_with_patience(
        db,
        pause,
        |tx| rows::is_segment_known(tx, name),
        |tx| rows::insert_segment(tx, name),
    )
    .map_err(|source| CommitError::SegmentRow {
        path: path.clone(),
        source,
    })?;
    Ok(Arc::new(Segment {
        name,
        header,
        path,
        file,
        durable_end: AtomicU64::new(widen(header.len())),
        is_finished: AtomicBool::new(false),
    }))
}

/// Cuts what lies behind the last batch, writes the trailer and makes it durable.
pub(crate) fn finish(
    segment: &Segment,
    end: u64,
    batches: u32,
    records: u32,
) -> Result<(), CommitError> {
    let trailer = trailer(segment.name.id, batches, records);
    let path = &segment.path;
    segment.file.set_len(end).map_err(file_error("cut", path))?;
    segment
        .file
        .write_all_at(&trailer, end)
        .map_err(file_error("write to", path))?;
    segment.file.sync_data().map_err(file_error("sync", path))?;
    segment.is_finished.store(true, Ordering::Release);
    Ok(())
}

fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CommitError {
    move |source| CommitError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// Tells waiters when the thread ends by a panic.
struct StopOnPanic<'a>(&'a Log);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(CommitError::Panic);
        }
    }
}
