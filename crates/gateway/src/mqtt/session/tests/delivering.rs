//! PUBLISH to the client.

use mqtt_proto::{QoS, TopicFilter, v5};

use crate::mqtt::decode::Version;
use crate::mqtt::session::Sent;
use crate::mqtt::stamp::{Origin, Stamp};
use crate::mqtt::testing::{
    FakeBackend, Offered, Rig, bytes_v5, connect_v5, offered, puback, pubcomp, pubrec, subscribe,
    unsubscribe,
};
use crate::{Counter, Limits};

use Version::{V3, V5};

const TOPIC: &str = "for/research/home-1/meter-7";

/// A recipient with one subscription, tag 1.
fn subscribed(version: Version, qos: u8) -> Rig {
    let mut rig = Rig::connected(version, "recipient", Limits::default());
    rig.send(&subscribe(version, &[("for/research/#", qos)], &[]));
    rig
}

#[test]
fn a_delivery_comes_on_the_topic_of_its_subscription_section_3_3() {
    let mut rig = subscribed(V3, 0);
    let sent = rig.offer(&[offered(1, "{}")]);
    assert_eq!(sent, [format!("PUBLISH {TOPIC} Level0 {{}}")]);
    let mut rig = subscribed(V3, 1);
    let coarse = Offered {
        coarse: true,
        ..offered(1, "{}")
    };
    assert_eq!(
        rig.offer(&[coarse]),
        [format!("PUBLISH {TOPIC} Level1(Pid(1)) {{}}")]
    );
}

#[test]
fn mqtt_5_sees_that_a_delivery_is_coarse_section_3_3_2_3_7() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    rig.send(&subscribe(V5, &[("#", 0)], &["research"]));
    let coarse = Offered {
        coarse: true,
        ..offered(1, "{}")
    };
    assert_eq!(
        rig.offer(&[coarse, offered(1, "{}")]),
        [
            "PUBLISH home-1/meter-7 Level0 {} coarse=true",
            "PUBLISH home-1/meter-7 Level0 {}"
        ]
    );
}

#[test]
fn after_unsubscribe_nothing_comes_section_3_10_4() {
    let mut rig = subscribed(V5, 0);
    rig.send(&unsubscribe(V5, &["for/research/#"]));
    assert!(rig.offer(&[offered(1, "{}")]).is_empty());
    assert!(rig.world().released.is_empty());
}

#[test]
fn the_client_window_bounds_what_is_unacknowledged_section_3_1_2_11_3() {
    let mut connect = connect_v5();
    connect.username = Some("recipient".into());
    connect.properties.receive_max = Some(2);
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&bytes_v5(connect.into()));
    rig.send(&subscribe(V5, &[("#", 2)], &["research"]));
    assert_eq!(rig.session.window(), 2);
    let many = vec![offered(1, "{}"); 4];
    assert_eq!(rig.offer(&many).len(), 2);
    assert_eq!(rig.session.window(), 0);
    rig.send(&puback(9)); // never sent: ignored
    assert_eq!(rig.session.window(), 0);
    assert_eq!(rig.send(&pubrec(1)), ["PUBREL 1"]);
    assert_eq!(rig.session.window(), 0, "4.9: until PUBCOMP");
    assert_eq!(rig.send(&pubrec(1)), ["PUBREL 1"]);
    rig.send(&pubcomp(1));
    assert_eq!(rig.session.window(), 1);
    // 4.3.3: a PUBREC with a reason code ends the exchange.
    assert!(rig.send(&[0x50, 4, 0, 2, 0x97, 0]).is_empty());
    assert_eq!(rig.session.window(), 2);
    assert_eq!(rig.flush().len(), 2);
}

#[test]
fn a_puback_with_a_reason_code_ends_the_exchange_section_4_3_2() {
    let mut rig = subscribed(V5, 1);
    let window = rig.session.window();
    rig.offer(&[offered(1, "{}")]);
    rig.send(&[0x40, 4, 0, 1, 0x97, 0]);
    assert_eq!(rig.session.window(), window);
}

#[test]
fn a_pubrec_of_nothing_is_let_go_section_3_6_2_1() {
    let mut rig = subscribed(V5, 2);
    assert_eq!(rig.send(&pubrec(7)), ["PUBREL 7 0x92"]);
    let mut rig = subscribed(V3, 2);
    assert_eq!(rig.send(&pubrec(7)), ["PUBREL 7"]);
}

#[test]
fn packet_identifiers_in_flight_are_not_used_again_section_2_2_1() {
    let mut rig = subscribed(V3, 1);
    rig.offer(&[offered(1, "{}")]); // 1 stays in flight
    let mut expected = 1_u16;
    for _ in 0..70_000_u32 {
        rig.offer(&[offered(1, "{}")]);
        expected = match expected {
            u16::MAX => 2,
            it => it + 1,
        };
        assert_eq!(rig.session.packet_ids_in_flight(), [1, expected]);
        rig.send(&puback(expected));
    }
}

#[test]
fn a_delivery_that_was_not_sent_gives_its_place_back() {
    for qos in [0, 1, 2] {
        let mut rig = subscribed(V3, qos);
        let window = rig.session.window();
        rig.world().offered.push_back(offered(1, "{}"));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = rig.session.poll_offered(&mut rig.backend, &mut cx, 1);
        let mut out = Vec::new();
        let Some(Sent::Written { undo, .. }) = rig.send_next(&mut out) else {
            panic!("not written");
        };
        assert!(!rig.session.has_next());
        rig.session.take_back(undo);
        assert_eq!(rig.session.window(), window);
        assert!(rig.session.has_next());
        let id = if qos == 0 { "" } else { "(Pid(1))" };
        assert_eq!(
            rig.flush(),
            [format!("PUBLISH {TOPIC} Level{qos}{id} {{}}")]
        );
    }
}

#[test]
fn a_delivery_longer_than_the_client_takes_is_dropped_section_3_1_2_25() {
    let mut connect = connect_v5();
    connect.username = Some("recipient".into());
    connect.properties.max_packet_size = Some(100);
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&bytes_v5(connect.into()));
    rig.send(&subscribe(V5, &[("#", 1)], &["research"]));
    let window = rig.session.window();
    assert!(rig.offer(&[offered(1, &"x".repeat(100))]).is_empty());
    assert_eq!(rig.session.window(), window);
    assert!(rig.world().receipts.is_empty());
}

fn subscribe_with(
    filter: &str,
    identifier: u32,
    change: impl FnOnce(&mut v5::SubscriptionOptions),
) -> Vec<u8> {
    let mut options = v5::SubscriptionOptions::new(QoS::Level2);
    change(&mut options);
    let filter = TopicFilter::try_from(filter).unwrap();
    let mut packet = v5::Subscribe::new(5.try_into().unwrap(), vec![(filter, options)]);
    packet.properties.subscription_id = (identifier > 0).then(|| identifier.try_into().unwrap());
    bytes_v5(packet.into())
}

#[test]
fn subscriptions_that_overlap_make_one_packet_section_3_3_4() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    for (filter, qos, identifier) in [
        ("for/research/home-1/+", QoS::Level0, 2),
        ("for/research/#", QoS::Level1, 300),
        ("for/research/home-2/#", QoS::Level2, 4),
        ("for/care/#", QoS::Level2, 5),
    ] {
        rig.send(&subscribe_with(filter, identifier, |it| it.max_qos = qos));
    }
    // Custody offers it once for each that matches.
    assert_eq!(
        rig.offer(&[offered(1, "{}"), offered(2, "{}")]),
        [format!("PUBLISH {TOPIC} Level1(Pid(1)) {{}} ids=[2, 300]")]
    );
    // 3.10.4: without the first the second is sent alone.
    rig.send(&unsubscribe(V5, &["for/research/home-1/+"]));
    assert_eq!(
        rig.offer(&[offered(1, "{}"), offered(2, "{}")]),
        [format!("PUBLISH {TOPIC} Level1(Pid(2)) {{}} ids=[300]")]
    );
}

#[test]
fn a_shared_subscription_is_a_packet_of_its_own_section_4_8_2() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    rig.send(&subscribe_with("for/research/#", 1, |_| {}));
    rig.send(&subscribe_with("$share/g/for/research/#", 2, |_| {}));
    assert_eq!(
        rig.offer(&[offered(1, "a"), offered(2, "a")]),
        [
            format!("PUBLISH {TOPIC} Level2(Pid(1)) a ids=[1]"),
            format!("PUBLISH {TOPIC} Level2(Pid(2)) a ids=[2]")
        ]
    );
}

/// A client that is thing and recipient, with one native subscription under tag 1.
fn native(options: impl FnOnce(&mut v5::SubscriptionOptions)) -> Rig {
    let mut rig = Rig::connected(V5, "both?purpose=care", Limits::default());
    let answer = rig.send(&subscribe_with("zigbee2mqtt/+", 0, options));
    assert_eq!(answer, ["SUBACK 5 0x02"]);
    rig
}

fn published(origin: Origin, qos: u8, retain: bool, expiry_s: Option<u32>) -> Offered {
    Offered {
        stamp: Stamp::new(origin, qos, retain, expiry_s),
        native: Some("zigbee2mqtt/hall".to_owned()),
        ..offered(1, "{}")
    }
}

#[test]
fn on_a_native_topic_the_lower_qos_counts_section_3_8_4_8() {
    let mut rig = native(|it| it.max_qos = QoS::Level2);
    let other = Origin::of(99);
    let all = [0, 1, 2].map(|qos| published(other, qos, false, None));
    assert_eq!(
        rig.offer(&all),
        [
            "PUBLISH zigbee2mqtt/hall Level0 {}",
            "PUBLISH zigbee2mqtt/hall Level1(Pid(1)) {}",
            "PUBLISH zigbee2mqtt/hall Level2(Pid(2)) {}"
        ]
    );
}

#[test]
fn no_local_keeps_ones_own_messages_away_section_3_8_3_3() {
    let own = Origin::of(7);
    let mut rig = native(|it| it.no_local = true);
    assert!(rig.offer(&[published(own, 0, false, None)]).is_empty());
    assert_eq!(
        rig.offer(&[published(Origin::of(8), 0, false, None)]).len(),
        1
    );
    let mut rig = native(|_| {});
    assert_eq!(rig.offer(&[published(own, 0, false, None)]).len(), 1);
}

#[test]
fn retain_as_published_keeps_the_flag_section_3_3_1_12() {
    let other = Origin::of(99);
    for (as_published, expected) in [(false, ""), (true, " retain")] {
        let mut rig = native(|it| it.retain_as_published = as_published);
        let sent = rig.offer(&[
            published(other, 0, true, None),
            published(other, 0, false, None),
        ]);
        assert_eq!(
            sent,
            [
                format!("PUBLISH zigbee2mqtt/hall Level0 {{}}{expected}"),
                "PUBLISH zigbee2mqtt/hall Level0 {}".to_owned()
            ]
        );
    }
}

#[test]
fn retained_messages_come_with_a_subscription_section_3_3_1_9() {
    use v5::RetainHandling::{DoNotSend, SendAtSubscribe, SendAtSubscribeIfNotExist};
    for (handling, first, second) in [
        (SendAtSubscribe, 1, 1),
        (SendAtSubscribeIfNotExist, 1, 0),
        (DoNotSend, 0, 0),
    ] {
        let mut rig = Rig::connected(V5, "both?purpose=care", Limits::default());
        rig.world().retained = vec![published(Origin::of(99), 0, true, None)];
        let packet = subscribe_with("#", 9, |it| it.retain_handling = handling);
        for expected in [first, second] {
            rig.send(&packet);
            let sent = rig.flush();
            assert_eq!(sent.len(), expected, "{handling:?}");
            for it in sent {
                assert_eq!(it, "PUBLISH zigbee2mqtt/hall Level0 {} retain ids=[9]");
            }
        }
        rig.send(&subscribe_with("$share/g/#", 1, |_| {}));
        assert!(rig.flush().is_empty(), "4.8.2: none for a shared one");
    }
    // 3.8.4-3 of MQTT 3.1.1: at each SUBSCRIBE.
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.world().retained = vec![offered(0, "{}")];
    for _ in 0..2 {
        rig.send(&subscribe(V3, &[("for/research/#", 0)], &[]));
        assert_eq!(rig.flush(), [format!("PUBLISH {TOPIC} Level0 {{}} retain")]);
    }
}

#[test]
fn a_message_that_waited_too_long_is_not_sent_section_3_3_2_3_3() {
    let other = Origin::of(99);
    let mut rig = native(|_| {});
    rig.now_ms = 3_500;
    let sent = rig.offer(&[
        published(other, 0, false, Some(3)),
        published(other, 0, false, Some(5)),
    ]);
    assert_eq!(sent, ["PUBLISH zigbee2mqtt/hall Level0 {} expiry=2"]);
    let mut rig = native(|_| {});
    let sent = rig.offer(&[published(other, 0, false, Some(5))]);
    assert_eq!(sent, ["PUBLISH zigbee2mqtt/hall Level0 {} expiry=5"]);
}

#[test]
fn topics_are_told_once_to_a_client_that_takes_aliases_section_3_3_2_3_4() {
    let mut connect = connect_v5();
    connect.username = Some("recipient".into());
    connect.properties.topic_alias_max = Some(1);
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&bytes_v5(connect.into()));
    rig.send(&subscribe(V5, &[("for/research/#", 0)], &[]));
    rig.send(&subscribe(V5, &[("#", 0)], &["care"]));
    assert_eq!(
        rig.offer(&[offered(1, "a"), offered(1, "b"), offered(2, "c")]),
        [
            format!("PUBLISH {TOPIC} Level0 a alias=1"),
            "PUBLISH  Level0 b alias=1".to_owned(),
            "PUBLISH home-1/meter-7 Level0 c".to_owned(),
        ]
    );
    let mut rig = subscribed(V5, 0);
    let sent = rig.offer(&[offered(1, "a")]);
    assert_eq!(sent, [format!("PUBLISH {TOPIC} Level0 a")], "0 by default");
}

#[test]
fn an_alias_that_was_not_sent_is_told_again() {
    let mut connect = connect_v5();
    connect.username = Some("recipient".into());
    connect.properties.topic_alias_max = Some(5);
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&bytes_v5(connect.into()));
    rig.send(&subscribe(V5, &[("for/research/#", 1)], &[]));
    rig.world()
        .offered
        .extend([offered(1, "a"), offered(1, "b")]);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = rig.session.poll_offered(&mut rig.backend, &mut cx, 2);
    let mut out = Vec::new();
    let mut undone = Vec::new();
    while let Some(sent) = rig.send_next(&mut out) {
        let Sent::<FakeBackend>::Written { undo, .. } = sent else {
            panic!("not written");
        };
        undone.push(undo);
    }
    for undo in undone.into_iter().rev() {
        rig.session.take_back(undo);
    }
    assert_eq!(
        rig.flush(),
        [
            format!("PUBLISH {TOPIC} Level1(Pid(1)) a alias=1"),
            "PUBLISH  Level1(Pid(2)) b alias=1".to_owned()
        ]
    );
    assert_eq!(rig.count(Counter::DeliveriesRepeated), 0);
}

/// A recipient that may send five packets a second and has sent one, SUBSCRIBE.
fn hurried(version: Version, qos: u8) -> Rig {
    let limits = Limits {
        packets_per_second: 5,
        ..Limits::default()
    };
    let mut rig = Rig::connected(version, "recipient", limits);
    rig.send(&subscribe(version, &[("for/research/#", qos)], &[]));
    rig
}

#[test]
fn acknowledgements_of_what_is_in_flight_have_no_rate_section_4_9() {
    for version in [V3, V5] {
        let mut rig = hurried(version, 1);
        for id in 1..=100 {
            assert_eq!(rig.offer(&[offered(1, "a")]).len(), 1);
            assert!(rig.send(&puback(id)).is_empty());
        }
        let mut twice = hurried(version, 2);
        for id in 1..=100 {
            assert_eq!(twice.offer(&[offered(1, "a")]).len(), 1);
            assert_eq!(twice.send(&pubrec(id)), [format!("PUBREL {id}")]);
            assert!(twice.send(&pubcomp(id)).is_empty());
        }
        for rig in [rig, twice] {
            assert!(!rig.session.is_closed() && rig.refusals().is_empty());
            assert!(rig.session.packet_ids_in_flight().is_empty());
        }
    }
}

#[test]
fn acknowledgements_that_nothing_waits_for_count_as_packets() {
    let too_fast = [("packets_too_fast", 1)];
    for (qos, ack) in [(1, puback(1)), (2, pubcomp(9)), (2, pubrec(9))] {
        let mut rig = hurried(V5, qos);
        rig.offer(&[offered(1, "a")]);
        if qos == 1 {
            rig.send(&ack); // The one that is awaited.
        }
        for _ in 0..4 {
            rig.send(&ack);
            assert!(!rig.session.is_closed());
        }
        let answer = rig.send(&ack);
        assert!(answer.concat().starts_with("DISCONNECT 0x96"), "{answer:?}");
        assert_eq!(rig.refusals(), too_fast);
    }
    // 4.3.3: a PUBREC that comes again is answered again, and it counts.
    let mut rig = hurried(V3, 2);
    rig.offer(&[offered(1, "a")]);
    for _ in 0..5 {
        assert_eq!(rig.send(&pubrec(1)), ["PUBREL 1"]);
    }
    rig.send(&pubrec(1));
    assert!(rig.session.is_closed());
    assert_eq!(rig.refusals(), too_fast);
}
