//! The alliance's permission for a deployment to operate.

use std::fmt;

use crate::Timestamp;

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

/// A licence: its state by decision, and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Licence {
    /// The state that was decided.
    pub state: LicenceState,
    /// The first moment without licence; `None` while no end is set.
    pub until: Option<Timestamp>,
}

impl Licence {
    /// The state at `now`: an end date needs nobody to act on it.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> LicenceState {
        match (self.state, self.until) {
            (LicenceState::Active | LicenceState::Suspended, Some(until)) if until <= now => {
                LicenceState::Expired
            }
            (state, _) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_ends_at_its_moment_without_anybody_acting() {
        let end = Timestamp::from_millis(1_000);
        let licence = Licence {
            state: LicenceState::Active,
            until: Some(end),
        };
        assert_eq!(licence.state_at(end.plus_millis(-1)), LicenceState::Active);
        assert_eq!(licence.state_at(end), LicenceState::Expired);
        let suspended = Licence {
            state: LicenceState::Suspended,
            ..licence
        };
        assert_eq!(
            suspended.state_at(end),
            LicenceState::Expired,
            "it cannot be reinstated any more"
        );
        let revoked = Licence {
            state: LicenceState::Revoked,
            ..licence
        };
        assert_eq!(revoked.state_at(end), LicenceState::Revoked);
    }
}
