//! Every version of a notice is kept, and a person learns that it changed.

use custody::{ActError, MAX_NOTICE_VERSIONS, NoticeNews};
use model::{Entry, EntryKind, Level, Notice, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, open, person};

const FIRST: &str = include_str!("home.toml");
const LATER: Timestamp = NOW.plus_millis(60_000);

/// The text of version `number`.
fn text(number: u32) -> String {
    let text = FIRST.replace("version = 1", &format!("version = {number}"));
    format!("# Edition {number}\n{text}")
}

/// Publishes with an entry in the record, as an institution does.
fn publish(house: &House, number: u32, now: Timestamp) {
    let source = text(number);
    let notice = Notice::parse(&source).unwrap();
    let published = house.custody.act(now, |act| {
        let sha256 = act.publish_notice(&notice, &source)?;
        act.record(Entry {
            at: now,
            kind: EntryKind::NoticePublished,
            about: format!("deployment:{}", notice.deployment),
            by: "member:utility".to_owned(),
            reason: String::new(),
            document_sha256: Some(sha256),
        });
        Ok::<_, ActError>(())
    });
    published.unwrap();
}

fn news(house: &House) -> Option<NoticeNews> {
    house
        .custody
        .notice_news(&person("p-resident"), &deployment("home"))
        .unwrap()
}

fn choose(house: &House, level: Level, now: Timestamp) {
    let power = choice("/power", "billing", "utility-desk", level);
    house.custody.choose(&[power], now).unwrap();
}

#[test]
fn every_version_is_kept_with_its_time_its_hash_and_its_entry() {
    on_both(|house| {
        publish(&house, 2, LATER);
        let home = deployment("home");
        let versions = house.custody.notice_versions(&home, None, 9).unwrap();
        let [second, first] = &versions[..] else {
            panic!("{versions:?}");
        };
        assert_eq!((second.version, first.version), (2, 1));
        assert_eq!(second.published_at, Some(LATER));
        assert_eq!(first.published_at, Some(NOW));
        assert_eq!(second.source, text(2));
        assert_eq!(first.source, FIRST);
        assert_eq!(first.entry, None, "the fixture records no publication");
        let entry = house.custody.record_entry(second.entry.unwrap()).unwrap();
        let (entry, _) = entry.unwrap();
        let entry = entry.entry;
        assert_eq!(entry.document_sha256.as_ref(), Some(&second.sha256));

        let older = house.custody.notice_versions(&home, Some(2), 9).unwrap();
        assert_eq!(older, versions[1..]);
        let one = house.custody.notice_versions(&home, None, 1).unwrap();
        assert_eq!(one, versions[..1]);
        let source = |id, version| {
            house
                .custody
                .notice_version_source(&deployment(id), version)
        };
        assert_eq!(source("home", 1).unwrap().as_deref(), Some(FIRST));
        assert_eq!(source("home", 3).unwrap(), None);
        assert_eq!(source("nowhere", 1).unwrap(), None);
        let nowhere = deployment("nowhere");
        let none = house.custody.notice_versions(&nowhere, None, 9).unwrap();
        assert_eq!(none, []);

        house.custody.close().unwrap();
        let custody = open(&house.db, &house.directory);
        let after = custody.notice_versions(&home, None, 9).unwrap();
        assert_eq!(after, versions, "a new start changes nothing");
    });
}

#[test]
fn no_more_versions_are_read_than_the_limit() {
    on_both(|house| {
        for number in 2..=u32::from(MAX_NOTICE_VERSIONS) + 2 {
            publish(&house, number, LATER);
        }
        let home = deployment("home");
        let versions = house.custody.notice_versions(&home, None, u16::MAX);
        assert_eq!(versions.unwrap().len(), usize::from(MAX_NOTICE_VERSIONS));
    });
}

#[test]
fn an_act_that_fails_keeps_no_version() {
    on_both(|house| {
        let source = text(2);
        let notice = Notice::parse(&source).unwrap();
        let outcome: Result<(), ActError> = house.custody.act(LATER, |act| {
            act.publish_notice(&notice, &source)?;
            Err(ActError::NoTime)
        });
        assert!(outcome.is_err());
        let home = deployment("home");
        let versions = house.custody.notice_versions(&home, None, 9).unwrap();
        assert_eq!(versions.len(), 1);
    });
}

#[test]
fn the_notice_in_force_and_those_chosen_under_survive_the_change_of_the_schema() {
    on_both(|house| {
        choose(&house, Level::OFF, NOW);
        publish(&house, 2, NOW.plus_millis(1_000));
        publish(&house, 3, LATER);
        let home = deployment("home");
        let before = house.custody.notice_versions(&home, None, 9).unwrap();
        house.custody.close().unwrap();
        // The rows as the release before left them, and the step that changed them.
        let step = include_str!("../../src/rows/0009_notice_versions.sql");
        house
            .db
            .write(|tx| {
                tx.execute("DROP TABLE notice_version", &[])?;
                for statement in step.split(";\n").filter(|it| !it.trim().is_empty()) {
                    tx.execute(statement, &[])?;
                }
                Ok::<_, store::DbError>(())
            })
            .unwrap();
        let custody = open(&house.db, &house.directory);
        let after = custody.notice_versions(&home, None, 9).unwrap();
        let [third, first] = &after[..] else {
            panic!("{after:?}");
        };
        assert_eq!(third, &before[0], "with the time that the record tells");
        assert_eq!(first.source, FIRST);
        assert_eq!((first.version, first.published_at), (1, None));
        let source = text(4);
        let notice = Notice::parse(&source).unwrap();
        custody
            .act(LATER, |act| act.publish_notice(&notice, &source))
            .unwrap();
        let numbers: Vec<_> = custody
            .notice_versions(&home, None, 9)
            .unwrap()
            .iter()
            .map(|it| it.version)
            .collect();
        assert_eq!(numbers, [4, 3, 1]);
    });
}

#[test]
fn a_person_who_chose_learns_that_the_notice_changed_since() {
    on_both(|house| {
        assert_eq!(news(&house), None, "nobody chose anything yet");
        publish(&house, 2, NOW.plus_millis(1_000));
        assert_eq!(news(&house), None);
        choose(&house, Level::OFF, NOW.plus_millis(2_000));
        assert_eq!(news(&house), None, "chosen under what is in force");
        publish(&house, 3, LATER);
        let expected = NoticeNews {
            version: 3,
            published_at: Some(LATER),
            chosen: 2,
        };
        assert_eq!(news(&house), Some(expected));
        choose(&house, Level::ON, LATER);
        assert_eq!(news(&house), None);
    });
}

#[test]
fn what_a_new_version_does_to_choices_is_no_choice() {
    on_both(|house| {
        choose(&house, Level::coarse(1).unwrap(), NOW);
        let source = text(2).replace(
            "[[fields.coarse]]\nround = 500.0",
            "[[fields.coarse]]\npresence = true\n[[fields.coarse]]\nround = 500.0",
        );
        let notice = Notice::parse(&source).unwrap();
        house
            .custody
            .act(LATER, |act| act.publish_notice(&notice, &source))
            .unwrap();
        let history = house
            .custody
            .choice_history(&person("p-resident"), &deployment("home"), None, 9)
            .unwrap();
        assert_eq!(history.acts.len(), 2, "the new version moved the choice");
        assert_eq!(news(&house).map(|it| it.chosen), Some(1));
    });
}

/// A text in the rows that could not be published today.
fn rewrite(house: &House, text: &str) {
    let changed = house.db.write(|tx| {
        for sql in [
            "UPDATE deployment SET notice = $1 WHERE id = 'home'",
            "UPDATE notice_version SET source = $1 WHERE deployment = 'home'",
        ] {
            tx.execute(sql, &[text.into()])?;
        }
        Ok::<_, store::DbError>(())
    });
    changed.unwrap();
}

#[test]
fn a_notice_that_was_accepted_once_is_in_force_after_rules_became_stricter() {
    on_both(|house| {
        house.custody.close().unwrap();
        let old = FIRST
            .replace("dpv:ResearchAndDevelopment", "dpv:NoSuchPurpose")
            .replace("+92 42 0000000", "042 0000000")
            .replacen("precision = \"on\"", "precision = \"off\"", 1);
        assert_eq!(Notice::parse(&old).unwrap_err().problems.len(), 3);
        rewrite(&house, &old);
        let House {
            custody,
            db,
            directory,
            meter,
            ..
        } = house;
        drop(custody);
        let custody = open(&db, &directory);
        let home = deployment("home");
        let notice = custody.in_force_at(&home, NOW).unwrap().notice;
        assert_eq!(notice.contact.phone, "042 0000000");
        assert_eq!(notice.declarations.len(), 2);
        custody.check_in_force(NOW).unwrap();
        // Its things are connected, and what was off is off: nobody gets it, nobody keeps it.
        let token = meter.expose_secret().as_bytes().to_vec();
        let Some(custody::Peer::Thing(thing)) = custody.authenticate("meter-1", &token, NOW) else {
            panic!("the meter is not known");
        };
        custody.ingest(&thing, br#"{"power":1}"#, NOW).unwrap();
        let until = custody::Place::before(LATER);
        let kept = custody.timeline(&person("p-resident"), until, 9, LATER);
        assert!(kept.unwrap().readings.is_empty());
        // What is published anew has to keep the rules.
        let next = old.replace("version = 1", "version = 2");
        let read = Notice::parse_published(&next).unwrap().notice;
        let refused = custody.act(LATER, |act| act.publish_notice(&read, &next));
        assert!(matches!(refused, Err(ActError::Unenforceable { .. })));
        let next = text(2);
        let notice = Notice::parse(&next).unwrap();
        custody
            .act(LATER, |act| act.publish_notice(&notice, &next))
            .unwrap();
        assert_eq!(custody.in_force_at(&home, LATER).unwrap().notice.version, 2);
    });
}

#[test]
fn a_notice_that_nobody_understands_any_more_is_in_force_and_lets_nothing_pass() {
    on_both(|house| {
        house.custody.close().unwrap();
        rewrite(&house, &format!("only-at-night = true\n{FIRST}"));
        let House {
            custody,
            db,
            directory,
            ..
        } = house;
        drop(custody);
        let custody = open(&db, &directory);
        let notice = custody
            .in_force_at(&deployment("home"), NOW)
            .unwrap()
            .notice;
        assert!(notice.declarations.is_empty());
        assert!(custody.in_force_at(&deployment("bus"), NOW).is_some());
        custody.check_in_force(NOW).unwrap();
    });
}
