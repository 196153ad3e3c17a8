//! ESPHome devices with its MQTT component.
//!
//! | topic | |
//! |---|---|
//! | `PREFIX/COMPONENT/ID/state`, `PREFIX/COMPONENT/ID/PART/state` | a reading: the value at its path (`/sensor/temperature/state`, `/climate/room/current_temperature/state`); JSON objects stay nested |
//! | `PREFIX/status`, `PREFIX/debug`, `…/command`, `homeassistant/…/config`, `esphome/…` | no reading |
//!
//! A device is called by its topic prefix, which is its name unless it was changed.
//! `COMPONENT` is the kind of entity: `sensor`, `binary_sensor`, `switch`, …
//!
//! Documentation: <https://esphome.io/components/mqtt/#mqtt-component-base-configuration>.

use crate::take::{AllTaken, nothing, one};
use crate::topic::{below, is_discovery, parent};
use crate::{TakeError, json};

/// Takes a message apart.
pub(crate) fn take<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    if is_discovery(topic) || below(topic, "esphome").is_some() || payload.is_empty() {
        return nothing();
    }
    let (before, last) = parent(topic).ok_or(TakeError::OtherTopic)?;
    if last != "state" {
        return match last {
            "status" | "debug" | "command" => nothing(),
            _ => Err(TakeError::OtherTopic),
        };
    }
    let Some((device, path)) = cut(before) else {
        return Err(TakeError::OtherTopic);
    };
    let Some(value) = json::value(payload)? else {
        return nothing();
    };
    one(device, json::nested(path.split('/').chain([last]), &value))
}

/// Where a state stands in the message that is made of it.
pub(crate) fn path(topic: &str) -> Option<impl Iterator<Item = &str>> {
    let (before, last) = parent(topic).filter(|it| it.1 == "state")?;
    let (_, path) = cut(before)?;
    Some(path.split('/').chain([last]))
}

/// The prefix, and the component with what belongs to it.
fn cut(topic: &str) -> Option<(&str, &str)> {
    let (rest, _) = parent(topic)?;
    let (prefix, component) = parent(rest)?;
    let prefix = if is_component(component) {
        prefix
    } else {
        let (prefix, component) = parent(prefix)?;
        is_component(component).then_some(prefix)?
    };
    Some((prefix, below(topic, prefix)?))
}

/// The kinds of entities that publish a state.
fn is_component(level: &str) -> bool {
    matches!(
        level,
        "sensor"
            | "binary_sensor"
            | "text_sensor"
            | "switch"
            | "light"
            | "fan"
            | "cover"
            | "climate"
            | "number"
            | "select"
            | "lock"
            | "button"
            | "text"
            | "valve"
            | "event"
            | "update"
            | "alarm_control_panel"
            | "date"
            | "time"
            | "datetime"
            | "water_heater"
    )
}
