//! What a reading takes on the disk, where readings are like those of real things and are moved into blocks hour by hour.

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use vault::{Reading, RootKey, Vault, VaultOptions};

use crate::{OrExit as _, as_f64};

const HOUR_MS: i64 = 3_600_000;
const FIRST_MS: i64 = 20_000 * 24 * HOUR_MS;

/// A kind of thing.
struct Kind {
    bytes: &'static str,
    ratio: &'static str,
    seconds: i64,
    body: fn(i64) -> String,
}

/// A meter every minute, a sensor of the air every five minutes, a vehicle every ten seconds.
const KINDS: [Kind; 3] = [
    Kind {
        bytes: "disk_bytes_meter",
        ratio: "disk_bytes_meter_ratio",
        seconds: 60,
        body: meter,
    },
    Kind {
        bytes: "disk_bytes_air",
        ratio: "disk_bytes_air_ratio",
        seconds: 300,
        body: air,
    },
    Kind {
        bytes: "disk_bytes_vehicle",
        ratio: "disk_bytes_vehicle_ratio",
        seconds: 10,
        body: vehicle,
    },
];

/// Something that looks like the noise of a sensor: below `end`.
fn noise(n: i64, salt: i64, end: i64) -> i64 {
    let mixed = (n * 6_364_136_223 + salt * 1_442_695_041) ^ (n << 7);
    (mixed.wrapping_mul(2_654_435_761) >> 16).rem_euclid(end)
}

fn meter(n: i64) -> String {
    let power = 180 + noise(n, 1, 2_200);
    let volts = 2_180 + noise(n, 2, 240);
    format!(
        "{{\"power\":{power},\"energy\":{}.{:03},\"voltage\":{}.{}}}",
        41_200 + n / 60,
        noise(n, 3, 1_000),
        volts / 10,
        volts % 10
    )
}

fn air(n: i64) -> String {
    format!(
        "{{\"pm25\":{}.{},\"pm10\":{}.{},\"temperature\":{}.{},\"humidity\":{},\"pressure\":{}.{},\"co2\":{}}}",
        30 + noise(n, 1, 180),
        noise(n, 2, 10),
        50 + noise(n, 3, 220),
        noise(n, 4, 10),
        18 + noise(n, 5, 20),
        noise(n, 6, 10),
        25 + noise(n, 7, 60),
        1_004 + noise(n, 8, 12),
        noise(n, 9, 10),
        400 + noise(n, 10, 900)
    )
}

fn vehicle(n: i64) -> String {
    format!(
        "{{\"position\":{{\"lat\":31.{:06},\"lon\":74.{:06}}},\"speed\":{}.{},\"heading\":{},\"route\":\"B-12\"}}",
        520_000 + noise(n, 1, 60_000),
        340_000 + noise(n, 2, 60_000),
        noise(n, 3, 60),
        noise(n, 4, 10),
        noise(n, 5, 360)
    )
}

/// The figures: four people with a thing of a kind each, for some days.
pub(crate) fn measure(is_quick: bool) -> Vec<(&'static str, f64)> {
    let days = if is_quick { 1 } else { 7 };
    let of_kind = |kind: &Kind| {
        let (readings, payload, disk) = fill(kind, days * 24);
        [(kind.bytes, disk / readings), (kind.ratio, disk / payload)]
    };
    KINDS.iter().flat_map(of_kind).collect()
}

/// Readings, bytes of payload, bytes on the disk.
fn fill(kind: &Kind, hours: i64) -> (f64, f64, f64) {
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
    // An empty database has a page for each table and index; that is not of readings.
    let empty = bytes_of(&db);
    let deployment = DeploymentId::parse("home-energy").expect_or_exit("an id");
    let people: Vec<(Subject, ThingId)> = (0..4)
        .map(|n| {
            let person = PersonId::parse(&format!("resident-{n}")).expect_or_exit("an id");
            let thing = ThingId::parse(&format!("thing-{n}")).expect_or_exit("an id");
            (Subject::Person(person), thing)
        })
        .collect();
    let (mut readings, mut payload) = (0, 0);
    for hour in 0..hours {
        let mut last = None;
        for n in hour * 3_600 / kind.seconds..(hour + 1) * 3_600 / kind.seconds {
            for (salt, (subject, thing)) in (0..).zip(&people) {
                let body = (kind.body)(n * 4 + salt);
                readings += 1;
                payload += body.len();
                let reading = Reading {
                    subject,
                    thing,
                    deployment: &deployment,
                    at: Timestamp::from_millis(FIRST_MS + n * kind.seconds * 1_000 + salt),
                    retention: Retention::from_days(365),
                    generation: 1,
                    body: body.as_bytes(),
                };
                last = Some(vault.append(&reading).expect_or_exit("appending"));
            }
        }
        if let Some(last) = last {
            vault.wait(last).expect_or_exit("waiting");
        }
        let end = Timestamp::from_millis(FIRST_MS + (hour + 1) * HOUR_MS);
        vault.maintain(end).expect_or_exit("maintenance");
    }
    let disk = bytes_of(&db) - empty;
    (as_f64(readings), as_f64(payload), disk)
}

/// Bytes of the database: whole pages, those with free space too.
fn bytes_of(db: &store::Db) -> f64 {
    let number = |sql: &str| {
        let row = db.read(|tx| tx.query_one(sql, &[]));
        let row = row.expect_or_exit("a pragma").expect_or_exit("a row");
        let number: i64 = row.get(0).expect_or_exit("a number");
        as_f64(usize::try_from(number).unwrap_or(0))
    };
    number("PRAGMA page_count") * number("PRAGMA page_size")
}
