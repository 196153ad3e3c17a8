//! How the sources stand: what each thing was told, and what came of it.

use model::{DeploymentId, Subject, ThingId, Timestamp};
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::source::{Happening, Outcome, SavedState, Setting, SourceEventRow, State, Step};

const STATE: &str = "source_state";
const EVENT: &str = "source_event";

/// Every state. A command that was on its way is due again: whatever carried it is gone.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<SavedState>, RowError> {
    let rows = tx.query(
        "SELECT thing, switch, wanted, wanted_at, told, told_at, received_at, attempts, step, due_at, outcome, outcome_at
         FROM source_state",
        &[],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<SavedState, RowError> {
    let setting = |text: &str| parsed(STATE, text, Setting::parse);
    let at = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    let told: Option<String> = row.get(4)?;
    let told = told.as_deref().map(setting).transpose()?;
    let (due_at, outcome_at) = (at(row.get(9)?), at(row.get(11)?));
    let attempts: i64 = row.get(7)?;
    Ok(SavedState {
        thing: parsed(STATE, &row.get::<String>(0)?, |it| ThingId::parse(it).ok())?,
        switch: row.get(1)?,
        state: State {
            wanted: setting(&row.get::<String>(2)?)?,
            wanted_at: Timestamp::from_millis(row.get(3)?),
            told: told.zip(at(row.get(5)?)),
            received_at: at(row.get(6)?),
            last_command: None,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            step: parsed(STATE, &row.get::<String>(8)?, |it| match it {
                "rest" => Some(Step::Rest),
                "due" => due_at.map(|at| Step::Due { at }),
                "watching" => Some(Step::Watching),
                _ => None,
            })?,
            outcome: parsed(STATE, &row.get::<String>(10)?, |it| match it {
                "open" => Some(Outcome::Open),
                "obeyed" => outcome_at.map(|since| Outcome::Obeyed { since }),
                "disobeyed" => outcome_at.map(|since| Outcome::Disobeyed { since }),
                _ => None,
            })?,
        },
    })
}

/// Writes a state.
pub(crate) fn put(tx: &mut Tx<'_>, saved: &SavedState) -> Result<(), RowError> {
    let state = &saved.state;
    let (step, due_at) = match state.step {
        Step::Rest => ("rest", None),
        Step::Due { at } | Step::Offered { at, .. } => ("due", Some(at)),
        Step::Sent { until, .. } => ("due", Some(until)),
        Step::Watching => ("watching", None),
    };
    let (outcome, outcome_at) = match state.outcome {
        Outcome::Open => ("open", None),
        Outcome::Obeyed { since } => ("obeyed", Some(since)),
        Outcome::Disobeyed { since } => ("disobeyed", Some(since)),
    };
    let millis = |it: Option<Timestamp>| it.map(Timestamp::as_millis);
    tx.execute(
        "INSERT INTO source_state (thing, switch, wanted, wanted_at, told, told_at, received_at, attempts, step, due_at,
             outcome, outcome_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (thing, switch) DO UPDATE SET wanted = $3, wanted_at = $4, told = $5, told_at = $6,
             received_at = $7, attempts = $8, step = $9, due_at = $10, outcome = $11, outcome_at = $12",
        &[
            saved.thing.as_str().into(),
            saved.switch.as_str().into(),
            state.wanted.as_str().into(),
            state.wanted_at.as_millis().into(),
            state.told.map(|it| it.0.as_str()).into(),
            millis(state.told.map(|it| it.1)).into(),
            millis(state.received_at).into(),
            i64::from(state.attempts).into(),
            step.into(),
            millis(due_at).into(),
            outcome.into(),
            millis(outcome_at).into(),
        ],
    )?;
    Ok(())
}

/// The number of the newest event; 0 before the first.
pub(crate) fn last_event(tx: &mut Tx<'_>) -> Result<i64, RowError> {
    let row = tx.query_one("SELECT MAX(id) FROM source_event", &[])?;
    let last: Option<i64> = row.map(|it| it.get(0)).transpose()?.flatten();
    Ok(last.unwrap_or(0))
}

/// Keeps an event, for each person concerned.
pub(crate) fn add_event(tx: &mut Tx<'_>, event: &SourceEventRow) -> Result<(), RowError> {
    for subject in &event.subjects {
        tx.execute(
            "INSERT INTO source_event (subject, id, deployment, thing, switch, at, what, setting)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                subject.key().as_str().into(),
                event.id.into(),
                event.deployment.as_str().into(),
                event.thing.as_str().into(),
                (*event.switch).into(),
                event.at.as_millis().into(),
                event.what.as_str().into(),
                event.setting.as_str().into(),
            ],
        )?;
    }
    Ok(())
}

/// Drops events before `until`.
pub(crate) fn prune_events(tx: &mut Tx<'_>, until: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM source_event WHERE at < $1",
        &[until.as_millis().into()],
    )?;
    Ok(())
}

/// When things were told last while they sensed a subject: thing, switch and time.
pub(crate) fn told(
    tx: &mut Tx<'_>,
    subject: &Subject,
    deployment: &DeploymentId,
) -> Result<Vec<(ThingId, String, Timestamp)>, RowError> {
    let key = subject.key();
    let rows = tx.query(
        "SELECT thing, switch, MAX(at) FROM source_event
         WHERE subject = $1 AND deployment = $2 AND what = $3 GROUP BY thing, switch",
        &[
            key.as_str().into(),
            deployment.as_str().into(),
            Happening::Told.as_str().into(),
        ],
    )?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed(EVENT, &row.get::<String>(0)?, |it| ThingId::parse(it).ok())?,
                row.get(1)?,
                Timestamp::from_millis(row.get(2)?),
            ))
        })
        .collect()
}

/// One event as it is read back.
pub(crate) struct EventRow {
    pub(crate) thing: ThingId,
    pub(crate) switch: String,
    pub(crate) at: Timestamp,
    pub(crate) what: Happening,
    pub(crate) setting: Setting,
}

/// What happened to things while they sensed a subject, the newest first.
pub(crate) fn events(
    tx: &mut Tx<'_>,
    subject: &Subject,
    deployment: &DeploymentId,
    limit: u16,
) -> Result<Vec<EventRow>, RowError> {
    let key = subject.key();
    let rows = tx.query(
        "SELECT thing, switch, at, what, setting FROM source_event
         WHERE subject = $1 AND deployment = $2 ORDER BY id DESC LIMIT $3",
        &[
            key.as_str().into(),
            deployment.as_str().into(),
            i64::from(limit).into(),
        ],
    )?;
    rows.iter()
        .map(|row| {
            Ok(EventRow {
                thing: parsed(EVENT, &row.get::<String>(0)?, |it| ThingId::parse(it).ok())?,
                switch: row.get(1)?,
                at: Timestamp::from_millis(row.get(2)?),
                what: parsed(EVENT, &row.get::<String>(3)?, Happening::parse)?,
                setting: parsed(EVENT, &row.get::<String>(4)?, Setting::parse)?,
            })
        })
        .collect()
}
