//! What the command line asks of the log of commands.

use alliance::Alliance;
use anyhow::{Context, bail};
use custody::{CommandEvent, CommandId, CommandsWanted};
use model::{DeploymentId, ThingId, Timestamp};
use serde_json::{Value, json};

use super::request::OperatorRequest;

/// Answers a request about the log.
pub(super) fn tell(
    alliance: &Alliance,
    request: &OperatorRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    let OperatorRequest::ListCommands {
        deployment,
        thing,
        page,
    } = request
    else {
        bail!("this request is not about commands");
    };
    let deployment = deployment.as_deref().map(DeploymentId::parse).transpose()?;
    let thing = thing.as_deref().map(ThingId::parse).transpose()?;
    let number = |it: &str| {
        CommandId::parse(it).with_context(|| "a command has a number of sixteen hexadecimal digits")
    };
    let wanted = CommandsWanted {
        deployment: deployment.as_ref(),
        thing: thing.as_ref(),
        after: page.after.as_deref().map(number).transpose()?,
        limit: page.limit,
    };
    let (events, all) = alliance.custody().commands_logged(&wanted, now)?;
    let is_full = usize::try_from(page.limit).is_ok_and(|it| events.len() >= it);
    let next = events
        .last()
        .filter(|_| is_full)
        .map(|it| it.id.to_string());
    let commands: Vec<_> = events.iter().map(said).collect();
    Ok(json!({ "commands": commands, "all": all, "next": next }))
}

fn said(event: &CommandEvent) -> Value {
    let arguments: Value = serde_json::from_str(&event.arguments).unwrap_or_default();
    json!({
        "id": event.id.to_string(),
        "asked-at": event.asked_at.to_string(),
        "deployment": event.deployment.as_str(),
        "thing": event.thing.as_str(),
        "command": event.command.as_str(),
        "arguments": arguments,
        "recipient": event.recipient.as_str(),
        "purpose": event.purpose.as_str(),
        "outcome": event.outcome.as_str(),
        "outcome-at": event.outcome_at.to_string(),
        "interlock": event.outcome.interlock(),
        "sent-at": event.sent_at.map(|it| it.to_string()),
        "expires-at": event.expires_at.to_string(),
    })
}
