use super::*;
use crate::payload::Undeclared;
use model::{FieldKind, Format, Notice, Pointer};

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn schema(format: Format, fields: &[(&str, FieldKind, Option<&str>)]) -> Arc<Schema> {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.remove(0);
    notice.format = format;
    for (pointer, kind, unit) in fields {
        notice.fields.push(model::Field {
            pointer: Pointer::parse(pointer).unwrap(),
            kind: *kind,
            unit: unit.map(str::to_owned),
            coarse: vec![],
            ..template.clone()
        });
    }
    Schema::compile(&notice).unwrap()
}

fn usual(format: Format) -> Arc<Schema> {
    let fields = [
        ("/temp", FieldKind::Number, Some("Cel")),
        ("/urn:dev:1:hum", FieldKind::Number, Some("%RH")),
        ("/a~1b", FieldKind::Number, None),
        ("/open", FieldKind::Boolean, None),
        ("/label", FieldKind::Text, None),
        ("/deep/x", FieldKind::Number, None),
    ];
    schema(format, &fields)
}

/// Values by pointer and undeclared places of each message, or the error.
fn read(schema: &Arc<Schema>, pack: &[u8]) -> String {
    let messages = match schema.decode_all(pack) {
        Err(err) => {
            let source = std::error::Error::source(&err).map(ToString::to_string);
            return source.unwrap_or_else(|| err.to_string());
        }
        Ok(messages) => messages,
    };
    let message = |it: &Payload| {
        let value = |(field, pointer): (_, &Pointer)| Some(format!("{pointer} {}", it.raw(field)?));
        let undeclared = |it: &Undeclared| format!("{} {}", it.pointer, it.reason.as_str());
        let undeclared = it.undeclared().iter().map(undeclared);
        let values = schema.fields().filter_map(value);
        values.chain(undeclared).collect::<Vec<_>>().join(", ")
    };
    let messages: Vec<_> = messages.iter().map(|it| message(it)).collect();
    messages.join(" | ")
}

#[track_caller]
fn check(pack: &str, expected: &str) {
    let found = read(&usual(Format::SenmlJson), pack.as_bytes());
    assert_eq!(found, expected, "{pack}");
}

#[test]
fn the_full_name_counts_before_the_name_alone() {
    check(
        r#"[{"bn":"urn:dev:1:","n":"temp","v":23.10},{"n":"hum","v":60}]"#,
        "/temp 23.10, /urn:dev:1:hum 60",
    );
    check(r#"[{"bn":"a/","n":"b","v":1}]"#, "/a~1b 1");
    check(r#"[{"bn":"temp","v":1}]"#, "/temp 1");
    check(
        r#"[{"n":"urn:dev:1:hum","v":1},{"n":"hum","v":2}]"#,
        "/urn:dev:1:hum 1, /hum unknown",
    );
    check(
        r#"[{"n":"*","v":1},{"n":"deep","v":1}]"#,
        "/* unknown, /deep wrong-type",
    );
}

#[test]
fn every_type_of_value_is_read() {
    check(
        r#"[{"n":"temp","v":-1.5e3},{"n":"open","vb":false},{"n":"label","vs":"\u0061"}]"#,
        r#"/temp -1.5e3, /open false, /label "\u0061""#,
    );
    check(
        r#"[{"n":"temp","vs":"1"},{"n":"open","v":1},{"n":"label","vd":"aGk"},{"n":"x","vd":"aGk"}]"#,
        "/temp wrong-type, /open wrong-type, /label wrong-type, /x unknown",
    );
}

#[test]
fn base_values_are_added_exactly_and_last_until_the_next() {
    check(
        r#"[{"bn":"temp","bv":0.1,"bu":"Cel","v":0.2}]"#,
        "/temp 0.3",
    );
    check(
        r#"[{"bv":20},{"n":"temp","v":3.5},{"bv":-1},{"n":"a/b","v":1},{"n":"label","vs":"x"}]"#,
        r#"/temp 23.5, /a~1b 0, /label "x""#,
    );
    check(r#"[{"bv":1e40,"n":"temp","v":1}]"#, "/temp wrong-type");
}

#[test]
fn another_unit_is_another_thing() {
    check(r#"[{"n":"temp","u":"K","v":290}]"#, "/temp wrong-type");
    check(r#"[{"bu":"K","n":"temp","v":290}]"#, "/temp wrong-type");
    check(r#"[{"bu":"K","n":"temp","u":"Cel","v":17}]"#, "/temp 17");
    check(
        r#"[{"n":"temp","u":"K","v":290},{"n":"temp","u":"Cel","v":17}]"#,
        "/temp 17, /temp wrong-type",
    );
    check(r#"[{"n":"a/b","u":"anything","v":1}]"#, "/a~1b 1");
}

#[test]
fn each_time_is_a_message_and_time_ascends() {
    check(
        r#"[{"bt":1700000000,"n":"temp","v":3},{"t":-5,"n":"temp","v":1},{"t":-5.0,"n":"open","vb":true},{"t":-4.999999999,"n":"temp","v":2}]"#,
        "/temp 1, /open true | /temp 2 | /temp 3",
    );
    check(
        r#"[{"n":"temp","v":3},{"t":-10,"n":"temp","v":2},{"t":268435456,"n":"temp","v":1},{"n":"a/b","v":3}]"#,
        "/temp 1 | /temp 2 | /temp 3, /a~1b 3",
    );
    check(
        r#"[{"t":1e30,"n":"temp","v":3}]"#,
        "record 1 is not as RFC 8428 asks",
    );
}

#[test]
fn one_field_twice_at_one_time_denies() {
    let twice = "the message has `/temp` twice";
    check(r#"[{"n":"temp","v":1},{"n":"temp","v":1}]"#, twice);
    check(
        r#"[{"bn":"a:","n":"temp","v":1},{"bn":"b:","n":"temp","v":1}]"#,
        twice,
    );
}

#[test]
fn sums_and_labels_that_nobody_knows_are_undeclared() {
    check(
        r#"[{"n":"temp","v":1,"s":5,"wifi":"home","a/b":{"x":[1]}},{"n":"z","s":1,"ut":60}]"#,
        "/temp 1, /temp/s unknown, /temp/wifi unknown, /temp/a~1b unknown, /z/s unknown",
    );
}

#[test]
fn what_must_be_understood_and_is_not_denies() {
    check(
        r#"[{"n":"temp","v":1},{"n":"a/b","v":1,"secret_":1}]"#,
        "record 2 has a label that must be understood (it ends with `_`) and is not known here",
    );
    let long = format!(r#"[{{"n":"temp","v":1,"{}_":1}}]"#, "x".repeat(400));
    check(
        &long,
        "record 1 has a label that must be understood (it ends with `_`) and is not known here",
    );
    for version in ["0", "11", "27", "10.0", "\"10\""] {
        check(
            &format!(r#"[{{"bver":{version},"n":"temp","v":1}}]"#),
            "record 1 is of a version that is not known here: those up to 10, and 26, are",
        );
    }
    check(r#"[{"bver":10,"n":"temp","v":1}]"#, "/temp 1");
    check(r#"[{"bver":5,"n":"temp","v":1}]"#, "/temp 1");
    check(r#"[{"bver":26,"n":"temp","v":1}]"#, "/temp 1");
}

#[test]
fn what_is_no_pack_is_refused() {
    for pack in ["[]", "{}", "5", "[5]", r#"[{"bn":"x"}]"#, "[{}]", "[[]]"] {
        check(pack, "it is no list of records");
    }
    for record in [
        r#"{"n":5,"v":1}"#,
        r#"{"n":"temp","v":"1"}"#,
        r#"{"n":"temp","vs":[1]}"#,
        r#"{"n":"temp","v":1,"vb":true}"#,
        r#"{"n":"temp","n":"temp","v":1}"#,
        r#"{"n":"temp","v":1,"v":2}"#,
        r#"{"n":"temp","v":1,"t":"now"}"#,
        r#"{"n":"temp","v":1,"s":true}"#,
    ] {
        check(&format!("[{record}]"), "record 1 is not as RFC 8428 asks");
    }
    check("[", "the message is not JSON at line 1, column 1");
    check(
        r#"[{"n":"temp","v":1}]]"#,
        "the message is not JSON at line 1, column 21",
    );
    check(
        r#"[{"n":"label","vs":"\ud800"}]"#,
        "record 1 is not as RFC 8428 asks",
    );
}

#[test]
fn a_pack_is_limited_in_records_times_names_and_depth() {
    let pack = |count: usize, record: &dyn Fn(usize) -> String| {
        let records: Vec<_> = (0..count).map(record).collect();
        format!("[{}]", records.join(","))
    };
    let same = |it: usize| format!(r#"{{"n":"x{it}","v":1}}"#);
    let usual = usual(Format::SenmlJson);
    assert!(
        usual
            .decode_all(pack(MAX_RECORDS, &same).as_bytes())
            .is_ok()
    );
    check(
        &pack(MAX_RECORDS + 1, &same),
        "it has more than 4096 records: send it in parts",
    );
    let later = |it: usize| format!(r#"{{"n":"temp","v":1,"t":{it}}}"#);
    let messages = usual.decode_all(pack(MAX_MESSAGES, &later).as_bytes());
    assert_eq!(messages.unwrap().len(), MAX_MESSAGES);
    check(
        &pack(MAX_MESSAGES + 1, &later),
        "it has more than 128 different times: send it in parts",
    );
    let long = format!(r#"[{{"n":"{}","v":1}}]"#, "n".repeat(513));
    check(&long, "the name of record 1 is longer than 512 bytes");
    let deep = format!(
        r#"[{{"n":"temp","v":1,"x":{}{}}}]"#,
        "[".repeat(15),
        "]".repeat(15)
    );
    check(&deep, "the message nests deeper than 16 levels");
}

#[test]
fn one_message_is_asked_for_and_a_pack_of_several_is_refused() {
    let pack = br#"[{"n":"temp","v":1},{"n":"temp","v":2,"t":-1}]"#;
    let found = usual(Format::SenmlJson).decode(pack).unwrap_err();
    assert_eq!(found, DecodeError::Several(2));
    assert!(
        usual(Format::SenmlJson)
            .decode(br#"[{"n":"temp","v":1}]"#)
            .is_ok()
    );
}

/// The same in CBOR, given as hex.
#[track_caller]
fn check_cbor(hex: &str, expected: &str) {
    let hex: String = hex.split_whitespace().collect();
    let pairs = (0..hex.len()).step_by(2);
    let bytes: Vec<_> = pairs
        .map(|it| u8::from_str_radix(&hex[it..it + 2], 16).unwrap())
        .collect();
    assert_eq!(read(&usual(Format::SenmlCbor), &bytes), expected, "{hex}");
}

#[test]
fn cbor_packs_have_numbers_for_labels() {
    // [{-2: "urn:dev:1:", -3: 1700000000, 0: "temp", 1: "Cel", 2: 23.1}, {0: "hum", 2: 4([-1, 605]), 6: -5}]
    check_cbor(
        "82 a5 21 6a75726e3a6465763a313a 22 1a6553f100 00 6474656d70 01 6343656c 02 fb403719999999999a \
         a3 00 6368756d 02 c4822019025d 06 24",
        "/urn:dev:1:hum 605e-1 | /temp 23.1",
    );
    // [{"n": "open", 4: true}, {0: "label", 8: h'00'}, {0: "label", 3: "x", 99: 1}]
    check_cbor(
        "83 a2 616e 646f70656e 04 f5 a2 00 656c6162656c 08 4100 a3 00 656c6162656c 03 6178 1863 01",
        r#"the message has `/label` twice"#,
    );
    check_cbor(
        "82 a2 616e 646f70656e 04 f5 a3 00 656c6162656c 03 6178 1863 01",
        r#"/open true, /label "x", /label/99 unknown"#,
    );
    check_cbor("80", "it is no list of records");
    check_cbor("a0", "it is no list of records");
    check_cbor("8101", "record 1 is not as RFC 8428 asks");
    check_cbor(
        "81 a2 00 6474656d70 02",
        "the message is not CBOR at byte 9",
    );
    check_cbor(
        "81 a3 00 6474656d70 02 01 62785f 01",
        "record 1 has a label that must be understood (it ends with `_`) and is not known here",
    );
    check_cbor("81 a2 00 6474656d70 02 f97e00", "/temp wrong-type");
}
