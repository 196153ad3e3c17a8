//! A sealing that ends somewhere in its midst: every reading is in the vault or in a file of the person's, and the next one finishes it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use store::Db;

use crate::{
    Erasure, Order, OwnIdentities, OwnKey, OwnKeys, ReadQuery, Reading, RootKey, Scope, SealDays,
    SealForm, StoredReading, Vault, VaultOptions,
};

const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const DAY_MS: i64 = 86_400_000;
const FIRST_DAY: i64 = 20_000;
const READINGS: i64 = 12;

fn subject() -> Subject {
    Subject::Person(PersonId::parse("a1").unwrap())
}

fn at(number: i64) -> Timestamp {
    Timestamp::from_millis(FIRST_DAY * DAY_MS + number * DAY_MS / 4)
}

fn now() -> Timestamp {
    at(READINGS + 4)
}

fn open(place: &Path, url: &str) -> Vault {
    open_on(place, Db::open(url).unwrap())
}

fn open_on(place: &Path, db: Db) -> Vault {
    let options = VaultOptions {
        segment_age_ms: 0,
        allocate_bytes: 0,
        ..VaultOptions::new(place.join("wal"))
    };
    let root = RootKey::load_or_create(&place.join("root.key")).unwrap();
    Vault::open(options, db, root, |_| {}).unwrap()
}

/// Three days of two things, in blocks.
fn kept(vault: &Vault) {
    let deployment = DeploymentId::parse("home-energy").unwrap();
    for number in 0..READINGS {
        let thing = ThingId::parse(["meter-7", "meter-8"][usize::from(number % 2 == 1)]).unwrap();
        let body = number.to_string();
        let reading = Reading {
            subject: &subject(),
            thing: &thing,
            deployment: &deployment,
            at: at(number),
            retention: Retention::from_days(30),
            generation: 1,
            body: body.as_bytes(),
        };
        let lsn = vault.append(&reading).unwrap();
        vault.wait(lsn).unwrap();
    }
    vault.maintain(now()).unwrap();
}

const FORM: SealForm<'static> = SealForm {
    line: &line,
    stays: &|_| false,
};

fn line(stored: &StoredReading, out: &mut Vec<u8>) {
    out.extend_from_slice(&stored.body);
    out.push(b'\n');
}

fn seal(vault: &Vault) {
    seal_with(vault, FORM);
}

fn seal_with(vault: &Vault, form: SealForm<'_>) {
    let keys = OwnKeys::new(vec![OwnKey::from_kept(PUBLIC).unwrap()]).unwrap();
    let subject = subject();
    let wanted = SealDays {
        subject: &subject,
        keys: &keys,
        from_day: 0,
        until_day: FIRST_DAY + 3,
    };
    vault.seal_days(&wanted, form, now()).unwrap();
    vault.maintain(now()).unwrap();
}

/// What the vault reads, and what the person's key opens.
fn found(vault: &Vault) -> (Vec<i64>, Vec<i64>) {
    let query = ReadQuery {
        subject: subject(),
        from: Timestamp::EPOCH,
        until: now(),
        limit: 1_000,
        order: Order::OldestFirst,
        now: now(),
    };
    let read = vault.read(&query).unwrap();
    let number = |text: &str| text.parse::<i64>().unwrap();
    let read: Vec<_> = read
        .iter()
        .map(|it| number(std::str::from_utf8(&it.body).unwrap()))
        .collect();
    let identities = OwnIdentities::read(SECRET.as_bytes(), &mut || None).unwrap();
    let mut sealed = Vec::new();
    for file in vault.own_files(&subject(), None, 100, now()).unwrap() {
        let pieces = (0..).map_while(|it| vault.own_piece(&file, it).unwrap());
        let bytes: Vec<u8> = pieces.flatten().collect();
        let mut text = String::new();
        let mut reader = identities.open(bytes.as_slice()).unwrap();
        reader.read_to_string(&mut text).unwrap();
        sealed.extend(text.lines().map(number));
    }
    sealed.sort_unstable();
    (read, sealed)
}

/// A sealing that ends in its second day, and the vault after that.
fn broken_off(place: &Path, db: Db) -> Vault {
    let vault = open_on(place, db.clone());
    kept(&vault);
    let gone = |stored: &StoredReading, out: &mut Vec<u8>| {
        assert!(stored.at < at(4), "the end of the process");
        line(stored, out);
    };
    let form = SealForm {
        line: &gone,
        stays: &|_| false,
    };
    let sealing = || seal_with(&vault, form);
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(sealing));
    ended.unwrap_err();
    drop(vault);
    assert_eq!(count(&db, "vault_own_file WHERE is_whole = 0"), 2);
    open_on(place, db)
}

fn count(db: &Db, of: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {of}");
    let row = db.read(|tx| tx.query_one(&sql, &[])).unwrap();
    row.unwrap().get(0).unwrap()
}

#[test]
fn gp_b2_what_a_sealing_left_half_goes_with_any_erasure_of_its_person() {
    for spares_own_files in [false, true] {
        for (engine, db) in testkit::databases() {
            let home = testkit::memory_dir();
            let vault = broken_off(home.path(), db.clone());
            let erasure = |person: &str| Erasure {
                subject: Subject::Person(PersonId::parse(person).unwrap()),
                scope: Scope {
                    from: Some(at(1)),
                    spares_own_files,
                    ..Scope::default()
                },
            };
            vault.erase(&erasure("b2"), now()).unwrap();
            assert_eq!(count(&db, "vault_own_file"), 2, "{engine}: of another");
            let proof = vault.erase(&erasure("a1"), now()).unwrap();
            assert_eq!(proof.own_files, 0, "{engine}: nobody has seen them");
            assert_eq!(count(&db, "vault_own_file"), 0, "{engine}");
            assert_eq!(count(&db, "vault_own_chunk"), 0, "{engine}");
            assert_eq!(found(&vault), (vec![0], Vec::new()), "{engine}");
        }
    }
}

#[test]
fn gp_b2_what_a_sealing_left_half_goes_with_the_next_maintenance() {
    for (engine, db) in testkit::databases() {
        let home = testkit::memory_dir();
        let vault = broken_off(home.path(), db.clone());
        vault.maintain(now()).unwrap();
        assert_eq!(count(&db, "vault_own_file"), 0, "{engine}");
        assert_eq!(count(&db, "vault_own_chunk"), 0, "{engine}");
        let everything: Vec<i64> = (0..READINGS).collect();
        assert_eq!(found(&vault), (everything.clone(), Vec::new()), "{engine}");
        seal(&vault);
        assert_eq!(found(&vault), (Vec::new(), everything), "{engine}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test tells its child what to do"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The child of the test below; does nothing by itself.
#[test]
fn a_sealing() {
    let (Some(place), Some(url), Some(point)) =
        (told("OWN_DIR"), told("OWN_URL"), told("OWN_POINT"))
    else {
        return;
    };
    let vault = open(&PathBuf::from(place), &url);
    crate::crash::at(point.parse().unwrap());
    seal(&vault);
}

mod slow {
    use super::*;

    fn emptied(db: &Db) {
        for table in [
            "vault_own_chunk",
            "vault_own_file",
            "vault_block",
            "vault_epoch_key",
        ] {
            db.write(|tx| tx.execute(&format!("DELETE FROM {table}"), &[]))
                .unwrap();
        }
    }

    /// A process that seals, and ends at a point.
    fn child(place: &Path, url: &str, point: u32) -> std::process::Output {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sealed::tests::a_sealing", "--quiet"])
            .env("OWN_DIR", place)
            .env("OWN_URL", url)
            .env("OWN_POINT", point.to_string())
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap()
    }

    #[test]
    fn gp_b2_a_crash_at_any_step_of_a_sealing_loses_nothing_and_leaves_nothing_half() {
        for (url, engine) in [
            (testkit::sqlite(), "SQLite"),
            (testkit::postgres(), "PostgreSQL"),
        ] {
            let home = testkit::memory_dir();
            let everything: Vec<i64> = (0..READINGS).collect();
            let mut ended = 0;
            for point in 1.. {
                let vault = open(home.path(), &url);
                let db = vault.log().db.clone();
                emptied(&db);
                kept(&vault);
                drop(vault);
                let child = child(home.path(), &url, point);
                let said = String::from_utf8_lossy(&child.stdout).into_owned();
                assert!(!said.contains("panicked"), "{engine} {point}: {said}");
                let vault = open(home.path(), &url);
                let (read, sealed) = found(&vault);
                let mut both = [read.as_slice(), &sealed].concat();
                both.sort_unstable();
                assert_eq!(
                    both, everything,
                    "{engine}, point {point}: in one place each"
                );
                assert!(
                    read.is_empty() || sealed.is_empty(),
                    "{engine}, point {point}"
                );
                seal(&vault);
                assert_eq!(found(&vault), (Vec::new(), everything.clone()));
                let rows = |sql: &str| -> i64 {
                    let row = db.read(|tx| tx.query_one(sql, &[])).unwrap();
                    row.unwrap().get(0).unwrap()
                };
                assert_eq!(
                    rows("SELECT COUNT(*) FROM vault_own_file WHERE is_whole = 0"),
                    0
                );
                assert_eq!(
                    rows("SELECT COUNT(*) FROM vault_own_file"),
                    6,
                    "two things, three days"
                );
                assert_eq!(rows("SELECT COUNT(*) FROM vault_own_chunk"), 6);
                assert_eq!(
                    rows("SELECT COUNT(*) FROM vault_block"),
                    0,
                    "{engine}, point {point}"
                );
                if child.status.success() {
                    break;
                }
                ended += 1;
            }
            assert!(ended >= 10, "{engine}: {ended} points");
        }
    }
}
