//! Commands to things: what a recipient may have a thing do, with which arguments, and when it is refused.
//!
//! INVARIANT: what is put into a topic or a payload consists of the characters `A-Z a-z 0-9 . _ -` only, whatever was asked
//! for: a number within its range, `true`, `false`, or a word that the notice lists. So no argument can end a text, open a
//! table or add a second command, in JSON or in anything else that a device reads.

mod words;

use serde_json::{Map, Value};

use crate::{CommandName, Condition, Pointer, PurposeId, RecipientId, Text, ThingId};

/// The most commands of one notice.
pub const MAX_COMMANDS: usize = 32;
/// The most arguments of one command.
pub const MAX_ARGUMENTS: usize = 8;
/// The most words of one argument.
pub const MAX_ARGUMENT_WORDS: usize = 32;
/// The longest word of an argument, in characters.
pub const MAX_ARGUMENT_WORD: usize = 64;
/// The greatest number that an argument can be, and the least, without its sign.
pub const MAX_ARGUMENT_NUMBER: f64 = 1e12;
/// The most interlocks of one command.
pub const MAX_INTERLOCKS: usize = 8;
/// The longest time that a command may wait for its thing, in seconds. What waits longer comes when nobody expects it.
pub const MAX_EXPIRES_SECONDS: u32 = 3_600;
/// How many digits after the point a number has at most.
const DECIMALS: usize = 6;
/// What stands for the identifier of the thing.
const THING: &str = "thing";
/// What stands for the name that a bridge has for the thing; where the thing has a connection of its own, its identifier.
const DEVICE: &str = "device";
/// What stands for the number of the command, by which a device names it in its answer.
const NUMBER: &str = "number";
/// What an argument cannot be called, because it stands for something already.
pub(super) const RESERVED: [&str; 3] = [THING, DEVICE, NUMBER];

/// Something that a thing can be told to do, as a notice declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredCommand {
    /// Its name in requests, permissions and the log.
    pub id: CommandName,
    /// What people call it.
    pub title: Text,
    /// What it does to people and things.
    pub does: Text,
    /// The MQTT topic; `{thing}` stands for the identifier of the thing, `{device}` for its name at its bridge, `{number}` for
    /// the number of the command.
    pub topic: String,
    /// The payload; these and `{name of an argument}` stand for their values.
    pub payload: String,
    /// What it can be told beside its name.
    pub arguments: Vec<Argument>,
    /// Who may send it.
    pub recipients: Vec<RecipientId>,
    /// For which purpose they need a grant.
    pub purpose: PurposeId,
    /// Which fields may come, come again or come more often because of it. Refused while people have one of them off.
    pub touches: Vec<Pointer>,
    /// When it is refused.
    pub interlocks: Vec<Interlock>,
    /// How long it may wait for its thing, in seconds; then it is dead.
    pub expires_seconds: u32,
    /// How long a thing has peace after it, in seconds.
    pub least_seconds_between: u32,
    /// What the thing says when it was carried out.
    pub confirm: Option<CommandConfirm>,
}

/// Something that a command is told beside its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// Its name in requests and in the payload: that of an identifier.
    pub name: String,
    /// What it can be.
    pub kind: ArgumentKind,
}

/// What an argument can be. Never a free text.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgumentKind {
    /// A number in a range.
    Number {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// Whether it has no fraction.
        whole: bool,
        /// Its unit, if it has one.
        unit: Option<String>,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(Vec<String>),
}

/// A state of the thing in which a command is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Interlock {
    /// Of what the thing said last; the command is refused while this holds.
    pub when: Condition,
    /// How old what the thing said last may be, in seconds. Where it is older, or missing, the command is refused.
    pub max_age_seconds: u32,
    /// Why, in a sentence.
    pub why: Text,
}

/// A declared field in which a thing shows that a command was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandConfirm {
    /// The field.
    pub field: Pointer,
    /// Its JSON text then; arguments stand in it as in the payload.
    pub is: String,
}

/// A command with its arguments in place; [`FilledCommand::words`] for what goes to a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct FilledCommand {
    /// The topic; `{device}` and `{number}` still stand in it.
    pub topic: String,
    /// The payload; the same.
    pub payload: String,
    /// The arguments as a JSON object, in the order of the notice.
    pub arguments: String,
    /// What the thing says when it was carried out.
    pub confirm: Option<(Pointer, Value)>,
}

/// Arguments do not fit. The text is safe to show: it holds only what the notice says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// There is one that the command does not have.
    #[error("there is an argument that the command does not have; it has {0}")]
    Unknown(String),
    /// One is missing.
    #[error("the argument `{0}` is missing")]
    Missing(String),
    /// One has a value that it cannot have.
    #[error("the argument `{name}` must be {wanted}")]
    Wrong {
        /// Which.
        name: String,
        /// What it can be.
        wanted: String,
    },
}

impl Argument {
    /// What it can be, in words.
    #[must_use]
    pub fn wanted(&self) -> String {
        match &self.kind {
            ArgumentKind::Number {
                min,
                max,
                whole,
                unit,
            } => {
                let what = if *whole { "a whole number" } else { "a number" };
                let unit = unit.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
                format!("{what} from {min} to {max}{unit}, with at most {DECIMALS} decimals")
            }
            ArgumentKind::Boolean => "true or false".to_owned(),
            ArgumentKind::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }

    /// The text of a value that it can have.
    fn text(&self, value: &Value) -> Option<String> {
        match (&self.kind, value) {
            (
                ArgumentKind::Number {
                    min, max, whole, ..
                },
                Value::Number(number),
            ) => {
                let number = number.as_f64().filter(|it| min <= it && it <= max)?;
                let text = number_text(number)?;
                (!*whole || number.fract() == 0.0).then_some(text)
            }
            (ArgumentKind::Boolean, Value::Bool(it)) => Some(it.to_string()),
            (ArgumentKind::Choice(words), Value::String(word)) => {
                words.contains(word).then(|| word.clone())
            }
            _ => None,
        }
    }

    /// The same as JSON.
    fn json(&self, text: &str) -> String {
        match self.kind {
            ArgumentKind::Number { .. } | ArgumentKind::Boolean => text.to_owned(),
            ArgumentKind::Choice(_) => format!("\"{text}\""),
        }
    }

    /// The texts with which a template is tried.
    fn samples(&self) -> Vec<String> {
        match &self.kind {
            ArgumentKind::Number { min, max, .. } => {
                [*min, *max].into_iter().filter_map(number_text).collect()
            }
            ArgumentKind::Boolean => vec!["true".to_owned(), "false".to_owned()],
            ArgumentKind::Choice(words) => words.clone(),
        }
    }
}

/// A number with at most [`DECIMALS`] digits after the point and no exponent.
fn number_text(number: f64) -> Option<String> {
    if number.abs() > MAX_ARGUMENT_NUMBER {
        return None;
    }
    let text = format!("{number:.DECIMALS$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    let is_same = text.parse::<f64>().ok()? == number;
    is_same.then(|| text.to_owned())
}

/// Whether a word can stand in any payload without changing what is around it.
pub(super) fn is_plain_word(word: &str) -> bool {
    let kept = |it: u8| it.is_ascii_alphanumeric() || b"._-".contains(&it);
    !word.is_empty() && word.len() <= MAX_ARGUMENT_WORD && word.bytes().all(kept)
}

/// The names in braces of a template, each with what stands before it; at the end what stands behind the last.
fn parts(template: &str) -> (Vec<(&str, &str)>, &str) {
    let mut found = Vec::new();
    let (mut from, mut search) = (0, 0);
    while let Some(open) = template.get(search..).and_then(|it| it.find('{')) {
        let open = search + open;
        search = open + 1;
        let Some(name) = template.get(search..).and_then(|it| it.split('}').next()) else {
            break;
        };
        let end = search + name.len();
        let kept = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let is_closed = template.as_bytes().get(end) == Some(&b'}');
        if is_closed && !name.is_empty() && name.bytes().all(kept) {
            found.push((template.get(from..open).unwrap_or_default(), name));
            from = end + 1;
            search = from;
        }
    }
    (found, template.get(from..).unwrap_or_default())
}

/// The names in braces of a template.
pub(super) fn places(template: &str) -> impl Iterator<Item = &str> {
    parts(template).0.into_iter().map(|it| it.1)
}

/// Fills a template in one pass: what is put in is not read again.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (found, rest) = parts(template);
    let mut out = String::with_capacity(template.len() + 16);
    for (before, name) in found {
        out.push_str(before);
        out.push_str(&value(name)?);
    }
    out.push_str(rest);
    Some(out)
}

/// A template with each value of each argument in place, the others at their first.
pub(super) fn tried(template: &str, arguments: &[Argument]) -> Vec<String> {
    let samples: Vec<_> = arguments.iter().map(Argument::samples).collect();
    let with = |changed: usize, sample: usize| {
        fill(template, |name| {
            let Some(place) = arguments.iter().position(|it| it.name == name) else {
                return match name {
                    THING => Some("thing-1".to_owned()),
                    DEVICE => Some("device-1".to_owned()),
                    NUMBER => Some("1".to_owned()),
                    _ => None,
                };
            };
            let which = if place == changed { sample } else { 0 };
            samples.get(place)?.get(which).cloned()
        })
    };
    let counts = samples.iter().enumerate();
    let each = counts.flat_map(|(place, all)| (0..all.len()).map(move |it| (place, it)));
    let each = each.chain(arguments.is_empty().then_some((0, 0)));
    each.filter_map(|(place, it)| with(place, it)).collect()
}

impl DeclaredCommand {
    /// The topic for one thing.
    #[must_use]
    pub fn topic_of(&self, thing: &ThingId) -> String {
        self.topic.replace("{thing}", thing.as_str())
    }

    /// Whether the payload has a place for it; what is reserved always has.
    pub(super) fn has_place(&self, name: &str) -> bool {
        RESERVED.contains(&name) || self.arguments.iter().any(|it| it.name == name)
    }

    /// Puts the arguments in place.
    ///
    /// # Errors
    /// When one is missing, unknown, or has a value that the notice does not allow.
    pub fn fill(
        &self,
        thing: &ThingId,
        asked: &Map<String, Value>,
    ) -> Result<FilledCommand, ArgumentError> {
        if asked
            .keys()
            .any(|name| self.arguments.iter().all(|it| it.name != *name))
        {
            let names: Vec<_> = self.arguments.iter().map(|it| it.name.as_str()).collect();
            let names = match names.is_empty() {
                true => "none".to_owned(),
                false => names.join(", "),
            };
            return Err(ArgumentError::Unknown(names));
        }
        let mut texts = Vec::with_capacity(self.arguments.len());
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            let value = asked.get(&argument.name);
            let value = value.ok_or_else(|| ArgumentError::Missing(argument.name.clone()))?;
            let text = argument.text(value).ok_or_else(|| ArgumentError::Wrong {
                name: argument.name.clone(),
                wanted: argument.wanted(),
            })?;
            arguments.push(format!("\"{}\":{}", argument.name, argument.json(&text)));
            texts.push((argument.name.as_str(), text));
        }
        let value = |name: &str| {
            let found = texts.iter().find(|it| it.0 == name);
            let found = found.map(|it| it.1.clone());
            found.or_else(|| match name {
                THING => Some(thing.as_str().to_owned()),
                // Known when it is known over which connection it goes.
                DEVICE | NUMBER => Some(format!("{{{name}}}")),
                _ => None,
            })
        };
        // A notice that was checked has no other names in its templates.
        let unknown = || ArgumentError::Missing("of the payload".to_owned());
        let confirm = match &self.confirm {
            Some(it) => {
                let text = fill(&it.is, value).ok_or_else(unknown)?;
                let said = serde_json::from_str(&text).map_err(|_| unknown())?;
                Some((it.field.clone(), said))
            }
            None => None,
        };
        Ok(FilledCommand {
            topic: self.topic_of(thing),
            payload: fill(&self.payload, value).ok_or_else(unknown)?,
            arguments: format!("{{{}}}", arguments.join(",")),
            confirm,
        })
    }
}

impl FilledCommand {
    /// Topic and payload for a connection on which the thing is called `device`; nothing where it is called something that
    /// could end a text, match other topics or begin something new.
    #[must_use]
    pub fn words(&self, device: &str, number: u32) -> Option<(String, String)> {
        let put = |template: &str| {
            fill(template, |name| match name {
                DEVICE => is_safe_name(device).then(|| device.to_owned()),
                NUMBER => Some(number.to_string()),
                // No other is left: an argument has no braces.
                other => Some(format!("{{{other}}}")),
            })
        };
        Some((put(&self.topic)?, put(&self.payload)?))
    }
}

/// Whether the name of a device can stand in a topic and in a payload without changing what is around it.
fn is_safe_name(name: &str) -> bool {
    let kept = |it: char| it.is_alphanumeric() || "._-:/() ".contains(it);
    !name.is_empty() && name.chars().all(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn command(payload: &str) -> DeclaredCommand {
        let text = |it: &str| Text {
            en: it.to_owned(),
            ur: it.to_owned(),
        };
        DeclaredCommand {
            id: CommandName::parse("dim").unwrap(),
            title: text("Dim"),
            does: text("Dims the lamp."),
            topic: "{thing}/set".to_owned(),
            payload: payload.to_owned(),
            arguments: vec![
                Argument {
                    name: "level".to_owned(),
                    kind: ArgumentKind::Number {
                        min: 0.0,
                        max: 254.0,
                        whole: false,
                        unit: None,
                    },
                },
                Argument {
                    name: "effect".to_owned(),
                    kind: ArgumentKind::Choice(vec!["slow".to_owned(), "blink".to_owned()]),
                },
                Argument {
                    name: "lit".to_owned(),
                    kind: ArgumentKind::Boolean,
                },
            ],
            recipients: Vec::new(),
            purpose: PurposeId::parse("light").unwrap(),
            touches: Vec::new(),
            interlocks: Vec::new(),
            expires_seconds: 30,
            least_seconds_between: 0,
            confirm: None,
        }
    }

    const TEMPLATE: &str =
        r#"{"brightness": {level}, "effect": "{effect}", "{thing}": {lit}, "{}": "{A}{"}"#;

    fn filled(asked: &str) -> Result<String, String> {
        let thing = ThingId::parse("lamp-1").unwrap();
        let asked: Map<String, Value> = serde_json::from_str(asked).unwrap();
        let filled = command(TEMPLATE).fill(&thing, &asked);
        filled.map(|it| it.payload).map_err(|it| it.to_string())
    }

    #[test]
    fn arguments_stand_where_the_template_has_their_names() {
        assert_eq!(
            filled(r#"{"level": 12.50, "effect": "slow", "lit": true}"#).unwrap(),
            r#"{"brightness": 12.5, "effect": "slow", "lamp-1": true, "{}": "{A}{"}"#
        );
    }

    #[test]
    fn what_the_notice_does_not_allow_is_refused_with_what_it_allows() {
        let check = |asked: &str, expected: &str| {
            assert_eq!(filled(asked), Err(expected.to_owned()), "{asked}");
        };
        check(
            r#"{"level": 1, "lit": true}"#,
            "the argument `effect` is missing",
        );
        check(
            r#"{"level": 1, "effect": "slow", "lit": true, "x": 1}"#,
            "there is an argument that the command does not have; it has level, effect, lit",
        );
        let level = "the argument `level` must be a number from 0 to 254, with at most 6 decimals";
        for wrong in ["255", "-0.5", "\"1\"", "null", "0.0000001", "[1]", "1e300"] {
            check(
                &format!(r#"{{"level": {wrong}, "effect": "slow", "lit": true}}"#),
                level,
            );
        }
        check(
            r#"{"level": 1, "effect": "slow\"", "lit": true}"#,
            "the argument `effect` must be one of slow, blink",
        );
        check(
            r#"{"level": 1, "effect": "slow", "lit": 1}"#,
            "the argument `lit` must be true or false",
        );
    }

    #[test]
    fn the_name_at_a_bridge_and_the_number_are_put_in_last_and_break_out_of_nothing() {
        let thing = ThingId::parse("lamp-1").unwrap();
        let mut declared =
            command(r#"{"to": "{device}", "id": {number}, "on": {lit}, "at": "{thing}"}"#);
        declared.topic = "zigbee2mqtt/{device}/set/{number}".to_owned();
        let asked = r#"{"level": 1, "effect": "slow", "lit": true}"#;
        let filled = declared.fill(&thing, &serde_json::from_str(asked).unwrap());
        let filled = filled.unwrap();
        let (topic, payload) = filled.words("Hall (new)/lamp:2", 7).unwrap();
        assert_eq!(topic, "zigbee2mqtt/Hall (new)/lamp:2/set/7");
        let said = r#"{"to": "Hall (new)/lamp:2", "id": 7, "on": true, "at": "lamp-1"}"#;
        assert_eq!(payload, said);
        for wrong in ["", "a\"b", "a\\b", "+", "#", "a\nb", "{number}", "<b>"] {
            assert_eq!(filled.words(wrong, 7), None, "{wrong}");
        }
        // Where nobody asks for its name, it does not matter.
        let plain = command("{}").fill(&thing, &serde_json::from_str(asked).unwrap());
        assert!(plain.unwrap().words("a\"b", 7).is_some());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (0.0..300.0_f64).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            prop_oneof![
                Just("slow"),
                Just("{level}"),
                Just("\"}, {\""),
                Just("blink\n")
            ]
            .prop_map(Value::from),
            Just(Value::Null),
            Just(serde_json::json!({"a": 1})),
        ]
    }

    proptest! {
        #[test]
        fn no_argument_breaks_out_of_a_template(
            level in any_value(), effect in any_value(), lit in any_value(), template in any::<String>(),
        ) {
            let thing = ThingId::parse("lamp-1").unwrap();
            let asked = [("level", level), ("effect", effect), ("lit", lit)];
            let asked: Map<_, _> = asked.into_iter().map(|(name, it)| (name.to_owned(), it)).collect();
            if let Ok(filled) = command(TEMPLATE).fill(&thing, &asked) {
                let read: Value = serde_json::from_str(&filled.payload).unwrap();
                prop_assert_eq!(&read["brightness"].as_f64(), &asked["level"].as_f64());
                prop_assert_eq!(&read["effect"], &asked["effect"]);
                prop_assert_eq!(&read["lamp-1"], &asked["lit"]);
                prop_assert_eq!(read.as_object().unwrap().len(), 4);
                let kept: Map<String, Value> = serde_json::from_str(&filled.arguments).unwrap();
                prop_assert_eq!(kept.len(), 3);
            }
            // Whatever a template is, it does not panic.
            let _ = command(&template).fill(&thing, &asked);
            let _ = tried(&template, &command("").arguments);
        }
    }
}
