//! Acts of the office that wait for a second officer, and what became of them.

use custody::RowError;
use model::{DeploymentId, PersonId, Timestamp};
use store::{Tx, Value};

use super::numbered::{self, number};
use crate::four_eyes::{ActOutcome, OfficeAct, ProposedAct};

const COLUMNS: &str =
    "id, act, proposed_by, proposed_at, ends_at, is_provisional, outcome, ended_at";

fn unreadable(value: &str) -> RowError {
    numbered::unreadable("office_act", value)
}

fn read(row: &store::Row) -> Result<ProposedAct, RowError> {
    let number: i64 = row.get(0)?;
    let act: String = row.get(1)?;
    let proposer: Option<String> = row.get(2)?;
    let outcome: String = row.get(6)?;
    Ok(ProposedAct {
        id: u64::try_from(number).map_err(|_| unreadable("id"))?,
        act: OfficeAct::from_json(&act).ok_or_else(|| unreadable(&act))?,
        proposed_by: match proposer {
            None => None,
            Some(it) => Some(PersonId::parse(&it).map_err(|_| unreadable(&it))?),
        },
        proposed_at: Timestamp::from_millis(row.get(3)?),
        ends_at: Timestamp::from_millis(row.get(4)?),
        is_provisional: row.get::<i64>(5)? != 0,
        outcome: ActOutcome::parse(&outcome).ok_or_else(|| unreadable(&outcome))?,
        ended_at: row.get::<Option<i64>>(7)?.map(Timestamp::from_millis),
    })
}

/// The number of the next one.
pub(crate) fn next(tx: &mut Tx<'_>) -> Result<u64, RowError> {
    numbered::next(tx, "office_act", "id")
}

/// How many wait.
pub(crate) fn waiting_count(tx: &mut Tx<'_>) -> Result<u64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM office_act WHERE outcome = $1",
        &[ActOutcome::Waiting.as_str().into()],
    )?;
    let count: i64 = row.map_or(Ok(0), |it| it.get(0))?;
    u64::try_from(count).map_err(|_| unreadable("count"))
}

pub(crate) fn put(tx: &mut Tx<'_>, proposed: &ProposedAct) -> Result<(), RowError> {
    let deployment = proposed.act.deployment();
    let proposer = proposed.proposed_by.as_ref();
    tx.execute(
        "INSERT INTO office_act (id, act, deployment, proposed_by, proposed_at, ends_at, is_provisional, outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            number(proposed.id).into(),
            proposed.act.to_json().as_str().into(),
            deployment.map_or(Value::Null, Into::into),
            proposer.map_or(Value::Null, |it| it.as_str().into()),
            proposed.proposed_at.as_millis().into(),
            proposed.ends_at.as_millis().into(),
            i64::from(proposed.is_provisional).into(),
            proposed.outcome.as_str().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn one(tx: &mut Tx<'_>, id: u64) -> Result<Option<ProposedAct>, RowError> {
    let row = tx.query_one(
        &format!("SELECT {COLUMNS} FROM office_act WHERE id = $1"),
        &[number(id).into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// Those that wait, oldest first.
pub(crate) fn waiting(tx: &mut Tx<'_>) -> Result<Vec<ProposedAct>, RowError> {
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM office_act WHERE outcome = $1 ORDER BY id"),
        &[ActOutcome::Waiting.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

/// What became of the newest others, newest first.
pub(crate) fn ended(tx: &mut Tx<'_>, most: u16) -> Result<Vec<ProposedAct>, RowError> {
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM office_act WHERE outcome <> $1 ORDER BY id DESC LIMIT $2"),
        &[ActOutcome::Waiting.as_str().into(), i64::from(most).into()],
    )?;
    rows.iter().map(read).collect()
}

/// Ends one that waits; `false` when it does not.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    id: u64,
    outcome: ActOutcome,
    by: Option<&PersonId>,
    now: Timestamp,
) -> Result<bool, RowError> {
    let changed = tx.execute(
        "UPDATE office_act SET outcome = $2, ended_at = $3, ended_by = $4
         WHERE id = $1 AND outcome = $5",
        &[
            number(id).into(),
            outcome.as_str().into(),
            now.as_millis().into(),
            by.map_or(Value::Null, |it| it.as_str().into()),
            ActOutcome::Waiting.as_str().into(),
        ],
    )?;
    Ok(changed == 1)
}

/// Ends what one officer did for a while at a deployment: somebody decided since.
pub(crate) fn overtake(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE office_act SET outcome = $2, ended_at = $3
         WHERE deployment = $1 AND is_provisional = 1 AND outcome = $4",
        &[
            deployment.as_str().into(),
            ActOutcome::Overtaken.as_str().into(),
            now.as_millis().into(),
            ActOutcome::Waiting.as_str().into(),
        ],
    )?;
    Ok(())
}

/// How many officers there are whose word counts: with a way in of their own since then, or made up for a demo.
pub(crate) fn officers(tx: &mut Tx<'_>, since: Timestamp) -> Result<u64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM account WHERE office = 'licensing' AND (made_up = 1 OR id IN (
             SELECT account FROM account_password WHERE set_at <= $1
             UNION SELECT account FROM passkey WHERE added_at <= $1))",
        &[since.as_millis().into()],
    )?;
    let count: i64 = row.map_or(Ok(0), |it| it.get(0))?;
    u64::try_from(count).map_err(|_| unreadable("count"))
}

/// Whether a demo made an account up.
pub(crate) fn is_made_up(tx: &mut Tx<'_>, id: &PersonId) -> Result<bool, RowError> {
    let row = tx.query_one(
        "SELECT 1 FROM account WHERE id = $1 AND made_up = 1",
        &[id.as_str().into()],
    )?;
    Ok(row.is_some())
}
