//! The public declaration of a deployment: what is collected, why, for how long, who receives it, whom to ask.

use std::fmt;

use crate::{DeploymentId, Level, MemberId, Pointer, PurposeId, RecipientId, Text};

mod parse;
#[cfg(test)]
mod tests;

pub use parse::{NoticeError, Problem};

/// The largest notice file, in bytes.
pub const MAX_NOTICE_BYTES: usize = 256 * 1024;
/// The most fields of one notice.
pub const MAX_FIELDS: usize = 256;
/// The most recipients of one notice.
pub const MAX_RECIPIENTS: usize = 64;
/// The most declarations of one notice.
pub const MAX_DECLARATIONS: usize = 512;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in notices, rows and entries.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads the word back.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// A kind of member; each member is in exactly one.
    Chamber {
        /// Ministries, regulators, cities.
        Government = "government",
        /// Universities and schools.
        Academia = "academia",
        /// Vendors and operators.
        Vendors = "vendors",
        /// Startups and small and medium enterprises.
        Startups = "startups",
        /// Non-governmental organisations.
        Ngos = "ngos",
        /// Communities of people who live with the devices.
        Communities = "communities",
    }
}

words! {
    /// Why processing is lawful, and with it what a person may choose.
    LegalBasis {
        /// Off until the person chooses.
        Consent = "consent",
        /// On; the person can object.
        Contract = "contract",
        /// On; the person can object.
        LegitimateInterest = "legitimate-interest",
        /// On; the person can object.
        PublicTask = "public-task",
        /// Cannot be turned off; the notice names the law.
        LegalObligation = "legal-obligation",
        /// Cannot be turned off; the notice names the reason.
        VitalInterest = "vital-interest",
    }
}

impl LegalBasis {
    /// The level before the person has chosen anything.
    #[must_use]
    pub const fn default_level(self) -> Level {
        match self {
            Self::Consent => Level::OFF,
            _ => Level::ON,
        }
    }

    /// Whether a choice of the person counts.
    #[must_use]
    pub const fn can_choose(self) -> bool {
        !matches!(self, Self::LegalObligation | Self::VitalInterest)
    }
}

words! {
    /// The type of a field's value.
    FieldKind {
        /// A JSON number.
        Number = "number",
        /// A JSON string.
        Text = "text",
        /// `true` or `false`.
        Boolean = "boolean",
    }
}

words! {
    /// How much a field tells about a person.
    Sensitivity {
        /// Nothing.
        None = "none",
        /// Little on its own.
        Low = "low",
        /// Habits.
        Medium = "medium",
        /// Where, who, when at home.
        High = "high",
        /// Health, belief, intimacy.
        VeryHigh = "very-high",
    }
}

/// One way to make a value less precise.
#[derive(Debug, Clone, PartialEq)]
pub enum Coarsening {
    /// Numbers: the nearest multiple of the step (finite, above zero). Accuracy: ± half the step.
    Round(f64),
    /// Coordinates in degrees: the middle of a grid cell of this size. Accuracy: ± half the cell.
    Grid(f64),
    /// Numbers: the lower bound of the bucket that holds the value. Bounds ascend.
    Bucket(Vec<f64>),
    /// Anything: only that there was a value (`true`).
    Presence,
}

impl Coarsening {
    /// Whether this shows no more of any value than `other`. `false` also when the two cannot be compared.
    #[must_use]
    pub fn is_no_finer_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Presence, _) => true,
            (Self::Round(step), Self::Round(other)) => is_multiple(*step, *other),
            (Self::Grid(cell), Self::Grid(other)) => is_multiple(*cell, *other),
            (Self::Bucket(bounds), Self::Bucket(other)) => {
                bounds.iter().all(|it| other.contains(it))
            }
            _ => false,
        }
    }
}

/// Whether `step` is a whole multiple of `other`: only then does rounding to it tell nothing that rounding to `other` hides.
fn is_multiple(step: f64, other: f64) -> bool {
    let times = step / other;
    times >= 1.0 && (times - times.round()).abs() < 1e-9
}

/// A value in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its place in the message.
    pub pointer: Pointer,
    /// What people call it.
    pub title: Text,
    /// Its type; a value of another type is treated as undeclared.
    pub kind: FieldKind,
    /// Its unit (UCUM or SenML name), if it has one.
    pub unit: Option<String>,
    /// How much it tells about a person.
    pub sensitivity: Sensitivity,
    /// The coarse levels, coarsest first: `Level::coarse(1)` is the first. At most [`Level::MAX_COARSE`].
    pub coarse: Vec<Coarsening>,
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
    /// Every field that may come in.
    pub fields: Vec<Field>,
    /// Every purpose.
    pub purposes: Vec<Purpose>,
    /// Every recipient.
    pub recipients: Vec<Recipient>,
    /// What is done with which field.
    pub declarations: Vec<Declaration>,
}

impl Notice {
    /// Reads a notice file (TOML) and reports every problem at once.
    ///
    /// # Errors
    /// [`NoticeError`] with all problems found, each with its line and a remedy.
    pub fn parse(text: &str) -> Result<Self, NoticeError> {
        parse::parse(text)
    }

    /// The field at `pointer`.
    #[must_use]
    pub fn field(&self, pointer: &Pointer) -> Option<&Field> {
        self.fields.iter().find(|it| it.pointer == *pointer)
    }

    /// The purpose named `id`.
    #[must_use]
    pub fn purpose(&self, id: &PurposeId) -> Option<&Purpose> {
        self.purposes.iter().find(|it| it.id == *id)
    }

    /// The recipient named `id`.
    #[must_use]
    pub fn recipient(&self, id: &RecipientId) -> Option<&Recipient> {
        self.recipients.iter().find(|it| it.id == *id)
    }
}
