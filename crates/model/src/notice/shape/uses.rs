//! What is done with fields: purposes, recipients, models, declarations, source switches.

use super::Need::{Optional, Required};
use super::{
    Kind, MAX_COMMAND, MAX_PATIENCE_SECONDS, MAX_TEXT, MAX_TITLE, MAX_TOPIC, MAX_WORD, Shape, key,
    list,
};
use crate::notice::words::{LegalBasis, Party};
use crate::notice::{MAX_FIELDS, MAX_MODELS, MAX_RECIPIENTS};

pub(super) const PURPOSE: Shape = Shape {
    what: "a purpose",
    name: "purpose",
    keys: &[
        key(
            "id",
            Required,
            Kind::Id("a purpose"),
            "Its name in topics and choices.",
        ),
        key(
            "dpv",
            Required,
            Kind::Plain(MAX_WORD),
            "The purpose of the W3C Data Privacy Vocabulary that it is an instance of, such as dpv:PublicBenefit.",
        ),
        key(
            "title",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "What people call it.",
        ),
        key(
            "why",
            Required,
            Kind::Bilingual(MAX_TEXT),
            "Why, in a sentence.",
        ),
    ],
};

pub(super) const RECIPIENT: Shape = Shape {
    what: "a recipient",
    name: "recipient",
    keys: &[
        key(
            "id",
            Required,
            Kind::Id("a recipient"),
            "Its name in topics, choices and receipts.",
        ),
        key(
            "title",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "What people call it.",
        ),
        key(
            "terms",
            Required,
            Kind::Bilingual(MAX_TEXT),
            "Under which terms it receives.",
        ),
        key(
            "party",
            Optional,
            Kind::Word {
                what: "a kind of party",
                all: || Party::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "How it stands to the accountable member; third-party unless said otherwise.",
        ),
        key(
            "country",
            Optional,
            Kind::Plain(MAX_WORD),
            "The country where it processes (ISO 3166-1, two letters), where that is another.",
        ),
    ],
};

pub(super) const MODEL: Shape = Shape {
    what: "a model",
    name: "model",
    keys: &[
        key(
            "id",
            Required,
            Kind::Id("a model"),
            "Its name in declarations and fields.",
        ),
        key(
            "title",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "What people call it.",
        ),
        key(
            "decides",
            Required,
            Kind::Bilingual(MAX_TEXT),
            "What it works out or decides about people.",
        ),
        key(
            "version",
            Optional,
            Kind::Plain(MAX_WORD),
            "Which version of it.",
        ),
        key(
            "in-force",
            Optional,
            Kind::Moment,
            "From when on this version is at work.",
        ),
        key(
            "version-before",
            Optional,
            Kind::Plain(MAX_WORD),
            "The version that is at work until then, where there is one.",
        ),
    ],
};

pub(super) const DECLARATION: Shape = Shape {
    what: "a declaration",
    name: "declaration",
    keys: &[
        key(
            "fields",
            Required,
            list(&Kind::Pointer, 1, MAX_FIELDS),
            "Which fields.",
        ),
        key(
            "purpose",
            Required,
            Kind::Id("a purpose"),
            "For which purpose.",
        ),
        key(
            "basis",
            Required,
            Kind::Word {
                what: "a legal basis",
                all: || LegalBasis::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "On which legal basis.",
        ),
        key(
            "source",
            Optional,
            Kind::Bilingual(MAX_TEXT),
            "The law or reason behind the basis; required where a person cannot choose.",
        ),
        key(
            "recipients",
            Required,
            list(&Kind::Id("a recipient"), 1, MAX_RECIPIENTS),
            "Who receives them.",
        ),
        key(
            "retention-days",
            Required,
            Kind::Whole {
                least: 0,
                most: u16::MAX as i64,
            },
            "How many days they are kept; 0 is never stored.",
        ),
        key(
            "precision",
            Required,
            Kind::Level,
            "The most that may pass: on, or coarse-1 (the coarsest), coarse-2, …",
        ),
        key(
            "stored-in",
            Optional,
            Kind::Bilingual(MAX_TEXT),
            "Where this is stored, where that differs from the notice.",
        ),
        key(
            "models",
            Optional,
            list(&Kind::Id("a model"), 0, MAX_MODELS),
            "The automated models that are fed with it.",
        ),
    ],
};

pub(super) const SOURCE_SWITCH: Shape = Shape {
    what: "a source switch",
    name: "source-switch",
    keys: &[
        key(
            "fields",
            Required,
            list(&Kind::Pointer, 1, MAX_FIELDS),
            "What stops when the things are told so.",
        ),
        key(
            "topic",
            Required,
            Kind::Plain(MAX_TOPIC),
            "The MQTT topic of the command; {thing} stands for the identifier of the thing.",
        ),
        key(
            "off",
            Required,
            Kind::Plain(MAX_COMMAND),
            "The command that stops the measurement.",
        ),
        key(
            "on",
            Required,
            Kind::Plain(MAX_COMMAND),
            "The command that starts it again.",
        ),
        key(
            "slow",
            Optional,
            Kind::Plain(MAX_COMMAND),
            "The command that slows it down, for when only coarse levels may be had.",
        ),
        key(
            "confirm",
            Optional,
            Kind::Table(&CONFIRM),
            "What the thing says when it has obeyed.",
        ),
        key(
            "patience-seconds",
            Optional,
            Kind::Whole {
                least: 1,
                most: MAX_PATIENCE_SECONDS,
            },
            "How long a thing may take to obey; 60 unless said otherwise.",
        ),
    ],
};

const CONFIRM: Shape = Shape {
    what: "a confirmation",
    name: "confirm",
    keys: &[
        key(
            "field",
            Required,
            Kind::Pointer,
            "The declared field in which the thing says it.",
        ),
        key(
            "off",
            Required,
            Kind::Plain(MAX_WORD),
            "Its JSON text when the measurement is off.",
        ),
        key(
            "on",
            Required,
            Kind::Plain(MAX_WORD),
            "Its JSON text when the measurement is on.",
        ),
    ],
};
