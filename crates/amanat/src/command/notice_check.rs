//! `amanat notice check FILE…`: check notice files and report every problem with its line and a remedy.

use std::path::PathBuf;

use clap::Args;
use model::Notice;
use policy::Schema;

use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Notice files (TOML)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Prints `FILE: ok …` or `FILE:LINE: reason` and the remedy; any problem is invalid input.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let mut exit = Exit::Ok;
    for path in &arguments.files {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|err| {
            let error = anyhow::Error::new(err).context(format!("cannot read `{name}`"));
            Stop::invalid(error, "name a notice file that this user may read")
        })?;
        match Notice::parse(&text) {
            Ok(notice) => match Schema::compile(&notice) {
                Ok(_) => ui::data(&format!("{name}: ok, {}", summary(&notice))),
                Err(err) => {
                    exit = Exit::InvalidInput;
                    ui::data(&format!("{name}: cannot be enforced: {err}"));
                    ui::data("  correct the fields that are named, and check again");
                }
            },
            Err(err) => {
                exit = Exit::InvalidInput;
                for problem in err.problems {
                    ui::data(&format!("{name}:{}: {}", problem.line, problem.reason));
                    ui::data(&format!("  {}", problem.remedy));
                }
            }
        }
    }
    Ok(exit)
}

fn summary(notice: &Notice) -> String {
    format!(
        "`{}` version {}: {} fields, {} purposes, {} recipients, {} declarations",
        notice.deployment,
        notice.version,
        notice.fields.len(),
        notice.purposes.len(),
        notice.recipients.len(),
        notice.declarations.len()
    )
}
