//! What people decide, and who receives under it.

use crate::{DeploymentId, Level, PersonId, Pointer, PurposeId, RecipientId, ThingId, Timestamp};

/// A person's decision on one field × purpose × recipient of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Who decided.
    pub person: PersonId,
    /// For which deployment.
    pub deployment: DeploymentId,
    /// For which field.
    pub field: Pointer,
    /// For which purpose.
    pub purpose: PurposeId,
    /// For which recipient.
    pub recipient: RecipientId,
    /// How much passes.
    pub level: Level,
}

/// In which role a thing senses a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Carries or owns the thing.
    Holder,
    /// Lives where the thing is.
    Household,
    /// Is there for a time.
    Occupant,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Holder, Self::Household, Self::Occupant];

    /// The word that rows and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Household => "household",
            Self::Occupant => "occupant",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// Which person a thing senses, in which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The device.
    pub thing: ThingId,
    /// The person.
    pub person: PersonId,
    /// How they meet.
    pub role: Role,
}

/// A recipient's purpose-bound access to a deployment, checked at the moment of each decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who receives.
    pub recipient: RecipientId,
    /// Why.
    pub purpose: PurposeId,
    /// From which deployment.
    pub deployment: DeploymentId,
    /// First moment of access.
    pub valid_from: Timestamp,
    /// First moment without access; `None` while no end is set.
    pub valid_until: Option<Timestamp>,
}

/// Under whose key a reading is sealed: a person, or a thing that senses no person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A natural person.
    Person(PersonId),
    /// A thing without persons.
    Thing(ThingId),
}

impl Subject {
    /// A text that names the subject in rows: `person:…` or `thing:…`.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Person(person) => format!("person:{person}"),
            Self::Thing(thing) => format!("thing:{thing}"),
        }
    }
}
