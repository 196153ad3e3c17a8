//! Keys: the right root key, its file, and what is left when a key is gone.

use std::error::Error as _;
use std::os::unix::fs::PermissionsExt as _;

use vault::{KeyError, OpenError, RootKey, RootKeyError, Vault};

use crate::fixture::{DAY_MS, START, all, keep, on_each_database, on_sqlite, person, stored};

#[test]
fn a_wrong_root_key_is_refused_before_anything_else_happens() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &stored(&person("a1"), START, "x"));
        drop(vault);
        let before = fixture.segments();
        let other = RootKey::load_or_create(&fixture.home.path().join("other.key")).unwrap();
        let error = Vault::open(fixture.options(), fixture.db.clone(), other, |_| {})
            .err()
            .unwrap();
        let cause = error.source().unwrap().to_string();
        assert!(
            matches!(error, OpenError::Key(KeyError::WrongRootKey)),
            "{error}"
        );
        assert!(cause.contains("restore it from its backup"), "{cause}");
        assert_eq!(fixture.segments(), before);
        assert_eq!(all(&fixture.open(), &person("a1"), START).len(), 1);
    });
}

#[test]
fn the_root_key_file_is_made_once_and_open_to_its_owner_only() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    RootKey::load_or_create(&path).unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    RootKey::load_or_create(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    assert!(written.starts_with("amanat-root-key-1 ") && written.len() == 18 + 64 + 1);
}

#[test]
fn a_root_key_file_that_others_can_read_is_refused() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    RootKey::load_or_create(&path).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o602] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = RootKey::load_or_create(&path).unwrap_err();
        assert!(matches!(error, RootKeyError::OpenToOthers { mode: found, .. } if found == mode));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_root_key_is_refused_and_left_alone() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let digits = "0123456789abcdef".repeat(4);
    let cases = [
        String::new(),
        digits.clone(),
        format!("amanat-root-key-2 {digits}\n"),
        format!("amanat-root-key-1 {}\n", &digits[1..]),
        format!("amanat-root-key-1 {digits}0\n"),
        format!("amanat-root-key-1 +{}\n", &digits[1..]),
    ];
    for text in cases {
        std::fs::write(&path, &text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = RootKey::load_or_create(&path).unwrap_err();
        assert!(matches!(error, RootKeyError::Malformed { .. }), "{text:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn the_root_key_is_not_printed() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let key = RootKey::load_or_create(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let digits = text.trim_end().rsplit(' ').next().unwrap();
    assert!(!format!("{key:?}").contains(&digits[..8]));
}

#[test]
fn segments_name_nobody_and_nothing() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    keep(
        &vault,
        &stored(&person("resident-zero"), START, "secret-body"),
    );
    let bytes = std::fs::read(fixture.segments().pop().unwrap()).unwrap();
    for word in ["resident-zero", "meter-7", "home-energy", "secret-body"] {
        assert!(
            !bytes.windows(word.len()).any(|it| it == word.as_bytes()),
            "{word}"
        );
    }
}

#[test]
fn blocks_name_nobody_and_nothing() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(
            &vault,
            &stored(&person("resident-zero"), START, "secret-body"),
        );
        assert_eq!(vault.maintain(START).unwrap().blocks, 1);
        let rows = fixture
            .db
            .read(|tx| tx.query("SELECT sealed FROM vault_block", &[]))
            .unwrap();
        let sealed: Vec<u8> = rows[0].get(0).unwrap();
        for word in ["resident-zero", "meter-7", "home-energy", "secret-body"] {
            assert!(
                !sealed.windows(word.len()).any(|it| it == word.as_bytes()),
                "{word}"
            );
        }
    });
}

#[test]
fn a_subject_has_one_key_and_one_key_a_day() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        for (name, day) in [("a1", 0), ("a1", 0), ("a1", 1), ("b2", 0), ("a1", 0)] {
            keep(
                &vault,
                &stored(&person(name), START.plus_millis(day * DAY_MS), "x"),
            );
        }
        drop(vault);
        let vault = fixture.open();
        keep(&vault, &stored(&person("a1"), START.plus_millis(5), "x"));
        assert_eq!(fixture.count("vault_subject_key"), 2);
        assert_eq!(fixture.count("vault_epoch_key"), 3);
    });
}

#[test]
fn without_the_rows_of_its_keys_a_reading_is_gone_though_its_bytes_are_there() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let (erased, other) = (person("a1"), person("b2"));
        keep(&vault, &stored(&erased, START, "gone"));
        keep(&vault, &stored(&other, START, "stays"));
        drop(vault);
        fixture
            .db
            .write(|tx| {
                tx.execute(
                    "DELETE FROM vault_epoch_key WHERE subject = $1",
                    &["person:a1".into()],
                )?;
                tx.execute(
                    "DELETE FROM vault_subject_key WHERE subject = $1",
                    &["person:a1".into()],
                )
            })
            .unwrap();
        let vault = fixture.open();
        assert_eq!(all(&vault, &erased, START), []);
        let done = vault.maintain(START).unwrap();
        assert_eq!((done.keyless_readings, done.readings), (1, 1));
        assert_eq!(all(&vault, &erased, START), []);
        assert_eq!(all(&vault, &other, START).len(), 1);
    });
}

#[test]
fn a_block_moved_to_another_key_or_time_does_not_open() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, &stored(&person("a1"), START, "mine"));
        keep(&vault, &stored(&person("b2"), START, "yours"));
        vault.maintain(START).unwrap();
        let mine = "(SELECT key_id FROM vault_epoch_key WHERE subject = 'person:a1')";
        let yours = "(SELECT key_id FROM vault_epoch_key WHERE subject = 'person:b2')";
        let moves = [
            (
                format!("UPDATE vault_block SET key_id = {mine} WHERE key_id = {yours}"),
                "a1",
            ),
            (
                "UPDATE vault_block SET last_at = last_at + 1".to_owned(),
                "a1",
            ),
            (
                "UPDATE vault_block SET retention_days = 99".to_owned(),
                "a1",
            ),
        ];
        for (sql, name) in moves {
            fixture.db.write(|tx| tx.execute(&sql, &[])).unwrap();
            let error = vault
                .read(&crate::fixture::everything(&person(name), START))
                .unwrap_err();
            assert!(error.to_string().contains("does not open"), "{error}");
        }
    });
}
