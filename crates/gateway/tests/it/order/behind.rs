//! Commands to things behind a bridge: they go over its connection, under the name that it has for the thing.

use custody::ActError;
use gateway::Limits;
use model::{BridgeId, DeploymentId, ThingId, Timestamp};
use mqtt_proto::{v3, v5};
use serde_json::json;
use tokio::net::TcpStream;

use super::{FAN, FAN_PATH, GOOD, OFFICE, ask, declare_as, measure};
use crate::client::Client;
use crate::fixture::{House, Served};
use crate::http::Site;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn hub() -> BridgeId {
    BridgeId::parse("hub-1").unwrap()
}

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

/// A hub with one thing, and one without any.
pub(super) struct Street {
    pub(super) site: Site,
    pub(super) served: Served,
    pub(super) hub: custody::Token,
    other: custody::Token,
}

impl Street {
    pub(super) async fn new(adapter: &str, command: &str) -> Self {
        let site = Site::new(Limits::default()).await;
        declare_as(&site.house, command);
        measure(&site, "", r#"{"dust": 20}"#).await;
        let deployment = DeploymentId::parse("mall-road").unwrap();
        let registered = site.house.custody.act(NOW, |act| {
            let token = act.register_bridge(&hub(), &deployment, adapter)?;
            let other = BridgeId::parse("hub-2").unwrap();
            let other = act.register_bridge(&other, &deployment, adapter)?;
            Ok::<_, ActError>((token, other))
        });
        let (token, other) = registered.unwrap();
        link(&site.house, "Kitchen/fan", Some("box-1"));
        Self {
            served: site.house.serve(Limits::default()),
            site,
            hub: token,
            other,
        }
    }

    async fn listen(&self, who: &str, filter: &str) -> Client<TcpStream> {
        let token = if who == "hub-1" {
            &self.hub
        } else {
            &self.other
        };
        let mut hub = self.served.dial().await;
        hub.connect_v5(who, who, token).await;
        assert_eq!(hub.subscribe_v5(filter, None).await, 1);
        hub
    }

    pub(super) async fn outcome(&self, id: &serde_json::Value) -> serde_json::Value {
        let path = format!("/commands/v1/{}", id.as_str().unwrap());
        ask(&self.site, OFFICE, &path, "", "").await.1["outcome"].clone()
    }
}

pub(super) fn link(house: &House, name: &str, to: Option<&str>) {
    let linked = house.custody.act(NOW, |act| match to {
        Some(to) => act.bridge_speaks_for(&hub(), name, &thing(to)).map(|_| ()),
        None => act.bridge_forgets(&hub(), name).map(|_| ()),
    });
    linked.unwrap();
}

fn zigbee() -> String {
    FAN.replace("{thing}/fan", "zigbee2mqtt/{device}/set")
}

async fn next(client: &mut Client<TcpStream>) -> (String, String, Option<u16>) {
    let Some(v5::Packet::Publish(got)) = client.next_v5().await else {
        panic!("no command came");
    };
    let payload = String::from_utf8(got.payload.to_vec()).unwrap();
    let pid = match got.qos_pid {
        mqtt_proto::QosPid::Level1(pid) => Some(pid.value()),
        _ => None,
    };
    (got.topic_name.to_string(), payload, pid)
}

#[tokio::test]
async fn a_command_goes_to_the_bridge_of_its_thing_under_the_name_that_it_has_there() {
    let street = Street::new("zigbee2mqtt", &zigbee()).await;
    let mut hub = street.listen("hub-1", "zigbee2mqtt/#").await;
    let mut other = street.listen("hub-2", "zigbee2mqtt/#").await;
    let (answer, taken) = ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let (topic, payload, pid) = next(&mut hub).await;
    assert_eq!(topic, "zigbee2mqtt/Kitchen/fan/set");
    assert_eq!(payload, r#"{"speed": 2}"#);
    hub.send_v5(v5::Puback::new_success(pid.unwrap().try_into().unwrap()))
        .await;
    hub.send_v5(v5::Packet::Pingreq).await;
    assert!(matches!(hub.next_v5().await, Some(v5::Packet::Pingresp)));
    assert_eq!(street.outcome(&taken["id"]).await, "acknowledged");
    // The other hub has no such thing.
    other.send_v5(v5::Packet::Pingreq).await;
    assert!(matches!(other.next_v5().await, Some(v5::Packet::Pingresp)));
}

#[tokio::test]
async fn what_a_bridge_means_by_a_name_is_asked_again_when_a_command_goes() {
    let street = Street::new("zigbee2mqtt", &zigbee()).await;
    // It waits, and the device goes to another name in the meantime.
    let (_, taken) = ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    link(&street.site.house, "Kitchen/fan", None);
    link(&street.site.house, "Kitchen/fan", Some("box-2"));
    let mut hub = street.listen("hub-1", "zigbee2mqtt/#").await;
    hub.send_v5(v5::Packet::Pingreq).await;
    assert!(matches!(hub.next_v5().await, Some(v5::Packet::Pingresp)));
    assert_eq!(street.outcome(&taken["id"]).await, "queued");
    // A bridge that has a name for the thing, and listens, has it at once.
    link(&street.site.house, "Hall", Some("box-1"));
    let mut newer = street.served.dial().await;
    newer.connect_v5("newer", "hub-1", &street.hub).await;
    assert_eq!(newer.subscribe_v5("zigbee2mqtt/+/set", None).await, 1);
    assert_eq!(next(&mut newer).await.0, "zigbee2mqtt/Hall/set");
}

#[tokio::test]
async fn what_cannot_be_read_of_a_device_behind_a_bridge_makes_what_it_said_unknown() {
    let street = Street::new("zigbee2mqtt", &zigbee()).await;
    let mut hub = street.served.dial().await;
    hub.connect_v5("sender", "hub-1", &street.hub).await;
    let sent = async |hub: &mut Client<TcpStream>, topic: &str, payload: &str| {
        let packet_id = 7.try_into().unwrap();
        let qos_pid = mqtt_proto::QosPid::Level1(packet_id);
        let topic = mqtt_proto::TopicName::try_from(topic).unwrap();
        hub.send_v5(v5::Publish::new(qos_pid, topic, payload.to_owned().into()))
            .await;
        assert!(matches!(hub.next_v5().await, Some(v5::Packet::Puback(_))));
    };
    let asked = async || ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await.0;
    // Of a device that nobody registered, on a topic that names no other: it may have been any.
    for (topic, payload, status) in [
        ("zigbee2mqtt/Kitchen/fan", r#"{"dust": 20}"#, 202),
        ("zigbee2mqtt/Kitchen/fan", r#"{"dust": 90"#, 409),
        ("zigbee2mqtt/Kitchen/fan", r#"{"dust": 20}"#, 202),
        ("zigbee2mqtt/Cellar", r#"{"dust": 90"#, 409),
        ("zigbee2mqtt/Kitchen/fan", r#"{"dust": 20}"#, 202),
    ] {
        sent(&mut hub, topic, payload).await;
        let answer = asked().await;
        assert_eq!(answer.status, status, "{topic} {payload}: {answer:?}");
    }
    link(&street.site.house, "Cellar", Some("box-2"));
    sent(&mut hub, "zigbee2mqtt/Cellar", r#"{"dust": 90"#).await;
    assert_eq!(asked().await.status, 202, "it was another device");
}

#[tokio::test]
async fn interlocks_are_asked_again_at_the_socket_of_the_bridge() {
    let street = Street::new("zigbee2mqtt", &zigbee()).await;
    let (_, waiting) = ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    measure(&street.site, "", r#"{"dust": 901}"#).await;
    let mut hub = street.listen("hub-1", "zigbee2mqtt/+/+/set").await;
    hub.send_v5(v5::Packet::Pingreq).await;
    assert!(matches!(hub.next_v5().await, Some(v5::Packet::Pingresp)));
    assert_eq!(street.outcome(&waiting["id"]).await, "refused-interlock");
}

#[tokio::test]
async fn a_command_that_a_bridge_took_is_not_given_again_when_it_comes_back() {
    let street = Street::new("zigbee2mqtt", &zigbee()).await;
    let mut hub = street.listen("hub-1", "zigbee2mqtt/#").await;
    let (_, taken) = ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    assert_eq!(next(&mut hub).await.1, r#"{"speed": 2}"#);
    drop(hub);
    let mut hub = street.listen("hub-1", "zigbee2mqtt/#").await;
    hub.send_v5(v5::Packet::Pingreq).await;
    assert!(matches!(hub.next_v5().await, Some(v5::Packet::Pingresp)));
    assert_eq!(street.outcome(&taken["id"]).await, "sent");
}

#[tokio::test]
async fn a_lorawan_server_gets_a_downlink_in_its_own_words() {
    let chirpstack = FAN
        .replace("{thing}/fan", "application/3/device/{device}/command/down")
        .replace(
            r#"'{"speed": {speed}}'"#,
            r#"'{"devEui": "{device}", "confirmed": false, "fPort": 10, "object": {"speed": {speed}}}'"#,
        );
    let street = Street::new("chirpstack", &chirpstack).await;
    link(&street.site.house, "Kitchen/fan", None);
    link(&street.site.house, "70b3d57ed0001234", Some("box-1"));
    let mut hub = street
        .listen("hub-1", "application/3/device/+/command/#")
        .await;
    ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    let (topic, payload, _) = next(&mut hub).await;
    assert_eq!(topic, "application/3/device/70b3d57ed0001234/command/down");
    let said: serde_json::Value = serde_json::from_str(&payload).unwrap();
    let expected = json!({"devEui": "70b3d57ed0001234", "confirmed": false, "fPort": 10, "object": {"speed": 2}});
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_gateway_of_thingsboard_answers_for_its_device() {
    let gateway = FAN.replace("{thing}/fan", "v1/gateway/rpc").replace(
        r#"'{"speed": {speed}}'"#,
        r#"'{"device": "{device}", "data": {"id": {number}, "method": "setSpeed", "params": {speed}}}'"#,
    );
    let street = Street::new("thingsboard-gateway", &gateway).await;
    let mut hub = street.served.dial().await;
    hub.connect_v3("gateway", "hub-1", &street.hub).await;
    let granted = hub.subscribe_v3("v1/gateway/rpc").await;
    assert_eq!(granted, v3::SubscribeReturnCode::MaxLevel0);
    let (_, taken) = ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    let Some(v3::Packet::Publish(got)) = hub.next_v3().await else {
        panic!("no command came");
    };
    let said: serde_json::Value = serde_json::from_slice(&got.payload).unwrap();
    assert_eq!(said["device"], "Kitchen/fan");
    assert_eq!(said["data"]["params"], 2);
    assert_eq!(street.outcome(&taken["id"]).await, "sent");
    // Of another device with the same number it says nothing.
    for (device, expected) in [("Nobody", "sent"), ("Kitchen/fan", "confirmed")] {
        let answer = json!({"device": device, "id": said["data"]["id"], "data": {"success": true}});
        let topic = mqtt_proto::TopicName::try_from("v1/gateway/rpc").unwrap();
        let qos = mqtt_proto::QosPid::Level1(1.try_into().unwrap());
        let payload = bytes::Bytes::from(answer.to_string());
        hub.send_v3(v3::Publish::new(qos, topic, payload)).await;
        assert!(matches!(hub.next_v3().await, Some(v3::Packet::Puback(_))));
        assert_eq!(street.outcome(&taken["id"]).await, expected, "{device}");
    }
}
