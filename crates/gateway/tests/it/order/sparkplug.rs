//! Commands to devices behind Sparkplug edge nodes: NCMD and DCMD (Sparkplug 3.0.0 sections 6.4.24, 6.4.25), and the state of
//! the host (5.6). The payloads are written by hand, from the field numbers of `sparkplug_b.proto` (6.4.1).

use bytes::Bytes;
use mqtt_proto::{QosPid, TopicName, v5};
use tokio::net::TcpStream;

use super::behind::{Street, link};
use super::{FAN, FAN_PATH, GOOD, OFFICE, ask};
use crate::client::Client;

fn fan() -> String {
    FAN.replace("{thing}/fan", "spBv1.0/{device}")
        .replace(r#"{"speed": {speed}}"#, r#"{"Outputs/Fan": {speed}}"#)
}

/// A metric of a birth: its name, its alias, its type and a value of a varint.
fn metric(name: &str, alias: u8, datatype: u8) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let mut metric = vec![0x0a, length];
    metric.extend_from_slice(name.as_bytes());
    metric.extend_from_slice(&[0x10, alias, 0x20, datatype, 0x50, 0]);
    let mut all = vec![0x12, u8::try_from(metric.len()).unwrap()];
    all.extend(metric);
    all
}

fn payload(seq: u8, metrics: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = vec![0x18, seq];
    payload.extend(metrics.concat());
    payload
}

async fn publish(node: &mut Client<TcpStream>, topic: &str, number: u16, payload: Vec<u8>) {
    let topic = TopicName::try_from(topic).unwrap();
    let qos = QosPid::Level1(number.try_into().unwrap());
    node.send_v5(v5::Publish::new(qos, topic, Bytes::from(payload)))
        .await;
    let Some(v5::Packet::Puback(it)) = node.next_v5().await else {
        panic!("it is taken");
    };
    assert_eq!(it.reason_code as u8, 0);
}

async fn node(street: &Street) -> Client<TcpStream> {
    let mut node = street.served.dial().await;
    node.connect_v5("press", "hub-1", &street.hub).await;
    for filter in ["spBv1.0/plant/NCMD/press/#", "spBv1.0/plant/DCMD/press/#"] {
        assert_eq!(node.subscribe_v5(filter, None).await, 1);
    }
    node
}

async fn next(node: &mut Client<TcpStream>) -> v5::Publish {
    match node.next_v5().await {
        Some(v5::Packet::Publish(it)) => it,
        it => panic!("no command came: {it:?}"),
    }
}

#[tokio::test]
async fn a_device_of_an_edge_node_gets_a_dcmd_with_the_alias_and_type_of_its_birth() {
    let street = Street::new("sparkplug-b", &fan()).await;
    link(&street.site.house, "Kitchen/fan", None);
    link(&street.site.house, "plant/press/fan-1", Some("box-1"));
    let mut node = node(&street).await;
    publish(
        &mut node,
        "spBv1.0/plant/NBIRTH/press",
        1,
        payload(0, &[metric("bdSeq", 0, 4)]),
    )
    .await;
    let born = payload(1, &[metric("Outputs/Fan", 7, 5)]);
    publish(&mut node, "spBv1.0/plant/DBIRTH/press/fan-1", 2, born).await;
    // The interlock wants to know the dust, which the fan did not say with its birth.
    super::measure(&street.site, "", r#"{"dust": 20}"#).await;
    let (answer, taken) = ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let sent = next(&mut node).await;
    assert_eq!(&*sent.topic_name, "spBv1.0/plant/DCMD/press/fan-1");
    assert_eq!(sent.qos_pid, QosPid::Level0, "6.4.25: with QoS 0");
    assert!(!sent.retain);
    // Alias 7 and no name; the type UInt8, and 2 as int_value.
    assert!(sent.payload.ends_with(&[0x20, 0x05, 0x50, 0x02]));
    assert!(sent.payload.windows(2).any(|it| it == [0x10, 7]));
    assert!(!sent.payload.windows(3).any(|it| it == b"Fan"));
    assert_eq!(street.outcome(&taken["id"]).await, "sent");
}

#[tokio::test]
async fn an_edge_node_whose_birth_was_not_seen_is_asked_for_it_and_gets_no_command() {
    let street = Street::new("sparkplug-b", &fan()).await;
    link(&street.site.house, "Kitchen/fan", None);
    link(&street.site.house, "plant/press", Some("box-1"));
    let mut node = node(&street).await;
    let (answer, taken) = ask(&street.site, OFFICE, FAN_PATH, "", GOOD).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let asked = next(&mut node).await;
    assert_eq!(&*asked.topic_name, "spBv1.0/plant/NCMD/press");
    let name = b"Node Control/Rebirth";
    assert!(asked.payload.windows(name.len()).any(|it| it == name));
    assert_eq!(street.outcome(&taken["id"]).await, "queued");
    let counters = &street.served.counters;
    assert_eq!(counters.value(gateway::Counter::CommandsNotSaid), 1);
    assert_eq!(counters.value(gateway::Counter::CommandsSent), 0);
}

#[tokio::test]
async fn an_edge_node_that_waits_for_its_primary_host_hears_that_it_is_online() {
    let street = Street::new("sparkplug-b", &fan()).await;
    let mut node = street.served.dial().await;
    node.connect_v5("press", "hub-1", &street.hub).await;
    assert_eq!(node.subscribe_v5("spBv1.0/STATE/scada", None).await, 1);
    let state = next(&mut node).await;
    assert_eq!(&*state.topic_name, "spBv1.0/STATE/scada");
    assert!(state.retain);
    let said: serde_json::Value = serde_json::from_slice(&state.payload).unwrap();
    assert_eq!(said["online"], true);
    assert!(said["timestamp"].as_i64().unwrap() > 0);
}
