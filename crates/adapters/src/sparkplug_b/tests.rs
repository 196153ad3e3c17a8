//! The payloads are made by `prost`, from the field numbers of `sparkplug_b.proto` (Sparkplug 3.0.0 section 6.4.1), not by
//! anything of this crate.

use prost::Message as _;

use super::*;

mod commands;

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoPayload {
    #[prost(uint64, optional, tag = "1")]
    timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<ProtoMetric>,
    #[prost(uint64, optional, tag = "3")]
    seq: Option<u64>,
    #[prost(string, optional, tag = "4")]
    uuid: Option<String>,
    #[prost(bytes = "vec", optional, tag = "5")]
    body: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoMetric {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    alias: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    is_historical: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    is_null: Option<bool>,
    #[prost(oneof = "ProtoValue", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18")]
    value: Option<ProtoValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ProtoValue {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
    #[prost(bytes, tag = "16")]
    Bytes(Vec<u8>),
    #[prost(bytes, tag = "17")]
    DataSet(Vec<u8>),
    #[prost(message, tag = "18")]
    Template(ProtoTemplate),
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoTemplate {
    #[prost(string, optional, tag = "1")]
    version: Option<String>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<ProtoMetric>,
    #[prost(string, optional, tag = "4")]
    template_ref: Option<String>,
    #[prost(bool, optional, tag = "5")]
    is_definition: Option<bool>,
}

fn metric(name: &str, datatype: u32, value: ProtoValue) -> ProtoMetric {
    ProtoMetric {
        name: Some(name.to_owned()),
        datatype: Some(datatype),
        value: Some(value),
        ..ProtoMetric::default()
    }
}

/// A metric of a birth, with its alias.
fn born(name: &str, alias: u64, datatype: u32, value: ProtoValue) -> ProtoMetric {
    ProtoMetric {
        alias: Some(alias),
        ..metric(name, datatype, value)
    }
}

/// A metric of data, as most edge nodes send it: the alias and the value.
fn known(alias: u64, value: ProtoValue) -> ProtoMetric {
    ProtoMetric {
        alias: Some(alias),
        value: Some(value),
        ..ProtoMetric::default()
    }
}

fn payload(seq: u64, metrics: Vec<ProtoMetric>) -> Vec<u8> {
    ProtoPayload {
        timestamp: Some(1_486_144_502_122),
        metrics,
        seq: Some(seq),
        ..ProtoPayload::default()
    }
    .encode_to_vec()
}

type Messages = Result<Vec<(String, String)>, TakeError>;

fn said(memory: &mut Memory, topic: &str, payload: &[u8]) -> Messages {
    let all = take(memory, topic, payload)?;
    Ok(all
        .into_iter()
        .map(|it| {
            let device = it.device.unwrap().into_owned();
            (device, String::from_utf8(it.body.into_owned()).unwrap())
        })
        .collect())
}

fn one(device: &str, body: &str) -> Messages {
    Ok(vec![(device.to_owned(), body.to_owned())])
}

const NODE_BIRTH: &str = "spBv1.0/Home/NBIRTH/Pi";
const NODE_DATA: &str = "spBv1.0/Home/NDATA/Pi";
const NODE_DEATH: &str = "spBv1.0/Home/NDEATH/Pi";
const BIRTH: &str = "spBv1.0/Home/DBIRTH/Pi/Pibrella";
const DATA: &str = "spBv1.0/Home/DDATA/Pi/Pibrella";
const DEATH: &str = "spBv1.0/Home/DDEATH/Pi/Pibrella";

/// An edge node and its device, both born.
fn alive() -> Memory {
    let mut memory = Memory::default();
    let birth = payload(
        0,
        vec![
            metric("bdSeq", 8, ProtoValue::Long(7)),
            born("Uptime", 1, 8, ProtoValue::Long(5)),
        ],
    );
    assert_eq!(
        said(&mut memory, NODE_BIRTH, &birth),
        one("Home/Pi", r#"{"Uptime":5,"bdSeq":7}"#)
    );
    let birth = payload(
        1,
        vec![
            born("Inputs/A", 10, 11, ProtoValue::Boolean(false)),
            born("Level", 11, 1, ProtoValue::Int(3)),
        ],
    );
    assert_eq!(
        said(&mut memory, BIRTH, &birth),
        one("Home/Pi/Pibrella", r#"{"Inputs/A":false,"Level":3}"#)
    );
    memory
}

#[test]
fn data_by_alias_has_the_name_and_type_of_the_birth() {
    let mut memory = alive();
    let data = payload(
        2,
        vec![
            known(10, ProtoValue::Boolean(true)),
            known(11, ProtoValue::Int(0xffff_fffb)),
        ],
    );
    assert_eq!(
        said(&mut memory, DATA, &data),
        one("Home/Pi/Pibrella", r#"{"Inputs/A":true,"Level":-5}"#)
    );
    let data = payload(3, vec![known(1, ProtoValue::Long(6))]);
    assert_eq!(
        said(&mut memory, NODE_DATA, &data),
        one("Home/Pi", r#"{"Uptime":6}"#)
    );
    let named = ProtoMetric {
        datatype: None,
        ..metric("Level", 0, ProtoValue::Int(4))
    };
    assert_eq!(
        said(&mut memory, DATA, &payload(4, vec![named])),
        one("Home/Pi/Pibrella", r#"{"Level":4}"#)
    );
    assert_eq!(memory.gaps(), 0);
}

/// `tck-id-payloads-sequence-num-incrementing`: 255 is followed by 0.
#[test]
fn after_a_gap_an_alias_means_nothing_until_the_next_birth() {
    let mut memory = alive();
    for seq in 2..=256 + 2 {
        let data = payload(seq % 256, vec![known(10, ProtoValue::Boolean(true))]);
        assert!(said(&mut memory, DATA, &data).is_ok(), "{seq}");
    }
    let by_alias = payload(5, vec![known(10, ProtoValue::Boolean(true))]);
    assert_eq!(said(&mut memory, DATA, &by_alias), Err(TakeError::Unborn));
    assert_eq!(memory.gaps(), 1);
    let by_name = payload(6, vec![metric("Inputs/A", 11, ProtoValue::Boolean(true))]);
    assert_eq!(
        said(&mut memory, DATA, &by_name),
        one("Home/Pi/Pibrella", r#"{"Inputs/A":true}"#)
    );
    let birth = payload(
        7,
        vec![born("Inputs/B", 10, 11, ProtoValue::Boolean(false))],
    );
    assert!(said(&mut memory, BIRTH, &birth).is_ok());
    let data = payload(8, vec![known(10, ProtoValue::Boolean(true))]);
    assert_eq!(
        said(&mut memory, DATA, &data),
        one("Home/Pi/Pibrella", r#"{"Inputs/B":true}"#)
    );
    assert_eq!(memory.gaps(), 1);
}

#[test]
fn a_death_ends_what_the_birth_said() {
    let mut memory = alive();
    assert_eq!(said(&mut memory, DEATH, &payload(2, vec![])), Ok(vec![]));
    let data = payload(3, vec![known(10, ProtoValue::Boolean(true))]);
    assert_eq!(said(&mut memory, DATA, &data), Err(TakeError::Unborn));

    // A death of the life before, which came late: the node lives on.
    let late = ProtoPayload {
        metrics: vec![metric("bdSeq", 8, ProtoValue::Long(6))],
        ..ProtoPayload::default()
    };
    assert_eq!(
        said(&mut memory, NODE_DEATH, &late.encode_to_vec()),
        Ok(vec![])
    );
    let data = payload(4, vec![known(1, ProtoValue::Long(6))]);
    assert!(said(&mut memory, NODE_DATA, &data).is_ok());
    let death = ProtoPayload {
        metrics: vec![metric("bdSeq", 8, ProtoValue::Long(7))],
        ..ProtoPayload::default()
    };
    assert_eq!(
        said(&mut memory, NODE_DEATH, &death.encode_to_vec()),
        Ok(vec![])
    );
    let data = payload(5, vec![known(1, ProtoValue::Long(6))]);
    assert_eq!(said(&mut memory, NODE_DATA, &data), Err(TakeError::Unborn));
}

#[test]
fn an_alias_of_one_device_means_nothing_to_another() {
    let mut memory = alive();
    let data = payload(2, vec![known(10, ProtoValue::Boolean(true))]);
    assert_eq!(
        said(&mut memory, "spBv1.0/Home/DDATA/Pi/Other", &data),
        Err(TakeError::Unborn)
    );
    let data = payload(3, vec![known(10, ProtoValue::Boolean(true))]);
    assert_eq!(said(&mut memory, NODE_DATA, &data), Err(TakeError::Unborn));
}

#[test]
fn commands_and_states_carry_no_reading() {
    let mut memory = Memory::default();
    for topic in [
        "spBv1.0/Home/NCMD/Pi",
        "spBv1.0/Home/DCMD/Pi/Pibrella",
        "spBv1.0/STATE/host",
        "STATE/host",
    ] {
        assert_eq!(said(&mut memory, topic, b"whatever"), Ok(vec![]), "{topic}");
    }
    for topic in [
        "spAv1.0/Home/NDATA/Pi",
        "spBv1.0/Home/NDATA",
        "spBv1.0/Home/NDATA/Pi/Pibrella",
        "spBv1.0/Home/DDATA/Pi",
        "spBv1.0/Home/DDATA/Pi/a/b",
        "spBv1.0/Home/DDATA/Pi/",
        "spBv1.0//NDATA/Pi",
        "spBv1.0/Home/XDATA/Pi",
    ] {
        assert_eq!(
            said(&mut memory, topic, &payload(0, vec![])),
            Err(TakeError::OtherTopic),
            "{topic}"
        );
    }
}

#[track_caller]
fn check(datatype: u32, value: ProtoValue, expected: Result<&str, TakeError>) {
    let mut memory = Memory::default();
    let payload = payload(0, vec![metric("m", datatype, value)]);
    let expected = expected.and_then(|it| match it {
        "" => Ok(vec![]),
        value => one("Home/Pi", &format!(r#"{{"m":{value}}}"#)),
    });
    assert_eq!(said(&mut memory, NODE_DATA, &payload), expected);
}

/// Section 6.4.16, each data type; integers cut to their width and with their sign extended.
#[test]
fn each_data_type_has_its_json() {
    use ProtoValue::{Boolean, DataSet, Double, Float, Int, Long, Text};
    check(1, Int(0xfe), Ok("-2"));
    check(1, Int(0xffff_fffe), Ok("-2"));
    check(1, Long(u64::MAX - 1), Ok("-2"));
    check(1, Int(127), Ok("127"));
    check(1, Int(0x1fe), Err(TakeError::MetricType));
    check(2, Int(0x8000), Ok("-32768"));
    check(3, Int(0x8000_0000), Ok("-2147483648"));
    check(3, Long(1 << 40), Err(TakeError::MetricType));
    check(4, Long(u64::MAX), Ok("-1"));
    check(4, Long(5), Ok("5"));
    check(5, Int(255), Ok("255"));
    check(7, Int(u32::MAX), Ok("4294967295"));
    check(7, Long(9), Ok("9"));
    check(8, Long(u64::MAX), Ok("18446744073709551615"));
    check(9, Float(0.1), Ok("0.1"));
    check(9, Float(f32::NAN), Ok("null"));
    check(10, Double(-2.5e300), Ok("-2.5e+300"));
    check(10, Double(f64::INFINITY), Ok("null"));
    check(11, Boolean(true), Ok("true"));
    check(12, Text("a\"b".to_owned()), Ok(r#""a\"b""#));
    check(13, Long(1_486_144_502_122), Ok("1486144502122"));
    check(14, Text("long".to_owned()), Ok(r#""long""#));
    check(17, ProtoValue::Bytes(vec![1, 2, 3]), Ok(r#""AQID""#));
    check(16, DataSet(vec![]), Ok("[]"));
    check(11, DataSet(vec![]), Err(TakeError::MetricType));
    check(11, Int(1), Err(TakeError::MetricType));
    check(12, Boolean(true), Err(TakeError::MetricType));
    check(0, Int(1), Err(TakeError::Unborn));
    check(0, Float(1.5), Ok("1.5"));
}

/// Section 6.4.17, with its examples.
#[test]
fn arrays_are_packed() {
    let check = |datatype, bytes: &[u8], expected| {
        check(datatype, ProtoValue::Bytes(bytes.to_vec()), expected);
    };
    check(22, &[0xef, 0x7b], Ok("[-17,123]"));
    check(23, &[0xd0, 0x8a, 0x30, 0x75], Ok("[-30000,30000]"));
    check(
        24,
        &[0xff, 0xff, 0xff, 0xff, 0x71, 0xbf, 0xca, 0x12],
        Ok("[-1,315277169]"),
    );
    check(26, &[0x17, 0xfa], Ok("[23,250]"));
    check(27, &[0x1e, 0x00], Ok("[30]"));
    check(
        32,
        &[0x0c, 0, 0, 0, 0x34, 0xd0],
        Ok("[false,false,true,true,false,true,false,false,true,true,false,true]"),
    );
    check(33, b"ABC\0hello\0", Ok(r#"["ABC","hello"]"#));
    check(33, b"ABC", Err(TakeError::MetricType));
    check(32, &[0x0c, 0, 0, 0, 0x34], Err(TakeError::MetricType));
    check(
        32,
        &[0xff, 0xff, 0xff, 0xff, 0x34],
        Err(TakeError::MetricType),
    );
    check(24, &[1, 2, 3], Err(TakeError::MetricType));
    check(29, &[], Ok("[]"));
}

#[test]
fn a_null_is_said_and_a_missing_value_too() {
    let mut memory = Memory::default();
    let mut null = metric("a", 9, ProtoValue::Float(1.0));
    null.is_null = Some(true);
    let mut none = metric("b", 9, ProtoValue::Float(1.0));
    none.value = None;
    assert_eq!(
        said(&mut memory, NODE_DATA, &payload(0, vec![null, none])),
        one("Home/Pi", r#"{"a":null,"b":null}"#)
    );
}

fn template(metrics: Vec<ProtoMetric>, is_definition: bool) -> ProtoValue {
    ProtoValue::Template(ProtoTemplate {
        metrics,
        is_definition: Some(is_definition),
        ..ProtoTemplate::default()
    })
}

#[test]
fn a_template_is_an_object_and_a_definition_is_nothing() {
    let metrics = vec![
        metric("RPMs", 3, ProtoValue::Int(123)),
        metric("AMPs", 3, ProtoValue::Int(456)),
    ];
    check(
        19,
        template(metrics.clone(), false),
        Ok(r#"{"RPMs":123,"AMPs":456}"#),
    );
    check(19, template(metrics, true), Ok(""));
    let mut nested = template(vec![], false);
    for _ in 0..4 {
        nested = template(vec![metric("in", 19, nested)], false);
    }
    check(19, nested, Err(TakeError::MetricType));
}

#[test]
fn several_values_of_one_name_are_several_messages_in_order() {
    let mut memory = Memory::default();
    let at = |timestamp, name, value| ProtoMetric {
        timestamp: Some(timestamp),
        is_historical: Some(true),
        ..metric(name, 7, ProtoValue::Int(value))
    };
    let stored = payload(
        0,
        vec![
            at(20, "a", 2),
            at(10, "a", 1),
            at(11, "b", 5),
            at(30, "a", 3),
        ],
    );
    let device = "Home/Pi".to_owned();
    assert_eq!(
        said(&mut memory, NODE_DATA, &stored),
        Ok(vec![
            (device.clone(), r#"{"a":1,"b":5}"#.to_owned()),
            (device.clone(), r#"{"a":2}"#.to_owned()),
            (device, r#"{"a":3}"#.to_owned()),
        ])
    );
}

#[test]
fn what_is_no_payload_is_refused() {
    let mut memory = Memory::default();
    for bytes in [
        &b"{\"a\":1}"[..],
        &[0x0b],
        &[0x12, 0x05, 0x00],
        &[0x08],
        &[0x00, 0x00],
        &[
            0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
        ],
        &[0x0d, 0, 0, 0, 0],
    ] {
        assert_eq!(
            said(&mut memory, NODE_DATA, bytes),
            Err(TakeError::NotProtobuf),
            "{bytes:x?}"
        );
    }
    let compressed = ProtoPayload {
        uuid: Some("SPBV1.0_COMPRESSED".to_owned()),
        body: Some(vec![1]),
        ..ProtoPayload::default()
    };
    assert_eq!(
        said(&mut memory, NODE_DATA, &compressed.encode_to_vec()),
        Err(TakeError::Compressed)
    );
    let many = vec![metric("a", 11, ProtoValue::Boolean(true)); MAX_METRICS + 1];
    assert_eq!(
        said(&mut memory, NODE_DATA, &payload(0, many)),
        Err(TakeError::TooManyMetrics)
    );
    let nameless = ProtoMetric {
        value: Some(ProtoValue::Boolean(true)),
        ..ProtoMetric::default()
    };
    assert_eq!(
        said(&mut memory, NODE_BIRTH, &payload(0, vec![nameless])),
        Err(TakeError::Missing("name"))
    );
}

/// A small packet must not become a large one by what its birth said, nor by the names of columns.
#[test]
fn what_is_made_of_a_packet_is_bounded() {
    let mut memory = Memory::default();
    let name = "a".repeat(20_000);
    let birth = payload(0, vec![born(&name, 1, 11, ProtoValue::Boolean(true))]);
    assert!(said(&mut memory, NODE_BIRTH, &birth).is_ok());
    let times = |count| vec![known(1, ProtoValue::Boolean(true)); count];
    let few = said(&mut memory, NODE_DATA, &payload(1, times(50)));
    assert_eq!(few.map(|it| it.len()), Ok(50));
    let many = said(&mut memory, NODE_DATA, &payload(2, times(60)));
    assert_eq!(many, Err(TakeError::TooLong));

    // One column with a long name of type Boolean, and 500 rows with a null each.
    let mut table = [&[0x12, 0xe8, 0x07][..], &[b'a'; 1_000], &[0x18, 11]].concat();
    table.extend([0x22, 2, 0x0a, 0].repeat(500));
    let tables = |count| {
        let one = |it| metric(&format!("t{it}"), 16, ProtoValue::DataSet(table.clone()));
        payload(3, (0..count).map(one).collect())
    };
    assert!(said(&mut memory, NODE_DATA, &tables(2)).is_ok());
    let many = said(&mut memory, NODE_DATA, &tables(3));
    assert_eq!(many, Err(TakeError::TooLong));

    let bits = [&2_000_000_u32.to_le_bytes()[..], &[0; 250_000]].concat();
    let array = metric("bits", 32, ProtoValue::Bytes(bits));
    let made = said(&mut memory, NODE_DATA, &payload(4, vec![array]));
    assert_eq!(made, Err(TakeError::MetricType));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut memory = Memory::default();
    for idx in 0..MAX_EDGE_NODES {
        let topic = format!("spBv1.0/Home/NBIRTH/{idx}");
        assert!(said(&mut memory, &topic, &payload(0, vec![])).is_ok());
    }
    for kind in ["NBIRTH/more", "DBIRTH/more/device"] {
        assert_eq!(
            said(
                &mut memory,
                &format!("spBv1.0/Home/{kind}"),
                &payload(0, vec![])
            ),
            Err(TakeError::TooMuchToRemember)
        );
    }

    let mut memory = Memory::default();
    // One name under ever more aliases, device after device.
    let birth: Vec<_> = (0..MAX_METRICS as u64)
        .map(|alias| born("n", alias, 11, ProtoValue::Boolean(true)))
        .collect();
    let refused = (0..100).find(|idx| {
        let topic = format!("spBv1.0/Home/DBIRTH/Pi/{idx}");
        said(&mut memory, &topic, &payload(*idx, birth.clone()))
            == Err(TakeError::TooMuchToRemember)
    });
    assert_eq!(refused, Some(2));
    assert!(memory.size_bytes() <= MAX_MEMORY_BYTES);
}

fn asked(memory: &mut Memory, at: i64) -> Vec<Answer> {
    let mut answers = Vec::new();
    memory.answers(Timestamp::from_millis(at), &mut answers);
    answers
}

/// Section 6.4.25, and `tck-id-host-reordering-rebirth`: after a message that was missed, and after an alias that no birth
/// told, the births are asked for.
#[test]
fn an_edge_node_is_asked_for_its_births_when_they_are_missing() {
    const AT: i64 = 1_700_000_000_000;
    let mut memory = alive();
    assert_eq!(asked(&mut memory, AT), []);
    let by_alias = |seq| payload(seq, vec![known(10, ProtoValue::Boolean(true))]);
    // Sequence number 2 is missed.
    assert_eq!(
        said(&mut memory, DATA, &by_alias(3)),
        Err(TakeError::Unborn)
    );
    let answers = asked(&mut memory, AT);
    let [answer] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert_eq!(answer.topic, "spBv1.0/Home/NCMD/Pi");
    let command = ProtoPayload::decode(answer.payload.as_slice()).unwrap();
    assert_eq!(command.timestamp, Some(1_700_000_000_000));
    assert_eq!(command.seq, None);
    let mut rebirth = metric("Node Control/Rebirth", 11, ProtoValue::Boolean(true));
    rebirth.timestamp = Some(1_700_000_000_000);
    assert_eq!(command.metrics, [rebirth]);

    // What cannot be read in the meantime does not make it hurry.
    assert_eq!(
        said(&mut memory, DATA, &by_alias(4)),
        Err(TakeError::Unborn)
    );
    assert_eq!(asked(&mut memory, AT + REBIRTH_INTERVAL_MS - 1), []);
    assert_eq!(asked(&mut memory, AT + REBIRTH_INTERVAL_MS).len(), 1);
    assert_eq!(asked(&mut memory, AT + 2 * REBIRTH_INTERVAL_MS), []);
}

#[test]
fn edge_nodes_that_are_asked_are_bounded_and_a_birth_ends_the_question() {
    let mut memory = Memory::default();
    let by_alias = payload(1, vec![known(10, ProtoValue::Boolean(true))]);
    for number in 0..2 * MAX_EDGE_NODES {
        let topic = format!("spBv1.0/Home/NDATA/n{number}");
        assert_eq!(said(&mut memory, &topic, &by_alias), Err(TakeError::Unborn));
    }
    let birth = payload(0, vec![born("Inputs/A", 10, 11, ProtoValue::Boolean(true))]);
    assert!(said(&mut memory, "spBv1.0/Home/NBIRTH/n0", &birth).is_ok());
    assert_eq!(asked(&mut memory, 0).len(), MAX_EDGE_NODES - 1);
}
