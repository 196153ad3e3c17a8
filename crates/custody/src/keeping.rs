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
//! | a finished export | deleted when the first value in it vanishes, but not within an hour after it was made; at the latest after [`EXPORT_KEEP_MILLIS`](crate::EXPORT_KEEP_MILLIS) |
//! | files sealed to a person's own keys | to the millisecond after their last reading; what a later notice made shorter, within a minute after that |
//! | receipts, choices, consent | not readings: they say who received something and what was decided, and they stay |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use model::{DeploymentId, Notice, Pointer, PurposeId, RecipientId, Retention, Timestamp};
use store::Tx;
use vault::{ShortenPass, Shortening, StoredReading, Strip};

use crate::Custody;
use crate::erase::body::{Left, without};
use crate::export::LEAST_EXPORT_MILLIS;
use crate::history::SETTLE_MILLIS;
use crate::rows::{self, RowError};
use crate::timeline::TimelineField;

mod summary;

pub use summary::{Keeping, KeepingError, KeptClass, KeptPart, KeptThing, MAX_KEPT_SCANNED};

const DAY_MILLIS: i64 = 86_400_000;
/// The most versions of a notice that are looked through for the classes of a field.
const MAX_VERSIONS: i64 = 500;

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
    /// In which classes of retention the field can be kept, by any version of the notice. Not a column: it is worked out when rows are read.
    pub(crate) classes: BTreeSet<Retention>,
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
    /// The rows may say more than is in force.
    pub(crate) fn say_more(&self) {
        self.0.is_stale.store(true, Ordering::SeqCst);
    }

    /// When all of a reading has vanished.
    pub(crate) fn gone_at(&self, reading: &StoredReading, fields: &[TimelineField]) -> Timestamp {
        let promised = expires_at(reading.at, reading.retention);
        let of_fields = self.of_fields(reading, fields, promised);
        of_fields.max().unwrap_or(promised)
    }

    /// When the first value of a reading vanishes.
    pub(crate) fn first_gone_at(
        &self,
        reading: &StoredReading,
        fields: &[TimelineField],
    ) -> Timestamp {
        let promised = expires_at(reading.at, reading.retention);
        let of_fields = self.of_fields(reading, fields, promised);
        of_fields.min().unwrap_or(promised)
    }

    fn of_fields(
        &self,
        reading: &StoredReading,
        fields: &[TimelineField],
        promised: Timestamp,
    ) -> impl Iterator<Item = Timestamp> {
        fields.iter().map(move |it| {
            let shortened = self.shortened(&reading.deployment, &it.pointer, reading.at);
            shortened.map_or(promised, |it| it.min(promised))
        })
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
                classes: BTreeSet::new(),
            });
        }
    }
    found
}

/// Notes in the transaction of a notice what it makes shorter; whether that is anything. Then [`Promises::say_more`] once it is committed:
/// who looked before would find nothing, and nobody would look again.
pub(crate) fn note_shorter(
    tx: &mut Tx<'_>,
    old: &Notice,
    new: &Notice,
    now: Timestamp,
) -> Result<bool, RowError> {
    let found = shorter(old, new, now);
    for rule in &found {
        rows::kept_shorter::insert(tx, rule)?;
    }
    Ok(!found.is_empty())
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
        for mut rule in self.inner.db.read(rows::kept_shorter::all)? {
            rule.classes = self.classes_of(&rule)?;
            rules.entry(rule.deployment.clone()).or_default().push(rule);
        }
        self.inner.promises.0.rules.store(Arc::new(rules));
        Ok(())
    }

    /// The classes of retention that any version of a notice gives a field that it made shorter.
    fn classes_of(&self, rule: &Shorter) -> Result<BTreeSet<Retention>, RowError> {
        let sources = self
            .inner
            .db
            .read(|tx| rows::erasure::notice_sources(tx, &rule.deployment, MAX_VERSIONS))?;
        let mut classes = BTreeSet::new();
        for source in sources {
            let Ok(published) = Notice::parse_published(&source) else {
                continue;
            };
            let declarations = published.notice.declarations.into_iter();
            let of_field = declarations.filter(|it| it.fields.contains(&rule.field));
            classes.extend(of_field.map(|it| it.retention));
        }
        Ok(classes)
    }

    /// Has files that are sealed to people's own keys vanish earlier: nobody can take one field out of them, so each goes whole that can
    /// hold the field.
    fn shorten_own_files(&self, rules: &Rules) -> Result<(), KeepingError> {
        for rule in rules.values().flatten() {
            for class in rule.classes.iter().filter(|it| **it > rule.retention) {
                let (to, before) = (rule.retention, rule.came_before);
                let vault = &self.inner.vault;
                let done = vault.shorten_own_files(&rule.deployment, *class, to, before);
                done.map_err(RowError::Db)?;
            }
        }
        Ok(())
    }

    /// Takes out of blocks what is past a shortened time, and has sealed files vanish earlier that can hold it.
    pub(crate) fn enforce_promises(&self, now: Timestamp) -> Result<(), KeepingError> {
        self.refresh_promises();
        let rules = self.inner.promises.0.rules.load_full();
        self.shorten_own_files(&rules)?;
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
                if from == Timestamp::EPOCH {
                    // What finished exports have of it goes within the hour.
                    let soon = now.plus_millis(LEAST_EXPORT_MILLIS);
                    self.inner.db.write(|tx| rows::export::hurry(tx, soon))?;
                }
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
