//! Requests of the operator for a way into somebody's account.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

use crate::operator_access::{MAX_ACCESS_SHOWN, OperatorAccess};

const COLUMNS: &str = "id, asked_at, approved_at, ended_at, used_at";

fn read(row: &store::Row) -> Result<OperatorAccess, RowError> {
    let moment = |it: Option<i64>| it.map(Timestamp::from_millis);
    Ok(OperatorAccess {
        id: row.get(0)?,
        asked_at: Timestamp::from_millis(row.get(1)?),
        approved_at: moment(row.get(2)?),
        ended_at: moment(row.get(3)?),
        used_at: moment(row.get(4)?),
    })
}

/// The requests about an account, newest first.
pub(crate) fn of(tx: &mut Tx<'_>, account: &PersonId) -> Result<Vec<OperatorAccess>, RowError> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM operator_access WHERE account = $1
             ORDER BY asked_at DESC, id LIMIT $2"
        ),
        &[account.as_str().into(), i64::from(MAX_ACCESS_SHOWN).into()],
    )?;
    rows.iter().map(read).collect()
}

/// The requests since then to which nobody agreed, oldest first.
pub(crate) fn open(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<OperatorAccess>, RowError> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM operator_access
             WHERE asked_at > $1 AND approved_at IS NULL AND ended_at IS NULL
             ORDER BY asked_at, id LIMIT $2"
        ),
        &[since.as_millis().into(), i64::from(MAX_ACCESS_SHOWN).into()],
    )?;
    rows.iter().map(read).collect()
}

/// A request, and whose account it is about.
pub(crate) fn one(
    tx: &mut Tx<'_>,
    id: &str,
) -> Result<Option<(PersonId, OperatorAccess)>, RowError> {
    let row = tx.query_one(
        &format!("SELECT {COLUMNS}, account FROM operator_access WHERE id = $1"),
        &[id.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let account: String = row.get(5)?;
    let person = PersonId::parse(&account).map_err(|_| RowError::Unreadable {
        table: "operator_access",
        value: account,
    })?;
    Ok(Some((person, read(&row)?)))
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    account: &PersonId,
    access: &OperatorAccess,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO operator_access (id, account, asked_at) VALUES ($1, $2, $3)",
        &[
            (&access.id).into(),
            account.as_str().into(),
            access.asked_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn approve(
    tx: &mut Tx<'_>,
    id: &str,
    by: &PersonId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE operator_access SET approved_by = $2, approved_at = $3 WHERE id = $1",
        &[id.into(), by.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn end(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE operator_access SET ended_at = $2 WHERE id = $1",
        &[id.into(), now.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn used(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE operator_access SET used_at = $2 WHERE id = $1",
        &[id.into(), now.as_millis().into()],
    )?;
    Ok(())
}
