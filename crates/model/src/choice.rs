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

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Roles(u8);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);
    /// Every role.
    pub const ALL: Self = Self(0b111);

    /// The set with one role more.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | Self::bit(role))
    }

    /// Whether the role is in the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & Self::bit(role) != 0
    }

    /// Whether the sets have a role in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The roles in the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |it| self.contains(*it))
    }

    const fn bit(role: Role) -> u8 {
        match role {
            Role::Holder => 1,
            Role::Household => 2,
            Role::Occupant => 4,
        }
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<T: IntoIterator<Item = Role>>(roles: T) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Which person a thing senses, in which role, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The device.
    pub thing: ThingId,
    /// The person.
    pub person: PersonId,
    /// How they meet.
    pub role: Role,
    /// First moment at which the thing senses the person.
    pub valid_from: Timestamp,
    /// First moment at which it does not any more; `None` while no end is set.
    pub valid_until: Option<Timestamp>,
}

/// Where the readings of a person from one deployment go. What a law wants kept is kept in the vault all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Placement {
    /// Into the vault, as long as the notice says.
    #[default]
    Vault,
    /// To the person's own endpoint; in the vault only until it has taken them, at most for [`Placement::TRANSIT_DAYS`].
    OwnEndpoint,
    /// Nowhere: delivered to whom the person allows, and not kept.
    LiveOnly,
}

impl Placement {
    /// Every placement.
    pub const ALL: [Self; 3] = [Self::Vault, Self::OwnEndpoint, Self::LiveOnly];
    /// How long a reading waits for the person's own endpoint.
    pub const TRANSIT_DAYS: u16 = 1;

    /// The word that rows and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::OwnEndpoint => "own-endpoint",
            Self::LiveOnly => "live-only",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
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

    /// Reads the key back.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        match key.split_once(':')? {
            ("person", id) => PersonId::parse(id).ok().map(Self::Person),
            ("thing", id) => ThingId::parse(id).ok().map(Self::Thing),
            _ => None,
        }
    }
}
