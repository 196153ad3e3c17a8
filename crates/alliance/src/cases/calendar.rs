//! Working days: when a deadline is over, and why, day by day.
//!
//! A deadline is never kept. It follows from when its clock began, from the days off as the table of holidays has them now, and
//! from when the clock stood still; so a holiday that is added later moves every clock that still runs.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use model::{Text, Timestamp};

/// The most days that are counted for one deadline, with those off. A clock that has not run out then counts as standing still.
pub const MAX_CLOCK_DAYS: usize = 1_500;

/// Which days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Days {
    /// Days that are neither on a weekend nor a holiday.
    Working(u16),
    /// Every day.
    Calendar(u16),
}

impl Days {
    /// How many days.
    #[must_use]
    pub const fn count(self) -> u16 {
        match self {
            Self::Working(days) | Self::Calendar(days) => days,
        }
    }
}

/// The days off, and where on earth a day begins.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    holidays: BTreeMap<Date, Text>,
}

/// A time in which a clock stood still: from a moment, until another or still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None` while it lasts.
    pub until: Option<Timestamp>,
}

/// What a day was for a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayKind {
    /// The day on which the clock began: not counted.
    Begun,
    /// A day that counts, the so manieth.
    Counted(u16),
    /// A Saturday or Sunday.
    Weekend,
    /// A day off, by name.
    Holiday(Text),
    /// At the end of the day the complainant had still to reply.
    Waiting,
}

/// One line of how a deadline was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLine {
    /// The day.
    pub date: Date,
    /// What it was.
    pub kind: DayKind,
}

/// A deadline, with how it was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The first moment at which it is over: the end of its last day. `None` while the clock stands still.
    pub due: Option<Timestamp>,
    /// Every day from the first on.
    pub lines: Vec<DayLine>,
}

impl Deadline {
    /// Whether it was over at a moment.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.due.is_some_and(|due| at >= due)
    }

    /// The last day on which it can be met.
    #[must_use]
    pub fn last_day(&self) -> Option<Date> {
        self.due.and_then(|_| self.lines.last()).map(|it| it.date)
    }
}

impl Calendar {
    /// A calendar with these days off besides Saturdays and Sundays.
    #[must_use]
    pub fn new(zone: TimeZone, holidays: impl IntoIterator<Item = (Date, Text)>) -> Self {
        Self {
            zone,
            holidays: holidays.into_iter().collect(),
        }
    }

    /// The date at a moment.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        at.to_zoned(self.zone.clone()).date()
    }

    /// When so many days after `from` are over, with the clock standing still in `pauses`.
    #[must_use]
    pub fn deadline(&self, from: Timestamp, days: Days, pauses: &[Pause]) -> Deadline {
        let begun = self.date(from);
        let mut lines = vec![DayLine {
            date: begun,
            kind: DayKind::Begun,
        }];
        let (mut date, mut counted) = (begun, 0);
        while lines.len() < MAX_CLOCK_DAYS {
            let Some((next, end)) = date
                .tomorrow()
                .ok()
                .and_then(|it| Some((it, self.end(it)?)))
            else {
                break;
            };
            date = next;
            let kind = self.kind(date, end, days, pauses, counted);
            if let DayKind::Counted(nth) = kind {
                counted = nth;
            }
            lines.push(DayLine { date, kind });
            if counted >= days.count() {
                return Deadline {
                    due: Some(end),
                    lines,
                };
            }
            // Nobody knows when a reply comes.
            let stands_still = |it: &Pause| it.until.is_none() && it.from < end;
            if pauses.iter().any(stands_still) {
                break;
            }
        }
        Deadline { due: None, lines }
    }

    fn kind(
        &self,
        date: Date,
        end: Timestamp,
        days: Days,
        pauses: &[Pause],
        counted: u16,
    ) -> DayKind {
        let waits = |it: &Pause| it.from < end && it.until.is_none_or(|until| until >= end);
        if pauses.iter().any(waits) {
            return DayKind::Waiting;
        }
        if matches!(days, Days::Working(_)) {
            if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
                return DayKind::Weekend;
            }
            if let Some(name) = self.holidays.get(&date) {
                return DayKind::Holiday(name.clone());
            }
        }
        DayKind::Counted(counted.saturating_add(1))
    }

    /// The first moment after a day.
    fn end(&self, date: Date) -> Option<Timestamp> {
        let next = date.tomorrow().ok()?;
        let begins = next.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_millis(begins.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let it: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(it.as_millisecond())
    }

    fn calendar(holidays: &[&str]) -> Calendar {
        let named = |it: &&str| {
            let name = Text {
                en: "Eid".to_owned(),
                ur: "عید".to_owned(),
            };
            (it.parse().unwrap(), name)
        };
        Calendar::new(
            TimeZone::get("Asia/Karachi").unwrap(),
            holidays.iter().map(named),
        )
    }

    #[track_caller]
    fn check(holidays: &[&str], from: &str, days: Days, pauses: &[Pause], last: &str, due: &str) {
        let deadline = calendar(holidays).deadline(at(from), days, pauses);
        assert_eq!(
            deadline.last_day(),
            Some(last.parse().unwrap()),
            "{:#?}",
            deadline.lines
        );
        assert_eq!(deadline.due, Some(at(due)));
        assert!(deadline.is_over(at(due)) && !deadline.is_over(at(due).plus_millis(-1)));
    }

    /// 2026-11-20 is a Friday.
    #[test]
    fn working_days_leave_out_weekends_and_the_day_on_which_the_clock_began() {
        let two = Days::Working(2);
        check(
            &[],
            "2026-11-20T07:00:00Z",
            two,
            &[],
            "2026-11-24",
            "2026-11-24T19:00:00Z",
        );
        // Shortly before midnight UTC it is Saturday in Karachi already.
        check(
            &[],
            "2026-11-20T20:00:00Z",
            two,
            &[],
            "2026-11-24",
            "2026-11-24T19:00:00Z",
        );
        check(
            &[],
            "2026-11-23T07:00:00Z",
            Days::Working(10),
            &[],
            "2026-12-07",
            "2026-12-07T19:00:00Z",
        );
        check(
            &[],
            "2026-11-20T07:00:00Z",
            Days::Calendar(2),
            &[],
            "2026-11-22",
            "2026-11-22T19:00:00Z",
        );
    }

    #[test]
    fn a_holiday_moves_a_deadline_of_working_days_and_no_other() {
        let off = &["2026-11-24"];
        check(
            off,
            "2026-11-20T07:00:00Z",
            Days::Working(2),
            &[],
            "2026-11-25",
            "2026-11-25T19:00:00Z",
        );
        check(
            off,
            "2026-11-20T07:00:00Z",
            Days::Calendar(5),
            &[],
            "2026-11-25",
            "2026-11-25T19:00:00Z",
        );
        // A holiday on a weekend takes nothing away.
        check(
            &["2026-11-21"],
            "2026-11-20T07:00:00Z",
            Days::Working(2),
            &[],
            "2026-11-24",
            "2026-11-24T19:00:00Z",
        );
    }

    #[test]
    fn the_clock_stands_still_on_days_that_end_without_a_reply_and_on_no_others() {
        let two = Days::Working(2);
        let asked = |from: &str, until: &str| Pause {
            from: at(from),
            until: Some(at(until)),
        };
        // Asked and answered on the same day: nothing is won by asking.
        let same = [asked("2026-11-23T05:00:00Z", "2026-11-23T06:00:00Z")];
        check(
            &[],
            "2026-11-20T07:00:00Z",
            two,
            &same,
            "2026-11-24",
            "2026-11-24T19:00:00Z",
        );
        let over_night = [asked("2026-11-23T05:00:00Z", "2026-11-24T06:00:00Z")];
        check(
            &[],
            "2026-11-20T07:00:00Z",
            two,
            &over_night,
            "2026-11-25",
            "2026-11-25T19:00:00Z",
        );
        let open = [Pause {
            from: at("2026-11-23T05:00:00Z"),
            until: None,
        }];
        let stopped = calendar(&[]).deadline(at("2026-11-20T07:00:00Z"), two, &open);
        assert_eq!((stopped.due, stopped.last_day()), (None, None));
        assert_eq!(
            stopped.lines.last().map(|it| it.kind.clone()),
            Some(DayKind::Waiting)
        );
    }

    #[test]
    fn every_day_is_explained() {
        let deadline =
            calendar(&["2026-11-23"]).deadline(at("2026-11-20T07:00:00Z"), Days::Working(1), &[]);
        let words: Vec<_> = deadline
            .lines
            .iter()
            .map(|it| format!("{} {:?}", it.date, it.kind))
            .collect();
        assert_eq!(words.len(), 5);
        assert_eq!(words.first().map(String::as_str), Some("2026-11-20 Begun"));
        assert_eq!(words.get(1).map(String::as_str), Some("2026-11-21 Weekend"));
        assert!(
            words
                .get(3)
                .is_some_and(|it| it.starts_with("2026-11-23 Holiday"))
        );
        assert_eq!(
            words.last().map(String::as_str),
            Some("2026-11-24 Counted(1)")
        );
    }

    proptest::proptest! {
        /// Nothing that is taken off the calendar makes a deadline earlier, and exactly the asked number of days is counted.
        #[test]
        fn days_off_never_bring_a_deadline_forward(days in 1u16..40, off in proptest::collection::vec(0i32..90, 0..20), from in 0i64..31) {
            let from = at("2026-11-01T07:00:00Z").plus_millis(from * 86_400_000);
            let first: Date = "2026-11-01".parse().unwrap();
            let dates: Vec<String> = off.iter().map(|it| (first + jiff::Span::new().days(*it)).to_string()).collect();
            let texts: Vec<&str> = dates.iter().map(String::as_str).collect();
            let plain = calendar(&[]).deadline(from, Days::Working(days), &[]);
            let moved = calendar(&texts).deadline(from, Days::Working(days), &[]);
            proptest::prop_assert!(moved.due >= plain.due);
            let counted = moved.lines.iter().filter(|it| matches!(it.kind, DayKind::Counted(_))).count();
            proptest::prop_assert_eq!(counted, usize::from(days));
        }
    }
}
