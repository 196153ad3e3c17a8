//! Appending 200-byte readings to a vault, side by side with a log that does everything but sealing.
//!
//! `cargo bench -p vault` prints the figures, one a line; with `-- --json` as one flat JSON object. In `--quick` runs the figures are rough.
//!
//! | figure | meaning |
//! |---|---|
//! | `seal_append_rows_per_s` | readings sealed, group-committed with fdatasync and acknowledged, per second, one appending thread |
//! | `bare_append_rows_per_s` | the same bytes with CRC, group commit and fdatasync, without keys, sealing or index |
//! | `seal_append_vs_bare_ratio` | the first divided by the second |
//! | `seal_ns` | sealing the same bytes and nothing else, by the library that the vault uses |
//! | `seal_append_ns` | time in `Vault::append` for one reading while the commit thread works, the best of the rounds |
//! | `sqlite_insert_rows_per_s` | the same readings inserted into a table of SQLite in clear, as many a transaction as one commit takes |
//! | `seal_append_vs_sqlite_ratio` | the first divided by that |
//! | `postgres_insert_rows_per_s` | the same in PostgreSQL, 128 rows a statement (the server of the tests, which does not wait for the disk) |
//! | `seal_append_vs_postgres_ratio` | the first divided by that |
//! | `read_day_ms` | reading a person's day of 10,000 readings out of blocks |
//! | `block_bytes_per_payload_byte` | bytes of sealed blocks in the database for one byte of payload that looks like a meter's |
//! | `disk_bytes_NAME`, `disk_bytes_NAME_ratio` | bytes of the database on the disk for a reading, and for a byte of its payload: keys, indexes and free space of pages included |
//! | `erase_N_ms` | erasing all of a person who has N readings in 30 days, the check included |
//! | `erase_thing_N_ms` | erasing one of two things of a person who has N readings in 30 days, until nobody sees it any more |
//! | `postgres_delete_N_ms`, `postgres_delete_vs_erase_N_ratio` | `DELETE` of as many rows of a person in PostgreSQL, and how many times longer that takes |
//! | `expire_N_ms` | dropping N readings in blocks, with their keys, when their time is over |

#[path = "vault/history.rs"]
mod history;
#[path = "vault/postgres.rs"]
mod postgres;
#[path = "vault/space.rs"]
mod space;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use vault::{AppendError, Lsn, Reading, RootKey, Vault, VaultOptions};

const BODY_BYTES: usize = 200;
const SUBJECTS: usize = 256;
/// What sealing and framing add to a body with the ids of this benchmark.
const FRAME_BYTES: usize = 28 + 11 + 1 + 9 + 1 + 11 + BODY_BYTES + 16;
/// As in the defaults of the vault.
const MAX_PENDING_BYTES: usize = 32 * 1024 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|it| it == flag);
    let (rounds, rows) = if has("--quick") {
        (2, 100_000)
    } else {
        (5, 400_000)
    };
    let mut figures = measure(rounds, rows);
    figures.extend(measure_sqlite(rounds, rows, &figures));
    let inserted = postgres::insert(rounds, rows);
    let sealed = figures.first().map_or(f64::NAN, |it| it.1);
    figures.extend([
        ("postgres_insert_rows_per_s", inserted),
        ("seal_append_vs_postgres_ratio", sealed / inserted),
    ]);
    figures.extend(space::measure(has("--quick")));
    figures.extend(history::measure(has("--quick"), has("--large")));
    let mut out = std::io::stdout().lock();
    let text = if has("--json") {
        let members: Vec<String> = figures
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value:.3}"))
            .collect();
        format!("{{{}}}\n", members.join(", "))
    } else {
        figures
            .iter()
            .map(|(name, value)| format!("{name:<28} {value:>14.3}\n"))
            .collect()
    };
    let _ = out.write_all(text.as_bytes());
}

/// Alternates between the two, so that whatever else the machine does hits both; takes medians.
fn measure(rounds: usize, rows: usize) -> Vec<(&'static str, f64)> {
    let home = tempfile::TempDir::new().expect_or_exit("a temporary directory");
    let (mut sealed, mut bare, mut append_ns) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let dir = home.path().join(format!("round-{round}"));
        std::fs::create_dir(&dir).expect_or_exit("a directory");
        append_ns.push(time_of_append(&dir.join("cpu"), rows / 8));
        sealed.push(rate(rows, || append_sealed(&dir.join("sealed"), rows)));
        bare.push(rate(rows, || append_bare(&dir.join("bare"), rows)));
        std::fs::remove_dir_all(&dir).expect_or_exit("removing a directory");
    }
    let ratios = sealed
        .iter()
        .zip(&bare)
        .map(|(sealed, bare)| sealed / bare)
        .collect();
    let best_ns = append_ns.into_iter().fold(f64::INFINITY, f64::min);
    vec![
        ("seal_append_rows_per_s", median(sealed)),
        ("bare_append_rows_per_s", median(bare)),
        ("seal_append_vs_bare_ratio", median(ratios)),
        ("seal_ns", time_of_sealing(rows / 4)),
        ("seal_append_ns", best_ns),
    ]
}

/// A record under a key of its own, in memory that is in the cache.
fn time_of_sealing(rows: usize) -> f64 {
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).expect_or_exit("a key");
    let key = LessSafeKey::new(key);
    let mut record = vec![0; FRAME_BYTES - 28 - 16];
    let associated = [1; 100];
    let start = now();
    for n in 0..rows {
        let mut nonce = [0; 12];
        nonce
            .iter_mut()
            .zip(n.to_le_bytes())
            .for_each(|(to, from)| *to = from);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(associated), &mut record);
        let _tag = std::hint::black_box(sealed.expect_or_exit("sealing"));
    }
    start.elapsed_s().0 * 1e9 / as_f64(rows)
}

fn append_sealed(dir: &Path, rows: usize) -> Elapsed {
    let vault = open(dir);
    let load = Load::new();
    load.warm_up(&vault);
    let start = now();
    let mut last = Lsn::START;
    for n in 0..rows {
        last = load.append(&vault, n, last);
    }
    vault.wait(last).expect_or_exit("waiting");
    start.elapsed_s()
}

/// Few enough readings that the pending buffer never fills: only appending is timed.
fn time_of_append(dir: &Path, rows: usize) -> f64 {
    let vault = open(dir);
    let load = Load::new();
    load.warm_up(&vault);
    let rows = rows.min(MAX_PENDING_BYTES / 2 / FRAME_BYTES);
    let start = now();
    for n in 0..rows {
        load.append(&vault, n, Lsn::START);
    }
    start.elapsed_s().0 * 1e9 / as_f64(rows)
}

fn open(dir: &Path) -> Vault {
    std::fs::create_dir(dir).expect_or_exit("a directory");
    let db = store::Db::open(&format!("sqlite:{}", dir.join("rows.db").display()))
        .expect_or_exit("a database");
    let root = RootKey::load_or_create(&dir.join("root.key")).expect_or_exit("a root key");
    Vault::open(VaultOptions::new(dir.join("wal")), db, root, |_| {}).expect_or_exit("a vault")
}

/// The same readings in clear, one table, so many a transaction as fit into a commit of the log.
fn measure_sqlite(
    rounds: usize,
    rows: usize,
    figures: &[(&'static str, f64)],
) -> Vec<(&'static str, f64)> {
    const PER_TRANSACTION: usize = 4_096;
    let home = tempfile::TempDir::new().expect_or_exit("a temporary directory");
    let mut rates = Vec::new();
    for round in 0..rounds {
        let path = home.path().join(format!("plain-{round}.db"));
        let db = store::Db::open(&format!("sqlite:{}", path.display()));
        let db = db.expect_or_exit("a database");
        let table = "CREATE TABLE reading (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, thing TEXT NOT NULL, \
                     at BIGINT NOT NULL, body BYTEA NOT NULL)";
        db.write(|tx| tx.execute(table, &[]))
            .expect_or_exit("a table");
        let body = vec![7_u8; BODY_BYTES];
        let sql = "INSERT INTO reading (subject, thing, at, body) VALUES ($1, $2, $3, $4)";
        let insert = || {
            let start = now();
            for _ in 0..rows / PER_TRANSACTION {
                let written = db.write(|tx| {
                    for n in 0..PER_TRANSACTION {
                        let subject = format!("person:person-{}", n % SUBJECTS);
                        let at = 1_800_000_000_000_i64;
                        let params = [
                            subject.as_str().into(),
                            "meter-123".into(),
                            at.into(),
                            body.as_slice().into(),
                        ];
                        tx.execute(sql, &params)?;
                    }
                    Ok::<_, store::DbError>(())
                });
                written.expect_or_exit("inserting");
            }
            start.elapsed_s()
        };
        rates.push(rate(rows / PER_TRANSACTION * PER_TRANSACTION, insert));
    }
    let plain = median(rates);
    let sealed = figures.first().map_or(f64::NAN, |it| it.1);
    vec![
        ("sqlite_insert_rows_per_s", plain),
        ("seal_append_vs_sqlite_ratio", sealed / plain),
    ]
}

struct Load {
    subjects: Vec<Subject>,
    thing: ThingId,
    deployment: DeploymentId,
    body: Vec<u8>,
}

impl Load {
    fn new() -> Self {
        let person =
            |n| Subject::Person(PersonId::parse(&format!("person-{n}")).expect_or_exit("an id"));
        Self {
            subjects: (0..SUBJECTS).map(person).collect(),
            thing: ThingId::parse("meter-123").expect_or_exit("an id"),
            deployment: DeploymentId::parse("home-energy").expect_or_exit("an id"),
            body: (0..BODY_BYTES)
                .map(|it| u8::try_from(it % 251).unwrap_or(0))
                .collect(),
        }
    }

    /// Every subject once, so that keys are open and their rows written.
    fn warm_up(&self, vault: &Vault) {
        let last = (0..SUBJECTS).fold(Lsn::START, |last, n| self.append(vault, n, last));
        vault.wait(last).expect_or_exit("waiting");
    }

    /// Appends one reading; when the vault is busy, waits for what was appended before.
    fn append(&self, vault: &Vault, n: usize, before: Lsn) -> Lsn {
        let Some(subject) = self.subjects.get(n * 7 % SUBJECTS) else {
            return before;
        };
        let reading = Reading {
            subject,
            thing: &self.thing,
            deployment: &self.deployment,
            at: Timestamp::from_millis(1_800_000_000_000),
            retention: Retention::from_days(30),
            generation: 1,
            body: &self.body,
        };
        loop {
            match vault.append(&reading) {
                Ok(lsn) => return lsn,
                Err(AppendError::Busy) => vault.wait(before).expect_or_exit("waiting"),
                Err(error) => exit(&error.to_string()),
            }
        }
    }
}

/// The bare log: one buffer under a mutex, one thread that writes and syncs.
#[derive(Default)]
struct Bare {
    pending: Mutex<Pending>,
    changed: Condvar,
}

#[derive(Default)]
struct Pending {
    buffer: Vec<u8>,
    is_closing: bool,
}

fn append_bare(path: &Path, rows: usize) -> Elapsed {
    let mut file = File::create(path).expect_or_exit("a file");
    let bare = Arc::new(Bare::default());
    let of_thread = Arc::clone(&bare);
    let writer = std::thread::spawn(move || commit_bare(&of_thread, &mut file));
    let frame = vec![7_u8; FRAME_BYTES];
    let start = now();
    for _ in 0..rows {
        let mut pending = bare.pending.lock().expect_or_exit("a lock");
        while pending.buffer.len() > MAX_PENDING_BYTES {
            pending = bare.changed.wait(pending).expect_or_exit("a lock");
        }
        let was_empty = pending.buffer.is_empty();
        pending
            .buffer
            .extend_from_slice(&crc32fast::hash(&frame).to_le_bytes());
        pending
            .buffer
            .extend_from_slice(frame.get(4..).unwrap_or_default());
        drop(pending);
        if was_empty {
            bare.changed.notify_all();
        }
    }
    bare.pending.lock().expect_or_exit("a lock").is_closing = true;
    bare.changed.notify_all();
    writer.join().expect_or_exit("the writer");
    start.elapsed_s()
}

fn commit_bare(bare: &Bare, file: &mut File) {
    let mut writing = Vec::new();
    loop {
        let mut pending = bare.pending.lock().expect_or_exit("a lock");
        while pending.buffer.is_empty() {
            if pending.is_closing {
                return;
            }
            pending = bare.changed.wait(pending).expect_or_exit("a lock");
        }
        std::mem::swap(&mut pending.buffer, &mut writing);
        drop(pending);
        file.write_all(&writing).expect_or_exit("writing");
        file.sync_data().expect_or_exit("syncing");
        writing.clear();
        bare.changed.notify_all();
    }
}

/// Seconds.
#[derive(Clone, Copy)]
struct Elapsed(f64);

struct Start(Instant);

impl Start {
    fn elapsed_s(&self) -> Elapsed {
        Elapsed(self.0.elapsed().as_secs_f64())
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Start {
    Start(Instant::now())
}

fn rate(rows: usize, run: impl FnOnce() -> Elapsed) -> f64 {
    as_f64(rows) / run().0
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Ends the benchmark with a text, where a test would unwrap.
trait OrExit<T> {
    fn expect_or_exit(self, what: &str) -> T;
}

impl<T, E> OrExit<T> for Result<T, E> {
    fn expect_or_exit(self, what: &str) -> T {
        self.unwrap_or_else(|_| exit(what))
    }
}

fn exit(what: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "the benchmark failed: {what}");
    std::process::exit(1)
}

impl<T> OrExit<T> for Option<T> {
    fn expect_or_exit(self, what: &str) -> T {
        self.unwrap_or_else(|| exit(what))
    }
}
