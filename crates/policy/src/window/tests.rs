use super::*;
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn window(of: Statistic) -> Window {
    Window {
        seconds: 900,
        of,
        least: 2,
    }
}

#[track_caller]
fn check(of: Statistic, values: &[&str], expected: Option<&str>) {
    let mut accumulator = Accumulator::begin(window(of), at(1000));
    for value in values {
        assert_eq!(accumulator.add(value, at(1200)), Added::Counted);
    }
    let closed = accumulator.close();
    assert_eq!(closed.as_ref().map(|it| it.value.as_str()), expected);
    if let Some(closed) = closed {
        assert_eq!((closed.mark.from, closed.mark.until), (at(900), at(1800)));
        assert_eq!(closed.mark.count as usize, values.len());
    }
}

#[test]
fn a_window_shows_its_statistic_as_an_exact_number() {
    check(Statistic::Mean, &["0.1", "0.2", "0.3"], Some("0.2"));
    check(Statistic::Mean, &["1", "2", "2"], Some("1.67"));
    check(Statistic::Mean, &["20.5", "-21"], Some("-0.25"));
    check(
        Statistic::Mean,
        &["1e14", "0.5", "-1e14", "0.5"],
        Some("0.25"),
    );
    check(Statistic::Min, &["3", "-1.50", "2e0"], Some("-1.5"));
    check(Statistic::Max, &["-3", "-1.5", "-2"], Some("-1.5"));
    check(Statistic::Last, &["3", "1"], Some("1"));
    check(Statistic::Count, &["3", "1", "4"], Some("3"));
}

#[test]
fn too_few_values_show_nothing() {
    for of in Statistic::ALL {
        check(*of, &[], None);
        check(*of, &["21.5"], None);
    }
}

#[test]
fn late_values_are_counted_and_left_out() {
    let mut accumulator = Accumulator::begin(window(Statistic::Max), at(900));
    assert_eq!(accumulator.add("99", at(899)), Added::Late);
    assert_eq!(accumulator.add("1", at(900)), Added::Counted);
    assert_eq!(accumulator.add("2", at(1799)), Added::Counted);
    assert_eq!(accumulator.add("99", at(1800)), Added::Over);
    assert!(accumulator.is_over(at(1800)) && !accumulator.is_over(at(1799)));
    assert_eq!((accumulator.late(), accumulator.count()), (1, 2));
    assert_eq!(accumulator.close().unwrap().value, "2");
}

#[test]
fn what_cannot_be_added_is_left_out() {
    let mut accumulator = Accumulator::begin(window(Statistic::Mean), at(0));
    for wrong in ["1e15", "-1e15", "1e999", "true", "\"1\"", ""] {
        assert_eq!(accumulator.add(wrong, at(0)), Added::Unfit, "{wrong}");
    }
    assert_eq!(accumulator.count(), 0);
}

#[test]
fn windows_before_the_epoch_are_aligned_too() {
    let accumulator = Accumulator::begin(window(Statistic::Mean), at(-1));
    assert_eq!((accumulator.from(), accumulator.until()), (at(-900), at(0)));
}

#[test]
fn only_what_the_statistic_needs_is_saved() {
    let mut accumulator = Accumulator::begin(window(Statistic::Count), at(0));
    accumulator.add("12345", at(0));
    let mut saved = vec![];
    accumulator.save(&mut saved);
    assert!(saved[saved.len() - 64..].iter().all(|it| *it == 0));
}

#[test]
fn version_1_reads_as_it_was_written() {
    let mut accumulator = Accumulator::begin(window(Statistic::Mean), at(1000));
    accumulator.add("21.5", at(1000));
    accumulator.add("-1", at(1001));
    accumulator.add("1", at(0));
    accumulator.mark_incomplete();
    let mut saved = vec![];
    accumulator.save(&mut saved);
    let hex: String = saved.iter().map(|it| format!("{it:02x}")).collect();
    let expected = "01000000038400000002\
                    00000000000dbba000000002000000010101\
                    000000000000000000001\
                    2a5d8b1a000";
    assert_eq!(saved.len(), SAVED_BYTES);
    assert!(hex.starts_with(&expected[..36 + 20]), "{hex}");
    assert_eq!(Accumulator::restore(&saved), Some(accumulator));
    for cut in 0..saved.len() {
        assert_eq!(Accumulator::restore(&saved[..cut]), None);
    }
    saved[0] = 2;
    assert_eq!(Accumulator::restore(&saved), None);
}

proptest! {
    #[test]
    fn a_window_is_what_all_its_values_come_to(
        values in prop::collection::vec((-100_000..100_000_i64, 0..3_u32, 0..2000_i64), 0..40),
        of in prop::sample::select(Statistic::ALL),
        restart: bool,
    ) {
        let window = window(of);
        let mut accumulator = Accumulator::begin(window, at(900));
        let mut kept: Vec<i64> = vec![];
        for (value, places, seconds) in &values {
            let raw = format!("{value}e-{places}");
            let thousandths = value * 10_i64.pow(3 - places);
            let added = accumulator.add(&raw, at(*seconds));
            let expected = match seconds {
                ..900 => Added::Late,
                1800.. => Added::Over,
                _ => { kept.push(thousandths); Added::Counted }
            };
            prop_assert_eq!(added, expected);
            if restart {
                let mut saved = vec![];
                accumulator.save(&mut saved);
                prop_assert_eq!(saved.len(), SAVED_BYTES);
                accumulator = Accumulator::restore(&saved).unwrap();
            }
        }
        let closed = accumulator.close();
        prop_assert_eq!(closed.is_some(), kept.len() >= 2);
        let Some(closed) = closed else { return Ok(()) };
        let shown: f64 = closed.value.parse().unwrap();
        let expected = match of {
            Statistic::Mean => kept.iter().sum::<i64>() as f64 / kept.len() as f64 / 1000.0,
            Statistic::Min => *kept.iter().min().unwrap() as f64 / 1000.0,
            Statistic::Max => *kept.iter().max().unwrap() as f64 / 1000.0,
            Statistic::Last => *kept.last().unwrap() as f64 / 1000.0,
            Statistic::Count => kept.len() as f64,
        };
        let slack = if of == Statistic::Mean { 0.006 } else { 1e-9 };
        prop_assert!((shown - expected).abs() <= slack, "{} for {}", shown, expected);
    }

    #[test]
    fn the_order_of_values_does_not_matter_for_a_mean(
        values in prop::collection::vec(-1e14..1e14_f64, 2..20),
    ) {
        let mean = |values: &mut dyn Iterator<Item = &f64>| {
            let mut accumulator = Accumulator::begin(window(Statistic::Mean), at(0));
            for value in values {
                accumulator.add(&value.to_string(), at(0));
            }
            accumulator.close().unwrap().value
        };
        prop_assert_eq!(mean(&mut values.iter()), mean(&mut values.iter().rev()));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), SAVED_BYTES)) {
        if let Some(accumulator) = Accumulator::restore(&bytes) {
            let _ = accumulator.close();
            let _ = accumulator.until();
        }
    }
}
