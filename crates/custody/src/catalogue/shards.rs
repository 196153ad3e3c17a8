//! A map and a list that share their parts with the versions they were derived from.
//!
//! A state of a deployment is never changed: the next one is derived from it. Deriving clones a list of pointers and then
//! only the parts in which something changes, so that a choice of one person among 100,000 copies a few dozen entries.

use std::borrow::Borrow;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// How full the parts of a map may be on average before there are twice as many.
const MAX_PER_SHARD: usize = 48;
/// How many items a part of a list has.
const CHUNK: usize = 64;

/// A map in parts by hash.
pub(crate) struct Shards<K, V> {
    /// None, or a power of two.
    shards: Vec<Arc<FxHashMap<K, V>>>,
    len: usize,
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self {
            shards: self.shards.clone(),
            len: self.len,
        }
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self {
            shards: Vec::new(),
            len: 0,
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    /// What stands under a key.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shards.get(self.place(key))?.get(key)
    }

    /// What stands under a key, with the key that was inserted.
    pub(crate) fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        self.shards.get(self.place(key))?.get_key_value(key)
    }

    /// Puts a value under a key; copies one part, if others still use it.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.len >= self.shards.len() * MAX_PER_SHARD {
            self.grow();
        }
        let place = self.place(&key);
        if let Some(shard) = self.shards.get_mut(place)
            && Arc::make_mut(shard).insert(key, value).is_none()
        {
            self.len += 1;
        }
    }

    /// Removes what stands under a key; copies one part, if others still use it.
    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.place(key);
        let shard = self.shards.get_mut(place)?;
        shard.contains_key(key).then_some(())?;
        let removed = Arc::make_mut(shard).remove(key);
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// Every entry, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|it| it.iter())
    }

    /// Every value, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|it| it.1)
    }

    /// Whether there is no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn grow(&mut self) {
        let shards = (self.shards.len() * 2).max(1);
        let mut grown = Self {
            shards: (0..shards).map(|_| Arc::default()).collect(),
            len: 0,
        };
        for (key, value) in self.iter() {
            grown.insert(key.clone(), value.clone());
        }
        *self = grown;
    }

    /// The maps use the ends of the hash, so the part is chosen by the middle of another mix of it.
    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = FxBuildHasher.hash_one(key).wrapping_mul(GOLDEN) >> 24;
        let mask = self.shards.len().wrapping_sub(1);
        usize::try_from(mixed & u64::from(u32::MAX)).unwrap_or_default() & mask
    }
}

/// A list in parts of [`CHUNK`].
pub(crate) struct Chunks<T> {
    chunks: Vec<Arc<Vec<T>>>,
}

impl<T> Clone for Chunks<T> {
    fn clone(&self) -> Self {
        Self {
            chunks: self.chunks.clone(),
        }
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Clone> Chunks<T> {
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// Puts `value` at `index`, filling up with `gap` where the list is shorter.
    pub(crate) fn set(&mut self, index: usize, value: T, gap: &T) {
        while self.chunks.len() <= index / CHUNK {
            let chunk = vec![gap.clone(); CHUNK];
            self.chunks.push(Arc::new(chunk));
        }
        let chunk = self.chunks.get_mut(index / CHUNK).map(Arc::make_mut);
        if let Some(slot) = chunk.and_then(|it| it.get_mut(index % CHUNK)) {
            *slot = value;
        }
    }

    /// Every item with its index, gaps among them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.chunks.iter().flat_map(|it| it.iter()).enumerate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_map_shares_what_did_not_change() {
        let mut first = Shards::default();
        for number in 0..10_000_u32 {
            first.insert(number, number);
        }
        let mut second = first.clone();
        second.insert(7, 70);
        second.insert(10_000, 1);
        assert_eq!((first.get(&7), second.get(&7)), (Some(&7), Some(&70)));
        assert_eq!((first.get(&10_000), second.get(&10_000)), (None, Some(&1)));
        assert_eq!(
            (first.iter().count(), second.values().count()),
            (10_000, 10_001)
        );
        let shared = first.shards.iter().zip(&second.shards);
        let copied = shared.filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
        assert!((1..=2).contains(&copied), "{copied} parts were copied");
    }

    #[test]
    fn parts_of_a_map_are_about_equally_full() {
        let mut map = Shards::default();
        for number in 0..100_000_u32 {
            map.insert(format!("thing-{number}"), ());
        }
        let fullest = map.shards.iter().map(|it| it.len()).max().unwrap();
        assert!(fullest < 3 * MAX_PER_SHARD, "{fullest}");
    }

    #[test]
    fn a_derived_list_shares_what_did_not_change() {
        let mut first = Chunks::default();
        for index in 0..1_000 {
            first.set(index, index, &usize::MAX);
        }
        let mut second = first.clone();
        second.set(70, 0, &usize::MAX);
        second.set(1_100, 5, &usize::MAX);
        assert_eq!((first.get(70), second.get(70)), (Some(&70), Some(&0)));
        assert_eq!(
            (second.get(1_099), first.get(1_100)),
            (Some(&usize::MAX), None)
        );
        let shared = first.chunks.iter().zip(&second.chunks);
        assert_eq!(shared.filter(|(a, b)| !Arc::ptr_eq(a, b)).count(), 1);
    }
}
