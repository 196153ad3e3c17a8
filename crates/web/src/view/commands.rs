//! Commands to devices, in words.

use custody::{
    COMMAND_LOG_DAYS, CommandCounts, CommandEvent, CommandOutcome, Custody, PublicCount,
    RefusedBecause,
};
use model::{Argument, ArgumentKind, DeclaredCommand, DeploymentId, Notice, Timestamp};

use crate::shell::Shell;
use crate::visit::Failure;

/// The notice in force and since when it is, where that is known. What was asked for before was refused by another text.
pub(crate) type Standing<'a> = (&'a Notice, Option<Timestamp>);

/// Since when the notice of a deployment is in force.
pub(crate) fn in_force_since(
    custody: &Custody,
    id: &DeploymentId,
) -> Result<Option<Timestamp>, Failure> {
    let versions = custody.notice_versions(id, None, 1);
    let versions = versions.map_err(|err| Failure::internal(&err))?;
    Ok(versions.first().and_then(|it| it.published_at))
}

/// Who may send a command, and for what.
pub(crate) fn who(shell: &Shell, notice: &Notice, command: &DeclaredCommand) -> String {
    let recipients = command.recipients.iter();
    let titles: Vec<_> = recipients
        .filter_map(|it| notice.recipient(it))
        .map(|it| shell.of(&it.title))
        .collect();
    let purpose = notice.purpose(&command.purpose);
    let purpose = purpose.map_or(command.purpose.as_str(), |it| shell.of(&it.title));
    let line = shell.with("notice-command-who");
    let line = line.set("recipients", shell.list(titles));
    line.set("purpose", purpose).to_string()
}

/// What a command can be told; nothing where it cannot be told anything.
pub(crate) fn arguments(shell: &Shell, command: &DeclaredCommand) -> Option<String> {
    let all: Vec<_> = command
        .arguments
        .iter()
        .map(|it| argument(shell, it))
        .collect();
    let list = shell.list(all.iter().map(String::as_str));
    let line = shell.with("notice-command-arguments");
    (!all.is_empty()).then(|| line.set("arguments", list).to_string())
}

fn argument(shell: &Shell, argument: &Argument) -> String {
    let name = argument.name.as_str();
    match &argument.kind {
        ArgumentKind::Number { min, max, unit, .. } => {
            let message = match unit {
                Some(unit) => shell
                    .with("command-argument-number")
                    .set("unit", shell.unit(unit)),
                None => shell.with("command-argument-plain-number"),
            };
            let message = message.set("name", name).set("min", min.to_string());
            message.set("max", max.to_string()).to_string()
        }
        ArgumentKind::Boolean => {
            let message = shell.with("command-argument-boolean");
            message.set("name", name).to_string()
        }
        ArgumentKind::Choice(words) => {
            let words = shell.list(words.iter().map(String::as_str));
            let message = shell.with("command-argument-choice");
            message.set("name", name).set("words", words).to_string()
        }
    }
}

/// The fields that keep a command back while they are off; nothing where there are none.
pub(crate) fn touches(shell: &Shell, notice: &Notice, command: &DeclaredCommand) -> Option<String> {
    let fields = command.touches.iter().filter_map(|it| notice.field(it));
    let titles: Vec<_> = fields.map(|it| shell.of(&it.title)).collect();
    let line = shell.with("notice-command-touches");
    (!titles.is_empty()).then(|| line.set("fields", shell.list(titles)).to_string())
}

/// How many there were, for everybody.
pub(crate) fn counts(shell: &Shell, counts: &CommandCounts) -> String {
    let counted = |count: PublicCount| {
        let (key, count) = match count {
            PublicCount::FewerThan(count) => ("notice-commands-few", count),
            PublicCount::Exactly(count) => ("notice-commands-many", count),
        };
        shell.with(key).set("count", count).to_string()
    };
    let line = shell.with("notice-commands-counts");
    let line = line.set("days", COMMAND_LOG_DAYS.to_string());
    let line = line.set("sent", counted(counts.sent));
    line.set("refused", counted(counts.refused)).to_string()
}

/// What was done with a person's things, a line each.
pub(crate) fn log(shell: &Shell, standing: Standing<'_>, events: &[CommandEvent]) -> Vec<String> {
    events.iter().map(|it| line(shell, standing, it)).collect()
}

fn line(shell: &Shell, (notice, since): Standing<'_>, event: &CommandEvent) -> String {
    let command = notice.command(&event.command);
    let title = command.map_or(event.command.as_str(), |it| shell.of(&it.title));
    let recipient = notice.recipient(&event.recipient);
    let recipient = recipient.map_or(event.recipient.as_str(), |it| shell.of(&it.title));
    let told = told(&event.arguments);
    let line = match told.is_empty() {
        true => shell.with("command-log-line"),
        false => {
            let told = shell.list(told.iter().map(String::as_str));
            shell.with("command-log-line-told").set("arguments", told)
        }
    };
    let line = line.set("moment", shell.moment(&event.asked_at));
    let line = line.set("thing", event.thing.as_str());
    let line = line.set("command", title).set("recipient", recipient);
    let outcome = outcome(
        shell,
        command.filter(|_| stood(since, event)),
        event.outcome,
    );
    line.set("outcome", outcome).to_string()
}

/// Whether the notice in force was in force when a command was asked for.
fn stood(since: Option<Timestamp>, event: &CommandEvent) -> bool {
    since.is_some_and(|it| it <= event.asked_at)
}

/// A line of the log for the office, in its parts.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// When it was asked for.
    pub(crate) moment: String,
    /// Of what, and what.
    pub(crate) title: String,
    /// By whom, and for what.
    pub(crate) who: String,
    /// What the device was told beside that.
    pub(crate) arguments: Option<String>,
    /// What came of it.
    pub(crate) outcome: String,
    /// The same in one word.
    pub(crate) word: String,
    /// The colour of the word.
    pub(crate) state: &'static str,
}

/// A command in words, for the office. Without a notice there are only identifiers.
pub(crate) fn tell(shell: &Shell, standing: Option<Standing<'_>>, event: &CommandEvent) -> Told {
    let notice = standing.map(|it| it.0);
    let command = notice.and_then(|it| it.command(&event.command));
    let title = command.map_or(event.command.as_str(), |it| shell.of(&it.title));
    let recipient = notice.and_then(|it| it.recipient(&event.recipient));
    let recipient = recipient.map_or(event.recipient.as_str(), |it| shell.of(&it.title));
    let purpose = notice.and_then(|it| it.purpose(&event.purpose));
    let purpose = purpose.map_or(event.purpose.as_str(), |it| shell.of(&it.title));
    let told = told(&event.arguments);
    let arguments = shell.list(told.iter().map(String::as_str));
    let since = standing.and_then(|it| it.1);
    let (word, state) = word(event.outcome);
    let message = shell.with("office-commands-thing");
    let message = message.set("thing", event.thing.as_str());
    let who = shell.with("office-commands-who");
    let who = who.set("recipient", recipient).set("purpose", purpose);
    Told {
        moment: shell.moment(&event.asked_at),
        title: message.set("command", title).to_string(),
        who: who.to_string(),
        arguments: (!told.is_empty()).then(|| {
            let line = shell.with("office-commands-told");
            line.set("arguments", arguments).to_string()
        }),
        outcome: match event.outcome {
            CommandOutcome::Refused(RefusedBecause::TurnedOff) => {
                shell.say("office-commands-turned-off")
            }
            other => outcome(shell, command.filter(|_| stood(since, event)), other),
        },
        word: shell.say(word),
        state,
    }
}

/// What came of a command in one word, and the colour of the word.
fn word(outcome: CommandOutcome) -> (&'static str, &'static str) {
    match outcome {
        CommandOutcome::Queued => ("office-commands-waits", "none"),
        CommandOutcome::Sent | CommandOutcome::Acknowledged | CommandOutcome::Confirmed => {
            ("office-commands-sent", "active")
        }
        CommandOutcome::Expired => ("office-commands-not-sent", "expired"),
        CommandOutcome::Unknown => ("office-commands-unknown", "suspended"),
        CommandOutcome::Refused(_) => ("office-commands-refused", "revoked"),
    }
}

/// Arguments as they were told: `level 80`.
fn told(arguments: &str) -> Vec<String> {
    let read: Result<serde_json::Map<String, serde_json::Value>, _> =
        serde_json::from_str(arguments);
    let words = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(word) => format!("{name} {word}"),
        other => format!("{name} {other}"),
    };
    read.unwrap_or_default().into_iter().map(words).collect()
}

fn outcome(shell: &Shell, command: Option<&DeclaredCommand>, outcome: CommandOutcome) -> String {
    let key = match outcome {
        CommandOutcome::Queued => "command-queued",
        CommandOutcome::Sent => "command-sent",
        CommandOutcome::Acknowledged => "command-acknowledged",
        CommandOutcome::Confirmed => "command-confirmed",
        CommandOutcome::Expired => "command-expired",
        CommandOutcome::Unknown => "command-unknown",
        CommandOutcome::Refused(because) => return refused(shell, command, because),
    };
    shell.say(key)
}

fn refused(shell: &Shell, command: Option<&DeclaredCommand>, because: RefusedBecause) -> String {
    let key = match because {
        RefusedBecause::Interlock(number) => {
            let place = usize::try_from(number).unwrap_or_default();
            let interlocks = command.map_or(&[][..], |it| &it.interlocks);
            if let Some(it) = interlocks.get(place.wrapping_sub(1)) {
                let message = shell.with("command-refused-interlock");
                return message.set("why", shell.of(&it.why)).to_string();
            }
            "command-refused-some-interlock"
        }
        RefusedBecause::SomeInterlock => "command-refused-some-interlock",
        RefusedBecause::TurnedOff => "command-refused-off",
        RefusedBecause::NotAllowed => "command-refused-right",
        RefusedBecause::NoticeChanged => "command-refused-changed",
        RefusedBecause::Arguments => "command-refused-arguments",
    };
    shell.say(key)
}

/// The notice with two commands, for samples.
pub(crate) fn sample_notice(notice: &Notice) -> Option<Notice> {
    const COMMANDS: &str = include_str!("../../../../corpus/notice/valid/commands.toml");
    let mut notice = notice.clone();
    notice.commands = Notice::parse(COMMANDS).ok()?.commands;
    let recipient = notice.recipients.first().map(|it| it.id.clone())?;
    let purpose = notice.purposes.first().map(|it| it.id.clone())?;
    let field = notice.fields.first().map(|it| it.pointer.clone())?;
    for command in &mut notice.commands {
        command.recipients = vec![recipient.clone()];
        command.purpose = purpose.clone();
        for touched in &mut command.touches {
            *touched = field.clone();
        }
    }
    Some(notice)
}

/// One event of each kind, for samples.
pub(crate) fn sample_events(notice: &Notice, at: model::Timestamp) -> Vec<CommandEvent> {
    let refused = [
        RefusedBecause::Interlock(1),
        RefusedBecause::SomeInterlock,
        RefusedBecause::TurnedOff,
        RefusedBecause::NotAllowed,
        RefusedBecause::NoticeChanged,
        RefusedBecause::Arguments,
    ];
    let outcomes = [
        CommandOutcome::Queued,
        CommandOutcome::Sent,
        CommandOutcome::Acknowledged,
        CommandOutcome::Confirmed,
        CommandOutcome::Expired,
        CommandOutcome::Unknown,
    ];
    let outcomes = outcomes
        .into_iter()
        .chain(refused.map(CommandOutcome::Refused));
    let event = |(number, outcome): (i64, CommandOutcome)| {
        let command = notice.commands.first()?;
        let at = at.plus_millis(-60_000 * number);
        Some(CommandEvent {
            id: custody::CommandId::parse(&format!("{number:016x}"))?,
            deployment: notice.deployment.clone(),
            thing: model::ThingId::parse("home-plug").ok()?,
            command: command.id.clone(),
            recipient: command.recipients.first()?.clone(),
            purpose: command.purpose.clone(),
            arguments: match number {
                0 => "{}".to_owned(),
                _ => r#"{"percent":40,"speed":"slow","bell":true}"#.to_owned(),
            },
            asked_at: at,
            expires_at: at.plus_millis(20_000),
            outcome,
            outcome_at: at,
            sent_at: None,
        })
    };
    (0..).zip(outcomes).filter_map(event).collect()
}

/// The same as a person reads it, for samples.
pub(crate) fn sample_log(shell: &Shell, notice: &Notice, at: Timestamp) -> Vec<String> {
    let standing = (notice, Some(Timestamp::EPOCH));
    log(shell, standing, &sample_events(notice, at))
}
