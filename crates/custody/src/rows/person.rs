//! What people chose.

use model::{Choice, DeploymentId, Level, PersonId, Pointer, PurposeId, RecipientId, Timestamp};
use store::Tx;

use super::{RowError, parsed};

/// What people chose for a deployment.
pub(crate) fn choices(tx: &mut Tx<'_>, deployment: &DeploymentId) -> Result<Vec<Choice>, RowError> {
    let rows = tx.query(
        "SELECT person, deployment, field, purpose, recipient, level FROM choice
         WHERE deployment = $1 ORDER BY person, field, purpose, recipient",
        &[deployment.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            let table = "choice";
            Ok(Choice {
                person: parsed(table, &row.get::<String>(0)?, |it| PersonId::parse(it).ok())?,
                deployment: parsed(table, &row.get::<String>(1)?, |it| {
                    DeploymentId::parse(it).ok()
                })?,
                field: parsed(table, &row.get::<String>(2)?, |it| Pointer::parse(it).ok())?,
                purpose: parsed(table, &row.get::<String>(3)?, |it| {
                    PurposeId::parse(it).ok()
                })?,
                recipient: parsed(table, &row.get::<String>(4)?, |it| {
                    RecipientId::parse(it).ok()
                })?,
                level: parsed(table, &row.get::<String>(5)?, Level::parse)?,
            })
        })
        .collect()
}

pub(crate) fn put_choice(tx: &mut Tx<'_>, choice: &Choice, now: Timestamp) -> Result<(), RowError> {
    let level = choice.level.to_string();
    tx.execute(
        "INSERT INTO choice (person, deployment, field, purpose, recipient, level, chosen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (person, deployment, field, purpose, recipient)
         DO UPDATE SET level = $6, chosen_at = $7",
        &[
            choice.person.as_str().into(),
            choice.deployment.as_str().into(),
            choice.field.as_str().into(),
            choice.purpose.as_str().into(),
            choice.recipient.as_str().into(),
            level.as_str().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}
