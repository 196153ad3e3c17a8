use super::*;
use model::{Notice, Pointer};

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn schema(fields: &[(&str, FieldKind)]) -> Arc<Schema> {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.remove(0);
    for (pointer, kind) in fields {
        notice.fields.push(model::Field {
            pointer: Pointer::parse(pointer).unwrap(),
            kind: *kind,
            coarse: vec![],
            ..template.clone()
        });
    }
    Schema::compile(&notice).unwrap()
}

fn usual() -> Arc<Schema> {
    schema(&[
        ("/n", FieldKind::Number),
        ("/t", FieldKind::Text),
        ("/b", FieldKind::Boolean),
        ("/o/n", FieldKind::Number),
        ("/l/1", FieldKind::Number),
        ("/l/1000", FieldKind::Number),
    ])
}

/// Values by pointer, then undeclared places, or the error.
#[track_caller]
fn check(message: &str, expected: &str) {
    check_under(&usual(), message, expected);
}

#[track_caller]
fn check_under(schema: &Arc<Schema>, message: &str, expected: &str) {
    let found = match schema.decode(message.as_bytes()) {
        Err(err) => err.to_string(),
        Ok(payload) => {
            let values = schema.fields().filter_map(|(field, pointer)| {
                let values: Vec<_> = payload.values(field).collect();
                (!values.is_empty()).then(|| format!("{pointer} {}", values.join(" ")))
            });
            let undeclared = payload.undeclared().iter();
            let undeclared = undeclared.map(|it| format!("{} {}", it.pointer, it.reason.as_str()));
            values.chain(undeclared).collect::<Vec<_>>().join(", ")
        }
    };
    assert_eq!(found, expected);
}

#[test]
fn declared_values_keep_their_text() {
    check(
        r#" {"n": -1.50e+3 ,"t":"a\u00e9","b":false} "#,
        r#"/n -1.50e+3, /t "a\u00e9", /b false"#,
    );
    check(r#"{"o":{"n":1},"l":[0,2]}"#, "/o/n 1, /l/1 2, /l/0 unknown");
    check("{}", "");
}

#[test]
fn null_is_absence() {
    check(r#"{"n":null,"o":null,"l":[null,null,null],"x":null}"#, "");
    check("null", "");
}

#[test]
fn only_the_topmost_undeclared_place_is_noted() {
    check(
        r#"{"x":{"y":{"z":1}},"o":{"p":[1]}}"#,
        "/x unknown, /o/p unknown",
    );
    check(
        r#"{"a/b":1,"m~n":2,"":3,"x":1,"x":2}"#,
        "/a~1b unknown, /m~0n unknown, / unknown, /x unknown",
    );
}

#[test]
fn another_type_is_undeclared() {
    check(
        r#"{"n":"1","t":1,"b":0,"o":5,"l":"x"}"#,
        "/n wrong-type, /t wrong-type, /b wrong-type, /o wrong-type, /l wrong-type",
    );
    check(
        r#"{"n":{"n":1},"o":[1,{"n":2}],"l":{"1":7}}"#,
        "/l/1 7, /n wrong-type, /o wrong-type",
    );
    for root in ["5", "-5", "2.5", "true", "\"x\"", "[1]", "[]"] {
        check(root, " wrong-type");
    }
}

#[test]
fn a_declared_name_twice_denies() {
    check(r#"{"n":1,"n":1}"#, "the message has `/n` twice");
    check(r#"{"n":null,"\u006e":1}"#, "the message has `/n` twice");
    check(r#"{"o":{},"o":{"n":1}}"#, "the message has `/o` twice");
}

#[test]
fn what_is_no_json_is_refused_at_its_place() {
    check("", "the message is not JSON at line 1, column 0");
    check(
        "{\"n\":1,\n}",
        "the message is not JSON at line 2, column 1",
    );
    check("{} {}", "the message is not JSON at line 1, column 4");
    check(r#"{"n":01}"#, "the message is not JSON at line 1, column 7");
    check(
        r#"{"n":NaN}"#,
        "the message is not JSON at line 1, column 6",
    );
    check(r#"{"x":"\ud800"}"#, "/x unknown");
    let found = usual().decode(br#"{"t":"\ud800"}"#);
    assert!(matches!(found, Err(DecodeError::Malformed { .. })));
    let found = usual().decode(b"{\"t\":\"\xff\"}");
    assert!(matches!(found, Err(DecodeError::NotUtf8(6))));
}

#[test]
fn depth_is_limited_for_all_of_a_message() {
    let nested = |it: usize| format!("{}1{}", "[".repeat(it), "]".repeat(it));
    check(&format!(r#"{{"x":{}}}"#, nested(15)), "/x unknown");
    let deep = "the message nests deeper than 16 levels";
    check(&format!(r#"{{"x":{}}}"#, nested(16)), deep);
    check(&format!(r#"{{"n":{}}}"#, nested(16)), deep);
    check(&format!(r#"{{"o":{{"x":{}}}}}"#, nested(15)), deep);
    check(&nested(17), deep);
    check(&format!(r#"{{"x":{}}}"#, nested(50_000)), deep);
    check(r#"{"x":["[[[[[[[[[[[[[[[[[[[[[\"[["]}"#, "/x unknown");
}

#[test]
fn size_is_limited() {
    let spaces = |it: usize| " ".repeat(it);
    check(&format!("{{}}{}", spaces(MAX_PAYLOAD_BYTES - 2)), "");
    check(
        &format!("{{}}{}", spaces(MAX_PAYLOAD_BYTES - 1)),
        "the message has 262145 bytes, at most 262144 are allowed",
    );
}

#[test]
fn undeclared_places_are_bounded_in_number_and_length() {
    let names: Vec<_> = (0..40).map(|it| format!("\"x{it}\":1")).collect();
    let payload = usual()
        .decode(format!("{{{}}}", names.join(",")).as_bytes())
        .unwrap();
    assert_eq!(
        (payload.undeclared().len(), payload.unlisted()),
        (MAX_UNDECLARED, 24)
    );
    let long = format!("{{\"{}\":1,\"{}\":1}}", "é".repeat(5000), "~".repeat(128));
    let payload = usual().decode(long.as_bytes()).unwrap();
    for it in payload.undeclared() {
        assert!(it.pointer.len() <= MAX_UNDECLARED_BYTES && it.pointer.ends_with('…'));
    }
}

#[test]
fn the_subject_token_is_the_plain_text() {
    let schema = usual();
    let payload = schema
        .decode(br#"{"t":"PK\u002d1\n","n":12.0,"b":true}"#)
        .unwrap();
    let text = |it: &str| {
        let field = schema.index_of(&Pointer::parse(it).unwrap()).unwrap();
        payload.text(field).map(|it| it.into_owned())
    };
    assert_eq!(text("/t").as_deref(), Some("PK-1\n"));
    assert_eq!(text("/n").as_deref(), Some("12.0"));
    assert_eq!(text("/o/n"), None);
}

#[test]
fn stored_marks_are_read_only_from_the_store() {
    let stored = br#"{"n":true,"o":{"n":5},"@coarse":{"/n":null,"/o/n":2.5,"/t":1,"/zz":1}}"#;
    let payload = usual().decode_stored(stored).unwrap();
    assert_eq!(payload.undeclared(), &[]);
    assert_eq!(payload.marks.len(), 2);
    let payload = usual().decode(stored).unwrap();
    let undeclared: Vec<_> = payload
        .undeclared()
        .iter()
        .map(|it| it.pointer.as_str())
        .collect();
    assert_eq!(undeclared, ["/n", "/@coarse"]);
    assert!(payload.marks.is_empty());
}

fn lists() -> Arc<Schema> {
    schema(&[
        ("/r/*/n", FieldKind::Number),
        ("/r/*/t", FieldKind::Text),
        ("/r/*/in/*/b", FieldKind::Boolean),
        ("/g/*/*", FieldKind::Number),
        ("/p/*/0", FieldKind::Number),
        ("/p/*/1", FieldKind::Number),
    ])
}

#[track_caller]
fn check_lists(message: &str, expected: &str) {
    check_under(&lists(), message, expected);
}

#[test]
fn every_element_of_a_list_is_read() {
    check_lists(
        r#"{"r":[{"n":1.50,"t":"a"},{},{"t":"b","in":[{"b":true},{},{"b":false}]},{"n":2,"in":[{"b":true}]}]}"#,
        r#"/r/*/n 1.50 2, /r/*/t "a" "b", /r/*/in/*/b true false true"#,
    );
    check_lists(
        r#"{"g":[[1,2],[],[null,3]],"p":[[1,2],{"0":3},[null,4]]}"#,
        "/g/*/* 1 2 3, /p/*/0 1 3, /p/*/1 2 4",
    );
    check_lists(r#"{"r":[],"g":null,"p":[null,[]]}"#, "");
}

#[test]
fn a_value_in_a_list_is_no_single_value() {
    let schema = lists();
    let payload = schema.decode(br#"{"r":[{"n":1}],"g":[[2]]}"#).unwrap();
    for (field, pointer) in schema.fields() {
        assert_eq!(payload.raw(field), None, "{pointer}");
        assert_eq!(payload.text(field), None, "{pointer}");
    }
    assert_eq!(payload.present().len(), 2);
}

#[test]
fn what_is_undeclared_in_a_list_is_listed_once_and_without_its_position() {
    check_lists(
        r#"{"r":[{"x":1},{"x":{"y":1}},{"n":"1"},{"n":true},7,[1]],"g":[[1,"x",[2]],{"0":1}],"p":[[1,2,3]]}"#,
        "/g/*/* 1, /p/*/0 1, /p/*/1 2, /r/*/x unknown, /r/*/n wrong-type, /r/* wrong-type, \
         /g/*/* wrong-type, /g/* wrong-type, /p/*/2 unknown",
    );
    let names: Vec<_> = (0..16).map(|it| format!("\"x{it}\":1")).collect();
    let many = vec![r#"{"y":1,"z":1}"#; 100].join(",");
    let message = format!(r#"{{{},"r":[{many}]}}"#, names.join(","));
    let payload = lists().decode(message.as_bytes()).unwrap();
    assert_eq!((payload.undeclared().len(), payload.unlisted()), (16, 1));
}

#[test]
fn a_star_means_positions_of_a_list_and_no_names() {
    check_lists(
        r#"{"r":{"0":{"n":1},"*":{"n":1}},"g":{"*":{"*":1}}}"#,
        "/r wrong-type, /g wrong-type",
    );
    check_lists(r#"{"g":[{"*":1},5]}"#, "/g/* wrong-type");
    let root = schema(&[("/x", FieldKind::Number)]);
    check_under(&root, r#"{"*":1}"#, "/* unknown");
    let deep = format!(r#"{{"r":{{"a":{}}}}}"#, "[".repeat(15) + &"]".repeat(15));
    check_lists(&deep, "the message nests deeper than 16 levels");
}

#[test]
fn a_name_twice_in_one_element_denies() {
    check_lists(
        r#"{"r":[{"n":1},{"n":2,"n":3}]}"#,
        "the message has `/r/*/n` twice",
    );
    check_lists(r#"{"r":[{"n":1},{"n":2}]}"#, "/r/*/n 1 2");
}

#[test]
fn values_in_lists_are_limited() {
    let list = |count: usize| format!(r#"{{"g":[[{}]]}}"#, vec!["1"; count].join(","));
    let payload = lists().decode(list(MAX_LISTED_VALUES).as_bytes()).unwrap();
    let count = payload
        .schema()
        .fields()
        .map(|it| payload.values(it.0).count());
    assert_eq!(count.sum::<usize>(), MAX_LISTED_VALUES);
    check_lists(
        &list(MAX_LISTED_VALUES + 1),
        "the message has more than 4096 values in lists: send it in parts",
    );
    let empty = format!(r#"{{"g":[{}]}}"#, vec!["[]"; 50_000].join(","));
    check_lists(&empty, "");
}

#[test]
fn a_number_outside_of_the_range_is_undeclared() {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.remove(0);
    let ranges = [
        (Some(-40.0), Some(85.0)),
        (Some(0.0), None),
        (None, Some(0.5)),
    ];
    let pointers = ["/a", "/b", "/l/*"];
    for (pointer, (min, max)) in pointers.into_iter().zip(ranges) {
        notice.fields.push(model::Field {
            pointer: Pointer::parse(pointer).unwrap(),
            range: Some(model::Range { min, max }),
            coarse: vec![],
            ..template.clone()
        });
    }
    let schema = Schema::compile(&notice).unwrap();
    check_under(
        &schema,
        r#"{"a":-40.0,"b":1e400,"l":[0.5,0.6,-9]}"#,
        "/a -40.0, /b 1e400, /l/* 0.5 -9, /l/* out-of-range",
    );
    check_under(
        &schema,
        r#"{"a":85.1,"b":-0.0}"#,
        "/b -0.0, /a out-of-range",
    );
    check_under(
        &schema,
        r#"{"a":"85.1","b":-1}"#,
        "/a wrong-type, /b out-of-range",
    );
    // What was stored lay in the range of its day, or is coarse by now.
    let stored = schema
        .decode_stored(br#"{"a":90,"@coarse":{"/a":10}}"#)
        .unwrap();
    assert_eq!(stored.undeclared(), &[]);
    // A message that waits while the notice changes is held against the new range.
    let wide = self::schema(&[("/a", FieldKind::Number), ("/l/*", FieldKind::Number)]);
    let waiting = wide
        .decode(br#"{"a":99,"l":[9,0.25]}"#)
        .unwrap()
        .under(&schema);
    let values = schema
        .fields()
        .map(|it| waiting.values(it.0).collect::<Vec<_>>());
    assert_eq!(values.collect::<Vec<_>>(), [vec![], vec![], vec!["0.25"]]);
}

#[test]
fn a_list_moves_to_another_notice() {
    let message = br#"{"r":[{"n":1},{"t":"x","in":[{"b":true}]}],"p":[[1,2]],"g":[[7]]}"#;
    let old = lists().decode(message).unwrap();
    let other = schema(&[
        ("/p/*/1", FieldKind::Number),
        ("/r/*/in/*/b", FieldKind::Boolean),
        ("/r/*/t", FieldKind::Number),
        ("/r/*/n", FieldKind::Number),
    ]);
    let moved = old.under(&other);
    let values = other
        .fields()
        .map(|it| moved.values(it.0).collect::<Vec<_>>());
    assert_eq!(
        values.collect::<Vec<_>>(),
        [vec!["2"], vec!["true"], vec![], vec!["1"]]
    );
    assert_eq!(moved.present().len(), 3);
}
