//! The public record: acts that are recorded beside plain inserts of the same bytes into the same kind of database, proofs from the
//! published files alone, and the verification of a long record. `--json` is the only form; `--entries N` and `--long N` make it smaller.
//!
//! `*_per_s` are entries a second. An act that records writes the row, the tiles and a signed checkpoint in one transaction, and publishes
//! the files, each synced; the plain insert writes the row.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use custody::{ActError, Custody, CustodyOptions};
use model::{Entry, EntryKind, Timestamp};
use record::{DirStore, Signer, Verifier, leaf_hash, verify_inclusion};
use store::{Db, DbError};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const ENTRIES: u64 = 100_000;
/// Entries of one act, where many are recorded at once.
const OF_AN_ACT: u64 = 100;
/// Acts that record one entry each.
const SINGLE: u64 = 1_000;
const PROOFS: u64 = 1_000;
/// Entries of the long record.
const LONG: u64 = 1_000_000;
const BATCH: u64 = 65_536;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let test = arguments.iter().any(|it| it == "--test");
    let asked = |name: &str| {
        let at = arguments.iter().position(|it| it == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    let entries = asked("--entries").unwrap_or(if test { 300 } else { ENTRIES });
    let long = asked("--long").unwrap_or(if test { 1_000 } else { LONG });
    match run(entries, long) {
        Ok(figures) => {
            print(&figures);
            ExitCode::SUCCESS
        }
        Err(err) => {
            report(&err);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark's result is its output")]
fn print(figures: &serde_json::Value) {
    println!("{figures}");
}

#[expect(clippy::print_stderr, reason = "a benchmark says why it failed")]
fn report(err: &anyhow::Error) {
    eprintln!("{err:#}");
}

fn run(entries: u64, long: u64) -> anyhow::Result<serde_json::Value> {
    let directory = tempfile::tempdir()?;
    let db = database(directory.path(), "rows.db")?;
    let options = CustodyOptions {
        directory: directory.path().to_owned(),
        record_origin: "bench.example/record".to_owned(),
    };
    let custody = Custody::open(&options, db)?;
    let plain = database(directory.path(), "plain.db")?;
    begin_plain(&plain)?;
    let singles = SINGLE.min(entries);
    let one_by_one = timed(|| record_all(&custody, singles, 1))?;
    let plain_one_by_one = timed(|| insert_all(&plain, singles, 1))?;
    let many = timed(|| record_all(&custody, entries, OF_AN_ACT))?;
    let plain_many = timed(|| insert_all(&plain, entries, OF_AN_ACT))?;
    let key = Verifier::parse(&custody.record_key())?;
    let published = directory.path().join("record");
    let proofs = timed(|| prove(&published, &key))?;
    let checked = timed(|| Ok(record::verify(&mut DirStore::open(&published)?, &key)?))?;
    let size = checked.0.size;
    ensure!(size == entries + singles, "{size} entries are published");
    let verified = verify_long(directory.path(), long)?;
    let rate = |count: u64, seconds: f64| (as_f64(count) / seconds).round();
    Ok(serde_json::json!({
        "entries": entries,
        "acts_of_100_per_s": rate(entries, many.1),
        "plain_inserts_of_100_per_s": rate(entries, plain_many.1),
        "acts_of_100_ratio": plain_many.1 / many.1,
        "acts_of_1_per_s": rate(singles, one_by_one.1),
        "plain_inserts_of_1_per_s": rate(singles, plain_one_by_one.1),
        "acts_of_1_ratio": plain_one_by_one.1 / one_by_one.1,
        "proofs_from_files_per_s": rate(PROOFS, proofs.1),
        "verified_entries": long,
        "verify_s": verified,
        "verify_100000_s": checked.1,
    }))
}

fn as_f64(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let begun = Instant::now();
    let value = work()?;
    Ok((value, begun.elapsed().as_secs_f64()))
}

fn database(directory: &Path, name: &str) -> anyhow::Result<Db> {
    let url = format!("sqlite:{}", directory.join(name).display());
    Ok(Db::open(&url)?)
}

fn entry(number: u64) -> Entry {
    Entry {
        at: NOW,
        kind: EntryKind::LicenceIssued,
        about: format!("deployment:bench-{number}"),
        by: "office:licensing".to_owned(),
        reason: "All controls are met; the consultation ended without an objection.".to_owned(),
        document_sha256: Some(format!("{number:064x}")),
    }
}

fn record_all(custody: &Custody, count: u64, of_an_act: u64) -> anyhow::Result<()> {
    for first in (0..count).step_by(usize::try_from(of_an_act)?) {
        custody.act(NOW, |act| {
            for number in first..count.min(first + of_an_act) {
                act.record(entry(number));
            }
            Ok::<_, ActError>(())
        })?;
    }
    Ok(())
}

fn begin_plain(db: &Db) -> anyhow::Result<()> {
    let made = db.write(|tx| {
        tx.execute(
            "CREATE TABLE plain (position INTEGER PRIMARY KEY, at BIGINT NOT NULL, kind TEXT NOT NULL, about TEXT NOT NULL,
             acted_by TEXT NOT NULL, reason TEXT NOT NULL, document_sha256 TEXT)",
            &[],
        )?;
        Ok::<_, DbError>(())
    });
    Ok(made?)
}

fn insert_all(db: &Db, count: u64, at_once: u64) -> anyhow::Result<()> {
    for first in (0..count).step_by(usize::try_from(at_once)?) {
        db.write(|tx| {
            for number in first..count.min(first + at_once) {
                let entry = entry(number);
                tx.execute(
                    "INSERT INTO plain (at, kind, about, acted_by, reason, document_sha256) VALUES ($1, $2, $3, $4, $5, $6)",
                    &[
                        entry.at.as_millis().into(),
                        entry.kind.as_str().into(),
                        entry.about.as_str().into(),
                        entry.by.as_str().into(),
                        entry.reason.as_str().into(),
                        entry.document_sha256.as_deref().into(),
                    ],
                )?;
            }
            Ok::<_, DbError>(())
        })?;
    }
    Ok(())
}

/// Proofs and entries from the published files, each checked.
fn prove(published: &Path, key: &Verifier) -> anyhow::Result<()> {
    let mut store = DirStore::open(published)?;
    let checkpoint = record::checkpoint(&mut store, key)?.context("no checkpoint")?;
    for number in 0..PROOFS {
        let position = number * 7_919 % checkpoint.size;
        let proof = record::inclusion_proof(&mut store, &checkpoint, position)?;
        let entry = record::read_entry(&mut store, position)?.context("no entry")?;
        verify_inclusion(&proof, &leaf_hash(&entry), &checkpoint.root)?;
    }
    Ok(())
}

/// How long it takes to verify a long record that lies in files.
fn verify_long(directory: &Path, long: u64) -> anyhow::Result<f64> {
    let signer = Signer::new("bench.example/long", &[7; 32])?;
    let mut store = DirStore::create(directory.join("long"))?;
    for first in (0..long).step_by(usize::try_from(BATCH)?) {
        let numbers = first..long.min(first + BATCH);
        let entries: Vec<_> = numbers
            .map(|it| format!("{{\"entry\":{it},\"filler\":\"{:0200}\"}}", 0).into_bytes())
            .collect();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        record::append(&mut store, &signer, &entries)?;
    }
    let (verified, seconds) = timed(|| Ok(record::verify(&mut store, signer.verifier())?))?;
    ensure!(verified.size == long, "{} entries verified", verified.size);
    Ok(seconds)
}
