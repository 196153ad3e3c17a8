//! Buckets for anybody who may come, in memory that does not grow with how many come.
//!
//! A key has one place in each of two rows, chosen by a hash whose secret is drawn at the start. It may go on while one
//! of them has a token: to be slowed down by strangers it takes strangers in both places, and nobody can choose where
//! he stands.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::AtomicU64;

use crate::rate::Pace;

/// How many places a row has; a power of two.
const PLACES: usize = 16 * 1024;

/// One bucket for each key, nearly.
pub(super) struct Slots {
    pace: Pace,
    hasher: RandomState,
    rows: [Box<[AtomicU64]>; 2],
}

impl Slots {
    /// All of them are full.
    pub(super) fn new(pace: Pace) -> Self {
        let row = || (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self {
            pace,
            hasher: RandomState::new(),
            rows: [row(), row()],
        }
    }

    /// Takes a token of a key, or says that there is none.
    pub(super) fn take(&self, key: &impl Hash, now_ms: u64) -> bool {
        let [one, two] = self.places(key);
        // Both pay, whichever lets it pass.
        one.is_some_and(|it| self.pace.take(it, 1, now_ms))
            | two.is_some_and(|it| self.pace.take(it, 1, now_ms))
    }

    /// Whether a key has no token left.
    pub(super) fn is_empty(&self, key: &impl Hash, now_ms: u64) -> bool {
        let is_empty = |it: &AtomicU64| self.pace.is_empty(it, now_ms);
        self.places(key).into_iter().flatten().all(is_empty)
    }

    fn places(&self, key: &impl Hash) -> [Option<&AtomicU64>; 2] {
        let hash = self.hasher.hash_one(key);
        let [one, two] = &self.rows;
        [place(one, hash), place(two, hash >> 32)]
    }
}

fn place(row: &[AtomicU64], hash: u64) -> Option<&AtomicU64> {
    let at = usize::try_from(hash % (PLACES as u64)).ok()?;
    row.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_others_takes_nothing_from_one_who_behaves() {
        let slots = Slots::new(Pace::new(10, 1_000));
        for key in 0..1_000_u32 {
            while slots.take(&key, 1_000) {}
        }
        // With a thousand at their limit, in 16 384 places each, both places are taken for one of 270 at most.
        let slowed = (10_000..11_000_u32).filter(|it| slots.is_empty(it, 1_000));
        assert!(slowed.count() < 30);
        assert!((0..1_000_u32).all(|it| slots.is_empty(&it, 1_000)));
        assert!((0..1_000_u32).all(|it| !slots.is_empty(&it, 1_200)));
    }
}
