//! Checks a file against the table of shapes: keys, types, lengths, words.

use super::reader::{Reader, meant};
use super::tree::{Member, Node, Value};
use crate::notice::shape::{Key, Kind, Need, Shape};
use crate::{IdError, Level, Pointer, PurposeId, Timestamp};

/// Notes everything in which `node` is not of `shape`.
pub(super) fn table(reader: &mut Reader<'_>, node: &Node, shape: &Shape) {
    let Value::Table(members) = &node.value else {
        let reason = format!("{} stands where {} should", node.found(), shape.what);
        let keys: Vec<_> = shape.keys.iter().map(|it| it.name).collect();
        reader.wrong(
            node,
            reason,
            format!("write a table with {}", keys.join(", ")),
        );
        return;
    };
    for member in members {
        match shape.key(&member.key) {
            Some(key) => value(reader, &member.node, &member.key, &key.kind),
            None => unknown(reader, member, shape),
        }
    }
    for key in shape.keys {
        if key.need == Need::Required && node.get(key.name).is_none() {
            missing(reader, node, shape, key);
        }
    }
    one_of(reader, node, shape);
}

fn unknown(reader: &mut Reader<'_>, member: &Member, shape: &Shape) {
    let names = || shape.keys.iter().map(|it| it.name);
    let remedy = meant(&member.key, names(), || {
        format!(
            "remove it; {} has {}",
            shape.what,
            names().collect::<Vec<_>>().join(", ")
        )
    });
    let reason = format!("unknown key `{}` in {}", shown(&member.key), shape.what);
    reader.problem(member.at, reason, remedy);
}

fn missing(reader: &mut Reader<'_>, node: &Node, shape: &Shape, key: &Key) {
    let reason = format!("{} has no `{}`", shape.what, key.name);
    reader.wrong(node, reason, format!("add `{}`: {}", key.name, key.about));
}

fn one_of(reader: &mut Reader<'_>, node: &Node, shape: &Shape) {
    let names: Vec<_> = shape
        .keys
        .iter()
        .filter(|it| it.need == Need::OneOf)
        .map(|it| it.name)
        .collect();
    if names.is_empty() {
        return;
    }
    let found = names.iter().filter(|it| node.get(it).is_some()).count();
    if found != 1 {
        let how = if found == 0 { "none" } else { "more than one" };
        let reason = format!(
            "{} needs exactly one of {}, and has {how}",
            shape.what,
            names.join(", ")
        );
        reader.wrong(node, reason, "write one of them");
    }
}

fn value(reader: &mut Reader<'_>, node: &Node, name: &str, kind: &Kind) {
    match kind {
        Kind::Table(shape) => table(reader, node, shape),
        Kind::List { of, least, most } => list(reader, node, name, of, [*least, *most]),
        Kind::Bilingual(most) => bilingual(reader, node, name, *most),
        Kind::Real { least, most } => real(reader, node, name, *least, *most),
        Kind::Whole { least, most } => whole(reader, node, name, *least, *most),
        Kind::True => {
            if node.value != Value::Boolean(true) {
                let reason = format!("`{name}` is something else than true");
                reader.wrong(
                    node,
                    reason,
                    format!("write `{name} = true`, or choose another level"),
                );
            }
        }
        Kind::Plain(_)
        | Kind::Maybe(_)
        | Kind::Id(_)
        | Kind::Word { .. }
        | Kind::Pointer
        | Kind::Moment
        | Kind::Level => match node.text() {
            Some(text) => plain(reader, node, text, name, kind),
            None => of_type(reader, node, name, "a text in quotes"),
        },
    }
}

fn of_type(reader: &mut Reader<'_>, node: &Node, name: &str, wanted: &str) {
    let reason = format!("`{name}` is {}, and must be {wanted}", node.found());
    reader.wrong(node, reason, format!("write {wanted}"));
}

fn list(reader: &mut Reader<'_>, node: &Node, name: &str, of: &Kind, [least, most]: [usize; 2]) {
    let Value::List(items) = &node.value else {
        of_type(reader, node, name, "a list");
        return;
    };
    if items.len() < least {
        reader.wrong(node, format!("`{name}` is empty"), "name at least one");
    }
    if items.len() > most {
        let reason = format!(
            "`{name}` has {} entries, at most {most} are allowed",
            items.len()
        );
        reader.wrong(
            node,
            reason,
            "remove some, or split what is described in two",
        );
    }
    for item in items.iter().take(most) {
        value(reader, item, name, of);
    }
}

fn bilingual(reader: &mut Reader<'_>, node: &Node, name: &str, most: usize) {
    const BOTH: &str = "people read this in both languages: write { en = \"…\", ur = \"…\" }";
    let Value::Table(members) = &node.value else {
        let reason = format!(
            "`{name}` is {}, and must be a text in English and Urdu",
            node.found()
        );
        reader.wrong(node, reason, BOTH);
        return;
    };
    for member in members {
        if !["en", "ur"].contains(&member.key.as_str()) {
            let reason = format!("unknown key `{}` in `{name}`", shown(&member.key));
            reader.problem(member.at, reason, "a text has the languages en and ur");
        }
    }
    for (key, language) in [("en", "English"), ("ur", "Urdu")] {
        match node.get(key).map(|it| (it, it.text())) {
            None => reader.wrong(node, format!("`{name}` has no {language} text"), BOTH),
            Some((it, None)) => of_type(reader, it, &format!("{name}.{key}"), "a text in quotes"),
            Some((it, Some(text))) if text.trim().is_empty() => {
                reader.wrong(
                    it,
                    format!("the {language} text of `{name}` is empty"),
                    BOTH,
                );
            }
            Some((it, Some(text))) => length(reader, it, text, &format!("{name}.{key}"), most),
        }
    }
}

/// Characters that break a line of a page or turn its reading direction, and the length.
fn length(reader: &mut Reader<'_>, node: &Node, text: &str, name: &str, most: usize) {
    let count = text.chars().count();
    if count > most {
        let reason = format!("`{name}` has {count} characters, at most {most} are allowed");
        reader.form(node, reason, "shorten it");
    }
    let hidden =
        |it: char| (it.is_control() && it != '\n') || matches!(it, '\u{202a}'..='\u{202e}');
    if text.contains(hidden) {
        let reason = format!("`{name}` holds a control character");
        reader.wrong(node, reason, "remove the hidden character");
    }
}

fn plain(reader: &mut Reader<'_>, node: &Node, text: &str, name: &str, kind: &Kind) {
    let not = |what: &str| format!("`{}` is not {what}", shown(text));
    match kind {
        Kind::Plain(most) | Kind::Maybe(most) => {
            if text.trim().is_empty() && matches!(kind, Kind::Plain(_)) {
                reader.wrong(
                    node,
                    format!("`{name}` is empty"),
                    "write it, or remove the key",
                );
            }
            length(reader, node, text, name, *most);
        }
        Kind::Id(what) => {
            // All identifiers have one syntax.
            if let Err(err) = PurposeId::parse(text) {
                let err: IdError = err;
                reader.wrong(node, not(what), err.to_string());
            }
        }
        Kind::Word { what, all } => {
            let all = all();
            if !all.contains(&text) {
                let remedy = meant(text, all.iter().copied(), || {
                    format!("write one of: {}", all.join(", "))
                });
                reader.wrong(node, not(what), remedy);
            }
        }
        Kind::Pointer => {
            if let Err(err) = Pointer::parse(text) {
                reader.wrong(node, not("a JSON Pointer"), err.to_string());
            }
        }
        Kind::Moment if Timestamp::parse(text).is_err() => {
            let remedy = "write one such as 2026-12-10T00:00:00+05:00 (RFC 3339)";
            reader.wrong(node, not("a moment"), remedy);
        }
        Kind::Level => {
            let remedy = "write on, or coarse-1 (the coarsest), coarse-2, …";
            match Level::parse(text) {
                None => reader.wrong(node, not("a precision"), remedy),
                // It is clear what it means: nothing passes.
                Some(Level::OFF) => reader.form(node, not("a precision"), remedy),
                Some(_) => {}
            }
        }
        _ => {}
    }
}

fn real(reader: &mut Reader<'_>, node: &Node, name: &str, least: f64, most: f64) {
    let Some(number) = node.number() else {
        of_type(reader, node, name, "a number");
        return;
    };
    let real = number.real;
    if !real.is_finite() {
        let reason = format!("`{name}` is not a finite number");
        reader.wrong(node, reason, "write a number such as 0.5");
    } else if least == f64::MIN_POSITIVE && real < least {
        let reason = format!("`{name}` is {real}, and must be above 0");
        reader.wrong(node, reason, "write a number above 0");
    } else if !(least..=most).contains(&real) {
        let least = if least == f64::MIN_POSITIVE {
            0.0
        } else {
            least
        };
        let reason = format!("`{name}` is {real}, and must be from {least} to {most}");
        reader.wrong(
            node,
            reason,
            format!("write a number from {least} to {most}"),
        );
    }
}

fn whole(reader: &mut Reader<'_>, node: &Node, name: &str, least: i64, most: i64) {
    let Some(number) = node.number() else {
        of_type(reader, node, name, "a whole number");
        return;
    };
    match number.whole {
        None => {
            let reason = format!("`{name}` is not a whole number");
            reader.wrong(
                node,
                reason,
                format!("write a whole number from {least} to {most}"),
            );
        }
        Some(whole) if !(least..=most).contains(&whole) => {
            let reason = format!("`{name}` is {whole}, and must be from {least} to {most}");
            reader.wrong(
                node,
                reason,
                format!("write a whole number from {least} to {most}"),
            );
        }
        Some(_) => {}
    }
}

/// At most so much of a text of the file in a message.
const MAX_SHOWN: usize = 80;

/// A text of the file, cut and without control characters, as a message shows it.
pub(super) fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(MAX_SHOWN)
        .map(|it| if it.is_control() { '\u{fffd}' } else { it })
        .collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        out.push('…');
    }
    out
}
