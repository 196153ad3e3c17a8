//! A receipt that its person can show to anybody: the text, its salt, the path to the root, and the proof that the root is in the record.
//!
//! # Format
//! A JSON object with `format` (`amanat-receipt/1`), `receipt` (the text that was committed to, exactly), `salt` (hex), `index`, `size` and
//! `path` (base64) of the RFC 6962 inclusion proof in the tree of its batch, and `record`, a C2SP `tlog-proof` of the batch's entry, which
//! goes along in it. The leaf is HMAC-SHA-256 of the text under the salt.
//! Whoever has the file can read the receipt; whom it is about is not in it.

use data_encoding::{BASE64, HEXLOWER};
use model::{EntryKind, PersonId, Subject, Timestamp};
use record::{
    Hash, InclusionProof, Note, TlogProof, TlogProofInvalid, Verifier, WitnessVerifier,
    verify_inclusion,
};
use serde::{Deserialize, Serialize};

use super::commit::{CommitReceiptsError, about};
use super::commitment::{RECEIPT_SALT_BYTES, ReceiptCommitment};
use super::{CommittedAs, HOUR_MILLIS, ReceiptRow};
use crate::Custody;
use crate::ledger::LedgerError;
use crate::rows::{self, RowError, receipt_batch};

const FORMAT: &str = "amanat-receipt/1";
const VERSION: u8 = 1;
/// The longest file of a proof that is read, in bytes.
pub const MAX_RECEIPT_PROOF_BYTES: usize = record::MAX_TLOG_PROOF_BYTES + 262_144;
/// The longest path in a batch.
const MAX_PATH: usize = 32;
/// The most receipts that are listed at once.
pub const MAX_RECEIPTS_LISTED: u16 = 10_000;

/// What a receipt says, in words of the notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptText {
    v: u8,
    /// When its hour begins, UTC.
    pub hour: String,
    /// Who received.
    pub recipient: String,
    /// For what.
    pub purpose: String,
    /// From which deployment.
    pub deployment: String,
    /// From which thing.
    pub thing: String,
    /// JSON Pointers of what was in at least one message.
    pub fields: Vec<String>,
    /// Those of them that were at least once as precise as measured.
    pub exact: Vec<String>,
    /// How many messages.
    pub messages: i64,
    /// The last of them.
    pub last_at: String,
    /// 0, and more for what was counted after the hour was committed to.
    pub part: i64,
}

/// The text that is committed to.
pub(super) fn text(row: &ReceiptRow) -> Vec<u8> {
    let begun = Timestamp::from_millis(row.hour.saturating_mul(HOUR_MILLIS));
    let text = ReceiptText {
        v: VERSION,
        hour: begun.to_string(),
        recipient: row.recipient.to_string(),
        purpose: row.purpose.to_string(),
        deployment: row.deployment.to_string(),
        thing: row.thing.to_string(),
        fields: row.fields.clone(),
        exact: row.exact.clone(),
        messages: row.deliveries,
        last_at: row.last_at.to_string(),
        part: row.part,
    };
    serde_json::to_vec(&text).unwrap_or_default()
}

/// The file. Nothing of it is to be trusted before [`ReceiptProof::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptProof {
    format: String,
    receipt: String,
    salt: String,
    index: u64,
    size: u64,
    path: Vec<String>,
    record: String,
}

/// What is wrong with a proof of a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptProofError {
    /// Not such a file.
    #[error("this is no proof of a receipt (`{FORMAT}`), or it was changed")]
    Malformed,
    /// The receipt is not what was committed to.
    #[error("the record does not hold this receipt: it is not what was committed to")]
    NotCommitted,
    /// The entry in it is another one.
    #[error("the entry in it is not one that commits to receipts")]
    OtherEntry,
    /// The entry is not in the record.
    #[error(transparent)]
    Record(#[from] TlogProofInvalid),
}

/// A receipt that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenReceipt {
    /// What it says.
    pub receipt: ReceiptText,
    /// The position of the entry that holds it fast.
    pub position: u64,
    /// How the entry is proved: the checkpoint, and who cosigned it when.
    pub proved: record::ProvedEntry,
}

#[derive(Deserialize)]
struct CommittedEntry {
    kind: String,
    document_sha256: String,
}

impl ReceiptProof {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptProofError> {
        if bytes.len() > MAX_RECEIPT_PROOF_BYTES {
            return Err(ReceiptProofError::Malformed);
        }
        let read: Self = serde_json::from_slice(bytes).map_err(|_| ReceiptProofError::Malformed)?;
        match read.format == FORMAT && read.path.len() <= MAX_PATH {
            true => Ok(read),
            false => Err(ReceiptProofError::Malformed),
        }
    }

    /// Checks that the record of this key holds the receipt, and which of the witnesses cosigned it.
    ///
    /// # Errors
    /// See [`ReceiptProofError`].
    pub fn verify(
        &self,
        log: &Verifier,
        witnesses: &[WitnessVerifier],
    ) -> Result<ProvenReceipt, ReceiptProofError> {
        let malformed = || ReceiptProofError::Malformed;
        let salt = HEXLOWER.decode(self.salt.as_bytes()).ok();
        let salt: Option<[u8; RECEIPT_SALT_BYTES]> = salt.and_then(|it| it.try_into().ok());
        let path = self.path.iter().map(|it| Hash::from_base64(it));
        let path = InclusionProof {
            index: self.index,
            size: self.size,
            path: path.collect::<Option<_>>().ok_or_else(malformed)?,
        };
        let text = self.receipt.as_bytes();
        let leaf = ReceiptCommitment::to(&salt.ok_or_else(malformed)?, text).leaf();
        let record = TlogProof::parse(self.record.as_bytes()).map_err(|_| malformed())?;
        let entry = record.extra.as_deref().ok_or_else(malformed)?;
        let proved = record.verify(entry, log, witnesses)?;
        let entry: CommittedEntry =
            serde_json::from_slice(entry).map_err(|_| ReceiptProofError::OtherEntry)?;
        if entry.kind != EntryKind::ReceiptsCommitted.as_str() {
            return Err(ReceiptProofError::OtherEntry);
        }
        let root = HEXLOWER.decode(entry.document_sha256.as_bytes()).ok();
        let root: Option<[u8; 32]> = root.and_then(|it| it.try_into().ok());
        let root = Hash(root.ok_or(ReceiptProofError::OtherEntry)?);
        verify_inclusion(&path, &leaf, &root).map_err(|_| ReceiptProofError::NotCommitted)?;
        let receipt: ReceiptText = serde_json::from_slice(text).map_err(|_| malformed())?;
        Ok(ProvenReceipt {
            receipt,
            position: record.index,
            proved,
        })
    }
}

impl std::fmt::Display for ReceiptProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).unwrap_or_default())
    }
}

/// Where a list of receipts goes on: an hour, and how many of its receipts and of later ones to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptsFrom {
    /// Hours since the Unix epoch; the first that is listed.
    pub hour: i64,
    /// So many of that hour were listed before.
    pub skip: u32,
}

impl ReceiptsFrom {
    /// All of them.
    pub const NEWEST: Self = Self {
        hour: i64::MAX,
        skip: 0,
    };
}

/// Receipts of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptsPage {
    /// Newest hour first. Those of the last second may be missing.
    pub receipts: Vec<ReceiptRow>,
    /// Where older ones begin.
    pub older: Option<ReceiptsFrom>,
}

/// Why a receipt could not be proven.
#[derive(Debug, thiserror::Error)]
pub enum ProveReceiptError {
    /// The database.
    #[error("the receipt could not be read")]
    Db(#[from] store::DbError),
    /// The rows.
    #[error("the receipt could not be read")]
    Rows(#[from] RowError),
    /// The key of its salt.
    #[error(transparent)]
    Key(#[from] CommitReceiptsError),
    /// The record.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The row is not what was committed to: it was changed since.
    #[error("this receipt is not the one that was committed to: what is kept of it was changed")]
    Changed,
}

impl Custody {
    /// Receipts of a person, at most [`MAX_RECEIPTS_LISTED`] at once. Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn receipts(
        &self,
        person: &PersonId,
        from: ReceiptsFrom,
        limit: u16,
        now: Timestamp,
    ) -> Result<ReceiptsPage, RowError> {
        let subject = Subject::Person(person.clone());
        let limit = usize::from(limit.min(MAX_RECEIPTS_LISTED));
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let place = (from.hour, i64::from(from.skip));
        let mut receipts = self
            .inner
            .db
            .read(|tx| rows::receipt::until(tx, &subject, place, most.saturating_add(1), now))?;
        let is_more = receipts.len() > limit;
        receipts.truncate(limit);
        let last = receipts.last().map(|it| it.hour).filter(|_| is_more);
        let older = last.map(|hour| {
            let of_hour = receipts.iter().filter(|it| it.hour == hour).count();
            let of_hour = u32::try_from(of_hour).unwrap_or(u32::MAX);
            let before = if hour == from.hour { from.skip } else { 0 };
            ReceiptsFrom {
                hour,
                skip: before.saturating_add(of_hour),
            }
        });
        Ok(ReceiptsPage { receipts, older })
    }

    /// The proof of the receipt at a place of a batch; `None` where this person has none there. Only for that person: the caller has checked
    /// who asks. Blocks on the database.
    ///
    /// # Errors
    /// See [`ProveReceiptError`].
    pub fn prove_receipt(
        &self,
        person: &PersonId,
        (batch, place): (u64, u64),
        now: Timestamp,
    ) -> Result<Option<ReceiptProof>, ProveReceiptError> {
        let subject = Subject::Person(person.clone());
        let found = self.inner.db.read(|tx| {
            let Some(row) = rows::receipt::at_place(tx, &subject, (batch, place), now)? else {
                return Ok(None);
            };
            let key = self.inner.committing.key(tx, &subject)?;
            let kept = receipt_batch::one(tx, batch)?;
            let entry = rows::entry::about(tx, &about(batch), 1)?.pop();
            Ok::<_, ProveReceiptError>(Some((row, key, kept, entry)))
        })?;
        let Some((row, key, kept, entry)) = found else {
            return Ok(None);
        };
        let (Some(key), Some(kept), Some(entry)) = (key, kept, entry) else {
            return Err(ProveReceiptError::Changed);
        };
        let text = text(&row);
        let salt = key.salt(&text);
        let tree = kept.tree().ok_or(ProveReceiptError::Changed)?;
        let path = tree.prove(&ReceiptCommitment::to(&salt, &text));
        let path = path.ok_or(ProveReceiptError::Changed)?;
        let (_, proof) = self
            .record_entry(entry.position)?
            .ok_or(ProveReceiptError::Changed)?;
        let note = Note::parse(proof.checkpoint.as_bytes());
        let record = TlogProof {
            extra: Some(proof.bytes),
            index: entry.position,
            path: proof.proof.path,
            note: note.map_err(|err| LedgerError::Log(err.to_string()))?,
        };
        Ok(Some(ReceiptProof {
            format: FORMAT.to_owned(),
            receipt: String::from_utf8(text).unwrap_or_default(),
            salt: HEXLOWER.encode(&salt),
            index: path.index,
            size: path.size,
            path: path.path.iter().map(|it| BASE64.encode(&it.0)).collect(),
            record: record.to_string(),
        }))
    }

    /// The position of the entry that holds a batch of receipts fast.
    ///
    /// # Errors
    /// When the database fails.
    pub fn receipts_entry(&self, committed: CommittedAs) -> Result<Option<u64>, RowError> {
        let CommittedAs::Proven { batch, .. } = committed else {
            return Ok(None);
        };
        let found = self
            .inner
            .db
            .read(|tx| rows::entry::about(tx, &about(batch), 1))?;
        Ok(found.first().map(|it| it.position))
    }
}
