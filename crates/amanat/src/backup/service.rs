//! Backups of the running server: on request, by themselves every so many hours, and the erasures beside them within seconds.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use backup::{Created, Keep, NotedErasures, Repository};
use custody::{Custody, ErasureFile};
use model::Timestamp;

use super::{ERASURES, Shelf, latest, make};
use crate::clock;
use crate::config::Config;
use crate::lifecycle::Stopping;

/// How often is looked for new erasures, and whether a backup is due.
const PERIOD: Duration = Duration::from_secs(1);
/// How long nothing is tried after a failure: the place may be away.
const PAUSE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// What monitoring is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// When the latest backup was begun, in seconds since 1970; 0 for never.
    pub(crate) last_success: u64,
    /// Backups that failed since the start.
    pub(crate) failures: u64,
    /// Erasures that are not noted in the repository of the configuration.
    pub(crate) erasures_waiting: u64,
}

/// Makes backups of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Backups(Arc<Inner>);

struct Inner {
    custody: Custody,
    config: Config,
    shelf: Option<Shelf>,
    stop: AtomicBool,
    last_success: AtomicU64,
    failures: AtomicU64,
    waiting: AtomicU64,
    /// One backup at a time.
    making: Mutex<()>,
    /// The repository of the configuration, once it was opened.
    opened: Mutex<Option<Arc<Repository>>>,
}

impl Backups {
    pub(crate) fn new(custody: Custody, config: &Config) -> Self {
        Self(Arc::new(Inner {
            custody,
            config: config.clone(),
            shelf: Shelf::of(config),
            stop: AtomicBool::new(false),
            last_success: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            making: Mutex::default(),
            opened: Mutex::default(),
        }))
    }

    /// What monitoring is told.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            last_success: self.0.last_success.load(Ordering::Relaxed),
            failures: self.0.failures.load(Ordering::Relaxed),
            erasures_waiting: self.0.waiting.load(Ordering::Relaxed),
        }
    }

    /// Makes a backup; blocks until it is made. `shelf` is where, if not where the configuration says.
    pub(crate) fn make(&self, shelf: &Shelf) -> anyhow::Result<Created> {
        let inner = &self.0;
        let _one_at_a_time = inner.making.lock().unwrap_or_else(PoisonError::into_inner);
        let made = (|| {
            let repository = match inner.shelf.as_ref() == Some(shelf) {
                true => self.repository()?,
                false => Arc::new(shelf.open_quietly()?),
            };
            let now = clock::now();
            let created = make(
                &inner.custody,
                &inner.config,
                &repository,
                (now, &inner.stop),
            )?;
            Ok::<_, anyhow::Error>(created)
        })();
        match &made {
            Ok(created) => self.succeeded(created.manifest.at),
            Err(_) => {
                inner.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        made
    }

    fn succeeded(&self, at: Timestamp) {
        let seconds = u64::try_from(at.as_millis() / 1000).unwrap_or(0);
        self.0.last_success.fetch_max(seconds, Ordering::Relaxed);
    }

    /// The repository of the configuration. Its passphrase is stretched once.
    fn repository(&self) -> anyhow::Result<Arc<Repository>> {
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repository) = &*opened {
            return Ok(Arc::clone(repository));
        }
        let shelf = self
            .0
            .shelf
            .as_ref()
            .context("no repository is configured")?;
        let repository = Arc::new(shelf.open_quietly()?);
        *opened = Some(Arc::clone(&repository));
        Ok(repository)
    }

    /// Until it is time to stop: makes a backup whenever one is due.
    pub(crate) async fn run_schedule(self, mut stopping: Stopping) {
        let mut schedule = Schedule {
            is_known: false,
            not_before: Timestamp::EPOCH,
            is_failing: false,
        };
        self.each_second(&mut stopping, move |backups| {
            schedule.look(backups, clock::now())
        })
        .await;
    }

    /// Until it is time to stop: notes new erasures in the repository.
    pub(crate) async fn run_erasures(self, mut stopping: Stopping) {
        let mut copy = ErasureCopy::new(&self.0.config.data.directory);
        self.each_second(&mut stopping, move |backups| {
            copy.look(backups, clock::now())
        })
        .await;
    }

    /// Where nothing is configured this only waits.
    async fn each_second(&self, stopping: &mut Stopping, look: impl FnMut(&Self) + Send + 'static) {
        if self.0.shelf.is_none() {
            return stopping.wait().await;
        }
        let look = Arc::new(Mutex::new(look));
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.wait() => return,
                _ = period.tick() => (),
            }
            let (backups, look) = (self.clone(), Arc::clone(&look));
            let mut done = tokio::task::spawn_blocking(move || {
                let mut look = look.lock().unwrap_or_else(PoisonError::into_inner);
                (*look)(&backups);
            });
            let ended = tokio::select! {
                ended = &mut done => ended,
                () = stopping.wait() => {
                    self.0.stop.store(true, Ordering::Relaxed);
                    done.await
                }
            };
            if let Err(err) = ended {
                tracing::error!("backups: {err}");
            }
        }
    }

    /// Until it is time to stop; then a backup that is being made on request is broken off too.
    pub(crate) async fn run_stop(self, mut stopping: Stopping) {
        stopping.wait().await;
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// When the next backup is due.
struct Schedule {
    is_known: bool,
    not_before: Timestamp,
    is_failing: bool,
}

impl Schedule {
    fn look(&mut self, backups: &Backups, now: Timestamp) {
        let hours = i64::from(backups.0.config.backup.every_hours);
        if now < self.not_before {
            return;
        }
        if let Err(err) = self.act(backups, now, hours) {
            self.not_before = now.plus_millis(PAUSE_MS);
            if !self.is_failing {
                tracing::error!("no backup could be made: {err:#}");
            }
            self.is_failing = true;
        } else if self.is_failing {
            tracing::info!("backups are made again");
            self.is_failing = false;
        }
    }

    fn act(&mut self, backups: &Backups, now: Timestamp, hours: i64) -> anyhow::Result<()> {
        if !self.is_known {
            let repository = backups.repository()?;
            if let Some(latest) = latest(&repository)? {
                backups.succeeded(latest.at);
            }
            self.is_known = true;
        }
        let last = i64::try_from(backups.figures().last_success).unwrap_or(0) * 1000;
        // A clock that was set back: better one too many.
        let is_due = !(0..hours * HOUR_MS).contains(&(now.as_millis() - last));
        let (Some(shelf), true) = (&backups.0.shelf, hours > 0 && is_due) else {
            return Ok(());
        };
        let created = backups.make(shelf)?;
        let manifest = &created.manifest;
        tracing::info!(
            backup.id = %manifest.id,
            "made backup {}: {} rows, {} segments, {} new bytes",
            manifest.id, manifest.rows, manifest.segments, manifest.new_bytes
        );
        let keep = keep(&backups.0.config);
        if !keep.is_unset() {
            let pruned = backup::prune(&*backups.repository()?, &keep, false)
                .context("the backup was made, but older ones could not be removed")?;
            if !pruned.removed.is_empty() {
                tracing::info!("removed {} older backups", pruned.removed.len());
            }
        }
        Ok(())
    }
}

/// Which backups the configuration keeps.
pub(crate) fn keep(config: &Config) -> Keep {
    let settings = &config.backup;
    Keep {
        last: settings.keep_last,
        daily: settings.keep_daily,
        weekly: settings.keep_weekly,
        monthly: settings.keep_monthly,
    }
}

/// The erasures of the data directory on their way into the repository.
struct ErasureCopy {
    path: PathBuf,
    /// How long the file was when all of it was noted.
    noted_bytes: Option<u64>,
    noted: Option<NotedErasures>,
    not_before: Timestamp,
    is_failing: bool,
}

impl ErasureCopy {
    fn new(data: &Path) -> Self {
        Self {
            path: data.join(ERASURES),
            noted_bytes: None,
            noted: None,
            not_before: Timestamp::EPOCH,
            is_failing: false,
        }
    }

    fn look(&mut self, backups: &Backups, now: Timestamp) {
        let size_bytes = std::fs::metadata(&self.path).map_or(0, |it| it.len());
        if self.noted_bytes == Some(size_bytes) || now < self.not_before {
            return;
        }
        match self.copy(backups) {
            Ok(noted_bytes) => {
                self.noted_bytes = Some(noted_bytes);
                backups.0.waiting.store(0, Ordering::Relaxed);
                if self.is_failing {
                    tracing::info!("erasures are noted in the repository of backups again");
                }
                self.is_failing = false;
            }
            Err(err) => {
                self.not_before = now.plus_millis(PAUSE_MS);
                if !self.is_failing {
                    tracing::error!(
                        "erasures are not noted beside the backups, so a restore on another machine would not know them: {err:#}"
                    );
                }
                self.is_failing = true;
            }
        }
    }

    /// How much of the file is noted: one that is being written to may have a part of a tombstone at its end.
    fn copy(&mut self, backups: &Backups) -> anyhow::Result<u64> {
        let bytes = std::fs::read(&self.path).context("the file of erasures cannot be read")?;
        let file = ErasureFile::parse(&self.path, &bytes)?;
        let understood = u64::try_from(file.to_bytes().len()).unwrap_or(u64::MAX);
        let waiting = self
            .noted
            .as_ref()
            .map_or(file.len(), |it| it.missing(&file));
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        backups.0.waiting.store(waiting, Ordering::Relaxed);
        let repository = backups.repository()?;
        let noted = match &mut self.noted {
            Some(noted) => noted,
            None => self.noted.insert(repository.noted_erasures()?),
        };
        repository.note_erasures(noted, &file)?;
        Ok(understood)
    }
}
