//! Rows that wait, sealed; who gave them as far as that must be known; and what must not come back from a backup.
//!
//! # Format of a sealed gift, version 1
//! A JSON array of rows, sealed as [`RowBox`] does under a key of the batch, with the name of the gift as associated data. A row is an array:
//! the number of its device (a keyed hash under the key of the batch, as 16 hexadecimal digits), then a cell for each column: `null`, a whole
//! number or a text.

use std::collections::BTreeMap;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use deidentify::{Cell, Gift, PoolRow};
use model::{DeploymentId, PersonId, Subject, ThingId, Timestamp};
use ring::hmac;
use serde_json::Value;
use store::Tx;
use vault::{Erasure, Scope};
use zeroize::Zeroizing;

use super::declared::DataSetId;
use crate::Custody;
use crate::row_box::RowBox;
use crate::rows::commons::{BatchRow, GiftRow};
use crate::rows::{self, RowError};

const KEY_BYTES: usize = 32;
const GIVER_BYTES: usize = 16;
const NAME_BYTES: usize = 16;

/// What can go wrong with the pool.
#[derive(Debug, thiserror::Error)]
pub(super) enum PoolError {
    #[error("the database failed")]
    Rows(#[from] RowError),
    #[error("the operating system gives no randomness")]
    Random(#[from] getrandom::Error),
    #[error("the key of a batch does not open: was the database changed by hand?")]
    Key,
    #[error("a gift does not open: was the database changed by hand?")]
    Gift,
}

impl From<store::DbError> for PoolError {
    fn from(err: store::DbError) -> Self {
        Self::Rows(err.into())
    }
}

/// A random name.
pub(super) fn name() -> Result<String, getrandom::Error> {
    let mut bytes = [0; NAME_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// An open batch with its key.
pub(super) struct Batch {
    pub(super) row: BatchRow,
    key: hmac::Key,
}

impl Batch {
    /// The keyed hash of who gives.
    pub(super) fn giver(&self, person: &PersonId) -> Vec<u8> {
        let hash = self.hash("giver", person.as_str());
        hash.as_ref().iter().take(GIVER_BYTES).copied().collect()
    }

    /// The keyed hash of a device.
    pub(super) fn source(&self, deployment: &DeploymentId, thing: &ThingId) -> String {
        let hash = self.hash("device", &format!("{deployment}\0{thing}"));
        let bytes: Vec<u8> = hash.as_ref().iter().take(8).copied().collect();
        HEXLOWER.encode(&bytes)
    }

    fn hash(&self, what: &str, text: &str) -> hmac::Tag {
        hmac::sign(&self.key, format!("{what}\0{text}").as_bytes())
    }

    fn sealing(&self) -> Option<RowBox> {
        let key = self.hash("gifts", "");
        RowBox::new(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// Seals rows; each with the number of its device.
    pub(super) fn seal(&self, gift: &str, rows: &[(String, &[Cell])]) -> Option<Vec<u8>> {
        let row = |(source, cells): &(String, &[Cell])| {
            let cells = cells.iter().map(|it| match it {
                Cell::Absent => Value::Null,
                Cell::Index(index) => Value::from(*index),
                Cell::Text(text) => Value::from(text.as_str()),
            });
            let first = std::iter::once(Value::from(source.as_str()));
            Value::Array(first.chain(cells).collect())
        };
        let rows = Value::Array(rows.iter().map(row).collect());
        self.sealing()?
            .seal(gift.as_bytes(), rows.to_string().into_bytes())
    }

    fn open(&self, gift: &GiftRow) -> Option<Vec<(String, Vec<Cell>)>> {
        let opened = self.sealing()?.open(gift.id.as_bytes(), &gift.sealed)?;
        let opened = Zeroizing::new(opened);
        let rows: Vec<Vec<Value>> = serde_json::from_slice(&opened).ok()?;
        let cell = |it: Value| match it {
            Value::Null => Some(Cell::Absent),
            Value::Number(number) => number.as_i64().map(Cell::Index),
            Value::String(text) => Some(Cell::Text(text)),
            _ => None,
        };
        let row = |it: Vec<Value>| {
            let mut values = it.into_iter();
            let Some(Value::String(source)) = values.next() else {
                return None;
            };
            Some((source, values.map(cell).collect::<Option<_>>()?))
        };
        rows.into_iter().map(row).collect()
    }

    /// Opens gifts; who and what device become numbers without meaning.
    pub(super) fn gifts(&self, rows: &[GiftRow]) -> Result<Vec<Gift>, PoolError> {
        let mut people = Numbers::default();
        let mut sources = Numbers::default();
        let mut gifts = Vec::with_capacity(rows.len());
        for row in rows {
            let opened = self.open(row).ok_or(PoolError::Gift)?;
            let row_of = |(source, cells): (String, Vec<Cell>)| PoolRow {
                source: sources.of(source.into_bytes()),
                cells,
            };
            gifts.push(Gift {
                rows: opened.into_iter().map(row_of).collect(),
                person: people.of(row.giver.clone()),
            });
        }
        Ok(gifts)
    }
}

/// Numbers for names, in the order in which they come.
#[derive(Default)]
struct Numbers(BTreeMap<Vec<u8>, u32>);

impl Numbers {
    fn of(&mut self, name: Vec<u8>) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name).or_insert(next)
    }
}

/// The subject under which the vault writes a tombstone for a batch or a gift. No device has such a name: registered ones are chosen, these
/// are random.
fn subject(id: &str) -> Option<Subject> {
    let thing = ThingId::parse(&format!("commons-{id}")).ok()?;
    Some(Subject::Thing(thing))
}

impl Custody {
    /// The open batch of a data set. One that was used before a backup was restored is dropped.
    pub(super) fn commons_batch(&self, id: &DataSetId) -> Result<Option<Batch>, PoolError> {
        let row = self
            .inner
            .db
            .read(|tx| rows::commons::batch(tx, id.as_str()))?;
        let Some(row) = row else {
            return Ok(None);
        };
        if self.commons_used(std::slice::from_ref(&row.id)) != [false] {
            self.inner
                .db
                .write(|tx| rows::commons::delete_batch(tx, &row.id))?;
            tracing::warn!("a batch of the commons came back from a backup and is dropped");
            return Ok(None);
        }
        let opened = self
            .inner
            .commons
            .keys
            .open(&batch_name(&row.id), &row.sealed_key);
        let opened = opened.map(Zeroizing::new).ok_or(PoolError::Key)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &opened);
        Ok(Some(Batch { row, key }))
    }

    /// The open batch, or a new one.
    pub(super) fn commons_batch_or_new(
        &self,
        id: &DataSetId,
        now: Timestamp,
    ) -> Result<Batch, PoolError> {
        if let Some(batch) = self.commons_batch(id)? {
            return Ok(batch);
        }
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(key.as_mut_slice())?;
        let name = name()?;
        let sealed = self
            .inner
            .commons
            .keys
            .seal(&batch_name(&name), key.to_vec());
        let row = BatchRow {
            id: name,
            sealed_key: sealed.ok_or(PoolError::Key)?,
            begun_at: now,
            tried_at: now,
            tried_homes: 0,
        };
        self.inner
            .db
            .write(|tx| rows::commons::insert_batch(tx, id.as_str(), &row))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_slice());
        Ok(Batch { row, key })
    }

    /// Which of these batches or gifts have a tombstone.
    pub(super) fn commons_used(&self, ids: &[String]) -> Vec<bool> {
        let subjects: Vec<Subject> = ids.iter().filter_map(|it| subject(it)).collect();
        self.inner.vault.were_erased(&subjects)
    }

    /// The gifts of a batch that count, without those that were taken back before a backup was restored, and those of people who have asked
    /// for everything to be erased.
    pub(super) fn commons_gifts(&self, batch: &Batch) -> Result<Vec<GiftRow>, PoolError> {
        let rows = self
            .inner
            .db
            .read(|tx| rows::commons::gifts(tx, &batch.row.id))?;
        let ids: Vec<String> = rows.iter().map(|it| it.id.clone()).collect();
        let used = self.commons_used(&ids);
        let leaving = self.inner.erasing.guard.asked_for_everything();
        let leaving: Vec<Vec<u8>> = leaving.iter().map(|it| batch.giver(it)).collect();
        let kept = rows.into_iter().zip(used);
        let kept = kept.filter(|(row, used)| !used && !leaving.contains(&row.giver));
        Ok(kept.map(|it| it.0).collect())
    }

    /// Writes the tombstones that are still missing.
    pub(super) fn bury_used(&self, now: Timestamp) -> Result<(), super::give::GiveError> {
        for id in self.inner.db.read(rows::commons::used)? {
            if let Some(subject) = subject(&id) {
                let erasure = Erasure {
                    subject,
                    scope: Scope::default(),
                };
                self.inner.vault.erase(&erasure, now)?;
            }
            self.inner
                .db
                .write(|tx| rows::commons::forget_used(tx, &id))?;
        }
        Ok(())
    }
}

/// Deletes gifts for good, in a transaction: their tombstones follow.
pub(super) fn delete_gifts(tx: &mut Tx<'_>, ids: &[String]) -> Result<(), RowError> {
    for id in ids {
        rows::commons::delete_gift(tx, id)?;
        rows::commons::note_used(tx, id)?;
    }
    Ok(())
}

fn batch_name(id: &str) -> Vec<u8> {
    format!("commons batch {id}").into_bytes()
}
