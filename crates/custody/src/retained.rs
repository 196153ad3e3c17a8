//! Retained messages: what whoever subscribes later gets of a thing, until it says something new (MQTT 5.0 section 3.3.1.3).
//!
//! A thing has at most one: the last message that it sent with RETAIN; of a SenML pack that of the last time. An empty one takes
//! it back.
//!
//! # What is retained
//! A retained message is a reading that the platform keeps, so it is kept as readings are:
//! - Of each lane (recipient × purpose), only what the lane would have got when the message came: nothing that was off then is
//!   revealed by a later choice. What passes as a statistic over time is never retained.
//! - Only the fields that the notice lets be kept for that lane, and only as long as it says.
//! - Nothing that is about a person who has their readings go to their own endpoint or nowhere: for them the platform keeps
//!   nothing, retained or not. A lane gets the rest.
//! - The message itself is trimmed to what the lane that gets most may get, each value as precise as that. The field that
//!   identifies people is left out, as it is from every stored reading.
//!
//! # In force at once
//! Whoever subscribes gets it decided again ([`Custody::permit`]). An act that lowers something trims what is retained, and
//! erases it where nobody may have anything of it any more, from memory and from the rows, before it is acknowledged; so does
//! a change of where a person's readings go. A suspension, a new notice or the removal of the thing erases it whole. Raising
//! something again brings nothing back: the thing has to speak again. What only time ends (a grant, a retention) stops leaving
//! to the millisecond, and is erased within [`SWEEP_MILLIS`].
//!
//! # What survives
//! It is saved, sealed, by the next [`Custody::tick`] and when custody closes: after a crash the last second may be missing, and
//! what was retained before is there again. The readings themselves are in the vault.
//!
//! # Bounded
//! [`MAX_RETAINED_MESSAGE_BYTES`] each and [`MAX_RETAINED_BYTES`] in all. A message beyond is not retained, and the one before it
//! is forgotten, since it is not the last one any more; [`RetainedCounts::refused`] counts them. At most
//! [`MAX_SAVED_AT_ONCE`] rows are written by a tick.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{PersonId, Timestamp};
use policy::{Decision, FieldSet, Outcome, Payload};

use crate::Custody;
use crate::catalogue::{Bound, Deployment, DeploymentState, Named, ThingPeer};
use crate::deliver::Sent;
use crate::rows::{self, RowError};

mod cursor;
pub(crate) mod saved;
pub(crate) mod table;

pub use cursor::RetainedCursor;

use saved::RetainedBox;
use table::{Retained, View};

/// How many bytes one retained message holds at most.
pub const MAX_RETAINED_MESSAGE_BYTES: usize = 32 * 1024;
/// How many bytes all retained messages hold at most.
pub const MAX_RETAINED_BYTES: usize = 128 * 1024 * 1024;
/// How often what only time ends is looked for.
const SWEEP_MILLIS: i64 = 3_600_000;
/// The most rows of one deployment that a tick writes; the others follow.
const MAX_SAVED_AT_ONCE: usize = 2_000;
const DAY_MILLIS: i64 = 86_400_000;

/// What is retained now, and what could not be since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetainedCounts {
    /// Messages.
    pub messages: usize,
    /// How many bytes they hold.
    pub bytes: usize,
    /// Messages that were not retained because they, or all of them together, would have held too much.
    pub refused: u64,
}

/// What holds for all retained messages of this process.
pub(crate) struct Retaining {
    seal: RetainedBox,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    refused: AtomicU64,
    /// Grows when placements or rules have changed, before what is retained is looked at again.
    changes: AtomicU64,
    swept_at: AtomicI64,
    /// Held while rows are written or erased, so that what an act has erased is not written afterwards.
    rows: Mutex<()>,
}

/// A message that has come in and asks to be retained.
pub(crate) struct ToRetain<'a> {
    pub(crate) state: &'a DeploymentState,
    pub(crate) thing: &'a Arc<ThingPeer>,
    pub(crate) bound: &'a Arc<Bound>,
    pub(crate) named: &'a Named,
    pub(crate) payload: &'a Payload,
    pub(crate) at: Timestamp,
    pub(crate) sent: Sent,
}

/// What became of a retained message that was looked at again.
enum Looked {
    /// As much of it may be had.
    Same(Retained),
    /// Less of it may be had.
    Lower(Retained),
    /// Nobody may have anything of it.
    Gone,
}

impl Retaining {
    /// `key` is derived for this use alone. `None` when the operating system gives no randomness.
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        Some(Self {
            seal: RetainedBox::new(key)?,
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            swept_at: AtomicI64::new(0),
            rows: Mutex::default(),
        })
    }

    fn rows(&self) -> MutexGuard<'_, ()> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_in(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn count_out(&self, former: Option<Arc<Retained>>) {
        if let Some(former) = former {
            self.messages.fetch_sub(1, Ordering::Relaxed);
            self.bytes.fetch_sub(former.bytes(), Ordering::Relaxed);
        }
    }

    /// Whether there is place for a message that comes in place of another.
    fn takes(&self, bytes: usize, former: usize) -> bool {
        let held = self.bytes.load(Ordering::Relaxed);
        bytes <= MAX_RETAINED_MESSAGE_BYTES
            && held.saturating_sub(former).saturating_add(bytes) <= MAX_RETAINED_BYTES
    }
}

/// How many whole days a message is old.
fn days(at: Timestamp, now: Timestamp) -> u16 {
    let millis = now.as_millis().saturating_sub(at.as_millis());
    u16::try_from(millis.max(0) / DAY_MILLIS).unwrap_or(u16::MAX)
}

/// What the lane that gets most may get.
fn most(views: &[View]) -> Option<Outcome> {
    let mut outcomes = views.iter().map(|it| &it.outcome);
    let first = outcomes.next()?.clone();
    Some(outcomes.fold(first, |most, it| most.join(it)))
}

impl Custody {
    /// What is retained now, and what could not be since the start.
    #[must_use]
    pub fn retained_counts(&self) -> RetainedCounts {
        let retaining = &self.inner.retaining;
        RetainedCounts {
            messages: retaining.messages.load(Ordering::Relaxed),
            bytes: retaining.bytes.load(Ordering::Relaxed),
            refused: retaining.refused.load(Ordering::Relaxed),
        }
    }

    /// Takes back what is retained of a thing. The row is erased by the next [`Custody::tick`].
    pub(crate) fn forget_retained(&self, thing: &ThingPeer) {
        let removed = thing.deployment.retained.lock().remove(thing.number);
        self.inner.retaining.count_out(removed);
    }

    /// Retains a message in place of the one before.
    pub(crate) fn retain(&self, asked: &ToRetain<'_>) {
        let retaining = &self.inner.retaining;
        let changes = retaining.changes.load(Ordering::Acquire);
        let fresh = self.trimmed(asked);
        let deployment = &asked.thing.deployment;
        let mut table = deployment.retained.lock();
        // Under the lock: an act has looked at the table already, or will after this.
        let state = deployment.state.load();
        let has_changed = !std::ptr::eq(&raw const **state, asked.state)
            || retaining.changes.load(Ordering::Acquire) != changes;
        let fresh = match fresh {
            Some(fresh) if has_changed => match self.look_at(&state, &fresh, asked.at) {
                Looked::Same(fresh) | Looked::Lower(fresh) => Some(fresh),
                Looked::Gone => None,
            },
            fresh => fresh,
        };
        let former = table.get(asked.thing.number).map_or(0, |it| it.bytes());
        let Some(fresh) = fresh else {
            return retaining.count_out(table.remove(asked.thing.number));
        };
        let bytes = fresh.bytes();
        if !retaining.takes(bytes, former) {
            retaining.refused.fetch_add(1, Ordering::Relaxed);
            return retaining.count_out(table.remove(asked.thing.number));
        }
        retaining.count_in(bytes);
        retaining.count_out(table.put(fresh));
    }

    /// What of a message is retained; nothing where nobody may have anything of it later.
    fn trimmed(&self, asked: &ToRetain<'_>) -> Option<Retained> {
        let staying = self.staying(asked.state, asked.bound, asked.thing, asked.at);
        let facts = asked.state.facts(asked.at);
        let decision = policy::decide(&asked.bound.program, asked.payload, &facts);
        let views = views(asked.bound, &decision, staying, 0);
        Some(Retained {
            thing: Arc::clone(asked.thing),
            at: asked.at,
            expires_at: asked.sent.expires_at,
            named: asked.named.clone(),
            origin: asked.sent.origin,
            notice: asked.state.notice.version,
            payload: asked.payload.trimmed(&most(&views)?)?,
            bound: Arc::clone(asked.bound),
            views,
        })
    }

    /// The fields that the platform may keep of a message of a moment: those that are about nobody who wants theirs elsewhere or has
    /// had them erased, and that do not say who it is.
    fn staying(
        &self,
        state: &DeploymentState,
        bound: &Bound,
        thing: &ThingPeer,
        at: Timestamp,
    ) -> FieldSet {
        let concerned = state.concerned(bound, &thing.id);
        let subjects = concerned.iter().map(|it| &it.0);
        let placed = self.inner.placements.of(&thing.deployment.id, subjects);
        let elsewhere = concerned.iter().zip(&placed);
        let elsewhere = elsewhere.filter(|it| !it.1.put.is_in_vault());
        let elsewhere = elsewhere.fold(FieldSet::EMPTY, |all, it| all.or(it.0.1));
        let names = state.schema.subject_field().into_iter().collect();
        let everything = state.rules.everything();
        let guard = &self.inner.erasing.guard;
        let erased = guard.fields(&concerned, thing, at, &state.schema);
        everything.without(elsewhere).without(names).without(erased)
    }

    /// Decides again on what is retained, as a whole: whether it stays, and how much of it.
    fn look_at(&self, state: &DeploymentState, retained: &Retained, now: Timestamp) -> Looked {
        let schema = retained.payload.schema();
        let is_over = retained.expires_at.is_some_and(|it| it <= now);
        if is_over || retained.thing.is_barred() || !Arc::ptr_eq(schema, &state.schema) {
            return Looked::Gone;
        }
        let bound = state.bound(retained.thing.number, &retained.named, retained.at);
        let Some(bound) = bound.filter(|it| it.people == retained.bound.people) else {
            return Looked::Gone;
        };
        let facts = state.facts(now);
        let decision = policy::decide(&bound.program, &retained.payload, &facts);
        let staying = self.staying(state, &bound, &retained.thing, retained.at);
        let now_allowed = views(&bound, &decision, staying, days(retained.at, now));
        let views = met(&bound, &now_allowed, &retained.views);
        let looked = |payload: Payload, views: Vec<View>| Retained {
            thing: Arc::clone(&retained.thing),
            at: retained.at,
            expires_at: retained.expires_at,
            named: retained.named.clone(),
            origin: retained.origin,
            notice: retained.notice,
            payload,
            bound: Arc::clone(&bound),
            views,
        };
        if views == retained.views {
            return Looked::Same(looked(retained.payload.clone(), views));
        }
        let trimmed = most(&views).and_then(|it| retained.payload.trimmed(&it));
        trimmed.map_or(Looked::Gone, |it| Looked::Lower(looked(it, views)))
    }

    /// Trims or erases what the rules that have just come into force do not allow to be retained. Called before an act is
    /// acknowledged. Rows that cannot be erased now are erased by the next tick, and are never read back as they were.
    pub(crate) fn prune_retained(&self, deployment: &Arc<Deployment>, now: Option<Timestamp>) {
        self.inner.retaining.changes.fetch_add(1, Ordering::AcqRel);
        let state = deployment.state.load();
        let facts = now.map(|it| state.facts(it));
        let in_force = facts.is_none_or(|it| it.licence.in_force() && !it.quarantined);
        let is_settled = |it: &Retained| {
            let bound = state.bound(it.thing.number, &it.named, it.at);
            in_force
                && !it.thing.is_barred()
                && bound.is_some_and(|now| Arc::ptr_eq(&now, &it.bound))
        };
        self.look_again(deployment, now, |it| !is_settled(it));
    }

    /// The same where a person has changed where their readings go.
    pub(crate) fn prune_retained_of(&self, person: &PersonId) {
        self.inner.retaining.changes.fetch_add(1, Ordering::AcqRel);
        let is_about = |it: &Retained| {
            let mut people = it.bound.people.iter();
            people.any(|it| it.person() == Some(person))
        };
        for deployment in self.inner.catalogue.load_full().deployments.values() {
            self.look_again(deployment, None, is_about);
        }
    }

    /// Looks at what is retained at a deployment again, as far as `which` says.
    fn look_again(
        &self,
        deployment: &Arc<Deployment>,
        now: Option<Timestamp>,
        which: impl Fn(&Retained) -> bool,
    ) {
        let retaining = &self.inner.retaining;
        let mut table = deployment.retained.lock();
        if table.is_empty() {
            return;
        }
        let state = deployment.state.load();
        let again: Vec<_> = table
            .iter()
            .filter(|it| which(it.1))
            .map(|(number, it)| (number, self.look_at(&state, it, now.unwrap_or(it.at))))
            .collect();
        let mut has_less = false;
        for (number, looked) in again {
            has_less |= matches!(looked, Looked::Lower(_) | Looked::Gone);
            match looked {
                Looked::Same(retained) => {
                    retaining.count_in(retained.bytes());
                    retaining.count_out(table.restore(retained));
                }
                Looked::Lower(retained) => {
                    retaining.count_in(retained.bytes());
                    retaining.count_out(table.lower(retained));
                }
                Looked::Gone => retaining.count_out(table.remove(number)),
            }
        }
        drop(table);
        if has_less && let Err(err) = self.erase_retained_rows(deployment) {
            tracing::error!(error = %err, "retained messages that were turned off are erased from memory; their rows are erased with the next tick");
        }
    }

    fn erase_retained_rows(&self, deployment: &Deployment) -> Result<(), RowError> {
        let _one_at_a_time = self.inner.retaining.rows();
        let gone = deployment.retained.lock().take_gone();
        if gone.is_empty() {
            return Ok(());
        }
        let erased = self.inner.db.write(|tx| {
            gone.iter()
                .try_for_each(|it| rows::retained::delete(tx, it))
        });
        erased.inspect_err(|_| deployment.retained.lock().put_back_gone(gone))
    }

    /// Erases what time has ended, now and then, and writes what has changed since the last time; all of it when `is_last`.
    pub(crate) fn save_retained(
        &self,
        now: Option<Timestamp>,
        is_last: bool,
    ) -> Result<(), RowError> {
        let catalogue = self.inner.catalogue.load_full();
        if let Some(now) = now.filter(|it| self.is_sweep_due(*it)) {
            for deployment in catalogue.deployments.values() {
                self.look_again(deployment, Some(now), |_| true);
            }
        }
        let limit = if is_last {
            usize::MAX
        } else {
            MAX_SAVED_AT_ONCE
        };
        for deployment in catalogue.deployments.values() {
            let _one_at_a_time = self.inner.retaining.rows();
            let (changed, gone) = {
                let mut table = deployment.retained.lock();
                (table.take_changed(limit), table.take_gone())
            };
            if changed.is_empty() && gone.is_empty() {
                continue;
            }
            let seal = &self.inner.retaining.seal;
            let written = self.inner.db.write(|tx| {
                for thing in &gone {
                    rows::retained::delete(tx, thing)?;
                }
                for retained in &changed {
                    if let Some(sealed) = seal.seal(retained) {
                        rows::retained::put(tx, &retained.thing.id, &deployment.id, &sealed)?;
                    }
                }
                Ok(())
            });
            if let Err(err) = written {
                let mut table = deployment.retained.lock();
                table.put_back_gone(gone);
                table.put_back_changed(&changed);
                return Err(err);
            }
        }
        Ok(())
    }

    fn is_sweep_due(&self, now: Timestamp) -> bool {
        let swept_at = &self.inner.retaining.swept_at;
        let since = now.as_millis() - swept_at.load(Ordering::Relaxed);
        let is_due = !(0..SWEEP_MILLIS).contains(&since);
        if is_due {
            swept_at.store(now.as_millis(), Ordering::Relaxed);
        }
        is_due
    }

    /// Reads what was saved, at the start. What may not be retained any more is erased.
    pub(crate) fn load_retained(&self) -> Result<(), RowError> {
        let rows = self.inner.db.read(rows::retained::all)?;
        let catalogue = self.inner.catalogue.load_full();
        let retaining = &self.inner.retaining;
        let mut lost = Vec::new();
        for row in rows {
            let thing = catalogue.things.get(&row.key);
            let thing = thing.filter(|it| it.deployment.id == row.deployment);
            let opened = thing.and_then(|thing| {
                let state = thing.deployment.state.load();
                let retained = retaining.seal.open(thing, &state, &row.sealed)?;
                match self.look_at(&state, &retained, retained.at) {
                    Looked::Same(same) => Some(same),
                    // It was saved while it was being turned off: the thing speaks again, or not.
                    Looked::Lower(_) | Looked::Gone => None,
                }
            });
            let Some(retained) = opened else {
                lost.push(row.key);
                continue;
            };
            retaining.count_in(retained.bytes());
            let thing = Arc::clone(&retained.thing);
            thing.deployment.retained.lock().restore(retained);
        }
        if lost.is_empty() {
            return Ok(());
        }
        self.inner.db.write(|tx| {
            lost.iter()
                .try_for_each(|it| rows::retained::delete(tx, it))
        })
    }
}

/// What lanes may get later of a message that was decided on, when it is so many days old; lanes with the same together.
fn views(bound: &Bound, decision: &Decision, staying: FieldSet, days: u16) -> Vec<View> {
    let program = &bound.program;
    let mut views = Vec::new();
    for (lane, _) in program.lane_indexes() {
        let outcome = decision.outcome(lane);
        let kept = outcome.and_then(|it| program.kept_beyond(lane, it, days));
        add(&mut views, lane, kept.and_then(|it| it.only(staying)));
    }
    views
}

/// What lanes may get that both say, each field at the lower of its levels.
fn met(bound: &Bound, one: &[View], other: &[View]) -> Vec<View> {
    let mut views = Vec::new();
    for (lane, _) in bound.program.lane_indexes() {
        let both = table::outcome(one, lane).zip(table::outcome(other, lane));
        add(&mut views, lane, both.and_then(|(a, b)| a.meet(b)));
    }
    views
}

fn add(views: &mut Vec<View>, lane: policy::LaneIndex, outcome: Option<Outcome>) {
    let Some(outcome) = outcome else { return };
    match views.iter_mut().find(|it| it.outcome == outcome) {
        Some(view) => view.lanes.push(lane),
        None => views.push(View {
            outcome,
            lanes: vec![lane],
        }),
    }
}
