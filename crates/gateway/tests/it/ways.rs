//! Devices that speak a dialect: from a packet to the things that it is about.

use std::sync::Arc;

use custody::{ActError, Peer, Token};
use gateway::{Counter, Limits};
use model::{BridgeId, DeploymentId, ThingId, Timestamp};
use mqtt_proto::{TopicName, v3};

use crate::client::publish_v3;
use crate::fixture::House;
use crate::http::Site;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn bridge() -> BridgeId {
    BridgeId::parse("hub-1").unwrap()
}

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

impl House {
    /// A bridge in a dialect, with a name for each of two things.
    fn bridge(&self, adapter: &str, names: [&str; 2]) -> Token {
        let deployment = DeploymentId::parse("mall-road").unwrap();
        self.custody
            .act(NOW, |act| {
                let token = act.register_bridge(&bridge(), &deployment, adapter)?;
                act.bridge_speaks_for(&bridge(), names[0], &thing("box-1"))?;
                act.bridge_speaks_for(&bridge(), names[1], &thing("box-2"))?;
                Ok::<_, ActError>(token)
            })
            .unwrap()
    }

    fn seen(&self, token: &Token) -> Vec<String> {
        let password = token.expose_secret().as_bytes();
        let Some(Peer::Bridge(hub)) = self.custody.authenticate("hub-1", password, NOW) else {
            panic!("the bridge is known");
        };
        hub.seen().0.into_iter().map(|it| it.name).collect()
    }
}

impl Site {
    async fn post_as_hub(&self, token: &Token, topic: &str, body: &str) -> u16 {
        let authorization = self.bearer("hub-1", token);
        let length = body.len();
        let request = format!(
            "POST /ingest/v1?topic={topic} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n{authorization}\r\n{body}"
        );
        self.exchange(&request).await.status
    }

    fn count(&self, counter: Counter) -> u64 {
        let counted = self.counters.snapshot().into_iter();
        counted.filter(|it| it.0 == counter).map(|it| it.1).sum()
    }
}

#[tokio::test]
async fn a_bridge_speaks_for_its_things_and_what_nobody_registered_is_only_named() {
    let site = Site::new(Limits::default()).await;
    let token = site.house.bridge("zigbee2mqtt", ["hall", "yard"]);
    let before = site.house.custody.durable();
    let kept = site
        .post_as_hub(&token, "zigbee2mqtt/hall", r#"{"dust": 4.5}"#)
        .await;
    assert_eq!(kept, 202);
    let after = site.house.custody.durable();
    assert!(after > before, "the message of the thing is kept");
    let unknown = site
        .post_as_hub(&token, "zigbee2mqtt/attic", r#"{"dust": 4.5}"#)
        .await;
    assert_eq!(unknown, 202, "sent again it would fare no better");
    assert_eq!(
        site.house.custody.durable(),
        after,
        "and nothing of it is kept"
    );
    assert_eq!(site.house.seen(&token), ["attic"]);
    assert_eq!(site.count(Counter::DevicesNotRegistered), 1);
    let state = site
        .post_as_hub(&token, "zigbee2mqtt/bridge/state", r#"{"state":"online"}"#)
        .await;
    assert_eq!(state, 202);
    assert_eq!(site.count(Counter::MessagesWithoutReading), 1);
    assert_eq!(site.house.custody.durable(), after);
    assert!(site.refusals().is_empty());
}

#[tokio::test]
async fn of_a_packet_about_several_things_all_comes_in_or_nothing() {
    let site = Site::new(Limits::default()).await;
    let token = site.house.bridge("thingsboard-gateway", ["hall", "yard"]);
    let topic = "v1/gateway/telemetry";
    let before = site.house.custody.durable();
    let both = r#"{"hall":[{"ts":1700000000000,"values":{"dust":1}}],"yard":[{"ts":1700000000000,"values":{"dust":2}}]}"#;
    assert_eq!(site.post_as_hub(&token, topic, both).await, 202);
    let after = site.house.custody.durable();
    assert!(after > before);
    // One of the things is revoked: its part is left out, the other one is kept.
    site.house
        .custody
        .act(NOW, |act| {
            act.revoke(&custody::Identity::Thing(thing("box-2")))
        })
        .unwrap();
    assert_eq!(site.post_as_hub(&token, topic, both).await, 202);
    assert_eq!(site.count(Counter::DevicesNotRegistered), 1);
    let later = site.house.custody.durable();
    assert!(later > after);
    // Without a licence none of it is.
    site.house.set_licence(model::LicenceState::Suspended);
    assert_eq!(site.post_as_hub(&token, topic, both).await, 403);
    assert_eq!(site.house.custody.durable(), later);
    assert_eq!(site.refusals(), [("publishes_unlicensed", 1)]);
}

#[tokio::test]
async fn what_is_no_message_of_the_dialect_is_refused_and_a_revoked_bridge_is_gone() {
    let site = Site::new(Limits::default()).await;
    let token = site.house.bridge("zigbee2mqtt", ["hall", "yard"]);
    let broken = site.post_as_hub(&token, "zigbee2mqtt/hall", "{").await;
    assert_eq!(broken, 422);
    let long = "x".repeat(2_000);
    assert_eq!(site.post_as_hub(&token, &long, "{}").await, 400);
    site.house
        .custody
        .act(NOW, |act| act.revoke(&custody::Identity::Bridge(bridge())))
        .unwrap();
    let gone = site.post_as_hub(&token, "zigbee2mqtt/hall", "{}").await;
    assert_eq!(gone, 401);
}

#[tokio::test]
async fn who_speaks_a_dialect_and_names_no_topic_is_told_what_is_missing() {
    let site = Site::new(Limits::default()).await;
    let token = site.house.bridge("zigbee2mqtt", ["hall", "yard"]);
    let authorization = site.bearer("hub-1", &token);
    for address in ["/ingest/v1", "/ingest/v1?topic="] {
        let request = format!(
            "POST {address} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 2\r\n{authorization}\r\n{{}}"
        );
        let answer = site.exchange(&request).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("needs its topic"), "{}", answer.body);
        assert!(answer.body.contains("/ingest/v1?topic="), "{}", answer.body);
    }
    assert_eq!(site.refusals(), [("topics_rejected", 2)]);
}

#[tokio::test]
async fn a_thing_with_a_dialect_is_read_in_it_from_the_next_message_on() {
    let site = Site::new(Limits::default()).await;
    let token = &site.house.tokens.box_1;
    let send = async |topic: &str, body: &str| {
        let authorization = site.bearer("box-1", token);
        let length = body.len();
        let request = format!(
            "POST /ingest/v1?topic={topic} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n{authorization}\r\n{body}"
        );
        site.exchange(&request).await.status
    };
    assert_eq!(
        send("tele/box/LWT", "Online").await,
        422,
        "as it is, it is no JSON"
    );
    let adapter: Arc<str> = Arc::from("tasmota");
    site.house
        .custody
        .act(NOW, |act| act.set_adapter(&thing("box-1"), Some(&adapter)))
        .unwrap();
    assert_eq!(send("tele/box/LWT", "Online").await, 202);
    assert_eq!(site.count(Counter::MessagesWithoutReading), 1);
}

#[tokio::test]
async fn a_topic_of_a_rule_in_a_device_is_acknowledged_and_its_connection_stays() {
    let house = House::new();
    let adapter: Arc<str> = Arc::from("tasmota");
    house
        .custody
        .act(NOW, |act| act.set_adapter(&thing("box-1"), Some(&adapter)))
        .unwrap();
    let token = house.bridge("shelly-gen1", ["shellyht-1", "shellyht-2"]);
    let served = house.serve(Limits::default());
    let before = house.custody.durable();
    let mut plug = served.dial().await;
    plug.connect_v3("plug", "box-1", &house.tokens.box_1).await;
    let mut hub = served.dial().await;
    hub.connect_v3("hub", "hub-1", &token).await;
    for (number, client) in [(1, &mut plug), (2, &mut hub)] {
        client.send_v3(publish_v3(7, r#"{"dust": 9}"#)).await;
        let answer = client.next_v3().await.expect("the connection stays");
        assert!(matches!(answer, v3::Packet::Puback(it) if it.value() == 7));
        assert_eq!(
            served.counters.value(Counter::MessagesOfOtherTopics),
            number
        );
    }
    assert_eq!(house.custody.durable(), before, "nothing of it is kept");
    assert_eq!(house.seen(&token), ["any/topic/at/all"]);
    // Nor does what cannot be read on a topic of the dialect, as 3.1.1 has no way to say so.
    let topic = TopicName::try_from("tele/plug/SENSOR").unwrap();
    for (packet_id, payload) in [(8, "{"), (9, r#"{"dust": 9}"#)] {
        let mut publish = publish_v3(packet_id, payload);
        publish.topic_name = topic.clone();
        plug.send_v3(publish).await;
        assert!(plug.next_v3().await.is_some(), "the connection stays");
        assert_eq!(served.refusals(), [("publishes_malformed", 1)]);
        assert_eq!(house.custody.durable() > before, packet_id == 9);
    }
}
