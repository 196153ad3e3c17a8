//! What a declaration may say, and that it is read exactly.

use super::*;

const GOOD: &str = r#"{"id":"home-energy","title":{"en":"Energy","ur":"توانائی"},"deployment":"home",
    "recipient":"university","purpose":"research","field":"/power","each":"mean","decimals":1,"low":"0","high":"100.5",
    "steps":10,"period":"day","offset-minutes":300,"budget":"1","least-people":5,
    "releases":[{"figure":"mean","epsilon":"0.5"},{"figure":"quantile-50","epsilon":"0.5"}]}"#;

fn good() -> DeclaredStatistic {
    DeclaredStatistic::parse(GOOD).unwrap()
}

#[test]
fn a_declaration_reads_back_as_it_is_kept() {
    let found = good();
    assert_eq!((found.low, found.high, found.step()), (0, 1_005, 101));
    assert_eq!(DeclaredStatistic::parse(&found.to_json()), Ok(found));
}

#[test]
fn what_is_wrong_with_a_declaration_is_named() {
    for (from, to, expected) in [
        (r#""low":"0""#, r#""low":"0.25""#, "`low` is no number"),
        (r#""low":"0""#, r#""low":"100.5""#, "`low` must be below"),
        (r#""budget":"1""#, r#""budget":"0.9""#, "cost more than"),
        (
            r#""budget":"1""#,
            r#""budget":"11""#,
            "`budget`: an epsilon is",
        ),
        (r#""least-people":5"#, r#""least-people":4"#, "at least 5"),
        (
            r#""figure":"mean""#,
            r#""figure":"mode""#,
            "`mode` is no figure",
        ),
        (
            r#""figure":"mean""#,
            r#""figure":"quantile-050""#,
            "no figure",
        ),
        (
            r#""figure":"mean""#,
            r#""figure":"quantile-50""#,
            "each once",
        ),
        (r#""decimals":1"#, r#""decimals":7"#, "0 to 6"),
        (r#""steps":10"#, r#""steps":51"#, "`steps`"),
        (r#""period":"day""#, r#""period":"year""#, "cannot be read"),
        (r#""en":"Energy""#, r#""en":"""#, "`title`"),
        (
            r#""id":"home-energy""#,
            r#""id":"Home""#,
            "`id` is no identifier",
        ),
        (r#""id""#, r#""x":1,"id""#, "cannot be read"),
        (
            r#""offset-minutes":300"#,
            r#""offset-minutes":3000"#,
            "offset",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let found = DeclaredStatistic::parse(&GOOD.replacen(from, to, 1));
        let said = found.unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn numbers_are_exact_in_both_directions() {
    for (text, decimals, value) in [
        ("0", 0, 0),
        ("-12.5", 1, -125),
        ("-0.05", 2, -5),
        ("7", 3, 7_000),
    ] {
        assert_eq!(units(text, decimals), Some(value), "{text}");
    }
    assert_eq!(
        (shown(-5, 2), shown(7_000, 3)),
        ("-0.05".to_owned(), "7.000".to_owned())
    );
    for bad in ["", "-", "1e3", ".5", "1.23", "٣", "1000000000001"] {
        assert_eq!(units(bad, 1), None, "{bad}");
    }
}

#[test]
fn a_day_begins_where_it_does_for_people_and_a_week_on_monday() {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let day = good();
    let noon = at("2026-11-23T12:00:00Z");
    assert_eq!(day.period_of(noon), at("2026-11-22T19:00:00Z"));
    assert_eq!(day.end_of(day.period_of(noon)), at("2026-11-23T19:00:00Z"));
    assert_eq!(
        day.period_of(at("2026-11-23T19:00:00Z")),
        at("2026-11-23T19:00:00Z")
    );
    let week = DeclaredStatistic {
        period: Period::Week,
        ..good()
    };
    // 2026-11-23 is a Monday.
    let sunday = at("2026-11-22T18:59:59Z");
    assert_eq!(week.period_of(sunday), at("2026-11-15T19:00:00Z"));
    assert_eq!(week.period_of(noon), at("2026-11-22T19:00:00Z"));
}

#[test]
fn a_month_is_one_of_the_calendar_where_people_are() {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let month = DeclaredStatistic {
        period: Period::Month,
        ..good()
    };
    // 1 March 2028 begins in Karachi when it is 19:00 of 29 February in Greenwich.
    for (within, begins, ends) in [
        (
            "2028-02-29T18:59:59Z",
            "2028-01-31T19:00:00Z",
            "2028-02-29T19:00:00Z",
        ),
        (
            "2028-02-29T19:00:00Z",
            "2028-02-29T19:00:00Z",
            "2028-03-31T19:00:00Z",
        ),
        (
            "2027-01-01T00:00:00Z",
            "2026-12-31T19:00:00Z",
            "2027-01-31T19:00:00Z",
        ),
    ] {
        let from = month.period_of(at(within));
        assert_eq!(
            (from, month.end_of(from)),
            (at(begins), at(ends)),
            "{within}"
        );
        assert_eq!(
            month.end_of(month.before(from)),
            from,
            "no gap before {within}"
        );
    }
    let text = GOOD.replace(r#""period":"day""#, r#""period":"month""#);
    assert_eq!(DeclaredStatistic::parse(&text), Ok(month));
}

#[test]
fn every_value_is_in_one_step() {
    let declared = good();
    let begins = declared.step_begins();
    assert_eq!(begins.len(), 10);
    for value in -3..1_010 {
        let bin = declared.bin(value);
        let within = value.clamp(0, 1_005);
        assert!(begins[bin] <= within, "{value} is in {bin}");
        assert!(
            begins.get(bin + 1).is_none_or(|end| within < *end),
            "{value}"
        );
    }
}
