//! The open windows of one deployment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Pointer, Retention, ThingId, Timestamp, Window};
use policy::{Accumulator, Added, Keeping, Lane};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalogue::bound::Present;
use crate::secret::SubjectToken;

/// The name of a window's row: a keyed hash of what it is about.
pub(crate) type RowId = [u8; 32];

/// For whom a window is, under names that stay when programs change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Slot {
    Lane(Lane),
    Kept(Keeping, Retention),
}

/// What a window is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) thing: ThingId,
    /// Whom the messages name.
    pub(crate) named: Option<SubjectToken>,
    /// Who was sensed.
    pub(crate) people: Arc<[Present]>,
    pub(crate) slot: Slot,
    pub(crate) field: Pointer,
}

/// Windows with the same of these leave in one message.
type InOneMessage<'a> = (
    &'a ThingId,
    &'a Option<SubjectToken>,
    &'a Arc<[Present]>,
    &'a Slot,
    Timestamp,
    Timestamp,
);

impl Key {
    pub(crate) fn in_one_message<'a>(&'a self, open: &'a Open) -> InOneMessage<'a> {
        let accumulator = &open.accumulator;
        (
            &self.thing,
            &self.named,
            &self.people,
            &self.slot,
            accumulator.from(),
            accumulator.until(),
        )
    }
}

/// A window that is open, or over and about to leave.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) accumulator: Accumulator,
    /// When the last value came in.
    pub(crate) last_at: Timestamp,
    pub(crate) id: RowId,
    /// Whether its row is not what it is now.
    changed: bool,
    /// Whether it has a row.
    has_row: bool,
}

impl Open {
    pub(crate) fn begin(window: Window, at: Timestamp, id: RowId) -> Self {
        Self {
            accumulator: Accumulator::begin(window, at),
            last_at: at,
            id,
            changed: false,
            has_row: false,
        }
    }

    /// Its row, where it has one.
    pub(crate) fn row(&self) -> Option<RowId> {
        self.has_row.then_some(self.id)
    }

    /// As it was saved.
    pub(crate) fn restored(accumulator: Accumulator, last_at: Timestamp, id: RowId) -> Self {
        Self {
            accumulator,
            last_at,
            id,
            changed: false,
            has_row: true,
        }
    }
}

/// The windows of one deployment.
#[derive(Default)]
pub(crate) struct WindowTable {
    table: Mutex<Table>,
}

impl WindowTable {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`WindowTable`].
#[derive(Default)]
pub(crate) struct Table {
    open: FxHashMap<Key, Open>,
    /// Over, and not gone yet.
    over: Vec<(Key, Open)>,
    /// Rows to be erased.
    gone: FxHashSet<RowId>,
    /// Rows to be erased once what they became is durable.
    left: FxHashSet<RowId>,
    /// No window is over before this.
    next: Option<Timestamp>,
}

impl Table {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.over.len()
    }

    /// How many windows are so.
    pub(crate) fn count(&self, is_so: impl Fn(&Key, &Open) -> bool) -> usize {
        let over = self.over.iter().map(|it| (&it.0, &it.1));
        let all = self.open.iter().chain(over);
        all.filter(|it| is_so(it.0, it.1)).count()
    }

    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.open.contains_key(key)
    }

    /// Sets a window aside that is over, or is not the window that the notice declares now.
    pub(crate) fn retire(&mut self, key: &Key, window: &Window, at: Timestamp) {
        let is_done = |it: &Open| it.accumulator.is_over(at) || it.accumulator.window() != window;
        if self.open.get(key).is_some_and(is_done)
            && let Some(entry) = self.open.remove_entry(key)
        {
            self.over.push(entry);
        }
    }

    pub(crate) fn begin(&mut self, key: Key, open: Open) {
        let until = open.accumulator.until();
        self.next = Some(self.next.map_or(until, |it| it.min(until)));
        self.gone.remove(&open.id);
        self.left.remove(&open.id);
        self.open.insert(key, open);
    }

    pub(crate) fn add(&mut self, key: &Key, raw: &str, at: Timestamp) -> Option<Added> {
        let open = self.open.get_mut(key)?;
        let added = open.accumulator.add(raw, at);
        open.changed = true;
        if added == Added::Counted {
            open.last_at = at;
        }
        Some(added)
    }

    /// Takes out what is over.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<(Key, Open)> {
        if self.over.is_empty() && self.next.is_none_or(|it| now < it) {
            return Vec::new();
        }
        let mut due = std::mem::take(&mut self.over);
        due.extend(
            self.open
                .extract_if(|_, open| open.accumulator.is_over(now)),
        );
        self.next = self.open.values().map(|it| it.accumulator.until()).min();
        due
    }

    /// Says that these have left, or had nothing to show.
    pub(crate) fn have_left(&mut self, rows: impl Iterator<Item = RowId>) {
        self.left.extend(rows);
    }

    /// Takes back what could not leave.
    pub(crate) fn put_back(&mut self, due: Vec<(Key, Open)>) {
        self.over.extend(due);
    }

    /// Erases what is not allowed; tells how many.
    pub(crate) fn retain(&mut self, allowed: impl Fn(&Key, &Open) -> bool) -> usize {
        let before = self.len();
        let gone = &mut self.gone;
        let mut keep = |key: &Key, open: &Open| {
            let stays = allowed(key, open);
            if !stays && open.has_row {
                gone.insert(open.id);
            }
            stays
        };
        self.open.retain(|key, open| keep(key, open));
        self.over.retain(|(key, open)| keep(key, open));
        before - self.len()
    }

    /// What has changed since it was taken the last time.
    pub(crate) fn take_changed(&mut self) -> Vec<(Key, Open)> {
        let over = self.over.iter_mut().map(|(key, open)| (&*key, open));
        let all = self.open.iter_mut().chain(over);
        all.filter(|it| it.1.changed)
            .map(|(key, open)| {
                open.changed = false;
                open.has_row = true;
                (key.clone(), open.clone())
            })
            .collect()
    }

    /// Says that these rows are not what they should be after all.
    pub(crate) fn mark_changed(&mut self, ids: &[RowId]) {
        let over = self.over.iter_mut().map(|it| &mut it.1);
        let all = self.open.values_mut().chain(over);
        for open in all.filter(|it| ids.contains(&it.id)) {
            open.changed = true;
        }
    }

    /// What acts have forbidden.
    pub(crate) fn take_gone(&mut self) -> FxHashSet<RowId> {
        std::mem::take(&mut self.gone)
    }

    pub(crate) fn put_back_gone(&mut self, gone: FxHashSet<RowId>) {
        self.gone.extend(gone);
    }

    /// What has left. Ask before it is waited for, and wait before the rows are erased.
    pub(crate) fn take_left(&mut self) -> FxHashSet<RowId> {
        std::mem::take(&mut self.left)
    }
}
