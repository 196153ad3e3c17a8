//! Accounts and one-time links. Tokens are kept as hashes only.

use custody::RowError;
use model::{Chamber, MemberId, PersonId, Timestamp};
use store::Tx;

use crate::accounts::Account;
use crate::authority::Office;

pub(crate) fn insert(tx: &mut Tx<'_>, account: &Account, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO account (id, office, created_at, member) VALUES ($1, $2, $3, $4)",
        &[
            account.id.as_str().into(),
            account.office.as_str().into(),
            now.as_millis().into(),
            (account.member.as_ref()).map_or(store::Value::Null, |it| it.as_str().into()),
        ],
    )?;
    Ok(())
}

/// Every delegate, with the chamber of their member.
pub(crate) fn delegates(tx: &mut Tx<'_>) -> Result<Vec<(Account, Chamber)>, RowError> {
    let rows = tx.query(
        "SELECT account.id, account.office, account.member, member.chamber FROM account
         JOIN member ON member.id = account.member WHERE account.office = 'delegate' ORDER BY account.id",
        &[],
    )?;
    let delegate = |row: &store::Row| {
        let chamber: String = row.get(3)?;
        let found = Chamber::parse(&chamber).ok_or(RowError::Unreadable {
            table: "member",
            value: chamber,
        })?;
        Ok((read(row)?, found))
    };
    rows.iter().map(delegate).collect()
}

pub(crate) fn read(row: &store::Row) -> Result<Account, RowError> {
    let unreadable = |value: &str| RowError::Unreadable {
        table: "account",
        value: value.to_owned(),
    };
    let id: String = row.get(0)?;
    let office: String = row.get(1)?;
    Ok(Account {
        id: PersonId::parse(&id).map_err(|_| unreadable(&id))?,
        office: Office::parse(&office).ok_or_else(|| unreadable(&office))?,
        member: match row.get::<Option<String>>(2)? {
            None => None,
            Some(id) => Some(MemberId::parse(&id).map_err(|_| unreadable(&id))?),
        },
    })
}

pub(crate) fn one(tx: &mut Tx<'_>, id: &PersonId) -> Result<Option<Account>, RowError> {
    let row = tx.query_one(
        "SELECT id, office, member FROM account WHERE id = $1",
        &[id.as_str().into()],
    )?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn of_office(tx: &mut Tx<'_>, office: Office) -> Result<Vec<Account>, RowError> {
    let rows = tx.query(
        "SELECT id, office, member FROM account WHERE office = $1 ORDER BY created_at, id",
        &[office.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

/// Says that no person owns an account: a demo made it up.
pub(crate) fn set_made_up(tx: &mut Tx<'_>, id: &PersonId) -> Result<(), RowError> {
    tx.execute(
        "UPDATE account SET made_up = 1 WHERE id = $1",
        &[id.as_str().into()],
    )?;
    Ok(())
}

/// Somebody signed in; the first time the account becomes theirs.
pub(crate) fn signed_in(tx: &mut Tx<'_>, id: &PersonId, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE account SET signed_in_at = $2 WHERE id = $1 AND signed_in_at IS NULL",
        &[id.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

/// Whether an account is a resident's who has signed in, or set up a way to.
pub(crate) fn has_owner(tx: &mut Tx<'_>, id: &PersonId) -> Result<bool, RowError> {
    let row = tx.query_one(
        "SELECT 1 FROM account
         WHERE id = $1 AND office = $2 AND made_up = 0 AND signed_in_at IS NOT NULL",
        &[id.as_str().into(), Office::Resident.as_str().into()],
    )?;
    Ok(row.is_some())
}

/// Since when an account has the oldest of its own ways to sign in.
pub(crate) fn own_way_since(tx: &mut Tx<'_>, id: &PersonId) -> Result<Option<Timestamp>, RowError> {
    let row = tx.query_one(
        "SELECT MIN(since) FROM (
             SELECT set_at AS since FROM account_password WHERE account = $1
             UNION ALL SELECT added_at AS since FROM passkey WHERE account = $1
         ) AS own",
        &[id.as_str().into()],
    )?;
    let since: Option<i64> = match row {
        Some(row) => row.get(0)?,
        None => None,
    };
    Ok(since.map(Timestamp::from_millis))
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

/// The account that a link opens, while it is valid.
pub(crate) fn linked(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Account>, RowError> {
    let row = tx.query_one(
        "SELECT account.id, account.office, account.member FROM one_time_link
         JOIN account ON account.id = one_time_link.account
         WHERE token_sha256 = $1 AND expires_at > $2",
        &[token.as_slice().into(), now.as_millis().into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// Removes a link; `true` for the one caller who removed it.
pub(crate) fn remove_link(tx: &mut Tx<'_>, token: &[u8; 32]) -> Result<bool, RowError> {
    let removed = tx.execute(
        "DELETE FROM one_time_link WHERE token_sha256 = $1",
        &[token.as_slice().into()],
    )?;
    Ok(removed == 1)
}

/// Removes every link of an account.
pub(crate) fn remove_links(tx: &mut Tx<'_>, id: &PersonId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM one_time_link WHERE account = $1",
        &[id.as_str().into()],
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
