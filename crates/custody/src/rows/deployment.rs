//! Deployments as far as enforcement needs them: the notice and the licence in force.

use model::{DeploymentId, Licence, LicenceState, Notice, Problem, Timestamp};
use store::{Tx, Value};

use super::{RowError, parsed};

/// One deployment as it is enforced.
pub(crate) struct DeploymentRow {
    pub(crate) licence: Licence,
    pub(crate) quarantined: bool,
    /// As today's rules read it.
    pub(crate) notice: Notice,
    /// What today's rules find wrong with it.
    pub(crate) problems: Vec<Problem>,
    /// Whether something was left out because nobody can say what it means.
    pub(crate) is_cut: bool,
}

const COLUMNS: &str = "SELECT licence, licence_until, quarantined, notice FROM deployment";

fn read(row: &store::Row) -> Result<DeploymentRow, RowError> {
    let notice: String = row.get(3)?;
    let read = Notice::parse_published(&notice).map_err(|_| RowError::Unreadable {
        table: "deployment",
        value: "a notice".to_owned(),
    })?;
    Ok(DeploymentRow {
        licence: Licence {
            state: parsed("deployment", &row.get::<String>(0)?, LicenceState::parse)?,
            until: row.get::<Option<i64>>(1)?.map(Timestamp::from_millis),
        },
        quarantined: row.get(2)?,
        notice: read.notice,
        problems: read.problems,
        is_cut: read.is_cut,
    })
}

/// Every deployment, by its identifier.
pub(crate) fn ids(tx: &mut Tx<'_>) -> Result<Vec<DeploymentId>, RowError> {
    let rows = tx.query("SELECT id FROM deployment ORDER BY id", &[])?;
    rows.iter()
        .map(|row| {
            parsed("deployment", &row.get::<String>(0)?, |it| {
                DeploymentId::parse(it).ok()
            })
        })
        .collect()
}

pub(crate) fn one(tx: &mut Tx<'_>, id: &DeploymentId) -> Result<Option<DeploymentRow>, RowError> {
    let row = tx.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.as_str().into()])?;
    row.as_ref().map(read).transpose()
}

/// The licence of a deployment, and whether it is quarantined.
pub(crate) fn licence(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
) -> Result<Option<(Licence, bool)>, RowError> {
    let row = tx.query_one(
        "SELECT licence, licence_until, quarantined FROM deployment WHERE id = $1",
        &[id.as_str().into()],
    )?;
    row.map(|row| {
        let licence = Licence {
            state: parsed("deployment", &row.get::<String>(0)?, LicenceState::parse)?,
            until: row.get::<Option<i64>>(1)?.map(Timestamp::from_millis),
        };
        Ok((licence, row.get(2)?))
    })
    .transpose()
}

/// Writes the notice in force; a new deployment starts without a licence.
pub(crate) fn put_notice(tx: &mut Tx<'_>, notice: &Notice, source: &str) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO deployment (id, licence, licence_until, quarantined, notice_version, notice)
         VALUES ($1, $2, NULL, 0, $3, $4)
         ON CONFLICT (id) DO UPDATE SET notice_version = $3, notice = $4",
        &[
            notice.deployment.as_str().into(),
            LicenceState::None.as_str().into(),
            i64::from(notice.version).into(),
            source.into(),
        ],
    )?;
    Ok(())
}

/// The notice in force as it was published, if the deployment exists.
pub(crate) fn notice_source(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
) -> Result<Option<String>, RowError> {
    let row = tx.query_one(
        "SELECT notice FROM deployment WHERE id = $1",
        &[id.as_str().into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// The version of the notice in force, if the deployment exists.
pub(crate) fn notice_version(tx: &mut Tx<'_>, id: &DeploymentId) -> Result<Option<i64>, RowError> {
    let row = tx.query_one(
        "SELECT notice_version FROM deployment WHERE id = $1",
        &[id.as_str().into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// Sets the licence; `false` when there is no such deployment.
pub(crate) fn set_licence(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
    licence: Licence,
) -> Result<bool, RowError> {
    let changed = tx.execute(
        "UPDATE deployment SET licence = $2, licence_until = $3 WHERE id = $1",
        &[
            id.as_str().into(),
            licence.state.as_str().into(),
            licence
                .until
                .map_or(Value::Null, |it| it.as_millis().into()),
        ],
    )?;
    Ok(changed == 1)
}
