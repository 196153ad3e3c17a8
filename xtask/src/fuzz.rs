//! `cargo xtask fuzz`: the parsers against inputs that a fuzzer makes, with a nightly compiler.
//!
//! The targets lie in `fuzz/targets`, the kept inputs in `corpus/fuzz`; what a run finds new stays in `target/fuzz` until it is
//! kept. `docs/how-to/fuzz.md` says what to do with a finding.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};

use crate::ui;
use crate::workspace::{Workspace, run as run_command};

/// The toolchain that has the sanitizer.
const TOOLCHAIN: &str = "nightly";
/// The longest input that is tried, in bytes.
const MAX_INPUT_BYTES: usize = 4096;
/// The longest input that is kept, in bytes: the corpus stays small.
const MAX_KEPT_BYTES: usize = 512;
/// An input that takes longer than this is a finding.
const MAX_SECONDS_AN_INPUT: usize = 10;

/// What to fuzz, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct FuzzOptions {
    /// The target; all of them, one after the other, without it.
    target: Option<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Afterwards, add to `corpus/fuzz` the short inputs that reach something new.
    #[arg(long)]
    keep: bool,
}

/// Runs the targets; the first finding stops.
pub(crate) fn run(workspace: &Workspace, options: &FuzzOptions) -> anyhow::Result<()> {
    let all = targets(workspace)?;
    let chosen = choose(&all, options.target.as_deref())?;
    installed(workspace)?;
    for name in chosen {
        ui::note(&format!("── fuzz: {name}, {} s", options.seconds));
        let found = workspace.root().join("target/fuzz").join(name);
        std::fs::create_dir_all(&found)
            .with_context(|| format!("cannot create `{}`", found.display()))?;
        let limits = [
            format!("-max_total_time={}", options.seconds),
            format!("-max_len={MAX_INPUT_BYTES}"),
            format!("-timeout={MAX_SECONDS_AN_INPUT}"),
        ];
        let kept = workspace.root().join("corpus/fuzz").join(name);
        libfuzzer(workspace, name, [&found, &kept], &limits)?;
        if options.keep {
            let merge = ["-merge=1".to_owned(), format!("-max_len={MAX_KEPT_BYTES}")];
            libfuzzer(workspace, name, [&kept, &found], &merge)?;
        }
    }
    Ok(())
}

fn libfuzzer(
    workspace: &Workspace,
    name: &str,
    inputs: [&PathBuf; 2],
    flags: &[String],
) -> anyhow::Result<()> {
    let mut command = workspace.command("rustup");
    command.args(["run", TOOLCHAIN, "cargo", "fuzz", "run", "--fuzz-dir"]);
    command.args(["fuzz", name]).args(inputs);
    run_command(command.arg("--").args(flags))
}

/// The names of the files in `fuzz/targets`.
fn targets(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let folder = workspace.root().join("fuzz/targets");
    let entries = folder
        .read_dir()
        .with_context(|| format!("cannot read `{}`", folder.display()))?;
    let names = entries.filter_map(|it| {
        let name = it.ok()?.file_name().into_string().ok()?;
        Some(name.strip_suffix(".rs")?.to_owned())
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    Ok(names)
}

fn choose<'a>(all: &'a [String], wanted: Option<&str>) -> anyhow::Result<Vec<&'a str>> {
    let is_wanted = |it: &&String| wanted.is_none_or(|wanted| wanted == it.as_str());
    let chosen: Vec<_> = all.iter().filter(is_wanted).map(String::as_str).collect();
    if chosen.is_empty() {
        bail!("there is no such target: choose one of {}", all.join(", "));
    }
    Ok(chosen)
}

fn installed(workspace: &Workspace) -> anyhow::Result<()> {
    let mut question = workspace.command("rustup");
    question.args(["run", TOOLCHAIN, "cargo", "fuzz", "--version"]);
    let answer = question
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if answer.is_ok_and(|it| it.success()) {
        return Ok(());
    }
    bail!(
        "cargo-fuzz or its compiler is missing: run `rustup toolchain install {TOOLCHAIN}` and \
         `cargo install --locked cargo-fuzz`, then try again"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_kept_inputs_and_can_be_chosen() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let workspace = Workspace::at(root).unwrap();
        let all = targets(&workspace).unwrap();
        assert!(all.len() >= 6, "{all:?}");
        for name in &all {
            assert!(workspace.root().join("corpus/fuzz").join(name).is_dir());
            assert_eq!(choose(&all, Some(name)).unwrap(), [name.as_str()]);
        }
        assert_eq!(choose(&all, None).unwrap(), all);
        let error = choose(&all, Some("none")).unwrap_err().to_string();
        assert!(error.contains(&all.join(", ")), "{error}");
    }
}
