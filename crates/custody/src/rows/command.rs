//! The log of commands to things.

use model::{CommandName, DeploymentId, PurposeId, RecipientId, Subject, ThingId, Timestamp};
use store::{Row, Tx, Value};

use super::{RowError, parsed};
use crate::command::{CommandId, CommandOutcome, CommandsWanted, OrderRow, Progress};

const LOG: &str = "command_log";
const COLUMNS: &str = "command_log.id, deployment, thing, command, recipient, purpose, arguments, asked_at, expires_at, outcome,
    outcome_at, interlock, is_hidden, sent_at, acknowledged_at, confirmed_at";

/// Keeps a command, and whom it is about.
pub(crate) fn add(tx: &mut Tx<'_>, row: &OrderRow) -> Result<(), RowError> {
    let id = row.id.to_string();
    let millis = |it: Option<Timestamp>| it.map(Timestamp::as_millis);
    let progress = &row.progress;
    tx.execute(
        "INSERT INTO command_log (id, deployment, thing, command, recipient, purpose, arguments, asked_at, expires_at,
             outcome, outcome_at, interlock, is_hidden, sent_at, acknowledged_at, confirmed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        &[
            id.as_str().into(),
            row.deployment.as_str().into(),
            row.thing.as_str().into(),
            row.command.as_str().into(),
            row.recipient.as_str().into(),
            row.purpose.as_str().into(),
            row.arguments.as_str().into(),
            row.asked_at.as_millis().into(),
            row.expires_at.as_millis().into(),
            progress.outcome.as_str().into(),
            progress.at.as_millis().into(),
            progress.outcome.interlock().map(i64::from).into(),
            i64::from(progress.is_hidden).into(),
            millis(progress.sent_at).into(),
            millis(progress.acknowledged_at).into(),
            millis(progress.confirmed_at).into(),
        ],
    )?;
    for subject in &row.about {
        tx.execute(
            "INSERT INTO command_about (subject, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[subject.key().as_str().into(), id.as_str().into()],
        )?;
    }
    Ok(())
}

/// Keeps what became of a command.
pub(crate) fn put_progress(
    tx: &mut Tx<'_>,
    id: CommandId,
    progress: &Progress,
) -> Result<(), RowError> {
    let millis = |it: Option<Timestamp>| it.map(Timestamp::as_millis);
    tx.execute(
        "UPDATE command_log SET outcome = $2, outcome_at = $3, interlock = $4, is_hidden = $5, sent_at = $6,
             acknowledged_at = $7, confirmed_at = $8 WHERE id = $1",
        &[
            id.to_string().as_str().into(),
            progress.outcome.as_str().into(),
            progress.at.as_millis().into(),
            progress.outcome.interlock().map(i64::from).into(),
            i64::from(progress.is_hidden).into(),
            millis(progress.sent_at).into(),
            millis(progress.acknowledged_at).into(),
            millis(progress.confirmed_at).into(),
        ],
    )?;
    Ok(())
}

/// What was under way when the server stopped without being closed.
pub(crate) fn forget_queued(tx: &mut Tx<'_>) -> Result<(), RowError> {
    tx.execute(
        "UPDATE command_log SET outcome = $1 WHERE outcome = $2",
        &[
            CommandOutcome::Unknown.as_str().into(),
            CommandOutcome::Queued.as_str().into(),
        ],
    )?;
    Ok(())
}

/// A command of a thing, and when it was last taken.
pub(crate) type Taken = ((ThingId, CommandName), Timestamp);

/// When each command was last taken for each thing.
pub(crate) fn taken(tx: &mut Tx<'_>) -> Result<Vec<Taken>, RowError> {
    let rows = tx.query(
        "SELECT thing, command, MAX(asked_at) FROM command_log WHERE outcome NOT LIKE 'refused-%' OR sent_at IS NOT NULL
         GROUP BY thing, command",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            let thing = parsed(LOG, &row.get::<String>(0)?, |it| ThingId::parse(it).ok())?;
            let command = parsed(LOG, &row.get::<String>(1)?, |it| {
                CommandName::parse(it).ok()
            })?;
            Ok(((thing, command), Timestamp::from_millis(row.get(2)?)))
        })
        .collect()
}

/// Drops what was asked for before `until`.
pub(crate) fn prune(tx: &mut Tx<'_>, until: Timestamp) -> Result<(), RowError> {
    let until = until.as_millis();
    tx.execute(
        "DELETE FROM command_about WHERE id IN (SELECT id FROM command_log WHERE asked_at < $1)",
        &[until.into()],
    )?;
    tx.execute(
        "DELETE FROM command_log WHERE asked_at < $1",
        &[until.into()],
    )?;
    Ok(())
}

/// One command.
pub(crate) fn get(tx: &mut Tx<'_>, id: CommandId) -> Result<Option<OrderRow>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM command_log WHERE id = $1");
    let row = tx.query_one(&sql, &[id.to_string().as_str().into()])?;
    row.as_ref().map(read).transpose()
}

/// What a recipient asked for, the newest first.
pub(crate) fn of(
    tx: &mut Tx<'_>,
    recipient: &RecipientId,
    limit: u16,
) -> Result<Vec<OrderRow>, RowError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM command_log WHERE recipient = $1 ORDER BY asked_at DESC, command_log.id LIMIT $2"
    );
    let rows = tx.query(&sql, &[recipient.as_str().into(), i64::from(limit).into()])?;
    rows.iter().map(read).collect()
}

/// What was asked for at a deployment, of a thing, or at all, the newest first; and how much that is in all.
pub(crate) fn logged(
    tx: &mut Tx<'_>,
    wanted: &CommandsWanted<'_>,
) -> Result<(Vec<OrderRow>, u64), RowError> {
    let after = wanted.after.map(|it| it.to_string());
    let mut values: Vec<Value<'_>> = Vec::new();
    let mut conditions = vec!["1 = 1".to_owned()];
    for (column, id) in [
        ("deployment", wanted.deployment.map(DeploymentId::as_str)),
        ("thing", wanted.thing.map(ThingId::as_str)),
    ] {
        if let Some(id) = id {
            values.push(id.into());
            conditions.push(format!("{column} = ${}", values.len()));
        }
    }
    let sql = format!(
        "SELECT COUNT(*) FROM command_log WHERE {}",
        conditions.join(" AND ")
    );
    let all: Option<i64> = tx
        .query_one(&sql, &values)?
        .map(|it| it.get(0))
        .transpose()?;
    if let Some(after) = &after {
        values.push(after.as_str().into());
        let place = values.len();
        let at = format!("(SELECT it.asked_at FROM command_log AS it WHERE it.id = ${place})");
        conditions.push(format!(
            "(asked_at < {at} OR (asked_at = {at} AND command_log.id > ${place}))"
        ));
    }
    values.push(i64::from(wanted.limit).into());
    let sql = format!(
        "SELECT {COLUMNS} FROM command_log WHERE {} ORDER BY asked_at DESC, command_log.id LIMIT ${}",
        conditions.join(" AND "),
        values.len()
    );
    let rows = tx.query(&sql, &values)?;
    let rows = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok((rows, all.and_then(|it| u64::try_from(it).ok()).unwrap_or(0)))
}

/// What was asked for of things that sensed a subject, the newest first.
pub(crate) fn about(
    tx: &mut Tx<'_>,
    subject: &Subject,
    deployment: &DeploymentId,
    limit: u16,
) -> Result<Vec<OrderRow>, RowError> {
    let key = subject.key();
    let sql = format!(
        "SELECT {COLUMNS} FROM command_log JOIN command_about ON command_about.id = command_log.id
         WHERE subject = $1 AND deployment = $2 ORDER BY asked_at DESC, command_log.id LIMIT $3"
    );
    let rows = tx.query(
        &sql,
        &[
            key.as_str().into(),
            deployment.as_str().into(),
            i64::from(limit).into(),
        ],
    )?;
    rows.iter().map(read).collect()
}

/// How many commands of a deployment were handed over, and how many refused.
pub(crate) fn counts(tx: &mut Tx<'_>, deployment: &DeploymentId) -> Result<(u32, u32), RowError> {
    let mut count = |condition: &str| {
        let sql = format!("SELECT COUNT(*) FROM command_log WHERE deployment = $1 AND {condition}");
        let row = tx.query_one(&sql, &[deployment.as_str().into()])?;
        let count: Option<i64> = row.map(|it| it.get(0)).transpose()?;
        Ok::<_, RowError>(u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX))
    };
    Ok((
        count("sent_at IS NOT NULL")?,
        count("outcome LIKE 'refused-%'")?,
    ))
}

fn read(row: &Row) -> Result<OrderRow, RowError> {
    let text = |column| row.get::<String>(column);
    let at = |column| {
        let millis: Option<i64> = row.get(column)?;
        Ok::<_, RowError>(millis.map(Timestamp::from_millis))
    };
    let interlock: Option<i64> = row.get(11)?;
    let interlock = interlock.and_then(|it| u32::try_from(it).ok());
    let is_hidden: i64 = row.get(12)?;
    Ok(OrderRow {
        id: parsed(LOG, &text(0)?, CommandId::parse)?,
        deployment: parsed(LOG, &text(1)?, |it| DeploymentId::parse(it).ok())?,
        thing: parsed(LOG, &text(2)?, |it| ThingId::parse(it).ok())?,
        command: parsed(LOG, &text(3)?, |it| CommandName::parse(it).ok())?,
        recipient: parsed(LOG, &text(4)?, |it| RecipientId::parse(it).ok())?,
        purpose: parsed(LOG, &text(5)?, |it| PurposeId::parse(it).ok())?,
        arguments: text(6)?,
        asked_at: Timestamp::from_millis(row.get(7)?),
        expires_at: Timestamp::from_millis(row.get(8)?),
        progress: Progress {
            outcome: parsed(LOG, &text(9)?, |it| CommandOutcome::parse(it, interlock))?,
            at: Timestamp::from_millis(row.get(10)?),
            is_hidden: is_hidden != 0,
            sent_at: at(13)?,
            acknowledged_at: at(14)?,
            confirmed_at: at(15)?,
            is_dirty: false,
        },
        about: Vec::new(),
    })
}
