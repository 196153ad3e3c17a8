//! Open time windows: sealed rows with names that say nothing, and whether they are all that there is.

use model::DeploymentId;
use store::Tx;

use super::RowError;
use super::sealed::{SealedRow, Table};
use crate::windows::table::RowId;

const TABLE: Table = Table {
    name: "window_state",
    key: "id",
};

/// Every open window, by its name.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<SealedRow<RowId>>, RowError> {
    TABLE.all(tx, |row| {
        let id: Vec<u8> = row.get(0)?;
        id.try_into().map_err(|_| RowError::Unreadable {
            table: TABLE.name,
            value: "the name of a row".to_owned(),
        })
    })
}

/// Writes an open window.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    id: &RowId,
    deployment: &DeploymentId,
    sealed: &[u8],
) -> Result<(), RowError> {
    TABLE.put(tx, id.as_slice().into(), deployment, sealed)
}

/// Erases a window.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &RowId) -> Result<(), RowError> {
    TABLE.delete(tx, id.as_slice().into())
}

/// Whether the rows are all that there was: the last process has saved everything and stopped.
pub(crate) fn is_clean(tx: &mut Tx<'_>) -> Result<bool, RowError> {
    let row = tx.query_one("SELECT clean FROM window_run WHERE one = 1", &[])?;
    let clean: Option<i64> = row.map(|row| row.get(0)).transpose()?;
    Ok(clean != Some(0))
}

/// Says whether the rows are all that there is.
pub(crate) fn set_clean(tx: &mut Tx<'_>, clean: bool) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO window_run (one, clean) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET clean = $1",
        &[i64::from(clean).into()],
    )?;
    Ok(())
}
