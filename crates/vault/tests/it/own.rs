//! Days that are sealed to a person's own keys: what opens them, what is left, and what erases them.

use std::io::Read as _;

use model::{DeploymentId, Retention, Subject, ThingId, Timestamp};
use vault::{
    Erasure, OwnFile, OwnIdentities, OwnKey, OwnKeys, OwnTotal, Scope, SealDays, SealForm,
    SealedDays, StoredReading, Vault,
};

use crate::fixture::{DAY_MS, Fixture, START, all, keep, on_each_database, person, stored};

const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const FIRST_DAY: i64 = 20_000;

fn at(day: i64, hour: i64) -> Timestamp {
    START.plus_millis(day * DAY_MS + hour * 3_600_000)
}

fn of(subject: &Subject, day: i64, hour: i64, thing: &str) -> StoredReading {
    StoredReading {
        thing: ThingId::parse(thing).unwrap(),
        ..stored(subject, at(day, hour), &format!("{day} {thing} {hour:02}"))
    }
}

fn keys() -> OwnKeys {
    OwnKeys::new(vec![OwnKey::from_kept(PUBLIC).unwrap()]).unwrap()
}

const FORM: SealForm<'static> = SealForm {
    line: &line,
    stays: &|_| false,
};

fn line(stored: &StoredReading, out: &mut Vec<u8>) {
    out.extend_from_slice(&stored.body);
    out.push(b'\n');
}

/// Seals the days before a day.
pub(crate) fn seal(vault: &Vault, subject: &Subject, until: i64, now: Timestamp) -> SealedDays {
    let keys = keys();
    let wanted = SealDays {
        subject,
        keys: &keys,
        from_day: 0,
        until_day: FIRST_DAY + until,
    };
    vault.seal_days(&wanted, FORM, now).unwrap()
}

fn files(vault: &Vault, subject: &Subject, now: Timestamp) -> Vec<OwnFile> {
    vault.own_files(subject, None, 500, now).unwrap()
}

fn bytes_of(vault: &Vault, file: &OwnFile) -> Vec<u8> {
    let pieces = (0..).map_while(|it| vault.own_piece(file, it).unwrap());
    let bytes: Vec<u8> = pieces.flatten().collect();
    assert_eq!(bytes.len() as u64, file.bytes);
    bytes
}

/// The lines of a file, by the person's secret key alone.
fn opened(vault: &Vault, file: &OwnFile) -> Vec<String> {
    let identities = OwnIdentities::read(SECRET.as_bytes(), &mut || None).unwrap();
    let sealed = bytes_of(vault, file);
    let mut text = String::new();
    let mut reader = identities.open(sealed.as_slice()).unwrap();
    reader.read_to_string(&mut text).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len() as u64, file.readings);
    lines
}

fn bodies(vault: &Vault, subject: &Subject, now: Timestamp) -> Vec<String> {
    let text = |it: StoredReading| String::from_utf8(it.body).unwrap();
    all(vault, subject, now).into_iter().map(text).collect()
}

fn sealed_bodies(vault: &Vault, subject: &Subject, now: Timestamp) -> Vec<String> {
    let found = files(vault, subject, now);
    let mut lines: Vec<_> = found.iter().flat_map(|it| opened(vault, it)).collect();
    lines.sort();
    lines
}

/// Two days of two things, and a third day that goes on; all in blocks.
fn three_days(vault: &Vault, subject: &Subject) {
    for day in 0..3 {
        for thing in ["meter-7", "meter-8"] {
            for hour in [1, 13] {
                keep(vault, &of(subject, day, hour, thing));
            }
        }
    }
    vault.maintain(at(2, 14)).unwrap();
}

#[test]
fn gp_b2_a_day_that_is_over_opens_with_the_persons_key_and_with_nothing_that_is_left_here() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let (subject, other) = (person("a1"), person("b2"));
        three_days(&vault, &subject);
        three_days(&vault, &other);
        let now = at(2, 14);
        let done = seal(&vault, &subject, 2, now);
        assert_eq!(
            (done.days, done.files, done.readings),
            (2, 4, 8),
            "{done:?}"
        );
        assert_eq!(done.waiting + done.damaged, 0);
        for step in ["at once", "maintained"] {
            let mut found = bodies(&vault, &subject, now);
            found.sort();
            let left = [
                "2 meter-7 01",
                "2 meter-7 13",
                "2 meter-8 01",
                "2 meter-8 13",
            ];
            assert_eq!(found, left, "{step}");
            assert_eq!(sealed_bodies(&vault, &subject, now).len(), 8, "{step}");
            assert_eq!(bodies(&vault, &other, now).len(), 12, "{step}");
            assert!(files(&vault, &other, now).is_empty(), "{step}");
            let total = vault.own_total(&subject, now).unwrap();
            assert_eq!((total.files, total.days, total.readings), (4, 2, 8));
            vault.maintain(now).unwrap();
        }
        let sql = "SELECT COUNT(*) FROM vault_epoch_key WHERE subject = 'person:a1'";
        let row = fixture.db.read(|tx| tx.query_one(sql, &[])).unwrap();
        assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 1, "the keys are gone");
        drop(vault);
        let vault = fixture.open();
        assert_eq!(sealed_bodies(&vault, &subject, now).len(), 8);
        let found: [OwnFile; 4] = files(&vault, &subject, now).try_into().unwrap();
        assert_eq!(found[0].day, FIRST_DAY + 1, "the newest day comes first");
        let plain = b"meter-7";
        for file in &found {
            let bytes = bytes_of(&vault, file);
            assert!(!bytes.windows(plain.len()).any(|it| it == plain));
            assert!(vault.own_file(&other, file.id, now).unwrap().is_none());
            assert_eq!(
                vault.own_file(&subject, file.id, now).unwrap().as_ref(),
                Some(file)
            );
        }
    });
}

#[test]
fn gp_b2_a_reading_that_comes_late_is_sealed_into_a_file_of_its_own() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        seal(&vault, &subject, 1, at(1, 1));
        keep(&vault, &of(&subject, 0, 23, "meter-7"));
        assert!(bodies(&vault, &subject, START).contains(&"0 meter-7 23".to_owned()));
        let waits = seal(&vault, &subject, 1, at(1, 1));
        assert_eq!((waits.days, waits.waiting), (0, 1), "it is in the log");
        vault.maintain(at(1, 2)).unwrap();
        let done = seal(&vault, &subject, 1, at(1, 3));
        assert_eq!((done.days, done.files, done.readings), (1, 1, 1));
        assert_eq!(sealed_bodies(&vault, &subject, START).len(), 5);
        assert_eq!(seal(&vault, &subject, 1, at(1, 3)), SealedDays::default());
    });
}

#[test]
fn gp_b2_each_thing_deployment_and_retention_has_a_file_and_a_large_one_has_pieces() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        let mut readings = Vec::new();
        for number in 0..70 {
            readings.push(of(&subject, 0, 1, &format!("meter-{number}")));
        }
        for number in 0..20 {
            let mut large = of(&subject, 0, 2, "camera");
            large.body = format!("{number:02}").repeat(30_000).into_bytes();
            readings.push(large);
        }
        readings.push(StoredReading {
            deployment: DeploymentId::parse("office").unwrap(),
            ..of(&subject, 0, 3, "meter-1")
        });
        readings.push(StoredReading {
            retention: Retention::from_days(2),
            ..of(&subject, 0, 4, "meter-1")
        });
        for reading in &readings {
            keep(&vault, reading);
        }
        vault.maintain(at(1, 1)).unwrap();
        let done = seal(&vault, &subject, 1, at(1, 2));
        assert_eq!((done.files, done.readings), (73, 92));
        let found = files(&vault, &subject, at(1, 2));
        let camera = found
            .iter()
            .find(|it| it.thing.as_str() == "camera")
            .unwrap();
        assert!(vault.own_piece(camera, 4).unwrap().is_some());
        let lines = opened(&vault, camera);
        let order: Vec<_> = lines.iter().map(|it| it[..2].to_owned()).collect();
        let expected: Vec<_> = (0..20).map(|it| format!("{it:02}")).collect();
        assert_eq!(order, expected);
        // Page by page it is the same.
        let mut paged = Vec::new();
        let mut place = None;
        loop {
            let page = vault.own_files(&subject, place, 10, at(1, 2)).unwrap();
            let Some(last) = page.last() else { break };
            place = Some((last.day, last.id));
            paged.extend(page);
        }
        assert_eq!(paged, found);
        // The retention of a class takes its file and no other.
        let expired = vault.maintain(at(2, 5)).unwrap();
        assert_eq!(expired.expired_own_files, 1);
        assert_eq!(files(&vault, &subject, at(2, 5)).len(), 72);
        vault.maintain(at(31, 5)).unwrap();
        assert_eq!(
            fixture.count("vault_own_file") + fixture.count("vault_own_chunk"),
            0
        );
    });
}

fn erased(fixture: &Fixture, scope: Scope, left: u64) {
    let vault = fixture.open();
    let subject = person("a1");
    three_days(&vault, &subject);
    seal(&vault, &subject, 2, at(2, 14));
    vault.maintain(at(2, 15)).unwrap();
    let before = vault.own_files_in(&subject, &scope).unwrap();
    assert_eq!(before.files, 4 - left, "what the preview says");
    assert_eq!(
        vault.own_files_in(&person("b2"), &scope).unwrap(),
        OwnTotal::default()
    );
    let erasure = Erasure {
        subject: subject.clone(),
        scope,
    };
    let proof = vault.erase(&erasure, at(2, 16)).unwrap();
    assert_eq!(proof.own_files, 4 - left);
    assert_eq!(vault.own_total(&subject, at(2, 16)).unwrap().files, left);
}

#[test]
fn gp_b2_an_erasure_takes_every_sealed_file_that_it_touches() {
    on_each_database(|fixture| erased(&fixture, Scope::default(), 0));
    on_each_database(|fixture| {
        let thing = ThingId::parse("meter-8").ok();
        let scope = Scope {
            thing,
            ..Scope::default()
        };
        erased(&fixture, scope, 2);
    });
    on_each_database(|fixture| {
        let deployment = DeploymentId::parse("elsewhere").ok();
        let scope = Scope {
            deployment,
            ..Scope::default()
        };
        erased(&fixture, scope, 4);
    });
    on_each_database(|fixture| {
        let scope = Scope {
            from: Some(at(0, 12)),
            until: Some(at(1, 1)),
            ..Scope::default()
        };
        erased(&fixture, scope, 2);
    });
    on_each_database(|fixture| {
        let scope = Scope {
            from: Some(at(1, 0)),
            strip: Some(b"a field".to_vec()),
            ..Scope::default()
        };
        erased(&fixture, scope, 2);
    });
}

#[test]
fn gp_b2_an_erasure_reaches_sealed_files_of_a_restored_backup_though_no_key_is_left() {
    on_each_database(|fixture| {
        let subject = person("a1");
        let vault = fixture.open();
        keep(&vault, &of(&subject, 0, 1, "meter-7"));
        vault.maintain(at(1, 1)).unwrap();
        seal(&vault, &subject, 1, at(1, 2));
        vault.maintain(at(1, 3)).unwrap();
        assert_eq!(fixture.count("vault_subject_key"), 0);
        let file: Vec<_> = fixture
            .db
            .read(|tx| tx.query("SELECT file_id, bytes FROM vault_own_chunk", &[]))
            .unwrap();
        let (id, bytes): (i64, Vec<u8>) = (file[0].get(0).unwrap(), file[0].get(1).unwrap());
        let erasure = Erasure {
            subject: subject.clone(),
            scope: Scope::default(),
        };
        vault.erase(&erasure, at(1, 4)).unwrap();
        drop(vault);
        // What a backup of before the erasure has.
        fixture
            .db
            .write(|tx| {
                tx.execute("DELETE FROM vault_erasure", &[])?;
                tx.execute(
                    "INSERT INTO vault_own_file (file_id, subject, epoch, deployment, thing, retention_days, first_at, last_at, \
                     expires_at, readings, bytes, is_whole) VALUES ($1, 'person:a1', 20000, 'home-energy', 'meter-7', 30, $2, $2, $3, 1, 1, 1)",
                    &[id.into(), at(0, 1).as_millis().into(), at(30, 1).as_millis().into()],
                )?;
                tx.execute(
                    "INSERT INTO vault_own_chunk (file_id, number, bytes) VALUES ($1, 0, $2)",
                    &[id.into(), (&bytes).into()],
                )
            })
            .unwrap();
        drop(fixture.open());
        assert_eq!(
            fixture.count("vault_own_file") + fixture.count("vault_own_chunk"),
            0
        );
    });
}

#[test]
fn gp_b2_a_day_with_a_block_that_does_not_open_stays_as_it_is() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        let spoil = "UPDATE vault_block SET readings = readings + 1 WHERE first_at < $1";
        let spoilt = fixture
            .db
            .write(|tx| tx.execute(spoil, &[at(1, 0).as_millis().into()]))
            .unwrap();
        assert!(spoilt > 0);
        let done = seal(&vault, &subject, 2, at(2, 14));
        assert_eq!((done.days, done.damaged, done.readings), (1, 1, 4));
        let mend = "UPDATE vault_block SET readings = readings - 1 WHERE first_at < $1";
        fixture
            .db
            .write(|tx| tx.execute(mend, &[at(1, 0).as_millis().into()]))
            .unwrap();
        let done = seal(&vault, &subject, 2, at(2, 14));
        assert_eq!((done.days, done.damaged, done.readings), (1, 0, 4));
        assert_eq!(sealed_bodies(&vault, &subject, START).len(), 8);
    });
}

#[test]
fn gp_b2_many_days_take_several_calls_and_nothing_is_lost_between_them() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        for day in 0..40 {
            let mut reading = of(&subject, day, 1, "meter-7");
            reading.retention = Retention::from_days(365);
            keep(&vault, &reading);
        }
        vault.maintain(at(40, 0)).unwrap();
        let first = seal(&vault, &subject, 40, at(40, 1));
        assert_eq!((first.days, first.waiting, first.is_more), (32, 8, true));
        let second = seal(&vault, &subject, 40, at(40, 1));
        assert_eq!((second.days, second.waiting, second.is_more), (8, 0, false));
        assert_eq!(sealed_bodies(&vault, &subject, at(40, 1)).len(), 40);
        assert!(bodies(&vault, &subject, at(40, 1)).is_empty());
    });
}

#[test]
fn gp_b2_what_must_stay_readable_stays_and_is_in_no_file() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        let form = SealForm {
            line: &line,
            stays: &|it| it.thing.as_str() == "meter-8",
        };
        let keys = keys();
        let wanted = SealDays {
            subject: &subject,
            keys: &keys,
            from_day: 0,
            until_day: FIRST_DAY + 2,
        };
        let done = vault.seal_days(&wanted, form, at(2, 14)).unwrap();
        assert_eq!(
            (done.days, done.files, done.readings, done.kept),
            (2, 2, 4, 4)
        );
        let left = |vault: &Vault| {
            let mut found = bodies(vault, &subject, at(2, 14));
            found.sort();
            found
        };
        let expected = left(&vault);
        assert_eq!(expected.len(), 8);
        assert!(
            expected[..4].iter().all(|it| it.contains("meter-8")),
            "{expected:?}"
        );
        vault.maintain(at(2, 14)).unwrap();
        let again = vault.seal_days(&wanted, form, at(2, 14)).unwrap();
        assert_eq!(again, SealedDays::default());
        keep(&vault, &of(&subject, 0, 23, "meter-7"));
        vault.maintain(at(2, 15)).unwrap();
        let late = vault.seal_days(&wanted, form, at(2, 15)).unwrap();
        assert_eq!((late.days, late.readings, late.kept), (1, 1, 0));
        vault.maintain(at(2, 15)).unwrap();
        assert_eq!(left(&vault), expected);
        drop(vault);
        let vault = fixture.open();
        assert_eq!(left(&vault), expected);
        let erasure = Erasure {
            subject: subject.clone(),
            scope: Scope::default(),
        };
        vault.erase(&erasure, at(2, 16)).unwrap();
        vault.maintain(at(2, 16)).unwrap();
        assert!(left(&vault).is_empty());
        assert_eq!(
            fixture.count("vault_epoch_key") + fixture.count("vault_own_file"),
            0
        );
    });
}

#[test]
fn gp_b2_sealed_files_vanish_earlier_when_their_deployment_is_kept_for_less_long() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        seal(&vault, &subject, 2, at(2, 14));
        let home = DeploymentId::parse("home-energy").unwrap();
        let other = DeploymentId::parse("office").unwrap();
        let all = files(&vault, &subject, at(2, 14));
        let class = all.first().unwrap().retention;
        assert!(all.iter().all(|it| it.retention == class));
        let shorten = |of: &DeploymentId, class: Retention, days: u16, before: Timestamp| {
            let to = Retention::from_days(days);
            vault.shorten_own_files(of, class, to, before).unwrap()
        };
        let now = at(2, 14);
        assert_eq!(shorten(&other, class, 5, now), 0);
        assert_eq!(shorten(&home, Retention::from_days(4), 5, now), 0);
        assert_eq!(shorten(&home, class, 5, at(0, 0)), 0, "all came later");
        assert_eq!(shorten(&home, class, 5, now), 4);
        assert_eq!(shorten(&home, class, 9, now), 0);
        assert_eq!(files(&vault, &subject, at(5, 14)).len(), 2);
        assert!(files(&vault, &subject, at(6, 14)).is_empty());
    });
}

mod slow;
