//! `amanat key …`: how the root key is protected, other protection for it, another root key.
//!
//! Only who may use the data directory can do this. What changes something needs the server stopped: it takes the lock of the data
//! directory. The key itself is never shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use custody::{Custody, CustodyOptions, Protection, RootKeyError, RootKeyState};
use model::Timestamp;
use serde_json::{Value, json};
use store::Db;

use super::operator::Place;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::keys::{self, PLAIN};
use crate::{clock, logging, server, ui};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Say how the root key is protected; the key itself is never shown
    Show(Show),
    /// Keep the same root key under another protection; the server must be stopped
    Protect(Protect),
    /// Make a new root key and seal everything under it; the server must be stopped
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Also open it with what the configuration gives, and say whether that works
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[group(id = "protection", required = true, multiple = false, args = ["passphrase_file", "transit", "plain"])]
pub(crate) struct Protect {
    /// A passphrase: one line of at least 12 bytes in a file that only its owner may read
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The key server of keys.transit-address
    #[arg(long)]
    transit: bool,
    /// Nothing but the mode of its file
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// Print one line of JSON, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

const NAME_IT: &str = "name it with --data; `amanat serve` makes it";

/// Does it and prints what came of it.
pub(crate) fn run(command: KeyCommand) -> Result<Exit, Stop> {
    match command {
        KeyCommand::Show(it) => show(it),
        KeyCommand::Protect(it) => protect(it),
        KeyCommand::Rotate(it) => rotate(it),
    }
}

fn show(arguments: Show) -> Result<Exit, Stop> {
    let config = arguments.common.place.config(NAME_IT)?;
    let state = state(&config)?;
    if arguments.check {
        let at_hand = keys::at_hand(&config.keys)?;
        custody::root_key_opens(&config.data.directory, at_hand).map_err(failed)?;
    }
    print(
        &state,
        arguments.check.then_some(("opens", json!(true))),
        arguments.common.json,
    );
    Ok(Exit::Ok)
}

fn protect(arguments: Protect) -> Result<Exit, Stop> {
    let Common { json, place } = arguments.common;
    let config = place.config(NAME_IT)?;
    let at_hand = keys::at_hand(&config.keys)?;
    let new_file = arguments.passphrase_file.as_deref();
    let protection = match (new_file, arguments.transit) {
        (Some(path), _) => Some(keys::passphrase(path, "see --passphrase-file")?),
        (None, true) => Some(key_server(&config)?),
        (None, false) => None,
    };
    let directory = server::locked(&config.data.directory)?;
    let before = state(&config)?;
    custody::protect_root_key(directory.path(), at_hand, protection).map_err(failed)?;
    let after = state(&config)?;
    print(&after, None, json);
    for line in words_after_protection(&config, &before, &after, new_file) {
        ui::words(&line);
    }
    Ok(Exit::Ok)
}

fn key_server(config: &Config) -> Result<Arc<dyn Protection>, Stop> {
    keys::transit(&config.keys)?.ok_or_else(|| {
        Stop::invalid(
            anyhow!("there is no key server in the configuration"),
            "set keys.transit-address, keys.transit-key and keys.transit-token-file; nothing was changed",
        )
    })
}

fn words_after_protection(
    config: &Config,
    before: &RootKeyState,
    after: &RootKeyState,
    new_file: Option<&Path>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(path) = new_file
        && config.keys.passphrase_file.as_deref() != Some(path)
    {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        lines.push(format!(
            "before the next start set keys.passphrase-file to {}",
            path.display()
        ));
    }
    if after.protection != PLAIN {
        lines.push(
            "keep what opens it apart from the backups, and never lose it: without it nothing can be read any more".to_owned(),
        );
    }
    if before.protection == PLAIN && after.protection != PLAIN {
        lines.push(
            "the disk and copies of root.key may still have this key unprotected: after `amanat key rotate` it opens nothing but older backups of the data".to_owned(),
        );
    }
    lines
}

fn rotate(arguments: Rotate) -> Result<Exit, Stop> {
    let config = arguments.common.place.config(NAME_IT)?;
    logging::start(&config.log);
    let at_hand = keys::at_hand(&config.keys)?;
    let directory = server::locked(&config.data.directory)?;
    let before = state(&config)?;
    ui::words(match before.is_rotating {
        true => "going on with the change of the root key that was broken off",
        false => "making a new root key; if this is broken off, do it again, or start the server",
    });
    let db = server::database(&config)
        .map_err(|err| Stop::failure(err, "nothing was changed; see data.database-url"))?;
    let options = server::custody_options(&config);
    let rotated = custody::rotate_root_key(&options, &db, at_hand.clone()).map_err(failed)?;
    let told = tell(&options, db, at_hand);
    told.map_err(|err| {
        let error =
            err.context("the new root key is in use, and the public record does not say so");
        Stop::failure(
            error,
            "back up the new root.key; start the server, which says what is wrong",
        )
    })?;
    drop(directory);
    let after = state(&config)?;
    let subjects = ("subject-keys", json!(rotated.subjects));
    print(&after, Some(subjects), arguments.common.json);
    ui::words(
        "the new root key is in use; readings and the record are as they were, the record's key too",
    );
    ui::words("back up the new root.key now, apart from the data");
    ui::words(
        "backups of the data from before open only with the former root key: keep its copy while you may need to restore one of them",
    );
    ui::words(
        "destroy every copy of the former root key to end what those backups still have of erased readings",
    );
    Ok(Exit::Ok)
}

/// Says in the public record that there is a new root key.
fn tell(options: &CustodyOptions, db: Db, at_hand: Vec<Arc<dyn Protection>>) -> anyhow::Result<()> {
    let custody = Custody::open_with(options, db, at_hand)?;
    custody.record_key_rotation(clock::now())?;
    Ok(custody.close()?)
}

/// What the file says; an error where there is none.
fn state(config: &Config) -> Result<RootKeyState, Stop> {
    let directory = &config.data.directory;
    custody::root_key_state(directory)
        .map_err(failed)?
        .ok_or_else(|| {
            Stop::invalid(
                anyhow!("there is no root key in `{}`", directory.display()),
                "`amanat serve` makes one for a new data directory; for one that has data restore keys/root.key from its backup",
            )
        })
}

fn failed(error: RootKeyError) -> Stop {
    let next = keys::next(&error);
    Stop::failure(error, next)
}

fn print(state: &RootKeyState, more: Option<(&str, Value)>, json: bool) {
    let mut members = vec![
        ("root-key", json!(state.path.display().to_string())),
        ("protection", json!(state.protection)),
        ("format", json!(state.version)),
        ("written", json!(written(&state.path))),
        ("unfinished-rotation", json!(state.is_rotating)),
    ];
    members.extend(more);
    if json {
        let members = members.into_iter();
        let object = members.map(|(name, value)| (name.to_owned(), value));
        let object = Value::Object(object.collect());
        ui::data(&super::listing::json_line(&object));
        return;
    }
    for (name, value) in members {
        let value = match value {
            Value::Null => "-".to_owned(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        ui::data(&format!("{name}: {value}"));
    }
}

/// Since when the file has its key and its protection.
fn written(path: &Path) -> Option<String> {
    let at = std::fs::metadata(path).ok()?.modified().ok()?;
    let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    let at = Timestamp::from_millis(i64::try_from(at.as_millis()).ok()?);
    Some(at.to_string())
}
