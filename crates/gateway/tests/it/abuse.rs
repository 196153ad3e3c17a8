//! What strangers and broken devices do to a server, over real sockets: each limit stops it, one counter says so, and
//! who behaves does not notice.

use std::time::{Duration, Instant};

use gateway::{Counter, Limits};
use model::Timestamp;
use mqtt_proto::{Pid, QoS, QosPid, TopicFilter, TopicName, v3, v5};
use tokio::net::TcpStream;

use crate::client::{Client, password, publish_v5};
use crate::fixture::{House, Served};

const READING: &str = r#"{"dust":1}"#;

/// The reason code with which a CONNECT is answered.
async fn knock(served: &Served, client_id: &str, user_name: &str, secret: &str) -> u8 {
    let mut client = served.dial().await;
    let mut packet = v5::Connect::new(client_id.into(), 60);
    packet.username = Some(user_name.into());
    packet.password = Some(bytes::Bytes::copy_from_slice(secret.as_bytes()));
    client.send_v5(packet).await;
    match client.next_v5().await {
        Some(v5::Packet::Connack(it)) => it.reason_code as u8,
        it => panic!("no CONNACK: {it:?}"),
    }
}

async fn thing(house: &House, served: &Served, client_id: &str) -> Client<TcpStream> {
    let mut client = served.dial().await;
    client
        .connect_v5(client_id, "box-1", &house.tokens.box_1)
        .await;
    client
}

async fn recipient(house: &House, served: &Served) -> Client<TcpStream> {
    let mut client = served.dial().await;
    let token = &house.tokens.health_office;
    client.connect_v5("r", "health-office", token).await;
    client
}

fn publish_to(topic: &str, qos: QosPid, retain: bool) -> Vec<u8> {
    let topic = TopicName::try_from(topic).unwrap();
    let mut packet = v5::Publish::new(qos, topic, READING.into());
    packet.retain = retain;
    let packet = v5::Packet::from(packet).encode().unwrap();
    packet.as_ref().to_vec()
}

fn qos1(packet_id: u16) -> QosPid {
    QosPid::Level1(Pid::try_from(packet_id).unwrap())
}

#[expect(
    clippy::disallowed_methods,
    reason = "what must wait is seen to have waited at least so long, never at most"
)]
fn moment() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn connections_of_one_thing_share_its_rate_and_another_thing_has_its_own() {
    let house = House::new();
    let served = house.serve(Limits {
        publishes_per_second: 3,
        ..Limits::default()
    });
    let mut codes = Vec::new();
    for client_id in ["a", "b", "c"] {
        let mut client = thing(&house, &served, client_id).await;
        for packet_id in 1..=2 {
            codes.push(client.publish_v5(packet_id, READING).await);
        }
    }
    assert_eq!(codes[..3], [0, 0, 0]);
    assert!(codes[3..].contains(&0x97), "{codes:?}");
    let mut other = served.dial().await;
    other.connect_v5("a", "box-2", &house.tokens.box_2).await;
    assert_eq!(other.publish_v5(1, READING).await, 0);
    assert_eq!(served.refusals().len(), 1);
    assert!(served.counters.value(Counter::PublishesTooFast) >= 1);
}

#[tokio::test]
async fn the_things_of_a_deployment_share_its_rate() {
    let house = House::new();
    let served = house.serve(Limits {
        publishes_per_second_per_deployment: 2,
        ..Limits::default()
    });
    let mut one = thing(&house, &served, "a").await;
    let mut two = served.dial().await;
    two.connect_v5("a", "box-2", &house.tokens.box_2).await;
    assert_eq!(one.publish_v5(1, READING).await, 0);
    assert_eq!(two.publish_v5(1, READING).await, 0);
    assert_eq!(two.publish_v5(2, READING).await, 0x97);
    assert_eq!(one.publish_v5(2, READING).await, 0x97);
    assert_eq!(served.refusals(), [("publishes_too_fast", 2)]);
}

#[tokio::test]
async fn wills_have_the_rate_of_their_thing() {
    let house = House::new();
    let served = house.serve(Limits {
        publishes_per_second: 2,
        ..Limits::default()
    });
    for _ in 0..6 {
        let mut client = served.dial().await;
        let mut packet = v3::Connect::new("a".into(), 60);
        packet.username = Some("box-1".into());
        packet.password = Some(password(&house.tokens.box_1));
        packet.last_will = Some(v3::LastWill {
            qos: QoS::Level1,
            retain: false,
            topic_name: TopicName::try_from("t").unwrap(),
            message: READING.into(),
        });
        client.send_v3(packet).await;
        client.next_v3().await.unwrap();
    }
    served.counted(Counter::ConnectionsClosed, 6).await;
    assert!(served.counters.value(Counter::WillsAccepted) <= 4);
    assert!(served.counters.value(Counter::WillsRefused) >= 2);
}

#[tokio::test]
async fn an_address_that_connects_in_a_loop_is_turned_away() {
    let house = House::new();
    let served = house.serve(Limits {
        counts_loopback: true,
        connections_per_second_per_address: 2,
        ..Limits::default()
    });
    let _one = thing(&house, &served, "a").await;
    let _two = thing(&house, &served, "b").await;
    let mut third = served.dial().await;
    assert_eq!(third.next_v5().await, None);
    assert_eq!(served.refusals(), [("refused_address_too_fast", 1)]);
    tokio::time::sleep(Duration::from_millis(600)).await;
    thing(&house, &served, "c").await;
}

#[tokio::test]
async fn when_too_many_come_at_once_they_wait_and_all_come_in() {
    let house = House::new();
    let served = house.serve(Limits {
        connections_per_second: 20,
        ..Limits::default()
    });
    let start = moment();
    for number in 0..26 {
        thing(&house, &served, &number.to_string()).await;
    }
    assert!(start.elapsed() >= Duration::from_millis(250));
    assert!(served.counters.value(Counter::AcceptsPaced) >= 5);
    assert_eq!(served.refusals(), []);
}

#[tokio::test]
async fn who_guesses_tokens_has_to_wait_and_a_device_that_was_there_before_does_not() {
    let house = House::new();
    let served = house.serve(Limits {
        counts_loopback: true,
        login_failures_per_address: 3,
        ..Limits::default()
    });
    thing(&house, &served, "a").await;
    for guess in ["a", "b", "c"] {
        assert_eq!(knock(&served, "x", "box-2", guess).await, 0x86);
    }
    let right = house.tokens.box_2.expose_secret();
    assert_eq!(
        knock(&served, "x", "box-2", right).await,
        0x9f,
        "not even looked at"
    );
    assert_eq!(knock(&served, "x", "nobody", "").await, 0x9f);
    thing(&house, &served, "a").await;
    assert_eq!(
        served.refusals(),
        [("logins_held_off", 2), ("bad_credentials", 3)]
    );
}

#[tokio::test]
async fn wrong_answers_for_one_name_come_late_and_the_right_one_at_once() {
    let house = House::new();
    let served = house.serve(Limits {
        login_failures_per_name: 1,
        late_answer_ms: 400,
        ..Limits::default()
    });
    assert_eq!(knock(&served, "x", "box-1", "a").await, 0x86);
    let start = moment();
    assert_eq!(knock(&served, "x", "box-1", "b").await, 0x86);
    assert!(start.elapsed() >= Duration::from_millis(400));
    thing(&house, &served, "a").await;
}

#[tokio::test]
async fn a_peer_has_so_many_connections_and_may_come_back_to_its_own() {
    let house = House::new();
    let served = house.serve(Limits {
        max_connections_per_peer: 2,
        ..Limits::default()
    });
    let mut one = thing(&house, &served, "a").await;
    let _two = thing(&house, &served, "b").await;
    let token = house.tokens.box_1.expose_secret();
    assert_eq!(knock(&served, "c", "box-1", token).await, 0x97);
    assert_eq!(served.refusals(), [("refused_peer_full", 1)]);
    let _again = thing(&house, &served, "a").await;
    assert_eq!(one.disconnected_v5().await, 0x8e);
}

#[tokio::test]
async fn a_connect_that_trickles_in_is_not_waited_for() {
    let house = House::new();
    let served = house.serve(Limits {
        connect_timeout_ms: 200,
        ..Limits::default()
    });
    let stream = TcpStream::connect(served.address).await.unwrap();
    let trickle = async {
        for byte in [0x10, 200, 1, 0, 4, b'M', b'Q', b'T', b'T', 5]
            .iter()
            .cycle()
        {
            if stream.writable().await.is_err() || stream.try_write(&[*byte]).is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let closed = served.counted(Counter::ConnectTimeouts, 1);
    tokio::select! {
        () = trickle => panic!("it was not the timeout that ended it"),
        () = closed => {}
    }
    assert_eq!(served.refusals(), [("connect_timeouts", 1)]);
}

#[tokio::test]
async fn a_packet_that_trickles_in_must_be_whole_in_time() {
    let house = House::new();
    let served = house.serve(Limits {
        packet_timeout_ms: 300,
        ..Limits::default()
    });
    let mut slow = thing(&house, &served, "a").await;
    // A PUBLISH of 200 000 bytes.
    slow.send(&[0x32, 0xc0, 0x9a, 0x0c]).await;
    let start = moment();
    for _ in 0..10 {
        slow.send(b"a").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(slow.disconnected_v5().await, 0x80);
    assert!(start.elapsed() >= Duration::from_millis(250));
    assert_eq!(served.refusals(), [("packets_too_slow", 1)]);
    // Whoever is silent between packets is not meant.
    let mut calm = thing(&house, &served, "b").await;
    calm.publish_v5(1, READING).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(calm.publish_v5(2, READING).await, 0);
}

#[tokio::test]
async fn pings_subscriptions_and_unsubscriptions_have_a_rate() {
    let house = House::new();
    let served = house.serve(Limits {
        requests_per_second: 10,
        ..Limits::default()
    });
    let mut pinging = thing(&house, &served, "a").await;
    pinging.send(&[0xc0, 0].repeat(30)).await;
    let mut answers = 0;
    let code = loop {
        match pinging.next_v5().await.unwrap() {
            v5::Packet::Pingresp => answers += 1,
            v5::Packet::Disconnect(it) => break it.reason_code as u8,
            it => panic!("{it:?}"),
        }
    };
    assert!(code == 0x96 && (10..15).contains(&answers), "{answers}");
    let mut storm = recipient(&house, &served).await;
    let filters = (0..500).map(|it| TopicFilter::try_from(format!("f/{it}").as_str()).unwrap());
    let pid = Pid::try_from(1).unwrap();
    storm
        .send_v5(v5::Unsubscribe::new(pid, filters.collect()))
        .await;
    assert_eq!(storm.disconnected_v5().await, 0x96);
    let mut storm = recipient(&house, &served).await;
    for number in 0..10 {
        let filter = format!("for/health/mall-road/box-{number}");
        storm.subscribe_v5(&filter, None).await;
    }
    let options = v5::SubscriptionOptions::new(QoS::Level0);
    let one_more = (TopicFilter::try_from("for/health/#").unwrap(), options);
    storm
        .send_v5(v5::Subscribe::new(pid, vec![one_more; 3]))
        .await;
    assert_eq!(storm.disconnected_v5().await, 0x96);
    assert_eq!(served.refusals(), [("requests_too_fast", 3)]);
}

#[tokio::test]
async fn packets_of_any_kind_have_a_rate() {
    let house = House::new();
    let served = house.serve(Limits {
        packets_per_second: 50,
        ..Limits::default()
    });
    let mut storm = recipient(&house, &served).await;
    // PUBACK of deliveries that never were.
    storm.send(&[0x40, 2, 0, 1].repeat(200)).await;
    assert_eq!(storm.disconnected_v5().await, 0x96);
    assert_eq!(served.refusals(), [("packets_too_fast", 1)]);
}

#[tokio::test]
async fn deep_topics_and_filters_are_refused_whoever_sends_them() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut client = thing(&house, &served, "a").await;
    let deep = "a/".repeat(500);
    client.send(&publish_to(&deep, qos1(1), false)).await;
    assert!(matches!(
        client.next_v5().await,
        Some(v5::Packet::Puback(it)) if it.reason_code as u8 == 0x90
    ));
    let mut client = recipient(&house, &served).await;
    let wild = format!("for/health/{}#", "+/".repeat(500));
    assert_eq!(client.subscribe_v5(&wild, None).await, 0x8f);
    let refusals = served.refusals();
    assert_eq!(
        refusals,
        [("topics_rejected", 1), ("subscriptions_invalid", 1)]
    );
}

#[tokio::test]
async fn a_long_topic_is_remembered_under_no_alias() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut client = thing(&house, &served, "a").await;
    let long = "t".repeat(60_000);
    let with_alias = |topic: &str, packet_id| {
        let topic = TopicName::try_from(topic).unwrap();
        let mut packet = v5::Publish::new(qos1(packet_id), topic, READING.into());
        packet.properties.topic_alias = Some(1);
        packet
    };
    client.send_v5(with_alias(&long, 1)).await;
    assert!(matches!(
        client.next_v5().await,
        Some(v5::Packet::Puback(it)) if it.reason_code as u8 == 0x90
    ));
    client.send_v5(with_alias("", 2)).await;
    assert_eq!(client.disconnected_v5().await, 0x82);
}

#[tokio::test]
async fn thousands_of_subscriptions_overlapping_shared_and_wild_are_a_few() {
    let house = House::new();
    let served = house.serve(Limits {
        max_subscriptions: 16,
        requests_per_second: 0,
        ..Limits::default()
    });
    let mut client = recipient(&house, &served).await;
    let mut granted = 0;
    for packet in 0..20 {
        let filters = (0..100).map(|it| match it % 3 {
            0 => format!("$share/g{packet}-{it}/for/health/#"),
            1 => format!("for/health/+/box-{packet}-{it}"),
            _ => format!("for/health/mall-road-{packet}-{it}/+"),
        });
        let options = v5::SubscriptionOptions::new(QoS::Level0);
        let filters = filters.map(|it| (TopicFilter::try_from(it.as_str()).unwrap(), options));
        let pid = Pid::try_from(1).unwrap();
        let packet = v5::Subscribe::new(pid, filters.collect());
        client.send_v5(packet).await;
        match client.next_v5().await {
            Some(v5::Packet::Suback(it)) => {
                granted += it.topics.iter().filter(|it| (**it as u8) < 0x80).count();
            }
            it => panic!("no SUBACK: {it:?}"),
        }
    }
    assert!(granted <= 16, "{granted}");
    assert!(served.counters.value(Counter::SubscriptionsOverLimit) > 1_000);
}

#[tokio::test]
async fn a_flood_of_retained_topics_keeps_one_message_of_the_thing() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut client = thing(&house, &served, "a").await;
    for number in 1..=500 {
        let topic = format!("flood/{number}");
        client.send(&publish_to(&topic, qos1(number), true)).await;
    }
    for _ in 0..500 {
        assert!(matches!(
            client.next_v5().await,
            Some(v5::Packet::Puback(_))
        ));
    }
    assert_eq!(house.custody.retained_counts().messages, 1);
}

#[tokio::test]
async fn messages_that_are_never_released_are_bounded() {
    let house = House::new();
    let served = house.serve(Limits {
        max_pending_acks: 8,
        ..Limits::default()
    });
    let mut client = thing(&house, &served, "a").await;
    for packet_id in 1..=8_u16 {
        let qos = QosPid::Level2(Pid::try_from(packet_id).unwrap());
        client.send(&publish_to("t", qos, false)).await;
        assert!(matches!(
            client.next_v5().await,
            Some(v5::Packet::Pubrec(_))
        ));
    }
    let qos = QosPid::Level2(Pid::try_from(9).unwrap());
    client.send(&publish_to("t", qos, false)).await;
    assert_eq!(client.disconnected_v5().await, 0x93);
    assert_eq!(served.refusals(), [("receive_maximum_exceeded", 1)]);
}

/// What the system says this process holds in memory.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kilobytes * 1024
}

#[tokio::test]
async fn packets_that_never_end_hold_a_bounded_memory_in_all() {
    const MIB: usize = 1024 * 1024;
    let house = House::new();
    let served = house.serve(Limits {
        held_bytes: 8 * MIB,
        ..Limits::default()
    });
    let mut calm = thing(&house, &served, "calm").await;
    assert_eq!(calm.publish_v5(1, READING).await, 0);
    let before = resident_bytes();
    let body = vec![b'a'; 200_000];
    let mut greedy = Vec::new();
    for number in 0..400 {
        let mut client = thing(&house, &served, &number.to_string()).await;
        // It says 250 000 and sends 200 000.
        client.send(&[0x30, 0x90, 0xa1, 0x0f]).await;
        // Whoever is ended while it sends cannot send everything.
        client.send_what_is_taken(&body).await;
        greedy.push(client);
        assert!(served.guard.held_bytes() <= 9 * MIB, "{:?}", served.guard);
    }
    served.counted(Counter::HeldTooMuch, 300).await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 40 * MIB, "{grown} for 80 000 000 bytes sent");
    assert_eq!(
        calm.publish_v5(2, READING).await,
        0,
        "who behaves does not notice"
    );
    drop(greedy);
    served.counted(Counter::ConnectionsClosed, 400).await;
    assert_eq!(served.guard.held_bytes(), 0);
}

#[tokio::test]
async fn connects_that_never_end_take_nothing_from_devices() {
    let house = House::new();
    let served = house.serve(Limits {
        held_bytes_of_strangers: 64 * 1024,
        ..Limits::default()
    });
    let mut strangers = Vec::new();
    for _ in 0..40 {
        let mut client = served.dial().await;
        // A CONNECT of 16 000 bytes, of which 12 000 come.
        client.send(&[0x10, 0x80, 0x7d]).await;
        client.send_what_is_taken(&[0; 12_000]).await;
        strangers.push(client);
    }
    served.counted(Counter::HeldTooMuch, 30).await;
    assert!(served.guard.held_bytes() <= 64 * 1024);
    let mut device = thing(&house, &served, "a").await;
    let packet = publish_v5(1, &format!(r#"{{"dust":1{}}}"#, " ".repeat(100_000)));
    device.send(&packet).await;
    assert!(matches!(
        device.next_v5().await,
        Some(v5::Packet::Puback(_))
    ));
}

#[test]
fn the_same_guard_stands_before_all_ways_in() {
    let guard = gateway::Guard::new(std::sync::Arc::new(Limits {
        connections_per_second_per_address: 1,
        ..Limits::default()
    }));
    let (now, address) = (Timestamp::from_millis(1), [192, 0, 2, 1].into());
    assert!(guard.may_arrive(address, now));
    assert!(!guard.clone().may_arrive(address, now));
}
