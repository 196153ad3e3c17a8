//! Backups as this program makes them: what of an installation goes into one, and how a data directory comes out of one.
//!
//! The repository is the crate `backup`; what is kept and what is not is said in ADR 0032 and docs/how-to/back-up-and-restore.md.

mod restore;
mod service;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, anyhow};
use backup::{CreateError, CreateOptions, Created, Repository, RestoreTarget, create};
use custody::{Custody, Passphrase, Protection};
use model::Timestamp;
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit::Stop;
use crate::keys;

pub(crate) use restore::{RestoreOrder, Restored, absolute, restore};
pub(crate) use service::{Backups, Figures, keep};

/// The file of erasures in a data directory.
pub(crate) const ERASURES: &str = RestoreTarget::ERASURES;

/// Which repository, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shelf {
    /// The repository.
    pub(crate) directory: PathBuf,
    /// The file with its passphrase.
    pub(crate) passphrase_file: PathBuf,
}

impl Shelf {
    /// The one of the configuration, if there is one.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let settings = &config.backup;
        Some(Self {
            directory: settings.directory.clone()?,
            passphrase_file: settings.passphrase_file.clone()?,
        })
    }

    /// What opens the repository.
    pub(crate) fn protection(&self) -> Result<Arc<dyn Protection>, Stop> {
        keys::passphrase(
            &self.passphrase_file,
            "see --passphrase-file and backup.passphrase-file",
        )
    }

    /// Opens the repository.
    pub(crate) fn open(&self) -> Result<Repository, Stop> {
        let protection = self.protection()?;
        Repository::open(&self.directory, &*protection).map_err(|err| {
            let next = match &err {
                backup::OpenError::None { .. } => {
                    "name the directory of a repository (is it mounted?); `amanat backup init` makes one"
                }
                backup::OpenError::Key { .. } => {
                    "give the passphrase that the repository was made with, in --passphrase-file or backup.passphrase-file"
                }
                _ => "check that the place can be reached and that this user may read it",
            };
            Stop::failure(err, next)
        })
    }

    /// The repository, if the file of the passphrase is there and opens it.
    pub(crate) fn open_if_there(&self) -> Option<Repository> {
        self.open_quietly().ok()
    }

    /// As [`Shelf::open`], for the running server.
    pub(crate) fn open_quietly(&self) -> anyhow::Result<Repository> {
        let passphrase = Passphrase::from_file(&self.passphrase_file)?;
        Ok(Repository::open(&self.directory, &passphrase)?)
    }
}

/// Makes a backup of what is open.
pub(crate) fn make(
    custody: &Custody,
    config: &Config,
    repository: &Repository,
    (now, stop): (Timestamp, &AtomicBool),
) -> Result<Created, CreateError> {
    let verifier = custody.record_key();
    let erasures = config.data.directory.join(ERASURES);
    let options = CreateOptions {
        now,
        program: env!("CARGO_PKG_VERSION"),
        origin: config.record.origin.as_str(),
        verifier: &verifier,
        erasures: &erasures,
        orders: &custody::BACKUP_ORDERS,
        stop,
    };
    custody.back_up(|tx, segments| create(repository, tx, segments, &options))
}

/// A backup as the command line shows it.
pub(crate) fn shown(created: &Created) -> Value {
    let manifest = &created.manifest;
    json!({
        "backup": manifest.id.as_str(),
        "at": manifest.at.to_string(),
        "rows": manifest.rows,
        "segments": manifest.segments,
        "bytes": manifest.bytes,
        "new-bytes": manifest.new_bytes,
        "pieces": created.chunks,
        "new-pieces": created.new_chunks,
        "erasures": manifest.erasures,
    })
}

/// The time of the latest backup that can be read.
pub(crate) fn latest(repository: &Repository) -> anyhow::Result<Option<backup::Manifest>> {
    let backups = repository
        .backups()
        .context("the backups could not be listed")?;
    let Some(id) = backups.last() else {
        return Ok(None);
    };
    let manifest = repository
        .manifest(id)
        .map_err(|err| anyhow!(err).context("the latest backup cannot be read"))?;
    Ok(Some(manifest))
}
