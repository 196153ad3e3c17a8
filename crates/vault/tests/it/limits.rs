//! What is refused, and what is told.

use std::sync::{Arc, Mutex};

use model::Retention;
use vault::{AppendError, Lsn, MAX_BODY_BYTES, Progress, Vault, VaultOptions, WaitError};

use crate::fixture::{START, all, keep, on_sqlite, person, reading, stored};

#[test]
fn live_only_readings_are_not_stored() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let mut live = stored(&person("a1"), START, "x");
    live.retention = Retention::LIVE_ONLY;
    assert!(matches!(
        vault.append(&reading(&live)),
        Err(AppendError::LiveOnly)
    ));
    assert_eq!(fixture.count("vault_subject_key"), 0);
}

#[test]
fn a_body_above_the_limit_is_refused_with_its_size() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let mut large = stored(&person("a1"), START, "");
    large.body = vec![b'x'; MAX_BODY_BYTES + 1];
    let error = vault.append(&reading(&large)).unwrap_err();
    assert!(
        matches!(error, AppendError::TooLarge { size_bytes } if size_bytes == MAX_BODY_BYTES + 1)
    );
}

#[test]
fn closing_keeps_what_was_appended_and_refuses_what_comes_after() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let one = stored(&person("a1"), START, "x");
    let lsn = vault.append(&reading(&one)).unwrap();
    vault.close();
    assert_eq!(vault.durable(), lsn);
    assert!(vault.wait(lsn).is_ok());
    assert!(matches!(
        vault.append(&reading(&one)),
        Err(AppendError::Closed)
    ));
    let reopened = fixture.open();
    assert_eq!(all(&reopened, &person("a1"), START), [one]);
}

#[test]
fn waiting_for_what_was_never_appended_ends_with_the_vault() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let lsn = keep(&vault, &stored(&person("a1"), START, "x"));
    let elsewhere = on_sqlite();
    let other = elsewhere.open();
    keep(&other, &stored(&person("a1"), START, "x"));
    let never = keep(&other, &stored(&person("a1"), START, "y"));
    assert!(never > lsn);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| vault.wait(never));
        vault.close();
        assert!(matches!(waiting.join().unwrap(), Err(WaitError::Closed)));
    });
}

#[test]
fn durable_positions_are_told_in_order_up_to_the_last() {
    let fixture = on_sqlite();
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let on_progress = move |progress| match progress {
        Progress::Durable(lsn) => teller.lock().unwrap().push(lsn),
        Progress::Room => {}
        Progress::Stopped => panic!("the vault stopped"),
    };
    let vault = Vault::open(
        fixture.options(),
        fixture.db.clone(),
        fixture.root(),
        on_progress,
    )
    .unwrap();
    assert_eq!(vault.durable(), Lsn::START);
    let one = stored(&person("a1"), START, "x");
    let mut last = Lsn::START;
    for _ in 0..500 {
        let lsn = vault.append(&reading(&one)).unwrap();
        assert!(lsn > last);
        last = lsn;
    }
    vault.close();
    let told = told.lock().unwrap();
    assert_eq!(told.last(), Some(&last));
    assert!(told.is_sorted() && told.len() <= 500);
    assert_eq!(last.as_u64(), 500);
}

#[test]
fn a_segment_that_is_full_is_followed_by_another() {
    let fixture = on_sqlite();
    let options = VaultOptions {
        segment_bytes: 2_000,
        ..fixture.options()
    };
    let vault = fixture.try_open(options).unwrap();
    let subject = person("a1");
    let appended: Vec<_> = (0..60)
        .map(|n| stored(&subject, START.plus_millis(n), "some body"))
        .collect();
    for one in &appended {
        keep(&vault, one);
    }
    assert!(fixture.segments().len() > 3);
    assert_eq!(all(&vault, &subject, START), appended);
    drop(vault);
    let vault = fixture.open();
    assert_eq!(all(&vault, &subject, START), appended);
    assert!(vault.maintain(START).unwrap().segments > 3);
    assert_eq!(fixture.segments().len(), 1);
    assert_eq!(all(&vault, &subject, START), appended);
}

#[test]
fn the_cache_of_keys_may_be_smaller_than_the_number_of_subjects() {
    let fixture = on_sqlite();
    let options = VaultOptions {
        cached_keys: 4,
        ..fixture.options()
    };
    let vault = fixture.try_open(options).unwrap();
    for round in 0..3 {
        for n in 0..20 {
            let one = stored(&person(&format!("p{n}")), START.plus_millis(round), "x");
            vault.append(&reading(&one)).unwrap();
        }
    }
    vault.close();
    assert_eq!(fixture.count("vault_epoch_key"), 20);
    for n in 0..20 {
        assert_eq!(all(&vault, &person(&format!("p{n}")), START).len(), 3);
    }
}
