//! `cargo xtask bench`: Amanat and other brokers side by side in one run.
//!
//! All servers stand during the whole run; each round gives the same work to one after the other, and
//! a figure is the median of the rounds. `amanat load` drives all with the same connections, names and payload.
//! Mosquitto keeps nothing (a second one writes what it holds every second); rumqttd and FlashMQ keep nothing and are
//! measured where their programs are named; Amanat decides, seals and durably stores everything.
//! Figures of the code alone come from the benchmarks of `policy`, `vault` and `custody`.
//!
//! All servers listen on loopback only, live in `target/bench`, and end with the run.

mod figures;
mod first_page;
pub(crate) mod fixture;
mod in_process;
pub(crate) mod process;
pub(crate) mod servers;
mod work;

use std::path::{Path, PathBuf};

use anyhow::Context;

use self::figures::{Figures, Samples};
use self::fixture::Fixture;
use self::servers::{Peer, Takes};
use self::work::{Load, WORKS};
use crate::workspace::{Workspace, find_program, run as run_command};
use crate::{setup, ui};

/// Starts of an existing data directory that are timed.
const STARTS: usize = 3;

/// What to measure, and where the figures go.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchOptions {
    /// One short round instead of three: for a look, not for a claim.
    #[arg(long)]
    quick: bool,
    /// Where to write the figures, as a flat JSON object.
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// A program of FlashMQ: measured too.
    #[arg(long, value_name = "PROGRAM")]
    flashmq: Option<PathBuf>,
    /// The program of rumqttd, as `cargo install rumqttd` builds it: measured too.
    #[arg(long, value_name = "PROGRAM")]
    rumqttd: Option<PathBuf>,
    /// Only the servers side by side, without the benchmarks of the code alone.
    #[arg(long)]
    servers_only: bool,
}

/// Measures everything, writes the JSON object and prints the table.
pub(crate) fn run(workspace: &Workspace, options: &BenchOptions) -> anyhow::Result<()> {
    if find_program("mosquitto").is_none() {
        setup::run(workspace)?;
    }
    run_command(&mut workspace.cargo(&["build", "--release", "--package", "amanat", "--locked"]))?;
    let amanat = workspace.target()?.join("release/amanat");

    let mut figures = Figures::default();
    if !options.servers_only {
        in_process::measure(workspace, &mut figures)?;
    }
    let place = place(workspace)?;
    let fixture = Fixture::prepare(workspace, &amanat, place.path())?;
    let mut samples = Samples::default();
    for _ in 0..STARTS {
        samples.add(
            "start_to_first_page_ms",
            first_page::milliseconds(workspace, &amanat, &fixture)?,
        );
    }
    side_by_side(workspace, &amanat, &fixture, options, &mut samples)?;
    figures.of_samples(&samples)?;

    write(&workspace.root().join(&options.json), &figures.to_json()?)?;
    ui::say(&figures.to_table(&samples));
    ui::note(&format!("bench: figures in {}", options.json.display()));
    Ok(())
}

/// A directory on the disk that also holds the build, so that a sync is a sync.
fn place(workspace: &Workspace) -> anyhow::Result<tempfile::TempDir> {
    let parent = workspace.target()?.join("bench");
    std::fs::create_dir_all(&parent)
        .with_context(|| format!("cannot create `{}`", parent.display()))?;
    let place = tempfile::Builder::new().prefix("run-").tempdir_in(&parent);
    place.with_context(|| format!("cannot create a directory in `{}`", parent.display()))
}

fn side_by_side(
    workspace: &Workspace,
    amanat: &Path,
    fixture: &Fixture,
    options: &BenchOptions,
    samples: &mut Samples,
) -> anyhow::Result<()> {
    let mut peers = vec![
        Peer::amanat(workspace, amanat, fixture)?,
        Peer::mosquitto(workspace, fixture)?,
        Peer::keeping_mosquitto(workspace, fixture)?,
    ];
    if let Some(program) = &options.rumqttd {
        peers.push(Peer::rumqttd(workspace, fixture, program)?);
    }
    if let Some(program) = &options.flashmq {
        peers.push(Peer::flashmq(workspace, fixture, program)?);
    }
    let load = Load {
        workspace,
        amanat,
        fixture,
        quick: options.quick,
    };
    for peer in peers.iter().filter(|it| it.takes == Takes::Everything) {
        ui::note(&format!("bench: idle connections of {}", peer.name));
        let bytes = load.idle_bytes(peer)?;
        samples.add(&format!("idle_conn_{}_bytes", peer.name), bytes);
    }
    let rounds = if options.quick { 1 } else { 3 };
    for round in 1..=rounds {
        for work in &WORKS {
            for peer in peers.iter().filter(|it| work.is_for(it)) {
                ui::note(&format!(
                    "bench: round {round} of {rounds}, {}, {}",
                    work.name, peer.name
                ));
                for (figure, value) in load.measure(work, peer, samples)? {
                    samples.add(&figure, value);
                }
            }
        }
    }
    for peer in peers {
        peer.process.stop()?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
