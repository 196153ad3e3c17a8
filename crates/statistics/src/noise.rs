//! Exact draws: integers and coins with fractions as odds, nothing else.

/// The most that a numerator or a denominator of odds may be; products with the small counters of a draw then stay below 2^127.
pub(crate) const MAX_ODDS: u128 = 1 << 100;
/// A coin is not flipped more often than this within one draw. Passing it has a probability below 2^-1000 where the generator is sound.
const MAX_FLIPS: u32 = 100_000;

/// Where random bytes come from: the operating system, or a seed in tests.
pub trait Randomness {
    /// Fills all of `bytes` with uniform, independent bytes.
    ///
    /// # Errors
    /// When there are none; then nothing is released.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError>;
}

/// There is no randomness, or not a sound one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no sound source of randomness: nothing was released")]
pub struct RandomnessError;

/// A fraction of whole numbers, `numerator / denominator`, with a denominator above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    pub(crate) numerator: u128,
    pub(crate) denominator: u128,
}

/// A number from `0..below`, each as likely as any other; 0 where `below` is 0 or 1.
pub(crate) fn uniform(source: &mut dyn Randomness, below: u128) -> Result<u128, RandomnessError> {
    let Some(last) = below.checked_sub(1).filter(|it| *it > 0) else {
        return Ok(0);
    };
    let mask = u128::MAX >> last.leading_zeros();
    for _ in 0..MAX_FLIPS {
        let mut bytes = [0; 16];
        source.fill(&mut bytes)?;
        let drawn = u128::from_le_bytes(bytes) & mask;
        if drawn <= last {
            return Ok(drawn);
        }
    }
    Err(RandomnessError)
}

/// True with the probability `odds`, which is at most one.
fn coin(source: &mut dyn Randomness, odds: Fraction) -> Result<bool, RandomnessError> {
    Ok(uniform(source, odds.denominator)? < odds.numerator)
}

/// True with the probability `exp(-rate)` (Canonne et al., algorithm 1).
pub(crate) fn exponential_coin(
    source: &mut dyn Randomness,
    rate: Fraction,
) -> Result<bool, RandomnessError> {
    let mut whole = rate.numerator / rate.denominator;
    while whole > 0 {
        let once = Fraction {
            numerator: 1,
            denominator: 1,
        };
        if !small_exponential_coin(source, once)? {
            return Ok(false);
        }
        whole -= 1;
    }
    let rest = Fraction {
        numerator: rate.numerator % rate.denominator,
        ..rate
    };
    small_exponential_coin(source, rest)
}

/// The same for a rate of at most one.
fn small_exponential_coin(
    source: &mut dyn Randomness,
    rate: Fraction,
) -> Result<bool, RandomnessError> {
    let mut denominator = rate.denominator;
    for flip in 1..=MAX_FLIPS {
        let odds = Fraction {
            denominator,
            ..rate
        };
        if !coin(source, odds)? {
            return Ok(flip % 2 == 1);
        }
        denominator = denominator
            .checked_add(rate.denominator)
            .ok_or(RandomnessError)?;
    }
    Err(RandomnessError)
}

/// A whole number `x` with a probability proportional to `exp(-|x| / scale)`: discrete Laplace noise (Canonne et al., algorithm 2).
/// The scale is above zero, its parts are at most [`MAX_ODDS`].
pub(crate) fn discrete_laplace(
    source: &mut dyn Randomness,
    scale: Fraction,
) -> Result<i128, RandomnessError> {
    let (t, s) = (scale.numerator, scale.denominator);
    for _ in 0..MAX_FLIPS {
        let low = uniform(source, t)?;
        let kept = Fraction {
            numerator: low,
            denominator: t,
        };
        if !small_exponential_coin(source, kept)? {
            continue;
        }
        let mut high: u128 = 0;
        let once = Fraction {
            numerator: 1,
            denominator: 1,
        };
        while small_exponential_coin(source, once)? {
            high += 1;
        }
        let size = high.checked_mul(t).and_then(|it| it.checked_add(low));
        let size = size.ok_or(RandomnessError)? / s;
        let is_negative = uniform(source, 2)? == 1;
        if is_negative && size == 0 {
            continue;
        }
        let size = i128::try_from(size).map_err(|_| RandomnessError)?;
        return Ok(if is_negative { -size } else { size });
    }
    Err(RandomnessError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::{Broken, Seeded};

    const DRAWS: u32 = 200_000;

    fn fraction(numerator: u128, denominator: u128) -> Fraction {
        Fraction {
            numerator,
            denominator,
        }
    }

    /// Within five standard deviations of what `DRAWS` draws with this probability give.
    fn is_as_likely(count: u32, probability: f64) -> bool {
        let n = f64::from(DRAWS);
        let deviation = (n * probability * (1.0 - probability)).sqrt();
        (f64::from(count) - n * probability).abs() <= 5.0 * deviation + 1.0
    }

    #[test]
    fn every_number_below_a_bound_is_as_likely_as_any_other() {
        let mut source = Seeded::new(1);
        let mut counts = [0_u32; 7];
        for _ in 0..DRAWS {
            counts[usize::try_from(uniform(&mut source, 7).unwrap()).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|it| is_as_likely(*it, 1.0 / 7.0)),
            "{counts:?}"
        );
        assert_eq!(uniform(&mut source, 0), Ok(0));
        assert_eq!(uniform(&mut source, 1), Ok(0));
        assert!(uniform(&mut source, u128::MAX).is_ok());
    }

    #[test]
    fn coins_fall_with_the_exponential_of_their_rate() {
        for (seed, rate) in [
            (2, (0, 5)),
            (3, (1, 3)),
            (4, (1, 1)),
            (5, (7, 3)),
            (6, (12, 1)),
        ] {
            let mut source = Seeded::new(seed);
            let rate = fraction(rate.0, rate.1);
            let heads = (0..DRAWS).filter(|_| exponential_coin(&mut source, rate).unwrap());
            let heads = u32::try_from(heads.count()).unwrap();
            let exponent = rate.numerator as f64 / rate.denominator as f64;
            assert!(is_as_likely(heads, (-exponent).exp()), "{rate:?}: {heads}");
        }
    }

    #[test]
    fn noise_is_discrete_laplace_at_every_size() {
        for (seed, scale) in [(7, (1, 1)), (8, (1, 3)), (9, (9, 2)), (10, (40, 1))] {
            let mut source = Seeded::new(seed);
            let scale = fraction(scale.0, scale.1);
            let mut counts = std::collections::BTreeMap::<i128, u32>::new();
            for _ in 0..DRAWS {
                *counts
                    .entry(discrete_laplace(&mut source, scale).unwrap())
                    .or_default() += 1;
            }
            let ratio = (-(scale.denominator as f64) / scale.numerator as f64).exp();
            let at = |x: i128| {
                (1.0 - ratio) / (1.0 + ratio) * ratio.powi(i32::try_from(x.abs()).unwrap())
            };
            for x in -10..=10 {
                let count = counts.get(&x).copied().unwrap_or(0);
                assert!(is_as_likely(count, at(x)), "{scale:?} at {x}: {count}");
            }
            let tail: u32 = counts
                .iter()
                .filter(|(x, _)| x.abs() > 10)
                .map(|it| it.1)
                .sum();
            let within: f64 = (-10..=10).map(at).sum();
            assert!(
                is_as_likely(tail, 1.0 - within),
                "{scale:?}: {tail} beyond ten"
            );
        }
    }

    #[test]
    fn without_randomness_there_is_no_draw() {
        assert_eq!(
            discrete_laplace(&mut Broken::Silent, fraction(3, 1)),
            Err(RandomnessError)
        );
        // A source that says the same for ever ends, and gives nothing.
        assert_eq!(uniform(&mut Broken::Ones, 5), Err(RandomnessError));
    }

    #[test]
    fn the_largest_scale_fits() {
        let mut source = Seeded::new(11);
        for _ in 0..1_000 {
            assert!(discrete_laplace(&mut source, fraction(MAX_ODDS, 1)).is_ok());
            assert!(discrete_laplace(&mut source, fraction(1, MAX_ODDS)).is_ok());
        }
    }

    /// Pearson's statistic of how often each number from `-reach` to `reach`, and everything beyond at either side, was drawn, against
    /// discrete Laplace noise of the scale `of`. With `2 × reach + 2` degrees of freedom.
    fn chi_square(drawn_with: Fraction, of: Fraction, reach: i128, seed: u64) -> f64 {
        let mut source = Seeded::new(seed);
        let bins = usize::try_from(2 * reach + 3).unwrap();
        let mut counts = vec![0_u32; bins];
        for _ in 0..DRAWS {
            let drawn = discrete_laplace(&mut source, drawn_with).unwrap();
            let bin = drawn.clamp(-reach - 1, reach + 1) + reach + 1;
            counts[usize::try_from(bin).unwrap()] += 1;
        }
        let ratio = (-(of.denominator as f64) / of.numerator as f64).exp();
        let reach = i32::try_from(reach).unwrap();
        // P(x >= k) for k above 0 is a geometric tail.
        let beyond = ratio.powi(reach + 1) / (1.0 + ratio);
        let at = |x: i32| (1.0 - ratio) / (1.0 + ratio) * ratio.powi(x.abs());
        let odds = (-reach - 1..=reach + 1).map(|it| match it.abs() > reach {
            true => beyond,
            false => at(it),
        });
        let expected = odds.map(|it| it * f64::from(DRAWS));
        let terms = counts.iter().zip(expected).map(|(count, expected)| {
            assert!(expected > 20.0, "{expected}: too few for the test");
            (f64::from(*count) - expected).powi(2) / expected
        });
        terms.sum()
    }

    /// What Pearson's statistic passes with a chance below one in a billion, from above: Wilson and Hilferty's cube with 6 deviations,
    /// and a little for its error at few degrees.
    fn far_out(degrees: i128) -> f64 {
        let degrees = f64::from(u32::try_from(degrees).unwrap());
        let part = 2.0 / (9.0 * degrees);
        degrees * (1.0 - part + 6.0 * part.sqrt()).powi(3) + 5.0
    }

    /// The seeds are fixed, so this says the same for ever.
    #[test]
    fn noise_passes_a_chi_square_test_and_noise_of_another_scale_does_not() {
        for (seed, scale, reach) in [(31, (1, 1), 5), (32, (7, 3), 12), (33, (20, 1), 60)] {
            let scale = fraction(scale.0, scale.1);
            let found = chi_square(scale, scale, reach, seed);
            let limit = far_out(2 * reach + 2);
            assert!(found < limit, "{scale:?}: {found} of {limit}");
            // Noise that is a twentieth too small would be seen.
            let smaller = fraction(scale.numerator * 19, scale.denominator * 20);
            let found = chi_square(smaller, scale, reach, seed);
            assert!(found > limit, "{smaller:?}: {found} of {limit}");
        }
    }

    /// The mean of many draws at a scale that no table could hold is 0, and the mean of their sizes is the scale.
    #[test]
    fn noise_of_a_huge_scale_has_its_moments() {
        let mut source = Seeded::new(34);
        let scale = fraction(1 << 80, 1);
        let (mut sum, mut sizes) = (0.0, 0.0);
        for _ in 0..DRAWS {
            let drawn = discrete_laplace(&mut source, scale).unwrap() as f64 / 2_f64.powi(80);
            sum += drawn;
            sizes += drawn.abs();
        }
        let n = f64::from(DRAWS);
        // The deviation of a draw is sqrt(2) scales, that of its size one.
        assert!((sum / n).abs() < 6.0 * (2.0 / n).sqrt(), "{}", sum / n);
        assert!((sizes / n - 1.0).abs() < 6.0 / n.sqrt(), "{}", sizes / n);
    }
}
