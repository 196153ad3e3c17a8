//! Tasmota firmware.
//!
//! | topic | |
//! |---|---|
//! | `tele/TOPIC/SENSOR`, `STATE`, `stat/TOPIC/RESULT`, `STATUS`, `STATUS0` to `STATUS11` | a reading: one JSON object, passed on as it is (`/ENERGY/Power`, `/StatusSNS/ENERGY/Power`) |
//! | the same with `ZbReceived` or `LwReceived` | one reading for each Zigbee or LoRaWAN device behind it: what stands under its name (`/Temperature`) |
//! | any other, such as `stat/TOPIC/POWER1` | a reading: JSON objects as they are, a value as `{"POWER1": "ON"}` |
//! | `tele/TOPIC/LWT`, `INFO1` to `INFO3`, `LOGGING`, `cmnd/…`, `tasmota/discovery/…`, `homeassistant/…/config` | no reading |
//!
//! A device is called by its `%topic%`; one behind it by its name, or by its short address (`0x5ADF`) where it has none.
//! `FullTopic` may be changed: the prefix is looked for at every level, and the device is called by the levels between it
//! and the last one, or by those before it (`home/kitchen/tele/SENSOR` is `home/kitchen`). Where there are none
//! (`tele/SENSOR`), the message is of the thing that owns the connection.
//!
//! Documentation: <https://tasmota.github.io/docs/MQTT/>, <https://tasmota.github.io/docs/Zigbee/#reading-sensors>.

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::take::{AllTaken, MAX_DEVICES_OF_A_MESSAGE, Taken, named, nothing, one};
use crate::topic::{around, below, is_discovery, parent};
use crate::{TakeError, json};

/// Takes a message apart.
pub(crate) fn take<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    if is_discovery(topic) || below(topic, "tasmota/discovery").is_some() {
        return nothing();
    }
    let prefix = around(topic, |it| matches!(it, "tele" | "stat" | "cmnd"));
    let (before, prefix, after) = prefix.ok_or(TakeError::OtherTopic)?;
    let (device, last) = parent(after).unwrap_or((before, after));
    if last.is_empty() {
        return Err(TakeError::OtherTopic);
    }
    let carries_none = matches!(last, "LWT" | "INFO1" | "INFO2" | "INFO3" | "LOGGING");
    if prefix == "cmnd" || carries_none || payload.is_empty() {
        return nothing();
    }
    if !is_always_json(last) && !json::text(payload)?.starts_with('{') {
        return match json::value(payload)? {
            Some(value) => called(device, json::nested([last], &value)),
            None => nothing(),
        };
    }
    let relayed = json::find(json::text(payload)?, ["ZbReceived", "LwReceived"])?;
    if relayed == [None, None] {
        return called(device, payload);
    }
    let mut taken = SmallVec::new();
    for devices in relayed.into_iter().flatten() {
        behind(devices, &mut taken)?;
    }
    Ok(taken)
}

/// A message of the device with this name. A `FullTopic` without `%topic%` names none.
fn called<'a>(device: &'a str, body: impl Into<Cow<'a, [u8]>>) -> Result<AllTaken<'a>, TakeError> {
    if device.is_empty() {
        return Ok(smallvec![Taken {
            device: None,
            body: body.into(),
        }]);
    }
    one(device, body)
}

fn is_always_json(last: &str) -> bool {
    matches!(last, "SENSOR" | "STATE" | "RESULT") || last.starts_with("STATUS")
}

/// The devices behind this one, each by its name.
fn behind<'a>(devices: &'a str, taken: &mut AllTaken<'a>) -> Result<(), TakeError> {
    json::members(devices, |key, body| {
        if taken.len() >= MAX_DEVICES_OF_A_MESSAGE {
            return Err(TakeError::TooManyDevices);
        }
        let [name] = json::find(body, ["Name"])?;
        let name = name.and_then(json::string).unwrap_or(key);
        let device: Taken<'a> = named(name, Cow::Borrowed(body.as_bytes()))?;
        taken.push(device);
        Ok(())
    })
}
