//! Commands to things: what they say, who may send them, when they are refused.

use super::Need::{Optional, Required};
use super::{
    Kind, MAX_COMMAND, MAX_PATIENCE_SECONDS, MAX_TEXT, MAX_TITLE, MAX_TOPIC, MAX_WORD, Shape, key,
    list,
};
use crate::condition::MAX_CONDITION_BYTES;
use crate::notice::command::{
    MAX_ARGUMENT_NUMBER, MAX_ARGUMENT_WORD, MAX_ARGUMENT_WORDS, MAX_ARGUMENTS, MAX_EXPIRES_SECONDS,
    MAX_INTERLOCKS,
};
use crate::notice::{MAX_FIELDS, MAX_RECIPIENTS};

/// The kinds of arguments, as they are written.
const ARGUMENT_KINDS: [&str; 3] = ["number", "boolean", "choice"];

pub(super) const COMMAND: Shape = Shape {
    what: "a command",
    name: "command",
    keys: &[
        key(
            "id",
            Required,
            Kind::Id("a command"),
            "Its name in requests and in the log.",
        ),
        key(
            "title",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "What people call it.",
        ),
        key(
            "does",
            Required,
            Kind::Bilingual(MAX_TEXT),
            "What it does to people and things, in plain words.",
        ),
        key(
            "topic",
            Required,
            Kind::Plain(MAX_TOPIC),
            "The MQTT topic of the command; {thing} stands for the identifier of the thing, {device} for its name at its bridge, {number} for the number of the command.",
        ),
        key(
            "payload",
            Required,
            Kind::Plain(MAX_COMMAND),
            "The command in the product's own words; {thing}, {device}, {number} and {name of an argument} stand for their values.",
        ),
        key(
            "recipients",
            Required,
            list(&Kind::Id("a recipient"), 1, MAX_RECIPIENTS),
            "Who may send it.",
        ),
        key(
            "purpose",
            Required,
            Kind::Id("a purpose"),
            "For which purpose they need a grant.",
        ),
        key(
            "touches",
            Optional,
            list(&Kind::Pointer, 0, MAX_FIELDS),
            "Fields that may come, or come more often, because of it: refused while people have one of them off.",
        ),
        key(
            "expires-seconds",
            Required,
            Kind::Whole {
                least: 1,
                most: MAX_EXPIRES_SECONDS as i64,
            },
            "How long it may wait for its thing; what was not handed over by then never is.",
        ),
        key(
            "least-seconds-between",
            Optional,
            Kind::Whole {
                least: 0,
                most: MAX_PATIENCE_SECONDS,
            },
            "How long a thing has peace after it; 1 unless said otherwise.",
        ),
        key(
            "confirm",
            Optional,
            Kind::Table(&CONFIRM),
            "What the thing says when it was carried out.",
        ),
        key(
            "arguments",
            Optional,
            list(&Kind::Table(&ARGUMENT), 0, MAX_ARGUMENTS),
            "What it can be told beside its name.",
        ),
        key(
            "interlocks",
            Optional,
            list(&Kind::Table(&INTERLOCK), 0, MAX_INTERLOCKS),
            "States of the thing in which it is refused.",
        ),
    ],
};

const CONFIRM: Shape = Shape {
    what: "a confirmation",
    name: "command-confirm",
    keys: &[
        key(
            "field",
            Required,
            Kind::Pointer,
            "The declared field in which the thing says it.",
        ),
        key(
            "is",
            Required,
            Kind::Plain(MAX_WORD),
            "Its JSON text then; arguments stand in it as in the payload.",
        ),
    ],
};

const ARGUMENT: Shape = Shape {
    what: "an argument",
    name: "argument",
    keys: &[
        key(
            "name",
            Required,
            Kind::Id("an argument"),
            "Its name in requests and in the payload.",
        ),
        key(
            "kind",
            Required,
            Kind::Word {
                what: "a kind of argument",
                all: || ARGUMENT_KINDS.to_vec(),
            },
            "What it can be; never a free text.",
        ),
        key(
            "min",
            Optional,
            NUMBER,
            "The least number; required for one.",
        ),
        key(
            "max",
            Optional,
            NUMBER,
            "The greatest number; required for one.",
        ),
        key("whole", Optional, Kind::True, "The number has no fraction."),
        key(
            "unit",
            Optional,
            Kind::Plain(MAX_WORD),
            "The unit of the number.",
        ),
        key(
            "words",
            Optional,
            list(&Kind::Plain(MAX_ARGUMENT_WORD), 1, MAX_ARGUMENT_WORDS),
            "The words to choose from; required for a choice.",
        ),
    ],
};

const NUMBER: Kind = Kind::Real {
    least: -MAX_ARGUMENT_NUMBER,
    most: MAX_ARGUMENT_NUMBER,
};

const INTERLOCK: Shape = Shape {
    what: "an interlock",
    name: "interlock",
    keys: &[
        key(
            "when",
            Required,
            Kind::Plain(MAX_CONDITION_BYTES),
            "The command is refused while this holds of what the thing said last: /level >= 90 and /state = \"open\".",
        ),
        key(
            "max-age-seconds",
            Required,
            Kind::Whole {
                least: 1,
                most: MAX_PATIENCE_SECONDS,
            },
            "How old what the thing said last may be; where it is older or missing, the command is refused.",
        ),
        key(
            "why",
            Required,
            Kind::Bilingual(MAX_TEXT),
            "Why, in a sentence.",
        ),
    ],
};
