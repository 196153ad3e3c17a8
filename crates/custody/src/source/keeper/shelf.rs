//! The things of a deployment and their switches, as the book has them.

use std::sync::Arc;

use model::{SourceSwitch, ThingId, Timestamp};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::journal::Hours;
use crate::catalogue::bound::Bound;
use crate::catalogue::{DeploymentState, ThingPeer};
use crate::secret;
use crate::source::machine::{State, Terms};
use crate::source::watch::Watch;

/// The things of one deployment whose notice says how they are switched.
pub(in crate::source) struct Shelf {
    pub(super) state: Arc<DeploymentState>,
    pub(super) reviewed_at: Timestamp,
    /// When something else may be wanted without anybody acting.
    pub(super) review_at: Option<Timestamp>,
    pub(in crate::source) switches: Arc<[Switch]>,
    pub(in crate::source) things: FxHashMap<ThingId, Entry>,
}

pub(in crate::source) struct Switch {
    pub(in crate::source) key: Arc<str>,
    pub(in crate::source) words: SourceSwitch,
    pub(super) terms: Terms,
}

pub(in crate::source) struct Entry {
    pub(in crate::source) bound: Arc<Bound>,
    pub(super) peer: Arc<ThingPeer>,
    pub(super) watch: Arc<Watch>,
    pub(in crate::source) states: SmallVec<[State; 1]>,
    /// By switch: events that were written of commands, and of what the thing showed.
    pub(super) hours: Hours,
    pub(super) is_dirty: bool,
}

impl Shelf {
    pub(super) fn is_current(&self, state: &Arc<DeploymentState>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.state, state)
            && self.reviewed_at <= now
            && self.review_at.is_none_or(|it| now < it)
    }

    /// Takes the things of the shelf before; true when the notice is another one.
    pub(super) fn take_over(&mut self, former: Self, now: Timestamp) -> bool {
        self.things = former.things;
        if Arc::ptr_eq(&self.switches, &former.switches) {
            return false;
        }
        for entry in self.things.values_mut() {
            let state = |switch: &Switch| {
                let known = former.switches.iter().zip(&entry.states);
                let Some((before, state)) = known.into_iter().find(|it| it.0.key == switch.key)
                else {
                    return State::new(now);
                };
                let mut state = *state;
                if before.words != switch.words {
                    state.reworded(now);
                }
                state
            };
            entry.states = self.switches.iter().map(state).collect();
            entry.hours = Hours::default();
            entry.is_dirty = true;
        }
        true
    }
}

impl Entry {
    pub(super) fn new(
        peer: &Arc<ThingPeer>,
        bound: &Arc<Bound>,
        state: &DeploymentState,
        switches: &[Switch],
        saved: &[(String, State)],
        now: Timestamp,
    ) -> Self {
        let known = |switch: &Switch| {
            let found = saved.iter().find(|it| *it.0 == *switch.key);
            found.map_or_else(|| State::new(now), |it| it.1)
        };
        Self {
            bound: Arc::clone(bound),
            peer: Arc::clone(peer),
            watch: Arc::new(Watch::new(&state.notice, &state.schema)),
            states: switches.iter().map(known).collect(),
            hours: Hours::default(),
            is_dirty: false,
        }
    }

    /// Whether the thing has sent a field of a switch since the start.
    pub(in crate::source) fn measures(&self, switch: usize) -> bool {
        self.watch.seen(switch).fields_at.is_some()
    }
}

/// The switches of a notice, each under a name that stays the same when its words change.
pub(super) fn switches_of(state: &DeploymentState) -> Arc<[Switch]> {
    let mut made: Vec<Switch> = Vec::new();
    for words in &state.notice.source_switches {
        let mut fields: Vec<_> = words.fields.iter().map(|it| it.as_str()).collect();
        fields.sort_unstable();
        let hash = secret::document_sha256(fields.join("\n").as_bytes());
        let twins = made.iter().filter(|it| it.key.starts_with(&hash)).count();
        made.push(Switch {
            key: format!("{hash}-{twins}").into(),
            terms: Terms {
                patience_ms: i64::from(words.patience_seconds) * 1_000,
                confirms: words.confirm.is_some(),
            },
            words: words.clone(),
        });
    }
    made.into()
}
