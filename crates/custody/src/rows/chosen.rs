//! What people chose, as the programs need it: by deployment, a page at a time, and by person.

use model::{DeploymentId, Level, PersonId, Pointer, PurposeId, RecipientId};
use store::{Row, Tx};

use super::{RowError, parsed};

const TABLE: &str = "choice";
/// How many rows are held at once while a deployment is loaded.
const PAGE: i64 = 10_000;

/// A level for one field × purpose × recipient.
pub(crate) struct ChosenLevel {
    pub(crate) field: Pointer,
    pub(crate) purpose: PurposeId,
    pub(crate) recipient: RecipientId,
    pub(crate) level: Level,
}

/// What one person chose for a deployment.
pub(crate) fn of_person(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    person: &PersonId,
) -> Result<Vec<ChosenLevel>, RowError> {
    let rows = tx.query(
        "SELECT person, field, purpose, recipient, level FROM choice
         WHERE deployment = $1 AND person = $2 ORDER BY field, purpose, recipient",
        &[deployment.as_str().into(), person.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

/// Hands what people chose for a deployment to `each`, person by person.
pub(crate) fn for_each_person(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    mut each: impl FnMut(PersonId, Vec<ChosenLevel>),
) -> Result<(), RowError> {
    let mut last: [String; 4] = Default::default();
    let mut held: Option<(PersonId, Vec<ChosenLevel>)> = None;
    loop {
        let [person, field, purpose, recipient] = &last;
        let rows = tx.query(
            "SELECT person, field, purpose, recipient, level FROM choice
             WHERE deployment = $1 AND (person, field, purpose, recipient) > ($2, $3, $4, $5)
             ORDER BY person, field, purpose, recipient LIMIT $6",
            &[
                deployment.as_str().into(),
                person.as_str().into(),
                field.as_str().into(),
                purpose.as_str().into(),
                recipient.as_str().into(),
                PAGE.into(),
            ],
        )?;
        for row in &rows {
            let chosen = read(row)?;
            let person: String = row.get(0)?;
            match &mut held {
                Some((known, all)) if known.as_str() == person => all.push(chosen),
                held => {
                    let person = parsed(TABLE, &person, |it| PersonId::parse(it).ok())?;
                    if let Some((person, all)) = held.replace((person, vec![chosen])) {
                        each(person, all);
                    }
                }
            }
        }
        let Some(row) = rows.last() else { break };
        last = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
    }
    if let Some((person, all)) = held {
        each(person, all);
    }
    Ok(())
}

fn read(row: &Row) -> Result<ChosenLevel, RowError> {
    let text = |column| row.get::<String>(column);
    Ok(ChosenLevel {
        field: parsed(TABLE, &text(1)?, |it| Pointer::parse(it).ok())?,
        purpose: parsed(TABLE, &text(2)?, |it| PurposeId::parse(it).ok())?,
        recipient: parsed(TABLE, &text(3)?, |it| RecipientId::parse(it).ok())?,
        level: parsed(TABLE, &text(4)?, Level::parse)?,
    })
}
