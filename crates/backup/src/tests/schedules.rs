//! Seeded schedules of restores that are broken off at any step: by the end of the process, by a disk that fails, by the power.
//!
//! An installation with readings, erasures before and after its backup, and its repository are made. Then restores begin, each in a
//! process of its own that ends at a point which the seed chooses: between two acts on the disk or two inserts, or wherever it is when
//! it is killed. Or an act on the disk fails. Where the power fails too, what was not made durable is lost in part (`torn`). After each,
//! the directory has its mark, or was not begun, or is whole. In the end it is whole: nothing that the backup has is lost, nothing that
//! was erased comes back, also not by maintenance and another start, and what is kept from then on stays.

mod torn;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::Random;

use super::*;
use torn::{TornDisk, tear};

const PEOPLE: i64 = 4;
const READINGS: i64 = 12;
/// Restores of a schedule that may be broken off.
const LIVES: u64 = 3;
/// A schedule is broken off at one of so many points.
const POINTS: u64 = 55;
/// Or after at most so many microseconds.
const MOST_MICROSECONDS: u64 = 40_000;
/// Schedules that share an installation.
const SHARED: u64 = 25;
const MADE: [&str; 4] = ["wal", "rows.db", "rows.db-wal", "rows.db-shm"];

/// What was erased, of a person: everything, or a day.
#[derive(Debug, Clone, Copy)]
struct Hidden {
    of: i64,
    day: Option<i64>,
}

impl Hidden {
    fn some(random: &mut Random) -> Self {
        Self {
            of: random.below(PEOPLE.unsigned_abs()).cast_signed(),
            day: (random.below(3) > 0).then(|| random.below(3).cast_signed()),
        }
    }

    fn has(&self, of: i64, serial: i64) -> bool {
        self.of == of && self.day.is_none_or(|it| it == serial % 3)
    }

    fn scope(&self) -> Scope {
        let start = now().plus_millis(-DAY_MS / 4);
        Scope {
            from: self.day.map(|it| start.plus_millis(it * DAY_MS)),
            until: self.day.map(|it| start.plus_millis((it + 1) * DAY_MS)),
            ..Scope::default()
        }
    }
}

/// An installation, its backup, and what has to come out of it.
struct Source {
    house: House,
    repository: Repository,
    _place: TempDir,
    expected: Vec<Vec<String>>,
    notes: i64,
}

fn source(seed: u64) -> Source {
    let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let house = House::new(fresh("SQLite"));
    let place = testkit::memory_dir();
    let repository = Repository::init(&place.path().join("backups"), &WORD).unwrap();
    let notes = 1 + random.below(900).cast_signed();
    house.note(0..notes);
    let mut hidden = Vec::new();
    let mut erase = |random: &mut Random| {
        let some = Hidden::some(random);
        house.erase_in(some.of, some.scope());
        hidden.push(some);
    };
    for part in [0..READINGS / 2, READINGS / 2..READINGS] {
        for of in 0..PEOPLE {
            house.keep(of, part.clone());
        }
        // Readings that come later are not erased by it.
        if part.end == READINGS && random.below(2) == 0 {
            erase(&mut random);
        }
        if random.below(2) == 0 {
            house.vault().maintain(now()).unwrap();
        }
    }
    house.back_up(&repository).unwrap();
    erase(&mut random);
    let bytes = fs::read(house.path("erasures.log")).unwrap();
    let file = ErasureFile::parse(Path::new("erasures.log"), &bytes).unwrap();
    let mut noted = repository.noted_erasures().unwrap();
    repository.note_erasures(&mut noted, &file).unwrap();
    // This one nobody has noted but the file of the machine.
    erase(&mut random);
    let is_left = |of: i64, serial: &i64| !hidden.iter().any(|it| it.has(of, *serial));
    let left = |of: i64| {
        (0..READINGS)
            .filter(|it| is_left(of, it))
            .map(|it| format!("reading {it}"))
            .collect()
    };
    Source {
        expected: (0..PEOPLE).map(left).collect(),
        house,
        repository,
        _place: place,
        notes: notes + 1,
    }
}

/// The machine onto which a backup is put.
struct Machine(PathBuf);

impl Machine {
    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn root_key(&self) -> PathBuf {
        self.data().join("keys/root.key")
    }

    fn db(&self) -> Db {
        Db::open(&format!("sqlite:{}", self.data().join("rows.db").display())).unwrap()
    }

    /// With what stays of the machine that was; the root key sometimes comes from elsewhere.
    fn prepare(&self, source: &Source, random: &mut Random) {
        fs::create_dir_all(self.data().join("keys")).unwrap();
        let apart = source.house.path("root.key");
        let key = match random.below(2) {
            0 => self.root_key(),
            _ => self.0.join("root.key"),
        };
        fs::copy(apart, key).unwrap();
        fs::copy(
            source.house.path("erasures.log"),
            self.data().join("erasures.log"),
        )
        .unwrap();
    }

    fn open(&self) -> (Db, Vault) {
        let db = self.db();
        let vault = open_vault(&db, &self.data().join("wal"), &self.root_key()).unwrap();
        db.migrate(&TABLES).unwrap();
        (db, vault)
    }

    fn restore(&self, repository: &Path, disk: TornDisk) -> Result<(), String> {
        let words = |err: &dyn std::error::Error| err.to_string();
        let repository = Repository::open(repository, &WORD).map_err(|err| words(&err))?;
        let id = repository.backups().unwrap().pop().unwrap();
        let manifest = repository.manifest(&id).unwrap();
        let mut erasures = repository.erasures().unwrap();
        let path = self.data().join("erasures.log");
        let bytes = fs::read(&path).unwrap();
        erasures.join(ErasureFile::parse(&path, &bytes).unwrap());
        let key = fs::read(self.0.join("root.key")).ok();
        let parts = RestoreParts {
            repository: &repository,
            manifest: &manifest,
            erasures: &erasures,
            root_key: key.as_deref(),
            sets: SETS,
            made: &MADE,
        };
        let target = RestoreTarget::on(self.data(), Box::new(disk));
        restore(&target, &parts, self)
    }

    /// Whether it is whole, or the next restore begins anew.
    fn is_whole(&self, source: &Source, when: &str) -> bool {
        let is_marked = RestoreTarget::unfinished(&self.data()).is_some();
        let is_begun = MADE.iter().any(|it| self.data().join(it).exists());
        if is_marked || !is_begun {
            return false;
        }
        self.check(source, when);
        true
    }

    fn check(&self, source: &Source, when: &str) {
        let (db, vault) = self.open();
        for (of, expected) in (0..).zip(&source.expected) {
            assert_eq!(read(&vault, of), *expected, "{when}: person {of}");
        }
        let count = db.read(|tx| tx.query_one("SELECT COUNT(*) FROM note", &[]));
        let count: i64 = count.unwrap().unwrap().get(0).unwrap();
        assert_eq!(count, source.notes, "{when}");
    }
}

impl RestoreHost for &Machine {
    type Found = ();
    type Error = String;

    fn refused(&self, err: RestoreError) -> String {
        err.to_string()
    }

    fn check_key(&self) -> Result<(), String> {
        let bytes = fs::read(self.root_key()).map_err(|err| err.to_string())?;
        match bytes.is_empty() {
            true => Err("the root key is empty".to_owned()),
            false => Ok(()),
        }
    }

    fn database(&self) -> Result<Db, String> {
        Ok(self.db())
    }

    fn open(
        self,
        _: &Db,
        _: Restored,
        finish: impl FnOnce() -> Result<(), RestoreError>,
    ) -> Result<(), String> {
        let (_, vault) = Machine::open(self);
        testkit::crash::point();
        vault.maintain(now()).unwrap();
        testkit::crash::point();
        drop(vault);
        finish().map_err(|err| err.to_string())
    }
}

/// How a restore is broken off.
enum End {
    /// At a point.
    Point(u64),
    /// When so much time is over.
    Killed(Duration),
    /// An act on the disk fails.
    Failure(u64),
    /// It is not.
    None,
}

impl End {
    fn some(random: &mut Random) -> Self {
        match random.below(8) {
            0 | 1 => Self::Killed(Duration::from_micros(random.below(MOST_MICROSECONDS))),
            2 => Self::Failure(1 + random.below(POINTS / 2)),
            _ => Self::Point(1 + random.below(POINTS)),
        }
    }
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
fn a_restore() {
    let (Some(machine), Some(repository)) = (told("RESTORE_INTO"), told("RESTORE_FROM")) else {
        return;
    };
    let number = |name: &str| told(name).and_then(|it| it.parse().ok()).unwrap_or(0);
    let machine = Machine(machine.into());
    testkit::crash::at(number("RESTORE_POINT"));
    let disk = TornDisk::new(&machine.0, number("RESTORE_FAILS"));
    match machine.restore(Path::new(&repository), disk) {
        Ok(()) => println!("restored"),
        Err(err) => println!("refused: {err}"),
    }
}

fn begin(machine: &Machine, source: &Source, end: &End) -> Child {
    let (point, fails) = match end {
        End::Point(it) => (*it, 0),
        End::Failure(it) => (0, *it),
        End::Killed(_) | End::None => (0, 0),
    };
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::schedules::a_restore", "--nocapture"])
        .env("RESTORE_INTO", &machine.0)
        .env("RESTORE_FROM", source.repository.path())
        .env("RESTORE_POINT", point.to_string())
        .env("RESTORE_FAILS", fails.to_string())
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What schedules came to.
#[derive(Debug, Default)]
struct Came {
    /// Restores that ended in the middle.
    ended: u64,
    /// Restores that the disk failed.
    refused: u64,
    /// What the power took.
    lost: u64,
    /// Restores that were not the first.
    repeated: u64,
}

fn run(source: &Source, seed: u64, came: &mut Came) {
    let home = testkit::memory_dir();
    let machine = Machine(home.path().to_owned());
    let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    for _ in 0..5 {
        random.below(2);
    }
    machine.prepare(source, &mut random);
    let mut is_whole = false;
    for life in 0..=LIVES {
        let when = format!("seed {seed}, restore {life}");
        let end = match life {
            LIVES => End::None,
            _ => End::some(&mut random),
        };
        came.repeated += u64::from(RestoreTarget::unfinished(&machine.data()).is_some());
        let mut child = begin(&machine, source, &end);
        if let End::Killed(after) = end {
            std::thread::park_timeout(after);
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_wrong = |it: &str| it.contains("panicked") || it.contains("FAILED");
        assert!(
            !is_wrong(&said) && !is_wrong(&wrong),
            "{when}: {said}{wrong}"
        );
        came.ended += u64::from(!output.status.success());
        if said.contains("refused: ") {
            assert!(matches!(end, End::Failure(_)), "{when}: {said}");
            came.refused += 1;
        }
        let is_done = said.contains("restored");
        if random.below(2) == 0 {
            came.lost += tear(&machine.0, &mut random);
        }
        is_whole = machine.is_whole(source, &when);
        assert!(is_whole || !is_done, "{when}: not whole, and said to be");
        if is_whole {
            break;
        }
    }
    assert!(is_whole, "seed {seed}: never whole");
    go_on(&machine, source, seed);
}

/// What a server does then: it starts, keeps, and does not lose.
fn go_on(machine: &Machine, source: &Source, seed: u64) {
    for round in 0..2 {
        let (_, vault) = machine.open();
        vault.maintain(now()).unwrap();
        drop(vault);
        machine.check(source, &format!("seed {seed}, start {round}"));
    }
    let (db, vault) = machine.open();
    let house = House {
        home: testkit::memory_dir(),
        db,
        vault: Some(vault),
    };
    house.keep(0, 1000..1003);
    drop(house);
    let (_, vault) = machine.open();
    let mut expected = source.expected[0].clone();
    expected.extend(names(1000..1003));
    assert_eq!(read(&vault, 0), expected, "seed {seed}: kept since");
}

fn run_all(seeds: std::ops::Range<u64>) {
    let count = seeds.end - seeds.start;
    let mut came = Came::default();
    let mut source = self::source(seeds.start);
    for seed in seeds {
        if seed % SHARED == 0 {
            source = self::source(seed);
        }
        run(&source, seed, &mut came);
    }
    assert!(came.ended > count / 2, "{came:?}");
    let is_enough = came.lost > 0 && came.refused > 0 && came.repeated > count / 4;
    assert!(is_enough || count < 100, "{came:?}");
}

#[test]
fn a_few_restores_that_are_broken_off_anywhere_begin_anew_and_come_out_whole() {
    run_all(1..6);
}

mod slow {
    use super::run_all;

    #[test]
    fn restores_of_the_first_eighth() {
        run_all(1000..1125);
    }

    #[test]
    fn restores_of_the_second_eighth() {
        run_all(2000..2125);
    }

    #[test]
    fn restores_of_the_third_eighth() {
        run_all(3000..3125);
    }

    #[test]
    fn restores_of_the_fourth_eighth() {
        run_all(4000..4125);
    }

    #[test]
    fn restores_of_the_fifth_eighth() {
        run_all(5000..5125);
    }

    #[test]
    fn restores_of_the_sixth_eighth() {
        run_all(6000..6125);
    }

    #[test]
    fn restores_of_the_seventh_eighth() {
        run_all(7000..7125);
    }

    #[test]
    fn restores_of_the_last_eighth() {
        run_all(8000..8125);
    }
}
