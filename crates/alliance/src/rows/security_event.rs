//! What happened to accounts.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

use crate::security_events::{
    EVENT_LIFETIME_MILLIS, EventKind, MAX_EVENTS, SecurityEvent, TRY_WINDOW_MILLIS,
};
use crate::sessions::Device;

/// Writes an event down, and forgets what is too old or too much.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    account: &PersonId,
    kind: EventKind,
    device: Device,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM security_event WHERE account = $1 AND at <= $2",
        &[
            account.as_str().into(),
            now.plus_millis(-EVENT_LIFETIME_MILLIS).as_millis().into(),
        ],
    )?;
    tx.execute(
        "INSERT INTO security_event (account, at, kind, device, times) VALUES ($1, $2, $3, $4, 1)",
        &[
            account.as_str().into(),
            now.as_millis().into(),
            kind.as_str().into(),
            (&device.to_string()).into(),
        ],
    )?;
    let oldest = tx.query_one(
        "SELECT at FROM security_event WHERE account = $1 ORDER BY at DESC LIMIT 1 OFFSET $2",
        &[account.as_str().into(), i64::from(MAX_EVENTS).into()],
    )?;
    if let Some(row) = oldest {
        let at: i64 = row.get(0)?;
        tx.execute(
            "DELETE FROM security_event WHERE account = $1 AND at <= $2 AND at < $3",
            &[account.as_str().into(), at.into(), now.as_millis().into()],
        )?;
    }
    Ok(())
}

/// Counts a wrong try on the event of the last one, where that is not long ago.
pub(crate) fn count_try(
    tx: &mut Tx<'_>,
    account: &PersonId,
    kind: EventKind,
    device: Device,
    now: Timestamp,
) -> Result<(), RowError> {
    let counted = tx.execute(
        "UPDATE security_event SET times = times + 1, at = $4, device = $5
         WHERE account = $1 AND kind = $2 AND at > $3",
        &[
            account.as_str().into(),
            kind.as_str().into(),
            now.plus_millis(-TRY_WINDOW_MILLIS).as_millis().into(),
            now.as_millis().into(),
            (&device.to_string()).into(),
        ],
    )?;
    if counted == 0 {
        put(tx, account, kind, device, now)?;
    }
    Ok(())
}

/// The events of an account since then, newest first.
pub(crate) fn of(
    tx: &mut Tx<'_>,
    account: &PersonId,
    since: Timestamp,
) -> Result<Vec<SecurityEvent>, RowError> {
    let rows = tx.query(
        "SELECT at, kind, device, times FROM security_event WHERE account = $1 AND at > $2
         ORDER BY at DESC, kind LIMIT $3",
        &[
            account.as_str().into(),
            since.as_millis().into(),
            i64::from(MAX_EVENTS).into(),
        ],
    )?;
    let read = |row: &store::Row| {
        let (kind, device): (String, String) = (row.get(1)?, row.get(2)?);
        Ok(SecurityEvent {
            at: Timestamp::from_millis(row.get(0)?),
            kind: EventKind::parse(&kind).ok_or(RowError::Unreadable {
                table: "security_event",
                value: kind,
            })?,
            device: Device::read(&device),
            times: row.get(3)?,
        })
    };
    rows.iter().map(read).collect()
}
