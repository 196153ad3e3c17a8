//! The public declaration of a deployment: what is collected, why, for how long, who receives it, whom to ask.

use crate::{
    CommandName, DeploymentId, Level, MemberId, ModelId, Pointer, PurposeId, RecipientId, Roles,
    Text, Timestamp,
};

mod coarsening;
mod command;
mod diff;
mod dpv;
mod json;
mod json_ld;
mod json_schema;
mod parse;
mod shape;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub use coarsening::{Category, Coarsening, Group, Window};
pub use command::{
    Argument, ArgumentError, ArgumentKind, CommandConfirm, DeclaredCommand, FilledCommand,
    Interlock, MAX_ARGUMENT_NUMBER, MAX_ARGUMENT_WORD, MAX_ARGUMENT_WORDS, MAX_ARGUMENTS,
    MAX_COMMANDS, MAX_EXPIRES_SECONDS, MAX_INTERLOCKS,
};
pub use diff::{Change, ChangeEffect, Changed, notice_diff};
pub use json_ld::notice_context;
pub use parse::{NoticeError, Problem};
pub use words::{Chamber, DataType, FieldKind, Format, LegalBasis, Party, Sensitivity, Statistic};

/// The largest notice file, in bytes.
pub const MAX_NOTICE_BYTES: usize = 256 * 1024;
/// The most fields of one notice.
pub const MAX_FIELDS: usize = 256;
/// The most recipients of one notice.
pub const MAX_RECIPIENTS: usize = 64;
/// The most declarations of one notice.
pub const MAX_DECLARATIONS: usize = 512;
/// The most automated models of one notice.
pub const MAX_MODELS: usize = 32;
/// The most source switches of one notice.
pub const MAX_SOURCE_SWITCHES: usize = 32;
/// The highest array position that a field can name.
pub const MAX_ARRAY_POSITION: usize = 1023;

/// A value in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its place in the message. A part `*` stands for every position of an array.
    pub pointer: Pointer,
    /// What people call it.
    pub title: Text,
    /// Its type; a value of another type is treated as undeclared.
    pub kind: FieldKind,
    /// Its unit (UCUM or SenML name), if it has one.
    pub unit: Option<String>,
    /// The values that it can have; a number outside is treated as undeclared.
    pub range: Option<Range>,
    /// How much it tells about a person.
    pub sensitivity: Sensitivity,
    /// What kind of data it is, where the notice says so.
    pub data: Option<DataType>,
    /// The roles of the people whom it tells about; only their choices count, and it is kept for them alone.
    pub about: Roles,
    /// Whether it says by itself that somebody is there: true, or a number above zero.
    pub tells_presence: bool,
    /// The automated model that works its values out, where they are not measured.
    pub made_by: Option<ModelId>,
    /// The coarse levels, coarsest first: `Level::coarse(1)` is the first. At most [`Level::MAX_COARSE`].
    pub coarse: Vec<Coarsening>,
}

/// From the least to the greatest value, both included. At least one end is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
}

impl Range {
    /// Whether a value lies in the range.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        self.min.is_none_or(|it| it <= value) && self.max.is_none_or(|it| value <= it)
    }
}

/// Why fields are processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Its name in topics and choices.
    pub id: PurposeId,
    /// The W3C DPV purpose that it is an instance of, such as `dpv:PublicBenefit`.
    pub dpv: String,
    /// What people call it.
    pub title: Text,
    /// Why, in a sentence.
    pub why: Text,
}

/// A party that receives fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Its name in topics, choices and receipts.
    pub id: RecipientId,
    /// What people call it.
    pub title: Text,
    /// Under which terms it receives.
    pub terms: Text,
    /// How it stands to the accountable member.
    pub party: Party,
    /// The country where it processes (ISO 3166-1 alpha-2), where that is not the country of the deployment.
    pub country: Option<String>,
}

/// An automated model: it is fed with fields, or works some out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name in declarations.
    pub id: ModelId,
    /// What people call it.
    pub title: Text,
    /// What it works out or decides about people.
    pub decides: Text,
    /// Which version of it. Notices of before this was asked for have none.
    pub version: Option<String>,
    /// From when on this version is at work. Notices of before this was asked for do not say.
    pub in_force: Option<Timestamp>,
    /// The version that is at work until then, where there is one.
    pub version_before: Option<String>,
}

impl Model {
    /// The version that is at work at a moment; `None` while there is none yet. A model without a version has an empty one.
    #[must_use]
    pub fn version_at(&self, now: Timestamp) -> Option<&str> {
        match self.in_force {
            Some(at) if at > now => self.version_before.as_deref(),
            _ => Some(self.version.as_deref().unwrap_or_default()),
        }
    }
}

/// Where a deployment is, in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Latitude, -90 to 90.
    pub lat: f64,
    /// Longitude, -180 to 180.
    pub lon: f64,
}

/// How the things of a deployment are told to stop measuring, in the product's own words.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSwitch {
    /// What stops when the things are told so. The command is sent when nobody may have any of these fields.
    pub fields: Vec<Pointer>,
    /// The MQTT topic of the command; `{thing}` stands for the identifier of the thing.
    pub topic: String,
    /// The command that stops the measurement.
    pub off: String,
    /// The command that starts it again.
    pub on: String,
    /// The command that slows it down; sent instead of `off` while all that may be had of the fields is coarse.
    pub slow: Option<String>,
    /// What the thing says when it has obeyed; without it, it is watched whether the fields still come.
    pub confirm: Option<Confirm>,
    /// How long a thing may take to obey, in seconds.
    pub patience_seconds: u32,
}

/// A declared field in which a thing says how it is switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// The field.
    pub field: Pointer,
    /// Its JSON text when the measurement is off.
    pub off: String,
    /// Its JSON text when the measurement is on.
    pub on: String,
}

/// How long a field is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Retention {
    days: u16,
}

impl Retention {
    /// Not kept at all: delivered live, never stored.
    pub const LIVE_ONLY: Self = Self { days: 0 };

    /// From whole days; 0 means live only.
    #[must_use]
    pub const fn from_days(days: u16) -> Self {
        Self { days }
    }

    /// Whole days; 0 means live only.
    #[must_use]
    pub const fn as_days(self) -> u16 {
        self.days
    }
}

/// Field × purpose × legal basis × recipients × retention × precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Which fields.
    pub fields: Vec<Pointer>,
    /// For which purpose.
    pub purpose: PurposeId,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The law or reason behind the basis; required where a person cannot choose.
    pub source: Option<Text>,
    /// Who receives them.
    pub recipients: Vec<RecipientId>,
    /// How long they are kept.
    pub retention: Retention,
    /// The most that may pass. Where a field has no such coarse level, nothing passes.
    pub precision: Level,
    /// Where this is stored, where that differs from the notice.
    pub stored_in: Option<Text>,
    /// The automated models that are fed with it.
    pub models: Vec<ModelId>,
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The office.
    pub name: Text,
    /// Its mail address.
    pub email: String,
    /// Its telephone number, in international form.
    pub phone: String,
}

/// The public declaration of a deployment. Built only by [`Notice::parse`]: what it names exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Counted from 1; each published change is a new version.
    pub version: u32,
    /// The accountable member.
    pub controller: MemberId,
    /// What people call the deployment.
    pub title: Text,
    /// What it does, in two sentences.
    pub summary: Text,
    /// Where it is.
    pub place: Text,
    /// Where the data is stored.
    pub stored_in: Text,
    /// Whom to ask.
    pub contact: Contact,
    /// Whether people nearby who are no users may be sensed, and how.
    pub bystanders: Option<Text>,
    /// The field that identifies a person (card number, plate); `None` where people are assigned or not sensed.
    pub subject_field: Option<Pointer>,
    /// What its messages are written in.
    pub format: Format,
    /// Where it is on a map, for those who look for what senses them nearby.
    pub position: Option<Position>,
    /// Every field that may come in.
    pub fields: Vec<Field>,
    /// Every purpose.
    pub purposes: Vec<Purpose>,
    /// Every recipient.
    pub recipients: Vec<Recipient>,
    /// What is done with which field.
    pub declarations: Vec<Declaration>,
    /// Every automated model that is fed.
    pub models: Vec<Model>,
    /// How its things are told to stop measuring.
    pub source_switches: Vec<SourceSwitch>,
    /// What its things can be told to do.
    pub commands: Vec<DeclaredCommand>,
}

/// A notice that was published once, read by the rules of today.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedNotice {
    /// What it declares in words of today; never more than its text does.
    pub notice: Notice,
    /// Everything in its text that a new notice may not have; empty for most.
    pub problems: Vec<Problem>,
    /// Whether something of it was left out because nobody can say what it means: nothing passes by that.
    pub is_cut: bool,
}

impl Notice {
    /// Reads a notice file (TOML, or JSON of the same shape) and reports every problem at once.
    ///
    /// # Errors
    /// [`NoticeError`] with all problems found, each with its line and a remedy.
    pub fn parse(text: &str) -> Result<Self, NoticeError> {
        parse::parse(text)
    }

    /// Reads a notice that was accepted once. Rules that were added since do not keep it from being read: what only its form is
    /// wrong with is read as it stands, and what cannot be understood is left out, so that nothing passes by it.
    /// For what is published anew there is [`Notice::parse`].
    ///
    /// # Errors
    /// [`NoticeError`] when the text is no file any more, or does not say of which deployment, version and member it is.
    pub fn parse_published(text: &str) -> Result<PublishedNotice, NoticeError> {
        parse::parse_published(text)
    }

    /// The notice as a JSON file. Reading it gives the same notice.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::to_json(self)
    }

    /// The notice as a TOML file. Reading it gives the same notice.
    #[must_use]
    pub fn to_toml(&self) -> String {
        write::to_toml(self)
    }

    /// The notice as linked data (JSON-LD 1.1) in the terms of the W3C Data Privacy Vocabulary, with its atomic dataflows
    /// in the terms of the IETF privacy preference declaration taxonomy. `site` is the address under which people reach it.
    #[must_use]
    pub fn to_json_ld(&self, site: &str) -> String {
        json_ld::to_json_ld(self, site)
    }

    /// The field at `pointer`.
    #[must_use]
    pub fn field(&self, pointer: &Pointer) -> Option<&Field> {
        self.fields.iter().find(|it| it.pointer == *pointer)
    }

    /// The field that means this place of a message, which is named by positions where it lies in a list.
    #[must_use]
    pub fn field_at(&self, place: &str) -> Option<&Field> {
        self.fields.iter().find(|it| it.pointer.covers(place))
    }

    /// The purpose named `id`.
    #[must_use]
    pub fn purpose(&self, id: &PurposeId) -> Option<&Purpose> {
        self.purposes.iter().find(|it| it.id == *id)
    }

    /// The command named `id`.
    #[must_use]
    pub fn command(&self, id: &CommandName) -> Option<&DeclaredCommand> {
        self.commands.iter().find(|it| it.id == *id)
    }

    /// The recipient named `id`.
    #[must_use]
    pub fn recipient(&self, id: &RecipientId) -> Option<&Recipient> {
        self.recipients.iter().find(|it| it.id == *id)
    }
}

/// The JSON Schema (2020-12) of notice files.
#[must_use]
pub fn notice_schema() -> String {
    json_schema::json_schema()
}
