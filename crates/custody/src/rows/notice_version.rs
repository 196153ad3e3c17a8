//! Every version of every notice, as it was published.

use model::{DeploymentId, Notice, PersonId, Timestamp};
use store::Tx;

use super::RowError;
use crate::published::NoticeVersion;
use crate::secret::document_sha256;

/// Keeps a version that is being published.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    notice: &Notice,
    source: &str,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO notice_version (deployment, version, published_at, source) VALUES ($1, $2, $3, $4)",
        &[
            notice.deployment.as_str().into(),
            notice.version.into(),
            now.as_millis().into(),
            source.into(),
        ],
    )?;
    Ok(())
}

/// Versions of a notice, newest first, only smaller numbers than `before`.
pub(crate) fn before(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
    before: i64,
    limit: u16,
) -> Result<Vec<NoticeVersion>, RowError> {
    let rows = tx.query(
        "SELECT version, published_at, source FROM notice_version
         WHERE deployment = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
        &[id.as_str().into(), before.into(), i64::from(limit).into()],
    )?;
    let mut versions = Vec::with_capacity(rows.len());
    for row in &rows {
        let source: String = row.get(2)?;
        let sha256 = document_sha256(source.as_bytes());
        versions.push(NoticeVersion {
            version: number(row.get(0)?)?,
            published_at: row.get::<Option<i64>>(1)?.map(Timestamp::from_millis),
            entry: entry_of(tx, id, &sha256)?,
            source,
            sha256,
        });
    }
    Ok(versions)
}

/// The text of one version.
pub(crate) fn source(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
    version: u32,
) -> Result<Option<String>, RowError> {
    let row = tx.query_one(
        "SELECT source FROM notice_version WHERE deployment = $1 AND version = $2",
        &[id.as_str().into(), version.into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// Which version is in force at a deployment, and when it was published, where that is known.
pub(crate) fn newest(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
) -> Result<Option<(u32, Option<Timestamp>)>, RowError> {
    let row = tx.query_one(
        "SELECT version, published_at FROM notice_version
         WHERE deployment = $1 ORDER BY version DESC LIMIT 1",
        &[id.as_str().into()],
    )?;
    row.map(|row| {
        let at = row.get::<Option<i64>>(1)?.map(Timestamp::from_millis);
        Ok((number(row.get(0)?)?, at))
    })
    .transpose()
}

/// The version on which a person last chose at a deployment; what a new version did to choices does not count.
pub(crate) fn last_chosen(
    tx: &mut Tx<'_>,
    person: &PersonId,
    id: &DeploymentId,
) -> Result<Option<u32>, RowError> {
    let row = tx.query_one(
        "SELECT choice_event.notice_version FROM choice_event
         INNER JOIN choice_act ON choice_act.person = choice_event.person
             AND choice_act.number = choice_event.number
         WHERE choice_event.person = $1 AND choice_event.deployment = $2 AND choice_act.way <> $3
         ORDER BY choice_event.number DESC LIMIT 1",
        &[
            person.as_str().into(),
            id.as_str().into(),
            crate::consent::Way::CarriedOver.as_str().into(),
        ],
    )?;
    row.map(|it| number(it.get(0)?)).transpose()
}

/// The entry of the record that carries this hash.
fn entry_of(tx: &mut Tx<'_>, id: &DeploymentId, sha256: &str) -> Result<Option<u64>, RowError> {
    let about = format!("deployment:{id}");
    let row = tx.query_one(
        "SELECT position FROM record_entry
         WHERE about = $1 AND document_sha256 = $2 ORDER BY position LIMIT 1",
        &[about.as_str().into(), sha256.into()],
    )?;
    Ok(row
        .map(|it| it.get::<i64>(0))
        .transpose()?
        .map(i64::cast_unsigned))
}

fn number(version: i64) -> Result<u32, RowError> {
    u32::try_from(version).map_err(|_| RowError::Unreadable {
        table: "notice_version",
        value: version.to_string(),
    })
}
