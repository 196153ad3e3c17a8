//! The handle of a destination: how it stands, and whether something is on the way to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use model::{PersonId, Timestamp};
use rustc_hash::FxHashMap;
use vault::Lsn;

use super::asking::Asking;
use super::{DestinationId, DestinationState, FailureClass};
use crate::rows::destination::{Cursor, DestinationRow};

/// Between two parcels to a destination: at most ten a second.
const GAP_MILLIS: i64 = 100;

/// A destination as the hot path and the couriers have it.
pub(crate) struct Handle {
    id: DestinationId,
    person: PersonId,
    /// The last reading that was appended for it, as a position of this process.
    wanted: AtomicU64,
    state: Mutex<Running>,
}

/// How a destination stands.
pub(super) struct Running {
    pub(super) cursor: Cursor,
    pub(super) state: DestinationState,
    pub(super) again_at: Option<Timestamp>,
    pub(super) attempts: u32,
    pub(super) next_attempt_at: Timestamp,
    pub(super) last_failure: Option<FailureClass>,
    /// Up to here everything that was durable has been looked at.
    pub(super) scanned: u64,
    /// There may be more behind the cursor, whatever `wanted` says.
    pub(super) is_behind: bool,
    pub(super) wants_check: bool,
    pub(super) is_under_way: bool,
    pub(super) sent_at: Timestamp,
}

impl Handle {
    pub(crate) fn of(row: &DestinationRow) -> Self {
        Self {
            id: row.id.clone(),
            person: row.person.clone(),
            wanted: AtomicU64::new(0),
            state: Mutex::new(Running {
                cursor: row.cursor,
                state: row.state,
                again_at: row.again_at,
                attempts: row.attempts,
                next_attempt_at: row.next_attempt_at,
                last_failure: row.last_failure,
                scanned: 0,
                is_behind: true,
                // A check that a restart interrupted is made again.
                wants_check: row.state == DestinationState::Unverified
                    && row.last_failure.is_none(),
                is_under_way: false,
                sent_at: Timestamp::EPOCH,
            }),
        }
    }

    pub(crate) fn id(&self) -> &DestinationId {
        &self.id
    }

    pub(super) fn person(&self) -> &PersonId {
        &self.person
    }

    /// A reading for it was appended.
    pub(super) fn wants(&self, lsn: Lsn) {
        self.wanted.fetch_max(lsn.as_u64(), Ordering::AcqRel);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Running> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether readings may wait for it.
    pub(super) fn has_backlog(&self) -> bool {
        let running = self.lock();
        running.state != DestinationState::Unverified
            && (running.is_behind || self.wanted.load(Ordering::Acquire) > running.scanned)
    }

    /// Takes the only place on the way, if there is something to send now.
    pub(super) fn start(&self, now: Timestamp) -> bool {
        let mut running = self.lock();
        let news = running.is_behind || self.wanted.load(Ordering::Acquire) > running.scanned;
        let sends = running.state != DestinationState::Unverified && news;
        // A clock that was set back must not hold anything up.
        let since = now.as_millis().saturating_sub(running.sent_at.as_millis());
        let is_due = now >= running.next_attempt_at && !(0..GAP_MILLIS).contains(&since);
        let starts = !running.is_under_way && is_due && (running.wants_check || sends);
        running.is_under_way |= starts;
        starts
    }

    /// Takes the only place on the way, to look at what became too late while nothing can be sent.
    pub(super) fn start_sweep(&self) -> bool {
        if !self.has_backlog() {
            return false;
        }
        let mut running = self.lock();
        let starts = !running.is_under_way;
        running.is_under_way = true;
        starts
    }

    pub(super) fn sent_at(&self) -> Timestamp {
        self.lock().sent_at
    }

    /// Everything behind a position is sent again, and may be as old as it is.
    pub(super) fn rewind(&self, cursor: Cursor, now: Timestamp) {
        let mut running = self.lock();
        running.cursor = cursor;
        running.again_at = Some(now);
        running.is_behind = true;
        running.next_attempt_at = Timestamp::EPOCH;
    }

    /// The next attempt is now.
    pub(super) fn hurry(&self) {
        let mut running = self.lock();
        running.next_attempt_at = Timestamp::EPOCH;
        running.is_behind = true;
    }

    /// The address is to be checked now.
    pub(super) fn check(&self) {
        let mut running = self.lock();
        running.wants_check = true;
        running.next_attempt_at = Timestamp::EPOCH;
    }

    pub(super) fn is_being_checked(&self) -> bool {
        self.lock().wants_check
    }

    /// Moves the cursor, unless somebody has moved it meanwhile.
    pub(super) fn move_from(&self, before: Cursor, after: Cursor) {
        let mut running = self.lock();
        if running.cursor == before {
            running.cursor = after;
        }
    }
}

/// Every destination.
#[derive(Default)]
pub(crate) struct Couriers {
    handles: RwLock<FxHashMap<DestinationId, Arc<Handle>>>,
    pub(super) asking: Asking,
}

impl Couriers {
    pub(crate) fn handle(&self, id: &DestinationId) -> Option<Arc<Handle>> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.get(id).cloned()
    }

    pub(crate) fn insert(&self, handle: Handle) {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        handles.insert(handle.id.clone(), Arc::new(handle));
    }

    pub(crate) fn remove(&self, id: &DestinationId) {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        handles.remove(id);
    }

    pub(super) fn matching(&self, is_wanted: impl Fn(&Handle) -> bool) -> Vec<Arc<Handle>> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        let matching = handles.values().filter(|it| is_wanted(it));
        matching.cloned().collect()
    }
}
