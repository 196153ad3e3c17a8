//! CONNECT (sections 3.1 of both versions).

use std::sync::Arc;

use bytes::Bytes;
use mqtt_proto::{Error, Protocol, QoS, v3, v5};

use super::{Version, from_common, from_v5_error};
use crate::mqtt::fault::Fault;
use crate::mqtt::frame::Frame;

/// The bit a bridge sets in the protocol version, as mosquitto does with `try_private`.
const BRIDGE: u8 = 0x80;

/// CONNECT, both versions in one shape.
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) clean: bool,
    pub(crate) keep_alive_s: u16,
    pub(crate) client_id: Arc<str>,
    pub(crate) user_name: Option<Arc<str>>,
    pub(crate) password: Option<Bytes>,
    pub(crate) will: Option<Will>,
    /// How many QoS 1 and QoS 2 deliveries the client takes at once.
    pub(crate) receive_maximum: u16,
    /// The longest packet the client takes.
    pub(crate) max_packet_bytes: u32,
    /// Whether reason strings may stand in packets other than CONNACK, PUBLISH and DISCONNECT.
    pub(crate) wants_problems: bool,
    pub(crate) session_expiry_s: u32,
    /// The highest topic alias the client takes.
    pub(crate) topic_alias_max: u16,
    /// It speaks MQTT 3.1, the version before the standard.
    pub(crate) is_before_standard: bool,
    /// It is another broker, which wants messages as they were published and none of its own back.
    pub(crate) is_bridge: bool,
    /// The client wants extended authentication.
    pub(crate) wants_authentication: bool,
}

/// What is published when the connection drops.
#[derive(Debug)]
pub(crate) struct Will {
    pub(crate) topic: Box<str>,
    pub(crate) payload: Bytes,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// How long after the end of the connection it is published (5.0, 3.1.3.2.2).
    pub(crate) delay_s: u32,
    pub(crate) expiry_s: Option<u32>,
    /// MQTT 5: the properties that its message would have as a PUBLISH, as they would come.
    pub(crate) properties: Vec<u8>,
}

/// Why there is no CONNECT.
#[derive(Debug)]
pub(crate) enum ConnectFault {
    /// Another protocol name: closed without an answer (3.1.2-1).
    NotMqtt,
    /// A version of MQTT that we do not speak, to be told so in the nearest we do.
    UnknownVersion(Version),
    /// A CONNECT of a known version that breaks its rules.
    Broken(Version, Fault),
}

/// Decodes the first packet of a connection, whose first byte is that of CONNECT.
pub(crate) fn decode_connect(frame: Frame<'_>) -> Result<Connect, ConnectFault> {
    let mut read_bytes = 0;
    let (protocol, flags, is_bridge) = protocol(frame.body, &mut read_bytes)?;
    let version = match protocol {
        Protocol::V310 | Protocol::V311 => Version::V3,
        Protocol::V500 => Version::V5,
    };
    check_flags(flags, version).map_err(|it| ConnectFault::Broken(version, it))?;
    let connect = match version {
        Version::V3 => {
            v3::Connect::decode_buffer_with_protocol(frame.body, &mut read_bytes, protocol)
                .map_err(|it| from_common(&it))
                .map(|it| from_v3(it, protocol))
        }
        Version::V5 => decode_v5(frame, &mut read_bytes, protocol),
    };
    connect
        .and_then(|it| match read_bytes == frame.body.len() {
            true => check_values(Connect { is_bridge, ..it }),
            false => Err(Fault::malformed("the packet is longer than what it holds")),
        })
        .map_err(|it| ConnectFault::Broken(version, it))
}

/// Reads protocol name and version, and looks at the flags behind them.
fn protocol(body: &[u8], read_bytes: &mut usize) -> Result<(Protocol, u8, bool), ConnectFault> {
    let name_bytes = match body.split_first_chunk::<2>() {
        Some((head, _)) => usize::from(u16::from_be_bytes(*head)),
        None => return Err(ConnectFault::NotMqtt),
    };
    let name = body.get(2..2 + name_bytes);
    let (Some(name), Some(&level)) = (name, body.get(2 + name_bytes)) else {
        return Err(ConnectFault::NotMqtt);
    };
    let is_bridge = matches!(level, 0x83 | 0x84);
    let known = match is_bridge {
        true => Protocol::new(name, level & !BRIDGE),
        false => Protocol::new(name, level),
    };
    *read_bytes = 3 + name_bytes;
    match known {
        Ok(protocol) => {
            let flags = body.get(*read_bytes).copied().unwrap_or(0);
            Ok((protocol, flags, is_bridge))
        }
        // MQTT 3.1 has a word for it too, under its own name.
        Err(Error::InvalidProtocol(name, _)) if &*name == "MQIsdp" => {
            Err(ConnectFault::UnknownVersion(Version::V3))
        }
        Err(Error::InvalidProtocol(name, level)) if &*name == "MQTT" => {
            Err(ConnectFault::UnknownVersion(match level {
                0..=4 => Version::V3,
                _ => Version::V5,
            }))
        }
        Err(_) => Err(ConnectFault::NotMqtt),
    }
}

/// What the codec does not check: 3.1.2-15 (will retain without will), 3.1.2-22 (password
/// without user name, MQTT 3.1.1 only).
fn check_flags(flags: u8, version: Version) -> Result<(), Fault> {
    let (will, retain) = (flags & 0b100 != 0, flags & 0b10_0000 != 0);
    let (user_name, password) = (flags & 0b1000_0000 != 0, flags & 0b100_0000 != 0);
    if (retain && !will) || (version == Version::V3 && password && !user_name) {
        return Err(Fault::malformed("the flags of CONNECT contradict"));
    }
    Ok(())
}

fn decode_v5(
    frame: Frame<'_>,
    read_bytes: &mut usize,
    protocol: Protocol,
) -> Result<Connect, Fault> {
    let remaining = u32::try_from(frame.body.len()).unwrap_or(u32::MAX);
    let total = u32::try_from(frame.total_bytes).unwrap_or(u32::MAX);
    v5::Header::new_with(frame.first, remaining, total)
        .and_then(|it| {
            v5::Connect::decode_buffer_with_protocol(frame.body, read_bytes, it, protocol)
        })
        .map_err(|it| from_v5_error(&it))
        .map(from_v5)
}

fn from_v3(packet: v3::Connect, protocol: Protocol) -> Connect {
    Connect {
        version: Version::V3,
        clean: packet.clean_session,
        keep_alive_s: packet.keep_alive,
        client_id: packet.client_id,
        user_name: packet.username,
        password: packet.password,
        will: packet.last_will.map(|it| Will {
            topic: Box::from(&*it.topic_name),
            payload: it.message,
            qos: it.qos,
            retain: it.retain,
            delay_s: 0,
            expiry_s: None,
            properties: Vec::new(),
        }),
        receive_maximum: u16::MAX,
        max_packet_bytes: u32::MAX,
        wants_problems: false,
        session_expiry_s: 0,
        topic_alias_max: 0,
        is_before_standard: protocol == Protocol::V310,
        is_bridge: false,
        wants_authentication: false,
    }
}

fn from_v5(packet: v5::Connect) -> Connect {
    let properties = packet.properties;
    Connect {
        version: Version::V5,
        clean: packet.clean_start,
        keep_alive_s: packet.keep_alive,
        client_id: packet.client_id,
        user_name: packet.username,
        password: packet.password,
        will: packet.last_will.map(|it| Will {
            topic: Box::from(&*it.topic_name),
            payload: it.payload,
            qos: it.qos,
            retain: it.retain,
            delay_s: it.properties.delay_interval.unwrap_or(0),
            expiry_s: it.properties.message_expiry_interval,
            properties: will_properties(&it.properties),
        }),
        receive_maximum: properties.receive_max.unwrap_or(u16::MAX),
        max_packet_bytes: properties.max_packet_size.unwrap_or(u32::MAX),
        wants_problems: properties.request_problem_info.unwrap_or(true),
        session_expiry_s: properties.session_expiry_interval.unwrap_or(0),
        topic_alias_max: properties.topic_alias_max.unwrap_or(0),
        is_before_standard: false,
        is_bridge: false,
        wants_authentication: properties.auth_method.is_some() || properties.auth_data.is_some(),
    }
}

/// Writes the properties of a will as those of a PUBLISH (3.3.2.3); what is about the packet stands elsewhere.
fn will_properties(will: &v5::WillProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(is_utf8) = will.payload_is_utf8 {
        bytes.extend_from_slice(&[0x01, is_utf8.into()]);
    }
    if let Some(content_type) = &will.content_type {
        push(0x03, content_type.as_bytes(), &mut bytes);
    }
    if let Some(topic) = &will.response_topic {
        push(0x08, topic.as_bytes(), &mut bytes);
    }
    if let Some(data) = &will.correlation_data {
        push(0x09, data, &mut bytes);
    }
    for property in &will.user_properties {
        push(0x26, property.name.as_bytes(), &mut bytes);
        push_data(property.value.as_bytes(), &mut bytes);
    }
    bytes
}

fn push(id: u8, data: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(id);
    push_data(data, bytes);
}

/// They came with a length of two bytes, so they have one.
fn push_data(data: &[u8], bytes: &mut Vec<u8>) {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend(data.iter().take(length.into()));
}

/// 1.5.4-2 (no NUL in a text), 3.1.2.11.3 and 3.1.2.11.4 (values that cannot be 0), 4.7.3-1 (a topic is not empty).
fn check_values(connect: Connect) -> Result<Connect, Fault> {
    let has_nul = |it: &str| it.contains('\0');
    if has_nul(&connect.client_id) || connect.user_name.as_deref().is_some_and(has_nul) {
        return Err(Fault::malformed("a text has a NUL"));
    }
    if connect.will.as_ref().is_some_and(|it| it.topic.is_empty()) {
        return Err(Fault::malformed("a will names a topic"));
    }
    if connect.receive_maximum == 0 || connect.max_packet_bytes == 0 {
        return Err(Fault::protocol(
            "receive maximum and maximum packet size cannot be 0",
        ));
    }
    Ok(connect)
}
