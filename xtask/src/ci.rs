//! `cargo xtask ci`: every check in order, up to the first that fails, with the minutes each one took.

use std::time::Duration;

use anyhow::bail;

use crate::workspace::{Workspace, run as run_command};
use crate::{clock, coverage, setup, tidy, ui};

/// One check.
struct Step {
    name: &'static str,
    check: fn(&Workspace) -> anyhow::Result<()>,
}

const STEPS: [Step; 10] = [
    Step {
        name: "setup",
        check: setup::run,
    },
    Step {
        name: "fmt",
        check: |it| cargo(it, &["fmt", "--all", "--check"]),
    },
    Step {
        name: "tidy",
        check: tidy::run,
    },
    Step {
        name: "clippy",
        check: clippy,
    },
    Step {
        name: "build",
        check: |it| cargo(it, &["build", "--workspace", "--locked"]),
    },
    Step {
        name: "test",
        check: test_suites,
    },
    Step {
        name: "doc",
        check: doc,
    },
    Step {
        name: "deny",
        check: |it| {
            cargo(
                it,
                &["deny", "--locked", "check", "bans", "licenses", "sources"],
            )
        },
    },
    Step {
        name: "coverage",
        check: coverage::run,
    },
    Step {
        name: "benches",
        check: |it| cargo(it, &["build", "--workspace", "--benches", "--locked"]),
    },
];

/// Runs everything.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    report(&run_steps(&STEPS, workspace))
}

/// Sets up and runs every test.
pub(crate) fn test(workspace: &Workspace) -> anyhow::Result<()> {
    setup::run(workspace)?;
    test_suites(workspace)
}

/// What became of a step.
#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    Failed(Duration, anyhow::Error),
    NotRun,
}

fn run_steps(steps: &[Step], workspace: &Workspace) -> Vec<(&'static str, Outcome)> {
    let mut stopped = false;
    let mut outcomes = Vec::new();
    for step in steps {
        if stopped {
            outcomes.push((step.name, Outcome::NotRun));
            continue;
        }
        ui::note(&format!("── ci: {}", step.name));
        let start = clock::now();
        let outcome = match (step.check)(workspace) {
            Ok(()) => Outcome::Passed(start.elapsed()),
            Err(error) => Outcome::Failed(start.elapsed(), error),
        };
        stopped = matches!(outcome, Outcome::Failed(..));
        outcomes.push((step.name, outcome));
    }
    outcomes
}

fn report(outcomes: &[(&'static str, Outcome)]) -> anyhow::Result<()> {
    ui::say(&summary(outcomes));
    for (name, outcome) in outcomes {
        if let Outcome::Failed(_, error) = outcome {
            bail!("ci stopped at `{name}`: {error:#}");
        }
    }
    ui::say(&format!("ci: all {} steps passed", outcomes.len()));
    Ok(())
}

fn summary(outcomes: &[(&'static str, Outcome)]) -> String {
    let row = |name: &str, result: &str, minutes: &str| {
        vec![name.to_owned(), result.to_owned(), minutes.to_owned()]
    };
    let mut rows = vec![row("step", "result", "minutes")];
    let mut total = Duration::ZERO;
    for (name, outcome) in outcomes {
        let (result, took) = match outcome {
            Outcome::Passed(took) => ("ok", *took),
            Outcome::Failed(took, _) => ("FAILED", *took),
            Outcome::NotRun => {
                rows.push(row(name, "not run", "-"));
                continue;
            }
        };
        total += took;
        rows.push(row(name, result, &minutes(took)));
    }
    rows.push(row("total", "", &minutes(total)));
    ui::table(&rows)
}

fn minutes(took: Duration) -> String {
    format!("{:.1}", took.as_secs_f64() / 60.0)
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<()> {
    run_command(&mut workspace.cargo(arguments))
}

fn clippy(workspace: &Workspace) -> anyhow::Result<()> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    cargo(workspace, &arguments)
}

/// How many random cases a property test tries here; `cargo nextest run` alone tries a quarter.
const PROPERTY_CASES: &str = "1000";

fn test_suites(workspace: &Workspace) -> anyhow::Result<()> {
    let arguments = [
        "nextest",
        "run",
        "--workspace",
        "--profile",
        "ci",
        "--locked",
    ];
    run_command(
        workspace
            .cargo(&arguments)
            .env("PROPTEST_CASES", PROPERTY_CASES),
    )
}

fn doc(workspace: &Workspace) -> anyhow::Result<()> {
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
    ];
    run_command(
        workspace
            .cargo(&arguments)
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const STEPS: [Step; 3] = [
        Step {
            name: "first",
            check: |_| Ok(()),
        },
        Step {
            name: "second",
            check: |_| bail!("a rule is broken"),
        },
        Step {
            name: "third",
            check: |_| Ok(()),
        },
    ];

    fn outcomes() -> Vec<(&'static str, Outcome)> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        run_steps(&STEPS, &Workspace::at(root).unwrap())
    }

    #[test]
    fn the_first_failure_stops_the_run_and_is_named() {
        let outcomes = outcomes();
        assert!(matches!(outcomes[0].1, Outcome::Passed(_)));
        assert!(matches!(outcomes[1].1, Outcome::Failed(..)));
        assert!(matches!(outcomes[2].1, Outcome::NotRun));
        let error = report(&outcomes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ci stopped at `second`: a rule is broken"
        );
    }

    #[test]
    fn the_summary_lists_every_step_with_its_minutes() {
        let expected = "step     result  minutes
first        ok      0.0
second   FAILED      0.0
third   not run        -
total                0.0";
        assert_eq!(summary(&outcomes()), expected);
    }

    #[test]
    fn every_step_of_ci_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = super::STEPS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), super::STEPS.len());
    }
}
