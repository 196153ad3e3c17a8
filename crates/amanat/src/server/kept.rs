//! What a process keeps open: the lock of the data directory, the database, custody and the institutions.

use std::path::Path;
use std::sync::Arc;

use alliance::Alliance;
use anyhow::anyhow;
use backup::RestoreTarget;
use custody::{Custody, CustodyOptions, Protection};
use store::Db;

use crate::config::Config;
use crate::data_directory::{DataDirectory, DataDirectoryError};
use crate::exit::Stop;
use crate::keys;

/// What is kept: opened once for a process.
pub(crate) struct Kept {
    /// The institutions, and custody behind them.
    pub(crate) alliance: Alliance,
    /// Held as long as the process uses the directory.
    _directory: DataDirectory,
}

impl Kept {
    /// Locks the data directory and opens database, vault and record.
    pub(crate) fn open(config: &Config) -> Result<Self, Stop> {
        let at_hand = keys::at_hand(&config.keys)?;
        let directory = locked(&config.data.directory)?;
        Self::open_in(config, directory, at_hand)
    }

    /// As [`Kept::open`], in a data directory that this process has locked.
    pub(crate) fn open_in(
        config: &Config,
        directory: DataDirectory,
        at_hand: Vec<Arc<dyn Protection>>,
    ) -> Result<Self, Stop> {
        let alliance = open(config, at_hand).map_err(|err| {
            let next = match err.downcast_ref() {
                Some(custody::OpenError::RootKey(err)) => keys::next(err),
                _ => "nothing was changed; check the data directory, the database, and who may read them",
            };
            Stop::failure(err, next)
        })?;
        keys::compare(&config.keys, directory.path());
        Ok(Self {
            alliance,
            _directory: directory,
        })
    }

    /// Writes what is pending, does `last`, and only then gives the data directory free.
    pub(crate) fn close_to_end(
        self,
        last: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.alliance.custody().close()?;
        last()
    }

    /// Writes what is pending. The process may end after this.
    pub(crate) fn close(self) -> Result<(), Stop> {
        self.alliance.custody().close().map_err(|err| {
            Stop::failure(
                err,
                "readings that were acknowledged are kept; counts of the last second may be lost",
            )
        })
    }
}

/// Takes the data directory for this process.
pub(crate) fn locked(path: &Path) -> Result<DataDirectory, Stop> {
    let directory = DataDirectory::open(path).map_err(not_taken)?;
    if let Some(what) = RestoreTarget::unfinished(path) {
        return Err(Stop::failure(
            anyhow!("`{}` is not whole: {what} was broken off", path.display()),
            "run the same `amanat backup restore` again, it begins anew; nothing may start on half of a backup",
        ));
    }
    Ok(directory)
}

/// Why a data directory could not be had.
pub(crate) fn not_taken(err: DataDirectoryError) -> Stop {
    let next = match &err {
        DataDirectoryError::InUse(_) => "stop the other process, or name another directory",
        DataDirectoryError::Io { .. } => "name a directory that this user may write to",
    };
    Stop::failure(err, next)
}

/// Opens the database that the configuration names.
pub(crate) fn database(config: &Config) -> Result<Db, store::OpenError> {
    let url = match &config.data.database_url {
        Some(url) => url.expose_secret().to_owned(),
        None => format!(
            "sqlite:{}",
            config.data.directory.join("amanat.db").display()
        ),
    };
    Db::open(&url)
}

/// What custody has to know of the configuration.
pub(crate) fn custody_options(config: &Config) -> CustodyOptions {
    CustodyOptions {
        directory: config.data.directory.clone(),
        record_origin: config.record.origin.as_str().to_owned(),
    }
}

fn open(config: &Config, at_hand: Vec<Arc<dyn Protection>>) -> anyhow::Result<Alliance> {
    let db = database(config)?;
    let custody = Custody::open_with(&custody_options(config), db.clone(), at_hand)?;
    Ok(Alliance::open(custody, db)?.with_time_zone(config.site.timezone.clone()))
}
