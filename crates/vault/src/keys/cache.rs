//! Opened keys, and which of them are on their way out.

use std::sync::Arc;

use model::Subject;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{EpochKey, Shelf};
use crate::crypto::KeyId;

/// Opened keys in two generations: when the young one is full it becomes the old one, and the old one is dropped and wiped.
/// So at most `limit` keys are open, and a key in use is found again in one step.
pub(super) struct Cache {
    pub(super) young: Generation,
    old: Generation,
    young_keys: usize,
    generation_keys: usize,
    /// Keys whose rows are being deleted.
    retiring: FxHashSet<KeyId>,
    /// How often `retiring` changed: a key that was looked up before the last change may be gone.
    pub(super) retirements: u64,
}

pub(super) type Generation = FxHashMap<Subject, Vec<Arc<EpochKey>>>;

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            young_keys: 0,
            generation_keys: (limit / 2).max(1),
            retiring: FxHashSet::default(),
            retirements: 0,
        }
    }

    /// Takes keys out, and keeps them out until the next call.
    pub(super) fn retire(&mut self, keys: &FxHashSet<KeyId>) {
        self.retiring.clone_from(keys);
        self.retirements += 1;
        if keys.is_empty() {
            return;
        }
        for generation in [&mut self.young, &mut self.old] {
            generation.retain(|_, of_subject| {
                of_subject.retain(|it| !keys.contains(&it.id));
                !of_subject.is_empty()
            });
        }
        self.young_keys = self.young.values().map(Vec::len).sum();
    }

    /// Takes the keys of a subject out. Who does that keeps everybody else from opening them again until their rows are changed.
    pub(super) fn forget(&mut self, subject: &Subject) {
        self.retirements += 1;
        self.old.remove(subject);
        let gone = self.young.remove(subject).map_or(0, |it| it.len());
        self.young_keys = self.young_keys.saturating_sub(gone);
    }

    /// Whether a key is open.
    pub(super) fn has(&self, subject: &Subject, id: KeyId) -> bool {
        let generations = [&self.young, &self.old];
        let mut keys = generations
            .iter()
            .filter_map(|it| it.get(subject))
            .flatten();
        keys.any(|it| it.id == id)
    }

    pub(super) fn is_retiring(&self, key: KeyId) -> bool {
        self.retiring.contains(&key)
    }

    /// Finds a key, and moves it to the young generation.
    pub(super) fn promote(&mut self, subject: &Subject, shelf: Shelf) -> Option<Arc<EpochKey>> {
        let key = find(&self.young, subject, shelf)
            .or_else(|| find(&self.old, subject, shelf))
            .cloned()?;
        self.insert(subject, Arc::clone(&key));
        Some(key)
    }

    pub(super) fn insert(&mut self, subject: &Subject, key: Arc<EpochKey>) {
        if let Some(keys) = self.young.get(subject)
            && keys.iter().any(|it| it.id == key.id)
        {
            return;
        }
        if self.young_keys >= self.generation_keys {
            self.old = std::mem::take(&mut self.young);
            self.young_keys = 0;
        }
        self.young.entry(subject.clone()).or_default().push(key);
        self.young_keys += 1;
    }

    /// Subjects and classes that have a key of an epoch here and none of the next one, as many as there is room for in the young
    /// generation.
    pub(super) fn without_next(&self, epoch: i64, limit: usize) -> Vec<(Subject, Shelf)> {
        let room = self.generation_keys.saturating_sub(self.young_keys);
        let has = |generation: &Generation, subject: &Subject, shelf| {
            find(generation, subject, shelf).is_some()
        };
        let in_young = self.young.iter().map(|it| (true, it));
        let in_old = self.old.iter().map(|it| (false, it));
        let all = in_young
            .chain(in_old)
            .flat_map(|(is_young, (subject, keys))| {
                let of_epoch = keys.iter().filter(|it| it.epoch == epoch);
                of_epoch.map(move |it| (is_young, subject, it.shelf()))
            });
        let missing = all.filter(|(is_young, subject, shelf)| {
            let (next, is_twice) = (shelf.next(), !is_young && has(&self.young, subject, *shelf));
            !is_twice && !has(&self.young, subject, next) && !has(&self.old, subject, next)
        });
        let missing = missing.map(|(_, subject, shelf)| (subject.clone(), shelf.next()));
        missing.take(limit.min(room)).collect()
    }
}

pub(super) fn find<'a>(
    generation: &'a Generation,
    subject: &Subject,
    shelf: Shelf,
) -> Option<&'a Arc<EpochKey>> {
    let mut keys = generation.get(subject)?.iter();
    keys.find(|it| it.epoch == shelf.epoch && it.retention == shelf.retention)
}
