//! `amanat recipient`: parties that receive data, and what for.

use clap::{Args, Subcommand};
use model::{DeploymentId, PurposeId, RecipientId};

use super::operator::{self, Place, TokenArguments};
use crate::control::OperatorRequest;
use crate::control::operate::WhoRequest;
use crate::exit::{Exit, Stop};

#[derive(Debug, Subcommand)]
pub(crate) enum RecipientCommand {
    /// Register a recipient; its token is shown this once
    Add {
        #[command(flatten)]
        recipient: OneArguments,
        #[command(flatten)]
        token: TokenArguments,
    },
    /// Give a recipient access to a deployment for one purpose; public
    Grant {
        #[command(flatten)]
        recipient: OneArguments,
        /// The deployment
        #[arg(long, value_parser = DeploymentId::parse)]
        deployment: DeploymentId,
        /// The purpose, as the notice declares it
        #[arg(long, value_parser = PurposeId::parse)]
        purpose: PurposeId,
        /// When it ends by itself, such as 2030-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Make a new token; the former one goes on for the overlap
    Renew {
        #[command(flatten)]
        recipient: OneArguments,
        /// How long the former token goes on working, such as 7d
        #[arg(long, value_name = "TIME", default_value = "0s", value_parser = operator::overlap)]
        overlap: i64,
        #[command(flatten)]
        token: TokenArguments,
    },
    /// End the token at once; nothing leaves to the recipient any more
    Revoke(OneArguments),
}

#[derive(Debug, Args)]
pub(crate) struct OneArguments {
    /// The recipient: also its user name
    #[arg(value_parser = RecipientId::parse)]
    recipient: RecipientId,
    #[command(flatten)]
    place: Place,
}

/// Does what is asked of recipients.
pub(crate) fn run(command: RecipientCommand) -> Result<Exit, Stop> {
    match command {
        RecipientCommand::Add {
            recipient: OneArguments { recipient, place },
            token,
        } => {
            let recipient = recipient.to_string();
            operator::ask_for_token(place, &token, &OperatorRequest::AddRecipient { recipient })
        }
        RecipientCommand::Grant {
            recipient: OneArguments { recipient, place },
            deployment,
            purpose,
            until,
        } => {
            let request = OperatorRequest::Grant {
                recipient: recipient.to_string(),
                deployment: deployment.to_string(),
                purpose: purpose.to_string(),
                until,
            };
            operator::done(place, &request)
        }
        RecipientCommand::Renew {
            recipient: OneArguments { recipient, place },
            overlap,
            token,
        } => {
            let who = WhoRequest::Recipient(recipient.to_string());
            operator::renew(place, who, overlap, &token)
        }
        RecipientCommand::Revoke(OneArguments { recipient, place }) => {
            let who = WhoRequest::Recipient(recipient.to_string());
            operator::revoke(place, who)
        }
    }
}
