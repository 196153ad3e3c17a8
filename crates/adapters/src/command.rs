//! Commands of a notice in the words of a dialect whose commands are no text.
//!
//! Most products are told by a text on a topic, and both stand in the notice as they go. Sparkplug has commands of its own
//! (`sparkplug_b`): for it the notice says which metrics get which values.

use std::borrow::Cow;

use model::Timestamp;

use crate::{Adapter, State, sparkplug_b};

/// A command as it goes over a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken<'a> {
    /// Where the product listens.
    pub topic: Cow<'a, str>,
    /// What it is told.
    pub payload: Cow<'a, [u8]>,
    /// The dialect wants it with QoS 0, whatever was subscribed to.
    pub is_plain: bool,
}

/// Why a command cannot be said in a dialect. It is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpeakError {
    /// The topic names no device of the dialect.
    #[error("the topic of the command is not spBv1.0/{{device}}: change it in the notice")]
    Topic,
    /// The payload names no values.
    #[error("the payload of the command is no JSON object of metrics: change it in the notice")]
    NotAnObject,
    /// The birth of its device was not seen on this connection.
    #[error("the device has not been born on this connection: it is asked for its birth")]
    Unborn,
    /// The birth of its device had no such metric.
    #[error("the device has no such metric: name one of its birth in the notice")]
    NoMetric,
    /// The value is not of the type that the birth said.
    #[error("the value is not of the type of its metric: change the command in the notice")]
    Type,
}

/// The topic on which a command goes over a connection, as far as it is known from the dialect alone.
#[must_use]
pub fn spoken_topic(adapter: Adapter, topic: &str) -> Cow<'_, str> {
    match adapter {
        Adapter::SparkplugB => {
            sparkplug_b::command_topic(topic).map_or(Cow::Borrowed(topic), Cow::Owned)
        }
        _ => Cow::Borrowed(topic),
    }
}

impl State {
    /// Says a command in the dialect of the connection.
    ///
    /// # Errors
    /// When the dialect cannot say it; it must not be sent then.
    pub fn speak<'a>(
        &mut self,
        adapter: Adapter,
        topic: &'a str,
        payload: &'a str,
        now: Timestamp,
    ) -> Result<Spoken<'a>, SpeakError> {
        if adapter != Adapter::SparkplugB {
            return Ok(Spoken {
                topic: Cow::Borrowed(topic),
                payload: Cow::Borrowed(payload.as_bytes()),
                is_plain: false,
            });
        }
        let (topic, payload) = sparkplug_b::speak(&mut self.sparkplug_b, topic, payload, now)?;
        Ok(Spoken {
            topic: Cow::Owned(topic),
            payload: Cow::Owned(payload),
            is_plain: true,
        })
    }

    /// The connection has subscribed to a filter: where its dialect says something to that, it is among [`State::answers`].
    pub fn subscribed(&mut self, adapter: Adapter, filter: &str) {
        if adapter == Adapter::SparkplugB {
            self.sparkplug_b.subscribed(filter);
        }
    }
}
