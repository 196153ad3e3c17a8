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
//! How a gateway tells its Zigbee devices apart is set by options, all of which are read:
//!
//! | option | message |
//! |---|---|
//! | none | `tele/zb/SENSOR` `{"ZbReceived": {"0x5ADF": {"Device": "0x5ADF", "Name": "hall", "Power": 1}}}` |
//! | `SetOption83` | the name instead of the address: `{"ZbReceived": {"hall": {"Device": "0x5ADF", …}}}` |
//! | `SetOption89`, `112`, `120` | a topic for each: `tele/zb/5ADF/SENSOR`, `tele/zb/hall/SENSOR`, `tele/zb/5ADF_1/SENSOR` |
//! | `SetOption100` | `{"0x5ADF": {…}}` alone |
//! | `SetOption118` | `tele/zb/ZbReceived` `{"0x5ADF": {…}}` |
//! | `SetOption119`, with a topic for each | `{"ZbReceived": {"Power": 1, …}}`, and the device is that of the topic |
//!
//! Documentation: <https://tasmota.github.io/docs/MQTT/>, <https://tasmota.github.io/docs/Zigbee/#reading-sensors>,
//! <https://tasmota.github.io/docs/Commands/#setoptions>.

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::take::{AllTaken, MAX_DEVICES_OF_A_MESSAGE, Taken, named, nothing, one};
use crate::topic::{around, below, is_discovery, parent};
use crate::{TakeError, json};

/// The last level of topics that hold nothing but what Zigbee devices sent.
const RECEIVED: &str = "ZbReceived";

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
    let text = json::text(payload)?;
    if !is_always_json(last) && !text.starts_with('{') {
        return match json::value(payload)? {
            Some(value) => called(device, json::nested([last], &value)),
            None => nothing(),
        };
    }
    let mut taken = SmallVec::new();
    let relayed = json::find(text, [RECEIVED, "LwReceived"])?;
    if relayed == [None, None] {
        if last != RECEIVED && !(last == "SENSOR" && is_of_zigbee(text)?) {
            return called(device, payload);
        }
        behind(text, device, &mut taken)?;
    }
    for devices in relayed.into_iter().flatten() {
        behind(devices, device, &mut taken)?;
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
    matches!(last, "SENSOR" | "STATE" | "RESULT" | RECEIVED) || last.starts_with("STATUS")
}

/// Whether every member is what a Zigbee device sent: an object under its short address, or one that says it.
fn is_of_zigbee(text: &str) -> Result<bool, TakeError> {
    let (mut is_it, mut members) = (true, 0);
    json::members(text, |key, body| {
        members += 1;
        is_it = is_it
            && body.starts_with('{')
            && (is_short_address(&key)
                || matches!(json::find(body, ["Device"])?, [Some(it)] if is_short_address(it.trim_matches('"'))));
        Ok(())
    })?;
    Ok(is_it && members > 0)
}

fn is_short_address(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|it| it.len() == 4 && it.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// The devices behind this one, each by its name.
fn behind<'a>(
    devices: &'a str,
    of_topic: &'a str,
    taken: &mut AllTaken<'a>,
) -> Result<(), TakeError> {
    let mut is_one = false;
    json::members(devices, |_, body| {
        is_one |= !body.starts_with('{');
        Ok(())
    })?;
    if is_one {
        return that_of_topic(devices, of_topic, taken);
    }
    json::members(devices, |key, body| {
        let [name] = json::find(body, ["Name"])?;
        push(name.and_then(json::string).unwrap_or(key), body, taken)
    })
}

/// What one device sent, which the message need not name: it has a topic of its own.
fn that_of_topic<'a>(
    body: &'a str,
    of_topic: &'a str,
    taken: &mut AllTaken<'a>,
) -> Result<(), TakeError> {
    let [name, address] = json::find(body, ["Name", "Device"])?;
    if let Some(said) = name.or(address).and_then(json::string) {
        return push(said, body, taken);
    }
    let level = parent(of_topic).map_or(of_topic, |it| it.1);
    // SetOption120 puts the endpoint behind the address.
    let address = level.split_once('_').map_or(level, |it| it.0);
    match address.len() == 4 && address.bytes().all(|it| it.is_ascii_hexdigit()) {
        true => push(Cow::Owned(format!("0x{address}")), body, taken),
        false => push(Cow::Borrowed(level), body, taken),
    }
}

fn push<'a>(name: Cow<'a, str>, body: &'a str, taken: &mut AllTaken<'a>) -> Result<(), TakeError> {
    if taken.len() >= MAX_DEVICES_OF_A_MESSAGE {
        return Err(TakeError::TooManyDevices);
    }
    taken.push(named(name, Cow::Borrowed(body.as_bytes()))?);
    Ok(())
}
