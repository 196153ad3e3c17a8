//! A webhook as it runs: how it stands, up to where it has got, whether something is on the way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use model::{DeploymentId, PurposeId, RecipientId, ThingId, Timestamp};

use super::horizon::{Horizon, Settled};
use super::{LastFailure, MAX_PUSH_AGE_MILLIS, WebhookId, WebhookState};
use crate::condition::Condition;
use crate::destination::SecretBox;
use crate::rows::webhook::WebhookRow;

/// Where nothing is found, the vault is asked again after this; twice as long each time, up to the longest.
const FIRST_LOOK_MILLIS: i64 = 500;
const LONGEST_LOOK_MILLIS: i64 = 8_000;
/// No pause is longer: what lies further ahead was written by a clock that was set back since.
const LONGEST_PAUSE_MILLIS: i64 = 3_600_000;
/// How often places are written down that moved without a batch.
pub(super) const WRITE_MILLIS: i64 = 60_000;

/// What a test said, and when.
pub(super) type Tested = (Timestamp, Result<(), LastFailure>);

/// Up to where one deployment was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Everything before this was sent.
    pub(crate) from: Timestamp,
    /// Where the part ends of which some was sent; nothing where none was begun.
    pub(crate) until: Option<Timestamp>,
    /// Where the next page of this part begins.
    pub(crate) after: Option<String>,
    /// What was left out, from when to when, until the receiver was told.
    pub(crate) missed: Option<(Timestamp, Timestamp)>,
}

impl Place {
    pub(super) fn at(from: Timestamp) -> Self {
        Self {
            from,
            until: None,
            after: None,
            missed: None,
        }
    }

    /// The place behind a page.
    pub(super) fn behind(&self, next: Option<String>) -> Self {
        let mut place = self.clone();
        match next {
            Some(after) => place.after = Some(after),
            None => {
                place.from = place.until.take().unwrap_or(place.from);
                place.after = None;
            }
        }
        place
    }
}

/// How it stands, as its row has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HookState {
    pub(crate) state: WebhookState,
    /// How many tries in a row failed.
    pub(crate) attempts: u32,
    pub(crate) next_attempt_at: Timestamp,
    pub(crate) last_failure: Option<LastFailure>,
    pub(crate) last_success_at: Option<Timestamp>,
}

/// How it runs.
pub(super) struct Running {
    pub(super) stands: HookState,
    pub(super) places: BTreeMap<DeploymentId, Place>,
    /// Under which rules its places were looked through: one for each grant.
    pub(super) rules: Option<u64>,
    /// Up to which telling of recipients it was looked what this one has to be told.
    pub(super) told: u64,
    /// How much was appended when everything had been sent last.
    pub(super) sent_all_at: Option<u64>,
    /// When the vault is asked again, and how long nothing was found.
    pub(super) next_look_at: Timestamp,
    pub(super) looks: u32,
    pub(super) is_under_way: bool,
    /// The last try failed or took long: it shares its places with others of that kind.
    pub(super) is_slow: bool,
    pub(super) turn_at: Timestamp,
    /// When places were last written down without a batch that was taken.
    pub(super) written_at: Timestamp,
    /// Places have moved that are not written down.
    pub(super) is_unwritten: bool,
    pub(super) wants_test: bool,
    pub(super) tested: Option<Tested>,
}

impl Running {
    /// Whether something may be sent now. Where nothing came in since all was sent, its places move on.
    pub(super) fn is_due(&mut self, settled: Option<Settled>, told: u64, now: Timestamp) -> bool {
        if self.wants_test {
            return true;
        }
        let lies_ahead = |at: Timestamp, longest: i64| {
            (1..=longest).contains(&at.as_millis().saturating_sub(now.as_millis()))
        };
        if self.stands.state == WebhookState::Disabled
            || lies_ahead(self.stands.next_attempt_at, LONGEST_PAUSE_MILLIS)
        {
            return false;
        }
        // An erasure waits for nothing else.
        if self.told != told {
            return true;
        }
        let Some(settled) = settled else { return false };
        if lies_ahead(self.next_look_at, LONGEST_LOOK_MILLIS) {
            return false;
        }
        if self.sent_all_at == Some(settled.most) {
            for place in self.places.values_mut() {
                place.from = place.from.max(settled.before);
            }
            self.is_unwritten = true;
            return false;
        }
        true
    }

    /// The place that is furthest behind, if it is; what is too old is left out there.
    pub(super) fn next_place(
        &mut self,
        settled: Settled,
        now: Timestamp,
    ) -> Option<(DeploymentId, Place)> {
        let oldest = now.plus_millis(-MAX_PUSH_AGE_MILLIS);
        let is_behind = |it: &Place| it.until.is_some() || it.from < settled.before;
        for place in self.places.values_mut() {
            // The clock was set back: what comes now is not before what was sent.
            if place.from > settled.before.plus_millis(WRITE_MILLIS) {
                *place = Place {
                    missed: place.missed,
                    ..Place::at(settled.before)
                };
                self.is_unwritten = true;
            }
            if is_behind(place) && place.from < oldest {
                let since = place.missed.map_or(place.from, |it| it.0.min(place.from));
                *place = Place {
                    missed: Some((since, oldest)),
                    ..Place::at(oldest)
                };
                self.is_unwritten = true;
            }
        }
        let behind = self.places.iter_mut().filter(|it| is_behind(it.1));
        let (deployment, place) = behind.min_by_key(|it| it.1.from)?;
        self.sent_all_at = None;
        place.until = place.until.or(Some(settled.before));
        Some((deployment.clone(), place.clone()))
    }

    pub(super) fn all_sent(&mut self, settled: Settled, now: Timestamp) {
        self.sent_all_at = settled.least;
        let pause = FIRST_LOOK_MILLIS << self.looks.min(10);
        self.looks = self.looks.saturating_add(1);
        self.next_look_at = now.plus_millis(pause.min(LONGEST_LOOK_MILLIS));
    }

    /// Moves a place, unless its grant ended meanwhile.
    pub(super) fn put(&mut self, deployment: &DeploymentId, change: impl FnOnce(&mut Place)) {
        if let Some(place) = self.places.get_mut(deployment) {
            change(place);
            self.is_unwritten = true;
        }
    }
}

/// A webhook.
pub(crate) struct Hook {
    pub(super) id: WebhookId,
    pub(super) recipient: RecipientId,
    pub(super) purpose: PurposeId,
    pub(super) deployment: Option<DeploymentId>,
    pub(super) thing: Option<ThingId>,
    pub(super) condition: Option<Condition>,
    running: Mutex<Running>,
}

impl Hook {
    pub(super) fn new(
        row: &WebhookRow,
        condition: Option<Condition>,
        places: BTreeMap<DeploymentId, Place>,
    ) -> Self {
        Self {
            id: row.id.clone(),
            recipient: row.recipient.clone(),
            purpose: row.purpose.clone(),
            deployment: row.deployment.clone(),
            thing: row.thing.clone(),
            condition,
            running: Mutex::new(Running {
                stands: row.stands,
                places,
                rules: None,
                told: 0,
                sent_all_at: None,
                next_look_at: Timestamp::EPOCH,
                looks: 0,
                is_under_way: false,
                is_slow: row.stands.attempts > 0,
                turn_at: Timestamp::EPOCH,
                written_at: Timestamp::EPOCH,
                is_unwritten: false,
                wants_test: false,
                tested: None,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every webhook.
pub(crate) struct Pushes {
    pub(super) safe: SecretBox,
    hooks: RwLock<BTreeMap<WebhookId, Arc<Hook>>>,
    pub(super) horizon: Mutex<Horizon>,
    /// How often recipients were told of erasures, and one: what was told before the start is looked for too.
    told: AtomicU64,
}

impl Pushes {
    /// With the key under which addresses are sealed.
    pub(crate) fn new(safe: SecretBox) -> Self {
        Self {
            safe,
            hooks: RwLock::default(),
            horizon: Mutex::default(),
            told: AtomicU64::new(1),
        }
    }

    /// Recipients were told of an erasure: webhooks look what it is.
    pub(crate) fn tell(&self) {
        self.told.fetch_add(1, Ordering::Release);
    }

    /// How often that was.
    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::Acquire)
    }

    pub(super) fn one(&self, id: &WebhookId) -> Option<Arc<Hook>> {
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner);
        hooks.get(id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Hook>> {
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner);
        hooks.values().cloned().collect()
    }

    pub(super) fn insert(&self, hook: Hook) {
        let mut hooks = self.hooks.write().unwrap_or_else(PoisonError::into_inner);
        hooks.insert(hook.id.clone(), Arc::new(hook));
    }

    pub(super) fn remove(&self, id: &WebhookId) {
        let mut hooks = self.hooks.write().unwrap_or_else(PoisonError::into_inner);
        hooks.remove(id);
    }
}
