//! The file of SQLite.

use std::{fs, os::unix::fs::PermissionsExt as _};

use store::{Db, Engine, OpenError};

use crate::items::{add_item, count_items, read, write};

#[test]
fn the_file_and_its_log_can_be_read_by_their_owner_alone() {
    let directory = testkit::temp_dir();
    let url = format!("sqlite:{}", directory.path().join("rows.db").display());
    let db = Db::open(&url).unwrap();
    assert_eq!(db.engine(), Engine::Sqlite);
    write(&db, |tx| {
        tx.execute("CREATE TABLE item (id BIGINT, name TEXT)", &[])
    });
    let mut names = Vec::new();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["rows.db", "rows.db-shm", "rows.db-wal"]);
}

#[test]
fn rows_are_there_again_after_reopening() {
    let url = testkit::sqlite();
    let db = Db::open(&url).unwrap();
    write(&db, |tx| {
        tx.execute("CREATE TABLE item (id BIGINT, name TEXT)", &[])?;
        add_item(tx, 1, "one")
    });
    drop(db);
    assert_eq!(count_items(&Db::open(&url).unwrap()), 1);
}

#[test]
fn every_connection_syncs_commits_and_checks_references_and_overwrites_what_is_deleted() {
    let db = Db::open(&testkit::sqlite()).unwrap();
    for (pragma, expected) in [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("secure_delete", 1),
    ] {
        let sql = format!("PRAGMA {pragma}");
        let reader = read(&db, |tx| tx.query_one(&sql, &[]));
        assert_eq!(reader.unwrap().get::<i64>(0).unwrap(), expected, "{pragma}");
        let writer = write(&db, |tx| tx.query_one(&sql, &[]));
        assert_eq!(writer.unwrap().get::<i64>(0).unwrap(), expected, "{pragma}");
    }
}

#[test]
fn a_missing_directory_is_an_error_that_names_the_file() {
    let directory = testkit::temp_dir();
    let path = directory.path().join("missing").join("rows.db");
    let error = Db::open(&format!("sqlite:{}", path.display())).unwrap_err();
    assert!(matches!(error, OpenError::Create { .. }), "{error:?}");
    assert!(error.to_string().contains("missing/rows.db"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_an_error_and_stays_as_it_is() {
    let directory = testkit::temp_dir();
    let path = directory.path().join("letter.txt");
    let letter = "Dear reader, ".repeat(100);
    fs::write(&path, &letter).unwrap();
    let error = Db::open(&format!("sqlite:{}", path.display())).unwrap_err();
    assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), letter);
}
