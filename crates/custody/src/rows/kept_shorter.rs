//! What later notices made shorter.

use model::{DeploymentId, Pointer, Retention, Timestamp};
use store::Tx;

use super::{RowError, parsed};
use crate::keeping::Shorter;

const TABLE: &str = "kept_shorter";

/// Notes one.
pub(crate) fn insert(tx: &mut Tx<'_>, rule: &Shorter) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO kept_shorter (deployment, field, came_before, days, gone_at, done_until)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            rule.deployment.as_str().into(),
            rule.field.as_str().into(),
            rule.came_before.as_millis().into(),
            i64::from(rule.retention.as_days()).into(),
            rule.gone_at.as_millis().into(),
            rule.done_until.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// All of them.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<Shorter>, RowError> {
    let rows = tx.query(
        "SELECT deployment, field, came_before, days, gone_at, done_until FROM kept_shorter
         ORDER BY deployment, field, came_before",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            let days: i64 = row.get(3)?;
            Ok(Shorter {
                deployment: parsed(TABLE, &row.get::<String>(0)?, |it| {
                    DeploymentId::parse(it).ok()
                })?,
                field: parsed(TABLE, &row.get::<String>(1)?, |it| Pointer::parse(it).ok())?,
                came_before: Timestamp::from_millis(row.get(2)?),
                retention: Retention::from_days(parsed(TABLE, &days.to_string(), |it| {
                    it.parse().ok()
                })?),
                gone_at: Timestamp::from_millis(row.get(4)?),
                done_until: Timestamp::from_millis(row.get(5)?),
                classes: std::collections::BTreeSet::new(),
            })
        })
        .collect()
}

/// Blocks with readings before this moment are as they should be.
pub(crate) fn done(tx: &mut Tx<'_>, rules: &[&Shorter], until: Timestamp) -> Result<(), RowError> {
    for rule in rules {
        tx.execute(
            "UPDATE kept_shorter SET done_until = $4
             WHERE deployment = $1 AND field = $2 AND came_before = $3",
            &[
                rule.deployment.as_str().into(),
                rule.field.as_str().into(),
                rule.came_before.as_millis().into(),
                until.as_millis().into(),
            ],
        )?;
    }
    Ok(())
}

/// Forgets those that nothing is kept of any more; says how many.
pub(crate) fn forget(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, RowError> {
    let sql = "DELETE FROM kept_shorter WHERE gone_at <= $1";
    Ok(tx.execute(sql, &[now.as_millis().into()])?)
}
