//! `cargo xtask setup`: installs what the tests and benchmarks need and this machine lacks.
//!
//! Three sources: the distribution (servers and the browser), cargo (the test runner and the dependency
//! checker) and npm (axe-core, into `target/npm`). Nothing is touched when nothing is missing.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::workspace::{Workspace, find_program, output, run as run_command};
use crate::{clock, ui};

/// A program of the distribution.
struct Program {
    /// Any of these names will do.
    names: &'static [&'static str],
    /// The Debian package that has it.
    package: &'static str,
    /// What it is for.
    purpose: &'static str,
}

/// A library of Python in place of a program.
const PAHO: &str = "paho.mqtt.client";
/// The Pythons that may have it: that of the distribution, and the one on the path.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];

const PROGRAMS: [Program; 14] = [
    Program {
        names: &["chromium", "chromium-browser"],
        package: "chromium",
        purpose: "browser tests",
    },
    Program {
        names: &["chromedriver"],
        package: "chromium-driver",
        purpose: "browser tests",
    },
    Program {
        names: &["mosquitto"],
        package: "mosquitto",
        purpose: "the peer of the benchmarks",
    },
    Program {
        names: &["mosquitto_pub"],
        package: "mosquitto-clients",
        purpose: "end to end tests with a stock client",
    },
    Program {
        names: &["mosquitto_sub"],
        package: "mosquitto-clients",
        purpose: "end to end tests with a stock client",
    },
    Program {
        names: &["initdb"],
        package: "postgresql",
        purpose: "the same tests on both databases",
    },
    Program {
        names: &["node"],
        package: "nodejs",
        purpose: "tests with a library client",
    },
    Program {
        names: &["python3"],
        package: "python3",
        purpose: "suites of MQTT that others wrote",
    },
    Program {
        names: &[PAHO],
        package: "python3-paho-mqtt",
        purpose: "tests with a library client",
    },
    Program {
        names: &["age"],
        package: "age",
        purpose: "opening what is sealed to a person's own key with a stock program",
    },
    Program {
        names: &["gpg"],
        package: "gnupg",
        purpose: "the same with OpenPGP keys",
    },
    Program {
        names: &["openssl"],
        package: "openssl",
        purpose: "tests of TLS with a stock client",
    },
    Program {
        names: &["curl"],
        package: "curl",
        purpose: "tests of HTTP with a stock client",
    },
    Program {
        names: &["npm"],
        package: "npm",
        purpose: "installing axe-core",
    },
];

/// A subcommand of cargo.
struct CargoTool {
    subcommand: &'static str,
    package: &'static str,
    version: &'static str,
}

const CARGO_TOOLS: [CargoTool; 2] = [
    CargoTool {
        subcommand: "nextest",
        package: "cargo-nextest",
        version: "0.9.143",
    },
    CargoTool {
        subcommand: "deny",
        package: "cargo-deny",
        version: "0.20.2",
    },
];

/// Installs what is missing.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let start = clock::now();
    let mut installed = distribution(workspace)?;
    for tool in &CARGO_TOOLS {
        installed += usize::from(cargo_tool(workspace, tool)?);
    }
    installed += usize::from(axe(workspace)?);
    let took = start.elapsed().as_secs();
    match installed {
        0 => ui::note("setup: nothing is missing"),
        _ => ui::note(&format!("setup: installed {installed}, {took} s")),
    }
    Ok(())
}

fn distribution(workspace: &Workspace) -> anyhow::Result<usize> {
    let missing = missing(&|name| is_installed(name));
    if missing.is_empty() {
        return Ok(0);
    }
    for program in &missing {
        let Program {
            names,
            package,
            purpose,
        } = program;
        let name = names.first().copied().unwrap_or_default();
        ui::note(&format!(
            "setup: `{name}` is missing (package {package}; {purpose})"
        ));
    }
    let packages = packages(&missing);
    if find_program("apt-get").is_none() {
        bail!(
            "this is no Debian-like system: install the equivalent of {}",
            packages.join(", ")
        );
    }
    if output(workspace.command("id").arg("-u"))?.trim() != "0" {
        bail!(
            "run this once, then try again: sudo apt-get install -y {}",
            packages.join(" ")
        );
    }
    apt(workspace, &["update", "-q"])?;
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(&packages);
    apt(workspace, &arguments)?;
    let still = self::missing(&|name| is_installed(name));
    if let Some(program) = still.first() {
        bail!(
            "package {} is installed, but has no `{}`",
            program.package,
            program.names.join("` or `")
        );
    }
    Ok(packages.len())
}

fn apt(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = workspace.command("apt-get");
    run_command(
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

fn missing(has: &dyn Fn(&str) -> bool) -> Vec<&'static Program> {
    let lacks = |it: &&Program| !it.names.iter().any(|name| has(name));
    PROGRAMS.iter().filter(lacks).collect()
}

fn packages(missing: &[&'static Program]) -> Vec<&'static str> {
    let mut packages: Vec<_> = missing.iter().map(|it| it.package).collect();
    packages.dedup();
    packages
}

fn is_installed(name: &str) -> bool {
    match name {
        PAHO => PYTHONS.iter().any(|it| has_library(it, name)),
        "initdb" => find_program(name).is_some() || postgresql_directory().is_some(),
        _ => find_program(name).is_some(),
    }
}

fn has_library(python: &str, name: &str) -> bool {
    let mut question = std::process::Command::new(python);
    question.args(["-c", &format!("import {name}")]);
    let answer = question.stdout(Stdio::null()).stderr(Stdio::null());
    answer.status().is_ok_and(|it| it.success())
}

/// Debian keeps the server programs of PostgreSQL off the search path, a directory a version.
fn postgresql_directory() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?;
    let directories = versions.filter_map(|it| it.ok().map(|it| it.path().join("bin")));
    directories
        .into_iter()
        .find(|it| it.join("initdb").is_file())
}

fn cargo_tool(workspace: &Workspace, tool: &CargoTool) -> anyhow::Result<bool> {
    let CargoTool {
        subcommand,
        package,
        version,
    } = tool;
    let mut question = workspace.cargo(&[subcommand, "--version"]);
    let answer = question
        .stderr(Stdio::null())
        .output()
        .context("cannot start `cargo`")?;
    let answer = String::from_utf8_lossy(&answer.stdout);
    match installed_version(&answer) {
        Some(found) if found >= numbers(version) => return Ok(false),
        Some(_) => ui::note(&format!("setup: {package} is older than {version}")),
        None => ui::note(&format!("setup: {package} is missing")),
    }
    let arguments = [
        "install",
        "--locked",
        "--force",
        "--version",
        version,
        package,
    ];
    run_command(&mut workspace.cargo(&arguments))?;
    Ok(true)
}

/// The version in `cargo-nextest 0.9.143 (60fa45f63 2026-08-04)`.
fn installed_version(answer: &str) -> Option<Vec<u64>> {
    let word = answer.lines().next()?.split(' ').nth(1)?;
    Some(numbers(word)).filter(|it| it.len() == 3)
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map_while(|it| it.parse().ok()).collect()
}

fn axe(workspace: &Workspace) -> anyhow::Result<bool> {
    let wanted = workspace.text("xtask/npm/package.json")?;
    let wanted = pinned(&wanted).context("xtask/npm/package.json pins no axe-core")?;
    let home = workspace.target()?.join("npm");
    let there = home.join("node_modules/axe-core/package.json");
    let found = std::fs::read_to_string(there).ok();
    if found.and_then(|it| version(&it)).as_ref() == Some(&wanted) {
        return Ok(false);
    }
    ui::note(&format!("setup: axe-core {wanted} is missing"));
    std::fs::create_dir_all(&home)
        .with_context(|| format!("cannot create `{}`", home.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let from = workspace.root().join("xtask/npm").join(name);
        std::fs::copy(&from, home.join(name))
            .with_context(|| format!("cannot copy `{}`", from.display()))?;
    }
    let mut command = workspace.command("npm");
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run_command(command.current_dir(&home))?;
    Ok(true)
}

fn pinned(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    manifest
        .pointer("/dependencies/axe-core")?
        .as_str()
        .map(str::to_owned)
}

fn version(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    manifest.get("version")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        assert_eq!(packages(&missing(&|_| true)), Vec::<&str>::new());
        assert_eq!(packages(&missing(&|name| name != "node")), ["nodejs"]);
        let without_clients = |name: &str| !name.starts_with("mosquitto_");
        assert_eq!(packages(&missing(&without_clients)), ["mosquitto-clients"]);
    }

    #[test]
    fn one_of_several_names_is_enough() {
        let other_name = |name: &str| name != "chromium";
        assert_eq!(packages(&missing(&other_name)), Vec::<&str>::new());
    }

    #[test]
    fn versions_are_compared_by_number() {
        let answer = "cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 0.9.143";
        let found = installed_version(answer).unwrap();
        assert!(found >= numbers("0.9.99"));
        assert!(found < numbers("0.10.0"));
        assert_eq!(installed_version("error: no such command"), None);
        assert_eq!(installed_version(""), None);
    }

    #[test]
    fn the_manifest_and_its_lock_pin_the_same_axe() {
        let wanted = pinned(include_str!("../npm/package.json")).unwrap();
        assert_eq!(numbers(&wanted).len(), 3, "`{wanted}` is a range");
        let lock: Value = serde_json::from_str(include_str!("../npm/package-lock.json")).unwrap();
        let locked = lock
            .pointer("/packages/node_modules~1axe-core/version")
            .unwrap();
        assert_eq!(locked.as_str(), Some(wanted.as_str()));
    }

    #[test]
    fn the_test_runner_is_at_least_what_its_configuration_asks_for() {
        let config: toml::Table = include_str!("../../.config/nextest.toml").parse().unwrap();
        let asked = config
            .get("nextest-version")
            .and_then(toml::Value::as_str)
            .unwrap();
        assert!(numbers(CARGO_TOOLS[0].version) >= numbers(asked));
    }
}
