//! Kept for as long as declared, and no longer.

use model::{Retention, Timestamp};
use vault::StoredReading;

use crate::fixture::{DAY_MS, START, all, keep, on_each_database, person, stored};

fn of_class(days: u16, body: &str) -> StoredReading {
    StoredReading {
        retention: Retention::from_days(days),
        ..stored(&person("a1"), START, body)
    }
}

fn bodies(found: &[StoredReading]) -> Vec<&str> {
    found
        .iter()
        .map(|it| std::str::from_utf8(&it.body).unwrap())
        .collect()
}

#[test]
fn blocks_are_dropped_class_by_class_when_their_days_are_over() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &of_class(1, "a day"));
        keep(&vault, &of_class(7, "a week"));
        keep(&vault, &of_class(7, "a week too"));
        let done = vault.maintain(START).unwrap();
        assert_eq!((done.blocks, done.expired_blocks), (2, 0));
        let just_before = START.plus_millis(DAY_MS - 1);
        assert_eq!(vault.maintain(just_before).unwrap().expired_blocks, 0);
        assert_eq!(
            bodies(&all(&vault, &person("a1"), just_before)),
            ["a day", "a week", "a week too"]
        );
        let day = START.plus_millis(DAY_MS);
        assert_eq!(vault.maintain(day).unwrap().expired_blocks, 1);
        assert_eq!(
            bodies(&all(&vault, &person("a1"), day)),
            ["a week", "a week too"]
        );
        let week = START.plus_millis(7 * DAY_MS);
        assert_eq!(vault.maintain(week).unwrap().expired_blocks, 1);
        assert_eq!(fixture.count("vault_block"), 0);
    });
}

#[test]
fn a_reading_past_its_retention_is_not_returned_even_before_it_is_dropped() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let early = of_class(1, "early");
        let mut late = of_class(1, "late");
        late.at = START.plus_millis(1_000);
        keep(&vault, &early);
        keep(&vault, &late);
        let between = START.plus_millis(DAY_MS + 500);
        assert_eq!(
            bodies(&all(&vault, &person("a1"), between)),
            ["late"],
            "from the log"
        );
        assert_eq!(vault.maintain(START).unwrap().blocks, 1);
        assert_eq!(
            bodies(&all(&vault, &person("a1"), between)),
            ["late"],
            "from a block"
        );
        assert_eq!(fixture.count("vault_block"), 1);
    });
}

#[test]
fn readings_whose_retention_ends_in_the_log_never_become_a_block() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &of_class(1, "a day"));
        keep(&vault, &of_class(7, "a week"));
        drop(vault);
        let vault = fixture.open();
        let done = vault.maintain(START.plus_millis(2 * DAY_MS)).unwrap();
        assert_eq!(
            (done.expired_readings, done.readings, done.blocks),
            (1, 1, 1)
        );
    });
}

#[test]
fn a_segment_in_use_is_closed_when_it_is_old_enough_and_not_before() {
    on_each_database(|fixture| {
        let options = vault::VaultOptions {
            segment_age_ms: 1_000,
            ..fixture.options()
        };
        let vault = fixture.try_open(options).unwrap();
        assert_eq!(vault.maintain(START).unwrap().segments, 0);
        keep(&vault, &of_class(7, "x"));
        assert_eq!(
            vault.maintain(START.plus_millis(5_000)).unwrap().segments,
            0,
            "first seen"
        );
        assert_eq!(
            vault.maintain(START.plus_millis(5_999)).unwrap().segments,
            0
        );
        assert_eq!(
            vault.maintain(START.plus_millis(6_000)).unwrap().segments,
            1
        );
        assert_eq!(
            vault.maintain(START.plus_millis(9_000)).unwrap().segments,
            0,
            "nothing in use"
        );
        assert_eq!(fixture.segments().len(), 1);
        assert_eq!(fixture.count("vault_segment"), 1);
    });
}

#[test]
fn readings_of_different_hours_share_no_block_so_each_goes_within_its_hour() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let minute = |it: i64| START.plus_millis(it * 60_000);
        for at in [0, 10, 59, 60, 119, 120] {
            let one = StoredReading {
                at: minute(at),
                ..of_class(1, "x")
            };
            keep(&vault, &one);
        }
        assert_eq!(vault.maintain(START).unwrap().blocks, 3);
        // The last of the first hour goes at the 59th minute: one millisecond before it nothing is dropped.
        let dropped = |at: Timestamp| {
            let done = vault.maintain(at.plus_millis(DAY_MS)).unwrap();
            (done.expired_blocks, fixture.count("vault_block"))
        };
        assert_eq!(dropped(minute(59).plus_millis(-1)), (0, 3));
        assert_eq!(dropped(minute(59)), (1, 2));
        assert_eq!(dropped(minute(119).plus_millis(-1)), (0, 2));
        assert_eq!(dropped(minute(119)), (1, 1));
        assert_eq!(dropped(minute(120)), (1, 0));
        assert_eq!(fixture.count("vault_epoch_key"), 0);
    });
}

#[test]
fn each_class_of_a_day_has_a_key_that_is_destroyed_with_its_last_reading_and_not_before() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &of_class(1, "a day"));
        keep(&vault, &of_class(7, "a week"));
        vault.maintain(START).unwrap();
        assert_eq!(fixture.count("vault_epoch_key"), 2);
        let day = START.plus_millis(DAY_MS);
        let before = vault.maintain(day.plus_millis(-1)).unwrap();
        assert_eq!((before.expired_blocks, before.destroyed_keys), (0, 0));
        let done = vault.maintain(day).unwrap();
        assert_eq!(
            (done.expired_blocks, done.destroyed_keys),
            (1, 1),
            "the week has its own"
        );
        let week = START.plus_millis(7 * DAY_MS);
        let options = vault::VaultOptions {
            segment_age_ms: i64::MAX,
            ..fixture.options()
        };
        drop(vault);
        let vault = fixture.try_open(options).unwrap();
        let mut late = of_class(7, "a week, late");
        late.at = START.plus_millis(1_000);
        keep(&vault, &late);
        let done = vault.maintain(week).unwrap();
        assert_eq!(
            (done.expired_blocks, done.destroyed_keys),
            (1, 0),
            "the log still needs it"
        );
        assert_eq!(bodies(&all(&vault, &person("a1"), week)), ["a week, late"]);
        drop(vault);
        let vault = fixture.open();
        let done = vault.maintain(week.plus_millis(1_000)).unwrap();
        assert_eq!((done.expired_readings, done.destroyed_keys), (1, 1));
        assert_eq!(fixture.count("vault_epoch_key"), 0);
        assert_eq!(fixture.count("vault_subject_key"), 1);
    });
}

#[test]
fn nothing_is_left_that_opens_a_copy_of_an_expired_block() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &of_class(1, "a day"));
        keep(&vault, &of_class(7, "a week"));
        vault.maintain(START).unwrap();
        let copy = "CREATE TABLE copied AS SELECT * FROM vault_block WHERE retention_days = 1";
        fixture.db.write(|tx| tx.execute(copy, &[])).unwrap();
        let keys = "vault_epoch_key WHERE key_id IN (SELECT key_id FROM copied)";
        assert_eq!(fixture.count(keys), 1);
        vault.maintain(START.plus_millis(DAY_MS)).unwrap();
        assert_eq!(fixture.count(keys), 0, "its key is no more");
        assert_eq!(fixture.count("vault_epoch_key"), 1);
        fixture
            .db
            .write(|tx| tx.execute("DROP TABLE copied", &[]))
            .unwrap();
    });
}

#[test]
fn a_key_that_a_crash_left_without_readings_goes_when_its_day_and_class_are_over() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &of_class(7, "a week"));
        vault.maintain(START).unwrap();
        // What a process leaves that ends between the deletion of blocks and that of keys.
        fixture
            .db
            .write(|tx| tx.execute("DELETE FROM vault_block", &[]))
            .unwrap();
        let over = START.plus_millis(8 * DAY_MS);
        let before = vault.maintain(over.plus_millis(-1)).unwrap();
        assert_eq!(before.destroyed_keys, 0);
        assert_eq!(vault.maintain(over).unwrap().destroyed_keys, 1);
        assert_eq!(fixture.count("vault_epoch_key"), 0);
    });
}

#[test]
fn how_much_is_kept_and_when_it_goes_is_told_by_class_from_the_log_and_from_blocks() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &of_class(1, "a day"));
        keep(&vault, &of_class(7, "a week"));
        let mut late = of_class(7, "a week too");
        late.at = START.plus_millis(5_000);
        keep(&vault, &late);
        let held = |days: u16, readings: u64, first: i64, last: i64| vault::Held {
            retention: Retention::from_days(days),
            readings,
            next_at: START.plus_millis(i64::from(days) * DAY_MS + first),
            last_at: START.plus_millis(i64::from(days) * DAY_MS + last),
        };
        let expected = [held(1, 1, 0, 0), held(7, 2, 0, 5_000)];
        let found = |at: Timestamp| vault.held(&person("a1"), at).unwrap();
        assert_eq!(found(START), expected, "from the log");
        vault.maintain(START).unwrap();
        assert_eq!(found(START), expected, "from blocks");
        assert_eq!(found(START.plus_millis(DAY_MS)), expected[1..]);
        assert_eq!(found(START.plus_millis(7 * DAY_MS + 5_000)), []);
        assert_eq!(vault.held(&person("b2"), START).unwrap(), []);
    });
}

#[test]
fn a_late_reading_of_an_epoch_whose_key_was_destroyed_gets_a_new_key() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &of_class(1, "a day"));
        let late = START.plus_millis(2 * DAY_MS);
        let done = vault.maintain(late).unwrap();
        assert_eq!((done.expired_readings, done.destroyed_keys), (1, 1));
        keep(&vault, &of_class(30, "late"));
        assert_eq!(bodies(&all(&vault, &person("a1"), late)), ["late"]);
        drop(vault);
        assert_eq!(bodies(&all(&fixture.open(), &person("a1"), late)), ["late"]);
    });
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_a_segment_open() {
    on_each_database(|fixture| {
        let options = vault::VaultOptions {
            segment_age_ms: 60_000,
            ..fixture.options()
        };
        let vault = fixture.try_open(options).unwrap();
        keep(&vault, &of_class(30, "x"));
        let segments = |at_ms| vault.maintain(START.plus_millis(at_ms)).unwrap().segments;
        assert_eq!((segments(0), segments(59_999)), (0, 0));
        assert_eq!(segments(-1), 1);
        keep(&vault, &of_class(30, "y"));
        assert_eq!(
            (segments(-1), segments(59_998), segments(59_999)),
            (0, 0, 1)
        );
    });
}
