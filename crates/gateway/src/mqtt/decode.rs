//! Bytes to packets, both versions in one shape.
//!
//! `mqtt-proto` decodes every packet but PUBLISH; PUBLISH is read here without a copy
//! ([`publish`]), because it is the hot path and because its properties are not needed.
//! What the codec leaves unchecked is checked here: trailing bytes, flags of CONNECT,
//! NUL characters, values of zero, and packets without a body that have one.

mod connect;
mod publish;

use std::sync::Arc;

use mqtt_proto::{PollHeader, QoS, TopicFilter, v3, v5};

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
    /// The client has this delivery; with MQTT 5 it may also have refused it, which ends it too.
    Puback {
        packet_id: u16,
    },
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    Pingreq,
    Disconnect(Disconnect),
}

/// SUBSCRIBE.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Subscribe {
    pub(crate) packet_id: u16,
    /// Filter and highest quality of service wanted.
    pub(crate) filters: Vec<(TopicFilter, QoS)>,
    /// Every value of the MQTT 5 user property `purpose`.
    pub(crate) purposes: Vec<Arc<str>>,
    /// Every value of the MQTT 5 user property `where`.
    pub(crate) conditions: Vec<Arc<str>>,
    pub(crate) has_identifier: bool,
    /// A filter asks for `no local` on a shared subscription, which is a protocol error.
    pub(crate) shared_no_local: bool,
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
    pub(crate) session_expiry_s: u32,
}

/// Decodes a packet other than CONNECT.
pub(crate) fn decode(frame: Frame<'_>, version: Version) -> Result<Packet<'_>, Fault> {
    match frame.first >> 4 {
        3 => publish::decode_publish(frame, version).map(Packet::Publish),
        4 if frame.body.len() == 2 && frame.first == 0x40 => short_puback(frame.body),
        12 if frame.first == 0xc0 && frame.body.is_empty() => Ok(Packet::Pingreq),
        14 if frame.first == 0xe0 && frame.body.is_empty() => Ok(Packet::Disconnect(Disconnect {
            forgets_will: true,
            session_expiry_s: 0,
        })),
        1 => Err(Fault::protocol("a connection begins with one CONNECT only")),
        4 | 8 | 10 => with_codec(frame, version),
        14 | 15 if version == Version::V5 => with_codec(frame, version),
        2 | 9 | 11 | 13 => Err(Fault::protocol("this packet is sent by servers only")),
        5..=7 => Err(Fault::protocol(
            "there is no QoS 2 exchange here: the maximum QoS is 1",
        )),
        _ => Err(Fault::malformed("no packet has this type and these flags")),
    }
}

fn short_puback(body: &[u8]) -> Result<Packet<'_>, Fault> {
    match body {
        &[high, low] if high != 0 || low != 0 => Ok(Packet::Puback {
            packet_id: u16::from_be_bytes([high, low]),
        }),
        _ => Err(Fault::protocol("a packet identifier cannot be 0")),
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
        v3::Packet::Puback(it) => Ok(Packet::Puback {
            packet_id: it.value(),
        }),
        v3::Packet::Subscribe(it) => Ok(Packet::Subscribe(Subscribe {
            packet_id: it.pid.value(),
            filters: it.topics,
            purposes: Vec::new(),
            conditions: Vec::new(),
            has_identifier: false,
            shared_no_local: false,
        })),
        v3::Packet::Unsubscribe(it) => Ok(Packet::Unsubscribe(Unsubscribe {
            packet_id: it.pid.value(),
            filters: it.topics,
        })),
        _ => Err(Fault::protocol("this packet cannot come here")),
    }
}

fn from_v5(packet: v5::Packet) -> Result<Packet<'static>, Fault> {
    match packet {
        v5::Packet::Puback(it) => Ok(Packet::Puback {
            packet_id: it.pid.value(),
        }),
        v5::Packet::Subscribe(it) => subscribe_v5(it),
        v5::Packet::Unsubscribe(it) => Ok(Packet::Unsubscribe(Unsubscribe {
            packet_id: it.pid.value(),
            filters: it.topics,
        })),
        v5::Packet::Disconnect(it) => Ok(Packet::Disconnect(Disconnect {
            forgets_will: it.reason_code == v5::DisconnectReasonCode::NormalDisconnect,
            session_expiry_s: it.properties.session_expiry_interval.unwrap_or(0),
        })),
        v5::Packet::Auth(_) => Err(Fault::protocol(
            "AUTH needs an authentication method agreed in CONNECT, and there is none here",
        )),
        _ => Err(Fault::protocol("this packet cannot come here")),
    }
}

fn subscribe_v5(packet: v5::Subscribe) -> Result<Packet<'static>, Fault> {
    if packet
        .properties
        .subscription_id
        .is_some_and(|it| it.value() == 0)
    {
        return Err(Fault::protocol("a subscription identifier cannot be 0"));
    }
    Ok(Packet::Subscribe(Subscribe {
        packet_id: packet.pid.value(),
        shared_no_local: packet
            .topics
            .iter()
            .any(|(filter, options)| filter.is_shared() && options.no_local),
        filters: packet
            .topics
            .into_iter()
            .map(|(filter, options)| (filter, options.max_qos))
            .collect(),
        purposes: values_of("purpose", &packet.properties.user_properties),
        conditions: values_of("where", &packet.properties.user_properties),
        has_identifier: packet.properties.subscription_id.is_some(),
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
