use std::collections::BTreeMap;

use super::*;
use crate::seeded::{Broken, Seeded};

const ROUNDS: u32 = 40_000;

fn epsilon(text: &str) -> Epsilon {
    Epsilon::parse(text).unwrap()
}

/// How often each outcome comes out of `ROUNDS` releases.
fn outcomes(seed: u64, release: impl Fn(&mut Seeded) -> i128) -> BTreeMap<i128, u32> {
    let mut source = Seeded::new(seed);
    let mut counts = BTreeMap::new();
    for _ in 0..ROUNDS {
        *counts.entry(release(&mut source)).or_default() += 1;
    }
    counts
}

/// Whether no outcome is more than `exp(ε)` times as likely with one person more: what differential privacy promises, seen from
/// outside, with five standard deviations for chance. Also that the bound is not far from being reached: noise that is much larger
/// than needed would pass too.
fn assert_neighbours(one: &BTreeMap<i128, u32>, other: &BTreeMap<i128, u32>, epsilon: f64) {
    let most = epsilon.exp();
    let mut largest: f64 = 0.0;
    for outcome in one.keys().chain(other.keys()) {
        let at = |it: &BTreeMap<i128, u32>| f64::from(it.get(outcome).copied().unwrap_or(0));
        let (p, q) = (at(one).max(at(other)), at(one).min(at(other)));
        let chance = 5.0 * (p.sqrt() + most * q.sqrt()) + 5.0;
        assert!(p <= most * q + chance, "{outcome}: {p} and {q}");
        if q > 400.0 {
            largest = largest.max((p / q).ln());
        }
    }
    assert!(
        largest > 0.5 * epsilon,
        "{largest} of {epsilon}: more noise than is paid for"
    );
}

#[test]
fn nobody_can_tell_from_a_count_whether_one_was_there() {
    let with =
        |people| move |source: &mut Seeded| count(people, epsilon("0.7"), source).unwrap().value;
    assert_neighbours(&outcomes(1, with(20)), &outcomes(2, with(21)), 0.7);
}

#[test]
fn nobody_can_tell_from_a_sum_what_one_added() {
    let bounds = Bounds::new(-3, 5).unwrap();
    let with = |values: &'static [i64]| {
        move |source: &mut Seeded| sum(values, bounds, epsilon("1"), source).unwrap().value
    };
    // The second one has a person whose value is far above the bound.
    assert_neighbours(
        &outcomes(3, with(&[1, 2])),
        &outcomes(4, with(&[1, 2, 4_000])),
        1.0,
    );
}

#[test]
fn nobody_can_tell_from_a_quantile_whether_one_was_there() {
    let grid = Grid::new(0, 10, 6).unwrap();
    let with = |values: &'static [i64]| {
        move |source: &mut Seeded| {
            let drawn = quantile(values, Quantile::MEDIAN, grid, epsilon("2"), source).unwrap();
            i128::from(drawn)
        }
    };
    let (one, other) = (
        outcomes(5, with(&[5, 20, 20, 31])),
        outcomes(6, with(&[5, 20, 20, 31, 48])),
    );
    for (outcome, count) in &one {
        let (p, q) = (
            f64::from(*count),
            f64::from(other.get(outcome).copied().unwrap_or(0)),
        );
        let most = 2_f64.exp();
        let chance = 5.0 * (p.sqrt() + most * q.sqrt()) + 5.0;
        assert!(
            p <= most * q + chance && q <= most * p + chance,
            "{outcome}: {p} and {q}"
        );
    }
    let likeliest = one.iter().max_by_key(|it| it.1).unwrap();
    assert_eq!(*likeliest.0, 20);
}

#[test]
fn figures_lie_around_the_truth_as_closely_as_they_say() {
    let values: Vec<i64> = (0..5_000).map(|it| it % 100).collect();
    let bounds = Bounds::new(0, 100).unwrap();
    let mut source = Seeded::new(7);
    let (mut outside, rounds) = (0, 400);
    for _ in 0..rounds {
        let figures = [
            (count(5_000, epsilon("0.5"), &mut source).unwrap(), 5_000),
            (
                sum(&values, bounds, epsilon("0.5"), &mut source).unwrap(),
                247_500,
            ),
            (
                mean(&values, bounds, epsilon("0.5"), &mut source)
                    .unwrap()
                    .mean,
                50,
            ),
        ];
        let misses = |it: &&(Figure, i128)| it.0.value.abs_diff(it.1) > it.0.within_95;
        outside += figures.iter().filter(misses).count();
    }
    assert!(
        outside <= 3 * rounds * 6 / 100,
        "{outside} of {} lie outside",
        3 * rounds
    );
}

#[test]
fn a_mean_of_few_stays_within_its_bounds_and_says_how_little_it_says() {
    let bounds = Bounds::new(-40, 600).unwrap();
    let mut source = Seeded::new(8);
    for _ in 0..1_000 {
        let figure = mean(&[], bounds, epsilon("0.01"), &mut source).unwrap();
        assert!((-40..=600).contains(&figure.mean.value));
    }
    let figure = mean(&[100], bounds, epsilon("0.01"), &mut source).unwrap();
    assert!(figure.mean.within_95 > 0);
}

#[test]
fn a_mean_of_few_people_is_off_by_no_more_than_it_says_in_95_of_100() {
    // Few people and values at one end: where the two noises and the rounding matter most.
    for (seed, people) in [(21, 3), (22, 12), (23, 40)] {
        let values = vec![97; people];
        let bounds = Bounds::new(0, 100).unwrap();
        let mut source = Seeded::new(seed);
        let rounds = 4_000;
        let outside = (0..rounds).filter(|_| {
            let drawn = mean(&values, bounds, epsilon("1"), &mut source).unwrap();
            drawn.mean.value.abs_diff(97) > drawn.mean.within_95
        });
        let outside = outside.count();
        assert!(
            outside <= rounds * 5 / 100,
            "{outside} of {rounds}, {people} people"
        );
    }
}

#[test]
fn nobody_can_tell_from_a_mean_whether_one_was_there() {
    let bounds = Bounds::new(0, 4).unwrap();
    let with = |values: &'static [i64]| {
        move |source: &mut Seeded| {
            let drawn = mean(values, bounds, epsilon("2"), source).unwrap();
            // Both figures together are what is told.
            drawn.mean.value * 1_000 + drawn.people.value
        }
    };
    let (one, other) = (
        outcomes(11, with(&[1, 1, 2])),
        outcomes(12, with(&[1, 1, 2, 4])),
    );
    assert_neighbours(&one, &other, 2.0);
}

#[test]
fn nobody_can_tell_from_a_histogram_whether_one_was_there() {
    let with = |bin_of: &'static [usize]| {
        move |source: &mut Seeded| {
            let drawn = histogram(bin_of.iter().copied(), 2, epsilon("1.5"), source).unwrap();
            drawn[0].value * 1_000 + drawn[1].value
        }
    };
    let (one, other) = (
        outcomes(13, with(&[0, 0, 1])),
        outcomes(14, with(&[0, 0, 1, 1])),
    );
    assert_neighbours(&one, &other, 1.5);
}

#[test]
fn a_histogram_has_every_bin_also_the_empty_ones() {
    let mut source = Seeded::new(9);
    let bin_of = [0, 2, 2, 9].into_iter();
    let figures = histogram(bin_of, 3, epsilon("10"), &mut source).unwrap();
    let values: Vec<_> = figures.iter().map(|it| it.value).collect();
    assert_eq!(values.len(), 3);
    assert!(
        values
            .iter()
            .zip([1, 0, 2])
            .all(|(it, truth)| it.abs_diff(truth) <= 3),
        "{values:?}"
    );
    let none = std::iter::empty();
    assert_eq!(
        histogram(none, MAX_BINS + 1, epsilon("1"), &mut source),
        Err(ReleaseError::TooManyBins)
    );
}

#[test]
fn without_randomness_or_epsilon_nothing_is_released() {
    let randomness = ReleaseError::Randomness(RandomnessError);
    assert_eq!(count(3, epsilon("1"), &mut Broken::Silent), Err(randomness));
    assert_eq!(
        count(3, Epsilon::ZERO, &mut Seeded::new(1)),
        Err(ReleaseError::NoEpsilon)
    );
    let grid = Grid::new(0, 1, 3).unwrap();
    let drawn = quantile(
        &[1],
        Quantile::MEDIAN,
        grid,
        epsilon("1"),
        &mut Broken::Silent,
    );
    assert_eq!(drawn, Err(QuantileError::Randomness(RandomnessError)));
}

#[test]
fn the_widest_bounds_and_the_smallest_epsilon_are_exact_still() {
    let bounds = Bounds::new(-MAX_BOUND, MAX_BOUND).unwrap();
    let mut source = Seeded::new(10);
    let figure = sum(
        &[i64::MIN, i64::MAX],
        bounds,
        epsilon("0.000001"),
        &mut source,
    )
    .unwrap();
    assert!(figure.within_95 > u128::from(MAX_BOUND.unsigned_abs()));
    assert!(Bounds::new(1, 0).is_err() && Bounds::new(i64::MIN, 0).is_err());
    assert!(
        Grid::new(0, 0, 3).is_err()
            && Grid::new(i64::MAX, 1, 2).is_err()
            && Grid::new(0, 1, 0).is_err()
    );
    assert!(Grid::new(0, 1, MAX_CANDIDATES + 1).is_err());
    assert!(Quantile::new(3, 2).is_none() && Quantile::new(0, 0).is_none());
}
