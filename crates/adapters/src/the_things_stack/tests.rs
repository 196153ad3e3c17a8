use super::*;

const UPLINK: &str = include_str!("../../samples/the-things-stack/uplink.json");
const RAW: &str = include_str!("../../samples/the-things-stack/uplink-without-formatter.json");
const JOIN: &str = include_str!("../../samples/the-things-stack/join-accept.json");
const DOWNLINK: &str = include_str!("../../samples/the-things-stack/downlink-ack.json");

#[track_caller]
fn check(topic: &str, payload: &str, expected: Result<Option<&str>, TakeError>) {
    let taken = take(topic, payload.as_bytes()).map(|all| {
        all.into_iter().next().map(|it| {
            assert!(matches!(it.body, Cow::Borrowed(_)));
            assert_eq!(it.body, payload.as_bytes());
            it.device.unwrap().into_owned()
        })
    });
    assert_eq!(taken, expected.map(|it| it.map(str::to_owned)), "{topic}");
}

#[test]
fn an_uplink_is_the_whole_message_of_the_device_in_it() {
    check("v3/app1@tenant1/devices/dev1/up", UPLINK, Ok(Some("dev1")));
    check("v3/app1/devices/dev1/up", UPLINK, Ok(Some("dev1")));
    check("", UPLINK, Ok(Some("dev1")));
    check("", RAW, Ok(Some("dev1")));
    // A Pub/Sub integration: a base topic and a word for each kind, both typed in.
    check("farm/uplinks", UPLINK, Ok(Some("dev1")));
    check("farm/joins", JOIN, Ok(None));
    check(
        "v3/app1@tenant1/devices/dev1/location/solved",
        r#"{"end_device_ids":{"device_id":"dev1"},"location_solved":{"location":{"latitude":1}}}"#,
        Ok(Some("dev1")),
    );
}

#[test]
fn joins_and_downlinks_carry_no_reading() {
    check("v3/app1@t/devices/dev1/join", JOIN, Ok(None));
    check("v3/app1@t/devices/dev1/down/ack", DOWNLINK, Ok(None));
    check("v3/app1@t/devices/dev1/service/data", "{}", Ok(None));
    check("", JOIN, Ok(None));
    check("", DOWNLINK, Ok(None));
}

#[test]
fn what_does_not_fit_is_refused() {
    let up = "v3/app1@tenant1/devices/dev1/up";
    check(
        "v3/app1@tenant1/devices/dev2/up",
        UPLINK,
        Err(TakeError::Contradiction("device_id")),
    );
    check(up, JOIN, Err(TakeError::Missing("uplink_message")));
    check("", "{}", Err(TakeError::Missing("uplink_message")));
    check(
        "",
        r#"{"uplink_message":{}}"#,
        Err(TakeError::Missing("end_device_ids")),
    );
    check(
        "",
        r#"{"end_device_ids":{},"uplink_message":{}}"#,
        Err(TakeError::Missing("device_id")),
    );
    check("", "[]", Err(TakeError::NotAnObject));
    check("farm/up", "\n\u{8}app1", Err(TakeError::NotChosenJson));
    for topic in ["v3/app1/up", "v3/app1/devices/dev1"] {
        check(topic, UPLINK, Err(TakeError::OtherTopic));
    }
}

#[test]
fn the_bytes_of_an_uplink_without_formatter_can_be_decoded() {
    assert_eq!(undecoded(UPLINK.as_bytes()), None);
    let uplink = undecoded(RAW.as_bytes()).unwrap();
    assert_eq!(uplink.bytes, b"Temperature = 0.0");
    assert_eq!(uplink.f_port, 15);
    let decoded = with_decoded(RAW.as_bytes(), r#"{"temperature":0.0}"#).unwrap();
    let decoded: serde_json::Value = serde_json::from_slice(&decoded).unwrap();
    assert_eq!(
        decoded.pointer("/uplink_message/decoded_payload/temperature"),
        Some(&serde_json::json!(0.0))
    );
    let mut expected: serde_json::Value = serde_json::from_str(RAW).unwrap();
    expected["uplink_message"]["decoded_payload"] = serde_json::json!({"temperature": 0.0});
    assert_eq!(decoded, expected);
}
