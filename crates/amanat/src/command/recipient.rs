//! `amanat recipient`: parties that receive data, and what for.

use clap::{Args, Subcommand};
use model::{DeploymentId, PurposeId, RecipientId};
use serde_json::Value;

use super::listing::{Column, ListArguments, Part, ShowArguments};
use super::operator::{self, Place, TokenArguments};
use crate::control::OperatorRequest;
use crate::control::operate::WhoRequest;
use crate::exit::{Exit, Stop};
use crate::ui;

const RECIPIENTS: &[Column] = &[
    ("recipient", "/id"),
    ("grants", "/grants"),
    ("revoked", "/revoked-at"),
    ("former token until", "/former-token-until"),
];
const ONE: &[Column] = &[
    ("recipient", "/id"),
    ("revoked", "/revoked-at"),
    ("former token until", "/former-token-until"),
    ("grants", "/all-grants"),
];
const GRANTS: &[Part] = &[Part {
    title: "what it was given access to",
    pointer: "/grants",
    columns: &[
        ("deployment", "/deployment"),
        ("purpose", "/purpose"),
        ("from", "/from"),
        ("until", "/until"),
        ("state", "/state"),
        ("declared", "/declared"),
    ],
}];

#[derive(Debug, Subcommand)]
pub(crate) enum RecipientCommand {
    /// Register a recipient; its token is shown this once
    Add {
        #[command(flatten)]
        recipient: OneArguments,
        #[command(flatten)]
        token: TokenArguments,
    },
    /// Say which recipients there are
    List(ListArguments),
    /// Show one recipient, and what it was given access to
    Show {
        /// The recipient
        #[arg(value_parser = RecipientId::parse)]
        recipient: RecipientId,
        #[command(flatten)]
        how: ShowArguments,
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
    /// End that access, in force at once or at a moment to come; public
    EndGrant {
        #[command(flatten)]
        recipient: OneArguments,
        /// The deployment
        #[arg(long, value_parser = DeploymentId::parse)]
        deployment: DeploymentId,
        /// The purpose
        #[arg(long, value_parser = PurposeId::parse)]
        purpose: PurposeId,
        /// When it ends, such as 2030-01-01T00:00:00Z [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Make a new token; what the former one opened stays open for the overlap
    Renew {
        #[command(flatten)]
        recipient: OneArguments,
        /// How long the former token goes on working, such as 7d
        #[arg(long, value_name = "TIME", default_value = "0s", value_parser = operator::overlap)]
        overlap: i64,
        #[command(flatten)]
        token: TokenArguments,
    },
    /// End the token and what it opened, at once; nothing leaves to the recipient any more
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
        RecipientCommand::List(how) => how.list("recipients", RECIPIENTS, |page| {
            OperatorRequest::ListRecipients { page }
        }),
        RecipientCommand::Show { recipient, how } => {
            let recipient = recipient.to_string();
            how.show(ONE, GRANTS, &OperatorRequest::ShowRecipient { recipient })
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
            let answer = operator::ask(place, &request)?;
            operator::warn(&answer);
            Ok(Exit::Ok)
        }
        RecipientCommand::EndGrant {
            recipient: OneArguments { recipient, place },
            deployment,
            purpose,
            at,
        } => {
            let is_later = at.is_some();
            let request = OperatorRequest::EndGrant {
                recipient: recipient.to_string(),
                deployment: deployment.to_string(),
                purpose: purpose.to_string(),
                at,
            };
            let answer = operator::ask(place, &request)?;
            let until = answer.get("until").and_then(Value::as_str);
            match until.filter(|_| is_later) {
                Some(until) => ui::words(&format!("it ends at {until}")),
                None => ui::words("it has ended"),
            }
            Ok(Exit::Ok)
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
