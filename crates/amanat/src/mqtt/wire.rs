//! MQTT control packets as bytes, client side.
//!
//! ```text
//! packet      = type and flags (1 byte), remaining length (1 to 4 bytes, 7 bits each, low first), body
//! CONNECT     = 0x10 … "MQTT" level flags keep-alive [properties] client-id [user] [password]
//! CONNACK     = 0x20 … flags code [properties]
//! PUBLISH     = 0x30 | qos << 1 … topic [packet id, QoS 1] [properties] payload
//! PUBACK      = 0x40 … packet id [code [properties]]
//! SUBSCRIBE   = 0x82 … packet id [properties] filter options
//! SUBACK      = 0x90 … packet id [properties] code
//! PINGREQ 0xc0 0x00 · PINGRESP 0xd0 0x00 · DISCONNECT 0xe0 … [code [properties]]
//! ```
//!
//! `[properties]` stand in version 5 only: a length like the remaining length, then identifiers and values.
//! Numbers are big-endian; texts carry a 2-byte length. Writing appends to a buffer that the caller keeps;
//! [`next`] reads one packet from the front of a slice without copying.

use super::{Protocol, Qos};

/// The largest remaining length that the protocol can say.
const MAX_REMAINING: usize = 268_435_455;
/// The keep-alive that we ask for, in seconds.
pub(crate) const KEEP_ALIVE_SECONDS: u16 = 60;

const RECEIVE_MAXIMUM: u8 = 0x21;
const REASON_STRING: u8 = 0x1f;
const USER_PROPERTY: u8 = 0x26;

/// A packet cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// A text does not fit its 2-byte length.
    #[error("a topic, filter, name or password has at most 65535 bytes, this one has {0}")]
    TextTooLong(usize),
    /// A packet does not fit the remaining length.
    #[error("a packet has at most {MAX_REMAINING} bytes, this one has {0}")]
    PacketTooLong(usize),
    /// What arrived is no packet that a server may send.
    #[error("the server sent a malformed packet of type {0}")]
    Malformed(u8),
}

/// What a client says first.
pub(crate) struct Connect<'a> {
    /// The version to speak.
    pub(crate) protocol: Protocol,
    /// The name of the session; each connection needs its own.
    pub(crate) client_id: &'a str,
    /// User name and password.
    pub(crate) credentials: Option<(&'a str, &'a [u8])>,
}

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// The answer to CONNECT.
    Connack(Connack),
    /// The answer to a PUBLISH with QoS 1.
    Puback {
        /// Which message.
        packet_id: u16,
        /// 0, or why not.
        code: u8,
    },
    /// A message.
    Publish {
        /// Where it was published.
        topic: &'a [u8],
        /// Present when it wants a PUBACK.
        packet_id: Option<u16>,
        /// Its content.
        payload: &'a [u8],
    },
    /// The answer to SUBSCRIBE: the code of the first filter.
    Suback {
        /// The granted QoS, or at least 0x80: why not.
        code: u8,
        /// What the server said about it.
        reason: Option<String>,
    },
    /// The answer to PINGREQ.
    Pingresp,
    /// The server closes the connection.
    Disconnect {
        /// Why.
        code: u8,
        /// What the server said about it.
        reason: Option<String>,
    },
}

/// The answer to CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connack {
    /// 0, or why not.
    pub(crate) code: u8,
    /// How many unacknowledged messages the server takes.
    pub(crate) receive_maximum: u16,
    /// What the server said about it.
    pub(crate) reason: Option<String>,
}

/// Appends a CONNECT with a clean session.
pub(crate) fn connect(out: &mut Vec<u8>, connect: &Connect<'_>) -> Result<(), WireError> {
    let mut body = Vec::with_capacity(64);
    text(&mut body, b"MQTT")?;
    let (level, properties): (u8, &[u8]) = match connect.protocol {
        Protocol::V311 => (4, &[]),
        Protocol::V5 => (5, &[0]),
    };
    let flags = if connect.credentials.is_some() {
        0b1100_0010
    } else {
        0b0000_0010
    };
    body.extend_from_slice(&[level, flags]);
    body.extend_from_slice(&KEEP_ALIVE_SECONDS.to_be_bytes());
    body.extend_from_slice(properties);
    text(&mut body, connect.client_id.as_bytes())?;
    if let Some((user, password)) = connect.credentials {
        text(&mut body, user.as_bytes())?;
        text(&mut body, password)?;
    }
    packet(out, 0x10, &body)
}

/// Appends a SUBSCRIBE with one filter; `purpose` becomes the user property of version 5.
pub(crate) fn subscribe(
    out: &mut Vec<u8>,
    protocol: Protocol,
    packet_id: u16,
    filter: &str,
    qos: Qos,
    purpose: Option<&str>,
) -> Result<(), WireError> {
    let mut body = Vec::with_capacity(64);
    body.extend_from_slice(&packet_id.to_be_bytes());
    if protocol == Protocol::V5 {
        let mut properties = Vec::new();
        if let Some(purpose) = purpose {
            properties.push(USER_PROPERTY);
            text(&mut properties, b"purpose")?;
            text(&mut properties, purpose.as_bytes())?;
        }
        remaining_length(&mut body, properties.len())?;
        body.extend_from_slice(&properties);
    }
    text(&mut body, filter.as_bytes())?;
    body.push(qos.level());
    packet(out, 0x82, &body)
}

/// Appends a PUBLISH; `packet_id` makes it QoS 1.
pub(crate) fn publish(
    out: &mut Vec<u8>,
    protocol: Protocol,
    topic: &str,
    packet_id: Option<u16>,
    payload: &[u8],
) -> Result<(), WireError> {
    let id_bytes = if packet_id.is_some() { 2 } else { 0 };
    let property_bytes = usize::from(protocol == Protocol::V5);
    out.push(if packet_id.is_some() { 0x32 } else { 0x30 });
    remaining_length(
        out,
        2 + topic.len() + id_bytes + property_bytes + payload.len(),
    )?;
    text(out, topic.as_bytes())?;
    if let Some(packet_id) = packet_id {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    if protocol == Protocol::V5 {
        out.push(0);
    }
    out.extend_from_slice(payload);
    Ok(())
}

/// Appends a PUBACK that says the message arrived.
pub(crate) fn puback(out: &mut Vec<u8>, packet_id: u16) {
    let [high, low] = packet_id.to_be_bytes();
    out.extend_from_slice(&[0x40, 2, high, low]);
}

/// Appends a PINGREQ.
pub(crate) fn pingreq(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xc0, 0]);
}

/// Appends a DISCONNECT without a reason.
pub(crate) fn disconnect(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xe0, 0]);
}

/// The packet at the front of `bytes` and its length; `None` while it is not complete.
pub(crate) fn next(
    bytes: &[u8],
    protocol: Protocol,
) -> Result<Option<(Incoming<'_>, usize)>, WireError> {
    // The answer to almost every packet of a load run, read without a loop.
    if let [0x40, 2, high, low, ..] = *bytes {
        let packet_id = u16::from_be_bytes([high, low]);
        return Ok(Some((Incoming::Puback { packet_id, code: 0 }, 4)));
    }
    let [head, rest @ ..] = bytes else {
        return Ok(None);
    };
    let malformed = WireError::Malformed(head >> 4);
    let Some((length, length_bytes)) = variable_length(rest).ok_or_else(|| malformed.clone())?
    else {
        return Ok(None);
    };
    let total = 1 + length_bytes + length;
    let Some(body) = bytes.get(1 + length_bytes..total) else {
        return Ok(None);
    };
    let incoming = body_of(*head, body, protocol).ok_or(malformed)?;
    Ok(Some((incoming, total)))
}

fn body_of(head: u8, body: &[u8], protocol: Protocol) -> Option<Incoming<'_>> {
    let mut body = Body { bytes: body };
    match (head >> 4, head & 0x0f) {
        (2, 0) => {
            body.u8()?;
            let code = body.u8()?;
            let properties = body.properties(protocol)?;
            Some(Incoming::Connack(Connack {
                code,
                receive_maximum: properties.receive_maximum.unwrap_or(u16::MAX),
                reason: properties.reason,
            }))
        }
        (3, flags) => {
            let topic = body.text()?;
            let packet_id = match (flags >> 1) & 0b11 {
                0 => None,
                1 => Some(body.u16()?),
                _ => return None,
            };
            body.properties(protocol)?;
            Some(Incoming::Publish {
                topic,
                packet_id,
                payload: body.bytes,
            })
        }
        (4, 0) => Some(Incoming::Puback {
            packet_id: body.u16()?,
            code: body.u8().unwrap_or(0),
        }),
        (9, 0) => {
            body.u16()?;
            let reason = body.properties(protocol)?.reason;
            let code = body.u8()?;
            Some(Incoming::Suback { code, reason })
        }
        (13, 0) => Some(Incoming::Pingresp),
        (14, 0) => {
            let code = body.u8().unwrap_or(0);
            let reason = match body.bytes {
                [] => None,
                _ => body.properties(protocol)?.reason,
            };
            Some(Incoming::Disconnect { code, reason })
        }
        _ => None,
    }
}

/// The length and how many bytes it took; `Some(None)` while incomplete, `None` when it never ends.
fn variable_length(bytes: &[u8]) -> Option<Option<(usize, usize)>> {
    let mut length = 0;
    for (idx, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * idx);
        if byte & 0x80 == 0 {
            return Some(Some((length, idx + 1)));
        }
    }
    if bytes.len() >= 4 { None } else { Some(None) }
}

/// What we look for among the properties of version 5.
#[derive(Default)]
struct Properties {
    receive_maximum: Option<u16>,
    reason: Option<String>,
}

/// The rest of a packet; every reader takes from the front.
struct Body<'a> {
    bytes: &'a [u8],
}

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    fn variable(&mut self) -> Option<usize> {
        let (value, bytes) = variable_length(self.bytes)??;
        self.take(bytes)?;
        Some(value)
    }

    fn properties(&mut self, protocol: Protocol) -> Option<Properties> {
        let mut found = Properties::default();
        if protocol == Protocol::V311 {
            return Some(found);
        }
        let length = self.variable()?;
        let mut inner = Body {
            bytes: self.take(length)?,
        };
        while let Some(identifier) = inner.u8() {
            match identifier {
                RECEIVE_MAXIMUM => found.receive_maximum = Some(inner.u16()?),
                REASON_STRING => {
                    found.reason = Some(String::from_utf8_lossy(inner.text()?).into_owned());
                }
                _ => inner.skip_property(identifier)?,
            }
        }
        Some(found)
    }

    /// Skips the value of a property that a server may send (MQTT 5, table 2-4).
    fn skip_property(&mut self, identifier: u8) -> Option<()> {
        match identifier {
            0x01 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => self.take(1).map(|_| ()),
            0x13 | 0x22 | 0x23 => self.take(2).map(|_| ()),
            0x02 | 0x11 | 0x27 => self.take(4).map(|_| ()),
            0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c => self.text().map(|_| ()),
            0x0b => self.variable().map(|_| ()),
            USER_PROPERTY => {
                self.text()?;
                self.text().map(|_| ())
            }
            _ => None,
        }
    }
}

fn packet(out: &mut Vec<u8>, head: u8, body: &[u8]) -> Result<(), WireError> {
    out.push(head);
    remaining_length(out, body.len())?;
    out.extend_from_slice(body);
    Ok(())
}

fn text(out: &mut Vec<u8>, text: &[u8]) -> Result<(), WireError> {
    let length = u16::try_from(text.len()).map_err(|_| WireError::TextTooLong(text.len()))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text);
    Ok(())
}

fn remaining_length(out: &mut Vec<u8>, length: usize) -> Result<(), WireError> {
    if length > MAX_REMAINING {
        return Err(WireError::PacketTooLong(length));
    }
    let mut left = length;
    loop {
        let low = u8::try_from(left & 0x7f).unwrap_or(0x7f);
        left >>= 7;
        if left == 0 {
            out.push(low);
            return Ok(());
        }
        out.push(low | 0x80);
    }
}

/// The name of a CONNACK, PUBACK, SUBACK or DISCONNECT code that says no.
pub(crate) const fn code_name(protocol: Protocol, code: u8) -> &'static str {
    match (protocol, code) {
        (Protocol::V311, 1) | (_, 0x84) => "unacceptable protocol version",
        (Protocol::V311, 2) | (_, 0x85) => "client identifier not valid",
        (Protocol::V311, 3) | (_, 0x88) => "server unavailable",
        (Protocol::V311, 4) | (_, 0x86) => "bad user name or password",
        (Protocol::V311, 5) | (_, 0x87) => "not authorized",
        (_, 0x80) => "unspecified error",
        (_, 0x81) => "malformed packet",
        (_, 0x82) => "protocol error",
        (_, 0x83) => "implementation specific error",
        (_, 0x89) => "server busy",
        (_, 0x8b) => "server shutting down",
        (_, 0x8d) => "keep alive timeout",
        (_, 0x8e) => "session taken over",
        (_, 0x8f) => "topic filter invalid",
        (_, 0x90) => "topic name invalid",
        (_, 0x93) => "receive maximum exceeded",
        (_, 0x95) => "packet too large",
        (_, 0x96) => "message rate too high",
        (_, 0x97) => "quota exceeded",
        (_, 0x98) => "administrative action",
        (_, 0x99) => "payload format invalid",
        (_, 0x9b) => "QoS not supported",
        (_, 0x9f) => "connection rate exceeded",
        _ => "refused",
    }
}

#[cfg(test)]
mod tests;
