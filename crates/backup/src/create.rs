//! A backup is made: rows and segments become pieces, the erasures are noted, and then, last of all, the list is written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use model::Timestamp;
use store::{DbError, Row, Table, Tx, Value};
use vault::{ErasureFile, SegmentCopy, TombstoneError};

use crate::erasures::ErasuresError;
use crate::manifest::{BackupId, LogFile, Manifest};
use crate::repository::{ChunkId, Repository, RepositoryError};
use crate::rows::{Cutter, Encoder, fits};
use crate::seal::widen;

/// A segment is cut into pieces of this length: it only grows, so all but the last one stay.
const LOG_CHUNK_BYTES: usize = 1024 * 1024;

/// What a backup has to know beside the data.
#[derive(Debug, Clone, Copy)]
pub struct CreateOptions<'a> {
    /// Everything that was acknowledged before this is in the transaction and the segments.
    pub now: Timestamp,
    /// The version of the program.
    pub program: &'a str,
    /// The name of the installation's public record.
    pub origin: &'a str,
    /// The verifier key of the installation's public record: a repository belongs to one installation.
    pub verifier: &'a str,
    /// The file of erasures; one that is not there has none.
    pub erasures: &'a Path,
    /// By which columns rows of a table are ordered first, so that new ones come together.
    pub orders: &'a [(&'a str, &'a [&'a str])],
    /// Set when it is to be broken off.
    pub stop: &'a AtomicBool,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The backup.
    pub manifest: Manifest,
    /// How many pieces it has.
    pub chunks: u64,
    /// How many of them the repository did not have.
    pub new_chunks: u64,
}

/// A backup was not made. What was written of it is used by the next one, or removed with the next backups that are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Rows could not be read.
    #[error("the database could not be read")]
    Rows(#[from] DbError),
    /// A segment could not be read.
    #[error("segment `{name}` could not be read")]
    Segment {
        /// Its file.
        name: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A row cannot be written down.
    #[error("a row of table `{table}` cannot be kept in a backup: {reason}; please report this")]
    Row {
        /// The table.
        table: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file of erasures could not be read.
    #[error("the file of erasures `{path}` could not be read")]
    ErasureFile {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The file of erasures is damaged.
    #[error("the file of erasures could not be understood")]
    Tombstones(#[source] TombstoneError),
    /// Erasures could not be noted.
    #[error("the erasures could not be noted beside the backup")]
    Erasures(#[from] ErasuresError),
    /// The repository.
    #[error("the backup could not be written")]
    Repository(#[from] RepositoryError),
    /// It belongs to somebody else.
    #[error(
        "the repository has backups of another installation, `{origin}`: give each a repository of its own"
    )]
    Foreign {
        /// Whose.
        origin: String,
    },
    /// No randomness for a name.
    #[error("the operating system gave no random bytes")]
    Random(#[source] getrandom::Error),
    /// It was broken off.
    #[error("the backup was broken off, because the server stops: run it again")]
    Stopped,
}

/// Makes a backup of what a transaction sees and of the segments that belong to it.
///
/// # Errors
/// See [`CreateError`]; no backup is listed then, and nothing that is there is worse than before.
pub fn create(
    repository: &Repository,
    tx: &mut Tx<'_>,
    segments: &[SegmentCopy],
    options: &CreateOptions<'_>,
) -> Result<Created, CreateError> {
    let _alone = repository.lock_to_write()?;
    repository.clear_drafts()?;
    check_owner(repository, options.verifier)?;
    let mut shelf = Shelf {
        repository,
        stop: options.stop,
        chunks: 0,
        new_chunks: 0,
        bytes: 0,
        new_bytes: 0,
    };
    let (rows, row_chunks) = shelf.rows(tx, options.orders)?;
    let mut logs = Vec::with_capacity(segments.len());
    for segment in segments {
        logs.push(shelf.segment(segment)?);
    }
    repository.settle()?;
    // After the rows: every erasure that they had not seen yet is in the file by now.
    let erasures = note(repository, options.erasures)?;
    let manifest = Manifest {
        id: BackupId::new(options.now).map_err(CreateError::Random)?,
        at: options.now,
        program: options.program.to_owned(),
        origin: options.origin.to_owned(),
        verifier: options.verifier.to_owned(),
        rows,
        segments: logs.len(),
        bytes: shelf.bytes,
        new_bytes: shelf.new_bytes,
        erasures,
        steps: tx.applied_steps()?,
        row_chunks,
        logs,
    };
    repository.put_manifest(&manifest)?;
    repository.join_erasures()?;
    Ok(Created {
        manifest,
        chunks: shelf.chunks,
        new_chunks: shelf.new_chunks,
    })
}

/// The latest backup that can be read says whose the repository is.
fn check_owner(repository: &Repository, verifier: &str) -> Result<(), CreateError> {
    let backups = repository.backups()?;
    let mut manifests = backups
        .iter()
        .rev()
        .filter_map(|it| repository.manifest(it).ok());
    match manifests.next() {
        Some(it) if it.verifier != verifier => Err(CreateError::Foreign { origin: it.origin }),
        _ => Ok(()),
    }
}

/// Notes every erasure of the file; how many the repository has now.
fn note(repository: &Repository, path: &Path) -> Result<u64, CreateError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => {
            let path = path.to_owned();
            return Err(CreateError::ErasureFile { path, source });
        }
    };
    let mut file = ErasureFile::parse(path, &bytes).map_err(CreateError::Tombstones)?;
    let mut noted = match repository.noted_erasures() {
        // Lost: a copy is made again of what the data directory has.
        Err(ErasuresError::Missing) => {
            repository.put_erasures(&ErasureFile::default())?;
            repository.noted_erasures()?
        }
        noted => noted?,
    };
    repository.note_erasures(&mut noted, &file)?;
    file.join(noted.into_file());
    Ok(widen(file.len()))
}

/// Where pieces are put, with counts.
struct Shelf<'a> {
    repository: &'a Repository,
    stop: &'a AtomicBool,
    chunks: u64,
    new_chunks: u64,
    bytes: u64,
    new_bytes: u64,
}

impl Shelf<'_> {
    fn put(&mut self, plain: &[u8]) -> Result<ChunkId, CreateError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(CreateError::Stopped);
        }
        let (id, written) = self.repository.put_chunk(plain)?;
        self.chunks += 1;
        self.new_chunks += u64::from(written > 0);
        self.bytes += widen(plain.len());
        self.new_bytes += written;
        Ok(id)
    }

    /// Every row of every table; how many, and the pieces.
    fn rows(
        &mut self,
        tx: &mut Tx<'_>,
        orders: &[(&str, &[&str])],
    ) -> Result<(u64, Vec<ChunkId>), CreateError> {
        let key = &self.repository.key;
        let mut cutter = Cutter::new(key);
        let mut encoder = Encoder::default();
        let (mut chunks, mut rows) = (Vec::new(), 0);
        for table in tx.tables()? {
            let too_long = |_| unfit(&table, "it is too long");
            let record = encoder.table(&table).map_err(too_long)?;
            cutter.push(record, |it| self.put(it).map(|id| chunks.push(id)))?;
            let order = orders.iter().find(|it| it.0 == table.name);
            tx.each_row(&table, order.map_or(&[], |it| it.1), |row: &Row| {
                check(&table, row)?;
                rows += 1;
                let record = encoder.row(row).map_err(too_long)?;
                cutter.push(record, |it| self.put(it).map(|id| chunks.push(id)))
            })?;
        }
        let end = encoder.finish(rows).unwrap_or_default();
        cutter.push(end, |it| self.put(it).map(|id| chunks.push(id)))?;
        cutter.finish(|it| self.put(it).map(|id| chunks.push(id)))?;
        Ok((rows, chunks))
    }

    fn segment(&mut self, segment: &SegmentCopy) -> Result<LogFile, CreateError> {
        let name = segment.file_name();
        let bytes = segment.size_bytes();
        let (mut chunks, mut offset) = (Vec::new(), 0);
        while offset < bytes {
            let left = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
            let mut piece = vec![0; left.min(LOG_CHUNK_BYTES)];
            segment
                .read_exact_at(&mut piece, offset)
                .map_err(|source| CreateError::Segment {
                    name: name.clone(),
                    source,
                })?;
            chunks.push(self.put(&piece)?);
            offset += widen(piece.len());
        }
        Ok(LogFile {
            name,
            bytes,
            chunks,
        })
    }
}

/// A row that could not be put back is no backup: better that this is known now.
fn check(table: &Table, row: &Row) -> Result<(), CreateError> {
    let values: Vec<Value<'_>> = row.values().collect();
    match fits(table, &values) {
        true => Ok(()),
        false => Err(unfit(table, "a value is not of the type of its column")),
    }
}

fn unfit(table: &Table, reason: &'static str) -> CreateError {
    CreateError::Row {
        table: table.name.clone(),
        reason,
    }
}
