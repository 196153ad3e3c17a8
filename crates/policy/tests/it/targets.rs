//! What the fuzz targets under `fuzz/` call, and what the kept inputs under `corpus/fuzz` are run through in every test run.
//!
//! Each target takes any bytes and panics when something does not hold. The messages are read under one notice with lists,
//! ranges, units and every shape of place; the first bytes of the input choose how much of each field may pass.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use model::{
    Choice, Coarsening, Field, FieldKind, Format, Grant, LegalBasis, Level, LicenceState, Notice,
    PersonId, Pointer, Range, Retention, Roles, Timestamp,
};
use policy::{
    Decision, Facts, Inputs, MAX_LISTED_VALUES, MAX_UNDECLARED, MAX_UNDECLARED_BYTES, Outcome,
    Payload, Program, Schema, Sensed, compile, decide, render_stored,
};
use serde_json::Value;
use serde_json::value::RawValue;

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

/// The fields of messages in JSON and CBOR.
const FIELDS: [(&str, FieldKind); 12] = [
    ("/n", FieldKind::Number),
    ("/t", FieldKind::Text),
    ("/b", FieldKind::Boolean),
    ("/r/*/c", FieldKind::Number),
    ("/r/*/t", FieldKind::Text),
    ("/r/*/b/*", FieldKind::Boolean),
    ("/g/*/*", FieldKind::Number),
    ("/p/*/0", FieldKind::Number),
    ("/p/*/1", FieldKind::Number),
    ("/l/0", FieldKind::Number),
    ("/l/2", FieldKind::Text),
    ("/o/x~1y/m~0n", FieldKind::Number),
];

/// The fields of SenML packs.
const NAMES: [(&str, FieldKind); 4] = [
    ("/temp", FieldKind::Number),
    ("/urn:dev:1~1hum", FieldKind::Number),
    ("/open", FieldKind::Boolean),
    ("/label", FieldKind::Text),
];

/// A name, and what is done with an input.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target by name.
pub(crate) const TARGETS: [Target; 6] = [
    ("notice", notice),
    ("pointer", pointer),
    ("json", json),
    ("cbor", cbor),
    ("senml", senml),
    ("stored", stored),
];

/// A notice is read, and compiled where it has a shape.
pub(crate) fn notice(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    match Notice::parse(text) {
        Err(err) => assert!(!err.problems.is_empty(), "refused without a reason"),
        Ok(notice) => {
            if let Ok(schema) = Schema::compile(&notice) {
                assert_eq!(schema.fields().count(), notice.fields.len());
                for field in &notice.fields {
                    let found = schema.index_of(&field.pointer).unwrap();
                    assert_eq!(schema.pointer(found), Some(&field.pointer));
                }
                // A message that nobody made for this notice is read without harm.
                let _ = schema.decode_all(br#"{"a":[{"b":1}],"power":2}"#);
            }
        }
    }
}

/// A pointer is read, comes back as it was written, and its parts make it up.
pub(crate) fn pointer(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(pointer) = Pointer::parse(text) {
        assert_eq!(pointer.as_str(), text);
        let parts: String = pointer
            .tokens()
            .map(|it| format!("/{}", it.replace('~', "~0").replace('/', "~1")))
            .collect();
        assert_eq!(parts, text);
    }
}

/// A message in JSON: what is kept is what a slow reading finds, and what comes out is declared.
pub(crate) fn json(input: &[u8]) {
    let (levels, message) = split(input);
    let program = program(Format::Json, levels);
    let Ok(payload) = program.schema().decode(message) else {
        return;
    };
    if let Ok(value) = serde_json::from_slice::<Value>(message) {
        for (pointer, kind) in FIELDS {
            let mut expected = vec![];
            find(&value, pointer, &mut |it| expected.push(it.clone()));
            if is_ranged(pointer) && expected.iter().any(is_at_an_end) {
                continue;
            }
            expected.retain(|it| fits(it, kind, pointer));
            assert_eq!(values(&payload, pointer), expected, "{pointer}");
        }
    }
    check(&program, &payload, &FIELDS);
}

/// A message in CBOR: what comes out reads back as the same message in JSON.
pub(crate) fn cbor(input: &[u8]) {
    let (levels, message) = split(input);
    let program = program(Format::Cbor, levels);
    let Ok(payload) = program.schema().decode(message) else {
        return;
    };
    check(&program, &payload, &FIELDS);
    let everything = self::program(Format::Json, u64::MAX);
    let moved = payload.under(everything.schema());
    let outcome = outcome(&everything, &decide(&everything, &moved, &FACTS));
    if let Some(outcome) = outcome {
        let out = rendered(&moved, &outcome);
        let again = everything.schema().decode(&out).unwrap();
        assert_eq!(again.undeclared(), &[]);
        for (pointer, _) in FIELDS {
            assert_eq!(values(&again, pointer), values(&payload, pointer));
        }
    }
}

/// A SenML pack, in JSON or in CBOR by its first byte: every message of it holds what is declared.
pub(crate) fn senml(input: &[u8]) {
    let (levels, pack) = split(input);
    let is_json = pack.first().is_none_or(|it| *it < 0x80);
    let format = if is_json {
        Format::SenmlJson
    } else {
        Format::SenmlCbor
    };
    let program = program(format, levels);
    let Ok(messages) = program.schema().decode_all(pack) else {
        return;
    };
    assert!(!messages.is_empty() && messages.len() <= policy::MAX_MESSAGES);
    let single = program.schema().decode(pack);
    assert_eq!(single.is_ok(), messages.len() == 1);
    for message in messages {
        check(&program, &message, &NAMES);
    }
}

/// A message as it was stored: what comes out reads back as itself.
pub(crate) fn stored(input: &[u8]) {
    let (levels, message) = split(input);
    let program = program(Format::Json, levels);
    let Ok(payload) = program.schema().decode_stored(message) else {
        return;
    };
    let decision = decide(&program, &payload, &FACTS);
    if let Some(outcome) = outcome(&program, &decision) {
        let out = rendered(&payload, &outcome);
        assert!(serde_json::from_slice::<&RawValue>(&out).is_ok());
        let again = program.schema().decode_stored(&out).unwrap();
        assert_eq!(again.undeclared(), &[]);
        assert_eq!(again.present(), outcome.fields());
    }
}

const FACTS: Facts = Facts {
    now: Timestamp::EPOCH,
    licence: LicenceState::Active,
    quarantined: false,
};

/// The levels of the fields, three bits each, and the message.
fn split(input: &[u8]) -> (u64, &[u8]) {
    let (levels, message) = input.split_at(input.len().min(8));
    let levels = levels.iter().fold(0, |all, it| all << 8 | u64::from(*it));
    (levels, message)
}

fn range() -> Range {
    Range {
        min: Some(-40.0),
        max: Some(1000.0),
    }
}

fn field(template: &Field, pointer: &str, kind: FieldKind) -> Field {
    let mut coarse = vec![Coarsening::Presence];
    if kind == FieldKind::Number {
        coarse.push(Coarsening::Round(5.0));
        coarse.push(Coarsening::Round(0.5));
    }
    Field {
        pointer: Pointer::parse(pointer).unwrap(),
        kind,
        unit: (pointer == "/temp").then(|| "Cel".to_owned()),
        range: is_ranged(pointer).then(range),
        coarse,
        ..template.clone()
    }
}

fn is_ranged(pointer: &str) -> bool {
    matches!(pointer, "/n" | "/r/*/c" | "/g/*/*" | "/temp")
}

/// The notice in each format, with its schema.
static NOTICES: LazyLock<Vec<(Notice, Arc<Schema>)>> = LazyLock::new(|| {
    let formats = Format::ALL.iter();
    formats
        .map(|format| {
            let notice = made(*format);
            let schema = Schema::compile(&notice).unwrap();
            (notice, schema)
        })
        .collect()
});

/// Every field of a format is on for the one lane, as far as the person lets it.
fn made(format: Format) -> Notice {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.first().unwrap().clone();
    let fields = match format {
        Format::Json | Format::Cbor => &FIELDS[..],
        Format::SenmlJson | Format::SenmlCbor => &NAMES[..],
    };
    let fields = fields.iter().map(|it| field(&template, it.0, it.1));
    notice.fields = fields.collect();
    notice.format = format;
    let mut declaration = notice.declarations.remove(0);
    declaration.fields = notice.fields.iter().map(|it| it.pointer.clone()).collect();
    declaration.basis = LegalBasis::Contract;
    declaration.precision = Level::ON;
    declaration.retention = Retention::from_days(30);
    notice.declarations = vec![declaration];
    notice
}

fn program(format: Format, levels: u64) -> Program {
    let made = NOTICES.iter().find(|it| it.0.format == format);
    let (notice, schema) = made.unwrap();
    let declaration = notice.declarations.first().unwrap();
    let recipient = declaration.recipients.first().unwrap();
    let fields = notice.fields.iter().enumerate();
    let chosen = fields.map(|(number, field)| Choice {
        person: PersonId::parse("p").unwrap(),
        deployment: notice.deployment.clone(),
        field: field.pointer.clone(),
        purpose: declaration.purpose.clone(),
        recipient: recipient.clone(),
        level: level(levels >> (number * 3)),
    });
    let choices: Vec<_> = chosen.collect();
    compile(&Inputs {
        notice,
        schema,
        people: &[Sensed {
            roles: Roles::ALL,
            choices: &choices,
        }],
        grants: &[Grant {
            recipient: recipient.clone(),
            purpose: declaration.purpose.clone(),
            deployment: notice.deployment.clone(),
            valid_from: Timestamp::EPOCH,
            valid_until: None,
        }],
        caps: &[],
        generation: 1,
    })
}

fn level(bits: u64) -> Level {
    match bits & 7 {
        0 => Level::OFF,
        number @ 1..=3 => Level::coarse(u8::try_from(number).unwrap()).unwrap(),
        _ => Level::ON,
    }
}

fn outcome(program: &Program, decision: &Decision) -> Option<Outcome> {
    let (lane, _) = program.lane_indexes().next()?;
    decision.outcome(lane).cloned()
}

fn rendered(payload: &Payload, outcome: &Outcome) -> Vec<u8> {
    let mut out = vec![];
    render_stored(payload, outcome, &mut out);
    out
}

fn values(payload: &Payload, pointer: &str) -> Vec<Value> {
    let schema: &Arc<Schema> = payload.schema();
    let field = schema.index_of(&Pointer::parse(pointer).unwrap()).unwrap();
    let values = payload.values(field);
    values
        .map(|it| serde_json::from_str(it).unwrap_or(Value::Null))
        .collect()
}

/// Whether a number is so close to an end of the range that the slow reading, which does not round to the nearest float,
/// may be wrong about it.
fn is_at_an_end(value: &Value) -> bool {
    let ends = [range().min, range().max].into_iter().flatten();
    let value = value.as_f64();
    ends.zip([value; 2])
        .any(|(end, value)| value.is_some_and(|it| (it - end).abs() < 1e-9))
}

/// Whether a value is of the declared type, and in the range where there is one.
fn fits(value: &Value, kind: FieldKind, pointer: &str) -> bool {
    match kind {
        FieldKind::Text => value.is_string(),
        FieldKind::Boolean => value.is_boolean(),
        FieldKind::Number => value
            .as_f64()
            .is_some_and(|it| !is_ranged(pointer) || range().holds(it)),
    }
}

/// Every place that a pointer means; `*` is every position of a list and nothing else.
fn find<'v>(value: &'v Value, pointer: &str, found: &mut impl FnMut(&'v Value)) {
    let Some(rest) = pointer.strip_prefix('/') else {
        return found(value);
    };
    let (token, rest) = rest.find('/').map_or((rest, ""), |it| rest.split_at(it));
    match value {
        Value::Array(items) if token == "*" => {
            for item in items {
                find(item, rest, found);
            }
        }
        _ if token == "*" => {}
        _ => {
            if let Some(below) = value.pointer(&format!("/{token}")) {
                find(below, rest, found);
            }
        }
    }
}

/// How many single values there are.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

/// What must hold of any message that was read, whatever it was written in.
fn check(program: &Program, payload: &Payload, fields: &[(&str, FieldKind)]) {
    assert!(payload.undeclared().len() <= MAX_UNDECLARED);
    for it in payload.undeclared() {
        assert!(it.pointer.len() <= MAX_UNDECLARED_BYTES);
    }
    let all = fields.iter().map(|it| values(payload, it.0).len());
    assert!(all.sum::<usize>() <= MAX_LISTED_VALUES + fields.len());
    let decision = decide(program, payload, &FACTS);
    let Some(outcome) = outcome(program, &decision) else {
        return;
    };
    let out = rendered(payload, &outcome);
    assert!(serde_json::from_slice::<&RawValue>(&out).is_ok());
    let Some((message, marks)) = opened(&out) else {
        // A number that no 64-bit float holds came, and passed as it came.
        return;
    };
    let mut expected = 0;
    for (pointer, _) in fields {
        let index = payload.schema().index_of(&Pointer::parse(pointer).unwrap());
        let level = outcome.level(index.unwrap());
        let mut shown = vec![];
        find(&message, pointer, &mut |it| shown.push(it.clone()));
        shown.retain(|it| !it.is_null());
        expected += shown.len();
        let came = values(payload, pointer);
        if level == Level::OFF {
            assert_eq!(shown, Vec::<Value>::new(), "{pointer} passed at off");
        } else if level == Level::ON {
            assert_eq!(shown, came, "{pointer} at on");
            assert!(!marks.contains_key(*pointer), "{pointer} marked at on");
        } else {
            // The first level is presence: a list has one `true`, which does not tell how many values it had.
            let is_presence = level.coarse_number() == Some(1);
            let most = if is_presence && pointer.contains("/*") {
                1
            } else {
                came.len()
            };
            assert_eq!(shown.len(), came.len().min(most), "{pointer} at {level}");
            assert!(
                marks.contains_key(*pointer),
                "{pointer} unmarked at {level}"
            );
        }
    }
    assert_eq!(leaves(&message), expected, "something undeclared came out");
    let again = program.schema().decode_stored(&out).unwrap();
    assert_eq!(again.undeclared(), &[]);
    assert_eq!(again.present(), outcome.fields());
}

/// The message and its marks.
fn opened(out: &[u8]) -> Option<(Value, BTreeMap<String, Value>)> {
    let mut message: Value = serde_json::from_slice(out).ok()?;
    let mut marks = BTreeMap::new();
    if let Some(members) = message.as_object_mut() {
        if let Some(Value::Object(coarse)) = members.remove("@coarse") {
            marks = coarse.into_iter().collect();
        }
        if let Some(value) = members.remove("@value") {
            message = value;
        }
    }
    Some((message, marks))
}
