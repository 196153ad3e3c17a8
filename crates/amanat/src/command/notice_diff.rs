//! `amanat notice diff OLD NEW`: what a new version of a notice changes for people, in plain sentences.

use std::path::PathBuf;

use clap::Args;
use model::{ChangeEffect, Language};
use serde_json::{Value, json};
use web::{notice_changes, notice_changes_heading, notice_unchanged};

use super::notice_files::sound;
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The notice as it was (TOML or JSON)
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The notice as it shall be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// In which language: en or ur
    #[arg(long, default_value = "en", value_parser = language)]
    language: Language,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Reads `en` or `ur`.
fn language(text: &str) -> Result<Language, String> {
    Language::from_tag(text).ok_or_else(|| "write en or ur".to_owned())
}

/// Prints the changes under three headings, what reveals more first. Changes are not a failure.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let (old, new) = (sound(&arguments.old)?, sound(&arguments.new)?);
    if old.deployment != new.deployment {
        let error = anyhow::anyhow!(
            "`{}` is the notice of `{}`, and `{}` of `{}`",
            arguments.old.display(),
            old.deployment,
            arguments.new.display(),
            new.deployment
        );
        return Err(Stop::invalid(error, "name two versions of one notice"));
    }
    let lines = notice_changes(&old, &new, arguments.language);
    if arguments.json {
        let changes: Value = lines
            .iter()
            .map(|it| json!({ "effect": word(it.effect), "text": it.text }))
            .collect();
        ui::data(&super::listing::json_line(&json!({
            "deployment": new.deployment.as_str(),
            "from": old.version,
            "to": new.version,
            "changes": changes,
        })));
        return Ok(Exit::Ok);
    }
    if lines.is_empty() {
        ui::data(&notice_unchanged(arguments.language));
    }
    for effect in [ChangeEffect::More, ChangeEffect::Other, ChangeEffect::Less] {
        let mut lines = lines.iter().filter(|it| it.effect == effect).peekable();
        if lines.peek().is_some() {
            ui::data(&notice_changes_heading(effect, arguments.language));
        }
        for line in lines {
            ui::data(&format!("  - {}", line.text));
        }
    }
    Ok(Exit::Ok)
}

const fn word(effect: ChangeEffect) -> &'static str {
    match effect {
        ChangeEffect::More => "more",
        ChangeEffect::Other => "other",
        ChangeEffect::Less => "less",
    }
}
