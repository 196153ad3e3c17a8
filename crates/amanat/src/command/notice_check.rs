//! `amanat notice check FILE…`: check notice files and report every problem with its line and a remedy.

use std::path::PathBuf;

use clap::Args;
use model::{Coarsening, Field, Notice, Sensitivity, Statistic};
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
        ui::data(&super::listing::json_line(&json!({ "files": files })));
    }
    Ok(exit)
}

fn say(name: &str, result: &Result<Notice, Wrong>) {
    match result {
        Ok(notice) => {
            ui::data(&format!("{name}: ok, {}", summary(notice)));
            for note in notes(notice) {
                ui::data(&format!("{name}: note: {note}"));
            }
        }
        Err(wrong) => {
            for line in wrong.lines(name) {
                ui::data(&line);
            }
        }
    }
}

fn data(name: &str, result: &Result<Notice, Wrong>) -> Value {
    match result {
        Ok(notice) => {
            let mut data = json!({
                "file": name,
                "ok": true,
                "deployment": notice.deployment.as_str(),
                "version": notice.version,
            });
            let notes = notes(notice);
            if let Some(data) = data.as_object_mut().filter(|_| !notes.is_empty()) {
                data.insert("notes".to_owned(), notes.into());
            }
            data
        }
        Err(wrong) => json!({ "file": name, "ok": false, "problems": wrong.json() }),
    }
}

/// What is allowed and may not be meant.
fn notes(notice: &Notice) -> Vec<String> {
    let sensitive = notice.fields.iter();
    let sensitive = sensitive.filter(|it| it.sensitivity > Sensitivity::Medium);
    sensitive.flat_map(exact_windows).collect()
}

/// Time windows of a field that pass one of its values as it was measured.
fn exact_windows(field: &Field) -> impl Iterator<Item = String> {
    let statistics = field.coarse.iter().filter_map(|it| match it {
        Coarsening::Window(window) => Some(window.of),
        _ => None,
    });
    let exact = |it: &Statistic| matches!(it, Statistic::Last | Statistic::Min | Statistic::Max);
    statistics.filter(exact).map(|of| {
        format!(
            "`{}` is of sensitivity {}, and a window of `{of}` passes one of its values exactly: `mean` or a coarser level tells less",
            field.pointer,
            field.sensitivity.as_str()
        )
    })
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
