//! Why a value passes as it does: what the policy engine says, and what pages, the API and the command line put into a sentence.

use crate::{
    CapTarget, Coarsening, LegalBasis, Level, LicenceState, Pointer, PurposeId, Retention, Text,
    Timestamp,
};

/// How much of a field passes to a recipient for a purpose, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The field.
    pub field: Pointer,
    /// How much passes.
    pub level: Level,
    /// What of it passes.
    pub shown: Shown,
    /// Why not more, or why at all.
    pub because: Because,
}

/// What of a value passes.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// What was measured.
    Exact,
    /// A name that this recipient alone knows, in place of what says who somebody is.
    CoverName,
    /// What this leaves of it.
    Coarse(Coarsening),
}

/// How many of the people whom a value tells about decided so, and whether the one who asks is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voices {
    /// Whether it is the one who asks.
    pub you: bool,
    /// How many, the one who asks included.
    pub count: usize,
    /// Of how many people whom the value tells about.
    pub of: usize,
}

/// What decided how much passes.
#[derive(Debug, Clone, PartialEq)]
pub enum Because {
    /// The notice declares it so, and nobody may have it less, or wants it less.
    Declared {
        /// On which basis.
        basis: LegalBasis,
        /// The law or reason behind the basis.
        source: Option<Text>,
        /// The people whom it tells about.
        people: Voices,
    },
    /// Somebody wants it less, and the law leaves no choice.
    Fixed {
        /// On which basis.
        basis: LegalBasis,
        /// The law or reason behind the basis.
        source: Option<Text>,
    },
    /// These people chose so.
    Chosen(Voices),
    /// It needs a yes, and these people have not said one. There may be nobody who could.
    NotConsented(Voices),
    /// The rulebook allows no more.
    Capped {
        /// Of what.
        target: CapTarget,
        /// For which purpose, where it is one.
        purpose: Option<PurposeId>,
    },
    /// Less was asked for than the least that the field can show.
    NoSuchLevel,
    /// The notice declares the field for no such recipient and purpose.
    NotDeclared,
    /// The recipient was given no access for this purpose.
    NoAccess,
    /// The recipient's access begins then.
    AccessFrom(Timestamp),
    /// The recipient's access ended then.
    AccessEnded(Timestamp),
    /// The deployment has no licence in force.
    Licence(LicenceState),
    /// The security desk has shut the thing off.
    Quarantined,
    /// The message was read under another notice.
    OtherNotice,
    /// The message does not have the field.
    Absent,
    /// A coarse level of the field cannot show this value, so it passes at none of them.
    CannotBeCoarsened,
    /// The value has another type than the notice says.
    WrongType,
    /// The value lies outside of what the notice says.
    OutOfRange,
    /// A model works the value out that is not in force yet.
    NotYet,
    /// The notice does not name the place.
    Unknown,
}

impl Because {
    /// The word that the API and the policy corpus use.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Declared { .. } => "notice",
            Self::Fixed { .. } => "fixed",
            Self::Chosen(_) => "choice",
            Self::NotConsented(_) => "no-consent",
            Self::Capped { .. } => "rulebook",
            Self::NoSuchLevel => "no-such-level",
            Self::NotDeclared => "undeclared",
            Self::NoAccess => "no-grant",
            Self::AccessFrom(_) => "grant-not-yet",
            Self::AccessEnded(_) => "grant-over",
            Self::Licence(_) => "licence",
            Self::Quarantined => "quarantine",
            Self::OtherNotice => "other-notice",
            Self::Absent => "absent",
            Self::CannotBeCoarsened => "not-coarsenable",
            Self::WrongType => "wrong-type",
            Self::OutOfRange => "out-of-range",
            Self::NotYet => "not-yet",
            Self::Unknown => "unknown",
        }
    }
}

/// A place in a message that was dropped, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// The place; a long one is cut.
    pub place: String,
    /// Why.
    pub because: Because,
}

/// What is kept of a field, how long, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFor {
    /// The field.
    pub field: Pointer,
    /// How much is kept.
    pub level: Level,
    /// What of it is kept.
    pub shown: Shown,
    /// How long.
    pub retention: Retention,
    /// Why.
    pub because: KeptBecause,
}

/// Why something is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum KeptBecause {
    /// The notice says so and people let it pass; they can have it kept elsewhere.
    AsChosen,
    /// A law or a vital interest wants it kept.
    ByLaw {
        /// On which basis.
        basis: LegalBasis,
        /// The law or reason behind the basis.
        source: Option<Text>,
    },
}
