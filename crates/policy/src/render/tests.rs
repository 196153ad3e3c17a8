use super::*;
use crate::schema::Schema;
use model::{Coarsening, FieldKind, Level, Notice, Pointer};
use smallvec::smallvec;
use std::sync::Arc;

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn schema(pointers: &[&str]) -> Arc<Schema> {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.remove(0);
    for pointer in pointers {
        notice.fields.push(model::Field {
            pointer: Pointer::parse(pointer).unwrap(),
            kind: FieldKind::Number,
            coarse: vec![
                Coarsening::Presence,
                Coarsening::Round(500.0),
                Coarsening::Round(100.0),
            ],
            ..template.clone()
        });
    }
    Schema::compile(&notice).unwrap()
}

/// Every field at one level.
#[track_caller]
fn check(pointers: &[&str], level: &str, stored: &str, expected: &str) {
    let payload = schema(pointers).decode_stored(stored.as_bytes()).unwrap();
    let outcome = Outcome {
        levels: smallvec![(Level::parse(level).unwrap(), payload.present())],
    };
    let mut out = Vec::new();
    render(&payload, &outcome, &|it| format!("<{it}>"), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn what_was_coarse_stays_marked() {
    let stored = r#"{"a":1200,"@coarse":{"/a":50}}"#;
    check(&["/a"], "on", stored, stored);
    check(&["/a"], "coarse-3", stored, stored);
    check(
        &["/a"],
        "coarse-1",
        stored,
        r#"{"a":true,"@coarse":{"/a":null}}"#,
    );
    let presence = r#"{"a":true,"@coarse":{"/a":null}}"#;
    for level in ["on", "coarse-3", "coarse-2", "coarse-1"] {
        check(&["/a"], level, presence, presence);
    }
}

#[test]
fn coarsening_twice_adds_both_errors() {
    check(
        &["/a"],
        "coarse-2",
        r#"{"a":1200,"@coarse":{"/a":50}}"#,
        r#"{"a":1000,"@coarse":{"/a":300}}"#,
    );
    check(
        &["/a"],
        "coarse-2",
        r#"{"a":1200,"@coarse":{"/a":null}}"#,
        r#"{"a":1000,"@coarse":{"/a":null}}"#,
    );
}

#[test]
fn what_is_no_object_is_wrapped_to_be_marked() {
    check(
        &[""],
        "coarse-3",
        "149",
        r#"{"@value":100,"@coarse":{"":50}}"#,
    );
    check(&[""], "on", "149", "149");
    check(
        &[""],
        "on",
        r#"{"@value":100,"@coarse":{"":50}}"#,
        r#"{"@value":100,"@coarse":{"":50}}"#,
    );
    check(
        &["/1", "/3/x"],
        "coarse-3",
        r#"[1,260,3,{"x":-9}]"#,
        r#"{"@value":[null,300,null,{"x":0}],"@coarse":{"/1":50,"/3/x":50}}"#,
    );
}

#[test]
fn members_stand_in_the_order_of_the_notice() {
    check(
        &["/b", "/a/y", "/a/x"],
        "on",
        r#"{"a":{"x":1,"y":2},"b":3}"#,
        r#"{"b":3,"a":{"y":2,"x":1}}"#,
    );
    check(
        &["/l/2", "/l/0"],
        "on",
        r#"{"l":[1,2,3]}"#,
        r#"{"l":[1,null,3]}"#,
    );
}

#[test]
fn the_subject_is_replaced_or_dropped() {
    let mut notice = Notice::parse(NOTICE).unwrap();
    notice.subject_field = Some(notice.fields[0].pointer.clone());
    let schema = Schema::compile(&notice).unwrap();
    let payload = schema.decode(b"{\"power\":1200}").unwrap();
    let outcome = Outcome {
        levels: smallvec![(Level::ON, payload.present())],
    };
    let mut out = Vec::new();
    render(&payload, &outcome, &|it| format!("\"{it}\n"), &mut out);
    render_stored(&payload, &outcome, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"power":"\"1200\n"}{}"#);
}

#[test]
fn a_list_stays_a_list_under_a_newer_notice() {
    let payload = schema(&["/x", "/l/1"])
        .decode(br#"{"l":[1,2],"x":3}"#)
        .unwrap();
    let payload = payload.under(&schema(&["/l/0", "/l/1"]));
    let outcome = Outcome {
        levels: smallvec![(Level::ON, payload.present())],
    };
    let mut out = Vec::new();
    render_stored(&payload, &outcome, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"l":[null,2]}"#);
}

#[test]
fn of_a_list_only_what_passes_is_seen() {
    let lists = &["/r/*/a", "/r/*/b", "/g/*/*"][..];
    let schema = schema(lists);
    let payload = schema
        .decode(br#"{"r":[{"a":1},{"b":2},{},{"a":3,"b":4}],"g":[[],[5],[6,7]]}"#)
        .unwrap();
    let check = |fields: &[&str], expected: &str| {
        let pointers = fields.iter().map(|it| Pointer::parse(it).unwrap());
        let fields = pointers.map(|it| schema.index_of(&it).unwrap()).collect();
        let outcome = Outcome {
            levels: smallvec![(Level::ON, fields)],
        };
        let mut out = Vec::new();
        render_stored(&payload, &outcome, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    };
    check(
        lists,
        r#"{"r":[{"a":1},{"b":2},{"a":3,"b":4}],"g":[[5],[6,7]]}"#,
    );
    check(&["/r/*/a"], r#"{"r":[{"a":1},{"a":3}]}"#);
    check(&["/r/*/b"], r#"{"r":[{"b":2},{"b":4}]}"#);
    check(&[], "{}");
}

#[test]
fn a_list_has_one_mark_for_all_of_its_values() {
    check(
        &["/r/*/a", "/x"],
        "coarse-3",
        r#"{"r":[{"a":149},{},{"a":251}],"x":1}"#,
        r#"{"r":[{"a":100},{"a":300}],"x":0,"@coarse":{"/r/*/a":50,"/x":50}}"#,
    );
    check(
        &["/*"],
        "coarse-1",
        "[149,null,251]",
        r#"{"@value":[true],"@coarse":{"/*":null}}"#,
    );
    check(
        &["/r/*/a", "/r/*/b"],
        "coarse-1",
        r#"{"r":[{"b":1},{"a":149,"b":2},{"a":251}]}"#,
        r#"{"r":[{"b":true},{"a":true}],"@coarse":{"/r/*/b":null,"/r/*/a":null}}"#,
    );
    check(
        &["/g/*/*"],
        "coarse-1",
        r#"{"g":[[],[1,2],[3]]}"#,
        r#"{"g":[[true]],"@coarse":{"/g/*/*":null}}"#,
    );
    let stored = r#"{"@value":[100,300],"@coarse":{"/*":50}}"#;
    check(&["/*"], "on", stored, stored);
}

#[test]
fn a_mark_of_a_list_holds_for_the_worst_of_its_values() {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let mut field = notice.fields.remove(0);
    field.pointer = Pointer::parse("/*").unwrap();
    field.coarse = vec![Coarsening::Bucket(vec![0.0, 1.0, 10.0, 100.0])];
    notice.fields.push(field);
    let schema = Schema::compile(&notice).unwrap();
    let check = |message: &str, expected: &str| {
        let payload = schema.decode(message.as_bytes()).unwrap();
        let outcome = Outcome {
            levels: smallvec![(Level::parse("coarse-1").unwrap(), payload.present())],
        };
        let mut out = Vec::new();
        render_stored(&payload, &outcome, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    };
    check("[0.5,50,5]", r#"{"@value":[0,10,1],"@coarse":{"/*":90}}"#);
    check("[500,0.5]", r#"{"@value":[100,0],"@coarse":{"/*":null}}"#);
}

#[test]
fn lists_in_lists_keep_their_shape() {
    check(
        &["/p/*/0", "/p/*/1", "/o/*/l/*/x"],
        "on",
        r#"{"p":[[1,2],{"1":3},[null,4]],"o":[{"l":[{"y":1}]},{"l":[{"x":5},{},{"x":6}]}]}"#,
        r#"{"p":[[1,2],{"1":3},[null,4]],"o":[{"l":[{"x":5},{"x":6}]}]}"#,
    );
}

/// A field that a model works out, from a moment on.
fn predicted(pointers: &[&str], version_before: Option<&str>) -> Arc<Schema> {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let model = model::Model {
        id: model::ModelId::parse("forecast").unwrap(),
        title: notice.title.clone(),
        decides: notice.title.clone(),
        version: Some("2".to_owned()),
        in_force: Some(model::Timestamp::from_millis(1_000)),
        version_before: version_before.map(str::to_owned),
    };
    let template = notice.fields.remove(0);
    for (nth, pointer) in pointers.iter().enumerate() {
        notice.fields.push(model::Field {
            pointer: Pointer::parse(pointer).unwrap(),
            kind: FieldKind::Number,
            coarse: vec![Coarsening::Round(500.0)],
            made_by: (nth == 0).then(|| model.id.clone()),
            ..template.clone()
        });
    }
    notice.models = vec![model];
    Schema::compile(&notice).unwrap()
}

#[track_caller]
fn check_made(schema: &Arc<Schema>, at: i64, level: &str, message: &str, expected: &str) {
    let mut payload = schema.decode(message.as_bytes()).unwrap();
    payload.attribute(model::Timestamp::from_millis(at));
    let outcome = Outcome {
        levels: smallvec![(Level::parse(level).unwrap(), payload.present())],
    };
    let mut out = Vec::new();
    render(&payload, &outcome, &|it| it.to_owned(), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, expected);
    // What was stored says the same when it is read back, under the same schema and under another.
    for schema in [schema, &predicted(&["/p", "/a", "/new"], None)] {
        let mut again = schema.decode_stored(text.as_bytes()).unwrap();
        if !Arc::ptr_eq(again.schema(), schema) {
            again = again.under(schema);
        }
        let outcome = Outcome {
            levels: smallvec![(Level::ON, again.present())],
        };
        let mut out = Vec::new();
        render(&again, &outcome, &|it| it.to_owned(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn gp_b3_what_a_model_worked_out_says_which_one() {
    let schema = predicted(&["/p", "/a"], None);
    let message = r#"{"p":1200,"a":7}"#;
    check_made(
        &schema,
        1_000,
        "on",
        message,
        r#"{"p":1200,"a":7,"@model":{"/p":{"id":"forecast","version":"2"}}}"#,
    );
    check_made(
        &schema,
        1_000,
        "coarse-1",
        r#"{"p":1200}"#,
        r#"{"p":1000,"@coarse":{"/p":250},"@model":{"/p":{"id":"forecast","version":"2"}}}"#,
    );
    check_made(&schema, 1_000, "on", r#"{"a":7}"#, r#"{"a":7}"#);
}

#[test]
fn gp_b3_a_model_that_is_not_in_force_makes_nothing_that_comes_in() {
    let message = r#"{"p":1200,"a":7}"#;
    check_made(
        &predicted(&["/p", "/a"], None),
        999,
        "on",
        message,
        r#"{"a":7}"#,
    );
    check_made(
        &predicted(&["/p", "/a"], Some("1")),
        999,
        "on",
        message,
        r#"{"p":1200,"a":7,"@model":{"/p":{"id":"forecast","version":"1"}}}"#,
    );
    let mut payload = predicted(&["/p", "/a"], None)
        .decode(message.as_bytes())
        .unwrap();
    payload.attribute(model::Timestamp::from_millis(999));
    let noted: Vec<_> = payload
        .undeclared()
        .iter()
        .map(|it| (it.pointer.as_str(), it.reason))
        .collect();
    assert_eq!(noted, [("/p", crate::Reason::NotYet)]);
    // Nor does what stands in a list come back under another notice.
    let schema = predicted(&["/l/*/p", "/a"], None);
    let mut payload = schema.decode(br#"{"l":[{"p":1},{"p":2}],"a":7}"#).unwrap();
    payload.attribute(model::Timestamp::from_millis(999));
    let field = schema.index_of(&Pointer::parse("/l/*/p").unwrap()).unwrap();
    assert_eq!(payload.values(field).count(), 0);
    let moved = payload.under(&predicted(&["/l/*/p", "/a"], None));
    assert!(!moved.present().contains(field) && moved.values(field).next().is_none());
}
