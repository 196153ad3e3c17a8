//! Exports in the background: a person asks, one at a time is made, the finished file is kept sealed for a while.
//!
//! It is kept for a day, or until the first value in it vanishes here, but for an hour in any case: something vanishes in every hour of a
//! history that is kept for a time. So no value lies in such a file for more than an hour beyond its time.
//!
//! What was asked for is a row, so it is made after a restart too, from the beginning. Progress is in memory only.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{DeploymentId, PersonId, Timestamp};

use super::sealed_file::{FileKey, SealedExport, SealingWriter};
use super::{ExportError, ExportFrame, ExportProgress, ExportRequest};
use crate::Custody;
use crate::Token;
use crate::row_box::RowBox;
use crate::rows::export::{ExportRow, MadeExport};
use crate::rows::{self, RowError};

/// A finished export is kept for so long at most: a day.
pub const EXPORT_KEEP_MILLIS: i64 = 86_400_000;
/// And for so long at least: an hour.
pub const LEAST_EXPORT_MILLIS: i64 = 3_600_000;
/// At most so many exports wait, are made or are kept, of all people together.
pub const MAX_EXPORTS: i64 = 10_000;
/// While the kept exports of all people have so many bytes, no other one is taken on.
pub const MAX_ALL_EXPORTS_BYTES: i64 = 64 * 1024 * 1024 * 1024;
/// What is past its time is looked for so often.
const SWEEP_MILLIS: i64 = 60_000;
/// The largest export that is kept.
pub const MAX_KEPT_EXPORT_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// Where an export is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// It waits or is made.
    Waiting,
    /// It can be downloaded.
    Ready,
    /// It could not be made.
    Failed,
}

impl ExportState {
    const ALL: [Self; 3] = [Self::Waiting, Self::Ready, Self::Failed];

    /// The word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// An export that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportJob {
    /// Its name: random, says nothing.
    pub id: String,
    /// What was asked for.
    pub request: ExportRequest,
    /// Where it is.
    pub state: ExportState,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it is deleted, once it has ended.
    pub gone_at: Option<Timestamp>,
    /// How many bytes it has, when it is ready.
    pub bytes: u64,
    /// How far it is; `None` while it is not its turn.
    pub progress: Option<ExportProgress>,
}

/// Why an export was not taken on.
#[derive(Debug, thiserror::Error)]
pub enum AskExportError {
    /// The person has one already.
    #[error("you have an export already: delete it first, or let it end")]
    HasOne,
    /// Nothing of this deployment is about the person.
    #[error("no device of `{0}` is about you")]
    NotConcerned(DeploymentId),
    /// Too many people have one.
    #[error("there are too many exports at the moment: try again tomorrow")]
    TooMany,
    /// The database failed.
    #[error("the database failed")]
    Rows(#[from] RowError),
    /// No randomness.
    #[error("the operating system gave no random bytes")]
    Random(#[from] getrandom::Error),
}

impl From<store::DbError> for AskExportError {
    fn from(err: store::DbError) -> Self {
        Self::Rows(RowError::Db(err))
    }
}

/// The export that is being made.
struct Running {
    id: String,
    progress: ExportProgress,
}

/// What exports need between calls.
pub(crate) struct Exports {
    directory: PathBuf,
    keys: RowBox,
    running: Mutex<Option<Running>>,
    /// When it was looked for what is past its time, last.
    swept_at: AtomicI64,
}

impl Exports {
    pub(crate) fn new(directory: PathBuf, keys: RowBox) -> Self {
        Self {
            directory,
            keys,
            running: Mutex::new(None),
            swept_at: AtomicI64::new(i64::MIN),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file of an export is there.
    pub(crate) fn has_file(&self, id: &str) -> bool {
        self.path(id).is_file()
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(id)
    }

    fn job(&self, row: &ExportRow) -> ExportJob {
        let running = self.running();
        let mine = running.as_ref().filter(|it| it.id == row.id);
        ExportJob {
            id: row.id.clone(),
            request: ExportRequest {
                person: row.person.clone(),
                only: row.only.clone(),
                formats: row.formats.clone(),
            },
            state: row.state,
            asked_at: row.asked_at,
            gone_at: gone_at(row),
            bytes: row.bytes.and_then(|it| u64::try_from(it).ok()).unwrap_or(0),
            progress: mine.map(|it| it.progress),
        }
    }

    /// Makes the file and gives its size and sealed key.
    fn sealed(
        &self,
        custody: &Custody,
        job: &ExportJob,
        frame: &ExportFrame<'_>,
        stop: &AtomicBool,
        now: Timestamp,
    ) -> Result<MadeExport, ExportError> {
        let mut key = FileKey::default();
        getrandom::fill(key.as_mut_slice()).map_err(|_| ExportError::Random)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(self.path(&job.id))
            .map_err(ExportError::Sink)?;
        let mut sink =
            SealingWriter::new(file, &key, MAX_KEPT_EXPORT_BYTES).map_err(ExportError::Sink)?;
        let mut watch = |progress| {
            let mut running = self.running();
            match running.as_mut().filter(|it| it.id == job.id) {
                Some(mine) if !stop.load(Ordering::Relaxed) => {
                    mine.progress = progress;
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Break(()),
            }
        };
        let (summary, bytes) = custody.write_export(
            &job.request,
            frame,
            &self.directory,
            &mut sink,
            &mut watch,
            now,
        )?;
        sink.finish().map_err(ExportError::Sink)?;
        let sealed = self
            .keys
            .seal(&name(&job.id, &job.request.person), key.to_vec());
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let kept_until = now.plus_millis(EXPORT_KEEP_MILLIS);
        let first_gone = summary.first_gone_at.unwrap_or(kept_until);
        let least = now.plus_millis(LEAST_EXPORT_MILLIS);
        Ok(MadeExport {
            bytes,
            sealed_key: sealed.ok_or(ExportError::Random)?,
            gone_at: first_gone.clamp(least, kept_until),
        })
    }
}

/// When an export is deleted that has ended.
fn gone_at(row: &ExportRow) -> Option<Timestamp> {
    let after_a_day = |it: Timestamp| it.plus_millis(EXPORT_KEEP_MILLIS);
    row.gone_at.or_else(|| row.ended_at.map(after_a_day))
}

fn name(id: &str, person: &PersonId) -> Vec<u8> {
    format!("export {id} {person}").into_bytes()
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

impl Custody {
    /// Takes on an export for a person; one that has ended is deleted for it. The caller has checked who asks.
    ///
    /// # Errors
    /// See [`AskExportError`].
    pub fn ask_export(
        &self,
        request: &ExportRequest,
        now: Timestamp,
    ) -> Result<(), AskExportError> {
        if let Some(only) = &request.only
            && !self.deployments_about(&request.person).contains(only)
        {
            return Err(AskExportError::NotConcerned(only.clone()));
        }
        let token = Token::random()?;
        let row = ExportRow {
            id: token.expose_secret().chars().take(26).collect(),
            person: request.person.clone(),
            only: request.only.clone(),
            formats: request.formats.clone(),
            state: ExportState::Waiting,
            asked_at: now,
            ended_at: None,
            bytes: None,
            sealed_key: None,
            gone_at: None,
        };
        let before = self.inner.db.write(|tx| {
            let before = rows::export::of(tx, &request.person)?;
            if let Some(it) = &before {
                if it.state == ExportState::Waiting {
                    return Err(AskExportError::HasOne);
                }
                rows::export::delete(tx, &it.id)?;
            }
            let (count, bytes) = rows::export::all_together(tx)?;
            if count >= MAX_EXPORTS || bytes >= MAX_ALL_EXPORTS_BYTES {
                return Err(AskExportError::TooMany);
            }
            rows::export::insert(tx, &row)?;
            Ok(before)
        })?;
        if let Some(before) = before {
            self.forget_file(&before.id);
        }
        Ok(())
    }

    /// The export of a person, if there is one that is not past its time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn export_of(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<Option<ExportJob>, RowError> {
        let row = self.inner.db.read(|tx| rows::export::of(tx, person))?;
        let job = row.map(|it| self.inner.exports.job(&it));
        Ok(job.filter(|it| it.gone_at.is_none_or(|gone| now < gone)))
    }

    /// Deletes the export of a person; one that is being made stops.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_export(&self, person: &PersonId) -> Result<(), RowError> {
        let row = self.inner.db.write(|tx| {
            let row = rows::export::of(tx, person)?;
            if let Some(row) = &row {
                rows::export::delete(tx, &row.id)?;
            }
            Ok::<_, RowError>(row)
        })?;
        if let Some(row) = row {
            let mut running = self.inner.exports.running();
            running.take_if(|it| it.id == row.id);
            drop(running);
            self.forget_file(&row.id);
        }
        Ok(())
    }

    /// The export whose turn it is; `None` when nobody waits.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_export(&self) -> Result<Option<ExportJob>, RowError> {
        let waiting = self.inner.db.read(rows::export::next)?;
        Ok(waiting.map(|it| self.inner.exports.job(&it)))
    }

    /// Makes an export and keeps it. Stopped by `stop` it is made again another time; deleted meanwhile, it is not kept. Blocks for long.
    ///
    /// # Errors
    /// Why it could not be made; that is written down for the person too.
    pub fn run_export(
        &self,
        job: &ExportJob,
        frame: &ExportFrame<'_>,
        stop: &AtomicBool,
        now: Timestamp,
    ) -> Result<(), ExportError> {
        let exports = &self.inner.exports;
        *exports.running() = Some(Running {
            id: job.id.clone(),
            progress: ExportProgress::default(),
        });
        let made = exports.sealed(self, job, frame, stop, now);
        exports.running().take_if(|it| it.id == job.id);
        let kept = match &made {
            Ok(made) => self.end_export(job, ExportState::Ready, Some(made), now)?,
            Err(ExportError::Stopped) => false,
            Err(_) => {
                self.end_export(job, ExportState::Failed, None, now)?;
                false
            }
        };
        if !kept {
            self.forget_file(&job.id);
        }
        match made {
            Ok(_) | Err(ExportError::Stopped) => Ok(()),
            Err(err) => Err(err),
        }
    }

    fn end_export(
        &self,
        job: &ExportJob,
        state: ExportState,
        made: Option<&MadeExport>,
        now: Timestamp,
    ) -> Result<bool, RowError> {
        self.inner
            .db
            .write(|tx| rows::export::end(tx, &job.id, state, now, made))
    }

    /// The finished export of a person, to be downloaded; `None` when there is none of this name.
    ///
    /// # Errors
    /// When the database fails or the file cannot be opened.
    pub fn open_export(
        &self,
        person: &PersonId,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<SealedExport>, ExportError> {
        let row = self.inner.db.read(|tx| rows::export::of(tx, person))?;
        let Some(row) = row.filter(|it| it.id == id && it.state == ExportState::Ready) else {
            return Ok(None);
        };
        let exports = &self.inner.exports;
        let job = exports.job(&row);
        if job.gone_at.is_none_or(|gone| now >= gone) {
            return Ok(None);
        }
        let sealed = row.sealed_key.unwrap_or_default();
        let opened = exports.keys.open(&name(id, person), &sealed);
        let opened = opened.map(zeroize::Zeroizing::new);
        let mut key = FileKey::default();
        match opened.filter(|it| it.len() == key.len()) {
            Some(opened) => key.copy_from_slice(&opened),
            None => return Err(ExportError::Unreadable),
        }
        let file = File::open(exports.path(id)).map_err(ExportError::Sink)?;
        let opened = SealedExport::open(file, &key, job.bytes).map_err(ExportError::Sink)?;
        Ok(Some(opened))
    }

    /// Deletes exports that are past their time, and files that no row names any more. Looks once a minute, however often it is called;
    /// by the one who makes exports, in between.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sweep_exports(&self, now: Timestamp) -> Result<(), RowError> {
        let swept_at = &self.inner.exports.swept_at;
        let last = swept_at.swap(now.as_millis(), Ordering::Relaxed);
        if now.as_millis().saturating_sub(last) < SWEEP_MILLIS {
            swept_at.store(last, Ordering::Relaxed);
            return Ok(());
        }
        let kept = self.inner.db.write(|tx| {
            let mut kept = BTreeSet::new();
            for row in rows::export::all(tx)? {
                if gone_at(&row).is_some_and(|it| it <= now) {
                    rows::export::delete(tx, &row.id)?;
                } else {
                    kept.insert(row.id);
                }
            }
            Ok::<_, RowError>(kept)
        })?;
        let Ok(found) = std::fs::read_dir(&self.inner.exports.directory) else {
            return Ok(());
        };
        for entry in found.flatten() {
            let file = entry.file_name();
            let is_kept = file.to_str().is_some_and(|it| kept.contains(it));
            if !is_kept && remove(&entry.path()).is_err() {
                tracing::warn!("an export that is over could not be deleted; its key is gone");
            }
        }
        Ok(())
    }

    /// The key is gone with the row, so a file that cannot be deleted now is only bytes; the next sweep tries again.
    fn forget_file(&self, id: &str) {
        if remove(&self.inner.exports.path(id)).is_err() {
            tracing::warn!("an export that is over could not be deleted; its key is gone");
        }
    }
}
