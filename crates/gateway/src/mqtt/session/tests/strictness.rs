//! Rules that suites of others hold a server to (`conformance/`), and that nothing else here would show to be broken.

use mqtt_proto::{Protocol, QoS, TopicName, v3, v5};

use crate::Limits;
use crate::mqtt::decode::Version;
use crate::mqtt::stamp::{Origin, Stamp};
use crate::mqtt::testing::{
    Offered, Rig, bytes_v3, bytes_v5, connect_v3, connect_v5, offered, puback, pubcomp, pubrec,
    subscribe,
};

use Kind::{Comp, Puback, Rec};
use Version::{V3, V5};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Puback,
    Rec,
    Comp,
}

/// A recipient to whom one delivery is on its way with this quality of service; it has the identifier 1.
fn delivered(version: Version, qos: u8) -> Rig {
    let mut rig = Rig::connected(version, "recipient", Limits::default());
    rig.send(&subscribe(version, &[("for/research/#", qos)], &[]));
    assert_eq!(rig.offer(&[offered(1, "{}")]).len(), 1);
    rig
}

#[test]
fn retain_is_0_for_a_subscription_that_was_there_section_3_3_1_9_of_mqtt_3_1_1() {
    let mut rig = Rig::connected(V3, "both?purpose=care", Limits::default());
    rig.send(&subscribe(V3, &[("zigbee2mqtt/+", 0)], &[]));
    let published = Offered {
        stamp: Stamp::new(Origin::of(99), 0, true, None),
        native: Some("zigbee2mqtt/hall".to_owned()),
        ..offered(1, "{}")
    };
    assert_eq!(
        rig.offer(&[published]),
        ["PUBLISH zigbee2mqtt/hall Level0 {}"]
    );
}

#[test]
fn an_acknowledgement_of_another_quality_of_service_breaks_the_protocol_sections_4_8_0_1_and_4_13_1()
 {
    for (qos, kind) in [(1, Rec), (1, Comp), (2, Puback), (2, Comp)] {
        let ack = match kind {
            Puback => puback(1),
            Rec => pubrec(1),
            Comp => pubcomp(1),
        };
        let mut rig = delivered(V5, qos);
        assert_eq!(rig.send(&ack), ["DISCONNECT 0x82"], "{qos} {kind:?}");
        assert_eq!(rig.refusals(), [("protocol_errors", 1)]);
        let mut rig = delivered(V3, qos);
        assert!(rig.send(&ack).is_empty(), "{qos} {kind:?}");
        assert!(rig.session.is_closed(), "{qos} {kind:?}");
    }
    // PUBREC was there, PUBREL was sent: PUBACK comes too late.
    let mut rig = delivered(V5, 2);
    assert_eq!(rig.send(&pubrec(1)), ["PUBREL 1"]);
    assert_eq!(rig.send(&puback(1)), ["DISCONNECT 0x82"]);
}

#[test]
fn an_acknowledgement_of_nothing_is_let_be() {
    for version in [V3, V5] {
        let mut rig = delivered(version, 1);
        assert!(rig.send(&puback(1)).is_empty());
        for late in [puback(1), pubcomp(1), puback(77)] {
            assert!(rig.send(&late).is_empty());
        }
        assert!(!rig.session.is_closed());
    }
}

#[test]
fn a_will_without_a_topic_is_malformed_section_4_7_3_1() {
    let empty = TopicName::try_from("").unwrap();
    let mut packet = connect_v3();
    packet.last_will = Some(v3::LastWill {
        qos: QoS::Level0,
        retain: false,
        topic_name: empty.clone(),
        message: bytes::Bytes::from_static(b"{}"),
    });
    let mut rig = Rig::new(V3, Limits::default());
    assert!(rig.send(&bytes_v3(packet.into())).is_empty());
    assert!(rig.session.is_closed());
    let mut packet = connect_v5();
    let message = bytes::Bytes::from_static(b"{}");
    packet.last_will = Some(v5::LastWill::new(QoS::Level0, empty, message));
    let mut rig = Rig::new(V5, Limits::default());
    assert_eq!(rig.send(&bytes_v5(packet.into())), ["CONNACK 0x81"]);
    assert!(rig.session.is_closed());
}

#[test]
fn a_client_that_takes_no_packet_as_long_as_a_connack_gets_none_section_3_1_2_24() {
    for (longest, answers) in [(2, 0), (15, 0), (16, 1)] {
        let mut packet = connect_v5();
        packet.properties.max_packet_size = Some(longest);
        let mut rig = Rig::new(V5, Limits::default());
        let answered = rig.send(&bytes_v5(packet.into()));
        assert_eq!(answered.len(), answers, "{longest}: {answered:?}");
        assert_eq!(rig.session.is_closed(), answers == 0, "{longest}");
    }
}

#[test]
fn mqtt_3_1_is_told_no_word_that_came_later() {
    let old = |change: fn(&mut v3::Connect)| {
        let mut packet = connect_v3();
        packet.protocol = Protocol::V310;
        change(&mut packet);
        let mut rig = Rig::new(V3, Limits::default());
        rig.send(&bytes_v3(packet.into()))
    };
    assert_eq!(old(|_| {}), ["CONNACK 0x00"]);
    assert_eq!(old(|it| it.client_id = "".into()), ["CONNACK 0x02"]);
    let unknown = b"\x10\x10\0\x06MQIsdp\x09\x02\0\x3c\0\x02ab";
    let mut rig = Rig::new(V3, Limits::default());
    assert_eq!(rig.send(unknown), ["CONNACK 0x01"]);
}
