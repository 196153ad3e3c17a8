//! A disk that fails on request, and what the vault does then.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use store::Db;
use tempfile::TempDir;

use crate::crypto::Nonce;
use crate::disk::{Disk, RealDisk, SegmentFile};
use crate::log::{AppendError, CommitError, OnProgress, Progress, WaitError};
use crate::segment::{parse_header, scan};
use crate::{
    MaintainError, Order, ReadQuery, Reading, RootKey, StoredReading, Vault, VaultOptions,
};

/// What fails, from now on.
#[derive(Default)]
struct Faults {
    write: AtomicBool,
    sync: AtomicBool,
    create: AtomicBool,
    remove: AtomicBool,
    stalled: Mutex<Stalled>,
    changed: Condvar,
}

#[derive(Default)]
struct Stalled {
    /// While set, syncing waits.
    is_set: bool,
    /// How many wait.
    waiting: usize,
}

/// While this is held, syncing waits. Dropped before the vault, so that a test that fails ends, and does not wait for the commit thread.
struct Stall<'a>(&'a Faults);

impl Drop for Stall<'_> {
    fn drop(&mut self) {
        self.0.stalled.lock().unwrap().is_set = false;
        self.0.changed.notify_all();
    }
}

impl Faults {
    fn stall(&self) -> Stall<'_> {
        self.stalled.lock().unwrap().is_set = true;
        Stall(self)
    }
}

impl Stall<'_> {
    /// Blocks until somebody waits: what is appended from here on is in none of the batches that are being written.
    fn wait_until_somebody_waits(&self) {
        let stalled = self.0.stalled.lock().unwrap();
        let patience = Duration::from_secs(20);
        let is_running = |it: &mut Stalled| it.waiting == 0;
        let waited = self
            .0
            .changed
            .wait_timeout_while(stalled, patience, is_running);
        let (stalled, _) = waited.unwrap();
        assert!(stalled.waiting > 0, "nobody syncs");
    }
}

fn fail_if(fault: &AtomicBool) -> io::Result<()> {
    if fault.load(Ordering::SeqCst) {
        return Err(io::Error::other("a fault of the test"));
    }
    Ok(())
}

struct FaultyDisk(Arc<Faults>);

struct FaultyFile {
    faults: Arc<Faults>,
    file: Box<dyn SegmentFile>,
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        fail_if(&self.0.create)?;
        Ok(Box::new(FaultyFile {
            faults: Arc::clone(&self.0),
            file: RealDisk.create(path)?,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FaultyFile {
            faults: Arc::clone(&self.0),
            file: RealDisk.open(path)?,
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fail_if(&self.0.remove)?;
        RealDisk.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        RealDisk.sync_directory(directory)
    }
}

impl SegmentFile for FaultyFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        fail_if(&self.faults.write)?;
        self.file.write_all_at(bytes, offset)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut stalled = self.faults.stalled.lock().unwrap();
        stalled.waiting += 1;
        self.faults.changed.notify_all();
        while stalled.is_set {
            stalled = self.faults.changed.wait(stalled).unwrap();
        }
        stalled.waiting -= 1;
        drop(stalled);
        fail_if(&self.faults.sync)?;
        self.file.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

struct Fixture {
    home: TempDir,
    db: Db,
    faults: Arc<Faults>,
}

impl Fixture {
    fn on_each_database(check: impl Fn(Self)) {
        for (name, db) in testkit::databases_with(&[&crate::MIGRATIONS]) {
            println!("on {name}");
            check(Self {
                home: testkit::temp_dir(),
                db,
                faults: Arc::default(),
            });
        }
    }

    fn options(&self) -> VaultOptions {
        let options = VaultOptions::new(self.home.path().join("wal"));
        VaultOptions {
            segment_age_ms: 0,
            allocate_bytes: 0,
            ..options
        }
    }

    fn open(&self) -> Vault {
        self.open_with(self.options())
    }

    fn open_with(&self, options: VaultOptions) -> Vault {
        self.open_telling(options, Box::new(|_| {}))
    }

    fn open_telling(&self, options: VaultOptions, on_progress: OnProgress) -> Vault {
        let root = RootKey::load_or_create(&self.home.path().join("root.key")).unwrap();
        let disk = Arc::new(FaultyDisk(Arc::clone(&self.faults)));
        Vault::open_on(disk, options, self.db.clone(), &root, on_progress).unwrap()
    }

    fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        self.db
            .read(|tx| tx.query_one(&sql, &[]))
            .unwrap()
            .unwrap()
            .get(0)
            .unwrap()
    }
}

fn stored(at_ms: i64) -> StoredReading {
    StoredReading {
        subject: Subject::Person(PersonId::parse("a1").unwrap()),
        thing: ThingId::parse("meter-7").unwrap(),
        deployment: DeploymentId::parse("home-energy").unwrap(),
        at: Timestamp::from_millis(at_ms),
        retention: Retention::from_days(30),
        generation: 3,
        body: vec![b'x'; 50],
    }
}

fn reading(stored: &StoredReading) -> Reading<'_> {
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

fn times(vault: &Vault) -> Vec<i64> {
    let query = ReadQuery {
        subject: stored(0).subject,
        from: Timestamp::EPOCH,
        until: Timestamp::from_millis(1_000_000),
        limit: 1_000,
        order: Order::OldestFirst,
        now: Timestamp::EPOCH,
    };
    vault
        .read(&query)
        .unwrap()
        .iter()
        .map(|it| it.at.as_millis())
        .collect()
}

fn keep(vault: &Vault, at_ms: i64) {
    let lsn = vault.append(&reading(&stored(at_ms))).unwrap();
    vault.wait(lsn).unwrap();
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_the_vault_is_opened_again() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, 1);
        let durable = vault.durable();
        fixture.faults.sync.store(true, Ordering::SeqCst);
        let lsn = vault.append(&reading(&stored(2))).unwrap();
        let error = vault.wait(lsn).unwrap_err();
        assert!(
            matches!(&error, WaitError::Stopped(cause) if matches!(**cause, CommitError::File { doing: "sync", .. }))
        );
        fixture.faults.sync.store(false, Ordering::SeqCst);
        assert!(matches!(
            vault.append(&reading(&stored(3))),
            Err(AppendError::Stopped(_))
        ));
        assert!(vault.wait(lsn).is_err());
        assert_eq!(vault.durable(), durable);
        assert_eq!(times(&vault), [1], "what is not durable is not shown");
        assert!(matches!(
            vault.maintain(Timestamp::EPOCH),
            Err(MaintainError::Rotate(_))
        ));
        drop(vault);
        let vault = fixture.open();
        keep(&vault, 4);
        let found = times(&vault);
        assert!(found == [1, 4] || found == [1, 2, 4], "{found:?}");
    });
}

#[test]
fn a_vault_that_stops_says_so_once_and_at_once() {
    Fixture::on_each_database(|fixture| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let teller = Arc::clone(&told);
        let on_progress = move |progress| teller.lock().unwrap().push(progress);
        let vault = fixture.open_telling(fixture.options(), Box::new(on_progress));
        keep(&vault, 1);
        assert!(!vault.failed());
        fixture.faults.sync.store(true, Ordering::SeqCst);
        let lsn = vault.append(&reading(&stored(2))).unwrap();
        // Nobody asks: it is told.
        testkit::wait_until("the vault tells", Duration::from_secs(20), || {
            told.lock().unwrap().contains(&Progress::Stopped)
        });
        assert!(vault.failed());
        assert!(vault.wait(lsn).is_err());
        assert!(vault.append(&reading(&stored(3))).is_err());
        assert!(vault.maintain(Timestamp::EPOCH).is_err());
        vault.close();
        let told = told.lock().unwrap();
        assert_eq!(*told, [Progress::Durable(crate::Lsn(1)), Progress::Stopped]);
    });
}

#[test]
fn closing_is_no_failure() {
    Fixture::on_each_database(|fixture| {
        let on_progress = |progress| assert_ne!(progress, Progress::Stopped);
        let vault = fixture.open_telling(fixture.options(), Box::new(on_progress));
        keep(&vault, 1);
        vault.close();
        assert!(!vault.failed());
    });
}

#[test]
fn readings_appended_together_find_room_for_all_or_for_none() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open_with(VaultOptions {
            max_pending_bytes: 4_000,
            ..fixture.options()
        });
        keep(&vault, 0);
        let stall = fixture.faults.stall();
        let mut together = Vec::new();
        let groups = (1..1_000).find_map(|n| {
            let group: Vec<_> = (n * 10..n * 10 + 5).map(stored).collect();
            let readings: Vec<_> = group.iter().map(reading).collect();
            match vault.append_all(&readings) {
                Ok(_) => {
                    together.extend(group);
                    None
                }
                Err(error) => Some((n, error)),
            }
        });
        assert!(
            matches!(groups, Some((n, AppendError::Busy)) if n > 1),
            "{groups:?}"
        );
        // A single one still fits: it was the group that did not.
        let lsn = vault.append(&reading(&stored(9_999))).unwrap();
        drop(stall);
        vault.wait(lsn).unwrap();
        let mut expected: Vec<i64> = together.iter().map(|it| it.at.as_millis()).collect();
        expected.insert(0, 0);
        expected.push(9_999);
        assert_eq!(times(&vault), expected);
        assert_eq!(lsn.as_u64(), expected.len() as u64);
    });
}

#[test]
fn the_row_of_a_new_key_is_written_before_the_first_record_under_it() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open();
        fixture.faults.write.store(true, Ordering::SeqCst);
        let lsn = vault.append(&reading(&stored(1))).unwrap();
        assert!(vault.wait(lsn).is_err());
        assert_eq!(
            (
                fixture.count("vault_subject_key"),
                fixture.count("vault_epoch_key")
            ),
            (1, 1)
        );
    });
}

#[test]
fn when_the_rows_of_keys_cannot_be_written_nothing_under_them_is_acknowledged() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open();
        let stall = fixture.faults.stall();
        let other = Subject::Person(PersonId::parse("b2").unwrap());
        let first = StoredReading {
            subject: other,
            ..stored(0)
        };
        vault.append(&reading(&first)).unwrap();
        // The rows of keys of the first batch are written: those of the next one are not.
        stall.wait_until_somebody_waits();
        let lsn = vault.append(&reading(&stored(1))).unwrap();
        // Somebody else makes a key for the same person in the meantime.
        let sql = "INSERT INTO vault_subject_key (subject, wrapped) VALUES ($1, $2)";
        fixture
            .db
            .write(|tx| tx.execute(sql, &["person:a1".into(), (&[0_u8; 61]).into()]))
            .unwrap();
        drop(stall);
        let error = vault.wait(lsn).unwrap_err();
        assert!(
            matches!(&error, WaitError::Stopped(cause) if matches!(**cause, CommitError::Keys(_))),
            "{error}"
        );
        assert!(vault.durable() < lsn);
        assert!(matches!(
            vault.append(&reading(&stored(2))),
            Err(AppendError::Stopped(_))
        ));
    });
}

#[test]
fn when_the_disk_stalls_pending_readings_are_bounded_and_none_is_lost() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open_with(VaultOptions {
            max_pending_bytes: 2_000,
            ..fixture.options()
        });
        keep(&vault, 0);
        let stall = fixture.faults.stall();
        let mut accepted = vec![0];
        let refused = (1..1_000).find_map(|at| match vault.append(&reading(&stored(at))) {
            Ok(_) => {
                accepted.push(at);
                None
            }
            Err(error) => Some(error),
        });
        assert!(matches!(refused, Some(AppendError::Busy)), "{refused:?}");
        // One buffer with the commit thread, one full.
        assert!(
            (10..30).contains(&accepted.len()),
            "{} accepted",
            accepted.len()
        );
        assert_eq!(times(&vault), [0]);
        drop(stall);
        let last = append_when_there_is_room(&vault, 1_000);
        vault.wait(last).unwrap();
        accepted.push(1_000 - 1);
        assert_eq!(times(&vault), accepted);
    });
}

#[test]
fn who_waits_because_much_is_pending_is_told_when_it_is_being_written() {
    Fixture::on_each_database(|fixture| {
        let options = VaultOptions {
            max_pending_bytes: 4_000,
            ..fixture.options()
        };
        let told = Arc::<Mutex<Vec<Progress>>>::default();
        let teller = Arc::clone(&told);
        let vault =
            fixture.open_telling(options, Box::new(move |it| teller.lock().unwrap().push(it)));
        let stall = fixture.faults.stall();
        let mut last = vault.append(&reading(&stored(0))).unwrap();
        for at in 1.. {
            if vault.is_crowded() {
                break;
            }
            last = vault.append(&reading(&stored(at))).unwrap();
        }
        assert!(last.as_u64() > 3, "half of it is some readings");
        drop(stall);
        vault.wait(last).unwrap();
        assert!(!vault.is_crowded());
        let told = told.lock().unwrap();
        assert!(told.contains(&Progress::Room), "{told:?}");
    });
}

/// Appends once there is room.
fn append_when_there_is_room(vault: &Vault, until: i64) -> crate::Lsn {
    let one = stored(until - 1);
    let mut appended = None;
    testkit::wait_until("there is room", Duration::from_secs(20), || {
        appended = vault.append(&reading(&one)).ok();
        appended.is_some()
    });
    appended.unwrap()
}

#[test]
fn a_crash_between_the_commit_of_blocks_and_the_deletion_of_the_segment_doubles_nothing() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open();
        for at in 0..5 {
            keep(&vault, at);
        }
        fixture.faults.remove.store(true, Ordering::SeqCst);
        let error = vault.maintain(Timestamp::EPOCH).unwrap_err();
        assert!(matches!(error, MaintainError::Remove { .. }), "{error}");
        assert_eq!(fixture.count("vault_block"), 1);
        assert_eq!(times(&vault), [0, 1, 2, 3, 4], "before the crash");
        drop(vault);
        fixture.faults.remove.store(false, Ordering::SeqCst);
        let vault = fixture.open();
        assert_eq!(times(&vault), [0, 1, 2, 3, 4], "after it");
        vault.maintain(Timestamp::EPOCH).unwrap();
        assert_eq!(times(&vault), [0, 1, 2, 3, 4], "after the next maintenance");
        assert_eq!(fixture.count("vault_block"), 1);
        let segments = crate::disk::names_ending(&fixture.options().dir, ".seg").unwrap();
        assert_eq!((segments.len(), fixture.count("vault_segment")), (1, 1));
    });
}

#[test]
fn a_crash_before_the_commit_of_blocks_leaves_the_segment_in_charge() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open();
        keep(&vault, 1);
        fixture
            .db
            .write(|tx| tx.execute("ALTER TABLE vault_block RENAME COLUMN sealed TO gone", &[]))
            .unwrap();
        assert!(matches!(
            vault.maintain(Timestamp::EPOCH),
            Err(MaintainError::Rows(_))
        ));
        fixture
            .db
            .write(|tx| tx.execute("ALTER TABLE vault_block RENAME COLUMN gone TO sealed", &[]))
            .unwrap();
        assert_eq!(times(&vault), [1]);
        drop(vault);
        let vault = fixture.open();
        assert_eq!(times(&vault), [1]);
        assert_eq!(vault.maintain(Timestamp::EPOCH).unwrap().readings, 1);
        assert_eq!(times(&vault), [1]);
    });
}

#[test]
fn when_no_new_segment_can_be_made_the_vault_stops_and_keeps_what_it_has() {
    Fixture::on_each_database(|fixture| {
        let vault = fixture.open_with(VaultOptions {
            segment_bytes: 100,
            ..fixture.options()
        });
        keep(&vault, 1);
        fixture.faults.create.store(true, Ordering::SeqCst);
        let stopped = (2..1_000).find(|at| {
            let appended = vault.append(&reading(&stored(*at)));
            appended.is_err() || appended.is_ok_and(|lsn| vault.wait(lsn).is_err())
        });
        assert!(stopped.is_some());
        drop(vault);
        fixture.faults.create.store(false, Ordering::SeqCst);
        assert_eq!(times(&fixture.open()).first(), Some(&1));
    });
}

#[test]
fn no_nonce_is_used_twice_under_a_key_however_the_process_ends() {
    Fixture::on_each_database(|fixture| {
        let mut used = HashSet::new();
        let mut records = 0;
        for round in 0..6 {
            let vault = fixture.open();
            for n in 0..20 {
                let lsn = vault.append(&reading(&stored(round * 100 + n))).unwrap();
                if n == 13 {
                    vault.wait(lsn).unwrap();
                }
            }
            match round % 3 {
                0 => drop(vault),
                1 => {
                    // The disk fails while the last records are on their way.
                    fixture.faults.sync.store(true, Ordering::SeqCst);
                    drop(vault);
                    fixture.faults.sync.store(false, Ordering::SeqCst);
                }
                _ => {
                    vault.close();
                    tear_newest(&fixture.options().dir);
                }
            }
        }
        let mut seen = HashSet::new();
        for path in crate::disk::names_ending(&fixture.options().dir, ".seg").unwrap() {
            let bytes = std::fs::read(path).unwrap();
            let name = parse_header(&bytes).unwrap();
            assert!(seen.insert(name.id), "a segment id came twice");
            for (key, frames) in scan(name.id, &bytes).unwrap().index {
                for frame in frames {
                    records += 1;
                    assert!(
                        used.insert((key, Nonce::of_record(name.id, frame.index))),
                        "a nonce came twice"
                    );
                }
            }
        }
        assert_eq!(seen.len(), 6);
        assert!(records >= 6 * 14, "{records} records");
    });
}

/// Cuts the trailer and a bit of the last batch off the newest segment.
fn tear_newest(dir: &Path) {
    let path = crate::disk::names_ending(dir, ".seg")
        .unwrap()
        .pop()
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len - 21).unwrap();
}
