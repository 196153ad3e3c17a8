//! A data directory out of a backup: what may be there before, where erasures and root key come from, and what has to be found in it.
//!
//! The directory is empty, or has nothing but the root key and the erasures of the machine that was; it is locked. The erasures of the
//! repository, of the machine and of a file that was named are joined. The order of the steps from there on is that of
//! [`backup::restore`]. Everything is opened as a server would open it, and the published record is made again from rows and verified
//! with the key that the backup names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use backup::{
    ErasuresError, Manifest, Repository, RestoreError, RestoreHost, RestoreParts, RestoreTarget,
};
use custody::{Custody, ErasureFile, Protection};
use record::{DirStore, Verifier};
use store::Db;

use super::ERASURES;
use crate::clock;
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::exit::Stop;
use crate::keys;
use crate::server::{self, Kept};

/// What may be in a data directory before: what stays of a machine that lost the rest.
const REMAINS: [&str; 4] = ["lock", "keys", ERASURES, RestoreTarget::MARK];
/// What a restore that was broken off may have made.
const MADE: [&str; 8] = [
    "wal",
    "record",
    "exports",
    "amanat.db",
    "amanat.db-wal",
    "amanat.db-shm",
    "amanat.db-journal",
    "erasures.log.new",
];
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// What shall be restored, and with what.
pub(crate) struct RestoreOrder<'a> {
    /// The configuration of what comes out: its data directory and its database.
    pub(crate) config: &'a Config,
    /// Where the backups are.
    pub(crate) repository: &'a Repository,
    /// Which one.
    pub(crate) manifest: &'a Manifest,
    /// The file of the root key, where it is not in the data directory.
    pub(crate) root_key: Option<&'a Path>,
    /// More erasures than the repository has.
    pub(crate) erasures: Option<&'a Path>,
    /// Whether to go on with what erasures there are when the repository has lost some.
    pub(crate) without_erasures: bool,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restored {
    pub(crate) rows: u64,
    pub(crate) segments: usize,
    /// How many erasures are known in all.
    pub(crate) erasures: usize,
    /// How many of them the backup had not seen.
    pub(crate) erased_again: u64,
    /// Exports of people that have to be asked for again.
    pub(crate) lost_exports: u64,
    /// Whether there are statistical data sets.
    pub(crate) has_statistics: bool,
    /// How many entries the record has, and its root.
    pub(crate) entries: u64,
    pub(crate) root: String,
}

/// Puts a backup into a data directory.
pub(crate) fn restore(order: &RestoreOrder<'_>) -> Result<Restored, Stop> {
    let data = &order.config.data.directory;
    let at_hand = keys::at_hand(&order.config.keys)?;
    let directory = DataDirectory::open(data).map_err(server::not_taken)?;
    let is_again = examine(data)?;
    let target = RestoreTarget::new(data);
    let erasures = erasures(order, data)?;
    let key = root_key(order, &target, is_again)?;
    let sets = [&custody::MIGRATION_SETS[..], &[&alliance::MIGRATIONS]].concat();
    let parts = RestoreParts {
        repository: order.repository,
        manifest: order.manifest,
        erasures: &erasures,
        root_key: key.as_deref(),
        sets: &sets,
        made: &MADE,
    };
    let host = Host {
        order,
        at_hand,
        directory,
        erasures: erasures.len(),
    };
    backup::restore(&target, &parts, host)
}

/// Nothing starts on what is there.
fn failed(err: impl Into<anyhow::Error>) -> Stop {
    Stop::failure(
        err,
        "nothing starts on what is there; remove the cause and run the same command again",
    )
}

/// This program, as it opens what was put there.
struct Host<'a> {
    order: &'a RestoreOrder<'a>,
    at_hand: Vec<Arc<dyn Protection>>,
    directory: DataDirectory,
    erasures: usize,
}

impl RestoreHost for Host<'_> {
    type Found = Restored;
    type Error = Stop;

    fn refused(&self, err: RestoreError) -> Stop {
        not_put(err)
    }

    fn check_key(&self) -> Result<(), Stop> {
        let data = self.directory.path();
        custody::root_key_opens(data, self.at_hand.clone()).map_err(|err| {
            let next = keys::next(&err);
            Stop::failure(err, next)
        })?;
        Ok(())
    }

    fn database(&self) -> Result<Db, Stop> {
        server::database(self.order.config).map_err(failed)
    }

    fn open(
        self,
        db: &Db,
        put: backup::Restored,
        finish: impl FnOnce() -> Result<(), RestoreError>,
    ) -> Result<Restored, Stop> {
        let Host {
            order,
            at_hand,
            directory,
            erasures,
        } = self;
        let data = &order.config.data.directory;
        let before = custody::carried_out_erasures(db).map_err(failed)?;
        let kept = Kept::open_in(order.config, directory, at_hand).map_err(|it| {
            it.with_next("is it the root key of this backup? Name it with --root-key and run the same command again; nothing starts on what is there")
        })?;
        let custody = kept.alliance.custody().clone();
        // Before anything else is done: finishing an erasure can make further ones.
        let after = custody::carried_out_erasures(db).map_err(failed)?;
        let lost_exports = settle(order.manifest, &custody).map_err(failed)?;
        let has_statistics = !custody.statistics().map_err(failed)?.is_empty();
        let (entries, root) = verify_record(order.manifest, &custody, data).map_err(failed)?;
        kept.close_to_end(|| Ok(finish()?)).map_err(failed)?;
        Ok(Restored {
            rows: put.rows,
            segments: put.segments,
            erasures,
            erased_again: after.saturating_sub(before),
            lost_exports,
            has_statistics,
            entries,
            root,
        })
    }
}

/// Whether a restore was broken off there; an error when something is there that a restore would have to overwrite.
fn examine(data: &Path) -> Result<bool, Stop> {
    let is_again = RestoreTarget::unfinished(data).is_some();
    let listed = fs::read_dir(data)
        .with_context(|| format!("cannot read `{}`", data.display()))
        .map_err(|err| Stop::failure(err, "name a directory that this user may read"))?;
    for entry in listed {
        let name = entry
            .map_err(|err| Stop::failure(err, "check the disk"))?
            .file_name();
        let name = name.to_string_lossy();
        let is_draft = name.ends_with(".new");
        let may_be =
            REMAINS.contains(&&*name) || (is_again && (is_draft || MADE.contains(&&*name)));
        if !may_be {
            return Err(Stop::invalid(
                anyhow!("`{}` is not empty: it has `{name}`", data.display()),
                "restore into an empty directory; only keys/ and erasures.log of the machine that was may be there",
            ));
        }
    }
    Ok(is_again)
}

/// Everything that is known to be erased.
fn erasures(order: &RestoreOrder<'_>, data: &Path) -> Result<ErasureFile, Stop> {
    let mut all = ErasureFile::default();
    let mut is_known = false;
    for path in [
        order.erasures.map(Path::to_owned),
        Some(data.join(ERASURES)),
    ]
    .into_iter()
    .flatten()
    {
        let is_named = order.erasures == Some(&*path);
        match fs::read(&path) {
            Ok(bytes) => {
                let file = ErasureFile::parse(&path, &bytes).map_err(|err| {
                    Stop::invalid(err, "name a file that is whole, or leave it out")
                })?;
                all.join(file);
                is_known |= is_named;
            }
            Err(err) if err.kind() == io::ErrorKind::NotFound && !is_named => {}
            Err(err) => {
                let err = anyhow!(err).context(format!("cannot read `{}`", path.display()));
                return Err(Stop::invalid(
                    err,
                    "name the file of erasures of the machine that was",
                ));
            }
        }
    }
    match order.repository.erasures() {
        Ok(file) => all.join(file),
        Err(ErasuresError::Lost { known, .. }) if all.len() as u64 >= known => {}
        Err(_) if order.without_erasures || is_known => {}
        Err(err) => {
            return Err(Stop::invalid(
                err,
                "what people had erased would come back. Give the newest erasures.log with --erasures; if there is none anywhere, --without-erasures restores all the same, and you have to have everything erased again that was",
            ));
        }
    }
    Ok(all)
}

/// The root key that has to be copied; nothing when it is there.
fn root_key(
    order: &RestoreOrder<'_>,
    target: &RestoreTarget,
    is_again: bool,
) -> Result<Option<Vec<u8>>, Stop> {
    let data = &order.config.data.directory;
    let here = data.join("keys/root.key");
    let there = match fs::read(&here) {
        Ok(bytes) => Some(bytes),
        Err(err) if err.kind() == io::ErrorKind::NotFound => None,
        Err(err) => {
            let err = anyhow!(err).context(format!("cannot read `{}`", here.display()));
            return Err(Stop::failure(err, "check who may read it"));
        }
    };
    let Some(path) = order.root_key else {
        return match there {
            Some(_) => Ok(None),
            None => Err(Stop::invalid(
                anyhow!(
                    "the root key is in no backup, and not in `{}`",
                    data.display()
                ),
                "name the copy of root.key that you keep apart, with --root-key; without it nothing can be opened",
            )),
        };
    };
    let bytes = (|| {
        let size_bytes = fs::metadata(path)?.len();
        match size_bytes > MAX_KEY_BYTES {
            true => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
            false => fs::read(path),
        }
    })()
    .with_context(|| format!("cannot read the root key `{}`", path.display()))
    .map_err(|err| Stop::invalid(err, "name the copy of root.key"))?;
    match there {
        Some(there) if there == bytes => Ok(None),
        // Never over a key that somebody else put there: it may be the only one.
        Some(_) if !(is_again && target.key_came()) => Err(Stop::invalid(
            anyhow!("`{}` has another root key already", data.display()),
            "move it away, or leave --root-key out to use it",
        )),
        _ => Ok(Some(bytes)),
    }
}

fn not_put(err: RestoreError) -> Stop {
    let next = match &err {
        RestoreError::Refill(store::RefillError::NotEmpty) => {
            "name an empty database in data.database-url"
        }
        RestoreError::Refill(_) => "use the release that the backup comes from, or a later one",
        RestoreError::Repository(_) | RestoreError::Form { .. } => {
            "see `amanat backup verify --deep`, and take another backup of `amanat backup list`"
        }
        _ => "remove the cause and run the same command again",
    };
    Stop::failure(err, next)
}

/// What is done at once after a restore; how many exports have to be asked for again.
fn settle(manifest: &Manifest, custody: &Custody) -> anyhow::Result<u64> {
    // First of all: nothing must be drawn before.
    custody.note_restore(manifest.at, clock::now())?;
    let forgotten = custody.forget_lost_exports()?;
    // What was erased leaves the log and the blocks too, and custody does its part of it.
    custody.tick(clock::now())?;
    Ok(forgotten)
}

fn verify_record(
    manifest: &Manifest,
    custody: &Custody,
    data: &Path,
) -> anyhow::Result<(u64, String)> {
    let found = custody.record_key();
    if found != manifest.verifier {
        return Err(anyhow!(
            "the record would be signed as `{found}`, and the backup is of `{}`: set record.origin to `{}`",
            manifest.verifier,
            manifest.origin
        ));
    }
    let verifier = Verifier::parse(manifest.verifier.trim()).context("the key of the record")?;
    let mut store = DirStore::open(data.join("record"))?;
    let verified = record::verify(&mut store, &verifier).context("the record does not verify")?;
    Ok((verified.size, verified.root.to_string()))
}

/// A path as whoever reads it may use it elsewhere.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
