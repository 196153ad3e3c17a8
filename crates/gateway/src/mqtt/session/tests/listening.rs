//! A thing that listens for its commands.

use adapters::Answer;

use crate::mqtt::decode::Version;
use crate::mqtt::testing::{
    FakeCommand, Rig, bytes_v5, connect_v5, puback, publish, subscribe, unsubscribe,
};
use crate::{Counter, Limits};

use Version::{V3, V5};

const TOPIC: &str = "zigbee2mqtt/hall/set";

/// A thing whose notice names one topic of commands.
fn rig(version: Version) -> Rig {
    let rig = Rig::connected(version, "thing", Limits::default());
    rig.world().command_topics = vec![TOPIC.to_owned()];
    rig
}

fn command(id: u64) -> FakeCommand {
    FakeCommand {
        id,
        topic: TOPIC.to_owned(),
        payload: "{\"state\":\"OFF\"}".to_owned(),
        is_void: false,
    }
}

fn tell(rig: &mut Rig, command: &FakeCommand) -> Vec<String> {
    rig.call(|session, ctx| session.tell(command, ctx))
}

#[test]
fn a_filter_is_granted_when_it_matches_a_command_of_the_thing() {
    for filter in [TOPIC, "zigbee2mqtt/+/set", "zigbee2mqtt/#", "#", "+/hall/+"] {
        let mut rig = rig(V5);
        let answer = rig.send(&subscribe(V5, &[(filter, 1)], &[]));
        assert_eq!(answer, ["SUBACK 5 0x01"], "{filter}");
        assert_eq!(rig.world().listening, [filter]);
        assert_eq!(rig.count(Counter::SubscriptionsGranted), 1);
    }
}

#[test]
fn any_other_filter_is_refused_section_3_9_3() {
    let long = "a/".repeat(600);
    for (filter, code, counter) in [
        ("zigbee2mqtt/kitchen/set", "0x87", "subscriptions_denied"),
        ("for/research/#", "0x87", "subscriptions_denied"),
        ("+", "0x87", "subscriptions_denied"),
        ("$share/g/#", "0x87", "subscriptions_denied"),
        (long.as_str(), "0x8f", "subscriptions_invalid"),
    ] {
        let mut rig = rig(V5);
        let answer = rig.send(&subscribe(V5, &[(filter, 0)], &[]));
        assert_eq!(answer, [format!("SUBACK 5 {code}")], "{filter}");
        assert_eq!(rig.refusals(), [(counter, 1)]);
        assert!(rig.world().listening.is_empty());
    }
    let mut rig = rig(V3);
    let answer = rig.send(&subscribe(V3, &[("other/topic", 0)], &[]));
    assert_eq!(answer, ["SUBACK 5 [Failure]"]);
}

#[test]
fn a_recipient_cannot_subscribe_to_a_command_topic() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    rig.world().command_topics = vec![TOPIC.to_owned()];
    assert_eq!(
        rig.send(&subscribe(V5, &[(TOPIC, 1)], &[])),
        ["SUBACK 5 0x87"]
    );
    assert!(rig.world().listening.is_empty());
}

#[test]
fn a_command_goes_with_the_qos_of_its_subscription_and_its_puback_is_known() {
    let mut rig = rig(V3);
    rig.send(&subscribe(V3, &[("zigbee2mqtt/#", 0)], &[]));
    let sent = tell(&mut rig, &command(7));
    assert_eq!(
        sent,
        ["PUBLISH zigbee2mqtt/hall/set Level0 {\"state\":\"OFF\"}"]
    );
    // 3.3.5-1: of several subscriptions that match, the highest QoS counts, and the message comes once.
    rig.send(&subscribe(V3, &[(TOPIC, 1)], &[]));
    let sent = tell(&mut rig, &command(8));
    assert_eq!(
        sent,
        ["PUBLISH zigbee2mqtt/hall/set Level1(Pid(1)) {\"state\":\"OFF\"}"]
    );
    assert_eq!(rig.world().told, [(7, false), (8, true)]);
    assert!(rig.world().told_received.is_empty());
    rig.send(&puback(1));
    rig.send(&puback(1));
    assert_eq!(rig.world().told_received, [8]);
    assert_eq!(rig.count(Counter::CommandsSent), 2);
}

#[test]
fn a_void_command_and_one_that_nobody_listens_to_are_not_sent() {
    let mut rig = rig(V5);
    assert!(tell(&mut rig, &command(1)).is_empty());
    rig.send(&subscribe(V5, &[(TOPIC, 1)], &[]));
    let void = FakeCommand {
        is_void: true,
        ..command(2)
    };
    assert!(tell(&mut rig, &void).is_empty());
    assert_eq!(rig.send(&unsubscribe(V5, &[TOPIC])), ["UNSUBACK 6 0x00"]);
    assert!(tell(&mut rig, &command(3)).is_empty());
    assert!(rig.world().told.is_empty() && rig.world().listening.is_empty());
}

#[test]
fn a_command_that_the_client_does_not_take_is_never_acknowledged() {
    let mut connect = connect_v5();
    connect.properties.max_packet_size = Some(30);
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&bytes_v5(connect.into()));
    rig.world().command_topics = vec![TOPIC.to_owned()];
    rig.send(&subscribe(V5, &[(TOPIC, 1)], &[]));
    let window = rig.session.window();
    assert!(tell(&mut rig, &command(1)).is_empty());
    assert_eq!(rig.world().told, [(1, true)]);
    assert_eq!(rig.session.window(), window);
}

#[test]
fn subscriptions_of_a_thing_have_a_limit_and_end_with_the_connection() {
    let limits = Limits {
        max_subscriptions: 2,
        ..Limits::default()
    };
    let mut rig = Rig::connected(V5, "thing", limits);
    rig.world().command_topics = vec![TOPIC.to_owned()];
    rig.send(&subscribe(V5, &[("#", 0), (TOPIC, 0)], &[]));
    let answer = rig.send(&subscribe(V5, &[(TOPIC, 1), ("+/hall/set", 0)], &[]));
    assert_eq!(answer, ["SUBACK 5 0x01 0x97"]);
    assert_eq!(rig.world().listening.len(), 2);
    rig.end();
    assert!(rig.world().listening.is_empty());
}

/// Zigbee2MQTT does not start where its subscription is refused, and edge nodes of Sparkplug disconnect unless they are
/// granted the QoS that they asked for.
#[test]
fn software_with_topics_of_its_own_may_listen_to_them_and_hears_nothing() {
    for (version, granted) in [(V5, "SUBACK 5 0x01"), (V3, "SUBACK 5 [MaxLevel1]")] {
        let mut rig = rig(version);
        rig.world().has_own_topics = true;
        for filter in ["zigbee2mqtt/#", "spBv1.0/home/NCMD/node-1/#", "+", TOPIC] {
            assert_eq!(
                rig.send(&subscribe(version, &[(filter, 1)], &[])),
                [granted]
            );
        }
        assert!(rig.refusals().is_empty());
        assert!(rig.session.is_listening());
        let long = "a/".repeat(600);
        let refused = rig.send(&subscribe(version, &[(long.as_str(), 1)], &[]));
        assert_ne!(refused, [granted], "the limits are the same");
    }
}

#[test]
fn an_answer_goes_to_who_asked_and_listens_with_qos_0() {
    let answer = || Answer {
        topic: "v1/devices/me/attributes/response/1".to_owned(),
        payload: b"{}".to_vec(),
        is_retained: false,
    };
    for version in [V3, V5] {
        let mut rig = rig(version);
        rig.world().has_own_topics = true;
        rig.world().answers = vec![answer()];
        assert!(rig.send(&publish(version, 0, "{}")).is_empty());
        rig.send(&subscribe(
            version,
            &[("v1/devices/me/attributes/response/+", 1)],
            &[],
        ));
        rig.world().answers = vec![answer()];
        let sent = rig.send(&publish(version, 0, "{}"));
        assert_eq!(sent.len(), 1);
        assert!(
            sent[0].contains("v1/devices/me/attributes/response/1"),
            "{sent:?}"
        );
        assert_eq!(rig.count(Counter::AnswersSent), 1);
    }
}

#[test]
fn what_a_dialect_answers_to_a_subscription_comes_behind_its_suback_with_retain() {
    let mut rig = rig(V5);
    rig.world().has_own_topics = true;
    rig.world().answers = vec![Answer {
        topic: "spBv1.0/STATE/scada".to_owned(),
        payload: b"{}".to_vec(),
        is_retained: true,
    }];
    let packet = subscribe(V5, &[("spBv1.0/STATE/scada", 1)], &[]);
    let heard = rig.send(&packet);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert_eq!(heard[0], "SUBACK 5 0x01");
    assert!(heard[1].contains("spBv1.0/STATE/scada") && heard[1].contains("retain"));
}

#[test]
fn a_dialect_may_have_its_commands_with_qos_0_whatever_was_subscribed_to() {
    let mut rig = rig(V5);
    rig.world().speaks_plainly = true;
    rig.send(&subscribe(V5, &[(TOPIC, 1)], &[]));
    let sent = tell(&mut rig, &command(7));
    assert!(sent[0].contains("Level0"), "{sent:?}");
    assert_eq!(rig.world().told, [(7, false)]);
}

#[test]
fn whoever_has_not_said_who_it_is_stays_for_a_moment_and_leaves_nothing_behind() {
    let limits = Limits {
        connect_timeout_ms: 5_000,
        max_connect_bytes: 200,
        ..Limits::default()
    };
    let newcomer = || {
        let mut rig = Rig::new(V5, limits.clone());
        rig.world().is_newcomer = true;
        let mut connect = connect_v5();
        connect.username = Some("thing".into());
        connect.password = Some(b"secret".as_slice().into());
        connect.properties.session_expiry_interval = Some(3_600);
        let answer = rig.send(&bytes_v5(connect.into()));
        assert!(answer[0].starts_with("CONNACK 0x00"), "{answer:?}");
        rig
    };
    let mut rig = newcomer();
    assert!(rig.session.held_bytes().1, "it counts as a stranger");
    assert_eq!(rig.session.deadline_ms(), Some(5_000));
    rig.now_ms = 5_000;
    let last = rig.call(|session, ctx| session.tick(ctx));
    assert!(last[0].starts_with("DISCONNECT 0xa0"), "{last:?}");
    assert!(rig.session.is_closed() && !rig.end());
    let mut rig = newcomer();
    let long = rig.send(&publish(V5, 0, &"x".repeat(300)));
    assert!(long[0].starts_with("DISCONNECT 0x95"), "{long:?}");
}
