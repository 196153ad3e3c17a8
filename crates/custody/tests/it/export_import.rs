//! An export comes back: into another Amanat or the same, once, and only what fits.

use std::io::Cursor;

use custody::{ActError, HistoryQuery, ImportError, ImportedExport, Place, Placing, WhyUnfit};
use model::{Assignment, Level, PurposeId, Role, ThingId, Timestamp};
use store::Db;

use crate::export::{later, request};
use crate::fixture::{House, NOW, choice, deployment, house, on_both, person};

const DAY: i64 = 86_400_000;

/// Another Amanat with the same deployments and another record, and a resident who has decided nothing there.
pub(crate) fn elsewhere(test: impl FnOnce(House)) {
    let directory = testkit::temp_dir();
    let db = Db::open(&testkit::sqlite_with(&custody::MIGRATION_SETS)).unwrap();
    test(house(db, directory.path().to_owned()));
}

/// Some readings, one of them less exact than measured.
fn lived_in(house: &House) -> Vec<u8> {
    let wishes = [
        choice(
            "/power",
            "research",
            "university",
            Level::coarse(1).unwrap(),
        ),
        choice("/room/temperature", "research", "university", Level::ON),
    ];
    house.custody.choose(&wishes, NOW).unwrap();
    for power in [1_210, 730, 730] {
        house.measure(&format!(
            r#"{{"power":{power},"room":{{"temperature":21.50}}}}"#
        ));
    }
    house.export(&request(), later()).1
}

fn shown(house: &House, now: Timestamp) -> Vec<String> {
    let page = house
        .custody
        .timeline(&person("p-resident"), Place::before(now), 500, now)
        .unwrap();
    let mut lines: Vec<_> = page
        .readings
        .iter()
        .map(|it| format!("{} {} {} {:?}", it.at, it.thing, it.vanishes_at, it.fields))
        .collect();
    lines.sort();
    lines
}

fn brought(house: &House, file: &[u8], now: Timestamp) -> Result<ImportedExport, ImportError> {
    let me = person("p-resident");
    house
        .custody
        .import_export(Cursor::new(file), None, &me, now)
}

#[test]
fn gp_b4a_an_export_comes_back_into_another_amanat_once() {
    on_both(|house| {
        let file = lived_in(&house);
        let expected = shown(&house, later());
        elsewhere(|other| {
            assert!(shown(&other, later()).is_empty());
            let first = brought(&other, &file, later()).unwrap();
            assert_eq!(first.readings, expected.len() as u64);
            assert_eq!(
                (first.brought, first.known, first.trimmed),
                (first.readings, 0, 0)
            );
            assert!(first.unfit.is_empty());
            assert_eq!(
                shown(&other, later()),
                expected,
                "as it was there, to the mark"
            );
            let again = brought(&other, &file, later()).unwrap();
            assert_eq!((again.brought, again.known), (0, first.readings));
            assert_eq!(shown(&other, later()), expected);
            let other = other.reopened(false);
            assert_eq!(shown(&other, later()), expected, "kept for good");
            let (summary, again) = other.export(&request(), later());
            assert_eq!(summary.readings, first.readings);
            custody::verify_export(Cursor::new(&again), None).unwrap();
        });
        let same = brought(&house, &file, later()).unwrap();
        assert_eq!(
            (same.brought, same.known),
            (0, same.readings),
            "all is here"
        );
    });
}

#[test]
fn no_recipient_gets_what_was_brought_back_and_the_record_does_not_tell() {
    on_both(|house| {
        let file = lived_in(&house);
        elsewhere(|other| {
            // Whoever lives there allows all of it, from before the readings on.
            let long_ago = NOW.plus_millis(-100 * DAY);
            let wish = choice("/power", "research", "university", Level::ON);
            other.custody.choose(&[wish], long_ago).unwrap();
            let mut university = other.listen("university", &other.university, "research", 8);
            let entries = other.custody.record_size().unwrap().0;
            let done = brought(&other, &file, later()).unwrap();
            assert!(done.brought > 0);
            assert_eq!(university.next(later()), None, "nothing is delivered");
            let query = HistoryQuery {
                purpose: PurposeId::parse("research").unwrap(),
                deployment: deployment("home"),
                thing: None,
                condition: None,
                from: None,
                until: None,
                limit: 500,
                after: None,
            };
            let now = NOW.plus_millis(custody::SETTLE_MILLIS + 10_000);
            let recipient = other.recipient("university", &other.university);
            let page = other.custody.history(&recipient, &query, now).unwrap();
            assert!(page.deliveries.is_empty());
            assert_eq!(other.custody.record_size().unwrap().0, entries);
        });
    });
}

#[test]
fn what_is_past_its_retention_is_not_brought_back() {
    on_both(|house| {
        let file = lived_in(&house);
        elsewhere(|other| {
            let late = NOW.plus_millis(31 * DAY);
            let done = brought(&other, &file, late).unwrap();
            assert!(done.expired > 0, "{done:?}");
            assert_eq!(done.brought + done.expired, done.readings);
            assert_eq!(shown(&other, late).len() as u64, done.brought);
            let early = NOW.plus_millis(-1);
            let done = brought(&other, &file, early).unwrap();
            let unfit: Vec<_> = done.unfit.iter().map(|it| (it.why, it.readings)).collect();
            assert_eq!(unfit, [(WhyUnfit::Future, done.readings)]);
        });
    });
}

#[test]
fn gp_b4a_what_a_later_notice_made_shorter_comes_back_for_that_time() {
    on_both(|house| {
        lived_in(&house);
        let shorter = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replace("retention-days = 30", "retention-days = 7");
        let notice = model::Notice::parse(&shorter).unwrap();
        let published = house
            .custody
            .act(later(), |act| act.publish_notice(&notice, &shorter));
        let _sha256: String = published.map_err(|err: ActError| err.to_string()).unwrap();
        let soon = later().plus_millis(60_000);
        let file = house.export(&request(), soon).1;
        let expected = shown(&house, soon);
        let week = NOW.plus_millis(7 * DAY).to_string();
        assert!(expected.iter().any(|it| it.contains(&week)), "{expected:?}");
        elsewhere(|other| {
            let done = brought(&other, &file, soon).unwrap();
            assert_eq!((done.brought, done.expired), (done.readings, 0));
            assert_eq!(shown(&other, soon), expected, "no longer than there");
        });
        elsewhere(|other| {
            let late = NOW.plus_millis(8 * DAY);
            let done = brought(&other, &file, late).unwrap();
            assert_eq!((done.brought, done.expired), (3, 3), "{done:?}");
        });
        let same = brought(&house, &file, soon).unwrap();
        assert_eq!((same.brought, same.known), (0, same.readings));
    });
}

#[test]
fn what_does_not_fit_is_listed_and_not_brought_back() {
    on_both(|house| {
        let file = lived_in(&house);
        let check = |other: &House, why: WhyUnfit| {
            let done = brought(other, &file, later()).unwrap();
            let unfit: Vec<_> = done.unfit.iter().map(|it| (it.why, it.readings)).collect();
            assert_eq!((done.brought, unfit), (0, vec![(why, done.readings)]));
            assert!(shown(other, later()).is_empty());
        };
        elsewhere(|other| {
            let me = person("p-resident");
            other
                .custody
                .place(&me, Some(&deployment("home")), &Placing::LiveOnly, NOW)
                .unwrap();
            check(&other, WhyUnfit::NotKept);
        });
        let directory = testkit::temp_dir();
        let empty = crate::fixture::open(
            &Db::open(&testkit::sqlite_with(&custody::MIGRATION_SETS)).unwrap(),
            directory.path(),
        );
        let done = empty
            .import_export(Cursor::new(&file), None, &person("p-resident"), later())
            .unwrap();
        assert_eq!(done.unfit[0].why, WhyUnfit::NoDeployment);
        assert_eq!(done.brought, 0);
    });
}

#[test]
fn readings_of_a_thing_that_is_not_here_stay_outside() {
    on_both(|house| {
        let second = ThingId::parse("meter-2").unwrap();
        let token = house.custody.act(NOW, |act| {
            let token = act.register_thing(&second, &deployment("home"))?;
            act.assign(&Assignment {
                thing: second.clone(),
                person: person("p-resident"),
                role: Role::Household,
                valid_from: Timestamp::EPOCH,
                valid_until: None,
            })?;
            Ok::<_, ActError>(token)
        });
        let peer = house.thing("meter-2", &token.unwrap());
        let lsn = house.custody.ingest(&peer, br#"{"power":5}"#, NOW);
        house.custody.wait_durable(lsn.unwrap()).unwrap();
        let file = lived_in(&house);
        elsewhere(|other| {
            let done = brought(&other, &file, later()).unwrap();
            let unfit: Vec<_> = done.unfit.iter().map(|it| (it.why, &it.thing)).collect();
            assert_eq!(unfit, [(WhyUnfit::NoThing, &second)]);
            assert_eq!(done.brought, done.readings - 1);
        });
    });
}

#[test]
fn values_that_the_notice_here_does_not_declare_stay_outside() {
    on_both(|house| {
        let file = lived_in(&house);
        elsewhere(|other| {
            let text = include_str!("home.toml");
            let (before, rest) = text.split_once("[[fields]]\npointer = \"/room").unwrap();
            let (_, after) = rest.split_once("[[purposes]]").unwrap();
            let text = format!("{before}[[purposes]]{after}")
                .replace("version = 1", "version = 2")
                .replace(r#"["/power", "/room/temperature"]"#, r#"["/power"]"#);
            let notice = model::Notice::parse(&text).unwrap();
            let published = other.custody.act(NOW, |act| {
                act.publish_notice(&notice, &text)?;
                Ok::<_, ActError>(())
            });
            published.unwrap();
            let done = brought(&other, &file, later()).unwrap();
            // Of each message the two fields are kept for different times, so they are two readings.
            let unfit: Vec<_> = done.unfit.iter().map(|it| (it.why, it.readings)).collect();
            assert_eq!(unfit, [(WhyUnfit::NotDeclared, 3)], "{done:?}");
            assert_eq!(done.brought, 3);
            let shown = shown(&other, later()).join("\n");
            assert!(
                shown.contains("/power") && !shown.contains("temperature"),
                "{shown}"
            );
        });
    });
}

#[test]
fn choices_wait_for_the_person_and_are_not_put_in_force() {
    on_both(|house| {
        let file = lived_in(&house);
        elsewhere(|other| {
            let me = person("p-resident");
            let done = brought(&other, &file, later()).unwrap();
            let plan = done.choices.unwrap();
            assert_eq!((plan.changes.len(), plan.unmatched.len()), (2, 0));
            let sheet = other
                .custody
                .choice_sheet(&me, &deployment("home"), later());
            assert!(sheet.unwrap().rows.iter().all(|it| !it.decided));
            let draft = other.custody.choices_draft(&me, later()).unwrap().unwrap();
            assert!(draft.contains("amanat-choices"));
            other
                .custody
                .put_choices_draft(&me, "own", later())
                .unwrap();
            brought(&other, &file, later()).unwrap();
            let draft = other.custody.choices_draft(&me, later()).unwrap().unwrap();
            assert_eq!(draft, "own", "what waits already is left alone");
        });
    });
}

#[test]
fn a_file_that_does_not_verify_brings_nothing() {
    on_both(|house| {
        let file = lived_in(&house);
        elsewhere(|other| {
            let mut bad = file.clone();
            let middle = bad.len() / 2;
            bad[middle] ^= 0x10;
            assert!(matches!(
                brought(&other, &bad, later()),
                Err(ImportError::Verify(_))
            ));
            let me = person("p-resident");
            let trusted = record::Signer::new("record.example/other", &[9; 32]).unwrap();
            let key = trusted.verifier().to_string();
            for (key, is_key) in [(key.as_str(), true), ("nonsense", false)] {
                let refused =
                    other
                        .custody
                        .import_export(Cursor::new(&file), Some(key), &me, later());
                match refused {
                    Err(ImportError::Verify(_)) => assert!(is_key),
                    Err(ImportError::Key) => assert!(!is_key),
                    other => panic!("{other:?}"),
                }
            }
            assert!(shown(&other, later()).is_empty());
        });
    });
}
