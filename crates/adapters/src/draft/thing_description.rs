//! Fields from a Thing Description (W3C WoT Thing Description 1.1).
//!
//! A property is at `/NAME`, and the members and items of its data schema (section 5.3.2) below it: that is what a thing sends
//! that tells all of its properties at once (`readallproperties`, section 5.3.4.2). The data of an event is at `/NAME` too.
//! What is only written (`writeOnly`) is no field, and neither is an action.

use model::{FieldKind, Pointer, Range};
use serde_json::{Map, Value};

use super::{Draft, DraftError, MAX_DEPTH, Says};
use crate::draft::facts::standard_unit;

/// Reads a description.
pub(super) fn describe(draft: &mut Draft, description: &Value) -> Result<(), DraftError> {
    let affordances = |key| description.get(key).and_then(Value::as_object);
    let (properties, events) = (affordances("properties"), affordances("events"));
    if properties.is_none() && events.is_none() {
        return Err(DraftError::NotAThing);
    }
    let title = in_language(description, "en").or_else(|| text(description, "title"));
    draft.title = draft.title.take().or(title);
    draft.remark("the pointers are for a thing that tells its properties in one object by name; for one value a topic, use the adapter `scalar`, and compare the pointers with a message");
    for (name, property) in properties.into_iter().flatten() {
        schema(draft, &mut vec![name.clone()], property);
    }
    for (name, event) in events.into_iter().flatten() {
        if let Some(data) = event.get("data") {
            schema(draft, &mut vec![name.clone()], data);
        }
    }
    if affordances("actions").is_some_and(|it| !it.is_empty()) {
        draft.remark("the description also names actions: they are commands, and no fields");
    }
    Ok(())
}

/// A data schema and those below it (section 5.3.2.1 to 5.3.2.9).
fn schema(draft: &mut Draft, place: &mut Vec<String>, schema_: &Value) {
    if place.len() > MAX_DEPTH {
        return draft
            .remark("the description nests deeper than a notice can name; the rest was left out");
    }
    if schema_.get("writeOnly") == Some(&Value::Bool(true)) {
        return;
    }
    let members = schema_.get("properties").and_then(Value::as_object);
    match (schema_.get("type").and_then(Value::as_str), members) {
        (Some("object") | None, Some(members)) => {
            for (name, member) in members {
                place.push(name.clone());
                schema(draft, place, member);
                place.pop();
            }
        }
        (Some("array"), _) => items(draft, place, schema_.get("items")),
        (Some("object"), None) => {
            draft.remark("an object whose members are not described was left out");
        }
        (Some("null"), _) => {}
        (word, _) => leaf(draft, place, schema_, word),
    }
}

fn items(draft: &mut Draft, place: &mut Vec<String>, items: Option<&Value>) {
    match items {
        // One schema for each position (section 5.3.2.2).
        Some(Value::Array(each)) => {
            for (position, item) in each.iter().enumerate() {
                place.push(position.to_string());
                schema(draft, place, item);
                place.pop();
            }
        }
        Some(item) => {
            place.push(Pointer::WILDCARD.to_owned());
            schema(draft, place, item);
            place.pop();
        }
        None => draft.remark("an array whose items are not described was left out"),
    }
}

fn leaf(draft: &mut Draft, place: &[String], schema: &Value, word: Option<&str>) {
    let members = schema.as_object();
    let kind = match word {
        Some("number" | "integer") => Some(FieldKind::Number),
        Some("string") => Some(FieldKind::Text),
        Some("boolean") => Some(FieldKind::Boolean),
        _ => members.and_then(kind_of_values),
    };
    let number = |key| schema.get(key).and_then(Value::as_f64);
    let (min, max) = (number("minimum"), number("maximum"));
    let is_range = kind == Some(FieldKind::Number) && (min.is_some() || max.is_some());
    let unit = text(schema, "unit");
    let says = Says {
        kind,
        unit: unit.map(|it| standard_unit(&it).to_owned()),
        range: is_range.then_some(Range { min, max }),
        english: in_language(schema, "en").or_else(|| text(schema, "title")),
        urdu: in_language(schema, "ur"),
        description: text(schema, "description"),
        class: None,
    };
    draft.add(place, None, says);
}

/// The type of the values that are listed (`enum`, `const`), where no type is named.
fn kind_of_values(schema: &Map<String, Value>) -> Option<FieldKind> {
    let listed = schema.get("enum").and_then(|it| it.get(0));
    match listed.or_else(|| schema.get("const"))? {
        Value::Number(_) => Some(FieldKind::Number),
        Value::String(_) => Some(FieldKind::Text),
        Value::Bool(_) => Some(FieldKind::Boolean),
        _ => None,
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

/// The title in a language (`titles`, section 5.3.1.7 MultiLanguage); a region does not hide it.
fn in_language(schema: &Value, language: &str) -> Option<String> {
    let titles = schema.get("titles")?.as_object()?;
    let is_it = |tag: &str| tag.split('-').next() == Some(language);
    titles
        .iter()
        .find(|it| is_it(it.0))
        .and_then(|it| it.1.as_str())
        .map(str::to_owned)
}
