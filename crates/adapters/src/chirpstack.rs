//! ChirpStack, version 4: the events of its MQTT and HTTP integrations, as JSON.
//!
//! <https://www.chirpstack.io/docs/chirpstack/integrations/events.html>
//!
//! Over MQTT the topic is `application/{application}/device/{DevEUI}/event/{event}`; over HTTP the event is the query
//! parameter `event`, and stands here alone in place of a topic. `up` and `location` are readings; `join`, `ack`,
//! `txack`, `status`, `log` and `integration` are not.
//!
//! The body is the whole event as it came, so a field of the decoded payload is declared as `/object/temperature`.
//! `rxInfo` (the gateways that heard the device) is a member like any other: not kept unless the notice declares it.
//! The device is `deviceInfo.devEui`, in the small letters in which ChirpStack writes it.
//!
//! ChirpStack can also write events as Protocol Buffers (`json=false`, payload encoding Protobuf). They are refused with
//! that word: it is one setting there, the default is JSON, and a notice points at the JSON that people can see.

use crate::json;
use crate::lorawan::{self, Uplink};
use crate::take::{self, AllTaken, TakeError};

/// Events that carry no reading.
const OTHER_EVENTS: [&str; 6] = ["join", "ack", "txack", "status", "log", "integration"];

/// Takes an event; over HTTP the topic is the name of the event.
pub(crate) fn take<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    let (named, event) = place(topic)?;
    match event {
        "up" | "location" => {}
        _ if OTHER_EVENTS.contains(&event) => return take::nothing(),
        _ => return Err(TakeError::OtherTopic),
    }
    let text = json::text(payload).map_err(|_| TakeError::NotChosenJson)?;
    if !text.starts_with(['{', '[']) {
        return Err(TakeError::NotChosenJson);
    }
    let [info] = json::find(text, ["deviceInfo"])?;
    let [device] = json::find(info.ok_or(TakeError::Missing("deviceInfo"))?, ["devEui"])?;
    let device = device
        .and_then(json::string)
        .ok_or(TakeError::Missing("devEui"))?;
    match named {
        Some(named) if named != device => Err(TakeError::Contradiction("devEui")),
        _ => take::one(device, payload),
    }
}

/// The bytes of an uplink that no codec of the server has decoded.
pub(crate) fn undecoded(body: &[u8]) -> Option<Uplink<'_>> {
    let [decoded, bytes, f_port, time] =
        json::find(json::text(body).ok()?, ["object", "data", "fPort", "time"]).ok()?;
    match decoded {
        Some(_) => None,
        None => lorawan::uplink(bytes?, f_port, time),
    }
}

/// The event with what a codec made of its bytes, at the place where a codec of the server would put it.
pub(crate) fn with_decoded(body: &[u8], decoded: &str) -> Result<Vec<u8>, TakeError> {
    let event = lorawan::with_member(json::text(body)?, "object", decoded)?;
    Ok(event.into_bytes())
}

/// The device that a topic names, if it is one, and the event.
fn place(topic: &str) -> Result<(Option<&str>, &str), TakeError> {
    if !topic.contains('/') {
        return Ok((None, topic));
    }
    let mut levels = topic.split('/');
    let mut next = || levels.next().unwrap_or_default();
    match [next(), next(), next(), next(), next(), next(), next()] {
        ["application", _, "device", device, "event", event, ""] => Ok((Some(device), event)),
        _ => Err(TakeError::OtherTopic),
    }
}

#[cfg(test)]
mod tests;
