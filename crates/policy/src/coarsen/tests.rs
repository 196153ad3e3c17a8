use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(coarsening: Coarsening, value: f64, expected: &str) {
    let coarse = Operator::prepare(&coarsening).unwrap().apply(value);
    let text = |it: Option<Decimal>| it.map_or("-".to_owned(), |it| it.to_string());
    let found = coarse.map_or("none".to_owned(), |it| {
        format!("{} ± {}", text(it.shown), text(it.accuracy))
    });
    assert_eq!(found, expected);
}

#[test]
fn round_gives_the_nearest_multiple() {
    check(Coarsening::Round(0.5), 21.37, "21.5 ± 0.25");
    check(Coarsening::Round(0.1), 0.3, "0.3 ± 0.05");
    check(Coarsening::Round(500.0), -749.0, "-500 ± 250");
    check(Coarsening::Round(0.5), -0.1, "0 ± 0.25");
    check(Coarsening::Round(0.25), 0.375, "0.5 ± 0.125");
}

#[test]
fn grid_gives_the_middle_of_the_cell() {
    check(Coarsening::Grid(0.01), 31.5204, "31.525 ± 0.005");
    check(Coarsening::Grid(0.01), -0.001, "-0.005 ± 0.005");
    check(Coarsening::Grid(1.0), 74.0, "74.5 ± 0.5");
}

#[test]
fn bucket_gives_the_lower_bound_and_the_last_is_open() {
    let bounds = || Coarsening::Bucket(vec![0.0, 0.1, 0.3, 10.0]);
    check(bounds(), 0.2, "0.1 ± 0.2");
    check(bounds(), 0.3, "0.3 ± 9.7");
    check(bounds(), 1e300, "10 ± -");
    check(bounds(), -0.1, "none");
}

#[test]
fn what_is_too_big_is_not_expressed() {
    check(Coarsening::Round(0.5), f64::INFINITY, "none");
    check(Coarsening::Round(0.5), f64::NAN, "none");
    check(Coarsening::Grid(0.5), 1e20, "none");
    check(Coarsening::Bucket(vec![0.0]), f64::INFINITY, "none");
    check(Coarsening::Round(1e300), 1.7e308, "17e307 ± 5e299");
}

#[test]
fn impossible_operators_are_not_prepared() {
    for wrong in [
        Coarsening::Round(0.0),
        Coarsening::Round(f64::NAN),
        Coarsening::Round(f64::INFINITY),
        Coarsening::Grid(-1.0),
        Coarsening::Bucket(vec![]),
        Coarsening::Bucket(vec![1.0, 1.0]),
        Coarsening::Bucket(vec![f64::NEG_INFINITY, 1.0]),
    ] {
        assert_eq!(Operator::prepare(&wrong), None, "{wrong:?}");
    }
}

#[test]
fn the_coarsest_stands_first() {
    let of = |it: Coarsening| Operator::prepare(&it).unwrap();
    assert!(of(Coarsening::Presence).may_precede(&of(Coarsening::Round(1.0))));
    assert!(!of(Coarsening::Round(1.0)).may_precede(&of(Coarsening::Presence)));
    assert!(of(Coarsening::Round(2.0)).may_precede(&of(Coarsening::Grid(1.0))));
    assert!(!of(Coarsening::Round(1.0)).may_precede(&of(Coarsening::Round(1.0))));
    let bucket = |it: &[f64]| of(Coarsening::Bucket(it.to_vec()));
    assert!(bucket(&[0.0]).may_precede(&bucket(&[0.0, 5.0])));
    assert!(!bucket(&[1.0]).may_precede(&bucket(&[0.0, 5.0])));
}

fn operator() -> impl Strategy<Value = Operator> {
    let step = prop_oneof![
        prop::sample::select(vec![0.001, 0.01, 0.1, 0.25, 0.3, 0.5, 1.0, 7.0, 500.0]),
        1e-6..1e6_f64,
    ];
    let bounds = prop::collection::vec(-1e6..1e6_f64, 1..6).prop_map(|mut it| {
        it.sort_by(f64::total_cmp);
        it.dedup();
        it
    });
    prop_oneof![
        step.clone().prop_map(Coarsening::Round),
        step.prop_map(Coarsening::Grid),
        bounds.prop_map(Coarsening::Bucket),
    ]
    .prop_map(|it| Operator::prepare(&it).unwrap())
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![-1e3..1e3_f64, -1e9..1e9_f64, any::<f64>()]
}

fn number(it: Option<Decimal>) -> f64 {
    it.unwrap().to_string().parse().unwrap()
}

proptest! {
    #[test]
    fn coarsening_is_idempotent(operator in operator(), value in value()) {
        if let Some(once) = operator.apply(value) {
            prop_assert_eq!(operator.apply(number(once.shown)), Some(once));
        }
    }

    #[test]
    fn coarsening_is_monotone(operator in operator(), a in value(), b in value()) {
        if let (Some(low), Some(high)) = (operator.apply(a.min(b)), operator.apply(a.max(b))) {
            prop_assert!(number(low.shown) <= number(high.shown));
        }
    }

    #[test]
    fn the_accuracy_is_honest(operator in operator(), value in value()) {
        if let Some(Coarse { shown, accuracy: Some(accuracy) }) = operator.apply(value) {
            let slack = 1e-9 * value.abs() + 1e-12;
            prop_assert!((number(shown) - value).abs() <= number(Some(accuracy)) + slack);
        }
    }
}
