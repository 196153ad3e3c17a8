use super::*;
use crate::field_set::FieldIndex;
use crate::payload::Undeclared;
use model::{FieldKind, Format, Notice, Pointer};

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn schema(fields: &[(&str, FieldKind)]) -> Arc<Schema> {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.remove(0);
    notice.format = Format::Cbor;
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

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|it| u8::from_str_radix(&hex[it..it + 2], 16).unwrap())
        .collect()
}

/// What is read of one item of any kind: the first of the three fields at the root that takes it.
fn item(hex: &str) -> String {
    let kinds = [FieldKind::Number, FieldKind::Text, FieldKind::Boolean];
    let mut found = "undeclared".to_owned();
    for kind in kinds {
        match schema(&[("", kind)]).decode(&bytes(hex)) {
            Err(err) => return err.to_string(),
            Ok(payload) => match payload.raw(FieldIndex(0)) {
                Some(raw) => return raw.to_owned(),
                None if payload.undeclared().is_empty() => found = "absent".to_owned(),
                None => {}
            },
        }
    }
    found
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (hex, expected) in cases {
        assert_eq!(item(hex), *expected, "{hex}");
    }
}

#[test]
fn an_exponent_that_has_no_opposite_is_no_number() {
    // 4([-2^127, 1]) and 4([2^127 - 1, 1])
    let least = format!("c482 c350 7f{} 01", "ff".repeat(15));
    let greatest = format!("c482 c250 7f{} 01", "ff".repeat(15));
    check(&[(&least, "undeclared"), (&greatest, "undeclared")]);
}

#[test]
fn the_numbers_of_rfc_8949_appendix_a_are_read() {
    check(&[
        ("00", "0"),
        ("17", "23"),
        ("1818", "24"),
        ("1903e8", "1000"),
        ("1a000f4240", "1000000"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("c249010000000000000000", "18446744073709551616"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("c349010000000000000000", "-18446744073709551617"),
        ("20", "-1"),
        ("3903e7", "-1000"),
        ("f90000", "0"),
        ("f98000", "0"),
        ("f93c00", "1"),
        ("fb3ff199999999999a", "1.1"),
        ("f93e00", "1.5"),
        ("f97bff", "65504"),
        ("fa47c35000", "100000"),
        ("fa7f7fffff", "34028234663852886e22"),
        ("fb7e37e43c8800759c", "1e300"),
        ("f90001", "5960464477539063e-23"),
        ("f90400", "6103515625e-14"),
        ("f9c400", "-4"),
        ("fbc010666666666666", "-4.1"),
        ("c1 1a514b67b0", "1363896240"),
        ("c1 fb41d452d9ec200000", "1363896240.5"),
        ("c4 82 21 196ab3", "27315e-2"),
        ("d9d9f7 01", "1"),
    ]);
}

#[test]
fn other_single_values_are_read_or_undeclared() {
    check(&[
        ("f4", "false"),
        ("f5", "true"),
        ("f6", "absent"),
        ("f7", "absent"),
        ("6449455446", "\"IETF\""),
        ("62225c", r#""\"\\""#),
        ("63e6b0b4", "\"水\""),
        ("7f657374726561646d696e67ff", "\"streaming\""),
        (
            "c074323031332d30332d32315432303a30343a30305a",
            "\"2013-03-21T20:04:00Z\"",
        ),
        ("f97c00", "undeclared"),
        ("f97e00", "undeclared"),
        ("fbfff0000000000000", "undeclared"),
        ("f0", "undeclared"),
        ("f8ff", "undeclared"),
        ("4401020304", "undeclared"),
        ("5f42010243030405ff", "undeclared"),
        ("d74401020304", "undeclared"),
        (
            "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
            "undeclared",
        ),
        ("c0 01", "undeclared"),
        ("c1 6161", "undeclared"),
        ("c4 82 1903e8 01", "undeclared"),
        ("c251 0100000000000000000000000000000000", "undeclared"),
        ("80", "undeclared"),
        ("bf6346756ef563416d7421ff", "undeclared"),
    ]);
}

#[test]
fn what_is_not_well_formed_is_refused_at_its_byte() {
    let at = |it: usize| format!("the message is not CBOR at byte {it}");
    for (hex, place) in [
        ("", 0),
        ("18", 0),
        ("1c", 0),
        ("f800", 0),
        ("f81f", 0),
        ("1f", 0),
        ("df01", 0),
        ("ff", 1),
        ("41", 1),
        ("61", 1),
        ("61ff", 1),
        ("62c3", 1),
        ("7f4100ff", 2),
        ("7f7fffff", 2),
        ("5f00ff", 2),
        ("81", 1),
        ("8200", 2),
        ("a1", 1),
        ("bf00ff", 3),
        ("9f", 1),
        ("81ff", 2),
        ("c0", 1),
        ("0000", 1),
        ("9bffffffffffffffff", 9),
        ("7bffffffffffffffff", 9),
    ] {
        assert_eq!(item(hex), at(place), "{hex}");
    }
}

/// Values by pointer, then undeclared places, or the error.
#[track_caller]
fn check_message(hex: &str, expected: &str) {
    let schema = schema(&[
        ("/n", FieldKind::Number),
        ("/o/t", FieldKind::Text),
        ("/7", FieldKind::Number),
        ("/r/*/c", FieldKind::Number),
        ("/l/1", FieldKind::Number),
    ]);
    let found = match schema.decode(&bytes(hex)) {
        Err(err) => err.to_string(),
        Ok(payload) => {
            let one = |(field, pointer): (_, &Pointer)| {
                let values: Vec<_> = payload.values(field).collect();
                (!values.is_empty()).then(|| format!("{pointer} {}", values.join(" ")))
            };
            let undeclared = |it: &Undeclared| format!("{} {}", it.pointer, it.reason.as_str());
            let values = schema.fields().filter_map(one);
            let undeclared = payload.undeclared().iter().map(undeclared);
            values.chain(undeclared).collect::<Vec<_>>().join(", ")
        }
    };
    assert_eq!(found, expected, "{hex}");
}

#[test]
fn maps_and_arrays_are_read_by_the_pointers_of_the_notice() {
    // {"n": 1, "o": {"t": "x"}, 7: 2, "r": [{"c": 3}, {}, {"c": 4, "y": 1}], "l": [0, 5]}
    check_message(
        "a5 616e 01 616f a1 6174 6178 07 02 6172 83 a1 6163 03 a0 a2 6163 04 6179 01 616c 82 00 05",
        r#"/n 1, /o/t "x", /7 2, /r/*/c 3 4, /l/1 5, /r/*/y unknown, /l/0 unknown"#,
    );
    // The same with lengths left open.
    check_message(
        "bf 616e 01 616f bf 6174 7f 6178 ff ff 6172 9f bf 6163 03 ff ff ff",
        r#"/n 1, /o/t "x", /r/*/c 3"#,
    );
}

#[test]
fn other_shapes_are_undeclared() {
    // {"n": [1], "o": 5, "r": {"c": 1}, "l": h'00', 1.5: 1, h'01': 2, "x": null, "y": 1}
    check_message(
        "a8 616e 8101 616f 05 6172 a1616301 616c 4100 f93e00 01 4101 02 6178 f6 6179 01",
        "/n wrong-type, /o wrong-type, /r wrong-type, /l wrong-type,  wrong-type, /y unknown",
    );
}

#[test]
fn a_declared_key_twice_denies() {
    check_message("a2 616e 01 616e 02", "the message has `/n` twice");
    check_message("a2 07 01 6137 02", "the message has `/7` twice");
    check_message("a2 616e f6 616e 02", "the message has `/n` twice");
}

#[test]
fn depth_is_limited() {
    let deep = "the message nests deeper than 16 levels";
    check_message(&format!("a16178 {} 01", "81".repeat(15)), "/x unknown");
    check_message(&format!("a16178 {} 01", "81".repeat(16)), deep);
    check_message(&format!("a16178 {} 01", "c1".repeat(16)), deep);
    check_message(&format!("{} 01", "d9d9f7".repeat(17)), deep);
    check_message(&format!("a16178 {}", "9f".repeat(100_000)), deep);
    check_message(&format!("a16178 {}", "c4820081".repeat(60_000)), deep);
    check_message(&format!("{} a0", "a1".repeat(100_000)), deep);
}
