//! Sign-in names and hashes of passwords.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

use crate::passwords::{Kept, PasswordLine};

fn read(row: &store::Row) -> Result<Kept, RowError> {
    let account: String = row.get(0)?;
    Ok(Kept {
        account: PersonId::parse(&account).map_err(|_| RowError::Unreadable {
            table: "account_password",
            value: account,
        })?,
        method: row.get(1)?,
        salt: row.get(2)?,
        hash: row.get(3)?,
    })
}

/// What is kept for a name.
pub(crate) fn named(tx: &mut Tx<'_>, name: &str) -> Result<Option<Kept>, RowError> {
    let row = tx.query_one(
        "SELECT account, method, salt, hash FROM account_password WHERE name = $1",
        &[name.into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// What is kept for an account.
pub(crate) fn of(tx: &mut Tx<'_>, account: &PersonId) -> Result<Option<Kept>, RowError> {
    let row = tx.query_one(
        "SELECT account, method, salt, hash FROM account_password WHERE account = $1",
        &[account.as_str().into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// What its owner sees of it.
pub(crate) fn line(tx: &mut Tx<'_>, account: &PersonId) -> Result<Option<PasswordLine>, RowError> {
    let row = tx.query_one(
        "SELECT name, set_at, used_at FROM account_password WHERE account = $1",
        &[account.as_str().into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let used_at: Option<i64> = row.get(2)?;
    Ok(Some(PasswordLine {
        name: row.get(0)?,
        set_at: Timestamp::from_millis(row.get(1)?),
        used_at: used_at.map(Timestamp::from_millis),
    }))
}

pub(crate) fn set(
    tx: &mut Tx<'_>,
    name: &str,
    kept: &Kept,
    now: Timestamp,
) -> Result<(), RowError> {
    remove(tx, &kept.account)?;
    tx.execute(
        "INSERT INTO account_password (account, name, method, salt, hash, set_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            kept.account.as_str().into(),
            name.into(),
            (&kept.method).into(),
            (&kept.salt).into(),
            (&kept.hash).into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn used(tx: &mut Tx<'_>, account: &PersonId, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE account_password SET used_at = $2 WHERE account = $1",
        &[account.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn remove(tx: &mut Tx<'_>, account: &PersonId) -> Result<bool, RowError> {
    let removed = tx.execute(
        "DELETE FROM account_password WHERE account = $1",
        &[account.as_str().into()],
    )?;
    Ok(removed == 1)
}
