//! What the software of the dialects does when it starts, and what it needs to go on.

use std::sync::Arc;

use custody::{ActError, Token};
use gateway::{Counter, Limits};
use model::{BridgeId, DeploymentId, ThingId, Timestamp};
use mqtt_proto::{QosPid, TopicName, v3, v5};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{Client, publish_v3};
use crate::fixture::House;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

impl House {
    /// A bridge in a dialect, which calls `box-1` by this name.
    fn bridge_of(&self, adapter: &str, name: &str) -> Token {
        let hub = BridgeId::parse("hub-1").unwrap();
        let deployment = DeploymentId::parse("mall-road").unwrap();
        self.custody
            .act(NOW, |act| {
                let token = act.register_bridge(&hub, &deployment, adapter)?;
                act.bridge_speaks_for(&hub, name, &ThingId::parse("box-1").unwrap())?;
                Ok::<_, ActError>(token)
            })
            .unwrap()
    }
}

fn message(topic: &str, packet_id: u16, payload: impl Into<Vec<u8>>) -> v3::Publish {
    v3::Publish {
        topic_name: TopicName::try_from(topic).unwrap(),
        payload: payload.into().into(),
        ..publish_v3(packet_id, "{}")
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    /// Publishes with QoS 1; gives what came before the PUBACK.
    async fn publish_and_hear(&mut self, publish: v3::Publish) -> Vec<v3::Publish> {
        self.send_v3(publish).await;
        let mut heard = Vec::new();
        loop {
            match self.next_v3().await.expect("the connection stays") {
                v3::Packet::Publish(it) => heard.push(it),
                v3::Packet::Puback(_) => return heard,
                it => panic!("{it:?}"),
            }
        }
    }
}

/// `lib/mqtt.ts` of Zigbee2MQTT: it publishes its state, subscribes to everything under its base topic, and ends when that
/// is refused; then come its lists, all retained.
#[tokio::test]
async fn zigbee2mqtt_starts_and_goes_on() {
    let house = House::new();
    let token = house.bridge_of("zigbee2mqtt", "hall");
    let served = house.serve(Limits::default());
    let mut hub = served.dial().await;
    hub.connect_v3("mqttjs_0a1b2c3d", "hub-1", &token).await;
    let mut state = message("zigbee2mqtt/bridge/state", 1, r#"{"state":"online"}"#);
    state.retain = true;
    assert!(hub.publish_and_hear(state).await.is_empty());
    for filter in ["zigbee2mqtt/#", "homeassistant/status"] {
        let granted = hub.subscribe_v3(filter).await;
        assert_eq!(granted, v3::SubscribeReturnCode::MaxLevel0, "{filter}");
    }
    // 60 devices have a list of some 300 KB.
    let devices = format!(
        r#"[{{"friendly_name":"hall","definition":"{}"}}]"#,
        "x".repeat(300 * 1024)
    );
    let mut list = message("zigbee2mqtt/bridge/devices", 2, devices);
    list.retain = true;
    assert!(hub.publish_and_hear(list).await.is_empty());
    let before = house.custody.durable();
    let reading = message("zigbee2mqtt/hall", 3, r#"{"dust":4.5}"#);
    assert!(hub.publish_and_hear(reading).await.is_empty());
    assert!(house.custody.durable() > before);
    assert!(served.refusals().is_empty());
}

/// <https://thingsboard.io/docs/reference/mqtt-api/#request-attribute-values-from-the-server>: firmware asks for its
/// attributes when it starts.
#[tokio::test]
async fn a_device_of_thingsboard_that_asks_for_attributes_is_answered() {
    let house = House::new();
    let word: Arc<str> = Arc::from("thingsboard");
    let one = ThingId::parse("box-1").unwrap();
    house
        .custody
        .act(NOW, |act| act.set_adapter(&one, Some(&word)))
        .unwrap();
    let served = house.serve(Limits::default());
    let mut device = served.dial().await;
    device
        .connect_v3("meter", "box-1", &house.tokens.box_1)
        .await;
    let asked = || {
        message(
            "v1/devices/me/attributes/request/1",
            4,
            r#"{"sharedKeys":"fw_title,fw_version"}"#,
        )
    };
    assert!(device.publish_and_hear(asked()).await.is_empty());
    device
        .subscribe_v3("v1/devices/me/attributes/response/+")
        .await;
    let heard = device.publish_and_hear(asked()).await;
    assert_eq!(heard.len(), 1);
    assert_eq!(&*heard[0].topic_name, "v1/devices/me/attributes/response/1");
    assert_eq!(heard[0].payload, "{}");
    assert_eq!(heard[0].qos_pid, QosPid::Level0);
    assert_eq!(served.counters.value(Counter::AnswersSent), 1);
}

/// Sparkplug 3.0.0, `tck-id-payloads-sequence-num-req-rebirth` and section 6.4.25: after a metric that no birth named the
/// edge node is asked for its births, on its own connection.
#[tokio::test]
async fn an_edge_node_whose_birth_was_missed_is_asked_for_it_once() {
    let house = House::new();
    let token = house.bridge_of("sparkplug-b", "home/pi");
    let served = house.serve(Limits::default());
    let mut node = served.dial().await;
    node.connect_v5("pi", "hub-1", &token).await;
    assert_eq!(node.subscribe_v5("spBv1.0/home/NCMD/pi/#", None).await, 1);
    // seq 0, one metric: alias 1, a Boolean.
    let data = |seq: u8| vec![0x18, seq, 0x12, 0x04, 0x10, 0x01, 0x70, 0x01];
    let mut commands = 0;
    for number in 1..=3_u8 {
        let publish = v5::Publish {
            topic_name: TopicName::try_from("spBv1.0/home/NDATA/pi").unwrap(),
            qos_pid: QosPid::Level1(u16::from(number).try_into().unwrap()),
            payload: data(number).into(),
            dup: false,
            retain: false,
            properties: v5::PublishProperties::default(),
        };
        node.send_v5(publish).await;
        loop {
            match node.next_v5().await.expect("the connection stays") {
                v5::Packet::Publish(it) => {
                    assert_eq!(&*it.topic_name, "spBv1.0/home/NCMD/pi");
                    let name = b"Node Control/Rebirth";
                    assert!(it.payload.windows(name.len()).any(|part| part == name));
                    commands += 1;
                }
                v5::Packet::Puback(it) => {
                    assert_eq!(it.reason_code as u8, 0x99);
                    break;
                }
                it => panic!("{it:?}"),
            }
        }
    }
    assert_eq!(commands, 1, "at most once in ten seconds");
    let birth = [
        0x18, 0x00, 0x12, 0x0c, 0x0a, 0x04, b'd', b'u', b's', b't', 0x10, 0x01, 0x20, 0x0b, 0x70,
        0x01,
    ];
    let publish = v5::Publish {
        topic_name: TopicName::try_from("spBv1.0/home/NBIRTH/pi").unwrap(),
        qos_pid: QosPid::Level1(9.try_into().unwrap()),
        payload: birth.to_vec().into(),
        dup: false,
        retain: false,
        properties: v5::PublishProperties::default(),
    };
    node.send_v5(publish).await;
    let Some(v5::Packet::Puback(it)) = node.next_v5().await else {
        panic!("the birth is read");
    };
    assert_eq!(it.reason_code as u8, 0);
}
