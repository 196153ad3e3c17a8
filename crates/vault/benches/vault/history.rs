//! What a history costs: reading a day, bytes on the disk, erasing.

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use vault::{Erasure, Order, ReadQuery, Reading, RootKey, Scope, Vault, VaultOptions};

use crate::{OrExit as _, as_f64, now, postgres};

const DAY_MS: i64 = 86_400_000;
const FIRST_MS: i64 = 20_000 * DAY_MS;
const DAYS: i64 = 30;

/// How many readings, and what the figures are called.
struct Size {
    readings: i64,
    erase: &'static str,
    erase_thing: &'static str,
    delete: &'static str,
    ratio: &'static str,
    expire: &'static str,
}

const SMALL: Size = Size {
    readings: 10_000,
    erase: "erase_10k_ms",
    erase_thing: "erase_thing_10k_ms",
    delete: "postgres_delete_10k_ms",
    ratio: "postgres_delete_vs_erase_10k_ratio",
    expire: "expire_10k_ms",
};
const MIDDLE: Size = Size {
    readings: 1_000_000,
    erase: "erase_1m_ms",
    erase_thing: "erase_thing_1m_ms",
    delete: "postgres_delete_1m_ms",
    ratio: "postgres_delete_vs_erase_1m_ratio",
    expire: "expire_1m_ms",
};
const LARGE: Size = Size {
    readings: 10_000_000,
    erase: "erase_10m_ms",
    erase_thing: "erase_thing_10m_ms",
    delete: "postgres_delete_10m_ms",
    ratio: "postgres_delete_vs_erase_10m_ratio",
    expire: "expire_10m_ms",
};

struct History {
    home: tempfile::TempDir,
    vault: Vault,
    db: store::Db,
    subject: Subject,
    payload_bytes: usize,
}

/// The figures of histories. Ten million readings take minutes to write, so they are asked for.
pub(crate) fn measure(is_quick: bool, is_large: bool) -> Vec<(&'static str, f64)> {
    let mut figures = day();
    let mut sizes = vec![SMALL];
    if !is_quick {
        sizes.push(MIDDLE);
    }
    if is_large {
        sizes.push(LARGE);
    }
    for size in sizes {
        let history = History::of(size.readings, DAYS);
        let thing = Scope {
            thing: Some(ThingId::parse("meter-1").expect_or_exit("an id")),
            ..Scope::default()
        };
        figures.push((size.erase_thing, history.erase(thing)));
        let erased_ms = history.erase(Scope::default());
        let deleted_ms = postgres::delete(size.readings);
        figures.push((size.erase, erased_ms));
        figures.push((size.delete, deleted_ms));
        figures.push((size.ratio, deleted_ms / erased_ms));
        drop(history);
        figures.push((size.expire, History::of(size.readings, DAYS).expire()));
    }
    figures
}

fn day() -> Vec<(&'static str, f64)> {
    let history = History::of(10_000, 1);
    let query = ReadQuery {
        subject: history.subject.clone(),
        from: Timestamp::from_millis(FIRST_MS),
        until: Timestamp::from_millis(FIRST_MS + DAY_MS),
        limit: 20_000,
        order: Order::OldestFirst,
        now: Timestamp::from_millis(FIRST_MS),
    };
    let mut best_ms = f64::INFINITY;
    for _ in 0..5 {
        let start = now();
        let found = history.vault.read(&query).expect_or_exit("reading");
        best_ms = best_ms.min(start.elapsed_s().0 * 1e3);
        if found.len() != 10_000 {
            crate::exit("the day is not whole");
        }
    }
    let sql = "SELECT SUM(LENGTH(sealed)) FROM vault_block";
    let row = history.db.read(|tx| tx.query_one(sql, &[]));
    let row = row.expect_or_exit("the blocks").expect_or_exit("a row");
    let bytes: i64 = row.get(0).expect_or_exit("a number");
    let bytes = as_f64(usize::try_from(bytes).unwrap_or(0));
    vec![
        ("read_day_ms", best_ms),
        (
            "block_bytes_per_payload_byte",
            bytes / as_f64(history.payload_bytes),
        ),
    ]
}

impl History {
    /// So many readings of two things of one person, spread over days, all of them in blocks.
    fn of(readings: i64, days: i64) -> Self {
        let home = tempfile::TempDir::new().expect_or_exit("a temporary directory");
        let url = format!("sqlite:{}", home.path().join("rows.db").display());
        let db = store::Db::open(&url).expect_or_exit("a database");
        let root = RootKey::load_or_create(&home.path().join("root.key"));
        let options = VaultOptions {
            segment_age_ms: 0,
            ..VaultOptions::new(home.path().join("wal"))
        };
        let root = root.expect_or_exit("a root key");
        let vault = Vault::open(options, db.clone(), root, |_| {}).expect_or_exit("a vault");
        let subject = Subject::Person(PersonId::parse("resident").expect_or_exit("an id"));
        let mut history = Self {
            home,
            vault,
            db,
            subject,
            payload_bytes: 0,
        };
        history.fill(readings, days);
        history
    }

    fn fill(&mut self, readings: i64, days: i64) {
        let deployment = DeploymentId::parse("home-energy").expect_or_exit("an id");
        let things = ["meter-1", "meter-2"].map(|it| ThingId::parse(it).expect_or_exit("an id"));
        let step = (days * DAY_MS / readings).max(1);
        for n in 0..readings {
            let [one, two] = &things;
            let thing = if n % 2 == 0 { one } else { two };
            let body = format!(
                "{{\"power\":{},\"energy\":{}.{},\"voltage\":23{}}}",
                n * 7_919 % 2_400,
                n / 60,
                n % 10,
                n % 7
            );
            self.payload_bytes += body.len();
            let reading = Reading {
                subject: &self.subject,
                thing,
                deployment: &deployment,
                at: Timestamp::from_millis(FIRST_MS + n * step),
                retention: Retention::from_days(400),
                generation: 1,
                body: body.as_bytes(),
            };
            let lsn = self.vault.append(&reading).expect_or_exit("appending");
            if n % 50_000 == 0 || n == readings - 1 {
                self.vault.wait(lsn).expect_or_exit("waiting");
            }
            if n % 500_000 == 499_999 {
                self.maintain();
            }
        }
        self.maintain();
    }

    fn maintain(&self) {
        let now = Timestamp::from_millis(FIRST_MS);
        self.vault.maintain(now).expect_or_exit("maintenance");
    }

    /// Milliseconds for dropping everything when its time is over.
    fn expire(&self) -> f64 {
        let over = Timestamp::from_millis(FIRST_MS + (DAYS + 401) * DAY_MS);
        let start = now();
        let done = self.vault.maintain(over).expect_or_exit("maintenance");
        let took_ms = start.elapsed_s().0 * 1e3;
        if done.expired_blocks == 0 || done.destroyed_keys == 0 {
            crate::exit("nothing was dropped");
        }
        took_ms
    }

    /// Milliseconds until it is gone for everybody.
    fn erase(&self, scope: Scope) -> f64 {
        let erasure = Erasure {
            subject: self.subject.clone(),
            scope,
        };
        let start = now();
        let erased = self.vault.erase(&erasure, Timestamp::from_millis(FIRST_MS));
        let took_ms = start.elapsed_s().0 * 1e3;
        let proof = erased.expect_or_exit("erasing");
        if proof.destroyed_keys + proof.masked_keys == 0 || !self.home.path().exists() {
            crate::exit("nothing was erased");
        }
        took_ms
    }
}
