//! Readings that are appended together.

use model::Retention;
use vault::{AppendError, Lsn, MAX_BODY_BYTES, StoredReading, Vault, VaultOptions};

use crate::fixture::{
    DAY_MS, START, all, keep, on_each_database, on_sqlite, person, reading, segments_in, stored,
};

/// One message about three people, in two retention classes.
fn message() -> Vec<StoredReading> {
    let mut message = Vec::new();
    for days in [30, 90] {
        for name in ["a1", "b2", "c3"] {
            let mut one = stored(&person(name), START.plus_millis(5), &format!("{days} days"));
            one.retention = Retention::from_days(days);
            message.push(one);
        }
    }
    message
}

fn append_all(vault: &Vault, readings: &[StoredReading]) -> Result<Lsn, AppendError> {
    let readings: Vec<_> = readings.iter().map(reading).collect();
    vault.append_all(&readings)
}

fn found(vault: &Vault) -> Vec<StoredReading> {
    ["a1", "b2", "c3"]
        .iter()
        .flat_map(|it| all(vault, &person(it), START))
        .collect()
}

fn expected() -> Vec<StoredReading> {
    let mut message = message();
    message.sort_by_key(|it| (it.subject.key(), it.retention.as_days()));
    message
}

#[test]
fn readings_of_several_people_and_classes_are_kept_at_one_position() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let before = keep(&vault, &stored(&person("other"), START, "x"));
        let lsn = append_all(&vault, &message()).unwrap();
        assert_eq!(lsn.as_u64(), before.as_u64() + 6);
        vault.wait(lsn).unwrap();
        assert_eq!(found(&vault), expected());
        vault.maintain(START).unwrap();
        assert_eq!(found(&vault), expected());
        drop(vault);
        assert_eq!(found(&fixture.open()), expected());
        assert_eq!(fixture.count("vault_epoch_key"), 1 + 3 * 2);
    });
}

#[test]
fn nothing_together_is_durable_from_the_start() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    assert_eq!(vault.append_all(&[]).unwrap(), Lsn::START);
    vault.wait(Lsn::START).unwrap();
}

#[test]
fn one_that_may_not_be_stored_keeps_the_others_out() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let mut live = message();
    live[4].retention = Retention::LIVE_ONLY;
    let mut large = message();
    large[5].body = vec![b'x'; MAX_BODY_BYTES + 1];
    assert!(matches!(
        append_all(&vault, &live),
        Err(AppendError::LiveOnly)
    ));
    assert!(matches!(
        append_all(&vault, &large),
        Err(AppendError::TooLarge { .. })
    ));
    let next = keep(&vault, &stored(&person("other"), START, "x"));
    assert_eq!(next.as_u64(), 1);
    assert_eq!(found(&vault), []);
}

#[test]
fn what_never_fits_together_is_told_and_fits_one_by_one() {
    let fixture = on_sqlite();
    let options = VaultOptions {
        max_pending_bytes: 1_000,
        ..fixture.options()
    };
    let vault = fixture.try_open(options).unwrap();
    let error = append_all(&vault, &message()).unwrap_err();
    assert!(
        matches!(error, AppendError::TooMany { max_bytes: 1_000, size_bytes } if size_bytes > 1_000),
        "{error}"
    );
    for one in message() {
        keep(&vault, &one);
    }
    assert_eq!(found(&vault), expected());
}

#[test]
fn a_cache_smaller_than_the_message_is_no_obstacle() {
    let fixture = on_sqlite();
    let options = VaultOptions {
        cached_keys: 2,
        ..fixture.options()
    };
    let vault = fixture.try_open(options).unwrap();
    for _ in 0..2 {
        let lsn = append_all(&vault, &message()).unwrap();
        vault.wait(lsn).unwrap();
    }
    assert_eq!(found(&vault).len(), 12);
    assert_eq!(fixture.count("vault_epoch_key"), 3 * 2);
}

#[test]
fn a_crash_keeps_all_of_them_or_none() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    keep(&vault, &stored(&person("other"), START, "before"));
    let path = segments_in(&fixture.dir()).pop().unwrap();
    let before = std::fs::metadata(&path).unwrap().len();
    let lsn = append_all(&vault, &message()).unwrap();
    vault.wait(lsn).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let image = fixture.home.path().join("image");
    let mut counts = Vec::new();
    for cut in usize::try_from(before).unwrap()..=bytes.len() {
        let _ = std::fs::remove_dir_all(&image);
        std::fs::create_dir(&image).unwrap();
        std::fs::write(image.join(path.file_name().unwrap()), &bytes[..cut]).unwrap();
        let options = VaultOptions {
            dir: image.clone(),
            ..fixture.options()
        };
        let opened = fixture.try_open(options).unwrap();
        counts.push(found(&opened).len());
        assert_eq!(all(&opened, &person("other"), START).len(), 1, "{cut}");
        drop(opened);
        let sql = "DELETE FROM vault_segment WHERE number > 1";
        fixture.db.write(|tx| tx.execute(sql, &[])).unwrap();
    }
    assert_eq!(counts.pop(), Some(6));
    assert!(
        counts.len() > 500 && counts.iter().all(|it| *it == 0),
        "{counts:?}"
    );
}

#[test]
fn messages_of_many_threads_about_the_same_new_people_get_one_key_each() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        for day in 0..5 {
            let message: Vec<_> = message()
                .into_iter()
                .map(|it| StoredReading {
                    at: it.at.plus_millis(day * DAY_MS),
                    ..it
                })
                .collect();
            let (vault, message) = (&vault, &message);
            let barrier = std::sync::Barrier::new(6);
            let barrier = &barrier;
            std::thread::scope(|scope| {
                for first in 0..6 {
                    scope.spawn(move || {
                        let mut mine = message.clone();
                        mine.rotate_left(first);
                        barrier.wait();
                        let lsn = append_all(vault, &mine).unwrap();
                        vault.wait(lsn).unwrap();
                    });
                }
            });
        }
        assert_eq!(found(&vault).len(), 5 * 6 * 6);
        assert_eq!(fixture.count("vault_subject_key"), 3);
        assert_eq!(fixture.count("vault_epoch_key"), 5 * 3 * 2);
    });
}
