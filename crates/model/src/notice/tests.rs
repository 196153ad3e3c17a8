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

#[track_caller]
fn published(change: impl FnOnce(&str) -> String) -> PublishedNotice {
    let changed = change(GOOD);
    assert_ne!(changed, GOOD, "the test changes nothing");
    assert!(Notice::parse(&changed).is_err(), "a new one may not say it");
    Notice::parse_published(&changed).unwrap()
}

#[test]
fn a_published_notice_without_problems_is_read_as_it_stands() {
    let read = Notice::parse_published(GOOD).unwrap();
    assert_eq!(read.notice, Notice::parse(GOOD).unwrap());
    assert!(read.problems.is_empty() && !read.is_cut);
}

#[test]
fn rules_of_form_that_came_later_do_not_keep_a_notice_from_being_read() {
    let good = Notice::parse(GOOD).unwrap();
    let read = published(|it| {
        let dpv = it.find("dpv = \"").unwrap();
        let end = it[dpv..].find('\n').unwrap() + dpv;
        format!("{}dpv = \"dpv:NoSuchPurpose\"{}", &it[..dpv], &it[end..])
    });
    assert!(!read.is_cut);
    assert_eq!(read.problems.len(), 1, "{:?}", read.problems);
    assert_eq!(read.notice.declarations, good.declarations);
    let read = published(|it| it.replace("phone = \"+92 ", "phone = \"0"));
    assert!(!read.is_cut);
    assert_eq!(read.notice.declarations, good.declarations);
    assert_eq!(read.notice.fields, good.fields);
    // It is clear what this means.
    let read = published(|it| it.replacen("precision = \"on\"", "precision = \"off\"", 1));
    assert!(!read.is_cut);
    let off = read
        .notice
        .declarations
        .iter()
        .filter(|it| it.precision == Level::OFF);
    assert_eq!(off.count(), 1);
    assert_eq!(read.notice.declarations.len(), good.declarations.len());
}

/// Every field × purpose × recipient with what passes and how long it is kept, as the most restrictive declaration says.
fn passing(notice: &Notice) -> std::collections::BTreeMap<String, (Level, Retention)> {
    let mut all = std::collections::BTreeMap::new();
    for it in &notice.declarations {
        for (field, recipient) in it.fields.iter().flat_map(|field| {
            it.recipients
                .iter()
                .map(move |recipient| (field, recipient))
        }) {
            if notice.field(field).is_none() || notice.recipient(recipient).is_none() {
                continue;
            }
            let known = all
                .entry(format!("{field} {} {recipient}", it.purpose))
                .or_insert((it.precision, it.retention));
            known.0 = known.0.meet(it.precision);
            known.1 = known.1.min(it.retention);
        }
    }
    all
}

#[test]
fn what_nobody_understands_takes_everything_with_it_that_it_may_have_limited() {
    let good = Notice::parse(GOOD).unwrap();
    // A second declaration that limits the first, in words that nobody knows any more.
    let first = good.declarations.first().unwrap();
    let limiting = format!(
        "\n[[declarations]]\nfields = [\"{}\"]\npurpose = \"{}\"\nbasis = \"consent\"\nrecipients = [\"{}\"]\nretention-days = 1\nprecision = \"blurred\"\n",
        first.fields[0], first.purpose, first.recipients[0],
    );
    let read = published(|it| format!("{it}{limiting}"));
    assert!(read.is_cut);
    let gone = format!(
        "{} {} {}",
        first.fields[0], first.purpose, first.recipients[0]
    );
    assert!(passing(&good).contains_key(&gone));
    assert!(!passing(&read.notice).contains_key(&gone));
    // A key that nobody knows, outside of every entry.
    let read = published(|it| format!("only-at-night = true\n{it}"));
    assert!(read.is_cut && read.notice.declarations.is_empty());
    assert_eq!(read.notice.title, good.title);
    let read = published(|it| it.replacen("version = ", "only-at-night = true\nversion = ", 1));
    assert!(read.is_cut && read.notice.declarations.is_empty());
    // Who is meant cannot be found any more.
    let read = published(|it| it.replacen("version = ", "subject-field = \"/who\"\nversion = ", 1));
    assert!(read.notice.declarations.is_empty() && read.notice.subject_field.is_none());
    // A text that people read has a stand-in.
    let read = published(|it| it.replacen("\n[contact]", "\n[contact]\nfax = \"1\"", 1));
    assert!(read.is_cut && read.notice.contact.email == "-");
    assert_eq!(read.notice.declarations, good.declarations);
    // A role that nobody knows: whose choice counts for this field?
    let read =
        published(|it| it.replacen("sensitivity = ", "about = [\"lodger\"]\nsensitivity = ", 1));
    assert!(read.notice.field(&good.fields[0].pointer).is_none());
    // What does not say which notice it is cannot be one.
    let unnamed = GOOD.replacen("version = 1", "version = 0", 1);
    assert!(Notice::parse_published(&unnamed).is_err());
    assert!(Notice::parse_published("deployment = ").is_err());
}

#[test]
fn no_damage_to_a_notice_lets_more_pass_than_the_notice_did() {
    let rich = include_str!("../../../../corpus/notice/valid/source-switches.toml");
    let json = Notice::parse(GOOD).unwrap().to_json();
    let windows = include_str!("../../../../corpus/notice/valid/senml-windows.toml");
    for good in [GOOD, rich, windows, json.as_str()] {
        let allowed = passing(&Notice::parse(good).unwrap());
        let lines: Vec<&str> = good.lines().collect();
        let mut cut = 0;
        for damaged in 0..lines.len() {
            for (find, with) in [
                ("= ", "= \"?\" #"),
                ("\"", "\"?"),
                (": ", ": [1],\"?\": "),
                ("e", "x"),
            ] {
                let line = lines[damaged].replacen(find, with, 1);
                let mut changed = lines.clone();
                changed[damaged] = &line;
                let text = changed.join("\n");
                let Ok(read) = Notice::parse_published(&text) else {
                    continue;
                };
                cut += usize::from(read.is_cut);
                for (what, (level, retention)) in passing(&read.notice) {
                    // A damage may read as another valid notice; it is then one that could be published.
                    if Notice::parse(&text).is_ok() {
                        continue;
                    }
                    let known = allowed.get(&what);
                    let is_less = known.is_some_and(|it| level <= it.0 && retention <= it.1);
                    assert!(is_less, "{what} passes after line {damaged}: {line}");
                }
                assert!(
                    Notice::parse(&text).is_ok() || !read.problems.is_empty(),
                    "{line}"
                );
            }
        }
        assert!(cut > 50, "{cut}");
    }
}

const COMMANDS: &str = include_str!("../../../../corpus/notice/valid/commands.toml");

#[test]
fn a_command_that_can_do_more_is_said_to_reveal_more() {
    let old = Notice::parse(COMMANDS).unwrap();
    let check = |from: &str, to: &str, expected: Option<(ChangeEffect, &str)>| {
        assert_eq!(COMMANDS.matches(from).count(), 1, "{from}");
        let new = Notice::parse(&COMMANDS.replace(from, to)).unwrap();
        let changes = notice_diff(&old, &new);
        let found: Vec<_> = changes.into_iter().map(|it| (it.effect, it.what)).collect();
        let expected = expected.map(|(effect, id)| {
            let id = crate::CommandName::parse(id).unwrap();
            (effect, Changed::CommandChanged(id))
        });
        assert_eq!(found, Vec::from_iter(expected), "{from} → {to}");
    };
    let gate = |effect| Some((effect, "open-gate"));
    check("max = 80", "max = 90", gate(ChangeEffect::More));
    check("max = 80", "max = 70", gate(ChangeEffect::Less));
    check(
        "/person = true",
        "/person = false",
        gate(ChangeEffect::More),
    );
    check(
        "max-age-seconds = 10",
        "max-age-seconds = 9",
        gate(ChangeEffect::Less),
    );
    check(
        "max-age-seconds = 10",
        "max-age-seconds = 11",
        gate(ChangeEffect::More),
    );
    check(
        "expires-seconds = 20",
        "expires-seconds = 21",
        gate(ChangeEffect::More),
    );
    check("between = 60", "between = 61", gate(ChangeEffect::Less));
    check("\"slow\", \"normal\"", "\"slow\"", gate(ChangeEffect::Less));
    check(
        "Water flows fast below it.",
        "Careful.",
        gate(ChangeEffect::Other),
    );
    check(
        "touches = [\"/camera\"]",
        "touches = []",
        Some((ChangeEffect::More, "look")),
    );
}

#[test]
fn a_command_that_nobody_understands_is_no_command() {
    // Each of them leaves the other command, and everything that is declared, as it was.
    for (from, to) in [
        ("/person = true", "/person"),
        ("/person = true", "/persona = true"),
        ("max-age-seconds = 10", "max-age-seconds = 0"),
        (
            "kind = \"boolean\"\n\n[[commands.interlocks]]",
            "kind = \"text\"\n\n[[commands.interlocks]]",
        ),
        (
            "words = [\"slow\", \"normal\"]",
            "words = [\"slow\", \"{\"]",
        ),
        ("expires-seconds = 20", "expires-seconds = 3601"),
        (
            "expires-seconds = 20",
            "expires-seconds = 20\nunless = \"x\"",
        ),
    ] {
        assert_eq!(COMMANDS.matches(from).count(), 1, "{from}");
        let read = Notice::parse_published(&COMMANDS.replace(from, to)).unwrap();
        let ids: Vec<_> = read
            .notice
            .commands
            .iter()
            .map(|it| it.id.as_str())
            .collect();
        assert_eq!(ids, ["look"], "{from} → {to}");
        assert_eq!(
            read.notice.declarations,
            Notice::parse(COMMANDS).unwrap().declarations
        );
    }
}

#[test]
fn a_command_may_name_the_device_at_its_bridge_and_its_own_number() {
    let changed = |pairs: &[(&str, &str)]| {
        let change = |text: String, (from, to): &(&str, &str)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        };
        let text = pairs.iter().fold(COMMANDS.to_owned(), change);
        let read = Notice::parse(&text);
        read.map(|_| ()).map_err(|all| {
            let reasons = all.problems.iter().map(|it| it.reason.clone());
            reasons.collect::<Vec<_>>().join("; ")
        })
    };
    let check = |pairs: &[(&str, &str)], expected: Result<(), &str>| {
        let expected = expected.map_err(str::to_owned);
        assert_eq!(changed(pairs), expected, "{pairs:?}");
    };
    let at_bridge = ("{thing}/gate", "zigbee2mqtt/{device}/set/{number}");
    let payload = (r#""of": "{thing}""#, r#""of": "{device}", "id": {number}"#);
    check(&[at_bridge, payload], Ok(()));
    // Without quotes it would be no JSON.
    let bare = (r#""of": "{thing}""#, r#""of": {device}"#);
    let text = r#"`{"open": 0, "speed": "slow", "bell": true, "of": device-1}` is not JSON"#;
    check(&[bare], Err(text));
    // A payload that is one place is no JSON.
    check(&[("payload = \"once\"", "payload = \"{thing}\"")], Ok(()));
    let shown = ("is = \"{percent}\"", "is = \"{number}\"");
    let text = "what the thing shows cannot depend on its name at a bridge or on the number of the command";
    check(&[shown], Err(text));
    // The topic of a switch is the topic of a switch under both names.
    let topic = ("{thing}/camera\"\npayload", "{device}/camera\"\npayload");
    let unsaid = ("touches = [\"/camera\"]\n", "");
    let text =
        "a source switch speaks on the same topic, and the command does not say what it touches";
    check(&[topic, unsaid], Err(text));
}
