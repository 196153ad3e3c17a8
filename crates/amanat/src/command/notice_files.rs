//! Notice files, as the commands under `amanat notice` read them.

use std::path::Path;

use model::{Notice, Problem};
use policy::Schema;
use serde_json::{Value, json};

use crate::exit::Stop;
use crate::ui;

/// The file's text.
pub(super) fn read(path: &Path) -> Result<String, Stop> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|err| {
        let error = anyhow::Error::new(err).context(format!("cannot read `{name}`"));
        Stop::invalid(error, "name a notice file that this user may read")
    })?;
    String::from_utf8(bytes).map_err(|err| {
        let at = err.utf8_error().valid_up_to();
        let error = anyhow::anyhow!(
            "`{name}` is not UTF-8 text: byte {at} (counted from 0) begins no character"
        );
        Stop::invalid(
            error,
            "a notice is TOML or JSON: name such a file, or save it as UTF-8",
        )
    })
}

/// What is wrong with a file.
pub(super) enum Wrong {
    /// The notice has problems.
    Problems(Vec<Problem>),
    /// The notice is one, and what it declares cannot be enforced.
    Enforcement(String),
}

/// The notice, or everything that is wrong with it.
pub(super) fn parse(text: &str) -> Result<Notice, Wrong> {
    let notice = Notice::parse(text).map_err(|err| Wrong::Problems(err.problems))?;
    match Schema::compile(&notice) {
        Ok(_) => Ok(notice),
        Err(err) => Err(Wrong::Enforcement(err.to_string())),
    }
}

impl Wrong {
    /// `FILE:LINE:COLUMN: reason` and the remedy below it.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        match self {
            Self::Problems(problems) => problems
                .iter()
                .flat_map(|it| {
                    let place = format!("{name}:{}:{}", it.line, it.column);
                    [
                        format!("{place}: {}", it.reason),
                        format!("  {}", it.remedy),
                    ]
                })
                .collect(),
            Self::Enforcement(reason) => vec![
                format!("{name}: cannot be enforced: {reason}"),
                format!("  {ENFORCEMENT_REMEDY}"),
            ],
        }
    }

    /// The same as data.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Problems(problems) => problems
                .iter()
                .map(|it| {
                    json!({
                        "line": it.line,
                        "column": it.column,
                        "reason": it.reason,
                        "remedy": it.remedy,
                    })
                })
                .collect(),
            Self::Enforcement(reason) => {
                json!([{ "reason": reason, "remedy": ENFORCEMENT_REMEDY }])
            }
        }
    }
}

const ENFORCEMENT_REMEDY: &str = "correct the fields that are named, and check again";

/// The notice of a file that must have no problems; those it has are printed as words.
pub(super) fn sound(path: &Path) -> Result<Notice, Stop> {
    let name = path.display().to_string();
    parse(&read(path)?).map_err(|wrong| {
        for line in wrong.lines(&name) {
            ui::words(&line);
        }
        let error = anyhow::anyhow!("`{name}` is not a notice that can be used");
        Stop::invalid(
            error,
            "correct what stands above; `amanat notice check` says the same",
        )
    })
}
