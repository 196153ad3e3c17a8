//! Clients of other people: mosquitto as client and as bridge, and rumqttc.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use custody::Token;
use gateway::{Counter, Limits};
use mqtt_proto::QoS;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet};

use super::{delivered, subscribe};
use crate::client::PATIENCE;
use crate::fixture::{House, Served};

const ADVICE: &str = "install mosquitto and mosquitto-clients: these tests use a client and a broker that are not ours";

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
