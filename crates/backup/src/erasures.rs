//! Copies of the tombstones of erasures, beside the backups and in none of them: a backup is put back as it was, and what was erased
//! since is erased again.
//!
//! Every copy is a file of its own with what the others do not have, named by what it holds; nothing is written over. The union of all
//! files counts, so a copy that is lost or old takes nothing away that another one has. The first file is empty and made with the
//! repository: where no file is, some are lost.

use std::path::Path;

use data_encoding::HEXLOWER;
use vault::{ErasureFile, TombstoneError};

use crate::repository::{Repository, RepositoryError, io_error};
use crate::seal::{Kind, widen};

pub(crate) const ERASURES: &str = "erasures";
/// So many tombstones are in one file.
const MAX_IN_FILE: usize = 50_000;
/// A file never holds more.
const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;
/// When there are more files, they are joined.
const MAX_FILES: usize = 32;

/// The copies of erasures in a repository cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErasuresError {
    /// A file of the repository.
    #[error("the copy of the erasures in the repository could not be read or written")]
    Repository(#[from] RepositoryError),
    /// What a file holds cannot be understood.
    #[error("a copy of the erasures cannot be understood")]
    Tombstones(#[from] TombstoneError),
    /// There is no copy at all, not even the empty one.
    #[error("the repository has lost its copy of the erasures")]
    Missing,
    /// There are fewer than there were.
    #[error(
        "the repository has {found} erasures, and when its latest backup was made {known} were known"
    )]
    Lost {
        /// How many a backup knows of.
        known: u64,
        /// How many there are.
        found: u64,
    },
}

/// Which erasures a repository has, as far as this process knows.
#[derive(Debug, Default)]
pub struct NotedErasures(ErasureFile);

impl NotedErasures {
    /// How many of a file are not among them.
    #[must_use]
    pub fn missing(&self, file: &ErasureFile) -> usize {
        file.without(&self.0).len()
    }

    pub(crate) fn into_file(self) -> ErasureFile {
        self.0
    }
}

impl Repository {
    /// Which erasures the repository has, as far as they can be read: what cannot is noted once more.
    ///
    /// # Errors
    /// See [`ErasuresError`].
    pub fn noted_erasures(&self) -> Result<NotedErasures, ErasuresError> {
        let found = self.read_erasures()?;
        match found.names.is_empty() {
            true => Err(ErasuresError::Missing),
            false => Ok(NotedErasures(found.all)),
        }
    }

    /// Every erasure that the repository has, for a restore.
    ///
    /// # Errors
    /// See [`ErasuresError`]: also when a file of them cannot be read, and when a backup knows of more.
    pub fn erasures(&self) -> Result<ErasureFile, ErasuresError> {
        let found = self.read_erasures()?;
        if let Some((_, err)) = found.bad.into_iter().next() {
            return Err(err);
        }
        if found.names.is_empty() {
            return Err(ErasuresError::Missing);
        }
        let known = self.known_erasures()?;
        match widen(found.all.len()) < known {
            true => Err(ErasuresError::Lost {
                known,
                found: widen(found.all.len()),
            }),
            false => Ok(found.all),
        }
    }

    /// How many erasures there are at least: the most that a backup knows of.
    fn known_erasures(&self) -> Result<u64, RepositoryError> {
        let mut known = 0;
        for id in self.backups()? {
            // One that cannot be read says nothing, and is reported when it is wanted.
            known = self
                .manifest(&id)
                .map_or(known, |it| known.max(it.erasures));
        }
        Ok(known)
    }

    /// Keeps what the repository does not have yet; durable when this returns. Says how many those were.
    ///
    /// # Errors
    /// When it cannot be written; what was there stays.
    pub fn note_erasures(
        &self,
        noted: &mut NotedErasures,
        file: &ErasureFile,
    ) -> Result<usize, ErasuresError> {
        let new = file.without(&noted.0);
        if new.is_empty() {
            return Ok(0);
        }
        let count = new.len();
        for piece in new.pieces(MAX_IN_FILE) {
            self.put_erasures(&piece)?;
        }
        noted.0.join(new);
        Ok(count)
    }

    /// Joins the files when they have become many, and removes those that cannot be read once what they had is known from elsewhere.
    /// For one who holds the lock to write and has noted every erasure of the data directory.
    pub(crate) fn join_erasures(&self) -> Result<(), ErasuresError> {
        let Found { all, names, bad } = self.read_erasures()?;
        if !bad.is_empty() && widen(all.len()) >= self.known_erasures()? {
            bad.iter().try_for_each(|(name, _)| self.remove(name))?;
        }
        if names.len() > MAX_FILES.max(all.len() / MAX_IN_FILE * 2) {
            let mut kept = Vec::new();
            for piece in all.pieces(MAX_IN_FILE) {
                kept.push(self.put_erasures(&piece)?);
            }
            let joined = names.iter().filter(|it| !kept.contains(it));
            joined.into_iter().try_for_each(|it| self.remove(it))?;
        }
        Ok(self.settle()?)
    }

    /// Writes one file; its name.
    pub(crate) fn put_erasures(&self, file: &ErasureFile) -> Result<String, RepositoryError> {
        let plain = file.to_bytes();
        let id = self.key.erasures_name(&plain);
        let name = format!("{ERASURES}/{}", HEXLOWER.encode(&id));
        self.write(Kind::Erasures, &name, &id, &plain)?;
        self.settle()?;
        Ok(name)
    }

    fn read_erasures(&self) -> Result<Found, ErasuresError> {
        let mut found = Found::default();
        for file in self
            .files
            .list(ERASURES)
            .map_err(io_error("read", ERASURES))?
        {
            let Some(id) = name_of(&file) else {
                continue;
            };
            let name = format!("{ERASURES}/{file}");
            match self.read_erasure_file(&name, &id) {
                Ok(file) => {
                    found.all.join(file);
                    found.names.push(name);
                }
                // Joined with others since the names were read.
                Err(ErasuresError::Repository(RepositoryError::Missing { .. })) => {}
                Err(err @ ErasuresError::Repository(RepositoryError::Io { .. })) => {
                    return Err(err);
                }
                Err(err) => found.bad.push((name, err)),
            }
        }
        Ok(found)
    }

    fn read_erasure_file(&self, name: &str, id: &[u8; 32]) -> Result<ErasureFile, ErasuresError> {
        let plain = self.read(Kind::Erasures, name, id, MAX_FILE_BYTES)?;
        Ok(ErasureFile::parse(Path::new(name), &plain)?)
    }
}

/// What lies in the directory of erasures.
#[derive(Default)]
struct Found {
    /// All that can be read.
    all: ErasureFile,
    /// The files that can be read.
    names: Vec<String>,
    /// Those that cannot.
    bad: Vec<(String, ErasuresError)>,
}

fn name_of(file: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(file.as_bytes()).ok()?.try_into().ok()
}
