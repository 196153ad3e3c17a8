//! A small MQTT client side, 3.1.1 and 5, QoS 0 and 1: what `load` and `demo` send and receive.
//!
//! [`wire`] turns packets into bytes and bytes into packets and does nothing else; [`link`] is one connection.
//! It knows only what a client of ours needs: no wills, no retained messages, no QoS 2, no topic aliases.

pub(crate) mod link;
pub(crate) mod wire;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// MQTT 3.1.1 (protocol level 4).
    V311,
    /// MQTT 5 (protocol level 5).
    V5,
}

impl Protocol {
    /// Reads `3.1.1` or `5`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "3.1.1" => Ok(Self::V311),
            "5" | "5.0" => Ok(Self::V5),
            _ => Err("write 3.1.1 or 5".to_owned()),
        }
    }

    /// The name that reports use.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

/// How surely a message arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qos {
    /// At most once: no acknowledgement.
    AtMostOnce,
    /// At least once: each message is acknowledged.
    AtLeastOnce,
}

impl Qos {
    /// Reads `0` or `1`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "0" => Ok(Self::AtMostOnce),
            "1" => Ok(Self::AtLeastOnce),
            _ => Err("write 0 or 1".to_owned()),
        }
    }

    /// The number on the wire.
    pub(crate) const fn level(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
        }
    }
}
