//! SUBSCRIBE and UNSUBSCRIBE.

use mqtt_proto::{QoS, TopicFilter, v5};

use crate::Counter;
use crate::Limits;
use crate::mqtt::decode::Version;
use crate::mqtt::testing::{Rig, bytes_v5, subscribe, unsubscribe};

use Version::{V3, V5};

#[test]
fn a_recipient_that_names_a_purpose_is_granted_what_it_asks_for_section_3_9_3() {
    let filters = [
        ("for/research/#", 0),
        ("for/research/home-1/+", 1),
        ("for/care/+/+", 2),
    ];
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    assert_eq!(
        rig.send(&subscribe(V3, &filters, &[])),
        ["SUBACK 5 [MaxLevel0, MaxLevel1, MaxLevel2]"]
    );
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    assert_eq!(
        rig.send(&subscribe(V5, &filters, &[])),
        ["SUBACK 5 0x00 0x01 0x02"]
    );
    assert_eq!(rig.world().subscriptions.len(), 3);
    assert_eq!(rig.count(Counter::SubscriptionsGranted), 3);
}

#[test]
fn mqtt_5_may_name_the_purpose_in_a_user_property_section_3_8_2_1_3() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    assert_eq!(
        rig.send(&subscribe(V5, &[("home-1/+", 1)], &["research"])),
        ["SUBACK 5 0x01"]
    );
    let world = rig.world();
    let wanted = &world.subscriptions[0].1;
    assert_eq!(wanted.purpose.as_str(), "research");
    assert_eq!(wanted.deployment.as_ref().unwrap().as_str(), "home-1");
    assert_eq!(wanted.thing, None);
}

#[test]
fn mqtt_5_may_ask_for_less_with_a_condition_in_a_user_property_section_3_8_2_1_3() {
    let with = |conditions: &[&str]| {
        let topics = vec![(
            TopicFilter::try_from("for/research/#").unwrap(),
            v5::SubscriptionOptions::new(QoS::Level0),
        )];
        let mut packet = v5::Subscribe::new(5.try_into().unwrap(), topics);
        let property = |it: &&str| v5::UserProperty {
            name: "where".into(),
            value: (*it).into(),
        };
        packet.properties.user_properties = conditions.iter().map(property).collect();
        bytes_v5(packet.into())
    };
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    assert_eq!(rig.send(&with(&["/power >= 1000"])), ["SUBACK 5 0x00"]);
    let condition = rig.world().subscriptions[0].1.condition.clone();
    assert_eq!(condition, Some("/power >= 1000".parse().unwrap()));
    assert_eq!(rig.send(&with(&["power"])), ["SUBACK 5 0x83"]);
    assert_eq!(rig.send(&with(&["/a = 1", "/b = 1"])), ["SUBACK 5 0x83"]);
    assert_eq!(rig.world().subscriptions.len(), 1);
    assert_eq!(rig.count(Counter::SubscriptionsInvalid), 2);
}

#[test]
fn what_is_not_granted_is_said_filter_by_filter_section_3_9_3() {
    let filters = [
        ("#", 1),
        ("for/denied/#", 1),
        ("for/research/a/b/c", 1),
        ("$share/g/#", 1),
        ("for/research/#", 1),
    ];
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    assert_eq!(
        rig.send(&subscribe(V5, &filters, &[])),
        ["SUBACK 5 0x87 0x87 0x8f 0x87 0x01"]
    );
    assert_eq!(
        rig.refusals(),
        [("subscriptions_denied", 3), ("subscriptions_invalid", 1)]
    );
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    assert_eq!(
        rig.send(&subscribe(V3, &filters, &[])),
        ["SUBACK 5 [Failure, Failure, Failure, Failure, MaxLevel1]"]
    );
}

#[test]
fn a_thing_does_not_subscribe() {
    let mut rig = Rig::connected(V5, "thing", Limits::default());
    assert_eq!(
        rig.send(&subscribe(V5, &[("for/research/#", 0)], &[])),
        ["SUBACK 5 0x87"]
    );
    let mut rig = Rig::connected(V3, "thing", Limits::default());
    assert_eq!(
        rig.send(&subscribe(V3, &[("for/research/#", 0)], &[])),
        ["SUBACK 5 [Failure]"]
    );
    assert_eq!(rig.refusals(), [("subscriptions_denied", 1)]);
    assert!(rig.world().subscriptions.is_empty());
}

#[test]
fn the_same_filter_replaces_section_3_8_4_3() {
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(V3, &[("for/research/#", 0)], &[]));
    rig.send(&subscribe(V3, &[("for/research/#", 1)], &[]));
    let tags: Vec<_> = rig.world().subscriptions.iter().map(|it| it.0).collect();
    assert_eq!(tags, [2]);
}

#[test]
fn subscriptions_have_a_limit_and_replacing_is_within_it() {
    let limits = Limits {
        max_subscriptions: 2,
        ..Limits::default()
    };
    let mut rig = Rig::connected(V5, "recipient", limits);
    let filters = [("for/a/#", 0), ("for/b/#", 0), ("for/a/#", 0)];
    assert_eq!(
        rig.send(&subscribe(V5, &filters, &[])),
        ["SUBACK 5 0x00 0x00 0x97"],
        "one packet holds no more than a session"
    );
    let filters = [("for/c/#", 0), ("for/b/#", 1)];
    assert_eq!(
        rig.send(&subscribe(V5, &filters, &[])),
        ["SUBACK 5 0x97 0x01"]
    );
    assert_eq!(rig.refusals(), [("subscriptions_over_limit", 2)]);
}

#[test]
fn subscriptions_end_with_the_connection() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    rig.send(&subscribe(V5, &[("for/a/#", 0), ("for/b/#", 0)], &[]));
    rig.end();
    assert!(rig.world().subscriptions.is_empty());
}

#[test]
fn unsubscribe_says_what_there_was_section_3_11_3() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    rig.send(&subscribe(V5, &[("for/a/#", 0), ("for/b/#", 0)], &[]));
    assert_eq!(
        rig.send(&unsubscribe(V5, &["for/a/#", "for/c/#"])),
        ["UNSUBACK 6 0x00 0x11"]
    );
    assert_eq!(rig.world().subscriptions.len(), 1);
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(V3, &[("for/a/#", 0)], &[]));
    assert_eq!(rig.send(&unsubscribe(V3, &["for/a/#"])), ["UNSUBACK 6"]);
    assert!(rig.world().subscriptions.is_empty());
}

#[track_caller]
fn check_ends(version: Version, bytes: &[u8], answers: &[&str], counter: &'static str) {
    let mut rig = Rig::connected(version, "recipient", Limits::default());
    assert_eq!(rig.send(bytes), answers);
    assert_eq!(rig.refusals(), [(counter, 1)]);
    assert!(rig.session.is_closed());
}

#[test]
fn subscriptions_that_break_the_protocol_end_the_session_section_3_8() {
    // 3.8.3-2: no filter.
    check_ends(V3, &[0x82, 2, 0, 1], &[], "protocol_errors");
    check_ends(
        V5,
        &[0x82, 3, 0, 1, 0],
        &["DISCONNECT 0x82"],
        "protocol_errors",
    );
    // 3.8.3-4: reserved bits; QoS 3.
    check_ends(
        V3,
        &[0x82, 6, 0, 1, 0, 1, b'#', 3],
        &[],
        "malformed_packets",
    );
    check_ends(
        V5,
        &[0x82, 7, 0, 1, 0, 0, 1, b'#', 0x40],
        &["DISCONNECT 0x81"],
        "malformed_packets",
    );
    // 4.7.1-2: a wildcard inside a level.
    check_ends(
        V3,
        &[0x82, 8, 0, 1, 0, 3, b'a', b'#', b'b', 0],
        &[],
        "malformed_packets",
    );
    // 3.10.3-2: UNSUBSCRIBE without a filter.
    check_ends(V3, &[0xa2, 2, 0, 1], &[], "protocol_errors");
    // A filter that is cut off.
    check_ends(
        V3,
        &[0x82, 6, 0, 1, 0, 9, b'#', 0],
        &[],
        "malformed_packets",
    );
}

fn shared(identifier: Option<u32>, no_local: bool) -> Vec<u8> {
    let mut options = v5::SubscriptionOptions::new(QoS::Level0);
    options.no_local = no_local;
    let filter = TopicFilter::try_from("$share/g/for/a/#").unwrap();
    let mut packet = v5::Subscribe::new(5.try_into().unwrap(), vec![(filter, options)]);
    packet.properties.subscription_id = identifier.map(|it| it.try_into().unwrap());
    bytes_v5(packet.into())
}

#[test]
fn shared_subscriptions_have_no_local_off_and_identifiers_are_not_0_section_3_8() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    assert_eq!(rig.send(&shared(Some(1), false)), ["SUBACK 5 0x00"]);
    let group = rig.world().subscriptions[0].1.group.clone();
    assert_eq!(group.as_deref(), Some("g"));
    check_ends(
        V5,
        &shared(Some(0), false),
        &["DISCONNECT 0x82"],
        "protocol_errors",
    );
    check_ends(
        V5,
        &shared(None, true),
        &["DISCONNECT 0x82"],
        "protocol_errors",
    );
}
