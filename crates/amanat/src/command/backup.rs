//! `amanat backup …`: made, looked at, put back.
//!
//! A running server makes the backup, asked over its control socket; where none runs this process opens the data directory for it.
//! Everything else needs the repository and its passphrase only, and no server.

mod arguments;
mod restoring;
mod say;

use std::sync::atomic::AtomicBool;

use anyhow::anyhow;
use backup::{Depth, Keep, PruneError, Repository, RepositoryError};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::backup::{Shelf, make, shown};
use crate::clock;
use crate::config::Config;
use crate::control::{self, BackupRequest};
use crate::exit::{Exit, Stop};
use crate::server::Kept;
use crate::{logging, ui};

use arguments::{Create, Init, List, Passphrase, Prune, Status, Verify};

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Make a repository for backups, and a passphrase for it
    Init(Init),
    /// Make a backup, while the server runs or not; writes only what is new
    Create(Create),
    /// List the backups of a repository
    List(List),
    /// Say how old the latest backup is; fails when it is too old, for monitoring
    Status(Status),
    /// Check that everything a repository lists is there; reads all of it with --deep
    Verify(Verify),
    /// Put a backup into an empty data directory, on this machine or another
    Restore(restoring::Restore),
    /// Restore into a directory that is removed again, to see that it works
    Drill(restoring::Drill),
    /// Remove backups that are not to be kept, and what only they needed
    Prune(Prune),
    /// Put the key of a repository under another passphrase
    Passphrase(Passphrase),
}

/// Does it and prints what came of it.
pub(crate) fn run(command: BackupCommand) -> Result<Exit, Stop> {
    match command {
        BackupCommand::Init(it) => init(&it),
        BackupCommand::Create(it) => create(it),
        BackupCommand::List(it) => list(it),
        BackupCommand::Status(it) => status(it),
        BackupCommand::Verify(it) => verify(it),
        BackupCommand::Restore(it) => restoring::restore(it),
        BackupCommand::Drill(it) => restoring::drill(it),
        BackupCommand::Prune(it) => prune(it),
        BackupCommand::Passphrase(it) => passphrase(it),
    }
}

fn init(arguments: &Init) -> Result<Exit, Stop> {
    let made = arguments.make_passphrase()?;
    let shelf = arguments.shelf();
    let protection = shelf.protection()?;
    Repository::init(&shelf.directory, &*protection)
        .map_err(|err| Stop::failure(err, "name an empty directory that this user may write to"))?;
    let (directory, file) = (shelf.directory.display(), shelf.passphrase_file.display());
    ui::data(&format!("repository: {directory}"));
    ui::data(&format!("passphrase-file: {file}"));
    if made {
        ui::words("a new passphrase was made and put into that file");
    }
    for line in [
        "keep a copy of the passphrase apart from this machine and from the backups: without it no backup can be read",
        "keep a copy of DATA/keys/root.key apart too: it is in no backup, and no backup can be used without it",
        "to have the server make backups by itself, set [backup] directory, passphrase-file and every-hours",
    ] {
        ui::words(line);
    }
    Ok(Exit::Ok)
}

fn create(arguments: Create) -> Result<Exit, Stop> {
    let (json, shelf, config) = arguments.read()?;
    let request = BackupRequest {
        directory: shelf.directory.clone(),
        passphrase_file: shelf.passphrase_file.clone(),
    };
    let failed = |err: anyhow::Error| {
        Stop::failure(
            err,
            "no backup was made, and those that are there are as they were",
        )
    };
    let line = request.to_line().map_err(failed)?;
    let asked = control::ask_patiently(&config.data.directory, &line).map_err(failed)?;
    let value = match asked {
        Some(answer) => serde_json::from_str(&answer).map_err(|err| failed(err.into()))?,
        None => create_here(&config, &shelf)?,
    };
    say::created(&value, json);
    Ok(Exit::Ok)
}

/// Nobody answers: the data directory is free, or opening it says who has it.
fn create_here(config: &Config, shelf: &Shelf) -> Result<Value, Stop> {
    logging::start(&config.log);
    let repository = shelf.open()?;
    let kept = Kept::open(config)?;
    let stop = AtomicBool::new(false);
    let made = make(
        kept.alliance.custody(),
        config,
        &repository,
        (clock::now(), &stop),
    );
    kept.close()?;
    let made = made.map_err(|err| {
        Stop::failure(
            err,
            "no backup was made, and those that are there are as they were",
        )
    })?;
    Ok(shown(&made))
}

fn list(arguments: List) -> Result<Exit, Stop> {
    let (json, shelf) = arguments.read()?;
    let repository = shelf.open()?;
    let mut is_whole = true;
    for id in repository.backups().map_err(unreadable)? {
        match repository.manifest(&id) {
            Ok(manifest) => say::listed(&manifest, json),
            Err(err) => {
                is_whole = false;
                ui::words(&format!("{:#}", anyhow::Error::new(err)));
            }
        }
    }
    match is_whole {
        true => Ok(Exit::Ok),
        false => Ok(Exit::Failure),
    }
}

fn status(arguments: Status) -> Result<Exit, Stop> {
    let (json, limit, shelf) = arguments.read()?;
    let repository = shelf.open()?;
    let latest = crate::backup::latest(&repository)
        .map_err(|err| Stop::failure(err, "see `amanat backup verify`"))?;
    let Some(latest) = latest else {
        let err = anyhow!("there is no backup in `{}`", shelf.directory.display());
        return Err(Stop::failure(err, "run `amanat backup create`"));
    };
    let age_ms = clock::now().as_millis() - latest.at.as_millis();
    say::status(&latest, age_ms, json);
    let is_old = |limit: std::time::Duration| {
        u128::try_from(age_ms).is_ok_and(|age| age > limit.as_millis())
    };
    if limit.is_some_and(is_old) {
        let err = anyhow!("the latest backup is older than it may be");
        return Err(Stop::failure(
            err,
            "run `amanat backup create`, and see why none was made",
        ));
    }
    Ok(Exit::Ok)
}

fn verify(arguments: Verify) -> Result<Exit, Stop> {
    let (json, is_deep, shelf) = arguments.read()?;
    let repository = shelf.open()?;
    let depth = match is_deep {
        true => Depth::Contents,
        false => Depth::Files,
    };
    let found = backup::verify(&repository, depth).map_err(unreadable)?;
    say::verified(&found, depth, json);
    if found.problems.is_empty() {
        return Ok(Exit::Ok);
    }
    let err = anyhow!("{} problems were found", found.problems.len());
    Err(Stop::failure(
        err,
        "make a new backup now: it writes again what is torn or missing; restore only from a backup that is not named",
    ))
}

fn prune(arguments: Prune) -> Result<Exit, Stop> {
    let (json, is_rehearsal, keep, shelf) = arguments.read()?;
    let repository = shelf.open()?;
    let pruned = backup::prune(&repository, &keep, is_rehearsal).map_err(|err| match err {
        PruneError::Unset => Stop::invalid(err, "say how many to keep with --keep-last, --keep-daily, --keep-weekly or --keep-monthly, or in [backup]"),
        err => Stop::failure(err, "see `amanat backup verify`; run it again when the cause is gone"),
    })?;
    say::pruned(&pruned, is_rehearsal, json);
    Ok(Exit::Ok)
}

fn passphrase(arguments: Passphrase) -> Result<Exit, Stop> {
    let (json, shelf, new) = arguments.read()?;
    // With the one that it has; or with the new one, where this was broken off.
    let repository = shelf.open().or_else(|err| new.open_if_there().ok_or(err))?;
    let made = arguments::make_passphrase(&new.passphrase_file)?;
    let protection = new.protection()?;
    repository.protect(&*protection).map_err(|err| {
        Stop::failure(
            err,
            "run it again: until it succeeds the former passphrase, the new one, or both open the repository",
        )
    })?;
    print(
        vec![
            ("repository", json!(new.directory)),
            ("passphrase-file", json!(new.passphrase_file)),
        ],
        json,
    );
    if made {
        ui::words("a new passphrase was made and put into that file");
    }
    for line in [
        "keep a copy of the new passphrase apart from this machine and from the backups, and name its file in backup.passphrase-file",
        "the key of the repository is the same: whoever has a copy of the former key files and the former passphrase can read backups, also later ones; if that may be so, make a new repository",
    ] {
        ui::words(line);
    }
    Ok(Exit::Ok)
}

fn unreadable(err: RepositoryError) -> Stop {
    let next = match &err {
        RepositoryError::Busy { .. } => "try again when it is done",
        _ => "check that the place can be reached and that this user may read it",
    };
    Stop::failure(err, next)
}

/// Prints `name: value` lines, or one line of JSON.
fn print(members: Vec<(&str, Value)>, json: bool) {
    if json {
        let members = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let object = Value::Object(members.collect());
        ui::data(&super::listing::json_line(&object));
        return;
    }
    for (name, value) in members {
        let value = match value {
            Value::String(text) => text,
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        ui::data(&format!("{name}: {value}"));
    }
}

/// Which to keep: what the command line says, or else the configuration.
fn keep_of(given: Keep, config: &Config) -> Keep {
    match given.is_unset() {
        true => crate::backup::keep(config),
        false => given,
    }
}

fn ids(ids: &[backup::BackupId]) -> Value {
    json!(ids.iter().map(|it| it.as_str()).collect::<Vec<_>>())
}
