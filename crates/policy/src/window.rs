//! Time windows: many values become one, and only once the window is over.
//!
//! A raw value never passes at a level whose operator is a window: [`decide`](crate::decide()) leaves it out, live and stored.
//! Whoever keeps state feeds it to an [`Accumulator`]: one for each thing, lane or retention class, and field, and only the
//! values that were allowed there at that level when they came. Once the window is over, [`Accumulator::close`] gives what is
//! shown, and [`aggregate`] makes a message of it that goes through `decide` like any other.
//!
//! # Which window
//! Windows tumble and are aligned to the epoch (UTC): a value belongs to the window in which its message *came in*.
//! What came in before the window began (the clock was set back) is *late*: it is left out and counted.
//! Missing data is not invented: a window with fewer than `least` values shows nothing, and the mark says how many it holds.
//! (The mean of one value is that value, which is why `least` is 2 unless the notice says otherwise.)
//!
//! # How it is counted
//! Exactly, in whole units of 10⁻¹²: a value with more decimal places is rounded to twelve when it is added; one of 10¹⁵ and
//! more cannot be expressed at any coarse level of the field. The sum is a 128-bit integer, so the order of the values does not
//! matter and nothing is lost. The mean is rounded half away from zero to two decimal places more than the most precise value
//! has (at most twelve); the other statistics are exact. No accuracy is given: the mark says what was aggregated instead.
//!
//! # Format of a saved accumulator, version 1
//! Integers are big-endian; 92 bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version: 1 |
//! | 1 | statistic: 0 mean, 1 min, 2 max, 3 count, 4 last |
//! | 4 | length of the window in seconds |
//! | 4 | fewest values for which something is shown |
//! | 8 | begin of the window, in milliseconds since the epoch |
//! | 4 | how many values |
//! | 4 | how many were late |
//! | 1 | most decimal places of a value |
//! | 1 | whether values may be missing: 0 or 1 |
//! | 16 | sum |
//! | 16 | least value |
//! | 16 | greatest value |
//! | 16 | last value: of these four, only what the statistic needs is set, the others are 0 |
//!
//! Only what the statistic needs is held: a maximum does not keep a sum.

use std::sync::Arc;

use model::{Statistic, Timestamp, Window};

use crate::decimal::{Decimal, divided};
use crate::field_set::FieldIndex;
use crate::payload::{Mark, Note, Payload};
use crate::schema::Schema;

/// Values are counted in units of this many decimal places.
const PLACES: u8 = 12;
/// Decimal places that a mean has beyond its most precise value.
const MEAN_PLACES: u8 = 2;
/// Values below this can be added.
const MAX_VALUE: f64 = 1e15;
/// The version of the saved form.
const VERSION: u8 = 1;
/// The length of the saved form, in bytes.
pub const SAVED_BYTES: usize = 92;

/// What a window shows, said of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowMark {
    /// When the window began.
    pub from: Timestamp,
    /// When it was over: the first moment that is not in it.
    pub until: Timestamp,
    /// What is shown of the values.
    pub of: Statistic,
    /// Of how many values.
    pub count: u32,
    /// Values may be missing: the platform stopped without warning during the window.
    pub incomplete: bool,
}

impl WindowMark {
    /// Whether this is of a window such as the notice declares.
    pub(crate) fn is_of(&self, window: &Window) -> bool {
        let length = self.until.as_millis().checked_sub(self.from.as_millis());
        self.of == window.of
            && length == Some(i64::from(window.seconds) * 1000)
            && self.count >= window.least
    }
}

/// What became of a value that was given to an accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It counts.
    Counted,
    /// It came before the window began; it was counted as late and left out.
    Late,
    /// It came after the window: close this one and begin another.
    Over,
    /// It cannot be added: not a number, or too great. It was left out.
    Unfit,
}

/// One window of one field, while it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accumulator {
    window: Window,
    from: i64,
    count: u32,
    late: u32,
    places: u8,
    incomplete: bool,
    sum: i128,
    least: i128,
    greatest: i128,
    last: i128,
}

/// What a window that is over shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// A JSON number.
    pub value: String,
    /// What it is.
    pub mark: WindowMark,
}

/// Whether a value can be added to a window.
pub(crate) fn can_take(value: f64) -> bool {
    value.abs() < MAX_VALUE
}

impl Accumulator {
    /// Begins the window that holds this moment.
    #[must_use]
    pub fn begin(window: Window, at: Timestamp) -> Self {
        let length = i64::from(window.seconds.max(1)) * 1000;
        let at = at.as_millis();
        Self {
            window,
            from: at - at.rem_euclid(length),
            count: 0,
            late: 0,
            places: 0,
            incomplete: false,
            sum: 0,
            least: 0,
            greatest: 0,
            last: 0,
        }
    }

    /// What it accumulates for.
    #[must_use]
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// When the window began.
    #[must_use]
    pub fn from(&self) -> Timestamp {
        Timestamp::from_millis(self.from)
    }

    /// The first moment that is not in the window.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.from()
            .plus_millis(i64::from(self.window.seconds.max(1)) * 1000)
    }

    /// Whether the window is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until()
    }

    /// How many values count.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many values came before the window began.
    #[must_use]
    pub fn late(&self) -> u32 {
        self.late
    }

    /// Says that values may be missing.
    pub fn mark_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Adds a value, given as a JSON number, that came in at this moment.
    pub fn add(&mut self, raw: &str, at: Timestamp) -> Added {
        if at < self.from() {
            self.late = self.late.saturating_add(1);
            return Added::Late;
        }
        if self.is_over(at) {
            return Added::Over;
        }
        let (Some((value, places)), Some(count)) = (units(raw), self.count.checked_add(1)) else {
            return Added::Unfit;
        };
        let is_first = self.count == 0;
        match self.window.of {
            Statistic::Mean => match self.sum.checked_add(value) {
                Some(sum) => self.sum = sum,
                None => return Added::Unfit,
            },
            Statistic::Min if is_first => self.least = value,
            Statistic::Min => self.least = self.least.min(value),
            Statistic::Max if is_first => self.greatest = value,
            Statistic::Max => self.greatest = self.greatest.max(value),
            Statistic::Last => self.last = value,
            Statistic::Count => {}
        }
        self.count = count;
        self.places = self.places.max(places);
        Added::Counted
    }

    /// What the window shows; `None` while it holds fewer values than the notice asks for.
    #[must_use]
    pub fn close(&self) -> Option<Closed> {
        if self.count == 0 || self.count < self.window.least {
            return None;
        }
        let value = match self.window.of {
            Statistic::Mean => self.mean()?,
            Statistic::Min => Decimal::of_units(self.least, PLACES),
            Statistic::Max => Decimal::of_units(self.greatest, PLACES),
            Statistic::Last => Decimal::of_units(self.last, PLACES),
            Statistic::Count => Decimal::of_units(i128::from(self.count), 0),
        };
        Some(Closed {
            value: value.to_string(),
            mark: WindowMark {
                from: self.from(),
                until: self.until(),
                of: self.window.of,
                count: self.count,
                incomplete: self.incomplete,
            },
        })
    }

    fn mean(&self) -> Option<Decimal> {
        let places = self.places.saturating_add(MEAN_PLACES).min(PLACES);
        let cut = 10_i128.checked_pow(u32::from(PLACES - places))?;
        let divisor = i128::from(self.count).checked_mul(cut)?;
        Some(Decimal::of_units(divided(self.sum, divisor)?, places))
    }

    /// Appends the saved form.
    pub fn save(&self, out: &mut Vec<u8>) {
        out.extend([VERSION, number_of(self.window.of)]);
        out.extend(self.window.seconds.to_be_bytes());
        out.extend(self.window.least.to_be_bytes());
        out.extend(self.from.to_be_bytes());
        out.extend(self.count.to_be_bytes());
        out.extend(self.late.to_be_bytes());
        out.extend([self.places, u8::from(self.incomplete)]);
        for value in [self.sum, self.least, self.greatest, self.last] {
            out.extend(value.to_be_bytes());
        }
    }

    /// Reads the saved form; `None` when it is not one of this version.
    #[must_use]
    pub fn restore(saved: &[u8]) -> Option<Self> {
        let mut rest = saved;
        let [VERSION, of] = take(&mut rest)? else {
            return None;
        };
        let restored = Self {
            window: Window {
                of: *Statistic::ALL.get(usize::from(of))?,
                seconds: u32::from_be_bytes(take(&mut rest)?),
                least: u32::from_be_bytes(take(&mut rest)?),
            },
            from: i64::from_be_bytes(take(&mut rest)?),
            count: u32::from_be_bytes(take(&mut rest)?),
            late: u32::from_be_bytes(take(&mut rest)?),
            places: u8::from_be_bytes(take(&mut rest)?),
            incomplete: take(&mut rest)? != [0],
            sum: i128::from_be_bytes(take(&mut rest)?),
            least: i128::from_be_bytes(take(&mut rest)?),
            greatest: i128::from_be_bytes(take(&mut rest)?),
            last: i128::from_be_bytes(take(&mut rest)?),
        };
        rest.is_empty().then_some(restored)
    }
}

/// A message made by the platform of what windows show: each value with its mark. `None` where none of the fields is one of
/// the schema, or there is nothing.
#[must_use]
pub fn aggregate(schema: &Arc<Schema>, closed: &[(FieldIndex, Closed)]) -> Option<Payload> {
    let values = closed.iter().map(|it| (it.0, it.1.value.as_str()));
    let marks = closed.iter().map(|(field, closed)| Mark {
        field: *field,
        accuracy: None,
        note: Note::Window(closed.mark),
    });
    Payload::made(schema, values, marks.collect())
}

/// A JSON number in units, and how many decimal places it has.
fn units(raw: &str) -> Option<(i128, u8)> {
    let float: f64 = raw.parse().ok()?;
    let exact = Decimal::nearest(raw, float).filter(|_| can_take(float))?;
    let (units, places) = exact.to_units(PLACES)?;
    Some((units, places.min(PLACES)))
}

fn number_of(of: Statistic) -> u8 {
    match of {
        Statistic::Mean => 0,
        Statistic::Min => 1,
        Statistic::Max => 2,
        Statistic::Count => 3,
        Statistic::Last => 4,
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests;
