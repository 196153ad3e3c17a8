use super::*;

const GOOD: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

#[test]
fn a_complete_notice_is_read() {
    let notice = Notice::parse(GOOD).unwrap();
    assert_eq!(notice.deployment.as_str(), "gulberg-home");
    let declaration = notice.declarations.first().unwrap();
    assert_eq!(declaration.basis, LegalBasis::Contract);
    assert!(notice.field(&declaration.fields[0]).is_some());
}

#[track_caller]
fn check(change: impl FnOnce(&str) -> String, expected: &[(&str, &str)]) {
    let changed = change(GOOD);
    assert_ne!(changed, GOOD, "the test changes nothing");
    let problems = Notice::parse(&changed).unwrap_err().problems;
    let found: Vec<_> = problems
        .iter()
        .map(|it| {
            let line = changed.lines().nth(it.line - 1).unwrap_or_default();
            (line.trim(), it.reason.as_str())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_problem_is_reported_at_its_line() {
    check(
        |it| {
            it.replace(
                "kind = \"number\"\nunit = \"W\"",
                "kind = \"float\"\nunit = \"W\"",
            )
            .replace("email = \"privacy@", "email = \"privacy#")
        },
        &[
            (
                "email = \"privacy#gulberg.example\"",
                "`privacy#gulberg.example` is not a mail address",
            ),
            ("kind = \"float\"", "`float` is not a type of field"),
        ],
    );
}

#[test]
fn an_undeclared_name_is_a_problem() {
    check(
        |it| {
            it.replace(
                "recipients = [\"power-utility\"]",
                "recipients = [\"power-utlity\"]",
            )
        },
        &[(
            "recipients = [\"power-utlity\"]",
            "recipient `power-utlity` is not declared",
        )],
    );
}

#[test]
fn a_basis_without_choice_needs_a_source() {
    check(
        |it| it.replacen("basis = \"contract\"", "basis = \"legal-obligation\"", 1),
        &[(
            "basis = \"legal-obligation\"",
            "`legal-obligation` takes the choice from people, so it needs a source",
        )],
    );
}

#[test]
fn an_unknown_key_is_a_problem() {
    let problems = Notice::parse(&format!("colour = \"red\"\n{GOOD}"))
        .unwrap_err()
        .problems;
    assert!(
        problems[0].reason.contains("unknown key `colour`"),
        "{}",
        problems[0]
    );
    assert_eq!(problems[0].line, 1);
}

#[test]
fn a_huge_notice_is_refused_before_it_is_parsed() {
    let problems = Notice::parse(&"#".repeat(MAX_NOTICE_BYTES + 1))
        .unwrap_err()
        .problems;
    assert_eq!(problems.len(), 1);
}

#[test]
fn coarsenings_are_compared_only_where_they_can_be() {
    use Coarsening::{Bucket, Grid, Presence, Round};
    for (coarse, fine) in [
        (Round(300.0), Round(100.0)),
        (Round(0.3), Round(0.1)),
        (Grid(0.1), Grid(0.01)),
        (Bucket(vec![0.0, 100.0]), Bucket(vec![0.0, 50.0, 100.0])),
        (Presence, Round(1.0)),
    ] {
        assert!(coarse.is_no_finer_than(&fine) && coarse.is_no_finer_than(&coarse));
        assert!(!fine.is_no_finer_than(&coarse));
    }
    assert!(
        !Round(150.0).is_no_finer_than(&Round(100.0)),
        "their grids do not match"
    );
    assert!(!Round(1000.0).is_no_finer_than(&Bucket(vec![0.0])));
}
