//! Packets to bytes.
//!
//! PUBLISH, its acknowledgements and PINGRESP are written here straight into the output buffer;
//! everything else goes through `mqtt-proto`.
//!
//! An MQTT 5 packet that would be longer than the client's maximum packet size loses its reason
//! string first (3.2.2-19, 3.4.2-2, 3.9.2-2, 3.14.2-3).

use std::sync::Arc;

use mqtt_proto::{Encodable, Pid, v3, v5};
use smallvec::SmallVec;

use super::decode::{AckKind, Version};

/// What the client said about packets it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) version: Version,
    pub(crate) max_packet_bytes: u32,
    /// Whether PUBACK and SUBACK may carry a reason string (3.1.2-29).
    pub(crate) wants_problems: bool,
}

/// CONNACK of MQTT 3.1.1.
pub(crate) fn connack_v3(code: v3::ConnectReturnCode, is_session_present: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x20, 0x02, is_session_present.into(), code as u8]);
}

/// CONNACK of MQTT 5, without its reason where the client takes no packet as long (3.1.2-24). False, and nothing, where even
/// that is too long.
pub(crate) fn connack_v5(
    mut packet: v5::Connack,
    max_packet_bytes: u32,
    out: &mut Vec<u8>,
) -> bool {
    if packet.encode_len() + 5 > max_packet_bytes as usize {
        packet.properties.reason_string = None;
    }
    let start = out.len();
    push_v5(&packet.into(), out);
    let fits = out.len() - start <= max_packet_bytes as usize;
    if !fits {
        out.truncate(start);
    }
    fits
}

/// DISCONNECT of MQTT 5.
pub(crate) fn disconnect(
    code: v5::DisconnectReasonCode,
    text: &str,
    max_packet_bytes: u32,
    out: &mut Vec<u8>,
) {
    let mut packet = v5::Disconnect::new(code);
    packet.properties.reason_string = Some(Arc::from(text));
    if packet.encode_len() + 5 > max_packet_bytes as usize {
        packet.properties.reason_string = None;
    }
    push_v5(&packet.into(), out);
}

/// An acknowledgement that says: success.
pub(crate) fn ack(kind: AckKind, packet_id: u16, out: &mut Vec<u8>) {
    let [high, low] = packet_id.to_be_bytes();
    out.extend_from_slice(&[first_byte(kind), 0x02, high, low]);
}

/// An acknowledgement of MQTT 5 that says: no, and why.
pub(crate) fn ack_refused(
    kind: AckKind,
    packet_id: u16,
    code: u8,
    text: &str,
    terms: Terms,
    out: &mut Vec<u8>,
) {
    let [high, low] = packet_id.to_be_bytes();
    // The property: its identifier 0x1f, the length of the text, the text.
    let property = 3 + text.len();
    let remaining = 3 + length_bytes(property) + property;
    let total = 1 + length_bytes(remaining) + remaining;
    let fits = total <= terms.max_packet_bytes as usize;
    let Some(text_bytes) = u16::try_from(text.len())
        .ok()
        .filter(|_| terms.wants_problems && fits)
    else {
        return out.extend_from_slice(&[first_byte(kind), 0x03, high, low, code]);
    };
    out.push(first_byte(kind));
    push_length(remaining, out);
    out.extend_from_slice(&[high, low, code]);
    push_length(property, out);
    out.push(0x1f);
    out.extend_from_slice(&text_bytes.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn first_byte(kind: AckKind) -> u8 {
    match kind {
        AckKind::Puback => 0x40,
        AckKind::Pubrec => 0x50,
        AckKind::Pubrel => 0x62,
        AckKind::Pubcomp => 0x70,
    }
}

/// The answer to one filter of a SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: v5::SubscribeReasonCode,
    pub(crate) text: Option<&'static str>,
}

/// SUBACK; with MQTT 5 it carries the first reason there is to tell.
pub(crate) fn suback(packet_id: u16, answers: &[Answer], terms: Terms, out: &mut Vec<u8>) {
    let Ok(packet_id) = Pid::try_from(packet_id) else {
        return;
    };
    if terms.version == Version::V3 {
        return suback_v3(packet_id, answers, out);
    }
    let mut packet = v5::Suback::new(packet_id, answers.iter().map(|it| it.code).collect());
    if terms.wants_problems {
        packet.properties.reason_string = answers.iter().find_map(|it| it.text).map(Arc::from);
        if packet.encode_len() + 5 > terms.max_packet_bytes as usize {
            packet.properties.reason_string = None;
        }
    }
    push_v5(&packet.into(), out);
}

/// Written here, because the codec writes 0x03 where 0x80 must stand (3.1.1 section 3.9.3).
fn suback_v3(packet_id: Pid, answers: &[Answer], out: &mut Vec<u8>) {
    out.push(0x90);
    push_length(2 + answers.len(), out);
    out.extend_from_slice(&packet_id.value().to_be_bytes());
    out.extend(answers.iter().map(|it| match it.code {
        v5::SubscribeReasonCode::GrantedQoS0 => 0x00,
        v5::SubscribeReasonCode::GrantedQoS1 => 0x01,
        v5::SubscribeReasonCode::GrantedQoS2 => 0x02,
        _ => 0x80,
    }));
}

/// UNSUBACK; MQTT 3.1.1 has no codes in it.
pub(crate) fn unsuback(
    packet_id: u16,
    codes: Vec<v5::UnsubscribeReasonCode>,
    version: Version,
    out: &mut Vec<u8>,
) {
    let Ok(pid) = Pid::try_from(packet_id) else {
        return;
    };
    match version {
        Version::V3 => {
            let [high, low] = packet_id.to_be_bytes();
            out.extend_from_slice(&[0xb0, 0x02, high, low]);
        }
        Version::V5 => push_v5(&v5::Unsuback::new(pid, codes).into(), out),
    }
}

/// PINGRESP.
pub(crate) fn pingresp(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xd0, 0x00]);
}

/// A delivery.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outgoing<'a> {
    /// Empty when the alias stands for it.
    pub(crate) topic: &'a [u8],
    pub(crate) qos: u8,
    /// With QoS 1 and 2.
    pub(crate) packet_id: Option<u16>,
    /// It is sent again (3.3.1.1).
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    /// The values are less precise than what was measured.
    pub(crate) coarse: bool,
    /// The topic alias.
    pub(crate) alias: Option<u16>,
    /// How many seconds are left of the message expiry interval.
    pub(crate) expiry_s: Option<u32>,
    /// The identifiers of the subscriptions it is for.
    pub(crate) identifiers: &'a [u32],
    /// Properties that passed with the payload, encoded.
    pub(crate) properties: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// The user property `coarse` = `true`.
const COARSE: &[u8] = &[
    0x26, 0, 6, b'c', b'o', b'a', b'r', b's', b'e', 0, 4, b't', b'r', b'u', b'e',
];

/// The properties of a PUBLISH (3.3.2.3).
fn properties(packet: &Outgoing<'_>) -> SmallVec<[u8; 64]> {
    let mut bytes = SmallVec::new();
    if let Some(expiry_s) = packet.expiry_s {
        bytes.push(0x02);
        bytes.extend_from_slice(&expiry_s.to_be_bytes());
    }
    if let Some(alias) = packet.alias {
        bytes.push(0x23);
        bytes.extend_from_slice(&alias.to_be_bytes());
    }
    for identifier in packet.identifiers {
        bytes.push(0x0b);
        let mut rest = *identifier;
        while rest > 0x7f {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push((rest & 0x7f) as u8);
    }
    if packet.coarse {
        bytes.extend_from_slice(COARSE);
    }
    bytes.extend_from_slice(packet.properties);
    bytes
}

/// PUBLISH. False when it is longer than the client takes; then nothing is written.
#[must_use]
pub(crate) fn publish(packet: Outgoing<'_>, terms: Terms, out: &mut Vec<u8>) -> bool {
    let properties = match terms.version {
        Version::V3 => None,
        Version::V5 => Some(properties(&packet)),
    };
    let Ok(topic_bytes) = u16::try_from(packet.topic.len()) else {
        return false;
    };
    let remaining = 2
        + packet.topic.len()
        + packet.packet_id.map_or(0, |_| 2)
        + properties
            .as_ref()
            .map_or(0, |it| length_bytes(it.len()) + it.len())
        + packet.payload.len();
    match mqtt_proto::total_len(remaining) {
        Ok(total) if total <= terms.max_packet_bytes as usize => out.reserve(total),
        _ => return false,
    }
    let flags = u8::from(packet.dup) << 3 | packet.qos << 1 | u8::from(packet.retain);
    out.push(0x30 | flags);
    push_length(remaining, out);
    out.extend_from_slice(&topic_bytes.to_be_bytes());
    out.extend_from_slice(packet.topic);
    if let Some(packet_id) = packet.packet_id {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    if let Some(properties) = properties {
        push_length(properties.len(), out);
        out.extend_from_slice(&properties);
    }
    out.extend_from_slice(packet.payload);
    true
}

/// How many bytes a variable byte integer takes.
fn length_bytes(length: usize) -> usize {
    match length {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

fn push_length(mut length: usize, out: &mut Vec<u8>) {
    loop {
        let byte = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

fn push_v5(packet: &v5::Packet, out: &mut Vec<u8>) {
    // The codec fails only above 268,435,455 bytes; our texts and lists are bounded far below.
    if let Ok(bytes) = packet.encode() {
        out.extend_from_slice(bytes.as_ref());
    }
}

#[cfg(test)]
mod tests;
