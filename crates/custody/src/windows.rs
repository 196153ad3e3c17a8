//! Time windows: readings that pass as statistics are held until their window is over, and leave as one value.
//!
//! There is one accumulator for each thing, whom its messages name, who is sensed, lane or retention class, and field. A value
//! enters only those of lanes and classes whose level for it was that window *when it came*: nothing that was off when it was
//! measured is revealed by a later choice. When the window is over it is decided again, under what holds then for the people
//! who were there: the lane must still allow at least that much. The aggregate then goes the way of every message: sealed
//! under each person's key, or offered and permitted at the socket. Of a window in which a person changed where their readings
//! go, nothing is kept for them as chosen: some of it may have been measured while they wanted nothing kept.
//!
//! # In force at once
//! An act that lowers a level below the window, or turns it off, erases what was accumulated, from memory and from the rows,
//! before it is acknowledged ([`Custody::prune_windows`]). Turning it up again begins anew. A message that was decided under
//! the old rules and comes late is decided again under the lock of the table, so it cannot slip in afterwards.
//!
//! # What survives
//! Accumulators are saved, sealed, every second by [`Custody::tick`] and when custody closes. A message is acknowledged when
//! its readings are durable; what it adds to a window is not yet. So after a crash a window can lack up to the readings since
//! the last tick (about a second): then, and wherever a window was open before the crash and had not been saved, its aggregate
//! says `"incomplete": true`, and its count says how many values it really holds. A crash in the second after a window has
//! ended can lead to its aggregate being stored and sent a second time, marked in the same way. Nothing is left out silently,
//! except that a window which then holds fewer values than the notice asks for shows nothing, as always.
//!
//! # Bounded
//! At most [`MAX_OPEN_WINDOWS`] accumulators, [`MAX_OPEN_WINDOWS_PER_DEPLOYMENT`] at one deployment. Beyond that no new one is begun; the
//! values that it would have held are counted ([`WindowCounts::refused`]) and a warning is logged.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Timestamp;
use policy::{Added, FieldIndex, Payload, Target};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;
use vault::Lsn;

use crate::Custody;
use crate::catalogue::{Bound, Deployment, DeploymentState, Named, ThingPeer};
use crate::deliver::{self, Message, Sent};
use crate::ingest::Keep;
use crate::rows::{self, RowError};
use crate::secret::SubjectToken;

pub(crate) mod saved;
pub(crate) mod table;

use saved::WindowBox;
use table::{Key, Open, RowId, Slot};

/// The most accumulators that are open at once.
pub const MAX_OPEN_WINDOWS: usize = 100_000;
/// The most accumulators that are open at once for one deployment.
pub const MAX_OPEN_WINDOWS_PER_DEPLOYMENT: usize = 20_000;

/// What became of values that pass as statistics, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowCounts {
    /// Windows that are open now.
    pub open: usize,
    /// Values that came before their window began (the clock was set back), left out.
    pub late: u64,
    /// Values that no window could take: too many were open.
    pub refused: u64,
    /// Values that cannot be added: too great.
    pub unfit: u64,
    /// Windows that ended with too few values, or where less was allowed in the end: nothing was shown.
    pub silent: u64,
}

/// What holds for all windows of this process.
pub(crate) struct Windows {
    seal: WindowBox,
    open: AtomicUsize,
    late: AtomicU64,
    refused: AtomicU64,
    told_refused: AtomicU64,
    unfit: AtomicU64,
    silent: AtomicU64,
    /// The last aggregate that went into the vault.
    kept: Mutex<Lsn>,
    /// Held while rows are written or erased, so that what an act has erased is not written afterwards.
    rows: Mutex<()>,
    /// Whether the process before this one stopped without saving.
    after_crash: AtomicBool,
    /// After a crash: windows that began before this moment may lack values. 0 until the first message.
    whole_from: AtomicU64,
}

/// A message that has come in, as windows need it.
pub(crate) struct Arrived<'a> {
    pub(crate) state: &'a DeploymentState,
    pub(crate) thing: &'a Arc<ThingPeer>,
    pub(crate) bound: &'a Bound,
    pub(crate) named: &'a Named,
    pub(crate) payload: &'a Payload,
    pub(crate) at: Timestamp,
}

/// A value for a window.
type Contribution = (Slot, FieldIndex, model::Window);

impl Windows {
    pub(crate) fn new(seal: WindowBox) -> Self {
        Self {
            seal,
            open: AtomicUsize::new(0),
            late: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            told_refused: AtomicU64::new(0),
            unfit: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            kept: Mutex::new(Lsn::START),
            rows: Mutex::default(),
            after_crash: AtomicBool::new(false),
            whole_from: AtomicU64::new(0),
        }
    }

    fn closed(&self, count: usize) {
        self.open.fetch_sub(count, Ordering::Relaxed);
    }

    fn kept(&self) -> MutexGuard<'_, Lsn> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> MutexGuard<'_, ()> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the first moment of this process.
    fn begins(&self, now: Timestamp) {
        if self.whole_from.load(Ordering::Relaxed) == 0 {
            let first = u64::try_from(now.as_millis().max(1)).unwrap_or(1);
            // Whoever was first is right.
            let _ =
                self.whole_from
                    .compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether a window that began then may lack values that came before a crash.
    fn may_lack(&self, from: Timestamp) -> bool {
        let whole_from = self.whole_from.load(Ordering::Relaxed);
        self.after_crash.load(Ordering::Relaxed)
            && u64::try_from(from.as_millis()).unwrap_or(0) < whole_from
    }

    fn count(&self, added: Added) {
        match added {
            Added::Counted | Added::Over => {}
            Added::Late => {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
            Added::Unfit => {
                self.unfit.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn token(named: &Named) -> Option<&SubjectToken> {
    match named {
        Named::Nobody => None,
        Named::Somebody(token) => Some(token),
    }
}

/// Which windows a message of these people counts for.
fn contributions(
    state: &DeploymentState,
    bound: &Bound,
    payload: &Payload,
    at: Timestamp,
) -> Vec<Contribution> {
    let windowed = policy::windowed(&bound.program, payload, &state.facts(at)).into_iter();
    let slot = |target: Target| match target {
        Target::Lane(lane) => bound.program.lane_at(lane).cloned().map(Slot::Lane),
        Target::Kept(keeping, retention) => Some(Slot::Kept(keeping, retention)),
    };
    windowed
        .filter_map(|it| Some((slot(it.target)?, it.field, it.window)))
        .collect()
}

impl Custody {
    /// What became of values that pass as statistics, since the start.
    #[must_use]
    pub fn window_counts(&self) -> WindowCounts {
        let windows = &self.inner.windows;
        WindowCounts {
            open: windows.open.load(Ordering::Relaxed),
            late: windows.late.load(Ordering::Relaxed),
            refused: windows.refused.load(Ordering::Relaxed),
            unfit: windows.unfit.load(Ordering::Relaxed),
            silent: windows.silent.load(Ordering::Relaxed),
        }
    }

    /// Adds the values of a message to the windows for which they count, and lets leave what is over. Only for programs
    /// that have windows.
    pub(crate) fn accumulate(&self, arrived: &Arrived<'_>) {
        self.inner.windows.begins(arrived.at);
        let deployment = &arrived.thing.deployment;
        let mut table = deployment.windows.lock();
        // Under the lock: an act has erased already what its new rules forbid, or will after this.
        let current = deployment.state.load();
        let mut found = contributions(arrived.state, arrived.bound, arrived.payload, arrived.at);
        if !std::ptr::eq(&raw const **current, arrived.state) {
            let still = self.contributions_now(&current, arrived);
            found.retain(|it| still.contains(it));
        }
        for (slot, field, window) in found {
            let (Some(raw), Some(pointer)) = (
                arrived.payload.raw(field),
                current.schema.pointer(field).cloned(),
            ) else {
                continue;
            };
            let key = Key {
                thing: arrived.thing.id.clone(),
                named: token(arrived.named).cloned(),
                people: Arc::clone(&arrived.bound.people),
                slot,
                field: pointer,
            };
            let guard = &self.inner.erasing.guard;
            if guard.has_window(&current, &key, (arrived.at, arrived.at), None) {
                continue; // It came before an erasure and is counted after it.
            }
            self.add(&mut table, key, window, raw, arrived.at);
        }
        let due = table.take_due(arrived.at);
        drop(table);
        self.emit(deployment, due, arrived.at);
    }

    /// The same under rules that came into force in between.
    fn contributions_now(
        &self,
        current: &DeploymentState,
        arrived: &Arrived<'_>,
    ) -> Vec<Contribution> {
        let bound = current.bound(arrived.thing.number, arrived.named, arrived.at);
        let same = |it: &Arc<Bound>| {
            it.people == arrived.bound.people && current.schema.matches(arrived.payload.schema())
        };
        bound.filter(same).map_or_else(Vec::new, |it| {
            contributions(current, &it, arrived.payload, arrived.at)
        })
    }

    fn add(
        &self,
        table: &mut table::Table,
        key: Key,
        window: model::Window,
        raw: &str,
        at: Timestamp,
    ) {
        let windows = &self.inner.windows;
        table.retire(&key, &window, at);
        if !table.holds(&key) {
            let is_full = windows.open.load(Ordering::Relaxed) >= MAX_OPEN_WINDOWS
                || table.len() >= MAX_OPEN_WINDOWS_PER_DEPLOYMENT;
            if is_full {
                windows.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let mut open = Open::begin(window, at, RowId::default());
            open.id = windows.seal.row_id(&key, open.accumulator.from());
            if windows.may_lack(open.accumulator.from()) {
                open.accumulator.mark_incomplete();
            }
            table.begin(key.clone(), open);
            windows.open.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(added) = table.add(&key, raw, at) {
            windows.count(added);
        }
    }

    /// Lets leave what is over, at every deployment.
    pub(crate) fn settle_windows(&self, now: Timestamp) {
        self.inner.windows.begins(now);
        if self.inner.windows.open.load(Ordering::Relaxed) == 0 {
            return;
        }
        for deployment in self.inner.catalogue.load_full().deployments.values() {
            let due = deployment.windows.lock().take_due(now);
            self.emit(deployment, due, now);
        }
        let windows = &self.inner.windows;
        let refused = windows.refused.load(Ordering::Relaxed);
        if windows.told_refused.swap(refused, Ordering::Relaxed) < refused {
            tracing::warn!(
                refused,
                "too many time windows are open: values that would need another one are left out"
            );
        }
    }

    /// Decides on windows that are over, under what holds now, and lets leave what may.
    fn emit(&self, deployment: &Arc<Deployment>, due: Vec<(Key, Open)>, now: Timestamp) {
        if due.is_empty() {
            return;
        }
        let mut due = due;
        due.sort_by(|a, b| a.0.in_one_message(&a.1).cmp(&b.0.in_one_message(&b.1)));
        let (mut unkept, mut left) = (Vec::new(), Vec::new());
        let groups = due.chunk_by(|a, b| a.0.in_one_message(&a.1) == b.0.in_one_message(&b.1));
        for group in groups {
            let emitted = self.emit_one(deployment, group, now);
            if !matches!(emitted, Emitted::Again) {
                self.inner.windows.closed(group.len());
                left.extend(group.iter().filter_map(|it| it.1.row()));
            }
            match emitted {
                Emitted::Done => {}
                Emitted::Silent => {
                    let silent = u64::try_from(group.len()).unwrap_or(u64::MAX);
                    self.inner
                        .windows
                        .silent
                        .fetch_add(silent, Ordering::Relaxed);
                }
                Emitted::Again => unkept.extend(group.iter().cloned()),
            }
        }
        let mut table = deployment.windows.lock();
        table.have_left(left.into_iter());
        table.put_back(unkept);
    }

    fn emit_one(
        &self,
        deployment: &Arc<Deployment>,
        group: &[(Key, Open)],
        now: Timestamp,
    ) -> Emitted {
        let Some((key, open)) = group.first() else {
            return Emitted::Done;
        };
        let state = deployment.state.load();
        let Some((thing, bound, named)) = self.still_there(&state, key, open) else {
            return Emitted::Silent;
        };
        let closed: SmallVec<[_; 4]> = group
            .iter()
            .filter_map(|(key, open)| {
                let field = state.schema.index_of(&key.field)?;
                Some((field, open.accumulator.close()?))
            })
            .collect();
        let Some(mut payload) = policy::aggregate(&state.schema, &closed) else {
            return Emitted::Silent;
        };
        payload.attribute(now);
        let decision = policy::decide(&bound.program, &payload, &state.facts(now));
        let concerned = state.concerned(&bound, &thing.id);
        match &key.slot {
            Slot::Lane(lane) => {
                let number = bound.program.lane(&lane.recipient, &lane.purpose);
                let Some(outcome) = number.and_then(|it| decision.outcome(it)) else {
                    return Emitted::Silent;
                };
                let message = Message::new(
                    &thing,
                    payload,
                    named,
                    concerned,
                    open.last_at,
                    Sent::default(),
                );
                let hub = &self.inner.hub;
                deliver::offer_to(hub, message, &bound.program, lane, outcome);
                Emitted::Done
            }
            Slot::Kept(keeping, retention) => {
                let mut classes = decision.stored().iter();
                let class = classes.find(|it| (it.keeping, it.retention) == (*keeping, *retention));
                let Some(class) = class else {
                    return Emitted::Silent;
                };
                let keep = Keep {
                    thing: &thing,
                    concerned: &concerned,
                    generation: bound.program.generation(),
                    at: open.last_at,
                    from: Some(open.accumulator.from()),
                    payload: &payload,
                    stored: std::slice::from_ref(class),
                };
                match self.keep(&[keep]) {
                    Ok(lsn) => {
                        let mut kept = self.inner.windows.kept();
                        *kept = lsn.max(*kept);
                        Emitted::Done
                    }
                    Err(_) => Emitted::Again,
                }
            }
        }
    }

    /// The thing and the people of a window, where they are still those who were there.
    fn still_there(
        &self,
        state: &DeploymentState,
        key: &Key,
        open: &Open,
    ) -> Option<(Arc<ThingPeer>, Arc<Bound>, Named)> {
        let thing = Arc::clone(self.inner.catalogue.load().things.get(&key.thing)?);
        let named = key.named.clone().map_or(Named::Nobody, Named::Somebody);
        let bound = state.bound(thing.number, &named, open.last_at)?;
        (bound.people == key.people).then_some((thing, bound, named))
    }

    /// Erases what the rules that have just come into force do not allow to be accumulated. Called before an act is
    /// acknowledged. Rows that cannot be erased now are erased by the next tick, and are never read back into force.
    pub(crate) fn prune_windows(&self, deployment: &Arc<Deployment>) {
        let mut table = deployment.windows.lock();
        if table.is_empty() {
            return;
        }
        let state = deployment.state.load();
        let erased = table.retain(|key, open| self.is_allowed(&state, key, open));
        drop(table);
        self.inner.windows.closed(erased);
        if erased > 0
            && let Err(err) = self.erase_rows(deployment)
        {
            tracing::error!(error = %err, "windows that were turned off are erased from memory; their rows are erased with the next tick");
        }
    }

    /// Erases the windows that hold something of an erasure, from memory and from the rows: each whole.
    pub(crate) fn erase_windows(
        &self,
        deployment: &Arc<Deployment>,
        erasure: &crate::erase::EraseId,
    ) -> Result<(), RowError> {
        let mut table = deployment.windows.lock();
        let state = deployment.state.load();
        let guard = &self.inner.erasing.guard;
        let erased = table.retain(|key, open| {
            let between = (open.accumulator.from(), open.last_at);
            !guard.has_window(&state, key, between, Some(erasure))
        });
        drop(table);
        self.inner.windows.closed(erased);
        self.erase_rows(deployment)
    }

    fn is_allowed(&self, state: &DeploymentState, key: &Key, open: &Open) -> bool {
        let Some((_, bound, _)) = self.still_there(state, key, open) else {
            return false;
        };
        let target = match &key.slot {
            Slot::Lane(lane) => bound
                .program
                .lane(&lane.recipient, &lane.purpose)
                .map(Target::Lane),
            Slot::Kept(keeping, retention) => Some(Target::Kept(*keeping, *retention)),
        };
        let window = open.accumulator.window();
        let field = state.schema.index_of(&key.field);
        target.zip(field).is_some_and(|(target, field)| {
            bound
                .program
                .may_have_aggregate(target, field, window, open.last_at)
        })
    }

    fn erase_rows(&self, deployment: &Deployment) -> Result<(), RowError> {
        let _one_at_a_time = self.inner.windows.rows();
        let gone = deployment.windows.lock().take_gone();
        if gone.is_empty() {
            return Ok(());
        }
        let erased = self
            .inner
            .db
            .write(|tx| gone.iter().try_for_each(|it| rows::window::delete(tx, it)));
        erased.inspect_err(|_| deployment.windows.lock().put_back_gone(gone))
    }

    /// Rows of windows that have left, once what they became is durable: until then they are all that there is of it.
    fn take_left(&self, deployment: &Deployment) -> FxHashSet<RowId> {
        let left = deployment.windows.lock().take_left();
        let kept = *self.inner.windows.kept();
        if !left.is_empty() && self.inner.vault.wait(kept).is_err() {
            deployment.windows.lock().have_left(left.into_iter());
            return FxHashSet::default();
        }
        left
    }

    /// Writes what has changed since the last time. `is_last`: nothing will change any more.
    pub(crate) fn save_windows(&self, is_last: bool) -> Result<(), RowError> {
        for deployment in self.inner.catalogue.load_full().deployments.values() {
            let left = self.take_left(deployment);
            let _one_at_a_time = self.inner.windows.rows();
            let (changed, gone) = {
                let mut table = deployment.windows.lock();
                (table.take_changed(), table.take_gone())
            };
            if changed.is_empty() && gone.is_empty() && left.is_empty() {
                continue;
            }
            let seal = &self.inner.windows.seal;
            let written = self.inner.db.write(|tx| {
                for id in gone.iter().chain(&left) {
                    rows::window::delete(tx, id)?;
                }
                for (key, open) in &changed {
                    let Some(sealed) = seal.seal(key, open) else {
                        continue;
                    };
                    rows::window::put(tx, &open.id, &deployment.id, &sealed)?;
                }
                Ok(())
            });
            if let Err(err) = written {
                let mut table = deployment.windows.lock();
                table.put_back_gone(gone);
                table.have_left(left.into_iter());
                let changed: Vec<RowId> = changed.iter().map(|it| it.1.id).collect();
                table.mark_changed(&changed);
                return Err(err);
            }
        }
        if is_last {
            self.inner
                .db
                .write(|tx| rows::window::set_clean(tx, true))?;
        }
        Ok(())
    }

    /// Reads what was saved, at the start. What may not be accumulated any more is erased.
    pub(crate) fn load_windows(&self) -> Result<(), RowError> {
        let (was_clean, rows) = self.inner.db.write(|tx| {
            let was_clean = rows::window::is_clean(tx)?;
            rows::window::set_clean(tx, false)?;
            Ok::<_, RowError>((was_clean, rows::window::all(tx)?))
        })?;
        let windows = &self.inner.windows;
        windows.after_crash.store(!was_clean, Ordering::Relaxed);
        let catalogue = self.inner.catalogue.load_full();
        let mut lost = Vec::new();
        for row in rows {
            let opened = windows.seal.open(&row.key, &row.sealed);
            let deployment = catalogue.deployments.get(&row.deployment);
            let allowed = opened.zip(deployment).filter(|((key, open), deployment)| {
                self.is_allowed(&deployment.state.load(), key, open)
            });
            let Some(((key, mut open), deployment)) = allowed else {
                lost.push(row.key);
                continue;
            };
            if !was_clean {
                open.accumulator.mark_incomplete();
            }
            deployment.windows.lock().begin(key, open);
            windows.open.fetch_add(1, Ordering::Relaxed);
        }
        if lost.is_empty() {
            return Ok(());
        }
        self.inner
            .db
            .write(|tx| lost.iter().try_for_each(|it| rows::window::delete(tx, it)))
    }
}

/// What became of windows that are over.
enum Emitted {
    /// They have left, or nobody was there to have them.
    Done,
    /// There was nothing to show, or nobody may have it.
    Silent,
    /// The vault could not take them now.
    Again,
}
