//! One message of a dialect, taken apart.

use std::borrow::Cow;

use model::Timestamp;
use smallvec::{SmallVec, smallvec};

use crate::{
    Adapter, chirpstack, esphome, homie, owntracks, scalar, shelly, sparkplug_b, tasmota,
    the_things_stack, thingsboard, value, zigbee2mqtt,
};

/// The largest message that is read, in bytes; a [`Adapter::Plain`] one is not looked at here.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The longest topic that is read, in bytes.
pub const MAX_TOPIC_BYTES: usize = 1_024;
/// The most devices of one message.
pub const MAX_DEVICES_OF_A_MESSAGE: usize = 256;
/// The longest name of a device, in bytes.
pub const MAX_DEVICE_NAME_BYTES: usize = 256;

/// What a connection must remember between its messages. Every part of it is bounded by the limits of its dialect.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) zigbee2mqtt: zigbee2mqtt::Memory,
    pub(crate) homie: homie::Memory,
    pub(crate) sparkplug_b: sparkplug_b::Memory,
    pub(crate) thingsboard: thingsboard::Memory,
}

impl State {
    /// How many times the sequence numbers of Sparkplug told that a message was missed.
    #[must_use]
    pub fn gaps(&self) -> u64 {
        self.sparkplug_b.gaps()
    }

    /// What the dialect has its server answer to what was taken, to be published to this connection and to nobody else.
    /// Nothing of what anybody's device said is in it.
    pub fn answers(&mut self, now: Timestamp) -> Vec<Answer> {
        let mut answers = Vec::new();
        self.thingsboard.answers(&mut answers);
        self.sparkplug_b.answers(now, &mut answers);
        answers
    }
}

/// A message of the server to the connection that it has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where the dialect expects it.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// It says how something stands, so it goes with RETAIN.
    pub is_retained: bool,
}

/// One message of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken<'a> {
    /// What the dialect calls the device; nothing when it is the thing that owns the connection.
    pub device: Option<Cow<'a, str>>,
    /// One JSON object; with [`Adapter::Plain`] the bytes as they came.
    pub body: Cow<'a, [u8]>,
}

/// The messages that one packet held. Empty for a packet of the dialect that carries no reading.
pub type AllTaken<'a> = SmallVec<[Taken<'a>; 1]>;

/// Why a message cannot be read. Nothing from the payload is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    /// A topic that the dialect does not have.
    #[error(
        "the topic is none of this dialect: check the topic settings of the device, or register it with another adapter"
    )]
    OtherTopic,
    /// More than [`MAX_MESSAGE_BYTES`].
    #[error("the message has more than {MAX_MESSAGE_BYTES} bytes: send it in parts")]
    TooLarge,
    /// A text that is not UTF-8, where the dialect has text.
    #[error(
        "the message is not UTF-8, and this dialect is text: register the device with another adapter"
    )]
    NotUtf8,
    /// Not JSON (RFC 8259), where the dialect has JSON.
    #[error(
        "the message is not JSON, and this dialect has JSON on this topic: check that the device sends whole messages, or register it with another adapter"
    )]
    NotJson,
    /// JSON, and no object.
    #[error(
        "the message is no JSON object, and this dialect has one on this topic: register the device with another adapter"
    )]
    NotAnObject,
    /// A member that the dialect always has is not there, or is of another type.
    #[error(
        "the message has no `{0}` of the type that this dialect gives it: register the device with another adapter"
    )]
    Missing(&'static str),
    /// A member stands twice, which leaves open which one counts.
    #[error("the message has `{0}` twice: update the device's software")]
    Twice(&'static str),
    /// More devices than [`MAX_DEVICES_OF_A_MESSAGE`].
    #[error("the message is about more than {MAX_DEVICES_OF_A_MESSAGE} devices: send it in parts")]
    TooManyDevices,
    /// The name of a device is empty or longer than [`MAX_DEVICE_NAME_BYTES`].
    #[error(
        "the name of a device is empty or longer than {MAX_DEVICE_NAME_BYTES} bytes: give it another in the device's settings"
    )]
    DeviceName,
    /// More messages (times) than the dialect's limit.
    #[error("the message holds readings of too many moments: send it in parts")]
    TooManyMessages,
    /// The topic and the message name different devices.
    #[error(
        "the topic and `{0}` in the message name different devices: check the integration that sends it"
    )]
    Contradiction(&'static str),
    /// Protocol Buffers, where the dialect is read as JSON.
    #[error(
        "the message is not JSON: choose JSON as payload encoding in the integration of the network server"
    )]
    NotChosenJson,
    /// Not Protocol Buffers, where the dialect has them.
    #[error(
        "the message is no Sparkplug B payload: check that the edge node sends Protocol Buffers, or register it with another adapter"
    )]
    NotProtobuf,
    /// A compressed payload, which Sparkplug 3.0 does not have.
    #[error("the payload is compressed: turn compression off in the edge node")]
    Compressed,
    /// More metrics than [`crate::MAX_METRICS`].
    #[error("the message has more than {max} metrics: send it in parts", max = crate::MAX_METRICS)]
    TooManyMetrics,
    /// More JSON than [`crate::MAX_JSON_BYTES`].
    #[error(
        "written out, the message has more than {max} bytes: send it in parts, with shorter names",
        max = crate::MAX_JSON_BYTES
    )]
    TooLong,
    /// A metric whose value is not of its data type.
    #[error(
        "a metric has a value that its data type does not have, or templates nested too deep: check the edge node"
    )]
    MetricType,
    /// An alias or a type that no birth of this connection told.
    #[error(
        "a metric is known by an alias or type that no birth told since the last gap: have the edge node send its birth again"
    )]
    Unborn,
    /// The births of a connection say more than is remembered.
    #[error(
        "the births of this connection name too many metrics or edge nodes: use more connections"
    )]
    TooMuchToRemember,
    /// Encrypted with a key that only the sender and the reader of its choice have.
    #[error(
        "the message is encrypted by the device, so its fields cannot be told apart and nothing of it is kept: turn payload encryption off in the device, and use TLS for the connection"
    )]
    Encrypted,
}

/// Takes a message apart. Nothing comes out of one that belongs to the dialect and carries no reading.
///
/// # Errors
/// When it is not a message of the dialect.
pub fn take<'a>(
    adapter: Adapter,
    state: &mut State,
    topic: &'a str,
    payload: &'a [u8],
) -> Result<AllTaken<'a>, TakeError> {
    if adapter == Adapter::Plain {
        return Ok(own(payload));
    }
    if topic.len() > MAX_TOPIC_BYTES {
        return Err(TakeError::OtherTopic);
    }
    if payload.len() > MAX_MESSAGE_BYTES {
        // Of the large messages that a network has about itself, none is a reading.
        let is_about_bridge =
            adapter == Adapter::Zigbee2Mqtt && state.zigbee2mqtt.is_about_bridge(topic);
        return match is_about_bridge {
            true => zigbee2mqtt::take(&mut state.zigbee2mqtt, topic, payload),
            false => Err(TakeError::TooLarge),
        };
    }
    match adapter {
        Adapter::Plain => Ok(own(payload)),
        Adapter::Zigbee2Mqtt => zigbee2mqtt::take(&mut state.zigbee2mqtt, topic, payload),
        Adapter::Tasmota => tasmota::take(topic, payload),
        Adapter::ShellyGen1 => shelly::take_gen1(topic, payload),
        Adapter::ShellyGen2 => shelly::take_gen2(topic, payload),
        Adapter::Esphome => esphome::take(topic, payload),
        Adapter::Homie => homie::take(&mut state.homie, topic, payload),
        Adapter::Scalar => scalar::take(topic, payload),
        Adapter::Value => value::take(topic, payload, &value::Said::default()),
        Adapter::OwnTracks => owntracks::take(topic, payload),
        Adapter::ThingsBoard => thingsboard::take_device(&mut state.thingsboard, topic, payload),
        Adapter::ThingsBoardGateway => {
            thingsboard::take_gateway(&mut state.thingsboard, topic, payload)
        }
        Adapter::TheThingsStack => the_things_stack::take(topic, payload),
        Adapter::ChirpStack => chirpstack::take(topic, payload),
        Adapter::SparkplugB => sparkplug_b::take(&mut state.sparkplug_b, topic, payload),
        // Read by the codec, see `codec::question`.
        Adapter::Codec => Ok(own(payload)),
    }
}

/// The bytes as they came, as a message of the thing that owns the connection.
pub(crate) fn own(payload: &[u8]) -> AllTaken<'_> {
    smallvec![Taken {
        device: None,
        body: Cow::Borrowed(payload),
    }]
}

/// One message of a named device.
pub(crate) fn one<'a>(
    device: impl Into<Cow<'a, str>>,
    body: impl Into<Cow<'a, [u8]>>,
) -> Result<AllTaken<'a>, TakeError> {
    Ok(smallvec![named(device, body)?])
}

/// A message of a named device.
pub(crate) fn named<'a>(
    device: impl Into<Cow<'a, str>>,
    body: impl Into<Cow<'a, [u8]>>,
) -> Result<Taken<'a>, TakeError> {
    let device = device.into();
    if device.is_empty() || device.len() > MAX_DEVICE_NAME_BYTES {
        return Err(TakeError::DeviceName);
    }
    Ok(Taken {
        device: Some(device),
        body: body.into(),
    })
}

/// A message of the dialect that carries no reading.
pub(crate) fn nothing<'a>() -> Result<AllTaken<'a>, TakeError> {
    Ok(SmallVec::new())
}

#[cfg(test)]
mod tests;
