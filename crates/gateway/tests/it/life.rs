//! Connections come and go.

use gateway::{Counter, Limits};
use mqtt_proto::{QoS, TopicName, v3, v5};
use tokio::net::TcpStream;

use crate::client::{password, publish_v5};
use crate::fixture::House;

#[tokio::test]
async fn wrong_credentials_are_told_in_the_protocols_own_words() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut client = served.dial().await;
    let mut packet = v3::Connect::new("a".into(), 60);
    packet.username = Some("box-1".into());
    packet.password = Some(password(&house.tokens.box_2));
    client.send_v3(packet).await;
    assert_eq!(
        client.next_v3().await,
        Some(v3::Packet::Connack(v3::Connack::new(
            false,
            v3::ConnectReturnCode::BadUserNameOrPassword
        )))
    );
    assert_eq!(client.next_v3().await, None);
    assert_eq!(served.refusals(), [("bad_credentials", 1)]);
}

#[tokio::test]
async fn the_same_client_takes_over_and_another_peer_does_not() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut first = served.dial().await;
    first.connect_v5("same", "box-1", &house.tokens.box_1).await;
    let mut other = served.dial().await;
    other.connect_v5("same", "box-2", &house.tokens.box_2).await;
    let mut second = served.dial().await;
    second
        .connect_v5("same", "box-1", &house.tokens.box_1)
        .await;
    assert_eq!(first.disconnected_v5().await, 0x8e);
    assert_eq!(other.publish_v5(1, r#"{"dust":1}"#).await, 0);
    assert_eq!(second.publish_v5(1, r#"{"dust":1}"#).await, 0);
    assert_eq!(served.counters.value(Counter::SessionsTakenOver), 1);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let house = House::new();
    let limits = Limits {
        connect_timeout_ms: 50,
        ..Limits::default()
    };
    let served = house.serve(limits);
    let mut silent = served.dial().await;
    assert_eq!(silent.next_v5().await, None);
    assert_eq!(served.refusals(), [("connect_timeouts", 1)]);
}

#[tokio::test]
async fn a_full_server_turns_connections_away() {
    let house = House::new();
    let limits = Limits {
        max_connections: 1,
        ..Limits::default()
    };
    let served = house.serve(limits);
    let mut first = served.dial().await;
    first.connect_v5("a", "box-1", &house.tokens.box_1).await;
    let mut second = served.dial().await;
    assert_eq!(second.next_v5().await, None);
    assert_eq!(served.refusals(), [("refused_server_full", 1)]);
    drop(first);
    served.counted(Counter::ConnectionsClosed, 1).await;
    let mut third = served.dial().await;
    third.connect_v5("a", "box-1", &house.tokens.box_1).await;
}

#[tokio::test]
async fn garbage_is_closed_and_counted_once() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut client = served.dial().await;
    client.send(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert_eq!(client.next_v5().await, None);
    assert_eq!(served.refusals(), [("not_mqtt", 1)]);
}

#[tokio::test]
async fn the_reason_of_an_end_arrives_although_much_was_still_unread() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut client = served.dial().await;
    client.connect_v5("a", "box-1", &house.tokens.box_1).await;
    let mut bytes = vec![0xf0, 0];
    for packet_id in 1..2_000 {
        bytes.extend(publish_v5(packet_id, r#"{"dust":1}"#));
    }
    client.send(&bytes).await;
    match client.next_v5().await {
        Some(v5::Packet::Disconnect(it)) => assert_eq!(it.reason_code as u8, 0x82),
        it => panic!("no DISCONNECT: {it:?}"),
    }
    assert_eq!(served.counters.value(Counter::PublishesAccepted), 0);
}

#[tokio::test]
async fn a_will_is_decided_like_any_publish() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut health = served.dial().await;
    health
        .connect_v5("a", "health-office", &house.tokens.health_office)
        .await;
    health.subscribe_v5("for/health/#", None).await;
    let mut thing = served.dial().await;
    let mut packet = v5::Connect::new("b".into(), 60);
    packet.username = Some("box-1".into());
    packet.password = Some(password(&house.tokens.box_1));
    packet.last_will = Some(v5::LastWill::new(
        QoS::Level1,
        TopicName::try_from("gone").unwrap(),
        bytes::Bytes::from_static(br#"{"dust":-1,"owner":"somebody"}"#),
    ));
    thing.send_v5(packet).await;
    assert!(thing.next_v5().await.is_some());
    drop(thing);
    match health.next_v5().await {
        Some(v5::Packet::Publish(it)) => assert_eq!(it.payload, r#"{"dust":-1}"#),
        it => panic!("nothing was delivered: {it:?}"),
    }
    assert_eq!(served.counters.value(Counter::WillsAccepted), 1);
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_lets_nobody_in() {
    let house = House::new();
    let mut served = house.serve(Limits::default());
    let mut new = served.dial().await;
    new.connect_v5("a", "box-1", &house.tokens.box_1).await;
    let mut old = served.dial().await;
    old.connect_v3("b", "box-2", &house.tokens.box_2).await;
    new.send(&publish_v5(1, r#"{"dust":1}"#)).await;
    served.counted(Counter::PublishesAccepted, 1).await;
    served.begin_shutdown();
    match new.next_v5().await {
        Some(v5::Packet::Puback(it)) => assert_eq!(it.pid.value(), 1),
        it => panic!("no PUBACK: {it:?}"),
    }
    assert_eq!(new.disconnected_v5().await, 0x8b);
    assert_eq!(old.next_v3().await, None);
    let address = served.address;
    drop((new, old));
    served.finished().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_store_that_is_closed_ends_sessions_and_acknowledges_nothing() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut thing = served.dial().await;
    thing.connect_v5("a", "box-1", &house.tokens.box_1).await;
    house.custody.close().unwrap();
    thing.send(&publish_v5(1, r#"{"dust":1}"#)).await;
    assert_eq!(thing.disconnected_v5().await, 0x89);
    assert_eq!(served.refusals(), [("publishes_unavailable", 1)]);
}
