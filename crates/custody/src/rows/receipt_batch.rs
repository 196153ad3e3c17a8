//! Batches of receipts that were committed to, and the keys of their salts.

use model::{Subject, Timestamp};
use store::Tx;

use super::RowError;
use crate::receipts::commitment::ReceiptCommitment;

const TABLE: &str = "receipt_batch";
const SEED_BYTES: usize = 32;

/// What a batch commits to.
pub(crate) struct BatchRow {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    /// The commitments of receipts, in the order of their bytes.
    pub(crate) leaves: Vec<ReceiptCommitment>,
    /// What the decoys are made from.
    pub(crate) seed: [u8; SEED_BYTES],
}

/// The number of the batch that comes next, from 1.
pub(crate) fn next(tx: &mut Tx<'_>) -> Result<u64, RowError> {
    let row = tx.query_one("SELECT COALESCE(MAX(number), 0) FROM receipt_batch", &[])?;
    let last: i64 = row.map(|it| it.get(0)).transpose()?.unwrap_or(0);
    u64::try_from(last.saturating_add(1)).map_err(|_| unreadable("a number"))
}

pub(crate) fn insert(tx: &mut Tx<'_>, row: &BatchRow) -> Result<(), RowError> {
    let leaves = row
        .leaves
        .iter()
        .map(|it| it.0)
        .collect::<Vec<_>>()
        .concat();
    let number = i64::try_from(row.number).map_err(|_| unreadable("a number"))?;
    tx.execute(
        "INSERT INTO receipt_batch (number, committed_at, leaves, decoys) VALUES ($1, $2, $3, $4)",
        &[
            number.into(),
            row.at.as_millis().into(),
            leaves.as_slice().into(),
            row.seed.as_slice().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn one(tx: &mut Tx<'_>, number: u64) -> Result<Option<BatchRow>, RowError> {
    let Ok(found) = i64::try_from(number) else {
        return Ok(None);
    };
    let row = tx.query_one(
        "SELECT committed_at, leaves, decoys FROM receipt_batch WHERE number = $1",
        &[found.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let leaves: Vec<u8> = row.get(1)?;
    let leaves = leaves.chunks(SEED_BYTES).map(|it| it.try_into().ok());
    let leaves: Option<Vec<_>> = leaves.map(|it| it.map(ReceiptCommitment)).collect();
    let seed: Vec<u8> = row.get(2)?;
    Ok(Some(BatchRow {
        number,
        at: Timestamp::from_millis(row.get(0)?),
        leaves: leaves.ok_or_else(|| unreadable("leaves"))?,
        seed: seed.try_into().map_err(|_| unreadable("a seed"))?,
    }))
}

/// The sealed key of a subject's salts.
pub(crate) fn key(tx: &mut Tx<'_>, subject: &Subject) -> Result<Option<Vec<u8>>, RowError> {
    let key = subject.key();
    let row = tx.query_one(
        "SELECT sealed FROM receipt_key WHERE subject = $1",
        &[key.as_str().into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

pub(crate) fn put_key(tx: &mut Tx<'_>, subject: &Subject, sealed: &[u8]) -> Result<(), RowError> {
    let key = subject.key();
    tx.execute(
        "INSERT INTO receipt_key (subject, sealed) VALUES ($1, $2)",
        &[key.as_str().into(), sealed.into()],
    )?;
    Ok(())
}

/// Destroys the key of a subject's salts: what was committed of their receipts can be proved and guessed by nobody any more.
pub(crate) fn destroy_key(tx: &mut Tx<'_>, subject: &Subject) -> Result<(), RowError> {
    let key = subject.key();
    tx.execute(
        "DELETE FROM receipt_key WHERE subject = $1",
        &[key.as_str().into()],
    )?;
    tx.execute(
        "UPDATE receipt SET place = NULL WHERE subject = $1 AND place IS NOT NULL",
        &[key.as_str().into()],
    )?;
    Ok(())
}

fn unreadable(value: &str) -> RowError {
    RowError::Unreadable {
        table: TABLE,
        value: value.to_owned(),
    }
}
