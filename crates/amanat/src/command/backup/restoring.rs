//! `amanat backup restore` and `amanat backup drill`.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use backup::{BackupId, Manifest, Repository};
use clap::Args;
use serde_json::{Value, json};

use super::arguments::From;
use super::print;
use crate::backup::{RestoreOrder, Restored};
use crate::command::check_config::{self, SourceArguments};
use crate::config::{Config, Flag, RecordOrigin};
use crate::data_directory;
use crate::exit::{Exit, Stop};
use crate::{logging, ui};

/// The word for the latest backup.
const LATEST: &str = "latest";

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The data directory: one that does not exist, is empty, or has only keys/ and erasures.log of the machine that was
    #[arg(long, value_name = "DATA")]
    into: PathBuf,
    /// The copy of root.key that is kept apart; not needed where DATA/keys/root.key is
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// An erasures.log that has more than the repository, such as the one of the machine that was
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    /// Restore although the repository has lost its copy of the erasures: what people had erased comes back
    #[arg(long)]
    without_erasures: bool,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// A directory that does not exist; it is made and removed again
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The root key, such as DATA/keys/root.key, or better the copy that is kept apart
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
struct Which {
    /// The backup: its name in `amanat backup list`
    #[arg(long, value_name = "BACKUP", default_value = LATEST)]
    backup: String,
    #[command(flatten)]
    from: From,
    /// Print one line of JSON, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArguments,
}

impl Which {
    /// The configuration of what comes out, the repository and the backup.
    fn read(self, into: &Path, own_database: bool) -> Result<(Config, Repository, Manifest), Stop> {
        let mut flags = vec![Flag::new(
            "--into",
            "data.directory",
            into.display().to_string(),
        )];
        if !own_database {
            flags.push(Flag::new("--into", "data.database-url", ""));
        }
        let (config, _) = check_config::load(self.source, flags.clone())?;
        let repository = self.from.shelf(&config)?.open()?;
        let manifest = chosen(&repository, &self.backup)?;
        // Under another name the record would be another record.
        let mut config = config;
        config.record.origin = RecordOrigin::of(&manifest.origin)
            .map_err(|err| Stop::failure(anyhow!(err), "please report this"))?;
        Ok((config, repository, manifest))
    }
}

fn chosen(repository: &Repository, name: &str) -> Result<Manifest, Stop> {
    let help = "see `amanat backup list` and `amanat backup verify`";
    let id = match name {
        LATEST => {
            let ids = repository
                .backups()
                .map_err(|err| Stop::failure(err, help))?;
            let latest = ids.into_iter().next_back();
            latest.ok_or_else(|| {
                Stop::invalid(anyhow!("there is no backup in the repository"), help)
            })?
        }
        name => BackupId::parse(name)
            .ok_or_else(|| Stop::invalid(anyhow!("`{name}` is no name of a backup"), help))?,
    };
    repository
        .manifest(&id)
        .map_err(|err| Stop::failure(err, help))
}

pub(super) fn restore(arguments: Restore) -> Result<Exit, Stop> {
    let json = arguments.which.json;
    let configured = arguments.which.source.config.clone();
    let (config, repository, manifest) = arguments.which.read(&arguments.into, true)?;
    logging::start(&config.log);
    let restored = crate::backup::restore(&RestoreOrder {
        config: &config,
        repository: &repository,
        manifest: &manifest,
        root_key: arguments.root_key.as_deref(),
        erasures: arguments.erasures.as_deref(),
        without_erasures: arguments.without_erasures,
    })?;
    print(members(&manifest, &restored), json);
    if configured.is_none() {
        ui::words(&format!(
            "no configuration was named: the server needs record.origin = \"{}\" in its own",
            manifest.origin
        ));
    }
    for line in [
        "everything is as it was then: choices, licences and tokens that were changed since have to be changed again, and webhooks may be sent again what they have",
        "an erasure counts if it is in the repository or in a file that was named; one of the last seconds before the machine was lost may not be",
    ] {
        ui::words(line);
    }
    if restored.has_statistics {
        ui::words(
            "no figure about a time that ended before now is drawn any more, for it may have been drawn since the backup; and for a year people count in new figures only with what is sure to be left of their budget, see docs/how-to/release-statistics.md",
        );
    }
    Ok(Exit::Ok)
}

pub(super) fn drill(arguments: Drill) -> Result<Exit, Stop> {
    let json = arguments.which.json;
    let into = crate::backup::absolute(&arguments.into);
    if into.exists() {
        return Err(Stop::invalid(
            anyhow!("`{}` exists", into.display()),
            "name a directory that does not: it is removed afterwards",
        ));
    }
    let (config, repository, manifest) = arguments.which.read(&into, false)?;
    logging::start(&config.log);
    data_directory::make(&into)
        .with_context(|| format!("cannot make `{}`", into.display()))
        .map_err(|err| Stop::invalid(err, "name a directory that this user may make"))?;
    let restored = crate::backup::restore(&RestoreOrder {
        config: &config,
        repository: &repository,
        manifest: &manifest,
        root_key: Some(&arguments.root_key),
        erasures: None,
        without_erasures: false,
    });
    let removed = std::fs::remove_dir_all(&into)
        .with_context(|| format!("cannot remove `{}`", into.display()))
        .map_err(|err| {
            Stop::failure(
                err,
                "remove it: it has a copy of everything, the root key included",
            )
        });
    let restored = restored?;
    removed?;
    print(members(&manifest, &restored), json);
    ui::words(
        "the drill went well: rows, segments, root key, erasures and record belong together; the copy was removed",
    );
    Ok(Exit::Ok)
}

fn members(manifest: &Manifest, restored: &Restored) -> Vec<(&'static str, Value)> {
    vec![
        ("backup", json!(manifest.id.as_str())),
        ("at", json!(manifest.at.to_string())),
        ("rows", json!(restored.rows)),
        ("segments", json!(restored.segments)),
        ("erasures", json!(restored.erasures)),
        ("erased-again", json!(restored.erased_again)),
        ("exports-to-ask-for-again", json!(restored.lost_exports)),
        (
            "record",
            json!(format!(
                "{} entries, root {}",
                restored.entries, restored.root
            )),
        ),
    ]
}
