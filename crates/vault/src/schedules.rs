//! Seeded schedules of keeping, erasing, maintaining and changing keys, each in processes that end in the middle of something.
//!
//! A process does what its seed says, and writes down what it begins and what it was told is done. It aborts at a chosen one of the
//! points between steps. The next one goes on. In the end: nothing that was kept is lost, nothing that was erased comes back, no nonce
//! was used twice under a key.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use store::Db;

use crate::{
    Erasure, FollowQuery, Order, Position, ReadQuery, Reading, RootKeyFile, Scope, StoredReading,
    Strip, Suite, Vault, VaultOptions,
};

const DAY_MS: i64 = 86_400_000;
const FIRST_DAY: i64 = 20_000;
const LIVES: u64 = 3;
const ACTS: u64 = 14;
const SECRET: &str = "test/secret";

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Note {
    Keeping(Told),
    Kept(i64),
    Erasing(Hidden),
    Erased,
}

/// A reading: its serial number is its body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    serial: i64,
    person: u64,
    at: i64,
    thing: u64,
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

    fn open(&self, suite: Suite) -> Vault {
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
        let vault = Vault::open(options, db, root, |_| {}).unwrap();
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
        }),
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
    let mut vault = place.open(suite(random));
    let now = Timestamp::from_millis((FIRST_DAY + 3) * DAY_MS);
    for act in 0..ACTS {
        match random.below(10) {
            0..=4 => keep(place, &vault, random, first_serial + act.cast_signed()),
            5 | 6 => erase(place, &vault, random, now),
            7 => drop(vault.maintain(now).unwrap()),
            8 => vault.rotate_subject(&person(random.below(2))).unwrap(),
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

fn keep(place: &Place, vault: &Vault, random: &mut Random, serial: i64) {
    let told = Told {
        serial,
        person: random.below(2),
        at: (FIRST_DAY + random.below(3).cast_signed()) * DAY_MS + serial,
        thing: random.below(2),
    };
    let Told {
        person: of,
        at,
        thing: from,
        ..
    } = told;
    place.note(&format!("keeping {serial} {of} {at} {from}"));
    let body = serial.to_string();
    let reading = Reading {
        subject: &person(of),
        thing: &thing(from),
        deployment: &DeploymentId::parse("home").unwrap(),
        at: Timestamp::from_millis(at),
        retention: Retention::from_days(30),
        generation: 1,
        body: body.as_bytes(),
    };
    let lsn = vault.append(&reading).unwrap();
    vault.wait(lsn).unwrap();
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

/// What is there against what may and must be there.
fn check(place: &Place, vault: &Vault, when: &str) {
    let notes = place.notes();
    for of in 0..2 {
        let mut found = read(vault, of);
        found.sort_unstable();
        let mut followed = follow(vault, of);
        followed.sort_unstable();
        assert_eq!(found, followed, "{when}");
        for (n, note) in notes.iter().enumerate() {
            let Note::Keeping(told) = note else {
                continue;
            };
            if told.person != of {
                continue;
            }
            let later = &notes[n..];
            let is_kept = later.contains(&Note::Kept(told.serial));
            let is_there = found.contains(&told.serial);
            let (mut must_go, mut may_go) = (false, !is_kept);
            for (m, note) in later.iter().enumerate() {
                if let Note::Erasing(hidden) = note
                    && hidden.has(told)
                {
                    may_go = true;
                    // Begun and not done: the process ended. The next open has carried it out, or nobody wrote it down.
                    must_go |= later.get(m + 1) == Some(&Note::Erased);
                }
            }
            assert!(
                !(must_go && is_there),
                "{when}: {told:?} came back\n{notes:?}"
            );
            assert!(may_go || is_there, "{when}: {told:?} is lost\n{notes:?}");
        }
        let known = |it: &&i64| {
            notes
                .iter()
                .any(|note| matches!(note, Note::Keeping(told) if told.serial == **it))
        };
        assert_eq!(found.iter().filter(known).count(), found.len(), "{when}");
        found.dedup();
        assert_eq!(found.len(), followed.len(), "{when}: doubled");
    }
}

fn read(vault: &Vault, of: u64) -> Vec<i64> {
    let query = ReadQuery {
        subject: person(of),
        from: Timestamp::EPOCH,
        until: Timestamp::from_millis((FIRST_DAY + 100) * DAY_MS),
        limit: usize::MAX,
        order: Order::NewestFirst,
        now: Timestamp::EPOCH,
    };
    vault.read(&query).unwrap().iter().map(serial).collect()
}

fn follow(vault: &Vault, of: u64) -> Vec<i64> {
    let query = FollowQuery {
        subject: person(of),
        after: Position::START,
        from: Timestamp::EPOCH,
        until: Timestamp::from_millis((FIRST_DAY + 100) * DAY_MS),
        limit: usize::MAX,
        now: Timestamp::EPOCH,
    };
    let found = vault.follow(&query).unwrap();
    found
        .into_iter()
        .map(|(_, it)| serial(&it.reading().unwrap()))
        .collect()
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
    let mut random = Random(
        seed.wrapping_mul(LIVES + 1)
            .wrapping_add(life)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            | 1,
    );
    for _ in 0..5 {
        random.below(2);
    }
    crate::crash::at(1 + random.below(160));
    live(&place, &mut random, (life * ACTS).cast_signed());
}

/// Says how many lives ended in the middle, and how many nonces were used.
fn run(seed: u64) -> (u64, usize) {
    let home = testkit::memory_dir();
    let place = Place(home.path().to_owned());
    let mut ended = 0;
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
        check(
            &place,
            &place.open(Suite::default()),
            &format!("seed {seed}, life {life}"),
        );
    }
    let vault = place.open(Suite::default());
    let now = Timestamp::from_millis((FIRST_DAY + 3) * DAY_MS);
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
    (ended, crate::nonces::check(&place.0.join("nonces")))
}

fn run_all(seeds: std::ops::Range<u64>) {
    let count = seeds.end - seeds.start;
    let (mut ended, mut nonces) = (0, 0);
    for seed in seeds {
        let (of_seed, used) = run(seed);
        ended += of_seed;
        nonces += used;
    }
    assert!(ended > count / 2, "only {ended} lives ended in the middle");
    assert!(
        nonces > 20 * usize::try_from(count).unwrap(),
        "{nonces} nonces"
    );
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
