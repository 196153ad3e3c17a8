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

    /// The least.
    #[must_use]
    pub const fn low(self) -> i64 {
        self.low
    }

    /// The most.
    #[must_use]
    pub const fn high(self) -> i64 {
        self.high
    }

    fn clamp(self, value: i64) -> i128 {
        i128::from(value.clamp(self.low, self.high))
    }

    /// The exact sum, which leaves this crate only with noise. One person more or less changes it by at most [`Bounds::reach`].
    fn sum(self, values: &[i64]) -> i128 {
        values.iter().map(|it| self.clamp(*it)).sum()
    }

    /// The exact sum of what lies above the lower bound. One person more or less changes it by at most [`Bounds::width`].
    fn sum_above(self, values: &[i64]) -> i128 {
        let low = i128::from(self.low);
        values.iter().map(|it| self.clamp(*it) - low).sum()
    }

    /// How much one person more or less changes a sum.
    fn reach(self) -> u128 {
        u128::from(self.low.unsigned_abs().max(self.high.unsigned_abs()))
    }

    /// How much one person more or less changes a sum of what lies above the lower bound.
    fn width(self) -> u128 {
        i128::from(self.high).abs_diff(i128::from(self.low))
    }
}

/// A mean, and of how many people it is; one ε for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean {
    /// The mean. Its `within_95` holds for the mean of the people who are there, where there are any.
    pub mean: Figure,
    /// How many people.
    pub people: Figure,
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
    noisy(bounds.sum(values), bounds.reach(), epsilon, source)
}

/// The mean of one value for each person, and how many they are: half of ε for the sum of what lies above the lower bound, half for
/// the number of people. The mean lies within the bounds; where few people are, mostly noise is left, and `within_95` says so.
///
/// # Errors
/// When nothing may be told or there is no randomness.
pub fn mean(
    values: &[i64],
    bounds: Bounds,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<Mean, ReleaseError> {
    let (for_sum, for_count) = epsilon.halves();
    let (low, width) = (i128::from(bounds.low), bounds.width());
    let above = noisy(bounds.sum_above(values), width, for_sum, source)?;
    let people = u64::try_from(values.len()).unwrap_or(u64::MAX);
    let people = count(people, for_count, source)?;
    let divisor = people.value.max(1);
    // Half of the divisor is added to round to the nearest.
    let value = above.value.saturating_add(divisor / 2).div_euclid(divisor);
    let most = i128::try_from(width).unwrap_or(i128::MAX);
    Ok(Mean {
        mean: Figure {
            value: value.clamp(0, most) + low,
            epsilon,
            within_95: mean_within_95(width, (for_sum, for_count), divisor),
        },
        people,
    })
}

/// How far the mean may be off. With the noises `s` of the sum and `n` of the number, and the exact mean `m` above the lower bound, it
/// is off by `|s - m × n| / divisor`, which is at most `(|s| + width × |n|) / divisor`, and by half of one for rounding. Each of the two
/// noises is larger than assumed here in at most 2.5 of 100 draws, so one of them is in at most 5.
fn mean_within_95(width: u128, (for_sum, for_count): (Epsilon, Epsilon), divisor: i128) -> u128 {
    let of_sum = within(scale(width, for_sum), LN_40);
    let of_count = within(scale(1, for_count), LN_40);
    let noise = of_sum.saturating_add(width.saturating_mul(of_count));
    let divisor = divisor.unsigned_abs();
    let doubled = noise.saturating_mul(2).saturating_add(divisor);
    doubled.div_ceil(divisor.saturating_mul(2)).min(width)
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

/// The scale of the noise that hides one person's reach.
fn scale(reach: u128, epsilon: Epsilon) -> Fraction {
    Fraction {
        numerator: reach.saturating_mul(1_000_000),
        denominator: u128::from(epsilon.as_micro()),
    }
}

/// The exact figure with discrete Laplace noise of the scale `reach / ε`.
fn noisy(
    exact: i128,
    reach: u128,
    epsilon: Epsilon,
    source: &mut dyn Randomness,
) -> Result<Figure, ReleaseError> {
    let scale = scale(reach, epsilon);
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
        within_95: within(scale, LN_20),
    })
}

/// ln 20 and ln 40 in ten-thousandths, rounded up.
const LN_20: u128 = 29_958;
const LN_40: u128 = 36_889;

/// The size that discrete Laplace noise passes in at most one of `exp(log)` draws: `P(|x| > w) <= exp(-w / scale)`, so `scale × log`,
/// rounded up. `log` is in ten-thousandths.
fn within(scale: Fraction, log: u128) -> u128 {
    let divisor = scale.denominator.saturating_mul(10_000).max(1);
    scale.numerator.saturating_mul(log).div_ceil(divisor)
}

#[cfg(test)]
mod sensitivity;
#[cfg(test)]
mod tests;
