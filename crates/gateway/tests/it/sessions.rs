//! MQTT as other people's clients speak it: QoS 2, sessions that outlive connections, retained messages.

mod clients;
pub(crate) mod websocket;

use bytes::Bytes;
use custody::{Identity, NativeTopic, Token};
use gateway::{Counter, Limits};
use model::{LicenceState, RecipientId, ThingId, Timestamp};
use mqtt_proto::{QoS, QosPid, TopicFilter, TopicName, v5};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{Client, password};
use crate::fixture::House;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

impl House {
    /// The first thing gets a native topic and is tied to the health office.
    fn with_native_topic(&self) {
        let thing = ThingId::parse("box-1").unwrap();
        let recipient = RecipientId::parse("health-office").unwrap();
        self.custody
            .act(NOW, |act| {
                act.set_topic(&thing, Some(&NativeTopic::parse("air/box-1").unwrap()))?;
                act.tie(&Identity::Thing(thing.clone()), Some(&recipient))
            })
            .unwrap();
    }
}

/// Connects with a session that is kept; gives whether one was present.
async fn resume<T: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<T>,
    user_name: &str,
    token: &Token,
    change: impl FnOnce(&mut v5::Connect),
) -> bool {
    let mut packet = v5::Connect::new("kept".into(), 60);
    packet.username = Some(user_name.into());
    packet.password = Some(password(token));
    packet.clean_start = false;
    packet.properties.session_expiry_interval = Some(600);
    change(&mut packet);
    client.send_v5(packet).await;
    match client.next_v5().await.unwrap() {
        v5::Packet::Connack(it) => {
            assert_eq!(it.reason_code, v5::ConnectReasonCode::Success);
            it.session_present
        }
        it => panic!("no CONNACK: {it:?}"),
    }
}

async fn subscribe<T: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<T>,
    filter: &str,
    qos: QoS,
) -> u8 {
    let options = v5::SubscriptionOptions::new(qos);
    let filter = TopicFilter::try_from(filter).unwrap();
    client
        .send_v5(v5::Subscribe::new(
            1.try_into().unwrap(),
            vec![(filter, options)],
        ))
        .await;
    match client.next_v5().await.unwrap() {
        v5::Packet::Suback(it) => it.topics[0] as u8,
        it => panic!("no SUBACK: {it:?}"),
    }
}

async fn delivered<T: AsyncRead + AsyncWrite + Unpin>(client: &mut Client<T>) -> v5::Publish {
    match client.next_v5().await {
        Some(v5::Packet::Publish(it)) => it,
        it => panic!("nothing was delivered: {it:?}"),
    }
}

fn publish(qos_pid: QosPid, payload: &str, retain: bool) -> v5::Publish {
    let topic = TopicName::try_from("air/box-1").unwrap();
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    let mut packet = v5::Publish::new(qos_pid, topic, payload);
    packet.retain = retain;
    packet
}

#[tokio::test]
async fn a_message_goes_with_qos_2_from_end_to_end_section_4_3_3() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut health = served.dial().await;
    health
        .connect_v5("a", "health-office", &house.tokens.health_office)
        .await;
    assert_eq!(subscribe(&mut health, "for/health/#", QoS::Level2).await, 2);
    let mut thing = served.dial().await;
    thing.connect_v5("b", "box-1", &house.tokens.box_1).await;
    let pid = 9.try_into().unwrap();
    for _ in 0..2 {
        let mut packet = publish(QosPid::Level2(pid), r#"{"dust":7}"#, false);
        packet.dup = true;
        thing.send_v5(packet).await;
        assert_eq!(
            thing.next_v5().await,
            Some(v5::Pubrec::new_success(pid).into())
        );
    }
    thing.send_v5(v5::Pubrel::new_success(pid)).await;
    assert_eq!(
        thing.next_v5().await,
        Some(v5::Pubcomp::new_success(pid).into())
    );
    let got = delivered(&mut health).await;
    let QosPid::Level2(pid) = got.qos_pid else {
        panic!("not QoS 2: {got:?}");
    };
    health.send_v5(v5::Pubrec::new_success(pid)).await;
    assert_eq!(
        health.next_v5().await,
        Some(v5::Pubrel::new_success(pid).into())
    );
    health.send_v5(v5::Pubcomp::new_success(pid)).await;
    health.send(&[0xc0, 0]).await;
    assert_eq!(health.next_v5().await, Some(v5::Packet::Pingresp));
    assert_eq!(served.counters.value(Counter::PublishesAccepted), 1);
}

#[tokio::test]
async fn what_came_while_a_recipient_was_away_is_decided_when_it_comes_back() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let token = &house.tokens.health_office;
    let mut health = served.dial().await;
    assert!(!resume(&mut health, "health-office", token, |_| {}).await);
    subscribe(&mut health, "for/health/#", QoS::Level1).await;
    let mut thing = served.dial().await;
    thing.connect_v5("b", "box-1", &house.tokens.box_1).await;
    assert_eq!(thing.publish_v5(1, r#"{"dust":1}"#).await, 0);
    let first = delivered(&mut health).await;
    assert!(!first.dup);
    drop(health);
    served.counted(Counter::ConnectionsClosed, 1).await;
    assert_eq!(thing.publish_v5(2, r#"{"dust":2}"#).await, 0);

    let mut health = served.dial().await;
    assert!(resume(&mut health, "health-office", token, |_| {}).await);
    let again = delivered(&mut health).await;
    assert!(again.dup, "4.4: it was not acknowledged");
    assert_eq!(again.qos_pid, first.qos_pid);
    assert_eq!(again.payload, r#"{"dust":1}"#);
    let missed = delivered(&mut health).await;
    assert!(!missed.dup);
    assert_eq!(missed.payload, r#"{"dust":2}"#);
    drop(health);
    served.counted(Counter::ConnectionsClosed, 2).await;

    // Nothing of it may leave any more, neither what was sent nor what waits.
    house.set_licence(LicenceState::Suspended);
    let mut health = served.dial().await;
    assert!(resume(&mut health, "health-office", token, |_| {}).await);
    served.counted(Counter::DeliveriesNotPermitted, 2).await;
    house.set_licence(LicenceState::Active);
    assert_eq!(thing.publish_v5(3, r#"{"dust":3}"#).await, 0);
    assert_eq!(delivered(&mut health).await.payload, r#"{"dust":3}"#);
    assert_eq!(served.counters.value(Counter::SessionsResumed), 2);
}

#[tokio::test]
async fn a_session_is_handed_over_from_a_connection_that_lives() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let token = &house.tokens.health_office;
    let mut first = served.dial().await;
    resume(&mut first, "health-office", token, |_| {}).await;
    subscribe(&mut first, "for/health/#", QoS::Level1).await;
    let mut second = served.dial().await;
    assert!(resume(&mut second, "health-office", token, |_| {}).await);
    assert_eq!(first.disconnected_v5().await, 0x8e);
    let mut thing = served.dial().await;
    thing.connect_v5("b", "box-1", &house.tokens.box_1).await;
    assert_eq!(thing.publish_v5(1, r#"{"dust":1}"#).await, 0);
    delivered(&mut second).await;
    // Clean start: the old session is over (3.1.4-4).
    let mut third = served.dial().await;
    assert!(
        !resume(&mut third, "health-office", token, |it| it.clean_start =
            true)
        .await
    );
    assert_eq!(second.disconnected_v5().await, 0x8e);
    assert_eq!(thing.publish_v5(2, r#"{"dust":2}"#).await, 0);
    third.send(&[0xc0, 0]).await;
    assert_eq!(third.next_v5().await, Some(v5::Packet::Pingresp));
}

#[tokio::test]
async fn a_session_expires_and_its_will_is_published_then_section_3_1_3_2_2() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut health = served.dial().await;
    health
        .connect_v5("a", "health-office", &house.tokens.health_office)
        .await;
    subscribe(&mut health, "for/health/#", QoS::Level1).await;
    let mut thing = served.dial().await;
    let with_will = |it: &mut v5::Connect| {
        let payload = Bytes::from_static(br#"{"dust":-1}"#);
        let topic = TopicName::try_from("gone").unwrap();
        let mut will = v5::LastWill::new(QoS::Level2, topic, payload);
        will.properties.delay_interval = Some(60);
        it.last_will = Some(will);
        it.properties.session_expiry_interval = Some(1);
    };
    resume(&mut thing, "box-1", &house.tokens.box_1, with_will).await;
    drop(thing);
    served.counted(Counter::ConnectionsClosed, 1).await;
    assert_eq!(served.counters.value(Counter::WillsAccepted), 0);
    assert_eq!(delivered(&mut health).await.payload, r#"{"dust":-1}"#);
    served.counted(Counter::SessionsExpired, 1).await;
    let mut thing = served.dial().await;
    assert!(!resume(&mut thing, "box-1", &house.tokens.box_1, |_| {}).await);
}

#[tokio::test]
async fn sessions_without_a_connection_are_bounded() {
    let house = House::new();
    let token = &house.tokens.health_office;
    let named = |id: &'static str| move |it: &mut v5::Connect| it.client_id = id.into();
    // One a peer: the older one makes room.
    let served = house.serve(Limits {
        max_sessions_per_peer: 1,
        ..Limits::default()
    });
    for (count, id) in [(1, "a"), (2, "b")] {
        let mut client = served.dial().await;
        resume(&mut client, "health-office", token, named(id)).await;
        drop(client);
        served.counted(Counter::ConnectionsClosed, count).await;
    }
    let mut client = served.dial().await;
    assert!(resume(&mut client, "health-office", token, named("b")).await);
    let mut client = served.dial().await;
    assert!(!resume(&mut client, "health-office", token, named("a")).await);

    // None at all: it ends with its connection, and that is counted.
    let served = house.serve(Limits {
        max_sessions: 0,
        ..Limits::default()
    });
    let mut client = served.dial().await;
    resume(&mut client, "health-office", token, named("a")).await;
    drop(client);
    served.counted(Counter::SessionsNotKept, 1).await;
    let mut client = served.dial().await;
    assert!(!resume(&mut client, "health-office", token, named("a")).await);
}

#[tokio::test]
async fn a_retained_message_comes_with_the_subscription_and_an_empty_one_takes_it_back() {
    let house = House::new();
    house.with_native_topic();
    let served = house.serve(Limits::default());
    let mut both = served.dial().await;
    let user_name = "box-1?purpose=health";
    both.connect_v5("a", user_name, &house.tokens.box_1).await;
    let pid = |id: u16| QosPid::Level1(id.try_into().unwrap());
    both.send_v5(publish(pid(1), r#"{"dust":5}"#, true)).await;
    assert!(matches!(both.next_v5().await, Some(v5::Packet::Puback(_))));
    assert_eq!(subscribe(&mut both, "air/+", QoS::Level2).await, 2);
    let retained = delivered(&mut both).await;
    assert!(retained.retain);
    assert_eq!(&*retained.topic_name, "air/box-1");
    assert_eq!(retained.payload, r#"{"dust":5}"#);
    both.send_v5(publish(pid(2), "", true)).await;
    loop {
        match both.next_v5().await {
            Some(v5::Packet::Puback(_)) => break,
            Some(v5::Packet::Publish(it)) => assert!(!it.retain, "{it:?}"),
            it => panic!("no PUBACK: {it:?}"),
        }
    }
    subscribe(&mut both, "#", QoS::Level0).await;
    both.send(&[0xc0, 0]).await;
    assert_eq!(both.next_v5().await, Some(v5::Packet::Pingresp));
}

#[tokio::test]
async fn no_local_and_the_lower_qos_hold_on_native_topics_section_3_8() {
    let house = House::new();
    house.with_native_topic();
    let served = house.serve(Limits::default());
    let mut other = served.dial().await;
    other
        .connect_v5(
            "b",
            "health-office?purpose=health",
            &house.tokens.health_office,
        )
        .await;
    assert_eq!(subscribe(&mut other, "air/#", QoS::Level2).await, 2);
    let mut both = served.dial().await;
    both.connect_v5("a", "box-1?purpose=health", &house.tokens.box_1)
        .await;
    let mut options = v5::SubscriptionOptions::new(QoS::Level2);
    options.no_local = true;
    let filter = TopicFilter::try_from("air/#").unwrap();
    both.send_v5(v5::Subscribe::new(
        1.try_into().unwrap(),
        vec![(filter, options)],
    ))
    .await;
    both.next_v5().await;
    both.send_v5(publish(QosPid::Level0, r#"{"dust":5}"#, false))
        .await;
    let got = delivered(&mut other).await;
    assert_eq!(got.qos_pid, QosPid::Level0);
    both.send(&[0xc0, 0]).await;
    assert_eq!(both.next_v5().await, Some(v5::Packet::Pingresp));
}
