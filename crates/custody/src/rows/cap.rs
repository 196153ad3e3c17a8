//! The limits of the rulebook, as they are enforced.

use model::{Cap, CapTarget, Level, PurposeId, Timestamp};
use store::Tx;

use super::{RowError, parsed};

const TABLE: &str = "cap";

/// Every limit.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<Cap>, RowError> {
    let rows = tx.query(
        "SELECT kind, target, purpose, most FROM cap ORDER BY kind, target, purpose",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            let text = |column| row.get::<String>(column);
            let (kind, target, purpose) = (text(0)?, text(1)?, text(2)?);
            Ok(Cap {
                target: parsed(TABLE, &target, |it| CapTarget::parse(&kind, it))?,
                purpose: match purpose.as_str() {
                    "" => None,
                    text => Some(parsed(TABLE, text, |it| PurposeId::parse(it).ok())?),
                },
                most: parsed(TABLE, &text(3)?, Level::parse)?,
            })
        })
        .collect()
}

/// Puts these in place of all limits before; of two for the same, the lower counts.
pub(crate) fn replace(tx: &mut Tx<'_>, caps: &[Cap], now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO caps_changed (one, at) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET at = $1",
        &[now.as_millis().into()],
    )?;
    tx.execute("DELETE FROM cap", &[])?;
    let mut lowest_last: Vec<_> = caps.iter().collect();
    lowest_last.sort_by_key(|it| std::cmp::Reverse(it.most));
    for cap in lowest_last {
        let most = cap.most.to_string();
        tx.execute(
            "INSERT INTO cap (kind, target, purpose, most) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, target, purpose) DO UPDATE SET most = $4",
            &[
                cap.target.kind().into(),
                cap.target.name().into(),
                cap.purpose.as_ref().map_or("", PurposeId::as_str).into(),
                most.as_str().into(),
            ],
        )?;
    }
    Ok(())
}

/// When they were last replaced, if ever.
pub(crate) fn changed_at(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, RowError> {
    let row = tx.query_one("SELECT at FROM caps_changed", &[])?;
    let at = row.map(|it| it.get(0)).transpose()?;
    Ok(at.map(Timestamp::from_millis))
}
