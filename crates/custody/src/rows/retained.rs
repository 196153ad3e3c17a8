//! Retained messages: one sealed row a thing.

use model::{DeploymentId, ThingId};
use store::Tx;

use super::sealed::{SealedRow, Table};
use super::{RowError, parsed};

const TABLE: Table = Table {
    name: "retained",
    key: "thing",
};

/// Every retained message, by its thing.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<SealedRow<ThingId>>, RowError> {
    TABLE.all(tx, |row| {
        parsed(TABLE.name, &row.get::<String>(0)?, |it| {
            ThingId::parse(it).ok()
        })
    })
}

/// Writes the retained message of a thing.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    thing: &ThingId,
    deployment: &DeploymentId,
    sealed: &[u8],
) -> Result<(), RowError> {
    TABLE.put(tx, thing.as_str().into(), deployment, sealed)
}

/// Erases the retained message of a thing.
pub(crate) fn delete(tx: &mut Tx<'_>, thing: &ThingId) -> Result<(), RowError> {
    TABLE.delete(tx, thing.as_str().into())
}
