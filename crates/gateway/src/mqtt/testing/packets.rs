//! Packets of a client, and what the server answers, one text a packet.

use bytes::Bytes;
use mqtt_proto::{PollHeader, QoS, TopicFilter, TopicName, v3, v5};

use crate::mqtt::decode::Version;
use crate::mqtt::frame::{Framed, frame};

/// Packets of the server, one text each.
pub(crate) fn texts(mut bytes: &[u8], version: Version) -> Vec<String> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let Framed::Whole(it) = frame(bytes, u32::MAX).unwrap() else {
            panic!("the server left a packet unfinished: {bytes:02x?}");
        };
        texts.push(match version {
            Version::V3 => text_v3(it.first, it.body),
            Version::V5 => text_v5(it.first, it.body),
        });
        bytes = &bytes[it.total_bytes..];
    }
    texts
}

fn text_v3(first: u8, body: &[u8]) -> String {
    let remaining = u32::try_from(body.len()).unwrap();
    let header = v3::Header::new_with(first, remaining, remaining + 2).unwrap();
    let packet = match header.build_empty_packet() {
        Some(it) => it,
        None => header.decode_buffer(body, &mut 0).unwrap(),
    };
    match packet {
        v3::Packet::Connack(it) => connack(it.code as u8, it.session_present),
        v3::Packet::Puback(it) => format!("PUBACK {}", it.value()),
        v3::Packet::Pubrec(it) => format!("PUBREC {}", it.value()),
        v3::Packet::Pubrel(it) => format!("PUBREL {}", it.value()),
        v3::Packet::Pubcomp(it) => format!("PUBCOMP {}", it.value()),
        v3::Packet::Suback(it) => format!("SUBACK {} {:?}", it.pid.value(), it.topics),
        v3::Packet::Unsuback(it) => format!("UNSUBACK {}", it.value()),
        v3::Packet::Publish(it) => format!(
            "PUBLISH {} {:?} {}{}{}",
            it.topic_name,
            it.qos_pid,
            String::from_utf8_lossy(&it.payload),
            if it.retain { " retain" } else { "" },
            if it.dup { " dup" } else { "" },
        ),
        it => format!("{it:?}"),
    }
}

fn connack(code: u8, is_present: bool) -> String {
    let present = if is_present { " present" } else { "" };
    format!("CONNACK {code:#04x}{present}")
}

fn coded(name: &str, packet_id: u16, code: u8) -> String {
    match code {
        0 => format!("{name} {packet_id}"),
        _ => format!("{name} {packet_id} {code:#04x}"),
    }
}

fn text_v5(first: u8, body: &[u8]) -> String {
    let (identifiers, body) = match first >> 4 {
        3 => take_identifiers(first, body),
        _ => (Vec::new(), body.to_vec()),
    };
    let body = &body;
    let remaining = u32::try_from(body.len()).unwrap();
    let header = v5::Header::new_with(first, remaining, remaining + 2).unwrap();
    let packet = match header.typ {
        v5::PacketType::Pingresp => v5::Packet::Pingresp,
        _ => header.decode_buffer(body, &mut 0).unwrap(),
    };
    let codes = |codes: Vec<u8>| {
        let codes: Vec<_> = codes.iter().map(|it| format!("{it:#04x}")).collect();
        codes.join(" ")
    };
    match packet {
        v5::Packet::Connack(it) => connack(it.reason_code as u8, it.session_present),
        v5::Packet::Puback(it) => coded("PUBACK", it.pid.value(), it.reason_code as u8),
        v5::Packet::Pubrec(it) => coded("PUBREC", it.pid.value(), it.reason_code as u8),
        v5::Packet::Pubrel(it) => coded("PUBREL", it.pid.value(), it.reason_code as u8),
        v5::Packet::Pubcomp(it) => coded("PUBCOMP", it.pid.value(), it.reason_code as u8),
        v5::Packet::Suback(it) => {
            let topics = it.topics.iter().map(|it| *it as u8).collect();
            format!("SUBACK {} {}", it.pid.value(), codes(topics))
        }
        v5::Packet::Unsuback(it) => {
            let topics = it.topics.iter().map(|it| *it as u8).collect();
            format!("UNSUBACK {} {}", it.pid.value(), codes(topics))
        }
        v5::Packet::Publish(it) => publish_v5(&it, &identifiers),
        v5::Packet::Disconnect(it) => {
            assert!(it.properties.reason_string.is_some(), "no reason is given");
            format!("DISCONNECT {:#04x}", it.reason_code as u8)
        }
        v5::Packet::Pingresp => "PINGRESP".to_owned(),
        it => format!("{it:?}"),
    }
}

fn publish_v5(it: &v5::Publish, identifiers: &[u32]) -> String {
    let payload = String::from_utf8_lossy(&it.payload);
    let mut text = format!("PUBLISH {} {:?} {payload}", it.topic_name, it.qos_pid);
    if it.retain {
        text += " retain";
    }
    if it.dup {
        text += " dup";
    }
    let properties = &it.properties;
    if let Some(alias) = properties.topic_alias {
        text += &format!(" alias={alias}");
    }
    if let Some(expiry_s) = properties.message_expiry_interval {
        text += &format!(" expiry={expiry_s}");
    }
    for property in &properties.user_properties {
        text += &format!(" {}={}", property.name, property.value);
    }
    if !identifiers.is_empty() {
        text += &format!(" ids={identifiers:?}");
    }
    text
}

/// Takes the subscription identifiers out of a PUBLISH, because the codec takes one of them for too many.
fn take_identifiers(first: u8, body: &[u8]) -> (Vec<u32>, Vec<u8>) {
    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let mut at = 2 + topic + if first & 0b110 == 0 { 0 } else { 2 };
    let mut other = body[..at].to_vec();
    let varint = |at: &mut usize| {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = body[*at];
            *at += 1;
            value |= u32::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    };
    let end = varint(&mut at) as usize + at;
    let (mut identifiers, mut properties) = (Vec::new(), Vec::new());
    while at < end {
        let from = at;
        at += 1;
        match body[from] {
            0x02 => at += 4,
            0x0b => identifiers.push(varint(&mut at)),
            0x23 => at += 2,
            _ => at = end,
        }
        if body[from] != 0x0b {
            properties.extend_from_slice(&body[from..at]);
        }
    }
    other.push(u8::try_from(properties.len()).unwrap());
    other.extend(properties);
    other.extend_from_slice(&body[end..]);
    (identifiers, other)
}

pub(crate) fn bytes_v3(packet: v3::Packet) -> Vec<u8> {
    packet.encode().unwrap().as_ref().to_vec()
}

pub(crate) fn bytes_v5(packet: v5::Packet) -> Vec<u8> {
    packet.encode().unwrap().as_ref().to_vec()
}

pub(crate) fn connect_v3() -> v3::Connect {
    let mut packet = v3::Connect::new("client".into(), 60);
    packet.username = Some("thing".into());
    packet.password = Some(Bytes::from_static(b"secret"));
    packet
}

pub(crate) fn connect_v5() -> v5::Connect {
    let mut packet = v5::Connect::new("client".into(), 60);
    packet.username = Some("thing".into());
    packet.password = Some(Bytes::from_static(b"secret"));
    packet
}

pub(crate) fn connect(version: Version, user_name: &str) -> Vec<u8> {
    match version {
        Version::V3 => {
            let mut packet = connect_v3();
            packet.username = Some(user_name.into());
            bytes_v3(packet.into())
        }
        Version::V5 => {
            let mut packet = connect_v5();
            packet.username = Some(user_name.into());
            bytes_v5(packet.into())
        }
    }
}

/// PUBLISH with QoS 1, or with QoS 0 when the identifier is 0.
pub(crate) fn publish(version: Version, packet_id: u16, payload: &str) -> Vec<u8> {
    let qos = match packet_id {
        0 => mqtt_proto::QosPid::Level0,
        it => mqtt_proto::QosPid::Level1(it.try_into().unwrap()),
    };
    publish_as(version, qos, payload, false)
}

/// PUBLISH with QoS 2.
pub(crate) fn publish_2(version: Version, packet_id: u16, payload: &str, dup: bool) -> Vec<u8> {
    let qos = mqtt_proto::QosPid::Level2(packet_id.try_into().unwrap());
    publish_as(version, qos, payload, dup)
}

fn publish_as(version: Version, qos: mqtt_proto::QosPid, payload: &str, dup: bool) -> Vec<u8> {
    let topic = TopicName::try_from("sensors/a").unwrap();
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    match version {
        Version::V3 => {
            let mut packet = v3::Publish::new(qos, topic, payload);
            packet.dup = dup;
            bytes_v3(packet.into())
        }
        Version::V5 => {
            let mut packet = v5::Publish::new(qos, topic, payload);
            packet.dup = dup;
            bytes_v5(packet.into())
        }
    }
}

pub(crate) fn puback(packet_id: u16) -> Vec<u8> {
    short(0x40, packet_id)
}

pub(crate) fn pubrec(packet_id: u16) -> Vec<u8> {
    short(0x50, packet_id)
}

pub(crate) fn pubrel(packet_id: u16) -> Vec<u8> {
    short(0x62, packet_id)
}

pub(crate) fn pubcomp(packet_id: u16) -> Vec<u8> {
    short(0x70, packet_id)
}

fn short(first: u8, packet_id: u16) -> Vec<u8> {
    let [high, low] = packet_id.to_be_bytes();
    vec![first, 2, high, low]
}

pub(crate) const PINGREQ: &[u8] = &[0xc0, 0];
pub(crate) const DISCONNECT: &[u8] = &[0xe0, 0];

pub(crate) fn subscribe(version: Version, filters: &[(&str, u8)], purposes: &[&str]) -> Vec<u8> {
    let filters = filters.iter().map(|(filter, qos)| {
        (
            TopicFilter::try_from(*filter).unwrap(),
            QoS::from_u8(*qos).unwrap(),
        )
    });
    let packet_id = 5.try_into().unwrap();
    match version {
        Version::V3 => bytes_v3(v3::Subscribe::new(packet_id, filters.collect()).into()),
        Version::V5 => {
            let topics = filters
                .map(|(filter, qos)| (filter, v5::SubscriptionOptions::new(qos)))
                .collect();
            let mut packet = v5::Subscribe::new(packet_id, topics);
            packet.properties.user_properties = purposes
                .iter()
                .map(|it| v5::UserProperty {
                    name: "purpose".into(),
                    value: (*it).into(),
                })
                .collect();
            bytes_v5(packet.into())
        }
    }
}

pub(crate) fn unsubscribe(version: Version, filters: &[&str]) -> Vec<u8> {
    let topics = filters
        .iter()
        .map(|it| TopicFilter::try_from(*it).unwrap())
        .collect();
    let packet_id = 6.try_into().unwrap();
    match version {
        Version::V3 => bytes_v3(v3::Unsubscribe::new(packet_id, topics).into()),
        Version::V5 => bytes_v5(v5::Unsubscribe::new(packet_id, topics).into()),
    }
}
