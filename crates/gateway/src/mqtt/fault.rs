//! What ends a session: a reason code of MQTT 5, one counter, and a sentence that helps.

use std::borrow::Cow;

use mqtt_proto::v5::DisconnectReasonCode;

use crate::Counter;

/// Why a session cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What an MQTT 5 client is told; an MQTT 3.1.1 connection is only closed.
    pub(crate) code: DisconnectReasonCode,
    /// What is counted.
    pub(crate) counter: Counter,
    /// The reason string: one sentence, no byte of any payload.
    pub(crate) text: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(
        code: DisconnectReasonCode,
        counter: Counter,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            counter,
            text: text.into(),
        }
    }

    /// The bytes are no packet of this protocol.
    pub(crate) fn malformed(text: &'static str) -> Self {
        Self::new(
            DisconnectReasonCode::MalformedPacket,
            Counter::MalformedPackets,
            text,
        )
    }

    /// A packet that may not come here, or not with these values.
    pub(crate) fn protocol(text: &'static str) -> Self {
        Self::new(
            DisconnectReasonCode::ProtocolError,
            Counter::ProtocolErrors,
            text,
        )
    }

    /// A packet above the limit.
    pub(crate) fn oversized(limit_bytes: u32) -> Self {
        Self::new(
            DisconnectReasonCode::PacketTooLarge,
            Counter::OversizedPackets,
            format!("a packet has at most {limit_bytes} bytes here"),
        )
    }
}
