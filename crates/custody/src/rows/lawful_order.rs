//! Orders of authorities, as they are carried out.

use std::collections::BTreeSet;

use model::{DeploymentId, PersonId, Pointer, PurposeId, RecipientId, Subject, ThingId, Timestamp};
use store::{Tx, Value};

use super::{RowError, parsed};
use crate::lawful::{LawfulOrder, OrderData, TrafficFact};

const TABLE: &str = "lawful_order";
const COLUMNS: &str = "number, recipient, deployment, data, fields, range_from, began_at, until, embargo_until, ended_at, traffic_reads";

fn unreadable(value: &str) -> RowError {
    RowError::Unreadable {
        table: TABLE,
        value: value.to_owned(),
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read(tx: &mut Tx<'_>, row: &store::Row) -> Result<LawfulOrder, RowError> {
    let id: i64 = row.get(0)?;
    let fields: Vec<String> =
        serde_json::from_str(&row.get::<String>(4)?).map_err(|_| unreadable("fields"))?;
    let people = tx.query(
        "SELECT person FROM lawful_order_person WHERE number = $1 ORDER BY person",
        &[id.into()],
    )?;
    let people = people
        .iter()
        .map(|it| parsed(TABLE, &it.get::<String>(0)?, |it| PersonId::parse(it).ok()));
    let moment = |it: Option<i64>| it.map(Timestamp::from_millis);
    Ok(LawfulOrder {
        number: u64::try_from(id).map_err(|_| unreadable("number"))?,
        recipient: parsed(TABLE, &row.get::<String>(1)?, |it| {
            RecipientId::parse(it).ok()
        })?,
        deployment: parsed(TABLE, &row.get::<String>(2)?, |it| {
            DeploymentId::parse(it).ok()
        })?,
        data: parsed(TABLE, &row.get::<String>(3)?, OrderData::parse)?,
        fields: fields
            .iter()
            .map(|it| parsed(TABLE, it, |it| Pointer::parse(it).ok()))
            .collect::<Result<_, _>>()?,
        people: people.collect::<Result<_, RowError>>()?,
        from: Timestamp::from_millis(row.get(5)?),
        began_at: Timestamp::from_millis(row.get(6)?),
        until: Timestamp::from_millis(row.get(7)?),
        embargo_until: moment(row.get(8)?),
        ended_at: moment(row.get(9)?),
        traffic_reads: u64::try_from(row.get::<i64>(10)?).unwrap_or(0),
    })
}

pub(crate) fn put(tx: &mut Tx<'_>, order: &LawfulOrder) -> Result<(), RowError> {
    let fields: Vec<_> = order.fields.iter().map(Pointer::as_str).collect();
    let fields = serde_json::to_string(&fields).map_err(|_| unreadable("fields"))?;
    tx.execute(
        "INSERT INTO lawful_order (number, recipient, purpose, deployment, data, fields, range_from, began_at, until, embargo_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            number(order.number).into(),
            order.recipient.as_str().into(),
            order.purpose()?.as_str().into(),
            order.deployment.as_str().into(),
            order.data.as_str().into(),
            fields.as_str().into(),
            order.from.as_millis().into(),
            order.began_at.as_millis().into(),
            order.until.as_millis().into(),
            order.embargo_until.map_or(Value::Null, |it| it.as_millis().into()),
        ],
    )?;
    for person in &order.people {
        tx.execute(
            "INSERT INTO lawful_order_person (number, person) VALUES ($1, $2)",
            &[number(order.number).into(), person.as_str().into()],
        )?;
    }
    Ok(())
}

/// Ends an order; `false` when there is none in force.
pub(crate) fn end(tx: &mut Tx<'_>, order: u64, now: Timestamp) -> Result<bool, RowError> {
    let changed = tx.execute(
        "UPDATE lawful_order SET ended_at = $2 WHERE number = $1 AND ended_at IS NULL",
        &[number(order).into(), now.as_millis().into()],
    )?;
    Ok(changed == 1)
}

pub(crate) fn one(tx: &mut Tx<'_>, order: u64) -> Result<Option<LawfulOrder>, RowError> {
    let row = tx.query_one(
        &format!("SELECT {COLUMNS} FROM lawful_order WHERE number = $1"),
        &[number(order).into()],
    )?;
    row.map(|it| read(tx, &it)).transpose()
}

/// Those that nobody ended at a deployment.
pub(crate) fn standing_at(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
) -> Result<Vec<LawfulOrder>, RowError> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM lawful_order WHERE deployment = $1 AND ended_at IS NULL ORDER BY number"
        ),
        &[deployment.as_str().into()],
    )?;
    rows.iter().map(|it| read(tx, it)).collect()
}

/// Those about a person that are no secret any more, newest first.
pub(crate) fn told_to(
    tx: &mut Tx<'_>,
    person: &PersonId,
    now: Timestamp,
) -> Result<Vec<LawfulOrder>, RowError> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM lawful_order
             WHERE (embargo_until IS NULL OR embargo_until <= $2)
             AND number IN (SELECT number FROM lawful_order_person WHERE person = $1)
             ORDER BY number DESC"
        ),
        &[person.as_str().into(), now.as_millis().into()],
    )?;
    rows.iter().map(|it| read(tx, it)).collect()
}

/// How many messages were handed over under an order, and about how many people.
pub(crate) fn handed_over(tx: &mut Tx<'_>, order: &LawfulOrder) -> Result<(u64, u64), RowError> {
    let row = tx.query_one(
        "SELECT CAST(COALESCE(SUM(deliveries), 0) AS BIGINT), COUNT(DISTINCT subject) FROM receipt WHERE purpose = $1",
        &[order.purpose()?.as_str().into()],
    )?;
    let Some(row) = row else { return Ok((0, 0)) };
    let count = |it: i64| u64::try_from(it).unwrap_or(0);
    Ok((count(row.get(0)?), count(row.get(1)?)))
}

/// How many messages about one person.
pub(crate) fn handed_over_about(
    tx: &mut Tx<'_>,
    order: &LawfulOrder,
    person: &PersonId,
) -> Result<u64, RowError> {
    let key = Subject::Person(person.clone()).key();
    let row = tx.query_one(
        "SELECT CAST(COALESCE(SUM(deliveries), 0) AS BIGINT) FROM receipt WHERE purpose = $1 AND subject = $2",
        &[order.purpose()?.as_str().into(), key.as_str().into()],
    )?;
    let sum: i64 = row.map_or(Ok(0), |it| it.get(0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// Who received messages about the people of an order, by the hour, from an hour on: at most `most` rows. What other orders got is
/// nobody's traffic.
pub(crate) fn traffic(
    tx: &mut Tx<'_>,
    order: &LawfulOrder,
    hours: (i64, i64),
    most: usize,
    name: impl Fn(&PersonId) -> String,
) -> Result<Vec<TrafficFact>, RowError> {
    let mut facts = Vec::new();
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let people: BTreeSet<_> = order.people.iter().collect();
    for person in people {
        let key = Subject::Person(person.clone()).key();
        let rows = tx.query(
            "SELECT hour, thing, recipient, purpose, deliveries FROM receipt
             WHERE subject = $1 AND hour >= $2 AND hour < $3 AND deployment = $4
             AND purpose NOT IN (SELECT purpose FROM lawful_order)
             ORDER BY hour, thing, recipient, purpose LIMIT $5",
            &[
                key.as_str().into(),
                hours.0.into(),
                hours.1.into(),
                order.deployment.as_str().into(),
                limit.into(),
            ],
        )?;
        for row in rows {
            facts.push(TrafficFact {
                person: name(person),
                hour: row.get(0)?,
                thing: parsed(TABLE, &row.get::<String>(1)?, |it| ThingId::parse(it).ok())?,
                recipient: parsed(TABLE, &row.get::<String>(2)?, |it| {
                    RecipientId::parse(it).ok()
                })?,
                purpose: parsed(TABLE, &row.get::<String>(3)?, |it| {
                    PurposeId::parse(it).ok()
                })?,
                deliveries: row.get(4)?,
            });
        }
    }
    facts.sort_by(|a, b| (a.hour, &a.person, &a.thing).cmp(&(b.hour, &b.person, &b.thing)));
    Ok(facts)
}

/// Notes that the traffic facts of an order were asked for.
pub(crate) fn note_read(tx: &mut Tx<'_>, order: u64, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE lawful_order SET traffic_reads = traffic_reads + 1, traffic_read_at = $2 WHERE number = $1",
        &[number(order).into(), now.as_millis().into()],
    )?;
    Ok(())
}
