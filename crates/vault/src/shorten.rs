//! Keeping for less long than was said when readings came in.
//!
//! A reading carries its retention class, and no later word makes that longer. A later word may make it shorter: whoever knows what
//! was said since gives [`Shortening`] to [`Vault::shorten_with`](crate::Vault::shorten_with). From then on what is past a shortened time is
//! in no answer, to the millisecond, and does not go from the log into blocks. What lies in blocks is taken out by
//! [`Vault::enforce_shortening`](crate::Vault::enforce_shortening), which has to open them: shortening is rare, and costs what it reaches.
//!
//! A block that was sealed again lies under the same key as before, which goes with its day and class.

use model::{DeploymentId, Retention, Timestamp};
use store::DbError;

use crate::block::{BlockHead, HEAD_COLUMNS, head_of, open, seal_blocks};
use crate::erase::{Resealed, SEALED_COLUMN, exchange};
use crate::keys::mask::{Strip, row_of, subject_of};
use crate::keys::{EpochKey, KeyError, KeyState, to_row};
use crate::log::Log;
use crate::maintain::{MaintainError, destroy_unused_keys};
use crate::reading::{MAX_BODY_BYTES, Row, StoredReading};
use crate::rows;

/// So many blocks are looked at before the rows are asked again.
const BATCH: i64 = 64;

/// Which readings are kept for less long than their class.
///
/// It must answer the same for its own answer: what was taken out is not there the second time.
pub trait Shortening: Send + Sync {
    /// Whether something of readings of a deployment of that moment may be past a shortened time. Asked for each reading: quick.
    fn reaches(&self, deployment: &DeploymentId, at: Timestamp, now: Timestamp) -> bool;

    /// What is left of a reading.
    fn left(&self, reading: &StoredReading, now: Timestamp) -> Strip;
}

/// Which blocks are looked at: those whose last reading is of a range of time, kept longer than some days. Whoever goes on where the
/// last pass ended looks at each block once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortenPass {
    /// From this moment on.
    pub from: Timestamp,
    /// Up to and without this moment.
    pub until: Timestamp,
    /// Of classes that are longer than this.
    pub over: Retention,
}

/// What the limits leave of readings.
pub(crate) fn limited(log: &Log, subject: &str, rows: Vec<Row>, now: Timestamp) -> Vec<Row> {
    judged(log, subject, rows, now).0
}

/// What the limits leave of readings, and whether that is less.
fn judged(log: &Log, subject: &str, rows: Vec<Row>, now: Timestamp) -> (Vec<Row>, bool) {
    let Some(limits) = log.keyring.shortening.get() else {
        return (rows, false);
    };
    let reaches = |row: &Row| limits.reaches(&row.deployment, row.at, now);
    if !rows.iter().any(reaches) {
        return (rows, false);
    }
    let mut is_less = false;
    let mut left = Vec::with_capacity(rows.len());
    for row in rows {
        if !reaches(&row) {
            left.push(row);
            continue;
        }
        let (index, owner) = (row.index, subject_of(subject));
        let Some(stored) = owner.map(|it| row.into_stored(it)) else {
            is_less = true;
            continue;
        };
        match limits.left(&stored, now) {
            Strip::Keep => left.push(row_of(stored, index)),
            Strip::Replace(body) if body.len() <= MAX_BODY_BYTES => {
                is_less = true;
                left.push(row_of(StoredReading { body, ..stored }, index));
            }
            Strip::Drop | Strip::Replace(_) => is_less = true,
        }
    }
    (left, is_less)
}

/// See [`Vault::enforce_shortening`](crate::Vault::enforce_shortening).
pub(crate) fn enforce(log: &Log, pass: ShortenPass, now: Timestamp) -> Result<bool, MaintainError> {
    let sql = format!(
        "SELECT {HEAD_COLUMNS} FROM vault_block WHERE (last_at > $1 OR (last_at = $1 AND block_id > $2)) \
         AND last_at < $3 AND retention_days > $4 ORDER BY last_at, block_id LIMIT $5"
    );
    let mut after = (pass.from.as_millis().saturating_sub(1), i64::MAX);
    let mut is_all = true;
    loop {
        let params = [
            after.0.into(),
            after.1.into(),
            pass.until.as_millis().into(),
            i64::from(pass.over.as_days()).into(),
            BATCH.into(),
        ];
        let found = log.db.read(|tx| tx.query(&sql, &params))?;
        let heads = found
            .iter()
            .map(head_of)
            .collect::<Result<Vec<BlockHead>, DbError>>()?;
        let Some(last) = heads.last() else {
            return Ok(is_all);
        };
        after = (last.last_at.as_millis(), to_row(last.block_id));
        for head in &heads {
            is_all &= enforce_on(log, head, now)?;
        }
    }
}

/// Takes out of one block what is past its time. Not where something of it is being erased.
fn enforce_on(log: &Log, head: &BlockHead, now: Timestamp) -> Result<bool, MaintainError> {
    let Some(wrapped) = log.db.read(|tx| rows::wrapped_key(tx, head.key))? else {
        return Ok(true);
    };
    if wrapped.state != KeyState::InUse {
        return Ok(wrapped.state == KeyState::Destroyed);
    }
    let as_found = wrapped.wrapped.clone();
    let key = match log.keyring.unwrap(wrapped) {
        Ok(key) => key,
        // Nobody can read what is under it.
        Err(KeyError::Damaged { .. }) => return Ok(true),
        Err(error) => return Err(MaintainError::Keys(error)),
    };
    let Some(resealed) = without_expired(log, &key, head, now)? else {
        return Ok(true);
    };
    let is_done = log
        .db
        .write(|tx| exchange(tx, key.id, &as_found, &resealed))?;
    #[cfg(test)]
    crate::crash::point();
    if is_done {
        log.keyring.changes.note(&key.subject);
        if resealed.new.is_empty() {
            destroy_unused_keys(log, std::iter::once(key.id).collect())?;
        }
    }
    Ok(is_done)
}

/// The block as it shall be; nothing where it is already.
fn without_expired(
    log: &Log,
    key: &EpochKey,
    head: &BlockHead,
    now: Timestamp,
) -> Result<Option<Resealed>, MaintainError> {
    let block_id = to_row(head.block_id);
    let sql = format!("SELECT {HEAD_COLUMNS}, sealed FROM vault_block WHERE block_id = $1");
    let Some(row) = log.db.read(|tx| tx.query_one(&sql, &[block_id.into()]))? else {
        return Ok(None);
    };
    let rows = open(key, head, row.get(SEALED_COLUMN)?)
        .map_err(|source| MaintainError::Block { block_id, source })?;
    let (left, is_less) = judged(log, &key.subject, rows, now);
    if !is_less {
        return Ok(None);
    }
    let new = seal_blocks(key, head.segment_number, &left).map_err(MaintainError::Seal)?;
    Ok(Some(Resealed {
        old: vec![block_id],
        new,
        ..Resealed::default()
    }))
}
