//! MQTT as other people's clients speak it: QoS 2, sessions that outlive connections, retained messages, WebSocket.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use custody::{Identity, NativeTopic, Token};
use futures_util::{SinkExt, StreamExt};
use gateway::{Counter, Limits, Listener, PlainReach};
use model::{LicenceState, RecipientId, ThingId, Timestamp};
use mqtt_proto::{QoS, QosPid, TopicFilter, TopicName, v3, v5};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::client::{Client, PATIENCE, password};
use crate::fixture::{House, Served};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const ADVICE: &str = "install mosquitto and mosquitto-clients: these tests use a client and a broker that are not ours";

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

fn mosquitto(program: &str, served: &Served, user_name: &str, token: &Token) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-h", "127.0.0.1", "-p", &served.address.port().to_string()])
        .args(["-u", user_name, "-P", token.expose_secret()])
        .stdout(Stdio::piped());
    command
}

/// Waits for the end of a process without keeping the tests from going on.
async fn output(process: Child) -> String {
    let ended = tokio::task::spawn_blocking(move || process.wait_with_output());
    let output = ended.await.unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquittos_clients_speak_qos_2_and_come_back_to_their_session() {
    let house = House::new();
    let served = house.serve(Limits::default());
    for version in ["mqttv311", "mqttv5"] {
        let subscriber = |more: &[&str]| {
            let mut command = mosquitto(
                "mosquitto_sub",
                &served,
                "health-office",
                &house.tokens.health_office,
            );
            command
                .args(["-V", version, "-i", version, "-c", "-q", "2"])
                .args(["-t", "for/health/#", "-F", "%q %p", "-W", "20"])
                .args(more);
            command.spawn().expect(ADVICE)
        };
        // Subscribes, and goes.
        output(subscriber(&["-E"])).await;
        let mut command = mosquitto("mosquitto_pub", &served, "box-1", &house.tokens.box_1);
        command.args(["-V", version, "-q", "2", "-t", "any", "-l"]);
        let mut publisher = command.stdin(Stdio::piped()).spawn().expect(ADVICE);
        let mut lines = publisher.stdin.take().unwrap();
        for number in 0..20 {
            use std::io::Write;
            writeln!(lines, r#"{{"dust":{number}}}"#).unwrap();
        }
        drop(lines);
        output(publisher).await;
        let got = output(subscriber(&["-C", "20"])).await;
        let expected: Vec<_> = (0..20).map(|it| format!(r#"2 {{"dust":{it}}}"#)).collect();
        assert_eq!(got.lines().collect::<Vec<_>>(), expected, "{version}");
    }
    assert!(served.refusals().is_empty());
}

/// A mosquitto that is killed with the test.
struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mosquitto_bridge_carries_messages_both_ways() {
    let house = House::new();
    house.with_native_topic();
    let served = house.serve(Limits::default());
    let directory = testkit::temp_dir();
    let port = testkit::free_port();
    // `try_private` is on by default: the bridge says that it is one (0x84).
    let config = format!(
        "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\nconnection amanat\naddress 127.0.0.1:{}\nremote_clientid hub\nremote_username box-1?purpose=health\nremote_password {}\nnotifications false\ncleansession false\ntopic air/# both 1\n",
        served.address.port(),
        house.tokens.box_1.expose_secret()
    );
    let path = directory.path().join("mosquitto.conf");
    std::fs::write(&path, config).unwrap();
    let broker = Command::new("mosquitto")
        .arg("-c")
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect(ADVICE);
    let _broker = Broker(broker);
    served.counted(Counter::SubscriptionsGranted, 1).await;
    let mut other = served.dial().await;
    other
        .connect_v5(
            "b",
            "health-office?purpose=health",
            &house.tokens.health_office,
        )
        .await;
    subscribe(&mut other, "air/#", QoS::Level1).await;
    let sent = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"])
        .args(["-t", "air/box-1", "-m", r#"{"dust":9}"#])
        .status();
    assert!(sent.expect(ADVICE).success());
    let got = delivered(&mut other).await;
    assert_eq!(got.payload, r#"{"dust":9}"#);
    assert_eq!(&*got.topic_name, "air/box-1");
    // It comes once: a bridge gets none of its own messages back, or it would go round for ever.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(served.counters.value(Counter::PublishesAccepted), 1);
    assert!(served.refusals().is_empty());
}

#[tokio::test]
async fn rumqttc_speaks_qos_2_and_comes_back_to_its_session() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let options = |id: &str, user_name: &str, token: &Token| {
        let mut options = MqttOptions::new(id, "127.0.0.1", served.address.port());
        options
            .set_credentials(user_name, token.expose_secret())
            .set_clean_session(false)
            .set_keep_alive(Duration::from_secs(30));
        options
    };
    let connect = || options("reader", "health-office", &house.tokens.health_office);
    let (client, mut events) = AsyncClient::new(connect(), 10);
    client
        .subscribe("for/health/#", rumqttc::QoS::ExactlyOnce)
        .await
        .unwrap();
    while !matches!(next(&mut events).await, Event::Incoming(Packet::SubAck(_))) {}
    client.disconnect().await.unwrap();
    while !matches!(
        next(&mut events).await,
        Event::Outgoing(rumqttc::Outgoing::Disconnect)
    ) {}
    drop((client, events));
    served.counted(Counter::ConnectionsClosed, 1).await;

    let (client, mut events) =
        AsyncClient::new(options("writer", "box-1", &house.tokens.box_1), 10);
    for number in 0..3 {
        let payload = format!(r#"{{"dust":{number}}}"#);
        client
            .publish("any", rumqttc::QoS::ExactlyOnce, false, payload)
            .await
            .unwrap();
    }
    let mut complete = 0;
    while complete < 3 {
        if let Event::Incoming(Packet::PubComp(_)) = next(&mut events).await {
            complete += 1;
        }
    }

    let (_client, mut events) = AsyncClient::new(connect(), 10);
    let mut got = Vec::new();
    while got.len() < 3 {
        match next(&mut events).await {
            Event::Incoming(Packet::ConnAck(it)) => assert!(it.session_present),
            Event::Incoming(Packet::Publish(it)) => {
                assert_eq!(it.qos, rumqttc::QoS::ExactlyOnce);
                got.push(String::from_utf8(it.payload.to_vec()).unwrap());
            }
            _ => {}
        }
    }
    assert_eq!(got, [r#"{"dust":0}"#, r#"{"dust":1}"#, r#"{"dust":2}"#]);
}

async fn next(events: &mut rumqttc::EventLoop) -> Event {
    tokio::time::timeout(PATIENCE, events.poll())
        .await
        .expect("nothing came")
        .unwrap()
}

/// The frames of MQTT 3.1.1 CONNECT of the first thing.
fn connect_v3(house: &House) -> Vec<u8> {
    let mut packet = v3::Connect::new("web".into(), 60);
    packet.username = Some("box-1".into());
    packet.password = Some(password(&house.tokens.box_1));
    let packet = v3::Packet::from(packet).encode().unwrap();
    packet.as_ref().to_vec()
}

fn over_websocket(house: &House) -> Served {
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::plain(address, PlainReach::Private).unwrap();
    house.serve_on(listener.over_websocket(), Limits::default())
}

#[tokio::test]
async fn mqtt_comes_over_websocket_in_frames_of_any_size_section_6() {
    let house = House::new();
    let served = over_websocket(&house);
    let mut request = format!("ws://{}/mqtt", served.address)
        .into_client_request()
        .unwrap();
    let protocols = HeaderValue::from_static("other, mqtt");
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", protocols);
    let stream = tokio::net::TcpStream::connect(served.address)
        .await
        .unwrap();
    let (mut socket, answer) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "mqtt");
    // A packet in two frames, then two packets in one (6.0.0-2).
    let connect = connect_v3(&house);
    let (one, two) = connect.split_at(5);
    for part in [one, two] {
        let frame = Message::Binary(Bytes::copy_from_slice(part));
        socket.send(frame).await.unwrap();
    }
    let mut frame = async || loop {
        match tokio::time::timeout(PATIENCE, socket.next())
            .await
            .expect("nothing came")
        {
            Some(Ok(Message::Binary(bytes))) => return Some(bytes.to_vec()),
            Some(Ok(Message::Pong(_))) => return Some(b"pong".to_vec()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    };
    assert_eq!(frame().await.unwrap(), [0x20, 2, 0, 0]);
    let publish = crate::client::publish_v3(7, r#"{"dust":1}"#);
    let publish = v3::Packet::from(publish).encode().unwrap();
    let both = [&[0xc0, 0], publish.as_ref()].concat();
    socket
        .send(Message::Binary(Bytes::from(both)))
        .await
        .unwrap();
    socket
        .send(Message::Ping(Bytes::from_static(b"x")))
        .await
        .unwrap();
    let mut got = Vec::new();
    while got.len() < 3 {
        match tokio::time::timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Binary(bytes))) => {
                got.extend(bytes.chunks(4).map(|it| it[0]));
            }
            Some(Ok(Message::Pong(_))) => got.push(0),
            it => panic!("{it:?}"),
        }
    }
    got.sort_unstable();
    assert_eq!(got, [0, 0x40, 0xd0]);
    // Text is not MQTT (6.0.0-1).
    socket.send(Message::text("x")).await.unwrap();
    while let Some(Ok(_)) = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap() {}
    served.counted(Counter::ConnectionsClosed, 1).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_ask_for_mqtt_is_refused_section_6_0_0_3() {
    let house = House::new();
    let served = over_websocket(&house);
    let request = format!("ws://{}/mqtt", served.address)
        .into_client_request()
        .unwrap();
    let stream = tokio::net::TcpStream::connect(served.address)
        .await
        .unwrap();
    let refused = tokio_tungstenite::client_async(request, stream).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(answer)) = refused else {
        panic!("let in");
    };
    assert_eq!(answer.status(), 400);
    let mut stranger = served.dial().await;
    stranger.send(&connect_v3(&house)).await;
    assert_eq!(stranger.next_v3().await, None);
    served.counted(Counter::ConnectionsClosed, 2).await;
    assert_eq!(served.refusals(), [("not_mqtt", 2)]);
}
