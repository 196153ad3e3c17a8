//! What people changed about where their readings go. A destination is named by its identifier only, and may be gone.

use model::{DeploymentId, PersonId, Placement, Timestamp};
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::destination::{DestinationId, PlacementChange, Placing};

const TABLE: &str = "placement_change";

fn placing_of(row: &Row, column: usize) -> Result<Placing, RowError> {
    let placement = parsed(TABLE, &row.get::<String>(column)?, Placement::parse)?;
    let destination = row.get::<Option<String>>(column.saturating_add(1))?;
    let destination = destination.map(|it| parsed(TABLE, &it, DestinationId::parse));
    Placing::of(placement, destination.transpose()?).ok_or_else(|| RowError::Unreadable {
        table: TABLE,
        value: placement.as_str().to_owned(),
    })
}

fn change_of(row: &Row) -> Result<PlacementChange, RowError> {
    let deployment = match row.get::<String>(1)?.as_str() {
        "" => None,
        text => Some(parsed(TABLE, text, |it| DeploymentId::parse(it).ok())?),
    };
    Ok(PlacementChange {
        at: Timestamp::from_millis(row.get(0)?),
        deployment,
        before: placing_of(row, 2)?,
        after: placing_of(row, 4)?,
    })
}

/// The newest changes of a person, newest first.
pub(crate) fn newest(
    tx: &mut Tx<'_>,
    person: &PersonId,
    limit: i64,
) -> Result<Vec<PlacementChange>, RowError> {
    let rows = tx.query(
        "SELECT at, deployment, before_placement, before_destination, after_placement, after_destination
         FROM placement_change WHERE person = $1 ORDER BY number DESC LIMIT $2",
        &[person.as_str().into(), limit.into()],
    )?;
    rows.iter().map(change_of).collect()
}

/// Writes a change down, and forgets what lies more than `keep` changes back.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    person: &PersonId,
    change: &PlacementChange,
    keep: i64,
) -> Result<(), RowError> {
    let last = tx.query_one(
        "SELECT MAX(number) FROM placement_change WHERE person = $1",
        &[person.as_str().into()],
    )?;
    let last = last.map(|it| it.get::<Option<i64>>(0)).transpose()?;
    let number = last.flatten().unwrap_or(0).saturating_add(1);
    tx.execute(
        "INSERT INTO placement_change (person, number, at, deployment, before_placement, before_destination,
         after_placement, after_destination) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            person.as_str().into(),
            number.into(),
            change.at.as_millis().into(),
            change.deployment.as_ref().map_or("", DeploymentId::as_str).into(),
            change.before.placement().as_str().into(),
            change.before.destination().map(DestinationId::as_str).into(),
            change.after.placement().as_str().into(),
            change.after.destination().map(DestinationId::as_str).into(),
        ],
    )?;
    tx.execute(
        "DELETE FROM placement_change WHERE person = $1 AND number <= $2",
        &[person.as_str().into(), number.saturating_sub(keep).into()],
    )?;
    Ok(())
}
