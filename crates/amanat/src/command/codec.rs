//! `amanat codec`: scripts that read what no dialect knows, tried and set.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use model::{BridgeId, ThingId};

use super::codec_try;
use super::operator::{self, Place};
use crate::control::OperatorRequest;
use crate::control::operate::WhoRequest;
use crate::exit::{Exit, Stop};

#[derive(Debug, Subcommand)]
pub(crate) enum CodecCommand {
    /// Run a codec on one message, in the sandbox of the server, and print what it makes of it
    Try(codec_try::Arguments),
    /// Set the codec of a device, or of a bridge for all its devices that have none of their own
    Set {
        #[command(flatten)]
        owner: Owner,
        /// The codec: a JavaScript file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Take the codec of a device or bridge away
    Remove {
        #[command(flatten)]
        owner: Owner,
        #[command(flatten)]
        place: Place,
    },
}

/// Whose codec.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Owner {
    /// A device
    #[arg(long, value_parser = ThingId::parse)]
    thing: Option<ThingId>,
    /// A bridge
    #[arg(long, value_parser = BridgeId::parse)]
    bridge: Option<BridgeId>,
}

impl Owner {
    fn request(self) -> WhoRequest {
        match (self.thing, self.bridge) {
            (Some(thing), _) => WhoRequest::Thing(thing.to_string()),
            (None, bridge) => {
                WhoRequest::Bridge(bridge.map(|it| it.to_string()).unwrap_or_default())
            }
        }
    }
}

/// Does what is asked of codecs.
pub(crate) fn run(command: CodecCommand) -> Result<Exit, Stop> {
    let (who, source, place) = match command {
        CodecCommand::Try(arguments) => return codec_try::run(&arguments),
        CodecCommand::Set { owner, file, place } => {
            let source = read(&file)?;
            codec_try::check(&source)?;
            (owner.request(), Some(source), place)
        }
        CodecCommand::Remove { owner, place } => (owner.request(), None, place),
    };
    operator::done(place, &OperatorRequest::SetCodec { who, source })
}

/// A script, as text.
pub(super) fn read(file: &Path) -> Result<String, Stop> {
    std::fs::read_to_string(file)
        .map_err(|err| Stop::invalid(err, "name a file with a codec that can be read"))
}
