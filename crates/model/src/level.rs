//! How much of a field passes: a lattice from nothing to everything.

use std::fmt;

/// `off < coarse(1) < coarse(2) < … < on`: a higher level reveals more.
///
/// Coarse levels are numbered from the coarsest (1); the number points into
/// [`Field::coarse`](crate::Field::coarse). The order is total, so the meet of two levels is the smaller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// Nothing passes.
    pub const OFF: Self = Self(0);
    /// The value passes as it was measured.
    pub const ON: Self = Self(u8::MAX);
    /// The highest number of a coarse level.
    pub const MAX_COARSE: u8 = 8;

    /// The `number`-th coarse level, counted from 1, the coarsest. `None` outside `1..=MAX_COARSE`.
    #[must_use]
    pub const fn coarse(number: u8) -> Option<Self> {
        if number >= 1 && number <= Self::MAX_COARSE {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number of the coarse level, counted from 1; `None` for off and on.
    #[must_use]
    pub const fn coarse_number(self) -> Option<u8> {
        if self.0 == 0 || self.0 == u8::MAX {
            None
        } else {
            Some(self.0)
        }
    }

    /// The greatest level that reveals no more than either.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        self.min(other)
    }

    /// The least level that reveals no less than either.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }

    /// Reads `off`, `on` or `coarse-N`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::OFF),
            "on" => Some(Self::ON),
            _ => Self::coarse(text.strip_prefix("coarse-")?.parse().ok()?),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.coarse_number()) {
            (Self::OFF, _) => f.write_str("off"),
            (_, Some(number)) => write!(f, "coarse-{number}"),
            _ => f.write_str("on"),
        }
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level() -> impl Strategy<Value = Level> {
        prop_oneof![
            Just(Level::OFF),
            (1..=Level::MAX_COARSE).prop_map(|it| Level::coarse(it).unwrap()),
            Just(Level::ON),
        ]
    }

    proptest! {
        #[test]
        fn meet_is_a_lattice_meet(a in level(), b in level(), c in level()) {
            prop_assert_eq!(a.meet(b), b.meet(a));
            prop_assert_eq!(a.meet(b.meet(c)), a.meet(b).meet(c));
            prop_assert_eq!(a.meet(a), a);
            prop_assert_eq!(a.meet(Level::ON), a);
            prop_assert_eq!(a.meet(Level::OFF), Level::OFF);
            prop_assert_eq!(a.meet(a.join(b)), a);
            prop_assert!(a.meet(b) <= a && a.meet(b) <= b);
        }

        #[test]
        fn levels_read_back_as_written(a in level()) {
            prop_assert_eq!(Level::parse(&a.to_string()), Some(a));
        }
    }

    #[test]
    fn the_ends_are_not_coarse() {
        assert_eq!(Level::coarse(0), None);
        assert_eq!(Level::coarse(9), None);
        assert!(Level::OFF < Level::coarse(1).unwrap() && Level::coarse(8).unwrap() < Level::ON);
        assert_eq!(Level::parse("coarse-9"), None);
    }
}
