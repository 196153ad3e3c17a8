//! Webhooks of recipients, and up to where each has got.

use std::collections::BTreeMap;

use model::{DeploymentId, PurposeId, RecipientId, ThingId, Timestamp};
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::destination::FailureClass;
use crate::erase::EraseId;
use crate::push::{HookState, LastFailure, Place, WebhookId, WebhookState};

const TABLE: &str = "webhook";
const COLUMNS: &str =
    "SELECT id, recipient, purpose, deployment, thing, asks_for, sealed, made_at, state, attempts,
     next_attempt_at, last_failure, last_status, last_failure_at, last_success_at FROM webhook";

/// A webhook.
pub(crate) struct WebhookRow {
    pub(crate) id: WebhookId,
    pub(crate) recipient: RecipientId,
    pub(crate) purpose: PurposeId,
    pub(crate) deployment: Option<DeploymentId>,
    pub(crate) thing: Option<ThingId>,
    /// The condition, as it was written.
    pub(crate) condition: Option<String>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) made_at: Timestamp,
    pub(crate) stands: HookState,
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

fn read(row: &Row) -> Result<WebhookRow, RowError> {
    let text = |column| row.get::<String>(column);
    let optional = |column| row.get::<Option<String>>(column);
    let class = optional(11)?
        .map(|it| parsed(TABLE, &it, FailureClass::parse))
        .transpose()?;
    let status: Option<i64> = row.get(12)?;
    let failed_at = time(row.get(13)?);
    let last_failure = class.zip(failed_at).map(|(class, at)| LastFailure {
        class,
        status: status.and_then(|it| u16::try_from(it).ok()),
        at,
    });
    Ok(WebhookRow {
        id: parsed(TABLE, &text(0)?, WebhookId::parse)?,
        recipient: parsed(TABLE, &text(1)?, |it| RecipientId::parse(it).ok())?,
        purpose: parsed(TABLE, &text(2)?, |it| PurposeId::parse(it).ok())?,
        deployment: optional(3)?
            .map(|it| parsed(TABLE, &it, |it| DeploymentId::parse(it).ok()))
            .transpose()?,
        thing: optional(4)?
            .map(|it| parsed(TABLE, &it, |it| ThingId::parse(it).ok()))
            .transpose()?,
        condition: optional(5)?,
        sealed: row.get(6)?,
        made_at: Timestamp::from_millis(row.get(7)?),
        stands: HookState {
            state: parsed(TABLE, &text(8)?, WebhookState::parse)?,
            attempts: u32::try_from(row.get::<i64>(9)?).unwrap_or(u32::MAX),
            next_attempt_at: Timestamp::from_millis(row.get(10)?),
            last_failure,
            last_success_at: time(row.get(14)?),
        },
    })
}

/// Every webhook, in the order in which they were made.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<WebhookRow>, RowError> {
    let rows = tx.query(&format!("{COLUMNS} ORDER BY made_at, id"), &[])?;
    rows.iter().map(read).collect()
}

/// One webhook.
pub(crate) fn one(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Option<WebhookRow>, RowError> {
    let row = tx.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.as_str().into()])?;
    row.as_ref().map(read).transpose()
}

/// How many there are: of everybody, and of one recipient.
pub(crate) fn counts(tx: &mut Tx<'_>, recipient: &RecipientId) -> Result<(i64, i64), RowError> {
    let sql = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN recipient = $1 THEN 1 ELSE 0 END), 0) FROM webhook";
    let row = tx.query_one(sql, &[recipient.as_str().into()])?;
    let Some(row) = row else { return Ok((0, 0)) };
    Ok((row.get(0)?, row.get(1)?))
}

pub(crate) fn insert(tx: &mut Tx<'_>, row: &WebhookRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO webhook (id, recipient, purpose, deployment, thing, asks_for, sealed, made_at, state, attempts,
         next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            row.id.as_str().into(),
            row.recipient.as_str().into(),
            row.purpose.as_str().into(),
            row.deployment.as_ref().map(DeploymentId::as_str).into(),
            row.thing.as_ref().map(ThingId::as_str).into(),
            row.condition.as_deref().into(),
            row.sealed.as_slice().into(),
            row.made_at.as_millis().into(),
            row.stands.state.as_str().into(),
            i64::from(row.stands.attempts).into(),
            row.stands.next_attempt_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Tells whether there was such a one.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &WebhookId) -> Result<bool, RowError> {
    let id = id.as_str();
    tx.execute("DELETE FROM webhook_place WHERE webhook = $1", &[id.into()])?;
    tx.execute("DELETE FROM webhook_told WHERE webhook = $1", &[id.into()])?;
    Ok(tx.execute("DELETE FROM webhook WHERE id = $1", &[id.into()])? > 0)
}

/// A webhook was told of an erasure; nothing where it was removed meanwhile.
pub(crate) fn told(tx: &mut Tx<'_>, id: &WebhookId, notice: &EraseId) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO webhook_told (webhook, notice) SELECT id, $2 FROM webhook WHERE id = $1
         ON CONFLICT (webhook, notice) DO NOTHING",
        &[id.as_str().into(), notice.as_str().into()],
    )?;
    Ok(())
}

pub(crate) fn put_sealed(tx: &mut Tx<'_>, id: &WebhookId, sealed: &[u8]) -> Result<(), RowError> {
    tx.execute(
        "UPDATE webhook SET sealed = $2 WHERE id = $1",
        &[id.as_str().into(), sealed.into()],
    )?;
    Ok(())
}

/// Writes how it stands.
pub(crate) fn put_state(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    stands: &HookState,
) -> Result<(), RowError> {
    let failure = stands.last_failure;
    tx.execute(
        "UPDATE webhook SET state = $2, attempts = $3, next_attempt_at = $4, last_failure = $5, last_status = $6,
         last_failure_at = $7, last_success_at = $8 WHERE id = $1",
        &[
            id.as_str().into(),
            stands.state.as_str().into(),
            i64::from(stands.attempts).into(),
            stands.next_attempt_at.as_millis().into(),
            failure.map(|it| it.class.as_str()).into(),
            failure.and_then(|it| it.status).map(i64::from).into(),
            failure.map(|it| it.at.as_millis()).into(),
            millis(stands.last_success_at).into(),
        ],
    )?;
    Ok(())
}

/// Up to where every webhook has got.
pub(crate) fn places(
    tx: &mut Tx<'_>,
) -> Result<BTreeMap<WebhookId, BTreeMap<DeploymentId, Place>>, RowError> {
    let rows = tx.query(
        "SELECT webhook, deployment, from_at, until_at, page, missed_from, missed_until FROM webhook_place",
        &[],
    )?;
    let mut places: BTreeMap<WebhookId, BTreeMap<DeploymentId, Place>> = BTreeMap::new();
    for row in &rows {
        let table = "webhook_place";
        let id = parsed(table, &row.get::<String>(0)?, WebhookId::parse)?;
        let deployment = parsed(table, &row.get::<String>(1)?, |it| {
            DeploymentId::parse(it).ok()
        })?;
        let place = Place {
            from: Timestamp::from_millis(row.get(2)?),
            until: time(row.get(3)?),
            after: row.get(4)?,
            missed: time(row.get(5)?).zip(time(row.get(6)?)),
        };
        places.entry(id).or_default().insert(deployment, place);
    }
    Ok(places)
}

/// Writes up to where it has got; nothing where it was removed meanwhile.
pub(crate) fn put_place(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    deployment: &DeploymentId,
    place: &Place,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO webhook_place (webhook, deployment, from_at, until_at, page, missed_from, missed_until)
         SELECT id, $2, $3, $4, $5, $6, $7 FROM webhook WHERE id = $1
         ON CONFLICT (webhook, deployment) DO UPDATE SET from_at = $3, until_at = $4, page = $5, missed_from = $6,
         missed_until = $7",
        &[
            id.as_str().into(),
            deployment.as_str().into(),
            place.from.as_millis().into(),
            millis(place.until).into(),
            place.after.as_deref().into(),
            place.missed.map(|it| it.0.as_millis()).into(),
            place.missed.map(|it| it.1.as_millis()).into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn delete_place(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    deployment: &DeploymentId,
) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM webhook_place WHERE webhook = $1 AND deployment = $2",
        &[id.as_str().into(), deployment.as_str().into()],
    )?;
    Ok(())
}
