//! Limits of the rulebook on what may pass anywhere.

use std::fmt;

use crate::{Level, Pointer, PurposeId, Sensitivity};

/// A limit of the rulebook: what it names passes at `most` at this level.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cap {
    /// What is limited.
    pub target: CapTarget,
    /// For which purpose; for every purpose when `None`.
    pub purpose: Option<PurposeId>,
    /// The most that may pass.
    pub most: Level,
}

/// What a cap limits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CapTarget {
    /// Every field that is at least so sensitive.
    Sensitivity(Sensitivity),
    /// One field.
    Field(Pointer),
}

impl CapTarget {
    const SENSITIVITY: &'static str = "sensitivity";
    const FIELD: &'static str = "field";

    /// The word for what kind of thing is limited, as rows and forms use it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sensitivity(_) => Self::SENSITIVITY,
            Self::Field(_) => Self::FIELD,
        }
    }

    /// Which one of its kind.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Sensitivity(sensitivity) => sensitivity.as_str(),
            Self::Field(pointer) => pointer.as_str(),
        }
    }

    /// Reads kind and name back.
    #[must_use]
    pub fn parse(kind: &str, name: &str) -> Option<Self> {
        match kind {
            Self::SENSITIVITY => {
                let mut all = Sensitivity::ALL.iter();
                let found = all.find(|it| it.as_str() == name);
                found.copied().map(Self::Sensitivity)
            }
            Self::FIELD => Pointer::parse(name).ok().map(Self::Field),
            _ => None,
        }
    }
}

impl fmt::Display for CapTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sensitivity(sensitivity) => write!(f, "sensitivity {sensitivity}"),
            Self::Field(pointer) => write!(f, "field {pointer}"),
        }
    }
}
