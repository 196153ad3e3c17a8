//! What a release costs, and how much may be spent.

use std::fmt;

/// Millionths in one ε.
const MICRO: u64 = 1_000_000;

/// How much a release tells about anybody: ε of differential privacy, in millionths, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epsilon(u64);

/// A text that is no ε.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an epsilon is a decimal number from 0.000001 to {max} with at most six decimal places, such as 0.5", max = Epsilon::MAX)]
pub struct EpsilonError;

impl Epsilon {
    /// Nothing told.
    pub const ZERO: Self = Self(0);
    /// The most that one release may cost and one budget may hold. Beyond ten the promise means nothing.
    pub const MAX: Self = Self(10 * MICRO);

    /// From millionths; `None` above [`Epsilon::MAX`].
    #[must_use]
    pub const fn from_micro(micro: u64) -> Option<Self> {
        if micro > Self::MAX.0 {
            return None;
        }
        Some(Self(micro))
    }

    /// In millionths.
    #[must_use]
    pub const fn as_micro(self) -> u64 {
        self.0
    }

    /// Reads a decimal number above zero.
    ///
    /// # Errors
    /// When it is none, is too large, or has more than six decimal places.
    pub fn parse(text: &str) -> Result<Self, EpsilonError> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
        if !digits(whole) || !digits(places) || whole.len() > 2 || places.len() > 6 {
            return Err(EpsilonError);
        }
        let number = format!("{whole}{places:0<6}");
        let micro = number.parse().map_err(|_| EpsilonError)?;
        Self::from_micro(micro)
            .filter(|it| *it > Self::ZERO)
            .ok_or(EpsilonError)
    }

    /// Two halves that sum up to it; the first is rounded down.
    #[must_use]
    pub const fn halves(self) -> (Self, Self) {
        (Self(self.0 / 2), Self(self.0 - self.0 / 2))
    }
}

impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / MICRO, self.0 % MICRO);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// What was spent of what may be spent: of one data set, or on what one person gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    total: Epsilon,
    spent: Epsilon,
}

/// A release would cost more than is left. Nothing was released and nothing spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this figure costs {asked}, and {left} of {total} is left: ask for fewer figures or a smaller epsilon"
)]
pub struct Overrun {
    /// What the release would cost.
    pub asked: Epsilon,
    /// What is left.
    pub left: Epsilon,
    /// What there was.
    pub total: Epsilon,
}

impl Budget {
    /// A budget of which this much is spent; what was overspent under an earlier, larger total counts as all of it.
    #[must_use]
    pub fn new(total: Epsilon, spent: Epsilon) -> Self {
        Self { total, spent }
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Epsilon {
        Epsilon(self.total.0.saturating_sub(self.spent.0))
    }

    /// What was spent.
    #[must_use]
    pub fn spent(&self) -> Epsilon {
        self.spent
    }

    /// The budget after a release.
    ///
    /// # Errors
    /// When less is left than it costs.
    pub fn spend(self, asked: Epsilon) -> Result<Self, Overrun> {
        let left = self.left();
        if asked > left {
            return Err(Overrun {
                asked,
                left,
                total: self.total,
            });
        }
        Ok(Self {
            spent: Epsilon(self.spent.0 + asked.0),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_epsilon_is_read_and_written_exactly() {
        for (text, micro) in [
            ("0.5", 500_000),
            ("1", MICRO),
            ("0.000001", 1),
            ("10", 10 * MICRO),
        ] {
            let epsilon = Epsilon::parse(text).unwrap();
            assert_eq!(
                (epsilon.as_micro(), epsilon.to_string()),
                (micro, text.to_owned())
            );
        }
        for text in [
            "",
            "0",
            "0.0",
            "10.000001",
            "0.0000001",
            "-1",
            "1e3",
            ".5",
            "1.",
            "1 ",
            "٣",
        ] {
            assert_eq!(Epsilon::parse(text), Err(EpsilonError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_order_of_releases_spends_more_than_there_is(
            total in 0..=10 * MICRO,
            asked in proptest::collection::vec(0..=10 * MICRO, 0..40),
        ) {
            let total = Epsilon(total);
            let mut budget = Budget::new(total, Epsilon::ZERO);
            let mut released = 0;
            for asked in asked.into_iter().map(Epsilon) {
                match budget.spend(asked) {
                    Ok(next) => {
                        released += asked.0;
                        budget = next;
                    }
                    Err(refused) => prop_assert_eq!((refused.asked, refused.left), (asked, budget.left())),
                }
            }
            prop_assert!(released <= total.0);
            prop_assert_eq!(budget.spent().0, released);
        }
    }

    #[test]
    fn a_total_that_was_lowered_leaves_nothing() {
        let budget = Budget::new(Epsilon(1), Epsilon(5));
        assert_eq!(budget.left(), Epsilon::ZERO);
        assert!(budget.spend(Epsilon(1)).is_err());
    }
}
