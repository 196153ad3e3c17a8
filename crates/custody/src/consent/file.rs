//! A person's choices as a file that they can keep and bring back.
//!
//! JSON, UTF-8, version 1; `docs/reference/choices-file.md` describes it for people. Unknown names are errors, so that a
//! later version cannot be half understood.

use std::collections::BTreeSet;

use model::{
    DeploymentId, LegalBasis, Level, PersonId, Pointer, PurposeId, RecipientId, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Matter;
use crate::Custody;
use crate::choose::{ChoiceSheet, SheetRow};

/// The largest file of choices, in bytes.
pub const MAX_CHOICES_FILE_BYTES: usize = 1024 * 1024;
/// The most choices in one file.
pub const MAX_CHOICES_FILE_ROWS: usize = 4_096;

const FORMAT: &str = "amanat-choices";
const VERSION: u32 = 1;

/// A file of choices, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoicesFile {
    lines: Vec<Line>,
}

/// One choice of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) matter: Matter,
    level: Level,
    notice_version: u32,
}

/// Why a choice of a file does not fit here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// Nothing of that deployment is about the person here.
    NoDeployment,
    /// The notice here declares no such field × purpose × recipient.
    NotDeclared,
    /// The legal basis leaves no choice.
    NoChoice(LegalBasis),
    /// The field has no such level here.
    NoSuchLevel,
    /// The coarse levels were those of another notice, so the number may mean something else here.
    OtherNotice,
}

/// Why a text is not a file of choices.
#[derive(Debug, thiserror::Error)]
pub enum ChoicesFileError {
    /// Larger than [`MAX_CHOICES_FILE_BYTES`].
    #[error("the file has {0} bytes; at most {MAX_CHOICES_FILE_BYTES} are read")]
    TooLarge(usize),
    /// More choices than [`MAX_CHOICES_FILE_ROWS`].
    #[error("the file has {0} choices; at most {MAX_CHOICES_FILE_ROWS} are read")]
    TooMany(usize),
    /// Not JSON of this form.
    #[error("the file is not a file of choices: line {line}, column {column}")]
    Form {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Another format or a later version.
    #[error("the file is of another kind or version; version {VERSION} of `{FORMAT}` is read")]
    Version,
    /// A choice names something that cannot be a name.
    #[error("choice {0} of the file names something that cannot be read")]
    Name(usize),
    /// Two choices are about the same.
    #[error("choice {0} of the file is about the same as one before it")]
    Twice(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    version: u32,
    exported_at: String,
    choices: Vec<WrittenChoice>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChoice {
    deployment: String,
    notice_version: u32,
    field: String,
    purpose: String,
    recipient: String,
    level: String,
}

impl ChoicesFile {
    /// Reads a file.
    ///
    /// # Errors
    /// See [`ChoicesFileError`].
    pub fn parse(text: &str) -> Result<Self, ChoicesFileError> {
        if text.len() > MAX_CHOICES_FILE_BYTES {
            return Err(ChoicesFileError::TooLarge(text.len()));
        }
        let written: Written =
            serde_json::from_str(text).map_err(|err| ChoicesFileError::Form {
                line: err.line(),
                column: err.column(),
            })?;
        if written.format != FORMAT || written.version != VERSION {
            return Err(ChoicesFileError::Version);
        }
        if written.choices.len() > MAX_CHOICES_FILE_ROWS {
            return Err(ChoicesFileError::TooMany(written.choices.len()));
        }
        let mut seen = BTreeSet::new();
        let mut lines = Vec::new();
        for (number, choice) in (1..).zip(&written.choices) {
            let line = line(choice).ok_or(ChoicesFileError::Name(number))?;
            if !seen.insert(line.matter.clone()) {
                return Err(ChoicesFileError::Twice(number));
            }
            lines.push(line);
        }
        Ok(Self { lines })
    }

    /// How many choices it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }
}

fn line(choice: &WrittenChoice) -> Option<Line> {
    Some(Line {
        matter: Matter {
            deployment: DeploymentId::parse(&choice.deployment).ok()?,
            field: Pointer::parse(&choice.field).ok()?,
            purpose: PurposeId::parse(&choice.purpose).ok()?,
            recipient: RecipientId::parse(&choice.recipient).ok()?,
        },
        level: Level::parse(&choice.level)?,
        notice_version: choice.notice_version,
    })
}

impl Line {
    /// The row that it is about and the level it wants there, or why it does not fit.
    pub(super) fn fit<'a>(&self, sheet: &'a ChoiceSheet) -> Result<(&'a SheetRow, Level), Misfit> {
        let wanted = &self.matter;
        let mut rows = sheet.rows.iter();
        let row = rows.find(|it| {
            it.field == wanted.field
                && it.purpose == wanted.purpose
                && it.recipient == wanted.recipient
        });
        let row = row.ok_or(Misfit::NotDeclared)?;
        if !row.basis.can_choose() {
            return Err(Misfit::NoChoice(row.basis));
        }
        let is_coarse = self.level.coarse_number().is_some();
        if is_coarse && self.notice_version != sheet.notice.version {
            return Err(Misfit::OtherNotice);
        }
        let mut offered = row.options.iter();
        if !offered.any(|(level, _)| *level == self.level) {
            return Err(Misfit::NoSuchLevel);
        }
        Ok((row, self.level))
    }
}

impl Custody {
    /// Everything that a person decided, as a file of choices.
    #[must_use]
    pub fn choices_file(&self, person: &PersonId, now: Timestamp) -> String {
        let mut choices = Vec::new();
        for id in self.deployments_about(person) {
            let Some(sheet) = self.choice_sheet(person, &id, now) else {
                continue;
            };
            let decided = sheet
                .rows
                .iter()
                .filter(|it| it.decided && it.basis.can_choose());
            choices.extend(decided.map(|it| WrittenChoice {
                deployment: id.to_string(),
                notice_version: sheet.notice.version,
                field: it.field.to_string(),
                purpose: it.purpose.to_string(),
                recipient: it.recipient.to_string(),
                level: it.chosen.to_string(),
            }));
        }
        let written = Written {
            format: FORMAT.to_owned(),
            version: VERSION,
            exported_at: now.to_string(),
            choices,
        };
        serde_json::to_string_pretty(&written).unwrap_or_default()
    }
}
