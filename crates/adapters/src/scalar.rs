//! Devices that send one value a topic, whatever they are.
//!
//! The last level of the topic is the field, the levels before it are the device: `farm/tank/level` with `21.5` is
//! `{"level": 21.5}` of `farm/tank`. A topic of one level is a field of the thing that owns the connection.
//!
//! What is JSON is that JSON, with all its digits: a number (RFC 8259 section 6), `true`, `false`, a string in quotation
//! marks, an object or an array, which stay nested. Everything else that is UTF-8 is a text: `ON`, `+5`, `007`, `nan`.
//! `null` is no value. A message without bytes deletes a retained one and carries no reading.

use smallvec::smallvec;

use crate::take::{AllTaken, Taken, nothing, one};
use crate::topic::parent;
use crate::{TakeError, json};

/// Takes a message apart.
pub(crate) fn take<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    let Some(value) = json::value(payload)? else {
        return nothing();
    };
    match parent(topic) {
        Some((device, field)) => one(device, json::nested([field], &value)),
        None => Ok(smallvec![Taken {
            device: None,
            body: json::nested([topic], &value).into(),
        }]),
    }
}
