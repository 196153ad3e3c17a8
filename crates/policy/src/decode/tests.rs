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
    let schema = usual();
    let found = match schema.decode(message.as_bytes()) {
        Err(err) => err.to_string(),
        Ok(payload) => {
            let values = schema
                .fields()
                .filter_map(|(field, pointer)| Some(format!("{pointer} {}", payload.raw(field)?)));
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
