//! Claim codes, as hashes, and how many wrong ones accounts have tried.

use custody::RowError;
use model::{DeploymentId, PersonId, Role, ThingId, Timestamp};
use store::Tx;

use crate::claims::Claimable;

/// A code that can be used.
pub(crate) struct ClaimRow {
    pub(crate) thing: ThingId,
    pub(crate) deployment: DeploymentId,
    pub(crate) role: Role,
    pub(crate) expires_at: Timestamp,
}

impl ClaimRow {
    pub(crate) fn claimable(self) -> Claimable {
        Claimable {
            thing: self.thing,
            deployment: self.deployment,
            role: self.role,
            expires_at: self.expires_at,
        }
    }
}

pub(crate) fn insert(tx: &mut Tx<'_>, code: &[u8; 32], row: &ClaimRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO claim_code (code_sha256, thing, deployment, role, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        &[
            code.as_slice().into(),
            row.thing.as_str().into(),
            row.deployment.as_str().into(),
            row.role.as_str().into(),
            row.expires_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// The code, while it can be used.
pub(crate) fn one(
    tx: &mut Tx<'_>,
    code: &[u8; 32],
    now: Timestamp,
) -> Result<Option<ClaimRow>, RowError> {
    let row = tx.query_one(
        "SELECT thing, deployment, role, expires_at FROM claim_code
         WHERE code_sha256 = $1 AND expires_at > $2",
        &[code.as_slice().into(), now.as_millis().into()],
    )?;
    let Some(row) = row else {
        return Ok(None);
    };
    let unreadable = |value: &str| RowError::Unreadable {
        table: "claim_code",
        value: value.to_owned(),
    };
    let (thing, deployment, role): (String, String, String) =
        (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Some(ClaimRow {
        thing: ThingId::parse(&thing).map_err(|_| unreadable(&thing))?,
        deployment: DeploymentId::parse(&deployment).map_err(|_| unreadable(&deployment))?,
        role: Role::parse(&role).ok_or_else(|| unreadable(&role))?,
        expires_at: Timestamp::from_millis(row.get(3)?),
    }))
}

/// Removes a code; `true` for the one caller who removed it.
pub(crate) fn remove(tx: &mut Tx<'_>, code: &[u8; 32]) -> Result<bool, RowError> {
    let removed = tx.execute(
        "DELETE FROM claim_code WHERE code_sha256 = $1",
        &[code.as_slice().into()],
    )?;
    Ok(removed == 1)
}

/// Removes the codes of a thing.
pub(crate) fn remove_of(tx: &mut Tx<'_>, thing: &ThingId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM claim_code WHERE thing = $1",
        &[thing.as_str().into()],
    )?;
    Ok(())
}

/// Removes codes whose time has passed.
pub(crate) fn remove_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM claim_code WHERE expires_at <= $1",
        &[now.as_millis().into()],
    )?;
    Ok(())
}

/// How many wrong codes an account has tried since then.
pub(crate) fn wrong_since(
    tx: &mut Tx<'_>,
    account: &PersonId,
    since: Timestamp,
) -> Result<i64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM claim_wrong WHERE account = $1 AND at > $2",
        &[account.as_str().into(), since.as_millis().into()],
    )?;
    Ok(row.map_or(Ok(0), |row| row.get(0))?)
}

/// Remembers that an account tried a wrong code, and forgets those of more than a day ago.
pub(crate) fn count_wrong(
    tx: &mut Tx<'_>,
    account: &PersonId,
    now: Timestamp,
) -> Result<(), RowError> {
    const DAY_MILLIS: i64 = 86_400_000;
    tx.execute(
        "DELETE FROM claim_wrong WHERE at <= $1",
        &[now.plus_millis(-DAY_MILLIS).as_millis().into()],
    )?;
    tx.execute(
        "INSERT INTO claim_wrong (account, at) VALUES ($1, $2)",
        &[account.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}
