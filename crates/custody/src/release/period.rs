//! How long a period is, and when each begins.

use model::Timestamp;
use serde::{Deserialize, Serialize};

const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;
/// From the epoch, which was a Thursday, to the next Monday.
const MONDAY_MILLIS: i64 = 4 * DAY_MILLIS;
/// From the first of any month some day of the next one.
const INTO_NEXT_MONTH_MILLIS: i64 = 32 * DAY_MILLIS;

/// How long a period is. Periods follow one another without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month of the Gregorian calendar.
    Month,
}

impl Period {
    /// The word in declarations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// When the period around a moment begins, where days begin so many minutes before midnight UTC.
    pub(super) fn begins(self, offset_minutes: i16, at: Timestamp) -> Timestamp {
        let offset = i64::from(offset_minutes) * 60_000;
        let local = at.as_millis().saturating_add(offset);
        let even = |length: i64, first: i64| {
            let whole = local.saturating_sub(first).div_euclid(length);
            whole.saturating_mul(length).saturating_add(first)
        };
        let begins = match self {
            Self::Hour => even(HOUR_MILLIS, 0),
            Self::Day => even(DAY_MILLIS, 0),
            Self::Week => even(7 * DAY_MILLIS, MONDAY_MILLIS),
            Self::Month => {
                let day = local.div_euclid(DAY_MILLIS);
                let (_, _, of_month) = deidentify::calendar_date(day);
                (day - (of_month - 1)).saturating_mul(DAY_MILLIS)
            }
        };
        Timestamp::from_millis(begins.saturating_sub(offset))
    }

    /// When the period that begins then is over.
    pub(super) fn ends(self, offset_minutes: i16, from: Timestamp) -> Timestamp {
        match self {
            Self::Hour => from.plus_millis(HOUR_MILLIS),
            Self::Day => from.plus_millis(DAY_MILLIS),
            Self::Week => from.plus_millis(7 * DAY_MILLIS),
            Self::Month => self.begins(offset_minutes, from.plus_millis(INTO_NEXT_MONTH_MILLIS)),
        }
    }
}
