//! One value of a message: as it came, coarse with its accuracy, or under a pseudonym.

use model::Level;

use super::Writer;
use crate::coarsen::Coarse;
use crate::decimal::Decimal;
use crate::field_set::FieldIndex;
use crate::payload::Mark;
use crate::schema::json_string;

impl Writer<'_> {
    /// Writes what stands at a leaf; `raw` is one of its values.
    pub(super) fn leaf(&mut self, index: FieldIndex, raw: &str) {
        let level = self.outcome.level(index);
        let mark = self.payload.mark(index);
        if level == Level::ON && mark.is_none() {
            if Some(index) == self.schema.subject_field() {
                return self.subject(index);
            }
            return self.push(raw);
        }
        let coarse = match self.coarsen(index, level, raw) {
            Some(coarse) => Some(combine(coarse, mark, raw)),
            // Not coarsened now, but it was before it was stored.
            None if level == Level::ON => mark.and_then(|it| stored(it, raw)),
            None => None,
        };
        match coarse {
            Some(coarse) => {
                self.decimal(coarse.shown, "true");
                self.mark(Mark {
                    field: index,
                    accuracy: coarse.accuracy,
                });
            }
            // `decide` lets pass only what can be coarsened; should that ever be wrong, nothing passes.
            None => self.push("null"),
        }
    }

    fn subject(&mut self, index: FieldIndex) {
        let token = self.payload.text(index);
        match (self.pseudonym, token) {
            (Some(pseudonym), Some(token)) => self.push(&json_string(&pseudonym(&token))),
            _ => self.push("null"),
        }
    }

    fn coarsen(&self, index: FieldIndex, level: Level, raw: &str) -> Option<Coarse> {
        let operator = self.schema.field(index)?.operator(level)?;
        if !operator.needs_number() || raw == "true" {
            return Some(Coarse::PRESENCE);
        }
        operator.apply(raw.parse().ok()?)
    }
}

/// The accuracy of a value that was coarse before and is coarsened again: both errors add up, unless nothing changed.
fn combine(coarse: Coarse, mark: Option<Mark>, raw: &str) -> Coarse {
    let Some(mark) = mark else {
        return coarse;
    };
    let accuracy = if coarse.shown.is_some() && coarse.shown == Decimal::parse(raw) {
        mark.accuracy
    } else {
        let both = mark.accuracy.zip(coarse.accuracy);
        both.and_then(|(a, b)| a.plus(b))
    };
    Coarse { accuracy, ..coarse }
}

/// A stored value that was coarse, shown as it was stored.
fn stored(mark: Mark, raw: &str) -> Option<Coarse> {
    if raw == "true" {
        return Some(Coarse::PRESENCE);
    }
    Some(Coarse {
        shown: Some(Decimal::parse(raw)?),
        accuracy: mark.accuracy,
    })
}
