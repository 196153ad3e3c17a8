//! Retained messages: sealed rows that are read at the start and never looked into by the database.

use model::{DeploymentId, ThingId};
use store::Tx;

use super::{RowError, parsed};

const TABLE: &str = "retained";

/// One retained message.
pub(crate) struct RetainedRow {
    pub(crate) thing: ThingId,
    pub(crate) deployment: DeploymentId,
    pub(crate) sealed: Vec<u8>,
}

/// Every retained message.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<RetainedRow>, RowError> {
    let rows = tx.query("SELECT thing, deployment, sealed FROM retained", &[])?;
    rows.iter()
        .map(|row| {
            Ok(RetainedRow {
                thing: parsed(TABLE, &row.get::<String>(0)?, |it| ThingId::parse(it).ok())?,
                deployment: parsed(TABLE, &row.get::<String>(1)?, |it| {
                    DeploymentId::parse(it).ok()
                })?,
                sealed: row.get(2)?,
            })
        })
        .collect()
}

/// Writes the retained message of a thing.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    thing: &ThingId,
    deployment: &DeploymentId,
    sealed: &[u8],
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO retained (thing, deployment, sealed) VALUES ($1, $2, $3)
         ON CONFLICT (thing) DO UPDATE SET sealed = $3",
        &[
            thing.as_str().into(),
            deployment.as_str().into(),
            sealed.into(),
        ],
    )?;
    Ok(())
}

/// Erases the retained message of a thing.
pub(crate) fn delete(tx: &mut Tx<'_>, thing: &ThingId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM retained WHERE thing = $1",
        &[thing.as_str().into()],
    )?;
    Ok(())
}
