//! What a statistical data set is: declared before anybody looks at the data, public, and never changed.
//!
//! # Format
//! A file of TOML or JSON; what is kept and hashed into the record is the JSON that [`DeclaredStatistic::to_json`] writes. Numbers with
//! decimal places are texts, so that they are read exactly.

use std::fmt;

use model::{DeploymentId, IdError, Pointer, PurposeId, RecipientId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use statistics::budget::{Epsilon, EpsilonError};
use statistics::release::{Bounds, Grid, Quantile};

use super::period::Period;

/// The fewest people below whom a figure is withheld, whatever a declaration says.
pub const LEAST_PEOPLE: u32 = 5;
/// The most decimal places of a value.
pub const MAX_DECIMALS: u8 = 6;
/// The most steps between the bounds: bins of a histogram, candidates of a quantile.
pub const MAX_STEPS: u16 = 50;
/// The largest bound, in units of the last decimal place.
pub const MAX_STATISTIC_BOUND: i64 = 1_000_000_000_000;
/// The smallest ε of a release, in millionths. Below it nothing but noise is left.
pub const LEAST_EPSILON_MICRO: u64 = 1_000;
/// The most figures that one data set releases by itself in each period.
pub const MAX_REGULAR: usize = 8;
/// The longest title, in characters.
const MAX_TITLE_CHARS: usize = 120;
/// How far a day may begin from midnight UTC, in minutes.
const MAX_OFFSET_MINUTES: i16 = 14 * 60;

/// The name of a statistical data set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatisticId(String);

impl StatisticId {
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

impl fmt::Display for StatisticId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How all readings of a period become the one value of a person or a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// How many they are.
    Count,
}

impl Each {
    /// The word in declarations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Max => "max",
            Self::Count => "count",
        }
    }
}

/// What is asked about the people of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// How many they are.
    People,
    /// The sum of their values.
    Sum,
    /// The mean of their values.
    Mean,
    /// How many have a value in each step between the bounds.
    Histogram,
    /// The step below which so many of a hundred people lie.
    Quantile(u8),
}

impl Measure {
    /// Reads `people`, `sum`, `mean`, `histogram`, or `quantile-50` and the like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "people" => Some(Self::People),
            "sum" => Some(Self::Sum),
            "mean" => Some(Self::Mean),
            "histogram" => Some(Self::Histogram),
            _ => {
                let percent: u8 = text.strip_prefix("quantile-")?.parse().ok()?;
                let found = Self::Quantile(percent);
                ((1..=99).contains(&percent) && found.to_string() == text).then_some(found)
            }
        }
    }

    /// Which quantile, if it is one.
    pub(super) fn quantile(self) -> Option<Quantile> {
        match self {
            Self::Quantile(percent) => Quantile::new(u64::from(percent), 100),
            _ => None,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::People => f.write_str("people"),
            Self::Sum => f.write_str("sum"),
            Self::Mean => f.write_str("mean"),
            Self::Histogram => f.write_str("histogram"),
            Self::Quantile(percent) => write!(f, "quantile-{percent}"),
        }
    }
}

/// A figure that is released by itself when a period is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regular {
    /// Which.
    pub measure: Measure,
    /// What it costs.
    pub epsilon: Epsilon,
}

/// A statistical data set, as it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredStatistic {
    /// Its name.
    pub id: StatisticId,
    /// What people call it.
    pub title: Text,
    /// Where its readings come from.
    pub deployment: DeploymentId,
    /// As which recipient it reads: what this one may not have is not counted.
    pub recipient: RecipientId,
    /// For which purpose.
    pub purpose: PurposeId,
    /// Of which field.
    pub field: Pointer,
    /// How one value is made.
    pub each: Each,
    /// Values are whole numbers of this decimal place; one with more is rounded.
    pub decimals: u8,
    /// The least value; what is below counts as this. In units of the last decimal place, as all that follows.
    pub low: i64,
    /// The greatest value.
    pub high: i64,
    /// Into how many steps the way between them is cut for histograms and quantiles.
    pub steps: u16,
    /// How long a period is.
    pub period: Period,
    /// How many minutes before midnight UTC its days begin.
    pub offset_minutes: i16,
    /// What all figures about one period may cost together.
    pub budget: Epsilon,
    /// With fewer people a figure is withheld.
    pub least_people: u32,
    /// What is released by itself.
    pub regular: Vec<Regular>,
}

/// What is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatisticError {
    /// Its form.
    #[error("the declaration cannot be read: {0}")]
    Form(String),
    /// An identifier.
    #[error("`{key}` is no identifier: {source}")]
    Id {
        /// Where.
        key: &'static str,
        /// Why.
        #[source]
        source: IdError,
    },
    /// The field.
    #[error("`field` is no JSON Pointer such as /power")]
    Pointer,
    /// An ε.
    #[error("`{key}`: {source}")]
    Epsilon {
        /// Where.
        key: &'static str,
        /// Why.
        #[source]
        source: EpsilonError,
    },
    /// A number.
    #[error(
        "`{0}` is no number with at most `decimals` decimal places, or is beyond {MAX_STATISTIC_BOUND} of the last one"
    )]
    Number(&'static str),
    /// Nothing lies between the bounds.
    #[error("`low` must be below `high`")]
    Bounds,
    /// Too many or no steps.
    #[error("`steps` is 1 to {MAX_STEPS}, and no more than there are values between the bounds")]
    Steps,
    /// Too many decimal places.
    #[error("`decimals` is 0 to {MAX_DECIMALS}")]
    Decimals,
    /// The title.
    #[error("`title` needs a text in each language, of at most {MAX_TITLE_CHARS} characters")]
    Title,
    /// The beginning of the day.
    #[error("`offset-minutes` is at most {MAX_OFFSET_MINUTES} to either side")]
    Offset,
    /// Too few people.
    #[error("`least-people` is at least {LEAST_PEOPLE}")]
    LeastPeople,
    /// A figure that there is not.
    #[error(
        "`{0}` is no figure: people, sum, mean, histogram, or quantile-1 to quantile-99 such as quantile-50"
    )]
    Measure(String),
    /// A figure twice, or too many of them.
    #[error("a data set releases at most {MAX_REGULAR} figures by itself, each once")]
    Regular,
    /// An ε that is too small for anything.
    #[error("an epsilon below 0.001 leaves nothing but noise")]
    TooSmall,
    /// More than there is.
    #[error("the figures under `releases` cost more than `budget` together")]
    Budget,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    id: String,
    title: WrittenText,
    deployment: String,
    recipient: String,
    purpose: String,
    field: String,
    each: Each,
    #[serde(default)]
    decimals: u8,
    low: String,
    high: String,
    steps: u16,
    period: Period,
    #[serde(default)]
    offset_minutes: i16,
    budget: String,
    least_people: u32,
    #[serde(default)]
    releases: Vec<WrittenRegular>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenText {
    en: String,
    ur: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRegular {
    figure: String,
    epsilon: String,
}

impl DeclaredStatistic {
    /// Reads a declaration of JSON.
    ///
    /// # Errors
    /// See [`StatisticError`]: the first thing that is wrong.
    pub fn parse(json: &str) -> Result<Self, StatisticError> {
        let written: Written =
            serde_json::from_str(json).map_err(|err| StatisticError::Form(err.to_string()))?;
        let id = |key| move |source| StatisticError::Id { key, source };
        let decimals = written.decimals;
        if decimals > MAX_DECIMALS {
            return Err(StatisticError::Decimals);
        }
        let number = |key, text: &str| units(text, decimals).ok_or(StatisticError::Number(key));
        let title = Text {
            en: written.title.en,
            ur: written.title.ur,
        };
        let found = Self {
            id: StatisticId::parse(&written.id).map_err(id("id"))?,
            title,
            deployment: DeploymentId::parse(&written.deployment).map_err(id("deployment"))?,
            recipient: RecipientId::parse(&written.recipient).map_err(id("recipient"))?,
            purpose: PurposeId::parse(&written.purpose).map_err(id("purpose"))?,
            field: Pointer::parse(&written.field).map_err(|_| StatisticError::Pointer)?,
            each: written.each,
            decimals,
            low: number("low", &written.low)?,
            high: number("high", &written.high)?,
            steps: written.steps,
            period: written.period,
            offset_minutes: written.offset_minutes,
            budget: epsilon("budget", &written.budget)?,
            least_people: written.least_people,
            regular: regular(&written.releases)?,
        };
        found.checked()
    }

    fn checked(self) -> Result<Self, StatisticError> {
        let fits = |it: &str| {
            let length = it.chars().count();
            (1..=MAX_TITLE_CHARS).contains(&length) && !it.chars().any(char::is_control)
        };
        if !fits(&self.title.en) || !fits(&self.title.ur) {
            return Err(StatisticError::Title);
        }
        if self.low >= self.high {
            return Err(StatisticError::Bounds);
        }
        let width = self.high.abs_diff(self.low);
        if !(1..=MAX_STEPS).contains(&self.steps) || u64::from(self.steps) > width {
            return Err(StatisticError::Steps);
        }
        if self.offset_minutes.abs() > MAX_OFFSET_MINUTES {
            return Err(StatisticError::Offset);
        }
        if self.least_people < LEAST_PEOPLE {
            return Err(StatisticError::LeastPeople);
        }
        let costs = self.regular.iter().map(|it| it.epsilon.as_micro());
        if costs.sum::<u64>() > self.budget.as_micro() {
            return Err(StatisticError::Budget);
        }
        Ok(self)
    }

    /// The declaration as it is kept and hashed.
    #[must_use]
    pub fn to_json(&self) -> String {
        let written = Written {
            id: self.id.to_string(),
            title: WrittenText {
                en: self.title.en.clone(),
                ur: self.title.ur.clone(),
            },
            deployment: self.deployment.to_string(),
            recipient: self.recipient.to_string(),
            purpose: self.purpose.to_string(),
            field: self.field.to_string(),
            each: self.each,
            decimals: self.decimals,
            low: self.shown(self.low),
            high: self.shown(self.high),
            steps: self.steps,
            period: self.period,
            offset_minutes: self.offset_minutes,
            budget: self.budget.to_string(),
            least_people: self.least_people,
            releases: self
                .regular
                .iter()
                .map(|it| WrittenRegular {
                    figure: it.measure.to_string(),
                    epsilon: it.epsilon.to_string(),
                })
                .collect(),
        };
        // Texts and numbers only: nothing of it can fail to be written.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// A value with its decimal places.
    #[must_use]
    pub fn shown(&self, value: i64) -> String {
        shown(value, self.decimals)
    }

    /// When the period begins in which a moment lies.
    #[must_use]
    pub fn period_of(&self, at: Timestamp) -> Timestamp {
        self.period.begins(self.offset_minutes, at)
    }

    /// When a period is over.
    #[must_use]
    pub fn end_of(&self, from: Timestamp) -> Timestamp {
        self.period.ends(self.offset_minutes, from)
    }

    /// When the period before begins.
    #[must_use]
    pub fn before(&self, from: Timestamp) -> Timestamp {
        self.period_of(from.plus_millis(-1))
    }

    /// How much one step holds; the last one may hold less.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.high
            .abs_diff(self.low)
            .div_ceil(u64::from(self.steps.max(1)))
    }

    /// Where each step begins.
    #[must_use]
    pub fn step_begins(&self) -> Vec<i64> {
        let step = self.step();
        (0..self.step_count())
            .map(|it| self.low.saturating_add_unsigned(it.saturating_mul(step)))
            .collect()
    }

    /// How many steps there really are: where the way does not divide evenly, fewer can be enough.
    fn step_count(&self) -> u64 {
        self.high.abs_diff(self.low).div_ceil(self.step().max(1))
    }

    /// In which step a value lies, which lies within the bounds.
    pub(super) fn bin(&self, value: i64) -> usize {
        let within = value.clamp(self.low, self.high).abs_diff(self.low);
        let bin = (within / self.step().max(1)).min(self.step_count().saturating_sub(1));
        usize::try_from(bin).unwrap_or(usize::MAX)
    }

    pub(super) fn bounds(&self) -> Option<Bounds> {
        Bounds::new(self.low, self.high).ok()
    }

    pub(super) fn grid(&self) -> Option<Grid> {
        Grid::new(self.low, self.step(), self.step_count()).ok()
    }
}

/// A whole number of units of the last decimal place, as text.
fn shown(value: i64, decimals: u8) -> String {
    let digits = value.unsigned_abs().to_string();
    let places = usize::from(decimals);
    let sign = if value < 0 { "-" } else { "" };
    if places == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    format!("{sign}{whole}.{rest}")
}

/// Reads a number exactly, in units of the last decimal place.
fn units(text: &str, decimals: u8) -> Option<i64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    let places = usize::from(decimals);
    if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > places {
        return None;
    }
    let number: i64 = format!("{whole}{rest:0<places$}").parse().ok()?;
    (number <= MAX_STATISTIC_BOUND).then_some(sign * number)
}

fn epsilon(key: &'static str, text: &str) -> Result<Epsilon, StatisticError> {
    Epsilon::parse(text).map_err(|source| StatisticError::Epsilon { key, source })
}

fn regular(written: &[WrittenRegular]) -> Result<Vec<Regular>, StatisticError> {
    let mut found: Vec<Regular> = Vec::new();
    for it in written {
        let measure =
            Measure::parse(&it.figure).ok_or_else(|| StatisticError::Measure(it.figure.clone()))?;
        let epsilon = epsilon("epsilon", &it.epsilon)?;
        if epsilon.as_micro() < LEAST_EPSILON_MICRO {
            return Err(StatisticError::TooSmall);
        }
        if found.iter().any(|it| it.measure == measure) || found.len() >= MAX_REGULAR {
            return Err(StatisticError::Regular);
        }
        found.push(Regular { measure, epsilon });
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
