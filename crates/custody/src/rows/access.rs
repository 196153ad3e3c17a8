//! Recipients, their credentials and their grants.

use model::{DeploymentId, Grant, PurposeId, RecipientId, Timestamp};
use store::{Tx, Value};

use super::credential::{self, CredentialRow};
use super::{RowError, parsed};
use crate::secret::TokenHash;

/// One registered recipient.
pub(crate) struct RecipientRow {
    pub(crate) id: RecipientId,
    pub(crate) credential: CredentialRow,
}

fn read(row: &store::Row) -> Result<RecipientRow, RowError> {
    Ok(RecipientRow {
        id: parsed("recipient", &row.get::<String>(0)?, |it| {
            RecipientId::parse(it).ok()
        })?,
        credential: credential::read(credential::Table::Recipient, row, 1)?,
    })
}

fn columns() -> String {
    format!("SELECT id, {} FROM recipient", credential::COLUMNS)
}

/// Every recipient.
pub(crate) fn recipients(tx: &mut Tx<'_>) -> Result<Vec<RecipientRow>, RowError> {
    let rows = tx.query(&format!("{} ORDER BY id", columns()), &[])?;
    rows.iter().map(read).collect()
}

pub(crate) fn recipient(
    tx: &mut Tx<'_>,
    id: &RecipientId,
) -> Result<Option<RecipientRow>, RowError> {
    let row = tx.query_one(
        &format!("{} WHERE id = $1", columns()),
        &[id.as_str().into()],
    )?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn insert_recipient(
    tx: &mut Tx<'_>,
    id: &RecipientId,
    token: &TokenHash,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO recipient (id, token_sha256, registered_at) VALUES ($1, $2, $3)",
        &[
            id.as_str().into(),
            token.as_bytes().as_slice().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn has_recipient(tx: &mut Tx<'_>, id: &str) -> Result<bool, RowError> {
    Ok(tx
        .query_one("SELECT 1 FROM recipient WHERE id = $1", &[id.into()])?
        .is_some())
}

/// The grants on a deployment.
pub(crate) fn grants(tx: &mut Tx<'_>, deployment: &DeploymentId) -> Result<Vec<Grant>, RowError> {
    let rows = tx.query(
        "SELECT recipient, purpose, deployment, valid_from, valid_until FROM access_grant
         WHERE deployment = $1 ORDER BY recipient, purpose",
        &[deployment.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            let table = "access_grant";
            Ok(Grant {
                recipient: parsed(table, &row.get::<String>(0)?, |it| {
                    RecipientId::parse(it).ok()
                })?,
                purpose: parsed(table, &row.get::<String>(1)?, |it| {
                    PurposeId::parse(it).ok()
                })?,
                deployment: parsed(table, &row.get::<String>(2)?, |it| {
                    DeploymentId::parse(it).ok()
                })?,
                valid_from: Timestamp::from_millis(row.get(3)?),
                valid_until: row.get::<Option<i64>>(4)?.map(Timestamp::from_millis),
            })
        })
        .collect()
}

/// Writes a grant that is given now. One that has not ended and begins no earlier than before goes on: it was given when it was.
pub(crate) fn put_grant(tx: &mut Tx<'_>, grant: &Grant, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO access_grant (recipient, purpose, deployment, valid_from, valid_until, granted_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (recipient, purpose, deployment) DO UPDATE SET valid_from = $4, valid_until = $5,
             granted_at = CASE WHEN access_grant.valid_from <= $4
                     AND (access_grant.valid_until IS NULL OR access_grant.valid_until >= $6)
                 THEN access_grant.granted_at ELSE $6 END",
        &[
            grant.recipient.as_str().into(),
            grant.purpose.as_str().into(),
            grant.deployment.as_str().into(),
            grant.valid_from.as_millis().into(),
            grant.valid_until.map_or(Value::Null, |it| it.as_millis().into()),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// When a grant was given, where that was kept.
pub(crate) fn granted_at(
    tx: &mut Tx<'_>,
    (recipient, purpose, deployment): (&RecipientId, &PurposeId, &DeploymentId),
) -> Result<Option<Timestamp>, RowError> {
    let row = tx.query_one(
        "SELECT granted_at FROM access_grant WHERE recipient = $1 AND purpose = $2 AND deployment = $3",
        &[
            recipient.as_str().into(),
            purpose.as_str().into(),
            deployment.as_str().into(),
        ],
    )?;
    let at = row.map(|it| it.get::<i64>(0)).transpose()?;
    Ok(at.filter(|it| *it > 0).map(Timestamp::from_millis))
}
