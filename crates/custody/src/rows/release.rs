//! Statistical data sets, what was asked of them, and what that cost whom.

use std::collections::{BTreeMap, BTreeSet};

use model::{PersonId, Timestamp};
use rustc_hash::FxHashMap;
use statistics::budget::Epsilon;
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::release::{
    DeclaredStatistic, Measure, ReleaseView, Released, StatisticId, StatisticView, read_release,
};

const STATISTIC: &str = "statistic";
const RELEASE: &str = "statistic_release";
const STATISTIC_COLUMNS: &str = "SELECT document, sha256, declared_at, ended_at FROM statistic";
const RELEASE_COLUMNS: &str =
    "SELECT number, statistic, period_from, measure, epsilon, asked_at, released_at, document
     FROM statistic_release";

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) statistic: &'a StatisticId,
    pub(crate) from: Timestamp,
    pub(crate) measure: Measure,
    pub(crate) epsilon: Epsilon,
}

/// What a release cost a person.
pub(crate) struct Spend {
    pub(crate) statistic: StatisticId,
    pub(crate) from: Timestamp,
    pub(crate) measure: Measure,
    pub(crate) epsilon: Epsilon,
    pub(crate) at: Timestamp,
}

fn statistic_of(row: &Row) -> Result<StatisticView, RowError> {
    let document: String = row.get(0)?;
    Ok(StatisticView {
        declared: parsed(STATISTIC, &document, |it| DeclaredStatistic::parse(it).ok())?,
        sha256: row.get(1)?,
        declared_at: Timestamp::from_millis(row.get(2)?),
        ended_at: row.get::<Option<i64>>(3)?.map(Timestamp::from_millis),
    })
}

fn id_of(text: &str) -> Result<StatisticId, RowError> {
    parsed(RELEASE, text, |it| StatisticId::parse(it).ok())
}

fn epsilon_of(micro: i64) -> Result<Epsilon, RowError> {
    parsed(RELEASE, &micro.to_string(), |_| {
        Epsilon::from_micro(u64::try_from(micro).ok()?)
    })
}

fn release_of(row: &Row) -> Result<ReleaseView, RowError> {
    let released = match (row.get::<Option<i64>>(6)?, row.get::<Option<String>>(7)?) {
        (Some(at), Some(document)) => Some(Released {
            at: Timestamp::from_millis(at),
            drawn: parsed(RELEASE, &document, read_release)?,
            document,
        }),
        _ => None,
    };
    Ok(ReleaseView {
        number: row.get(0)?,
        statistic: id_of(&row.get::<String>(1)?)?,
        from: Timestamp::from_millis(row.get(2)?),
        measure: parsed(RELEASE, &row.get::<String>(3)?, Measure::parse)?,
        epsilon: epsilon_of(row.get(4)?)?,
        asked_at: Timestamp::from_millis(row.get(5)?),
        released,
    })
}

/// Every data set, by name.
pub(crate) fn statistics(tx: &mut Tx<'_>) -> Result<Vec<StatisticView>, RowError> {
    let rows = tx.query(&format!("{STATISTIC_COLUMNS} ORDER BY id"), &[])?;
    rows.iter().map(statistic_of).collect()
}

/// One data set.
pub(crate) fn statistic(
    tx: &mut Tx<'_>,
    id: &StatisticId,
) -> Result<Option<StatisticView>, RowError> {
    let sql = format!("{STATISTIC_COLUMNS} WHERE id = $1");
    let row = tx.query_one(&sql, &[id.as_str().into()])?;
    row.as_ref().map(statistic_of).transpose()
}

/// Writes a new data set.
pub(crate) fn insert_statistic(
    tx: &mut Tx<'_>,
    declared: &DeclaredStatistic,
    document: &str,
    sha256: &str,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO statistic (id, deployment, document, sha256, declared_at) VALUES ($1, $2, $3, $4, $5)",
        &[
            declared.id.as_str().into(),
            declared.deployment.as_str().into(),
            document.into(),
            sha256.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Ends a data set, and takes back what waits; false when there is none that has not ended.
pub(crate) fn end_statistic(
    tx: &mut Tx<'_>,
    id: &StatisticId,
    now: Timestamp,
) -> Result<bool, RowError> {
    tx.execute(
        "DELETE FROM statistic_release WHERE statistic = $1 AND released_at IS NULL",
        &[id.as_str().into()],
    )?;
    let changed = tx.execute(
        "UPDATE statistic SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
        &[id.as_str().into(), now.as_millis().into()],
    )?;
    Ok(changed > 0)
}

/// What was asked of a data set, the newest period first.
pub(crate) fn of_statistic(
    tx: &mut Tx<'_>,
    id: &StatisticId,
    limit: i64,
) -> Result<Vec<ReleaseView>, RowError> {
    let rows = tx.query(
        &format!(
            "{RELEASE_COLUMNS} WHERE statistic = $1 ORDER BY period_from DESC, number LIMIT $2"
        ),
        &[id.as_str().into(), limit.into()],
    )?;
    rows.iter().map(release_of).collect()
}

/// When each data set released something last.
pub(crate) fn newest(tx: &mut Tx<'_>) -> Result<BTreeMap<StatisticId, Timestamp>, RowError> {
    let rows = tx.query(
        "SELECT statistic, MAX(released_at) FROM statistic_release
         WHERE released_at IS NOT NULL GROUP BY statistic",
        &[],
    )?;
    let read = |row: &Row| {
        let at = Timestamp::from_millis(row.get(1)?);
        Ok((id_of(&row.get::<String>(0)?)?, at))
    };
    rows.iter().map(read).collect()
}

/// What is not drawn yet, the oldest question first.
pub(crate) fn waiting(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<ReleaseView>, RowError> {
    let rows = tx.query(
        &format!("{RELEASE_COLUMNS} WHERE released_at IS NULL ORDER BY number LIMIT $1"),
        &[limit.into()],
    )?;
    rows.iter().map(release_of).collect()
}

/// Whether a question waits.
pub(crate) fn is_waiting(tx: &mut Tx<'_>, number: i64) -> Result<bool, RowError> {
    let row = tx.query_one(
        "SELECT 1 FROM statistic_release WHERE number = $1 AND released_at IS NULL",
        &[number.into()],
    )?;
    Ok(row.is_some())
}

/// Which office asked.
pub(crate) fn asked_by(tx: &mut Tx<'_>, number: i64) -> Result<String, RowError> {
    let row = tx.query_one(
        "SELECT asked_by FROM statistic_release WHERE number = $1",
        &[number.into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?.unwrap_or_default())
}

/// The number of a figure of a period, if it was asked for.
pub(crate) fn asked(
    tx: &mut Tx<'_>,
    id: &StatisticId,
    from: Timestamp,
    measure: Measure,
) -> Result<Option<i64>, RowError> {
    let row = tx.query_one(
        "SELECT number FROM statistic_release WHERE statistic = $1 AND period_from = $2 AND measure = $3",
        &[
            id.as_str().into(),
            from.as_millis().into(),
            measure.to_string().as_str().into(),
        ],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

/// What was asked of the periods from a moment on.
pub(crate) fn asked_since(
    tx: &mut Tx<'_>,
    id: &StatisticId,
    from: Timestamp,
) -> Result<BTreeSet<(Timestamp, Measure)>, RowError> {
    let rows = tx.query(
        "SELECT period_from, measure FROM statistic_release WHERE statistic = $1 AND period_from >= $2",
        &[id.as_str().into(), from.as_millis().into()],
    )?;
    let read = |row: &Row| {
        let measure = parsed(RELEASE, &row.get::<String>(1)?, Measure::parse)?;
        Ok((Timestamp::from_millis(row.get(0)?), measure))
    };
    rows.iter().map(read).collect()
}

/// What all that was asked of a period costs, in millionths.
pub(crate) fn spent_on(
    tx: &mut Tx<'_>,
    id: &StatisticId,
    from: Timestamp,
) -> Result<i64, RowError> {
    let row = tx.query_one(
        "SELECT CAST(COALESCE(SUM(epsilon), 0) AS BIGINT) FROM statistic_release
         WHERE statistic = $1 AND period_from = $2",
        &[id.as_str().into(), from.as_millis().into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?.unwrap_or(0))
}

/// Writes a question, which waits; gives its number.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    asked: &Question<'_>,
    by: &str,
    now: Timestamp,
) -> Result<i64, RowError> {
    let epsilon = i64::try_from(asked.epsilon.as_micro()).unwrap_or(i64::MAX);
    let row = tx.query_one(
        "INSERT INTO statistic_release (number, statistic, period_from, measure, epsilon, asked_at, asked_by)
         VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM statistic_release), $1, $2, $3, $4, $5, $6)
         RETURNING number",
        &[
            asked.statistic.as_str().into(),
            asked.from.as_millis().into(),
            asked.measure.to_string().as_str().into(),
            epsilon.into(),
            now.as_millis().into(),
            by.into(),
        ],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?.unwrap_or(0))
}

/// Writes what was drawn.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    number: i64,
    document: &str,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE statistic_release SET released_at = $2, document = $3 WHERE number = $1",
        &[number.into(), now.as_millis().into(), document.into()],
    )?;
    Ok(())
}

/// Writes what a release costs a person.
pub(crate) fn spend(
    tx: &mut Tx<'_>,
    person: &PersonId,
    number: i64,
    epsilon: Epsilon,
    now: Timestamp,
) -> Result<(), RowError> {
    let epsilon = i64::try_from(epsilon.as_micro()).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO statistic_spend (person, number, epsilon, at) VALUES ($1, $2, $3, $4)",
        &[
            person.as_str().into(),
            number.into(),
            epsilon.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// What was spent on each person after a moment and up to another, in millionths.
pub(crate) fn spent_by_people(
    tx: &mut Tx<'_>,
    (since, until): (Timestamp, Timestamp),
) -> Result<FxHashMap<PersonId, i64>, RowError> {
    let rows = tx.query(
        "SELECT person, CAST(SUM(epsilon) AS BIGINT) FROM statistic_spend
         WHERE at > $1 AND at <= $2 GROUP BY person",
        &[since.as_millis().into(), until.as_millis().into()],
    )?;
    let read = |row: &Row| {
        let person = parsed("statistic_spend", &row.get::<String>(0)?, |it| {
            PersonId::parse(it).ok()
        })?;
        Ok((person, row.get(1)?))
    };
    rows.iter().map(read).collect()
}

/// What was spent on a person after a moment and up to another, in millionths, and when the first of it.
pub(crate) fn spent_by(
    tx: &mut Tx<'_>,
    person: &PersonId,
    (since, until): (Timestamp, Timestamp),
) -> Result<(i64, Option<Timestamp>), RowError> {
    let row = tx.query_one(
        "SELECT CAST(COALESCE(SUM(epsilon), 0) AS BIGINT), MIN(at) FROM statistic_spend
         WHERE person = $1 AND at > $2 AND at <= $3",
        &[
            person.as_str().into(),
            since.as_millis().into(),
            until.as_millis().into(),
        ],
    )?;
    let Some(row) = row else { return Ok((0, None)) };
    let oldest = row.get::<Option<i64>>(1)?.map(Timestamp::from_millis);
    Ok((row.get(0)?, oldest))
}

/// In which releases a person was counted, newest first.
pub(crate) fn spends_of(
    tx: &mut Tx<'_>,
    person: &PersonId,
    limit: i64,
) -> Result<Vec<Spend>, RowError> {
    let rows = tx.query(
        "SELECT it.statistic, it.period_from, it.measure, spent.epsilon, spent.at
         FROM statistic_spend AS spent JOIN statistic_release AS it ON it.number = spent.number
         WHERE spent.person = $1 ORDER BY spent.at DESC, spent.number DESC LIMIT $2",
        &[person.as_str().into(), limit.into()],
    )?;
    let read = |row: &Row| {
        Ok(Spend {
            statistic: id_of(&row.get::<String>(0)?)?,
            from: Timestamp::from_millis(row.get(1)?),
            measure: parsed(RELEASE, &row.get::<String>(2)?, Measure::parse)?,
            epsilon: epsilon_of(row.get(3)?)?,
            at: Timestamp::from_millis(row.get(4)?),
        })
    };
    rows.iter().map(read).collect()
}

/// When the last figure was drawn that is known.
pub(crate) fn last_drawn(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, RowError> {
    let row = tx.query_one("SELECT MAX(released_at) FROM statistic_release", &[])?;
    let at = row.map(|it| it.get::<Option<i64>>(0)).transpose()?;
    Ok(at.flatten().map(Timestamp::from_millis))
}

/// Takes back every question that waits.
pub(crate) fn take_back_waiting(tx: &mut Tx<'_>) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM statistic_release WHERE released_at IS NULL",
        &[],
    )?;
    Ok(())
}

/// Deletes in which releases a person was counted.
pub(crate) fn forget(tx: &mut Tx<'_>, person: &PersonId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM statistic_spend WHERE person = $1",
        &[person.as_str().into()],
    )?;
    Ok(())
}
