//! Coarsening operators: less precise values with an honest accuracy.
//!
//! | operator | shown | accuracy (the measured value is within ± this of what is shown) |
//! |---|---|---|
//! | round *s* | nearest multiple of *s*, halves away from zero | *s* / 2 |
//! | grid *s* | middle of the cell `[k·s, (k+1)·s)` | *s* / 2 |
//! | bucket *bounds* | lower bound of the bucket | width of the bucket; none for the last, which is open |
//! | presence | `true` | none |
//!
//! Every operator is idempotent and monotone. A value that *one* coarse level of a field cannot express (not finite, more than
//! [`MAX_MULTIPLE`] steps, below the first bucket) passes at *none* of them: otherwise a lower level could show what a higher one hides.

use model::Coarsening;

use crate::decimal::Decimal;

/// The most steps or cells from zero; up to here binary rounding cannot move a value to another multiple.
pub(crate) const MAX_MULTIPLE: f64 = 1e13;

/// A coarsening that is ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operator {
    /// The nearest multiple of `unit`.
    Round {
        step: f64,
        unit: Decimal,
        accuracy: Decimal,
    },
    /// The middle of a cell; `half` of the cell is also the accuracy.
    Grid { cell: f64, half: Decimal },
    /// The lower bounds, ascending.
    Bucket(Vec<Bucket>),
    /// Only that there was a value.
    Presence,
}

/// One bucket: from its lower bound up to the next one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bucket {
    lower: f64,
    shown: Decimal,
    /// `None` where no bound can be given.
    width: Option<Decimal>,
}

/// What is shown in place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coarse {
    /// `None` is `true`: there was a value.
    pub(crate) shown: Option<Decimal>,
    /// `None` where no bound can be given.
    pub(crate) accuracy: Option<Decimal>,
}

impl Coarse {
    /// There was a value, and nothing more.
    pub(crate) const PRESENCE: Self = Self {
        shown: None,
        accuracy: None,
    };
}

impl Operator {
    /// Prepares a coarsening; `None` when its numbers do not fit.
    pub(crate) fn prepare(coarsening: &Coarsening) -> Option<Self> {
        match coarsening {
            Coarsening::Round(step) if *step > 0.0 => {
                let unit = Decimal::from_f64(*step)?;
                Some(Self::Round {
                    step: *step,
                    unit,
                    accuracy: unit.half()?,
                })
            }
            Coarsening::Grid(cell) if *cell > 0.0 => Some(Self::Grid {
                cell: *cell,
                half: Decimal::from_f64(*cell)?.half()?,
            }),
            Coarsening::Bucket(bounds) => buckets(bounds).map(Self::Bucket),
            Coarsening::Presence => Some(Self::Presence),
            _ => None,
        }
    }

    /// Whether the operator reads the value as a number.
    pub(crate) fn needs_number(&self) -> bool {
        !matches!(self, Self::Presence)
    }

    /// Whether the value can be shown under this operator.
    pub(crate) fn can_express(&self, value: f64) -> bool {
        match self {
            Self::Round { step: unit, .. } | Self::Grid { cell: unit, .. } => {
                (value / unit).abs() <= MAX_MULTIPLE
            }
            Self::Bucket(buckets) => {
                value.is_finite() && buckets.first().is_some_and(|it| it.lower <= value)
            }
            Self::Presence => true,
        }
    }

    /// Coarsens a number; `None` when it cannot be expressed.
    pub(crate) fn apply(&self, value: f64) -> Option<Coarse> {
        if !self.can_express(value) {
            return None;
        }
        let (shown, accuracy) = match self {
            Self::Round {
                step,
                unit,
                accuracy,
            } => {
                let multiple = integer((value / step).round());
                (unit.times(multiple)?, Some(*accuracy))
            }
            Self::Grid { cell, half } => {
                let lower = integer((value / cell).floor());
                let halves = lower.checked_mul(2)?.checked_add(1)?;
                (half.times(halves)?, Some(*half))
            }
            Self::Bucket(buckets) => {
                let above = buckets.partition_point(|it| it.lower <= value);
                let bucket = buckets.get(above.checked_sub(1)?)?;
                (bucket.shown, bucket.width)
            }
            Self::Presence => return Some(Coarse::PRESENCE),
        };
        Some(Coarse {
            shown: Some(shown),
            accuracy,
        })
    }

    /// Whether this may stand before `finer` in a notice, where the coarsest stands first.
    /// Operators of different nature cannot be compared; there the notice is believed.
    pub(crate) fn may_precede(&self, finer: &Self) -> bool {
        match (self, finer) {
            (_, Self::Presence) => false,
            (
                Self::Round { step: a, .. } | Self::Grid { cell: a, .. },
                Self::Round { step: b, .. } | Self::Grid { cell: b, .. },
            ) => a > b,
            (Self::Bucket(a), Self::Bucket(b)) => {
                let known = |it: &Bucket| b.iter().any(|other| other.lower == it.lower);
                a.len() < b.len() && a.iter().all(known)
            }
            _ => true,
        }
    }
}

/// At most [`MAX_MULTIPLE`] and whole, so that the cast is exact.
fn integer(whole: f64) -> i64 {
    whole as i64
}

fn buckets(bounds: &[f64]) -> Option<Vec<Bucket>> {
    if bounds.is_empty() || !bounds.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let uppers = bounds.iter().skip(1).map(Some).chain([None]);
    bounds
        .iter()
        .zip(uppers)
        .map(|(lower, upper)| {
            let shown = Decimal::from_f64(*lower)?;
            let width = upper.and_then(|it| Decimal::from_f64(*it)?.minus(shown));
            Some(Bucket {
                lower: *lower,
                shown,
                width,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
