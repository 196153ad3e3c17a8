//! Zigbee2MQTT, a bridge between MQTT and the Zigbee devices of a house.
//!
//! | topic | |
//! |---|---|
//! | `BASE/FRIENDLY` | a reading: one JSON object, passed on as it is (`/temperature`, `/color/x`) |
//! | `BASE/FRIENDLY/ATTRIBUTE` | a reading, where the setting `output` is `attribute`: `{"ATTRIBUTE": value}` |
//! | `BASE/FRIENDLY/ENDPOINT` | a JSON object of a known device's endpoint: `{"ENDPOINT": {…}}` |
//! | `BASE/bridge/devices`, `BASE/bridge/groups` | no reading; the friendly names in it are remembered |
//! | `BASE/bridge/…`, `…/availability`, `…/set`, `…/set/…`, `…/get`, `…/get/…`, `homeassistant/…/config` | no reading |
//!
//! A device is called by its friendly name, which may contain slashes; groups have names too.
//! The base topic is the one under which `bridge/…` was published on this connection (Zigbee2MQTT does so first of all);
//! without that, everything up to a level `zigbee2mqtt`, or the first level.
//!
//! Documentation: <https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html>.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer as _, SeqAccess, Visitor};

use crate::take::{AllTaken, MAX_DEVICE_NAME_BYTES, nothing, one};
use crate::topic::{around, below, is_discovery, parent};
use crate::{TakeError, json};

/// The most friendly names that are remembered of a connection; further ones are told from their topics alone.
pub(crate) const MAX_KNOWN_DEVICES: usize = 1_024;

/// What is known of the bridge on this connection.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    base: Option<Box<str>>,
    devices: BTreeSet<Box<str>>,
    groups: BTreeSet<Box<str>>,
}

impl Memory {
    fn knows(&self, name: &str) -> bool {
        self.devices.contains(name) || self.groups.contains(name)
    }

    /// Whether the topic is one on which the bridge speaks about itself and its network.
    pub(crate) fn is_about_bridge(&mut self, topic: &str) -> bool {
        self.rest(topic).is_some_and(is_bridge)
    }

    /// What stands below the base topic.
    fn rest<'a>(&mut self, topic: &'a str) -> Option<&'a str> {
        let known = self.base.as_deref().and_then(|it| below(topic, it));
        if known.is_some() {
            return known;
        }
        if let Some((base, _, rest)) = around(topic, |it| it == "bridge")
            && !base.is_empty()
            && is_of_bridge(rest)
        {
            self.base = Some(base.into());
            return below(topic, base);
        }
        match around(topic, |it| it == "zigbee2mqtt") {
            Some((_, _, rest)) if !rest.is_empty() => Some(rest),
            _ => topic.split_once('/').map(|it| it.1),
        }
    }

    /// The longest name that is known and stands, followed by a slash, at the start of `rest`; and what follows.
    fn known_prefix<'a>(&self, rest: &'a str) -> Option<(&'a str, &'a str)> {
        let cuts = rest.rmatch_indices('/');
        let halves = cuts.filter_map(|(at, _)| Some((rest.get(..at)?, rest.get(at + 1..)?)));
        halves.take(MAX_CUTS).find(|it| self.knows(it.0))
    }
}

/// How many levels of a topic are tried as the end of a name.
const MAX_CUTS: usize = 16;

fn is_bridge(rest: &str) -> bool {
    rest == "bridge" || rest.starts_with("bridge/")
}

/// What Zigbee2MQTT publishes under `bridge/`.
fn is_of_bridge(rest: &str) -> bool {
    let first = rest.split('/').next().unwrap_or(rest);
    matches!(
        first,
        "state"
            | "info"
            | "devices"
            | "groups"
            | "event"
            | "logging"
            | "extensions"
            | "converters"
            | "definitions"
            | "response"
            | "health"
            | "config"
            | "log"
    )
}

/// Takes a message apart.
pub(crate) fn take<'a>(
    memory: &mut Memory,
    topic: &'a str,
    payload: &'a [u8],
) -> Result<AllTaken<'a>, TakeError> {
    if is_discovery(topic) {
        return nothing();
    }
    let rest = memory.rest(topic).ok_or(TakeError::OtherTopic)?;
    match rest {
        "bridge/devices" => memory.devices = names(payload),
        "bridge/groups" => memory.groups = names(payload),
        _ => {}
    }
    if is_bridge(rest) || payload.is_empty() {
        return nothing();
    }
    if memory.knows(rest) {
        return one(rest, json::object(payload)?);
    }
    if is_command_or_availability(rest) {
        return nothing();
    }
    let is_object = json::text(payload)?.starts_with('{');
    if let Some((device, field)) = memory.known_prefix(rest) {
        return attribute(device, field, payload);
    }
    match parent(rest) {
        Some((device, field)) if !is_object => attribute(device, field, payload),
        _ => one(rest, json::object(payload)?),
    }
}

fn attribute<'a>(
    device: &'a str,
    field: &'a str,
    payload: &'a [u8],
) -> Result<AllTaken<'a>, TakeError> {
    match json::value(payload)? {
        Some(value) => one(device, json::nested([field], &value)),
        None => nothing(),
    }
}

fn is_command_or_availability(rest: &str) -> bool {
    let mut levels = rest.rsplit('/');
    let is_command = |it| matches!(it, Some("set" | "get"));
    match (levels.next(), levels.next(), levels.next()) {
        (_, None, _) => false,
        (last, Some(_), None) => last == Some("availability") || is_command(last),
        (last, before, Some(_)) => {
            last == Some("availability") || is_command(last) || is_command(before)
        }
    }
}

/// The friendly names in a list of devices or groups. What cannot be read as one names none.
fn names(payload: &[u8]) -> BTreeSet<Box<str>> {
    let mut names = BTreeSet::new();
    let mut reader = serde_json::Deserializer::from_slice(payload);
    // A list that breaks off has named what it has named: names only help to cut topics.
    let _ = reader.deserialize_seq(Names(&mut names));
    names
}

struct Names<'n>(&'n mut BTreeSet<Box<str>>);

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    friendly_name: Option<Cow<'a, str>>,
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(named) = list.next_element::<Named<'de>>()? {
            let Some(name) = named.friendly_name else {
                continue;
            };
            if self.0.len() >= MAX_KNOWN_DEVICES {
                return Err(de::Error::custom("enough"));
            }
            if !name.is_empty() && name.len() <= MAX_DEVICE_NAME_BYTES {
                self.0.insert(name.into());
            }
        }
        Ok(())
    }
}
