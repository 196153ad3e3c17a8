//! Sessions. Tokens are kept as hashes only.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

use crate::accounts::Account;
use crate::sessions::{
    Device, SESSION_IDLE_MILLIS, SESSION_LIFETIME_MILLIS, Session, SignInWay, name_of,
};

pub(crate) fn put(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    account: &PersonId,
    way: SignInWay,
    device: Device,
    now: Timestamp,
) -> Result<(), RowError> {
    let ends_at = now.plus_millis(SESSION_LIFETIME_MILLIS);
    tx.execute(
        "INSERT INTO session (token_sha256, account, expires_at, way, device, started_at, seen_at, proved_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, 0)",
        &[
            token.as_slice().into(),
            account.as_str().into(),
            ends_at.as_millis().into(),
            way.as_str().into(),
            (&device.to_string()).into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

fn idle_since(now: Timestamp) -> i64 {
    now.plus_millis(-SESSION_IDLE_MILLIS).as_millis()
}

/// The account that a session opens, and when the session was used last.
pub(crate) fn account(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Account, Timestamp)>, RowError> {
    let row = tx.query_one(
        "SELECT account.id, account.office, account.member, session.seen_at FROM session
         JOIN account ON account.id = session.account
         WHERE token_sha256 = $1 AND expires_at > $2 AND seen_at > $3",
        &[
            token.as_slice().into(),
            now.as_millis().into(),
            idle_since(now).into(),
        ],
    )?;
    let Some(row) = row else { return Ok(None) };
    let seen_at = Timestamp::from_millis(row.get(3)?);
    Ok(Some((super::account::read(&row)?, seen_at)))
}

pub(crate) fn seen(tx: &mut Tx<'_>, token: &[u8; 32], now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE session SET seen_at = $2 WHERE token_sha256 = $1",
        &[token.as_slice().into(), now.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn proved(tx: &mut Tx<'_>, token: &[u8; 32], now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE session SET proved_at = $2 WHERE token_sha256 = $1",
        &[token.as_slice().into(), now.as_millis().into()],
    )?;
    Ok(())
}

pub(crate) fn proved_at(tx: &mut Tx<'_>, token: &[u8; 32]) -> Result<Option<Timestamp>, RowError> {
    let row = tx.query_one(
        "SELECT proved_at FROM session WHERE token_sha256 = $1",
        &[token.as_slice().into()],
    )?;
    let proved_at = row.map(|it| it.get(0)).transpose()?;
    Ok(proved_at.map(Timestamp::from_millis))
}

pub(crate) fn of(
    tx: &mut Tx<'_>,
    account: &PersonId,
    now: Timestamp,
) -> Result<Vec<Session>, RowError> {
    let rows = tx.query(
        "SELECT token_sha256, way, device, started_at, seen_at FROM session
         WHERE account = $1 AND expires_at > $2 AND seen_at > $3
         ORDER BY seen_at DESC, started_at DESC, token_sha256",
        &[
            account.as_str().into(),
            now.as_millis().into(),
            idle_since(now).into(),
        ],
    )?;
    let read = |row: &store::Row| {
        let token: Vec<u8> = row.get(0)?;
        let (way, device): (String, String) = (row.get(1)?, row.get(2)?);
        Ok(Session {
            id: name_of(&token),
            way: SignInWay::parse(&way).ok_or(RowError::Unreadable {
                table: "session",
                value: way,
            })?,
            device: Device::read(&device),
            started_at: Timestamp::from_millis(row.get(3)?),
            seen_at: Timestamp::from_millis(row.get(4)?),
            is_this: false,
        })
    };
    rows.iter().map(read).collect()
}

pub(crate) fn end(tx: &mut Tx<'_>, token: &[u8]) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM session WHERE token_sha256 = $1",
        &[token.into()],
    )?;
    Ok(())
}

/// Tokens of an account's sessions, used last first.
fn tokens(tx: &mut Tx<'_>, account: &PersonId) -> Result<Vec<Vec<u8>>, RowError> {
    let rows = tx.query(
        "SELECT token_sha256 FROM session WHERE account = $1
         ORDER BY seen_at DESC, started_at DESC, token_sha256",
        &[account.as_str().into()],
    )?;
    Ok(rows.iter().map(|it| it.get(0)).collect::<Result<_, _>>()?)
}

/// Ends one session of an account by its name; `false` when there is none.
pub(crate) fn end_named(tx: &mut Tx<'_>, account: &PersonId, id: &str) -> Result<bool, RowError> {
    let all = tokens(tx, account)?;
    let found = all.iter().find(|it| name_of(it) == id);
    if let Some(token) = found {
        end(tx, token)?;
    }
    Ok(found.is_some())
}

pub(crate) fn end_others(
    tx: &mut Tx<'_>,
    account: &PersonId,
    this: &[u8; 32],
) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM session WHERE account = $1 AND token_sha256 <> $2",
        &[account.as_str().into(), this.as_slice().into()],
    )?;
    Ok(())
}

/// Ends all sessions of an account but the `count` that were used last.
pub(crate) fn keep_newest(
    tx: &mut Tx<'_>,
    account: &PersonId,
    count: usize,
) -> Result<(), RowError> {
    for token in tokens(tx, account)?.iter().skip(count) {
        end(tx, token)?;
    }
    Ok(())
}

/// By what a session of this account began.
pub(crate) fn way(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    account: &PersonId,
) -> Result<Option<SignInWay>, RowError> {
    let row = tx.query_one(
        "SELECT way FROM session WHERE token_sha256 = $1 AND account = $2",
        &[token.as_slice().into(), account.as_str().into()],
    )?;
    let way: Option<String> = row.map(|it| it.get(0)).transpose()?;
    Ok(way.as_deref().and_then(SignInWay::parse))
}
