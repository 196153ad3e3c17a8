//! The published JSON Schema says what the reader says about the form of a file.

use model::notice_schema;
use serde_json::Value;

use crate::corpus::{notices, read};
use crate::validator::fits;

/// Where the schema is published in the repository.
const FILE: &str = "docs/reference/notice.schema.json";

fn as_json(name: &str, text: &str) -> Option<Value> {
    if name.ends_with(".json") {
        serde_json::from_str(text).ok()
    } else {
        toml::from_str(text).ok()
    }
}

#[test]
fn the_published_file_is_what_the_reader_knows() {
    let help = format!("write the file again: amanat notice schema > {FILE}");
    assert_eq!(read(FILE), notice_schema(), "{help}");
}

#[test]
fn every_valid_notice_fits_the_schema() {
    let schema: Value = serde_json::from_str(&notice_schema()).unwrap();
    for (name, text) in notices("valid") {
        let notice = as_json(&name, &text).unwrap();
        assert_eq!(fits(&schema, &notice), Ok(()), "{name}");
    }
}

#[test]
fn a_file_of_the_wrong_form_does_not_fit_and_one_that_makes_no_sense_does() {
    let schema: Value = serde_json::from_str(&notice_schema()).unwrap();
    let (mut shapes, mut senses) = (0, 0);
    for (name, text) in notices("invalid") {
        let Some(notice) = as_json(&name, &text) else {
            assert!(name.starts_with("shape-"), "{name} is not well-formed");
            continue;
        };
        let fits = fits(&schema, &notice);
        if name.starts_with("shape-") {
            assert!(fits.is_err(), "{name} fits");
            shapes += 1;
        } else {
            assert_eq!(fits, Ok(()), "{name}");
            senses += 1;
        }
    }
    assert!(shapes > 5 && senses > 10, "{shapes} {senses}");
}

/// Every key of the schema, by the definition it stands in, with a value that the reader must know: a file that has the key
/// with a wrong value is told so, and is not told that the key is unknown.
#[test]
fn every_key_of_the_schema_is_known_to_the_reader() {
    let schema: Value = serde_json::from_str(&notice_schema()).unwrap();
    let mut keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    keys.sort();
    let text: String = keys
        .iter()
        .map(|it| format!("{it} = 1979-05-27\n"))
        .collect();
    let problems = model::Notice::parse(&text).unwrap_err().problems;
    assert!(
        problems.iter().all(|it| !it.reason.contains("unknown key")),
        "{problems:#?}"
    );
    let complained = problems
        .iter()
        .filter(|it| it.reason.contains("a date or time"));
    assert_eq!(complained.count(), keys.len());
}
