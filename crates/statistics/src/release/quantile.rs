//! Quantiles, from candidates that were declared before.

use crate::budget::Epsilon;
use crate::noise::{Fraction, Randomness, RandomnessError, exponential_coin, uniform};

/// The most candidates of a quantile.
pub const MAX_CANDIDATES: u64 = 10_000;
/// The largest denominator of a quantile.
const MAX_PARTS: u64 = 1_000;

/// Which quantile: `parts` of `of`, such as 1 of 2 for the median, 95 of 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantile {
    parts: u64,
    of: u64,
}

/// The candidates: steps that begin at `first`, `first + step`, and so on, each up to where the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    first: i64,
    step: u64,
    count: u64,
}

/// There is no such grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "candidates are 1 to {MAX_CANDIDATES} numbers with a step above 0, and the last of them is a 64-bit number"
)]
pub struct GridError;

/// Nothing was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantileError {
    /// There was no randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// Nothing may be told.
    #[error("with an epsilon of 0 nothing may be told")]
    NoEpsilon,
}

impl Quantile {
    /// The median.
    pub const MEDIAN: Self = Self { parts: 1, of: 2 };

    /// `parts` of `of`; `None` where that is no quantile, or `of` is above 1,000.
    #[must_use]
    pub fn new(parts: u64, of: u64) -> Option<Self> {
        (parts <= of && (1..=MAX_PARTS).contains(&of)).then_some(Self { parts, of })
    }
}

impl Grid {
    /// `count` candidates from `first` on.
    ///
    /// # Errors
    /// When there are none or too many, the step is 0, or the last one is no 64-bit number.
    pub fn new(first: i64, step: u64, count: u64) -> Result<Self, GridError> {
        let last = count
            .checked_sub(1)
            .and_then(|it| it.checked_mul(step))
            .and_then(|it| first.checked_add_unsigned(it));
        (last.is_some() && step > 0 && count <= MAX_CANDIDATES)
            .then_some(Self { first, step, count })
            .ok_or(GridError)
    }

    fn candidates(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |it| self.first.saturating_add_unsigned(it * self.step))
    }
}

/// Where the step begins in which the quantile lies, more or less: the better a step fits, the likelier it is (permute-and-flip,
/// McKenna, Sheldon, NeurIPS 2020). One value for each person, in any order.
///
/// # Errors
/// When nothing may be told or there is no randomness.
pub fn quantile(
    values: &[i64],
    which: Quantile,
    grid: Grid,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<i64, QuantileError> {
    if epsilon == Epsilon::ZERO {
        return Err(QuantileError::NoEpsilon);
    }
    let Misfits {
        of_each: mut misfits,
        reach,
    } = misfits_of(values, which, grid);
    let least = misfits.iter().map(|it| it.1).min().unwrap_or(0);
    let denominator = 2 * 1_000_000 * reach;
    // Every candidate in a random order is taken with the odds exp(-ε × (misfit - least) / (2 × reach)); a best one is always taken.
    while let Some(last) = misfits.len().checked_sub(1) {
        let drawn = uniform(source, u128::try_from(misfits.len()).unwrap_or(u128::MAX))?;
        misfits.swap(usize::try_from(drawn).unwrap_or(last).min(last), last);
        let Some((candidate, misfit)) = misfits.pop() else {
            break;
        };
        let rate = Fraction {
            numerator: u128::from(epsilon.as_micro()) * (misfit - least),
            denominator,
        };
        if exponential_coin(source, rate)? {
            return Ok(candidate);
        }
    }
    // Not reached: a best candidate was among them.
    Err(RandomnessError.into())
}

/// How badly each candidate fits.
pub(super) struct Misfits {
    /// Each candidate with how many people lie between its step and the quantile, times the denominator of the quantile.
    pub(super) of_each: Vec<(i64, u128)>,
    /// One person more or less changes each of them by at most this much.
    pub(super) reach: u128,
}

pub(super) fn misfits_of(values: &[i64], which: Quantile, grid: Grid) -> Misfits {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let people = |it: usize| u128::try_from(it).unwrap_or(u128::MAX);
    let of = u128::from(which.of);
    let wanted = people(sorted.len()) * u128::from(which.parts);
    let misfit = |candidate: i64| {
        let before = sorted.partition_point(|it| *it < candidate);
        let end = candidate.checked_add_unsigned(grid.step);
        let within = sorted.partition_point(|it| end.is_none_or(|end| *it < end));
        let below = (people(before) * of).saturating_sub(wanted);
        let above = wanted.saturating_sub(people(within) * of);
        (candidate, below.max(above))
    };
    Misfits {
        of_each: grid.candidates().map(misfit).collect(),
        reach: u128::from(which.parts.max(which.of - which.parts)),
    }
}
