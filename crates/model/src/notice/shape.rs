//! The one table of what can stand in a notice file: the reader checks against it, the JSON Schema is written from it.

use super::words::Format;
use super::{
    MAX_COMMANDS, MAX_DECLARATIONS, MAX_FIELDS, MAX_MODELS, MAX_RECIPIENTS, MAX_SOURCE_SWITCHES,
};

mod commands;
mod fields;
mod uses;

use commands::COMMAND;
use fields::FIELD;
use uses::{DECLARATION, MODEL, PURPOSE, RECIPIENT, SOURCE_SWITCH};

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
/// The longest topic of a source switch or a command, in characters.
pub(crate) const MAX_TOPIC: usize = 256;
/// The longest payload of a source switch or a command, in characters.
pub(crate) const MAX_COMMAND: usize = 1_024;
/// The longest time that a thing is given to obey, in seconds.
pub(crate) const MAX_PATIENCE_SECONDS: i64 = 86_400;
/// How long a thing is given to obey, unless the notice says otherwise.
pub(crate) const DEFAULT_PATIENCE_SECONDS: u32 = 60;
/// How long a thing has peace after a command, unless the notice says otherwise, in seconds.
pub(crate) const DEFAULT_SECONDS_BETWEEN: u32 = 1;
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
    /// A moment (RFC 3339).
    Moment,
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

use Need::{Optional, Required};

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
            "Every automated model that is fed with fields, or works some out.",
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
        key(
            "commands",
            Optional,
            list(&Kind::Table(&COMMAND), 0, MAX_COMMANDS),
            "What its things can be told to do, by whom, and when that is refused.",
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
