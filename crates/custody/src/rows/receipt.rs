//! Receipts: what was delivered to whom, for what, counted by the hour.

use model::{DeploymentId, PersonId, PurposeId, RecipientId, Subject, ThingId, Timestamp};
use store::Tx;

use super::{RowError, parsed};
use crate::receipts::ReceiptRow;

const TABLE: &str = "receipt";

/// Adds deliveries to the receipt of an hour; the fields become the union.
pub(crate) fn add(tx: &mut Tx<'_>, row: &ReceiptRow) -> Result<(), RowError> {
    let key = row.subject.key();
    let found = tx.query_one(
        "SELECT fields FROM receipt WHERE subject = $1 AND hour = $2 AND recipient = $3
         AND purpose = $4 AND deployment = $5 AND thing = $6",
        &[
            key.as_str().into(),
            row.hour.into(),
            row.recipient.as_str().into(),
            row.purpose.as_str().into(),
            row.deployment.as_str().into(),
            row.thing.as_str().into(),
        ],
    )?;
    let mut fields = row.fields.clone();
    if let Some(found) = found {
        fields.extend(read_fields(&found.get::<String>(0)?)?);
    }
    fields.sort();
    fields.dedup();
    let fields = serde_json::to_string(&fields).map_err(|_| unreadable())?;
    tx.execute(
        "INSERT INTO receipt (subject, recipient, purpose, deployment, thing, hour, fields, deliveries, last_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (subject, hour, recipient, purpose, deployment, thing)
         DO UPDATE SET fields = $7, deliveries = receipt.deliveries + $8, last_at = $9",
        &[
            key.as_str().into(),
            row.recipient.as_str().into(),
            row.purpose.as_str().into(),
            row.deployment.as_str().into(),
            row.thing.as_str().into(),
            row.hour.into(),
            fields.as_str().into(),
            row.deliveries.into(),
            row.last_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// What orders of authorities received is shown once it is no secret any more.
const SHOWN: &str = "purpose NOT IN (SELECT purpose FROM lawful_order WHERE embargo_until > $3)";

/// The receipts of a subject, newest hour first, as they may be shown at a moment.
pub(crate) fn of(
    tx: &mut Tx<'_>,
    subject: &Subject,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<ReceiptRow>, RowError> {
    let key = subject.key();
    let rows = tx.query(
        &format!(
            "SELECT recipient, purpose, deployment, thing, hour, fields, deliveries, last_at FROM receipt
             WHERE subject = $1 AND {SHOWN} ORDER BY hour DESC, last_at DESC LIMIT $2"
        ),
        &[key.as_str().into(), limit.into(), now.as_millis().into()],
    )?;
    rows.iter().map(|it| read(it, subject)).collect()
}

/// The first hour from `hour` on with a receipt of a subject.
pub(crate) fn hour_from(
    tx: &mut Tx<'_>,
    subject: &Subject,
    hour: i64,
) -> Result<Option<i64>, RowError> {
    let key = subject.key();
    let row = tx.query_one(
        "SELECT hour FROM receipt WHERE subject = $1 AND hour >= $2 ORDER BY hour LIMIT 1",
        &[key.as_str().into(), hour.into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// The receipts of a subject of one hour, by recipient, purpose, deployment and thing.
pub(crate) fn of_hour(
    tx: &mut Tx<'_>,
    subject: &Subject,
    hour: i64,
    now: Timestamp,
) -> Result<Vec<ReceiptRow>, RowError> {
    let key = subject.key();
    let rows = tx.query(
        &format!(
            "SELECT recipient, purpose, deployment, thing, hour, fields, deliveries, last_at FROM receipt
             WHERE subject = $1 AND hour = $2 AND {SHOWN} ORDER BY recipient, purpose, deployment, thing"
        ),
        &[key.as_str().into(), hour.into(), now.as_millis().into()],
    )?;
    rows.iter().map(|it| read(it, subject)).collect()
}

/// About whom a recipient received something in these hours (the last one included): person, fields, messages.
pub(crate) fn had_by(
    tx: &mut Tx<'_>,
    recipient: &RecipientId,
    (first, last): (i64, i64),
) -> Result<Vec<(PersonId, Vec<String>, u64)>, RowError> {
    let rows = tx.query(
        "SELECT subject, fields, CAST(SUM(deliveries) AS BIGINT) FROM receipt
         WHERE recipient = $1 AND hour >= $2 AND hour <= $3 GROUP BY subject, fields ORDER BY subject",
        &[recipient.as_str().into(), first.into(), last.into()],
    )?;
    let mut had = Vec::new();
    for row in rows {
        if let Some(Subject::Person(person)) = Subject::from_key(&row.get::<String>(0)?) {
            let fields = read_fields(&row.get::<String>(1)?)?;
            let messages: i64 = row.get(2)?;
            had.push((person, fields, u64::try_from(messages).unwrap_or(0)));
        }
    }
    Ok(had)
}

fn read(row: &store::Row, subject: &Subject) -> Result<ReceiptRow, RowError> {
    Ok(ReceiptRow {
        subject: subject.clone(),
        recipient: parsed(TABLE, &row.get::<String>(0)?, |it| {
            RecipientId::parse(it).ok()
        })?,
        purpose: parsed(TABLE, &row.get::<String>(1)?, |it| {
            PurposeId::parse(it).ok()
        })?,
        deployment: parsed(TABLE, &row.get::<String>(2)?, |it| {
            DeploymentId::parse(it).ok()
        })?,
        thing: parsed(TABLE, &row.get::<String>(3)?, |it| ThingId::parse(it).ok())?,
        hour: row.get(4)?,
        fields: read_fields(&row.get::<String>(5)?)?,
        deliveries: row.get(6)?,
        last_at: Timestamp::from_millis(row.get(7)?),
    })
}

fn read_fields(text: &str) -> Result<Vec<String>, RowError> {
    serde_json::from_str(text).map_err(|_| unreadable())
}

fn unreadable() -> RowError {
    RowError::Unreadable {
        table: TABLE,
        value: "a list of fields".to_owned(),
    }
}
