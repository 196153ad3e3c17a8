//! How long readings are kept, when each vanishes, and what a later notice does about it.
//!
//! # What holds
//! - A reading is kept for as long as the notice said when it came in, of each field for each purpose (policy works it out), and no longer:
//!   no later notice makes that longer.
//! - A later notice makes it shorter: from the moment it is in force, no value that came in before is kept longer than the longest time that
//!   the notice gives its field, for whichever purpose and recipient, what a law wants kept included. A field that the notice does not name
//!   any more stays as it was promised: nobody receives it, and only the person sees it.
//! - A message that waits for a recipient is kept too. It leaves as long as the notice lets its field be kept for that recipient and purpose;
//!   what is live only, for an hour ([`policy::MAX_LIVE_WAIT_MILLIS`]).
//!
//! # Where it is enforced
//! | copy | when |
//! |---|---|
//! | every answer of the vault (timeline, export, history, webhooks, parcels) | to the millisecond |
//! | blocks, keys, the log | within the hour: [`vault`] drops blocks of an hour and a class, and keys of a day and a class |
//! | what a later notice made shorter, in blocks | taken out within the hour, by opening them: [`Custody::tick`] |
//! | retained messages | to the millisecond; from memory and rows within the hour, see `retained` |
//! | deliveries that wait: outboxes, sessions that are offline, streams, webhooks | to the millisecond, by [`Custody::permit`] |
//! | time windows | they end with their window; what they come to is a reading of its own |
//! | a finished export | it is the person's own copy, made when they asked; deleted after [`EXPORT_KEEP_MILLIS`](crate::EXPORT_KEEP_MILLIS) |
//! | receipts, choices, consent | not readings: they say who received something and what was decided, and they stay |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use model::{DeploymentId, Notice, Pointer, PurposeId, RecipientId, Retention, Timestamp};
use store::Tx;
use vault::{ShortenPass, Shortening, StoredReading, Strip};

use crate::Custody;
use crate::erase::body::{Left, without};
use crate::history::SETTLE_MILLIS;
use crate::rows::{self, RowError};
use crate::timeline::TimelineField;

mod summary;

pub use summary::{Keeping, KeepingError, KeptClass, KeptPart, KeptThing, MAX_KEPT_SCANNED};

const DAY_MILLIS: i64 = 86_400_000;

/// That a field is kept for less long than it was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shorter {
    /// At which deployment.
    pub(crate) deployment: DeploymentId,
    /// Which field.
    pub(crate) field: Pointer,
    /// Of what came in before this moment.
    pub(crate) came_before: Timestamp,
    /// How long.
    pub(crate) retention: Retention,
    /// From then on there is nothing any more that this is about.
    pub(crate) gone_at: Timestamp,
    /// Blocks whose readings came in before this moment are as they should be.
    pub(crate) done_until: Timestamp,
}

impl Shorter {
    /// Whether a value of that moment is past its shortened time.
    fn is_over(&self, at: Timestamp, now: Timestamp) -> bool {
        at < self.came_before && expires_at(at, self.retention) <= now
    }
}

/// First moment at which something is no longer kept.
pub(crate) fn expires_at(at: Timestamp, retention: Retention) -> Timestamp {
    at.plus_millis(i64::from(retention.as_days()) * DAY_MILLIS)
}

/// What is kept for less long than it was promised, by deployment.
type Rules = BTreeMap<DeploymentId, Vec<Shorter>>;

/// What later notices made shorter. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Promises(Arc<InForce>);

#[derive(Default)]
struct InForce {
    rules: ArcSwap<Rules>,
    /// Whether the rows say more than is in force.
    is_stale: AtomicBool,
}

impl Promises {
    /// When all of a reading has vanished.
    pub(crate) fn gone_at(&self, reading: &StoredReading, fields: &[TimelineField]) -> Timestamp {
        let promised = expires_at(reading.at, reading.retention);
        let of_field = |it: &TimelineField| {
            let shortened = self.shortened(&reading.deployment, &it.pointer, reading.at);
            shortened.map_or(promised, |it| it.min(promised))
        };
        fields.iter().map(of_field).max().unwrap_or(promised)
    }

    /// When a value of a reading vanishes, where a later notice made that earlier.
    pub(crate) fn shortened(
        &self,
        deployment: &DeploymentId,
        pointer: &str,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let rules = self.0.rules.load();
        let of_field = rules.get(deployment)?.iter().filter(|it| {
            at < it.came_before && (it.field.as_str() == pointer || it.field.covers(pointer))
        });
        of_field.map(|it| expires_at(at, it.retention)).min()
    }
}

impl Shortening for Promises {
    fn reaches(&self, deployment: &DeploymentId, at: Timestamp, now: Timestamp) -> bool {
        let rules = self.0.rules.load();
        let rules = rules.get(deployment);
        rules.is_some_and(|it| it.iter().any(|it| it.is_over(at, now)))
    }

    fn left(&self, reading: &StoredReading, now: Timestamp) -> Strip {
        let rules = self.0.rules.load();
        let rules = rules.get(&reading.deployment).into_iter().flatten();
        let mut left: Option<Vec<u8>> = None;
        for rule in rules.filter(|it| it.is_over(reading.at, now)) {
            let body = left.as_deref().unwrap_or(&reading.body);
            match without(body, &rule.field) {
                Left::Same => {}
                Left::Nothing => return Strip::Drop,
                Left::Body(body) => left = Some(body),
            }
        }
        left.map_or(Strip::Keep, Strip::Replace)
    }
}

/// The longest time that a notice gives each field, for whichever purpose and recipient. Where it says two things of the same purpose and
/// recipient, the shorter counts, as it does for what is kept.
fn longest(notice: &Notice) -> BTreeMap<&Pointer, Retention> {
    type Lane<'a> = (&'a Pointer, &'a PurposeId, &'a RecipientId);
    let mut lanes: BTreeMap<Lane<'_>, Retention> = BTreeMap::new();
    for declaration in &notice.declarations {
        for field in &declaration.fields {
            for recipient in &declaration.recipients {
                let known = lanes
                    .entry((field, &declaration.purpose, recipient))
                    .or_insert(declaration.retention);
                *known = declaration.retention.min(*known);
            }
        }
    }
    let mut longest = BTreeMap::new();
    for ((field, ..), retention) in lanes {
        let known = longest.entry(field).or_insert(retention);
        *known = retention.max(*known);
    }
    longest
}

/// What a notice that follows another makes shorter, of what came in before it is in force everywhere.
fn shorter(old: &Notice, new: &Notice, now: Timestamp) -> Vec<Shorter> {
    let was = longest(old);
    let came_before = now.plus_millis(SETTLE_MILLIS);
    let mut found = Vec::new();
    for (field, retention) in longest(new) {
        if let Some(was) = was.get(field).filter(|it| **it > retention) {
            found.push(Shorter {
                deployment: new.deployment.clone(),
                field: field.clone(),
                came_before,
                retention,
                gone_at: expires_at(came_before, *was),
                done_until: Timestamp::EPOCH,
            });
        }
    }
    found
}

/// Notes in the transaction of a notice what it makes shorter.
pub(crate) fn note_shorter(
    tx: &mut Tx<'_>,
    promises: &Promises,
    old: &Notice,
    new: &Notice,
    now: Timestamp,
) -> Result<(), RowError> {
    let found = shorter(old, new, now);
    for rule in &found {
        rows::kept_shorter::insert(tx, rule)?;
    }
    if !found.is_empty() {
        promises.0.is_stale.store(true, Ordering::SeqCst);
    }
    Ok(())
}

impl Custody {
    /// Puts in force what rows say of shortened times, where that may have changed. What cannot be read is tried again by the next tick.
    pub(crate) fn refresh_promises(&self) {
        let promises = &self.inner.promises.0;
        if !promises.is_stale.swap(false, Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.load_promises() {
            promises.is_stale.store(true, Ordering::SeqCst);
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "what a notice made shorter is not in force yet: it is tried again in a moment"
            );
        }
    }

    /// Puts in force what rows say of shortened times. Once, when custody opens.
    pub(crate) fn begin_promises(&self) -> Result<(), RowError> {
        self.load_promises()?;
        self.inner.vault.shorten_with(self.inner.promises.clone());
        Ok(())
    }

    fn load_promises(&self) -> Result<(), RowError> {
        let mut rules = Rules::new();
        for rule in self.inner.db.read(rows::kept_shorter::all)? {
            rules.entry(rule.deployment.clone()).or_default().push(rule);
        }
        self.inner.promises.0.rules.store(Arc::new(rules));
        Ok(())
    }

    /// Takes out of blocks what is past a shortened time.
    pub(crate) fn enforce_promises(&self, now: Timestamp) -> Result<(), KeepingError> {
        self.refresh_promises();
        let rules = self.inner.promises.0.rules.load_full();
        // Fields that a notice shortened alike are taken out together.
        let mut passes: BTreeMap<(Retention, Timestamp, Timestamp), Vec<&Shorter>> =
            BTreeMap::new();
        for rule in rules.values().flatten() {
            let key = (rule.retention, rule.came_before, rule.done_until);
            passes.entry(key).or_default().push(rule);
        }
        let mut has_changed = false;
        for ((retention, came_before, from), rules) in passes {
            let days = i64::from(retention.as_days());
            let until = now.plus_millis(-days * DAY_MILLIS + 1).min(came_before);
            if until > from {
                let pass = ShortenPass {
                    from,
                    until,
                    over: retention,
                };
                // Where something else is being erased the same is looked at again.
                if self.inner.vault.enforce_shortening(pass, now)? {
                    self.inner
                        .db
                        .write(|tx| rows::kept_shorter::done(tx, &rules, until))?;
                    has_changed = true;
                }
            }
        }
        let gone = self
            .inner
            .db
            .write(|tx| rows::kept_shorter::forget(tx, now))?;
        if has_changed || gone > 0 {
            self.load_promises()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
