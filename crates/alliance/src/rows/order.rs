//! Orders of authorities: what was asked for, who agreed, and what became of it.

use custody::{OrderData, RowError};
use model::{Chamber, DeploymentId, PersonId, Pointer, RecipientId, Timestamp};
use store::{Tx, Value};

use super::numbered::{self, number};
use crate::orders::{OrderFile, OrderState, OrderVote};

const TABLE: &str = "order_file";
const COLUMNS: &str = "number, authority, statute, section, deployment, recipient, data, fields, people, range_from, until, \
     embargo_until, document_sha256, filed_by, filed_at, state, decided_at, ended_at, end_reason, disclosed_at";

fn unreadable(value: &str) -> RowError {
    numbered::unreadable(TABLE, value)
}

fn list<T>(json: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, RowError> {
    let all: Vec<String> = serde_json::from_str(json).map_err(|_| unreadable("a list"))?;
    all.iter()
        .map(|it| parse(it).ok_or_else(|| unreadable(it)))
        .collect()
}

fn json<'a>(all: impl Iterator<Item = &'a str>) -> Result<String, RowError> {
    serde_json::to_string(&all.collect::<Vec<_>>()).map_err(|_| unreadable("a list"))
}

fn read(row: &store::Row) -> Result<OrderFile, RowError> {
    let text = |column| row.get::<String>(column);
    let moment = |column| {
        let millis = row.get::<Option<i64>>(column)?;
        Ok::<_, RowError>(millis.map(Timestamp::from_millis))
    };
    let (deployment, recipient) = (text(4)?, text(5)?);
    let (data, state, filed_by) = (text(6)?, text(15)?, text(13)?);
    Ok(OrderFile {
        number: u64::try_from(row.get::<i64>(0)?).map_err(|_| unreadable("number"))?,
        authority: text(1)?,
        statute: text(2)?,
        section: text(3)?,
        deployment: DeploymentId::parse(&deployment).map_err(|_| unreadable(&deployment))?,
        recipient: RecipientId::parse(&recipient).map_err(|_| unreadable(&recipient))?,
        data: OrderData::parse(&data).ok_or_else(|| unreadable(&data))?,
        fields: list(&text(7)?, |it| Pointer::parse(it).ok())?,
        people: list(&text(8)?, |it| PersonId::parse(it).ok())?,
        from: Timestamp::from_millis(row.get(9)?),
        until: Timestamp::from_millis(row.get(10)?),
        embargo_until: moment(11)?,
        document_sha256: text(12)?,
        filed_by: PersonId::parse(&filed_by).map_err(|_| unreadable(&filed_by))?,
        filed_at: Timestamp::from_millis(row.get(14)?),
        state: OrderState::parse(&state).ok_or_else(|| unreadable(&state))?,
        decided_at: moment(16)?,
        ended_at: moment(17)?,
        end_reason: row.get(18)?,
        disclosed_at: moment(19)?,
        votes: Vec::new(),
    })
}

fn optional(at: Option<Timestamp>) -> Value<'static> {
    at.map_or(Value::Null, |it| it.as_millis().into())
}

pub(crate) fn next(tx: &mut Tx<'_>) -> Result<u64, RowError> {
    numbered::next(tx, "order_file", "number")
}

pub(crate) fn waiting_count(tx: &mut Tx<'_>) -> Result<u64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM order_file WHERE state = $1",
        &[OrderState::Waiting.as_str().into()],
    )?;
    let count: i64 = row.map_or(Ok(0), |it| it.get(0))?;
    u64::try_from(count).map_err(|_| unreadable("count"))
}

pub(crate) fn put(tx: &mut Tx<'_>, order: &OrderFile) -> Result<(), RowError> {
    let fields = json(order.fields.iter().map(Pointer::as_str))?;
    let people = json(order.people.iter().map(PersonId::as_str))?;
    tx.execute(
        "INSERT INTO order_file (number, authority, statute, section, deployment, recipient, data, fields, people,
             range_from, until, embargo_until, document_sha256, filed_by, filed_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        &[
            number(order.number).into(),
            order.authority.as_str().into(),
            order.statute.as_str().into(),
            order.section.as_str().into(),
            order.deployment.as_str().into(),
            order.recipient.as_str().into(),
            order.data.as_str().into(),
            fields.as_str().into(),
            people.as_str().into(),
            order.from.as_millis().into(),
            order.until.as_millis().into(),
            optional(order.embargo_until),
            order.document_sha256.as_str().into(),
            order.filed_by.as_str().into(),
            order.filed_at.as_millis().into(),
            order.state.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Writes what became of an order.
pub(crate) fn update(tx: &mut Tx<'_>, order: &OrderFile) -> Result<(), RowError> {
    tx.execute(
        "UPDATE order_file SET state = $2, decided_at = $3, ended_at = $4, end_reason = $5, disclosed_at = $6
         WHERE number = $1",
        &[
            number(order.number).into(),
            order.state.as_str().into(),
            optional(order.decided_at),
            optional(order.ended_at),
            (order.end_reason.as_deref()).map_or(Value::Null, Into::into),
            optional(order.disclosed_at),
        ],
    )?;
    Ok(())
}

pub(crate) fn put_vote(tx: &mut Tx<'_>, order: u64, vote: &OrderVote) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO order_vote (number, account, chamber, agrees, reason, at) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            number(order).into(),
            vote.account.as_str().into(),
            vote.chamber.as_str().into(),
            i64::from(vote.agrees).into(),
            vote.reason.as_str().into(),
            vote.at.as_millis().into(),
        ],
    )?;
    Ok(())
}

fn with_votes(tx: &mut Tx<'_>, mut order: OrderFile) -> Result<OrderFile, RowError> {
    let rows = tx.query(
        "SELECT account, chamber, agrees, reason, at FROM order_vote WHERE number = $1 ORDER BY at, account",
        &[number(order.number).into()],
    )?;
    for row in rows {
        let (account, chamber): (String, String) = (row.get(0)?, row.get(1)?);
        order.votes.push(OrderVote {
            account: PersonId::parse(&account).map_err(|_| unreadable(&account))?,
            chamber: Chamber::parse(&chamber).ok_or_else(|| unreadable(&chamber))?,
            agrees: row.get::<i64>(2)? != 0,
            reason: row.get(3)?,
            at: Timestamp::from_millis(row.get(4)?),
        });
    }
    Ok(order)
}

pub(crate) fn one(tx: &mut Tx<'_>, order: u64) -> Result<Option<OrderFile>, RowError> {
    let row = tx.query_one(
        &format!("SELECT {COLUMNS} FROM order_file WHERE number = $1"),
        &[number(order).into()],
    )?;
    let order = row.as_ref().map(read).transpose()?;
    order.map(|it| with_votes(tx, it)).transpose()
}

/// Every order, newest first, with its votes.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<OrderFile>, RowError> {
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM order_file ORDER BY number DESC"),
        &[],
    )?;
    let orders: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
    orders.into_iter().map(|it| with_votes(tx, it)).collect()
}
