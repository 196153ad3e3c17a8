//! Things, their credentials and the people they sense.

use std::sync::Arc;

use model::{Assignment, DeploymentId, PersonId, RecipientId, Role, ThingId, Timestamp};
use store::{Tx, Value};

use super::credential::{self, CredentialRow};
use super::{RowError, parsed};
use crate::NativeTopic;
use crate::secret::SubjectToken;

/// One registered thing, or one that was and was removed: its identifier stays taken.
#[derive(Clone, PartialEq)]
pub(crate) struct ThingRow {
    pub(crate) id: ThingId,
    pub(crate) credential: CredentialRow,
    pub(crate) topic: Option<NativeTopic>,
    pub(crate) adapter: Option<Arc<str>>,
    pub(crate) receives_as: Option<RecipientId>,
    pub(crate) removed_at: Option<Timestamp>,
    pub(crate) quarantined_at: Option<Timestamp>,
}

impl ThingRow {
    /// A thing that is only registered.
    pub(crate) fn new(id: ThingId, credential: CredentialRow) -> Self {
        Self {
            id,
            credential,
            topic: None,
            adapter: None,
            receives_as: None,
            removed_at: None,
            quarantined_at: None,
        }
    }
}

fn columns() -> String {
    format!(
        "SELECT id, topic, adapter, receives_as, removed_at, quarantined_at, {} FROM thing",
        credential::COLUMNS
    )
}

fn read(row: &store::Row) -> Result<ThingRow, RowError> {
    let topic: Option<String> = row.get(1)?;
    let receives_as: Option<String> = row.get(3)?;
    Ok(ThingRow {
        id: parsed("thing", &row.get::<String>(0)?, |it| {
            ThingId::parse(it).ok()
        })?,
        topic: topic
            .map(|it| parsed("thing", &it, |it| NativeTopic::parse(it).ok()))
            .transpose()?,
        adapter: row.get::<Option<String>>(2)?.map(Arc::from),
        receives_as: receives_as
            .map(|it| parsed("thing", &it, |it| RecipientId::parse(it).ok()))
            .transpose()?,
        removed_at: row.get::<Option<i64>>(4)?.map(Timestamp::from_millis),
        quarantined_at: row.get::<Option<i64>>(5)?.map(Timestamp::from_millis),
        credential: credential::read(credential::Table::Thing, row, 6)?,
    })
}

/// The things of a deployment, with those that were removed.
pub(crate) fn of(tx: &mut Tx<'_>, deployment: &DeploymentId) -> Result<Vec<ThingRow>, RowError> {
    let rows = tx.query(
        &format!("{} WHERE deployment = $1 ORDER BY id", columns()),
        &[deployment.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

/// One thing, also when it was removed.
pub(crate) fn one(tx: &mut Tx<'_>, thing: &ThingId) -> Result<Option<ThingRow>, RowError> {
    let row = tx.query_one(
        &format!("{} WHERE id = $1", columns()),
        &[thing.as_str().into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// The deployment of a thing that was not removed.
pub(crate) fn deployment_of(
    tx: &mut Tx<'_>,
    thing: &ThingId,
) -> Result<Option<DeploymentId>, RowError> {
    let row = tx.query_one(
        "SELECT deployment FROM thing WHERE id = $1 AND removed_at IS NULL",
        &[thing.as_str().into()],
    )?;
    row.map(|row| {
        parsed("thing", &row.get::<String>(0)?, |it| {
            DeploymentId::parse(it).ok()
        })
    })
    .transpose()
}

/// Whether there is such a thing, and it was not removed.
pub(crate) fn exists(tx: &mut Tx<'_>, thing: &str) -> Result<bool, RowError> {
    let row = tx.query_one(
        "SELECT 1 FROM thing WHERE id = $1 AND removed_at IS NULL",
        &[thing.into()],
    )?;
    Ok(row.is_some())
}

/// Whether the identifier is taken, also by a thing that was removed.
pub(crate) fn is_taken(tx: &mut Tx<'_>, thing: &str) -> Result<bool, RowError> {
    let row = tx.query_one("SELECT 1 FROM thing WHERE id = $1", &[thing.into()])?;
    Ok(row.is_some())
}

/// The thing of a deployment that has this native topic.
pub(crate) fn with_topic(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    topic: &str,
) -> Result<Option<ThingId>, RowError> {
    let row = tx.query_one(
        "SELECT id FROM thing WHERE deployment = $1 AND topic = $2",
        &[deployment.as_str().into(), topic.into()],
    )?;
    row.map(|row| {
        parsed("thing", &row.get::<String>(0)?, |it| {
            ThingId::parse(it).ok()
        })
    })
    .transpose()
}

pub(crate) fn insert(
    tx: &mut Tx<'_>,
    thing: &ThingRow,
    deployment: &DeploymentId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO thing (id, deployment, token_sha256, registered_at, topic, adapter)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            thing.id.as_str().into(),
            deployment.as_str().into(),
            thing.credential.token.as_bytes().as_slice().into(),
            now.as_millis().into(),
            optional(thing.topic.as_ref().map(NativeTopic::as_str)),
            optional(thing.adapter.as_deref()),
        ],
    )?;
    Ok(())
}

/// Writes what an operator may change of a thing.
pub(crate) fn update(tx: &mut Tx<'_>, thing: &ThingRow) -> Result<(), RowError> {
    tx.execute(
        "UPDATE thing SET topic = $2, adapter = $3, receives_as = $4, removed_at = $5,
             quarantined_at = $6 WHERE id = $1",
        &[
            thing.id.as_str().into(),
            optional(thing.topic.as_ref().map(NativeTopic::as_str)),
            optional(thing.adapter.as_deref()),
            optional(thing.receives_as.as_ref().map(RecipientId::as_str)),
            (thing.removed_at).map_or(Value::Null, |it| it.as_millis().into()),
            (thing.quarantined_at).map_or(Value::Null, |it| it.as_millis().into()),
        ],
    )?;
    Ok(())
}

fn optional(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Null, Into::into)
}

const ASSIGNMENT: &str = "assignment_in_time";
const ASSIGNMENTS: &str = "SELECT assigned.thing, assigned.person, assigned.role, assigned.valid_from, assigned.valid_until
     FROM assignment_in_time AS assigned";
const BY_THING: &str =
    "ORDER BY assigned.thing, assigned.person, assigned.role, assigned.valid_from";

fn assignment(row: &store::Row) -> Result<Assignment, RowError> {
    let text = |column| row.get::<String>(column);
    Ok(Assignment {
        thing: parsed(ASSIGNMENT, &text(0)?, |it| ThingId::parse(it).ok())?,
        person: parsed(ASSIGNMENT, &text(1)?, |it| PersonId::parse(it).ok())?,
        role: parsed(ASSIGNMENT, &text(2)?, Role::parse)?,
        valid_from: Timestamp::from_millis(row.get(3)?),
        valid_until: row.get::<Option<i64>>(4)?.map(Timestamp::from_millis),
    })
}

/// Which people the things of a deployment sense, did and will, ordered by thing and person.
pub(crate) fn assignments(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
) -> Result<Vec<Assignment>, RowError> {
    let rows = tx.query(
        &format!(
            "{ASSIGNMENTS} JOIN thing ON thing.id = assigned.thing WHERE thing.deployment = $1 {BY_THING}"
        ),
        &[deployment.as_str().into()],
    )?;
    rows.iter().map(assignment).collect()
}

/// Which people a thing senses, did and will.
pub(crate) fn assignments_of(
    tx: &mut Tx<'_>,
    thing: &ThingId,
) -> Result<Vec<Assignment>, RowError> {
    let rows = tx.query(
        &format!("{ASSIGNMENTS} WHERE assigned.thing = $1 {BY_THING}"),
        &[thing.as_str().into()],
    )?;
    rows.iter().map(assignment).collect()
}

/// The things of one deployment that sense a person, did and will; latest first, so that what is over stands last.
pub(crate) fn assignments_about(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    person: &PersonId,
    limit: i64,
) -> Result<Vec<Assignment>, RowError> {
    let rows = tx.query(
        &format!(
            "{ASSIGNMENTS} JOIN thing ON thing.id = assigned.thing
             WHERE assigned.person = $1 AND thing.deployment = $2
             ORDER BY assigned.valid_from DESC, assigned.thing, assigned.role LIMIT $3"
        ),
        &[
            person.as_str().into(),
            deployment.as_str().into(),
            limit.into(),
        ],
    )?;
    rows.iter().map(assignment).collect()
}

/// Writes an assignment; one that begins at the same moment gets the new end.
pub(crate) fn assign(tx: &mut Tx<'_>, assignment: &Assignment) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO assignment_in_time (thing, person, role, valid_from, valid_until)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (thing, person, role, valid_from) DO UPDATE SET valid_until = $5",
        &[
            assignment.thing.as_str().into(),
            assignment.person.as_str().into(),
            assignment.role.as_str().into(),
            assignment.valid_from.as_millis().into(),
            assignment
                .valid_until
                .map_or(store::Value::Null, |it| it.as_millis().into()),
        ],
    )?;
    Ok(())
}

/// Ends what would go on after `at`, and forgets what would only begin then; `false` when there was neither.
pub(crate) fn end_assignment(
    tx: &mut Tx<'_>,
    thing: &ThingId,
    person: &PersonId,
    role: Role,
    at: Timestamp,
) -> Result<bool, RowError> {
    let parameters = [
        thing.as_str().into(),
        person.as_str().into(),
        role.as_str().into(),
        at.as_millis().into(),
    ];
    let forgotten = tx.execute(
        "DELETE FROM assignment_in_time
         WHERE thing = $1 AND person = $2 AND role = $3 AND valid_from >= $4",
        &parameters,
    )?;
    let ended = tx.execute(
        "UPDATE assignment_in_time SET valid_until = $4
         WHERE thing = $1 AND person = $2 AND role = $3 AND valid_from < $4
         AND (valid_until IS NULL OR valid_until > $4)",
        &parameters,
    )?;
    Ok(forgotten + ended > 0)
}

/// The people known by a field in the messages of a deployment.
pub(crate) fn subject_tokens(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
) -> Result<Vec<(SubjectToken, PersonId)>, RowError> {
    let rows = tx.query(
        "SELECT token, person FROM subject_token WHERE deployment = $1",
        &[deployment.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            let token: Vec<u8> = row.get(0)?;
            let token = <[u8; 32]>::try_from(token).map_err(|_| RowError::Unreadable {
                table: "subject_token",
                value: "a token".to_owned(),
            })?;
            Ok((
                SubjectToken(token),
                parsed("subject_token", &row.get::<String>(1)?, |it| {
                    PersonId::parse(it).ok()
                })?,
            ))
        })
        .collect()
}

/// The person known by a field.
pub(crate) fn subject(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    token: &SubjectToken,
) -> Result<Option<PersonId>, RowError> {
    let row = tx.query_one(
        "SELECT person FROM subject_token WHERE deployment = $1 AND token = $2",
        &[deployment.as_str().into(), token.0.as_slice().into()],
    )?;
    let read = |row: store::Row| {
        parsed("subject_token", &row.get::<String>(0)?, |it| {
            PersonId::parse(it).ok()
        })
    };
    row.map(read).transpose()
}

pub(crate) fn link_subject(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    token: &SubjectToken,
    person: &PersonId,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO subject_token (deployment, token, person) VALUES ($1, $2, $3)",
        &[
            deployment.as_str().into(),
            token.0.as_slice().into(),
            person.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Ends every assignment of a thing that would go on after `at`, and forgets those that would only begin then.
pub(crate) fn end_assignments(
    tx: &mut Tx<'_>,
    thing: &ThingId,
    at: Timestamp,
) -> Result<(), RowError> {
    let parameters = [thing.as_str().into(), at.as_millis().into()];
    tx.execute(
        "DELETE FROM assignment_in_time WHERE thing = $1 AND valid_from >= $2",
        &parameters,
    )?;
    tx.execute(
        "UPDATE assignment_in_time SET valid_until = $2
         WHERE thing = $1 AND (valid_until IS NULL OR valid_until > $2)",
        &parameters,
    )?;
    Ok(())
}
