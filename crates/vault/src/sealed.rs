//! Files of readings that only the person can open: one for each day, deployment, thing and retention class.
//!
//! # How a day is sealed
//! 1. Its keys leave use: a reading of that day that comes in late gets a new key, and is sealed another time, into a file of its own.
//!    Keys with readings that are still in the log wait, and so do keys with a mask.
//! 2. The readings are written into age files or OpenPGP messages (see `own`), in rows that nobody is shown yet, and read back: the bytes must be those
//!    that were written, the header must have a place for each key, and the length must be that of everything that went in.
//! 3. In one transaction the files become whole, the epoch keys are destroyed as an erasure destroys them (the rows are emptied, and the
//!    subject gets a new key), and nothing of it happens should a key have changed since it was looked up.
//! 4. The next [`Vault::maintain`](crate::Vault::maintain) deletes the blocks under the destroyed keys.
//!
//! A crash before step 3 leaves the day as it was, and files that are not whole: the next sealing or maintenance removes them. A crash
//! after it leaves nothing to do but step 4. At no moment is a reading in neither place.
//!
//! What must stay readable ([`SealForm::stays`]) is sealed again in step 3, under a key of its own that nothing else is sealed with and that
//! no sealing looks at.
//!
//! A block that does not open keeps its day as it is, for a backup may still have it.
//!
//! # Rows
//! | table | column | what |
//! |---|---|---|
//! | `vault_own_file` | `subject`, `epoch`, `deployment`, `thing`, `retention_days` | whose, of which UTC day, of what: in clear, for whoever must show or erase it cannot look inside |
//! | | `first_at`, `last_at`, `readings`, `bytes` | the earliest and the latest reading, how many, how long the file is |
//! | | `format` | `age` or `pgp`: what the file is |
//! | | `expires_at` | `last_at` and the days of the class: from then on it is deleted |
//! | | `is_whole` | 0 until step 3 |
//! | `vault_own_chunk` | `file_id`, `number`, `bytes` | the file in pieces, from 0 on |
//!
//! # What erases it
//! Nobody but the person can look inside, so a file goes whole as soon as one of its readings can be in the scope of an erasure: the same
//! person, thing and deployment, an overlapping stretch of time, and for fields every file of that scope. [`Vault::own_files_in`] says
//! beforehand which that would be. An erasure that spares them ([`Scope::spares_own_files`]) touches none that is whole. Those of the subject
//! that are not whole go with every erasure: nobody has seen them, they do not say yet of which time they are, and their keys change anyway.

mod seal;

use std::fmt;
use std::str::FromStr;

use model::{DeploymentId, Retention, Subject, ThingId, Timestamp};
use store::{DbError, Row, Tx, Value};

use crate::keys::{from_row, to_row};
use crate::own::OwnFormat;
use crate::{Scope, Vault};

pub(crate) use seal::seal_days;
pub use seal::{SealDays, SealDaysError, SealForm, SealedDays};

/// The most files that are listed at once.
pub const MAX_OWN_FILES: usize = 500;

/// The name of a sealed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnFileId(pub(crate) u64);

impl fmt::Display for OwnFileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that names no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a sealed file has 16 digits, 0 to 9 and a to f")]
pub struct OwnFileIdError;

impl FromStr for OwnFileId {
    type Err = OwnFileIdError;

    fn from_str(text: &str) -> Result<Self, OwnFileIdError> {
        let is_digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(OwnFileIdError);
        }
        let number = u64::from_str_radix(text, 16);
        number.map(Self).map_err(|_| OwnFileIdError)
    }
}

/// A file of readings that only the person can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFile {
    /// Its name.
    pub id: OwnFileId,
    /// Of which UTC day, counted from 1970-01-01.
    pub day: i64,
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// Of which thing.
    pub thing: ThingId,
    /// How long its readings are kept.
    pub retention: Retention,
    /// The earliest reading.
    pub first_at: Timestamp,
    /// The latest one.
    pub last_at: Timestamp,
    /// When it is deleted.
    pub vanishes_at: Timestamp,
    /// How many readings.
    pub readings: u64,
    /// How long it is.
    pub bytes: u64,
    /// What it is.
    pub format: OwnFormat,
}

/// Sealed files together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnTotal {
    /// How many files.
    pub files: u64,
    /// Of how many days.
    pub days: u64,
    /// With how many readings.
    pub readings: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

const COLUMNS: &str = "file_id, epoch, deployment, thing, retention_days, first_at, last_at, expires_at, readings, bytes, format";
const TOTALS: &str = "COUNT(*), COUNT(DISTINCT epoch), CAST(COALESCE(SUM(readings), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT)";

fn file_of(row: &Row) -> Result<OwnFile, DbError> {
    let days = u16::try_from(row.get::<i64>(4)?).unwrap_or(u16::MAX);
    Ok(OwnFile {
        id: OwnFileId(from_row(row.get(0)?)),
        day: row.get(1)?,
        deployment: named(row, 2, |it| DeploymentId::parse(it).ok())?,
        thing: named(row, 3, |it| ThingId::parse(it).ok())?,
        retention: Retention::from_days(days),
        first_at: Timestamp::from_millis(row.get(5)?),
        last_at: Timestamp::from_millis(row.get(6)?),
        vanishes_at: Timestamp::from_millis(row.get(7)?),
        readings: from_row(row.get(8)?),
        bytes: from_row(row.get(9)?),
        format: named(row, 10, OwnFormat::parse)?,
    })
}

fn named<T>(row: &Row, column: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    let text: String = row.get(column)?;
    parse(&text).ok_or(DbError::Column {
        column,
        wanted: "a name",
        found: "another text",
    })
}

fn total_of(row: Option<Row>) -> Result<OwnTotal, DbError> {
    let Some(row) = row else {
        return Ok(OwnTotal::default());
    };
    Ok(OwnTotal {
        files: from_row(row.get(0)?),
        days: from_row(row.get(1)?),
        readings: from_row(row.get(2)?),
        bytes: from_row(row.get(3)?),
    })
}

/// The condition of a scope, and what stands for its `$1` to `$5`.
const IN_SCOPE: &str = "subject = $1 AND last_at >= $2 AND first_at < $3 \
     AND ($4 = '' OR thing = $4) AND ($5 = '' OR deployment = $5)";

fn scope_values<'a>(subject: &'a str, scope: &'a Scope) -> [Value<'a>; 5] {
    let from = scope.from.map_or(i64::MIN, Timestamp::as_millis);
    let until = scope.until.map_or(i64::MAX, Timestamp::as_millis);
    [
        subject.into(),
        from.into(),
        until.into(),
        scope.thing.as_ref().map_or("", ThingId::as_str).into(),
        scope
            .deployment
            .as_ref()
            .map_or("", DeploymentId::as_str)
            .into(),
    ]
}

/// Deletes the files of a scope, and whatever is not whole of the subject. Says how many whole ones there were. In the transaction that
/// carries out the erasure.
pub(crate) fn delete_in_scope(
    tx: &mut Tx<'_>,
    subject: &str,
    scope: &Scope,
) -> Result<u64, DbError> {
    delete_halves(tx, Some(subject))?;
    if scope.spares_own_files {
        return Ok(0);
    }
    let values = scope_values(subject, scope);
    let chunks = format!(
        "DELETE FROM vault_own_chunk WHERE file_id IN (SELECT file_id FROM vault_own_file WHERE {IN_SCOPE})"
    );
    tx.execute(&chunks, &values)?;
    tx.execute(
        &format!("DELETE FROM vault_own_file WHERE {IN_SCOPE}"),
        &values,
    )
}

/// Deletes what sealings that were broken off left, of a subject or of everybody: only while none is at work, or where it has to begin
/// again anyway.
pub(crate) fn delete_halves(tx: &mut Tx<'_>, subject: Option<&str>) -> Result<(), DbError> {
    let halves = "is_whole = 0 AND ($1 = '' OR subject = $1)";
    let values = [subject.unwrap_or_default().into()];
    let chunks = format!(
        "DELETE FROM vault_own_chunk WHERE file_id IN (SELECT file_id FROM vault_own_file WHERE {halves})"
    );
    tx.execute(&chunks, &values)?;
    tx.execute(
        &format!("DELETE FROM vault_own_file WHERE {halves}"),
        &values,
    )?;
    Ok(())
}

/// Deletes the files whose retention is over. Says how many there were.
pub(crate) fn drop_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    let now = [now.as_millis().into()];
    let over = "is_whole = 1 AND expires_at <= $1";
    let chunks = format!(
        "DELETE FROM vault_own_chunk WHERE file_id IN (SELECT file_id FROM vault_own_file WHERE {over})"
    );
    tx.execute(&chunks, &now)?;
    tx.execute(&format!("DELETE FROM vault_own_file WHERE {over}"), &now)
}

impl Vault {
    /// Seals days of a subject to keys of their own, at most some of them in one call: see the module `sealed`.
    ///
    /// # Errors
    /// When rows, keys or blocks cannot be read or written. Every day is then sealed or as it was.
    pub fn seal_days(
        &self,
        wanted: &SealDays<'_>,
        form: SealForm<'_>,
        now: Timestamp,
    ) -> Result<SealedDays, SealDaysError> {
        let _one_at_a_time = self.maintaining();
        seal_days(self.log(), wanted, form, now)
    }

    /// What is sealed to a subject's own keys: nobody but they can read it.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn own_total(&self, subject: &Subject, now: Timestamp) -> Result<OwnTotal, DbError> {
        let subject = subject.key();
        let sql = format!(
            "SELECT {TOTALS} FROM vault_own_file WHERE subject = $1 AND is_whole = 1 AND expires_at > $2"
        );
        let values = [subject.as_str().into(), now.as_millis().into()];
        let row = self.log().db.read(|tx| tx.query_one(&sql, &values))?;
        total_of(row)
    }

    /// The sealed files that a scope touches: an erasure takes them whole, also where only a part of their readings is meant, unless it
    /// spares them.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn own_files_in(&self, subject: &Subject, scope: &Scope) -> Result<OwnTotal, DbError> {
        let subject = subject.key();
        let sql = format!("SELECT {TOTALS} FROM vault_own_file WHERE {IN_SCOPE} AND is_whole = 1");
        let values = scope_values(&subject, scope);
        let row = self.log().db.read(|tx| tx.query_one(&sql, &values))?;
        total_of(row)
    }

    /// The latest reading of a thing within a time that is sealed to a subject's own keys; `None` where none is.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn own_sealed_until(
        &self,
        subject: &Subject,
        (deployment, thing): (&DeploymentId, &ThingId),
        (from, until): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DbError> {
        let subject = subject.key();
        let scope = Scope {
            from: Some(from),
            until: Some(until),
            thing: Some(thing.clone()),
            deployment: Some(deployment.clone()),
            ..Scope::default()
        };
        let sql = format!(
            "SELECT MAX(last_at) FROM vault_own_file WHERE {IN_SCOPE} AND is_whole = 1 AND expires_at > $6"
        );
        let mut values = scope_values(&subject, &scope).to_vec();
        values.push(now.as_millis().into());
        let row = self.log().db.read(|tx| tx.query_one(&sql, &values))?;
        let last: Option<i64> = row.map_or(Ok(None), |it| it.get(0))?;
        Ok(last.map(Timestamp::from_millis))
    }

    /// Sealed files of a subject, the newest day first, at most `limit` and [`MAX_OWN_FILES`]: those of days before `before`, and of that
    /// day those behind the file that is named.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn own_files(
        &self,
        subject: &Subject,
        before: Option<(i64, OwnFileId)>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<OwnFile>, DbError> {
        let subject = subject.key();
        let (day, id) = before.map_or((i64::MAX, i64::MAX), |(day, id)| (day, to_row(id.0)));
        let sql = format!(
            "SELECT {COLUMNS} FROM vault_own_file WHERE subject = $1 AND is_whole = 1 AND expires_at > $2 \
             AND (epoch < $3 OR (epoch = $3 AND file_id > $4)) ORDER BY epoch DESC, file_id LIMIT $5"
        );
        let limit = i64::try_from(limit.min(MAX_OWN_FILES)).unwrap_or(0);
        let values = [
            subject.as_str().into(),
            now.as_millis().into(),
            day.into(),
            id.into(),
            limit.into(),
        ];
        let rows = self.log().db.read(|tx| tx.query(&sql, &values))?;
        rows.iter().map(file_of).collect()
    }

    /// A sealed file of a subject; `None` where there is none of that name, or it is another's.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn own_file(
        &self,
        subject: &Subject,
        id: OwnFileId,
        now: Timestamp,
    ) -> Result<Option<OwnFile>, DbError> {
        let subject = subject.key();
        let sql = format!(
            "SELECT {COLUMNS} FROM vault_own_file WHERE file_id = $1 AND subject = $2 AND is_whole = 1 AND expires_at > $3"
        );
        let values = [
            to_row(id.0).into(),
            subject.as_str().into(),
            now.as_millis().into(),
        ];
        let row = self.log().db.read(|tx| tx.query_one(&sql, &values))?;
        row.as_ref().map(file_of).transpose()
    }

    /// Has the sealed files of a deployment and class vanish earlier that have a reading from before a moment: after so many days from their
    /// last reading, where that is before their time. Says for how many that is so.
    ///
    /// # Errors
    /// When rows cannot be written.
    pub fn shorten_own_files(
        &self,
        deployment: &DeploymentId,
        class: Retention,
        to: Retention,
        came_before: Timestamp,
    ) -> Result<u64, DbError> {
        let millis = i64::from(to.as_days()).saturating_mul(86_400_000);
        let sql = "UPDATE vault_own_file SET expires_at = last_at + $2 \
                   WHERE deployment = $1 AND first_at < $3 AND retention_days = $4 AND is_whole = 1
                   AND expires_at > last_at + $2";
        let values = [
            deployment.as_str().into(),
            millis.into(),
            came_before.as_millis().into(),
            i64::from(class.as_days()).into(),
        ];
        self.log().db.write(|tx| tx.execute(sql, &values))
    }

    /// A piece of a sealed file, from 0 on; `None` behind the last one. For whoever has looked up the file of its person.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn own_piece(&self, file: &OwnFile, number: u32) -> Result<Option<Vec<u8>>, DbError> {
        let sql = "SELECT bytes FROM vault_own_chunk WHERE file_id = $1 AND number = $2";
        let values = [to_row(file.id.0).into(), i64::from(number).into()];
        let row = self.log().db.read(|tx| tx.query_one(sql, &values))?;
        row.map(|it| it.get(0)).transpose()
    }
}

#[cfg(test)]
mod tests;
