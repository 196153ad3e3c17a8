//! `amanat check-config`: read and check the configuration, bind nothing, show where each value comes from.

use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Flag, Process};
use crate::exit::{Exit, Stop};
use crate::keys;
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
}

/// Which configuration counts; shared by all commands that read it.
#[derive(Debug, Args)]
pub(crate) struct SourceArguments {
    /// The configuration file [default: amanat.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set one key, such as --set log.filter=debug
    #[arg(long, value_name = "KEY=VALUE", value_parser = Flag::parse)]
    pub(crate) set: Vec<Flag>,
}

/// Checks, and prints one line a key: `section.key = value  (where it comes from)`.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    let (config, origins) = load(arguments.source, Vec::new())?;
    keys::at_hand(&config.keys)?;
    for origin in origins {
        ui::data(&format!(
            "{} = {}  ({})",
            origin.path, origin.value, origin.place
        ));
    }
    ui::words("the configuration can be used");
    Ok(Exit::Ok)
}

/// Loads the configuration of the process; `flags` are those that have names of their own.
pub(crate) fn load(
    source: SourceArguments,
    flags: Vec<Flag>,
) -> Result<(config::Config, Vec<config::Origin>), Stop> {
    let flags: Vec<_> = source.set.into_iter().chain(flags).collect();
    config::load(&Process, source.config, &flags).map_err(|err| {
        Stop::invalid(
            err,
            "docs/reference/config.md describes every setting; nothing was started",
        )
    })
}
