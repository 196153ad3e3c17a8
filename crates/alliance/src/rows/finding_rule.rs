//! What the rulebook says about findings.

use custody::RowError;
use store::{Tx, Value};

/// After how many days of drift a case is opened; `None` when never.
pub(crate) fn drift(tx: &mut Tx<'_>) -> Result<Option<u16>, RowError> {
    let row = tx.query_one("SELECT days FROM finding_rule WHERE kind = 'drift'", &[])?;
    let days: Option<i64> = match row {
        Some(row) => row.get(0)?,
        None => None,
    };
    Ok(days.and_then(|it| u16::try_from(it).ok()))
}

pub(crate) fn set_drift(tx: &mut Tx<'_>, days: Option<u16>) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO finding_rule (kind, days) VALUES ('drift', $1) ON CONFLICT (kind) DO UPDATE SET days = $1",
        &[days.map_or(Value::Null, |it| i64::from(it).into())],
    )?;
    Ok(())
}
