//! What stands beside the values of a stored message: how coarse they are, and what must be known to understand them.
//!
//! | member | from pointer to |
//! |---|---|
//! | `@coarse` | the accuracy, or null where no bound can be given |
//! | `@threshold` | the bound: the value says whether the measured one was at or above it |
//! | `@model` | `{"id": model, "version": version}`: the value was not measured, a model worked it out |
//! | `@window` | `{"from": time, "until": time, "of": statistic, "count": number}`, and `"incomplete": true` where values may be missing |

use std::collections::BTreeMap;

use model::{FieldKind, Statistic, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decimal::Decimal;
use crate::field_set::FieldSet;
use crate::payload::{Made, Mark, Note};
use crate::schema::Schema;
use crate::window::WindowMark;

/// The member that marks coarse values.
pub(crate) const COARSE_KEY: &str = "@coarse";
/// The member that names the bound of a threshold.
pub(crate) const THRESHOLD_KEY: &str = "@threshold";
/// The member that says what a value was made of.
pub(crate) const WINDOW_KEY: &str = "@window";
/// The member that says which model worked a value out.
pub(crate) const MODEL_KEY: &str = "@model";
/// The platform's own members beside the values of a stored message.
pub(crate) const KEYS: [&str; 4] = [COARSE_KEY, THRESHOLD_KEY, WINDOW_KEY, MODEL_KEY];

/// A stored message, seen from outside.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "@coarse", borrow)]
    coarse: Option<BTreeMap<String, Option<&'a RawValue>>>,
    #[serde(rename = "@threshold", borrow)]
    threshold: Option<BTreeMap<String, &'a RawValue>>,
    #[serde(rename = "@window", borrow)]
    window: Option<BTreeMap<String, RawWindow<'a>>>,
    #[serde(rename = "@model", borrow)]
    model: Option<BTreeMap<String, &'a RawValue>>,
    #[serde(rename = "@value", borrow)]
    pub(crate) value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawWindow<'a> {
    from: &'a str,
    until: &'a str,
    of: &'a str,
    count: u32,
    #[serde(default)]
    incomplete: bool,
}

/// The marks of the values of a stored message.
pub(crate) fn marks(schema: &Schema, envelope: &Envelope<'_>) -> Vec<Mark> {
    let coarse = envelope.coarse.iter().flatten();
    let mark = |(text, accuracy): (&String, &Option<&RawValue>)| {
        let pointer = model::Pointer::parse(text).ok()?;
        Some(Mark {
            field: schema.index_of(&pointer)?,
            // An accuracy that cannot be read promises nothing.
            accuracy: accuracy
                .and_then(|it| Decimal::parse(it.get()))
                .filter(|it| !it.is_negative()),
            note: note(envelope, text),
        })
    };
    coarse.filter_map(mark).collect()
}

/// Which values of a stored message a model worked out.
pub(crate) fn made(schema: &Schema, envelope: &Envelope<'_>, present: FieldSet) -> Vec<Made> {
    let models = envelope.model.iter().flatten();
    let made = |(text, label): (&String, &&RawValue)| {
        let pointer = model::Pointer::parse(text).ok()?;
        Some(Made {
            field: schema
                .index_of(&pointer)
                .filter(|it| present.contains(*it))?,
            label: label.get().into(),
        })
    };
    models.filter_map(made).collect()
}

fn note(envelope: &Envelope<'_>, pointer: &str) -> Note {
    let window = envelope.window.as_ref().and_then(|it| it.get(pointer));
    if let Some(mark) = window.and_then(window_mark) {
        return Note::Window(mark);
    }
    let bound = envelope.threshold.as_ref().and_then(|it| it.get(pointer));
    let bound = bound.and_then(|it| Decimal::parse(it.get()));
    bound.map_or(Note::None, Note::Threshold)
}

fn window_mark(raw: &RawWindow<'_>) -> Option<WindowMark> {
    Some(WindowMark {
        from: Timestamp::parse(raw.from).ok()?,
        until: Timestamp::parse(raw.until).ok()?,
        of: Statistic::parse(raw.of)?,
        count: raw.count,
        incomplete: raw.incomplete,
    })
}

/// Whether a value stands for one of another type, which is no longer shown: presence, or a side of a threshold.
pub(crate) fn is_flag(mark: &Mark, raw: &str, kind: FieldKind) -> bool {
    match (mark.note, raw) {
        (Note::None, "true") => mark.accuracy.is_none(),
        (Note::Threshold(_), "true" | "false") => kind == FieldKind::Number,
        _ => false,
    }
}
