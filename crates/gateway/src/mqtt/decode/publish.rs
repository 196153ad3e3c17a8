//! PUBLISH (sections 3.3 of both versions), read without a copy.
//!
//! ```text
//! topic name   2 bytes length, UTF-8
//! packet id    2 bytes, with QoS 1 and 2
//! properties   MQTT 5: variable byte integer length, then id and value, repeated
//! payload      the rest
//! ```
//!
//! Properties are checked here. Topic alias and message expiry interval are read, because they are about the packet and
//! not about anybody. User properties, content type, response topic and correlation data are data: they are handed on
//! unread, and enter only in the one dialect that makes fields of them (`said`).

use super::Version;
use crate::mqtt::fault::Fault;
use crate::mqtt::frame::{Frame, remaining_length};

/// PUBLISH; topic and payload borrow from the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Publish<'a> {
    pub(crate) topic: &'a str,
    pub(crate) qos: u8,
    /// With QoS 1 and 2.
    pub(crate) packet_id: Option<u16>,
    pub(crate) retain: bool,
    /// It may have been sent before (3.3.1.1).
    pub(crate) dup: bool,
    /// MQTT 5.
    pub(crate) alias: Option<u16>,
    /// MQTT 5: the message expiry interval.
    pub(crate) expiry_s: Option<u32>,
    /// MQTT 5: all properties, as they came.
    pub(crate) properties: &'a [u8],
    pub(crate) payload: &'a [u8],
}

pub(super) fn decode_publish(frame: Frame<'_>, version: Version) -> Result<Publish<'_>, Fault> {
    let qos = (frame.first >> 1) & 0b11;
    if qos == 0 && frame.first & 0b1000 != 0 {
        return Err(Fault::malformed("QoS 0 is never sent again: DUP must be 0"));
    }
    let (topic, rest) = take_bytes(frame.body).ok_or_else(cut_short)?;
    let topic = topic_name(topic)?;
    let (packet_id, rest) = match qos {
        0 => (None, rest),
        1 | 2 => {
            let (packet_id, rest) = take_u16(rest).ok_or_else(cut_short)?;
            if packet_id == 0 {
                return Err(Fault::protocol("a packet identifier cannot be 0"));
            }
            (Some(packet_id), rest)
        }
        _ => return Err(Fault::malformed("the quality of service is 0, 1 or 2")),
    };
    let (kept, payload) = match version {
        Version::V3 => (Properties::default(), rest),
        Version::V5 => properties(rest)?,
    };
    if topic.is_empty() && kept.alias.is_none() {
        return Err(Fault::protocol("a publish names a topic"));
    }
    Ok(Publish {
        topic,
        qos,
        packet_id,
        retain: frame.first & 1 != 0,
        dup: frame.first & 0b1000 != 0,
        alias: kept.alias,
        expiry_s: kept.expiry_s,
        properties: kept.bytes,
        payload,
    })
}

/// What is kept of the properties.
#[derive(Default)]
struct Properties<'a> {
    alias: Option<u16>,
    expiry_s: Option<u32>,
    bytes: &'a [u8],
}

fn topic_name(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.iter().any(|it| matches!(it, 0 | b'+' | b'#')) {
        return Err(Fault::malformed("a topic name has no wildcards and no NUL"));
    }
    std::str::from_utf8(bytes).map_err(|_| Fault::malformed("a text is not UTF-8"))
}

/// Checks the properties of a PUBLISH and gives what is kept of them and what follows them.
fn properties(bytes: &[u8]) -> Result<(Properties<'_>, &[u8]), Fault> {
    let (length, length_bytes) = remaining_length(bytes)?.ok_or_else(cut_short)?;
    let (mut left, payload) = bytes
        .get(length_bytes..)
        .and_then(|it| it.split_at_checked(length as usize))
        .ok_or_else(cut_short)?;
    let mut seen = 0_u64;
    let mut kept = Properties {
        bytes: left,
        ..Properties::default()
    };
    while let Some((&id, rest)) = left.split_first() {
        let repeatable = id == 0x26;
        let bit = 1_u64 << (id & 0x3f);
        if seen & bit != 0 && !repeatable {
            return Err(Fault::protocol("a property stands here twice"));
        }
        seen |= bit;
        left = property(id, rest, &mut kept)?;
    }
    Ok((kept, payload))
}

/// Checks one property and gives what follows it.
fn property<'a>(id: u8, bytes: &'a [u8], kept: &mut Properties<'_>) -> Result<&'a [u8], Fault> {
    match id {
        // Payload format indicator: custody reads the payload as the notice says and refuses what it cannot read.
        0x01 => match bytes.split_first() {
            Some((0 | 1, rest)) => Ok(rest),
            Some(_) => Err(Fault::protocol("a property is neither 0 nor 1")),
            None => Err(cut_short()),
        },
        // Message expiry interval.
        0x02 => {
            let (value, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut_short)?;
            kept.expiry_s = Some(u32::from_be_bytes(*value));
            Ok(rest)
        }
        // Content type.
        0x03 => text(bytes),
        // Response topic.
        0x08 => {
            let (topic, rest) = take_bytes(bytes).ok_or_else(cut_short)?;
            topic_name(topic)
                .map(|_| rest)
                .map_err(|_| Fault::protocol("a response topic has no wildcards"))
        }
        // Correlation data.
        0x09 => take_bytes(bytes)
            .map(|(_, rest)| rest)
            .ok_or_else(cut_short),
        0x0b => Err(Fault::protocol(
            "a client does not send subscription identifiers with a publish",
        )),
        0x23 => {
            let (value, rest) = take_u16(bytes).ok_or_else(cut_short)?;
            kept.alias = Some(value);
            Ok(rest)
        }
        // User property.
        0x26 => text(bytes).and_then(text),
        _ => Err(Fault::malformed("a property cannot stand here")),
    }
}

fn text(bytes: &[u8]) -> Result<&[u8], Fault> {
    let (text, rest) = take_bytes(bytes).ok_or_else(cut_short)?;
    match std::str::from_utf8(text) {
        Ok(it) if !it.contains('\0') => Ok(rest),
        _ => Err(Fault::malformed("a text is not UTF-8, or has a NUL")),
    }
}

fn take_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*head), rest))
}

fn take_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = take_u16(bytes)?;
    rest.split_at_checked(length.into())
}

fn cut_short() -> Fault {
    Fault::malformed("the packet ends too early")
}
