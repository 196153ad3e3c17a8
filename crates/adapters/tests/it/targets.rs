//! What the fuzz target `adapters` calls, and what the property tests call as well.
//!
//! A message is taken apart without a panic, and what comes out is one JSON object in UTF-8 of a device with a bounded name.

use adapters::draft::Draft;
use adapters::{
    Adapter, MAX_DEVICE_NAME_BYTES, MAX_DEVICES_OF_A_MESSAGE, MAX_EDGE_NODES, MAX_TOPIC_BYTES,
    State, take,
};
use model::{Format, Notice, Timestamp};
use serde::de::IgnoredAny;

/// The dialects whose output is always a JSON object.
pub(crate) const DIALECTS: &[Adapter] = &[
    Adapter::Zigbee2Mqtt,
    Adapter::Tasmota,
    Adapter::ShellyGen1,
    Adapter::ShellyGen2,
    Adapter::Esphome,
    Adapter::Homie,
    Adapter::Scalar,
    Adapter::OwnTracks,
    Adapter::ThingsBoard,
    Adapter::ThingsBoardGateway,
    Adapter::TheThingsStack,
    Adapter::ChirpStack,
    Adapter::SparkplugB,
    Adapter::Value,
];

/// Levels of topics that mean something to a dialect.
pub(crate) const WORDS: &[&str] = &[
    "zigbee2mqtt",
    "bridge",
    "devices",
    "groups",
    "availability",
    "set",
    "get",
    "tele",
    "stat",
    "cmnd",
    "SENSOR",
    "STATE",
    "RESULT",
    "LWT",
    "shellies",
    "relay",
    "0",
    "info",
    "online",
    "events",
    "rpc",
    "status",
    "switch:0",
    "sensor",
    "state",
    "homie",
    "5",
    "$datatype",
    "$description",
    "owntracks",
    "event",
    "homeassistant",
    "config",
    "v1",
    "me",
    "telemetry",
    "attributes",
    "gateway",
    "v3",
    "up",
    "application",
    "device",
    "spBv1.0",
    "NBIRTH",
    "NDATA",
    "DBIRTH",
    "DDATA",
    "request",
    "1",
    "ZbReceived",
    "0A1B_2",
    "",
];

/// Payloads that reach into the dialects; any byte of them may be another.
pub(crate) const PAYLOADS: &[&str] = &[
    "",
    "21.50",
    "ON",
    "float",
    r#"{"temperature":1.0,"color":{"x":0.1}}"#,
    r#"[{"friendly_name":"a/b"},{"friendly_name":"c"}]"#,
    r#"{"ZbReceived":{"0x1A2B":{"Name":"n","P":1},"x":{"Device":"0x1A2B"}},"LwReceived":{"y":{}}}"#,
    r#"{"src":"s","method":"NotifyStatus","params":{"ts":1.5,"switch:0":{"id":0}}}"#,
    r#"{"nodes":{"n":{"properties":{"p":{"datatype":"float"}}}}}"#,
    r#"{"_type":"location","lat":1.0,"lon":2.0}"#,
    r#"{"_type":"\u006cwt","a":"\ud800"}"#,
    r#"{"Device A":[{"ts":1483228800000,"values":{"t":42}}],"Device B":{"x":1}}"#,
    r#"{"deviceInfo":{"devEui":"0101010101010101"},"object":{"t":1.0}}"#,
    r#"{"id":7,"device":"Device A","method":"getSessionLimits"}"#,
    r#"{"0x1A2B":{"Device":"0x1A2B","Power":1},"hall":{"Device":"0x3C4D"}}"#,
    "\x18\x07\x12\x04\x10\x01\x70\x01",
    r#"{"end_device_ids":{"device_id":"d"},"uplink_message":{"decoded_payload":{"t":1.0}}}"#,
];

/// The first byte chooses the dialect, and with its highest bit that drafts are made too; then topics and payloads take turns, each on a line of its own.
pub(crate) fn adapters(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let Some(adapter) = DIALECTS.get(usize::from(*first) % DIALECTS.len()) else {
        return;
    };
    let mut state = State::default();
    let mut lines = rest.split(|it| *it == b'\n');
    while let (Some(topic), Some(payload)) = (lines.next(), lines.next()) {
        if let Ok(topic) = std::str::from_utf8(topic) {
            holds(*adapter, &mut state, topic, payload);
            if first & 0x80 != 0 {
                drafts(topic, payload);
            }
        }
    }
}

/// Whether what comes out was all in the message and its topic; what a birth of Sparkplug named is not.
fn is_of_one_message(adapter: Adapter) -> bool {
    DIALECTS.iter().take(8).any(|it| *it == adapter)
}

/// What a message, or a document that might describe one, makes of a draft: no panic, and never a notice that passes.
pub(crate) fn drafts(topic: &str, bytes: &[u8]) {
    let mut draft = Draft::new(Format::Json);
    // What cannot be read says so and leaves the draft as it was.
    let _ = draft.observe(bytes);
    let _ = draft.describe(bytes);
    let _ = draft.discover(bytes, Some(topic));
    if let Ok(toml) = draft.to_toml() {
        let problems = Notice::parse(&toml).unwrap_err().problems;
        assert!(
            problems.iter().all(|it| !it.reason.contains("unknown key")),
            "{problems:?}"
        );
        assert!(
            problems
                .iter()
                .any(|it| it.reason.contains("`declarations`")),
            "{problems:?}"
        );
    }
}

/// Takes one message apart and looks at what comes out.
pub(crate) fn holds(adapter: Adapter, state: &mut State, topic: &str, payload: &[u8]) {
    let taken = take(adapter, state, topic, payload);
    let answers = state.answers(Timestamp::from_millis(0));
    assert!(answers.len() <= MAX_EDGE_NODES);
    for answer in &answers {
        assert!(!answer.topic.contains(['+', '#']) || topic.contains(['+', '#']));
        assert!(answer.topic.len() + answer.payload.len() <= 6 * MAX_TOPIC_BYTES);
    }
    let Ok(taken) = taken else {
        return;
    };
    assert!(taken.len() <= MAX_DEVICES_OF_A_MESSAGE);
    for message in &taken {
        if let Some(device) = &message.device {
            assert!(!device.is_empty() && device.len() <= MAX_DEVICE_NAME_BYTES);
        }
        let body = std::str::from_utf8(&message.body).unwrap();
        assert!(body.trim_start().starts_with('{'), "{body}");
        serde_json::from_str::<IgnoredAny>(body).unwrap();
        if !is_of_one_message(adapter) {
            continue;
        }
        let grown = payload.len() * 6 + topic.len() * 6 + 64;
        assert!(
            body.len() <= grown,
            "{} bytes of {}",
            body.len(),
            payload.len()
        );
    }
}
