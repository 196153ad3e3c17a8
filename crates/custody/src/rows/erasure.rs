//! What people had erased, and what recipients were told of it.

use model::{DeploymentId, PersonId, Pointer, PurposeId, RecipientId, Subject, ThingId, Timestamp};
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::erase::{EraseCause, EraseId, EraseScope, EraseState, ErasureNotice};
use crate::push::WebhookId;

const TABLE: &str = "erasure";
const NOTICE_TABLE: &str = "erasure_notice";
const COLUMNS: &str = "SELECT id, person, from_at, until_at, deployment, thing, field, asked_at, due_at, state, \
     strip, done_at, vault_id, proof, finished_at, cause FROM erasure";
const NOTICE_COLUMNS: &str = "SELECT id, recipient, deployment, thing, fields, purposes, from_at, until_at, \
     is_whole, told_at, due_at, fetched_at, acknowledged_at FROM erasure_notice";

/// One erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ErasureRow {
    pub(crate) id: EraseId,
    pub(crate) person: PersonId,
    pub(crate) scope: EraseScope,
    pub(crate) cause: EraseCause,
    pub(crate) asked_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) state: EraseState,
    /// What the vault was told of bodies.
    pub(crate) strip: Option<Vec<u8>>,
    pub(crate) done_at: Option<Timestamp>,
    /// The name of the erasure in the vault and in the record.
    pub(crate) vault_id: Option<String>,
    /// The document whose hash the record has.
    pub(crate) proof: Option<String>,
    pub(crate) finished_at: Option<Timestamp>,
}

impl ErasureRow {
    /// The first moment that is not in it any more.
    pub(crate) fn end(&self) -> Timestamp {
        self.scope.end(self.asked_at)
    }
}

/// What a recipient got for one purpose of a thing, as receipts say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GotRow {
    pub(crate) recipient: RecipientId,
    pub(crate) deployment: DeploymentId,
    pub(crate) thing: ThingId,
    pub(crate) purpose: PurposeId,
    pub(crate) fields: Vec<String>,
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

fn optional<T>(
    row: &Row,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, RowError> {
    let text: Option<String> = row.get(column)?;
    text.map(|it| parsed(TABLE, &it, parse)).transpose()
}

fn read(row: &Row) -> Result<ErasureRow, RowError> {
    let id: String = row.get(0)?;
    let scope = EraseScope::new(
        (time(row.get(2)?), time(row.get(3)?)),
        optional(row, 4, |it| DeploymentId::parse(it).ok())?,
        optional(row, 5, |it| ThingId::parse(it).ok())?,
        optional(row, 6, |it| Pointer::parse(it).ok())?,
    );
    Ok(ErasureRow {
        scope: scope.map_err(|_| RowError::Unreadable {
            table: TABLE,
            value: id.clone(),
        })?,
        id: parsed(TABLE, &id, EraseId::parse)?,
        person: parsed(TABLE, &row.get::<String>(1)?, |it| PersonId::parse(it).ok())?,
        asked_at: Timestamp::from_millis(row.get(7)?),
        due_at: Timestamp::from_millis(row.get(8)?),
        state: parsed(TABLE, &row.get::<String>(9)?, EraseState::parse)?,
        strip: row.get(10)?,
        done_at: time(row.get(11)?),
        vault_id: row.get(12)?,
        proof: row.get(13)?,
        finished_at: time(row.get(14)?),
        cause: parsed(TABLE, &row.get::<String>(15)?, EraseCause::parse)?,
    })
}

/// Every erasure, oldest first.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<ErasureRow>, RowError> {
    let rows = tx.query(&format!("{COLUMNS} ORDER BY asked_at, id"), &[])?;
    rows.iter().map(read).collect()
}

/// The erasures of a person, newest first.
pub(crate) fn of(
    tx: &mut Tx<'_>,
    person: &PersonId,
    limit: i64,
) -> Result<Vec<ErasureRow>, RowError> {
    let sql = format!("{COLUMNS} WHERE person = $1 ORDER BY asked_at DESC, id LIMIT $2");
    let rows = tx.query(&sql, &[person.as_str().into(), limit.into()])?;
    rows.iter().map(read).collect()
}

/// How many erasures a person asked for since a moment.
pub(crate) fn count_since(
    tx: &mut Tx<'_>,
    person: &PersonId,
    since: Timestamp,
) -> Result<i64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM erasure WHERE person = $1 AND asked_at >= $2",
        &[person.as_str().into(), since.as_millis().into()],
    )?;
    Ok(row.map_or(Ok(0), |it| it.get(0))?)
}

/// One erasure.
pub(crate) fn one(tx: &mut Tx<'_>, id: &EraseId) -> Result<Option<ErasureRow>, RowError> {
    let row = tx.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.as_str().into()])?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn insert(tx: &mut Tx<'_>, row: &ErasureRow) -> Result<(), RowError> {
    let scope = &row.scope;
    tx.execute(
        "INSERT INTO erasure (id, person, from_at, until_at, deployment, thing, field, asked_at, due_at, state, strip,
         cause) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &[
            row.id.as_str().into(),
            row.person.as_str().into(),
            millis(scope.from()).into(),
            millis(scope.until()).into(),
            scope.deployment().map(DeploymentId::as_str).into(),
            scope.thing().map(ThingId::as_str).into(),
            scope.field().map(Pointer::as_str).into(),
            row.asked_at.as_millis().into(),
            row.due_at.as_millis().into(),
            row.state.as_str().into(),
            row.strip.as_deref().into(),
            row.cause.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Takes back an erasure that waits; tells whether it did.
pub(crate) fn delete_waiting(
    tx: &mut Tx<'_>,
    person: &PersonId,
    id: &EraseId,
) -> Result<bool, RowError> {
    let deleted = tx.execute(
        "DELETE FROM erasure WHERE id = $1 AND person = $2 AND state = $3",
        &[
            id.as_str().into(),
            person.as_str().into(),
            EraseState::Waiting.as_str().into(),
        ],
    )?;
    Ok(deleted > 0)
}

/// From here on it cannot be taken back. Tells whether it is there.
pub(crate) fn begin(tx: &mut Tx<'_>, id: &EraseId) -> Result<bool, RowError> {
    let changed = tx.execute(
        "UPDATE erasure SET state = $2 WHERE id = $1",
        &[id.as_str().into(), EraseState::AtWork.as_str().into()],
    )?;
    Ok(changed > 0)
}

/// It is carried out.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    id: &EraseId,
    vault_id: &str,
    proof: &str,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE erasure SET state = $2, vault_id = $3, proof = $4, done_at = $5 WHERE id = $1",
        &[
            id.as_str().into(),
            EraseState::Erased.as_str().into(),
            vault_id.into(),
            proof.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Nothing of what was erased lies anywhere any more.
pub(crate) fn finish(tx: &mut Tx<'_>, id: &EraseId, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE erasure SET finished_at = $2 WHERE id = $1",
        &[id.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

/// What recipients got about a person since an hour, of one deployment and thing or of all.
pub(crate) fn got(
    tx: &mut Tx<'_>,
    person: &PersonId,
    scope: &EraseScope,
    since_hour: i64,
) -> Result<Vec<GotRow>, RowError> {
    let subject = Subject::Person(person.clone()).key();
    let rows = tx.query(
        "SELECT DISTINCT recipient, deployment, thing, purpose, fields FROM receipt
         WHERE subject = $1 AND hour >= $2 AND ($3 = '' OR deployment = $3) AND ($4 = '' OR thing = $4)
         -- What an authority has by an order it keeps by law; that there was one may be a secret.
         AND purpose NOT IN (SELECT purpose FROM lawful_order)
         ORDER BY recipient, deployment, thing, purpose, fields",
        &[
            subject.as_str().into(),
            since_hour.into(),
            scope.deployment().map_or("", DeploymentId::as_str).into(),
            scope.thing().map_or("", ThingId::as_str).into(),
        ],
    )?;
    rows.iter()
        .map(|row| {
            let text = |column| row.get::<String>(column);
            Ok(GotRow {
                recipient: parsed("receipt", &text(0)?, |it| RecipientId::parse(it).ok())?,
                deployment: parsed("receipt", &text(1)?, |it| DeploymentId::parse(it).ok())?,
                thing: parsed("receipt", &text(2)?, |it| ThingId::parse(it).ok())?,
                purpose: parsed("receipt", &text(3)?, |it| PurposeId::parse(it).ok())?,
                fields: list("receipt", &text(4)?)?,
            })
        })
        .collect()
}

/// The texts of all versions of a notice, newest first.
pub(crate) fn notice_sources(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    limit: i64,
) -> Result<Vec<String>, RowError> {
    let rows = tx.query(
        "SELECT source FROM notice_version WHERE deployment = $1 ORDER BY version DESC LIMIT $2",
        &[deployment.as_str().into(), limit.into()],
    )?;
    Ok(rows.iter().map(|it| it.get(0)).collect::<Result<_, _>>()?)
}

fn list(table: &'static str, text: &str) -> Result<Vec<String>, RowError> {
    parsed(table, text, |it| serde_json::from_str(it).ok())
}

fn json(list: &[String]) -> String {
    // A list of texts always has a JSON form.
    serde_json::to_string(list).unwrap_or_default()
}

/// Tells a recipient.
pub(crate) fn insert_notice(
    tx: &mut Tx<'_>,
    erasure: &EraseId,
    notice: &ErasureNotice,
) -> Result<(), RowError> {
    let purposes: Vec<_> = notice.purposes.iter().map(ToString::to_string).collect();
    tx.execute(
        "INSERT INTO erasure_notice (id, erasure, recipient, deployment, thing, fields, purposes, from_at, until_at,
         is_whole, told_at, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &[
            notice.id.as_str().into(),
            erasure.as_str().into(),
            notice.recipient.as_str().into(),
            notice.deployment.as_str().into(),
            notice.thing.as_str().into(),
            json(&notice.fields).as_str().into(),
            json(&purposes).as_str().into(),
            millis(notice.from).into(),
            notice.until.as_millis().into(),
            i64::from(notice.is_whole).into(),
            notice.told_at.as_millis().into(),
            notice.due_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

fn read_notice(row: &Row) -> Result<ErasureNotice, RowError> {
    let text = |column| row.get::<String>(column);
    let purposes = list(NOTICE_TABLE, &text(5)?)?;
    let purpose = |it: &String| parsed(NOTICE_TABLE, it, |it| PurposeId::parse(it).ok());
    Ok(ErasureNotice {
        id: parsed(NOTICE_TABLE, &text(0)?, EraseId::parse)?,
        recipient: parsed(NOTICE_TABLE, &text(1)?, |it| RecipientId::parse(it).ok())?,
        deployment: parsed(NOTICE_TABLE, &text(2)?, |it| DeploymentId::parse(it).ok())?,
        thing: parsed(NOTICE_TABLE, &text(3)?, |it| ThingId::parse(it).ok())?,
        fields: list(NOTICE_TABLE, &text(4)?)?,
        purposes: purposes.iter().map(purpose).collect::<Result<_, _>>()?,
        from: time(row.get(6)?),
        until: Timestamp::from_millis(row.get(7)?),
        is_whole: row.get::<i64>(8)? != 0,
        told_at: Timestamp::from_millis(row.get(9)?),
        due_at: Timestamp::from_millis(row.get(10)?),
        fetched_at: time(row.get(11)?),
        acknowledged_at: time(row.get(12)?),
    })
}

/// What recipients were told of one erasure.
pub(crate) fn notices_of(
    tx: &mut Tx<'_>,
    erasure: &EraseId,
) -> Result<Vec<ErasureNotice>, RowError> {
    let sql =
        format!("{NOTICE_COLUMNS} WHERE erasure = $1 ORDER BY recipient, deployment, thing, id");
    let rows = tx.query(&sql, &[erasure.as_str().into()])?;
    rows.iter().map(read_notice).collect()
}

/// What a recipient was told and has not acknowledged, oldest first, behind one of them.
pub(crate) fn open_notices(
    tx: &mut Tx<'_>,
    recipient: &RecipientId,
    after: Option<&EraseId>,
    limit: i64,
) -> Result<Vec<ErasureNotice>, RowError> {
    let behind =
        "(told_at, id) > (SELECT told_at, id FROM erasure_notice WHERE id = $2 AND recipient = $1)";
    let behind = if after.is_some() { behind } else { "$2 = ''" };
    let sql = format!(
        "{NOTICE_COLUMNS} WHERE recipient = $1 AND acknowledged_at IS NULL AND {behind}
         ORDER BY told_at, id LIMIT $3"
    );
    let after = after.map_or("", EraseId::as_str);
    let rows = tx.query(
        &sql,
        &[recipient.as_str().into(), after.into(), limit.into()],
    )?;
    rows.iter().map(read_notice).collect()
}

/// What the recipient of a webhook was told and has not acknowledged, and this webhook was not told of, oldest first.
pub(crate) fn notices_for_webhook(
    tx: &mut Tx<'_>,
    recipient: &RecipientId,
    webhook: &WebhookId,
    limit: i64,
) -> Result<Vec<ErasureNotice>, RowError> {
    let sql = format!(
        "{NOTICE_COLUMNS} WHERE recipient = $1 AND acknowledged_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM webhook_told WHERE webhook = $2 AND notice = erasure_notice.id)
         ORDER BY told_at, id LIMIT $3"
    );
    let rows = tx.query(
        &sql,
        &[
            recipient.as_str().into(),
            webhook.as_str().into(),
            limit.into(),
        ],
    )?;
    rows.iter().map(read_notice).collect()
}

/// What all recipients were told, oldest first, behind one of them.
pub(crate) fn all_notices(
    tx: &mut Tx<'_>,
    after: Option<&EraseId>,
    limit: i64,
) -> Result<Vec<ErasureNotice>, RowError> {
    let behind = "(told_at, id) > (SELECT told_at, id FROM erasure_notice WHERE id = $1)";
    let behind = if after.is_some() { behind } else { "$1 = ''" };
    let sql = format!("{NOTICE_COLUMNS} WHERE {behind} ORDER BY told_at, id LIMIT $2");
    let after = after.map_or("", EraseId::as_str);
    let rows = tx.query(&sql, &[after.into(), limit.into()])?;
    rows.iter().map(read_notice).collect()
}

/// How many notices there are.
pub(crate) fn count_notices(tx: &mut Tx<'_>) -> Result<i64, RowError> {
    let row = tx.query_one("SELECT COUNT(*) FROM erasure_notice", &[])?;
    Ok(row.map_or(Ok(0), |it| it.get(0))?)
}

/// The recipient has it from now on.
pub(crate) fn fetched(tx: &mut Tx<'_>, id: &EraseId, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "UPDATE erasure_notice SET fetched_at = $2 WHERE id = $1 AND fetched_at IS NULL",
        &[id.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

/// The recipient says that it has erased too; tells whether it was told so. The first time counts.
pub(crate) fn acknowledge(
    tx: &mut Tx<'_>,
    recipient: &RecipientId,
    id: &EraseId,
    now: Timestamp,
) -> Result<bool, RowError> {
    let changed = tx.execute(
        "UPDATE erasure_notice SET acknowledged_at = COALESCE(acknowledged_at, $3),
         fetched_at = COALESCE(fetched_at, $3) WHERE id = $1 AND recipient = $2",
        &[
            id.as_str().into(),
            recipient.as_str().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(changed > 0)
}
