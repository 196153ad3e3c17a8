//! Acts of choosing and what they changed, the notices they rest on, drafts of imports, signals of browsers.

use model::{
    DeploymentId, LegalBasis, Level, PersonId, Pointer, PurposeId, RecipientId, Timestamp,
};
use store::{Row, Tx, Value};

use super::{RowError, parsed};
use crate::consent::{Change, ChoiceAct, Held, How, Matter, ReceiptId, Way};

const ACT: &str = "choice_act";
const EVENT: &str = "choice_event";
const ACT_COLUMNS: &str =
    "SELECT id, number, at, way, detail, previous_sha256, sha256 FROM choice_act";
const EVENT_COLUMNS: &str = "SELECT number, deployment, field, purpose, recipient, basis, level_before, way_before, \
    level_after, way_after, notice_version, notice_sha256 FROM choice_event";

fn act(row: &Row) -> Result<ChoiceAct, RowError> {
    let way: String = row.get(3)?;
    let detail: String = row.get(4)?;
    Ok(ChoiceAct {
        id: parsed(ACT, &row.get::<String>(0)?, |it| ReceiptId::parse(it).ok())?,
        number: row.get(1)?,
        at: Timestamp::from_millis(row.get(2)?),
        how: parsed(ACT, &way, |it| How::read(it, &detail))?,
        previous_sha256: row.get(5)?,
        sha256: row.get(6)?,
    })
}

fn held(level: &str, way: &str) -> Result<Held, RowError> {
    Ok(Held {
        level: parsed(EVENT, level, Level::parse)?,
        way: match way {
            "" => None,
            way => Some(parsed(EVENT, way, Way::parse)?),
        },
    })
}

/// The number of the act, and one change.
fn event(row: &Row) -> Result<(i64, Change), RowError> {
    let text = |column| row.get::<String>(column);
    let version: i64 = row.get(10)?;
    let change = Change {
        matter: Matter {
            deployment: parsed(EVENT, &text(1)?, |it| DeploymentId::parse(it).ok())?,
            field: parsed(EVENT, &text(2)?, |it| Pointer::parse(it).ok())?,
            purpose: parsed(EVENT, &text(3)?, |it| PurposeId::parse(it).ok())?,
            recipient: parsed(EVENT, &text(4)?, |it| RecipientId::parse(it).ok())?,
        },
        basis: parsed(EVENT, &text(5)?, LegalBasis::parse)?,
        before: held(&text(6)?, &text(7)?)?,
        after: held(&text(8)?, &text(9)?)?,
        notice_version: u32::try_from(version).unwrap_or_default(),
        notice_sha256: text(11)?,
    };
    Ok((row.get(0)?, change))
}

/// The newest act of a person.
pub(crate) fn newest(tx: &mut Tx<'_>, person: &PersonId) -> Result<Option<ChoiceAct>, RowError> {
    let row = tx.query_one(
        &format!("{ACT_COLUMNS} WHERE person = $1 ORDER BY number DESC LIMIT 1"),
        &[person.as_str().into()],
    )?;
    row.as_ref().map(act).transpose()
}

/// One act of a person.
pub(crate) fn one(
    tx: &mut Tx<'_>,
    person: &PersonId,
    id: &ReceiptId,
) -> Result<Option<ChoiceAct>, RowError> {
    let row = tx.query_one(
        &format!("{ACT_COLUMNS} WHERE person = $1 AND id = $2"),
        &[person.as_str().into(), id.as_str().into()],
    )?;
    row.as_ref().map(act).transpose()
}

/// The acts of a person that changed something at a deployment, newest first, older than number `before`.
pub(crate) fn acts(
    tx: &mut Tx<'_>,
    person: &PersonId,
    deployment: &DeploymentId,
    before: i64,
    limit: u16,
) -> Result<Vec<ChoiceAct>, RowError> {
    let rows = tx.query(
        &format!(
            "{ACT_COLUMNS} WHERE person = $1 AND number < $3 AND number IN
                 (SELECT number FROM choice_event WHERE person = $1 AND deployment = $2)
             ORDER BY number DESC LIMIT $4"
        ),
        &[
            person.as_str().into(),
            deployment.as_str().into(),
            before.into(),
            i64::from(limit).into(),
        ],
    )?;
    rows.iter().map(act).collect()
}

/// Every act of a person, oldest first.
pub(crate) fn all_acts(tx: &mut Tx<'_>, person: &PersonId) -> Result<Vec<ChoiceAct>, RowError> {
    let rows = tx.query(
        &format!("{ACT_COLUMNS} WHERE person = $1 ORDER BY number"),
        &[person.as_str().into()],
    )?;
    rows.iter().map(act).collect()
}

/// What one act changed, in its order.
pub(crate) fn changes(
    tx: &mut Tx<'_>,
    person: &PersonId,
    number: i64,
) -> Result<Vec<Change>, RowError> {
    let rows = tx.query(
        &format!("{EVENT_COLUMNS} WHERE person = $1 AND number = $2 ORDER BY position"),
        &[person.as_str().into(), number.into()],
    )?;
    rows.iter().map(|it| Ok(event(it)?.1)).collect()
}

/// Everything a person ever changed at a deployment, oldest first, each with the number of its act.
pub(crate) fn changes_at(
    tx: &mut Tx<'_>,
    person: &PersonId,
    deployment: &DeploymentId,
) -> Result<Vec<(i64, Change)>, RowError> {
    let rows = tx.query(
        &format!("{EVENT_COLUMNS} WHERE person = $1 AND deployment = $2 ORDER BY number, position"),
        &[person.as_str().into(), deployment.as_str().into()],
    )?;
    rows.iter().map(event).collect()
}

/// Writes an act with what it changed.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    person: &PersonId,
    act: &ChoiceAct,
    changes: &[Change],
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO choice_act (id, person, number, at, way, detail, previous_sha256, sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            act.id.as_str().into(),
            person.as_str().into(),
            act.number.into(),
            act.at.as_millis().into(),
            act.how.way().as_str().into(),
            act.how.detail().as_str().into(),
            act.previous_sha256.as_str().into(),
            act.sha256.as_str().into(),
        ],
    )?;
    for (position, change) in (0_i64..).zip(changes) {
        insert_event(tx, person, act.number, position, change)?;
    }
    Ok(())
}

fn insert_event(
    tx: &mut Tx<'_>,
    person: &PersonId,
    number: i64,
    position: i64,
    change: &Change,
) -> Result<(), RowError> {
    let before = change.before.level.to_string();
    let after = change.after.level.to_string();
    let way = |it: &Held| it.way.map_or("", Way::as_str);
    tx.execute(
        "INSERT INTO choice_event (person, number, position, deployment, field, purpose, recipient, basis,
             level_before, way_before, level_after, way_after, notice_version, notice_sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        &[
            person.as_str().into(),
            number.into(),
            position.into(),
            change.matter.deployment.as_str().into(),
            change.matter.field.as_str().into(),
            change.matter.purpose.as_str().into(),
            change.matter.recipient.as_str().into(),
            change.basis.as_str().into(),
            before.as_str().into(),
            way(&change.before).into(),
            after.as_str().into(),
            way(&change.after).into(),
            change.notice_version.into(),
            change.notice_sha256.as_str().into(),
        ],
    )?;
    Ok(())
}

/// The text of the notice in force at a deployment.
pub(crate) fn notice_in_force(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
) -> Result<Option<String>, RowError> {
    let row = tx.query_one(
        "SELECT notice FROM deployment WHERE id = $1",
        &[deployment.as_str().into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// Keeps the text of a notice for as long as choices rest on it.
pub(crate) fn keep_notice(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    version: u32,
    sha256: &str,
    source: &str,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO choice_notice (deployment, version, sha256, source) VALUES ($1, $2, $3, $4)
         ON CONFLICT (deployment, version) DO NOTHING",
        &[
            deployment.as_str().into(),
            version.into(),
            sha256.into(),
            source.into(),
        ],
    )?;
    Ok(())
}

/// The text of a notice on which choices rest.
pub(crate) fn kept_notice(
    tx: &mut Tx<'_>,
    deployment: &DeploymentId,
    version: u32,
) -> Result<Option<String>, RowError> {
    let row = tx.query_one(
        "SELECT source FROM choice_notice WHERE deployment = $1 AND version = $2",
        &[deployment.as_str().into(), version.into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// Keeps a file of choices that its owner has not agreed to yet; the one before is forgotten.
pub(crate) fn put_draft(
    tx: &mut Tx<'_>,
    person: &PersonId,
    body: &str,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO choice_draft (person, at, body) VALUES ($1, $2, $3)
         ON CONFLICT (person) DO UPDATE SET at = $2, body = $3",
        &[
            person.as_str().into(),
            now.as_millis().into(),
            Value::Text(body),
        ],
    )?;
    Ok(())
}

/// The file of choices that a person has sent and not agreed to yet, if it is not older than `since`.
pub(crate) fn draft(
    tx: &mut Tx<'_>,
    person: &PersonId,
    since: Timestamp,
) -> Result<Option<String>, RowError> {
    let row = tx.query_one(
        "SELECT body FROM choice_draft WHERE person = $1 AND at >= $2",
        &[person.as_str().into(), since.as_millis().into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// Forgets the file of choices that a person has sent.
pub(crate) fn drop_draft(tx: &mut Tx<'_>, person: &PersonId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM choice_draft WHERE person = $1",
        &[person.as_str().into()],
    )?;
    Ok(())
}

/// For which notice version of which deployment the signal of a person's browser was already heard.
pub(crate) fn heard(
    tx: &mut Tx<'_>,
    person: &PersonId,
) -> Result<Vec<(DeploymentId, i64)>, RowError> {
    let rows = tx.query(
        "SELECT deployment, notice_version FROM browser_signal WHERE person = $1",
        &[person.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            let id = parsed("browser_signal", &row.get::<String>(0)?, |it| {
                DeploymentId::parse(it).ok()
            })?;
            Ok((id, row.get(1)?))
        })
        .collect()
}

/// Notes that the signal was heard.
pub(crate) fn hear(
    tx: &mut Tx<'_>,
    person: &PersonId,
    deployment: &DeploymentId,
    version: u32,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO browser_signal (person, deployment, notice_version, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (person, deployment) DO UPDATE SET notice_version = $3, at = $4",
        &[
            person.as_str().into(),
            deployment.as_str().into(),
            version.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}
