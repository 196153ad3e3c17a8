//! The declaration of a data set: a TOML file, or JSON of the same shape.
//!
//! Steps are texts, so that decimal numbers are exact. The reference for people is `docs/reference/data-sets.md`.

use std::fmt;

use deidentify::plan::{MAX_COLUMNS, MILLION};
use deidentify::{Apart, Column, Ladder, Plan, PlanError, Role, TimeStep};
use model::{DataType, DeploymentId, FieldKind, IdError, Notice, Pointer, Retention, Text};
use serde::Deserialize;

/// The largest declaration, in bytes.
pub const MAX_DATA_SET_BYTES: usize = 64 * 1024;
/// The longest time between two decisions, in days.
pub const MAX_EVERY_DAYS: u16 = 90;
/// Pages of the commons that are no data sets.
const RESERVED: [&str; 1] = ["statistics"];
/// The longest title.
pub(super) const MAX_TITLE_CHARS: usize = 120;
/// The longest unit.
pub(super) const MAX_UNIT_BYTES: usize = 20;
/// The longest summary.
pub(super) const MAX_SUMMARY_CHARS: usize = 1_000;

/// The name of a data set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataSetId(String);

impl DataSetId {
    /// Parses a name: like every identifier, 1 to 64 characters of `a-z`, `0-9` and `-`.
    ///
    /// # Errors
    /// See [`IdError`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        DeploymentId::parse(text).map(|it| Self(it.as_str().to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DataSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Under which terms everybody may use a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenLicence {
    /// Creative Commons Attribution 4.0.
    CcBy4,
    /// Creative Commons Zero 1.0.
    Cc0,
    /// Open Data Commons Open Database License 1.0.
    OdbL,
    /// Open Data Commons Attribution License 1.0.
    OdcBy,
}

impl OpenLicence {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::CcBy4, Self::Cc0, Self::OdbL, Self::OdcBy];

    /// Its SPDX identifier.
    #[must_use]
    pub const fn spdx(self) -> &'static str {
        match self {
            Self::CcBy4 => "CC-BY-4.0",
            Self::Cc0 => "CC0-1.0",
            Self::OdbL => "ODbL-1.0",
            Self::OdcBy => "ODC-By-1.0",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::CcBy4 => "Creative Commons Attribution 4.0 International",
            Self::Cc0 => "Creative Commons Zero 1.0 Universal",
            Self::OdbL => "Open Data Commons Open Database License 1.0",
            Self::OdcBy => "Open Data Commons Attribution License 1.0",
        }
    }

    /// Where its text is.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::CcBy4 => "https://creativecommons.org/licenses/by/4.0/",
            Self::Cc0 => "https://creativecommons.org/publicdomain/zero/1.0/",
            Self::OdbL => "https://opendatacommons.org/licenses/odbl/1-0/",
            Self::OdcBy => "https://opendatacommons.org/licenses/by/1-0/",
        }
    }
}

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// When the reading came in.
    Time,
    /// A field.
    Field(Pointer),
    /// Two fields: latitude and longitude.
    Place(Pointer, Pointer),
}

/// A column, as people see it; how coarse it is stands in the plan, at the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSetColumn {
    /// What people call it.
    pub title: Text,
    /// The unit of its values; empty where there is none.
    pub unit: String,
    /// Where its values come from.
    pub source: Source,
}

/// What is drawn: for each value of one column the mean of another, or how many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlotPlan {
    /// The column whose values lie side by side.
    pub x: usize,
    /// The column whose mean is drawn.
    pub y: Option<usize>,
}

/// A declared data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// Its name.
    pub id: DataSetId,
    /// From which deployment's readings it is made.
    pub deployment: DeploymentId,
    /// What people call it.
    pub title: Text,
    /// What it is.
    pub summary: Text,
    /// Under which terms everybody may use it.
    pub licence: OpenLicence,
    /// So many days lie between two decisions.
    pub every_days: u16,
    /// How it is made coarse, and how many stand behind a row.
    pub plan: Plan,
    /// The columns, in the order of the plan.
    pub columns: Vec<DataSetColumn>,
    /// What is drawn.
    pub plot: Option<PlotPlan>,
}

/// What is wrong with a declaration.
#[derive(Debug, thiserror::Error)]
pub enum DataSetError {
    /// Too large.
    #[error("a data set's file has at most {MAX_DATA_SET_BYTES} bytes")]
    TooLarge,
    /// It does not read.
    #[error("the file does not read: {0}")]
    Form(String),
    /// An identifier.
    #[error("`{name}` is no identifier")]
    Id {
        /// What stands there.
        name: String,
        /// Why not.
        #[source]
        source: IdError,
    },
    /// A name that the site uses for something else.
    #[error("`{0}` is used for something else: choose another name")]
    Reserved(String),
    /// A text.
    #[error("`{0}` needs a text in English and Urdu, neither empty nor too long")]
    Text(&'static str),
    /// A licence.
    #[error(
        "`{0}` is no licence that data sets have: use CC-BY-4.0, CC0-1.0, ODbL-1.0 or ODC-By-1.0"
    )]
    Licence(String),
    /// A number of days.
    #[error("`every-days` lies between 1 and {MAX_EVERY_DAYS}")]
    Days,
    /// How coarse it is.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A column.
    #[error("the column `{column}`: {problem}")]
    Column {
        /// Which.
        column: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A plot.
    #[error("the plot names a column that the data set does not have, or one that cannot be drawn")]
    Plot,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    id: String,
    deployment: String,
    title: Text,
    summary: Text,
    licence: String,
    k: u32,
    least_homes: u32,
    most_left_out_percent: u8,
    utc_offset_minutes: i32,
    every_days: u16,
    columns: Vec<FileColumn>,
    plot: Option<FilePlot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileColumn {
    name: String,
    title: Text,
    kind: Kind,
    #[serde(default)]
    role: FileRole,
    #[serde(default)]
    unit: String,
    field: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
    #[serde(default)]
    steps: Vec<String>,
    #[serde(default)]
    may_vanish: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Time,
    Number,
    Buckets,
    Place,
    Word,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
enum FileRole {
    #[default]
    Shared,
    Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePlot {
    x: String,
    y: Option<String>,
}

impl DataSet {
    /// Reads a declaration. Whether it fits a notice says [`DataSet::fits`], which [`crate::Act::declare_data_set`] asks.
    ///
    /// # Errors
    /// See [`DataSetError`].
    pub fn parse(source: &str) -> Result<Self, DataSetError> {
        if source.len() > MAX_DATA_SET_BYTES {
            return Err(DataSetError::TooLarge);
        }
        let file: File = if source.trim_start().starts_with('{') {
            serde_json::from_str(source).map_err(|err| DataSetError::Form(err.to_string()))?
        } else {
            toml::from_str(source).map_err(|err| DataSetError::Form(err.message().to_owned()))?
        };
        let id = |name: &str| {
            DataSetId::parse(name).map_err(|source| DataSetError::Id {
                name: name.to_owned(),
                source,
            })
        };
        if RESERVED.contains(&file.id.as_str()) {
            return Err(DataSetError::Reserved(file.id));
        }
        let licence = OpenLicence::ALL
            .into_iter()
            .find(|it| it.spdx() == file.licence);
        if file.columns.len() > MAX_COLUMNS {
            return Err(PlanError::Columns.into());
        }
        let mut columns = Vec::new();
        let mut shown = Vec::new();
        for it in &file.columns {
            if it.unit.len() > MAX_UNIT_BYTES || it.unit.chars().any(char::is_control) {
                return Err(it.problem("a unit has at most 20 bytes and no control characters"));
            }
            columns.push(it.column()?);
            shown.push(DataSetColumn {
                title: text("columns.title", &it.title, MAX_TITLE_CHARS)?,
                unit: it.unit.clone(),
                source: it.source()?,
            });
        }
        let plan = Plan {
            columns,
            k: file.k,
            least_homes: file.least_homes,
            most_left_out_percent: file.most_left_out_percent,
            utc_offset_minutes: file.utc_offset_minutes,
            apart: Apart::Homes,
        };
        plan.check()?;
        if !(1..=MAX_EVERY_DAYS).contains(&file.every_days) {
            return Err(DataSetError::Days);
        }
        Ok(Self {
            deployment: DeploymentId::parse(id(&file.deployment)?.as_str()).map_err(|source| {
                DataSetError::Id {
                    name: file.deployment.clone(),
                    source,
                }
            })?,
            id: id(&file.id)?,
            title: text("title", &file.title, MAX_TITLE_CHARS)?,
            summary: text("summary", &file.summary, MAX_SUMMARY_CHARS)?,
            licence: licence.ok_or(DataSetError::Licence(file.licence))?,
            every_days: file.every_days,
            plot: file.plot.map(|it| it.plan(&plan)).transpose()?,
            plan,
            columns: shown,
        })
    }

    /// The data set for a notice: who counts as one follows from whether messages name people.
    ///
    /// # Errors
    /// When a column is of a field that the notice does not declare, of another type, or one that names people.
    pub fn fits(self, notice: &Notice) -> Result<Self, DataSetError> {
        for (column, shown) in self.plan.columns.iter().zip(&self.columns) {
            let problem = |problem| DataSetError::Column {
                column: column.name.clone(),
                problem,
            };
            let pointers = match &shown.source {
                Source::Time => continue,
                Source::Field(pointer) => vec![pointer],
                Source::Place(lat, lon) => vec![lat, lon],
            };
            for pointer in pointers {
                let field = notice.field(pointer);
                let field = field.ok_or_else(|| problem("the notice declares no such field"))?;
                if is_kept_by_law(notice, pointer) {
                    return Err(problem(
                        "a law wants this field kept, so it cannot leave people's accounts",
                    ));
                }
                if notice.subject_field.as_ref() == Some(pointer)
                    || field.data == Some(DataType::Identifier)
                {
                    return Err(problem("this field says who somebody is"));
                }
                let is_word = column.ladder == Ladder::Word;
                if is_word == (field.kind == FieldKind::Number) {
                    return Err(problem("the notice declares this field with another type"));
                }
            }
        }
        Ok(self.counting(notice.subject_field.is_some()))
    }

    /// Whether each person counts as one, or each home.
    pub(super) fn counting(mut self, people: bool) -> Self {
        self.plan.apart = if people { Apart::People } else { Apart::Homes };
        self
    }
}

/// Whether a law or a vital interest wants something of a field kept: whoever has it by that law could find the rows.
fn is_kept_by_law(notice: &Notice, field: &Pointer) -> bool {
    let mut all = notice.declarations.iter();
    let touches = |it: &Pointer| it.covers(field.as_str()) || field.covers(it.as_str());
    all.any(|it| {
        !it.basis.can_choose()
            && it.retention != Retention::LIVE_ONLY
            && it.fields.iter().any(touches)
    })
}

fn text(name: &'static str, text: &Text, most: usize) -> Result<Text, DataSetError> {
    let is_fine = |it: &String| {
        !it.trim().is_empty() && it.chars().count() <= most && !it.chars().any(char::is_control)
    };
    if is_fine(&text.en) && is_fine(&text.ur) {
        Ok(text.clone())
    } else {
        Err(DataSetError::Text(name))
    }
}

impl FileColumn {
    fn problem(&self, problem: &'static str) -> DataSetError {
        DataSetError::Column {
            column: self.name.clone(),
            problem,
        }
    }

    fn column(&self) -> Result<Column, DataSetError> {
        let steps = self.steps.iter();
        let ladder = match self.kind {
            Kind::Time => steps
                .map(|it| TimeStep::parse(it))
                .collect::<Option<_>>()
                .map(Ladder::Time),
            Kind::Number => steps
                .map(|it| millionths(it))
                .collect::<Option<_>>()
                .map(Ladder::Number),
            Kind::Buckets => steps
                .map(|it| millionths(it))
                .collect::<Option<_>>()
                .map(Ladder::Buckets),
            Kind::Place => steps
                .map(|it| it.parse().ok())
                .collect::<Option<_>>()
                .map(Ladder::Place),
            Kind::Word => self.steps.is_empty().then_some(Ladder::Word),
        };
        let ladder = ladder.ok_or_else(|| {
            self.problem("a step does not read: time has hour, day, month, hour-of-day, part-of-day or weekday, numbers have decimal numbers, places have lengths, words have none")
        })?;
        Ok(Column {
            name: self.name.clone(),
            role: match self.role {
                FileRole::Shared => Role::Shared,
                FileRole::Value => Role::Value,
            },
            ladder,
            may_vanish: self.may_vanish,
        })
    }

    fn source(&self) -> Result<Source, DataSetError> {
        let pointer = |it: &String| {
            let pointer = Pointer::parse(it).ok().filter(|it| !it.has_wildcard());
            pointer.ok_or_else(|| self.problem("a field is named by its pointer, without `*`"))
        };
        match (self.kind, &self.field, &self.latitude, &self.longitude) {
            (Kind::Time, None, None, None) => Ok(Source::Time),
            (Kind::Place, None, Some(lat), Some(lon)) => {
                Ok(Source::Place(pointer(lat)?, pointer(lon)?))
            }
            (Kind::Number | Kind::Buckets | Kind::Word, Some(field), None, None) => {
                Ok(Source::Field(pointer(field)?))
            }
            _ => Err(self.problem(
                "time has no field, a place has `latitude` and `longitude`, everything else has `field`",
            )),
        }
    }
}

impl FilePlot {
    fn plan(&self, plan: &Plan) -> Result<PlotPlan, DataSetError> {
        let find = |name: &str| {
            let place = plan.columns.iter().position(|it| it.name == name);
            place.ok_or(DataSetError::Plot)
        };
        let y = self.y.as_deref().map(find).transpose()?;
        let is_number = |it: &Column| matches!(it.ladder, Ladder::Number(_) | Ladder::Buckets(_));
        let y_column = y.and_then(|it| plan.columns.get(it));
        if !y_column.is_none_or(is_number) {
            return Err(DataSetError::Plot);
        }
        Ok(PlotPlan {
            x: find(&self.x)?,
            y,
        })
    }
}

/// A decimal number of at most six places in millionths.
pub(super) fn millionths(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 9
        || part.len() > 6
        || !is_number(whole)
        || !is_number(part)
    {
        return None;
    }
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    Some(sign * (whole.parse::<i64>().ok()? * MILLION + part))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const SOURCE: &str = include_str!("../../tests/it/home_energy.toml");

    #[test]
    fn a_declaration_reads_and_json_of_the_same_shape_says_the_same() {
        let data_set = DataSet::parse(SOURCE).unwrap();
        assert_eq!(data_set.columns.len(), data_set.plan.columns.len());
        let value: toml::Value = toml::from_str(SOURCE).unwrap();
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(DataSet::parse(&json).unwrap(), data_set);
    }

    #[test]
    fn every_problem_has_its_words() {
        let check = |from: &str, to: &str, expected: &str| {
            assert!(SOURCE.contains(from), "{from}");
            let found = DataSet::parse(&SOURCE.replacen(from, to, 1)).unwrap_err();
            assert!(found.to_string().contains(expected), "{found}");
        };
        check("k = 5", "k = 2", "`k` lies between 5");
        check("least-homes = 10", "least-homes = 3", "least-homes");
        check("CC-BY-4.0", "CC-BY-NC-4.0", "no licence");
        check("every-days = 7", "every-days = 0", "every-days");
        check("hour-of-day", "minute", "a step does not read");
        check("field = \"/power\"", "field = \"/a/*\"", "without `*`");
        check("k = 5", "k = 5\nsecret = 1", "unknown field");
        check("x = \"hour\"", "x = \"nothing\"", "the plot names");
        check("id = \"home-energy\"", "id = \"Home\"", "no identifier");
        check("\"home-energy\"", "\"statistics\"", "something else");
        let long = "a".repeat(MAX_DATA_SET_BYTES + 1);
        assert!(matches!(DataSet::parse(&long), Err(DataSetError::TooLarge)));
    }

    #[test]
    fn decimal_numbers_are_exact() {
        assert_eq!(millionths("0.1"), Some(100_000));
        assert_eq!(millionths("-12.000001"), Some(-12_000_001));
        for bad in ["", "-", ".", ".5", "1e3", "1.0000001", "1234567890", "+1"] {
            assert_eq!(millionths(bad), None, "{bad}");
        }
    }
}
