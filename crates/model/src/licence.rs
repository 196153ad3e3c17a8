//! The alliance's permission for a deployment to operate.

use std::fmt;

/// The state of a deployment's licence. Only [`LicenceState::Active`] lets a message in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LicenceState {
    /// Never licensed.
    None,
    /// In force.
    Active,
    /// Stopped for a time, by a decision with a reason.
    Suspended,
    /// Taken away for good.
    Revoked,
    /// Its end date has passed.
    Expired,
}

impl LicenceState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Active,
        Self::Suspended,
        Self::Revoked,
        Self::Expired,
    ];

    /// The word that rows, entries and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    /// Whether messages of the deployment may come in.
    #[must_use]
    pub const fn in_force(self) -> bool {
        matches!(self, Self::Active)
    }
}

impl fmt::Display for LicenceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
