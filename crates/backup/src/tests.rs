//! Whole lives of repositories: on both engines, with places that fail anywhere, and with files that somebody changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use store::{Db, DbError, MigrationSet, Step, Value};
use tempfile::TempDir;
use vault::{
    Erasure, ErasureFile, Order, Passphrase, Protection, ProtectionError, ReadQuery, Reading,
    RootKey, Scope, Vault, VaultOptions,
};
use zeroize::Zeroizing;

use crate::disk::RealDisk;
use crate::faults::{Fault, Faulty, Plan};
use crate::restore::put_back;
use crate::*;

mod pruning;
mod schedules;
mod slow;

const NOW: &str = "2026-11-23T20:15:00Z";
const DAY_MS: i64 = 86_400_000;

const TABLES: MigrationSet = MigrationSet {
    owner: "house",
    steps: &[Step {
        version: 1,
        name: "first",
        sql: "CREATE TABLE note (id BIGINT NOT NULL PRIMARY KEY, words TEXT, body BYTEA);
              INSERT INTO note (id, words) VALUES (-1, 'made by the migration');",
    }],
};

/// Stands for a passphrase where stretching one would only take time.
struct Word(&'static str);

impl Protection for Word {
    fn word(&self) -> &'static str {
        "word"
    }

    fn protect(&self, key: &Zeroizing<[u8; 32]>) -> Result<String, ProtectionError> {
        Ok(format!(
            "{} {}",
            self.0,
            data_encoding::HEXLOWER.encode(key.as_slice())
        ))
    }

    fn open(&self, fields: &str) -> Result<Zeroizing<[u8; 32]>, ProtectionError> {
        let wrong = || ProtectionError::Passphrase(vault::PassphraseError::Malformed);
        let (word, digits) = fields.split_once(' ').ok_or_else(wrong)?;
        let bytes = data_encoding::HEXLOWER.decode(digits.as_bytes()).ok();
        let bytes: Option<[u8; 32]> = bytes.and_then(|it| it.try_into().ok());
        match bytes.filter(|_| word == self.0) {
            Some(bytes) => Ok(Zeroizing::new(bytes)),
            None => Err(wrong()),
        }
    }
}

const WORD: Word = Word("sesame");

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn person(n: i64) -> Subject {
    Subject::Person(PersonId::parse(&format!("p-{n}")).unwrap())
}

/// An installation: a database, a vault, and the file of erasures.
struct House {
    home: TempDir,
    db: Db,
    vault: Option<Vault>,
}

impl House {
    fn new(db: Db) -> Self {
        let mut house = Self {
            home: testkit::memory_dir(),
            db,
            vault: None,
        };
        house.open();
        house.db.migrate(&TABLES).unwrap();
        house
    }

    /// What stays of it on another machine: nothing but the root key, a backup and the erasures.
    fn restored(&self, db: Db, repository: &Repository, manifest: &Manifest) -> Self {
        let house = Self {
            home: testkit::memory_dir(),
            db,
            vault: None,
        };
        fs::copy(self.path("root.key"), house.path("root.key")).unwrap();
        put_back(
            (repository, manifest),
            (&house.db, SETS, "token"),
            (&RealDisk, &house.path("wal")),
        )
        .unwrap();
        let erasures = repository.erasures().unwrap();
        fs::write(house.path("erasures.log"), erasures.to_bytes()).unwrap();
        let mut house = house;
        house.open();
        house.db.migrate(&TABLES).unwrap();
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn open(&mut self) {
        let vault = open_vault(&self.db, &self.path("wal"), &self.path("root.key"));
        self.vault = Some(vault.unwrap());
    }

    fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    /// Keeps readings of a person, a day apart; acknowledged when this returns.
    fn keep(&self, of: i64, serials: std::ops::Range<i64>) {
        let (deployment, thing) = (
            DeploymentId::parse("d").unwrap(),
            ThingId::parse("t").unwrap(),
        );
        let mut last = None;
        for serial in serials {
            let body = format!("reading {serial}");
            let reading = Reading {
                subject: &person(of),
                deployment: &deployment,
                thing: &thing,
                at: now().plus_millis(serial % 3 * DAY_MS),
                retention: Retention::from_days(30),
                generation: 1,
                body: body.as_bytes(),
            };
            last = Some(self.vault().append(&reading).unwrap());
        }
        self.vault().wait(last.unwrap()).unwrap();
    }

    fn read(&self, of: i64) -> Vec<String> {
        read(self.vault(), of)
    }

    fn erase(&self, of: i64) {
        self.erase_in(of, Scope::default());
    }

    fn erase_in(&self, of: i64, scope: Scope) {
        let erasure = Erasure {
            subject: person(of),
            scope,
        };
        self.vault().erase(&erasure, now()).unwrap();
    }

    fn note(&self, ids: std::ops::Range<i64>) {
        let written = self.db.write(|tx| {
            for id in ids {
                let (words, body) = (format!("note {id}"), vec![7_u8; 300]);
                let params: [Value<'_>; 3] = [id.into(), (&words).into(), (&body).into()];
                tx.execute(
                    "INSERT INTO note (id, words, body) VALUES ($1, $2, $3)",
                    &params,
                )?;
            }
            Ok::<_, DbError>(())
        });
        written.unwrap();
    }

    fn notes(&self) -> i64 {
        let row = self
            .db
            .read(|tx| tx.query_one("SELECT COUNT(*) FROM note", &[]));
        row.unwrap().unwrap().get(0).unwrap()
    }

    fn back_up(&self, repository: &Repository) -> Result<Created, CreateError> {
        self.back_up_at(repository, now())
    }

    fn back_up_at(&self, repository: &Repository, now: Timestamp) -> Result<Created, CreateError> {
        let stop = AtomicBool::new(false);
        let erasures = self.path("erasures.log");
        self.db.read(|tx| {
            let segments = self.vault().cut(tx)?;
            let options = CreateOptions {
                now,
                program: "test",
                origin: "record.example/test",
                verifier: "verifier",
                erasures: &erasures,
                orders: &[("vault_block", &["segment_number"])],
                stop: &stop,
            };
            create(repository, tx, &segments, &options)
        })
    }
}

/// The readings of a person that a vault has, by their numbers.
fn read(vault: &Vault, of: i64) -> Vec<String> {
    let query = ReadQuery {
        subject: person(of),
        from: now().plus_millis(-DAY_MS),
        until: now().plus_millis(30 * DAY_MS),
        order: Order::OldestFirst,
        limit: 100_000,
        now: now(),
    };
    let mut found: Vec<String> = vault
        .read(&query)
        .unwrap()
        .into_iter()
        .map(|it| String::from_utf8(it.body).unwrap())
        .collect();
    found.sort_by_key(|it| it.split(' ').next_back().unwrap().parse::<i64>().unwrap());
    found
}

fn open_vault(db: &Db, log: &Path, root_key: &Path) -> Result<Vault, vault::OpenError> {
    let options = VaultOptions {
        segment_bytes: 4096,
        ..VaultOptions::new(log)
    };
    let root = RootKey::load_or_create(root_key).unwrap();
    Vault::open(options, db.clone(), root, |_| ())
}

const SETS: &[&MigrationSet] = &[&vault::MIGRATIONS, &TABLES];

fn repository() -> (TempDir, Repository) {
    let place = testkit::memory_dir();
    let repository = Repository::init(&place.path().join("backups"), &WORD).unwrap();
    (place, repository)
}

fn names(serials: std::ops::Range<i64>) -> Vec<String> {
    serials.map(|it| format!("reading {it}")).collect()
}

fn fresh(engine: &str) -> Db {
    let mut databases = testkit::databases().into_iter();
    databases.find(|it| it.0 == engine).unwrap().1
}

#[test]
fn gp_b4a_what_was_erased_after_a_backup_does_not_come_back_with_it() {
    for (engine, db) in testkit::databases() {
        let house = House::new(db);
        let (_place, repository) = repository();
        for of in [1, 2, 3] {
            house.keep(of, 0..20);
        }
        house.erase(3);
        let before = house.back_up(&repository).unwrap().manifest;
        assert_eq!(before.erasures, 1);
        house.vault().maintain(now()).unwrap();
        house.erase(1);
        let bytes = fs::read(house.path("erasures.log")).unwrap();
        let file = ErasureFile::parse(Path::new("erasures.log"), &bytes).unwrap();
        let mut noted = repository.noted_erasures().unwrap();
        assert_eq!(repository.note_erasures(&mut noted, &file).unwrap(), 1);
        assert_eq!(repository.note_erasures(&mut noted, &file).unwrap(), 0);
        let other = house.restored(fresh(engine), &repository, &before);
        assert_eq!(other.read(1), names(0..0), "{engine}");
        assert_eq!(other.read(2), names(0..20), "{engine}");
        assert_eq!(other.read(3), names(0..0), "{engine}");
        // And once more after maintenance has done its part, and a start.
        let mut other = other;
        other.vault().maintain(now()).unwrap();
        other.vault = None;
        other.open();
        assert_eq!(other.read(1), names(0..0), "{engine}");
        assert_eq!(other.read(2), names(0..20), "{engine}");
    }
}

#[test]
fn erasures_that_a_repository_has_lost_are_missed() {
    let house = House::new(fresh("SQLite"));
    let (_place, repository) = repository();
    house.keep(1, 0..3);
    house.back_up(&repository).unwrap();
    assert!(repository.erasures().unwrap().is_empty());
    house.erase(1);
    house.back_up(&repository).unwrap();
    assert_eq!(repository.erasures().unwrap().len(), 1);
    let shelf = repository.path().join("erasures");
    let files: Vec<PathBuf> = fs::read_dir(&shelf)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2);
    let longer = files
        .iter()
        .max_by_key(|it| it.metadata().unwrap().len())
        .unwrap();
    fs::rename(longer, house.path("away")).unwrap();
    let lost = repository.erasures();
    assert!(
        matches!(lost, Err(ErasuresError::Lost { known: 1, found: 0 })),
        "{lost:?}"
    );
    let problems = verify(&repository, Depth::Files).unwrap().problems;
    assert!(problems[0].starts_with("erasures: "), "{problems:?}");
    fs::remove_dir_all(&shelf).unwrap();
    assert!(matches!(repository.erasures(), Err(ErasuresError::Missing)));
    // The next backup writes down again what the data directory has.
    house.back_up(&repository).unwrap();
    assert_eq!(repository.erasures().unwrap().len(), 1);
}

#[test]
fn many_small_copies_of_erasures_become_one() {
    let house = House::new(fresh("SQLite"));
    let (_place, repository) = repository();
    let mut noted = repository.noted_erasures().unwrap();
    for of in 0..40 {
        house.erase(of);
        let bytes = fs::read(house.path("erasures.log")).unwrap();
        let file = ErasureFile::parse(Path::new("x"), &bytes).unwrap();
        repository.note_erasures(&mut noted, &file).unwrap();
    }
    let count = || {
        fs::read_dir(repository.path().join("erasures"))
            .unwrap()
            .count()
    };
    assert_eq!(count(), 41);
    house.back_up(&repository).unwrap();
    assert_eq!(count(), 1);
    assert_eq!(repository.erasures().unwrap().len(), 40);
}

#[test]
fn a_file_in_the_place_of_another_and_what_is_no_file_are_refused() {
    let house = House::new(fresh("SQLite"));
    house.keep(1, 0..30);
    house.note(0..500);
    let (_place, repository) = repository();
    let first = house.back_up(&repository).unwrap().manifest;
    let second = house
        .back_up_at(&repository, now().plus_millis(1000))
        .unwrap()
        .manifest;
    let path = |id: &BackupId| repository.path().join(format!("backups/{id}"));
    // An old list under a new name would bring an old state back.
    fs::copy(path(&first.id), path(&second.id)).unwrap();
    let swapped = repository.manifest(&second.id);
    assert!(
        matches!(swapped, Err(RepositoryError::Changed { .. })),
        "{swapped:?}"
    );
    let chunks: Vec<PathBuf> = files_below(&repository.path().join("chunks"));
    fs::copy(&chunks[0], &chunks[1]).unwrap();
    let problems = verify(&repository, Depth::Contents).unwrap().problems;
    assert!(
        problems.iter().any(|it| it.contains("does not open")),
        "{problems:?}"
    );
    // A link could lead anywhere.
    fs::remove_file(&chunks[0]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &chunks[0]).unwrap();
    let problems = verify(&repository, Depth::Files).unwrap().problems;
    assert!(
        problems.iter().any(|it| it.contains("it is not a file")),
        "{problems:?}"
    );
    // Names that are none are not looked at.
    fs::write(repository.path().join("backups/..x"), b"").unwrap();
    assert_eq!(repository.backups().unwrap().len(), 2);
}

#[test]
fn a_repository_opens_with_its_own_passphrase_and_from_either_copy_of_its_key() {
    let place = testkit::memory_dir();
    let path = place.path().join("backups");
    let passphrase = |text: &str| Passphrase::new(Zeroizing::new(text.to_owned())).unwrap();
    Repository::init(&path, &passphrase("kettle orbit marble")).unwrap();
    let again = Repository::init(&path, &passphrase("kettle orbit marble"));
    assert!(matches!(again, Err(InitError::Exists { .. })));
    let wrong = Repository::open(&path, &passphrase("another one entirely"));
    assert!(
        matches!(
            wrong,
            Err(OpenError::Key {
                source: KeyError::Wrong,
                ..
            })
        ),
        "{wrong:?}"
    );
    let other = Repository::open(&path, &WORD);
    assert!(matches!(
        other,
        Err(OpenError::Key {
            source: KeyError::NotAtHand { .. },
            ..
        })
    ));
    fs::write(path.join("key"), b"amanat-backup-key-2 x y\n").unwrap();
    Repository::open(&path, &passphrase("kettle orbit marble")).unwrap();
    fs::remove_file(path.join("key-copy")).unwrap();
    let later = Repository::open(&path, &WORD);
    assert!(matches!(
        later,
        Err(OpenError::Key {
            source: KeyError::Version,
            ..
        })
    ));
    fs::remove_file(path.join("key")).unwrap();
    assert!(matches!(
        Repository::open(&path, &WORD),
        Err(OpenError::None { .. })
    ));
    let occupied = testkit::memory_dir();
    fs::write(occupied.path().join("letter"), b"").unwrap();
    let refused = Repository::init(occupied.path(), &WORD);
    assert!(matches!(refused, Err(InitError::NotEmpty { .. })));
}

#[test]
fn a_repository_gets_another_passphrase_and_keeps_what_it_has() {
    let house = House::new(fresh("SQLite"));
    house.keep(1, 0..10);
    let (_place, repository) = repository();
    let path = repository.path();
    let manifest = house.back_up(&repository).unwrap().manifest;
    let (other, third) = (Word("open"), Word("third"));
    repository.protect(&other).unwrap();
    let former = Repository::open(path, &WORD);
    assert!(matches!(former, Err(OpenError::Key { .. })), "{former:?}");
    let opened = Repository::open(path, &other).unwrap();
    let found = verify(&opened, Depth::Contents).unwrap();
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    // What one process has open goes on.
    let later = house
        .back_up_at(&repository, now().plus_millis(1_000))
        .unwrap();
    assert_eq!(later.new_chunks, 0);
    let restored = house.restored(fresh("SQLite"), &opened, &manifest);
    assert_eq!(restored.read(1), names(0..10));
    // Broken off anywhere, either passphrase opens it, and doing it again with either finishes it.
    for (at, fault) in [
        (0, Fault::Killed),
        (1, Fault::Killed),
        (2, Fault::Killed),
        (3, Fault::Killed),
        (0, Fault::Torn),
        (2, Fault::Torn),
    ] {
        let plan = Plan::at(at, fault);
        let faulty = Repository::open_on(path, Box::new(Faulty::new(path, &plan)), &other);
        assert!(faulty.unwrap().protect(&third).is_err(), "{fault:?} {at}");
        let either = Repository::open(path, &other).or_else(|_| Repository::open(path, &third));
        let again = either.unwrap();
        again.protect(&third).unwrap();
        assert!(Repository::open(path, &other).is_err(), "{fault:?} {at}");
        Repository::open(path, &third)
            .unwrap()
            .protect(&other)
            .unwrap();
    }
}

#[test]
fn a_hostile_list_that_names_a_piece_often_fills_no_disk_and_no_database() {
    let house = House::new(fresh("SQLite"));
    house.keep(1, 0..30);
    house.note(0..500);
    let (_place, repository) = repository();
    let whole = house.back_up(&repository).unwrap().manifest;
    let is_refused = |manifest: &Manifest, what: &str| {
        let (db, target) = (fresh("SQLite"), testkit::memory_dir());
        let log = target.path().join("wal");
        let put = put_back(
            (&repository, manifest),
            (&db, SETS, "token"),
            (&RealDisk, &log),
        );
        assert!(
            matches!(put, Err(RestoreError::Form { .. })),
            "{what}: {put:?}"
        );
        let written: u64 = files_below(&log)
            .iter()
            .map(|it| it.metadata().unwrap().len())
            .sum();
        assert!(written <= manifest.bytes, "{what}: {written}");
        let rows = db.read(|tx| tx.query_one("SELECT COUNT(*) FROM note", &[]));
        let rows = rows.map_or(0, |it| it.unwrap().get::<i64>(0).unwrap());
        assert_eq!(rows, 0, "{what}");
    };
    let mut long = whole.clone();
    let piece = long.logs[0].chunks[0];
    long.logs[0].chunks = vec![piece; 1_000];
    is_refused(&long, "a segment of one piece a thousand times");
    let mut rows = whole.clone();
    rows.row_chunks = vec![rows.row_chunks[0]; 1_000];
    is_refused(&rows, "rows that come a thousand times");
    let mut fewer = whole;
    fewer.rows = 100;
    is_refused(&fewer, "more rows than it says");
}

#[test]
fn a_repository_belongs_to_one_installation() {
    let house = House::new(fresh("SQLite"));
    let (_place, repository) = repository();
    house.back_up(&repository).unwrap();
    let stop = AtomicBool::new(false);
    let other = house.db.read(|tx| {
        let options = CreateOptions {
            now: now(),
            program: "test",
            origin: "record.example/other",
            verifier: "another",
            erasures: Path::new("nowhere"),
            orders: &[],
            stop: &stop,
        };
        create(&repository, tx, &[], &options)
    });
    assert!(
        matches!(other, Err(CreateError::Foreign { .. })),
        "{other:?}"
    );
}

#[test]
fn one_writes_at_a_time_and_one_that_is_told_to_stop_stops() {
    let house = House::new(fresh("SQLite"));
    let (_place, repository) = repository();
    house.back_up(&repository).unwrap();
    let held = repository.lock_to_read().unwrap();
    let busy = house.back_up(&repository);
    let is_busy =
        |it: &CreateError| matches!(it, CreateError::Repository(RepositoryError::Busy { .. }));
    assert!(busy.as_ref().is_err_and(is_busy), "{busy:?}");
    drop(held);
    let stop = AtomicBool::new(true);
    let stopped = house.db.read(|tx| {
        let options = CreateOptions {
            now: now(),
            program: "test",
            origin: "record.example/test",
            verifier: "verifier",
            erasures: Path::new("nowhere"),
            orders: &[],
            stop: &stop,
        };
        create(&repository, tx, &[], &options)
    });
    assert!(matches!(stopped, Err(CreateError::Stopped)), "{stopped:?}");
    assert_eq!(repository.backups().unwrap().len(), 1);
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found
}
