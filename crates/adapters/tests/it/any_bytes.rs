//! Whatever comes: no panic, a JSON object or nothing, and no memory that grows without end.

use std::fs;
use std::path::Path;

use adapters::{
    Adapter, MAX_DEVICE_NAME_BYTES, MAX_DEVICES_OF_A_MESSAGE, MAX_MESSAGE_BYTES, State, TakeError,
    take,
};
use proptest::prelude::*;

#[path = "targets.rs"]
mod targets;

/// The dialects whose own output is always a JSON object.
fn dialect() -> impl Strategy<Value = Adapter> {
    proptest::sample::select(targets::DIALECTS)
}

/// Topics made of the words that dialects look for.
fn topic() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        proptest::sample::select(targets::WORDS).prop_map(str::to_owned),
        "[a-z0-9$@~\" ]{0,6}",
    ];
    proptest::collection::vec(word, 0..7).prop_map(|it| it.join("/"))
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let json = proptest::sample::select(targets::PAYLOADS).prop_map(|it| it.as_bytes().to_vec());
    let cut = (json.clone(), any::<proptest::sample::Index>(), any::<u8>());
    let cut = cut.prop_map(|(mut it, at, byte)| {
        if !it.is_empty() {
            let at = at.index(it.len());
            it[at] = byte;
        }
        it
    });
    prop_oneof![json, cut, proptest::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #[test]
    fn what_comes_out_is_an_object_of_a_named_device(
        adapter in dialect(),
        messages in proptest::collection::vec((topic(), payload()), 1..12),
    ) {
        let mut state = State::default();
        for (topic, payload) in &messages {
            targets::holds(adapter, &mut state, topic, payload);
        }
    }

    #[test]
    fn no_draft_passes_as_it_is(topic in topic(), payload in payload()) {
        targets::drafts(&topic, &payload);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its test reads the corpus"
)]
#[test]
fn every_kept_input_still_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/fuzz/adapters");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        let held = std::panic::catch_unwind(|| targets::adapters(&input));
        assert!(held.is_ok(), "{} does not hold", path.display());
        inputs += 1;
    }
    assert!(inputs >= 5, "only {inputs} inputs");
}

#[test]
fn a_message_that_is_too_large_is_refused_before_it_is_read() {
    let payload = vec![b' '; MAX_MESSAGE_BYTES + 1];
    for adapter in targets::DIALECTS {
        let taken = take(*adapter, &mut State::default(), "a/b/c", &payload);
        assert_eq!(taken, Err(TakeError::TooLarge), "{adapter:?}");
    }
}

#[test]
fn a_large_list_of_devices_does_not_stop_a_bridge() {
    let payload = vec![b'['; MAX_MESSAGE_BYTES + 1];
    let mut state = State::default();
    let mut take =
        |topic| take(Adapter::Zigbee2Mqtt, &mut state, topic, &payload).map(|it| it.len());
    assert_eq!(take("home/z2m/bridge/devices"), Ok(0));
    assert_eq!(take("home/z2m/bulb"), Err(TakeError::TooLarge));
}

#[test]
fn deep_nesting_needs_no_stack() {
    let payload = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let topics = [
        (Adapter::Zigbee2Mqtt, "zigbee2mqtt/a"),
        (Adapter::Tasmota, "tele/a/SENSOR"),
        (Adapter::ShellyGen1, "shellies/a/info"),
        (Adapter::ShellyGen2, "a/status/switch:0"),
        (Adapter::Esphome, "a/light/b/state"),
        (Adapter::Homie, "homie/a/b/c"),
        (Adapter::Scalar, "a/b"),
    ];
    for (adapter, topic) in topics {
        let taken = take(adapter, &mut State::default(), topic, payload.as_bytes());
        assert_eq!(taken.unwrap().len(), 1, "{adapter:?}");
    }
    let encrypted = take(
        Adapter::OwnTracks,
        &mut State::default(),
        "owntracks/a/b",
        payload.as_bytes(),
    );
    assert_eq!(encrypted, Err(TakeError::Missing("_type")));
}

#[test]
fn one_message_names_a_bounded_number_of_devices_with_bounded_names() {
    let devices = |count: usize| {
        let each: Vec<_> = (0..count)
            .map(|it| format!("\"0x{it:04X}\":{{\"P\":1}}"))
            .collect();
        format!("{{\"ZbReceived\":{{{}}}}}", each.join(","))
    };
    let take = |payload: &str| {
        let taken = take(
            Adapter::Tasmota,
            &mut State::default(),
            "tele/a/SENSOR",
            payload.as_bytes(),
        );
        taken.map(|it| it.len())
    };
    assert_eq!(
        take(&devices(MAX_DEVICES_OF_A_MESSAGE)),
        Ok(MAX_DEVICES_OF_A_MESSAGE)
    );
    assert_eq!(
        take(&devices(MAX_DEVICES_OF_A_MESSAGE + 1)),
        Err(TakeError::TooManyDevices)
    );
    let long = "n".repeat(MAX_DEVICE_NAME_BYTES + 1);
    assert_eq!(
        take(&format!("{{\"ZbReceived\":{{\"{long}\":{{}}}}}}")),
        Err(TakeError::DeviceName)
    );
}

#[test]
fn a_homie_connection_remembers_a_bounded_number_of_types() {
    let mut state = State::default();
    for number in 0..3_000 {
        let topic = format!("homie/d/n/p{number}/$datatype");
        assert_eq!(
            take(Adapter::Homie, &mut state, &topic, b"string")
                .unwrap()
                .len(),
            0
        );
    }
    let body = |state: &mut State, topic: &str| {
        let taken = take(Adapter::Homie, state, topic, b"12").unwrap();
        String::from_utf8(taken[0].body.to_vec()).unwrap()
    };
    assert_eq!(body(&mut state, "homie/d/n/p0"), r#"{"n":{"p0":"12"}}"#);
    // It came when there was no room any more: read as a value without a known type.
    assert_eq!(body(&mut state, "homie/d/n/p2999"), r#"{"n":{"p2999":12}}"#);
}

#[test]
fn a_bridge_remembers_a_bounded_number_of_names() {
    let mut state = State::default();
    let named: Vec<_> = (0..3_000)
        .map(|it| format!("{{\"friendly_name\":\"d/{it}\"}}"))
        .collect();
    let payload = format!("[{}]", named.join(","));
    let taken = take(
        Adapter::Zigbee2Mqtt,
        &mut state,
        "zigbee2mqtt/bridge/devices",
        payload.as_bytes(),
    );
    assert_eq!(taken.unwrap().len(), 0);
    // An endpoint of a device is told from a device only where the name is remembered.
    for (topic, device) in [
        ("zigbee2mqtt/d/1023/left", "d/1023"),
        ("zigbee2mqtt/d/1024/left", "d/1024/left"),
    ] {
        let taken = take(Adapter::Zigbee2Mqtt, &mut state, topic, b"{}").unwrap();
        assert_eq!(taken[0].device.as_deref(), Some(device));
    }
}

#[test]
fn a_base_topic_is_learned_from_what_the_bridge_says_first() {
    let mut state = State::default();
    let device = |state: &mut State, topic: &str| {
        let taken = take(Adapter::Zigbee2Mqtt, state, topic, b"{}").unwrap();
        taken
            .first()
            .map(|it| it.device.clone().unwrap().into_owned())
    };
    assert_eq!(
        device(&mut state, "home/zb/hall").as_deref(),
        Some("zb/hall")
    );
    assert_eq!(device(&mut state, "home/zb/bridge/state"), None);
    assert_eq!(device(&mut state, "home/zb/hall").as_deref(), Some("hall"));
    assert_eq!(
        device(&mut state, "site/zigbee2mqtt/hall").as_deref(),
        Some("hall")
    );
}

#[test]
fn an_error_says_what_to_do_and_nothing_of_the_message() {
    let secret = br#"{"_type":"encrypted","data":"c2VjcmV0"}"#;
    let refused = take(
        Adapter::OwnTracks,
        &mut State::default(),
        "owntracks/a/b",
        secret,
    );
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("turn payload encryption off"), "{told}");
    assert!(!told.contains("c2VjcmV0"));
}
