//! The limits of the rulebook, with their reasons.

use custody::RowError;
use model::{Cap, CapTarget, Level, PurposeId, Timestamp};
use store::Tx;

use crate::rulebook::Limit;

/// Every limit, in the order of what is limited.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<Limit>, RowError> {
    let rows = tx.query(
        "SELECT kind, target, purpose, most, reason, since FROM rulebook_limit
         ORDER BY kind, target, purpose",
        &[],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &store::Row) -> Result<Limit, RowError> {
    let text = |column| row.get::<String>(column);
    let unreadable = |value: &str| RowError::Unreadable {
        table: "rulebook_limit",
        value: value.to_owned(),
    };
    let (kind, target, purpose, most) = (text(0)?, text(1)?, text(2)?, text(3)?);
    Ok(Limit {
        cap: Cap {
            target: CapTarget::parse(&kind, &target).ok_or_else(|| unreadable(&target))?,
            purpose: match purpose.as_str() {
                "" => None,
                named => Some(PurposeId::parse(named).map_err(|_| unreadable(named))?),
            },
            most: Level::parse(&most).ok_or_else(|| unreadable(&most))?,
        },
        reason: text(4)?,
        since: Timestamp::from_millis(row.get(5)?),
    })
}

/// Writes a limit, in place of one before for the same.
pub(crate) fn put(tx: &mut Tx<'_>, limit: &Limit) -> Result<(), RowError> {
    let most = limit.cap.most.to_string();
    tx.execute(
        "INSERT INTO rulebook_limit (kind, target, purpose, most, reason, since)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (kind, target, purpose) DO UPDATE SET most = $4, reason = $5, since = $6",
        &[
            limit.cap.target.kind().into(),
            limit.cap.target.name().into(),
            purpose(limit.cap.purpose.as_ref()).into(),
            most.as_str().into(),
            limit.reason.as_str().into(),
            limit.since.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Removes a limit; `false` when there is none.
pub(crate) fn remove(
    tx: &mut Tx<'_>,
    target: &CapTarget,
    of: Option<&PurposeId>,
) -> Result<bool, RowError> {
    let removed = tx.execute(
        "DELETE FROM rulebook_limit WHERE kind = $1 AND target = $2 AND purpose = $3",
        &[
            target.kind().into(),
            target.name().into(),
            purpose(of).into(),
        ],
    )?;
    Ok(removed == 1)
}

/// Every purpose is written as the empty text, which no purpose is.
fn purpose(purpose: Option<&PurposeId>) -> &str {
    purpose.map_or("", PurposeId::as_str)
}
