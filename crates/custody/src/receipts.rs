//! Receipts: every delivery is counted, per person, recipient, purpose, thing and hour.
//!
//! Counted in memory at the moment the payload leaves, written by [`Custody::tick`](crate::Custody::tick) and on close.

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use model::{DeploymentId, PurposeId, RecipientId, Subject, ThingId, Timestamp};
use policy::{FieldSet, Schema};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::catalogue::{RecipientPeer, ThingPeer};

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

/// By address, so that counting looks up three numbers; a place keeps alive what it names.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    thing: usize,
    recipient: usize,
    hour: i64,
}

/// What was delivered of one thing to one recipient in one hour.
struct Counted {
    thing: Arc<ThingPeer>,
    recipient: Arc<RecipientPeer>,
    counts: SmallVec<[Count; 1]>,
}

struct Count {
    subject: Subject,
    purpose: PurposeId,
    schema: Arc<Schema>,
    fields: FieldSet,
    deliveries: i64,
    last_at: Timestamp,
}

/// One delivery, as the counter needs it.
pub(crate) struct Delivered<'a> {
    /// About whom, and which fields are about them.
    pub(crate) concerned: &'a [(Subject, FieldSet)],
    pub(crate) recipient: &'a Arc<RecipientPeer>,
    pub(crate) purpose: &'a PurposeId,
    pub(crate) thing: &'a Arc<ThingPeer>,
    pub(crate) schema: &'a Arc<Schema>,
    pub(crate) fields: FieldSet,
    pub(crate) at: Timestamp,
}

impl Delivered<'_> {
    fn place(&self) -> Place {
        Place {
            thing: Arc::as_ptr(self.thing).addr(),
            recipient: Arc::as_ptr(self.recipient).addr(),
            hour: self.at.as_millis().div_euclid(HOUR_MILLIS),
        }
    }
}

/// Counts deliveries until the next flush.
#[derive(Default)]
pub(crate) struct ReceiptCounter {
    counts: Mutex<FxHashMap<Place, Counted>>,
    unwritten: Mutex<FxHashMap<Key, ReceiptRow>>,
}

impl ReceiptCounter {
    pub(crate) fn count(&self, delivered: &Delivered<'_>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counts.entry(delivered.place()).or_insert_with(|| Counted {
            thing: Arc::clone(delivered.thing),
            recipient: Arc::clone(delivered.recipient),
            counts: SmallVec::new(),
        });
        for (subject, about) in delivered.concerned {
            let fields = delivered.fields.and(*about);
            if fields.is_empty() {
                continue;
            }
            let is_same = |it: &&mut Count| {
                Arc::ptr_eq(&it.schema, delivered.schema)
                    && it.purpose == *delivered.purpose
                    && it.subject == *subject
            };
            match counted.counts.iter_mut().find(is_same) {
                Some(count) => {
                    count.fields = count.fields.or(fields);
                    count.deliveries += 1;
                    count.last_at = count.last_at.max(delivered.at);
                }
                None => counted.counts.push(Count {
                    subject: subject.clone(),
                    purpose: delivered.purpose.clone(),
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
        for (place, counted) in taken {
            for count in counted.counts {
                let mut fields: Vec<_> = count
                    .fields
                    .iter()
                    .filter_map(|it| Some(count.schema.pointer(it)?.as_str().to_owned()))
                    .collect();
                fields.sort();
                rows.push(ReceiptRow {
                    subject: count.subject,
                    recipient: counted.recipient.id.clone(),
                    purpose: count.purpose,
                    deployment: counted.thing.deployment.id.clone(),
                    thing: counted.thing.id.clone(),
                    hour: place.hour,
                    fields,
                    deliveries: count.deliveries,
                    last_at: count.last_at,
                });
            }
        }
        rows
    }
}
