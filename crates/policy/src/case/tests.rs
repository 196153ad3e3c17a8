use super::*;

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");
const CASE: &str = r#"{
    "about": "contract starts on",
    "people": [[]],
    "grants": [{ "recipient": "power-utility", "purpose": "billing", "from": "2026-01-01T00:00:00Z" }],
    "licence": "active",
    "now": "2026-11-22T00:00:00Z",
    "payload": { "json": { "power": 1200.50, "ssid": "x" } },
    "expect": {
        "undeclared": { "/ssid": "unknown" },
        "lanes": { "power-utility/billing": { "power": 1200.50 } },
        "stored": { "365": { "power": 1200.50 } },
        "why": { "power-utility/billing": { "/power": "on by notice contract" } }
    }
}"#;

#[track_caller]
fn check(case: &str, expected: &[&str]) {
    let found = run(&Case::parse(NOTICE, case).unwrap());
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_case_that_holds_has_no_difference() {
    check(CASE, &[]);
}

#[test]
fn every_kind_of_difference_is_found() {
    check(
        &CASE.replace(
            "\"power\": 1200.50 } },\n        \"stored\"",
            "\"power\": 1200.5 } },\n        \"stored\"",
        ),
        &[r#"lane power-utility/billing: expected {"power":1200.5}, found {"power":1200.50}"#],
    );
    check(
        &CASE.replace(r#""/ssid": "unknown""#, ""),
        &["undeclared /ssid: expected nothing, found unknown"],
    );
    check(
        &CASE.replace("\"365\"", "\"30\""),
        &[
            r#"stored 30: expected {"power":1200.50}, found nothing"#,
            r#"stored 365: expected nothing, found {"power":1200.50}"#,
        ],
    );
    check(
        &CASE.replace("on by notice contract", "off by choice"),
        &["why power-utility/billing /power: expected off by choice, found on by notice contract"],
    );
    check(
        &CASE.replace(r#""expect": {"#, r#""expect": { "errors": ["/power"],"#),
        &["error /power: expected not-coarsenable, found nothing"],
    );
}

#[test]
fn a_case_outside_of_the_format_is_not_run() {
    let wrong = |from: &str, to: &str| Case::parse(NOTICE, &CASE.replace(from, to)).unwrap_err();
    let text = |it: CaseError| it.to_string();
    assert_eq!(
        text(wrong("\"active\"", "\"actve\"")),
        "`actve` is not a licence state"
    );
    assert_eq!(
        text(wrong("\"about\"", "\"abot\"")),
        "the case cannot be read"
    );
    assert_eq!(
        text(wrong(
            r#""licence""#,
            r#""caps": [{ "most": "off" }], "licence""#
        )),
        "`off` is not the level of a cap on either a sensitivity or a field"
    );
    assert!(matches!(Case::parse("", CASE), Err(CaseError::Notice(_))));
}

#[test]
fn a_case_names_the_notice_that_it_shares() {
    let shared = |name: &str| {
        let case = CASE.replacen('{', &format!(r#"{{ "notice": "{name}","#), 1);
        shared_notice(&case).map(|it| it.map(|it| it.file().to_owned()))
    };
    assert_eq!(shared_notice(CASE).unwrap(), None);
    assert_eq!(shared("home").unwrap().unwrap(), "home.toml");
    assert_eq!(shared("home-2.json").unwrap().unwrap(), "home-2.json");
    for wrong in [
        "",
        "../home",
        "a/b",
        "home.yaml",
        ".toml",
        "a b",
        "h\\u00f6me",
    ] {
        assert!(shared(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn people_have_roles_or_every_role() {
    let people = |people: &str| {
        let case = CASE.replace(r#""people": [[]]"#, &format!(r#""people": [{people}]"#));
        Case::parse(NOTICE, &case).map(|it| it.people[0].roles)
    };
    assert_eq!(people("[]").unwrap(), Roles::ALL);
    assert_eq!(people(r#"{ "roles": [] }"#).unwrap(), Roles::NONE);
    let holder = Roles::NONE.with(model::Role::Holder);
    assert_eq!(
        people(r#"{ "roles": ["holder"], "choices": [] }"#).unwrap(),
        holder
    );
    assert!(people(r#"{ "roles": ["owner"] }"#).is_err());
    assert!(people(r#"{ "choices": [] }"#).is_err());
}

#[test]
fn a_case_has_one_message_or_several() {
    let one = r#""now": "2026-11-22T00:00:00Z","#;
    let without = CASE.replace(one, "");
    assert!(matches!(
        Case::parse(NOTICE, &without),
        Err(CaseError::Messages)
    ));
    let both = CASE.replace(one, r#""now": "2026-11-22T00:00:00Z", "messages": [{ "at": "2026-11-22T00:00:00Z", "payload": { "text": "" } }],"#);
    assert!(matches!(
        Case::parse(NOTICE, &both),
        Err(CaseError::Messages)
    ));
}

#[test]
fn bytes_are_written_as_pairs_of_digits() {
    let payload = |hex: &str| {
        let case = CASE.replace(
            r#"{ "json": { "power": 1200.50, "ssid": "x" } }"#,
            &format!(r#"{{ "hex": "{hex}" }}"#),
        );
        Case::parse(NOTICE, &case).map(|it| it.messages[0].payload.clone())
    };
    assert_eq!(payload("7b 7D").unwrap(), b"{}");
    assert_eq!(payload("").unwrap(), b"");
    assert!(payload("7").is_err());
    assert!(payload("zz").is_err());
}
