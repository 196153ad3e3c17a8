//! The Things Stack, version 3: the messages of its MQTT server and of its webhooks.
//!
//! <https://www.thethingsindustries.com/docs/integrations/data-formats/>
//!
//! Over MQTT the topic is `v3/{application}@{tenant}/devices/{device}/{kind}`. With HTTP there is none, and the topics of a
//! Pub/Sub integration are what somebody typed in: there the kind is the member that the message has. Uplinks, normalised uplinks and solved locations are readings; joins and what becomes of
//! downlinks are not.
//!
//! The body is the whole message as it came, so a field of the decoded payload is declared as
//! `/uplink_message/decoded_payload/temperature`. The metadata of the gateways that heard the device (their names and
//! places) are members like any other: they are not kept unless the notice declares them.
//! The device is `end_device_ids.device_id`, its name in the console.

use std::borrow::Cow;

use crate::json;
use crate::lorawan::{self, Uplink};
use crate::take::{self, AllTaken, TakeError};

/// The members that are readings.
const READINGS: [&str; 3] = ["uplink_message", "uplink_normalized", "location_solved"];
/// The members of webhooks that carry no reading.
const OTHER_KINDS: [&str; 8] = [
    "join_accept",
    "downlink_ack",
    "downlink_nack",
    "downlink_sent",
    "downlink_failed",
    "downlink_queued",
    "downlink_queue_invalidated",
    "service_data",
];

/// Takes a message; over HTTP the topic is empty.
pub(crate) fn take<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    let named = match topic.starts_with("v3/") {
        false => None,
        true => match place(topic)? {
            (device, "up" | "up/normalized" | "location/solved") => Some(device),
            _ => return take::nothing(),
        },
    };
    if payload.is_empty() {
        return take::nothing();
    }
    let text = json::text(payload).map_err(|_| TakeError::NotChosenJson)?;
    if !text.starts_with(['{', '[']) {
        return Err(TakeError::NotChosenJson);
    }
    let [ids, uplink, normalized, location] = json::find(
        text,
        ["end_device_ids", READINGS[0], READINGS[1], READINGS[2]],
    )?;
    if uplink.or(normalized).or(location).is_none() {
        return match named {
            None if has_any(text, &OTHER_KINDS)? => take::nothing(),
            _ => Err(TakeError::Missing("uplink_message")),
        };
    }
    let [device] = json::find(
        ids.ok_or(TakeError::Missing("end_device_ids"))?,
        ["device_id"],
    )?;
    let device = device
        .and_then(json::string)
        .ok_or(TakeError::Missing("device_id"))?;
    match named {
        Some(named) if named != device => Err(TakeError::Contradiction("device_id")),
        _ => take::one(device, payload),
    }
}

/// The bytes of an uplink that no payload formatter of the server has decoded.
pub(crate) fn undecoded(body: &[u8]) -> Option<Uplink<'_>> {
    let [uplink, received_at] =
        json::find(json::text(body).ok()?, ["uplink_message", "received_at"]).ok()?;
    let [decoded, bytes, f_port] =
        json::find(uplink?, ["decoded_payload", "frm_payload", "f_port"]).ok()?;
    match decoded {
        Some(_) => None,
        None => lorawan::uplink(bytes?, f_port, received_at),
    }
}

/// The message with what a codec made of its bytes, at the place where a payload formatter would put it.
pub(crate) fn with_decoded(body: &[u8], decoded: &str) -> Result<Vec<u8>, TakeError> {
    let text = json::text(body)?;
    let mut members = Vec::new();
    json::members(text, |name, value| {
        let value = match name.as_ref() {
            "uplink_message" => {
                Cow::Owned(lorawan::with_member(value, "decoded_payload", decoded)?)
            }
            _ => Cow::Borrowed(value),
        };
        members.push(format!("{}:{value}", json::quoted(&name)));
        Ok(())
    })?;
    Ok(format!("{{{}}}", members.join(",")).into_bytes())
}

/// The device and the kind that a topic names.
fn place(topic: &str) -> Result<(&str, &str), TakeError> {
    let rest = topic.strip_prefix("v3/").ok_or(TakeError::OtherTopic)?;
    let (_application, rest) = rest.split_once('/').ok_or(TakeError::OtherTopic)?;
    let rest = rest.strip_prefix("devices/").ok_or(TakeError::OtherTopic)?;
    rest.split_once('/').ok_or(TakeError::OtherTopic)
}

fn has_any(object: &str, names: &[&str]) -> Result<bool, TakeError> {
    let mut found = false;
    json::members(object, |name, _| {
        found |= names.contains(&name.as_ref());
        Ok(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
