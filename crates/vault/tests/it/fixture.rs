//! A vault in a temporary directory, on a fresh database.

use std::path::{Path, PathBuf};

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use store::Db;
use tempfile::TempDir;
use vault::{
    Lsn, OpenError, Order, ReadQuery, Reading, RootKey, StoredReading, Vault, VaultOptions,
};

/// The first moment of the tests: a UTC midnight.
pub(crate) const START: Timestamp = Timestamp::from_millis(20_000 * DAY_MS);
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) struct Fixture {
    pub(crate) home: TempDir,
    pub(crate) db: Db,
}

/// Runs a check on each database.
pub(crate) fn on_each_database(check: impl Fn(Fixture)) {
    for (name, db) in testkit::databases_with(&[&vault::MIGRATIONS]) {
        println!("on {name}");
        check(Fixture {
            home: testkit::temp_dir(),
            db,
        });
    }
}

/// A fixture where the engine does not matter.
pub(crate) fn on_sqlite() -> Fixture {
    let db = Db::open(&testkit::sqlite_with(&[&vault::MIGRATIONS])).unwrap();
    Fixture {
        home: testkit::temp_dir(),
        db,
    }
}

impl Fixture {
    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("wal")
    }

    pub(crate) fn root(&self) -> RootKey {
        RootKey::load_or_create(&self.home.path().join("root.key")).unwrap()
    }

    /// Small, without extension ahead, every record rotated out by each `maintain`.
    pub(crate) fn options(&self) -> VaultOptions {
        VaultOptions {
            segment_age_ms: 0,
            allocate_bytes: 0,
            ..VaultOptions::new(self.dir())
        }
    }

    pub(crate) fn open(&self) -> Vault {
        self.try_open(self.options()).unwrap()
    }

    pub(crate) fn try_open(&self, options: VaultOptions) -> Result<Vault, OpenError> {
        Vault::open(options, self.db.clone(), self.root(), |_| {})
    }

    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        segments_in(&self.dir())
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let row = self.db.read(|tx| tx.query_one(&sql, &[])).unwrap();
        row.unwrap().get(0).unwrap()
    }
}

pub(crate) fn segments_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    found.retain(|it| it.extension().is_some_and(|it| it == "seg"));
    found.sort();
    found
}

pub(crate) fn person(name: &str) -> Subject {
    Subject::Person(PersonId::parse(name).unwrap())
}

pub(crate) fn stored(subject: &Subject, at: Timestamp, body: &str) -> StoredReading {
    StoredReading {
        subject: subject.clone(),
        thing: ThingId::parse("meter-7").unwrap(),
        deployment: DeploymentId::parse("home-energy").unwrap(),
        at,
        retention: Retention::from_days(30),
        generation: 3,
        body: body.as_bytes().to_vec(),
    }
}

pub(crate) fn reading(stored: &StoredReading) -> Reading<'_> {
    Reading {
        subject: &stored.subject,
        thing: &stored.thing,
        deployment: &stored.deployment,
        at: stored.at,
        retention: stored.retention,
        generation: stored.generation,
        body: &stored.body,
    }
}

/// Appends and waits until it is kept.
pub(crate) fn keep(vault: &Vault, stored: &StoredReading) -> Lsn {
    let lsn = vault.append(&reading(stored)).unwrap();
    vault.wait(lsn).unwrap();
    lsn
}

/// Everything of a subject, oldest first, at a moment.
pub(crate) fn all(vault: &Vault, subject: &Subject, now: Timestamp) -> Vec<StoredReading> {
    vault.read(&everything(subject, now)).unwrap()
}

pub(crate) fn everything(subject: &Subject, now: Timestamp) -> ReadQuery {
    ReadQuery {
        subject: subject.clone(),
        from: Timestamp::EPOCH,
        until: START.plus_millis(10_000 * DAY_MS),
        limit: usize::MAX,
        order: Order::OldestFirst,
        now,
    }
}
