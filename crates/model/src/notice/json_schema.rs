//! The JSON Schema (2020-12) of notices, written from the table of shapes.
//!
//! It says what a file may look like. What a file *means* (that names are declared, that levels fit a field) no schema can
//! say: `amanat notice check` does.

use super::json::Json;
use super::shape::{Key, Kind, NOTICE, Need, Shape};
use crate::{Level, MAX_ID_BYTES, MAX_POINTER_BYTES};

/// The schema as JSON text.
pub(crate) fn json_schema() -> String {
    let mut defs = vec![("text".to_owned(), text())];
    let mut root = match table(&NOTICE, &mut defs) {
        Json::Object(members) => members,
        other => vec![("allOf".to_owned(), Json::List(vec![other]))],
    };
    let head = [
        ("$schema", "https://json-schema.org/draft/2020-12/schema"),
        ("title", "Notice"),
        (
            "description",
            "The public declaration of a deployment: what is collected, why, for how long, who receives it, whom to ask. As TOML or as JSON of this shape.",
        ),
    ];
    let mut members: Vec<_> = head
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Json::text(value)))
        .collect();
    members.append(&mut root);
    members.push(("$defs".to_owned(), Json::Object(defs)));
    Json::Object(members).pretty()
}

type Defs = Vec<(String, Json)>;

fn reference(name: &str) -> Json {
    Json::object([("$ref", Some(Json::text(format!("#/$defs/{name}"))))])
}

/// A text in every language; how long it may be stands where it is used.
fn text() -> Json {
    let language = || {
        Json::object([
            ("type", Some(Json::text("string"))),
            ("minLength", Some(Json::Whole(1))),
        ])
    };
    Json::object([
        ("type", Some(Json::text("object"))),
        (
            "properties",
            Some(Json::object([
                ("en", Some(language())),
                ("ur", Some(language())),
            ])),
        ),
        ("required", Some(Json::texts(["en", "ur"]))),
        ("additionalProperties", Some(Json::Boolean(false))),
    ])
}

fn table(shape: &Shape, defs: &mut Defs) -> Json {
    let properties = shape
        .keys
        .iter()
        .map(|it| (it.name.to_owned(), property(it, defs)));
    let properties = Json::Object(properties.collect());
    let names = |need| {
        let keys = shape.keys.iter().filter(move |it| it.need == need);
        keys.map(|it| it.name).collect::<Vec<_>>()
    };
    let required = names(Need::Required);
    let one_of = names(Need::OneOf).into_iter();
    let one_of: Vec<_> = one_of
        .map(|it| Json::object([("required", Some(Json::texts([it])))]))
        .collect();
    Json::object([
        ("type", Some(Json::text("object"))),
        ("properties", Some(properties)),
        (
            "required",
            (!required.is_empty()).then(|| Json::texts(required)),
        ),
        ("oneOf", (!one_of.is_empty()).then_some(Json::List(one_of))),
        (
            "minProperties",
            (shape.name == "range").then_some(Json::Whole(1)),
        ),
        ("additionalProperties", Some(Json::Boolean(false))),
    ])
}

fn property(key: &Key, defs: &mut Defs) -> Json {
    let mut members = vec![("description".to_owned(), Json::text(key.about))];
    if let Json::Object(mut rest) = value(&key.kind, defs) {
        members.append(&mut rest);
    }
    Json::Object(members)
}

fn value(kind: &Kind, defs: &mut Defs) -> Json {
    match kind {
        Kind::Id(_) => string(1, MAX_ID_BYTES, Some("^[a-z0-9][a-z0-9-]*$")),
        Kind::Bilingual(most) => {
            let language = || Some(Json::object([("maxLength", Some(count(*most)))]));
            let lengths = Json::object([("en", language()), ("ur", language())]);
            Json::object([
                ("$ref", Some(Json::text("#/$defs/text"))),
                ("properties", Some(lengths)),
            ])
        }
        Kind::Plain(most) => string(1, *most, None),
        Kind::Maybe(most) => string(0, *most, None),
        Kind::Word { all, .. } => Json::object([("enum", Some(Json::texts(all())))]),
        Kind::Pointer => string(0, MAX_POINTER_BYTES, Some("^(/([^~]|~[01])*)?$")),
        Kind::Moment => Json::object([
            ("type", Some(Json::text("string"))),
            ("format", Some(Json::text("date-time"))),
        ]),
        Kind::Level => {
            let coarse = (1..=Level::MAX_COARSE).filter_map(Level::coarse);
            Json::object([(
                "enum",
                Some(Json::texts([Level::ON].into_iter().chain(coarse))),
            )])
        }
        Kind::Real { least, most } => number(*least, *most),
        Kind::Whole { least, most } => Json::object([
            ("type", Some(Json::text("integer"))),
            ("minimum", Some(Json::Whole(*least))),
            ("maximum", Some(Json::Whole(*most))),
        ]),
        Kind::True => Json::object([("const", Some(Json::Boolean(true)))]),
        Kind::Table(shape) => {
            if !defs.iter().any(|it| it.0 == shape.name) {
                let place = defs.len();
                let table = table(shape, defs);
                defs.insert(place.min(defs.len()), (shape.name.to_owned(), table));
            }
            reference(shape.name)
        }
        Kind::List { of, least, most } => Json::object([
            ("type", Some(Json::text("array"))),
            ("items", Some(value(of, defs))),
            ("minItems", (*least > 0).then(|| count(*least))),
            ("maxItems", Some(count(*most))),
        ]),
    }
}

fn count(count: usize) -> Json {
    Json::Whole(i64::try_from(count).unwrap_or(i64::MAX))
}

fn string(least: usize, most: usize, pattern: Option<&str>) -> Json {
    Json::object([
        ("type", Some(Json::text("string"))),
        ("minLength", (least > 0).then(|| count(least))),
        ("maxLength", Some(count(most))),
        ("pattern", pattern.map(Json::text)),
    ])
}

/// The ends that say something: every number is finite in JSON anyway.
fn number(least: f64, most: f64) -> Json {
    let above_zero = least == f64::MIN_POSITIVE;
    Json::object([
        ("type", Some(Json::text("number"))),
        ("exclusiveMinimum", above_zero.then_some(Json::Whole(0))),
        (
            "minimum",
            (!above_zero && least > f64::MIN).then_some(Json::Real(least)),
        ),
        ("maximum", (most < f64::MAX).then_some(Json::Real(most))),
    ])
}
