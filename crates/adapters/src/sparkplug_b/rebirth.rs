//! Asking edge nodes for their births again (Sparkplug 3.0.0 section 6.4.25, `Node Control/Rebirth`).
//!
//! A host that has missed a message, or gets a metric that no birth named, sends the edge node an NCMD with the metric
//! `Node Control/Rebirth` set to true; the edge node then sends its births and all of its values. An edge node is asked at most once in [`REBIRTH_INTERVAL_MS`], however much of it cannot be read.

use std::collections::BTreeMap;

use model::Timestamp;

use super::MAX_EDGE_NODES;
use super::encode::{self, KnownBy, Metric, Value};
use crate::take::Answer;

/// How long an edge node is not asked again, in milliseconds.
pub const REBIRTH_INTERVAL_MS: i64 = 10_000;
/// The data type Boolean (section 6.4.16).
const BOOLEAN: u32 = 11;

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
                        is_retained: false,
                    });
                }
                (true, None) => asked.is_wanted = false,
                (false, _) => is_any_wanted = true,
            }
        }
        self.is_any_wanted = is_any_wanted;
    }
}

/// The payload of the NCMD. This metric goes by its name, whatever the birth said
/// (`tck-id-operational-behavior-data-commands-rebirth-name-aliases`).
fn command(now: Timestamp) -> Vec<u8> {
    let rebirth = Metric {
        known_by: KnownBy::Name("Node Control/Rebirth"),
        datatype: BOOLEAN,
        value: Value::Boolean(true),
    };
    encode::payload(&[rebirth], now)
}
