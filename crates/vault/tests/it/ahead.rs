//! Keys of the next day, opened before it begins.

use vault::VaultOptions;

use crate::fixture::{
    DAY_MS, Fixture, START, all, keep, on_each_database, on_sqlite, person, reading, stored,
};
use crate::proxy::Proxy;

const LATE: i64 = DAY_MS - 30 * 60 * 1_000;

#[test]
fn in_the_last_hour_of_a_day_its_subjects_get_their_keys_of_the_next() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        for name in ["a1", "b2"] {
            keep(&vault, &stored(&person(name), START, "x"));
        }
        let noon = vault.maintain(START.plus_millis(DAY_MS / 2)).unwrap();
        assert_eq!(noon.keys_ahead, 0);
        let late = START.plus_millis(LATE);
        assert_eq!(vault.maintain(late).unwrap().keys_ahead, 2);
        assert_eq!(vault.maintain(late).unwrap().keys_ahead, 0, "once");
        for name in ["a1", "b2", "new"] {
            let one = stored(&person(name), START.plus_millis(DAY_MS), "y");
            keep(&vault, &one);
        }
        assert_eq!(fixture.count("vault_epoch_key"), 5);
        drop(vault);
        let vault = fixture.open();
        assert_eq!(all(&vault, &person("a1"), START).len(), 2);
    });
}

#[test]
fn at_midnight_nobody_known_asks_the_database() {
    let (proxy, db) = Proxy::open();
    let home = testkit::temp_dir();
    let fixture = Fixture { home, db };
    let vault = fixture.open();
    keep(&vault, &stored(&person("a1"), START, "x"));
    assert_eq!(
        vault.maintain(START.plus_millis(LATE)).unwrap().keys_ahead,
        1
    );
    // The rows of the new keys go with the next batch.
    keep(&vault, &stored(&person("a1"), START.plus_millis(LATE), "x"));
    proxy.cut();
    let after = START.plus_millis(DAY_MS);
    keep(&vault, &stored(&person("a1"), after, "y"));
    let unknown = stored(&person("b2"), after, "y");
    assert!(vault.append(&reading(&unknown)).is_err());
}

#[test]
fn keys_of_tomorrow_push_no_key_of_today_out() {
    let fixture = on_sqlite();
    let options = VaultOptions {
        cached_keys: 8,
        ..fixture.options()
    };
    let vault = fixture.try_open(options).unwrap();
    for name in ["a1", "b2", "c3"] {
        keep(&vault, &stored(&person(name), START, "x"));
    }
    let late = START.plus_millis(LATE);
    assert_eq!(vault.maintain(late).unwrap().keys_ahead, 1, "room for one");
    assert_eq!(vault.maintain(late).unwrap().keys_ahead, 0);
}
