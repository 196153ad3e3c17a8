//! What people chose.

use model::{Choice, DeploymentId, Level, PersonId, Pointer, PurposeId, RecipientId, Timestamp};
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::consent::Way;

const TABLE: &str = "choice";
const COLUMNS: &str =
    "SELECT person, deployment, field, purpose, recipient, level, way FROM choice";

/// A choice that stands, and how it came about.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) choice: Choice,
    pub(crate) way: Way,
}

/// What people chose for a deployment, and how.
pub(crate) fn standing(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
) -> Result<Vec<Standing>, RowError> {
    let rows = tx.query(
        &format!("{COLUMNS} WHERE deployment = $1 ORDER BY person, field, purpose, recipient"),
        &[deployment.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

/// What one person chose for a deployment, and how.
pub(crate) fn standing_of(
    tx: &mut Tx<'_>,
    person: &PersonId,
    deployment: &DeploymentId,
) -> Result<Vec<Standing>, RowError> {
    let rows = tx.query(
        &format!(
            "{COLUMNS} WHERE person = $1 AND deployment = $2 ORDER BY field, purpose, recipient"
        ),
        &[person.as_str().into(), deployment.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Standing, RowError> {
    let text = |column| row.get::<String>(column);
    Ok(Standing {
        choice: Choice {
            person: parsed(TABLE, &text(0)?, |it| PersonId::parse(it).ok())?,
            deployment: parsed(TABLE, &text(1)?, |it| DeploymentId::parse(it).ok())?,
            field: parsed(TABLE, &text(2)?, |it| Pointer::parse(it).ok())?,
            purpose: parsed(TABLE, &text(3)?, |it| PurposeId::parse(it).ok())?,
            recipient: parsed(TABLE, &text(4)?, |it| RecipientId::parse(it).ok())?,
            level: parsed(TABLE, &text(5)?, Level::parse)?,
        },
        way: parsed(TABLE, &text(6)?, Way::parse)?,
    })
}

pub(crate) fn put_choice(
    tx: &mut Tx<'_>,
    choice: &Choice,
    way: Way,
    now: Timestamp,
) -> Result<(), RowError> {
    let level = choice.level.to_string();
    tx.execute(
        "INSERT INTO choice (person, deployment, field, purpose, recipient, level, chosen_at, way)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (person, deployment, field, purpose, recipient)
         DO UPDATE SET level = $6, chosen_at = $7, way = $8",
        &[
            choice.person.as_str().into(),
            choice.deployment.as_str().into(),
            choice.field.as_str().into(),
            choice.purpose.as_str().into(),
            choice.recipient.as_str().into(),
            level.as_str().into(),
            now.as_millis().into(),
            way.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Takes a choice away: what holds before any choice holds again.
pub(crate) fn drop_choice(tx: &mut Tx<'_>, choice: &Choice) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM choice
         WHERE person = $1 AND deployment = $2 AND field = $3 AND purpose = $4 AND recipient = $5",
        &[
            choice.person.as_str().into(),
            choice.deployment.as_str().into(),
            choice.field.as_str().into(),
            choice.purpose.as_str().into(),
            choice.recipient.as_str().into(),
        ],
    )?;
    Ok(())
}
