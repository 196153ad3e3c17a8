//! Things, their credentials and the people they sense.

use model::{Assignment, DeploymentId, PersonId, ThingId, Timestamp};
use store::Tx;

use super::{RowError, parsed};
use crate::secret::{SubjectToken, TokenHash};

/// One registered thing.
pub(crate) struct ThingRow {
    pub(crate) id: ThingId,
    pub(crate) token: TokenHash,
}

/// The things of a deployment.
pub(crate) fn of(tx: &mut Tx<'_>, deployment: &DeploymentId) -> Result<Vec<ThingRow>, RowError> {
    let rows = tx.query(
        "SELECT id, token_sha256 FROM thing WHERE deployment = $1 ORDER BY id",
        &[deployment.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            let hash: Vec<u8> = row.get(1)?;
            Ok(ThingRow {
                id: parsed("thing", &row.get::<String>(0)?, |it| {
                    ThingId::parse(it).ok()
                })?,
                token: TokenHash::from_bytes(&hash).ok_or_else(|| RowError::Unreadable {
                    table: "thing",
                    value: "a token hash".to_owned(),
                })?,
            })
        })
        .collect()
}

/// The deployment of a thing.
pub(crate) fn deployment_of(
    tx: &mut Tx<'_>,
    thing: &ThingId,
) -> Result<Option<DeploymentId>, RowError> {
    let row = tx.query_one(
        "SELECT deployment FROM thing WHERE id = $1",
        &[thing.as_str().into()],
    )?;
    row.map(|row| {
        parsed("thing", &row.get::<String>(0)?, |it| {
            DeploymentId::parse(it).ok()
        })
    })
    .transpose()
}

pub(crate) fn exists(tx: &mut Tx<'_>, thing: &ThingId) -> Result<bool, RowError> {
    Ok(deployment_of(tx, thing)?.is_some())
}

pub(crate) fn insert(
    tx: &mut Tx<'_>,
    thing: &ThingRow,
    deployment: &DeploymentId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO thing (id, deployment, token_sha256, registered_at) VALUES ($1, $2, $3, $4)",
        &[
            thing.id.as_str().into(),
            deployment.as_str().into(),
            thing.token.as_bytes().as_slice().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Which people the things of a deployment sense, ordered by thing and person.
pub(crate) fn assignments(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
) -> Result<Vec<(ThingId, PersonId)>, RowError> {
    let rows = tx.query(
        "SELECT assignment.thing, assignment.person FROM assignment
         JOIN thing ON thing.id = assignment.thing
         WHERE thing.deployment = $1 ORDER BY assignment.thing, assignment.person",
        &[deployment.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed("assignment", &row.get::<String>(0)?, |it| {
                    ThingId::parse(it).ok()
                })?,
                parsed("assignment", &row.get::<String>(1)?, |it| {
                    PersonId::parse(it).ok()
                })?,
            ))
        })
        .collect()
}

pub(crate) fn assign(tx: &mut Tx<'_>, assignment: &Assignment) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO assignment (thing, person, role) VALUES ($1, $2, $3)
         ON CONFLICT (thing, person) DO UPDATE SET role = $3",
        &[
            assignment.thing.as_str().into(),
            assignment.person.as_str().into(),
            assignment.role.as_str().into(),
        ],
    )?;
    Ok(())
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
