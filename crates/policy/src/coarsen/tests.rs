use super::*;
use model::{Category, Group, Notice, Statistic, Window};
use proptest::prelude::*;

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn field(kind: FieldKind, unit: Option<&str>, coarse: &[Coarsening]) -> Field {
    Field {
        kind,
        unit: unit.map(str::to_owned),
        coarse: coarse.to_vec(),
        ..Notice::parse(NOTICE).unwrap().fields.remove(0)
    }
}

fn number(coarse: &[Coarsening]) -> Field {
    field(FieldKind::Number, None, coarse)
}

fn texts(coarse: &[Coarsening]) -> Field {
    field(FieldKind::Text, None, coarse)
}

fn category(groups: &[(&str, &[&str])], otherwise: Option<&str>) -> Coarsening {
    let group = |(label, members): &(&str, &[&str])| Group {
        label: (*label).to_owned(),
        members: members.iter().map(|it| (*it).to_owned()).collect(),
    };
    Coarsening::Category(Category {
        groups: groups.iter().map(group).collect(),
        otherwise: otherwise.map(str::to_owned),
    })
}

fn window(seconds: u32, of: Statistic, least: u32) -> Coarsening {
    Coarsening::Window(Window { seconds, of, least })
}

fn told(coarse: Option<Coarse>) -> String {
    let Some(coarse) = coarse else {
        return "none".to_owned();
    };
    let shown = match &coarse.shown {
        Shown::Present => "present".to_owned(),
        Shown::Flag(flag) => flag.to_string(),
        Shown::Number(value) => value.to_string(),
        Shown::Text(json) => json.clone(),
    };
    let accuracy = coarse.accuracy.map_or("-".to_owned(), |it| it.to_string());
    format!("{shown} ± {accuracy}")
}

/// The first coarse level of a field.
#[track_caller]
fn check_field(field: &Field, raw: &str, expected: &str) {
    let ladder = ladder(field).unwrap();
    let found = Ladder(&ladder).first(1, raw);
    assert_eq!(Ladder(&ladder[..1]).can_show(raw, None), found.is_some());
    assert_eq!(told(found), expected, "{raw}");
}

#[track_caller]
fn check(coarsening: Coarsening, raw: &str, expected: &str) {
    check_field(&number(&[coarsening]), raw, expected);
}

#[test]
fn round_gives_the_nearest_multiple() {
    check(Coarsening::Round(0.5), "21.37", "21.5 ± 0.25");
    check(Coarsening::Round(0.1), "0.3", "0.3 ± 0.05");
    check(Coarsening::Round(0.3), "0.15", "0.3 ± 0.15");
    check(Coarsening::Round(500.0), "-749", "-500 ± 250");
    check(Coarsening::Round(500.0), "-750", "-1000 ± 250");
    check(Coarsening::Round(0.5), "-0.1", "0 ± 0.25");
    check(Coarsening::Round(0.25), "0.375", "0.5 ± 0.125");
    check(Coarsening::Round(500.0), "1e-300", "0 ± 250");
}

#[test]
fn grid_gives_the_middle_of_the_cell() {
    check(Coarsening::Grid(0.01), "31.5204", "31.525 ± 0.005");
    check(Coarsening::Grid(0.01), "-0.001", "-0.005 ± 0.005");
    check(Coarsening::Grid(0.01), "-1e-300", "-0.005 ± 0.005");
    check(Coarsening::Grid(0.1), "0.3", "0.35 ± 0.05");
    check(Coarsening::Grid(1.0), "74.0", "74.5 ± 0.5");
}

#[test]
fn bucket_gives_the_lower_bound_and_the_last_is_open() {
    let bounds = || Coarsening::Bucket(vec![0.0, 0.1, 0.3, 10.0]);
    check(bounds(), "0.2", "0.1 ± 0.2");
    check(bounds(), "0.3", "0.3 ± 9.7");
    check(bounds(), "1e300", "10 ± -");
    check(bounds(), "-0.1", "none");
}

#[test]
fn threshold_says_on_which_side() {
    check(Coarsening::Threshold(30.0), "30", "true ± -");
    check(Coarsening::Threshold(30.0), "29.999", "false ± -");
    check(Coarsening::Threshold(-0.5), "-0.50", "true ± -");
    check(Coarsening::Threshold(0.0), "1e999", "none");
}

#[test]
fn geohash_of_a_coordinate_is_the_middle_of_its_cell() {
    let place = |unit, characters, raw, expected: &str| {
        let coarse = [Coarsening::Geohash(characters)];
        check_field(
            &field(FieldKind::Number, Some(unit), &coarse),
            raw,
            expected,
        );
    };
    // "ttsg" and on: Lahore. Its first cell is 0 to 45 degrees north, 45 to 90 degrees east.
    place("lat", 1, "31.52", "22.5 ± 22.5");
    place("lon", 1, "74.35", "67.5 ± 22.5");
    // The published middle of `ezs42` is 42.605, -5.603 (± 0.022).
    place(
        "lat",
        5,
        "42.6",
        "42.604980 ± 0.021974".replace("80", "8").as_str(),
    );
    place("lon", 5, "-5.6", "-5.603027 ± 0.021974");
    place("lat", 8, "-90", "-89.999914 ± 0.000087");
    place("lat", 8, "90", "89.999914 ± 0.000087");
    place("lon", 3, "180", "179.296875 ± 0.703125");
    place("lat", 2, "-1e-300", "-2.8125 ± 2.8125");
    place("lat", 2, "90.001", "none");
}

#[test]
fn geohash_of_a_text_is_its_start() {
    let text = |raw, expected| check_field(&texts(&[Coarsening::Geohash(4)]), raw, expected);
    text("\"ttsgq2\"", "\"ttsg\" ± -");
    text("\"tts\\u0067q2\"", "\"ttsg\" ± -");
    text("\"tts\"", "none");
    text("\"Lahore\"", "none");
    text("\"ttsgé\"", "none");
    text("\"ttsgq2ttsgq2t\"", "none");
}

#[test]
fn a_category_shows_the_label_of_the_group() {
    let closed = category(
        &[("vehicle", &["car", "bus"]), ("\"animal\"", &["cat"])],
        None,
    );
    let open = category(&[("vehicle", &["car", "bus"])], Some("other"));
    let check = |coarsening: &Coarsening, raw, expected| {
        check_field(&texts(std::slice::from_ref(coarsening)), raw, expected);
    };
    check(&closed, "\"c\\u0061r\"", "\"vehicle\" ± -");
    check(&closed, "\"cat\"", "\"\\\"animal\\\"\" ± -");
    check(&closed, "\"tree\"", "none");
    check(&open, "\"tree\"", "\"other\" ± -");
    check(&open, "\"vehicle\"", "\"other\" ± -");
}

#[test]
fn what_is_too_big_is_not_expressed() {
    check(Coarsening::Round(0.5), "1e999", "none");
    check(Coarsening::Grid(0.5), "1e20", "none");
    check(Coarsening::Bucket(vec![0.0]), "1e999", "none");
    check(Coarsening::Round(1e300), "1.7e308", "17e307 ± 5e299");
    let statistic = number(&[window(60, Statistic::Max, 2)]);
    let ladder = ladder(&statistic).unwrap();
    assert!(Ladder(&ladder).can_show("999999999999999", None));
    assert!(!Ladder(&ladder).can_show("-1000000000000000", None));
}

#[test]
fn impossible_operators_are_not_prepared() {
    let twice = category(&[("a", &["x"]), ("b", &["x"])], None);
    for (wrong, field) in [
        (Coarsening::Round(0.0), number(&[])),
        (Coarsening::Round(f64::NAN), number(&[])),
        (Coarsening::Round(f64::INFINITY), number(&[])),
        (Coarsening::Round(1.0), texts(&[])),
        (Coarsening::Grid(-1.0), number(&[])),
        (Coarsening::Bucket(vec![]), number(&[])),
        (Coarsening::Bucket(vec![1.0, 1.0]), number(&[])),
        (
            Coarsening::Bucket(vec![f64::NEG_INFINITY, 1.0]),
            number(&[]),
        ),
        (Coarsening::Threshold(f64::NAN), number(&[])),
        (Coarsening::Geohash(4), number(&[])),
        (Coarsening::Geohash(0), texts(&[])),
        (Coarsening::Geohash(9), texts(&[])),
        (twice, texts(&[])),
        (category(&[], Some("a")), number(&[])),
        (window(9, Statistic::Mean, 2), number(&[])),
        (window(60, Statistic::Mean, 0), number(&[])),
        (window(60, Statistic::Count, 2), texts(&[])),
    ] {
        let wrong = Field {
            coarse: vec![wrong],
            ..field
        };
        assert!(ladder(&wrong).is_err(), "{:?}", wrong.coarse);
    }
}

#[track_caller]
fn check_order(field: &Field, expected: &str) {
    let found =
        ladder(field).map_or_else(|err| err.to_string(), |it| format!("{} levels", it.len()));
    assert!(found.contains(expected), "{found}");
}

#[test]
fn the_coarsest_stands_first() {
    use Coarsening::{Bucket, Geohash, Grid, Presence, Round, Threshold};
    let wrong = "must be more precise";
    check_order(&number(&[Presence, Round(1.0)]), "2 levels");
    check_order(&number(&[Round(1.0), Presence]), wrong);
    check_order(&number(&[Round(2.0), Grid(1.0)]), "2 levels");
    check_order(&number(&[Round(1.0), Round(1.0)]), wrong);
    check_order(&number(&[Round(1.0), Threshold(3.0), Round(2.0)]), wrong);
    check_order(
        &number(&[Bucket(vec![0.0]), Bucket(vec![0.0, 5.0])]),
        "2 levels",
    );
    check_order(&number(&[Bucket(vec![1.0]), Bucket(vec![0.0, 5.0])]), wrong);
    check_order(&number(&[Threshold(3.0), Threshold(4.0)]), wrong);
    check_order(&texts(&[Geohash(3), Geohash(4)]), "2 levels");
    check_order(&texts(&[Geohash(4), Geohash(4)]), wrong);
    let mean = |seconds| window(seconds, Statistic::Mean, 2);
    check_order(&number(&[mean(3600), mean(900)]), "2 levels");
    check_order(&number(&[mean(900), mean(3600)]), wrong);
    let fine = category(&[("car", &["car"]), ("bus", &["bus"])], Some("rest"));
    let coarse = category(&[("vehicle", &["car", "bus"])], Some("no vehicle"));
    let across = category(&[("vehicle", &["car", "tree"])], Some("others"));
    check_order(&texts(&[coarse.clone(), fine.clone()]), "2 levels");
    check_order(&texts(&[fine.clone(), coarse]), wrong);
    check_order(&texts(&[across, fine]), wrong);
}

#[test]
fn one_label_with_two_meanings_is_refused() {
    let fine = category(&[("car", &["car"]), ("bus", &["bus"])], Some("other"));
    let coarse = category(&[("vehicle", &["car", "bus"])], Some("other"));
    check_order(&texts(&[coarse, fine.clone()]), "2 levels");
    let coarse = category(&[("car", &["car", "bus"])], Some("other"));
    check_order(&texts(&[coarse, fine.clone()]), "a label of its own");
    let coarse = category(&[("wheels", &["car"])], Some("other"));
    check_order(&texts(&[coarse, fine]), "a label of its own");
}

/// A value that was stored, asked at a coarse level (counted from 1).
#[track_caller]
fn check_again(field: &Field, stored: (&str, Option<&str>, Note), level: usize, expected: &str) {
    let (raw, accuracy, note) = stored;
    let mark = Mark {
        field: crate::field_set::FieldIndex(0),
        accuracy: accuracy.and_then(Decimal::parse),
        note,
    };
    let ladder = ladder(field).unwrap();
    assert_eq!(told(Ladder(&ladder).again(level, raw, &mark)), expected);
}

#[test]
fn a_rounded_value_passes_a_threshold_only_where_its_error_cannot_cross_it() {
    let field = number(&[Coarsening::Threshold(30.0), Coarsening::Round(5.0)]);
    let check = |raw, expected| check_again(&field, (raw, Some("2.5"), Note::None), 1, expected);
    check("35", "true ± -");
    check("32.5", "true ± -");
    check("30", "none");
    check("27.5", "none");
    check("27.4", "false ± -");
    check_again(&field, ("35", None, Note::None), 1, "none");
}

#[test]
fn the_side_of_a_threshold_tells_of_others_what_it_can() {
    let bound = |it: &str| Note::Threshold(Decimal::parse(it).unwrap());
    let field = number(&[Coarsening::Threshold(30.0), Coarsening::Round(5.0)]);
    let at = |raw, at, expected| check_again(&field, (raw, None, bound(at)), 1, expected);
    at("true", "30", "true ± -");
    at("false", "30", "false ± -");
    at("true", "31", "true ± -");
    at("true", "29", "none");
    at("false", "29", "false ± -");
    at("false", "31", "none");
    check_again(&field, ("true", None, bound("30")), 2, "true ± -");
    check_again(&field, ("true", None, bound("31")), 2, "none");
    check_again(&field, ("true", None, Note::None), 1, "present ± -");
}

#[test]
fn a_stored_label_is_coarsened_again() {
    let fine = category(
        &[("car", &["car"]), ("bus", &["bus", "coach"])],
        Some("rest"),
    );
    let coarse = category(&[("vehicle", &["car", "bus", "coach"])], Some("no vehicle"));
    let field = texts(&[Coarsening::Presence, coarse, fine]);
    let check = |raw, level, expected| {
        check_again(&field, (raw, None, Note::None), level, expected);
    };
    check("\"bus\"", 3, "\"bus\" ± -");
    check("\"bus\"", 2, "\"vehicle\" ± -");
    check("\"rest\"", 2, "\"no vehicle\" ± -");
    check("\"vehicle\"", 2, "\"vehicle\" ± -");
    check("\"vehicle\"", 3, "\"vehicle\" ± -");
    check("\"unknown\"", 2, "none");
    check("\"bus\"", 1, "present ± -");
    check("true", 3, "present ± -");
}

#[test]
fn a_stored_place_gets_shorter_but_never_longer() {
    let field = texts(&[Coarsening::Geohash(3), Coarsening::Geohash(5)]);
    let check = |raw, level, expected| {
        check_again(&field, (raw, None, Note::None), level, expected);
    };
    check("\"ttsgq\"", 1, "\"tts\" ± -");
    check("\"tts\"", 2, "\"tts\" ± -");
    check("\"ttsg\"", 2, "none");
    check("\"ttsg\"", 1, "\"tts\" ± -");
}

fn scale() -> impl Strategy<Value = Coarsening> {
    let step = prop_oneof![
        prop::sample::select(vec![0.001, 0.01, 0.1, 0.25, 0.3, 0.5, 1.0, 7.0, 500.0]),
        1e-6..1e6_f64,
    ];
    let bounds = prop::collection::vec(bound(), 1..6).prop_map(|mut it| {
        it.sort_by(f64::total_cmp);
        it.dedup();
        it
    });
    prop_oneof![
        step.clone().prop_map(Coarsening::Round),
        step.prop_map(Coarsening::Grid),
        bounds.prop_map(Coarsening::Bucket),
        (1..=8_u8).prop_map(Coarsening::Geohash),
        bound().prop_map(Coarsening::Threshold),
    ]
}

fn bound() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-40..40_i32).prop_map(|it| f64::from(it) * 0.5),
        (-40..40_i32).prop_map(|it| f64::from(it) / 10.0),
        -1e6..1e6_f64,
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        (-2000..2000_i32, 0..4_u32).prop_map(|(it, places)| format!("{it}e-{places}")),
        (-200..200_i32, 0..10_u32).prop_map(|(it, tenth)| format!("{it}.{tenth}")),
        (-180.0..180.0_f64).prop_map(|it| it.to_string()),
        (-1e9..1e9_f64).prop_map(|it| it.to_string()),
        any::<f64>()
            .prop_filter("finite", |it| it.is_finite())
            .prop_map(|it| it.to_string()),
    ]
}

fn place(coarse: &[Coarsening]) -> Vec<Operator> {
    ladder(&field(FieldKind::Number, Some("lat"), coarse)).unwrap()
}

fn float(coarse: &Coarse) -> Option<f64> {
    match coarse.shown {
        Shown::Number(value) => Some(value.to_string().parse().unwrap()),
        Shown::Flag(flag) => Some(f64::from(u8::from(flag))),
        Shown::Present | Shown::Text(_) => None,
    }
}

fn stored(coarse: &Coarse) -> (String, Mark) {
    let raw = match &coarse.shown {
        Shown::Present => "true".to_owned(),
        Shown::Flag(flag) => flag.to_string(),
        Shown::Number(value) => value.to_string(),
        Shown::Text(json) => json.clone(),
    };
    let mark = Mark {
        field: crate::field_set::FieldIndex(0),
        accuracy: coarse.accuracy,
        note: coarse.note,
    };
    (raw, mark)
}

/// Whether what is shown is true of what was measured, exactly.
fn is_honest(coarse: &Coarse, raw: &str) -> bool {
    let measured = Number::read(raw).unwrap();
    match (&coarse.shown, coarse.accuracy, coarse.note) {
        (Shown::Number(shown), Some(accuracy), Note::None) => {
            let Some(off) = shown.minus(measured.exact) else {
                // Too far apart to be compared exactly: one of them is next to nothing.
                let shown: f64 = shown.to_string().parse().unwrap();
                let accuracy: f64 = accuracy.to_string().parse().unwrap();
                return (shown - measured.float).abs() <= accuracy * (1.0 + 1e-12);
            };
            let off = if off.is_negative() {
                off.times(-1).unwrap()
            } else {
                off
            };
            off.compare(accuracy).is_none_or(std::cmp::Ordering::is_le)
        }
        (Shown::Flag(flag), None, Note::Threshold(bound)) => {
            let bound: f64 = bound.to_string().parse().unwrap();
            *flag == (measured.float >= bound)
        }
        (Shown::Number(_) | Shown::Present, None, Note::None) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn coarsening_is_idempotent(coarsening in scale(), raw in value()) {
        let ladder = place(std::slice::from_ref(&coarsening));
        if let Some(once) = Ladder(&ladder).first(1, &raw) {
            let (raw, mark) = stored(&once);
            prop_assert_eq!(Ladder(&ladder).again(1, &raw, &mark), Some(once.clone()));
            let digits = raw.bytes().filter(u8::is_ascii_digit).count();
            if !matches!(coarsening, Coarsening::Threshold(_)) && digits <= 15 {
                prop_assert_eq!(Ladder(&ladder).first(1, &raw), Some(once));
            }
        }
    }

    #[test]
    fn coarsening_is_monotone(coarsening in scale(), a in value(), b in value()) {
        let ladder = place(&[coarsening]);
        let (low, high) = if a.parse::<f64>().unwrap() <= b.parse().unwrap() { (a, b) } else { (b, a) };
        let apply = |raw: &str| Ladder(&ladder).first(1, raw);
        if let (Some(low), Some(high)) = (apply(&low), apply(&high)) {
            prop_assert!(float(&low) <= float(&high));
        }
    }

    #[test]
    fn the_accuracy_is_honest_even_after_two_steps(
        first in scale(),
        second in scale(),
        raw in value(),
    ) {
        let ladder = place(std::slice::from_ref(&first));
        let Some(once) = Ladder(&ladder).first(1, &raw) else {
            prop_assert!(!Ladder(&ladder).can_show(&raw, None));
            return Ok(());
        };
        prop_assert!(Ladder(&ladder).can_show(&raw, None));
        prop_assert!(is_honest(&once, &raw), "{:?}", once);
        let (kept, mark) = stored(&once);
        for ladder in [ladder_of(std::slice::from_ref(&second)), ladder_of(&[second, first])].into_iter().flatten() {
            if let Some(twice) = Ladder(&ladder).again(1, &kept, &mark) {
                prop_assert!(is_honest(&twice, &raw), "{:?} of {:?}", twice, once);
            }
        }
    }

    #[test]
    fn what_is_no_finer_is_a_function_of_the_finer(
        coarse in scale(),
        fine in prop_oneof![scale(), relative()],
        values in prop::collection::vec(value(), 2..40),
    ) {
        let pairs = [(coarse.clone(), fine.clone()), (fine, coarse)];
        for (coarse, fine) in pairs.into_iter().filter(|(a, b)| a.is_no_finer_than(b)) {
            let (a, b) = (place(&[coarse]), place(&[fine]));
            let mut seen: Vec<(Coarse, Coarse)> = vec![];
            for raw in &values {
                if let (Some(a), Some(b)) = (Ladder(&a).first(1, raw), Ladder(&b).first(1, raw)) {
                    let known = seen.iter().find(|it| it.1 == b);
                    prop_assert!(known.is_none_or(|it| it.0 == a), "{}: {:?} of {:?}", raw, a, b);
                    seen.push((a, b));
                }
            }
        }
    }

    #[test]
    fn a_category_that_is_no_finer_is_a_function_of_the_finer(
        coarse in any_category(),
        fine in any_category(),
        both: bool,
    ) {
        let (of_coarse, of_fine) = (ladder(&texts(std::slice::from_ref(&coarse))), ladder(&texts(std::slice::from_ref(&fine))));
        let (Ok(a), Ok(b)) = (of_coarse, of_fine) else { return Ok(()) };
        let field = texts(&[coarse.clone(), fine.clone()]);
        let together = ladder(&field).ok().filter(|_| both);
        let mut seen: Vec<(Option<Coarse>, Option<Coarse>)> = vec![];
        for raw in ["\"t0\"", "\"t1\"", "\"t2\"", "\"t3\"", "\"t4\"", "\"l0\""] {
            let (a, b) = (Ladder(&a).first(1, raw), Ladder(&b).first(1, raw));
            if coarse.is_no_finer_than(&fine) {
                let known = seen.iter().find(|it| it.1 == b);
                prop_assert!(known.is_none_or(|it| it.0 == a), "{}: {:?} of {:?}", raw, a, b);
            }
            if let (Some(together), Some(fine)) = (&together, &b) {
                let (kept, mark) = stored(fine);
                let again = Ladder(together).again(1, &kept, &mark);
                prop_assert_eq!(&again, &a, "a stored label is coarsened like the text itself");
            }
            seen.push((a, b));
        }
    }
}

fn ladder_of(coarse: &[Coarsening]) -> Option<Vec<Operator>> {
    ladder(&field(FieldKind::Number, Some("lat"), coarse)).ok()
}

/// Steps that are multiples of each other, bounds that meet.
fn relative() -> impl Strategy<Value = Coarsening> {
    let steps = vec![0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0];
    prop_oneof![
        prop::sample::select(steps.clone()).prop_map(Coarsening::Round),
        prop::sample::select(steps).prop_map(Coarsening::Grid),
        prop::sample::subsequence(vec![-1.0, 0.0, 0.5, 1.0, 1.5, 10.0], 1..6)
            .prop_map(Coarsening::Bucket),
        prop::sample::select(vec![-0.5, 0.0, 0.5, 1.0, 1.5]).prop_map(Coarsening::Threshold),
    ]
}

fn any_category() -> impl Strategy<Value = Coarsening> {
    let of = prop::collection::vec(prop::option::weighted(0.8, 0..3_usize), 5);
    let otherwise = prop::option::of(0..4_usize);
    (of, otherwise).prop_map(|(of, otherwise)| {
        let label = |it: usize| format!("l{it}");
        let members = |group: usize| {
            let own = of.iter().enumerate().filter(|it| *it.1 == Some(group));
            own.map(|it| format!("t{}", it.0)).collect::<Vec<_>>()
        };
        let groups = (0..3).map(|it| Group {
            label: label(it),
            members: members(it),
        });
        Coarsening::Category(Category {
            groups: groups.filter(|it| !it.members.is_empty()).collect(),
            otherwise: otherwise.map(label),
        })
    })
}
