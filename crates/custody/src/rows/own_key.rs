//! Public keys of people, and whose history is sealed to them.

use model::{PersonId, Timestamp};
use store::{Row, Tx};
use vault::OwnKey;

use super::{RowError, parsed};

const TABLE: &str = "own_key";
const COLUMNS: &str = "SELECT id, public_key, is_recovery, added_at, proved_at, retired_at, word_sha256, challenge, tries FROM own_key";

/// A key.
pub(crate) struct OwnKeyRow {
    pub(crate) id: String,
    pub(crate) key: OwnKey,
    pub(crate) is_recovery: bool,
    pub(crate) added_at: Timestamp,
    pub(crate) proved_at: Option<Timestamp>,
    pub(crate) retired_at: Option<Timestamp>,
    pub(crate) word_sha256: Vec<u8>,
    pub(crate) challenge: String,
    pub(crate) tries: i64,
}

fn read(row: &Row) -> Result<OwnKeyRow, RowError> {
    let moment = |column| row.get::<Option<i64>>(column);
    let text: String = row.get(1)?;
    let id: String = row.get(0)?;
    Ok(OwnKeyRow {
        // The name of the row stands for the key in the error, which is long.
        key: OwnKey::from_kept(&text).map_err(|_| RowError::Unreadable {
            table: TABLE,
            value: id.clone(),
        })?,
        id,
        is_recovery: row.get(2)?,
        added_at: Timestamp::from_millis(row.get(3)?),
        proved_at: moment(4)?.map(Timestamp::from_millis),
        retired_at: moment(5)?.map(Timestamp::from_millis),
        word_sha256: row.get(6)?,
        challenge: row.get(7)?,
        tries: row.get(8)?,
    })
}

/// The keys of a person, in the order in which they came.
pub(crate) fn of(tx: &mut Tx<'_>, person: &PersonId) -> Result<Vec<OwnKeyRow>, RowError> {
    let sql = format!("{COLUMNS} WHERE person = $1 ORDER BY added_at, id");
    let rows = tx.query(&sql, &[person.as_str().into()])?;
    rows.iter().map(read).collect()
}

/// Writes a key.
pub(crate) fn insert(tx: &mut Tx<'_>, person: &PersonId, row: &OwnKeyRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO own_key (id, person, public_key, is_recovery, added_at, word_sha256, challenge, tries)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
        &[
            row.id.as_str().into(),
            person.as_str().into(),
            row.key.text().into(),
            row.is_recovery.into(),
            row.added_at.as_millis().into(),
            row.word_sha256.as_slice().into(),
            row.challenge.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Notes that the word of a key was said.
pub(crate) fn prove(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), RowError> {
    let sql = "UPDATE own_key SET proved_at = $2 WHERE id = $1 AND proved_at IS NULL";
    tx.execute(sql, &[id.into(), now.as_millis().into()])?;
    Ok(())
}

/// Notes that a wrong word was said.
pub(crate) fn count_try(tx: &mut Tx<'_>, id: &str) -> Result<(), RowError> {
    tx.execute(
        "UPDATE own_key SET tries = tries + 1 WHERE id = $1",
        &[id.into()],
    )?;
    Ok(())
}

/// Notes that nothing is sealed to a key any more.
pub(crate) fn retire(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), RowError> {
    let sql = "UPDATE own_key SET retired_at = $2 WHERE id = $1 AND retired_at IS NULL";
    tx.execute(sql, &[id.into(), now.as_millis().into()])?;
    Ok(())
}

/// Deletes a key that nothing was ever sealed to.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<(), RowError> {
    tx.execute("DELETE FROM own_key WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// From which day on the history of a person is sealed, and when that was begun.
pub(crate) fn sealing(
    tx: &mut Tx<'_>,
    person: &PersonId,
) -> Result<Option<(i64, Timestamp)>, RowError> {
    let sql = "SELECT since_day, begun_at FROM own_seal WHERE person = $1";
    let row = tx.query_one(sql, &[person.as_str().into()])?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((row.get(0)?, Timestamp::from_millis(row.get(1)?))))
}

/// Seals the history of a person from a day on.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    person: &PersonId,
    since_day: i64,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO own_seal (person, since_day, begun_at) VALUES ($1, $2, $3)
         ON CONFLICT (person) DO UPDATE SET since_day = excluded.since_day
         WHERE own_seal.since_day > excluded.since_day",
        &[
            person.as_str().into(),
            since_day.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Seals the history of a person no further.
pub(crate) fn stop(tx: &mut Tx<'_>, person: &PersonId) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM own_seal WHERE person = $1",
        &[person.as_str().into()],
    )?;
    Ok(())
}

/// Everybody whose history is sealed, and from which day on.
pub(crate) fn sealed(tx: &mut Tx<'_>) -> Result<Vec<(PersonId, i64)>, RowError> {
    let rows = tx.query(
        "SELECT person, since_day FROM own_seal ORDER BY person",
        &[],
    )?;
    let one = |row: &Row| {
        let person: String = row.get(0)?;
        let person = parsed("own_seal", &person, |it| PersonId::parse(it).ok())?;
        Ok((person, row.get(1)?))
    };
    rows.iter().map(one).collect()
}
