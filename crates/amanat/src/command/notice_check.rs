//! `amanat notice check FILE…`: check notice files and report every problem with its line and a remedy.

use std::path::PathBuf;

use clap::Args;
use model::Notice;
use serde_json::{Value, json};

use super::notice_files::{Wrong, parse, read};
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Notice files (TOML or JSON)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Prints `FILE: ok …`, or `FILE:LINE:COLUMN: reason` and the remedy; any problem is invalid input.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let mut exit = Exit::Ok;
    let mut files = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        let result = parse(&read(path)?);
        if result.is_err() {
            exit = Exit::InvalidInput;
        }
        if arguments.json {
            files.push(data(&name, &result));
        } else {
            say(&name, &result);
        }
    }
    if arguments.json {
        ui::data(&json!({ "files": files }).to_string());
    }
    Ok(exit)
}

fn say(name: &str, result: &Result<Notice, Wrong>) {
    match result {
        Ok(notice) => ui::data(&format!("{name}: ok, {}", summary(notice))),
        Err(wrong) => {
            for line in wrong.lines(name) {
                ui::data(&line);
            }
        }
    }
}

fn data(name: &str, result: &Result<Notice, Wrong>) -> Value {
    match result {
        Ok(notice) => json!({
            "file": name,
            "ok": true,
            "deployment": notice.deployment.as_str(),
            "version": notice.version,
        }),
        Err(wrong) => json!({ "file": name, "ok": false, "problems": wrong.json() }),
    }
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
