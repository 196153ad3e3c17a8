//! Drift: fields that arrived without having been declared. Names and counts are public; values were never kept.

use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use model::{DeploymentId, Timestamp};
use policy::Undeclared;
use rustc_hash::FxHashMap;

/// The most undeclared names remembered per deployment between two flushes; more are counted under [`OVERFLOW`].
const MAX_POINTERS: usize = 256;
/// The name under which further undeclared fields are counted.
const OVERFLOW: &str = "(more fields)";

/// One undeclared field of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftRow {
    /// Its JSON Pointer in the message.
    pub pointer: String,
    /// `unknown` (no such field was declared) or `wrong-type` (declared with another type).
    pub reason: String,
    /// First time it arrived.
    pub first_at: Timestamp,
    /// Last time it arrived.
    pub last_at: Timestamp,
    /// How often it arrived.
    pub times: i64,
}

/// Counts drift until the next flush. Touched only by messages that drift.
#[derive(Default)]
pub(crate) struct DriftCounter {
    counts: Mutex<FxHashMap<Key, DriftRow>>,
}

/// Pointer and reason.
type Key = (String, String);

impl DriftCounter {
    pub(crate) fn count(&self, undeclared: &[Undeclared], now: Timestamp) {
        if undeclared.is_empty() {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for field in undeclared {
            let reason = match field.reason {
                policy::Reason::Unknown => "unknown",
                policy::Reason::WrongType => "wrong-type",
            };
            add(
                &mut counts,
                DriftRow {
                    pointer: field.pointer.to_string(),
                    reason: reason.to_owned(),
                    first_at: now,
                    last_at: now,
                    times: 1,
                },
            );
        }
    }

    /// Takes what was counted since the last call.
    pub(crate) fn take(&self) -> Vec<DriftRow> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *counts).into_values().collect()
    }

    /// Puts rows back that could not be written.
    pub(crate) fn put_back(&self, rows: Vec<DriftRow>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            add(&mut counts, row);
        }
    }
}

fn add(counts: &mut FxHashMap<Key, DriftRow>, mut row: DriftRow) {
    let mut key = (row.pointer.clone(), row.reason.clone());
    if counts.len() >= MAX_POINTERS && !counts.contains_key(&key) {
        OVERFLOW.clone_into(&mut key.0);
        OVERFLOW.clone_into(&mut row.pointer);
    }
    match counts.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert(row);
        }
        Entry::Occupied(occupied) => {
            let known = occupied.into_mut();
            known.first_at = known.first_at.min(row.first_at);
            known.last_at = known.last_at.max(row.last_at);
            known.times += row.times;
        }
    }
}

impl crate::Custody {
    /// What has drifted at a deployment, most recent first. Counts of the last second may be missing.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drift(
        &self,
        deployment: &DeploymentId,
        limit: u16,
    ) -> Result<Vec<DriftRow>, crate::rows::RowError> {
        self.inner
            .db
            .read(|tx| crate::rows::drift::of(tx, deployment, i64::from(limit)))
    }
}
