//! Coarse numbers: rounding, cells, buckets, thresholds. Exact: the value is the shortest decimal of the 64-bit float that the
//! message means, steps and bounds are decimals, and the arithmetic between them has no rounding of its own.

use std::cmp::Ordering;

use super::{Coarse, Shown};
use crate::decimal::Decimal;
use crate::payload::Note;

/// The most steps or cells from zero.
pub(crate) const MAX_MULTIPLE: f64 = 1e13;

/// A number as a message means it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) float: f64,
    pub(crate) exact: Decimal,
}

impl Number {
    /// Reads a JSON number; `None` when no float holds it.
    pub(crate) fn read(raw: &str) -> Option<Self> {
        let float = raw.parse().ok().filter(|it: &f64| it.is_finite())?;
        let exact = Decimal::nearest(raw, float)?;
        Some(Self { float, exact })
    }

    /// Reads a number that was shown coarse before: it may have more digits than a float holds.
    pub(super) fn stored(raw: &str) -> Option<Self> {
        let number = Self::read(raw)?;
        let exact = Decimal::parse(raw).unwrap_or(number.exact);
        Some(Self { exact, ..number })
    }
}

/// A way to make numbers coarse.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scale {
    /// The nearest multiple of `unit`.
    Round {
        step: f64,
        unit: Decimal,
        accuracy: Decimal,
    },
    /// The middle of a cell; `half` of the cell is also the accuracy.
    Grid {
        cell: f64,
        unit: Decimal,
        half: Decimal,
    },
    /// The lower bounds, ascending.
    Bucket(Vec<Bucket>),
    /// Whether the value is at or above this.
    Threshold { bound: f64, exact: Decimal },
}

/// One bucket: from its lower bound up to the next one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bucket {
    lower: f64,
    shown: Decimal,
    /// `None` where no bound can be given.
    width: Option<Decimal>,
}

impl Scale {
    pub(super) fn round(step: f64) -> Option<Self> {
        let unit = Decimal::from_f64(step).filter(|_| step > 0.0)?;
        let accuracy = unit.half()?;
        Some(Self::Round {
            step,
            unit,
            accuracy,
        })
    }

    pub(super) fn grid(cell: f64) -> Option<Self> {
        let unit = Decimal::from_f64(cell).filter(|_| cell > 0.0)?;
        let half = unit.half()?;
        Some(Self::Grid { cell, unit, half })
    }

    pub(super) fn buckets(bounds: &[f64]) -> Option<Self> {
        if bounds.is_empty() || !bounds.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let uppers = bounds.iter().skip(1).map(Some).chain([None]);
        let bucket = |(lower, upper): (&f64, Option<&f64>)| {
            let shown = Decimal::from_f64(*lower)?;
            let width = upper.and_then(|it| Decimal::from_f64(*it)?.minus(shown));
            Some(Bucket {
                lower: *lower,
                shown,
                width,
            })
        };
        let buckets = bounds.iter().zip(uppers).map(bucket);
        buckets.collect::<Option<_>>().map(Self::Bucket)
    }

    pub(super) fn threshold(bound: f64) -> Option<Self> {
        let exact = Decimal::from_f64(bound)?;
        Some(Self::Threshold { bound, exact })
    }

    pub(super) fn can_express(&self, value: f64) -> bool {
        match self {
            Self::Round { step: unit, .. } | Self::Grid { cell: unit, .. } => {
                (value / unit).abs() <= MAX_MULTIPLE
            }
            Self::Bucket(buckets) => {
                value.is_finite() && buckets.first().is_some_and(|it| it.lower <= value)
            }
            Self::Threshold { .. } => value.is_finite(),
        }
    }

    /// Coarsens a number; `None` when it cannot be expressed.
    pub(super) fn apply(&self, value: Number) -> Option<Coarse> {
        if !self.can_express(value.float) {
            return None;
        }
        let (shown, accuracy) = match self {
            Self::Round { unit, accuracy, .. } => {
                let (below, half) = value.exact.steps(*unit)?;
                let is_up = match half {
                    Ordering::Less => false,
                    Ordering::Equal => !value.exact.is_negative(),
                    Ordering::Greater => true,
                };
                let multiple = below.checked_add(i64::from(is_up))?;
                (unit.times(multiple)?, Some(*accuracy))
            }
            Self::Grid { unit, half, .. } => {
                let (lower, _) = value.exact.steps(*unit)?;
                let halves = lower.checked_mul(2)?.checked_add(1)?;
                (half.times(halves)?, Some(*half))
            }
            Self::Bucket(buckets) => {
                let above = buckets.partition_point(|it| it.lower <= value.float);
                let bucket = buckets.get(above.checked_sub(1)?)?;
                (bucket.shown, bucket.width)
            }
            Self::Threshold { bound, exact } => {
                return Some(side(value.float >= *bound, *exact));
            }
        };
        Some(Coarse {
            shown: Shown::Number(shown),
            accuracy,
            note: Note::None,
        })
    }

    /// Coarsens a number that was coarse already and whose measured value is within `accuracy` of it; `None` when what
    /// would be shown could be wrong.
    pub(super) fn again(&self, value: Number, accuracy: Option<Decimal>) -> Option<Coarse> {
        let Self::Threshold { exact, .. } = self else {
            let coarse = self.apply(value)?;
            let accuracy = if coarse.shown == Shown::Number(value.exact) {
                accuracy
            } else {
                let both = accuracy.zip(coarse.accuracy);
                both.and_then(|(a, b)| a.plus(b))
            };
            return Some(Coarse { accuracy, ..coarse });
        };
        let accuracy = accuracy?;
        let least = value.exact.minus(accuracy)?;
        let most = value.exact.plus(accuracy)?;
        if least.compare(*exact)?.is_ge() {
            Some(side(true, *exact))
        } else if most.compare(*exact)?.is_lt() {
            Some(side(false, *exact))
        } else {
            None
        }
    }

    /// What a value that is known to be at or above `bound`, or below it, is here; `None` where that does not tell.
    pub(super) fn side_of(&self, is_above: bool, bound: Decimal) -> Option<Coarse> {
        let Self::Threshold { exact, .. } = self else {
            return None;
        };
        let tells = match bound.compare(*exact)? {
            Ordering::Equal => true,
            Ordering::Greater => is_above,
            Ordering::Less => !is_above,
        };
        tells.then(|| side(is_above, *exact))
    }

    /// Whether this may stand before `finer`: see [`Operator::may_precede`](super::Operator::may_precede).
    pub(super) fn may_precede(&self, finer: &Self) -> bool {
        match (self, finer) {
            (
                Self::Round { step: a, .. } | Self::Grid { cell: a, .. },
                Self::Round { step: b, .. } | Self::Grid { cell: b, .. },
            ) => a > b,
            (Self::Bucket(a), Self::Bucket(b)) => {
                let known = |it: &Bucket| b.iter().any(|other| other.lower == it.lower);
                a.len() < b.len() && a.iter().all(known)
            }
            // Two thresholds say different things; neither says less.
            (Self::Threshold { .. }, Self::Threshold { .. }) => false,
            _ => true,
        }
    }
}

fn side(is_above: bool, bound: Decimal) -> Coarse {
    Coarse {
        shown: Shown::Flag(is_above),
        accuracy: None,
        note: Note::Threshold(bound),
    }
}
