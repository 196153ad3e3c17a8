//! Seeded schedules of keeping, erasing, maintaining, the passing of time and changing keys, each in processes that end in the middle of
//! something, on a disk that fails and forgets.
//!
//! A process does what its seed says, and writes down what it begins and what it was told is done. It aborts at a chosen one of the
//! points between steps, or after the sync of a segment failed. Then the power fails: of what was written to segments and not synced
//! some is gone, some is there and some is garbage (`torn`). The next process goes on. In the end: nothing that was kept is lost,
//! nothing that was erased or is past its retention comes back, no block or key outlives its time, no nonce was used twice under a key.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use store::Db;
use testkit::Random;

use crate::{
    Erasure, Reading, RootKeyFile, Scope, StoredReading, Strip, Suite, Vault, VaultOptions,
};

const DAY_MS: i64 = 86_400_000;
const FIRST_DAY: i64 = 20_000;
const HOUR_MS: i64 = 3_600_000;
/// Time never passes this: then all of the shortest class is past its retention, and nothing of the longest.
const LAST_MS: i64 = (FIRST_DAY + 12) * DAY_MS;
/// Retention classes, in days.
const CLASSES: [u16; 3] = [2, 5, 30];
const LIVES: u64 = 3;
const ACTS: u64 = 14;
const SECRET: &str = "test/secret";

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Note {
    Keeping(Told),
    Kept(i64),
    Erasing(Hidden),
    Erased,
    /// From here on it is this time.
    Now(i64),
}

/// A reading: its serial number is its body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    serial: i64,
    person: u64,
    at: i64,
    thing: u64,
    days: u16,
}

impl Told {
    fn expires_ms(&self) -> i64 {
        self.at + i64::from(self.days) * DAY_MS
    }
}

/// An erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hidden {
    person: u64,
    from: i64,
    until: i64,
    /// 9 for every thing.
    thing: u64,
    /// Only bodies whose number is even.
    is_strip: bool,
}

impl Hidden {
    fn has(&self, told: &Told) -> bool {
        self.person == told.person
            && (self.from..self.until).contains(&told.at)
            && (self.thing == 9 || self.thing == told.thing)
            && (!self.is_strip || told.serial % 2 == 0)
    }

    fn scope(&self) -> Scope {
        let is_all = self.until - self.from > 4 * DAY_MS;
        Scope {
            from: (!is_all).then(|| Timestamp::from_millis(self.from)),
            until: (!is_all).then(|| Timestamp::from_millis(self.until)),
            thing: (self.thing != 9).then(|| thing(self.thing)),
            deployment: None,
            strip: self.is_strip.then(|| b"even".to_vec()),
            spares_own_files: false,
        }
    }
}

fn person(n: u64) -> Subject {
    Subject::Person(PersonId::parse(&format!("p{n}")).unwrap())
}

fn thing(n: u64) -> ThingId {
    ThingId::parse(&format!("t{n}")).unwrap()
}

fn strip(_: &[u8], stored: &StoredReading) -> Strip {
    match serial(stored) % 2 {
        0 => Strip::Drop,
        _ => Strip::Keep,
    }
}

fn serial(stored: &StoredReading) -> i64 {
    std::str::from_utf8(&stored.body).unwrap().parse().unwrap()
}

mod judge;
mod torn;

use judge::{check, check_dropped};
use torn::{TornDisk, tear};

struct Place(PathBuf);

impl Place {
    fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn note(&self, line: &str) {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.journal());
        file.unwrap()
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    fn notes(&self) -> Vec<Note> {
        let text = std::fs::read_to_string(self.journal()).unwrap_or_default();
        text.lines().map(parse).collect()
    }

    fn db(&self) -> Db {
        Db::open(&format!("sqlite:{}", self.0.join("rows.db").display())).unwrap()
    }

    fn key_file(&self) -> RootKeyFile {
        RootKeyFile::new(self.0.join("root.key"), Vec::new())
    }

    fn wal(&self) -> PathBuf {
        self.0.join("wal")
    }

    /// What time it is, as the journal has it.
    fn now(&self) -> Timestamp {
        let times = self.notes().into_iter().filter_map(|it| match it {
            Note::Now(ms) => Some(ms),
            _ => None,
        });
        Timestamp::from_millis(times.max().unwrap_or((FIRST_DAY + 2) * DAY_MS))
    }

    fn synced(&self) -> PathBuf {
        self.0.join("synced")
    }

    fn open(&self, suite: Suite) -> Vault {
        self.open_failing(suite, 0)
    }

    /// The n-th sync of a segment fails; none where that is 0.
    fn open_failing(&self, suite: Suite, fails_at: u64) -> Vault {
        let db = self.db();
        let root = self.key_file().unlock(&db, &[SECRET]).unwrap();
        let secret = self.0.join("secret");
        let found = root.derive(SECRET);
        if let Ok(before) = std::fs::read(&secret) {
            assert_eq!(before, *found, "a secret keeps its value");
        }
        std::fs::write(&secret, *found).unwrap();
        let options = VaultOptions {
            segment_age_ms: 0,
            allocate_bytes: 0,
            segment_bytes: 600,
            suite,
            ..VaultOptions::new(self.wal())
        };
        let disk = Arc::new(TornDisk::new(self.synced(), fails_at));
        let vault = Vault::open_on(disk, options, db, &root, Box::new(|_| {})).unwrap();
        vault.strip_with(strip);
        vault
    }
}

fn parse(line: &str) -> Note {
    let mut words = line.split(' ');
    let word = words.next().unwrap();
    let mut number = || words.next().unwrap().parse::<i64>().unwrap();
    match word {
        "keeping" => Note::Keeping(Told {
            serial: number(),
            person: number().cast_unsigned(),
            at: number(),
            thing: number().cast_unsigned(),
            days: u16::try_from(number()).unwrap(),
        }),
        "now" => Note::Now(number()),
        "kept" => Note::Kept(number()),
        "erasing" => Note::Erasing(Hidden {
            person: number().cast_unsigned(),
            from: number(),
            until: number(),
            thing: number().cast_unsigned(),
            is_strip: number() == 1,
        }),
        _ => Note::Erased,
    }
}

/// One process: does what its seed says until it ends.
fn live(place: &Place, random: &mut Random, first_serial: i64) {
    let suite = |random: &mut Random| match random.below(2) {
        0 => Suite::Aes256Gcm,
        _ => Suite::ChaCha20Poly1305,
    };
    let fails_at = match random.below(4) {
        0 => 5 + random.below(12),
        _ => 0,
    };
    let mut vault = place.open_failing(suite(random), fails_at);
    for act in 0..ACTS {
        let now = place.now();
        match random.below(12) {
            0..=4 => keep(place, &vault, random, first_serial + act.cast_signed()),
            5 | 6 => erase(place, &vault, random, now),
            7 => drop(ended(&vault, vault.maintain(now))),
            8 => vault.rotate_subject(&person(random.below(2))).unwrap(),
            9 | 10 => later(place, &vault, random, now),
            _ => {
                drop(vault);
                let suite = suite(random);
                let file = place.key_file();
                file.rotate(&place.wal(), &place.db(), suite, &[SECRET])
                    .unwrap();
                vault = place.open(suite);
            }
        }
    }
}

/// Time passes, and then what is past its retention is dropped, or not yet.
fn later(place: &Place, vault: &Vault, random: &mut Random, now: Timestamp) {
    let hours = 1 + random.below(40).cast_signed();
    let then = now.as_millis().saturating_add(hours * HOUR_MS).min(LAST_MS);
    place.note(&format!("now {then}"));
    if random.below(3) > 0 {
        ended(vault, vault.maintain(Timestamp::from_millis(then)));
    }
}

/// What was done; a process whose disk has failed ends.
fn ended<T, E: std::fmt::Debug>(vault: &Vault, done: Result<T, E>) -> T {
    match done {
        Err(_) if vault.failed() => std::process::abort(),
        done => done.unwrap(),
    }
}

fn keep(place: &Place, vault: &Vault, random: &mut Random, serial: i64) {
    let told = Told {
        serial,
        person: random.below(2),
        at: (FIRST_DAY + random.below(3).cast_signed()) * DAY_MS
            + random.below(3).cast_signed() * HOUR_MS
            + serial,
        thing: random.below(2),
        days: CLASSES[usize::try_from(random.below(3)).unwrap()],
    };
    let Told {
        person: of,
        at,
        thing: from,
        days,
        ..
    } = told;
    place.note(&format!("keeping {serial} {of} {at} {from} {days}"));
    let body = serial.to_string();
    let reading = Reading {
        subject: &person(of),
        thing: &thing(from),
        deployment: &DeploymentId::parse("home").unwrap(),
        at: Timestamp::from_millis(at),
        retention: Retention::from_days(days),
        generation: 1,
        body: body.as_bytes(),
    };
    let lsn = ended(vault, vault.append(&reading));
    ended(vault, vault.wait(lsn));
    place.note(&format!("kept {serial}"));
}

fn erase(place: &Place, vault: &Vault, random: &mut Random, now: Timestamp) {
    let from = FIRST_DAY * DAY_MS + (random.below(4).cast_signed() - 1) * DAY_MS / 2;
    let len =
        [DAY_MS / 2, DAY_MS, 2 * DAY_MS, 9 * DAY_MS][usize::try_from(random.below(4)).unwrap()];
    let hidden = Hidden {
        person: random.below(2),
        from: if len > 4 * DAY_MS { 0 } else { from },
        until: if len > 4 * DAY_MS {
            i64::MAX
        } else {
            from + len
        },
        thing: [0, 1, 9, 9][usize::try_from(random.below(4)).unwrap()],
        is_strip: random.below(4) == 0,
    };
    let Hidden {
        person: of,
        from,
        until,
        thing,
        is_strip,
    } = hidden;
    place.note(&format!(
        "erasing {of} {from} {until} {thing} {}",
        u8::from(is_strip)
    ));
    let erasure = Erasure {
        subject: person(of),
        scope: hidden.scope(),
    };
    vault.erase(&erasure, now).unwrap();
    place.note("erased");
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test tells its child what to do"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The child of the schedules; does nothing by itself.
#[test]
fn a_life() {
    let (Some(dir), Some(seed), Some(life)) =
        (told("VAULT_DIR"), told("VAULT_SEED"), told("VAULT_LIFE"))
    else {
        return;
    };
    let (seed, life): (u64, u64) = (seed.parse().unwrap(), life.parse().unwrap());
    let place = Place(dir.into());
    crate::nonces::watch(&place.0.join("nonces"));
    let mut random = Random::new(
        seed.wrapping_mul(LIVES + 1)
            .wrapping_add(life)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15),
    );
    for _ in 0..5 {
        random.below(2);
    }
    crate::crash::at(1 + random.below(110));
    live(&place, &mut random, (life * ACTS).cast_signed());
}

/// What one schedule came to.
#[derive(Default)]
struct Came {
    /// Lives that ended in the middle.
    ended: u64,
    /// Segments of which unsynced bytes were lost or garbled.
    torn: u64,
    /// Nonces used.
    nonces: usize,
}

fn run(seed: u64) -> Came {
    let home = testkit::memory_dir();
    let place = Place(home.path().to_owned());
    let (mut ended, mut torn) = (0, 0);
    for life in 0..LIVES {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "schedules::a_life", "--quiet"])
            .env("VAULT_DIR", home.path())
            .env("VAULT_SEED", seed.to_string())
            .env("VAULT_LIFE", life.to_string())
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(
            !said.contains("panicked") && !said.contains("FAILED"),
            "seed {seed}: {said}"
        );
        ended += u64::from(!child.status.success());
        let mut random = Random::new(seed.wrapping_add(life).wrapping_mul(0x2545_f491_4f6c_dd1d));
        torn += tear(&place, &mut random);
        check(
            &place,
            &place.open(Suite::default()),
            &format!("seed {seed}, life {life}"),
        );
    }
    let vault = place.open(Suite::default());
    let now = place.now();
    for round in ["maintained", "maintained twice"] {
        vault.maintain(now).unwrap();
        check(&place, &vault, &format!("seed {seed}, {round}"));
    }
    for of in 0..2 {
        assert_eq!(
            vault.unfinished_erasure(&person(of)).unwrap(),
            0,
            "seed {seed}"
        );
    }
    check_dropped(&place, &vault, seed);
    Came {
        ended,
        torn,
        nonces: crate::nonces::check(&place.0.join("nonces")),
    }
}

fn run_all(seeds: std::ops::Range<u64>) {
    let count = seeds.end - seeds.start;
    let mut all = Came::default();
    for seed in seeds {
        let came = run(seed);
        all.ended += came.ended;
        all.torn += came.torn;
        all.nonces += came.nonces;
    }
    let Came {
        ended,
        torn,
        nonces,
    } = all;
    assert!(ended > count / 2, "only {ended} lives ended in the middle");
    assert!(
        nonces > 15 * usize::try_from(count).unwrap(),
        "{nonces} nonces"
    );
    assert!(torn > 0 || count < 100, "no segment was ever torn");
}

#[test]
fn a_few_schedules_with_processes_that_end_anywhere_lose_nothing_and_bring_nothing_back() {
    run_all(1..6);
}

mod slow {
    use super::run_all;

    #[test]
    fn schedules_of_the_first_eighth() {
        run_all(1000..1125);
    }

    #[test]
    fn schedules_of_the_second_eighth() {
        run_all(2000..2125);
    }

    #[test]
    fn schedules_of_the_third_eighth() {
        run_all(3000..3125);
    }

    #[test]
    fn schedules_of_the_fourth_eighth() {
        run_all(4000..4125);
    }

    #[test]
    fn schedules_of_the_fifth_eighth() {
        run_all(5000..5125);
    }

    #[test]
    fn schedules_of_the_sixth_eighth() {
        run_all(6000..6125);
    }

    #[test]
    fn schedules_of_the_seventh_eighth() {
        run_all(7000..7125);
    }

    #[test]
    fn schedules_of_the_last_eighth() {
        run_all(8000..8125);
    }
}
