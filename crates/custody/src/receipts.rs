//! Receipts: every delivery is counted, per person, recipient, purpose, thing and hour.
//!
//! Counted in memory at the moment the payload leaves, written by [`Custody::tick`](crate::Custody::tick) and on close.

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use model::{DeploymentId, PurposeId, RecipientId, Subject, ThingId, Timestamp};
use policy::{FieldSet, Schema};
use rustc_hash::FxHashMap;

pub(crate) const HOUR_MILLIS: i64 = 3_600_000;

/// What one recipient received about one subject in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRow {
    /// About whom.
    pub subject: Subject,
    /// Who received.
    pub recipient: RecipientId,
    /// For what.
    pub purpose: PurposeId,
    /// From which deployment.
    pub deployment: DeploymentId,
    /// From which thing.
    pub thing: ThingId,
    /// Hours since the Unix epoch, UTC.
    pub hour: i64,
    /// JSON Pointers of the fields that were in at least one delivery, in order.
    pub fields: Vec<String>,
    /// How many messages.
    pub deliveries: i64,
    /// The last of them.
    pub last_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    subject: Subject,
    recipient: RecipientId,
    purpose: PurposeId,
    deployment: DeploymentId,
    thing: ThingId,
    hour: i64,
}

impl Key {
    fn of(row: &ReceiptRow) -> Self {
        Self {
            subject: row.subject.clone(),
            recipient: row.recipient.clone(),
            purpose: row.purpose.clone(),
            deployment: row.deployment.clone(),
            thing: row.thing.clone(),
            hour: row.hour,
        }
    }
}

impl ReceiptRow {
    /// Adds another row of the same key.
    fn merge(&mut self, other: Self) {
        self.fields.extend(other.fields);
        self.fields.sort();
        self.fields.dedup();
        self.deliveries += other.deliveries;
        self.last_at = self.last_at.max(other.last_at);
    }
}

struct Count {
    schema: Arc<Schema>,
    fields: FieldSet,
    deliveries: i64,
    last_at: Timestamp,
}

/// One delivery, as the counter needs it.
pub(crate) struct Delivered<'a> {
    /// About whom, and which fields are about them.
    pub(crate) concerned: &'a [(Subject, FieldSet)],
    pub(crate) recipient: &'a RecipientId,
    pub(crate) purpose: &'a PurposeId,
    pub(crate) deployment: &'a DeploymentId,
    pub(crate) thing: &'a ThingId,
    pub(crate) schema: &'a Arc<Schema>,
    pub(crate) fields: FieldSet,
    pub(crate) at: Timestamp,
}

/// Counts deliveries until the next flush.
#[derive(Default)]
pub(crate) struct ReceiptCounter {
    counts: Mutex<FxHashMap<Key, Vec<Count>>>,
    unwritten: Mutex<FxHashMap<Key, ReceiptRow>>,
}

impl ReceiptCounter {
    pub(crate) fn count(&self, delivered: &Delivered<'_>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (subject, about) in delivered.concerned {
            let fields = delivered.fields.and(*about);
            if fields.is_empty() {
                continue;
            }
            let key = Key {
                subject: subject.clone(),
                recipient: delivered.recipient.clone(),
                purpose: delivered.purpose.clone(),
                deployment: delivered.deployment.clone(),
                thing: delivered.thing.clone(),
                hour: delivered.at.as_millis().div_euclid(HOUR_MILLIS),
            };
            let counts = counts.entry(key).or_default();
            let known = counts
                .iter_mut()
                .find(|it| Arc::ptr_eq(&it.schema, delivered.schema));
            match known {
                Some(count) => {
                    count.fields = count.fields.or(fields);
                    count.deliveries += 1;
                    count.last_at = count.last_at.max(delivered.at);
                }
                None => counts.push(Count {
                    schema: Arc::clone(delivered.schema),
                    fields,
                    deliveries: 1,
                    last_at: delivered.at,
                }),
            }
        }
    }

    /// Puts rows back that could not be written; rows of the same hour become one.
    pub(crate) fn put_back(&self, rows: Vec<ReceiptRow>) {
        let mut unwritten = self
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            match unwritten.entry(Key::of(&row)) {
                Entry::Vacant(vacant) => {
                    vacant.insert(row);
                }
                Entry::Occupied(occupied) => occupied.into_mut().merge(row),
            }
        }
    }

    /// Takes what was counted since the last call.
    pub(crate) fn take(&self) -> Vec<ReceiptRow> {
        let taken =
            std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let unwritten = std::mem::take(
            &mut *self
                .unwritten
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let mut rows: Vec<_> = unwritten.into_values().collect();
        for (key, counts) in taken {
            for count in counts {
                let mut fields: Vec<_> = count
                    .fields
                    .iter()
                    .filter_map(|it| Some(count.schema.pointer(it)?.as_str().to_owned()))
                    .collect();
                fields.sort();
                rows.push(ReceiptRow {
                    subject: key.subject.clone(),
                    recipient: key.recipient.clone(),
                    purpose: key.purpose.clone(),
                    deployment: key.deployment.clone(),
                    thing: key.thing.clone(),
                    hour: key.hour,
                    fields,
                    deliveries: count.deliveries,
                    last_at: count.last_at,
                });
            }
        }
        rows
    }
}
