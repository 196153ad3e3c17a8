//! Automation in Rust: `cargo xtask setup`, `test`, `ci`, `tidy`, `coverage`, `bench`, `soak` and `fuzz`.
//!
//! It knows the repository (its tree, its tools, its tables) and nothing of the domain.
//! Start reading at [`ci`], which calls everything else but the benchmarks.

mod ui;

mod clock;
mod workspace;

mod bench;
mod ci;
mod coverage;
mod fuzz;
mod setup;
mod soak;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Automation of the Amanat workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Install what tests and benchmarks need, if it is missing.
    Setup,
    /// Set up, then run every test, the slow ones included.
    Test,
    /// Everything that must pass before a change is merged.
    Ci,
    /// Check the rules of the repository that no compiler knows.
    Tidy,
    /// Count the requirements that a test proves.
    Coverage,
    /// Measure Amanat and mosquitto side by side.
    Bench(bench::BenchOptions),
    /// Run a server under load and churn for minutes and watch its memory.
    Soak(soak::SoakOptions),
    /// Try the parsers on inputs that a fuzzer makes (needs a nightly compiler and cargo-fuzz).
    Fuzz(fuzz::FuzzOptions),
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<()> {
    let workspace = Workspace::at(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    match verb {
        Verb::Setup => setup::run(&workspace),
        Verb::Test => ci::test(&workspace),
        Verb::Ci => ci::run(&workspace),
        Verb::Tidy => tidy::run(&workspace),
        Verb::Coverage => coverage::run(&workspace),
        Verb::Bench(options) => bench::run(&workspace, &options),
        Verb::Soak(options) => soak::run(&workspace, &options),
        Verb::Fuzz(options) => fuzz::run(&workspace, &options),
    }
}
