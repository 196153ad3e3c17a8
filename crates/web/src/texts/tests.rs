//! Messages: the same in every language, all defined, all used, plain to read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;
use jiff::tz::TimeZone;
use model::{
    Chamber, Coarsening, EntryKind, Field, FieldKind, Language, LegalBasis, Level, LicenceState,
    Pointer, Sensitivity, Text, Timestamp,
};

use super::{Texts, instant, sources};

/// Keys with the variables that their messages use.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for source in sources(language) {
        let resource =
            parser::parse(*source).unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
        for entry in resource.body {
            let Entry::Message(message) = entry else {
                assert!(
                    matches!(entry, Entry::Comment(_) | Entry::GroupComment(_)),
                    "{entry:?}"
                );
                continue;
            };
            let mut variables = BTreeSet::new();
            variables_of(&message.value.unwrap(), &mut variables);
            let twice = found.insert(message.id.name.to_owned(), variables);
            assert_eq!(twice, None, "`{}` is defined twice", message.id.name);
        }
    }
    found
}

fn variables_of(pattern: &Pattern<&str>, out: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else {
            continue;
        };
        match expression {
            Expression::Inline(inline) => variable(inline, out),
            Expression::Select { selector, variants } => {
                variable(selector, out);
                variants.iter().for_each(|it| variables_of(&it.value, out));
            }
        }
    }
}

fn variable(inline: &InlineExpression<&str>, out: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            out.insert(id.name.to_owned());
        }
        InlineExpression::Placeable { expression } => {
            if let Expression::Inline(inner) = &**expression {
                variable(inner, out);
            }
        }
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        other => panic!("not used here: {other:?}"),
    }
}

/// The sources and templates without their tests.
fn code() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("src"), root.join("templates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|it| it == "rs" || it == "html")
                && !path.ends_with("tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                found.push(text.split("mod tests {").next().unwrap().to_owned());
            }
        }
    }
    found
}

/// Every text literal: a key that stands in none of them is shown nowhere.
fn literals() -> BTreeSet<String> {
    code()
        .iter()
        .flat_map(|it| it.split('"'))
        .map(str::to_owned)
        .collect()
}

/// Every key that code asks for directly. Keys that a `match` picks are asked for by the tests that walk the match.
fn asked_for() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in code() {
        for call in [".say(\"", ".with(\""] {
            let keys = text
                .split(call)
                .skip(1)
                .filter_map(|it| it.split('"').next());
            found.extend(keys.map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_message_stands_in_every_language_with_the_same_values() {
    assert_eq!(messages(Language::En), messages(Language::Ur));
}

#[test]
fn every_message_is_used() {
    let literals = literals();
    let unused: Vec<_> = messages(Language::En)
        .into_keys()
        .filter(|it| !literals.contains(it))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_message_that_a_template_asks_for_is_defined() {
    let defined = messages(Language::En);
    let missing: Vec<_> = asked_for()
        .into_iter()
        .filter(|it| !defined.contains_key(it))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_word_of_the_domain_has_a_message() {
    let texts = texts(Language::En);
    let mut words = BTreeSet::new();
    for state in LicenceState::ALL {
        words.insert(texts.licence(&state));
        words.insert(texts.licence_means(&state));
    }
    words.extend(Chamber::ALL.iter().map(|it| texts.chamber(it)));
    words.extend(LegalBasis::ALL.iter().map(|it| texts.basis(it)));
    words.extend(Sensitivity::ALL.iter().map(|it| texts.sensitivity(it)));
    words.extend(
        EntryKind::ALL
            .iter()
            .map(|it| texts.act(it, "X", Some(("Y", "Z")))),
    );
    let count = 2 * LicenceState::ALL.len() + Chamber::ALL.len() + LegalBasis::ALL.len();
    assert_eq!(
        words.len(),
        count + Sensitivity::ALL.len() + EntryKind::ALL.len()
    );
}

fn texts(language: Language) -> Texts {
    Texts::new(language, TimeZone::get("Asia/Karachi").unwrap())
}

#[test]
fn dates_follow_the_time_zone_and_have_latin_digits() {
    let at = Timestamp::parse("2026-11-22T19:30:05Z").unwrap();
    insta::assert_snapshot!(texts(Language::En).moment(&at), @"23 November 2026, 00:30:05");
    insta::assert_snapshot!(texts(Language::En).weekday(&at), @"Monday, 23 November 2026");
    let urdu: String = texts(Language::Ur)
        .weekday(&at)
        .chars()
        .filter(|it| !is_isolate(*it))
        .collect();
    insta::assert_snapshot!(urdu, @"پیر، 23 نومبر 2026");
    let start = texts(Language::En).start_of_day(&at);
    assert_eq!(start, Timestamp::parse("2026-11-22T19:00:00Z").unwrap());
}

fn is_isolate(char: char) -> bool {
    matches!(char, '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[test]
fn values_in_urdu_are_isolated_and_dates_run_right_to_left() {
    let entry = texts(Language::Ur)
        .with("entry-title")
        .set("index", 7_u64)
        .to_string();
    assert!(entry.contains("\u{2068}7\u{2069}"), "{entry:?}");
    let at = Timestamp::parse("2026-11-22T19:30:05Z").unwrap();
    assert!(texts(Language::Ur).day(&at).starts_with('\u{200f}'));
    assert!(!texts(Language::En).moment(&at).chars().any(is_isolate));
}

#[test]
fn numbers_are_counted_and_grouped() {
    let count = |language, count: u64| {
        let text = texts(language)
            .with("record-count")
            .set("count", count)
            .to_string();
        text.chars()
            .filter(|it| !is_isolate(*it))
            .collect::<String>()
    };
    insta::assert_snapshot!(count(Language::En, 1), @"The record holds one entry.");
    insta::assert_snapshot!(count(Language::En, 1_234_567), @"The record holds 1,234,567 entries.");
    insta::assert_snapshot!(count(Language::Ur, 1), @"ریکارڈ میں ایک اندراج ہے۔");
    insta::assert_snapshot!(count(Language::Ur, 20), @"ریکارڈ میں 20 اندراج ہیں۔");
    assert_eq!(texts(Language::En).number(&-12_345), "-12,345");
    assert_eq!(texts(Language::En).number(&999), "999");
}

#[test]
fn levels_say_how_exact_they_are() {
    let field = Field {
        pointer: Pointer::parse("/x").unwrap(),
        title: Text {
            en: "x".into(),
            ur: "x".into(),
        },
        kind: FieldKind::Number,
        unit: Some("Cel".to_owned()),
        range: None,
        sensitivity: Sensitivity::Low,
        data: None,
        about: model::Roles::ALL,
        tells_presence: false,
        made_by: None,
        coarse: vec![
            Coarsening::Presence,
            Coarsening::Bucket(vec![0.0, 10.0, 20.5]),
            Coarsening::Round(0.5),
            Coarsening::Grid(0.01),
            Coarsening::Grid(0.005),
            Coarsening::Grid(0.1),
        ],
    };
    let words = |level| {
        texts(Language::En)
            .level(&field, &level)
            .replace('\u{a0}', " ")
    };
    assert_eq!(words(Level::OFF), "Off");
    assert_eq!(words(Level::ON), "Exact");
    let coarse: Vec<_> = (1..=7)
        .map(|it| words(Level::coarse(it).unwrap()))
        .collect();
    insta::assert_snapshot!(coarse.join("\n"), @r"
    Only that there was a value
    Only the step: 0, 10, 20.5 °C
    To within ± 0.25 °C
    A square about 1.1 km wide
    A square about 560 m wide
    A square about 11 km wide
    Off
    ");
}

#[test]
fn levels_of_times_are_told_in_minutes_hours_or_days() {
    let field = |unit: &str, steps: &[f64]| Field {
        pointer: Pointer::parse("/x").unwrap(),
        title: Text {
            en: "x".into(),
            ur: "x".into(),
        },
        kind: FieldKind::Number,
        unit: Some(unit.to_owned()),
        range: None,
        sensitivity: Sensitivity::Low,
        data: None,
        about: model::Roles::ALL,
        tells_presence: false,
        made_by: None,
        coarse: steps.iter().map(|it| Coarsening::Round(*it)).collect(),
    };
    let words = |language, unit: &str, step: f64| {
        let level = Level::coarse(1).unwrap();
        let words = texts(language).level(&field(unit, &[step]), &level);
        let words = words.chars().filter(|it| !is_isolate(*it));
        words.collect::<String>().replace('\u{a0}', " ")
    };
    let english = |unit, step| words(Language::En, unit, step);
    assert_eq!(english("unix-s", 3_600.0), "To within ± 30 minutes");
    assert_eq!(english("s", 120.0), "To within ± 1 minute");
    assert_eq!(english("s", 7_200.0), "To within ± 1 hour");
    assert_eq!(english("s", 10_800.0), "To within ± 90 minutes");
    assert_eq!(english("unix-s", 345_600.0), "To within ± 2 days");
    assert_eq!(english("unix-s", 60.0), "To within ± 30 s");
    assert_eq!(english("s", 1.0), "To within ± 0.5 s");
    assert_eq!(english("min", 60.0), "To within ± 30 min");
    assert_eq!(words(Language::Ur, "unix-s", 3_600.0), "فرق ± 30 منٹ تک");
    assert_eq!(words(Language::Ur, "unix-s", 14_400.0), "فرق ± 2 گھنٹے تک");
    let mut steps = field("unix-s", &[]);
    steps.coarse = vec![Coarsening::Bucket(vec![0.0, 1_432_005_420.0])];
    assert_eq!(
        texts(Language::En).level(&steps, &Level::coarse(1).unwrap()),
        "Only the step: 1 January 1970, 05:00:00, 19 May 2015, 08:17:00"
    );
}

#[test]
fn periods_are_told_in_years_or_months_where_they_are_nearly_whole() {
    let words = |language, days: u16| {
        let words = texts(language).period(&days);
        words.chars().filter(|it| !is_isolate(*it)).collect()
    };
    let check = |days, expected: &str| {
        let words: String = words(Language::En, days);
        assert_eq!(words, expected, "{days}");
    };
    check(1, "1 day");
    check(30, "30 days");
    check(59, "59 days");
    check(60, "2 months");
    check(92, "3 months");
    check(93, "93 days");
    check(183, "6 months");
    check(364, "12 months");
    check(365, "1 year");
    check(366, "1 year");
    check(367, "367 days");
    check(548, "18 months");
    check(730, "2 years");
    check(1_826, "5 years");
    check(2_557, "7 years");
    check(2_558, "2,558 days");
    check(u16::MAX, "65,535 days");
    let urdu = |days| -> String { words(Language::Ur, days) };
    assert_eq!(urdu(2_557), "7 سال");
    assert_eq!(urdu(180), "6 مہینے");
    assert_eq!(urdu(45), "45 دن");
    let exact = texts(Language::En).exact_period(2_557);
    assert_eq!(exact, "7 years (2,557 days)");
    assert_eq!(texts(Language::En).exact_period(45), "45 days");
}

#[test]
fn one_is_left_out_behind_each() {
    let words = |language, seconds: u32| -> String {
        let words = texts(language).each(seconds);
        words.chars().filter(|it| !is_isolate(*it)).collect()
    };
    let check = |seconds, english: &str, urdu: &str| {
        assert_eq!(words(Language::En, seconds), english);
        assert_eq!(words(Language::Ur, seconds), urdu);
    };
    check(1, "second", "سیکنڈ");
    check(90, "90 seconds", "90 سیکنڈ");
    check(60, "minute", "منٹ");
    check(900, "15 minutes", "15 منٹ");
    check(3_600, "hour", "گھنٹے");
    check(7_200, "2 hours", "2 گھنٹے");
    check(86_400, "day", "دن");
    check(172_800, "2 days", "2 دن");
}

/// A Latin mark between Urdu sentences comes from a template that joins texts by itself.
#[test]
fn templates_leave_marks_between_sentences_to_the_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = fs::read_to_string(&path).unwrap();
        for mark in ["}}.", "}},", "}};", "}}?", "}}!"] {
            assert!(!source.contains(mark), "`{mark}` in {}", path.display());
        }
    }
}

#[test]
fn only_numbers_in_range_are_moments() {
    let check = |text: &str, millis: Option<i64>| {
        assert_eq!(instant(text), millis.map(Timestamp::from_millis), "{text}");
    };
    check("1432005420", Some(1_432_005_420_000));
    check("1432005420.25", Some(1_432_005_420_250));
    check("-1", Some(-1_000));
    check("1.4e9", Some(1_400_000_000_000));
    for wrong in ["yes", "", "NaN", "inf", "1e300", "1e15"] {
        check(wrong, None);
    }
}

/// Flesch–Kincaid grade of a text; a rough meter, but the same for everyone.
fn grade(text: &str) -> f64 {
    let sentences = text.matches(['.', '?', '!', ':']).count().max(1);
    let words: Vec<_> = text
        .split_whitespace()
        .filter(|it| it.contains(char::is_alphabetic))
        .collect();
    let syllables: usize = words.iter().map(|it| syllables(it)).sum();
    let words = words.len().max(1) as f64;
    0.39 * words / sentences as f64 + 11.8 * syllables as f64 / words - 15.59
}

fn syllables(word: &str) -> usize {
    let word = word.to_lowercase();
    let word = word.trim_matches(|it: char| !it.is_alphabetic());
    let word = word.strip_suffix('e').unwrap_or(word);
    let vowel = |it: char| "aeiouy".contains(it);
    let starts = word.chars().zip(word.chars().skip(1));
    let count = starts.filter(|(a, b)| !vowel(*a) && vowel(*b)).count();
    (count + usize::from(word.starts_with(vowel))).max(1)
}

#[test]
fn english_can_be_read_after_nine_years_of_school() {
    let mut all = String::new();
    for source in sources(Language::En) {
        for line in source
            .lines()
            .filter(|it| !it.starts_with('#') && !it.contains("->"))
        {
            let text = line.split_once(" = ").map_or(line, |(_, text)| text);
            // Single sentences may be harder than the whole, labels are no sentences.
            if text.split_whitespace().count() >= 8 {
                let grade = grade(text);
                assert!(grade <= 12.5, "grade {grade:.1}: {text}");
                all.push_str(text);
                all.push('\n');
            }
        }
    }
    let grade = grade(&all);
    assert!(grade <= 9.0, "{grade:.1}");
}

#[test]
fn urdu_uses_only_letters_of_its_own_and_latin_digits() {
    for source in sources(Language::Ur) {
        for wrong in ['ي', 'ك', 'ه', 'ى', '۰', '۱', '۲', '۹', '٠', '١'] {
            assert!(
                !source.contains(wrong),
                "`{wrong}` in {}",
                source.lines().find(|it| it.contains(wrong)).unwrap()
            );
        }
    }
}
