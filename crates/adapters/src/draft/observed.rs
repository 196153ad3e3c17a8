//! Fields from messages that were seen: names and types, and no values.

use model::{FieldKind, Format, Pointer};
use serde_json::Value;

use super::{Draft, MAX_DEPTH, Says};
use crate::draft::facts::standard_unit;

/// The most elements of an array that are looked at.
const MAX_ELEMENTS: usize = 1_024;

/// Looks at one message.
pub(super) fn observe(draft: &mut Draft, message: &Value) {
    if draft.format == Format::SenmlJson {
        pack(draft, message);
    } else {
        walk(draft, &mut Vec::new(), message);
    }
}

/// Every single value of a message, by its place.
fn walk(draft: &mut Draft, place: &mut Vec<String>, value: &Value) {
    if place.len() > MAX_DEPTH {
        return draft
            .remark("the message nests deeper than a notice can name; the rest was left out");
    }
    let kind = match value {
        Value::Object(members) => {
            for (name, value) in members {
                if name == Pointer::WILDCARD {
                    draft.remark(
                        "a member is called `*`, which a notice cannot name; it was left out",
                    );
                    continue;
                }
                place.push(name.clone());
                walk(draft, place, value);
                place.pop();
            }
            return;
        }
        Value::Array(elements) => {
            place.push(Pointer::WILDCARD.to_owned());
            for element in elements.iter().take(MAX_ELEMENTS) {
                walk(draft, place, element);
            }
            place.pop();
            return;
        }
        Value::Number(_) => Some(FieldKind::Number),
        Value::String(_) => Some(FieldKind::Text),
        Value::Bool(_) => Some(FieldKind::Boolean),
        Value::Null => None,
    };
    let says = Says {
        kind,
        ..Says::default()
    };
    draft.add(place, None, says);
}

/// The records of a SenML pack (RFC 8428 section 4), by name and base name.
fn pack(draft: &mut Draft, pack: &Value) {
    let (mut base_name, mut base_unit) = (String::new(), None);
    let text = |record: &Value, label| record.get(label).and_then(Value::as_str).map(str::to_owned);
    for record in pack.as_array().into_iter().flatten().take(MAX_ELEMENTS) {
        base_name = text(record, "bn").unwrap_or(base_name);
        base_unit = text(record, "bu").or(base_unit);
        let own = text(record, "n").unwrap_or_default();
        let kind = match record {
            it if it.get("v").is_some() => FieldKind::Number,
            it if it.get("vs").is_some() => FieldKind::Text,
            it if it.get("vb").is_some() => FieldKind::Boolean,
            _ => continue,
        };
        // A notice for a product says `temp`, whatever the device is called.
        let name = if own.is_empty() {
            base_name.clone()
        } else {
            own
        };
        let unit = text(record, "u").or_else(|| base_unit.clone());
        let says = Says {
            kind: Some(kind),
            unit: unit.map(|it| standard_unit(&it).to_owned()),
            class: name.rsplit([':', '/']).next().map(str::to_owned),
            ..Says::default()
        };
        draft.add(std::slice::from_ref(&name), Some(name.clone()), says);
    }
}
