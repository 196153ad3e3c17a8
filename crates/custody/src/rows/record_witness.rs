//! Who cosigns the record, and what each cosigned last.

use model::Timestamp;
use store::{Tx, Value};

use super::RowError;
use crate::witnesses::{RecordWitness, WitnessAlarm};

fn unreadable(value: &str) -> RowError {
    RowError::Unreadable {
        table: "record_witness",
        value: value.to_owned(),
    }
}

/// These are asked from now on, and no others.
pub(crate) fn set_asked(tx: &mut Tx<'_>, keys: &[String]) -> Result<(), RowError> {
    tx.execute("UPDATE record_witness SET is_asked = 0", &[])?;
    for key in keys {
        tx.execute(
            "INSERT INTO record_witness (key, is_asked, size, note) VALUES ($1, 1, 0, '')
             ON CONFLICT (key) DO UPDATE SET is_asked = 1",
            &[key.as_str().into()],
        )?;
    }
    Ok(())
}

/// Those that are asked, by their keys.
pub(crate) fn asked(tx: &mut Tx<'_>) -> Result<Vec<RecordWitness>, RowError> {
    let rows = tx.query(
        "SELECT key, size, cosigned_at, alarm, alarm_at FROM record_witness WHERE is_asked = 1 ORDER BY key",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            let (key, alarm): (String, Option<String>) = (row.get(0)?, row.get(3)?);
            let moment = |it: Option<i64>| it.map(Timestamp::from_millis);
            let alarm = match alarm {
                None => None,
                Some(word) => Some(WitnessAlarm::parse(&word).ok_or_else(|| unreadable(&word))?),
            };
            Ok(RecordWitness {
                name: key.split_once('+').map_or("", |it| it.0).to_owned(),
                size: u64::try_from(row.get::<i64>(1)?).map_err(|_| unreadable("size"))?,
                cosigned_at: moment(row.get(2)?),
                alarm,
                alarm_at: moment(row.get(4)?),
                key,
            })
        })
        .collect()
}

/// Keeps what a witness cosigned last; whatever alarm there was is over.
pub(crate) fn cosigned(
    tx: &mut Tx<'_>,
    key: &str,
    size: u64,
    note: &str,
    at: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE record_witness SET size = $2, note = $3, cosigned_at = $4, alarm = NULL, alarm_at = NULL
         WHERE key = $1",
        &[
            key.into(),
            i64::try_from(size).map_err(|_| unreadable("size"))?.into(),
            note.into(),
            at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Notes an alarm, with the moment at which it began.
pub(crate) fn set_alarm(
    tx: &mut Tx<'_>,
    key: &str,
    alarm: WitnessAlarm,
    now: Timestamp,
) -> Result<bool, RowError> {
    let changed = tx.execute(
        "UPDATE record_witness SET alarm = $2, alarm_at = $3
         WHERE key = $1 AND (alarm IS NULL OR alarm <> $2)",
        &[
            key.into(),
            Value::from(alarm.as_str()),
            now.as_millis().into(),
        ],
    )?;
    Ok(changed == 1)
}

/// The last checkpoint that a witness cosigned, with the signatures of the log and of the witness.
pub(crate) fn note(tx: &mut Tx<'_>, key: &str) -> Result<Option<String>, RowError> {
    let row = tx.query_one(
        "SELECT note FROM record_witness WHERE key = $1 AND note <> ''",
        &[key.into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}
