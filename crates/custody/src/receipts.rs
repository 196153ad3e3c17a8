//! Receipts: every delivery is counted, per person, recipient, purpose, thing and hour.
//!
//! Counted in memory at the moment the payload leaves, written by [`Custody::tick`](crate::Custody::tick) and on close. When an hour is over its
//! receipts are committed to in the public record ([`commit`]), and each is proven to its person ([`proof`]).

pub(crate) mod commit;
pub(crate) mod commitment;
pub(crate) mod proof;
pub(crate) mod written;

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
    /// 0, and more for what was counted after the receipt of the hour was committed to.
    pub part: i64,
    /// JSON Pointers of the fields that were in at least one delivery, in order.
    pub fields: Vec<String>,
    /// Those of them that were at least once as precise as they were measured.
    pub exact: Vec<String>,
    /// How many messages.
    pub deliveries: i64,
    /// The last of them.
    pub last_at: Timestamp,
    /// Whether the record holds it fast.
    pub committed: CommittedAs,
}

/// Whether a receipt is held fast by the public record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommittedAs {
    /// Not yet: its hour is not over.
    Open,
    /// It is, and can be proven.
    Proven {
        /// Which batch.
        batch: u64,
        /// Its place among the commitments of the batch.
        place: u64,
    },
    /// It was; its salt went with an erasure of everything, so that nobody can prove or guess it.
    Forgotten,
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
        for (mine, more) in [
            (&mut self.fields, other.fields),
            (&mut self.exact, other.exact),
        ] {
            mine.extend(more);
            mine.sort();
            mine.dedup();
        }
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
    exact: FieldSet,
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
    /// Those that are as precise as they came.
    pub(crate) exact: FieldSet,
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
                    count.exact = count.exact.or(delivered.exact.and(fields));
                    count.deliveries += 1;
                    count.last_at = count.last_at.max(delivered.at);
                }
                None => counted.counts.push(Count {
                    subject: subject.clone(),
                    purpose: delivered.purpose.clone(),
                    schema: Arc::clone(delivered.schema),
                    fields,
                    exact: delivered.exact.and(fields),
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
                rows.push(ReceiptRow {
                    subject: count.subject,
                    recipient: counted.recipient.id.clone(),
                    purpose: count.purpose,
                    deployment: counted.thing.deployment.id.clone(),
                    thing: counted.thing.id.clone(),
                    hour: place.hour,
                    part: 0,
                    fields: pointers(&count.schema, count.fields),
                    exact: pointers(&count.schema, count.exact),
                    deliveries: count.deliveries,
                    last_at: count.last_at,
                    committed: CommittedAs::Open,
                });
            }
        }
        rows
    }
}

fn pointers(schema: &Schema, fields: FieldSet) -> Vec<String> {
    let pointers = fields.iter().filter_map(|it| schema.pointer(it));
    let mut pointers: Vec<_> = pointers.map(|it| it.as_str().to_owned()).collect();
    pointers.sort();
    pointers
}
