//! `amanat command`: what recipients had devices do, and what came of it.

use clap::Subcommand;
use model::{DeploymentId, ThingId};

use super::listing::{Column, ListArguments};
use crate::control::OperatorRequest;
use crate::exit::{Exit, Stop};

#[derive(Debug, Subcommand)]
pub(crate) enum CommandsCommand {
    /// Say which commands recipients asked for and what came of them, the newest first
    List {
        /// Of this deployment only
        #[arg(long, value_parser = DeploymentId::parse)]
        deployment: Option<DeploymentId>,
        /// Of this device only
        #[arg(long, value_parser = ThingId::parse)]
        thing: Option<ThingId>,
        #[command(flatten)]
        list: ListArguments,
    },
}

const COLUMNS: &[Column] = &[
    ("asked", "/asked-at"),
    ("deployment", "/deployment"),
    ("thing", "/thing"),
    ("command", "/command"),
    ("arguments", "/arguments"),
    ("recipient", "/recipient"),
    ("purpose", "/purpose"),
    ("outcome", "/outcome"),
    ("interlock", "/interlock"),
    ("since", "/outcome-at"),
];

/// Does what is asked of commands.
pub(crate) fn run(command: CommandsCommand) -> Result<Exit, Stop> {
    let CommandsCommand::List {
        deployment,
        thing,
        list,
    } = command;
    list.list("commands", COLUMNS, |page| OperatorRequest::ListCommands {
        deployment: deployment.map(|it| it.to_string()),
        thing: thing.map(|it| it.to_string()),
        page,
    })
}
