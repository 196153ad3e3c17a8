//! Everything about one person as a file, at scale: 1,000,000 readings of five fields, from 20 devices over 20 days, in every format.
//! Prints one flat JSON object; `--readings N` makes it smaller.
//!
//! `export_seconds` is the time from asking to the last byte, which is written to a file beside the data; `verify_seconds` is what
//! `amanat export verify` does with that file; `import_seconds` brings it back into another data directory. `peak_bytes` is the most
//! memory that the process had by the end of the export, with the vault and its open keys.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use custody::{
    Custody, CustodyOptions, ExportFormat, ExportFrame, ExportRequest, IngestError, Peer, Token,
    verify_export,
};
use model::{
    Assignment, Choice, DeploymentId, Grant, Level, Licence, LicenceState, Notice, PersonId,
    Pointer, PurposeId, RecipientId, Role, ThingId, Timestamp,
};
use store::Db;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const NOTICE: &str = include_str!("five-fields.toml");
const FIELDS: [&str; 5] = ["/power", "/temperature", "/humidity", "/co2", "/noise"];
const READINGS: i64 = 1_000_000;
const THINGS: i64 = 20;
const DAYS: i64 = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let test = arguments.iter().any(|it| it == "--test");
    let asked = arguments.iter().position(|it| it == "--readings");
    let asked = asked.and_then(|it| arguments.get(it + 1)?.parse().ok());
    match run(asked.unwrap_or(if test { 1_000 } else { READINGS })) {
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

fn run(readings: i64) -> anyhow::Result<serde_json::Value> {
    let directory = tempfile::tempdir()?;
    let place = directory.path();
    let custody = opened(&place.join("here"))?;
    let tokens = begin(&custody)?;
    let ((), fill) = timed(|| fill(&custody, &tokens, readings))?;
    let zip = place.join("my-data.zip");
    let now = NOW.plus_millis(DAYS * 86_400_000);
    let ((summary, bytes), export) = timed(|| export(&custody, place, &zip, now))?;
    let peak = peak_bytes()?;
    let open = || Ok::<_, anyhow::Error>(BufReader::new(File::open(&zip)?));
    let (verified, verify) = timed(|| Ok(verify_export(open()?, None)?))?;
    let wanted = u64::try_from(readings)?;
    anyhow::ensure!(summary.readings == wanted, "{} readings", summary.readings);
    anyhow::ensure!(verified.readings == wanted, "readings are missing");
    let other = opened(&place.join("there"))?;
    begin(&other)?;
    let (imported, import) =
        timed(|| Ok(other.import_export(open()?, None, &resident()?, now)?))?;
    anyhow::ensure!(
        imported.brought == summary.readings,
        "readings were not brought back"
    );
    custody.close()?;
    other.close()?;
    let readings = f64::from(u32::try_from(summary.readings)?);
    Ok(serde_json::json!({
        "readings": summary.readings,
        "fill_seconds": fill,
        "export_seconds": export,
        "export_readings_per_second": (readings / export).round(),
        "export_bytes": bytes,
        "peak_bytes": peak,
        "verify_seconds": verify,
        "import_seconds": import,
    }))
}

fn opened(directory: &Path) -> anyhow::Result<Custody> {
    std::fs::create_dir_all(directory)?;
    let db = Db::open(&format!("sqlite:{}", directory.join("rows.db").display()))?;
    let options = CustodyOptions {
        directory: directory.to_owned(),
        record_origin: "record.example/bench".to_owned(),
    };
    Ok(Custody::open(&options, db)?)
}

fn resident() -> anyhow::Result<PersonId> {
    Ok(PersonId::parse("p-resident")?)
}

fn thing(number: i64) -> anyhow::Result<ThingId> {
    Ok(ThingId::parse(&format!("meter-{number}"))?)
}

/// A home with many devices, whose person agrees to everything.
fn begin(custody: &Custody) -> anyhow::Result<Vec<Token>> {
    let notice = Notice::parse(NOTICE)?;
    let homes = DeploymentId::parse("homes")?;
    let tokens = custody.act(NOW, |act| {
        act.publish_notice(&notice, NOTICE)?;
        let licence = Licence {
            state: LicenceState::Active,
            until: None,
        };
        act.set_licence(&homes, licence)?;
        for (recipient, purpose) in [("utility-desk", "billing"), ("university", "research")] {
            let recipient = RecipientId::parse(recipient)?;
            act.register_recipient(&recipient)?;
            act.grant(&Grant {
                recipient,
                purpose: PurposeId::parse(purpose)?,
                deployment: homes.clone(),
                valid_from: NOW,
                valid_until: None,
            })?;
        }
        let mut tokens = Vec::new();
        for number in 0..THINGS {
            tokens.push(act.register_thing(&thing(number)?, &homes)?);
            act.assign(&Assignment {
                thing: thing(number)?,
                person: resident()?,
                role: Role::Household,
                valid_from: Timestamp::EPOCH,
                valid_until: None,
            })?;
        }
        Ok::<_, anyhow::Error>(tokens)
    })?;
    let mut choices = Vec::new();
    for field in FIELDS {
        choices.push(Choice {
            person: resident()?,
            deployment: homes.clone(),
            field: Pointer::parse(field)?,
            purpose: PurposeId::parse("research")?,
            recipient: RecipientId::parse("university")?,
            level: Level::ON,
        });
    }
    custody.choose(&choices, NOW)?;
    Ok(tokens)
}

/// Sends messages until so many readings are kept: of each message one for each class of retention, which are two.
fn fill(custody: &Custody, tokens: &[Token], readings: i64) -> anyhow::Result<()> {
    let mut things = Vec::new();
    for (number, token) in (0..).zip(tokens) {
        let secret = token.expose_secret().as_bytes();
        match custody.authenticate(thing(number)?.as_str(), secret, NOW) {
            Some(Peer::Thing(thing)) => things.push(thing),
            _ => anyhow::bail!("a thing was not let in"),
        }
    }
    let messages = readings / 2;
    let step = DAYS * 86_400_000 / messages.max(1);
    for number in 0..messages {
        let place = usize::try_from(number % THINGS)?;
        let sender = things.get(place).context("no thing")?;
        let payload = format!(
            r#"{{"power":{}.5,"temperature":{}.25,"humidity":{},"co2":{},"noise":{}}}"#,
            number % 2_000,
            number % 40,
            number % 100,
            400 + number % 900,
            30 + number % 50
        );
        let at = NOW.plus_millis(number * step);
        let lsn = loop {
            match custody.ingest(sender, payload.as_bytes(), at) {
                // The disk does not keep up: what was sent before makes room.
                Err(IngestError::Unavailable(_)) => std::thread::yield_now(),
                taken => break taken?,
            }
        };
        if number + 1 == messages {
            custody.wait_durable(lsn)?;
        }
    }
    Ok(())
}

fn export(
    custody: &Custody,
    scratch: &Path,
    zip: &Path,
    now: Timestamp,
) -> anyhow::Result<(custody::ExportSummary, u64)> {
    let request = ExportRequest {
        person: resident()?,
        only: None,
        formats: ExportFormat::ALL.to_vec(),
    };
    let frame = ExportFrame {
        records: Vec::new(),
        pages: &|_| Vec::new(),
    };
    let sink = BufWriter::new(File::create(zip)?);
    let mut watch = |_| ControlFlow::Continue(());
    Ok(custody.write_export(&request, &frame, scratch, sink, &mut watch, now)?)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let start = Instant::now();
    let done = work()?;
    Ok((done, start.elapsed().as_secs_f64()))
}

/// The most that this process had in memory.
fn peak_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|it| it.split_whitespace().next());
    let kilobytes: u64 = kilobytes.context("the system does not tell")?.parse()?;
    Ok(kilobytes * 1_024)
}
