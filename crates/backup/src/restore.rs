//! A backup is put back: its rows into an empty database, its segments into a directory.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use store::{Db, DbError, Kind, MigrationSet, RefillError, Table, Tx, Value};

use crate::disk::Disk;
use crate::manifest::{BackupId, LogFile, Manifest};
use crate::repository::{Repository, RepositoryError};
use crate::rows::{self, MAX_RECORD_BYTES, Record, fits};
use crate::seal::widen;

/// So many rows are inserted at once.
const ROWS_AT_ONCE: usize = 256;

/// What was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Rows.
    pub rows: u64,
    /// Segments of the log.
    pub segments: usize,
}

/// A backup was not put back. The database keeps its mark, so nothing starts on it; doing it again begins anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The repository.
    #[error("the backup could not be read")]
    Repository(#[from] RepositoryError),
    /// The database could not be prepared.
    #[error("the database could not be prepared")]
    Refill(#[source] RefillError),
    /// The rows could not be inserted.
    #[error("the rows could not be put into the database")]
    Rows(#[from] DbError),
    /// What the backup holds are no rows of this schema.
    #[error("the rows of backup {id} cannot be used: {reason}")]
    Form {
        /// The backup.
        id: BackupId,
        /// What is wrong.
        reason: String,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`")]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// Puts a backup into an empty database, whose schema is made by `sets`, and its segments into a directory that has none.
/// With the same `token` it can be done again, until [`Db::settle_refill`] is called.
pub(crate) fn put_back(
    (repository, manifest): (&Repository, &Manifest),
    (db, sets, token): (&Db, &[&MigrationSet], &str),
    (disk, log): (&dyn Disk, &Path),
) -> Result<Restored, RestoreError> {
    let _stays = repository.lock_to_read()?;
    // Segments first: the rows, which take away the mark, come when everything else is there.
    disk.make(log).map_err(failed(log))?;
    for file in &manifest.logs {
        write_segment(repository, manifest, file, (disk, log))?;
    }
    disk.settle(log).map_err(failed(log))?;
    db.begin_refill(sets, &manifest.steps, token)
        .map_err(RestoreError::Refill)?;
    #[cfg(test)]
    testkit::crash::point();
    let rows = db.write(|tx| fill(repository, manifest, tx))?;
    Ok(Restored {
        rows,
        segments: manifest.logs.len(),
    })
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> RestoreError {
    let path = path.to_owned();
    move |source| RestoreError::File { path, source }
}

fn write_segment(
    repository: &Repository,
    manifest: &Manifest,
    file: &LogFile,
    (disk, directory): (&dyn Disk, &Path),
) -> Result<(), RestoreError> {
    // INVARIANT: the name is that of a segment, which `Manifest::decode` has checked.
    let path = directory.join(&file.name);
    let mut written = disk.create(&path).map_err(failed(&path))?;
    let mut bytes = 0;
    for id in &file.chunks {
        let piece = repository.chunk(*id)?;
        bytes += widen(piece.len());
        // Before it is written: a piece may be named often.
        if bytes > file.bytes {
            break;
        }
        written.write_all(&piece).map_err(failed(&path))?;
    }
    if bytes != file.bytes {
        return Err(RestoreError::Form {
            id: manifest.id.clone(),
            reason: format!("segment `{}` is not as long as its list says", file.name),
        });
    }
    written.sync_all().map_err(failed(&path))
}

fn fill(
    repository: &Repository,
    manifest: &Manifest,
    tx: &mut Tx<'_>,
) -> Result<u64, RestoreError> {
    let tables = tx.tables()?;
    let mut filler = Filler {
        manifest,
        tables: &tables,
        current: None,
        seen: BTreeSet::new(),
        rows: 0,
        is_over: false,
    };
    let insert = |tx: &mut Tx<'_>, table: &Table, rows: &[Vec<Value<'_>>]| {
        #[cfg(test)]
        testkit::crash::point();
        tx.insert_rows(table, rows).map_err(RestoreError::Rows)
    };
    each_chunk(repository, manifest, |bytes| {
        filler.take(bytes, |table, rows| insert(tx, table, rows))
    })?;
    filler.finish()?;
    tx.end_refill()?;
    #[cfg(test)]
    testkit::crash::point();
    Ok(manifest.rows)
}

fn has_columns(table: &Table, columns: &[(String, Kind)]) -> bool {
    let here = table.columns.iter().map(|it| (&it.name, it.kind));
    here.eq(columns.iter().map(|(name, kind)| (name, *kind)))
}

/// Reads the rows of a backup without putting them anywhere: whether they are all there and can be understood.
pub(crate) fn read_rows(repository: &Repository, manifest: &Manifest) -> Result<(), RestoreError> {
    let mut filler = Filler {
        manifest,
        tables: &[],
        current: None,
        seen: BTreeSet::new(),
        rows: 0,
        is_over: false,
    };
    each_chunk(repository, manifest, |bytes| filler.skim(bytes))?;
    filler.check_end()
}

/// Gives the stream of rows to `take`, which says how much of it was used.
fn each_chunk(
    repository: &Repository,
    manifest: &Manifest,
    mut take: impl FnMut(&[u8]) -> Result<usize, RestoreError>,
) -> Result<(), RestoreError> {
    let unfit = |reason: &str| RestoreError::Form {
        id: manifest.id.clone(),
        reason: reason.to_owned(),
    };
    let (mut buffer, mut bytes) = (Vec::new(), 0);
    for id in &manifest.row_chunks {
        let piece = repository.chunk(*id)?;
        bytes += widen(piece.len());
        if bytes > manifest.bytes {
            return Err(unfit("its rows are longer than all of it"));
        }
        buffer.extend_from_slice(&piece);
        let used = take(&buffer)?;
        buffer.drain(..used.min(buffer.len()));
        if buffer.len() > MAX_RECORD_BYTES * 2 {
            return Err(unfit("a record is too long"));
        }
    }
    match buffer.is_empty() {
        true => Ok(()),
        false => Err(unfit("the last record is not whole")),
    }
}

struct Filler<'t> {
    manifest: &'t Manifest,
    tables: &'t [Table],
    current: Option<&'t Table>,
    seen: BTreeSet<String>,
    rows: u64,
    is_over: bool,
}

impl<'t> Filler<'t> {
    fn unfit(&self, reason: impl Into<String>) -> RestoreError {
        RestoreError::Form {
            id: self.manifest.id.clone(),
            reason: reason.into(),
        }
    }

    /// Every whole record at the front; says how many bytes they took.
    fn take(
        &mut self,
        bytes: &[u8],
        mut insert: impl FnMut(&Table, &[Vec<Value<'_>>]) -> Result<(), RestoreError>,
    ) -> Result<usize, RestoreError> {
        let (mut used, mut pending) = (0, Vec::new());
        while let Some((record, len)) = self.next(bytes.get(used..).unwrap_or_default())? {
            used += len;
            match record {
                Record::Row(values) => {
                    let table = self.current.filter(|it| fits(it, &values));
                    let table = table.ok_or_else(|| self.unfit("a row fits no table"))?;
                    self.count()?;
                    pending.push(values);
                    if pending.len() >= ROWS_AT_ONCE {
                        insert(table, &pending)?;
                        pending.clear();
                    }
                }
                other => {
                    if let Some(table) = self.current {
                        insert(table, &pending)?;
                        pending.clear();
                    }
                    self.change(other)?;
                }
            }
        }
        if let Some(table) = self.current {
            insert(table, &pending)?;
        }
        Ok(used)
    }

    /// As [`Filler::take`], where there is no database.
    fn skim(&mut self, bytes: &[u8]) -> Result<usize, RestoreError> {
        let mut used = 0;
        while let Some((record, len)) = self.next(bytes.get(used..).unwrap_or_default())? {
            used += len;
            match record {
                Record::Row(_) => self.count()?,
                Record::Table { .. } => {}
                Record::End { rows } => self.end(rows)?,
            }
        }
        Ok(used)
    }

    /// One more row.
    fn count(&mut self) -> Result<(), RestoreError> {
        self.rows += 1;
        match self.rows > self.manifest.rows {
            true => Err(self.unfit("it has more rows than its list says")),
            false => Ok(()),
        }
    }

    fn next<'b>(&self, bytes: &'b [u8]) -> Result<Option<(Record<'b>, usize)>, RestoreError> {
        if self.is_over && !bytes.is_empty() {
            return Err(self.unfit("there is something behind the end"));
        }
        rows::next(bytes).map_err(|_| self.unfit("there is no record where one should be"))
    }

    /// Another table, or the end.
    fn change(&mut self, record: Record<'_>) -> Result<(), RestoreError> {
        match record {
            Record::Table { name, columns } => {
                let table = self.tables.iter().find(|it| it.name == name);
                let table = table.filter(|it| has_columns(it, &columns));
                let table = table.ok_or_else(|| {
                    self.unfit("it has a table that this program does not have, or has otherwise")
                })?;
                if !self.seen.insert(name) {
                    return Err(self.unfit("a table comes twice"));
                }
                self.current = Some(table);
                Ok(())
            }
            Record::End { rows } => self.end(rows),
            Record::Row(_) => Ok(()),
        }
    }

    fn end(&mut self, rows: u64) -> Result<(), RestoreError> {
        self.is_over = true;
        self.current = None;
        match rows == self.rows && rows == self.manifest.rows {
            true => Ok(()),
            false => Err(self.unfit("it has fewer or more rows than its list says")),
        }
    }

    fn check_end(&self) -> Result<(), RestoreError> {
        match self.is_over {
            true => Ok(()),
            false => Err(self.unfit("its end is missing")),
        }
    }

    fn finish(&self) -> Result<(), RestoreError> {
        self.check_end()?;
        match self.tables.iter().all(|it| self.seen.contains(&it.name)) {
            true => Ok(()),
            false => Err(self.unfit("a table is missing")),
        }
    }
}
