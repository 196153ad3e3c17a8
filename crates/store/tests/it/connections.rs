//! Connections that break, and servers that we do not want.

use std::{error::Error as _, time::Duration};

use store::{Db, DbError, OpenError};

use crate::items::{add_item, count_items, read, write};

/// Ends every connection of the killer's database but the one that asks.
fn kill_connections(killer: &Db) -> i64 {
    let killed = read(killer, |tx| {
        tx.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            &[],
        )
    });
    i64::try_from(killed.len()).unwrap()
}

/// The killer itself has a connection for writing and one for reading; the first was killed too.
fn wait_until_gone(killer: &Db) {
    testkit::wait_until(
        "the killed connections are gone",
        Duration::from_secs(10),
        || {
            let others = read(killer, |tx| {
                let row = tx.query_one(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
                &[],
            )?;
                row.map_or(Ok(-1), |row| row.get::<i64>(0))
            });
            others == 0
        },
    );
}

fn postgres_with_items() -> (String, Db) {
    let url = testkit::postgres();
    let db = Db::open(&url).unwrap();
    write(&db, |tx| {
        tx.execute("CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT)", &[])
    });
    (url, db)
}

#[test]
fn a_killed_connection_is_replaced_by_the_next_transaction() {
    let (url, db) = postgres_with_items();
    assert_eq!(count_items(&db), 0);
    let killer = Db::open(&url).unwrap();
    for id in 0..3 {
        // The victim's reader and writer, and the killer's own writer.
        assert!(kill_connections(&killer) >= 2);
        write(&db, |tx| add_item(tx, id, "after the kill"));
        assert_eq!(count_items(&db), id + 1);
        write(&killer, |_| Ok(()));
    }
}

#[test]
fn a_connection_killed_inside_a_transaction_is_a_loss_and_keeps_nothing() {
    let (url, db) = postgres_with_items();
    let killer = Db::open(&url).unwrap();
    let lost = db.write(|tx| {
        add_item(tx, 1, "before the kill")?;
        kill_connections(&killer);
        wait_until_gone(&killer);
        add_item(tx, 2, "after the kill")
    });
    assert!(matches!(lost, Err(DbError::Lost { .. })), "{lost:?}");
    assert_eq!(count_items(&db), 0);
}

#[test]
fn a_connection_killed_before_the_commit_leaves_the_outcome_unknown() {
    let (url, db) = postgres_with_items();
    let killer = Db::open(&url).unwrap();
    let lost = db.write(|tx| {
        add_item(tx, 1, "before the kill")?;
        kill_connections(&killer);
        wait_until_gone(&killer);
        Ok::<_, DbError>(())
    });
    assert!(
        matches!(lost, Err(DbError::CommitUnknown { .. })),
        "{lost:?}"
    );
    assert_eq!(count_items(&db), 0);
}

#[test]
fn a_server_that_is_not_there_is_an_error_without_the_password() {
    let port = testkit::free_port();
    let url = format!("postgres://user:hunter2@127.0.0.1:{port}/rows");
    let error = Db::open(&url).unwrap_err();
    assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
    let said = format!("{error} {error:?} {:?}", error.source());
    assert!(said.contains("`rows`"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_wrong_password_is_an_error_that_does_not_show_it() {
    let url = testkit::postgres();
    let (before, after) = url.split_once('@').unwrap();
    let (user, _) = before.rsplit_once(':').unwrap();
    let error = Db::open(&format!("{user}:hunter2@{after}")).unwrap_err();
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    assert!(source.contains("password"), "{source}");
    assert!(!format!("{error} {error:?} {source}").contains("hunter2"));
}

#[test]
fn the_debug_text_of_a_database_has_no_password() {
    let url = testkit::postgres();
    let (_, after) = url.split_once("testkit:").unwrap();
    let (password, _) = after.split_once('@').unwrap();
    let said = format!("{:?}", Db::open(&url).unwrap());
    assert!(said.contains("127.0.0.1"), "{said}");
    assert!(!said.contains(password), "{said}");
}
