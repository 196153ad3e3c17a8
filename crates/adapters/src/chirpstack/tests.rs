use super::*;

const UP: &str = include_str!("../../samples/chirpstack/up.json");
const DECODED: &str = include_str!("../../samples/chirpstack/up-with-codec.json");
const LOCATION: &str = include_str!("../../samples/chirpstack/location.json");
const STATUS: &str = include_str!("../../samples/chirpstack/status.json");
const DEVICE: &str = "70b3d57ed0001234";

#[track_caller]
fn check(topic: &str, payload: &str, expected: Result<Option<&str>, TakeError>) {
    let taken = take(topic, payload.as_bytes()).map(|all| {
        all.into_iter().next().map(|it| {
            assert!(matches!(it.body, std::borrow::Cow::Borrowed(_)));
            assert_eq!(it.body, payload.as_bytes());
            it.device.unwrap().into_owned()
        })
    });
    assert_eq!(taken, expected.map(|it| it.map(str::to_owned)), "{topic}");
}

fn topic(event: &str) -> String {
    format!("application/3f1c5a52-9d4b-4f4e-8f63-0a9b2f1f7c11/device/{DEVICE}/event/{event}")
}

#[test]
fn uplinks_and_locations_are_the_whole_event_of_the_device_in_it() {
    for payload in [UP, DECODED] {
        check(&topic("up"), payload, Ok(Some(DEVICE)));
        check("up", payload, Ok(Some(DEVICE)));
    }
    check(&topic("location"), LOCATION, Ok(Some(DEVICE)));
    check("location", LOCATION, Ok(Some(DEVICE)));
}

#[test]
fn other_events_carry_no_reading() {
    for event in OTHER_EVENTS {
        check(&topic(event), STATUS, Ok(None));
        check(event, STATUS, Ok(None));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let other = topic("up").replace(DEVICE, "70b3d57ed0005678");
    check(&other, UP, Err(TakeError::Contradiction("devEui")));
    for topic in [
        topic("command"),
        topic("up/more"),
        "up/".to_owned(),
        String::new(),
        "gateway/0016c001f153a14c/event/up".to_owned(),
    ] {
        check(&topic, UP, Err(TakeError::OtherTopic));
    }
    check("up", "{}", Err(TakeError::Missing("deviceInfo")));
    check(
        "up",
        r#"{"deviceInfo":{}}"#,
        Err(TakeError::Missing("devEui")),
    );
    check(
        "up",
        r#"{"deviceInfo":{"devEui":""}}"#,
        Err(TakeError::DeviceName),
    );
    // Protocol Buffers, as the other marshaler writes them.
    check(
        "up",
        "\n$3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        Err(TakeError::NotChosenJson),
    );
    check("up", "{", Err(TakeError::NotJson));
}

#[test]
fn the_bytes_of_an_uplink_without_codec_can_be_decoded() {
    assert_eq!(undecoded(DECODED.as_bytes()), None);
    let uplink = undecoded(UP.as_bytes()).unwrap();
    assert_eq!(uplink.bytes, [0x01, 0x67, 0x00, 0xe1]);
    assert_eq!(uplink.f_port, 2);
    assert_eq!(
        uplink.received_at.as_deref(),
        Some("2026-03-04T05:06:07.123456789+00:00")
    );
    let decoded = with_decoded(UP.as_bytes(), r#"{"temperature":22.5}"#).unwrap();
    let decoded: serde_json::Value = serde_json::from_slice(&decoded).unwrap();
    let mut expected: serde_json::Value = serde_json::from_str(UP).unwrap();
    expected["object"] = serde_json::json!({"temperature": 22.5});
    assert_eq!(decoded, expected);
}
