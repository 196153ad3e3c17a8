//! People give their history away without their name, and it becomes an open data set or does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use custody::{
    ActError, Apart, CommonsFile, DataSetId, DecideError, DeclareDataSetError, GiftAsk, GiveError,
    Peer, Place, ThingPeer, Token, catalogue_json_ld,
};
use model::{
    Assignment, Choice, EntryKind, Grant, Level, Notice, PersonId, Pointer, PurposeId, RecipientId,
    Role, Text, ThingId, Timestamp,
};
use store::DbError;

use crate::fixture::{House, NOW, deployment, on_both, person};

mod declared;
mod refused;

const SOURCE: &str = include_str!("home_energy.toml");
const HOUR: i64 = 3_600_000;

fn set() -> DataSetId {
    DataSetId::parse("home-energy").unwrap()
}

fn ask(who: &PersonId) -> GiftAsk {
    GiftAsk {
        person: who.clone(),
        data_set: set(),
        thing: None,
        from: None,
        until: None,
    }
}

/// People, each with a meter of their own.
struct Street<'h> {
    house: &'h House,
    homes: Vec<(PersonId, ThingId, Token)>,
}

impl<'h> Street<'h> {
    fn new(house: &'h House, homes: usize) -> Self {
        let made = house.custody.act(NOW, |act| {
            let mut made = Vec::new();
            // Kept is what somebody may receive: for longer than the fixture has it.
            act.grant(&Grant {
                recipient: RecipientId::parse("utility-desk").unwrap(),
                purpose: PurposeId::parse("billing").unwrap(),
                deployment: deployment("home"),
                valid_from: NOW,
                valid_until: None,
            })?;
            act.grant(&Grant {
                recipient: RecipientId::parse("university").unwrap(),
                purpose: PurposeId::parse("research").unwrap(),
                deployment: deployment("home"),
                valid_from: NOW,
                valid_until: None,
            })?;
            for number in 0..homes {
                let who = person(&format!("p-{number}"));
                let thing = ThingId::parse(&format!("meter-of-{number}")).unwrap();
                let token = act.register_thing(&thing, &deployment("home"))?;
                act.assign(&Assignment {
                    thing: thing.clone(),
                    person: who.clone(),
                    role: Role::Household,
                    valid_from: Timestamp::EPOCH,
                    valid_until: None,
                })?;
                made.push((who, thing, token));
            }
            Ok::<_, ActError>(made)
        });
        let street = Self {
            house,
            homes: made.unwrap(),
        };
        for (who, _, _) in &street.homes {
            let agreed = Choice {
                person: who.clone(),
                deployment: deployment("home"),
                field: Pointer::parse("/room/temperature").unwrap(),
                purpose: PurposeId::parse("research").unwrap(),
                recipient: RecipientId::parse("university").unwrap(),
                level: Level::ON,
            };
            house.custody.choose(&[agreed], NOW).unwrap();
        }
        street.declare(SOURCE).unwrap();
        street
    }

    fn declare(&self, source: &str) -> Result<(), DeclareDataSetError> {
        let declare = |act: &mut custody::Act<'_, '_>| act.declare_data_set(source).map(|_| ());
        self.house.custody.act(NOW, declare)
    }

    fn thing(&self, number: usize) -> Arc<ThingPeer> {
        let (_, thing, token) = &self.homes[number];
        let secret = token.expose_secret().as_bytes();
        match self.house.custody.authenticate(thing.as_str(), secret, NOW) {
            Some(Peer::Thing(thing)) => thing,
            other => panic!("{other:?}"),
        }
    }

    fn measure(&self, number: usize, power: f64, at: Timestamp) {
        let body = format!(r#"{{"power":{power},"room":{{"temperature":20.5}}}}"#);
        let thing = self.thing(number);
        let lsn = self.house.custody.ingest(&thing, body.as_bytes(), at);
        self.house.custody.wait_durable(lsn.unwrap()).unwrap();
    }

    /// A day of readings for each home: at each hour a few, much alike.
    fn day(&self) {
        for number in 0..self.homes.len() {
            for hour in 0..6_i64 {
                for minute in 0..3 {
                    let at = NOW.plus_millis(hour * HOUR + minute * 60_000);
                    self.measure(number, 1_000.0 + hour as f64 * 300.0 + minute as f64, at);
                }
            }
        }
    }

    fn who(&self, number: usize) -> &PersonId {
        &self.homes[number].0
    }

    fn gives(&self, number: usize) -> Result<custody::Given, GiveError> {
        let ask = ask(self.who(number));
        let preview = self.house.custody.preview_gift(&ask, later())?;
        self.house.custody.give(&ask, &preview.digest, later())
    }

    fn readings_of(&self, number: usize) -> usize {
        let timeline =
            self.house
                .custody
                .timeline(self.who(number), Place::before(later()), 500, later());
        timeline.unwrap().readings.len()
    }

    fn kinds(&self) -> Vec<EntryKind> {
        let found = self.house.custody.record_about("commons:home-energy", 50);
        found.unwrap().into_iter().map(|it| it.entry.kind).collect()
    }
}

fn later() -> Timestamp {
    NOW.plus_millis(48 * HOUR)
}

fn text(house: &House, sql: &str) -> Vec<String> {
    let rows = house.db.read(|tx| tx.query(sql, &[])).unwrap();
    rows.iter().map(|it| it.get::<String>(0).unwrap()).collect()
}

fn count(house: &House, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let row = house.db.read(|tx| tx.query_one(&sql, &[])).unwrap();
    row.unwrap().get(0).unwrap()
}

#[test]
fn gp_b4b_history_leaves_the_account_and_becomes_rows_of_at_least_k_homes() {
    on_both(|house| {
        let street = Street::new(&house, 12);
        street.day();
        let preview = house.custody.preview_gift(&ask(street.who(0)), later());
        let preview = preview.unwrap();
        assert_eq!((preview.rows.len(), preview.readings), (6, 36));
        assert!(preview.left_behind.contains("/room/temperature"));
        for number in 0..12 {
            // Each message is kept in two classes of retention.
            assert_eq!(street.readings_of(number), 36);
            let given = street.gives(number).unwrap();
            assert_eq!((given.rows, given.readings), (6, 36));
            assert_eq!(street.readings_of(number), 0, "it left the account");
        }
        assert_eq!(
            count(&house, "commons_unlinking"),
            0,
            "nothing names who gave"
        );
        let decided = house.custody.decide_commons(&set(), "office:test", later());
        let decided = decided.unwrap();
        assert_eq!((decided.refusal, decided.left_out), (None, 0));
        assert_eq!((decided.homes_at_least, decided.rarest), (10, 12));
        let table = house.custody.commons_table(&set(), 1).unwrap().unwrap();
        let table = String::from_utf8(table).unwrap();
        let mut lines = table.split_terminator("\r\n");
        assert_eq!(lines.next(), Some("row,hour,power"));
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names = BTreeSet::new();
        for line in lines {
            let (name, rest) = line.split_once(',').unwrap();
            assert!(names.insert(name), "each row has a name of its own");
            *sizes.entry(rest).or_default() += 1;
        }
        assert!(sizes.values().all(|it| *it >= 5), "{sizes:?}");
        assert_eq!(sizes.values().sum::<usize>(), 72);
        for (who, thing, _) in &street.homes {
            assert!(!table.contains(who.as_str()) && !table.contains(thing.as_str()));
        }
        assert_eq!(street.kinds(), [EntryKind::CommonsAdmitted]);
        let entry = &house
            .custody
            .record_about("commons:home-energy", 1)
            .unwrap()[0]
            .entry;
        assert_eq!(entry.document_sha256, decided.table.map(|it| it.1));
        assert!(
            entry.reason.contains("at least 5 homes behind each"),
            "{}",
            entry.reason
        );
        for table in ["commons_batch", "commons_gift", "commons_used"] {
            assert_eq!(count(&house, table), 0, "{table}: no link is left");
        }
        let files = house.custody.commons_decisions(&set()).unwrap();
        assert_eq!(files.len(), 1);
    });
}

#[test]
fn gp_b4b_what_is_given_is_what_was_shown() {
    on_both(|house| {
        let street = Street::new(&house, 2);
        street.day();
        let ask = ask(street.who(0));
        let shown = house.custody.preview_gift(&ask, later()).unwrap();
        assert!(
            shown
                .rows
                .contains(&vec!["19".to_owned(), "1000".to_owned()]),
            "the hour of the set's own time: {:?}",
            shown.rows
        );
        street.measure(0, 9_000.0, NOW.plus_millis(12 * HOUR));
        let given = house.custody.give(&ask, &shown.digest, later());
        assert!(matches!(given, Err(GiveError::Stale)), "{given:?}");
        assert_eq!(street.readings_of(0), 38, "nothing was erased");
        let nobody = GiftAsk {
            person: person("p-nobody"),
            ..ask.clone()
        };
        let found = house.custody.preview_gift(&nobody, later());
        assert!(matches!(found, Err(GiveError::Nothing)));
        // Only a part: what was not meant stays.
        let part = GiftAsk {
            until: Some(NOW.plus_millis(2 * HOUR)),
            ..ask
        };
        let shown = house.custody.preview_gift(&part, later()).unwrap();
        house.custody.give(&part, &shown.digest, later()).unwrap();
        assert_eq!(street.readings_of(0), 26);
        assert_eq!(street.readings_of(1), 36, "and so does what is another's");
    });
}

#[test]
fn gp_b4b_until_it_is_decided_on_it_can_be_taken_back() {
    on_both(|house| {
        let street = Street::new(&house, 11);
        street.day();
        for number in 0..11 {
            street.gives(number).unwrap();
        }
        let waiting = house.custody.gifts_waiting(street.who(3), later()).unwrap();
        assert_eq!((waiting.len(), waiting[0].rows), (1, 6));
        assert!(waiting[0].decided_at > later());
        let back = |number| {
            let back = house
                .custody
                .take_back_gifts(street.who(number), &set(), later());
            back.unwrap()
        };
        assert_eq!((back(3), back(3)), (1, 0));
        assert_eq!(
            house.custody.drop_gifts_of(street.who(4), later()).unwrap(),
            1
        );
        let waiting = house.custody.gifts_waiting(street.who(3), later()).unwrap();
        assert!(waiting.is_empty());
        let decided = house.custody.decide_commons(&set(), "office:test", later());
        assert!(
            matches!(
                decided,
                Err(DecideError::NotYet {
                    homes: 5,
                    wanted: 10
                })
            ),
            "nine are left: {decided:?}"
        );
        assert_eq!(street.kinds(), []);
    });
}

#[test]
fn gp_b4b_gifts_of_one_person_count_once() {
    on_both(|house| {
        let street = Street::new(&house, 6);
        street.day();
        for number in 0..6 {
            for hours in [2, 4, 6] {
                let part = GiftAsk {
                    until: Some(NOW.plus_millis(hours * HOUR)),
                    ..ask(street.who(number))
                };
                let shown = house.custody.preview_gift(&part, later()).unwrap();
                house.custody.give(&part, &shown.digest, later()).unwrap();
            }
        }
        assert_eq!(count(&house, "commons_gift"), 18);
        let decided = house.custody.decide_commons(&set(), "office:test", later());
        assert!(
            matches!(decided, Err(DecideError::NotYet { .. })),
            "{decided:?}"
        );
    });
}

#[test]
fn gp_b4b_a_data_set_that_is_not_coarse_is_refused_and_the_record_says_why() {
    on_both(|house| {
        let street = Street::new(&house, 12);
        let fine = SOURCE
            .replace("id = \"home-energy\"", "id = \"fine\"")
            .replace(
                "steps = [\"250\", \"1000\"]",
                "steps = [\"0.01\"]\nrole = \"value\"",
            );
        street.declare(&fine).unwrap();
        let fine = DataSetId::parse("fine").unwrap();
        for number in 0..12 {
            for hour in 0..6 {
                let power = 1_000.0 + number as f64 * 17.0 + hour as f64 * 3.0;
                street.measure(number, power, NOW.plus_millis(hour * HOUR));
            }
            let ask = GiftAsk {
                data_set: fine.clone(),
                ..ask(street.who(number))
            };
            let shown = house.custody.preview_gift(&ask, later()).unwrap();
            house.custody.give(&ask, &shown.digest, later()).unwrap();
        }
        let decide = || house.custody.decide_commons(&fine, "office:test", later());
        let decided = decide().unwrap();
        assert_eq!(decided.refusal.map(|it| it.as_str()), Some("singling-out"));
        assert_eq!(decided.table, None);
        assert_eq!(house.custody.commons_table(&fine, 1).unwrap(), None);
        let entries = house.custody.record_about("commons:fine", 5).unwrap();
        assert_eq!(entries[0].entry.kind, EntryKind::CommonsRefused);
        assert!(entries[0].entry.reason.contains("singling-out"));
        assert!(
            matches!(decide(), Err(DecideError::Same)),
            "it is not tried until it passes"
        );
        assert_eq!(count(&house, "commons_gift"), 12, "it waits for more homes");
    });
}

/// What the rows say after a break behind the first step: the rows wait and do not count, and it is written down what is to be erased.
fn break_off(house: &House, who: &PersonId) -> Result<(), DbError> {
    house.db.write(|tx| {
        tx.execute("UPDATE commons_gift SET is_ready = 0", &[])?;
        let sql = "INSERT INTO commons_unlinking (gift, person, deployment, ends_at)
                   SELECT id, $1, 'home', $2 FROM commons_gift";
        tx.execute(sql, &[who.as_str().into(), later().as_millis().into()])?;
        Ok(())
    })
}

#[test]
fn gp_b4b_what_was_broken_off_is_finished_and_never_counts_before() {
    on_both(|house| {
        let who = {
            let street = Street::new(&house, 1);
            street.day();
            street.gives(0).unwrap();
            // The readings are there as they were before the break.
            street.day();
            street.who(0).clone()
        };
        break_off(&house, &who).unwrap();
        let house = house.reopened(false);
        let read = |house: &House| {
            let timeline = house
                .custody
                .timeline(&who, Place::before(later()), 500, later());
            timeline.unwrap().readings.len()
        };
        assert_eq!(read(&house), 36);
        let ready = "SELECT id FROM commons_gift WHERE is_ready = 1";
        assert!(text(&house, ready).is_empty(), "not before they are erased");
        house.custody.tend_commons(later()).unwrap();
        assert_eq!(read(&house), 0);
        assert_eq!(text(&house, ready).len(), 1);
        assert_eq!(count(&house, "commons_unlinking"), 0);
        // Who erases while something is half given has it dropped.
        break_off(&house, &who).unwrap();
        assert_eq!(house.custody.drop_gifts_of(&who, later()).unwrap(), 1);
        assert_eq!(
            count(&house, "commons_gift") + count(&house, "commons_unlinking"),
            0
        );
    });
}

#[test]
fn gp_b4b_a_batch_that_comes_back_from_a_backup_is_not_published_again() {
    on_both(|house| {
        let street = Street::new(&house, 12);
        street.day();
        for number in 0..12 {
            street.gives(number).unwrap();
        }
        let saved = house.db.read(|tx| {
            let batch = tx.query("SELECT id, data_set, sealed_key FROM commons_batch", &[])?;
            let gifts = "SELECT id, batch, giver, row_count, sealed FROM commons_gift";
            Ok::<_, DbError>((batch, tx.query(gifts, &[])?))
        });
        let (batches, gifts) = saved.unwrap();
        let decide = || house.custody.decide_commons(&set(), "office:test", later());
        decide().unwrap();
        let restored = house.db.write(|tx| {
            for row in &batches {
                let (id, of): (String, String) = (row.get(0)?, row.get(1)?);
                let key: Vec<u8> = row.get(2)?;
                let sql = "INSERT INTO commons_batch (id, data_set, sealed_key, begun_at, tried_at, tried_homes)
                           VALUES ($1, $2, $3, 0, 0, 0)";
                tx.execute(sql, &[(&id).into(), (&of).into(), key.as_slice().into()])?;
            }
            for row in &gifts {
                let (id, batch): (String, String) = (row.get(0)?, row.get(1)?);
                let (giver, sealed): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(4)?);
                let sql = "INSERT INTO commons_gift (id, batch, giver, row_count, sealed, is_ready, gone_at)
                           VALUES ($1, $2, $3, $4, $5, 1, 9000000000000)";
                let rows: i64 = row.get(3)?;
                tx.execute(sql, &[(&id).into(), (&batch).into(), giver.as_slice().into(), rows.into(), sealed.as_slice().into()])?;
            }
            Ok::<_, DbError>(())
        });
        restored.unwrap();
        assert_eq!(count(&house, "commons_gift"), 12);
        let again = decide();
        assert!(
            matches!(again, Err(DecideError::NotYet { homes: 0, .. })),
            "{again:?}"
        );
        assert_eq!(
            count(&house, "commons_gift") + count(&house, "commons_batch"),
            0
        );
        assert_eq!(street.kinds(), [EntryKind::CommonsAdmitted]);
    });
}

#[test]
fn batches_are_decided_on_at_set_times_and_what_waits_too_long_goes() {
    on_both(|house| {
        let street = Street::new(&house, 12);
        street.day();
        for number in 0..11 {
            street.gives(number).unwrap();
        }
        let soon = later().plus_millis(60_000);
        house.custody.tend_commons(soon).unwrap();
        assert_eq!(street.kinds(), [], "not at once: its time has not come");
        let week = later().plus_millis(7 * 24 * HOUR);
        house.custody.tend_commons(week).unwrap();
        assert_eq!(street.kinds(), [EntryKind::CommonsAdmitted]);
        street.gives(11).unwrap();
        let far = later().plus_millis(200 * 24 * HOUR);
        house.custody.tend_commons(far).unwrap();
        assert_eq!(count(&house, "commons_gift"), 0);
    });
}
