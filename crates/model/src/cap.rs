//! Limits of the rulebook on what may pass anywhere.

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
