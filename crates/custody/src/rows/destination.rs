//! Destinations of people, what did not reach them, and where the readings of whom go.

use model::{DeploymentId, PersonId, Placement, Timestamp};
use store::{Row, Tx};
use vault::Position;

use super::{RowError, parsed};
use crate::destination::{DestinationId, DestinationState, FailureClass, Placing};

const TABLE: &str = "destination";
const COLUMNS: &str = "id, person, sealed, state, made_at, cursor_segment, cursor_index, cursor_at, again_at, \
     attempts, next_attempt_at, last_failure, last_success_at";

/// Up to where a destination has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The last reading that needs nothing more.
    pub(crate) position: Position,
    /// When it came in.
    pub(crate) at: Timestamp,
}

/// A destination.
pub(crate) struct DestinationRow {
    pub(crate) id: DestinationId,
    pub(crate) person: PersonId,
    pub(crate) sealed: Vec<u8>,
    pub(crate) state: DestinationState,
    pub(crate) made_at: Timestamp,
    pub(crate) cursor: Cursor,
    /// When the person asked to try dead letters again.
    pub(crate) again_at: Option<Timestamp>,
    /// How many parcels in a row were not taken.
    pub(crate) attempts: u32,
    pub(crate) next_attempt_at: Timestamp,
    pub(crate) last_failure: Option<FailureClass>,
    pub(crate) last_success_at: Option<Timestamp>,
}

/// Readings that did not reach an endpoint in time: how many, from when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LetterRow {
    /// The last position before them.
    pub(crate) before: Position,
    /// The last of them.
    pub(crate) through: Position,
    pub(crate) readings: i64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    /// What the endpoint failed with; `None` where the server did not get to ask it.
    pub(crate) reason: Option<FailureClass>,
}

fn segment(position: Position) -> i64 {
    position.segment.cast_signed()
}

fn position(segment: i64, index: i64) -> Result<Position, RowError> {
    let index = u32::try_from(index).map_err(|_| RowError::Unreadable {
        table: TABLE,
        value: index.to_string(),
    })?;
    Ok(Position {
        segment: segment.cast_unsigned(),
        index,
    })
}

fn id_of(text: &str) -> Result<DestinationId, RowError> {
    parsed(TABLE, text, DestinationId::parse)
}

fn failure_of(text: Option<String>) -> Result<Option<FailureClass>, RowError> {
    text.map(|it| parsed(TABLE, &it, FailureClass::parse))
        .transpose()
}

fn destination_of(row: &Row) -> Result<DestinationRow, RowError> {
    let time = |it: Option<i64>| it.map(Timestamp::from_millis);
    Ok(DestinationRow {
        id: id_of(&row.get::<String>(0)?)?,
        person: parsed(TABLE, &row.get::<String>(1)?, |it| PersonId::parse(it).ok())?,
        sealed: row.get(2)?,
        state: parsed(TABLE, &row.get::<String>(3)?, DestinationState::parse)?,
        made_at: Timestamp::from_millis(row.get(4)?),
        cursor: Cursor {
            position: position(row.get(5)?, row.get(6)?)?,
            at: Timestamp::from_millis(row.get(7)?),
        },
        again_at: time(row.get(8)?),
        attempts: u32::try_from(row.get::<i64>(9)?).unwrap_or(u32::MAX),
        next_attempt_at: Timestamp::from_millis(row.get(10)?),
        last_failure: failure_of(row.get(11)?)?,
        last_success_at: time(row.get(12)?),
    })
}

/// Every destination.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<DestinationRow>, RowError> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM destination"), &[])?;
    rows.iter().map(destination_of).collect()
}

/// The destinations of a person, oldest first.
pub(crate) fn of(tx: &mut Tx<'_>, person: &PersonId) -> Result<Vec<DestinationRow>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM destination WHERE person = $1 ORDER BY made_at, id");
    let rows = tx.query(&sql, &[person.as_str().into()])?;
    rows.iter().map(destination_of).collect()
}

/// One destination.
pub(crate) fn one(tx: &mut Tx<'_>, id: &DestinationId) -> Result<Option<DestinationRow>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM destination WHERE id = $1");
    let row = tx.query_one(&sql, &[id.as_str().into()])?;
    row.as_ref().map(destination_of).transpose()
}

pub(crate) fn insert(tx: &mut Tx<'_>, row: &DestinationRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO destination (id, person, sealed, state, made_at, cursor_segment, cursor_index, cursor_at,
         attempts, next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)",
        &[
            row.id.as_str().into(),
            row.person.as_str().into(),
            row.sealed.as_slice().into(),
            row.state.as_str().into(),
            row.made_at.as_millis().into(),
            segment(row.cursor.position).into(),
            i64::from(row.cursor.position.index).into(),
            row.cursor.at.as_millis().into(),
            row.next_attempt_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Removes a destination and its dead letters; nothing may be placed there any more.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &DestinationId) -> Result<(), RowError> {
    let id = id.as_str();
    tx.execute(
        "DELETE FROM dead_letter WHERE destination = $1",
        &[id.into()],
    )?;
    tx.execute("DELETE FROM destination WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// A parcel was taken.
pub(crate) fn delivered(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE destination SET state = 'working', attempts = 0, next_attempt_at = 0, last_success_at = $2,
         last_failure = NULL WHERE id = $1",
        &[id.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

/// A parcel was not taken.
pub(crate) fn failed(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    state: DestinationState,
    attempts: u32,
    next_attempt_at: Timestamp,
    class: FailureClass,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE destination SET state = $2, attempts = $3, next_attempt_at = $4, last_failure = $5 WHERE id = $1",
        &[
            id.as_str().into(),
            state.as_str().into(),
            i64::from(attempts).into(),
            next_attempt_at.as_millis().into(),
            class.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Moves the cursor from where it is thought to be; tells whether it was there.
pub(crate) fn move_cursor(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    before: Cursor,
    after: Cursor,
) -> Result<bool, RowError> {
    let moved = tx.execute(
        "UPDATE destination SET cursor_segment = $2, cursor_index = $3, cursor_at = $4
         WHERE id = $1 AND cursor_segment = $5 AND cursor_index = $6",
        &[
            id.as_str().into(),
            segment(after.position).into(),
            i64::from(after.position.index).into(),
            after.at.as_millis().into(),
            segment(before.position).into(),
            i64::from(before.position.index).into(),
        ],
    )?;
    Ok(moved == 1)
}

/// Puts the cursor somewhere, forwards or back.
pub(crate) fn put_cursor(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    cursor: Cursor,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE destination SET cursor_segment = $2, cursor_index = $3, cursor_at = $4 WHERE id = $1",
        &[
            id.as_str().into(),
            segment(cursor.position).into(),
            i64::from(cursor.position.index).into(),
            cursor.at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Dead letters are tried again from now on.
pub(crate) fn put_again(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE destination SET again_at = $2, next_attempt_at = 0 WHERE id = $1",
        &[id.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

/// The dead letters of a destination, newest first.
pub(crate) fn letters(tx: &mut Tx<'_>, id: &DestinationId) -> Result<Vec<LetterRow>, RowError> {
    let rows = tx.query(
        "SELECT before_segment, before_index, through_segment, through_index, readings, first_at, last_at, reason
         FROM dead_letter WHERE destination = $1 ORDER BY through_segment DESC, through_index DESC",
        &[id.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            Ok(LetterRow {
                before: position(row.get(0)?, row.get(1)?)?,
                through: position(row.get(2)?, row.get(3)?)?,
                readings: row.get(4)?,
                first_at: Timestamp::from_millis(row.get(5)?),
                last_at: Timestamp::from_millis(row.get(6)?),
                reason: failure_of(row.get(7)?)?,
            })
        })
        .collect()
}

pub(crate) fn insert_letter(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    letter: &LetterRow,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO dead_letter (destination, before_segment, before_index, through_segment, through_index,
         readings, first_at, last_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            id.as_str().into(),
            segment(letter.before).into(),
            i64::from(letter.before.index).into(),
            segment(letter.through).into(),
            i64::from(letter.through.index).into(),
            letter.readings.into(),
            letter.first_at.as_millis().into(),
            letter.last_at.as_millis().into(),
            letter.reason.map(FailureClass::as_str).into(),
        ],
    )?;
    Ok(())
}

/// Removes the dead letter that ends at a position.
pub(crate) fn delete_letter(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    through: Position,
) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM dead_letter WHERE destination = $1 AND through_segment = $2 AND through_index = $3",
        &[
            id.as_str().into(),
            segment(through).into(),
            i64::from(through.index).into(),
        ],
    )?;
    Ok(())
}

/// Who placed what where, since when: person, deployment (`None` for all of theirs), placing, moment.
pub(crate) type PlacementRow = (PersonId, Option<DeploymentId>, Placing, Timestamp);

fn placement_of(row: &Row) -> Result<PlacementRow, RowError> {
    let table = "placement";
    let deployment = row.get::<String>(1)?;
    let deployment = match deployment.as_str() {
        "" => None,
        text => Some(parsed(table, text, |it| DeploymentId::parse(it).ok())?),
    };
    let placement = parsed(table, &row.get::<String>(2)?, Placement::parse)?;
    let destination = row.get::<Option<String>>(3)?;
    let destination = destination.map(|it| id_of(&it)).transpose()?;
    let placing = Placing::of(placement, destination).ok_or_else(|| RowError::Unreadable {
        table,
        value: placement.as_str().to_owned(),
    })?;
    Ok((
        parsed(table, &row.get::<String>(0)?, |it| PersonId::parse(it).ok())?,
        deployment,
        placing,
        Timestamp::from_millis(row.get(4)?),
    ))
}

/// Every placement, or those of one person.
pub(crate) fn placements(
    tx: &mut Tx<'_>,
    person: Option<&PersonId>,
) -> Result<Vec<PlacementRow>, RowError> {
    let columns = "SELECT person, deployment, placement, destination, decided_at FROM placement";
    let rows = match person {
        None => tx.query(columns, &[])?,
        Some(person) => tx.query(
            &format!("{columns} WHERE person = $1 ORDER BY deployment"),
            &[person.as_str().into()],
        )?,
    };
    rows.iter().map(placement_of).collect()
}

pub(crate) fn put_placement(
    tx: &mut Tx<'_>,
    person: &PersonId,
    deployment: Option<&DeploymentId>,
    placing: &Placing,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO placement (person, deployment, placement, destination, decided_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (person, deployment) DO UPDATE SET placement = $3, destination = $4, decided_at = $5",
        &[
            person.as_str().into(),
            deployment.map_or("", DeploymentId::as_str).into(),
            placing.placement().as_str().into(),
            placing.destination().map(DestinationId::as_str).into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Forgets what a person said for single deployments: what they say for all of them holds.
pub(crate) fn delete_single_placements(tx: &mut Tx<'_>, person: &PersonId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM placement WHERE person = $1 AND deployment <> ''",
        &[person.as_str().into()],
    )?;
    Ok(())
}

/// What went to a destination goes into the vault again.
pub(crate) fn back_to_vault(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE placement SET placement = 'vault', destination = NULL, decided_at = $2 WHERE destination = $1",
        &[id.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}
