//! `cargo xtask soak`: one server under load and churn for minutes, whose memory must stay where it is.
//!
//! `amanat load` publishes at a steady rate to one subscriber for the whole time. Beside it, workers connect, subscribe,
//! publish with every QoS, break off without DISCONNECT (sometimes in the middle of a packet), and come back to the session
//! they left. Every few seconds the resident memory of the server is read; after the warm-up it may grow by
//! [`MAX_GROWTH_BYTES`] and no more. The series goes to a file as JSON.
//!
//! The server listens on loopback only, lives in `target/soak`, and ends with the run.

mod churn;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;

use self::churn::{Churn, Counts};
use crate::bench::fixture::Fixture;
use crate::bench::process::Process;
use crate::bench::servers::Peer;
use crate::workspace::{Workspace, run as run_command};
use crate::{clock, ui};

/// How much the server's resident memory may grow after the warm-up. Allocators keep some of what was used at a peak;
/// a leak of one kilobyte a connection goes beyond this within a minute of churn.
const MAX_GROWTH_BYTES: u64 = 64 * 1024 * 1024;
/// The longest warm-up: caches, pools and the allocator are at their size then. A short run has a quarter of its time.
const WARM_UP: Duration = Duration::from_secs(120);
/// How often the memory is read.
const SAMPLE: Duration = Duration::from_secs(5);
/// Messages a second of the steady load.
const RATE: &str = "2000";
/// Connections of the steady load.
const CONNECTIONS: &str = "50";
/// `amanat load` may take this much longer than its time.
const SLACK: Duration = Duration::from_secs(90);

/// How long, and where the series goes.
#[derive(Debug, clap::Args)]
pub(crate) struct SoakOptions {
    /// How many minutes.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1_440))]
    minutes: u16,
    /// Where to write the series, as a JSON object.
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// Use the debug build: to try the run, not for a claim.
    #[arg(long)]
    debug: bool,
}

/// The memory of the server at one moment.
#[derive(Debug, Clone, Copy, Serialize)]
struct Sample {
    seconds: u64,
    resident_bytes: u64,
}

/// What is written at the end.
#[derive(Debug, Serialize)]
struct Series {
    minutes: u16,
    warm_up_seconds: u64,
    max_growth_bytes: u64,
    grown_bytes: u64,
    is_flat: bool,
    counts: Counts,
    samples: Vec<Sample>,
}

/// Runs it, writes the series, and fails when memory grew.
pub(crate) fn run(workspace: &Workspace, options: &SoakOptions) -> anyhow::Result<()> {
    let amanat = build(workspace, options.debug)?;
    let parent = workspace.target()?.join("soak");
    std::fs::create_dir_all(&parent)
        .with_context(|| format!("cannot create `{}`", parent.display()))?;
    let place = tempfile::Builder::new().prefix("run-").tempdir_in(&parent);
    let place =
        place.with_context(|| format!("cannot create a directory in `{}`", parent.display()))?;
    let fixture = Fixture::prepare(workspace, &amanat, place.path())?;
    let server = Peer::amanat(workspace, &amanat, &fixture)?;
    let length = Duration::from_secs(u64::from(options.minutes) * 60);
    let load = steady(workspace, &amanat, &fixture, &server, length)?;
    let churn = Churn::start(&server.mqtt, &fixture)?;
    let samples = watch(&server, length)?;
    let counts = churn.stop();
    load.finish(SLACK)
        .context("the steady load did not work to its end")?;
    let series = Series::of(options.minutes, length, counts, samples)?;
    server.process.stop()?;
    write(&workspace.root().join(&options.json), &series)?;
    series.judge()
}

fn build(workspace: &Workspace, is_debug: bool) -> anyhow::Result<PathBuf> {
    let mut arguments = vec!["build", "--package", "amanat", "--locked"];
    if !is_debug {
        arguments.push("--release");
    }
    run_command(&mut workspace.cargo(&arguments))?;
    let folder = if is_debug { "debug" } else { "release" };
    Ok(workspace.target()?.join(folder).join("amanat"))
}

/// The load that does not change.
fn steady(
    workspace: &Workspace,
    amanat: &Path,
    fixture: &Fixture,
    server: &Peer,
    length: Duration,
) -> anyhow::Result<Process> {
    let mut command = workspace.command(amanat);
    command.args(["load", "--json", "--mqtt", &server.mqtt]);
    command.arg("--credentials").arg(&fixture.credentials);
    command.args(["--connections", CONNECTIONS, "--qos", "1", "--rate", RATE]);
    command.args(["--for", &format!("{}s", length.as_secs())]);
    command.arg("--payload").arg(&fixture.payload);
    command.args(["--subscribers", "1", "--filter", &server.filter]);
    command.args(["--subscribe-user", &fixture.recipient]);
    command
        .arg("--subscribe-password-file")
        .arg(&fixture.recipient_token);
    Process::start(workspace, &command)
}

fn watch(server: &Peer, length: Duration) -> anyhow::Result<Vec<Sample>> {
    let start = clock::now();
    let mut samples = Vec::new();
    loop {
        let sample = Sample {
            seconds: start.elapsed().as_secs(),
            resident_bytes: server.process.resident_bytes()?,
        };
        ui::note(&format!(
            "soak: {} s, {} MiB",
            sample.seconds,
            sample.resident_bytes / (1024 * 1024)
        ));
        samples.push(sample);
        if start.elapsed() >= length {
            return Ok(samples);
        }
        clock::pause(SAMPLE);
    }
}

impl Series {
    fn of(
        minutes: u16,
        length: Duration,
        counts: Arc<Counts>,
        samples: Vec<Sample>,
    ) -> anyhow::Result<Self> {
        let warm_up_seconds = WARM_UP.min(length / 4).as_secs();
        let warm = samples.iter().filter(|it| it.seconds >= warm_up_seconds);
        let warm: Vec<_> = warm.map(|it| it.resident_bytes).collect();
        let (Some(first), Some(most)) = (warm.first(), warm.iter().max()) else {
            bail!("the run ended before it was warm");
        };
        let grown_bytes = most - first;
        Ok(Self {
            minutes,
            warm_up_seconds,
            max_growth_bytes: MAX_GROWTH_BYTES,
            grown_bytes,
            is_flat: grown_bytes <= MAX_GROWTH_BYTES,
            counts: Counts::clone(&counts),
            samples,
        })
    }

    fn judge(&self) -> anyhow::Result<()> {
        let Counts {
            sessions,
            resumed,
            failed,
            ..
        } = &self.counts;
        let (sessions, resumed, failed) = (sessions.get(), resumed.get(), failed.get());
        ui::say(&format!(
            "{sessions} sessions, {resumed} of them resumed, {failed} failed; memory grew by {} KiB",
            self.grown_bytes / 1024
        ));
        if sessions == 0 || resumed == 0 || failed * 100 > sessions {
            bail!("the churn did not work, so the memory says nothing");
        }
        if !self.is_flat {
            bail!(
                "memory grew by {} bytes after the warm-up; the bound is {MAX_GROWTH_BYTES}",
                self.grown_bytes
            );
        }
        Ok(())
    }
}

fn write(path: &Path, series: &Series) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    let text = serde_json::to_string_pretty(series)?;
    std::fs::write(path, text + "\n").with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn series(memory: &[u64]) -> Series {
        let samples = (0..).zip(memory).map(|(at, mib)| Sample {
            seconds: at * 5,
            resident_bytes: mib * MIB,
        });
        let counts = Arc::new(Counts::default());
        counts.sessions.add();
        counts.resumed.add();
        Series::of(1, Duration::from_secs(60), counts, samples.collect()).unwrap()
    }

    #[test]
    fn memory_that_grows_before_the_warm_up_and_then_stays_is_flat() {
        // A quarter of a minute: from the fourth sample on.
        let flat = series(&[10, 200, 300, 300, 310, 305, 320]);
        assert_eq!(flat.grown_bytes, 20 * MIB);
        assert!(flat.judge().is_ok());
    }

    #[test]
    fn memory_that_grows_after_it_fails_the_run() {
        let grown = series(&[10, 20, 30, 40, 60, 80, 105]);
        assert_eq!(grown.grown_bytes, 65 * MIB);
        assert!(grown.judge().unwrap_err().to_string().contains("grew"));
    }

    #[test]
    fn a_run_without_churn_says_nothing() {
        let mut idle = series(&[10; 10]);
        idle.counts = Counts::default();
        assert!(idle.judge().is_err());
    }
}
