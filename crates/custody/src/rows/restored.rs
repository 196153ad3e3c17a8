//! When these rows came out of a backup.

use model::Timestamp;
use store::Tx;

use super::RowError;

/// Notes it.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    at: Timestamp,
    backed_up_at: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO restored (at, backed_up_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &[at.as_millis().into(), backed_up_at.as_millis().into()],
    )?;
    Ok(())
}

/// The last time; `None` where they never did.
pub(crate) fn latest(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, RowError> {
    let row = tx.query_one("SELECT MAX(at) FROM restored", &[])?;
    let at = row.map(|it| it.get::<Option<i64>>(0)).transpose()?;
    Ok(at.flatten().map(Timestamp::from_millis))
}
