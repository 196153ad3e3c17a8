//! What changes about the commands to things.

use super::{Change, ChangeEffect, Changed, note};
use crate::notice::{ArgumentKind, DeclaredCommand, Notice};

pub(super) fn compare(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    for now in &new.commands {
        match old.commands.iter().find(|it| it.id == now.id) {
            None => note(
                changes,
                ChangeEffect::More,
                Changed::CommandAdded(now.id.clone()),
            ),
            Some(was) if was != now => {
                let effect = effect(was, now);
                note(changes, effect, Changed::CommandChanged(now.id.clone()));
            }
            Some(_) => {}
        }
    }
    for was in &old.commands {
        if new.commands.iter().all(|it| it.id != was.id) {
            note(
                changes,
                ChangeEffect::Less,
                Changed::CommandRemoved(was.id.clone()),
            );
        }
    }
}

/// More where something is possible that was not; less where nothing is, and something was.
fn effect(was: &DeclaredCommand, now: &DeclaredCommand) -> ChangeEffect {
    match (is_covered(now, was), is_covered(was, now)) {
        (false, true | false) => ChangeEffect::More,
        (true, false) => ChangeEffect::Less,
        (true, true) => ChangeEffect::Other,
    }
}

/// Whether all that a command can do could be done by another wording of it.
fn is_covered(command: &DeclaredCommand, by: &DeclaredCommand) -> bool {
    let says_the_same = (&command.topic, &command.payload) == (&by.topic, &by.payload)
        && command.purpose == by.purpose;
    let reaches = command
        .recipients
        .iter()
        .all(|it| by.recipients.contains(it));
    let refuses = by.interlocks.iter().all(|theirs| {
        let same = command.interlocks.iter().find(|it| it.when == theirs.when);
        same.is_some_and(|it| it.max_age_seconds <= theirs.max_age_seconds)
    });
    let respects = by.touches.iter().all(|it| command.touches.contains(it));
    says_the_same
        && reaches
        && refuses
        && respects
        && command.expires_seconds <= by.expires_seconds
        && command.least_seconds_between >= by.least_seconds_between
        && is_narrower(command, by)
}

fn is_narrower(command: &DeclaredCommand, by: &DeclaredCommand) -> bool {
    command.arguments.len() == by.arguments.len()
        && command
            .arguments
            .iter()
            .zip(&by.arguments)
            .all(|(one, other)| {
                one.name == other.name
                    && match (&one.kind, &other.kind) {
                        (
                            ArgumentKind::Number {
                                min, max, whole, ..
                            },
                            ArgumentKind::Number {
                                min: least,
                                max: most,
                                whole: is_whole,
                                ..
                            },
                        ) => least <= min && max <= most && (*whole || !is_whole),
                        (ArgumentKind::Boolean, ArgumentKind::Boolean) => true,
                        (ArgumentKind::Choice(some), ArgumentKind::Choice(all)) => {
                            some.iter().all(|it| all.contains(it))
                        }
                        _ => false,
                    }
            })
}
