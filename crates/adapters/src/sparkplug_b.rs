//! Sparkplug B (Eclipse Sparkplug Specification 3.0.0), as edge nodes publish it.
//!
//! <https://sparkplug.eclipse.org/specification/version/3.0/documents/sparkplug-specification-3.0.0.pdf>
//!
//! ```text
//! spBv1.0/{group}/{NBIRTH|NDATA|NDEATH|NCMD}/{node}
//! spBv1.0/{group}/{DBIRTH|DDATA|DDEATH|DCMD}/{node}/{device}
//! spBv1.0/STATE/{host}
//! ```
//!
//! Births and data are readings; deaths, commands and states are not. What goes the other way is told in [`command`],
//! [`rebirth`] and [`host`]. The device is `group/node/device`, the edge node
//! itself `group/node`. The body is an object with the names of the metrics as they are: a slash in a name does not make
//! it an object, because `Inputs` and `Inputs/A` may stand side by side; the pointer to `Inputs/A` is `/Inputs~1A`
//! (RFC 6901 section 4). How each type of value is written is told in [`value`].
//!
//! Metrics may come with times, several of one name among them (section 6.4.6, stored and forwarded ones): they are taken
//! in the order of their times, and a name that the message has already begins the next message. The times order
//! them and no more.
//!
//! A birth tells which alias and which type each name has. That is remembered for the connection, within
//! [`MAX_MEMORY_BYTES`]. Sequence numbers (`tck-id-payloads-sequence-num-incrementing`) are checked: after a gap what was
//! remembered of the edge node is forgotten, because a birth may have been lost and an alias may mean another metric now.
//! Metrics by alias are refused from then on until the edge node is born again, which it is asked for, see [`rebirth`].

mod command;
mod data_set;
mod encode;
mod host;
mod rebirth;
mod value;
mod wire;

pub(crate) use command::{speak, topic as command_topic};
pub use rebirth::REBIRTH_INTERVAL_MS;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;

use crate::json;
use crate::take::{self, AllTaken, Answer, TakeError};
use host::Hosts;
use rebirth::Rebirths;
use value::Room;
use wire::{Metric, Payload};

/// The most metrics of one message.
pub const MAX_METRICS: usize = 4_096;
/// The most edge nodes that one connection speaks for.
pub const MAX_EDGE_NODES: usize = 64;
/// How much JSON a packet may become, all of its messages together, in bytes: a name that stands once in it, or that an alias stands
/// for, stands in each of them.
pub const MAX_JSON_BYTES: usize = 1024 * 1024;
/// How much is remembered of a connection's births, in bytes.
pub const MAX_MEMORY_BYTES: usize = 1024 * 1024;
/// What a remembered name or alias needs apart from its text, in bytes.
const BYTES_PER_METRIC: usize = 96;
/// What a remembered device needs apart from its name, in bytes.
const BYTES_PER_DEVICE: usize = 256;

/// What the births of a connection's edge nodes said.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// By `group/node`.
    nodes: BTreeMap<String, Node>,
    rebirths: Rebirths,
    hosts: Hosts,
    gaps: u64,
}

#[derive(Debug, Default)]
struct Node {
    next_seq: Option<u64>,
    bd_seq: Option<u64>,
    /// By the name of the device; the empty name is the edge node itself.
    births: BTreeMap<String, Birth>,
}

/// What a birth said.
#[derive(Debug, Default)]
struct Birth {
    types: BTreeMap<Arc<str>, u32>,
    aliases: BTreeMap<u64, Arc<str>>,
}

impl Birth {
    fn size_bytes(&self) -> usize {
        let names: usize = self
            .types
            .keys()
            .map(|it| it.len() + BYTES_PER_METRIC)
            .sum();
        names + self.aliases.len() * BYTES_PER_METRIC + BYTES_PER_DEVICE
    }
}

impl Memory {
    /// How many times a message was missed, told by the sequence numbers.
    pub(crate) fn gaps(&self) -> u64 {
        self.gaps
    }

    /// What edge nodes have to be asked now.
    pub(crate) fn answers(&mut self, now: Timestamp, into: &mut Vec<Answer>) {
        self.hosts.told(now, into);
        self.rebirths.due(now, into);
    }

    /// The connection has subscribed to a filter.
    pub(crate) fn subscribed(&mut self, filter: &str) {
        self.hosts.subscribed(filter);
    }

    fn size_bytes(&self) -> usize {
        let births = self.nodes.values().flat_map(|it| it.births.iter());
        births
            .map(|(name, birth)| name.len() + birth.size_bytes())
            .sum()
    }

    /// Checks the sequence number (0 to 255, then 0 again) of a message that is no NBIRTH.
    fn check_sequence(&mut self, name: &str, seq: Option<u64>) {
        let (Some(node), Some(seq)) = (self.nodes.get_mut(name), seq) else {
            return;
        };
        if node.next_seq.is_some_and(|it| it != seq) {
            self.gaps = self.gaps.saturating_add(1);
            node.births.clear();
            self.rebirths.want(name);
        }
        node.next_seq = Some(after(seq));
    }

    fn remember(
        &mut self,
        node: &str,
        device: &str,
        metrics: &[Metric<'_>],
    ) -> Result<(), TakeError> {
        if !self.nodes.contains_key(node) && self.nodes.len() >= MAX_EDGE_NODES {
            return Err(TakeError::TooMuchToRemember);
        }
        let births = &mut self.nodes.entry(node.to_owned()).or_default().births;
        births.remove(device);
        let mut birth = Birth::default();
        for metric in metrics {
            let name: Arc<str> = Arc::from(metric.name.ok_or(TakeError::Missing("name"))?);
            if let Some(alias) = metric.alias {
                birth.aliases.insert(alias, Arc::clone(&name));
            }
            birth.types.insert(name, metric.datatype.unwrap_or(0));
        }
        if self.size_bytes() + birth.size_bytes() > MAX_MEMORY_BYTES {
            return Err(TakeError::TooMuchToRemember);
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.births.insert(device.to_owned(), birth);
        }
        Ok(())
    }
}

/// The sequence number that comes after this one.
fn after(seq: u64) -> u64 {
    seq.wrapping_add(1) % 256
}

/// The kinds of messages of an edge node or device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Birth,
    Data,
    Death,
    Command,
}

/// Where a message belongs.
struct Place<'a> {
    kind: Kind,
    /// `group/node`
    node: String,
    /// Empty for the edge node itself.
    device: &'a str,
}

/// Takes a message.
pub(crate) fn take<'a>(
    memory: &mut Memory,
    topic: &'a str,
    payload: &'a [u8],
) -> Result<AllTaken<'a>, TakeError> {
    let Some(place) = place(topic)? else {
        return take::nothing();
    };
    if place.kind == Kind::Command {
        return take::nothing();
    }
    let mut payload = wire::payload(payload)?;
    match (place.kind, place.device) {
        (Kind::Death, "") => return node_died(memory, &place, &payload),
        (Kind::Birth, "") => {
            let node = Node {
                next_seq: payload.seq.map(after),
                bd_seq: bd_seq(&payload),
                ..Node::default()
            };
            if memory.nodes.len() >= MAX_EDGE_NODES && !memory.nodes.contains_key(&place.node) {
                return Err(TakeError::TooMuchToRemember);
            }
            memory.nodes.insert(place.node.clone(), node);
            memory.rebirths.born(&place.node);
        }
        _ => memory.check_sequence(&place.node, payload.seq),
    }
    match place.kind {
        Kind::Birth => memory.remember(&place.node, place.device, &payload.metrics)?,
        Kind::Death => {
            if let Some(node) = memory.nodes.get_mut(&place.node) {
                node.births.remove(place.device);
            }
            return take::nothing();
        }
        Kind::Data | Kind::Command => {}
    }
    let node = memory.nodes.get(&place.node);
    let birth = node.and_then(|it| it.births.get(place.device));
    let name = match place.device {
        "" => place.node.clone(),
        device => format!("{}/{device}", place.node),
    };
    let taken = readings(name, &mut payload, birth);
    if taken == Err(TakeError::Unborn) {
        memory.rebirths.want(&place.node);
    }
    taken
}

/// An edge node died: what its births said is over, unless the death is of an older life (section 6.4.21, `bdSeq`).
fn node_died<'a>(
    memory: &mut Memory,
    place: &Place<'_>,
    payload: &Payload<'_>,
) -> Result<AllTaken<'a>, TakeError> {
    let born = memory.nodes.get(&place.node).and_then(|it| it.bd_seq);
    match (born, bd_seq(payload)) {
        (Some(born), Some(died)) if born != died => {}
        _ => {
            memory.nodes.remove(&place.node);
        }
    }
    take::nothing()
}

fn bd_seq(payload: &Payload<'_>) -> Option<u64> {
    let mut metrics = payload.metrics.iter();
    metrics
        .find(|it| it.name == Some("bdSeq"))
        .and_then(|it| it.value.as_ref()?.bits())
}

/// The messages that the metrics make.
fn readings<'a>(
    device: String,
    payload: &mut Payload<'_>,
    birth: Option<&Birth>,
) -> Result<AllTaken<'a>, TakeError> {
    let at = payload.timestamp;
    payload.metrics.sort_by_key(|it| it.timestamp.or(at));
    let mut all = AllTaken::new();
    let mut object = Object::default();
    let mut room = Room::of_packet();
    for metric in &payload.metrics {
        let name = name(metric, birth)?;
        let datatype = match metric.datatype {
            None | Some(0) => birth.and_then(|it| it.types.get(name).copied()),
            stated => stated,
        };
        let Some(value) = value::json(datatype.unwrap_or(0), metric, 0, &mut room)? else {
            continue;
        };
        room.take(json::quoted(name).len() + 2)?;
        if object.names.contains_key(name) {
            all.push(take::named(
                device.clone(),
                std::mem::take(&mut object).bytes(),
            )?);
        }
        object.names.insert(name, value);
    }
    if !object.names.is_empty() {
        all.push(take::named(device, object.bytes())?);
    }
    Ok(all)
}

/// The metrics of one message.
#[derive(Default)]
struct Object<'a> {
    names: BTreeMap<&'a str, String>,
}

impl Object<'_> {
    fn bytes(self) -> Vec<u8> {
        let members = self.names.iter();
        let members: Vec<_> = members
            .map(|(name, value)| format!("{}:{value}", json::quoted(name)))
            .collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

/// The name of a metric: its own, or the one that the birth gave to its alias.
fn name<'a>(metric: &Metric<'a>, birth: Option<&'a Birth>) -> Result<&'a str, TakeError> {
    if let Some(name) = metric.name {
        return Ok(name);
    }
    let alias = metric.alias.ok_or(TakeError::Missing("name"))?;
    let name = birth.and_then(|it| it.aliases.get(&alias));
    name.map(AsRef::as_ref).ok_or(TakeError::Unborn)
}

/// Where a message belongs; nothing when it is the state of a host.
fn place(topic: &str) -> Result<Option<Place<'_>>, TakeError> {
    // Before version 3 the topic of a state had no namespace.
    if topic.starts_with("STATE/") || topic.starts_with("spBv1.0/STATE/") {
        return Ok(None);
    }
    let rest = topic.strip_prefix("spBv1.0/");
    let mut levels = rest.ok_or(TakeError::OtherTopic)?.split('/');
    let (group, kind, node) = (levels.next(), levels.next(), levels.next());
    let (device, more) = (levels.next(), levels.next());
    let (Some(group), Some(kind), Some(node), None) = (group, kind, node, more) else {
        return Err(TakeError::OtherTopic);
    };
    let is_device = device.is_some();
    let kind = match kind {
        "NBIRTH" if !is_device => Kind::Birth,
        "NDATA" if !is_device => Kind::Data,
        "NDEATH" if !is_device => Kind::Death,
        "NCMD" if !is_device => Kind::Command,
        "DBIRTH" if is_device => Kind::Birth,
        "DDATA" if is_device => Kind::Data,
        "DDEATH" if is_device => Kind::Death,
        "DCMD" if is_device => Kind::Command,
        _ => return Err(TakeError::OtherTopic),
    };
    if group.is_empty() || node.is_empty() || device == Some("") {
        return Err(TakeError::OtherTopic);
    }
    Ok(Some(Place {
        kind,
        node: format!("{group}/{node}"),
        device: device.unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests;
