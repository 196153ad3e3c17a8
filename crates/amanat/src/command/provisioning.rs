//! `amanat provisioning`: keys with which the devices of a fleet get tokens of their own.

use clap::{Args, Subcommand};
use model::DeploymentId;

use super::listing::{Column, ListArguments, ShowArguments};
use super::operator::{self, Place, TokenArguments};
use crate::control::OperatorRequest;
use crate::exit::{Exit, Stop};

const KEYS: &[Column] = &[
    ("key", "/id"),
    ("deployment", "/deployment"),
    ("pattern", "/pattern"),
    ("dialect", "/adapter"),
    ("uses left", "/uses-left"),
    ("until", "/until"),
];
const DEVICES: &[Column] = &[("thing", "/thing"), ("at", "/at")];

#[derive(Debug, Subcommand)]
pub(crate) enum ProvisioningCommand {
    /// Make a key; its secret is shown this once
    Add(AddArguments),
    /// Say which keys there are
    List(ListArguments),
    /// Say which devices a key brought in and when, the latest first
    Show {
        /// The name of the key
        key: String,
        #[command(flatten)]
        how: ShowArguments,
    },
    /// End a key at once: it brings nothing in any more
    End(OneArguments),
}

#[derive(Debug, Args)]
pub(crate) struct OneArguments {
    /// The name of the key
    key: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    #[command(flatten)]
    one: OneArguments,
    /// Where its devices come in
    #[arg(long, value_parser = DeploymentId::parse)]
    deployment: DeploymentId,
    /// Which identifiers it brings in, such as plug-*
    #[arg(long)]
    pattern: String,
    /// How many devices at most
    #[arg(long)]
    uses: i64,
    /// For how many days it works
    #[arg(long)]
    days: u32,
    /// The dialect of their connections [default: plain]
    #[arg(long, value_name = "WORD")]
    adapter: Option<String>,
    #[command(flatten)]
    token: TokenArguments,
}

/// Does what is asked of provisioning keys.
pub(crate) fn run(command: ProvisioningCommand) -> Result<Exit, Stop> {
    match command {
        ProvisioningCommand::Add(it) => {
            let request = OperatorRequest::AddKey {
                key: it.one.key,
                deployment: it.deployment.to_string(),
                pattern: it.pattern,
                adapter: it.adapter,
                uses: it.uses,
                days: it.days,
            };
            operator::ask_for_token(it.one.place, &it.token, &request)
        }
        ProvisioningCommand::List(how) => {
            how.list("keys", KEYS, |page| OperatorRequest::ListKeys { page })
        }
        ProvisioningCommand::Show { key, how } => how
            .list("devices", DEVICES, &OperatorRequest::ShowKey { key })
            .map(|_| Exit::Ok),
        ProvisioningCommand::End(OneArguments { key, place }) => {
            operator::done(place, &OperatorRequest::EndKey { key })
        }
    }
}
