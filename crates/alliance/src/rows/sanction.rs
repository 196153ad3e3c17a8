//! Sanctions that came of cases.

use custody::RowError;
use model::{DeploymentId, PersonId, Timestamp};
use store::{Tx, Value};

use super::case::{optional, parsed, unsigned};
use super::numbered::number;
use crate::cases::{Sanction, SanctionKind};

const SANCTIONS: &str = "SELECT id, number, deployment, kind, target, imposed_at, cured_at, lift_asked_by, lifted_at FROM sanction";

fn sanction(row: &store::Row) -> Result<Sanction, RowError> {
    let lift_asked_by: Option<String> = row.get(7)?;
    let person = |it| parsed("sanction", it, |it| PersonId::parse(it).ok());
    Ok(Sanction {
        id: unsigned(row.get(0)?),
        case: unsigned(row.get(1)?),
        deployment: parsed("sanction", row.get(2)?, |it| DeploymentId::parse(it).ok())?,
        kind: parsed("sanction", row.get(3)?, SanctionKind::parse)?,
        target: row.get(4)?,
        imposed_at: Timestamp::from_millis(row.get(5)?),
        cured_at: row.get::<Option<i64>>(6)?.map(Timestamp::from_millis),
        lift_asked_by: lift_asked_by.map(person).transpose()?,
        lifted_at: row.get::<Option<i64>>(8)?.map(Timestamp::from_millis),
    })
}

/// Imposes a sanction, and gives it its number.
pub(crate) fn impose(tx: &mut Tx<'_>, it: &Sanction) -> Result<u64, RowError> {
    let row = tx.query_one("SELECT COALESCE(MAX(id), 0) + 1 FROM sanction", &[])?;
    let id: i64 = row.map_or(Ok(1), |it| it.get(0))?;
    tx.execute(
        "INSERT INTO sanction (id, number, deployment, kind, target, imposed_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            id.into(),
            number(it.case).into(),
            it.deployment.as_str().into(),
            it.kind.as_str().into(),
            it.target.as_str().into(),
            it.imposed_at.as_millis().into(),
        ],
    )?;
    Ok(unsigned(id))
}

/// Writes what became of a sanction.
pub(crate) fn update_sanction(tx: &mut Tx<'_>, it: &Sanction) -> Result<(), RowError> {
    let moment = |it: Option<Timestamp>| it.map_or(Value::Null, |it| it.as_millis().into());
    tx.execute(
        "UPDATE sanction SET cured_at = $2, lift_asked_by = $3, lifted_at = $4 WHERE id = $1",
        &[
            number(it.id).into(),
            moment(it.cured_at),
            optional(it.lift_asked_by.as_ref().map(PersonId::as_str)),
            moment(it.lifted_at),
        ],
    )?;
    Ok(())
}

pub(crate) fn one_sanction(tx: &mut Tx<'_>, id: u64) -> Result<Option<Sanction>, RowError> {
    let row = tx.query_one(&format!("{SANCTIONS} WHERE id = $1"), &[number(id).into()])?;
    row.as_ref().map(sanction).transpose()
}

/// The sanctions of a case, oldest first.
pub(crate) fn sanctions_of(tx: &mut Tx<'_>, case: u64) -> Result<Vec<Sanction>, RowError> {
    let rows = tx.query(
        &format!("{SANCTIONS} WHERE number = $1 ORDER BY id"),
        &[number(case).into()],
    )?;
    rows.iter().map(sanction).collect()
}

/// The sanctions that are in force at a deployment, oldest first.
pub(crate) fn sanctions_at(tx: &mut Tx<'_>, id: &DeploymentId) -> Result<Vec<Sanction>, RowError> {
    let rows = tx.query(
        &format!("{SANCTIONS} WHERE deployment = $1 AND lifted_at IS NULL ORDER BY id"),
        &[id.as_str().into()],
    )?;
    rows.iter().map(sanction).collect()
}

/// Whether a panel's decision holds the licence of a deployment.
pub(crate) fn rests_at(tx: &mut Tx<'_>, id: &DeploymentId) -> Result<bool, RowError> {
    let holding = [SanctionKind::SuspendDeployment, SanctionKind::RevokeLicence];
    let standing = sanctions_at(tx, id)?;
    Ok(standing.iter().any(|it| holding.contains(&it.kind)))
}
