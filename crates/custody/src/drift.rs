//! Drift: fields that arrived without having been declared. Names and counts are public; values were never kept.
//!
//! A device could put a value into a name (`{"+923001234567": 1}`), so only what looks like a name of a field is shown;
//! everything else is counted under [`UNSHOWN`]. A deployment has at most [`MAX_POINTERS`] rows; what comes on top is
//! counted under [`OVERFLOW`].

use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use model::{DeploymentId, Timestamp};
use policy::Undeclared;
use rustc_hash::FxHashMap;

/// The most undeclared names of a deployment, in memory between two flushes and in the database.
pub(crate) const MAX_POINTERS: usize = 256;
/// The name under which further undeclared fields are counted.
pub(crate) const OVERFLOW: &str = "(more fields)";
/// The name under which undeclared fields are counted whose names could themselves be data.
pub(crate) const UNSHOWN: &str = "(names that are not shown)";
/// The longest part of a pointer that is shown, in characters.
const MAX_TOKEN_CHARS: usize = 48;
/// More digits in a row than this could be a number of somebody.
const MAX_DIGITS: usize = 4;

/// One undeclared field of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftRow {
    /// Its JSON Pointer in the message.
    pub pointer: String,
    /// `unknown` (no such field was declared), `wrong-type` (declared with another type or unit) `out-of-range`
    /// (outside of the declared range), or `not-yet` (worked out by a model that is not in force yet).
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
            add(
                &mut counts,
                DriftRow {
                    pointer: shown(&field.pointer),
                    reason: field.reason.as_str().to_owned(),
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

/// A pointer as it may be shown in public.
fn shown(pointer: &str) -> String {
    let mut tokens = pointer.split('/').skip(1);
    if pointer.is_empty() || tokens.all(is_name) {
        pointer.to_owned()
    } else {
        UNSHOWN.to_owned()
    }
}

/// Whether a part of a pointer looks like the name of a field or a small index, and not like data.
fn is_name(token: &str) -> bool {
    let plain =
        |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.' | ':' | '~' | '…');
    let mut digits = 0;
    let few_digits = token.chars().all(|it| {
        digits = if it.is_ascii_digit() { digits + 1 } else { 0 };
        digits <= MAX_DIGITS
    });
    token == model::Pointer::WILDCARD
        || few_digits
            && !token.is_empty()
            && token.chars().count() <= MAX_TOKEN_CHARS
            && token.chars().all(plain)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_name_is_shown() {
        for name in [
            "",
            "/ssid",
            "/switch:0/aenergy/by_minute/2",
            "/rx-info~1x",
            "/T_out.2024",
            "/rooms/*/x",
        ] {
            assert_eq!(shown(name), name);
        }
        for data in [
            "/+923001234567",
            "/a/12345",
            "/نام",
            "/ayesha@example",
            "/a\u{0}b",
            "/a*",
            "/",
            &format!("/{}", "x".repeat(49)),
        ] {
            assert_eq!(shown(data), UNSHOWN);
        }
    }
}
