//! Recovery codes, as hashes.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

/// Puts codes in place of all that the account had.
pub(crate) fn replace(
    tx: &mut Tx<'_>,
    account: &PersonId,
    codes: &[[u8; 32]],
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM recovery_code WHERE account = $1",
        &[account.as_str().into()],
    )?;
    for code in codes {
        tx.execute(
            "INSERT INTO recovery_code (code_sha256, account, made_at) VALUES ($1, $2, $3)",
            &[
                code.as_slice().into(),
                account.as_str().into(),
                now.as_millis().into(),
            ],
        )?;
    }
    Ok(())
}

/// How many codes an account has left.
pub(crate) fn count(tx: &mut Tx<'_>, account: &PersonId) -> Result<usize, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM recovery_code WHERE account = $1",
        &[account.as_str().into()],
    )?;
    let count: i64 = row.map_or(Ok(0), |it| it.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Uses a code up: whose it was, for the one caller who used it.
pub(crate) fn take(tx: &mut Tx<'_>, code: &[u8; 32]) -> Result<Option<PersonId>, RowError> {
    let row = tx.query_one(
        "DELETE FROM recovery_code WHERE code_sha256 = $1 RETURNING account",
        &[code.as_slice().into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let account: String = row.get(0)?;
    let id = PersonId::parse(&account).map_err(|_| RowError::Unreadable {
        table: "recovery_code",
        value: account,
    })?;
    Ok(Some(id))
}

/// Uses a code of this account up; `true` for the one caller who used it.
pub(crate) fn take_of(
    tx: &mut Tx<'_>,
    code: &[u8; 32],
    account: &PersonId,
) -> Result<bool, RowError> {
    let taken = tx.execute(
        "DELETE FROM recovery_code WHERE code_sha256 = $1 AND account = $2",
        &[code.as_slice().into(), account.as_str().into()],
    )?;
    Ok(taken == 1)
}
