//! What was written, taken apart and compared with what was expected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::naive::Output;

/// A message that was written, taken apart: the message itself, accuracies, and bounds of thresholds.
#[derive(Debug, PartialEq)]
pub(super) struct Written {
    pub(super) message: Value,
    pub(super) marks: BTreeMap<String, Value>,
    pub(super) thresholds: BTreeMap<String, Value>,
}

pub(super) fn read(bytes: &[u8]) -> Written {
    let mut message: Value = serde_json::from_slice(bytes).unwrap();
    let mut taken = |name: &str| match message.as_object_mut().and_then(|it| it.remove(name)) {
        Some(Value::Object(members)) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    let (marks, thresholds) = (taken("@coarse"), taken("@threshold"));
    if let Some(value) = message.as_object_mut().and_then(|it| it.remove("@value")) {
        message = value;
    }
    Written {
        message,
        marks,
        thresholds,
    }
}

/// Every value with its pointer.
pub(super) fn flat(message: &Value) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    flatten(String::new(), message, &mut values);
    values
}

fn flatten(pointer: String, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            assert!(!members.is_empty() || pointer.is_empty(), "an empty object");
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                flatten(format!("{pointer}/{name}"), value, into);
            }
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "an empty list");
            assert!(
                items.last() != Some(&Value::Null),
                "null after the last value"
            );
            for (position, value) in items.iter().enumerate() {
                flatten(format!("{pointer}/{position}"), value, into);
            }
        }
        Value::Null => {}
        value => drop(into.insert(pointer, value.clone())),
    }
}

/// Whether a pointer with positions is one that a pointer with `*` stands for.
pub(super) fn stands_for(pattern: &str, pointer: &str) -> bool {
    let (pattern, pointer) = (pattern.split('/'), pointer.split('/'));
    pattern.clone().count() == pointer.clone().count()
        && pattern.zip(pointer).all(|(a, b)| a == "*" || a == b)
}

/// Coordinates are shown to a millionth of a degree, and accuracies are rounded up to one.
fn close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) + 2e-6
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| close(a, b)))
        }
        _ => a == b,
    }
}

#[track_caller]
pub(super) fn check(bytes: &[u8], expected: &Output) {
    let found = read(bytes);
    let text = String::from_utf8_lossy(bytes);
    flat(&found.message);
    assert!(
        close(&found.message, &expected.message),
        "{text} for {}",
        expected.message
    );
    for (found, expected) in [
        (&found.marks, &expected.marks),
        (&found.thresholds, &expected.thresholds),
    ] {
        let pointers: BTreeSet<_> = found.keys().collect();
        assert_eq!(pointers, expected.keys().collect(), "in {text}");
        for (pointer, mark) in found {
            assert!(
                close(mark, &expected[pointer]),
                "{pointer}: {mark} in {text}"
            );
        }
    }
}
