//! Other keys above the same readings: another root key, another key of a subject, another suite.

use std::sync::Arc;

use vault::{KeyError, OpenError, RootKey, RootKeyError, RootKeyFile, Suite, Vault, VaultOptions};

use crate::fixture::{DAY_MS, Fixture, START, all, keep, on_each_database, person, stored};

const NAMES: [&str; 2] = ["test/signer", "test/lookup"];

fn file(fixture: &Fixture) -> RootKeyFile {
    RootKeyFile::new(fixture.home.path().join("root.key"), Vec::new())
}

fn fill(fixture: &Fixture) {
    let vault = fixture.open();
    for (name, day) in [("a1", 0), ("a1", 1), ("b2", 0), ("c3", 5)] {
        keep(
            &vault,
            &stored(&person(name), START.plus_millis(day * DAY_MS), "x"),
        );
    }
    vault.maintain(START).unwrap();
    keep(
        &vault,
        &stored(&person("a1"), START.plus_millis(9), "in the log"),
    );
}

fn count(vault: &Vault) -> Vec<usize> {
    ["a1", "b2", "c3"]
        .map(|it| all(vault, &person(it), START).len())
        .to_vec()
}

#[test]
fn after_another_root_key_everything_opens_and_the_old_key_opens_nothing() {
    on_each_database(|fixture| {
        fill(&fixture);
        let file = file(&fixture);
        let before = NAMES.map(|it| file.unlock(&fixture.db, &NAMES).unwrap().derive(it));
        let old = fixture.root();
        let line = std::fs::read_to_string(fixture.home.path().join("root.key")).unwrap();
        let done = file
            .rotate(&fixture.dir(), &fixture.db, Suite::default(), &NAMES)
            .unwrap();
        assert_eq!(done.subjects, 3);
        let path = fixture.home.path().join("root.key");
        assert_ne!(std::fs::read_to_string(&path).unwrap(), line);
        assert!(!file.is_rotating().unwrap());
        let error = Vault::open(fixture.options(), fixture.db.clone(), old, |_| {});
        let error = error.err().unwrap();
        assert!(
            matches!(error, OpenError::Key(KeyError::WrongRootKey)),
            "{error}"
        );
        let root = file.unlock(&fixture.db, &NAMES).unwrap();
        let after = NAMES.map(|it| root.derive(it));
        assert_eq!(
            before, after,
            "what was derived from the root key keeps its value"
        );
        let vault = fixture.open();
        assert_eq!(count(&vault), [3, 1, 1]);
        keep(&vault, &stored(&person("d4"), START, "new"));
    });
}

#[test]
fn a_secret_that_was_never_asked_for_keeps_the_value_that_it_would_have_had() {
    on_each_database(|fixture| {
        let other = Fixture {
            home: testkit::temp_dir(),
            db: store::Db::open(&testkit::sqlite_with(&[&vault::MIGRATIONS])).unwrap(),
        };
        std::fs::copy(
            {
                drop(fixture.open());
                fixture.home.path().join("root.key")
            },
            other.home.path().join("root.key"),
        )
        .unwrap();
        drop(other.open());
        let expected = other.root().derive(NAMES[0]);
        file(&fixture)
            .rotate(&fixture.dir(), &fixture.db, Suite::default(), &NAMES)
            .unwrap();
        assert_eq!(
            file(&fixture)
                .unlock(&fixture.db, &NAMES)
                .unwrap()
                .derive(NAMES[0]),
            expected
        );
    });
}

#[test]
fn the_root_key_is_not_changed_while_the_vault_is_open() {
    on_each_database(|fixture| {
        fill(&fixture);
        let vault = fixture.open();
        let error = file(&fixture)
            .rotate(&fixture.dir(), &fixture.db, Suite::default(), &NAMES)
            .unwrap_err();
        assert!(matches!(error, RootKeyError::InUse { .. }), "{error}");
        assert_eq!(count(&vault), [3, 1, 1]);
    });
}

#[test]
fn a_change_of_the_root_key_that_was_broken_off_anywhere_is_finished_at_the_next_start() {
    let fixture = crate::fixture::on_sqlite();
    fill(&fixture);
    let file = file(&fixture);
    let secret = |root: &RootKey| root.derive(NAMES[0]);
    let before = secret(&fixture.root());
    // Each of these statements fails once; what was done before is not undone.
    let triggers = [
        ("vault_secret", "INSERT"),
        ("vault_subject_key", "UPDATE"),
        ("vault_secret", "UPDATE"),
        ("vault_root", "UPDATE"),
    ];
    for (table, act) in triggers {
        let trigger = format!(
            "CREATE TRIGGER fault BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END"
        );
        fixture.db.write(|tx| tx.execute(&trigger, &[])).unwrap();
        let names = ["test/signer", table, act];
        let failed = file.rotate(&fixture.dir(), &fixture.db, Suite::default(), &names);
        assert!(
            matches!(failed, Err(RootKeyError::Change(_))),
            "{table} {act}"
        );
        assert!(file.is_rotating().unwrap());
        fixture
            .db
            .write(|tx| tx.execute("DROP TRIGGER fault", &[]))
            .unwrap();
        let root = file.unlock(&fixture.db, &NAMES).unwrap();
        assert!(!file.is_rotating().unwrap());
        assert_eq!(secret(&root), before);
        let vault = Vault::open(fixture.options(), fixture.db.clone(), root, |_| {}).unwrap();
        assert_eq!(count(&vault), [3, 1, 1], "{table} {act}");
    }
}

#[test]
fn another_key_of_a_subject_changes_every_row_and_no_reading() {
    on_each_database(|fixture| {
        fill(&fixture);
        let vault = fixture.open();
        let rows = || {
            let sql = "SELECT e.wrapped, s.wrapped FROM vault_epoch_key e JOIN vault_subject_key s \
                       ON s.subject = e.subject WHERE e.subject = 'person:a1' ORDER BY e.key_id";
            let rows = fixture.db.read(|tx| tx.query(sql, &[])).unwrap();
            let row =
                |it: &store::Row| (it.get::<Vec<u8>>(0).unwrap(), it.get::<Vec<u8>>(1).unwrap());
            rows.iter().map(row).collect::<Vec<_>>()
        };
        let before = rows();
        vault.rotate_subject(&person("a1")).unwrap();
        let after = rows();
        assert_eq!(before.len(), after.len());
        assert!(
            before
                .iter()
                .zip(&after)
                .all(|(old, new)| old.0 != new.0 && old.1 != new.1)
        );
        keep(
            &vault,
            &stored(&person("a1"), START.plus_millis(10), "later"),
        );
        assert_eq!(count(&vault), [4, 1, 1]);
        drop(vault);
        assert_eq!(count(&fixture.open()), [4, 1, 1]);
    });
}

#[test]
fn both_suites_are_read_whichever_is_in_use() {
    on_each_database(|fixture| {
        let with = |suite| {
            let options = VaultOptions {
                suite,
                ..fixture.options()
            };
            fixture.try_open(options).unwrap()
        };
        let suites = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];
        for (n, suite) in suites.into_iter().chain(suites).enumerate() {
            let vault = with(suite);
            keep(
                &vault,
                &stored(&person("a1"), START.plus_millis(n as i64), "log"),
            );
            if n % 2 == 1 {
                vault.maintain(START).unwrap();
            }
            keep(
                &vault,
                &stored(&person("a1"), START.plus_millis(100 + n as i64), "log"),
            );
            assert_eq!(
                all(&vault, &person("a1"), START).len(),
                2 * n + 2,
                "{suite:?}"
            );
        }
        let mut first = fixture
            .segments()
            .into_iter()
            .map(|it| std::fs::read(it).unwrap()[8]);
        assert!(first.next_back().unwrap() == 2, "segments say their suite");
        for suite in suites {
            assert_eq!(all(&with(suite), &person("a1"), START).len(), 8);
        }
        say_later_suite(&fixture);
        let vault = fixture.open();
        let error = vault.read(&crate::fixture::everything(&person("a1"), START));
        let error = error.unwrap_err();
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            text.contains("suite 9") && text.contains("use the release"),
            "{text}"
        );
    });
}

/// Gives every block the number of a suite that nobody knows.
fn say_later_suite(fixture: &Fixture) {
    let sql = "SELECT block_id, sealed FROM vault_block";
    let rows = fixture.db.read(|tx| tx.query(sql, &[])).unwrap();
    for row in rows {
        let (id, mut sealed) = (row.get::<i64>(0).unwrap(), row.get::<Vec<u8>>(1).unwrap());
        sealed[0] = 9;
        let sql = "UPDATE vault_block SET sealed = $2 WHERE block_id = $1";
        let params = [id.into(), sealed.as_slice().into()];
        fixture.db.write(|tx| tx.execute(sql, &params)).unwrap();
    }
}

#[test]
fn a_passphrase_goes_over_a_change_of_the_root_key() {
    let fixture = crate::fixture::on_sqlite();
    fill(&fixture);
    let mut file = file(&fixture);
    let text = zeroize::Zeroizing::new("six words that nobody else has".to_owned());
    let passphrase = Arc::new(vault::Passphrase::new(text).unwrap());
    file.protect(Some(passphrase.clone())).unwrap();
    assert_eq!(file.protection().unwrap().unwrap(), "passphrase");
    file.rotate(&fixture.dir(), &fixture.db, Suite::default(), &NAMES)
        .unwrap();
    assert_eq!(file.protection().unwrap().unwrap(), "passphrase");
    let path = fixture.home.path().join("root.key");
    let root = RootKeyFile::new(&path, vec![passphrase])
        .unlock(&fixture.db, &NAMES)
        .unwrap();
    let vault = Vault::open(fixture.options(), fixture.db.clone(), root, |_| {}).unwrap();
    assert_eq!(count(&vault), [3, 1, 1]);
    let error = RootKey::load_or_create(&path).unwrap_err();
    assert!(matches!(error, RootKeyError::NotAtHand { .. }), "{error}");
}
