//! Exports that people asked for.

use model::{DeploymentId, PersonId, Timestamp};
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::export::{ExportFormat, ExportState};

const TABLE: &str = "export_job";
const COLUMNS: &str =
    "id, person, deployment, formats, state, asked_at, ended_at, bytes, sealed_key, gone_at";

/// One export.
pub(crate) struct ExportRow {
    pub(crate) id: String,
    pub(crate) person: PersonId,
    pub(crate) only: Option<DeploymentId>,
    pub(crate) formats: Vec<ExportFormat>,
    pub(crate) state: ExportState,
    pub(crate) asked_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) bytes: Option<i64>,
    pub(crate) sealed_key: Option<Vec<u8>>,
    /// When it is deleted; without it, a day after it has ended.
    pub(crate) gone_at: Option<Timestamp>,
}

/// An export that is ready.
pub(crate) struct MadeExport {
    pub(crate) bytes: i64,
    pub(crate) sealed_key: Vec<u8>,
    pub(crate) gone_at: Timestamp,
}

fn read(row: &Row) -> Result<ExportRow, RowError> {
    let only: Option<String> = row.get(2)?;
    let formats: String = row.get(3)?;
    let format = |it: &str| parsed(TABLE, it, ExportFormat::parse);
    let formats = formats.split(' ').filter(|it| !it.is_empty()).map(format);
    Ok(ExportRow {
        id: row.get(0)?,
        person: parsed(TABLE, &row.get::<String>(1)?, |it| PersonId::parse(it).ok())?,
        only: only
            .map(|it| parsed(TABLE, &it, |it| DeploymentId::parse(it).ok()))
            .transpose()?,
        formats: formats.collect::<Result<_, _>>()?,
        state: parsed(TABLE, &row.get::<String>(4)?, ExportState::parse)?,
        asked_at: Timestamp::from_millis(row.get(5)?),
        ended_at: row.get::<Option<i64>>(6)?.map(Timestamp::from_millis),
        bytes: row.get(7)?,
        sealed_key: row.get(8)?,
        gone_at: row.get::<Option<i64>>(9)?.map(Timestamp::from_millis),
    })
}

/// Every export, the one that was asked for first before the others.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<ExportRow>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM export_job ORDER BY asked_at, id");
    tx.query(&sql, &[])?.iter().map(read).collect()
}

/// The export that waits and was asked for first.
pub(crate) fn next(tx: &mut Tx<'_>) -> Result<Option<ExportRow>, RowError> {
    let sql =
        format!("SELECT {COLUMNS} FROM export_job WHERE state = $1 ORDER BY asked_at, id LIMIT 1");
    let row = tx.query_one(&sql, &[ExportState::Waiting.as_str().into()])?;
    row.as_ref().map(read).transpose()
}

/// How many exports there are, and how many bytes they have.
pub(crate) fn all_together(tx: &mut Tx<'_>) -> Result<(i64, i64), RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM export_job",
        &[],
    )?;
    Ok(match row {
        Some(row) => (row.get(0)?, row.get(1)?),
        None => (0, 0),
    })
}

/// The export of a person; there is at most one.
pub(crate) fn of(tx: &mut Tx<'_>, person: &PersonId) -> Result<Option<ExportRow>, RowError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM export_job WHERE person = $1 ORDER BY asked_at DESC LIMIT 1"
    );
    let row = tx.query_one(&sql, &[person.as_str().into()])?;
    row.as_ref().map(read).transpose()
}

/// Writes a new export.
pub(crate) fn insert(tx: &mut Tx<'_>, row: &ExportRow) -> Result<(), RowError> {
    let formats: Vec<_> = row.formats.iter().map(|it| it.as_str()).collect();
    tx.execute(
        "INSERT INTO export_job (id, person, deployment, formats, state, asked_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            row.id.as_str().into(),
            row.person.as_str().into(),
            row.only.as_ref().map(DeploymentId::as_str).into(),
            formats.join(" ").as_str().into(),
            row.state.as_str().into(),
            row.asked_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Writes how an export ended; false when it is not there any more.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    id: &str,
    state: ExportState,
    at: Timestamp,
    made: Option<&MadeExport>,
) -> Result<bool, RowError> {
    let changed = tx.execute(
        "UPDATE export_job SET state = $2, ended_at = $3, bytes = $4, sealed_key = $5, gone_at = $6 WHERE id = $1",
        &[
            id.into(),
            state.as_str().into(),
            at.as_millis().into(),
            made.map(|it| it.bytes).into(),
            made.map(|it| it.sealed_key.as_slice()).into(),
            made.map(|it| it.gone_at.as_millis()).into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Has every export that is ready be deleted at this moment at the latest.
pub(crate) fn hurry(tx: &mut Tx<'_>, gone_at: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE export_job SET gone_at = $1 WHERE state = $2 AND (gone_at IS NULL OR gone_at > $1)",
        &[
            gone_at.as_millis().into(),
            ExportState::Ready.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Deletes an export.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<(), RowError> {
    tx.execute("DELETE FROM export_job WHERE id = $1", &[id.into()])?;
    Ok(())
}
