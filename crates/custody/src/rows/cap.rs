//! The limits of the rulebook, as they are enforced.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::{Cap, CapTarget, DeploymentId, Level, Pointer, PurposeId, Timestamp};
use store::Tx;

use super::{RowError, parsed};

const TABLE: &str = "cap";
const SUSPENDED: &str = "suspended_field";

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

/// The limits at each deployment: those of the rulebook, and the fields that a sanction suspended there.
pub(crate) struct CapsByDeployment {
    everywhere: Arc<[Cap]>,
    suspended: HashMap<DeploymentId, Vec<Pointer>>,
}

impl CapsByDeployment {
    /// All of them.
    pub(crate) fn read(tx: &mut Tx<'_>) -> Result<Self, RowError> {
        let everywhere = all(tx)?.into();
        let mut suspended: HashMap<_, Vec<_>> = HashMap::new();
        let rows = tx.query(
            "SELECT deployment, field FROM suspended_field ORDER BY deployment, field",
            &[],
        )?;
        for row in rows {
            let (deployment, field): (String, String) = (row.get(0)?, row.get(1)?);
            let id = parsed(SUSPENDED, &deployment, |it| DeploymentId::parse(it).ok())?;
            let field = parsed(SUSPENDED, &field, |it| Pointer::parse(it).ok())?;
            suspended.entry(id).or_default().push(field);
        }
        Ok(Self {
            everywhere,
            suspended,
        })
    }

    /// Those of one deployment.
    pub(crate) fn at(&self, id: &DeploymentId) -> Arc<[Cap]> {
        let Some(fields) = self.suspended.get(id) else {
            return Arc::clone(&self.everywhere);
        };
        let off = |field: &Pointer| Cap {
            target: CapTarget::Field(field.clone()),
            purpose: None,
            most: Level::OFF,
        };
        let everywhere = self.everywhere.iter().cloned();
        everywhere.chain(fields.iter().map(off)).collect()
    }
}

/// The fields that are suspended at a deployment, from now on, in place of all before.
pub(crate) fn suspend(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
    fields: &BTreeSet<Pointer>,
    now: Timestamp,
) -> Result<(), RowError> {
    note_change(tx, now)?;
    tx.execute(
        "DELETE FROM suspended_field WHERE deployment = $1",
        &[id.as_str().into()],
    )?;
    for field in fields {
        tx.execute(
            "INSERT INTO suspended_field (deployment, field, since) VALUES ($1, $2, $3)",
            &[
                id.as_str().into(),
                field.as_str().into(),
                now.as_millis().into(),
            ],
        )?;
    }
    Ok(())
}

fn note_change(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO caps_changed (one, at) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET at = $1",
        &[now.as_millis().into()],
    )?;
    Ok(())
}

/// Puts these in place of all limits before; of two for the same, the lower counts.
pub(crate) fn replace(tx: &mut Tx<'_>, caps: &[Cap], now: Timestamp) -> Result<(), RowError> {
    note_change(tx, now)?;
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
