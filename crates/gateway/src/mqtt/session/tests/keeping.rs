//! Sessions that outlive their connection (3.1.2.4, 4.1, 4.4), and wills that wait (3.1.3.2.2).

use bytes::Bytes;
use mqtt_proto::{QoS, TopicName, v5};

use crate::mqtt::backend::Start;
use crate::mqtt::decode::Version;
use crate::mqtt::stamp::{Origin, Stamp};
use crate::mqtt::testing::{
    DISCONNECT, HANDED_OVER, Offered, Rig, bytes_v3, bytes_v5, connect_v3, connect_v5, moment,
    offered, puback, pubcomp, pubrec, subscribe,
};
use crate::{Counter, Limits};

use Version::{V3, V5};

const TOPIC: &str = "for/research/home-1/meter-7";

/// CONNECT of a user, who wants the session kept.
fn connect(version: Version, user_name: &str) -> Vec<u8> {
    match version {
        V3 => {
            let mut packet = connect_v3();
            packet.username = Some(user_name.into());
            packet.clean_session = false;
            bytes_v3(packet.into())
        }
        V5 => with(user_name, |_| {}),
    }
}

/// The same with something more.
fn with(user_name: &str, change: impl FnOnce(&mut v5::Connect)) -> Vec<u8> {
    let mut packet = connect_v5();
    packet.username = Some(user_name.into());
    packet.clean_start = false;
    packet.properties.session_expiry_interval = Some(60);
    change(&mut packet);
    bytes_v5(packet.into())
}

fn recipient(version: Version, qos: u8, limits: Limits) -> Rig {
    let mut rig = Rig::new(version, limits);
    rig.send(&connect(version, "recipient"));
    rig.send(&subscribe(version, &[("for/research/#", qos)], &[]));
    rig
}

/// The same client on a new connection.
fn again(rig: &mut Rig) -> Vec<String> {
    rig.again();
    rig.send(&connect(rig.version, "recipient"))
}

/// Offers deliveries to the absent client.
fn offer_away(rig: &mut Rig, deliveries: &[Offered], limits: &Limits) {
    let mut kept = rig.world().kept.0.take().unwrap();
    for delivery in deliveries {
        kept.offer(delivery.clone(), limits, &rig.counters);
    }
    rig.world().kept.0 = Some(kept);
}

#[test]
fn a_session_is_present_when_its_client_comes_back_section_3_2_2_1_1() {
    for version in [V3, V5] {
        let mut rig = recipient(version, 1, Limits::default());
        assert_eq!(rig.world().starts, [Start::Resume]);
        assert!(rig.end());
        assert_eq!(rig.world().subscriptions.len(), 1, "they stay");
        assert_eq!(again(&mut rig), ["CONNACK 0x00 present"]);
        assert_eq!(
            rig.offer(&[offered(1, "{}")]),
            [format!("PUBLISH {TOPIC} Level1(Pid(1)) {{}}")]
        );
        assert_eq!(rig.count(Counter::SessionsResumed), 1);
        // 3.1.4-4 of MQTT 5: nothing of it goes to a client that wants a new one.
        assert!(rig.end());
        rig.again();
        let clean = with("recipient", |it| it.clean_start = true);
        if version == V5 {
            assert_eq!(rig.send(&clean), ["CONNACK 0x00"]);
            assert!(rig.offer(&[offered(1, "{}")]).is_empty());
        }
    }
}

#[test]
fn a_session_that_is_not_to_be_kept_ends_with_its_connection_section_3_1_2_4() {
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(V3, &[("for/research/#", 1)], &[]));
    assert!(!rig.end(), "clean session");
    assert!(rig.world().subscriptions.is_empty());

    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    assert!(!rig.end(), "no session expiry interval");

    let mut rig = recipient(V5, 1, Limits::default());
    let mut packet = v5::Disconnect::new_normal();
    packet.properties.session_expiry_interval = Some(0);
    rig.send(&bytes_v5(packet.into()));
    assert!(!rig.end(), "3.14.2.2.2: the client has changed its mind");

    let mut rig = recipient(V5, 1, Limits::default());
    assert!(
        !rig.end_for(Some(Start::Clean)),
        "3.1.4-4: the next one is new"
    );

    let limits = Limits {
        max_session_expiry_s: 0,
        ..Limits::default()
    };
    let mut rig = recipient(V3, 1, limits);
    assert!(!rig.end(), "nothing is kept here");
}

#[test]
fn a_session_is_kept_for_its_interval_section_3_1_2_11_2() {
    let expiry = |rig: &Rig| rig.world().kept.0.as_ref().unwrap().deadline_ms();
    let limits = Limits {
        max_session_expiry_s: 1_000,
        ..Limits::default()
    };
    let mut rig = recipient(V5, 1, limits.clone());
    rig.now_ms = 5_000;
    rig.end();
    assert_eq!(expiry(&rig), 65_000);
    let mut kept = rig.world().kept.0.take().unwrap();
    let mut at = |ms| kept.tick(&mut rig.backend, moment(ms), &rig.counters);
    assert!(!at(64_999));
    assert!(at(65_000));
    assert_eq!(rig.count(Counter::SessionsExpired), 1);

    let mut rig = recipient(V5, 1, limits.clone());
    let mut packet = v5::Disconnect::new_normal();
    packet.properties.session_expiry_interval = Some(u32::MAX);
    rig.send(&bytes_v5(packet.into()));
    rig.end();
    assert_eq!(expiry(&rig), 1_000_000, "ours is the longest");
    let mut rig = recipient(V3, 1, limits);
    rig.send(DISCONNECT);
    rig.end();
    assert_eq!(expiry(&rig), 1_000_000, "MQTT 3.1.1 says nothing");
}

#[test]
fn what_was_not_acknowledged_is_sent_again_in_order_section_4_4() {
    for version in [V3, V5] {
        let mut rig = recipient(version, 2, Limits::default());
        rig.offer(&["a", "b", "c", "d"].map(|it| offered(1, it)));
        rig.send(&pubrec(2)); // b is received, its PUBCOMP is to come
        rig.send(&pubrec(4));
        rig.send(&pubcomp(4)); // d is done
        rig.end();
        rig.again();
        assert_eq!(
            rig.send(&connect(version, "recipient")),
            ["CONNACK 0x00 present", "PUBREL 2"]
        );
        // What came in the meantime comes behind it.
        assert_eq!(
            rig.offer(&[offered(1, "e")]),
            [
                format!("PUBLISH {TOPIC} Level2(Pid(1)) a dup"),
                format!("PUBLISH {TOPIC} Level2(Pid(3)) c dup"),
                format!("PUBLISH {TOPIC} Level2(Pid(5)) e"),
            ]
        );
        assert_eq!(rig.send(&pubrec(1)), ["PUBREL 1"]);
        rig.send(&pubcomp(2));
        assert_eq!(rig.session.packet_ids_in_flight(), [1, 3, 5]);
        assert!(rig.flush().is_empty(), "once on a connection");
    }
}

#[test]
fn what_may_not_leave_any_more_is_not_sent_again() {
    let mut rig = recipient(V5, 1, Limits::default());
    rig.offer(&["a", "b"].map(|it| offered(1, it)));
    rig.end();
    again(&mut rig);
    rig.world().forbidden = vec!["a".to_owned()];
    assert_eq!(
        rig.flush(),
        [format!("PUBLISH {TOPIC} Level1(Pid(2)) b dup")]
    );
    assert_eq!(rig.session.packet_ids_in_flight(), [2]);
    rig.send(&puback(2));
    assert_eq!(rig.offer(&[offered(1, "c")]).len(), 1);
    assert_eq!(rig.session.packet_ids_in_flight(), [3]);
}

#[test]
fn a_smaller_window_holds_for_what_is_sent_again_section_4_9() {
    let mut rig = recipient(V5, 1, Limits::default());
    rig.offer(&["a", "b", "c"].map(|it| offered(1, it)));
    rig.end();
    rig.again();
    rig.send(&with("recipient", |it| it.properties.receive_max = Some(2)));
    assert_eq!(rig.flush().len(), 2);
    rig.send(&puback(1));
    assert_eq!(
        rig.flush(),
        [format!("PUBLISH {TOPIC} Level1(Pid(3)) c dup")]
    );
}

#[test]
fn a_delivery_goes_on_after_its_subscription_has_ended_section_3_10_4_3() {
    let mut rig = recipient(V5, 1, Limits::default());
    rig.offer(&[offered(1, "a")]);
    rig.end();
    again(&mut rig);
    rig.send(&crate::mqtt::testing::unsubscribe(V5, &["for/research/#"]));
    assert_eq!(
        rig.flush(),
        [format!("PUBLISH {TOPIC} Level1(Pid(1)) a dup")]
    );
}

#[test]
fn what_waits_for_an_absent_client_is_bounded_section_4_1() {
    let limits = Limits {
        queued_deliveries: 3,
        queued_bytes: 10,
        ..Limits::default()
    };
    let mut rig = recipient(V5, 1, limits.clone());
    rig.end();
    let six = "x".repeat(6);
    offer_away(
        &mut rig,
        &[&six, &six, "a", "b", "c"].map(|it| offered(1, it)),
        &limits,
    );
    assert_eq!(rig.world().kept.0.as_ref().unwrap().queued(), 3);
    assert_eq!(rig.count(Counter::DeliveriesQueueFull), 2);
    again(&mut rig);
    let sent: Vec<_> = rig.flush().iter().map(|it| it.len()).collect();
    let bare = format!("PUBLISH {TOPIC} Level1(Pid(1)) ").len();
    assert_eq!(sent, [bare + 6, bare + 1, bare + 1]);
}

#[test]
fn qos_0_does_not_wait_section_4_1() {
    let limits = Limits::default();
    let mut rig = recipient(V5, 0, limits.clone());
    rig.end();
    offer_away(
        &mut rig,
        &[offered(1, "a"), offered(7, "nobody's")],
        &limits,
    );
    assert_eq!(rig.world().kept.0.as_ref().unwrap().queued(), 0);

    // On a native topic the lower QoS counts.
    let mut rig = Rig::new(V5, limits.clone());
    rig.send(&connect(V5, "both?purpose=care"));
    rig.send(&subscribe(V5, &[("#", 1)], &[]));
    rig.end();
    let deliveries = [0, 1, 2].map(|qos| Offered {
        stamp: Stamp::new(Origin::of(99), qos, false, None),
        ..offered(1, "a")
    });
    offer_away(&mut rig, &deliveries, &limits);
    assert_eq!(rig.world().kept.0.as_ref().unwrap().queued(), 2);
    assert_eq!(rig.count(Counter::DeliveriesQueueFull), 0);
}

#[test]
fn a_client_may_send_more_before_its_session_is_there_section_3_1_4_6() {
    let mut rig = Rig::new(V5, Limits::default());
    rig.world().is_held = true;
    let bytes = [
        connect(V5, "recipient"),
        subscribe(V5, &[("for/research/#", 1)], &[]),
    ]
    .concat();
    let mut out = Vec::new();
    let used = rig.receive(&bytes, &mut out);
    assert!(rig.session.is_claiming() && out.is_empty());
    assert_eq!(rig.session.window(), 0);
    assert_eq!(used, connect(V5, "recipient").len());
    assert_eq!(rig.session.deadline_ms(), Some(10_000));
    assert_eq!(
        rig.call(|session, ctx| session.accept(None, ctx)),
        ["CONNACK 0x00"]
    );
    assert_eq!(rig.send(&bytes[used..]), ["SUBACK 5 0x01"]);
}

fn will(delay_s: u32) -> v5::LastWill {
    let topic = TopicName::try_from("gone").unwrap();
    let mut will = v5::LastWill::new(QoS::Level2, topic, Bytes::from_static(b"gone"));
    will.retain = true;
    will.properties.delay_interval = Some(delay_s);
    will
}

fn with_will(delay_s: u32) -> Rig {
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&with("thing", |it| it.last_will = Some(will(delay_s))));
    rig
}

#[test]
fn a_will_waits_for_its_delay_or_the_end_of_the_session_section_3_1_3_2_2() {
    for (delay_s, due_ms) in [(10, 10_000), (60, 60_000), (1_000, 60_000)] {
        let mut rig = with_will(delay_s);
        rig.end();
        assert!(rig.world().ingested.is_empty());
        let mut kept = rig.world().kept.0.take().unwrap();
        assert_eq!(kept.deadline_ms(), due_ms);
        assert!(!kept.tick(&mut rig.backend, moment(due_ms - 1), &rig.counters));
        assert!(rig.world().ingested.is_empty());
        let is_over = kept.tick(&mut rig.backend, moment(due_ms), &rig.counters);
        assert_eq!(is_over, due_ms == 60_000);
        assert_eq!(rig.world().ingested, ["gone"]);
        let (topic, retain, stamp) = rig.world().arrived[0].clone();
        assert_eq!((topic.as_str(), retain, stamp.qos()), ("gone", true, 2));
        assert!(stamp.is_from(Origin::of(7)));
        kept.publish_will(&mut rig.backend, moment(due_ms), &rig.counters);
        assert_eq!(rig.world().ingested.len(), 1);
    }
    let mut rig = with_will(0);
    rig.end();
    assert_eq!(rig.world().ingested, ["gone"], "without a delay: at once");
}

#[test]
fn a_client_that_comes_back_in_time_is_not_lost_section_3_1_3_9() {
    let mut rig = with_will(10);
    assert!(rig.end_for(Some(Start::Resume)));
    rig.again();
    rig.send(&with("thing", |_| {}));
    rig.send(DISCONNECT);
    rig.now_ms = 100_000;
    rig.end();
    assert!(rig.world().ingested.is_empty());
}

#[test]
fn a_new_session_ends_the_old_one_and_its_will_is_published_section_3_1_4_3() {
    let mut rig = with_will(10);
    assert!(!rig.end_for(Some(Start::Clean)));
    assert_eq!(rig.world().ingested, ["gone"]);

    let mut rig = with_will(10);
    rig.end();
    let mut kept = rig.world().kept.0.take().unwrap();
    kept.publish_will(&mut rig.backend, moment(1), &rig.counters);
    assert_eq!(rig.world().ingested, ["gone"]);
}

#[test]
fn disconnect_with_will_publishes_it_section_3_14_2_1() {
    for (bytes, published) in [(&[0xe0, 1, 0x04][..], 1), (DISCONNECT, 0)] {
        let mut rig = with_will(0);
        rig.send(bytes);
        rig.end();
        assert_eq!(rig.world().ingested.len(), published);
    }
}

#[test]
fn what_a_session_has_not_sent_when_it_ends_is_for_others_who_share_section_4_8_2() {
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(V3, &[("$share/g/for/research/#", 1)], &[]));
    rig.offer(&["a", "b"].map(|it| offered(1, it)));
    rig.send(&puback(1));
    rig.world().offered.push_back(offered(1, "c"));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = rig.session.poll_offered(&mut rig.backend, &mut cx, 1);
    assert!(!rig.end());
    assert_eq!(HANDED_OVER.take(), ["b", "c"], "a was acknowledged");

    // With QoS 2 what was sent is nobody else's any more.
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(V3, &[("$share/g/for/research/#", 2)], &[]));
    rig.offer(&[offered(1, "a")]);
    assert!(!rig.end());
    assert!(HANDED_OVER.take().is_empty());
}
