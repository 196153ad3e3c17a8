//! Open time windows: sealed rows that are read at the start and never looked into by the database.

use model::DeploymentId;
use store::Tx;

use super::{RowError, parsed};
use crate::windows::table::RowId;

const TABLE: &str = "window_state";

/// One open window.
pub(crate) struct WindowRow {
    pub(crate) id: RowId,
    pub(crate) deployment: DeploymentId,
    pub(crate) sealed: Vec<u8>,
}

/// Every open window.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<WindowRow>, RowError> {
    let rows = tx.query("SELECT id, deployment, sealed FROM window_state", &[])?;
    rows.iter()
        .map(|row| {
            let id: Vec<u8> = row.get(0)?;
            Ok(WindowRow {
                id: id.try_into().map_err(|_| RowError::Unreadable {
                    table: TABLE,
                    value: "the name of a row".to_owned(),
                })?,
                deployment: parsed(TABLE, &row.get::<String>(1)?, |it| {
                    DeploymentId::parse(it).ok()
                })?,
                sealed: row.get(2)?,
            })
        })
        .collect()
}

/// Writes an open window.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    id: &RowId,
    deployment: &DeploymentId,
    sealed: &[u8],
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO window_state (id, deployment, sealed) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET sealed = $3",
        &[
            id.as_slice().into(),
            deployment.as_str().into(),
            sealed.into(),
        ],
    )?;
    Ok(())
}

/// Erases a window.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &RowId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM window_state WHERE id = $1",
        &[id.as_slice().into()],
    )?;
    Ok(())
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
