//! Commands to devices that were made for ThingsBoard: server-side RPC over MQTT and over HTTP.

use custody::ActError;
use gateway::Limits;
use model::{ThingId, Timestamp};
use mqtt_proto::{QosPid, TopicName, v3};
use serde_json::{Value, json};

use super::{FAN, FAN_PATH, GOOD, OFFICE, ask, declare_as};
use crate::http::{Answer, Site};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

async fn site() -> Site {
    let site = Site::new(Limits::default()).await;
    let command = FAN
        .replace("{thing}/fan", "v1/devices/me/rpc/request/{number}")
        .replace(
            r#"'{"speed": {speed}}'"#,
            r#"'{"method": "setSpeed", "params": {"speed": {speed}}}'"#,
        );
    declare_as(&site.house, &command);
    let adapted = site.house.custody.act(NOW, |act| {
        let thing = ThingId::parse("box-1").unwrap();
        act.set_adapter(&thing, Some("thingsboard"))?;
        Ok::<_, ActError>(())
    });
    adapted.unwrap();
    let answer = call(&site, "POST", "telemetry", r#"{"dust": 20}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    site
}

/// What a device of ThingsBoard asks of its server.
async fn call(site: &Site, method: &str, rest: &str, body: &str) -> Answer {
    let token = site.house.tokens.box_1.expose_secret();
    let length = body.len();
    let request = format!(
        "{method} /api/v1/box-1:{token}/{rest} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    site.exchange(&request).await
}

async fn outcome(site: &Site, taken: &Value) -> Value {
    let path = format!("/commands/v1/{}", taken["id"].as_str().unwrap());
    ask(site, OFFICE, &path, "", "").await.1["outcome"].clone()
}

#[tokio::test]
async fn a_device_gets_a_command_as_a_call_over_mqtt_and_its_answer_confirms_it() {
    let site = site().await;
    let served = site.house.serve(Limits::default());
    let mut device = served.dial().await;
    // As its firmware does: the access token is the user name, and there is no password.
    let mut connect = v3::Connect::new("device".into(), 60);
    let token = site.house.tokens.box_1.expose_secret();
    connect.username = Some(format!("box-1:{token}").into());
    device.send_v3(connect).await;
    assert!(matches!(
        device.next_v3().await,
        Some(v3::Packet::Connack(_))
    ));
    let granted = device.subscribe_v3("v1/devices/me/rpc/request/+").await;
    assert_eq!(granted, v3::SubscribeReturnCode::MaxLevel0);
    for (answer, expected) in [
        (r#"{"error": "no such pin"}"#, "acknowledged"),
        (r#"{"result": "ok"}"#, "confirmed"),
    ] {
        let (_, taken) = ask(&site, OFFICE, FAN_PATH, "", GOOD).await;
        let Some(v3::Packet::Publish(got)) = device.next_v3().await else {
            panic!("no call came");
        };
        let said: Value = serde_json::from_slice(&got.payload).unwrap();
        assert_eq!(said, json!({"method": "setSpeed", "params": {"speed": 2}}));
        let number = got
            .topic_name
            .strip_prefix("v1/devices/me/rpc/request/")
            .unwrap();
        assert!(number.parse::<i32>().unwrap() > 0, "{number}");
        assert_eq!(outcome(&site, &taken).await, "sent");
        let topic = format!("v1/devices/me/rpc/response/{number}");
        let topic = TopicName::try_from(topic.as_str()).unwrap();
        let qos = QosPid::Level1(1.try_into().unwrap());
        let payload = bytes::Bytes::copy_from_slice(answer.as_bytes());
        device.send_v3(v3::Publish::new(qos, topic, payload)).await;
        assert!(matches!(
            device.next_v3().await,
            Some(v3::Packet::Puback(_))
        ));
        assert_eq!(outcome(&site, &taken).await, expected);
    }
}

#[tokio::test]
async fn a_device_waits_for_a_command_over_http_and_answers_it() {
    let site = site().await;
    let (waited, (_, taken)) = tokio::join!(
        call(&site, "GET", "rpc?timeout=20000", ""),
        ask(&site, OFFICE, FAN_PATH, "", GOOD),
    );
    assert_eq!(waited.status, 200, "{waited:?}");
    let said: Value = serde_json::from_str(&waited.body).unwrap();
    assert_eq!(said["method"], "setSpeed");
    assert_eq!(said["params"], json!({"speed": 2}));
    assert_eq!(outcome(&site, &taken).await, "sent");
    let wrong = call(&site, "POST", "rpc/12", "{}").await;
    assert_eq!(wrong.status, 200, "{wrong:?}");
    assert_eq!(outcome(&site, &taken).await, "sent");
    let path = format!("rpc/{}", said["id"]);
    let answer = call(&site, "POST", &path, r#"{"result": "ok"}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(outcome(&site, &taken).await, "confirmed");
}

#[tokio::test]
async fn a_device_that_waits_in_vain_is_told_so_and_a_command_that_became_unsafe_never_comes() {
    let site = site().await;
    let empty = call(&site, "GET", "rpc?timeout=50", "").await;
    assert_eq!((empty.status, empty.body.as_str()), (408, ""));
    let (_, taken) = ask(&site, OFFICE, FAN_PATH, "", GOOD).await;
    let answer = call(&site, "POST", "telemetry", r#"{"dust": 901}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let none = call(&site, "GET", "rpc?timeout=50", "").await;
    assert_eq!(none.status, 408, "{none:?}");
    assert_eq!(outcome(&site, &taken).await, "refused-interlock");
}

#[tokio::test]
async fn only_a_few_requests_of_a_device_wait_at_once_and_no_stranger_waits() {
    let site = site().await;
    let wait = || call(&site, "GET", "rpc?timeout=700", "");
    let (a, b, c, d, e) = tokio::join!(wait(), wait(), wait(), wait(), wait());
    let mut statuses = [a, b, c, d, e].map(|it| it.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [408, 408, 408, 408, 429]);
    let wrong = "GET /api/v1/box-1:wrong/rpc HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
    assert_eq!(site.exchange(wrong).await.status, 401);
    // A thing that speaks plainly gets its commands elsewhere.
    let token = site.house.tokens.box_2.expose_secret();
    let plain = format!(
        "GET /api/v1/box-2:{token}/rpc HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(site.exchange(&plain).await.status, 403);
}
