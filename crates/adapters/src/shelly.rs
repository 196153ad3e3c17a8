//! Shelly devices.
//!
//! # First generation
//!
//! | topic | |
//! |---|---|
//! | `shellies/ID/PATH` | a reading: the value at its path (`/relay/0/power`, `/sensor/temperature`); JSON objects stay nested |
//! | `shellies/ID/relay/0`, `light/0`, `color/0`, `white/0`, `roller/0` | the same, at `/relay/0/state`, because other topics lie below |
//! | `shellies/ID/info` | a reading: one JSON object, passed on as it is (`/meters/0/power`) |
//! | `shellies/ID/online`, `announce`, `…/command`, `…/set`, `shellies/announce`, `shellies/command` | no reading |
//!
//! A device is called by its `ID`, such as `shelly1pm-AABBCC`.
//! Documentation: <https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support>.
//!
//! # Second generation and later
//!
//! | topic | |
//! |---|---|
//! | `PREFIX/events/rpc` | `NotifyStatus`, `NotifyFullStatus`, `NotifyEvent`: their `params`, passed on as they are (`/switch:0/apower`, `/events/*/event`); other methods carry no reading |
//! | `PREFIX/status/COMPONENT` | the same component at the same place: `{"switch:0": {…}}` |
//! | `PREFIX/online`, `rpc`, `command`, `debug/log`, `…/command/…`, `…/announce` | no reading |
//!
//! A device is called by its MQTT prefix, which is its id (`shellyplus1pm-a8032ab12345`) unless it was changed.
//! Documentation: <https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt> and
//! <https://shelly-api-docs.shelly.cloud/gen2/General/Notifications>.

use crate::take::{AllTaken, nothing, one};
use crate::topic::{below, parent};
use crate::{TakeError, json};

/// Takes a message of the first generation apart.
pub(crate) fn take_gen1<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    let rest = below(topic, "shellies").ok_or(TakeError::OtherTopic)?;
    if payload.is_empty() || matches!(rest, "announce" | "command") {
        return nothing();
    }
    let (device, path) = rest.split_once('/').ok_or(TakeError::OtherTopic)?;
    if path == "info" {
        return one(device, json::object(payload)?);
    }
    let last = parent(path).map_or(path, |it| it.1);
    if matches!(last, "announce" | "online" | "command" | "set") {
        return nothing();
    }
    let Some(value) = json::value(payload)? else {
        return nothing();
    };
    let state = has_topics_below(path).then_some("state");
    one(device, json::nested(path.split('/').chain(state), &value))
}

/// Whether the path is that of a switch, below which other topics lie.
fn has_topics_below(path: &str) -> bool {
    path.split_once('/').is_some_and(|(component, number)| {
        matches!(component, "relay" | "light" | "color" | "white" | "roller")
            && !number.contains('/')
    })
}

/// Takes a message of the second generation or a later one apart.
pub(crate) fn take_gen2<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    let (before, last) = parent(topic).ok_or(TakeError::OtherTopic)?;
    let above = parent(before);
    match (above, last) {
        (Some((_, "command" | "debug")), _) | (_, "online" | "command" | "announce") => nothing(),
        _ if payload.is_empty() => nothing(),
        (Some((device, "events")), "rpc") => notification(device, payload),
        (_, "rpc") => nothing(),
        (Some((device, "status")), component) => {
            let status = json::text(json::object(payload)?)?;
            one(device, json::nested([component], status))
        }
        _ => Err(TakeError::OtherTopic),
    }
}

fn notification<'a>(device: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    let [method, params] = json::find(json::text(payload)?, ["method", "params"])?;
    let method = method.and_then(json::string);
    let method = method.ok_or(TakeError::Missing("method"))?;
    if !matches!(
        &*method,
        "NotifyStatus" | "NotifyFullStatus" | "NotifyEvent"
    ) {
        return nothing();
    }
    let params = params.filter(|it| it.starts_with('{'));
    one(
        device,
        params.ok_or(TakeError::Missing("params"))?.as_bytes(),
    )
}
