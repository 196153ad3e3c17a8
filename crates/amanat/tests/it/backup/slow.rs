//! With a server, traffic, both databases and `kill -9`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use model::Subject;
use serde_json::Value;
use store::Db;
use tempfile::TempDir;
use vault::{Erasure, RootKeyFile, Scope, Vault, VaultOptions};

use super::*;
use crate::harness::{Amanat, Guard, House, METER, PATIENCE, Version, Wire};

/// A repository with its passphrase, and settings that name it.
struct Shelf {
    place: TempDir,
}

impl Shelf {
    fn new() -> Self {
        let shelf = Self {
            place: testkit::temp_dir(),
        };
        let (directory, pass) = (shelf.directory(), shelf.pass());
        backup(&["init", "--to", &directory, "--passphrase-file", &pass], 0);
        shelf
    }

    fn directory(&self) -> String {
        text(&self.place.path().join("shelf"))
    }

    fn pass(&self) -> String {
        text(&self.place.path().join("pass"))
    }

    fn settings(&self) -> [String; 2] {
        [
            format!("backup.directory={}", self.directory()),
            format!("backup.passphrase-file={}", self.pass()),
        ]
    }

    fn run(&self, arguments: &[&str], code: i32) -> Run {
        let (directory, pass) = (self.directory(), self.pass());
        let from = ["--from", &directory, "--passphrase-file", &pass];
        backup(&[arguments, &from].concat(), code)
    }

    /// Makes a backup of a house; its name.
    #[track_caller]
    fn create(&self, house: &House) -> Value {
        let ended = run(self.create_arguments(house));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.data).unwrap()
    }

    fn create_arguments(&self, house: &House) -> Vec<String> {
        let mut arguments: Vec<String> = ["backup", "create", "--json", "--to"]
            .iter()
            .map(|it| (*it).to_owned())
            .collect();
        arguments.extend([
            self.directory(),
            "--passphrase-file".to_owned(),
            self.pass(),
        ]);
        for setting in settings(&text(house.directory.path()), &house.database) {
            arguments.extend(["--set".to_owned(), setting]);
        }
        arguments
    }

    fn restore_arguments(&self, into: &Path, database: &str, key: &Path) -> Vec<String> {
        let mut arguments: Vec<String> = ["backup", "restore", "--json", "--into"]
            .iter()
            .map(|it| (*it).to_owned())
            .collect();
        arguments.extend([text(into), "--root-key".to_owned(), text(key)]);
        arguments.extend(["--from".to_owned(), self.directory()]);
        arguments.extend(["--passphrase-file".to_owned(), self.pass()]);
        arguments.extend(["--set".to_owned(), format!("data.database-url={database}")]);
        arguments
    }
}

fn settings(directory: &str, database: &str) -> [String; 3] {
    [
        format!("data.directory={directory}"),
        format!("data.database-url={database}"),
        "record.origin=record.example/test".to_owned(),
    ]
}

/// The root key as somebody keeps it apart.
fn key_kept_apart(house: &House) -> (TempDir, PathBuf) {
    let safe = testkit::temp_dir();
    let copy = safe.path().join("root.key");
    fs::copy(house.directory.path().join("keys/root.key"), &copy).unwrap();
    (safe, copy)
}

#[track_caller]
fn send(house: &House, amanat: &Amanat, powers: impl Iterator<Item = u32>) {
    let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
    for (id, power) in (1..).zip(powers) {
        let payload = format!("{{\"power\":{power}}}");
        let puback = meter.publish(id, payload.as_bytes()).unwrap();
        assert_eq!(puback.reason(), 0);
    }
}

fn powers(house: &House) -> BTreeSet<u32> {
    let recorded = house.recorded("/power");
    let found: BTreeSet<u32> = recorded.iter().map(|it| it.parse().unwrap()).collect();
    assert_eq!(recorded.len(), found.len(), "something came twice");
    found
}

/// Everything of the machine is gone; what was restored takes its place.
fn replace(house: &mut House, into: TempDir, database: &str) {
    house.directory = into;
    house.database = database.to_owned();
}

#[track_caller]
fn verified(house: &House, key: &str) -> String {
    let directory = text(house.directory.path());
    let verified = run(["record", "verify", &directory, "--key", key]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    verified.data
}

/// A backup is made while readings come in, the machine is lost, and another machine goes on from the backup.
fn lost_and_restored(database: &str, other: &str) {
    let mut house = House::on(database);
    let (_safe, key) = key_kept_apart(&house);
    let shelf = Shelf::new();
    let mut amanat = house.serve(&[]);
    let verifier = house.directory.path().join("record/log.vkey");
    let verifier = fs::read_to_string(verifier).unwrap();
    let (acknowledged, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let mut before = 0;
    let mut made = Value::Null;
    thread::scope(|scope| {
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let (acknowledged, is_over) = (&acknowledged, &is_over);
        scope.spawn(move || {
            for power in 1_u32.. {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let payload = format!("{{\"power\":{power}}}");
                let id = u16::try_from(power % 60_000 + 1).unwrap();
                assert_eq!(meter.publish(id, payload.as_bytes()).unwrap().reason(), 0);
                acknowledged.store(power, Ordering::SeqCst);
            }
        });
        for goal in [50, 100] {
            testkit::wait_until("readings come in", PATIENCE, || {
                acknowledged.load(Ordering::SeqCst) >= goal
            });
            before = acknowledged.load(Ordering::SeqCst);
            made = shelf.create(&house);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    amanat.visitor("en").open("/record");
    amanat.kill();
    drop(amanat);

    let into = testkit::temp_dir();
    let ended = run(shelf.restore_arguments(into.path(), other, &key));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said: Value = serde_json::from_str(&ended.data).unwrap();
    assert_eq!(said["backup"], made["backup"]);
    assert_eq!(said["rows"], made["rows"]);
    assert_eq!(said["erased-again"], 0);
    assert!(!into.path().join("restoring").exists());
    let mode = fs::metadata(into.path().join("keys/root.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    replace(&mut house, into, other);
    // What may have been released of statistics since the backup is known to be unknown.
    let noted = Db::open(other).unwrap();
    let noted = noted.read(|tx| tx.query_one("SELECT COUNT(*) FROM restored", &[]));
    assert_eq!(noted.unwrap().unwrap().get::<i64>(0).unwrap(), 1);
    let record = verified(&house, verifier.trim());
    assert!(
        said["record"]
            .as_str()
            .unwrap()
            .split(' ')
            .all(|it| record.contains(it.trim_end_matches(','))),
        "{said} {record}"
    );

    // It is served, and goes on.
    let amanat = house.serve(&[]);
    send(&house, &amanat, 9_000..9_003);
    let mut resident = amanat.visitor("en");
    let page = resident.sign_in(&house.resident_link);
    page.shows(&["Power in use: 9002 W"]);
    assert_eq!(amanat.stop(), Some(0));
    let found = powers(&house);
    let old: BTreeSet<u32> = found.iter().copied().filter(|it| *it < 9_000).collect();
    let most = old.iter().copied().max().unwrap();
    assert!(most >= before, "{most} of {before}");
    assert_eq!(old, (1..=most).collect(), "something is missing");
    verified(&house, verifier.trim());
}

#[test]
fn a_backup_made_under_traffic_is_restored_elsewhere_and_goes_on_there() {
    lost_and_restored(&testkit::sqlite(), &testkit::postgres());
    lost_and_restored(&testkit::postgres(), &testkit::sqlite());
}

/// Erases everything about the person, with the data directory at rest.
fn erase_all(house: &House) {
    let db = Db::open(&house.database).unwrap();
    let directory = house.directory.path();
    let root = RootKeyFile::new(directory.join("keys/root.key"), Vec::new());
    let root = root.unlock(&db, &[]).unwrap();
    let vault = Vault::open(VaultOptions::new(directory.join("wal")), db, root, |_| ()).unwrap();
    let erasure = Erasure {
        subject: Subject::Person(house.resident.clone()),
        scope: Scope::default(),
    };
    let now = model::Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    vault.erase(&erasure, now).unwrap();
    vault.close();
}

#[test]
fn gp_b4a_the_server_notes_erasures_beside_its_backups_and_a_restore_erases_again() {
    let mut house = House::new();
    let (_safe, key) = key_kept_apart(&house);
    let shelf = Shelf::new();
    let all = shelf.settings();
    let daily = "backup.every-hours=24".to_owned();
    let with: Vec<&str> = all.iter().chain([&daily]).map(String::as_str).collect();
    let amanat = house.serve(&with);
    send(&house, &amanat, 1..20);
    // The first one is due at once.
    testkit::wait_until("the server has made a backup", PATIENCE, || {
        !shelf.run(&["list"], 0).data.is_empty()
    });
    let status = shelf.run(&["status", "--max-age", "1h", "--json"], 0);
    let status: Value = serde_json::from_str(&status.data).unwrap();
    let first = status["backup"].as_str().unwrap().to_owned();
    shelf.create(&house);
    testkit::wait_until("it is counted", PATIENCE, || {
        amanat.metric("amanat_backup_last_success_timestamp_seconds") > 1_700_000_000
    });
    assert_eq!(amanat.metric("amanat_backup_failures_total"), 0);
    assert_eq!(amanat.stop(), Some(0));
    assert_eq!(powers(&house).len(), 19);

    erase_all(&house);
    let amanat = house.serve(&with);
    let noted = || {
        fs::read_dir(Path::new(&shelf.directory()).join("erasures"))
            .unwrap()
            .count()
    };
    testkit::wait_until("the erasure is noted", PATIENCE, || noted() == 2);
    testkit::wait_until("none waits", PATIENCE, || {
        amanat.metric("amanat_backup_erasures_waiting") == 0
    });
    assert_eq!(amanat.stop(), Some(0));
    assert!(powers(&house).is_empty());

    for which in [first.as_str(), "latest"] {
        let into = testkit::temp_dir();
        let database = testkit::sqlite();
        let mut arguments = shelf.restore_arguments(into.path(), &database, &key);
        arguments.extend(["--backup".to_owned(), which.to_owned()]);
        let ended = run(&arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said: Value = serde_json::from_str(&ended.data).unwrap();
        assert_eq!(said["erased-again"], 1, "{which}: {said}");
        let (old, was) = (house.directory, house.database.clone());
        house.directory = into;
        house.database = database;
        assert!(
            powers(&house).is_empty(),
            "{which}: erased readings came back"
        );
        house.directory = old;
        house.database = was;
    }

    lost_copy(house, &shelf, &key);
}

/// Without any copy of the erasures a restore refuses, and says what it would mean; with the file of the machine that was it goes
/// on, and erases.
fn lost_copy(mut house: House, shelf: &Shelf, key: &Path) {
    let shelf_of_erasures = Path::new(&shelf.directory()).join("erasures");
    fs::remove_dir_all(&shelf_of_erasures).unwrap();
    let into = testkit::temp_dir();
    let database = testkit::sqlite();
    let arguments = shelf.restore_arguments(into.path(), &database, key);
    let refused = run(&arguments);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused.words.contains("--without-erasures") && refused.words.contains("would come back"),
        "{refused:?}"
    );
    let named = [
        arguments,
        vec![
            "--erasures".to_owned(),
            text(&house.directory.path().join("erasures.log")),
        ],
    ]
    .concat();
    let ended = run(&named);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    replace(&mut house, into, &database);
    assert!(powers(&house).is_empty());
}

fn spawn(arguments: &[String]) -> Guard {
    let child = Command::new(env!("CARGO_BIN_EXE_amanat"))
        .args(arguments)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Guard(child)
}

/// Kills a command as soon as something can be seen; false when it had ended before.
fn kill_when(arguments: &[String], is_seen: impl Fn() -> bool) -> bool {
    let mut guard = spawn(arguments);
    let mut has_ended = false;
    testkit::wait_until("the command gets there", Duration::from_secs(60), || {
        has_ended = guard.0.try_wait().unwrap().is_some();
        has_ended || is_seen()
    });
    guard.0.kill().unwrap();
    guard.0.wait().unwrap();
    !has_ended
}

fn count(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, |it| it.count())
}

#[test]
fn a_backup_that_was_killed_anywhere_leaves_the_others_whole_and_is_made_again() {
    let house = House::new();
    let shelf = Shelf::new();
    let amanat = house.serve(&[]);
    send(&house, &amanat, 1..200);
    assert_eq!(amanat.stop(), Some(0));
    let first = shelf.create(&house);
    let directory = PathBuf::from(shelf.directory());
    let arguments = shelf.create_arguments(&house);
    let before = count(&directory.join("chunks"));
    let log = house.directory.path().join("wal");
    let mut killed = 0;
    for round in 0..6 {
        // Something new each time, so that there is something to write.
        let amanat = house.serve(&[]);
        send(&house, &amanat, 1_000 + round * 10..1_005 + round * 10);
        assert_eq!(amanat.stop(), Some(0));
        let (pieces, lists) = (
            count(&directory.join("chunks")),
            count(&directory.join("backups")),
        );
        let segments = count(&log);
        let is_seen = || match round % 3 {
            0 => count(&log) > segments,
            1 => count(&directory.join("tmp")) > 0 || count(&directory.join("chunks")) > pieces,
            _ => count(&directory.join("backups")) > lists,
        };
        killed += usize::from(kill_when(&arguments, is_seen));
        let checked = shelf.run(&["verify", "--deep"], 0);
        assert!(checked.data.starts_with("ok: "), "{checked:?}");
    }
    assert!(killed >= 2, "only {killed} were killed");
    let last = shelf.create(&house);
    assert_ne!(last["backup"], first["backup"]);
    assert!(count(&directory.join("chunks")) >= before);
    assert_eq!(count(&directory.join("tmp")), 0);
    // Every file that was torn is found, and written again.
    // A small one may be left of a backup that was killed, and in no list; the largest holds what the first one wrote.
    let pieces = testkit_files(&directory.join("chunks")).into_iter();
    let piece = pieces.max_by_key(|it| fs::metadata(it).unwrap().len());
    let piece = piece.unwrap();
    let bytes = fs::read(&piece).unwrap();
    fs::write(&piece, &bytes[..bytes.len() / 2]).unwrap();
    let torn = shelf.run(&["verify"], 1);
    assert!(torn.words.contains("is torn"), "{torn:?}");
    let listed = shelf.run(&["list"], 0).data.lines().count();
    let pruned = shelf.run(&["prune", "--keep-last", "1"], 0);
    assert!(pruned.data.contains("kept: "), "{pruned:?}");
    assert!(listed >= 2);
    shelf.create(&house);
    let checked = shelf.run(&["verify", "--deep"], 0);
    assert!(checked.data.starts_with("ok: 2 backups"), "{checked:?}");
}

fn testkit_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(testkit_files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// A restore is killed at every stage in turn, nothing starts on what it left, and the same command ends it.
fn killed_and_repeated(target: &str) {
    let mut house = House::new();
    let (_safe, key) = key_kept_apart(&house);
    let shelf = Shelf::new();
    let amanat = house.serve(&[]);
    send(&house, &amanat, 1..100);
    assert_eq!(amanat.stop(), Some(0));
    shelf.create(&house);
    let into = testkit::temp_dir();
    let data = into.path().to_owned();
    let arguments = shelf.restore_arguments(&data, target, &key);
    let mut killed = 0;
    for stage in [
        "restoring",
        "keys/root.key",
        "erasures.log",
        "wal",
        "record",
        "record/checkpoint",
    ] {
        let path = data.join(stage);
        if !kill_when(&arguments, || path.exists()) {
            break;
        }
        if !data.join("restoring").exists() {
            continue;
        }
        killed += 1;
        let mut serve = vec!["serve".to_owned()];
        for setting in settings(&text(&data), target) {
            serve.extend(["--set".to_owned(), setting]);
        }
        let refused = run(&serve);
        assert_eq!(refused.code, Some(1), "{stage}: {refused:?}");
        assert!(
            refused.words.contains("was broken off") && refused.words.contains("begins anew"),
            "{stage}: {refused:?}"
        );
    }
    assert!(killed >= 3, "only {killed} were killed");
    let ended = run(&arguments);
    // The last one may have been killed when everything was done.
    if data.join("restoring").exists() || ended.code != Some(3) {
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    replace(&mut house, into, target);
    assert_eq!(powers(&house), (1..100).collect());
    // And never over what is there.
    let refused = run(&arguments);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.words.contains("is not empty"), "{refused:?}");
    assert_eq!(powers(&house), (1..100).collect());
}

#[test]
fn a_restore_that_was_killed_anywhere_is_recognised_and_repeated() {
    killed_and_repeated(&testkit::sqlite());
    killed_and_repeated(&testkit::postgres());
}

#[test]
fn a_drill_tries_a_restore_and_leaves_nothing_and_a_wrong_key_or_database_is_refused() {
    let house = House::new();
    let (safe, key) = key_kept_apart(&house);
    let shelf = Shelf::new();
    let amanat = house.serve(&[]);
    send(&house, &amanat, 1..5);
    assert_eq!(amanat.stop(), Some(0));
    shelf.create(&house);
    let into = safe.path().join("drill");
    let drill = |key: &Path, code| {
        let ended = shelf.run(
            &["drill", "--into", &text(&into), "--root-key", &text(key)],
            code,
        );
        assert!(!into.exists());
        ended
    };
    let went = drill(&key, 0);
    assert!(went.words.contains("the drill went well"), "{went:?}");
    let wrong = safe.path().join("wrong.key");
    fs::write(&wrong, format!("amanat-root-key-1 {}\n", "5a".repeat(32))).unwrap();
    let refused = drill(&wrong, 1);
    assert!(
        refused.words.contains("is it the root key of this backup?"),
        "{refused:?}"
    );

    // A wrong key first, and then the right one: the same command again.
    let (place, database) = (testkit::temp_dir(), testkit::sqlite());
    let ended = run(shelf.restore_arguments(place.path(), &database, &wrong));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let ended = run(shelf.restore_arguments(place.path(), &database, &key));
    assert_eq!(ended.code, Some(0), "{ended:?}");

    // A database that somebody uses is left alone.
    let place = testkit::temp_dir();
    let ended = run(shelf.restore_arguments(place.path(), &house.database, &key));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.words.contains("name an empty database"), "{ended:?}");
    assert_eq!(powers(&house), (1..5).collect());
    // Without the root key nothing is begun.
    let place = testkit::temp_dir();
    let none = shelf.run(&["restore", "--into", &text(place.path())], 3);
    assert!(
        none.words.contains("the root key is in no backup"),
        "{none:?}"
    );
    assert!(!place.path().join("restoring").exists());
}
