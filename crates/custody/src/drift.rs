//! Drift: fields that arrived without having been declared. Names and counts are public; values were never kept.

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
    counts: Mutex<FxHashMap<(String, &'static str), (Timestamp, Timestamp, i64)>>,
}

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
            let mut key = (field.pointer.to_string(), reason);
            if counts.len() >= MAX_POINTERS && !counts.contains_key(&key) {
                OVERFLOW.clone_into(&mut key.0);
            }
            let count = counts.entry(key).or_insert((now, now, 0));
            count.1 = now;
            count.2 += 1;
        }
    }

    /// Takes what was counted since the last call.
    pub(crate) fn take(&self) -> Vec<DriftRow> {
        let taken =
            std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        taken
            .into_iter()
            .map(|((pointer, reason), (first_at, last_at, times))| DriftRow {
                pointer,
                reason: reason.to_owned(),
                first_at,
                last_at,
                times,
            })
            .collect()
    }

    /// Puts rows back that could not be written.
    pub(crate) fn put_back(&self, rows: Vec<DriftRow>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            let reason = if row.reason == "unknown" {
                "unknown"
            } else {
                "wrong-type"
            };
            let count =
                counts
                    .entry((row.pointer, reason))
                    .or_insert((row.first_at, row.last_at, 0));
            count.0 = count.0.min(row.first_at);
            count.1 = count.1.max(row.last_at);
            count.2 += row.times;
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
