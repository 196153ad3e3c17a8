//! `amanat policy test [DIR]`: run cases of rules, facts and messages against the policy that the gateway uses.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use policy::case::{CASE_FILE, Case, NOTICE_FILE, NOTICES_DIRECTORY, shared_notice};

use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A directory of cases, or one case: a directory with case.json
    #[arg(value_name = "DIR", default_value = "corpus/policy")]
    directory: PathBuf,
}

/// Prints every difference and a summary; a case that does not hold is a failure.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let next = "name a directory with cases; each is a directory with case.json";
    let cases = cases(&arguments.directory).map_err(|err| Stop::invalid(err, next))?;
    let mut failed = 0;
    for path in &cases {
        let case = read(path).map_err(|err| {
            let error = err.context(format!("the case `{}` cannot be run", path.display()));
            Stop::invalid(error, "corpus/policy/README.md describes the format")
        })?;
        let differences = policy::case::run(&case);
        if !differences.is_empty() {
            failed += 1;
            ui::data(&format!("{}: {}", path.display(), case.about()));
        }
        for difference in differences {
            ui::data(&format!("  {difference}"));
        }
    }
    ui::data(&format!(
        "{} of {} cases hold",
        cases.len() - failed,
        cases.len()
    ));
    Ok(if failed == 0 { Exit::Ok } else { Exit::Failure })
}

/// The case in `directory`, or every case directly below it, by name.
fn cases(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if directory.join(CASE_FILE).is_file() {
        return Ok(vec![directory.to_owned()]);
    }
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read `{}`", directory.display()))?;
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join(CASE_FILE).is_file() {
            cases.push(path);
        }
    }
    cases.sort();
    if cases.is_empty() {
        return Err(anyhow!("`{}` holds no case", directory.display()));
    }
    Ok(cases)
}

/// The case in `path`, with its own notice or the one that it shares with others.
pub(super) fn read(path: &Path) -> anyhow::Result<Case> {
    let text = |file: &Path| {
        std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
    };
    let case = text(&path.join(CASE_FILE))?;
    let notice = match shared_notice(&case)? {
        None => path.join(NOTICE_FILE),
        Some(shared) => path.join("..").join(NOTICES_DIRECTORY).join(shared.file()),
    };
    Ok(Case::parse(&text(&notice)?, &case)?)
}
