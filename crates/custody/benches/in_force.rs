//! What is in force at scale: 100,000 things of one notice, five fields, each with a person of its own who has chosen about
//! every field. `--json` prints one flat JSON object; `--things N` makes it smaller.
//!
//! `choice_10000_things_ms` is the time from asking to the acknowledgement, the database's part (`choice_1_thing_ms`)
//! included: once for a person assigned to 10,000 things, once for one who shares 10,000 things with somebody else each.
//! `thing_bytes` is what the process grew by for each thing, with its person and choices, as the operating system sees it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use custody::{Custody, CustodyOptions};
use model::{
    Assignment, Choice, DeploymentId, Grant, Level, Licence, LicenceState, Notice, PersonId,
    Pointer, PurposeId, RecipientId, Role, ThingId, Timestamp,
};
use store::{Db, Tx};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const NOTICE: &str = include_str!("five-fields.toml");
const FIELDS: [&str; 5] = ["/power", "/temperature", "/humidity", "/co2", "/noise"];
const LEVELS: [&str; 3] = ["off", "coarse-1", "on"];
const THINGS: u32 = 100_000;
/// How many things one choice touches.
const TOUCHED: u32 = 10_000;
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let test = arguments.iter().any(|it| it == "--test");
    let asked = arguments.iter().position(|it| it == "--things");
    let asked = asked.and_then(|it| arguments.get(it + 1)?.parse().ok());
    let things = asked.unwrap_or(if test { 100 } else { THINGS });
    match run(things) {
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

fn run(things: u32) -> anyhow::Result<serde_json::Value> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite:{}", directory.path().join("rows.db").display());
    let db = Db::open(&url)?;
    let custody = open(directory.path(), &db)?;
    begin(&custody)?;
    custody.close()?;
    drop(custody);
    fill(&db, things)?;
    let before = resident_bytes()?;
    let (custody, start) = timed(|| open(directory.path(), &db))?;
    let grown = resident_bytes()?.saturating_sub(before);
    custody.check_in_force(NOW)?;
    let touched = TOUCHED.min(things / 2);
    let assigned = assign(&custody, "landlord", 0..touched)?;
    assign(&custody, "fleet", touched..2 * touched)?;
    let shared = choosing(&custody, "landlord")?;
    let alone = choosing(&custody, "fleet")?;
    let one = choosing(&custody, "p-99")?;
    custody.check_in_force(NOW)?;
    let granted =
        timed(|| custody.act(NOW, |act| act.grant(&grant()?).map_err(anyhow::Error::from)))?;
    custody.close()?;
    Ok(serde_json::json!({
        "start_100k_things_ms": start,
        "thing_bytes": grown / u64::from(things),
        "choice_10000_things_ms": shared.max(alone),
        "choice_10000_things_of_one_ms": alone,
        "choice_1_thing_ms": one,
        "assign_10000_things_ms": assigned,
        "grant_100k_things_ms": granted.1,
    }))
}

fn open(directory: &Path, db: &Db) -> anyhow::Result<Custody> {
    let options = CustodyOptions {
        directory: directory.to_owned(),
        record_origin: "record.example/bench".to_owned(),
    };
    Ok(Custody::open(&options, db.clone())?)
}

fn homes() -> anyhow::Result<DeploymentId> {
    Ok(DeploymentId::parse("homes")?)
}

fn grant() -> anyhow::Result<Grant> {
    Ok(Grant {
        recipient: RecipientId::parse("university")?,
        purpose: PurposeId::parse("research")?,
        deployment: homes()?,
        valid_from: NOW,
        valid_until: None,
    })
}

fn begin(custody: &Custody) -> anyhow::Result<()> {
    let notice = Notice::parse(NOTICE)?;
    custody.act(NOW, |act| {
        act.publish_notice(&notice, NOTICE)?;
        let licence = Licence {
            state: LicenceState::Active,
            until: None,
        };
        act.set_licence(&homes()?, licence)?;
        act.register_recipient(&RecipientId::parse("university")?)?;
        act.grant(&grant()?)?;
        Ok::<_, anyhow::Error>(())
    })
}

/// Rows as years of acts would have left them, without the acts.
fn fill(db: &Db, things: u32) -> anyhow::Result<()> {
    db.write(|tx| {
        // A linear congruential generator: choices that differ, the same in every run.
        let mut random = 1_u32;
        for number in 0..things {
            let (thing, person) = (format!("thing-{number}"), format!("p-{number}"));
            put_thing(tx, &thing, &person)?;
            for field in FIELDS {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let level = usize::try_from(random >> 16)? % LEVELS.len();
                let level = LEVELS.get(level).copied().unwrap_or_default();
                tx.execute(
                    "INSERT INTO choice (person, deployment, field, purpose, recipient, level, chosen_at)
                     VALUES ($1, 'homes', $2, 'research', 'university', $3, 0)",
                    &[person.as_str().into(), field.into(), level.into()],
                )?;
            }
        }
        Ok(())
    })
}

fn put_thing(tx: &mut Tx<'_>, thing: &str, person: &str) -> anyhow::Result<()> {
    tx.execute(
        "INSERT INTO thing (id, deployment, token_sha256, registered_at) VALUES ($1, 'homes', $2, 0)",
        &[thing.into(), [7_u8; 32].as_slice().into()],
    )?;
    tx.execute(
        "INSERT INTO assignment_in_time (thing, person, role, valid_from, valid_until)
         VALUES ($1, $2, 'household', $3, NULL)",
        &[thing.into(), person.into(), NOW.as_millis().into()],
    )?;
    Ok(())
}

/// Milliseconds of one act.
fn assign(custody: &Custody, person: &str, things: std::ops::Range<u32>) -> anyhow::Result<f64> {
    let person = PersonId::parse(person)?;
    let (_, milliseconds) = timed(|| {
        custody.act(NOW, |act| {
            for number in things {
                act.assign(&Assignment {
                    thing: ThingId::parse(&format!("thing-{number}"))?,
                    person: person.clone(),
                    role: Role::Occupant,
                    valid_from: Timestamp::EPOCH,
                    valid_until: None,
                })?;
            }
            Ok::<_, anyhow::Error>(())
        })
    })?;
    Ok(milliseconds)
}

/// The median of milliseconds until a choice is acknowledged; every one changes something.
fn choosing(custody: &Custody, person: &str) -> anyhow::Result<f64> {
    let mut figures = Vec::new();
    for round in 0..ROUNDS {
        let choice = Choice {
            person: PersonId::parse(person)?,
            deployment: homes()?,
            field: Pointer::parse("/power")?,
            purpose: PurposeId::parse("research")?,
            recipient: RecipientId::parse("university")?,
            level: if round % 2 == 0 {
                Level::ON
            } else {
                Level::OFF
            },
        };
        figures.push(timed(|| Ok(custody.choose(&[choice], NOW)?))?.1);
    }
    figures.sort_by(f64::total_cmp);
    figures.get(ROUNDS / 2).copied().context("no figure")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let start = Instant::now();
    let done = work()?;
    Ok((done, start.elapsed().as_secs_f64() * 1e3))
}

/// What of this process lies in memory.
fn resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|it| it.split_whitespace().next());
    let kilobytes: u64 = kilobytes.context("the system does not tell")?.parse()?;
    Ok(kilobytes * 1_024)
}
