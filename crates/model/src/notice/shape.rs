//! The one table of what can stand in a notice file: the reader checks against it, the JSON Schema is written from it.

use super::words::{DataType, FieldKind, Format, LegalBasis, Party, Sensitivity, Statistic};
use super::{
    MAX_DECLARATIONS, MAX_FIELDS, MAX_MODELS, MAX_RECIPIENTS, MAX_SOURCE_SWITCHES, Window,
};
use crate::{Level, Role};

/// The most purposes of one notice.
pub(crate) const MAX_PURPOSES: usize = 64;
/// The longest name that people read, in characters.
pub(crate) const MAX_TITLE: usize = 200;
/// The longest text that people read, in characters.
pub(crate) const MAX_TEXT: usize = 2_000;
/// The longest unit, label, mail address or telephone number, in characters.
pub(crate) const MAX_WORD: usize = 128;
/// The most bounds of a bucket.
pub(crate) const MAX_BOUNDS: usize = 64;
/// The most groups of a category.
pub(crate) const MAX_GROUPS: usize = 64;
/// The most members of a group.
pub(crate) const MAX_MEMBERS: usize = 256;
/// The longest topic of a source switch, in characters.
pub(crate) const MAX_TOPIC: usize = 256;
/// The longest command of a source switch, in characters.
pub(crate) const MAX_COMMAND: usize = 1_024;
/// The longest time that a thing is given to obey, in seconds.
pub(crate) const MAX_PATIENCE_SECONDS: i64 = 86_400;
/// How long a thing is given to obey, unless the notice says otherwise.
pub(crate) const DEFAULT_PATIENCE_SECONDS: u32 = 60;
/// The most values after which a window shows something.
pub(crate) const MAX_LEAST: i64 = 1_000_000;

/// What a table may hold.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What it is: `a field`.
    pub(crate) what: &'static str,
    /// Its name in the JSON Schema.
    pub(crate) name: &'static str,
    /// Its keys, in the order in which they are written.
    pub(crate) keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) kind: Kind,
    /// What it says, in a sentence.
    pub(crate) about: &'static str,
}

/// Whether a key must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must.
    Required,
    /// It may.
    Optional,
    /// Exactly one of all keys of this kind must.
    OneOf,
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Kind {
    /// An identifier, and of what.
    Id(&'static str),
    /// A text in every language, of at most so many characters.
    Bilingual(usize),
    /// A text of at most so many characters, not empty.
    Plain(usize),
    /// The same, but it may be empty.
    Maybe(usize),
    /// A word of a closed list.
    Word {
        /// What the word is.
        what: &'static str,
        /// Every word.
        all: fn() -> Vec<&'static str>,
    },
    /// A JSON Pointer.
    Pointer,
    /// `on` or `coarse-N`.
    Level,
    /// A finite number.
    Real { least: f64, most: f64 },
    /// A whole number.
    Whole { least: i64, most: i64 },
    /// `true`, and nothing else.
    True,
    /// A table.
    Table(&'static Shape),
    /// A list.
    List {
        /// Of what.
        of: &'static Kind,
        least: usize,
        most: usize,
    },
}

impl Shape {
    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|it| it.name == name)
    }
}

const fn key(name: &'static str, need: Need, kind: Kind, about: &'static str) -> Key {
    Key {
        name,
        need,
        kind,
        about,
    }
}

const fn list(of: &'static Kind, least: usize, most: usize) -> Kind {
    Kind::List { of, least, most }
}

const ANY_NUMBER: Kind = Kind::Real {
    least: f64::MIN,
    most: f64::MAX,
};
const ABOVE_ZERO: Kind = Kind::Real {
    least: f64::MIN_POSITIVE,
    most: f64::MAX,
};

use Need::{OneOf, Optional, Required};

/// A whole notice.
pub(crate) const NOTICE: Shape = Shape {
    what: "the notice",
    name: "notice",
    keys: &[
        key(
            "deployment",
            Required,
            Kind::Id("a deployment"),
            "The deployment's identifier.",
        ),
        key(
            "version",
            Required,
            Kind::Whole {
                least: 1,
                most: u32::MAX as i64,
            },
            "Counted from 1; each published change is a new version.",
        ),
        key(
            "controller",
            Required,
            Kind::Id("a member"),
            "The member of the alliance that answers for the deployment.",
        ),
        key(
            "title",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "What people call the deployment.",
        ),
        key(
            "summary",
            Required,
            Kind::Bilingual(MAX_TEXT),
            "What it does, in two sentences.",
        ),
        key(
            "place",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "Where it is, in words.",
        ),
        key(
            "stored-in",
            Required,
            Kind::Bilingual(MAX_TEXT),
            "Where the data is stored.",
        ),
        key(
            "bystanders",
            Optional,
            Kind::Bilingual(MAX_TEXT),
            "Whether people nearby who are no users may be sensed, and how.",
        ),
        key(
            "subject-field",
            Optional,
            Kind::Pointer,
            "The field that identifies a person, such as a card number.",
        ),
        key(
            "format",
            Optional,
            Kind::Word {
                what: "a format",
                all: || Format::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "What its messages are written in; json unless said otherwise.",
        ),
        key(
            "position",
            Optional,
            Kind::Table(&POSITION),
            "Where it is on a map.",
        ),
        key("contact", Required, Kind::Table(&CONTACT), "Whom to ask."),
        key(
            "fields",
            Required,
            list(&Kind::Table(&FIELD), 1, MAX_FIELDS),
            "Every field that may come in.",
        ),
        key(
            "purposes",
            Required,
            list(&Kind::Table(&PURPOSE), 1, MAX_PURPOSES),
            "Every purpose.",
        ),
        key(
            "recipients",
            Required,
            list(&Kind::Table(&RECIPIENT), 1, MAX_RECIPIENTS),
            "Every recipient.",
        ),
        key(
            "models",
            Optional,
            list(&Kind::Table(&MODEL), 0, MAX_MODELS),
            "Every automated model that is fed with fields.",
        ),
        key(
            "declarations",
            Required,
            list(&Kind::Table(&DECLARATION), 1, MAX_DECLARATIONS),
            "What is done with which field.",
        ),
        key(
            "source-switches",
            Optional,
            list(&Kind::Table(&SOURCE_SWITCH), 0, MAX_SOURCE_SWITCHES),
            "How its things are told to stop measuring.",
        ),
    ],
};

const POSITION: Shape = Shape {
    what: "the position",
    name: "position",
    keys: &[
        key(
            "lat",
            Required,
            Kind::Real {
                least: -90.0,
                most: 90.0,
            },
            "Latitude in degrees (WGS 84).",
        ),
        key(
            "lon",
            Required,
            Kind::Real {
                least: -180.0,
                most: 180.0,
            },
            "Longitude in degrees (WGS 84).",
        ),
    ],
};

const CONTACT: Shape = Shape {
    what: "the contact",
    name: "contact",
    keys: &[
        key("name", Required, Kind::Bilingual(MAX_TITLE), "The office."),
        key(
            "email",
            Required,
            Kind::Plain(MAX_WORD),
            "Its mail address.",
        ),
        key(
            "phone",
            Required,
            Kind::Plain(MAX_WORD),
            "Its telephone number, in international form.",
        ),
    ],
};

pub(crate) const FIELD: Shape = Shape {
    what: "a field",
    name: "field",
    keys: &[
        key(
            "pointer",
            OneOf,
            Kind::Pointer,
            "Its place in the message, as a JSON Pointer (RFC 6901); a part `*` stands for every position of an array.",
        ),
        key(
            "senml",
            OneOf,
            Kind::Plain(MAX_WORD),
            "Its SenML name (RFC 8428), where the format is SenML.",
        ),
        key(
            "title",
            Required,
            Kind::Bilingual(MAX_TITLE),
            "What people call it.",
        ),
        key(
            "kind",
            Required,
            Kind::Word {
                what: "a type of field",
                all: || FieldKind::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "The type of its values; a value of another type is treated as undeclared.",
        ),
        key(
            "unit",
            Optional,
            Kind::Plain(MAX_WORD),
            "Its unit, as a UCUM or SenML name.",
        ),
        key(
            "range",
            Optional,
            Kind::Table(&RANGE),
            "The values that it can have; a number outside is treated as undeclared.",
        ),
        key(
            "sensitivity",
            Required,
            Kind::Word {
                what: "a sensitivity",
                all: || Sensitivity::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "How much it tells about a person.",
        ),
        key(
            "data",
            Optional,
            Kind::Word {
                what: "a kind of data",
                all: || DataType::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "What kind of data it is, in the core terms of the IETF taxonomy.",
        ),
        key(
            "about",
            Optional,
            list(
                &Kind::Word {
                    what: "a role",
                    all: || Role::ALL.iter().map(|it| it.as_str()).collect(),
                },
                1,
                Role::ALL.len(),
            ),
            "The roles of the people whom it tells about; all roles unless said otherwise.",
        ),
        key(
            "coarse",
            Optional,
            list(&Kind::Table(&COARSENING), 0, Level::MAX_COARSE as usize),
            "The coarse levels, coarsest first.",
        ),
    ],
};

const RANGE: Shape = Shape {
    what: "a range",
    name: "range",
    keys: &[
        key("min", Optional, ANY_NUMBER, "The least value."),
        key("max", Optional, ANY_NUMBER, "The greatest value."),
    ],
};

const COARSENING: Shape = Shape {
    what: "a coarse level",
    name: "coarsening",
    keys: &[
        key(
            "round",
            OneOf,
            ABOVE_ZERO,
            "The nearest multiple of this step.",
        ),
        key(
            "grid",
            OneOf,
            Kind::Real {
                least: f64::MIN_POSITIVE,
                most: 90.0,
            },
            "The middle of a cell of this size, in degrees.",
        ),
        key(
            "bucket",
            OneOf,
            list(&ANY_NUMBER, 1, MAX_BOUNDS),
            "The lower bound of the bucket; bounds ascend.",
        ),
        key(
            "geohash",
            OneOf,
            Kind::Whole { least: 1, most: 8 },
            "The geohash cell of so many characters.",
        ),
        key(
            "threshold",
            OneOf,
            ANY_NUMBER,
            "Only whether the value is at or above this.",
        ),
        key(
            "category",
            OneOf,
            Kind::Table(&CATEGORY),
            "The broader word for the value.",
        ),
        key(
            "window",
            OneOf,
            Kind::Table(&WINDOW),
            "A statistic over a span of time, once it is over.",
        ),
        key(
            "presence",
            OneOf,
            Kind::True,
            "Only that there was a value.",
        ),
    ],
};

const CATEGORY: Shape = Shape {
    what: "a category",
    name: "category",
    keys: &[
        key(
            "groups",
            Required,
            list(&Kind::Table(&GROUP), 1, MAX_GROUPS),
            "The groups; no member stands in two.",
        ),
        key(
            "otherwise",
            Optional,
            Kind::Plain(MAX_WORD),
            "The word for every other text; without it, other texts do not pass.",
        ),
    ],
};

const GROUP: Shape = Shape {
    what: "a group",
    name: "group",
    keys: &[
        key(
            "label",
            Required,
            Kind::Plain(MAX_WORD),
            "The broader word.",
        ),
        key(
            "members",
            Required,
            list(&Kind::Maybe(MAX_WORD), 1, MAX_MEMBERS),
            "The texts that it stands for.",
        ),
    ],
};

const WINDOW: Shape = Shape {
    what: "a window",
    name: "window",
    keys: &[
        key(
            "seconds",
            Required,
            Kind::Whole {
                least: Window::MIN_SECONDS as i64,
                most: Window::MAX_SECONDS as i64,
            },
            "Its length in seconds.",
        ),
        key(
            "of",
            Required,
            Kind::Word {
                what: "a statistic",
                all: || Statistic::ALL.iter().map(|it| it.as_str()).collect(),
            },
            "What is shown of the values in it.",
        ),
        key(
            "least",
            Optional,
            Kind::Whole {
                least: 1,
                most: MAX_LEAST,
            },
            "The fewest values for which something is shown: 2 unless said otherwise, 1 for a count.",
        ),
    ],
};

pub(crate) const PURPOSE: Shape = Shape {
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

pub(crate) const RECIPIENT: Shape = Shape {
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

pub(crate) const MODEL: Shape = Shape {
    what: "a model",
    name: "model",
    keys: &[
        key(
            "id",
            Required,
            Kind::Id("a model"),
            "Its name in declarations.",
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
    ],
};

pub(crate) const DECLARATION: Shape = Shape {
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

const SOURCE_SWITCH: Shape = Shape {
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
