//! Asking edge nodes for their births again (Sparkplug 3.0.0 section 6.4.25, `Node Control/Rebirth`).
//!
//! A host that has missed a message, or gets a metric that no birth named, sends the edge node an NCMD with the metric
//! `Node Control/Rebirth` set to true; the edge node then sends its births and all of its values. Nothing else is ever
//! commanded here. An edge node is asked at most once in [`REBIRTH_INTERVAL_MS`], however much of it cannot be read.

use std::collections::BTreeMap;

use model::Timestamp;

use super::MAX_EDGE_NODES;
use crate::take::Answer;

/// How long an edge node is not asked again, in milliseconds.
pub const REBIRTH_INTERVAL_MS: i64 = 10_000;
/// The data type Boolean (section 6.4.16).
const BOOLEAN: u64 = 11;

/// Whose births are wanted, by `group/node`.
#[derive(Debug, Default)]
pub(super) struct Rebirths {
    nodes: BTreeMap<String, Asked>,
    is_any_wanted: bool,
}

#[derive(Debug, Default)]
struct Asked {
    is_wanted: bool,
    at: Option<Timestamp>,
}

impl Rebirths {
    /// The birth of an edge node is wanted.
    pub(super) fn want(&mut self, node: &str) {
        if !self.nodes.contains_key(node) && self.nodes.len() >= MAX_EDGE_NODES {
            self.nodes.retain(|_, it| it.is_wanted);
            if self.nodes.len() >= MAX_EDGE_NODES {
                return;
            }
        }
        self.nodes.entry(node.to_owned()).or_default().is_wanted = true;
        self.is_any_wanted = true;
    }

    /// It was born. When it was asked stays: one whose births never say enough is not asked all the time.
    pub(super) fn born(&mut self, node: &str) {
        if let Some(asked) = self.nodes.get_mut(node) {
            asked.is_wanted = false;
        }
    }

    /// What has to be sent now.
    pub(super) fn due(&mut self, now: Timestamp, into: &mut Vec<Answer>) {
        if !self.is_any_wanted {
            return;
        }
        let mut is_any_wanted = false;
        for (node, asked) in self.nodes.iter_mut().filter(|it| it.1.is_wanted) {
            let is_due = asked.at.is_none_or(|at| {
                now.as_millis().abs_diff(at.as_millis()) >= REBIRTH_INTERVAL_MS.unsigned_abs()
            });
            match (is_due, node.split_once('/')) {
                (true, Some((group, name))) => {
                    asked.at = Some(now);
                    asked.is_wanted = false;
                    into.push(Answer {
                        topic: format!("spBv1.0/{group}/NCMD/{name}"),
                        payload: command(now),
                    });
                }
                (true, None) => asked.is_wanted = false,
                (false, _) => is_any_wanted = true,
            }
        }
        self.is_any_wanted = is_any_wanted;
    }
}

/// The payload of the NCMD. A command has no sequence number (section 6.4.24).
fn command(now: Timestamp) -> Vec<u8> {
    let at = u64::try_from(now.as_millis()).unwrap_or(0);
    let mut metric = Vec::with_capacity(48);
    let name = b"Node Control/Rebirth";
    bytes(1, name, &mut metric);
    number(3, at, &mut metric);
    number(4, BOOLEAN, &mut metric);
    number(14, 1, &mut metric);
    let mut payload = Vec::with_capacity(64);
    number(1, at, &mut payload);
    bytes(2, &metric, &mut payload);
    payload
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        match value {
            0 => return out.push(low & 0x7f),
            _ => out.push(low | 0x80),
        }
    }
}
