//! Packs from the standard and from elsewhere, under `corpus/payload/senml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use model::{Field, FieldKind, Format, Notice, Pointer};
use policy::{Payload, Schema};
use serde_json::Value;

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");
/// How many examples of RFC 8428 come with their resolved records.
const EXAMPLES: usize = 12;

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its test reads the corpus"
)]
fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/payload/senml");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn schema(format: Format, fields: impl Iterator<Item = Declared>) -> Arc<Schema> {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.remove(0);
    notice.format = format;
    notice.fields = fields
        .map(|(name, (kind, unit))| Field {
            pointer: Pointer::parse(&pointer(&name)).unwrap(),
            kind,
            unit,
            coarse: vec![],
            ..template.clone()
        })
        .collect();
    Schema::compile(&notice).unwrap()
}

/// Name, type and unit.
type Declared = (String, (FieldKind, Option<String>));

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The type and the value of a record.
fn value(record: &Value) -> Option<(FieldKind, Value)> {
    let labels = [
        ("v", FieldKind::Number),
        ("vs", FieldKind::Text),
        ("vb", FieldKind::Boolean),
    ];
    labels
        .iter()
        .find_map(|(label, kind)| Some((*kind, record.get(label)?.clone())))
}

/// What came of each name, message by message.
fn values(schema: &Schema, messages: &[Box<Payload>]) -> Vec<BTreeMap<String, Value>> {
    let message = |it: &Payload| {
        let values = schema.fields().filter_map(|(field, pointer)| {
            let value = serde_json::from_str(it.raw(field)?).unwrap();
            Some((pointer.to_string(), number(value)))
        });
        values.collect()
    };
    messages.iter().map(|it| message(it)).collect()
}

/// Numbers are compared as what they mean.
fn number(value: Value) -> Value {
    value.as_f64().map_or(value, Value::from)
}

#[test]
fn the_examples_of_rfc_8428_mean_what_their_resolved_records_say() {
    for example in 1..=EXAMPLES {
        let resolved = read(&format!("rfc8428/ex{example}.resolved.json"));
        let records: Vec<Value> = serde_json::from_str(&resolved).unwrap();
        let mut declared = BTreeMap::new();
        // By time, then by name; a record whose unit is not the declared one is undeclared.
        let mut expected: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for record in &records {
            let name = record["n"].as_str().unwrap().to_owned();
            let (kind, value) = value(record).unwrap();
            let unit = record.get("u").and_then(Value::as_str).map(str::to_owned);
            let first = declared.entry(name.clone()).or_insert((kind, unit.clone()));
            let message = expected.entry(record["t"].to_string()).or_default();
            if first.1 == unit {
                let before = message.insert(pointer(&name), number(value));
                assert_eq!(before, None, "{name} twice in example {example}");
            }
        }
        let schema = schema(Format::SenmlJson, declared.into_iter());
        let expected: Vec<_> = expected.into_values().collect();
        for name in ["json", "resolved.json"] {
            let pack = read(&format!("rfc8428/ex{example}.{name}"));
            let messages = schema.decode_all(pack.as_bytes());
            let messages = messages.unwrap_or_else(|err| panic!("example {example}: {err}"));
            assert_eq!(values(&schema, &messages), expected, "example {example}");
        }
    }
}

#[test]
fn a_product_declares_names_without_the_number_of_the_device() {
    let declared = ["temp", "open", "label"].into_iter();
    let kinds = [FieldKind::Number, FieldKind::Boolean, FieldKind::Text];
    let declared = declared
        .zip(kinds)
        .map(|(name, kind)| (name.to_owned(), (kind, None)));
    let schema = schema(Format::SenmlJson, declared);
    let message = schema.decode(read("rfc8428/ex7.json").as_bytes()).unwrap();
    let raw: Vec<_> = schema.fields().map(|it| message.raw(it.0)).collect();
    assert_eq!(raw, [Some("23.1"), Some("false"), Some("\"Machine Room\"")]);
    let undeclared: Vec<_> = message
        .undeclared()
        .iter()
        .map(|it| it.pointer.as_str())
        .collect();
    assert_eq!(undeclared, ["/urn:dev:ow:10e2073a01080063:nfv-reader"]);
}

#[test]
fn the_same_pack_in_json_and_in_cbor_is_the_same() {
    let declared = || {
        let number = (FieldKind::Number, Some("unit".to_owned()));
        let both = [
            ("base-namename".to_owned(), number.clone()),
            ("name-1".to_owned(), number),
        ];
        both.into_iter()
    };
    let (json, cbor) = (read("absmach/pack.json"), read("absmach/pack.cbor.hex"));
    let hex: String = cbor.split_whitespace().collect();
    let bytes = (0..hex.len()).step_by(2);
    let bytes: Vec<_> = bytes
        .map(|it| u8::from_str_radix(&hex[it..it + 2], 16).unwrap())
        .collect();
    let of_json = schema(Format::SenmlJson, declared());
    let of_cbor = schema(Format::SenmlCbor, declared());
    assert!(of_json.decode_all(json.as_bytes()).is_err(), "version 11");
    assert!(of_cbor.decode_all(&bytes).is_err(), "version 11");

    let json = json.replace("\"bver\":11", "\"bver\":10");
    let mut later = bytes;
    for place in 1..later.len() {
        if later[place - 1..=place] == [0x20, 11] {
            later[place] = 10;
        }
    }
    let from_json = of_json.decode_all(json.as_bytes()).unwrap();
    let from_cbor = of_cbor.decode_all(&later).unwrap();
    // The number of the second record is a boolean in the JSON pack, so there it is of a wrong type.
    let first = |schema: &Schema, it: &[Box<Payload>]| {
        values(schema, it).remove(0).remove("/base-namename")
    };
    assert_eq!(first(&of_json, &from_json), Some(Value::from(76.0)));
    assert_eq!(first(&of_cbor, &from_cbor), Some(Value::from(76.0)));
    assert_eq!((from_json.len(), from_cbor.len()), (1, 1));
}
