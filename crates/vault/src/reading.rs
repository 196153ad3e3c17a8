//! A reading, and its bytes inside a record.
//!
//! # Format of the plaintext of a record, version 1 (little-endian)
//! ```text
//! 0   1  version = 1
//! 1   2  retention in days, never 0
//! 3   8  generation of the program that decided what is stored
//! 11  1  n, then n bytes: thing id
//! …   1  m, then m bytes: deployment id
//! …      body, to the end; at most MAX_BODY_BYTES
//! ```
//! The subject and the epoch are not in it: they are in the associated data and follow from the key. The time is in the frame header.

use model::{DeploymentId, Retention, Subject, ThingId, Timestamp};

use crate::cursor::{Cursor, push_short_text};

/// The longest body of a reading.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Version of the plaintext.
const VERSION: u8 = 1;
/// Most bytes that come before the body.
pub(crate) const MAX_HEAD_BYTES: usize = 11 + 2 * (1 + model::MAX_ID_BYTES);

/// One reading to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Under whose key it is sealed.
    pub subject: &'a Subject,
    /// Which device it came from.
    pub thing: &'a ThingId,
    /// To which deployment the device belongs.
    pub deployment: &'a DeploymentId,
    /// When it was read; its UTC day is the epoch of the key.
    pub at: Timestamp,
    /// How long it is kept, from `at`; not zero.
    pub retention: Retention,
    /// Generation of the program that decided what is stored.
    pub generation: u64,
    /// What is stored; the vault does not look into it.
    pub body: &'a [u8],
}

/// One reading that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReading {
    /// Under whose key it was sealed.
    pub subject: Subject,
    /// Which device it came from.
    pub thing: ThingId,
    /// To which deployment the device belonged.
    pub deployment: DeploymentId,
    /// When it was read.
    pub at: Timestamp,
    /// How long it is kept, from `at`.
    pub retention: Retention,
    /// Generation of the program that decided what is stored.
    pub generation: u64,
    /// What was stored.
    pub body: Vec<u8>,
}

impl StoredReading {
    /// The same, to be appended.
    pub(crate) fn as_reading(&self) -> Reading<'_> {
        Reading {
            subject: &self.subject,
            thing: &self.thing,
            deployment: &self.deployment,
            at: self.at,
            retention: self.retention,
            generation: self.generation,
            body: &self.body,
        }
    }
}

/// A reading without its subject, with its place in the order of appending: what compaction and reading work on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) at: Timestamp,
    /// Index in its segment.
    pub(crate) index: u32,
    pub(crate) thing: ThingId,
    pub(crate) deployment: DeploymentId,
    pub(crate) retention: Retention,
    pub(crate) generation: u64,
    pub(crate) body: Vec<u8>,
}

impl Row {
    /// The reading, with the subject that the key belongs to.
    pub(crate) fn into_stored(self, subject: Subject) -> StoredReading {
        StoredReading {
            subject,
            thing: self.thing,
            deployment: self.deployment,
            at: self.at,
            retention: self.retention,
            generation: self.generation,
            body: self.body,
        }
    }
}

/// First moment at which a reading is no longer kept.
pub(crate) fn expires_at(at: Timestamp, retention: Retention) -> Timestamp {
    at.plus_millis(i64::from(retention.as_days()) * 86_400_000)
}

/// Appends the plaintext of a record.
pub(crate) fn encode(reading: &Reading<'_>, bytes: &mut Vec<u8>) {
    bytes.push(VERSION);
    bytes.extend_from_slice(&reading.retention.as_days().to_le_bytes());
    bytes.extend_from_slice(&reading.generation.to_le_bytes());
    push_short_text(bytes, reading.thing.as_str());
    push_short_text(bytes, reading.deployment.as_str());
    bytes.extend_from_slice(reading.body);
}

/// Reads the plaintext of a record; `None` when it is not one.
pub(crate) fn decode(at: Timestamp, index: u32, plaintext: &[u8]) -> Option<Row> {
    let mut cursor = Cursor(plaintext);
    if cursor.u8()? != VERSION {
        return None;
    }
    Some(Row {
        at,
        index,
        retention: Retention::from_days(cursor.u16()?),
        generation: cursor.u64()?,
        thing: ThingId::parse(cursor.short_text()?).ok()?,
        deployment: DeploymentId::parse(cursor.short_text()?).ok()?,
        body: cursor.rest().to_vec(),
    })
}
