//! What takes seconds: both engines there and back, places that fail at every step, every file changed in every way.

use std::collections::BTreeMap;

use super::*;

#[test]
fn a_backup_of_either_engine_is_put_back_into_either_on_another_machine() {
    for (from, db) in testkit::databases() {
        let house = House::new(db);
        let (_place, repository) = repository();
        house.keep(1, 0..40);
        house.note(0..50);
        house.vault().maintain(now()).unwrap();
        house.keep(1, 40..60);
        let created = house.back_up(&repository).unwrap();
        // What comes after is not in it.
        house.keep(1, 60..70);
        house.note(50..60);
        let read = Repository::open(repository.path(), &WORD).unwrap();
        let listed = read.backups().unwrap();
        assert_eq!((listed.len(), &listed[0]), (1, &created.manifest.id));
        let manifest = read.manifest(&created.manifest.id).unwrap();
        assert_eq!(manifest, created.manifest);
        for to in ["SQLite", "PostgreSQL"] {
            let other = house.restored(fresh(to), &read, &manifest);
            assert_eq!(other.read(1), names(0..60), "{from} to {to}");
            assert_eq!(other.notes(), 51, "{from} to {to}");
            // It goes on there, and can be backed up in turn.
            other.keep(1, 100..110);
            other.vault().maintain(now()).unwrap();
            let (_place, second) = super::repository();
            let again = other.back_up(&second).unwrap();
            let third = other.restored(fresh(from), &second, &again.manifest);
            let expected = [names(0..60), names(100..110)].concat();
            assert_eq!(third.read(1), expected, "{from} to {to}");
        }
    }
}

#[test]
fn backups_while_readings_come_in_have_all_that_was_acknowledged_before() {
    for (engine, db) in testkit::databases() {
        let house = House::new(db);
        let (_place, repository) = repository();
        house.keep(1, 0..10);
        let is_over = AtomicBool::new(false);
        let mut backups: Vec<(i64, Manifest)> = Vec::new();
        let acknowledged = std::sync::atomic::AtomicI64::new(10);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1_i64.. {
                    if is_over.load(std::sync::atomic::Ordering::SeqCst) {
                        return;
                    }
                    house.keep(1, round * 10..round * 10 + 10);
                    acknowledged.store(round * 10 + 10, std::sync::atomic::Ordering::SeqCst);
                    if round % 7 == 0 {
                        house.vault().maintain(now()).unwrap();
                    }
                }
            });
            for _ in 0..6 {
                let before = acknowledged.load(std::sync::atomic::Ordering::SeqCst);
                let created = house.back_up(&repository).unwrap();
                backups.push((before, created.manifest));
                testkit::wait_until("more came in", std::time::Duration::from_secs(30), || {
                    acknowledged.load(std::sync::atomic::Ordering::SeqCst) > before + 100
                });
            }
            is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        for (before, manifest) in backups {
            let other = house.restored(fresh(engine), &repository, &manifest);
            let found = other.read(1);
            let len = i64::try_from(found.len()).unwrap();
            assert!(len >= before, "{engine}: {len} of {before}");
            assert_eq!(found, names(0..len), "{engine}");
        }
    }
}

#[test]
fn a_place_that_fails_tears_or_is_cut_off_anywhere_leaves_every_listed_backup_whole() {
    let house = House::new(fresh("SQLite"));
    house.keep(1, 0..30);
    house.note(0..2_000);
    house.erase(2);
    for fault in [Fault::Error, Fault::Killed, Fault::Torn] {
        for at in 0.. {
            let place = testkit::memory_dir();
            let path = place.path().join("backups");
            let plan = Plan::at(at, fault);
            let outcome = life(&house, &path, &plan);
            let seen = plan.seen();
            if outcome.is_ok() && seen <= at {
                assert!(at > 8, "{fault:?}: only {at} operations");
                break;
            }
            after(&house, &path, &format!("{fault:?} at {at}"));
        }
    }
}

#[test]
fn every_changed_or_missing_file_is_found_and_never_put_back() {
    let house = House::new(fresh("SQLite"));
    house.keep(1, 0..30);
    house.note(0..500);
    let (_place, repository) = repository();
    let manifest = house.back_up(&repository).unwrap().manifest;
    let clean = verify(&repository, Depth::Contents).unwrap();
    assert!(clean.problems.is_empty(), "{:?}", clean.problems);
    assert!(clean.chunks >= 2);
    let mut tried = 0;
    for file in files_below(repository.path()) {
        let name = file
            .strip_prefix(repository.path())
            .unwrap()
            .display()
            .to_string();
        if ["key", "key-copy", "lock"].contains(&name.as_str()) {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        let mut changes: BTreeMap<&str, Option<Vec<u8>>> = BTreeMap::new();
        let mut flipped = bytes.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        changes.insert("changed", Some(flipped));
        changes.insert("cut", Some(bytes[..bytes.len() / 2].to_vec()));
        changes.insert("emptied", Some(Vec::new()));
        changes.insert("gone", None);
        for (what, changed) in changes {
            match changed {
                Some(changed) => fs::write(&file, changed).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let found = verify(&repository, Depth::Contents).unwrap();
            let is_list_gone = what == "gone" && name.starts_with("backups/");
            assert_eq!(found.problems.is_empty(), is_list_gone, "{name} {what}");
            let db = fresh("SQLite");
            let target = testkit::memory_dir();
            let listed = repository.manifest(&manifest.id);
            let put_back = listed.map_err(RestoreError::from).and_then(|it| {
                put_back(
                    (&repository, &it),
                    (&db, SETS, "token"),
                    (&RealDisk, &target.path().join("wal")),
                )
            });
            if name.starts_with("erasures/") {
                assert!(repository.erasures().is_err(), "{name} {what}");
            } else {
                assert!(put_back.is_err(), "{name} {what}");
                let started = db.migrate(&TABLES);
                let is_marked = matches!(started, Err(store::MigrateError::Refilling));
                assert!(
                    is_marked || db.read(|tx| tx.tables()).unwrap().len() == 1,
                    "{name} {what}"
                );
            }
            fs::write(&file, &bytes).unwrap();
            tried += 1;
        }
    }
    assert!(tried >= 16, "{tried}");
}

#[test]
fn a_second_backup_writes_what_is_new() {
    for (engine, db) in testkit::databases() {
        let house = House::new(db);
        let (_place, repository) = repository();
        house.note(0..20_000);
        house.keep(1, 0..200);
        let first = house.back_up(&repository).unwrap();
        assert_eq!(first.new_chunks, first.chunks, "{engine}");
        assert!(first.chunks > 5, "{engine}: {}", first.chunks);
        let second = house.back_up(&repository).unwrap();
        assert_eq!(second.new_chunks, 0, "{engine}");
        house.note(20_000..20_010);
        house.keep(1, 200..202);
        let third = house.back_up(&repository).unwrap();
        assert!(
            (1..=5).contains(&third.new_chunks),
            "{engine}: {}",
            third.new_chunks
        );
        assert!(
            third.manifest.new_bytes < first.manifest.new_bytes / 2,
            "{engine}"
        );
    }
}

/// A repository is made and gets two backups, of which one is removed.
fn life(house: &House, path: &Path, plan: &std::sync::Arc<Plan>) -> Result<(), String> {
    fs::create_dir_all(path).unwrap();
    let files = || Box::new(Faulty::new(path, plan));
    let repository = Repository::init_on(path, files(), &WORD).map_err(|err| err.to_string())?;
    house.back_up(&repository).map_err(|err| err.to_string())?;
    let later = now().plus_millis(DAY_MS);
    house
        .back_up_at(&repository, later)
        .map_err(|err| err.to_string())?;
    let keep = Keep {
        last: 1,
        ..Keep::default()
    };
    prune(&repository, &keep, false).map_err(|err| err.to_string())?;
    Ok(())
}

/// What the next process finds: it can go on, and whatever is listed and can be opened is whole.
fn after(house: &House, path: &Path, when: &str) {
    let repository = match Repository::open(path, &WORD) {
        Ok(repository) => repository,
        Err(_) => Repository::init(path, &WORD)
            .or_else(|_| Repository::open(path, &WORD).map_err(|_| ()))
            .unwrap_or_else(|_| panic!("{when}: neither made nor opened")),
    };
    // A list that was torn is known to be none; whatever opens is whole.
    let found = verify(&repository, Depth::Contents).unwrap();
    for problem in &found.problems {
        let is_torn = problem.contains("is torn");
        assert!(is_torn, "{when}: {problem}");
    }
    // The next backup mends what was torn, and can be put back.
    let created = house
        .back_up_at(&repository, now().plus_millis(2 * DAY_MS))
        .unwrap();
    let found = verify(&repository, Depth::Contents).unwrap();
    let is_list = |it: &String| it.starts_with("backup ") && it.contains("is torn");
    assert!(
        found.problems.iter().all(is_list),
        "{when}: {:?}",
        found.problems
    );
    let other = house.restored(fresh("SQLite"), &repository, &created.manifest);
    assert_eq!(other.read(1), names(0..30), "{when}");
    assert_eq!(other.notes(), 2_001, "{when}");
}
