//! QoS 2 from the client: PUBLISH, PUBREC, PUBREL, PUBCOMP (4.3.3).

use mqtt_proto::v5;

use crate::Limits;
use crate::mqtt::decode::Version;
use crate::mqtt::testing::{Rig, bytes_v5, connect_v5, publish, publish_2, pubrel};
use crate::refusal::RefusalKind;

use Version::{V3, V5};

#[test]
fn a_qos_2_publish_is_received_when_it_is_durable_and_taken_once_section_4_3_3() {
    for version in [V3, V5] {
        let mut rig = Rig::connected(version, "thing", Limits::default());
        assert!(rig.send(&publish_2(version, 5, "{}", false)).is_empty());
        assert!(rig.durable(0).is_empty());
        assert!(rig.send(&publish_2(version, 5, "{}", true)).is_empty());
        assert_eq!(rig.durable(1), ["PUBREC 5"], "one for both");
        assert!(rig.send(&publish_2(version, 5, "{}", true)).is_empty());
        assert_eq!(rig.durable(1), ["PUBREC 5"], "it may have been lost");
        assert_eq!(rig.send(&pubrel(5)), ["PUBCOMP 5"]);
        assert_eq!(rig.world().ingested.len(), 1);
        // 4.3.3: after PUBREL the identifier belongs to a new message.
        rig.send(&publish_2(version, 5, "{}", false));
        assert_eq!(rig.durable(2), ["PUBREC 5"]);
        assert_eq!(rig.world().ingested.len(), 2);
        assert_eq!(rig.count(crate::Counter::PublishesAccepted), 2);
    }
}

#[test]
fn acknowledgements_of_both_kinds_keep_their_order_section_4_6() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.send(&publish_2(V5, 1, "{}", false));
    rig.send(&publish(V5, 2, "{}"));
    rig.send(&publish_2(V5, 3, "{}", false));
    rig.world().refusal = Some(RefusalKind::Malformed);
    assert!(rig.send(&publish_2(V5, 4, "{}", false)).is_empty());
    assert_eq!(
        rig.durable(3),
        ["PUBREC 1", "PUBACK 2", "PUBREC 3", "PUBREC 4 0x99"]
    );
}

#[test]
fn a_refused_qos_2_publish_is_over_section_4_3_3() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.world().refusal = Some(RefusalKind::Unlicensed);
    assert_eq!(rig.send(&publish_2(V5, 4, "{}", false)), ["PUBREC 4 0x87"]);
    rig.world().refusal = None;
    assert!(rig.send(&publish_2(V5, 4, "{}", false)).is_empty());
    assert_eq!(rig.world().ingested.len(), 1, "the identifier was free");

    let mut rig = Rig::connected(V3, "thing", Limits::default());
    rig.world().refusal = Some(RefusalKind::Unlicensed);
    assert!(rig.send(&publish_2(V3, 4, "{}", false)).is_empty());
    assert!(rig.session.is_closed());
}

#[test]
fn a_pubrel_of_nothing_is_answered_section_3_7_2_1() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    assert_eq!(rig.send(&pubrel(9)), ["PUBCOMP 9 0x92"]);
    let mut rig = Rig::connected(V3, "thing", Limits::default());
    assert_eq!(rig.send(&pubrel(9)), ["PUBCOMP 9"]);
}

#[test]
fn a_pubrel_before_its_pubrec_breaks_the_protocol_section_4_3_3() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.send(&publish_2(V5, 9, "{}", false));
    assert_eq!(rig.send(&pubrel(9)), ["DISCONNECT 0x82"]);
    assert_eq!(rig.refusals(), [("protocol_errors", 1)]);
}

#[test]
fn a_qos_2_publish_counts_until_its_pubcomp_section_4_9() {
    let limits = Limits {
        max_pending_acks: 2,
        ..Limits::default()
    };
    for (version, answer) in [(V3, &[][..]), (V5, &["DISCONNECT 0x93"][..])] {
        let mut rig = Rig::connected(version, "thing", limits.clone());
        rig.send(&publish_2(version, 1, "{}", false));
        rig.durable(1);
        rig.send(&publish_2(version, 2, "{}", false));
        rig.durable(2);
        // Sent again it is not another one.
        assert!(rig.send(&publish_2(version, 1, "{}", true)).is_empty());
        rig.durable(2);
        rig.send(&pubrel(1));
        rig.send(&publish_2(version, 3, "{}", false));
        rig.durable(3);
        assert_eq!(rig.send(&publish_2(version, 4, "{}", false)), answer);
        assert!(rig.session.is_closed());
        assert_eq!(rig.refusals(), [("receive_maximum_exceeded", 1)]);
    }
}

#[test]
fn what_was_taken_is_known_on_the_next_connection_section_4_4() {
    let connect = |clean| {
        let mut packet = connect_v5();
        packet.clean_start = clean;
        packet.properties.session_expiry_interval = Some(60);
        bytes_v5(packet.into())
    };
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&connect(false));
    rig.send(&publish_2(V5, 1, "a", false));
    rig.durable(1);
    rig.send(&publish_2(V5, 2, "b", false));
    assert!(rig.end());
    rig.again();
    assert_eq!(rig.send(&connect(false)), ["CONNACK 0x00 present"]);
    // The first was received, and its PUBREL was lost; the second was never acknowledged.
    assert_eq!(rig.send(&pubrel(1)), ["PUBCOMP 1"]);
    assert!(rig.send(&publish_2(V5, 2, "b", true)).is_empty());
    assert!(rig.durable(1).is_empty(), "it is not durable yet");
    assert_eq!(rig.durable(2), ["PUBREC 2"]);
    assert_eq!(rig.send(&pubrel(2)), ["PUBCOMP 2"]);
    assert_eq!(rig.world().ingested, ["a", "b"]);

    // A new session knows nothing of it.
    rig.send(&publish_2(V5, 3, "c", false));
    assert!(rig.end());
    rig.again();
    assert_eq!(rig.send(&connect(true)), ["CONNACK 0x00"]);
    rig.send(&publish_2(V5, 3, "c", true));
    assert_eq!(rig.world().ingested, ["a", "b", "c", "c"]);
}

#[test]
fn acknowledgements_with_properties_are_read_section_3_6_2() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    rig.send(&publish_2(V5, 1, "{}", false));
    rig.durable(1);
    let mut packet = v5::Pubrel::new_success(1.try_into().unwrap());
    packet.properties.reason_string = Some("because".into());
    assert_eq!(rig.send(&bytes_v5(packet.into())), ["PUBCOMP 1"]);
    assert_eq!(rig.send(&[0x62, 1, 0]), ["DISCONNECT 0x81"]);
}
