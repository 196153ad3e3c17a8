//! Bytes to packets, both versions in one shape.
//!
//! `mqtt-proto` decodes every packet but PUBLISH; PUBLISH is read here without a copy
//! ([`publish`]), because it is the hot path and because its properties are not needed.
//! What the codec leaves unchecked is checked here: trailing bytes, flags of CONNECT,
//! NUL characters, values of zero, and packets without a body that have one.

mod connect;
mod publish;

use std::sync::Arc;

use mqtt_proto::v5::{RetainHandling, SubscriptionOptions};
use mqtt_proto::{Pid, PollHeader, QoS, TopicFilter, v3, v5};

pub(crate) use connect::{Connect, ConnectFault, Will, decode_connect};
pub(crate) use publish::Publish;

use super::fault::Fault;
use super::frame::Frame;

/// Which of the two protocols is spoken; MQTT 3.1 is read like 3.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1 and 3.1.1.
    V3,
    /// MQTT 5.0.
    V5,
}

/// A packet from a client, after CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Publish(Publish<'a>),
    Ack(Ack),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    Pingreq,
    Disconnect(Disconnect),
}

/// Which of the four acknowledgements (3.4 to 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AckKind {
    Puback,
    Pubrec,
    Pubrel,
    Pubcomp,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) kind: AckKind,
    pub(crate) packet_id: u16,
    /// With MQTT 5 the client may have refused what it got.
    pub(crate) is_error: bool,
}

/// SUBSCRIBE.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Subscribe {
    pub(crate) packet_id: u16,
    pub(crate) filters: Vec<(TopicFilter, SubscriptionOptions)>,
    /// Every value of the MQTT 5 user property `purpose`.
    pub(crate) purposes: Vec<Arc<str>>,
    /// Every value of the MQTT 5 user property `where`.
    pub(crate) conditions: Vec<Arc<str>>,
    /// The subscription identifier.
    pub(crate) identifier: Option<u32>,
}

/// UNSUBSCRIBE.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsubscribe {
    pub(crate) packet_id: u16,
    pub(crate) filters: Vec<TopicFilter>,
}

/// DISCONNECT from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disconnect {
    /// Whether the will is to be forgotten: MQTT 3.1.1 always, MQTT 5 with reason code 0x00.
    pub(crate) forgets_will: bool,
    /// MQTT 5 may change how long the session is kept.
    pub(crate) session_expiry_s: Option<u32>,
}

/// Decodes a packet other than CONNECT.
pub(crate) fn decode(frame: Frame<'_>, version: Version) -> Result<Packet<'_>, Fault> {
    match frame.first >> 4 {
        3 => publish::decode_publish(frame, version).map(Packet::Publish),
        4..=7 => ack(frame, version),
        12 if frame.first == 0xc0 && frame.body.is_empty() => Ok(Packet::Pingreq),
        14 if frame.first == 0xe0 && frame.body.is_empty() => Ok(Packet::Disconnect(Disconnect {
            forgets_will: true,
            session_expiry_s: None,
        })),
        1 => Err(Fault::protocol("a connection begins with one CONNECT only")),
        8 | 10 => with_codec(frame, version),
        14 | 15 if version == Version::V5 => with_codec(frame, version),
        2 | 9 | 11 | 13 => Err(Fault::protocol("this packet is sent by servers only")),
        _ => Err(Fault::malformed("no packet has this type and these flags")),
    }
}

/// The four acknowledgements; almost always they are nothing but a packet identifier.
fn ack(frame: Frame<'_>, version: Version) -> Result<Packet<'_>, Fault> {
    let kind = match frame.first {
        0x40 => AckKind::Puback,
        0x50 => AckKind::Pubrec,
        0x62 => AckKind::Pubrel,
        0x70 => AckKind::Pubcomp,
        _ => return Err(Fault::malformed("no packet has this type and these flags")),
    };
    match frame.body {
        [0, 0] => Err(Fault::protocol("a packet identifier cannot be 0")),
        &[high, low] => Ok(Packet::Ack(Ack {
            kind,
            packet_id: u16::from_be_bytes([high, low]),
            is_error: false,
        })),
        _ => with_codec(frame, version),
    }
}

fn with_codec(frame: Frame<'_>, version: Version) -> Result<Packet<'_>, Fault> {
    let remaining = u32::try_from(frame.body.len()).unwrap_or(u32::MAX);
    let total = u32::try_from(frame.total_bytes).unwrap_or(u32::MAX);
    let mut read_bytes = 0;
    let packet = match version {
        Version::V3 => v3::Header::new_with(frame.first, remaining, total)
            .and_then(|it| it.decode_buffer(frame.body, &mut read_bytes))
            .map_err(|it| from_common(&it))
            .and_then(from_v3)?,
        Version::V5 => v5::Header::new_with(frame.first, remaining, total)
            .and_then(|it| it.decode_buffer(frame.body, &mut read_bytes))
            .map_err(|it| from_v5_error(&it))
            .and_then(from_v5)?,
    };
    if read_bytes != frame.body.len() {
        return Err(Fault::malformed("the packet is longer than what it holds"));
    }
    Ok(packet)
}

fn from_v3(packet: v3::Packet) -> Result<Packet<'static>, Fault> {
    match packet {
        v3::Packet::Subscribe(it) => Ok(Packet::Subscribe(Subscribe {
            packet_id: it.pid.value(),
            filters: it
                .topics
                .into_iter()
                .map(|(filter, qos)| (filter, options_v3(qos)))
                .collect(),
            purposes: Vec::new(),
            conditions: Vec::new(),
            identifier: None,
        })),
        v3::Packet::Unsubscribe(it) => Ok(Packet::Unsubscribe(Unsubscribe {
            packet_id: it.pid.value(),
            filters: it.topics,
        })),
        _ => Err(Fault::malformed("the packet is longer than what it holds")),
    }
}

/// A subscription of MQTT 3.1.1: RETAIN is 0 in what comes later because of it (3.3.1-9).
fn options_v3(max_qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions {
        max_qos,
        no_local: false,
        retain_as_published: false,
        retain_handling: RetainHandling::SendAtSubscribe,
    }
}

fn from_v5(packet: v5::Packet) -> Result<Packet<'static>, Fault> {
    match packet {
        v5::Packet::Puback(it) => ack_v5(AckKind::Puback, it.pid, it.reason_code as u8),
        v5::Packet::Pubrec(it) => ack_v5(AckKind::Pubrec, it.pid, it.reason_code as u8),
        v5::Packet::Pubrel(it) => ack_v5(AckKind::Pubrel, it.pid, it.reason_code as u8),
        v5::Packet::Pubcomp(it) => ack_v5(AckKind::Pubcomp, it.pid, it.reason_code as u8),
        v5::Packet::Subscribe(it) => subscribe_v5(it),
        v5::Packet::Unsubscribe(it) => Ok(Packet::Unsubscribe(Unsubscribe {
            packet_id: it.pid.value(),
            filters: it.topics,
        })),
        v5::Packet::Disconnect(it) => Ok(Packet::Disconnect(Disconnect {
            forgets_will: it.reason_code == v5::DisconnectReasonCode::NormalDisconnect,
            session_expiry_s: it.properties.session_expiry_interval,
        })),
        v5::Packet::Auth(_) => Err(Fault::protocol(
            "AUTH needs an authentication method agreed in CONNECT, and there is none here",
        )),
        _ => Err(Fault::protocol("this packet cannot come here")),
    }
}

fn ack_v5(kind: AckKind, packet_id: Pid, code: u8) -> Result<Packet<'static>, Fault> {
    Ok(Packet::Ack(Ack {
        kind,
        packet_id: packet_id.value(),
        is_error: code >= 0x80,
    }))
}

fn subscribe_v5(packet: v5::Subscribe) -> Result<Packet<'static>, Fault> {
    let identifier = packet.properties.subscription_id.map(|it| it.value());
    if identifier == Some(0) {
        return Err(Fault::protocol("a subscription identifier cannot be 0"));
    }
    let no_local = |it: &(TopicFilter, SubscriptionOptions)| it.0.is_shared() && it.1.no_local;
    if packet.topics.iter().any(no_local) {
        // 5.0, 3.8.3-4
        return Err(Fault::protocol("no local and shared exclude each other"));
    }
    Ok(Packet::Subscribe(Subscribe {
        packet_id: packet.pid.value(),
        filters: packet.topics,
        purposes: values_of("purpose", &packet.properties.user_properties),
        conditions: values_of("where", &packet.properties.user_properties),
        identifier,
    }))
}

fn values_of(name: &str, properties: &[v5::UserProperty]) -> Vec<Arc<str>> {
    let named = properties.iter().filter(|it| &*it.name == name);
    named.map(|it| Arc::clone(&it.value)).collect()
}

/// The errors both versions share.
pub(crate) fn from_common(error: &mqtt_proto::Error) -> Fault {
    use mqtt_proto::Error;
    match error {
        Error::EmptySubscription => {
            Fault::protocol("SUBSCRIBE and UNSUBSCRIBE name at least one filter")
        }
        Error::ZeroPid => Fault::protocol("a packet identifier cannot be 0"),
        Error::InvalidTopicName(_) => Fault::malformed("a topic name has no wildcards and no NUL"),
        Error::InvalidTopicFilter(_) => {
            Fault::malformed("a topic filter is not empty, and wildcards fill a whole level")
        }
        Error::InvalidString => Fault::malformed("a text is not UTF-8"),
        Error::InvalidQos(_) => Fault::malformed("the quality of service is 0, 1 or 2"),
        Error::InvalidConnectFlags(_) => Fault::malformed("the flags of CONNECT contradict"),
        _ => Fault::malformed("the packet cannot be read"),
    }
}

/// The errors of MQTT 5.
pub(crate) fn from_v5_error(error: &v5::ErrorV5) -> Fault {
    use v5::ErrorV5;
    match error {
        ErrorV5::Common(it) => from_common(it),
        ErrorV5::DuplicatedProperty(_) => Fault::protocol("a property stands here twice"),
        ErrorV5::InvalidByteProperty(..) => Fault::protocol("a property is neither 0 nor 1"),
        ErrorV5::InvalidSubscriptionOption(_) => {
            Fault::malformed("the options of a subscription cannot be read")
        }
        _ => Fault::malformed("a property or a reason code cannot stand here"),
    }
}

#[cfg(test)]
mod tests;
