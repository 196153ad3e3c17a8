//! Sealed rows of deployments: read at the start and never looked into by the database. What they hold says who seals them.

use model::DeploymentId;
use store::{Row, Tx, Value};

use super::{RowError, parsed};

/// A table with the columns of its key, `deployment` and `sealed`.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: &'static str,
}

/// One sealed row.
pub(crate) struct SealedRow<K> {
    pub(crate) key: K,
    pub(crate) deployment: DeploymentId,
    pub(crate) sealed: Vec<u8>,
}

impl Table {
    /// Every row; `key` reads the first column.
    pub(super) fn all<K>(
        &self,
        tx: &mut Tx<'_>,
        key: impl Fn(&Row) -> Result<K, RowError>,
    ) -> Result<Vec<SealedRow<K>>, RowError> {
        let Self { name, key: column } = self;
        let rows = tx.query(
            &format!("SELECT {column}, deployment, sealed FROM {name}"),
            &[],
        )?;
        rows.iter()
            .map(|row| {
                Ok(SealedRow {
                    key: key(row)?,
                    deployment: parsed(name, &row.get::<String>(1)?, |it| {
                        DeploymentId::parse(it).ok()
                    })?,
                    sealed: row.get(2)?,
                })
            })
            .collect()
    }

    /// Writes a row, in place of the one with this key.
    pub(super) fn put(
        &self,
        tx: &mut Tx<'_>,
        key: Value<'_>,
        deployment: &DeploymentId,
        sealed: &[u8],
    ) -> Result<(), RowError> {
        let Self { name, key: column } = self;
        tx.execute(
            &format!(
                "INSERT INTO {name} ({column}, deployment, sealed) VALUES ($1, $2, $3)
                 ON CONFLICT ({column}) DO UPDATE SET sealed = $3"
            ),
            &[key, deployment.as_str().into(), sealed.into()],
        )?;
        Ok(())
    }

    /// Erases the row with this key.
    pub(super) fn delete(&self, tx: &mut Tx<'_>, key: Value<'_>) -> Result<(), RowError> {
        let Self { name, key: column } = self;
        tx.execute(&format!("DELETE FROM {name} WHERE {column} = $1"), &[key])?;
        Ok(())
    }
}
