//! The public record: its entries for pages, its files (tiles, bundles, checkpoint) as they are published.

use model::{Entry, EntryKind, Timestamp};
use store::{DbError, Tx, Value};

use super::{RowError, parsed};
use crate::ledger::{RecordQuery, RecordedEntry};

pub(crate) fn insert(tx: &mut Tx<'_>, position: u64, entry: &Entry) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO record_entry (position, at, kind, about, acted_by, reason, document_sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            position.cast_signed().into(),
            entry.at.as_millis().into(),
            entry.kind.as_str().into(),
            entry.about.as_str().into(),
            entry.by.as_str().into(),
            entry.reason.as_str().into(),
            entry
                .document_sha256
                .as_deref()
                .map_or(Value::Null, Into::into),
        ],
    )?;
    Ok(())
}

const COLUMNS: &str =
    "SELECT position, at, kind, about, acted_by, reason, document_sha256 FROM record_entry";

fn read(row: &store::Row) -> Result<RecordedEntry, RowError> {
    Ok(RecordedEntry {
        position: row.get::<i64>(0)?.cast_unsigned(),
        entry: Entry {
            at: Timestamp::from_millis(row.get(1)?),
            kind: parsed("record_entry", &row.get::<String>(2)?, EntryKind::parse)?,
            about: row.get(3)?,
            by: row.get(4)?,
            reason: row.get(5)?,
            document_sha256: row.get(6)?,
        },
    })
}

/// Entries before `before`, newest first.
pub(crate) fn before(
    tx: &mut Tx<'_>,
    before: u64,
    limit: i64,
) -> Result<Vec<RecordedEntry>, RowError> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let rows = tx.query(
        &format!("{COLUMNS} WHERE position < $1 ORDER BY position DESC LIMIT $2"),
        &[before.into(), limit.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Acts before `before`, newest first: what the platform adds by the hour is left out.
pub(crate) fn acts_before(
    tx: &mut Tx<'_>,
    before: u64,
    limit: i64,
) -> Result<Vec<RecordedEntry>, RowError> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let rows = tx.query(
        &format!("{COLUMNS} WHERE position < $1 AND kind <> $2 ORDER BY position DESC LIMIT $3"),
        &[
            before.into(),
            EntryKind::ReceiptsCommitted.as_str().into(),
            limit.into(),
        ],
    )?;
    rows.iter().map(read).collect()
}

/// Entries that fit, newest first.
pub(crate) fn search(
    tx: &mut Tx<'_>,
    query: &RecordQuery,
    limit: i64,
) -> Result<Vec<RecordedEntry>, RowError> {
    let before = query.before.and_then(|it| i64::try_from(it).ok());
    let before = before.unwrap_or(i64::MAX);
    let kind = query.kind.map_or("", EntryKind::as_str);
    let mut words = query.words.trim().to_lowercase();
    if !words.is_empty() {
        for special in ['!', '%', '_'] {
            words = words.replace(special, &format!("!{special}"));
        }
        words = format!("%{words}%");
    }
    let rows = tx.query(
        &format!(
            "{COLUMNS} WHERE position < $1 AND ($2 = '' OR kind = $2)
             AND ($3 = '' OR about = $3 OR acted_by = $3)
             AND ($4 = '' OR LOWER(reason) LIKE $4 ESCAPE '!') ORDER BY position DESC LIMIT $5"
        ),
        &[
            before.into(),
            kind.into(),
            query.about.trim().into(),
            words.as_str().into(),
            limit.into(),
        ],
    )?;
    rows.iter().map(read).collect()
}

/// Entries from a position on, oldest first.
pub(crate) fn from(tx: &mut Tx<'_>, from: u64, limit: i64) -> Result<Vec<RecordedEntry>, RowError> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let rows = tx.query(
        &format!("{COLUMNS} WHERE position >= $1 ORDER BY position LIMIT $2"),
        &[from.into(), limit.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Entries about one thing (`deployment:…`, `member:…`), newest first.
pub(crate) fn about(
    tx: &mut Tx<'_>,
    about: &str,
    limit: i64,
) -> Result<Vec<RecordedEntry>, RowError> {
    let rows = tx.query(
        &format!("{COLUMNS} WHERE about = $1 ORDER BY position DESC LIMIT $2"),
        &[about.into(), limit.into()],
    )?;
    rows.iter().map(read).collect()
}

/// One entry.
pub(crate) fn one(tx: &mut Tx<'_>, position: u64) -> Result<Option<RecordedEntry>, RowError> {
    let position = i64::try_from(position).unwrap_or(i64::MAX);
    let row = tx.query_one(
        &format!("{COLUMNS} WHERE position = $1"),
        &[position.into()],
    )?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn file(tx: &mut Tx<'_>, path: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = tx.query_one(
        "SELECT body FROM record_file WHERE path = $1",
        &[path.into()],
    )?;
    row.map(|it| it.get(0)).transpose()
}

pub(crate) fn put_file(tx: &mut Tx<'_>, path: &str, body: &[u8]) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO record_file (path, body) VALUES ($1, $2) ON CONFLICT (path) DO UPDATE SET body = $2",
        &[path.into(), body.into()],
    )?;
    Ok(())
}

pub(crate) fn file_paths(tx: &mut Tx<'_>) -> Result<Vec<String>, DbError> {
    let rows = tx.query("SELECT path FROM record_file ORDER BY path", &[])?;
    rows.iter().map(|it| it.get(0)).collect()
}

/// Paths that begin with `prefix`.
pub(crate) fn file_paths_under(tx: &mut Tx<'_>, prefix: &str) -> Result<Vec<String>, DbError> {
    let rows = tx.query(
        "SELECT path FROM record_file WHERE substr(path, 1, length($1)) = $1",
        &[prefix.into()],
    )?;
    rows.iter().map(|it| it.get(0)).collect()
}

pub(crate) fn remove_files_under(tx: &mut Tx<'_>, prefix: &str) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM record_file WHERE substr(path, 1, length($1)) = $1",
        &[prefix.into()],
    )?;
    Ok(())
}
