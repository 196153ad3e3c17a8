//! Counts, sums, means, histograms and quantiles over people.
//!
//! Values are whole numbers of a unit that the caller declares in public, such as tenths of a degree. Bounds and candidates are
//! declared before anybody looks at the data; a value outside the bounds counts as the bound.

mod quantile;

pub use quantile::{Grid, GridError, MAX_CANDIDATES, Quantile, QuantileError, quantile};

use crate::budget::Epsilon;
use crate::noise::{Fraction, MAX_ODDS, Randomness, RandomnessError, discrete_laplace};

/// The largest bound: with the smallest ε the scale of the noise still is exact.
pub const MAX_BOUND: i64 = 1 << 62;
/// The most bins of a histogram.
pub const MAX_BINS: usize = 10_000;

/// A figure that may be published, with what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The figure, in the declared unit. A count or a sum may come out below zero; it is published as it came out, because
    /// cutting it off would bend every mean that is made of such figures.
    pub value: i128,
    /// What it tells about anybody.
    pub epsilon: Epsilon,
    /// With 95 of 100 chances the noise is no larger than this.
    pub within_95: u128,
}

/// The least and the most that one person adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    low: i64,
    high: i64,
}

/// The bounds are no bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lower bound is above the upper one, or one of them is beyond {MAX_BOUND}")]
pub struct BoundsError;

/// Nothing was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// There was no randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// Nothing may be told.
    #[error("with an epsilon of 0 nothing may be told")]
    NoEpsilon,
    /// More bins than there may be.
    #[error("a histogram has at most {MAX_BINS} bins")]
    TooManyBins,
}

impl Bounds {
    /// From `low` to `high`, both included.
    ///
    /// # Errors
    /// When `low` is above `high`, or one of them is beyond [`MAX_BOUND`].
    pub fn new(low: i64, high: i64) -> Result<Self, BoundsError> {
        let fits = |it: i64| (-MAX_BOUND..=MAX_BOUND).contains(&it);
        (low <= high && fits(low) && fits(high))
            .then_some(Self { low, high })
            .ok_or(BoundsError)
    }

    fn clamp(self, value: i64) -> i128 {
        i128::from(value.clamp(self.low, self.high))
    }

    /// How much one person more or less changes a sum.
    fn reach(self) -> u128 {
        u128::from(self.low.unsigned_abs().max(self.high.unsigned_abs()))
    }
}

/// How many people.
///
/// # Errors
/// When nothing may be told or there is no randomness.
pub fn count(
    people: u64,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<Figure, ReleaseError> {
    noisy(i128::from(people), 1, epsilon, source)
}

/// The sum of one value for each person.
///
/// # Errors
/// When nothing may be told or there is no randomness.
pub fn sum(
    values: &[i64],
    bounds: Bounds,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<Figure, ReleaseError> {
    let sum = values.iter().map(|it| bounds.clamp(*it)).sum();
    noisy(sum, bounds.reach(), epsilon, source)
}

/// The mean of one value for each person: half of ε for the sum of what lies above the lower bound, half for how many they are.
/// It lies within the bounds; where few people are, mostly noise is left, and `within_95` says so.
///
/// # Errors
/// When nothing may be told or there is no randomness.
pub fn mean(
    values: &[i64],
    bounds: Bounds,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<Figure, ReleaseError> {
    let (for_sum, for_count) = epsilon.halves();
    let low = i128::from(bounds.low);
    let reach = i128::from(bounds.high) - low;
    let above = values.iter().map(|it| bounds.clamp(*it) - low).sum();
    let above = noisy(above, reach.unsigned_abs(), for_sum, source)?;
    let people = u64::try_from(values.len()).unwrap_or(u64::MAX);
    let people = count(people, for_count, source)?;
    let divisor = people.value.max(1);
    // Half of the divisor is added to round to the nearest.
    let value = above.value.saturating_add(divisor / 2).div_euclid(divisor);
    let noise = above
        .within_95
        .saturating_add(reach.unsigned_abs().saturating_mul(people.within_95));
    Ok(Figure {
        value: value.clamp(0, reach) + low,
        epsilon,
        within_95: noise
            .div_ceil(divisor.unsigned_abs())
            .min(reach.unsigned_abs()),
    })
}

/// How many people are in each bin, for people who are in one bin each; a bin that does not exist counts nowhere.
/// Each figure costs ε, and so do all together, because nobody is in two of them (parallel composition).
///
/// # Errors
/// When there are too many bins, nothing may be told, or there is no randomness.
pub fn histogram(
    bin_of: impl Iterator<Item = usize>,
    bins: usize,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<Vec<Figure>, ReleaseError> {
    if bins > MAX_BINS {
        return Err(ReleaseError::TooManyBins);
    }
    let mut people = vec![0_u64; bins];
    for bin in bin_of {
        if let Some(people) = people.get_mut(bin) {
            *people += 1;
        }
    }
    let figures = people.into_iter().map(|it| count(it, epsilon, source));
    figures.collect()
}

/// The exact figure with discrete Laplace noise of the scale `reach / ε`.
fn noisy(
    exact: i128,
    reach: u128,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<Figure, ReleaseError> {
    let scale = Fraction {
        numerator: reach.saturating_mul(1_000_000),
        denominator: u128::from(epsilon.as_micro()),
    };
    if scale.denominator == 0 {
        return Err(ReleaseError::NoEpsilon);
    }
    debug_assert!(scale.numerator <= MAX_ODDS, "bounds are at most MAX_BOUND");
    let noise = match reach {
        // Nobody changes it, so nobody is told about.
        0 => 0,
        _ => discrete_laplace(source, scale)?,
    };
    Ok(Figure {
        value: exact.saturating_add(noise),
        epsilon,
        within_95: within_95(scale),
    })
}

/// The size that discrete Laplace noise passes in at most 5 of 100 draws: `P(|x| > w) <= exp(-w / scale)`, so `scale × ln 20`,
/// rounded up. 2.9958 is ln 20, rounded up.
fn within_95(scale: Fraction) -> u128 {
    scale
        .numerator
        .saturating_mul(29_958)
        .div_ceil(scale.denominator.saturating_mul(10_000))
}

#[cfg(test)]
mod tests;
