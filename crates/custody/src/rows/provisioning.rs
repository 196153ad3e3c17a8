//! Keys with which devices of a fleet get their own tokens, and which devices did.

use std::sync::Arc;

use model::{DeploymentId, ThingId, Timestamp};
use store::{Tx, Value};

use super::{RowError, parsed};
use crate::provisioning::{IdPattern, ProvisioningKey};
use crate::secret::TokenHash;

const TABLE: &str = "provisioning_key";
const COLUMNS: &str = "SELECT id, deployment, pattern, adapter, uses_left, expires_at, token_sha256
     FROM provisioning_key";

fn read(row: &store::Row) -> Result<(ProvisioningKey, TokenHash), RowError> {
    let text = |column| row.get::<String>(column);
    let hash: Vec<u8> = row.get(6)?;
    let key = ProvisioningKey {
        id: text(0)?,
        deployment: parsed(TABLE, &text(1)?, |it| DeploymentId::parse(it).ok())?,
        pattern: parsed(TABLE, &text(2)?, |it| IdPattern::parse(it).ok())?,
        adapter: row.get::<Option<String>>(3)?.map(Arc::from),
        uses_left: row.get(4)?,
        expires_at: Timestamp::from_millis(row.get(5)?),
    };
    let hash = TokenHash::from_bytes(&hash).ok_or_else(|| RowError::Unreadable {
        table: TABLE,
        value: "a token hash".to_owned(),
    })?;
    Ok((key, hash))
}

pub(crate) fn one(
    tx: &mut Tx<'_>,
    id: &str,
) -> Result<Option<(ProvisioningKey, TokenHash)>, RowError> {
    let row = tx.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.into()])?;
    row.as_ref().map(read).transpose()
}

/// Every key, by identifier.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<ProvisioningKey>, RowError> {
    let rows = tx.query(&format!("{COLUMNS} ORDER BY id"), &[])?;
    rows.iter().map(|row| Ok(read(row)?.0)).collect()
}

pub(crate) fn insert(
    tx: &mut Tx<'_>,
    key: &ProvisioningKey,
    token: &TokenHash,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO provisioning_key
         (id, deployment, pattern, adapter, token_sha256, uses_left, expires_at, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            key.id.as_str().into(),
            key.deployment.as_str().into(),
            key.pattern.as_str().into(),
            key.adapter.as_deref().map_or(Value::Null, Into::into),
            token.as_bytes().as_slice().into(),
            key.uses_left.into(),
            key.expires_at.as_millis().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Takes one use and notes for which thing; `false` when none is left or the key has ended in the meantime.
pub(crate) fn take_use(
    tx: &mut Tx<'_>,
    id: &str,
    thing: &ThingId,
    now: Timestamp,
) -> Result<bool, RowError> {
    let taken = tx.execute(
        "UPDATE provisioning_key SET uses_left = uses_left - 1
         WHERE id = $1 AND uses_left > 0 AND expires_at > $2",
        &[id.into(), now.as_millis().into()],
    )?;
    if taken == 0 {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO provisioned (thing, key_id, at) VALUES ($1, $2, $3)",
        &[thing.as_str().into(), id.into(), now.as_millis().into()],
    )?;
    Ok(true)
}

/// Ends a key; `false` when there is no such one.
pub(crate) fn end(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<bool, RowError> {
    let ended = tx.execute(
        "UPDATE provisioning_key SET expires_at = $2 WHERE id = $1",
        &[id.into(), now.as_millis().into()],
    )?;
    Ok(ended == 1)
}

/// The things that a key brought in, with the moment, the latest first.
pub(crate) fn brought_in(
    tx: &mut Tx<'_>,
    id: &str,
    limit: i64,
) -> Result<Vec<(ThingId, Timestamp)>, RowError> {
    let rows = tx.query(
        "SELECT thing, at FROM provisioned WHERE key_id = $1 ORDER BY at DESC, thing LIMIT $2",
        &[id.into(), limit.into()],
    )?;
    let read = |row: &store::Row| {
        let thing = parsed("provisioned", &row.get::<String>(0)?, |it| {
            ThingId::parse(it).ok()
        })?;
        Ok((thing, Timestamp::from_millis(row.get(1)?)))
    };
    rows.iter().map(read).collect()
}
