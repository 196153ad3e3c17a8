//! What the vault does when the database is away, or slow.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::Retention;
use vault::{AppendError, Lsn, Progress, Vault, VaultOptions, WaitError};

use crate::fixture::{DAY_MS, Fixture, START, all, keep, person, reading, stored};
use crate::proxy::Proxy;

const SOON: Duration = Duration::from_secs(20);

fn fixture() -> (Proxy, Fixture) {
    let (proxy, db) = Proxy::open();
    let home = testkit::temp_dir();
    (proxy, Fixture { home, db })
}

/// What the vault told.
type Told = Arc<Mutex<Vec<Progress>>>;

/// A vault whose commit thread stops after the first commit until it is let go.
fn open_waiting(fixture: &Fixture, options: VaultOptions) -> (Vault, Told, Sender<()>) {
    let told = Told::default();
    let teller = Arc::clone(&told);
    let (go, gone) = channel();
    let gone = Mutex::new(gone);
    let on_progress = move |progress| {
        let is_first = teller.lock().unwrap().is_empty();
        teller.lock().unwrap().push(progress);
        if is_first {
            let _ = gone.lock().unwrap().recv();
        }
    };
    let vault = Vault::open(options, fixture.db.clone(), fixture.root(), on_progress).unwrap();
    (vault, told, go)
}

/// A reading whose new key has still to be written, while the database is away.
fn append_and_cut(vault: &Vault, proxy: &Proxy, told: &Told) -> Lsn {
    vault
        .append(&reading(&stored(&person("a1"), START, "before")))
        .unwrap();
    testkit::wait_until("the first commit", SOON, || {
        !told.lock().unwrap().is_empty()
    });
    let new = stored(&person("new"), START, "meanwhile");
    let lsn = vault.append(&reading(&new)).unwrap();
    proxy.cut();
    lsn
}

#[test]
fn a_database_that_comes_back_stops_nothing_and_loses_nothing() {
    let (proxy, fixture) = fixture();
    let (vault, told, go) = open_waiting(&fixture, fixture.options());
    let lsn = append_and_cut(&vault, &proxy, &told);
    go.send(()).unwrap();
    testkit::wait_until("rows are tried again", SOON, || proxy.refused() >= 2);
    assert!(vault.durable() < lsn && !vault.failed());
    // A key that is open needs no database; one that is not cannot be had now.
    let known = vault
        .append(&reading(&stored(&person("new"), START, "later")))
        .unwrap();
    assert!(matches!(
        vault.append(&reading(&stored(&person("unknown"), START, "x"))),
        Err(AppendError::Key(_))
    ));
    proxy.mend();
    vault.wait(known).unwrap();
    let bodies: Vec<_> = all(&vault, &person("new"), START)
        .into_iter()
        .map(|it| it.body)
        .collect();
    assert_eq!(bodies, [b"meanwhile".to_vec(), b"later".to_vec()]);
    keep(&vault, &stored(&person("unknown"), START, "x"));
    drop(vault);
    assert!(!told.lock().unwrap().contains(&Progress::Stopped));
    assert_eq!(all(&fixture.open(), &person("new"), START).len(), 2);
    assert_eq!(fixture.count("vault_epoch_key"), 3);
}

#[test]
fn a_new_segment_waits_for_the_database_too() {
    let (proxy, fixture) = fixture();
    let options = VaultOptions {
        segment_bytes: 100,
        ..fixture.options()
    };
    let (vault, told, go) = open_waiting(&fixture, options);
    let lsn = append_and_cut(&vault, &proxy, &told);
    go.send(()).unwrap();
    testkit::wait_until("rows are tried again", SOON, || proxy.refused() >= 1);
    proxy.mend();
    vault.wait(lsn).unwrap();
    drop(vault);
    assert_eq!(all(&fixture.open(), &person("a1"), START).len(), 1);
    assert_eq!(all(&fixture.open(), &person("new"), START).len(), 1);
}

#[test]
fn a_database_that_stays_away_stops_the_vault_and_nothing_is_acknowledged() {
    let (proxy, fixture) = fixture();
    let options = VaultOptions {
        database_patience_ms: 100,
        ..fixture.options()
    };
    let (vault, told, go) = open_waiting(&fixture, options);
    let lsn = append_and_cut(&vault, &proxy, &told);
    go.send(()).unwrap();
    testkit::wait_until("the vault stops", SOON, || {
        told.lock().unwrap().contains(&Progress::Stopped)
    });
    assert!(matches!(vault.wait(lsn), Err(WaitError::Stopped(_))));
    assert!(vault.failed() && proxy.refused() >= 2);
    proxy.mend();
    drop(vault);
    let vault = fixture.open();
    assert_eq!(all(&vault, &person("new"), START), []);
    assert_eq!(all(&vault, &person("a1"), START).len(), 1);
}

#[test]
fn a_vault_that_is_closed_does_not_wait_long_for_the_database() {
    let (proxy, fixture) = fixture();
    let options = VaultOptions {
        database_patience_ms: 10 * 60 * 1_000,
        ..fixture.options()
    };
    let (vault, told, go) = open_waiting(&fixture, options);
    let lsn = append_and_cut(&vault, &proxy, &told);
    go.send(()).unwrap();
    testkit::wait_until("rows are tried again", SOON, || proxy.refused() >= 2);
    let before = proxy.refused();
    vault.close();
    assert!(vault.durable() < lsn && vault.failed());
    assert!(
        proxy.refused() <= before + 2,
        "one more try, and the one on its way"
    );
}

#[test]
fn one_slow_subject_does_not_hold_up_the_others() {
    let (proxy, fixture) = fixture();
    let vault = fixture.open();
    proxy.hold(b"person:slow");
    let others_done = Mutex::new(false);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| vault.append(&reading(&stored(&person("slow"), START, "x"))));
        testkit::wait_until("the slow one asks", SOON, || proxy.holding() == 1);
        scope.spawn(|| {
            for name in ["a1", "b2", "c3"] {
                keep(&vault, &stored(&person(name), START, "x"));
            }
            *others_done.lock().unwrap() = true;
        });
        let waited = std::panic::catch_unwind(|| {
            testkit::wait_until("the others are kept", SOON, || *others_done.lock().unwrap());
        });
        let was_held = proxy.holding() == 1;
        proxy.release();
        vault.wait(slow.join().unwrap().unwrap()).unwrap();
        assert!(waited.is_ok() && was_held);
    });
}

#[test]
fn a_key_that_is_destroyed_while_it_is_looked_up_is_not_used() {
    let (proxy, fixture) = fixture();
    let mut short = stored(&person("a1"), START, "over");
    short.retention = Retention::from_days(1);
    let vault = fixture.open();
    keep(&vault, &short);
    vault.maintain(START).unwrap();
    drop(vault);
    let vault = fixture.open();
    let row = fixture
        .db
        .read(|tx| tx.query_one("SELECT wrapped FROM vault_epoch_key", &[]))
        .unwrap();
    let wrapped: Vec<u8> = row.unwrap().get(0).unwrap();
    let mut second = short.clone();
    second.at = START.plus_millis(DAY_MS / 2);
    let late = START.plus_millis(DAY_MS + 1);
    proxy.hold(&wrapped);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| vault.append(&reading(&second)));
        testkit::wait_until("the key is looked up", SOON, || proxy.holding() == 1);
        let done = vault.maintain(late).map(|it| it.destroyed_keys);
        proxy.release();
        vault.wait(slow.join().unwrap().unwrap()).unwrap();
        assert_eq!(done.unwrap(), 1);
    });
    assert_eq!(all(&vault, &person("a1"), late).len(), 1);
    vault.maintain(late).unwrap();
    assert_eq!(all(&vault, &person("a1"), late).len(), 1);
}
