//! One person more or less: whatever the values are, what is hidden by noise never changes by more than the noise is made for.

use proptest::prelude::*;

use super::quantile::{Misfits, misfits_of};
use super::*;

prop_compose! {
    fn bounds()(one in -MAX_BOUND..=MAX_BOUND, other in -MAX_BOUND..=MAX_BOUND) -> Bounds {
        Bounds::new(one.min(other), one.max(other)).unwrap()
    }
}

/// The same people without one of them.
fn without(values: &[i64], left_out: usize) -> Vec<i64> {
    let mut rest = values.to_vec();
    rest.remove(left_out % values.len());
    rest
}

proptest! {
    #[test]
    fn a_sum_changes_by_no_more_than_its_reach(
        values in proptest::collection::vec(any::<i64>(), 1..40),
        bounds in bounds(),
        left_out in any::<usize>(),
    ) {
        let rest = without(&values, left_out);
        prop_assert!(bounds.sum(&values).abs_diff(bounds.sum(&rest)) <= bounds.reach());
        let above = bounds.sum_above(&values).abs_diff(bounds.sum_above(&rest));
        prop_assert!(above <= bounds.width());
        prop_assert!(bounds.sum_above(&values) >= 0);
    }

    #[test]
    fn one_value_beyond_the_bounds_is_as_one_on_them(
        values in proptest::collection::vec(-50_i64..50, 0..20),
        beyond in 51_i64..,
    ) {
        let bounds = Bounds::new(-50, 50).unwrap();
        let with = |value: i64| bounds.sum(&[values.as_slice(), &[value]].concat());
        prop_assert_eq!(with(beyond), with(50));
        prop_assert_eq!(with(-beyond), with(-50));
    }

    #[test]
    fn what_is_said_of_a_candidate_changes_by_no_more_than_its_reach(
        values in proptest::collection::vec(-30_i64..30, 1..40),
        (parts, of) in (1_u64..=1_000).prop_flat_map(|of| (0..=of, Just(of))),
        (first, step, count) in (-40_i64..40, 1_u64..20, 1_u64..30),
        left_out in any::<usize>(),
    ) {
        let (which, grid) = (Quantile::new(parts, of).unwrap(), Grid::new(first, step, count).unwrap());
        let rest = without(&values, left_out);
        let Misfits { of_each: with, reach } = misfits_of(&values, which, grid);
        let rest = misfits_of(&rest, which, grid);
        for (one, other) in with.iter().zip(&rest.of_each) {
            prop_assert_eq!(one.0, other.0);
            prop_assert!(one.1.abs_diff(other.1) <= reach);
        }
    }
}
