//! Incidents, and whom people were told that they reached.

use custody::{Affected, AffectedPerson, Exposure, RowError};
use model::{DeploymentId, PersonId, RecipientId, Text, Timestamp};
use store::{Tx, Value};

use super::numbered::{self, number};
use crate::incidents::Incident;

const COLUMNS: &str = "number, exposure, party, range_from, range_until, aware_at, what_en, what_ur, done_en, done_ur, \
     opened_at, reported_at, told_at";

fn unreadable(value: &str) -> RowError {
    numbered::unreadable("incident", value)
}

fn exposure(word: &str, party: Option<&str>) -> Option<Exposure> {
    match (word, party) {
        ("recipient", Some(id)) => RecipientId::parse(id).ok().map(Exposure::Recipient),
        ("deployment", Some(id)) => DeploymentId::parse(id).ok().map(Exposure::Deployment),
        ("server", None) => Some(Exposure::Server),
        _ => None,
    }
}

fn words(exposure: &Exposure) -> (&'static str, Option<&str>) {
    match exposure {
        Exposure::Recipient(id) => ("recipient", Some(id.as_str())),
        Exposure::Deployment(id) => ("deployment", Some(id.as_str())),
        Exposure::Server => ("server", None),
    }
}

fn read(row: &store::Row) -> Result<Incident, RowError> {
    let text = |column| row.get::<String>(column);
    let at = |column| Ok::<_, RowError>(Timestamp::from_millis(row.get(column)?));
    let moment = |column| {
        let millis = row.get::<Option<i64>>(column)?;
        Ok::<_, RowError>(millis.map(Timestamp::from_millis))
    };
    let (word, party) = (text(1)?, row.get::<Option<String>>(2)?);
    Ok(Incident {
        number: u64::try_from(row.get::<i64>(0)?).map_err(|_| unreadable("number"))?,
        exposure: exposure(&word, party.as_deref()).ok_or_else(|| unreadable(&word))?,
        from: at(3)?,
        until: at(4)?,
        aware_at: at(5)?,
        what: Text {
            en: text(6)?,
            ur: text(7)?,
        },
        done: Text {
            en: text(8)?,
            ur: text(9)?,
        },
        opened_at: at(10)?,
        reported_at: moment(11)?,
        told_at: moment(12)?,
    })
}

pub(crate) fn next(tx: &mut Tx<'_>) -> Result<u64, RowError> {
    numbered::next(tx, "incident", "number")
}

pub(crate) fn put(tx: &mut Tx<'_>, incident: &Incident) -> Result<(), RowError> {
    let (word, party) = words(&incident.exposure);
    tx.execute(
        "INSERT INTO incident (number, exposure, party, range_from, range_until, aware_at, what_en, what_ur, done_en, done_ur, opened_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            number(incident.number).into(),
            word.into(),
            party.map_or(Value::Null, Into::into),
            incident.from.as_millis().into(),
            incident.until.as_millis().into(),
            incident.aware_at.as_millis().into(),
            incident.what.en.as_str().into(),
            incident.what.ur.as_str().into(),
            incident.done.en.as_str().into(),
            incident.done.ur.as_str().into(),
            incident.opened_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Writes what was done about it, and what is said of it.
pub(crate) fn update(tx: &mut Tx<'_>, incident: &Incident) -> Result<(), RowError> {
    let moment = |at: Option<Timestamp>| at.map_or(Value::Null, |it| it.as_millis().into());
    tx.execute(
        "UPDATE incident SET what_en = $2, what_ur = $3, done_en = $4, done_ur = $5, reported_at = $6, told_at = $7
         WHERE number = $1",
        &[
            number(incident.number).into(),
            incident.what.en.as_str().into(),
            incident.what.ur.as_str().into(),
            incident.done.en.as_str().into(),
            incident.done.ur.as_str().into(),
            moment(incident.reported_at),
            moment(incident.told_at),
        ],
    )?;
    Ok(())
}

pub(crate) fn one(tx: &mut Tx<'_>, id: u64) -> Result<Option<Incident>, RowError> {
    let row = tx.query_one(
        &format!("SELECT {COLUMNS} FROM incident WHERE number = $1"),
        &[number(id).into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// Every incident, newest first.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<Incident>, RowError> {
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM incident ORDER BY number DESC"),
        &[],
    )?;
    rows.iter().map(read).collect()
}

/// Keeps whom people are told that it reached.
pub(crate) fn put_affected(tx: &mut Tx<'_>, id: u64, affected: &Affected) -> Result<(), RowError> {
    for it in &affected.people {
        let fields = serde_json::to_string(&it.fields).map_err(|_| unreadable("fields"))?;
        tx.execute(
            "INSERT INTO incident_person (number, person, fields, count) VALUES ($1, $2, $3, $4)
             ON CONFLICT (number, person) DO NOTHING",
            &[
                number(id).into(),
                it.person.as_str().into(),
                fields.as_str().into(),
                number(it.count).into(),
            ],
        )?;
    }
    tx.execute(
        "UPDATE incident SET sealed = $2 WHERE number = $1",
        &[number(id).into(), number(affected.sealed).into()],
    )?;
    Ok(())
}

/// Whom people were told that it reached.
pub(crate) fn affected(tx: &mut Tx<'_>, id: u64) -> Result<Affected, RowError> {
    let rows = tx.query(
        "SELECT person, fields, count FROM incident_person WHERE number = $1 ORDER BY person",
        &[number(id).into()],
    )?;
    let person = |row: &store::Row| {
        let (person, fields): (String, String) = (row.get(0)?, row.get(1)?);
        Ok::<_, RowError>(AffectedPerson {
            person: PersonId::parse(&person).map_err(|_| unreadable(&person))?,
            fields: serde_json::from_str(&fields).map_err(|_| unreadable("fields"))?,
            count: u64::try_from(row.get::<i64>(2)?).unwrap_or(0),
        })
    };
    let people = rows.iter().map(person).collect::<Result<_, _>>()?;
    let row = tx.query_one(
        "SELECT COALESCE(sealed, 0) FROM incident WHERE number = $1",
        &[number(id).into()],
    )?;
    let sealed: i64 = row.map_or(Ok(0), |it| it.get(0))?;
    Ok(Affected {
        people,
        sealed: u64::try_from(sealed).unwrap_or(0),
    })
}

/// The incidents of which somebody was told, newest first, with the fields.
pub(crate) fn told_to(
    tx: &mut Tx<'_>,
    person: &PersonId,
) -> Result<Vec<(Incident, Vec<String>)>, RowError> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS}, (SELECT fields FROM incident_person WHERE incident_person.number = incident.number AND person = $1)
             FROM incident WHERE number IN (SELECT number FROM incident_person WHERE person = $1) ORDER BY number DESC"
        ),
        &[person.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            let fields: String = row.get(13)?;
            let fields = serde_json::from_str(&fields).map_err(|_| unreadable("fields"))?;
            Ok((read(row)?, fields))
        })
        .collect()
}
