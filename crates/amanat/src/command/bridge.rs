//! `amanat bridge`: peers that speak for several devices.

use clap::{Args, Subcommand};
use model::{BridgeId, DeploymentId, RecipientId, ThingId};

use super::listing::{Column, ListArguments, ShowArguments};
use super::operator::{self, Place, TokenArguments};
use crate::control::OperatorRequest;
use crate::control::operate::WhoRequest;
use crate::exit::{Exit, Stop};
use crate::ui;

const BRIDGES: &[Column] = &[
    ("bridge", "/id"),
    ("deployment", "/deployment"),
    ("dialect", "/adapter"),
    ("things", "/things"),
    ("named, not registered", "/seen"),
    ("receives as", "/receives-as"),
    ("revoked", "/revoked-at"),
];
const SEEN: &[Column] = &[
    ("name", "/name"),
    ("first", "/first"),
    ("last", "/last"),
    ("times", "/times"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum BridgeCommand {
    /// Register a bridge; its token is shown this once
    Add {
        #[command(flatten)]
        bridge: OneArguments,
        /// The deployment of all its devices
        #[arg(long, value_parser = DeploymentId::parse)]
        deployment: DeploymentId,
        /// The dialect that it speaks, such as zigbee2mqtt
        #[arg(long, value_name = "WORD")]
        adapter: String,
        #[command(flatten)]
        token: TokenArguments,
    },
    /// Say which device the bridge means by a name
    Link {
        #[command(flatten)]
        bridge: OneArguments,
        /// What the bridge calls the device
        name: String,
        /// The device
        #[arg(value_parser = ThingId::parse)]
        thing: ThingId,
    },
    /// The bridge means no device by a name any more
    Unlink {
        #[command(flatten)]
        bridge: OneArguments,
        /// What the bridge called the device
        name: String,
    },
    /// Say which devices the bridge named that nobody registered
    Seen {
        /// The bridge
        #[arg(value_parser = BridgeId::parse)]
        bridge: BridgeId,
        #[command(flatten)]
        how: ShowArguments,
    },
    /// Say which bridges there are
    List(ListArguments),
    /// Let the bridge receive as this recipient, over the same connection
    Receives {
        #[command(flatten)]
        bridge: OneArguments,
        /// The recipient; without one it only publishes
        #[arg(value_parser = RecipientId::parse)]
        recipient: Option<RecipientId>,
    },
    /// Make a new token; what the former one opened stays open for the overlap
    Renew {
        #[command(flatten)]
        bridge: OneArguments,
        /// How long the former token goes on working, such as 7d
        #[arg(long, value_name = "TIME", default_value = "0s", value_parser = operator::overlap)]
        overlap: i64,
        #[command(flatten)]
        token: TokenArguments,
    },
    /// End the token and what it opened, at once
    Revoke(OneArguments),
}

#[derive(Debug, Args)]
pub(crate) struct OneArguments {
    /// The bridge: also its user name
    #[arg(value_parser = BridgeId::parse)]
    bridge: BridgeId,
    #[command(flatten)]
    place: Place,
}

/// Does what is asked of bridges.
pub(crate) fn run(command: BridgeCommand) -> Result<Exit, Stop> {
    match command {
        BridgeCommand::Add {
            bridge: OneArguments { bridge, place },
            deployment,
            adapter,
            token,
        } => {
            let request = OperatorRequest::AddBridge {
                bridge: bridge.to_string(),
                deployment: deployment.to_string(),
                adapter,
            };
            operator::ask_for_token(place, &token, &request)
        }
        BridgeCommand::Link {
            bridge,
            name,
            thing,
        } => link(bridge, name, Some(&thing)),
        BridgeCommand::Unlink { bridge, name } => link(bridge, name, None),
        BridgeCommand::Seen { bridge, how } => {
            let bridge = bridge.to_string();
            let answer = how.list("seen", SEEN, &OperatorRequest::Seen { bridge })?;
            if let Some(unlisted) = answer.get("unlisted").filter(|it| it.as_u64() != Some(0)) {
                ui::words(&format!(
                    "messages for devices that are not listed: {unlisted}"
                ));
            }
            Ok(Exit::Ok)
        }
        BridgeCommand::List(how) => how.list("bridges", BRIDGES, |page| {
            OperatorRequest::ListBridges { page }
        }),
        BridgeCommand::Receives {
            bridge: OneArguments { bridge, place },
            recipient,
        } => {
            let request = OperatorRequest::Tie {
                publisher: WhoRequest::Bridge(bridge.to_string()),
                recipient: recipient.map(|it| it.to_string()),
            };
            operator::done(place, &request)
        }
        BridgeCommand::Renew {
            bridge: OneArguments { bridge, place },
            overlap,
            token,
        } => {
            let who = WhoRequest::Bridge(bridge.to_string());
            operator::renew(place, who, overlap, &token)
        }
        BridgeCommand::Revoke(OneArguments { bridge, place }) => {
            let who = WhoRequest::Bridge(bridge.to_string());
            operator::revoke(place, who)
        }
    }
}

fn link(bridge: OneArguments, name: String, thing: Option<&ThingId>) -> Result<Exit, Stop> {
    let request = OperatorRequest::Link {
        bridge: bridge.bridge.to_string(),
        name,
        thing: thing.map(ToString::to_string),
    };
    operator::done(bridge.place, &request)
}
