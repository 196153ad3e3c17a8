//! What a recipient is told of its commands, over HTTP and over MQTT alike: one JSON object.

use custody::{CommandEvent, CommandRefusal};
use serde::Serialize;
use serde_json::value::RawValue;

/// The longest arguments, in bytes.
pub const MAX_ARGUMENTS_BYTES: usize = 4 * 1024;

/// How a command stands.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Shown {
    id: String,
    thing: String,
    command: String,
    purpose: String,
    arguments: Box<RawValue>,
    asked_at: String,
    expires_at: String,
    outcome: &'static str,
    outcome_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    interlock: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
}

impl Shown {
    pub(crate) fn new(event: CommandEvent) -> Self {
        Self {
            id: event.id.to_string(),
            thing: event.thing.to_string(),
            command: event.command.to_string(),
            purpose: event.purpose.to_string(),
            // They were written by custody, as JSON.
            arguments: RawValue::from_string(event.arguments)
                .unwrap_or_else(|_| RawValue::NULL.to_owned()),
            asked_at: event.asked_at.to_string(),
            expires_at: event.expires_at.to_string(),
            outcome: event.outcome.as_str(),
            outcome_at: event.outcome_at.to_string(),
            interlock: event.outcome.interlock(),
            sent_at: event.sent_at.map(|it| it.to_string()),
        }
    }
}

/// That a command was not taken, where there is no status to say it.
#[derive(Debug, Serialize)]
pub(crate) struct NotTaken<'a> {
    pub(crate) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interlock: Option<u32>,
    pub(crate) detail: &'a str,
}

/// The word for a refusal.
pub(crate) fn word(refusal: &CommandRefusal) -> &'static str {
    match refusal {
        CommandRefusal::NotAllowed | CommandRefusal::Unlicensed => "refused-not-allowed",
        CommandRefusal::Arguments(_) => "refused-arguments",
        CommandRefusal::Interlock { .. } | CommandRefusal::SomeInterlock => "refused-interlock",
        CommandRefusal::TurnedOff => "refused-turned-off",
        CommandRefusal::TooSoon(_) | CommandRefusal::TooMany | CommandRefusal::TooManyWaiting => {
            "refused-too-many"
        }
        // Whether the log has it nobody can say.
        CommandRefusal::Unavailable(_) => "unknown",
    }
}

/// One of these as JSON.
pub(crate) fn json(said: &impl Serialize) -> Vec<u8> {
    // Texts and numbers always have a JSON form.
    serde_json::to_vec(said).unwrap_or_default()
}
