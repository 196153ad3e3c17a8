//! PUBLISH from the client, and its acknowledgement.

use mqtt_proto::{Pid, QosPid, TopicName, v5};

use crate::Counter;
use crate::Limits;
use crate::mqtt::decode::Version;
use crate::mqtt::testing::{Rig, bytes_v5, connect_v5, publish};
use crate::refusal::RefusalKind;

use Version::{V3, V5};

#[test]
fn a_publish_is_acknowledged_when_it_is_durable_and_not_before_section_3_3_4() {
    for version in [V3, V5] {
        let mut rig = Rig::connected(version, "thing", Limits::default());
        assert!(rig.send(&publish(version, 10, "{\"a\":1}")).is_empty());
        assert!(rig.send(&publish(version, 11, "{\"a\":2}")).is_empty());
        assert!(rig.session.is_waiting_for_durability());
        assert!(rig.durable(0).is_empty());
        assert_eq!(rig.durable(1), ["PUBACK 10"]);
        assert!(rig.durable(1).is_empty());
        assert_eq!(rig.durable(9), ["PUBACK 11"]);
        assert!(!rig.session.is_waiting_for_durability());
        assert_eq!(rig.world().ingested, ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(rig.count(Counter::PublishesAccepted), 2);
    }
}

#[test]
fn qos_0_is_taken_and_never_acknowledged_section_3_3_4() {
    for version in [V3, V5] {
        let mut rig = Rig::connected(version, "thing", Limits::default());
        assert!(rig.send(&publish(version, 0, "{}")).is_empty());
        assert!(!rig.session.is_waiting_for_durability());
        assert!(rig.durable(1).is_empty());
        assert_eq!(rig.world().ingested, ["{}"]);
    }
}

#[test]
fn acknowledgements_keep_the_order_of_the_publishes_section_4_6_0_2() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.send(&publish(V5, 3, "{}"));
    rig.world().refusal = Some(RefusalKind::Malformed);
    assert!(rig.send(&publish(V5, 1, "?")).is_empty());
    rig.world().refusal = None;
    rig.send(&publish(V5, 2, "{}"));
    assert_eq!(rig.durable(1), ["PUBACK 3", "PUBACK 1 0x99"]);
    assert_eq!(rig.durable(2), ["PUBACK 2"]);
}

/// Publishes with QoS 1 and with QoS 0, in both versions.
#[track_caller]
fn check_refusal(kind: RefusalKind, puback: &str, disconnect: &str, counter: &'static str) {
    let with = |version| {
        let rig = Rig::connected(version, "thing", Limits::default());
        rig.world().refusal = Some(kind);
        rig
    };
    let mut rig = with(V5);
    assert_eq!(rig.send(&publish(V5, 4, "payload")), [puback]);
    assert_eq!(rig.refusals(), [(counter, 1)]);
    assert_eq!(rig.session.is_closed(), puback.starts_with("DISCONNECT"));

    let mut rig = with(V5);
    assert_eq!(rig.send(&publish(V5, 0, "payload")), [disconnect]);
    assert_eq!(rig.refusals(), [(counter, 1)]);
    assert!(rig.session.is_closed());

    for packet_id in [0, 4] {
        let mut rig = with(V3);
        assert!(rig.send(&publish(V3, packet_id, "payload")).is_empty());
        assert_eq!(rig.refusals(), [(counter, 1)]);
        assert!(rig.session.is_closed());
        assert_eq!(rig.count(Counter::PublishesAccepted), 0);
    }
}

#[test]
fn a_refused_publish_is_never_acknowledged_as_kept_section_3_4_2_1() {
    use RefusalKind::{Malformed, Quarantined, TooLarge, Unavailable, Unlicensed, Unregistered};
    check_refusal(
        Unlicensed,
        "PUBACK 4 0x87",
        "DISCONNECT 0x87",
        "publishes_unlicensed",
    );
    check_refusal(
        Quarantined,
        "PUBACK 4 0x87",
        "DISCONNECT 0x87",
        "publishes_quarantined",
    );
    check_refusal(
        Unregistered,
        "PUBACK 4 0x87",
        "DISCONNECT 0x87",
        "publishes_not_allowed",
    );
    check_refusal(
        Malformed,
        "PUBACK 4 0x99",
        "DISCONNECT 0x99",
        "publishes_malformed",
    );
    check_refusal(
        TooLarge,
        "PUBACK 4 0x97",
        "DISCONNECT 0x95",
        "publishes_too_large",
    );
    check_refusal(
        Unavailable,
        "DISCONNECT 0x89",
        "DISCONNECT 0x89",
        "publishes_unavailable",
    );
}

/// MQTT 3.1.1 and QoS 0 have no word for a refusal but the end of the connection, after which software that cannot be told
/// would come back with the same message, for ever.
#[test]
fn who_speaks_a_dialect_and_cannot_be_told_is_acknowledged_and_goes_on() {
    for (version, packet_id, at_once, later) in [
        (V5, 4, Some("PUBACK 4 0x99"), None),
        (V5, 0, None, None),
        (V3, 4, None, Some("PUBACK 4")),
        (V3, 0, None, None),
    ] {
        let mut rig = Rig::connected(version, "thing", Limits::default());
        rig.world().refusal = Some(RefusalKind::Unreadable);
        let answer = rig.send(&publish(version, packet_id, "{"));
        assert_eq!(answer.first().map(String::as_str), at_once);
        assert_eq!(rig.durable(0).first().map(String::as_str), later);
        assert_eq!(rig.refusals(), [("publishes_malformed", 1)]);
        assert_eq!(rig.count(Counter::PublishesAccepted), 0);
        assert!(!rig.session.is_closed());
    }
}

#[test]
fn a_reason_names_the_cause_and_is_left_out_when_not_wanted_section_3_1_2_11_7() {
    let mut connect = connect_v5();
    connect.properties.request_problem_info = Some(false);
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&bytes_v5(connect.into()));
    rig.world().refusal = Some(RefusalKind::Malformed);
    let mut out = Vec::new();
    rig.receive(&publish(V5, 4, "?"), &mut out);
    assert_eq!(out, [0x40, 3, 0, 4, 0x99]);

    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.world().refusal = Some(RefusalKind::Malformed);
    out.clear();
    rig.receive(&publish(V5, 4, "?"), &mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    assert!(text.contains("because of the test"), "{text}");
}

#[test]
fn a_recipient_does_not_publish() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    assert_eq!(rig.send(&publish(V5, 1, "{}")), ["PUBACK 1 0x87"]);
    assert_eq!(rig.send(&publish(V5, 0, "{}")), ["DISCONNECT 0x87"]);
    assert_eq!(rig.refusals(), [("publishes_not_allowed", 2)]);
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    assert!(rig.send(&publish(V3, 1, "{}")).is_empty());
    assert!(rig.session.is_closed());
    assert!(rig.world().ingested.is_empty());
}

#[track_caller]
fn check_ends(version: Version, bytes: &[u8], answers: &[&str], counter: &'static str) {
    let mut rig = Rig::connected(version, "thing", Limits::default());
    assert_eq!(rig.send(bytes), answers);
    assert_eq!(rig.refusals(), [(counter, 1)]);
    assert!(rig.session.is_closed());
    assert!(rig.world().ingested.is_empty());
}

#[test]
fn publishes_that_break_the_protocol_end_the_session_section_3_3() {
    for (version, malformed, protocol) in [
        (V3, &[][..], &[][..]),
        (V5, &["DISCONNECT 0x81"][..], &["DISCONNECT 0x82"][..]),
    ] {
        for bytes in [
            &[0x36, 6, 0, 1, b'a', 0, 1, 0][..], // 3.3.1-4: QoS 3
            &[0x38, 4, 0, 1, b'a', 0],           // 3.3.1-2: DUP with QoS 0
            &[0x30, 1, 0],                       // no topic length
            &[0x30, 4, 0, 9, b'a', 0],           // topic longer than the packet
            &[0x32, 4, 0, 1, b'a', 0],           // half a packet identifier
            &[0x30, 4, 0, 1, b'+', 0],           // 3.3.2-2: wildcard
            &[0x30, 4, 0, 1, b'#', 0],
            &[0x30, 4, 0, 1, 0, 0],    // 1.5.4-2: NUL
            &[0x30, 4, 0, 1, 0xff, 0], // 1.5.4-1: not UTF-8
        ] {
            check_ends(version, bytes, malformed, "malformed_packets");
        }
        // 2.2.1-3: packet identifier 0; 4.7.3-1: no topic.
        check_ends(
            version,
            &[0x32, 6, 0, 1, b'a', 0, 0, 0],
            protocol,
            "protocol_errors",
        );
        check_ends(version, &[0x30, 3, 0, 0, 0], protocol, "protocol_errors");
    }
}

#[test]
fn a_publish_says_what_it_is_to_custody_section_3_3_1() {
    for version in [V3, V5] {
        for retain in [false, true] {
            let mut bytes = publish(version, 1, "{}");
            bytes[0] |= u8::from(retain);
            let mut rig = Rig::connected(version, "thing", Limits::default());
            assert!(rig.send(&bytes).is_empty());
            assert_eq!(rig.durable(1), ["PUBACK 1"]);
            let (topic, retained, stamp) = rig.world().arrived[0].clone();
            assert_eq!((topic.as_str(), retained), ("sensors/a", retain));
            assert_eq!((stamp.qos(), stamp.retain()), (1, retain));
            assert_eq!(stamp.expiry_s(), None);
        }
    }
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.send(&with_properties(&[0x02, 0, 0, 0, 9]));
    let stamp = rig.world().arrived[0].2;
    assert_eq!((stamp.qos(), stamp.expiry_s()), (0, Some(9)));
}

fn with_properties(properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    let mut bytes = vec![0x30, 6 + length, 0, 1, b'a', length];
    bytes.extend_from_slice(properties);
    bytes.extend_from_slice(b"{}");
    bytes
}

#[test]
fn properties_of_a_publish_are_checked_and_not_kept_section_3_3_2_3() {
    for properties in [
        &[][..],
        &[0x01, 1],
        &[0x02, 0, 0, 0, 9],
        &[0x03, 0, 1, b'j'],
        &[0x08, 0, 1, b'r'],
        &[0x09, 0, 2, 0, 0xff],
        &[0x26, 0, 1, b'k', 0, 1, b'v', 0x26, 0, 1, b'k', 0, 1, b'v'],
    ] {
        let mut rig = Rig::connected(V5, "thing", Limits::default());
        assert!(rig.send(&with_properties(properties)).is_empty());
        assert_eq!(rig.world().ingested, ["{}"]);
    }
    for (properties, code, counter) in [
        (&[0x01][..], "DISCONNECT 0x81", "malformed_packets"),
        (&[0x01, 2], "DISCONNECT 0x82", "protocol_errors"),
        (&[0x01, 1, 0x01, 1], "DISCONNECT 0x82", "protocol_errors"),
        (&[0x02, 0, 0, 0], "DISCONNECT 0x81", "malformed_packets"),
        (&[0x03, 0, 9, b'j'], "DISCONNECT 0x81", "malformed_packets"),
        (&[0x03, 0, 1, 0], "DISCONNECT 0x81", "malformed_packets"),
        (&[0x08, 0, 1, b'#'], "DISCONNECT 0x82", "protocol_errors"),
        (&[0x0b, 1], "DISCONNECT 0x82", "protocol_errors"), // 3.3.4-6
        (&[0x11, 0, 0, 0, 0], "DISCONNECT 0x81", "malformed_packets"), // 2.2.2.2
        (&[0x26, 0, 1, b'k'], "DISCONNECT 0x81", "malformed_packets"),
        (&[0x7f, 0], "DISCONNECT 0x81", "malformed_packets"),
        (&[0x23, 0, 0], "DISCONNECT 0x94", "topics_rejected"), // 3.3.2-8
        (&[0x23, 0, 17], "DISCONNECT 0x94", "topics_rejected"), // 3.3.2-9
    ] {
        check_ends(V5, &with_properties(properties), &[code], counter);
    }
    let longer_than_the_packet = &[0x30, 4, 0, 1, b'a', 9];
    check_ends(
        V5,
        longer_than_the_packet,
        &["DISCONNECT 0x81"],
        "malformed_packets",
    );
}

#[test]
fn a_topic_alias_is_set_before_it_is_used_section_3_3_2_3_4() {
    let with_alias = |topic: &str, alias: u16| {
        let topic = TopicName::try_from(topic).unwrap();
        let pid = QosPid::Level1(Pid::try_from(1).unwrap());
        let mut packet = v5::Publish::new(pid, topic, bytes::Bytes::from_static(b"{}"));
        packet.properties.topic_alias = Some(alias);
        bytes_v5(packet.into())
    };
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    assert!(rig.send(&with_alias("sensors/a", 16)).is_empty());
    assert!(rig.send(&with_alias("", 16)).is_empty());
    assert!(rig.send(&with_alias("sensors/b", 16)).is_empty());
    assert!(rig.send(&with_alias("", 16)).is_empty());
    assert_eq!(rig.send(&with_alias("", 1)), ["DISCONNECT 0x82"]);
    let topics: Vec<_> = rig.world().arrived.iter().map(|it| it.0.clone()).collect();
    assert_eq!(topics, ["sensors/a", "sensors/a", "sensors/b", "sensors/b"]);
}

#[test]
fn topics_have_limits() {
    let limits = Limits {
        max_topic_bytes: 10,
        max_topic_levels: 2,
        ..Limits::default()
    };
    for topic in ["abcdefghijk", "a/b/c"] {
        let packet = |pid| {
            let topic = TopicName::try_from(topic).unwrap();
            bytes_v5(v5::Publish::new(pid, topic, bytes::Bytes::from_static(b"{}")).into())
        };
        let mut rig = Rig::connected(V5, "thing", limits.clone());
        let qos_1 = QosPid::Level1(Pid::try_from(1).unwrap());
        assert_eq!(rig.send(&packet(qos_1)), ["PUBACK 1 0x90"]);
        assert_eq!(rig.send(&packet(QosPid::Level0)), ["DISCONNECT 0x90"]);
        assert_eq!(rig.refusals(), [("topics_rejected", 2)]);
        assert!(rig.world().ingested.is_empty());
    }
}

#[test]
fn no_more_publishes_wait_than_the_receive_maximum_section_3_3_4_9() {
    let limits = Limits {
        max_pending_acks: 2,
        ..Limits::default()
    };
    let mut rig = Rig::connected(V5, "thing", limits);
    rig.send(&publish(V5, 1, "{}"));
    rig.send(&publish(V5, 2, "{}"));
    assert!(rig.send(&publish(V5, 0, "{}")).is_empty());
    assert_eq!(rig.durable(1), ["PUBACK 1"]);
    assert!(rig.send(&publish(V5, 3, "{}")).is_empty());
    assert_eq!(rig.send(&publish(V5, 4, "{}")), ["DISCONNECT 0x93"]);
    assert_eq!(rig.refusals(), [("receive_maximum_exceeded", 1)]);
    assert_eq!(rig.world().ingested.len(), 4);
}

#[test]
fn mqtt_3_1_1_is_not_read_while_too_many_publishes_wait() {
    let limits = Limits {
        max_pending_acks: 2,
        ..Limits::default()
    };
    let mut rig = Rig::connected(V3, "thing", limits);
    let one = publish(V3, 1, "{}");
    let bytes = [one.clone(), publish(V3, 2, "{}"), publish(V3, 3, "{}")].concat();
    let mut out = Vec::new();
    assert_eq!(rig.receive(&bytes, &mut out), 2 * one.len());
    assert!(!rig.session.may_read(0));
    assert_eq!(rig.durable(2), ["PUBACK 1", "PUBACK 2"]);
    assert!(rig.session.may_read(0));
    assert!(rig.send(&bytes[2 * one.len()..]).is_empty());
    assert_eq!(rig.durable(3), ["PUBACK 3"]);
    assert!(rig.refusals().is_empty());
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read() {
    let limits = Limits {
        max_output_bytes: 10,
        ..Limits::default()
    };
    let rig = Rig::connected(V5, "thing", limits);
    assert!(rig.session.may_read(10));
    assert!(!rig.session.may_read(11));
}

#[test]
fn publishes_have_a_rate() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.world().refusal = Some(RefusalKind::TooFast);
    assert_eq!(rig.send(&publish(V5, 3, "{}")), ["PUBACK 3 0x97"]);
    assert_eq!(rig.send(&publish(V5, 0, "{}")), ["DISCONNECT 0x96"]);
    assert_eq!(rig.refusals(), [("publishes_too_fast", 2)]);
    let mut rig = Rig::connected(V3, "thing", Limits::default());
    rig.world().refusal = Some(RefusalKind::TooFast);
    rig.send(&publish(V3, 1, "{}"));
    assert!(rig.session.is_closed());
}
