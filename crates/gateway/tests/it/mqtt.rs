//! From a thing to a recipient.

use std::collections::VecDeque;

use gateway::{Counter, Limits};
use model::LicenceState;
use mqtt_proto::{QosPid, v3, v5};

use crate::client::{publish_v3, publish_v5};
use crate::fixture::House;

#[tokio::test]
async fn a_recipient_gets_what_is_declared_for_its_purpose_and_no_more() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut thing = served.dial().await;
    thing.connect_v5("a", "box-1", &house.tokens.box_1).await;
    let mut health = served.dial().await;
    health
        .connect_v5("b", "health-office", &house.tokens.health_office)
        .await;
    assert_eq!(health.subscribe_v5("for/health/mall-road/+", None).await, 1);
    let mut university = served.dial().await;
    university
        .connect_v5("c", "university", &house.tokens.university)
        .await;
    assert_eq!(university.subscribe_v5("#", Some("research")).await, 1);
    let mut old = served.dial().await;
    old.connect_v3("d", "health-office", &house.tokens.health_office)
        .await;
    assert_eq!(
        old.subscribe_v3("for/health/#").await,
        v3::SubscribeReturnCode::MaxLevel0
    );

    let code = thing
        .publish_v5(1, r#"{"dust":61.5,"ssid":"secret"}"#)
        .await;
    assert_eq!(code, 0);

    let Some(v5::Packet::Publish(exact)) = health.next_v5().await else {
        panic!("nothing was delivered");
    };
    assert_eq!(&*exact.topic_name, "for/health/mall-road/box-1");
    assert_eq!(exact.payload, r#"{"dust":61.5}"#);
    assert!(exact.properties.user_properties.is_empty());
    assert!(matches!(exact.qos_pid, QosPid::Level1(_)));

    let Some(v5::Packet::Publish(coarse)) = university.next_v5().await else {
        panic!("nothing was delivered");
    };
    assert_eq!(&*coarse.topic_name, "mall-road/box-1");
    assert_eq!(coarse.payload, r#"{"dust":50,"@coarse":{"/dust":25}}"#);
    assert_eq!(&*coarse.properties.user_properties[0].name, "coarse");

    let Some(v3::Packet::Publish(plain)) = old.next_v3().await else {
        panic!("nothing was delivered");
    };
    assert_eq!(&*plain.topic_name, "for/health/mall-road/box-1");
    assert_eq!(plain.payload, r#"{"dust":61.5}"#);
    assert_eq!(plain.qos_pid, QosPid::Level0);
    assert!(served.refusals().is_empty());
}

#[tokio::test]
async fn a_suspended_deployment_is_refused_from_the_next_packet_on() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut thing = served.dial().await;
    thing.connect_v5("a", "box-1", &house.tokens.box_1).await;
    let mut old = served.dial().await;
    old.connect_v3("b", "box-2", &house.tokens.box_2).await;
    assert_eq!(thing.publish_v5(1, r#"{"dust":1}"#).await, 0);
    old.send_v3(publish_v3(1, r#"{"dust":1}"#)).await;
    assert!(old.next_v3().await.is_some());

    house.set_licence(LicenceState::Suspended);
    assert_eq!(thing.publish_v5(2, r#"{"dust":1}"#).await, 0x87);
    old.send_v3(publish_v3(2, r#"{"dust":1}"#)).await;
    assert_eq!(old.next_v3().await, None);

    house.set_licence(LicenceState::Active);
    assert_eq!(thing.publish_v5(3, r#"{"dust":1}"#).await, 0);
    assert_eq!(served.refusals(), [("publishes_unlicensed", 2)]);
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_is_refused_and_the_session_goes_on() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut thing = served.dial().await;
    thing.connect_v5("a", "box-1", &house.tokens.box_1).await;
    for (packet_id, payload) in ["", "{", "\u{1}", r#"{"dust":1}x"#].iter().enumerate() {
        let packet_id = u16::try_from(packet_id + 1).unwrap();
        assert_eq!(
            thing.publish_v5(packet_id, payload).await,
            0x99,
            "{payload}"
        );
    }
    assert_eq!(thing.publish_v5(9, r#"{"dust":1}"#).await, 0);
    assert_eq!(served.refusals(), [("publishes_malformed", 4)]);
}

#[tokio::test]
async fn without_a_grant_for_the_purpose_there_is_no_subscription() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut health = served.dial().await;
    health
        .connect_v5("a", "health-office", &house.tokens.health_office)
        .await;
    assert_eq!(health.subscribe_v5("for/research/#", None).await, 0x87);
    assert_eq!(health.subscribe_v5("#", None).await, 0x87);
    assert_eq!(health.subscribe_v5("any/topic", None).await, 0x87);
    let mut old = served.dial().await;
    old.connect_v3("b", "health-office", &house.tokens.health_office)
        .await;
    assert_eq!(
        old.subscribe_v3("for/research/#").await,
        v3::SubscribeReturnCode::Failure
    );
    assert_eq!(served.refusals(), [("subscriptions_denied", 4)]);
}

/// Publishes `count` messages with at most `window` unacknowledged; asserts their order.
async fn publish_many(
    house: &House,
    served: &crate::fixture::Served,
    number: usize,
    count: u16,
    window: usize,
) {
    let mut thing = served.dial().await;
    thing
        .connect_v5(&format!("p{number}"), "box-1", &house.tokens.box_1)
        .await;
    let mut open: VecDeque<u16> = VecDeque::new();
    let mut packet_id = 0;
    while packet_id < count || !open.is_empty() {
        let mut bytes = Vec::new();
        while packet_id < count && open.len() < window {
            packet_id += 1;
            let payload = format!(r#"{{"dust":{packet_id},"note":"{}"}}"#, "x".repeat(110));
            bytes.extend(publish_v5(packet_id, &payload));
            open.push_back(packet_id);
        }
        thing.send(&bytes).await;
        let Some(v5::Packet::Puback(puback)) = thing.next_v5().await else {
            panic!("no PUBACK");
        };
        assert_eq!(puback.reason_code, v5::PubackReasonCode::Success);
        assert_eq!(open.pop_front(), Some(puback.pid.value()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_publishers_get_every_acknowledgement_in_order() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let publishers = (0..20).map(|it| publish_many(&house, &served, it, 200, 20));
    let mut set = futures_of(publishers);
    while let Some(()) = set.next().await {}
    assert_eq!(served.counters.value(Counter::PublishesAccepted), 4_000);
    assert!(served.refusals().is_empty());
}

/// Runs futures together on this task.
fn futures_of<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) -> Together<F> {
    Together(futures.map(Box::pin).collect())
}

struct Together<F>(Vec<std::pin::Pin<Box<F>>>);

impl<F: Future<Output = ()>> Together<F> {
    async fn next(&mut self) -> Option<()> {
        std::future::poll_fn(|cx| {
            if self.0.is_empty() {
                return std::task::Poll::Ready(None);
            }
            let done = self
                .0
                .iter_mut()
                .position(|it| it.as_mut().poll(cx).is_ready());
            match done {
                Some(at) => {
                    drop(self.0.swap_remove(at));
                    std::task::Poll::Ready(Some(()))
                }
                None => std::task::Poll::Pending,
            }
        })
        .await
    }
}

#[tokio::test]
async fn a_slow_recipient_loses_deliveries_and_nobody_else_notices() {
    let house = House::new();
    let limits = Limits {
        outbox_deliveries: 4,
        max_inflight: 2,
        ..Limits::default()
    };
    let served = house.serve(limits);
    let mut slow = served.dial().await;
    slow.connect_v5("a", "health-office", &house.tokens.health_office)
        .await;
    slow.subscribe_v5("for/health/#", None).await;
    let mut thing = served.dial().await;
    thing.connect_v5("b", "box-1", &house.tokens.box_1).await;
    for packet_id in 1..=20 {
        assert_eq!(thing.publish_v5(packet_id, r#"{"dust":1}"#).await, 0);
    }
    assert!(house.custody.dropped_deliveries() >= 20 - 2 - 4 - 2);
    // What is in the queue comes as the window opens.
    for _ in 0..5 {
        let Some(v5::Packet::Publish(publish)) = slow.next_v5().await else {
            panic!("nothing was delivered");
        };
        let QosPid::Level1(pid) = publish.qos_pid else {
            panic!("not with QoS 1");
        };
        slow.send_v5(v5::Puback::new_success(pid)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_that_is_only_starved_gets_everything() {
    const THINGS: usize = 4;
    const MESSAGES: usize = 250;
    let house = House::new();
    // One thing alone has more at hand than the outbox takes; all of it fits into the socket.
    let limits = Limits {
        outbox_deliveries: 16,
        ..Limits::default()
    };
    let served = house.serve(limits);
    let mut health = served.dial().await;
    health
        .connect_v3("a", "health-office", &house.tokens.health_office)
        .await;
    health.subscribe_v3("for/health/#").await;
    let mut things = Vec::new();
    for number in 0..THINGS {
        let mut thing = served.dial().await;
        let client_id = format!("b{number}");
        thing
            .connect_v3(&client_id, "box-1", &house.tokens.box_1)
            .await;
        things.push(thing);
    }
    let mut publish = publish_v3(1, r#"{"dust":1}"#);
    publish.qos_pid = QosPid::Level0;
    let packet = v3::Packet::from(publish).encode().unwrap();
    let bytes = packet.as_ref().repeat(MESSAGES);
    for thing in &mut things {
        thing.send(&bytes).await;
    }
    for _ in 0..THINGS * MESSAGES {
        let packet = health.next_v3().await;
        assert!(matches!(packet, Some(v3::Packet::Publish(_))), "{packet:?}");
    }
    assert_eq!(house.custody.dropped_deliveries(), 0);
}
