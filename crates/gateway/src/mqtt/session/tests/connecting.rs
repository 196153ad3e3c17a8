//! CONNECT, keep alive, DISCONNECT, wills.

use bytes::Bytes;
use mqtt_proto::{PollHeader, QoS, TopicName, v3, v5};

use crate::Counter;
use crate::Limits;
use crate::mqtt::decode::Version;
use crate::mqtt::testing::{
    DISCONNECT, PINGREQ, Rig, bytes_v3, bytes_v5, connect, connect_v3, connect_v5, publish,
};
use crate::refusal::RefusalKind;

use Version::{V3, V5};

/// Sends the first bytes of a connection; gives the answers and the refusals, and asserts that the
/// connection is over.
#[track_caller]
fn check_refused(version: Version, bytes: &[u8], answers: &[&str], counter: &'static str) {
    let mut rig = Rig::new(version, Limits::default());
    assert_eq!(rig.send(bytes), answers);
    assert_eq!(rig.refusals(), [(counter, 1)]);
    assert!(rig.session.is_closed());
    assert!(rig.world().client_ids.is_empty());
}

fn v3_with(change: impl FnOnce(&mut v3::Connect)) -> Vec<u8> {
    let mut packet = connect_v3();
    change(&mut packet);
    bytes_v3(packet.into())
}

fn v5_with(change: impl FnOnce(&mut v5::Connect)) -> Vec<u8> {
    let mut packet = connect_v5();
    change(&mut packet);
    bytes_v5(packet.into())
}

fn will_v3(qos: QoS, retain: bool) -> v3::LastWill {
    v3::LastWill {
        qos,
        retain,
        topic_name: TopicName::try_from("gone").unwrap(),
        message: Bytes::from_static(b"{\"gone\":true}"),
    }
}

fn will_v5(qos: QoS, retain: bool) -> v5::LastWill {
    let topic = TopicName::try_from("gone").unwrap();
    let mut will = v5::LastWill::new(qos, topic, Bytes::from_static(b"{\"gone\":true}"));
    will.retain = retain;
    will
}

#[test]
fn a_known_thing_is_let_in_section_3_2() {
    for version in [V3, V5] {
        let mut rig = Rig::new(version, Limits::default());
        assert_eq!(rig.send(&connect(version, "thing")), ["CONNACK 0x00"]);
        assert_eq!(rig.world().client_ids, ["client"]);
        assert_eq!(rig.count(Counter::SessionsOpened), 1);
        assert!(rig.refusals().is_empty());
        assert!(!rig.session.is_closed());
    }
}

#[test]
fn the_first_packet_is_connect_section_3_1_0_1() {
    check_refused(V3, PINGREQ, &[], "not_mqtt");
    check_refused(V3, &publish(V3, 1, "{}"), &[], "not_mqtt");
    check_refused(V3, b"GET / HTTP/1.1\r\n\r\n", &[], "not_mqtt");
    check_refused(
        V3,
        &[0x10, 6, 0, 4, b'H', b'T', b'T', b'P'],
        &[],
        "not_mqtt",
    );
    check_refused(V3, &[0x10, 0], &[], "not_mqtt");
    check_refused(
        V3,
        &[0x11, 6, 0, 4, b'M', b'Q', b'T', b'T'],
        &[],
        "not_mqtt",
    );
}

#[test]
fn an_unknown_version_is_told_so_section_3_1_2_2() {
    let connect = |level| [0x10, 9, 0, 4, b'M', b'Q', b'T', b'T', level, 2, 0];
    check_refused(V3, &connect(2), &["CONNACK 0x01"], "not_mqtt");
    check_refused(V5, &connect(6), &["CONNACK 0x84"], "not_mqtt");
}

#[test]
fn a_bridge_is_let_in_like_anybody_else() {
    let mut bytes = connect(V3, "thing");
    assert_eq!(bytes[8], 4);
    bytes[8] = 0x84;
    let mut rig = Rig::new(V3, Limits::default());
    assert_eq!(rig.send(&bytes), ["CONNACK 0x00"]);
}

#[test]
fn wrong_or_missing_credentials_are_refused_section_3_2_2_2() {
    for (version, answer) in [(V3, "CONNACK 0x04"), (V5, "CONNACK 0x86")] {
        check_refused(
            version,
            &connect(version, "nobody"),
            &[answer],
            "bad_credentials",
        );
    }
    for bytes in [
        v3_with(|it| it.password = Some(Bytes::from_static(b"wrong"))),
        v3_with(|it| it.password = None),
        v3_with(|it| (it.username, it.password) = (None, None)),
    ] {
        check_refused(V3, &bytes, &["CONNACK 0x04"], "bad_credentials");
    }
    // A password without a user name is allowed by MQTT 5 and proves nothing here.
    let bytes = v5_with(|it| it.username = None);
    check_refused(V5, &bytes, &["CONNACK 0x86"], "bad_credentials");
}

#[test]
fn client_identifiers_have_limits_section_3_1_3_1() {
    let long = "x".repeat(129);
    let bytes = v3_with(|it| it.client_id = long.as_str().into());
    check_refused(V3, &bytes, &["CONNACK 0x02"], "client_ids_rejected");
    let bytes = v5_with(|it| it.client_id = long.as_str().into());
    check_refused(V5, &bytes, &["CONNACK 0x85"], "client_ids_rejected");
    let bytes = v3_with(|it| (it.client_id, it.clean_session) = ("".into(), false));
    check_refused(V3, &bytes, &["CONNACK 0x02"], "client_ids_rejected");
}

#[test]
fn an_empty_client_identifier_is_assigned_section_3_1_3_6() {
    let mut rig = Rig::new(V3, Limits::default());
    rig.send(&v3_with(|it| it.client_id = "".into()));
    assert_eq!(rig.world().client_ids, ["assigned-7-1700000000000"]);
    let connack = connack_v5(Limits::default(), |it| it.client_id = "".into());
    assert_eq!(
        connack.assigned_client_id.as_deref(),
        Some("assigned-7-1700000000000")
    );
}

fn connack_v5(limits: Limits, change: impl FnOnce(&mut v5::Connect)) -> v5::ConnackProperties {
    let mut rig = Rig::new(V5, limits);
    let mut out = Vec::new();
    rig.receive(&v5_with(change), &mut out);
    let header = v5::Header::new_with(out[0], u32::from(out[1]), 0).unwrap();
    match header.decode_buffer(&out[2..], &mut 0).unwrap() {
        v5::Packet::Connack(it) => {
            assert!(!it.session_present);
            it.properties
        }
        it => panic!("not a CONNACK: {it:?}"),
    }
}

#[test]
fn mqtt_5_is_told_what_there_is_and_what_not_section_3_2_2_3() {
    let limits = Limits {
        max_pending_acks: 20,
        max_packet_bytes: 5_000,
        max_keep_alive_s: 100,
        max_session_expiry_s: 500,
        ..Limits::default()
    };
    let offered = connack_v5(limits.clone(), |it| {
        it.properties.session_expiry_interval = Some(1_000);
        it.keep_alive = 0;
    });
    assert_eq!(offered.session_expiry_interval, Some(500));
    assert_eq!(offered.receive_max, Some(20));
    assert_eq!(offered.max_qos, None);
    assert_eq!(offered.retain_available, None);
    assert_eq!(offered.max_packet_size, Some(5_000));
    assert_eq!(offered.topic_alias_max, Some(16));
    assert_eq!(offered.wildcard_subscription_available, None);
    assert_eq!(offered.subscription_id_available, None);
    assert_eq!(offered.shared_subscription_available, None);
    assert_eq!(offered.server_keep_alive, Some(100));
    assert_eq!(offered.assigned_client_id, None);
    assert_eq!(
        connack_v5(limits.clone(), |it| it.keep_alive = 101).server_keep_alive,
        Some(100)
    );
    let offered = connack_v5(limits, |it| {
        it.properties.session_expiry_interval = Some(500);
        it.keep_alive = 100;
    });
    assert_eq!(offered.server_keep_alive, None);
    assert_eq!(offered.session_expiry_interval, None);
}

#[test]
fn an_authentication_method_is_refused_section_4_12() {
    let bytes = v5_with(|it| it.properties.auth_method = Some("SCRAM".into()));
    check_refused(V5, &bytes, &["CONNACK 0x8c"], "connect_unsupported");
}

#[test]
fn a_will_has_the_topic_limits_of_a_publish_section_3_1_3_3() {
    let long = "x".repeat(1_025);
    let mut will = will_v5(QoS::Level0, false);
    will.topic_name = TopicName::try_from(long.as_str()).unwrap();
    let bytes = v5_with(|it| it.last_will = Some(will));
    check_refused(V5, &bytes, &["CONNACK 0x90"], "topics_rejected");
    let mut will = will_v3(QoS::Level0, false);
    will.topic_name = TopicName::try_from(long.as_str()).unwrap();
    let bytes = v3_with(|it| it.last_will = Some(will));
    check_refused(V3, &bytes, &[], "topics_rejected");
}

#[test]
fn a_recipient_has_no_will() {
    let bytes = v3_with(|it| {
        it.username = Some("recipient".into());
        it.last_will = Some(will_v3(QoS::Level0, false));
    });
    check_refused(V3, &bytes, &["CONNACK 0x05"], "publishes_not_allowed");
    let bytes = v5_with(|it| {
        it.username = Some("recipient".into());
        it.last_will = Some(will_v5(QoS::Level0, false));
    });
    check_refused(V5, &bytes, &["CONNACK 0x87"], "publishes_not_allowed");
}

#[test]
fn a_connect_that_contradicts_itself_is_refused_section_3_1_2_3() {
    let with_flags = |flags: u8| {
        let mut bytes = connect(V3, "thing");
        bytes[9] = flags;
        bytes
    };
    // 3.1.2-3: the reserved flag. 3.1.2-15: retain without will. 3.1.2-22: password without name.
    for flags in [0b1100_0011, 0b1110_0010, 0b0100_0010, 0b1100_1010] {
        check_refused(V3, &with_flags(flags), &[], "malformed_packets");
    }
    for bytes in [
        v5_with(|it| it.properties.receive_max = Some(0)),
        v5_with(|it| it.properties.max_packet_size = Some(0)),
    ] {
        check_refused(V5, &bytes, &["CONNACK 0x82"], "protocol_errors");
    }
    let bytes = v5_with(|it| it.client_id = "a\0b".into());
    check_refused(V5, &bytes, &["CONNACK 0x81"], "malformed_packets");
    let mut bytes = connect(V5, "thing");
    bytes.push(0);
    bytes[1] += 1;
    check_refused(V5, &bytes, &["CONNACK 0x81"], "malformed_packets");
}

#[test]
fn a_stranger_sends_little() {
    let limits = Limits {
        max_connect_bytes: 50,
        ..Limits::default()
    };
    let mut rig = Rig::new(V3, limits.clone());
    let long = v3_with(|it| it.password = Some(Bytes::from(vec![b'x'; 100])));
    let mut out = Vec::new();
    rig.receive(&long[..5], &mut out);
    assert!(out.is_empty());
    assert!(rig.session.is_closed());
    assert_eq!(rig.refusals(), [("oversized_packets", 1)]);
    let mut rig = Rig::connected(V3, "thing", limits);
    rig.send(&publish(V3, 0, &"x".repeat(100)));
    assert!(!rig.session.is_closed());
}

#[test]
fn connect_comes_in_time_section_4_13() {
    let mut rig = Rig::new(V3, Limits::default());
    assert_eq!(rig.session.deadline_ms(), Some(10_000));
    rig.now_ms = 9_999;
    rig.call(|session, ctx| session.tick(ctx));
    assert!(!rig.session.is_closed());
    rig.now_ms = 10_000;
    assert!(rig.call(|session, ctx| session.tick(ctx)).is_empty());
    assert!(rig.session.is_closed());
    assert_eq!(rig.refusals(), [("connect_timeouts", 1)]);
}

#[test]
fn silence_for_one_and_a_half_keep_alives_ends_the_session_section_3_1_2_10() {
    for (version, answers) in [(V3, &[][..]), (V5, &["DISCONNECT 0x8d"][..])] {
        let mut rig = Rig::connected(version, "thing", Limits::default());
        assert_eq!(rig.session.deadline_ms(), Some(90_000));
        rig.now_ms = 50_000;
        rig.send(PINGREQ);
        assert_eq!(rig.session.deadline_ms(), Some(140_000));
        rig.now_ms = 139_999;
        assert!(rig.call(|session, ctx| session.tick(ctx)).is_empty());
        rig.now_ms = 140_000;
        assert_eq!(rig.call(|session, ctx| session.tick(ctx)), answers);
        assert!(rig.session.is_closed());
        assert_eq!(rig.count(Counter::KeepAliveTimeouts), 1);
    }
}

#[test]
fn without_a_keep_alive_mqtt_3_1_1_may_be_silent_section_3_1_2_10() {
    let mut rig = Rig::new(V3, Limits::default());
    rig.send(&v3_with(|it| it.keep_alive = 0));
    assert_eq!(rig.session.deadline_ms(), None);
}

#[test]
fn ping_is_answered_section_3_12() {
    for (version, answer) in [(V3, "Pingresp"), (V5, "PINGRESP")] {
        let mut rig = Rig::connected(version, "thing", Limits::default());
        assert_eq!(rig.send(PINGREQ), [answer]);
    }
}

/// Sends a packet that ends a session; asserts that it is counted once.
#[track_caller]
fn check_ends(version: Version, bytes: &[u8], answers: &[&str], counter: &'static str) {
    let mut rig = Rig::connected(version, "thing", Limits::default());
    assert_eq!(rig.send(bytes), answers);
    assert_eq!(rig.refusals(), [(counter, 1)]);
    assert!(rig.session.is_closed());
}

#[test]
fn packets_that_may_not_come_end_the_session_section_4_13() {
    for (version, answers) in [(V3, &[][..]), (V5, &["DISCONNECT 0x82"][..])] {
        // 3.1.0-2: a second CONNECT.
        check_ends(
            version,
            &connect(version, "thing"),
            answers,
            "protocol_errors",
        );
        // CONNACK, SUBACK, UNSUBACK, PINGRESP are the server's.
        for first in [0x20, 0x90, 0xb0, 0xd0] {
            check_ends(version, &[first, 0], answers, "protocol_errors");
        }
        // 2.2.1-3: a packet identifier of 0.
        for first in [0x40, 0x50, 0x62, 0x70] {
            check_ends(version, &[first, 2, 0, 0], answers, "protocol_errors");
        }
    }
    check_ends(V5, &[0xf0, 0], &["DISCONNECT 0x82"], "protocol_errors");
}

#[test]
fn packets_that_cannot_be_read_end_the_session_section_4_8() {
    for (version, answers) in [(V3, &[][..]), (V5, &["DISCONNECT 0x81"][..])] {
        for bytes in [
            &[0x00, 0][..],                  // no such type
            &[0xc1, 0],                      // 2.2.2-2: flags of PINGREQ
            &[0xc0, 1, 0],                   // PINGREQ with a body
            &[0x80, 4, 0, 1, 0, 0],          // 3.8.1-1: flags of SUBSCRIBE
            &[0xa0, 2, 0, 1],                // 3.10.1-1: flags of UNSUBSCRIBE
            &[0x40, 1, 0],                   // PUBACK without an identifier
            &[0x60, 2, 0, 1],                // 3.6.1-1: flags of PUBREL
            &[0xe1, 0],                      // 3.14.1-1: flags of DISCONNECT
            &[0x30, 0x80, 0x00, 0, 0],       // 1.5.5-1: a length that is not minimal
            &[0x30, 0xff, 0xff, 0xff, 0xff], // 2.1.4: a length of five bytes
        ] {
            check_ends(version, bytes, answers, "malformed_packets");
        }
    }
    check_ends(V3, &[0xf0, 0], &[], "malformed_packets");
    check_ends(V3, &[0xe0, 1, 0], &[], "malformed_packets");
    check_ends(V3, &[0x40, 3, 0, 1, 0], &[], "malformed_packets");
    check_ends(
        V5,
        &[0x40, 3, 0, 1, 0x42],
        &["DISCONNECT 0x81"],
        "malformed_packets",
    );
}

#[test]
fn a_packet_above_the_limit_ends_the_session_section_3_2_2_3_6() {
    for (version, answers) in [(V3, &[][..]), (V5, &["DISCONNECT 0x95"][..])] {
        let limits = Limits {
            max_packet_bytes: 1_000,
            ..Limits::default()
        };
        let mut rig = Rig::connected(version, "thing", limits);
        let mut out = Vec::new();
        rig.receive(&[0x30, 0xe6, 0x07], &mut out);
        assert_eq!(crate::mqtt::testing::texts(&out, version), answers);
        assert_eq!(rig.refusals(), [("oversized_packets", 1)]);
        assert!(rig.session.is_closed());
    }
}

#[test]
fn a_reason_string_is_left_out_when_the_client_takes_small_packets_section_3_14_2_3() {
    let mut rig = Rig::new(V5, Limits::default());
    let mut out = Vec::new();
    rig.receive(
        &v5_with(|it| it.properties.max_packet_size = Some(60)),
        &mut out,
    );
    out.clear();
    rig.receive(&[0xf0, 0], &mut out);
    assert_eq!(out, [0xe0, 1, 0x82]);
}

#[test]
fn disconnect_forgets_the_will_section_3_14_4_3() {
    let mut rig = Rig::new(V3, Limits::default());
    rig.send(&v3_with(|it| {
        it.last_will = Some(will_v3(QoS::Level1, true))
    }));
    assert!(rig.send(DISCONNECT).is_empty());
    assert!(rig.session.is_closed());
    rig.end();
    assert!(rig.world().ingested.is_empty());
}

#[test]
fn a_lost_connection_publishes_the_will_section_3_1_2_5() {
    let mut rig = Rig::new(V3, Limits::default());
    rig.send(&v3_with(|it| {
        it.last_will = Some(will_v3(QoS::Level1, true))
    }));
    rig.end();
    assert_eq!(rig.world().ingested, ["{\"gone\":true}"]);
    assert_eq!(rig.count(Counter::WillsAccepted), 1);

    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&v5_with(|it| {
        it.last_will = Some(will_v5(QoS::Level1, false))
    }));
    rig.send(&[0xe0, 1, 0x04]); // with the will, 3.14.2.1
    rig.world().refusal = Some(RefusalKind::Unlicensed);
    rig.end();
    assert!(rig.world().ingested.is_empty());
    assert_eq!(rig.refusals(), [("wills_refused", 1)]);
}

#[test]
fn a_session_that_ends_with_its_connection_cannot_be_prolonged_section_3_14_2_2_2() {
    let prolong = {
        let mut packet = v5::Disconnect::new_normal();
        packet.properties.session_expiry_interval = Some(60);
        bytes_v5(packet.into())
    };
    check_ends(V5, &prolong, &["DISCONNECT 0x82"], "protocol_errors");
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&v5_with(|it| {
        it.properties.session_expiry_interval = Some(60)
    }));
    assert!(rig.send(&prolong).is_empty());
    assert!(rig.refusals().is_empty());
}

#[test]
fn a_session_is_taken_over_section_3_1_4_3() {
    for (version, answers) in [(V3, &[][..]), (V5, &["DISCONNECT 0x8e"][..])] {
        let mut rig = Rig::connected(version, "thing", Limits::default());
        assert_eq!(rig.call(|session, ctx| session.taken_over(ctx)), answers);
        assert!(rig.session.is_closed());
        assert_eq!(rig.count(Counter::SessionsTakenOver), 1);
    }
}

#[test]
fn a_server_that_stops_acknowledges_first_and_publishes_no_will() {
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&v5_with(|it| {
        it.last_will = Some(will_v5(QoS::Level1, false))
    }));
    assert!(rig.send(&publish(V5, 1, "{}")).is_empty());
    rig.now_ms = 1_000;
    rig.session.drain(crate::mqtt::testing::moment(1_000));
    assert!(!rig.session.may_read(0));
    assert!(rig.session.is_waiting_for_durability());
    assert_eq!(rig.durable(1), ["PUBACK 1"]);
    assert_eq!(
        rig.call(|session, ctx| session.shut_down(ctx.out)),
        ["DISCONNECT 0x8b"]
    );
    rig.end();
    assert_eq!(rig.world().ingested, ["{}"]);
}

#[test]
fn a_drain_has_an_end() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.send(&publish(V5, 1, "{}"));
    rig.session.drain(crate::mqtt::testing::moment(1_000));
    assert_eq!(rig.session.deadline_ms(), Some(3_500));
    rig.now_ms = 3_500;
    assert_eq!(
        rig.call(|session, ctx| session.tick(ctx)),
        ["DISCONNECT 0x8b"]
    );
    assert!(rig.durable(1).is_empty());
}
