//! The ways in of other platforms over HTTP: ThingsBoard's API and the webhooks of LoRaWAN network servers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use custody::{ActError, Identity, Token};
use gateway::codecs::{CodecOptions, Codecs};
use gateway::{Counter, Counters, Limits};
use model::{BridgeId, DeploymentId, ThingId, Timestamp};
use mqtt_proto::{QosPid, TopicName, v3, v5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::PATIENCE;
use crate::fixture::House;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const DEVICE: &str = "70b3d57ed0001234";

struct Site {
    house: House,
    address: SocketAddr,
    counters: Arc<Counters>,
    bridge: Token,
}

impl Site {
    /// `box-1` speaks ThingsBoard; `lorawan-1` is a bridge in `dialect` that calls `box-2` by its DevEUI.
    async fn new(dialect: &str) -> Self {
        let house = House::new();
        let bridge = BridgeId::parse("lorawan-1").unwrap();
        let (one, two) = (thing("box-1"), thing("box-2"));
        let token = house
            .custody
            .act(NOW, |act| {
                act.set_adapter(&one, Some("thingsboard"))?;
                let deployment = DeploymentId::parse("mall-road").unwrap();
                let token = act.register_bridge(&bridge, &deployment, dialect)?;
                act.bridge_speaks_for(&bridge, DEVICE, &two)?;
                Ok::<_, ActError>(token)
            })
            .unwrap();
        let counters = Arc::new(Counters::default());
        // No worker can be started here: the sandbox is tested with the binary that has it.
        let options = CodecOptions {
            program: "/nowhere".into(),
            arguments: Vec::new(),
            workers: 1,
        };
        let router = gateway::http::router(
            house.custody.clone(),
            Arc::new(Limits::default()),
            Arc::clone(&counters),
            Arc::new(|| Box::pin(std::future::pending())),
        )
        .layer(Extension(Codecs::new(options, Arc::clone(&counters))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            house,
            address,
            counters,
            bridge: token,
        }
    }

    fn bridge(&self) -> String {
        let token = self.bridge.expose_secret();
        format!("Authorization: Bearer lorawan-1:{token}\r\n")
    }

    fn box_1(&self) -> String {
        format!("box-1:{}", self.house.tokens.box_1.expose_secret())
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> (u16, String) {
        self.send("POST", path, headers, body).await
    }

    async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    #[track_caller]
    fn counted(&self, counter: Counter, value: u64) {
        assert_eq!(self.counters.value(counter), value, "{}", counter.name());
    }
}

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

fn uplink(device: &str) -> String {
    format!(
        r#"{{"deviceInfo":{{"devEui":"{device}"}},"fPort":1,"data":"AQI=","object":{{"pm25":7}}}}"#
    )
}

/// <https://thingsboard.io/docs/reference/http-api/>: the token is in the path, the answer is 200.
#[tokio::test]
async fn a_device_of_thingsboard_posts_telemetry_and_attributes() {
    let site = Site::new("chirpstack").await;
    let token = site.box_1();
    for (path, body) in [
        ("telemetry", r#"{"pm25":7}"#),
        ("telemetry", r#"{"ts":1451649600512,"values":{"pm25":7}}"#),
        ("telemetry", r#"[{"pm25":7},{"pm25":8}]"#),
        ("attributes", r#"{"firmware":"1.2"}"#),
    ] {
        let (status, answer) = site
            .post(&format!("/api/v1/{token}/{path}"), "", body)
            .await;
        assert_eq!((status, answer.as_str()), (200, ""), "{path} {body}");
    }
    site.counted(Counter::PublishesAccepted, 4);
    let escaped = token.replace(':', "%3A");
    let (status, _) = site
        .post(&format!("/api/v1/{escaped}/telemetry"), "", "{}")
        .await;
    assert_eq!(status, 200);
}

/// <https://owntracks.org/booklet/tech/http/>: Basic, names in headers or the address, and an array as answer.
#[tokio::test]
async fn the_http_mode_of_owntracks_is_answered_with_an_empty_array() {
    let site = Site::new("owntracks").await;
    use base64::Engine as _;
    let pair = format!("lorawan-1:{}", site.bridge.expose_secret());
    let pair = base64::engine::general_purpose::STANDARD.encode(pair);
    let basic = format!("Authorization: Basic {pair}\r\n");
    let location = r#"{"_type":"location","lat":31.5,"lon":74.3,"tst":1451649600,"tid":"al","topic":"owntracks/http/al"}"#;
    for (path, headers) in [
        ("/owntracks/v1?u=ali&d=pixel", basic.clone()),
        (
            "/owntracks/v1",
            format!("{basic}X-Limit-U: ali\r\nX-Limit-D: pixel\r\n"),
        ),
        ("/owntracks/v1", basic.clone()),
    ] {
        let answer = site.post(path, &headers, location).await;
        assert_eq!(answer, (200, "[]".to_owned()), "{path}");
    }
    site.counted(Counter::DevicesNotRegistered, 3);
    // A friend that is deleted sends no bytes; what is encrypted is refused with words.
    assert_eq!(site.post("/owntracks/v1", &basic, "").await.0, 200);
    let encrypted = r#"{"_type":"encrypted","data":"c2VjcmV0"}"#;
    let (status, words) = site.post("/owntracks/v1", &basic, encrypted).await;
    assert_eq!(status, 422);
    assert!(words.contains("encryption off"), "{words}");
    assert_eq!(site.post("/owntracks/v1?u=a/b", &basic, "{}").await.0, 400);
    assert_eq!(site.post("/owntracks/v1", "", location).await.0, 401);
}

/// <https://thingsboard.io/docs/reference/http-api/>: attributes that nobody set.
#[tokio::test]
async fn a_device_of_thingsboard_that_asks_for_attributes_over_http_learns_that_there_are_none() {
    let site = Site::new("chirpstack").await;
    let path = |token: &str| format!("/api/v1/{token}/attributes?clientKeys=a&sharedKeys=b");
    let answer = site.send("GET", &path(&site.box_1()), "", "").await;
    assert_eq!(answer, (200, "{}".to_owned()));
    assert_eq!(site.send("GET", &path("box-1:x"), "", "").await.0, 401);
    site.counted(Counter::PublishesAccepted, 0);
}

#[tokio::test]
async fn a_wrong_access_token_is_refused_and_not_repeated() {
    let site = Site::new("chirpstack").await;
    let secret = site.house.tokens.box_1.expose_secret().to_owned();
    for token in [
        secret.clone(),
        format!("box-2:{secret}"),
        format!("box-1:{secret}x"),
        "box-1:".to_owned(),
    ] {
        let path = format!("/api/v1/{token}/telemetry");
        let (status, answer) = site.post(&path, "", "{}").await;
        assert_eq!(status, 401, "{token}");
        assert!(!answer.contains(&secret) && !answer.contains("box-"));
    }
    site.counted(Counter::BadCredentials, 4);
    let path = format!("/api/v1/{}/telemetry", site.box_1());
    let (status, _) = site.post(&path, "", "[1]").await;
    assert_eq!(status, 422);
    let plain = format!("box-2:{}", site.house.tokens.box_2.expose_secret());
    let (status, _) = site
        .post(&format!("/api/v1/{plain}/telemetry"), "", r#"{"pm25":7}"#)
        .await;
    assert_eq!(status, 200, "a thing that speaks plainly is taken as it is");
}

#[tokio::test]
async fn chirpstack_posts_its_events() {
    let site = Site::new("chirpstack").await;
    let bridge = site.bridge();
    let post = async |query: &str, body: &str| {
        let path = format!("/ways/v1/lorawan-1{query}");
        site.post(&path, &bridge, body).await.0
    };
    assert_eq!(post("?event=up", &uplink(DEVICE)).await, 202);
    assert_eq!(post("?event=join", "{}").await, 202);
    site.counted(Counter::MessagesWithoutReading, 1);
    assert_eq!(post("?event=up", &uplink("0101010101010101")).await, 202);
    site.counted(Counter::DevicesNotRegistered, 1);
    assert_eq!(post("?event=up", "[]").await, 422);
    assert_eq!(post("?event=up&more=1", "{}").await, 400);
    // No event of the dialect: acknowledged, so that it is not sent again for ever, and kept by nobody.
    assert_eq!(post("?event=nothing", "{}").await, 202);
    assert_eq!(post("", &uplink(DEVICE)).await, 202);
    site.counted(Counter::MessagesOfOtherTopics, 2);
}

#[tokio::test]
async fn the_things_stack_posts_its_messages() {
    let site = Site::new("the-things-stack").await;
    let message = format!(
        r#"{{"end_device_ids":{{"device_id":"{DEVICE}"}},"uplink_message":{{"decoded_payload":{{"pm25":7}}}}}}"#
    );
    let basic = {
        use base64::Engine as _;
        let pair = format!("lorawan-1:{}", site.bridge.expose_secret());
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        format!("Authorization: Basic {pair}\r\n")
    };
    for path in ["/ways/v1/lorawan-1", "/ways/v1/lorawan-1/up"] {
        assert_eq!(site.post(path, &basic, &message).await.0, 202, "{path}");
    }
    let join = r#"{"end_device_ids":{"device_id":"x"},"join_accept":{}}"#;
    assert_eq!(
        site.post("/ways/v1/lorawan-1/join", &basic, join).await.0,
        202
    );
    site.counted(Counter::DevicesNotRegistered, 0);
    site.counted(Counter::MessagesWithoutReading, 1);
    site.counted(Counter::PublishesAccepted, 3);
}

#[tokio::test]
async fn a_webhook_is_of_the_bridge_that_its_header_proves() {
    let site = Site::new("chirpstack").await;
    let body = uplink(DEVICE);
    let path = "/ways/v1/lorawan-1?event=up";
    assert_eq!(site.post(path, "", &body).await.0, 401);
    let wrong = "Authorization: Bearer lorawan-1:wrong\r\n";
    assert_eq!(site.post(path, wrong, &body).await.0, 401);
    let other = "/ways/v1/lorawan-2?event=up";
    assert_eq!(site.post(other, &site.bridge(), &body).await.0, 403);
    let a_thing = format!("Authorization: Bearer {}\r\n", site.box_1());
    assert_eq!(site.post(path, &a_thing, &body).await.0, 403);
    assert_eq!(
        site.post("/ways/v1/box-1?event=up", &a_thing, &body)
            .await
            .0,
        403
    );
    site.counted(Counter::PublishesAccepted, 0);
}

/// What cannot be decoded now is not kept undecoded: it may be sent again.
#[tokio::test]
async fn a_message_whose_codec_cannot_be_run_is_refused() {
    let site = Site::new("chirpstack").await;
    let owner = Identity::Bridge(BridgeId::parse("lorawan-1").unwrap());
    let custody = site.house.custody.clone();
    tokio::task::spawn_blocking(move || custody.set_codec(&owner, Some("codec"), NOW))
        .await
        .unwrap()
        .unwrap();
    let raw = format!(r#"{{"deviceInfo":{{"devEui":"{DEVICE}"}},"fPort":1,"data":"AQI="}}"#);
    let path = "/ways/v1/lorawan-1?event=up";
    let (status, answer) = site.post(path, &site.bridge(), &raw).await;
    assert_eq!(status, 503, "{answer}");
    site.counted(Counter::CodecFailures, 1);
    // The server's own codec has decoded it, or nobody's device sent it: nothing is asked.
    assert_eq!(
        site.post(path, &site.bridge(), &uplink(DEVICE)).await.0,
        202
    );
    let unknown = raw.replace(DEVICE, "0101010101010101");
    assert_eq!(site.post(path, &site.bridge(), &unknown).await.0, 202);
    site.counted(Counter::CodecFailures, 1);
}

/// A device that was made for ThingsBoard has one text to say who it is: its user name, without a password. What it sends
/// in ThingsBoard's form reaches a recipient as the notice declares it.
#[tokio::test]
async fn a_device_of_thingsboard_connects_with_its_access_token_alone() {
    let site = Site::new("chirpstack").await;
    let served = site.house.serve(Limits::default());
    let mut health = served.dial().await;
    health
        .connect_v5("b", "health-office", &site.house.tokens.health_office)
        .await;
    assert_eq!(health.subscribe_v5("for/health/mall-road/+", None).await, 1);

    let mut device = served.dial().await;
    let mut connect = v3::Connect::new("device".into(), 60);
    connect.username = Some(site.box_1().into());
    device.send_v3(connect).await;
    match device.next_v3().await.unwrap() {
        v3::Packet::Connack(it) => assert_eq!(it.code, v3::ConnectReturnCode::Accepted),
        it => panic!("no CONNACK: {it:?}"),
    }
    let message = r#"{"ts":1451649600512,"values":{"dust":61.5,"ssid":"secret"}}"#;
    let pid = QosPid::Level1(1.try_into().unwrap());
    let topic = TopicName::try_from("v1/devices/me/telemetry").unwrap();
    device
        .send_v3(v3::Publish::new(pid, topic, message.into()))
        .await;
    assert!(matches!(
        device.next_v3().await.unwrap(),
        v3::Packet::Puback(_)
    ));
    let Some(v5::Packet::Publish(delivered)) = health.next_v5().await else {
        panic!("nothing was delivered");
    };
    assert_eq!(delivered.payload, r#"{"dust":61.5}"#);

    for name in ["box-1", "box-1:", "box-1:wrong", ":", "nobody:x"] {
        let mut stranger = served.dial().await;
        let mut connect = v3::Connect::new("stranger".into(), 60);
        connect.username = Some(name.into());
        stranger.send_v3(connect).await;
        match stranger.next_v3().await.unwrap() {
            v3::Packet::Connack(it) => {
                assert_ne!(it.code, v3::ConnectReturnCode::Accepted, "{name}");
            }
            it => panic!("no CONNACK: {it:?}"),
        }
    }
}
