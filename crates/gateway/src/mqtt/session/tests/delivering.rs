//! PUBLISH to the client.

use crate::Limits;
use crate::mqtt::backend::Backend;
use crate::mqtt::decode::Version;
use crate::mqtt::session::Delivered;
use crate::mqtt::testing::FakeReceipt;
use crate::mqtt::testing::{
    FakeBackend, Offered, Rig, bytes_v5, connect_v5, moment, puback, subscribe, texts, unsubscribe,
};

use Version::{V3, V5};

fn deliver(
    rig: &mut Rig,
    tag: u32,
    payload: &str,
    coarse: bool,
) -> (Delivered<FakeReceipt>, Vec<String>) {
    let offered = Offered {
        tag,
        payload: payload.to_owned(),
        coarse,
    };
    let permit = rig.backend.permit(&offered, moment(0).wall).unwrap();
    let mut out = Vec::new();
    let delivered = rig
        .session
        .deliver::<FakeBackend>(tag, permit, &mut Vec::new(), &mut out);
    (delivered, texts(&out, rig.version))
}

#[test]
fn a_delivery_comes_on_the_topic_of_its_subscription_section_3_3() {
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(
        V3,
        &[("for/research/#", 0), ("for/research/home-1/#", 1)],
        &[],
    ));
    let (_, texts) = deliver(&mut rig, 1, "{}", false);
    assert_eq!(texts, ["PUBLISH for/research/home-1/meter-7 Level0 {}"]);
    let (delivered, texts) = deliver(&mut rig, 2, "{}", true);
    assert_eq!(
        texts,
        ["PUBLISH for/research/home-1/meter-7 Level1(Pid(1)) {}"]
    );
    assert!(matches!(
        delivered,
        Delivered::Written {
            packet_id: Some(1),
            ..
        }
    ));
}

#[test]
fn mqtt_5_sees_that_a_delivery_is_coarse_section_3_3_2_3_7() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    rig.send(&subscribe(V5, &[("#", 0)], &["research"]));
    let (_, texts) = deliver(&mut rig, 1, "{}", true);
    assert_eq!(texts, ["PUBLISH home-1/meter-7 Level0 {} coarse=true"]);
    let (_, texts) = deliver(&mut rig, 1, "{}", false);
    assert_eq!(texts, ["PUBLISH home-1/meter-7 Level0 {}"]);
}

#[test]
fn after_unsubscribe_nothing_comes_section_3_10_4() {
    let mut rig = Rig::connected(V5, "recipient", Limits::default());
    rig.send(&subscribe(V5, &[("#", 0)], &["research"]));
    rig.send(&unsubscribe(V5, &["#"]));
    let (delivered, texts) = deliver(&mut rig, 1, "{}", false);
    assert!(matches!(delivered, Delivered::Unsubscribed));
    assert!(texts.is_empty());
    assert!(rig.world().released.is_empty());
}

#[test]
fn the_client_window_bounds_what_is_unacknowledged_section_3_1_2_11_3() {
    let mut connect = connect_v5();
    connect.username = Some("recipient".into());
    connect.properties.receive_max = Some(2);
    let mut rig = Rig::new(V5, Limits::default());
    rig.send(&bytes_v5(connect.into()));
    rig.send(&subscribe(V5, &[("#", 1)], &["research"]));
    assert_eq!(rig.session.window(), 2);
    deliver(&mut rig, 1, "{}", false);
    deliver(&mut rig, 1, "{}", false);
    assert_eq!(rig.session.window(), 0);
    rig.send(&puback(9)); // never sent: ignored
    assert_eq!(rig.session.window(), 0);
    rig.send(&puback(1));
    assert_eq!(rig.session.window(), 1);
    // 4.3.2: a PUBACK with a reason code ends the exchange too.
    rig.send(&[0x40, 4, 0, 2, 0x97, 0]);
    assert_eq!(rig.session.window(), 2);
}

#[test]
fn packet_identifiers_in_flight_are_not_used_again_section_2_2_1() {
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(V3, &[("for/research/#", 1)], &[]));
    let mut given = Vec::new();
    for round in 0..70_000_u32 {
        let (delivered, _) = deliver(&mut rig, 1, "{}", false);
        let Delivered::Written {
            packet_id: Some(packet_id),
            ..
        } = delivered
        else {
            panic!("not written");
        };
        assert_ne!(packet_id, 0);
        if round == 0 {
            given.push(packet_id); // stays in flight
        } else {
            assert!(!given.contains(&packet_id));
            rig.send(&puback(packet_id));
        }
    }
}

#[test]
fn a_delivery_that_was_not_sent_gives_its_place_back() {
    let mut rig = Rig::connected(V3, "recipient", Limits::default());
    rig.send(&subscribe(V3, &[("for/research/#", 1)], &[]));
    let window = rig.session.window();
    let (delivered, _) = deliver(&mut rig, 1, "{}", false);
    assert_eq!(rig.session.window(), window - 1);
    let Delivered::Written { packet_id, .. } = delivered else {
        panic!("not written");
    };
    rig.session.withdraw(packet_id);
    assert_eq!(rig.session.window(), window);
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
    let (delivered, texts) = deliver(&mut rig, 1, &"x".repeat(100), false);
    assert!(matches!(delivered, Delivered::TooLarge));
    assert!(texts.is_empty());
    assert_eq!(rig.session.window(), window);
}
