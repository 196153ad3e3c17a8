//! MQTT as bytes on a socket: for what a well-behaved client never sends, and to see each acknowledgement.
//!
//! ```text
//! packet  = type and flags (1 byte), remaining length (1 to 4 bytes, 7 bits each, low first), body
//! ```

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// The version that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

/// A client that does as it is told.
pub(crate) struct Wire {
    stream: TcpStream,
    version: Version,
}

/// A packet of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Its type: the upper half of the first byte.
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

impl Packet {
    pub(crate) const CONNACK: u8 = 2;
    pub(crate) const PUBACK: u8 = 4;
    pub(crate) const SUBACK: u8 = 9;
    pub(crate) const DISCONNECT: u8 = 14;

    /// The packet identifier at the start of the body.
    pub(crate) fn id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// The reason code: of CONNACK, of PUBACK in version 5 (0 where it is left out), of DISCONNECT.
    pub(crate) fn reason(&self) -> u8 {
        let at = match self.kind {
            Self::CONNACK => 1,
            Self::PUBACK => 2,
            _ => 0,
        };
        self.body.get(at).copied().unwrap_or(0)
    }
}

impl Wire {
    /// A socket, without a word.
    pub(crate) fn open(address: SocketAddr, version: Version) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, version }
    }

    /// Connects with a user name and a password; gives the CONNACK too.
    pub(crate) fn connect(
        address: SocketAddr,
        version: Version,
        user_name: &str,
        password: &str,
    ) -> (Self, Packet) {
        let mut wire = Self::open(address, version);
        let mut body = text("MQTT");
        body.extend([
            if version == Version::V5 { 5 } else { 4 },
            0b1100_0010,
            0,
            60,
        ]);
        if version == Version::V5 {
            body.push(0);
        }
        body.extend(text(&format!("wire-{user_name}-{}", wire.port())));
        body.extend(text(user_name));
        body.extend(text(password));
        wire.send(&packet(0x10, &body));
        let connack = wire.read().unwrap();
        (wire, connack)
    }

    /// Connects; it must work.
    #[track_caller]
    pub(crate) fn session(
        address: SocketAddr,
        version: Version,
        user_name: &str,
        password: &str,
    ) -> Self {
        let (wire, connack) = Self::connect(address, version, user_name, password);
        assert_eq!((connack.kind, connack.reason()), (Packet::CONNACK, 0));
        wire
    }

    fn port(&self) -> u16 {
        self.stream.local_addr().unwrap().port()
    }

    /// A second handle of the same socket, to read in another thread.
    pub(crate) fn twin(&self) -> Self {
        Self {
            stream: self.stream.try_clone().unwrap(),
            version: self.version,
        }
    }

    /// Sends bytes as they are; false when the server has closed.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// A PUBLISH; `id` 0 is QoS 0.
    pub(crate) fn publish_packet(&self, topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
        let mut body = text(topic);
        if id != 0 {
            body.extend(id.to_be_bytes());
        }
        if self.version == Version::V5 {
            body.push(0);
        }
        body.extend(payload);
        packet(if id == 0 { 0x30 } else { 0x32 }, &body)
    }

    /// Publishes with QoS 1 and gives what the server says, `None` when it closes.
    pub(crate) fn publish(&mut self, id: u16, payload: &[u8]) -> Option<Packet> {
        let packet = self.publish_packet("a/topic/of/the/device", id, payload);
        self.send(&packet);
        self.read()
    }

    /// Subscribes and gives the SUBACK's only code.
    pub(crate) fn subscribe(&mut self, filter: &str, purposes: &[&str]) -> Option<u8> {
        let mut body = vec![0, 7];
        if self.version == Version::V5 {
            let mut properties = Vec::new();
            for purpose in purposes {
                properties.push(0x26);
                properties.extend(text("purpose"));
                properties.extend(text(purpose));
            }
            body.push(u8::try_from(properties.len()).unwrap());
            body.extend(properties);
        }
        body.extend(text(filter));
        body.push(1);
        self.send(&packet(0x82, &body));
        let suback = self.read()?;
        assert_eq!((suback.kind, suback.id()), (Packet::SUBACK, 7));
        suback.body.last().copied()
    }

    /// The next packet; `None` when the server has closed.
    #[track_caller]
    pub(crate) fn read(&mut self) -> Option<Packet> {
        let first = self.byte()?;
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        match self.stream.read_exact(&mut body) {
            Ok(()) => Some(Packet {
                kind: first >> 4,
                body,
            }),
            Err(err) => closed(&err),
        }
    }

    #[track_caller]
    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.stream.read_exact(&mut byte) {
            Ok(()) => Some(byte[0]),
            Err(err) => closed(&err),
        }
    }
}

/// A close is an answer; silence is not.
#[track_caller]
fn closed<T>(err: &std::io::Error) -> Option<T> {
    match err.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => None,
        _ => panic!("the server neither answers nor closes: {err}"),
    }
}

/// A packet with its remaining length.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).unwrap();
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}
