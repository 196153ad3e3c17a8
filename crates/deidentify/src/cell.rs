//! Values that get coarse.
//!
//! A cell holds what the finest step of its column tells and nothing more, so what waits in the pool is as coarse as the most exact
//! result can be. What a coarser step shows follows from the cell: [`shown`].
//!
//! | column | cell | shown |
//! |---|---|---|
//! | time | the first hour of what the step tells apart, counted from 1970-01-01T00 | `2026-11-24T08`, `2026-11-24`, `2026-11`, `08`, `06-12`, `1` (Monday) to `7` |
//! | number in stretches of *s* | *n*, for `[n·s, (n+1)·s)` | *n·s* |
//! | number in buckets | the number of the bucket | its lower bound |
//! | place | the first characters of its geohash | the same, or fewer |
//! | word | itself, of at most [`MAX_WORD_CHARS`] characters without a control character | itself |
//!
//! What a column cannot express is absent and shown as nothing; a step at which a column vanishes shows `*`.

use crate::calendar;
use crate::plan::{Column, Ladder, MILLION, TimeStep};

/// The longest word.
pub const MAX_WORD_CHARS: usize = 64;
/// What a column that has vanished shows.
pub const VANISHED: &str = "*";
/// Numbers from here on, in either direction, are not expressed.
const MOST: f64 = 1e12;
const HOUR_MILLIS: i64 = 3_600_000;
/// 1970-01-05, a Monday.
const FIRST_MONDAY: i64 = 4;

/// A value before it gets coarse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Raw<'a> {
    /// There is none.
    Nothing,
    /// A moment, in milliseconds since 1970-01-01T00:00Z.
    Moment(i64),
    /// A number.
    Number(f64),
    /// A place in degrees, latitude first.
    Place(f64, f64),
    /// A word.
    Word(&'a str),
}

/// A coarse value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// There is none.
    Absent,
    /// Of a time or a number.
    Index(i64),
    /// Of a place or a word.
    Text(String),
}

/// What a column keeps of a value.
#[must_use]
pub fn coarse(column: &Column, raw: Raw<'_>, utc_offset_minutes: i32) -> Cell {
    let cell = match (&column.ladder, raw) {
        (Ladder::Time(steps), Raw::Moment(millis)) => {
            let local = millis.saturating_add(i64::from(utc_offset_minutes) * 60_000);
            let hour = local.div_euclid(HOUR_MILLIS);
            steps.first().map(|it| Cell::Index(first_hour(*it, hour)))
        }
        (Ladder::Number(steps), Raw::Number(value)) => {
            let stretch = |step: &i64| millionths(value).map(|it| it.div_euclid(*step));
            steps.first().and_then(stretch).map(Cell::Index)
        }
        (Ladder::Buckets(bounds), Raw::Number(value)) => millionths(value).and_then(|value| {
            let below = bounds.iter().take_while(|it| **it <= value).count();
            let bucket = below.checked_sub(1)?;
            i64::try_from(bucket).ok().map(Cell::Index)
        }),
        (Ladder::Place(steps), Raw::Place(lat, lon)) => {
            let hash = |length: &u8| geohash(lat, lon, *length);
            steps.first().and_then(hash).map(Cell::Text)
        }
        (Ladder::Word, Raw::Word(word)) => {
            let fits = word.chars().take(MAX_WORD_CHARS + 1).count() <= MAX_WORD_CHARS;
            let is_plain = !word.is_empty() && !word.chars().any(char::is_control);
            (fits && is_plain).then(|| Cell::Text(word.to_owned()))
        }
        _ => None,
    };
    cell.unwrap_or(Cell::Absent)
}

/// What a column shows of a cell at a step; a column that has fewer steps stays at its last.
#[must_use]
pub fn shown(column: &Column, step: usize, cell: &Cell) -> String {
    if column.may_vanish && step >= column.ladder.steps() {
        return VANISHED.to_owned();
    }
    let step = step.min(column.ladder.steps().saturating_sub(1));
    let text = match (&column.ladder, cell) {
        (Ladder::Time(steps), Cell::Index(hour)) => {
            steps.get(step).map(|it| time(*it, first_hour(*it, *hour)))
        }
        (Ladder::Number(steps), Cell::Index(index)) => match (steps.first(), steps.get(step)) {
            (Some(finest), Some(width)) => {
                let wide = index.div_euclid(width.checked_div(*finest).unwrap_or(1).max(1));
                Some(decimal(wide.saturating_mul(*width)))
            }
            _ => None,
        },
        (Ladder::Buckets(bounds), Cell::Index(index)) => {
            let bound = usize::try_from(*index).ok().and_then(|it| bounds.get(it));
            bound.map(|it| decimal(*it))
        }
        (Ladder::Place(steps), Cell::Text(hash)) => {
            let length = steps.get(step).map_or(0, |it| usize::from(*it));
            Some(hash.chars().take(length).collect())
        }
        (Ladder::Word, Cell::Text(word)) => Some(word.clone()),
        _ => None,
    };
    text.unwrap_or_default()
}

/// The first hour of all that a step does not tell apart from this one.
fn first_hour(step: TimeStep, hour: i64) -> i64 {
    let (day, of_day) = (hour.div_euclid(24), hour.rem_euclid(24));
    match step {
        TimeStep::Hour => hour,
        TimeStep::Day => day * 24,
        TimeStep::Month => (day - (calendar::date(day).2 - 1)) * 24,
        TimeStep::HourOfDay => of_day,
        TimeStep::PartOfDay => of_day / 6 * 6,
        TimeStep::Weekday => (FIRST_MONDAY + (day - FIRST_MONDAY).rem_euclid(7)) * 24,
    }
}

fn time(step: TimeStep, hour: i64) -> String {
    let (day, of_day) = (hour.div_euclid(24), hour.rem_euclid(24));
    let (year, month, of_month) = calendar::date(day);
    match step {
        TimeStep::Hour => format!("{year:04}-{month:02}-{of_month:02}T{of_day:02}"),
        TimeStep::Day => format!("{year:04}-{month:02}-{of_month:02}"),
        TimeStep::Month => format!("{year:04}-{month:02}"),
        TimeStep::HourOfDay => format!("{of_day:02}"),
        TimeStep::PartOfDay => format!("{of_day:02}-{:02}", of_day + 6),
        TimeStep::Weekday => (day - FIRST_MONDAY + 1).to_string(),
    }
}

/// A number in millionths, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is finite and below 10^18 in either direction"
)]
fn millionths(value: f64) -> Option<i64> {
    // Half a billionth keeps 0.3 from lying below 0.3 for the way in which it is stored.
    (value.is_finite() && value.abs() < MOST).then(|| (value * 1e6 + 5e-4).floor() as i64)
}

/// Millionths as a decimal number without an end of zeros.
#[must_use]
pub fn decimal(millionths: i64) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, part) = (
        millionths.unsigned_abs() / MILLION.unsigned_abs(),
        millionths.unsigned_abs() % MILLION.unsigned_abs(),
    );
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let part = format!("{part:06}");
    format!("{sign}{whole}.{}", part.trim_end_matches('0'))
}

/// The geohash of a place: its base-32 digits take turns in halving longitude and latitude.
fn geohash(lat: f64, lon: f64, length: u8) -> Option<String> {
    const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
        return None;
    }
    let (mut lats, mut lons) = ((-90.0, 90.0), (-180.0, 180.0));
    let mut is_lon = true;
    let mut hash = String::new();
    for _ in 0..length {
        let mut digit = 0_usize;
        for _ in 0..5 {
            let (value, range) = if is_lon {
                (lon, &mut lons)
            } else {
                (lat, &mut lats)
            };
            let middle: f64 = f64::midpoint(range.0, range.1);
            let is_upper = value >= middle;
            if is_upper {
                range.0 = middle;
            } else {
                range.1 = middle;
            }
            digit = digit * 2 + usize::from(is_upper);
            is_lon = !is_lon;
        }
        hash.push(char::from(*DIGITS.get(digit)?));
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::Role;

    fn column(ladder: Ladder) -> Column {
        Column {
            name: "c".to_owned(),
            role: Role::Shared,
            ladder,
            may_vanish: true,
        }
    }

    #[track_caller]
    fn check(ladder: Ladder, raw: Raw<'_>, expected: &[&str]) {
        let column = column(ladder);
        let cell = coarse(&column, raw, 300);
        let found: Vec<_> = (0..column.steps())
            .map(|it| shown(&column, it, &cell))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn times_are_of_the_data_set_s_own_zone() {
        use TimeStep::{Day, Hour, HourOfDay, Month, PartOfDay, Weekday};
        // 2026-11-23T20:30:00Z, a Monday; five hours later it is Tuesday.
        let moment = Raw::Moment(1_795_465_800_000);
        let time = |steps: &[TimeStep]| Ladder::Time(steps.to_vec());
        check(
            time(&[Hour, Day, Month]),
            moment,
            &["2026-11-24T01", "2026-11-24", "2026-11", "*"],
        );
        check(
            time(&[Hour, HourOfDay, PartOfDay]),
            moment,
            &["2026-11-24T01", "01", "00-06", "*"],
        );
        check(time(&[Day, Weekday]), moment, &["2026-11-24", "2", "*"]);
        check(time(&[Weekday]), Raw::Moment(0), &["4", "*"]);
        check(
            time(&[Day]),
            Raw::Moment(-1_000_000_000_000),
            &["1938-04-25", "*"],
        );
    }

    #[test]
    fn numbers_show_the_lower_end() {
        let number = || Ladder::Number(vec![MILLION / 2, 5 * MILLION]);
        check(number(), Raw::Number(7.4), &["7", "5", "*"]);
        check(number(), Raw::Number(-0.1), &["-0.5", "-5", "*"]);
        check(number(), Raw::Number(f64::NAN), &["", "", "*"]);
        check(number(), Raw::Number(1e13), &["", "", "*"]);
        check(number(), Raw::Word("7"), &["", "", "*"]);
        check(
            Ladder::Number(vec![MILLION / 10]),
            Raw::Number(0.3),
            &["0.3", "*"],
        );
        let buckets = || Ladder::Buckets(vec![0, 100 * MILLION, 500 * MILLION]);
        check(buckets(), Raw::Number(99.9), &["0", "*"]);
        check(buckets(), Raw::Number(100.0), &["100", "*"]);
        check(buckets(), Raw::Number(9e9), &["500", "*"]);
        check(buckets(), Raw::Number(-1.0), &["", "*"]);
    }

    #[test]
    fn places_are_geohashes() {
        // The example that the inventor's page gives: 57.64911, 10.40744 is `u4pruydqqvj`.
        let place = || Ladder::Place(vec![6, 5, 3]);
        check(
            place(),
            Raw::Place(57.64911, 10.40744),
            &["u4pruy", "u4pru", "u4p", "*"],
        );
        check(place(), Raw::Place(91.0, 0.0), &["", "", "", "*"]);
    }

    #[test]
    fn long_words_and_control_characters_are_absent() {
        check(
            Ladder::Word,
            Raw::Word("051 - ATALAIA"),
            &["051 - ATALAIA", "*"],
        );
        check(Ladder::Word, Raw::Word("a\nb"), &["", "*"]);
        check(Ladder::Word, Raw::Word(&"a".repeat(65)), &["", "*"]);
    }

    fn ladder() -> impl Strategy<Value = Ladder> {
        use TimeStep::{Day, Hour, HourOfDay, Month, PartOfDay, Weekday};
        prop_oneof![
            Just(Ladder::Time(vec![Hour, Day, Month])),
            Just(Ladder::Time(vec![Hour, HourOfDay, PartOfDay])),
            Just(Ladder::Time(vec![Day, Weekday])),
            Just(Ladder::Number(vec![MILLION / 4, MILLION, 10 * MILLION])),
            Just(Ladder::Place(vec![6, 4, 2])),
        ]
    }

    proptest! {
        /// Whatever a step cannot tell apart, no coarser step can.
        #[test]
        fn a_coarser_step_tells_no_more(
            ladder in ladder(), a in -1e9_f64..1e9, b in -1e9_f64..1e9, near in any::<bool>(),
        ) {
            let column = column(ladder);
            let b = if near { a + b / 1e9 } else { b };
            let raw = |it: f64| match column.ladder {
                Ladder::Time(_) => Raw::Moment((it * 1e4) as i64),
                Ladder::Place(_) => Raw::Place(it.rem_euclid(180.0) - 90.0, it.rem_euclid(360.0) - 180.0),
                _ => Raw::Number(it),
            };
            let (a, b) = (coarse(&column, raw(a), 0), coarse(&column, raw(b), 0));
            for step in 1..column.steps() {
                if shown(&column, step - 1, &a) == shown(&column, step - 1, &b) {
                    prop_assert_eq!(shown(&column, step, &a), shown(&column, step, &b));
                }
            }
        }

        #[test]
        fn a_shown_number_is_no_more_than_a_step_below(value in -1e6_f64..1e6) {
            let column = column(Ladder::Number(vec![MILLION / 4, 2 * MILLION]));
            let cell = coarse(&column, Raw::Number(value), 0);
            for (step, width) in [(0, 0.25), (1, 2.0)] {
                let low: f64 = shown(&column, step, &cell).parse().unwrap();
                prop_assert!(low <= value + 1e-6 && value < low + width + 1e-6, "{low} {value}");
            }
        }
    }
}
