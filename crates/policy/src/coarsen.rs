//! Coarsening operators: less precise values with an honest accuracy.
//!
//! | operator | for | shown | accuracy (the measured value is within ± this of what is shown) |
//! |---|---|---|---|
//! | round *s* | numbers | nearest multiple of *s*, halves away from zero | *s* / 2 |
//! | grid *s* | numbers | middle of the cell `[k·s, (k+1)·s)` | *s* / 2 |
//! | bucket *bounds* | numbers | lower bound of the bucket | width of the bucket; none for the last, which is open |
//! | geohash *p* | numbers counted in `lat`, `lon` | middle of the cell, to six decimal places | half the cell, rounded up |
//! | geohash *p* | texts | the first *p* characters of a geohash | none |
//! | threshold *t* | numbers | `true` at or above *t*, else `false`; *t* stands under `@threshold` | none |
//! | category | texts | the label of the group | none |
//! | window | numbers | nothing of a message: see [`window`](mod@crate::window) | none |
//! | presence | anything | `true` | none |
//!
//! Every operator is idempotent, and those that show numbers are monotone. A value that *one* coarse level of a field cannot
//! express (not finite, more than [`number::MAX_MULTIPLE`] steps, below the first bucket, no geohash, in no group) passes at
//! *none* of them: otherwise a lower level could show what a higher one hides.
//!
//! # What was stored coarse and is coarsened again
//!
//! | stored | asked | shown |
//! |---|---|---|
//! | *v* ± *a* | round, grid, bucket, geohash | that of *v*; the accuracies add up, unless the value stays the same |
//! | *v* ± *a* | threshold *t* | `true` when *v* - *a* ≥ *t*, `false` when *v* + *a* < *t*, else it cannot be expressed |
//! | a side of *b* | threshold *t* | `true` when above *b* ≥ *t*, `false` when below *b* ≤ *t*, else it cannot be expressed |
//! | a side of *b* | anything else | as it was stored when the field has that threshold at or below the level asked, else not |
//! | a geohash's start | geohash *p* | its first *p* characters; as stored where it is shorter and the field has that level at or below |
//! | a label | category | that of its texts; as stored where it is of a coarser category of the field |
//! | presence | anything | as it was stored |
//! | an aggregate | its window or a finer level | as it was stored, at no other level |
//! | anything but an aggregate | presence | `true` |
//! | anything but an aggregate or presence | window | nothing |

use std::borrow::Cow;

use model::{Coarsening, Field, FieldKind, Level};

use crate::decimal::Decimal;
use crate::payload::{Mark, Note};
use crate::schema::CompileError;

mod category;
mod number;
mod place;

use category::Labels;
pub(crate) use number::Number;
use number::Scale;
use place::Cells;

/// A coarsening that is ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operator {
    /// Rounding, cells, buckets, a threshold.
    Scale(Scale),
    /// Cells of a coordinate.
    Cells(Cells),
    /// The first characters of a geohash.
    Geohash(u8),
    /// Groups of texts.
    Labels(Labels),
    /// A statistic over time; never applied to a message.
    Window(model::Window),
    /// Only that there was a value.
    Presence,
}

/// What is shown in place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coarse {
    pub(crate) shown: Shown,
    /// `None` where no bound can be given.
    pub(crate) accuracy: Option<Decimal>,
    pub(crate) note: Note,
}

/// A coarse value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// There was a value: `true`.
    Present,
    /// Whether something holds.
    Flag(bool),
    /// A number.
    Number(Decimal),
    /// A JSON text.
    Text(String),
}

impl Coarse {
    /// There was a value, and nothing more.
    pub(crate) const PRESENCE: Self = Self {
        shown: Shown::Present,
        accuracy: None,
        note: Note::None,
    };

    fn text(json: String) -> Self {
        Self {
            shown: Shown::Text(json),
            accuracy: None,
            note: Note::None,
        }
    }
}

/// Prepares the coarse levels of a field, coarsest first.
pub(crate) fn ladder(field: &Field) -> Result<Vec<Operator>, CompileError> {
    let mut operators: Vec<Operator> = Vec::with_capacity(field.coarse.len());
    for (number, coarsening) in (1..).zip(&field.coarse) {
        let pointer = || field.pointer.clone();
        let operator = Operator::prepare(coarsening, field, number - 1)
            .filter(|_| number <= usize::from(Level::MAX_COARSE))
            .ok_or_else(|| match coarsening {
                Coarsening::Category(_) if field.kind == FieldKind::Text => {
                    CompileError::Categories {
                        pointer: pointer(),
                        number,
                    }
                }
                _ => CompileError::Coarsening {
                    pointer: pointer(),
                    number,
                },
            })?;
        if !operators.iter().all(|it| it.may_precede(&operator)) {
            return Err(CompileError::CoarseOrder {
                pointer: pointer(),
                number,
            });
        }
        operators.push(operator);
    }
    Ok(operators)
}

impl Operator {
    /// Prepares a coarsening; `None` when its numbers do not fit, or the field's type does not.
    fn prepare(coarsening: &Coarsening, field: &Field, number: usize) -> Option<Self> {
        let unit = field.unit.as_deref();
        match (coarsening, field.kind) {
            (Coarsening::Presence, _) => Some(Self::Presence),
            (Coarsening::Round(step), FieldKind::Number) => Scale::round(*step).map(Self::Scale),
            (Coarsening::Grid(cell), FieldKind::Number) => Scale::grid(*cell).map(Self::Scale),
            (Coarsening::Bucket(bounds), FieldKind::Number) => {
                Scale::buckets(bounds).map(Self::Scale)
            }
            (Coarsening::Threshold(bound), FieldKind::Number) => {
                Scale::threshold(*bound).map(Self::Scale)
            }
            (Coarsening::Geohash(characters), FieldKind::Number) => {
                Cells::new(*characters, unit).map(Self::Cells)
            }
            (Coarsening::Geohash(characters), FieldKind::Text) => {
                place::checked(*characters).map(Self::Geohash)
            }
            (Coarsening::Category(category), FieldKind::Text) => {
                Labels::prepare(category, field, number).map(Self::Labels)
            }
            // Whose window a value at any position of a list would belong to, a notice cannot say.
            (Coarsening::Window(window), FieldKind::Number) if !field.pointer.has_wildcard() => {
                let lengths = model::Window::MIN_SECONDS..=model::Window::MAX_SECONDS;
                let fits = lengths.contains(&window.seconds) && window.least > 0;
                fits.then_some(Self::Window(*window))
            }
            _ => None,
        }
    }

    /// Whether it shows nothing of the value.
    pub(crate) fn is_presence(&self) -> bool {
        matches!(self, Self::Presence)
    }

    /// The window, where it is one.
    pub(crate) fn window(&self) -> Option<&model::Window> {
        match self {
            Self::Window(window) => Some(window),
            _ => None,
        }
    }

    /// Whether a number that came can be shown under this operator.
    fn can_express(&self, value: f64) -> bool {
        match self {
            Self::Scale(scale) => scale.can_express(value),
            Self::Cells(cells) => cells.can_express(value),
            Self::Window(_) => crate::window::can_take(value),
            Self::Presence => true,
            Self::Geohash(_) | Self::Labels(_) => false,
        }
    }

    /// Whether this may stand before `finer` in a notice, where the coarsest stands first.
    /// Operators of different nature cannot be compared; there the notice is believed.
    pub(crate) fn may_precede(&self, finer: &Self) -> bool {
        match (self, finer) {
            (_, Self::Presence) => false,
            (Self::Scale(a), Self::Scale(b)) => a.may_precede(b),
            (Self::Cells(a), Self::Cells(b)) => a.characters() < b.characters(),
            (Self::Geohash(a), Self::Geohash(b)) => a < b,
            (Self::Labels(a), Self::Labels(b)) => a.may_precede(b),
            (Self::Window(a), Self::Window(b)) if a.of == b.of => {
                a.seconds > b.seconds || (a.seconds == b.seconds && a.least > b.least)
            }
            _ => true,
        }
    }

    /// Coarsens a value as it came; `None` when it cannot be expressed.
    fn apply(&self, raw: &str) -> Option<Coarse> {
        match self {
            Self::Scale(scale) => scale.apply(Number::read(raw)?),
            Self::Cells(cells) => cells.apply(Number::read(raw)?),
            Self::Geohash(characters) => place::prefix(&text(raw)?, *characters),
            Self::Labels(labels) => labels.apply(&text(raw)?),
            Self::Window(_) => None,
            Self::Presence => Some(Coarse::PRESENCE),
        }
    }
}

/// The coarse levels of one field.
#[derive(Clone, Copy)]
pub(crate) struct Ladder<'a>(pub(crate) &'a [Operator]);

impl<'a> Ladder<'a> {
    /// Whether every coarse level can show a value; `mark` is set where it was coarse when it was stored.
    pub(crate) fn can_show(self, raw: &str, mark: Option<&Mark>) -> bool {
        let Some(mark) = mark else {
            return match raw.as_bytes().first() {
                Some(b'"') => self.can_show_text(raw),
                Some(b't' | b'f') => self.0.iter().all(Operator::is_presence),
                _ => {
                    let value = raw.parse::<f64>();
                    value.is_ok_and(|it| self.0.iter().all(|op| op.can_express(it)))
                }
            };
        };
        if matches!(mark.note, Note::Window(_)) {
            return true;
        }
        let numbered = (1..).zip(self.0);
        let mut applied = numbered.filter(|it| it.1.window().is_none());
        applied.all(|it| self.again(it.0, raw, mark).is_some())
    }

    fn can_show_text(self, raw: &str) -> bool {
        self.0.iter().all(|it| it.apply(raw).is_some())
    }

    /// A value as it came, at a coarse level (counted from 1).
    pub(crate) fn first(self, number: usize, raw: &str) -> Option<Coarse> {
        self.operator(number)?.apply(raw)
    }

    /// A value that was coarse when it was stored, at a coarse level (counted from 1).
    pub(crate) fn again(self, number: usize, raw: &str, mark: &Mark) -> Option<Coarse> {
        let operator = self.operator(number)?;
        match &mark.note {
            Note::Window(of) => {
                let own = |it: &Operator| it.window().is_some_and(|it| of.is_of(it));
                self.has(number, own).then(|| as_stored(raw, mark))?
            }
            _ if operator.is_presence() || is_presence(raw, mark) => Some(Coarse::PRESENCE),
            Note::Threshold(bound) => {
                let own = |it: &Operator| matches!(it, Operator::Scale(Scale::Threshold { exact, .. }) if exact == bound);
                let side = match operator {
                    Operator::Scale(scale) => scale.side_of(raw == "true", *bound),
                    _ => None,
                };
                side.or_else(|| self.has(number, own).then(|| as_stored(raw, mark))?)
            }
            Note::None => match operator {
                Operator::Scale(scale) => scale.again(Number::stored(raw)?, mark.accuracy),
                Operator::Cells(cells) => cells.again(Number::stored(raw)?, mark.accuracy),
                Operator::Labels(labels) => labels.again(&text(raw)?),
                Operator::Geohash(characters) => self.shorter(number, raw, mark, *characters),
                Operator::Window(_) | Operator::Presence => None,
            },
        }
    }

    /// The start of a geohash, made shorter, or as it was stored.
    fn shorter(self, number: usize, raw: &str, mark: &Mark, characters: u8) -> Option<Coarse> {
        let text = text(raw)?;
        let coarser =
            |it: &Operator| matches!(it, Operator::Geohash(own) if usize::from(*own) == text.len());
        place::prefix(&text, characters).or_else(|| {
            let known = place::is_geohash(&text) && self.has(number, coarser);
            known.then(|| as_stored(raw, mark))?
        })
    }

    fn operator(self, number: usize) -> Option<&'a Operator> {
        self.0.get(number.checked_sub(1)?)
    }

    /// Whether a level up to this one has such an operator.
    fn has(self, number: usize, wanted: impl Fn(&Operator) -> bool) -> bool {
        self.0.iter().take(number).any(wanted)
    }
}

/// Whether nothing but the presence of a value was stored.
fn is_presence(raw: &str, mark: &Mark) -> bool {
    raw == "true" && mark.note == Note::None && mark.accuracy.is_none()
}

/// A stored value that was coarse, shown as it was stored.
pub(crate) fn as_stored(raw: &str, mark: &Mark) -> Option<Coarse> {
    let shown = match raw {
        "true" if mark.note == Note::None => return Some(Coarse::PRESENCE),
        "true" => Shown::Flag(true),
        "false" => Shown::Flag(false),
        _ if raw.starts_with('"') => Shown::Text(raw.to_owned()),
        _ => Shown::Number(Decimal::parse(raw)?),
    };
    Some(Coarse {
        shown,
        accuracy: mark.accuracy,
        note: mark.note,
    })
}

/// A JSON string without quotes and escapes.
fn text(raw: &str) -> Option<Cow<'_, str>> {
    let plain = raw.strip_prefix('"')?.strip_suffix('"')?;
    if plain.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(plain))
    }
}

#[cfg(test)]
mod tests;
