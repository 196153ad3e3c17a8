//! Dates and times in words: month and day names are messages, the time zone is a parameter.

use jiff::Zoned;
use model::Timestamp;

use super::Texts;

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

    /// The first instant of the local day that holds `at`.
    pub(crate) fn start_of_day(&self, at: &Timestamp) -> Timestamp {
        self.zoned(at)
            .and_then(|it| it.start_of_day().ok())
            .map_or(*at, |it| {
                Timestamp::from_millis(it.timestamp().as_millisecond())
            })
    }
}
