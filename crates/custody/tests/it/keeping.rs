//! When what is kept vanishes, and what a later notice does about it.

use custody::{ActError, Custody, Keeping, KeptPart, Place};
use model::{Grant, Level, Notice, PurposeId, RecipientId, Retention, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, person};
use crate::own_key::sealed_at;

const FIRST: &str = include_str!("home.toml");
const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
/// While the grants of the house still hold.
const SOON: i64 = 600_000;

fn after(days: i64, millis: i64) -> Timestamp {
    NOW.plus_millis(days * DAY + millis)
}

/// The home with these times for billing and research.
fn text(version: u32, billing: u16, research: u16) -> String {
    FIRST
        .replace("version = 1", &format!("version = {version}"))
        .replace(
            "retention-days = 30",
            &format!("retention-days = {research}"),
        )
        .replace(
            "retention-days = 365",
            &format!("retention-days = {billing}"),
        )
}

fn publish(house: &House, source: &str, now: Timestamp) {
    let notice = Notice::parse(source).unwrap();
    let published = house
        .custody
        .act(now, |act| act.publish_notice(&notice, source));
    let _sha256: String = published.map_err(|err: ActError| err.to_string()).unwrap();
}

fn share(house: &House) {
    let fields = ["/power", "/room/temperature"];
    let choices = fields.map(|it| choice(it, "research", "university", Level::ON));
    house.custody.choose(&choices, NOW).unwrap();
}

fn measure(house: &House, payload: &str, now: Timestamp) {
    let thing = house.thing("meter-1", &house.meter);
    let lsn = house.custody.ingest(&thing, payload.as_bytes(), now);
    house.custody.wait_durable(lsn.unwrap()).unwrap();
}

const BOTH: &str = r#"{"power":5.50,"room":{"temperature":20}}"#;

/// What the person sees, as pointers with the time at which they vanish.
fn seen(custody: &Custody, now: Timestamp) -> Vec<(String, Timestamp)> {
    let place = Place::before(now.plus_millis(1));
    let timeline = custody.timeline(&person("p-resident"), place, 100, now);
    let readings = timeline.unwrap().readings.into_iter();
    let mut seen: Vec<_> = readings
        .flat_map(|it| {
            let vanishes_at = it.vanishes_at;
            it.fields
                .into_iter()
                .map(move |it| (it.pointer, vanishes_at))
        })
        .collect();
    seen.sort();
    seen
}

fn count(house: &House, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let row = house.db.read(|tx| tx.query_one(&sql, &[])).unwrap();
    row.unwrap().get(0).unwrap()
}

fn names(seen: &[(String, Timestamp)]) -> Vec<&str> {
    seen.iter().map(|it| it.0.as_str()).collect()
}

#[test]
fn a_field_is_kept_for_each_purpose_as_long_as_that_says_and_dropped_in_its_hour() {
    on_both(|house| {
        share(&house);
        measure(&house, BOTH, NOW);
        let both = ["/power", "/room/temperature"];
        // The segment is an hour old, and goes into blocks.
        house.custody.tick(NOW).unwrap();
        house.custody.tick(after(0, 2 * HOUR)).unwrap();
        assert_eq!(count(&house, "vault_block"), 2);
        assert_eq!(names(&seen(&house.custody, after(30, -1))), both);
        assert_eq!(names(&seen(&house.custody, after(30, 0))), ["/power"]);
        house.custody.tick(after(30, -1)).unwrap();
        assert_eq!(count(&house, "vault_block"), 2);
        house.custody.tick(after(30, 60_000)).unwrap();
        assert_eq!(count(&house, "vault_block"), 1);
        assert_eq!(count(&house, "vault_epoch_key"), 1, "with its key");
        assert_eq!(names(&seen(&house.custody, after(365, -1))), ["/power"]);
        assert_eq!(seen(&house.custody, after(365, 0)), []);
        house.custody.tick(after(365, 0)).unwrap();
        assert_eq!(count(&house, "vault_block"), 0);
        assert_eq!(count(&house, "vault_epoch_key"), 0);
    });
}

#[test]
fn a_later_notice_that_says_less_holds_for_what_is_stored_and_one_that_says_more_does_not() {
    on_both(|house| {
        share(&house);
        measure(&house, BOTH, NOW);
        house.custody.tick(NOW).unwrap();
        house.custody.tick(after(0, 2 * HOUR)).unwrap();
        publish(&house, &text(2, 7, 2), after(1, 0));
        publish(&house, &text(3, 400, 60), after(1, 5));
        // Neither the time in between nor a new start changes that.
        let house = house.reopened(true);
        let (power, room) = ("/power".to_owned(), "/room/temperature".to_owned());
        let seen_at = |now| seen(&house.custody, now);
        let all = [(power.clone(), after(7, 0)), (room, after(2, 0))];
        assert_eq!(seen_at(after(2, -1)), all);
        assert_eq!(seen_at(after(2, 0)), [(power.clone(), after(7, 0))]);
        assert_eq!(seen_at(after(7, -1)), [(power, after(7, 0))]);
        assert_eq!(seen_at(after(7, 0)), []);
        // In the blocks too, within the hour.
        assert_eq!(count(&house, "vault_block"), 2);
        house.custody.tick(after(2, 0)).unwrap();
        assert_eq!(count(&house, "vault_block"), 1);
        house.custody.tick(after(7, -1)).unwrap();
        assert_eq!(count(&house, "vault_block"), 1);
        house.custody.tick(after(7, 60_000)).unwrap();
        assert_eq!(count(&house, "vault_block"), 0);
        assert_eq!(count(&house, "vault_epoch_key"), 0);
        assert_eq!(count(&house, "kept_shorter"), 2);
        house.custody.tick(after(400, 0)).unwrap();
        assert_eq!(count(&house, "kept_shorter"), 0, "nothing is left of it");
    });
}

#[test]
fn files_sealed_to_an_own_key_vanish_earlier_when_a_later_notice_says_less() {
    on_both(|house| {
        share(&house);
        house.proved();
        let resident = person("p-resident");
        let begun = house.custody.begin_sealing(&resident, false, true, NOW);
        begun.unwrap();
        measure(&house, BOTH, NOW);
        house.custody.tick(NOW).unwrap();
        let now = sealed_at().plus_millis(600_000);
        house.custody.tick(now).unwrap();
        let vanish = |house: &House, now| {
            let files = house.sealed(now).into_iter();
            let mut all: Vec<_> = files.map(|it| (it.retention, it.vanishes_at)).collect();
            all.sort();
            all
        };
        let days = Retention::from_days;
        let promised = [(days(30), after(30, 0)), (days(365), after(365, 0))];
        assert_eq!(vanish(&house, now), promised);
        // Less for what research has; the files of billing have nothing of that.
        publish(&house, &text(2, 365, 7), now);
        let house = house.reopened(true);
        house.custody.tick(now.plus_millis(60_000)).unwrap();
        let shorter = [(days(30), after(7, 0)), (days(365), after(365, 0))];
        assert_eq!(vanish(&house, now), shorter);
        // Less for billing, too: research may have the power for longer.
        publish(&house, &text(3, 5, 7), now.plus_millis(70_000));
        house.custody.tick(now.plus_millis(200_000)).unwrap();
        let shorter = [(days(30), after(7, 0)), (days(365), after(7, 0))];
        assert_eq!(vanish(&house, after(7, -1)), shorter);
        assert_eq!(vanish(&house, after(7, 0)), []);
        house.custody.tick(after(7, 0)).unwrap();
        assert_eq!(count(&house, "vault_own_file"), 0);
    });
}

#[test]
fn a_tick_between_the_rows_of_a_notice_and_their_commit_does_not_take_what_it_made_shorter() {
    on_both(|house| {
        share(&house);
        measure(&house, BOTH, NOW);
        let (source, now) = (text(2, 7, 2), after(1, 0));
        let notice = Notice::parse(&source).unwrap();
        let (done, ticked) = std::sync::mpsc::channel();
        let custody = house.custody.clone();
        let published = house.custody.act(now, move |act| {
            act.publish_notice(&notice, &source)?;
            std::thread::spawn(move || {
                let _ = done.send(custody.tick(now).is_ok());
            });
            // Where the database lets only one write it waits for the commit; elsewhere it comes through.
            let _ = ticked.recv_timeout(std::time::Duration::from_secs(2));
            Ok::<_, ActError>(())
        });
        published.unwrap();
        let room = ("/room/temperature".to_owned(), after(2, 0));
        let all = [("/power".to_owned(), after(7, 0)), room];
        assert_eq!(seen(&house.custody, now), all);
    });
}

#[test]
fn what_comes_in_under_a_later_notice_is_kept_as_that_says() {
    on_both(|house| {
        share(&house);
        publish(&house, &text(2, 7, 2), NOW);
        publish(&house, &text(3, 40, 60), after(0, 5));
        share(&house);
        let later = after(0, SOON);
        measure(&house, r#"{"power":1}"#, later);
        let sixty = later.plus_millis(60 * DAY);
        assert_eq!(seen(&house.custody, later), [("/power".to_owned(), sixty)]);
    });
}

#[test]
fn a_field_that_a_notice_takes_back_is_taken_out_of_what_is_left_beside_it() {
    on_both(|house| {
        share(&house);
        // Both fields for research only, for the same time: they lie in one reading.
        publish(&house, &text(2, 30, 30), NOW);
        share(&house);
        measure(&house, BOTH, after(0, SOON));
        house.custody.tick(after(0, SOON)).unwrap();
        house.custody.tick(after(0, 3 * HOUR)).unwrap();
        assert_eq!(count(&house, "vault_block"), 1);
        publish(&house, &text(3, 30, 0), after(1, 0));
        house.custody.tick(after(1, 120_000)).unwrap();
        house.custody.close().unwrap();
        // As the vault has it, with nobody who says what is shorter.
        let root = house.directory.join("keys/root.key");
        let root = vault::RootKey::load_or_create(&root).unwrap();
        let options = vault::VaultOptions::new(house.directory.join("wal"));
        let db = house.db.clone();
        drop(house);
        let vault = vault::Vault::open(options, db, root, |_| {}).unwrap();
        let found = vault
            .read(&vault::ReadQuery {
                subject: model::Subject::Person(person("p-resident")),
                from: Timestamp::EPOCH,
                until: after(9, 0),
                limit: 10,
                order: vault::Order::OldestFirst,
                now: Timestamp::EPOCH,
            })
            .unwrap();
        let bodies: Vec<_> = found.iter().map(|it| it.body.as_slice()).collect();
        assert_eq!(bodies, [br#"{"power":5.50}"#]);
    });
}

#[test]
fn what_waits_for_a_recipient_is_not_kept_longer_in_a_queue_than_in_the_vault() {
    on_both(|house| {
        // Research is live only, billing keeps for a day.
        publish(&house, &text(2, 1, 0), NOW);
        let grant = |recipient: &str, purpose: &str| Grant {
            recipient: RecipientId::parse(recipient).unwrap(),
            purpose: PurposeId::parse(purpose).unwrap(),
            deployment: deployment("home"),
            valid_from: NOW,
            valid_until: None,
        };
        let granted: Result<(), ActError> = house.custody.act(NOW, |act| {
            act.grant(&grant("utility-desk", "billing"))?;
            act.grant(&grant("university", "research"))
        });
        granted.unwrap();
        share(&house);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let mut university = house.listen("university", &house.university, "research", 8);
        for _ in 0..3 {
            measure(&house, BOTH, NOW);
        }
        let live = university.next(after(0, HOUR - 1));
        assert!(live.is_some_and(|it| it.contains("temperature")));
        assert_eq!(university.next(after(0, HOUR)), None);
        assert_eq!(university.next(after(2, 0)), None);
        assert!(utility.next(after(0, HOUR)).is_some());
        assert!(utility.next(after(1, -1)).is_some());
        assert_eq!(utility.next(after(1, 0)), None);
    });
}

fn part<'a>(keeping: &'a Keeping, field: &str) -> &'a KeptPart {
    let parts = keeping.things.iter().flat_map(|it| &it.parts);
    parts.into_iter().find(|it| it.field == field).unwrap()
}

#[test]
fn a_person_sees_of_each_device_and_field_how_much_is_kept_for_what_and_until_when() {
    on_both(|house| {
        let nobody = house.custody.keeping(&person("p-nobody"), NOW).unwrap();
        let empty = Keeping {
            is_whole: true,
            ..Keeping::default()
        };
        assert_eq!(nobody, empty);
        share(&house);
        measure(&house, BOTH, NOW);
        measure(&house, r#"{"power":6}"#, after(0, 5_000));
        for place in ["in the log", "in blocks"] {
            let now = after(0, 6_000);
            let keeping = house.custody.keeping(&person("p-resident"), now).unwrap();
            assert!(keeping.is_whole, "{place}");
            assert_eq!(keeping.next_at, Some(after(30, 0)));
            let classes: Vec<_> = keeping
                .classes
                .iter()
                .map(|it| (it.retention.as_days(), it.readings, it.next_at, it.last_at))
                .collect();
            assert_eq!(
                classes,
                [
                    (30, 1, after(30, 0), after(30, 0)),
                    (365, 2, after(365, 0), after(365, 5_000))
                ],
                "{place}"
            );
            let power = KeptPart {
                field: "/power".to_owned(),
                retention: Retention::from_days(365),
                purposes: vec![PurposeId::parse("billing").unwrap()],
                by_law: false,
                is_shortened: false,
                values: 2,
                next_at: after(365, 0),
                last_at: after(365, 5_000),
            };
            assert_eq!(part(&keeping, "/power"), &power);
            let room = part(&keeping, "/room/temperature");
            assert_eq!((room.values, room.next_at), (1, after(30, 0)));
            house.custody.tick(NOW).unwrap();
            house.custody.tick(after(0, 2 * HOUR)).unwrap();
        }
    });
}

#[test]
fn a_person_sees_what_a_later_notice_made_shorter_and_what_a_law_wants_kept() {
    on_both(|house| {
        measure(&house, r#"{"power":6}"#, NOW);
        publish(&house, &text(2, 30, 7), after(0, 5));
        let law = text(3, 30, 7).replace(
            "basis = \"contract\"",
            "basis = \"legal-obligation\"\nsource = { en = \"An act\", ur = \"ایک قانون\" }",
        );
        publish(&house, &law, after(0, 10));
        let second = after(0, SOON);
        measure(&house, r#"{"power":7}"#, second);
        let keeping = house.custody.keeping(&person("p-resident"), second);
        let keeping = keeping.unwrap();
        let [before, now] = &keeping.things[0].parts[..] else {
            panic!("{keeping:?}");
        };
        let (before, now) = match before.retention.as_days() {
            365 => (before, now),
            _ => (now, before),
        };
        assert_eq!((before.is_shortened, before.next_at), (true, after(30, 0)));
        assert!(before.purposes.is_empty(), "no notice says so any more");
        assert_eq!(
            (now.is_shortened, now.by_law, now.next_at),
            (false, true, second.plus_millis(30 * DAY))
        );
    });
}
