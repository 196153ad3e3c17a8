use std::sync::Arc;

use model::Notice;
use policy::Schema;

use super::*;

fn schema() -> Arc<Schema> {
    let notice = Notice::parse(include_str!("../../../tests/it/home.toml")).unwrap();
    Schema::compile(&notice).unwrap()
}

#[track_caller]
fn check(body: &str, expected: Option<(&str, bool)>) {
    let found = declared(&schema(), body.as_bytes());
    let found = found.map(|(body, trimmed)| (String::from_utf8(body).unwrap(), trimmed));
    let expected = expected.map(|(body, trimmed)| (body.to_owned(), trimmed));
    assert_eq!(found, expected, "{body}");
}

#[test]
fn only_what_the_notice_declares_is_taken_from_a_body() {
    let whole = r#"{"power":1210.50,"room":{"temperature":21}}"#;
    check(whole, Some((whole, false)));
    let marked = r#"{"power":1000,"@coarse":{"/power":250}}"#;
    check(marked, Some((marked, false)));
    let window = r#"{"power":1.5,"@coarse":{"/power":null},"@window":{"/power":{"from":"2026-07-30T10:00:00Z","until":"2026-07-30T10:15:00Z","of":"mean","count":12}}}"#;
    check(window, Some((window, false)));
    check(
        r#"{"power":1,"ssid":"secret"}"#,
        Some((r#"{"power":1}"#, true)),
    );
    check(r#"{"ssid":"secret"}"#, None);
    check(r#"{"power":"text"}"#, None);
    check("{}", None);
    check("7", None);
}

#[test]
fn names_of_the_platform_cannot_be_brought_in() {
    // The mark of a reading that is on its way to somebody's own endpoint, first and nested.
    for body in [
        r#"{"@to":"aaaaaaaaaaaaaaaaaaaaaaaaaa","power":1}"#,
        r#"{"power":1,"room":{"@hidden":"x"}}"#,
        r#"{"@for":"aaaaaaaaaaaaaaaaaaaaaaaaaa","@value":{"power":1}}"#,
    ] {
        let found = declared(&schema(), body.as_bytes());
        let found = found.map(|it| String::from_utf8(it.0).unwrap());
        assert_eq!(found.as_deref(), Some(r#"{"power":1}"#), "{body}");
    }
}

#[test]
fn a_reading_vanishes_when_it_was_promised_or_whole_days_earlier() {
    let at = Timestamp::from_millis(1_790_000_000_123);
    let kept = |millis| {
        let kept = kept_for(at, at.plus_millis(millis), 30);
        kept.map(|it| it.as_days())
    };
    assert_eq!(kept(30 * DAY_MILLIS), Some(30));
    assert_eq!(kept(7 * DAY_MILLIS), Some(7));
    assert_eq!(kept(0), Some(0));
    for other in [31 * DAY_MILLIS, 7 * DAY_MILLIS + 1, -DAY_MILLIS, -1] {
        assert_eq!(kept(other), None, "{other}");
    }
    assert_eq!(kept_for(at, at, 0), None, "live only is not in an export");
    let far = Timestamp::from_millis(i64::MAX);
    assert_eq!(kept_for(Timestamp::from_millis(-5), far, 30), None);
}

#[test]
fn names_of_files_say_of_what_they_are() {
    let found = of_thing("readings/home/meter-1.jsonl").unwrap();
    assert_eq!((found.0.as_str(), found.1.as_str()), ("home", "meter-1"));
    for other in [
        "readings/home/meter-1.csv",
        "readings/meter-1.jsonl",
        "consent/home/meter-1.jsonl",
        "readings/home/a/b.jsonl",
    ] {
        assert_eq!(of_thing(other), None, "{other}");
    }
}
