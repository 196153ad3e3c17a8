//! What tests need and programs must not have: databases that come and go, ports, directories, waiting.
//!
//! Owns the private PostgreSQL server that all test processes of this user share.
//! Must not know a domain word; it is a dev-dependency only.
//! Start reading at [`databases`]: a test of anything kept in rows runs once for each of them; one of what a schema holds begins with
//! [`databases_with`], which is faster than to make the schema each time.
//!
//! Functions here fail the test with a text that says what to do; nothing is skipped in silence.

pub mod crash;

mod installation;
mod random;
mod server;
mod template;

use std::{
    any::Any,
    cell::RefCell,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use store::MigrationSet;
use tempfile::TempDir;

pub use random::Random;

thread_local! {
    /// Removed when the thread that asked for them ends, which is when its test ends.
    static KEPT: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// A fresh, empty database of each engine, named for messages. They last as long as the calling thread.
#[track_caller]
#[must_use]
pub fn databases() -> Vec<(&'static str, store::Db)> {
    let open = |url: &str| or_fail(store::Db::open(url).context("a fresh database does not open"));
    vec![
        ("SQLite", open(&sqlite())),
        ("PostgreSQL", open(&postgres())),
    ]
}

/// A fresh database of each engine that has these schemas, as if [`store::Db::migrate`] had made each of them there, in this order.
///
/// They are made once and copied: all test processes of this user share the originals, which are known by the text of all steps.
#[track_caller]
#[must_use]
pub fn databases_with(sets: &[&MigrationSet]) -> Vec<(&'static str, store::Db)> {
    let open = |url: &str| or_fail(store::Db::open(url).context("a fresh database does not open"));
    let database = or_fail(template::postgres(sets));
    let postgres = open(&database.url);
    keep(database);
    vec![
        ("SQLite", open(&sqlite_with(sets))),
        ("PostgreSQL", postgres),
    ]
}

/// The URL of a fresh SQLite file that has these schemas, see [`databases_with`]. It lasts as long as the calling thread.
#[track_caller]
#[must_use]
pub fn sqlite_with(sets: &[&MigrationSet]) -> String {
    let directory = temp_dir();
    let file = directory.path().join("rows.db");
    or_fail(template::sqlite(sets, &file));
    keep(directory);
    sqlite_url(&file)
}

/// The URL of an SQLite file that does not exist yet, in a directory that lasts as long as the calling thread.
#[track_caller]
#[must_use]
pub fn sqlite() -> String {
    let directory = temp_dir();
    let url = sqlite_url(&directory.path().join("rows.db"));
    keep(directory);
    url
}

/// The URL of a fresh PostgreSQL database that lasts as long as the calling thread.
///
/// The server is started when it does not run, takes the newest PostgreSQL that is installed, is shared by all
/// test processes of this user, and stops by itself when no test has asked for a database for a quarter of an hour.
#[track_caller]
#[must_use]
pub fn postgres() -> String {
    let database = or_fail(server::create_database("template0"));
    let url = database.url.clone();
    keep(database);
    url
}

/// A directory in memory where the system has such (`/dev/shm`), else one like [`temp_dir`]. For tests in which processes end and the
/// machine goes on: what the kernel has it keeps, so a sync to the disk would only take time.
#[must_use]
pub fn memory_dir() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| temp_dir())
}

/// A new directory, removed with the value.
#[track_caller]
#[must_use]
pub fn temp_dir() -> TempDir {
    or_fail(TempDir::new().context("no temporary directory could be made"))
}

/// A TCP port of the loopback address that nobody listens on at this moment.
#[track_caller]
#[must_use]
pub fn free_port() -> u16 {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr());
    or_fail(bound.context("no loopback port is free")).port()
}

/// Waits until `condition` holds, asking again and again; fails the test when it does not hold in time.
///
/// `what` completes the sentence "waited in vain until …".
#[track_caller]
pub fn wait_until(what: &str, timeout: Duration, condition: impl FnMut() -> bool) {
    if !holds_within(timeout, condition) {
        or_fail(Err(anyhow::anyhow!(
            "waited {timeout:?} in vain until {what}"
        )))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where tests sleep; the condition decides, the clock only gives up"
)]
fn holds_within(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    const PAUSE: Duration = Duration::from_millis(5);
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() >= timeout {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

fn keep(value: impl Any) {
    KEPT.with_borrow_mut(|kept| kept.push(Box::new(value)));
}

#[track_caller]
#[expect(clippy::panic, reason = "a failed test is what is wanted here")]
fn or_fail<T>(result: anyhow::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:#}"),
    }
}
