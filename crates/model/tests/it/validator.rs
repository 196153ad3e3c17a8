//! As much of JSON Schema 2020-12 as the published schema uses. A keyword that it does not know fails the test.

use serde_json::{Map, Value};

/// Whether `value` is valid; otherwise where it is not.
pub(crate) fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    check(schema, schema, value, "")
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let members = schema.as_object().unwrap();
    for (keyword, argument) in members {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let name = argument.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                check(root, &root["$defs"][name], value, path)?;
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, argument, item, &format!("{path}/{index}"))?;
                }
                true
            }
            "properties" => {
                for (key, schema) in argument.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        check(root, schema, value, &format!("{path}/{key}"))?;
                    }
                }
                true
            }
            "oneOf" => {
                let options = argument.as_array().unwrap().iter();
                options
                    .filter(|it| check(root, it, value, path).is_ok())
                    .count()
                    == 1
            }
            _ => simple(members, keyword, argument, value),
        };
        if !holds {
            return Err(format!("{path}: {keyword} {argument}"));
        }
    }
    Ok(())
}

fn simple(schema: &Map<String, Value>, keyword: &str, argument: &Value, value: &Value) -> bool {
    let length = |value: &Value| value.as_str().map(|it| it.chars().count());
    let count = argument.as_u64().and_then(|it| usize::try_from(it).ok());
    match keyword {
        "type" => match argument.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "number" => value.is_number(),
            "integer" => value.as_f64().is_some_and(|it| it.fract() == 0.0),
            other => panic!("type {other}"),
        },
        "required" => {
            let mut keys = argument.as_array().unwrap().iter();
            keys.all(|it| value.get(it.as_str().unwrap()).is_some())
        }
        "additionalProperties" => {
            let known = schema["properties"].as_object().unwrap();
            value
                .as_object()
                .is_none_or(|it| it.keys().all(|it| known.contains_key(it)))
        }
        "minProperties" => value
            .as_object()
            .is_none_or(|it| it.len() >= count.unwrap()),
        "enum" => argument.as_array().unwrap().contains(value),
        "const" => value == argument,
        "minItems" => value.as_array().is_none_or(|it| it.len() >= count.unwrap()),
        "maxItems" => value.as_array().is_none_or(|it| it.len() <= count.unwrap()),
        "minLength" => length(value).is_none_or(|it| it >= count.unwrap()),
        "maxLength" => length(value).is_none_or(|it| it <= count.unwrap()),
        "minimum" => value
            .as_f64()
            .is_none_or(|it| it >= argument.as_f64().unwrap()),
        "maximum" => value
            .as_f64()
            .is_none_or(|it| it <= argument.as_f64().unwrap()),
        "exclusiveMinimum" => value
            .as_f64()
            .is_none_or(|it| it > argument.as_f64().unwrap()),
        "pattern" => value
            .as_str()
            .is_none_or(|it| matches(argument.as_str().unwrap(), it)),
        "format" => value.as_str().is_none_or(|it| {
            assert_eq!(argument, "date-time");
            model::Timestamp::parse(it).is_ok()
        }),
        other => panic!("keyword {other}"),
    }
}

/// The two patterns of the schema, by hand.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[a-z0-9][a-z0-9-]*$" => model::PurposeId::parse(text).is_ok() || text.len() > 64,
        "^(/([^~]|~[01])*)?$" => {
            (text.is_empty() || text.starts_with('/'))
                && text.split('~').skip(1).all(|it| it.starts_with(['0', '1']))
        }
        other => panic!("pattern {other}"),
    }
}
