//! Hours that are over are committed to: their receipts become the leaves of a tree whose root stands in the record.
//!
//! A batch is one transaction: rows, leaves and entry. What is counted late for an hour that is committed already is another part of it
//! and goes into the next batch, so no receipt that was committed to ever changes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};

use data_encoding::HEXLOWER;
use model::{Entry, EntryKind, Subject, Timestamp};
use ring::hmac;
use store::Tx;

use super::commitment::{RECEIPT_SALT_BYTES, ReceiptCommitment, ReceiptTree, receipt_decoys};
use super::{HOUR_MILLIS, ReceiptRow, proof};
use crate::Custody;
use crate::act::ActError;
use crate::row_box::RowBox;
use crate::rows::receipt_batch::{self, BatchRow};
use crate::rows::{self, RowError};

/// The most receipts of one batch: an hour with more makes several.
pub const MAX_BATCH_RECEIPTS: usize = 16_384;
/// So long after an hour is over it is committed to: what a slow socket took last is counted by then.
pub const RECEIPT_DELAY_MILLIS: i64 = 60_000;
/// So many batches are made at once; the rest waits for the next turn.
const MAX_BATCHES: usize = 4;
/// Who acts, in the record.
const BY: &str = "office:custody";
const SALT_LABEL: &[u8] = b"amanat/v1/receipt-salt\0";
const DECOY_LABEL: &[u8] = b"amanat/v1/receipt-decoy\0";

/// Why receipts could not be committed to. They wait for the next turn.
#[derive(Debug, thiserror::Error)]
pub enum CommitReceiptsError {
    /// The act.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The rows.
    #[error("receipts could not be read or written")]
    Rows(#[from] RowError),
    /// A key that is not what was sealed.
    #[error("the key of somebody's receipts cannot be opened: the rows are not of this root key")]
    Key,
    /// No randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
}

/// What commits to receipts.
pub(crate) struct Committing {
    keys: RowBox,
    /// The hours before this one were committed to, as far as this process knows.
    before: AtomicI64,
}

impl Committing {
    pub(crate) const fn new(keys: RowBox) -> Self {
        Self {
            keys,
            before: AtomicI64::new(i64::MIN),
        }
    }

    /// The key of a subject's salts.
    pub(super) fn key(
        &self,
        tx: &mut Tx<'_>,
        subject: &Subject,
    ) -> Result<Option<SaltKey>, CommitReceiptsError> {
        let Some(sealed) = receipt_batch::key(tx, subject)? else {
            return Ok(None);
        };
        let opened = self.keys.open(subject.key().as_bytes(), &sealed);
        let bytes = opened.ok_or(CommitReceiptsError::Key)?;
        Ok(Some(SaltKey::new(&bytes)))
    }

    fn key_or_new(
        &self,
        tx: &mut Tx<'_>,
        subject: &Subject,
    ) -> Result<SaltKey, CommitReceiptsError> {
        if let Some(key) = self.key(tx, subject)? {
            return Ok(key);
        }
        let mut bytes = [0; RECEIPT_SALT_BYTES];
        getrandom::fill(&mut bytes)?;
        let sealed = self.keys.seal(subject.key().as_bytes(), bytes.to_vec());
        let sealed = sealed.ok_or(CommitReceiptsError::Key)?;
        receipt_batch::put_key(tx, subject, &sealed)?;
        Ok(SaltKey::new(&bytes))
    }
}

/// From which the salts of a subject's receipts are made.
pub(super) struct SaltKey(hmac::Key);

impl SaltKey {
    fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The salt of a receipt with this text.
    pub(super) fn salt(&self, text: &[u8]) -> [u8; RECEIPT_SALT_BYTES] {
        made(&self.0, SALT_LABEL, text)
    }
}

fn made(key: &hmac::Key, label: &[u8], of: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(label);
    context.update(of);
    let mut bytes = [0; 32];
    let tag = context.sign();
    bytes
        .iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    bytes
}

impl BatchRow {
    /// The tree over the leaves and their decoys.
    pub(super) fn tree(&self) -> Option<ReceiptTree> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.seed);
        let decoys = 0..receipt_decoys(self.leaves.len());
        let decoys = decoys.map(|it| {
            ReceiptCommitment(made(
                &key,
                DECOY_LABEL,
                &u64::try_from(it).unwrap_or(u64::MAX).to_be_bytes(),
            ))
        });
        ReceiptTree::of(self.leaves.iter().copied().chain(decoys).collect())
    }
}

/// What the entry of a batch is about.
pub(super) fn about(batch: u64) -> String {
    format!("receipts:{batch}")
}

impl Custody {
    /// Commits to the receipts of hours that are over.
    pub(crate) fn commit_receipts(&self, now: Timestamp) -> Result<(), CommitReceiptsError> {
        let known = &self.inner.committing.before;
        let hour = (now.as_millis() - RECEIPT_DELAY_MILLIS).div_euclid(HOUR_MILLIS);
        // Another hour, whether a clock went on or was set back.
        if known.load(Ordering::Relaxed) == hour {
            return Ok(());
        }
        for _ in 0..MAX_BATCHES {
            let left = self
                .inner
                .db
                .read(|tx| rows::receipt::open_before(tx, hour, 1))?;
            if left.is_empty() {
                known.store(hour, Ordering::Relaxed);
                return Ok(());
            }
            self.commit_batch(hour, now)?;
        }
        Ok(())
    }

    fn commit_batch(&self, hour: i64, now: Timestamp) -> Result<(), CommitReceiptsError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        self.act(now, |act| {
            let limit = i64::try_from(MAX_BATCH_RECEIPTS).unwrap_or(i64::MAX);
            let receipts = rows::receipt::open_before(act.tx(), hour, limit)?;
            let mut keys: HashMap<Subject, SaltKey> = HashMap::new();
            let mut committed: Vec<(ReceiptCommitment, &ReceiptRow)> = Vec::new();
            for row in &receipts {
                if !keys.contains_key(&row.subject) {
                    let key = self.inner.committing.key_or_new(act.tx(), &row.subject)?;
                    keys.insert(row.subject.clone(), key);
                }
                let Some(key) = keys.get(&row.subject) else {
                    return Err(CommitReceiptsError::Key);
                };
                let text = proof::text(row);
                committed.push((ReceiptCommitment::to(&key.salt(&text), &text), row));
            }
            committed.sort_unstable_by_key(|it| it.0);
            let batch = BatchRow {
                number: receipt_batch::next(act.tx())?,
                at: now,
                leaves: committed.iter().map(|it| it.0).collect(),
                seed,
            };
            let tree = batch.tree().ok_or(CommitReceiptsError::Key)?;
            receipt_batch::insert(act.tx(), &batch)?;
            for (place, (_, row)) in (0_u64..).zip(&committed) {
                rows::receipt::committed(act.tx(), row, (batch.number, place))?;
            }
            act.record(Entry {
                at: now,
                kind: EntryKind::ReceiptsCommitted,
                about: about(batch.number),
                by: BY.to_owned(),
                reason: String::new(),
                document_sha256: Some(HEXLOWER.encode(&tree.root().0)),
            });
            Ok(())
        })
    }
}
