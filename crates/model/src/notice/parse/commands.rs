//! Commands to things: payloads that can be filled, interlocks that can hold.

use super::build::{parsed, plain, pointer, text, whole};
use super::conform::shown;
use super::reader::{Reader, meant};
use super::switches::{self, Names};
use super::tree::{Node, Value};
use crate::Condition;
use crate::condition::ComparedWith;
use crate::notice::command::{self, is_plain_word};
use crate::notice::shape::DEFAULT_SECONDS_BETWEEN;
use crate::notice::{
    Argument, ArgumentKind, CommandConfirm, DeclaredCommand, Field, FieldKind, Interlock,
    SourceSwitch,
};

const NAMES: Names = Names {
    known: &["{thing}", "{device}", "{number}"],
    remedy: "only {thing}, {device} and {number} stand for something",
};

/// Reads one command. What it names was checked by `names`.
pub(super) fn command(
    reader: &mut Reader<'_>,
    node: &Node,
    fields: &[Field],
    source_switches: &[SourceSwitch],
) -> Option<DeclaredCommand> {
    if let Some((it, topic)) = node.get("topic").and_then(|it| Some((it, it.text()?))) {
        switches::check_topic(reader, it, topic, &NAMES);
    }
    let arguments: Vec<_> = node
        .list("arguments")
        .iter()
        .map(|it| argument(reader, it))
        .collect();
    let interlocks: Vec<_> = node
        .list("interlocks")
        .iter()
        .map(|it| interlock(reader, it, fields))
        .collect();
    let confirm = node.get("confirm").map(confirm);
    let command = DeclaredCommand {
        id: parsed(node, "id")?,
        title: text(node, "title")?,
        does: text(node, "does")?,
        topic: plain(node, "topic")?,
        payload: plain(node, "payload")?,
        // Half of them would be a command that does not do what it says.
        arguments: arguments.into_iter().collect::<Option<_>>()?,
        recipients: node
            .list("recipients")
            .iter()
            .filter_map(|it| it.text()?.parse().ok())
            .collect(),
        purpose: parsed(node, "purpose")?,
        touches: node.list("touches").iter().filter_map(pointer).collect(),
        // Half of them would let through what the others refuse.
        interlocks: interlocks.into_iter().collect::<Option<_>>()?,
        expires_seconds: whole(node, "expires-seconds")?,
        least_seconds_between: whole(node, "least-seconds-between")
            .unwrap_or(DEFAULT_SECONDS_BETWEEN),
        confirm: match confirm {
            Some(it) => Some(it?),
            None => None,
        },
    };
    check_arguments(reader, node, &command);
    check_template(reader, node.get("payload")?, &command, &command.payload);
    if let (Some(confirm), Some(is)) = (
        &command.confirm,
        node.get("confirm").and_then(|it| it.get("is")),
    ) {
        check_template(reader, is, &command, &confirm.is);
        if command::places(&confirm.is).any(|it| it != "thing" && command::RESERVED.contains(&it)) {
            let reason = "what the thing shows cannot depend on its name at a bridge or on the number of the command";
            reader.wrong(is, reason, "write the value, or the name of an argument");
        }
        must_be_json(reader, is, &command, &confirm.is);
    }
    // A place at the beginning is no brace of JSON.
    let filled = command::tried(&command.payload, &command.arguments);
    let begins = |it: &String| it.trim_start().starts_with(['{', '[', '"']);
    if filled.iter().any(begins) {
        must_be_json(reader, node.get("payload")?, &command, &command.payload);
    }
    check_switches(reader, node, &command, source_switches);
    Some(command)
}

fn argument(reader: &mut Reader<'_>, node: &Node) -> Option<Argument> {
    let kind = node.get("kind")?.text()?;
    let mut only = |keys: &[&str], kind: &str| {
        for member in node.members() {
            let is_other = ["min", "max", "whole", "unit", "words"].contains(&member.key.as_str());
            if is_other && !keys.contains(&member.key.as_str()) {
                let reason = format!("{kind} has no `{}`", member.key);
                reader.problem(member.at, reason, "remove it, or choose another kind");
            }
        }
    };
    let kind = match kind {
        "number" => {
            only(&["min", "max", "whole", "unit"], "a number");
            number(reader, node)?
        }
        "boolean" => {
            only(&[], "a boolean");
            ArgumentKind::Boolean
        }
        "choice" => {
            only(&["words"], "a choice");
            ArgumentKind::Choice(words(reader, node)?)
        }
        _ => return None,
    };
    Some(Argument {
        name: plain(node, "name")?,
        kind,
    })
}

fn number(reader: &mut Reader<'_>, node: &Node) -> Option<ArgumentKind> {
    let real = |key| Some(node.get(key)?.number()?.real);
    let (Some(min), Some(max)) = (real("min"), real("max")) else {
        reader.wrong(
            node,
            "a number has no `min` or no `max`",
            "say the least and the greatest number that do no harm",
        );
        return None;
    };
    if min > max {
        let reason = format!("`min` {min} is greater than `max` {max}");
        reader.wrong(node, reason, "exchange them");
    }
    Some(ArgumentKind::Number {
        min,
        max,
        whole: node.get("whole").is_some(),
        unit: plain(node, "unit"),
    })
}

fn words(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<String>> {
    let Some(list) = node.get("words") else {
        reader.wrong(
            node,
            "a choice has no `words`",
            "list the words to choose from",
        );
        return None;
    };
    let mut words: Vec<String> = Vec::new();
    for (it, word) in list.items().iter().filter_map(|it| Some((it, it.text()?))) {
        if !is_plain_word(word) {
            let reason = format!("`{}` is no word that a payload can hold", shown(word));
            reader.wrong(it, reason, "use A-Z, a-z, 0-9, `.`, `_` and `-` only");
        }
        if words.iter().any(|one| one == word) {
            let reason = format!("the word `{}` stands twice", shown(word));
            reader.wrong(it, reason, "remove one of them");
        }
        words.push(word.to_owned());
    }
    Some(words)
}

fn interlock(reader: &mut Reader<'_>, node: &Node, fields: &[Field]) -> Option<Interlock> {
    let when = node.get("when")?;
    let condition = match when.text()?.parse::<Condition>() {
        Ok(condition) => condition,
        Err(err) => {
            reader.wrong(
                when,
                format!("this is no condition: {err}"),
                "write one such as /level >= 90 and /state = \"open\"",
            );
            return None;
        }
    };
    for (place, with) in condition.places() {
        let Some(field) = fields.iter().find(|it| it.pointer == *place) else {
            let reason = format!("field `{}` is not declared", shown(place.as_str()));
            let known = fields.iter().map(|it| it.pointer.as_str());
            let remedy = meant(place.as_str(), known, || {
                "add it under [[fields]], or correct the name".to_owned()
            });
            reader.wrong(when, reason, remedy);
            continue;
        };
        let kind = match with {
            ComparedWith::Number => FieldKind::Number,
            ComparedWith::Text => FieldKind::Text,
            ComparedWith::Truth => FieldKind::Boolean,
            ComparedWith::Nothing => {
                let reason = "`exists` says nothing here: without a fresh value the command is refused anyway";
                reader.wrong(when, reason, "compare the value with something");
                continue;
            }
        };
        if kind != field.kind {
            let reason = format!(
                "field `{place}` holds a {}, so this is never true and nothing is ever refused",
                field.kind
            );
            reader.wrong(when, reason, format!("compare it with a {}", field.kind));
        }
    }
    Some(Interlock {
        when: condition,
        max_age_seconds: whole(node, "max-age-seconds")?,
        why: text(node, "why")?,
    })
}

fn confirm(node: &Node) -> Option<CommandConfirm> {
    Some(CommandConfirm {
        field: pointer(node.get("field")?)?,
        is: plain(node, "is")?,
    })
}

fn check_arguments(reader: &mut Reader<'_>, node: &Node, command: &DeclaredCommand) {
    let nodes = node.list("arguments").iter();
    for (number, (it, argument)) in nodes.zip(&command.arguments).enumerate() {
        let mut before = command.arguments.iter().take(number);
        let name = it.get("name").unwrap_or(it);
        if before.any(|one| one.name == argument.name) {
            let reason = format!("argument `{}` stands twice", argument.name);
            reader.wrong(name, reason, "remove or rename one of them");
        }
        if command::RESERVED.contains(&argument.name.as_str()) {
            let reason = format!(
                "`{}` already stands for something of the thing",
                argument.name
            );
            reader.wrong(name, reason, "choose another name");
        }
        if !command::places(&command.payload).any(|one| one == argument.name) {
            let reason = format!("argument `{}` has no place in the payload", argument.name);
            let remedy = format!("write {{{}}} where it belongs, or remove it", argument.name);
            reader.wrong(name, reason, remedy);
        }
    }
}

/// Every name in braces is that of an argument.
fn check_template(reader: &mut Reader<'_>, node: &Node, command: &DeclaredCommand, template: &str) {
    for name in command::places(template).filter(|it| !command.has_place(it)) {
        let known = command.arguments.iter().map(|it| it.name.as_str());
        let remedy = meant(name, known, || {
            "add it under [[commands.arguments]], or correct the name".to_owned()
        });
        reader.wrong(
            node,
            format!("`{{{}}}` is no argument", shown(name)),
            remedy,
        );
    }
}

fn must_be_json(reader: &mut Reader<'_>, node: &Node, command: &DeclaredCommand, template: &str) {
    let tried = command::tried(template, &command.arguments);
    let broken = tried.iter().find(|it| {
        let read = serde_json::from_str::<serde::de::IgnoredAny>(it);
        read.is_err()
    });
    if let Some(text) = broken {
        let reason = format!("`{}` is not JSON", shown(text));
        reader.wrong(node, reason, "put quotes around the place of a word");
    }
}

/// Where a command speaks where a switch does, somebody has to have thought about what it may undo.
fn check_switches(
    reader: &mut Reader<'_>,
    node: &Node,
    command: &DeclaredCommand,
    source_switches: &[SourceSwitch],
) {
    for switch in source_switches {
        // Whichever of its names the thing is called by there.
        let speaks_there = switch.topic == command.topic.replace("{device}", "{thing}");
        let words = [Some(&switch.on), Some(&switch.off), switch.slow.as_ref()];
        let is_its_word = words.into_iter().flatten().any(|it| command.can_say(it));
        let touches_it = switch.fields.iter().any(|it| command.touches.contains(it));
        if speaks_there && is_its_word && !touches_it {
            let reason =
                "this is the command of a source switch, and `touches` does not name its fields";
            reader.wrong(
                node,
                reason,
                "name them in `touches`: nobody may undo what a person has turned off",
            );
        } else if speaks_there
            && !matches!(
                node.get("touches").map(|it| &it.value),
                Some(Value::List(_))
            )
        {
            let reason = "a source switch speaks on the same topic, and the command does not say what it touches";
            reader.wrong(node, reason, "add touches = [\"/…\"] with the fields that may come because of it, or touches = []");
            return;
        }
    }
}
