//! Every sample of every dialect comes out as its line says.

use std::borrow::Cow;

use adapters::{Adapter, State, take};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(rename = "source")]
    _source: String,
    topic: String,
    payload: String,
    taken: Option<Vec<Expected>>,
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    device: Option<String>,
    /// Nothing: the payload as it came.
    body: Option<String>,
}

#[track_caller]
fn check(adapter: Adapter, samples: &str, at_least: usize) {
    let mut state = State::default();
    let mut count = 0;
    for line in samples.lines() {
        let sample: Sample = serde_json::from_str(line).unwrap();
        hold(adapter, &mut state, &sample);
        count += 1;
    }
    assert!(count >= at_least, "only {count} samples");
}

#[track_caller]
fn hold(adapter: Adapter, state: &mut State, sample: &Sample) {
    let told = format!("{} {}", sample.topic, sample.payload);
    let taken = take(adapter, state, &sample.topic, sample.payload.as_bytes());
    match (taken, &sample.taken, &sample.refused) {
        (Ok(taken), Some(expected), None) => {
            assert_eq!(taken.len(), expected.len(), "{told}");
            for (taken, expected) in taken.iter().zip(expected) {
                assert_eq!(
                    taken.device.as_deref(),
                    expected.device.as_deref(),
                    "{told}"
                );
                let body = std::str::from_utf8(&taken.body).unwrap();
                assert_eq!(
                    body,
                    expected.body.as_deref().unwrap_or(&sample.payload),
                    "{told}"
                );
                let is_as_it_came = sample.payload.contains(body);
                assert_eq!(
                    is_as_it_came,
                    matches!(taken.body, Cow::Borrowed(_)),
                    "copied: {told}"
                );
            }
        }
        (Err(refused), None, Some(expected)) => {
            assert_eq!(&format!("{refused:?}"), expected, "{told}");
        }
        (taken, _, _) => panic!("{told}: {taken:?}"),
    }
}

#[test]
fn zigbee2mqtt() {
    check(
        Adapter::Zigbee2Mqtt,
        include_str!("../../samples/zigbee2mqtt.jsonl"),
        30,
    );
}

#[test]
fn tasmota() {
    check(
        Adapter::Tasmota,
        include_str!("../../samples/tasmota.jsonl"),
        40,
    );
}

#[test]
fn shelly_of_the_first_generation() {
    check(
        Adapter::ShellyGen1,
        include_str!("../../samples/shelly-gen1.jsonl"),
        30,
    );
}

#[test]
fn shelly_of_the_second_generation_and_later() {
    check(
        Adapter::ShellyGen2,
        include_str!("../../samples/shelly-gen2.jsonl"),
        35,
    );
}

#[test]
fn esphome() {
    check(
        Adapter::Esphome,
        include_str!("../../samples/esphome.jsonl"),
        20,
    );
}

#[test]
fn homie_in_its_versions() {
    check(
        Adapter::Homie,
        include_str!("../../samples/homie.jsonl"),
        30,
    );
}

#[test]
fn one_value_a_topic() {
    check(
        Adapter::Scalar,
        include_str!("../../samples/scalar.jsonl"),
        10,
    );
}

#[test]
fn owntracks() {
    check(
        Adapter::OwnTracks,
        include_str!("../../samples/owntracks.jsonl"),
        20,
    );
}

#[test]
fn json_cbor_and_senml_stay_plain_because_the_notice_names_their_format() {
    let nested = br#"{"room":{"air":[{"t":21.50},{"t":22}]}}"#;
    let cbor = b"\xa1\x64temp\xfb\x40\x35\x80\x00\x00\x00\x00\x00";
    let senml = br#"[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1}]"#;
    for payload in [&nested[..], &cbor[..], &senml[..]] {
        let taken = take(Adapter::Plain, &mut State::default(), "t", payload).unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(
            (&taken[0].device, &taken[0].body),
            (&None, &Cow::Borrowed(payload))
        );
    }
}

#[test]
fn the_device_and_gateway_api_of_thingsboard() {
    check(
        Adapter::ThingsBoard,
        include_str!("../../samples/thingsboard.jsonl"),
        13,
    );
    check(
        Adapter::ThingsBoardGateway,
        include_str!("../../samples/thingsboard-gateway.jsonl"),
        5,
    );
}
