//! Passkeys: public keys, and how often each has signed.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

use crate::passkeys::{KeptPasskey, PasskeyLine, line_id};

/// What is kept of the passkey with this credential.
pub(crate) fn one(tx: &mut Tx<'_>, credential: &[u8]) -> Result<Option<KeptPasskey>, RowError> {
    let row = tx.query_one(
        "SELECT account, public_key, sign_count FROM passkey WHERE credential = $1",
        &[credential.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let account: String = row.get(0)?;
    Ok(Some(KeptPasskey {
        account: PersonId::parse(&account).map_err(|_| RowError::Unreadable {
            table: "passkey",
            value: account,
        })?,
        public_key: row.get(1)?,
        sign_count: row.get(2)?,
    }))
}

/// The passkeys of an account, oldest first.
pub(crate) fn of(tx: &mut Tx<'_>, account: &PersonId) -> Result<Vec<PasskeyLine>, RowError> {
    let rows = tx.query(
        "SELECT credential, name, added_at, used_at FROM passkey WHERE account = $1
         ORDER BY added_at, credential",
        &[account.as_str().into()],
    )?;
    let read = |row: &store::Row| {
        let credential: Vec<u8> = row.get(0)?;
        let used_at: Option<i64> = row.get(3)?;
        Ok(PasskeyLine {
            id: line_id(&credential),
            credential,
            name: row.get(1)?,
            added_at: Timestamp::from_millis(row.get(2)?),
            used_at: used_at.map(Timestamp::from_millis),
        })
    };
    rows.iter().map(read).collect()
}

/// Adds a passkey; `false` when there is one with this credential.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    credential: &[u8],
    name: &str,
    kept: &KeptPasskey,
    now: Timestamp,
) -> Result<bool, RowError> {
    let added = tx.execute(
        "INSERT INTO passkey (credential, account, name, public_key, sign_count, added_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential) DO NOTHING",
        &[
            credential.into(),
            kept.account.as_str().into(),
            name.into(),
            (&kept.public_key).into(),
            kept.sign_count.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(added == 1)
}

/// A passkey signed: its count goes up; `false` when another one of two at once was first.
pub(crate) fn used(
    tx: &mut Tx<'_>,
    credential: &[u8],
    before: u32,
    after: u32,
    now: Timestamp,
) -> Result<bool, RowError> {
    let used = tx.execute(
        "UPDATE passkey SET sign_count = $3, used_at = $4 WHERE credential = $1 AND sign_count = $2",
        &[
            credential.into(),
            before.into(),
            after.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(used == 1)
}

pub(crate) fn remove(
    tx: &mut Tx<'_>,
    account: &PersonId,
    credential: &[u8],
) -> Result<bool, RowError> {
    let removed = tx.execute(
        "DELETE FROM passkey WHERE account = $1 AND credential = $2",
        &[account.as_str().into(), credential.into()],
    )?;
    Ok(removed == 1)
}
