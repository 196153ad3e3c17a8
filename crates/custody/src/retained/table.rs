//! The retained messages of one deployment, and which of their rows are behind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{ThingId, Timestamp};
use policy::{LaneIndex, Outcome, Payload};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalogue::{Bound, Named, ThingNumber, ThingPeer};

/// The last message of a thing that it asked to be retained: only what some lane may get of it, each value as precise as the lane
/// that gets most may have it.
pub(crate) struct Retained {
    pub(crate) thing: Arc<ThingPeer>,
    pub(crate) at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) named: Named,
    pub(crate) origin: u64,
    /// The version of the notice under which it came.
    pub(crate) notice: u32,
    pub(crate) payload: Payload,
    /// What holds for the people who were there, as it was looked at last.
    pub(crate) bound: Arc<Bound>,
    pub(crate) views: Vec<View>,
}

/// What lanes may get of it: never more than when it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub(crate) outcome: Outcome,
    pub(crate) lanes: Vec<LaneIndex>,
}

impl Retained {
    /// How many bytes it holds, about.
    pub(crate) fn bytes(&self) -> usize {
        let views = self.views.iter();
        let views = views.map(|it| size_of::<View>() + it.lanes.len() * size_of::<LaneIndex>());
        size_of::<Self>() + self.payload.heap_bytes() + views.sum::<usize>()
    }

    /// What a lane may get of it.
    pub(crate) fn outcome(&self, lane: LaneIndex) -> Option<&Outcome> {
        outcome(&self.views, lane)
    }
}

/// What a lane may get.
pub(crate) fn outcome(views: &[View], lane: LaneIndex) -> Option<&Outcome> {
    let found = views.iter().find(|it| it.lanes.contains(&lane));
    found.map(|it| &it.outcome)
}

/// The retained messages of one deployment.
#[derive(Default)]
pub(crate) struct RetainedTable(Mutex<Table>);

impl RetainedTable {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
pub(crate) struct Table {
    by_thing: FxHashMap<ThingNumber, Arc<Retained>>,
    /// Whose rows are to be written.
    changed: FxHashSet<ThingNumber>,
    /// Whose rows are to be erased.
    gone: FxHashSet<ThingId>,
}

impl Table {
    pub(crate) fn get(&self, thing: ThingNumber) -> Option<&Arc<Retained>> {
        self.by_thing.get(&thing)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_thing.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ThingNumber, &Arc<Retained>)> {
        self.by_thing.iter().map(|it| (*it.0, it.1))
    }

    /// Puts a message in place of the one before, which it gives. Its row is written later.
    pub(crate) fn put(&mut self, retained: Retained) -> Option<Arc<Retained>> {
        let number = retained.thing.number;
        self.changed.insert(number);
        self.by_thing.insert(number, Arc::new(retained))
    }

    /// Puts in what its row holds already.
    pub(crate) fn restore(&mut self, retained: Retained) -> Option<Arc<Retained>> {
        let number = retained.thing.number;
        self.by_thing.insert(number, Arc::new(retained))
    }

    /// Puts in what is left of a message. Its row is erased, and written anew later.
    pub(crate) fn lower(&mut self, retained: Retained) -> Option<Arc<Retained>> {
        self.gone.insert(retained.thing.id.clone());
        self.put(retained)
    }

    /// Forgets the message of a thing, and its row.
    pub(crate) fn remove(&mut self, thing: ThingNumber) -> Option<Arc<Retained>> {
        let removed = self.by_thing.remove(&thing)?;
        self.changed.remove(&thing);
        self.gone.insert(removed.thing.id.clone());
        Some(removed)
    }

    /// At most `limit` of those whose rows are to be written.
    pub(crate) fn take_changed(&mut self, limit: usize) -> Vec<Arc<Retained>> {
        let numbers: Vec<_> = self.changed.iter().copied().take(limit).collect();
        for number in &numbers {
            self.changed.remove(number);
        }
        let found = numbers.iter().filter_map(|it| self.by_thing.get(it));
        found.map(Arc::clone).collect()
    }

    pub(crate) fn put_back_changed(&mut self, changed: &[Arc<Retained>]) {
        let still_there = |it: &&Arc<Retained>| self.by_thing.contains_key(&it.thing.number);
        let numbers: Vec<_> = changed
            .iter()
            .filter(still_there)
            .map(|it| it.thing.number)
            .collect();
        self.changed.extend(numbers);
    }

    pub(crate) fn take_gone(&mut self) -> FxHashSet<ThingId> {
        std::mem::take(&mut self.gone)
    }

    pub(crate) fn put_back_gone(&mut self, gone: FxHashSet<ThingId>) {
        self.gone.extend(gone);
    }
}
