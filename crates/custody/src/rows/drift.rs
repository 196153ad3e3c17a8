//! Fields that arrived without having been declared: names and counts, never values.

use model::{DeploymentId, Timestamp};
use store::Tx;

use super::RowError;
use crate::drift::{DriftRow, MAX_POINTERS, OVERFLOW};

/// Adds to the counts of one undeclared pointer; a new one beyond the bound is counted under [`OVERFLOW`].
pub(crate) fn add(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    row: &DriftRow,
) -> Result<(), RowError> {
    let has_room = tx.query_one(
        "SELECT 1 FROM drift WHERE deployment = $1 AND pointer = $2 AND reason = $3
         UNION SELECT 1 WHERE (SELECT COUNT(*) FROM drift WHERE deployment = $1) < $4",
        &[
            deployment.as_str().into(),
            row.pointer.as_str().into(),
            row.reason.as_str().into(),
            i64::try_from(MAX_POINTERS).unwrap_or(i64::MAX).into(),
        ],
    )?;
    let pointer = match has_room {
        Some(_) => row.pointer.as_str(),
        None => OVERFLOW,
    };
    tx.execute(
        "INSERT INTO drift (deployment, pointer, reason, first_at, last_at, times)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (deployment, pointer, reason)
         DO UPDATE SET last_at = $5, times = drift.times + $6",
        &[
            deployment.as_str().into(),
            pointer.into(),
            row.reason.as_str().into(),
            row.first_at.as_millis().into(),
            row.last_at.as_millis().into(),
            row.times.into(),
        ],
    )?;
    Ok(())
}

/// What has drifted at a deployment, most recent first.
pub(crate) fn of(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    limit: i64,
) -> Result<Vec<DriftRow>, RowError> {
    let rows = tx.query(
        "SELECT pointer, reason, first_at, last_at, times FROM drift
         WHERE deployment = $1 ORDER BY last_at DESC, pointer LIMIT $2",
        &[deployment.as_str().into(), limit.into()],
    )?;
    rows.iter()
        .map(|row| {
            Ok(DriftRow {
                pointer: row.get(0)?,
                reason: row.get(1)?,
                first_at: Timestamp::from_millis(row.get(2)?),
                last_at: Timestamp::from_millis(row.get(3)?),
                times: row.get(4)?,
            })
        })
        .collect()
}
