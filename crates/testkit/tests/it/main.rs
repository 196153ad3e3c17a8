//! Databases that come and go, on the shared server.

use std::{sync::mpsc, thread, time::Duration};

use store::{Db, DbError, MigrationSet, Step};

#[test]
fn every_call_gives_a_fresh_database_of_each_engine() {
    for _ in 0..2 {
        for (name, db) in testkit::databases() {
            let made = db.write(|tx| tx.execute("CREATE TABLE seen (id BIGINT)", &[]));
            assert_eq!(made.map_err(|error| error.to_string()), Ok(0), "{name}");
        }
    }
}

const NOTES: MigrationSet = MigrationSet {
    owner: "notes",
    steps: &[Step {
        version: 1,
        name: "first",
        sql: "CREATE TABLE note (id BIGINT NOT NULL PRIMARY KEY)",
    }],
};

#[test]
fn a_database_with_a_schema_is_a_copy_of_its_own() {
    for _ in 0..2 {
        for (name, db) in testkit::databases_with(&[&NOTES]) {
            let insert = "INSERT INTO note (id) VALUES (7)";
            let made = db.write(|tx| tx.execute(insert, &[]));
            assert_eq!(made.map_err(|error| error.to_string()), Ok(1), "{name}");
            db.migrate(&NOTES).unwrap();
        }
    }
}

#[test]
fn databases_live_as_long_as_the_thread_that_asked_for_them() {
    let (sender, receiver) = mpsc::channel();
    let asking = thread::spawn(move || {
        for url in [testkit::sqlite(), testkit::postgres()] {
            drop(Db::open(&url).unwrap());
            sender.send(url).unwrap();
        }
    });
    let urls: Vec<String> = receiver.iter().collect();
    asking.join().unwrap();
    assert_eq!(urls.len(), 2);
    for url in urls {
        assert!(Db::open(&url).is_err());
    }
}

#[test]
fn the_server_is_shared_and_still_keeps_databases_apart() {
    let (one, other) = (testkit::postgres(), testkit::postgres());
    let address = |url: &str| url.rsplit_once('/').map(|(address, _)| address.to_owned());
    assert_eq!(address(&one), address(&other));
    assert_ne!(one, other);
}

#[test]
fn the_server_can_be_reached_through_its_unix_socket() {
    let url = testkit::postgres();
    let db = Db::open(&url).unwrap();
    let setting = |name: &str| -> String {
        let row = db.read(|tx| tx.query_one("SELECT current_setting($1)", &[name.into()]));
        row.unwrap().unwrap().get(0).unwrap()
    };
    let socket = setting("data_directory").replace('/', "%2F");
    let tcp = format!("127.0.0.1:{}", setting("port"));
    let url = url.replace(&tcp, &format!("{socket}:{}", setting("port")));
    let through_socket = Db::open(&url).unwrap();
    let address = through_socket.read(|tx| {
        let row = tx.query_one("SELECT CAST(inet_server_addr() AS TEXT)", &[])?;
        row.map(|row| row.get::<Option<String>>(0)).transpose()
    });
    let address: Result<_, DbError> = address;
    assert_eq!(address.unwrap(), Some(None));
}

#[test]
fn waiting_ends_when_the_state_is_there_and_fails_when_it_never_comes() {
    let mut asked = 0;
    testkit::wait_until("it was asked three times", Duration::from_secs(5), || {
        asked += 1;
        asked == 3
    });
    assert_eq!(asked, 3);
    let waiting = thread::spawn(|| {
        testkit::wait_until("pigs fly", Duration::ZERO, || false);
    });
    let panic = waiting.join().unwrap_err();
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("in vain until pigs fly"), "{text}");
}
