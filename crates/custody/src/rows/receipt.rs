//! Receipts: what was delivered to whom, for what, counted by the hour.

use model::{DeploymentId, PersonId, PurposeId, RecipientId, Subject, ThingId, Timestamp};
use store::Tx;

use super::{RowError, parsed};
use crate::receipts::{CommittedAs, ReceiptRow};

const TABLE: &str = "receipt";
const COLUMNS: &str = "recipient, purpose, deployment, thing, hour, part, fields, exact, deliveries, last_at, batch, place";

/// Adds deliveries to the receipt of an hour; the fields become the union. A receipt that was committed to stays as it is: what comes
/// after it is another part of the hour.
pub(crate) fn add(tx: &mut Tx<'_>, row: &ReceiptRow) -> Result<(), RowError> {
    let key = row.subject.key();
    let found = tx.query_one(
        "SELECT part, fields, exact, batch FROM receipt WHERE subject = $1 AND hour = $2 AND recipient = $3
         AND purpose = $4 AND deployment = $5 AND thing = $6 ORDER BY part DESC LIMIT 1",
        &[
            key.as_str().into(),
            row.hour.into(),
            row.recipient.as_str().into(),
            row.purpose.as_str().into(),
            row.deployment.as_str().into(),
            row.thing.as_str().into(),
        ],
    )?;
    let (mut part, mut fields, mut exact) = (0, row.fields.clone(), row.exact.clone());
    if let Some(found) = found {
        let last: i64 = found.get(0)?;
        if found.get::<Option<i64>>(3)?.is_some() {
            part = last.saturating_add(1);
        } else {
            part = last;
            fields.extend(read_fields(&found.get::<String>(1)?)?);
            exact.extend(read_fields(&found.get::<String>(2)?)?);
        }
    }
    let (fields, exact) = (written(fields)?, written(exact)?);
    tx.execute(
        "INSERT INTO receipt (subject, recipient, purpose, deployment, thing, hour, part, fields, exact, deliveries, last_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (subject, hour, recipient, purpose, deployment, thing, part)
         DO UPDATE SET fields = $8, exact = $9, deliveries = receipt.deliveries + $10, last_at = $11",
        &[
            key.as_str().into(),
            row.recipient.as_str().into(),
            row.purpose.as_str().into(),
            row.deployment.as_str().into(),
            row.thing.as_str().into(),
            row.hour.into(),
            part.into(),
            fields.as_str().into(),
            exact.as_str().into(),
            row.deliveries.into(),
            row.last_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Receipts of hours before this one that were not committed to yet, oldest first.
pub(crate) fn open_before(
    tx: &mut Tx<'_>,
    hour: i64,
    limit: i64,
) -> Result<Vec<ReceiptRow>, RowError> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS}, subject FROM receipt WHERE batch IS NULL AND hour < $1 ORDER BY hour LIMIT $2"
        ),
        &[hour.into(), limit.into()],
    )?;
    let one = |it: &store::Row| {
        let subject = parsed(TABLE, &it.get::<String>(12)?, Subject::from_key)?;
        read(it, &subject)
    };
    rows.iter().map(one).collect()
}

/// Notes where a receipt was committed to; nothing is added to it any more.
pub(crate) fn committed(
    tx: &mut Tx<'_>,
    row: &ReceiptRow,
    (batch, place): (u64, u64),
) -> Result<(), RowError> {
    let key = row.subject.key();
    let number = |it: u64| i64::try_from(it).map_err(|_| unreadable());
    tx.execute(
        "UPDATE receipt SET batch = $1, place = $2 WHERE subject = $3 AND hour = $4 AND recipient = $5
         AND purpose = $6 AND deployment = $7 AND thing = $8 AND part = $9",
        &[
            number(batch)?.into(),
            number(place)?.into(),
            key.as_str().into(),
            row.hour.into(),
            row.recipient.as_str().into(),
            row.purpose.as_str().into(),
            row.deployment.as_str().into(),
            row.thing.as_str().into(),
            row.part.into(),
        ],
    )?;
    Ok(())
}

/// The receipt of a subject that stands at this place of a batch, if it may be shown.
pub(crate) fn at_place(
    tx: &mut Tx<'_>,
    subject: &Subject,
    (batch, place): (u64, u64),
    now: Timestamp,
) -> Result<Option<ReceiptRow>, RowError> {
    let (Ok(batch), Ok(place)) = (i64::try_from(batch), i64::try_from(place)) else {
        return Ok(None);
    };
    let key = subject.key();
    let row = tx.query_one(
        &format!(
            "SELECT {COLUMNS} FROM receipt WHERE subject = $1 AND batch = $2 AND {SHOWN} AND place = $4"
        ),
        &[
            key.as_str().into(),
            batch.into(),
            now.as_millis().into(),
            place.into(),
        ],
    )?;
    row.map(|it| read(&it, subject)).transpose()
}

/// The receipts of a subject up to an hour, newest first, after so many of them.
pub(crate) fn until(
    tx: &mut Tx<'_>,
    subject: &Subject,
    (hour, skip): (i64, i64),
    limit: i64,
    now: Timestamp,
) -> Result<Vec<ReceiptRow>, RowError> {
    let key = subject.key();
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM receipt WHERE subject = $1 AND hour <= $2 AND {SHOWN}
             ORDER BY hour DESC, recipient, purpose, deployment, thing, part LIMIT $4 OFFSET $5"
        ),
        &[
            key.as_str().into(),
            hour.into(),
            now.as_millis().into(),
            limit.into(),
            skip.into(),
        ],
    )?;
    rows.iter().map(|it| read(it, subject)).collect()
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
            "SELECT {COLUMNS} FROM receipt
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
            "SELECT {COLUMNS} FROM receipt
             WHERE subject = $1 AND hour = $2 AND {SHOWN} ORDER BY recipient, purpose, deployment, thing, part"
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
        part: row.get(5)?,
        fields: read_fields(&row.get::<String>(6)?)?,
        exact: read_fields(&row.get::<String>(7)?)?,
        deliveries: row.get(8)?,
        last_at: Timestamp::from_millis(row.get(9)?),
        committed: committed_as(row)?,
    })
}

fn committed_as(row: &store::Row) -> Result<CommittedAs, RowError> {
    let number = |it: i64| u64::try_from(it).map_err(|_| unreadable());
    let batch: Option<i64> = row.get(10)?;
    let place: Option<i64> = row.get(11)?;
    Ok(match (batch, place) {
        (None, _) => CommittedAs::Open,
        (Some(_), None) => CommittedAs::Forgotten,
        (Some(batch), Some(place)) => CommittedAs::Proven {
            batch: number(batch)?,
            place: number(place)?,
        },
    })
}

fn written(mut fields: Vec<String>) -> Result<String, RowError> {
    fields.sort();
    fields.dedup();
    serde_json::to_string(&fields).map_err(|_| unreadable())
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
