//! Commands: NCMD and DCMD.

use super::*;
use crate::SpeakError;

/// An edge node with an oven, whose metrics have aliases, and a lamp, whose metrics have none.
fn a_plant() -> Memory {
    let mut memory = Memory::default();
    let node = payload(0, vec![metric("bdSeq", 4, ProtoValue::Long(0))]);
    take(&mut memory, "spBv1.0/plant/NBIRTH/press", &node).unwrap();
    let oven = vec![
        born("Set point", 7, 9, ProtoValue::Float(20.0)),
        born("Outputs/Heater", 8, 11, ProtoValue::Boolean(false)),
    ];
    take(
        &mut memory,
        "spBv1.0/plant/DBIRTH/press/oven",
        &payload(1, oven),
    )
    .unwrap();
    let lamp = vec![metric("Level", 1, ProtoValue::Int(3))];
    take(
        &mut memory,
        "spBv1.0/plant/DBIRTH/press/lamp",
        &payload(2, lamp),
    )
    .unwrap();
    memory
}

#[test]
fn a_command_has_the_types_and_aliases_of_the_birth_section_6_4_25() {
    let mut memory = a_plant();
    let now = Timestamp::from_millis(1_486_144_502_122);
    let words = r#"{"Outputs/Heater": true, "Set point": 21.5}"#;
    let (topic, bytes) = speak(&mut memory, "spBv1.0/plant/press/oven", words, now).unwrap();
    assert_eq!(topic, "spBv1.0/plant/DCMD/press/oven");
    let mut sent = ProtoPayload::decode(bytes.as_slice()).unwrap();
    sent.metrics.sort_by_key(|it| it.alias);
    let at = Some(1_486_144_502_122);
    let by_alias = |alias, datatype, value| ProtoMetric {
        timestamp: at,
        datatype: Some(datatype),
        ..known(alias, value)
    };
    assert_eq!((sent.timestamp, sent.seq), (at, None));
    assert_eq!(
        sent.metrics,
        [
            by_alias(7, 9, ProtoValue::Float(21.5)),
            by_alias(8, 11, ProtoValue::Boolean(true))
        ]
    );
    let words = r#"{"Level": -5}"#;
    let (_, bytes) = speak(&mut memory, "spBv1.0/plant/press/lamp", words, now).unwrap();
    let sent = ProtoPayload::decode(bytes.as_slice()).unwrap();
    assert_eq!(sent.metrics[0].name.as_deref(), Some("Level"));
    assert_eq!(sent.metrics[0].value, Some(ProtoValue::Int(0xffff_fffb)));
}

#[test]
fn what_no_birth_said_is_not_commanded_and_the_birth_is_asked_for() {
    let mut memory = a_plant();
    let now = Timestamp::from_millis(1_486_144_502_122);
    let oven = "spBv1.0/plant/press/oven";
    let mut refused = |topic, words| speak(&mut memory, topic, words, now).unwrap_err();
    assert_eq!(refused(oven, r#"{"Fan": true}"#), SpeakError::NoMetric);
    assert_eq!(refused(oven, r#"{"Outputs/Heater": 1}"#), SpeakError::Type);
    for none in ["{}", "[]", "on", ""] {
        assert_eq!(refused(oven, none), SpeakError::NotAnObject);
    }
    assert_eq!(refused("zigbee2mqtt/oven/set", "{}"), SpeakError::Topic);
    let other = "spBv1.0/plant/mill/saw";
    assert_eq!(refused(other, r#"{"On": true}"#), SpeakError::Unborn);
    let mut answers = Vec::new();
    memory.answers(now, &mut answers);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].topic, "spBv1.0/plant/NCMD/mill");
    // After a gap nobody knows what an alias means.
    let late = payload(9, vec![known(7, ProtoValue::Float(20.0))]);
    take(&mut memory, "spBv1.0/plant/DDATA/press/oven", &late).unwrap_err();
    let words = r#"{"Set point": 21.5}"#;
    assert_eq!(
        speak(&mut memory, oven, words, now),
        Err(SpeakError::Unborn)
    );
}
