//! Accounts, one-time links and sessions. Tokens are kept as hashes only.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

use crate::accounts::Account;
use crate::authority::Office;

pub(crate) fn insert(tx: &mut Tx<'_>, account: &Account, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO account (id, office, created_at) VALUES ($1, $2, $3)",
        &[
            account.id.as_str().into(),
            account.office.as_str().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

fn read(row: &store::Row) -> Result<Account, RowError> {
    let unreadable = |value: &str| RowError::Unreadable {
        table: "account",
        value: value.to_owned(),
    };
    let id: String = row.get(0)?;
    let office: String = row.get(1)?;
    Ok(Account {
        id: PersonId::parse(&id).map_err(|_| unreadable(&id))?,
        office: Office::parse(&office).ok_or_else(|| unreadable(&office))?,
    })
}

pub(crate) fn one(tx: &mut Tx<'_>, id: &PersonId) -> Result<Option<Account>, RowError> {
    let row = tx.query_one(
        "SELECT id, office FROM account WHERE id = $1",
        &[id.as_str().into()],
    )?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn of_office(tx: &mut Tx<'_>, office: Office) -> Result<Vec<Account>, RowError> {
    let rows = tx.query(
        "SELECT id, office FROM account WHERE office = $1 ORDER BY created_at, id",
        &[office.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

pub(crate) fn put_link(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    account: &PersonId,
    expires_at: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO one_time_link (token_sha256, account, expires_at) VALUES ($1, $2, $3)",
        &[
            token.as_slice().into(),
            account.as_str().into(),
            expires_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn link(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Account>, RowError> {
    let row = tx.query_one(
        "SELECT account.id, account.office FROM one_time_link
         JOIN account ON account.id = one_time_link.account
         WHERE token_sha256 = $1 AND expires_at > $2",
        &[token.as_slice().into(), now.as_millis().into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// Removes a link; `true` for the one caller who used it.
pub(crate) fn use_link(tx: &mut Tx<'_>, token: &[u8; 32]) -> Result<bool, RowError> {
    let used = tx.execute(
        "DELETE FROM one_time_link WHERE token_sha256 = $1",
        &[token.as_slice().into()],
    )?;
    Ok(used == 1)
}

pub(crate) fn put_session(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    account: &PersonId,
    expires_at: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO session (token_sha256, account, expires_at) VALUES ($1, $2, $3)",
        &[
            token.as_slice().into(),
            account.as_str().into(),
            expires_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn session(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Account>, RowError> {
    let row = tx.query_one(
        "SELECT account.id, account.office FROM session
         JOIN account ON account.id = session.account
         WHERE token_sha256 = $1 AND expires_at > $2",
        &[token.as_slice().into(), now.as_millis().into()],
    )?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn end_session(tx: &mut Tx<'_>, token: &[u8; 32]) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM session WHERE token_sha256 = $1",
        &[token.as_slice().into()],
    )?;
    Ok(())
}

/// Removes links and sessions whose time has passed.
pub(crate) fn remove_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), RowError> {
    for table in ["one_time_link", "session"] {
        tx.execute(
            &format!("DELETE FROM {table} WHERE expires_at <= $1"),
            &[now.as_millis().into()],
        )?;
    }
    Ok(())
}
