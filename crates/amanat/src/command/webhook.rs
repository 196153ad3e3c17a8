//! `amanat webhook`: where the readings of recipients are sent by themselves.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use model::{DeploymentId, PurposeId, RecipientId, ThingId};
use serde_json::Value;

use super::listing::{self, Column};
use super::operator::{self, Place, SecretFile};
use crate::control::{WebhookRequest, webhooks};
use crate::exit::{Exit, Stop};
use crate::server::Kept;
use crate::ui;

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Add a webhook of a recipient; its signing key is shown this once
    Add(AddArguments),
    /// Say which webhooks there are and how they stand
    List {
        /// Print one line of JSON each, for scripts
        #[arg(long)]
        json: bool,
        /// Only those of this recipient
        #[arg(long, value_parser = RecipientId::parse)]
        recipient: Option<RecipientId>,
        #[command(flatten)]
        place: Place,
    },
    /// Make a new signing key; requests are signed with the former one too for the overlap
    Rotate {
        #[command(flatten)]
        webhook: OneArguments,
        /// How long requests are signed with the former key too, such as 7d
        #[arg(long, value_name = "TIME", default_value = "1d", value_parser = operator::overlap)]
        overlap: i64,
        #[command(flatten)]
        key: KeyArguments,
    },
    /// Remove a webhook: nothing is sent there any more
    Remove(OneArguments),
    /// Send a signed request without a reading, and say what came of it; ends the pause of a disabled webhook
    Test(OneArguments),
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// The recipient
    #[arg(value_parser = RecipientId::parse)]
    recipient: RecipientId,
    /// Where to send to, https://…
    #[arg(long)]
    url: String,
    /// The purpose for which the recipient receives
    #[arg(long, value_parser = PurposeId::parse)]
    purpose: PurposeId,
    /// Only from this deployment
    #[arg(long, value_parser = DeploymentId::parse)]
    deployment: Option<DeploymentId>,
    /// Only from this device
    #[arg(long, value_parser = ThingId::parse)]
    thing: Option<ThingId>,
    /// Only messages of which this holds, such as "/power > 100"
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    place: Place,
}

/// Where a new signing key goes.
#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// Write the signing key to a new file that only its owner may read, instead of printing it
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct OneArguments {
    /// The identifier of the webhook, as `amanat webhook list` shows it
    webhook: String,
    #[command(flatten)]
    place: Place,
}

const COLUMNS: &[Column] = &[
    ("webhook", "/id"),
    ("recipient", "/recipient"),
    ("purpose", "/purpose"),
    ("to", "/origin"),
    ("state", "/state"),
    ("last taken", "/last-success"),
    ("last failure", "/last-failure/what"),
    ("waits since", "/waits-since"),
];

const NEXT: &str = "nothing was changed; correct what is named and try again";

/// Does what is asked of webhooks.
pub(crate) fn run(command: WebhookCommand) -> Result<Exit, Stop> {
    match command {
        WebhookCommand::Add(wanted) => add(wanted),
        WebhookCommand::List {
            json,
            recipient,
            place,
        } => {
            let recipient = recipient.map(|it| it.to_string());
            let answer = ask(place, &WebhookRequest::List { recipient })?;
            listing::entries(answer.get("webhooks"), COLUMNS, json);
            Ok(Exit::Ok)
        }
        WebhookCommand::Rotate {
            webhook: OneArguments { webhook, place },
            overlap,
            key,
        } => {
            let request = WebhookRequest::Rotate {
                webhook,
                overlap_ms: overlap,
            };
            let answer = ask_for_key(place, &key, &request)?;
            if let Some(until) = answer.get("until").and_then(Value::as_str) {
                ui::words(&format!(
                    "requests are signed with the former key too until {until}"
                ));
            }
            Ok(Exit::Ok)
        }
        WebhookCommand::Remove(OneArguments { webhook, place }) => {
            ask(place, &WebhookRequest::Remove { webhook }).map(|_| Exit::Ok)
        }
        WebhookCommand::Test(OneArguments { webhook, place }) => test(webhook, place),
    }
}

fn add(wanted: AddArguments) -> Result<Exit, Stop> {
    let request = WebhookRequest::Add {
        recipient: wanted.recipient.to_string(),
        url: wanted.url,
        purpose: wanted.purpose.to_string(),
        deployment: wanted.deployment.map(|it| it.to_string()),
        thing: wanted.thing.map(|it| it.to_string()),
        condition: wanted.condition,
    };
    let answer = ask_for_key(wanted.place, &wanted.key, &request)?;
    let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
    ui::data(&format!("webhook: {id}"));
    ui::words(&format!("see whether it answers: amanat webhook test {id}"));
    Ok(Exit::Ok)
}

/// Asks for something that makes a signing key, and shows it: printed, or in its file.
fn ask_for_key(place: Place, key: &KeyArguments, request: &WebhookRequest) -> Result<Value, Stop> {
    // Before anything is made: a key that cannot be written would be lost.
    let file = key.key_file.as_deref().map(SecretFile::make).transpose()?;
    let answer = ask(place, request)?;
    let made = answer
        .get("key")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match file {
        Some(file) => file
            .write(format!("{made}\n").as_bytes())
            .map_err(|err| Stop::failure(err, "the signing key is lost: rotate it"))?,
        None => ui::data(&format!("key: {made}")),
    }
    ui::words("this signing key is not shown again");
    Ok(answer)
}

fn test(webhook: String, place: Place) -> Result<Exit, Stop> {
    let answer = ask(place, &WebhookRequest::Test { webhook })?;
    if answer.get("taken").and_then(Value::as_bool) == Some(true) {
        ui::words("the webhook took the test");
        return Ok(Exit::Ok);
    }
    let failure = answer.get("failure");
    let what = failure
        .and_then(|it| it.get("what"))
        .and_then(Value::as_str);
    let status = failure
        .and_then(|it| it.get("status"))
        .and_then(Value::as_u64);
    let what = match (what, status) {
        (_, Some(status)) => anyhow!("the webhook answered {status}"),
        (Some(what), None) => anyhow!("the webhook was not reached: {what}"),
        (None, None) => anyhow!("the test was not sent: is the recipient revoked?"),
    };
    Err(Stop::failure(
        what,
        "see what each of these means in docs/how-to/receive-data.md",
    ))
}

/// Asks the running server; where none runs, does it here.
fn ask(place: Place, request: &WebhookRequest) -> Result<Value, Stop> {
    let config = place.config("name it with --data; `amanat serve` makes it")?;
    let failed = |err: anyhow::Error| Stop::failure(err, NEXT);
    let line = request.to_line().map_err(failed)?;
    if let Some(answer) = operator::answered(&config, &line).map_err(failed)? {
        return Ok(answer);
    }
    let kept = Kept::open(&config)?;
    let answer = webhooks::act(&kept.alliance, request).map_err(failed);
    kept.close()?;
    answer
}
