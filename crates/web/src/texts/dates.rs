//! Dates and times in words: month and day names are messages, the time zone is a parameter.

use jiff::{SignedDuration, Zoned};
use model::Timestamp;

use super::Texts;

/// The unit of a number that is a moment: seconds since 1970 began, UTC.
pub(crate) const UNIX_SECONDS: &str = "unix-s";

/// The moment that a number of [`UNIX_SECONDS`] names; `None` for what is no number or no date.
pub(crate) fn instant(seconds: &str) -> Option<Timestamp> {
    let since = SignedDuration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    let at = jiff::Timestamp::from_duration(since).ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

impl Texts {
    fn zoned(&self, at: &Timestamp) -> Option<Zoned> {
        let time = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        Some(time.to_zoned(self.zone.clone()))
    }

    /// The day: `22 November 2026`.
    pub(crate) fn day(&self, at: &Timestamp) -> String {
        let Some(time) = self.zoned(at) else {
            return at.to_string();
        };
        self.with("date-day")
            .set("day", time.day())
            .set("month", time.month())
            .set("year", time.year().to_string())
            .to_string()
    }

    /// The day with its name: `Sunday, 22 November 2026`.
    pub(crate) fn weekday(&self, at: &Timestamp) -> String {
        let Some(time) = self.zoned(at) else {
            return at.to_string();
        };
        self.with("date-weekday")
            .set("weekday", time.weekday().to_monday_one_offset())
            .set("date", self.day(at))
            .to_string()
    }

    /// The time of day: `14:05:09`.
    pub(crate) fn time(&self, at: &Timestamp) -> String {
        let Some(time) = self.zoned(at) else {
            return at.to_string();
        };
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    /// Day and time: `22 November 2026, 14:05:09`.
    pub(crate) fn moment(&self, at: &Timestamp) -> String {
        self.with("date-moment")
            .set("date", self.day(at))
            .set("time", self.time(at))
            .to_string()
    }

    /// How far a time may be off, in the largest unit that is whole: `± 30 minutes`.
    /// `None` where that is not a whole number of minutes.
    pub(super) fn minutes_off(&self, seconds: f64) -> Option<String> {
        let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
        let minutes = since.as_mins();
        if minutes < 1 || since != SignedDuration::from_mins(minutes) {
            return None;
        }
        let (key, count) = match minutes {
            it if it % (24 * 60) == 0 => ("off-by-days", it / (24 * 60)),
            it if it % 60 == 0 => ("off-by-hours", it / 60),
            it => ("off-by-minutes", it),
        };
        let amount = format!("±\u{a0}{}", self.number(&count));
        let text = self.with(key).set("amount", amount).set("count", count);
        Some(text.to_string())
    }

    /// A length of time as it stands behind "each", in the largest unit that it is whole in: `15 minutes`, `hour`, `90 seconds`.
    pub(super) fn each(&self, seconds: u32) -> String {
        let (key, count) = match seconds {
            it if it % 86_400 == 0 => ("each-days", it / 86_400),
            it if it % 3_600 == 0 => ("each-hours", it / 3_600),
            it if it % 60 == 0 => ("each-minutes", it / 60),
            it => ("each-seconds", it),
        };
        self.with(key).set("count", count).to_string()
    }

    /// A number of days in the largest unit that it is nearly whole in: `7 years`, `6 months`, `30 days`.
    pub(crate) fn period(&self, days: &u16) -> String {
        let (key, count) = match (whole_years(*days), whole_months(*days)) {
            (Some(years), _) => ("period-years", years),
            (None, Some(months)) => ("period-months", months),
            (None, None) => ("period-days", *days),
        };
        self.with(key).set("count", count).to_string()
    }

    /// The same with the days beside it where the unit hides them: `7 years (2,557 days)`.
    pub(super) fn exact_period(&self, days: u16) -> String {
        let period = self.period(&days);
        let exact = self.with("period-days").set("count", days).to_string();
        if period == exact {
            return exact;
        }
        let both = self.with("period-exact").set("period", period);
        both.set("days", exact).to_string()
    }

    /// The first instant of the local day that holds `at`.
    pub(crate) fn start_of_day(&self, at: &Timestamp) -> Timestamp {
        self.zoned(at)
            .and_then(|it| it.start_of_day().ok())
            .map_or(*at, |it| {
                Timestamp::from_millis(it.timestamp().as_millisecond())
            })
    }
}

/// Years of 365 days, with at most as many leap days as can fall into them.
fn whole_years(days: u16) -> Option<u16> {
    let years = days / 365;
    (years > 0 && days % 365 <= years.div_ceil(4)).then_some(years)
}

/// Months, from two up to two years: of 30 days, or half a day longer as in the calendar.
fn whole_months(days: u16) -> Option<u16> {
    let months = days / 30;
    ((2..24).contains(&months) && days % 30 <= months.div_ceil(2)).then_some(months)
}
