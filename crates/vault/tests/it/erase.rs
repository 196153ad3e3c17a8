//! What is erased is gone: at once for whoever reads, then from wherever it lay, and also out of a backup that is restored.

use std::path::Path;

use model::{DeploymentId, Subject, ThingId, Timestamp};
use vault::{
    Erasure, ErasureProof, FollowQuery, Position, Scope, StoredReading, Strip, Vault, VaultOptions,
};

use crate::fixture::{
    DAY_MS, Fixture, START, all, keep, on_each_database, on_sqlite, person, reading, stored,
};

fn at(day: i64, hour: i64) -> Timestamp {
    START.plus_millis(day * DAY_MS + hour * 3_600_000)
}

fn erase(vault: &Vault, subject: &Subject, scope: Scope) -> ErasureProof {
    let erasure = Erasure {
        subject: subject.clone(),
        scope,
    };
    vault.erase(&erasure, START).unwrap()
}

fn bodies(vault: &Vault, subject: &Subject) -> Vec<String> {
    let read = all(vault, subject, START);
    let followed = followed(vault, subject);
    let text = |it: &StoredReading| String::from_utf8(it.body.clone()).unwrap();
    let (mut read, mut followed): (Vec<_>, Vec<_>) = (
        read.iter().map(text).collect(),
        followed.iter().map(text).collect(),
    );
    read.sort();
    followed.sort();
    assert_eq!(read, followed, "reading and following see the same");
    read
}

fn followed(vault: &Vault, subject: &Subject) -> Vec<StoredReading> {
    let query = FollowQuery {
        subject: subject.clone(),
        after: Position::START,
        from: at(-10, 0),
        until: at(100, 0),
        limit: usize::MAX,
        now: START,
    };
    let found = vault.follow(&query).unwrap();
    found
        .into_iter()
        .filter_map(|(_, it)| it.reading())
        .collect()
}

/// Three days of two things; the first day is in blocks, the second in closed segments, the third in the open one and not yet written.
fn three_days(vault: &Vault, subject: &Subject) {
    for day in 0..3 {
        for thing in ["meter-7", "meter-8"] {
            for hour in [1, 13] {
                let one = StoredReading {
                    thing: ThingId::parse(thing).unwrap(),
                    ..stored(subject, at(day, hour), &format!("{day} {thing} {hour:02}"))
                };
                keep(vault, &one);
            }
        }
        if day == 0 {
            vault.maintain(START).unwrap();
        }
    }
}

/// Erases, looks, maintains and opens again: always the same is left, and in the end no row of what was erased.
fn leaves(fixture: &Fixture, scope: &Scope, left: &[&str], destroyed: u64, masked: u64) {
    let mut vault = fixture.open();
    let (subject, other) = (person("a1"), person("b2"));
    three_days(&vault, &subject);
    three_days(&vault, &other);
    let proof = erase(&vault, &subject, scope.clone());
    assert_eq!(
        (proof.destroyed_keys, proof.masked_keys),
        (destroyed, masked)
    );
    assert!(destroyed == 0 || proof.tries >= destroyed, "{proof:?}");
    for step in ["at once", "reopened", "maintained", "reopened again"] {
        assert_eq!(bodies(&vault, &subject), left, "{step}");
        assert_eq!(bodies(&vault, &other).len(), 12, "{step}");
        match step {
            "reopened" => {
                vault.maintain(START).unwrap();
                assert_eq!(vault.unfinished_erasure(&subject).unwrap(), 0);
                let states = "SELECT COUNT(*) FROM vault_epoch_key WHERE state > 0";
                let row = fixture.db.read(|tx| tx.query_one(states, &[])).unwrap();
                assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 0);
            }
            _ => {
                drop(vault);
                vault = fixture.open();
            }
        }
    }
    let late = stored(&subject, at(1, 5), "after it");
    keep(&vault, &late);
    assert!(bodies(&vault, &subject).contains(&"after it".to_owned()));
}

#[test]
fn erasing_everything_leaves_nothing_of_the_person_and_everything_of_others() {
    on_each_database(|fixture| leaves(&fixture, &Scope::default(), &[], 3, 0));
}

#[test]
fn erasing_a_range_destroys_the_days_inside_and_masks_those_at_its_ends() {
    on_each_database(|fixture| {
        let scope = Scope {
            from: Some(at(0, 13)),
            until: Some(at(2, 2)),
            ..Scope::default()
        };
        let left = [
            "0 meter-7 01",
            "0 meter-8 01",
            "2 meter-7 13",
            "2 meter-8 13",
        ];
        leaves(&fixture, &scope, &left, 1, 2);
    });
}

#[test]
fn erasing_a_thing_leaves_the_other_things() {
    on_each_database(|fixture| {
        let scope = Scope {
            thing: Some(ThingId::parse("meter-7").unwrap()),
            ..Scope::default()
        };
        let left = [
            "0 meter-8 01",
            "0 meter-8 13",
            "1 meter-8 01",
            "1 meter-8 13",
            "2 meter-8 01",
            "2 meter-8 13",
        ];
        leaves(&fixture, &scope, &left, 0, 3);
    });
}

#[test]
fn erasing_a_deployment_or_a_thing_within_a_range_takes_only_what_is_in_both() {
    on_each_database(|fixture| {
        let scope = Scope {
            until: Some(at(1, 2)),
            deployment: Some(DeploymentId::parse("home-energy").unwrap()),
            thing: Some(ThingId::parse("meter-8").unwrap()),
            ..Scope::default()
        };
        let left = [
            "0 meter-7 01",
            "0 meter-7 13",
            "1 meter-7 01",
            "1 meter-7 13",
            "1 meter-8 13",
            "2 meter-7 01",
            "2 meter-7 13",
            "2 meter-8 01",
            "2 meter-8 13",
        ];
        leaves(&fixture, &scope, &left, 0, 2);
    });
    on_each_database(|fixture| {
        let scope = Scope {
            deployment: Some(DeploymentId::parse("elsewhere").unwrap()),
            until: Some(at(1, 0)),
            ..Scope::default()
        };
        let vault = fixture.open();
        three_days(&vault, &person("a1"));
        assert_eq!(erase(&vault, &person("a1"), scope).masked_keys, 1);
        assert_eq!(bodies(&vault, &person("a1")).len(), 12);
        let done = vault.maintain(START).unwrap();
        assert_eq!((done.erased_readings, done.resealed_readings), (0, 4));
        assert_eq!(bodies(&vault, &person("a1")).len(), 12);
    });
}

/// Drops the word that the scope names.
fn without_word(word: &[u8], stored: &StoredReading) -> Strip {
    let text = String::from_utf8(stored.body.clone()).unwrap();
    let word = std::str::from_utf8(word).unwrap();
    let left: Vec<&str> = text.split(' ').filter(|it| *it != word).collect();
    match left.join(" ") {
        left if left.is_empty() => Strip::Drop,
        left if left == text => Strip::Keep,
        left => Strip::Replace(left.into_bytes()),
    }
}

#[test]
fn a_field_is_taken_out_by_whoever_knows_the_form_also_after_a_restart() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        for (n, body) in ["kwh mood", "mood", "kwh"].into_iter().enumerate() {
            keep(&vault, &stored(&subject, at(0, n as i64), body));
        }
        assert!(vault.strip_with(without_word));
        assert!(!vault.strip_with(without_word), "said once");
        let scope = Scope {
            strip: Some(b"mood".to_vec()),
            ..Scope::default()
        };
        assert_eq!(erase(&vault, &subject, scope).masked_keys, 1);
        assert_eq!(bodies(&vault, &subject), ["kwh", "kwh"]);
        drop(vault);
        let vault = fixture.open();
        assert_eq!(
            bodies(&vault, &subject),
            [""; 0],
            "nobody knows the form yet"
        );
        assert!(
            vault.maintain(START).is_err(),
            "and nothing is lost for that"
        );
        assert!(vault.strip_with(without_word));
        assert_eq!(bodies(&vault, &subject), ["kwh", "kwh"]);
        vault.maintain(START).unwrap();
        assert_eq!(bodies(&vault, &subject), ["kwh", "kwh"]);
        assert_eq!(vault.unfinished_erasure(&subject).unwrap(), 0);
    });
}

#[test]
fn what_is_erased_while_it_waits_to_be_written_is_gone_and_what_comes_after_is_kept() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        vault
            .append(&reading(&stored(&subject, START, "pending")))
            .unwrap();
        erase(&vault, &subject, Scope::default());
        keep(&vault, &stored(&subject, START, "after"));
        assert_eq!(bodies(&vault, &subject), ["after"]);
        assert_eq!(vault.maintain(START).unwrap().erased_readings, 1);
        assert_eq!(bodies(&vault, &subject), ["after"]);
    });
}

#[test]
fn several_erasures_of_one_day_add_up_and_the_same_one_twice_is_one() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        for (thing, hour) in [("meter-7", 1), ("meter-8", 13), ("meter-7", 1)] {
            let scope = Scope {
                thing: Some(ThingId::parse(thing).unwrap()),
                from: Some(at(0, hour)),
                until: Some(at(0, hour + 1)),
                ..Scope::default()
            };
            erase(&vault, &subject, scope);
        }
        let of_day = |vault: &Vault| {
            let mut found = bodies(vault, &subject);
            found.retain(|it| it.starts_with('0'));
            found
        };
        assert_eq!(of_day(&vault), ["0 meter-7 13", "0 meter-8 01"]);
        vault.maintain(START).unwrap();
        assert_eq!(of_day(&vault), ["0 meter-7 13", "0 meter-8 01"]);
        assert_eq!(erase(&vault, &subject, Scope::default()).destroyed_keys, 3);
        assert_eq!(bodies(&vault, &subject), [""; 0]);
        vault.maintain(START).unwrap();
        assert_eq!(
            (
                fixture.count("vault_block"),
                fixture.count("vault_epoch_key")
            ),
            (0, 0)
        );
        assert_eq!(
            fixture.count("vault_subject_key"),
            0,
            "not even the name is left"
        );
    });
}

#[test]
fn a_damaged_mask_brings_nothing_back_when_more_is_erased() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        let of_hour = |hour| Scope {
            from: Some(at(0, hour)),
            until: Some(at(0, hour + 1)),
            ..Scope::default()
        };
        erase(&vault, &subject, of_hour(1));
        let damage = "UPDATE vault_epoch_key SET mask = $1 WHERE state = 1";
        let nothing: &[u8] = &[1, 2, 3];
        let changed = fixture.db.write(|tx| tx.execute(damage, &[nothing.into()]));
        assert_eq!(changed.unwrap(), 1);
        erase(&vault, &subject, of_hour(5));
        let found = bodies(&vault, &subject);
        assert!(
            !found
                .iter()
                .any(|it| it.ends_with("01") && it.starts_with('0')),
            "{found:?}"
        );
        vault.maintain(START).unwrap();
        assert_eq!(bodies(&vault, &subject).len(), 8);
    });
}

#[test]
fn erasing_somebody_who_is_not_there_is_no_error() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let proof = erase(&vault, &person("nobody"), Scope::default());
        assert_eq!((proof.destroyed_keys, proof.tries), (0, 0));
    });
}

#[test]
fn the_proof_names_nobody_and_the_file_of_erasures_neither() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    three_days(&vault, &person("resident-zero"));
    let scope = Scope {
        thing: Some(ThingId::parse("meter-7").unwrap()),
        ..Scope::default()
    };
    let proof = erase(&vault, &person("resident-zero"), scope);
    let file = std::fs::read(fixture.home.path().join("erasures.log")).unwrap();
    let proof = format!("{proof:?}").into_bytes();
    for word in ["resident-zero", "meter-7", "home-energy"] {
        for bytes in [&file, &proof] {
            assert!(
                !bytes.windows(word.len()).any(|it| it == word.as_bytes()),
                "{word}"
            );
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A vault whose rows are a file, so that both can be copied.
struct Installation {
    home: tempfile::TempDir,
}

impl Installation {
    fn open(&self) -> Vault {
        let home = self.home.path();
        let data = home.join("rows");
        std::fs::create_dir_all(&data).unwrap();
        let db = store::Db::open(&format!("sqlite:{}", data.join("rows.db").display())).unwrap();
        let root = vault::RootKey::load_or_create(&home.join("root.key")).unwrap();
        let options = VaultOptions {
            segment_age_ms: 0,
            allocate_bytes: 0,
            ..VaultOptions::new(home.join("wal"))
        };
        Vault::open(options, db, root, |_| {}).unwrap()
    }

    fn copy_all(&self, from: &str, to: &str) {
        for part in ["rows", "wal"] {
            let (from, to) = (format!("{from}{part}"), format!("{to}{part}"));
            copy(&self.home.path().join(from), &self.home.path().join(to));
        }
    }
}

#[test]
fn a_backup_from_before_an_erasure_brings_nothing_back() {
    let installation = Installation {
        home: testkit::temp_dir(),
    };
    let (all_of, part_of) = (person("a1"), person("b2"));
    let vault = installation.open();
    three_days(&vault, &all_of);
    three_days(&vault, &part_of);
    drop(vault);
    installation.copy_all("", "backup-");
    let vault = installation.open();
    erase(&vault, &all_of, Scope::default());
    let scope = Scope {
        until: Some(at(2, 0)),
        ..Scope::default()
    };
    erase(&vault, &part_of, scope);
    vault.maintain(START).unwrap();
    keep(&vault, &stored(&all_of, START, "after the erasure"));
    drop(vault);
    installation.copy_all("", "later-");
    installation.copy_all("backup-", "");
    let vault = installation.open();
    for _ in 0..2 {
        assert_eq!(bodies(&vault, &all_of), [""; 0], "nothing comes back");
        assert_eq!(bodies(&vault, &part_of).len(), 4);
        vault.maintain(START).unwrap();
    }
    keep(&vault, &stored(&all_of, START, "after the restore"));
    drop(vault);
    let vault = installation.open();
    assert_eq!(
        bodies(&vault, &all_of),
        ["after the restore"],
        "carried out once"
    );
    drop(vault);
    // A backup from after the erasures knows them: they are not carried out again.
    installation.copy_all("later-", "");
    let vault = installation.open();
    assert_eq!(vault.reapply_erasures().unwrap(), 0);
    assert_eq!(bodies(&vault, &all_of), ["after the erasure"]);
}

#[test]
fn a_lost_file_of_erasures_is_written_again_from_the_database() {
    let installation = Installation {
        home: testkit::temp_dir(),
    };
    let vault = installation.open();
    three_days(&vault, &person("a1"));
    drop(vault);
    installation.copy_all("", "backup-");
    let vault = installation.open();
    erase(&vault, &person("a1"), Scope::default());
    drop(vault);
    std::fs::remove_file(installation.home.path().join("erasures.log")).unwrap();
    drop(installation.open());
    installation.copy_all("backup-", "");
    assert_eq!(bodies(&installation.open(), &person("a1")), [""; 0]);
}

#[test]
fn the_file_of_erasures_of_another_installation_is_refused() {
    let (one, other) = (
        Installation {
            home: testkit::temp_dir(),
        },
        on_sqlite(),
    );
    let vault = one.open();
    erase(&vault, &person("a1"), Scope::default());
    drop(vault);
    let file = "erasures.log";
    std::fs::copy(one.home.path().join(file), other.home.path().join(file)).unwrap();
    let error = other.try_open(other.options()).err().unwrap();
    assert!(matches!(error, vault::OpenError::Erase(_)), "{error}");
}

#[test]
fn who_reads_while_others_erase_sees_all_of_a_day_or_nothing_of_it() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let subject = person("a1");
    std::thread::scope(|scope| {
        for round in 0..20 {
            for n in 0..20 {
                keep(&vault, &stored(&subject, START.plus_millis(n), "x"));
            }
            let eraser = scope.spawn(|| erase(&vault, &subject, Scope::default()));
            let maintainer = scope.spawn(|| vault.maintain(START).unwrap());
            while !eraser.is_finished() || !maintainer.is_finished() {
                let found = all(&vault, &subject, START).len();
                assert!(found == 0 || found == 20, "{found} in round {round}");
            }
            eraser.join().unwrap();
            maintainer.join().unwrap();
            assert_eq!(all(&vault, &subject, START).len(), 0);
        }
    });
}

#[test]
fn readings_sealed_again_are_seen_once_by_who_reads_meanwhile() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let subject = person("a1");
    for n in 0..3_000 {
        let thing = if n % 2 == 0 { "meter-7" } else { "meter-8" };
        let one = StoredReading {
            thing: ThingId::parse(thing).unwrap(),
            ..stored(&subject, START.plus_millis(n), "x")
        };
        vault.append(&reading(&one)).unwrap();
        if n % 100 == 0 {
            keep(&vault, &one);
            vault.maintain(START).unwrap();
        }
    }
    let before = all(&vault, &subject, START).len();
    let scope = Scope {
        thing: Some(ThingId::parse("meter-7").unwrap()),
        ..Scope::default()
    };
    erase(&vault, &subject, scope);
    let left = all(&vault, &subject, START).len();
    assert_eq!(left, 1_500);
    assert!(before > left);
    std::thread::scope(|scope| {
        let maintainer = scope.spawn(|| vault.maintain(START).unwrap());
        while !maintainer.is_finished() {
            assert_eq!(all(&vault, &subject, START).len(), left);
            assert_eq!(followed(&vault, &subject).len(), left);
        }
        let done = maintainer.join().unwrap();
        assert_eq!(done.resealed_readings, 1_500);
    });
    assert_eq!(all(&vault, &subject, START).len(), left);
}
