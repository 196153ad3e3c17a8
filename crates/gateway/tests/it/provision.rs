//! `POST /provision/v1` over a real socket.

use std::net::IpAddr;
use std::sync::Arc;

use custody::{ActError, IdPattern, ProvisioningKey, Token};
use gateway::{Arrival, Counter, Guard, Limits};
use model::{DeploymentId, Timestamp};

use mqtt_proto::{QosPid, TopicName, v3};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::fixture::Served;
use crate::http::Site;

impl Site {
    fn key(&self, uses: i64) -> Token {
        let key = ProvisioningKey {
            id: "factory-1".to_owned(),
            deployment: DeploymentId::parse("mall-road").unwrap(),
            pattern: IdPattern::parse("plug-*").unwrap(),
            adapter: None,
            uses_left: uses,
            // The site's clock is the wall's.
            expires_at: Timestamp::from_millis(4_000_000_000_000),
        };
        let now = Timestamp::from_millis(3_999_990_000_000);
        self.house
            .custody
            .act(now, |act| {
                let token = act.make_provisioning_key(&key)?;
                Ok::<_, ActError>(token)
            })
            .unwrap()
    }

    async fn provision(&self, key: &str, secret: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request = format!(
            "POST /provision/v1 HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer {key}:{secret}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = self.exchange(&request).await;
        (answer.status, answer.body)
    }
}

#[tokio::test]
async fn a_device_of_a_fleet_gets_its_token_once_and_sends_with_it() {
    let site = Site::new(Limits::default()).await;
    let key = site.key(2);
    let secret = key.expose_secret();
    let asked = r#"{"device":"plug-1"}"#;
    let (status, body) = site.provision("factory-1", secret, asked).await;
    assert_eq!(status, 201, "{body}");
    let given: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(given["thing"], "plug-1");
    let token = Token::from_text(given["token"].as_str().unwrap());
    let thing = site.bearer("plug-1", &token);
    assert_eq!(site.post(&thing, r#"{"dust":1}"#).await.status, 202);
    assert_eq!(site.provision("factory-1", secret, asked).await.0, 409);
    let (status, body) = site
        .provision("factory-1", secret, r#"{"device":"box-9"}"#)
        .await;
    assert_eq!(status, 403);
    assert!(!body.contains("box-9") && !body.contains(secret));
    let next = site
        .provision("factory-1", secret, r#"{"device":"plug-2"}"#)
        .await;
    assert_eq!(next.0, 201);
    let used_up = site
        .provision("factory-1", secret, r#"{"device":"plug-3"}"#)
        .await;
    assert_eq!(used_up.0, 401);
}

#[tokio::test]
async fn wrong_keys_and_bodies_bring_nothing_in() {
    let site = Site::new(Limits::default()).await;
    let key = site.key(5);
    let asked = r#"{"device":"plug-1"}"#;
    for (name, secret) in [
        ("factory-1", "aaaa"),
        ("factory-2", key.expose_secret()),
        ("factory-2", ""),
        ("box-1", site.house.tokens.box_1.expose_secret()),
    ] {
        assert_eq!(site.provision(name, secret, asked).await.0, 401, "{name}");
    }
    let secret = key.expose_secret();
    for body in [
        "",
        "{}",
        "plug-1",
        r#"{"device":"Plug 1"}"#,
        r#"{"device":"plug-1","x":1}"#,
    ] {
        assert_eq!(
            site.provision("factory-1", secret, body).await.0,
            422,
            "{body}"
        );
    }
    let long = format!("{{\"device\":\"{}\"}}", "p".repeat(2_000));
    assert_eq!(site.provision("factory-1", secret, &long).await.0, 413);
    let counted = site.counters.snapshot().into_iter();
    let provisioned = counted.filter(|it| it.0 == Counter::DevicesProvisioned);
    assert_eq!(provisioned.map(|it| it.1).sum::<u64>(), 0);
    assert_eq!(
        site.house.custody.provisioning_keys().unwrap()[0].uses_left,
        5
    );
}

#[tokio::test]
async fn over_plain_http_from_another_machine_no_token_is_given() {
    let mut site = Site::new(Limits::default()).await;
    let key = site.key(2);
    let secret = key.expose_secret();
    let asked = r#"{"device":"plug-1"}"#;
    site.comes_by(Arrival::plain("192.0.2.7".parse().unwrap()))
        .await;
    let (status, body) = site.provision("factory-1", secret, asked).await;
    assert_eq!(status, 403);
    assert!(body.contains("use the https address"), "{body}");
    assert!(!body.contains(secret));
    site.comes_by(Arrival::plain("127.0.0.1".parse().unwrap()))
        .await;
    assert_eq!(site.provision("factory-1", secret, asked).await.0, 201);
}

#[tokio::test]
async fn strangers_cannot_stop_a_fleet_and_a_key_has_a_rate_of_its_own() {
    let site = Site::new(Limits::default()).await;
    let key = site.key(5);
    let asked = r#"{"device":"plug-1"}"#;
    for _ in 0..150 {
        assert_eq!(site.provision("factory-1", "aaaa", asked).await.0, 401);
    }
    let secret = key.expose_secret();
    assert_eq!(site.provision("factory-1", secret, asked).await.0, 201);
    let mut slowed = false;
    let other = r#"{"device":"box-9"}"#;
    for _ in 0..500 {
        let (status, body) = site.provision("factory-1", secret, other).await;
        slowed = status == 429;
        if slowed {
            assert!(body.contains("at most 50 devices a second"), "{body}");
            break;
        }
        assert_eq!(status, 403);
    }
    assert!(slowed);
}

#[tokio::test]
async fn wrong_keys_hold_off_the_address_they_come_from_and_no_other() {
    let limits = Limits {
        login_failures_per_address: 5,
        ..Limits::default()
    };
    let guard = Guard::new(Arc::new(limits.clone()));
    let mut site = Site::new(limits).await;
    let key = site.key(5);
    let secret = key.expose_secret();
    let from = |site: &Site, address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let now = Timestamp::from_millis(3_999_990_000_000);
        let arrival = Arrival::over_tls(&site.house.custody, None, now).unwrap();
        arrival.guarded(address, &guard)
    };
    let device = |number: u8| format!("{{\"device\":\"plug-{number}\"}}");
    let fleet = from(&site, "192.0.2.1");
    site.comes_by(fleet).await;
    assert_eq!(site.provision("factory-1", secret, &device(1)).await.0, 201);
    let stranger = from(&site, "192.0.2.2");
    site.comes_by(stranger).await;
    for _ in 0..5 {
        assert_eq!(site.provision("factory-1", "aaaa", &device(2)).await.0, 401);
    }
    let (status, body) = site.provision("factory-1", secret, &device(2)).await;
    assert_eq!(status, 429);
    assert!(body.contains("too many wrong keys"), "{body}");
    for (address, number) in [("192.0.2.1", 2), ("192.0.2.3", 3)] {
        let fleet = from(&site, address);
        site.comes_by(fleet).await;
        let (status, body) = site.provision("factory-1", secret, &device(number)).await;
        assert_eq!(status, 201, "{address} {body}");
    }
    assert_eq!(
        site.refusals(),
        [("provisions_refused", 1), ("bad_credentials", 5)]
    );
}

/// Whoever guesses waits on the ways out as on the ways in.
#[tokio::test]
async fn wrong_tokens_of_recipients_hold_off_the_address_they_come_from_and_no_other() {
    let limits = Limits {
        login_failures_per_address: 3,
        ..Limits::default()
    };
    let guard = Guard::new(Arc::new(limits.clone()));
    let mut site = Site::new(limits).await;
    let from = |site: &Site, address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let now = Timestamp::from_millis(3_999_990_000_000);
        let arrival = Arrival::over_tls(&site.house.custody, None, now).unwrap();
        arrival.guarded(address, &guard)
    };
    let stranger = from(&site, "192.0.2.2");
    site.comes_by(stranger).await;
    let ask = async |site: &Site, path: &str, token: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer health-office:{token}\r\n\r\n"
        );
        site.exchange(&request).await.status
    };
    for path in ["/receive/v1", "/receive/v1/history", "/commands/v1"] {
        assert_eq!(ask(&site, path, "aaaa").await, 401, "{path}");
    }
    let right = site.house.tokens.health_office.expose_secret().to_owned();
    let held_off = ask(&site, "/commands/v1", &right).await;
    assert_eq!(held_off, 401, "not even looked at");
    let office = from(&site, "192.0.2.1");
    site.comes_by(office).await;
    assert_eq!(ask(&site, "/commands/v1", &right).await, 200);
}

/// <https://thingsboard.io/docs/user-guide/device-provisioning/>: the HTTP API of ThingsBoard. What is given is the access
/// token of its device API.
#[tokio::test]
async fn a_device_made_for_thingsboard_gets_an_access_token_in_its_own_words() {
    let site = Site::new(Limits::default()).await;
    let key = site.key(2);
    let ask = async |body: String| {
        let length = body.len();
        let request = format!(
            "POST /api/v1/provision HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = site.exchange(&request).await;
        (answer.status, answer.body)
    };
    let body = |device: &str, secret: &str| {
        format!(
            r#"{{"deviceName":"{device}","provisionDeviceKey":"factory-1","provisionDeviceSecret":"{secret}"}}"#
        )
    };
    let secret = key.expose_secret();
    let (status, given) = ask(body("plug-7", secret)).await;
    assert_eq!(status, 200, "{given}");
    let given: serde_json::Value = serde_json::from_str(&given).unwrap();
    assert_eq!(given["status"], "SUCCESS");
    assert_eq!(given["credentialsType"], "ACCESS_TOKEN");
    let token = given["credentialsValue"].as_str().unwrap();
    let (thing, token) = token.split_once(':').unwrap();
    assert_eq!(thing, "plug-7");
    let thing = site.bearer(thing, &Token::from_text(token));
    assert_eq!(site.post(&thing, r#"{"dust":1}"#).await.status, 202);
    assert_eq!(ask(body("plug-7", secret)).await.0, 409);
    assert_eq!(ask(body("plug-8", "wrong")).await.0, 401);
    assert_eq!(ask(body("Plug 8", secret)).await.0, 422);
    assert_eq!(ask("{}".to_owned()).await.0, 422);
}

/// A device that connects as it does to ThingsBoard when it has no token yet
/// (<https://thingsboard.io/docs/user-guide/device-provisioning/>, MQTT API), and has subscribed to the answer.
async fn newcomer(served: &Served) -> Client<TcpStream> {
    let mut device = served.dial().await;
    let mut connect = v3::Connect::new("device".into(), 60);
    connect.username = Some("provision".into());
    device.send_v3(connect).await;
    match device.next_v3().await.unwrap() {
        v3::Packet::Connack(it) => assert_eq!(it.code, v3::ConnectReturnCode::Accepted),
        it => panic!("no CONNACK: {it:?}"),
    }
    let granted = device.subscribe_v3("/provision/response").await;
    assert_eq!(granted, v3::SubscribeReturnCode::MaxLevel0);
    device
}

/// Asks and gives the answer.
async fn ask(device: &mut Client<TcpStream>, id: u16, question: &str) -> serde_json::Value {
    let topic = TopicName::try_from("/provision/request").unwrap();
    let qos = QosPid::Level1(id.try_into().unwrap());
    let packet = v3::Publish::new(qos, topic, question.to_owned().into());
    device.send_v3(packet).await;
    let mut said = None;
    for _ in 0..2 {
        match device.next_v3().await {
            Some(v3::Packet::Publish(it)) => {
                assert_eq!(&*it.topic_name, "/provision/response");
                said = serde_json::from_slice(&it.payload).ok();
            }
            Some(v3::Packet::Puback(_)) => {}
            it => panic!("{it:?}"),
        }
    }
    said.expect("an answer")
}

fn question(device: &str, key: &str, secret: &str) -> String {
    format!(
        r#"{{"deviceName":"{device}","provisionDeviceKey":"{key}","provisionDeviceSecret":"{secret}"}}"#
    )
}

#[tokio::test]
async fn a_device_made_for_thingsboard_gets_its_access_token_over_mqtt_once() {
    let site = Site::new(Limits::default()).await;
    let key = site.key(5);
    let secret = key.expose_secret();
    let served = site.house.serve(Limits::default());
    let mut device = newcomer(&served).await;
    let wrong = ask(&mut device, 1, &question("plug-1", "factory-1", "aaaa")).await;
    assert_eq!(wrong["status"], "FAILURE");
    assert!(!wrong.to_string().contains("aaaa"));
    let given = ask(&mut device, 2, &question("plug-1", "factory-1", secret)).await;
    assert_eq!(given["status"], "SUCCESS", "{given}");
    assert_eq!(given["credentialsType"], "ACCESS_TOKEN");
    let again = ask(&mut device, 3, &question("plug-1", "factory-1", secret)).await;
    assert_eq!(again["status"], "FAILURE");
    let other = ask(&mut device, 4, &question("box-9", "factory-1", secret)).await;
    assert_eq!(other["status"], "FAILURE");
    // The access token is the user name from then on.
    let mut device = served.dial().await;
    let mut connect = v3::Connect::new("device".into(), 60);
    connect.username = Some(given["credentialsValue"].as_str().unwrap().into());
    device.send_v3(connect).await;
    match device.next_v3().await.unwrap() {
        v3::Packet::Connack(it) => assert_eq!(it.code, v3::ConnectReturnCode::Accepted),
        it => panic!("no CONNACK: {it:?}"),
    }
    let counted = |counter| served.counters.value(counter);
    assert_eq!(counted(Counter::DevicesProvisioned), 1);
    assert_eq!(counted(Counter::BadCredentials), 1);
    assert_eq!(counted(Counter::ProvisionsRefused), 2);
}

#[tokio::test]
async fn whoever_asks_for_a_token_over_mqtt_can_do_nothing_else() {
    let site = Site::new(Limits::default()).await;
    let served = site.house.serve(Limits::default());
    let before = site.house.custody.durable();
    let mut device = newcomer(&served).await;
    let topic = TopicName::try_from("v1/devices/me/telemetry").unwrap();
    let qos = QosPid::Level1(1.try_into().unwrap());
    device
        .send_v3(v3::Publish::new(qos, topic, r#"{"dust":1}"#.into()))
        .await;
    assert!(device.next_v3().await.is_none(), "the connection ends");
    assert_eq!(site.house.custody.durable(), before);
    // A few questions, and no more.
    let mut device = newcomer(&served).await;
    for id in 1..=4 {
        let said = ask(&mut device, id, "{}").await;
        assert_eq!(said["status"], "FAILURE");
    }
    let topic = TopicName::try_from("/provision/request").unwrap();
    let qos = QosPid::Level1(5.try_into().unwrap());
    device
        .send_v3(v3::Publish::new(qos, topic, "{}".into()))
        .await;
    assert!(device.next_v3().await.is_none());
    // With a password it is a name like any other.
    let mut device = served.dial().await;
    let mut connect = v3::Connect::new("device".into(), 60);
    connect.username = Some("provision".into());
    connect.password = Some(b"secret".to_vec().into());
    device.send_v3(connect).await;
    match device.next_v3().await.unwrap() {
        v3::Packet::Connack(it) => {
            assert_eq!(it.code, v3::ConnectReturnCode::BadUserNameOrPassword);
        }
        it => panic!("{it:?}"),
    }
}
