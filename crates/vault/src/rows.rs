//! Rows of segments and keys, as functions that say what they do.

use model::Timestamp;
use store::{DbError, Row, Tx};

use crate::crypto::KeyId;
use crate::keys::{KeyState, WrappedKey, days_from_row, from_row, to_row};
use crate::segment::SegmentName;
use crate::tombstone::{ErasureId, Tombstone};

/// A row of `vault_segment`.
pub(crate) struct SegmentRow {
    pub(crate) name: SegmentName,
    pub(crate) is_done: bool,
}

/// Every segment, oldest first.
pub(crate) fn segments(tx: &mut Tx<'_>) -> Result<Vec<SegmentRow>, DbError> {
    let rows = tx.query(
        "SELECT segment_id, number, is_done FROM vault_segment ORDER BY number",
        &[],
    )?;
    let segment = |row: &Row| {
        let name = SegmentName {
            id: from_row(row.get(0)?),
            number: from_row(row.get(1)?),
        };
        Ok(SegmentRow {
            name,
            is_done: row.get(2)?,
        })
    };
    rows.iter().map(segment).collect()
}

/// Makes the row of a new segment.
pub(crate) fn insert_segment(tx: &mut Tx<'_>, segment: SegmentName) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO vault_segment (segment_id, number, is_done) VALUES ($1, $2, 0)",
        &[to_row(segment.id).into(), to_row(segment.number).into()],
    )?;
    Ok(())
}

/// Whether a segment has a row.
pub(crate) fn is_segment_known(tx: &mut Tx<'_>, segment: SegmentName) -> Result<bool, DbError> {
    let sql = "SELECT number FROM vault_segment WHERE segment_id = $1";
    Ok(tx.query_one(sql, &[to_row(segment.id).into()])?.is_some())
}

/// Says that a segment's readings are in blocks. In the transaction that inserts them.
pub(crate) fn mark_done(tx: &mut Tx<'_>, segment: SegmentName) -> Result<(), DbError> {
    tx.execute(
        "UPDATE vault_segment SET is_done = 1 WHERE segment_id = $1",
        &[to_row(segment.id).into()],
    )?;
    Ok(())
}

/// Deletes the row of a segment whose file is gone.
pub(crate) fn forget(tx: &mut Tx<'_>, segment: SegmentName) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM vault_segment WHERE segment_id = $1",
        &[to_row(segment.id).into()],
    )?;
    Ok(())
}

/// Deletes the blocks whose retention is over, and says which keys they were under, once for each block.
pub(crate) fn drop_expired_blocks(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<KeyId>, DbError> {
    let sql = "DELETE FROM vault_block WHERE expires_at <= $1 RETURNING key_id";
    let rows = tx.query(sql, &[now.as_millis().into()])?;
    rows.iter()
        .map(|row| row.get(0).map(|id| KeyId(from_row(id))))
        .collect()
}

/// Keys under which nothing is kept any more, whatever became of their blocks; so many at most.
pub(crate) fn expired_keys(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<KeyId>, DbError> {
    let sql = "SELECT key_id FROM vault_epoch_key WHERE expires_at <= $1 AND state = 0 \
               ORDER BY expires_at LIMIT $2";
    let rows = tx.query(sql, &[now.as_millis().into(), limit.into()])?;
    rows.iter()
        .map(|row| row.get(0).map(|id| KeyId(from_row(id))))
        .collect()
}

/// Deletes the row of an epoch key, if no block is under it. Says how many rows were deleted.
pub(crate) fn destroy_key_without_blocks(tx: &mut Tx<'_>, key: KeyId) -> Result<u64, DbError> {
    let sql = "DELETE FROM vault_epoch_key WHERE key_id = $1 \
               AND NOT EXISTS (SELECT 1 FROM vault_block b WHERE b.key_id = $1)";
    tx.execute(sql, &[to_row(key.0).into()])
}

const KEY_COLUMNS: &str = "e.key_id, e.epoch, e.subject, e.wrapped, e.state, e.mask, s.wrapped, e.retention_days \
     FROM vault_epoch_key e JOIN vault_subject_key s ON s.subject = e.subject";

fn key_of(row: &Row) -> Result<WrappedKey, DbError> {
    Ok(WrappedKey {
        id: KeyId(from_row(row.get(0)?)),
        epoch: row.get(1)?,
        subject: row.get(2)?,
        wrapped: row.get(3)?,
        state: KeyState::from_row(row.get(4)?),
        mask: row.get(5)?,
        wrapped_subject: row.get(6)?,
        retention: days_from_row(row.get(7)?),
    })
}

/// The row of a key, a destroyed one too, with the row of its subject.
pub(crate) fn wrapped_key(tx: &mut Tx<'_>, id: KeyId) -> Result<Option<WrappedKey>, DbError> {
    let sql = format!("SELECT {KEY_COLUMNS} WHERE e.key_id = $1");
    tx.query_one(&sql, &[to_row(id.0).into()])?
        .as_ref()
        .map(key_of)
        .transpose()
}

/// The keys of a subject for a range of epochs, both ends included, oldest first; not the destroyed ones.
pub(crate) fn keys_of_subject(
    tx: &mut Tx<'_>,
    subject: &str,
    first_epoch: i64,
    last_epoch: i64,
) -> Result<Vec<WrappedKey>, DbError> {
    let sql = format!(
        "SELECT {KEY_COLUMNS} WHERE e.subject = $1 AND e.epoch >= $2 AND e.epoch <= $3 AND e.state < 2 ORDER BY e.epoch, e.key_id"
    );
    let rows = tx.query(
        &sql,
        &[subject.into(), first_epoch.into(), last_epoch.into()],
    )?;
    rows.iter().map(key_of).collect()
}

/// Keys whose erasure is not finished, oldest epoch first.
pub(crate) fn unfinished_keys(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    let sql = format!("SELECT {KEY_COLUMNS} WHERE e.state > 0 ORDER BY e.epoch, e.key_id");
    tx.query(&sql, &[])?.iter().map(key_of).collect()
}

/// The keys of a subject that have masks.
pub(crate) fn masked_keys(tx: &mut Tx<'_>, subject: &str) -> Result<Vec<WrappedKey>, DbError> {
    let sql = format!("SELECT {KEY_COLUMNS} WHERE e.subject = $1 AND e.state = 1");
    tx.query(&sql, &[subject.into()])?
        .iter()
        .map(key_of)
        .collect()
}

/// How many keys of a subject there are whose erasure is not finished.
pub(crate) fn count_unfinished(tx: &mut Tx<'_>, subject: &str) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(*) FROM vault_epoch_key WHERE subject = $1 AND state > 0";
    let row = tx.query_one(sql, &[subject.into()])?;
    row.map_or(Ok(0), |it| it.get(0).map(from_row))
}

/// Every subject that has a key, or files sealed to keys of its own.
pub(crate) fn subjects(tx: &mut Tx<'_>) -> Result<Vec<String>, DbError> {
    let sql = "SELECT subject FROM vault_subject_key UNION SELECT subject FROM vault_own_file";
    let rows = tx.query(sql, &[])?;
    rows.iter().map(|it| it.get(0)).collect()
}

/// Notes that an erasure is carried out. In the transaction that does it.
pub(crate) fn note_erasure(tx: &mut Tx<'_>, tombstone: &Tombstone) -> Result<(), DbError> {
    let id = tombstone.id.to_string();
    let sql = "INSERT INTO vault_erasure (erasure_id, at, tombstone) VALUES ($1, $2, $3) \
               ON CONFLICT (erasure_id) DO NOTHING";
    let params = [
        id.as_str().into(),
        tombstone.at.as_millis().into(),
        tombstone.body.as_slice().into(),
    ];
    tx.execute(sql, &params)?;
    Ok(())
}

/// Notes that an erasure was carried out again, and whose it is, for [`Vault::reapplied`](crate::Vault::reapplied). In the transaction
/// that does it.
pub(crate) fn note_reapplied(
    tx: &mut Tx<'_>,
    erasure: ErasureId,
    subject: &str,
) -> Result<(), DbError> {
    let sql = "INSERT INTO vault_reapplied (erasure_id, subject) VALUES ($1, $2) \
               ON CONFLICT (erasure_id) DO NOTHING";
    tx.execute(sql, &[erasure.to_string().as_str().into(), subject.into()])?;
    Ok(())
}

/// What was carried out again: whose, and its tombstone, in the order in which it was asked for.
pub(crate) fn reapplied(tx: &mut Tx<'_>) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    let sql = "SELECT r.subject, e.tombstone FROM vault_reapplied r \
               JOIN vault_erasure e ON e.erasure_id = r.erasure_id ORDER BY e.at, e.erasure_id";
    let rows = tx.query(sql, &[])?;
    rows.iter().map(|it| Ok((it.get(0)?, it.get(1)?))).collect()
}

/// Nobody needs to be told any more that an erasure was carried out again.
pub(crate) fn forget_reapplied(tx: &mut Tx<'_>, erasure: ErasureId) -> Result<(), DbError> {
    let sql = "DELETE FROM vault_reapplied WHERE erasure_id = $1";
    tx.execute(sql, &[erasure.to_string().as_str().into()])?;
    Ok(())
}

/// How many erasures are carried out.
pub(crate) fn count_erasures(tx: &mut Tx<'_>) -> Result<u64, DbError> {
    let row = tx.query_one("SELECT COUNT(*) FROM vault_erasure", &[])?;
    row.map_or(Ok(0), |it| it.get(0).map(from_row))
}

/// The tombstones of the erasures that are carried out.
pub(crate) fn noted_erasures(tx: &mut Tx<'_>) -> Result<Vec<Vec<u8>>, DbError> {
    let rows = tx.query("SELECT tombstone FROM vault_erasure", &[])?;
    rows.iter().map(|it| it.get(0)).collect()
}
