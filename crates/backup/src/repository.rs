//! The repository: made, opened, its sealed files by name.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use vault::{ErasureFile, Protection};

use crate::files::{Directory, Files, TMP};
use crate::key::{self, KeyError, MAX_KEY_FILE_BYTES};
use crate::manifest::{BackupId, MAX_MANIFEST_BYTES, Manifest};
use crate::seal::{
    Fault, HEAD_BYTES, Kind, OVERHEAD_BYTES, RepositoryKey, SealError, check_whole, widen,
};

pub(crate) const KEY: &str = "key";
pub(crate) const KEY_COPY: &str = "key-copy";
pub(crate) const BACKUPS: &str = "backups";
pub(crate) const CHUNKS: &str = "chunks";
const LOCK: &str = "lock";
/// A chunk never holds more.
pub(crate) const MAX_CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// So many backups are listed.
pub(crate) const MAX_BACKUPS: usize = 10_000;

/// Names a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChunkId(pub(crate) [u8; 32]);

impl ChunkId {
    pub(crate) fn file(self) -> String {
        let hex = HEXLOWER.encode(&self.0);
        let shelf = hex.get(..2).unwrap_or_default();
        format!("{CHUNKS}/{shelf}/{hex}")
    }
}

/// A repository could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// There is one already.
    #[error("`{path}` is a repository already")]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("`{path}` is not empty: name a directory that is, or one that does not exist")]
    NotEmpty {
        /// Where.
        path: PathBuf,
    },
    /// It could not be written to.
    #[error("the repository `{path}` could not be made")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Its key could not be made.
    #[error("the key of the repository `{path}` could not be made")]
    Key {
        /// Where.
        path: PathBuf,
        /// What failed.
        #[source]
        source: KeyError,
    },
    /// Its first file could not be written.
    #[error("the repository could not be begun")]
    Begin(#[source] RepositoryError),
}

/// A repository could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is none.
    #[error("there is no repository of backups in `{path}`")]
    None {
        /// Where.
        path: PathBuf,
    },
    /// Its key file could not be read.
    #[error("the repository `{path}` cannot be read")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Its key did not open.
    #[error("the repository `{path}` does not open")]
    Key {
        /// Where.
        path: PathBuf,
        /// What failed.
        #[source]
        source: KeyError,
    },
}

/// A file of a repository could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// It is not there.
    #[error("`{name}` is missing in the repository")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It is not as long as it says.
    #[error("`{name}` in the repository is torn: it was not written whole, or cut later")]
    Torn {
        /// Its name.
        name: String,
    },
    /// It was changed, or comes from another repository.
    #[error(
        "`{name}` in the repository does not open: it was changed, or belongs to another repository"
    )]
    Changed {
        /// Its name.
        name: String,
    },
    /// It is larger than any file of ours.
    #[error("`{name}` in the repository is larger than any file that we write")]
    TooLarge {
        /// Its name.
        name: String,
    },
    /// It opens, and holds nothing that can be understood.
    #[error("`{name}` in the repository opens, and is not what it should be: {reason}")]
    Form {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A later release wrote it.
    #[error(
        "`{name}` in the repository has version {version}, this program knows version 1: use the release that wrote it"
    )]
    Version {
        /// Its name.
        name: String,
        /// The version found.
        version: u32,
    },
    /// It could not be read or written.
    #[error("cannot {doing} `{name}` in the repository")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Its name.
        name: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It could not be sealed.
    #[error("`{name}` could not be sealed")]
    Seal {
        /// Its name.
        name: String,
        /// What failed.
        #[source]
        source: SealError,
    },
    /// There are more backups than anybody keeps.
    #[error(
        "there are more than {MAX_BACKUPS} backups in the repository: remove some with `amanat backup prune`"
    )]
    TooMany,
    /// Somebody else writes to it.
    #[error(
        "another backup is being made, checked or removed in `{path}`: try again when it is done"
    )]
    Busy {
        /// Where.
        path: PathBuf,
    },
}

/// A repository, open.
pub struct Repository {
    path: PathBuf,
    pub(crate) files: Box<dyn Files>,
    pub(crate) key: RepositoryKey,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repository({})", self.path.display())
    }
}

/// Held while files of a repository must not go, or nobody else may write.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: Option<File>,
}

impl Repository {
    /// Makes a repository in an empty directory, with a new key under `protection`.
    ///
    /// # Errors
    /// See [`InitError`]. Broken off, it can be done again.
    pub fn init(path: &Path, protection: &dyn Protection) -> Result<Self, InitError> {
        let failed = |source| InitError::Io {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        Self::init_on(path, Box::new(Directory::new(path)), protection)
    }

    pub(crate) fn init_on(
        path: &Path,
        files: Box<dyn Files>,
        protection: &dyn Protection,
    ) -> Result<Self, InitError> {
        let at = || path.to_owned();
        let failed = |source| InitError::Io { path: at(), source };
        let found = files.list("").map_err(failed)?;
        if found.iter().any(|it| it == KEY) {
            return Err(InitError::Exists { path: at() });
        }
        // What an earlier try that was broken off leaves: nothing that anybody can open.
        let is_left =
            |it: &String| [KEY_COPY, crate::erasures::ERASURES, TMP].contains(&it.as_str());
        if !found.iter().all(is_left) {
            return Err(InitError::NotEmpty { path: at() });
        }
        for directory in [crate::erasures::ERASURES, TMP] {
            for name in files.list(directory).map_err(failed)? {
                files
                    .remove(&format!("{directory}/{name}"))
                    .map_err(failed)?;
            }
        }
        let made = |source| InitError::Key { path: at(), source };
        let key = RepositoryKey::random().map_err(|err| made(KeyError::New(err)))?;
        let line = key::line(&key, protection).map_err(made)?;
        let repository = Self {
            path: at(),
            files,
            key,
        };
        // So that "there are none yet" is not what it looks like when they are gone.
        repository
            .put_erasures(&ErasureFile::default())
            .map_err(InitError::Begin)?;
        for name in [KEY_COPY, KEY] {
            let written = repository.files.write(name, line.as_bytes());
            written
                .and_then(|()| repository.files.settle())
                .map_err(failed)?;
        }
        Ok(repository)
    }

    /// Opens a repository.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, protection: &dyn Protection) -> Result<Self, OpenError> {
        Self::open_on(path, Box::new(Directory::new(path)), protection)
    }

    pub(crate) fn open_on(
        path: &Path,
        files: Box<dyn Files>,
        protection: &dyn Protection,
    ) -> Result<Self, OpenError> {
        let mut first = None;
        for name in [KEY, KEY_COPY] {
            let opened = match files.read(name, MAX_KEY_FILE_BYTES) {
                Ok(bytes) => key::open(&bytes, protection).map_err(|source| OpenError::Key {
                    path: path.to_owned(),
                    source,
                }),
                Err(err) if is_missing(&err) => Err(OpenError::None {
                    path: path.to_owned(),
                }),
                Err(source) => Err(OpenError::Io {
                    path: path.to_owned(),
                    source,
                }),
            };
            match opened {
                Ok(key) => {
                    return Ok(Self {
                        path: path.to_owned(),
                        files,
                        key,
                    });
                }
                // What is wrong with a key that is there says more than that a copy is missing.
                Err(err @ OpenError::Key { .. })
                    if !matches!(first, Some(OpenError::Key { .. })) =>
                {
                    first = Some(err);
                }
                Err(err) => first = first.or(Some(err)),
            }
        }
        Err(first.unwrap_or_else(|| OpenError::None {
            path: path.to_owned(),
        }))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every backup, oldest first.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn backups(&self) -> Result<Vec<BackupId>, RepositoryError> {
        let names = self
            .files
            .list(BACKUPS)
            .map_err(io_error("read", BACKUPS))?;
        let mut ids: Vec<BackupId> = names.iter().filter_map(|it| BackupId::parse(it)).collect();
        if ids.len() > MAX_BACKUPS {
            return Err(RepositoryError::TooMany);
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// What a backup consists of.
    ///
    /// # Errors
    /// When it is missing, damaged, or not one of this repository.
    pub fn manifest(&self, id: &BackupId) -> Result<Manifest, RepositoryError> {
        let name = format!("{BACKUPS}/{id}");
        let plain = self.read(
            Kind::Backup,
            &name,
            id.as_str().as_bytes(),
            MAX_MANIFEST_BYTES,
        )?;
        Manifest::decode(&plain, id).map_err(|reason| RepositoryError::Form { name, reason })
    }

    pub(crate) fn put_manifest(&self, manifest: &Manifest) -> Result<u64, RepositoryError> {
        let name = format!("{BACKUPS}/{}", manifest.id);
        let plain = manifest.encode().map_err(|reason| RepositoryError::Form {
            name: name.clone(),
            reason,
        })?;
        let written = self.write(Kind::Backup, &name, manifest.id.as_str().as_bytes(), &plain)?;
        self.settle()?;
        Ok(written)
    }

    /// What a chunk holds.
    pub(crate) fn chunk(&self, id: ChunkId) -> Result<Vec<u8>, RepositoryError> {
        self.read(Kind::Chunk, &id.file(), &id.0, MAX_CHUNK_BYTES)
    }

    /// Whether a chunk is there and as long as it says.
    pub(crate) fn check_chunk(&self, id: ChunkId) -> Result<u64, RepositoryError> {
        let name = id.file();
        let (head, size_bytes) = self
            .files
            .head(&name, HEAD_BYTES)
            .map_err(|err| read_error(&name, err))?;
        check_whole(Kind::Chunk, &head, size_bytes).map_err(|fault| fault_error(&name, fault))?;
        Ok(size_bytes)
    }

    /// Keeps a chunk; says how many bytes were written: none when it is there.
    pub(crate) fn put_chunk(&self, plain: &[u8]) -> Result<(ChunkId, u64), RepositoryError> {
        let id = ChunkId(self.key.chunk_name(plain));
        match self.check_chunk(id) {
            Ok(_) => Ok((id, 0)),
            Err(RepositoryError::Missing { .. } | RepositoryError::Torn { .. }) => {
                Ok((id, self.write(Kind::Chunk, &id.file(), &id.0, plain)?))
            }
            Err(err) => Err(err),
        }
    }

    pub(crate) fn read(
        &self,
        kind: Kind,
        name: &str,
        identity: &[u8],
        max_bytes: usize,
    ) -> Result<Vec<u8>, RepositoryError> {
        let most = widen(max_bytes.saturating_add(OVERHEAD_BYTES));
        let file = self
            .files
            .read(name, most)
            .map_err(|err| read_error(name, err))?;
        self.key
            .open(kind, identity, &file, max_bytes)
            .map_err(|fault| fault_error(name, fault))
    }

    pub(crate) fn write(
        &self,
        kind: Kind,
        name: &str,
        identity: &[u8],
        plain: &[u8],
    ) -> Result<u64, RepositoryError> {
        let file = self.key.seal(kind, identity, plain).map_err(|source| {
            let name = name.to_owned();
            RepositoryError::Seal { name, source }
        })?;
        self.files
            .write(name, &file)
            .map_err(io_error("write", name))?;
        Ok(widen(file.len()))
    }

    pub(crate) fn settle(&self) -> Result<(), RepositoryError> {
        self.files.settle().map_err(io_error("sync", "."))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), RepositoryError> {
        self.files.remove(name).map_err(io_error("remove", name))
    }

    /// Keeps everybody else from writing. The lock ends with the process.
    pub(crate) fn lock_to_write(&self) -> Result<Held, RepositoryError> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path.join(LOCK))
            .map_err(io_error("lock", LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Held { _lock: Some(file) }),
            Err(err) => Err(self.not_locked(err)),
        }
    }

    /// Keeps files from being removed, where the place allows a lock: a copy on a medium that cannot be written needs none.
    pub(crate) fn lock_to_read(&self) -> Result<Held, RepositoryError> {
        let Ok(file) = File::open(self.path.join(LOCK)) else {
            return Ok(Held { _lock: None });
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Held { _lock: Some(file) }),
            Err(TryLockError::Error(_)) => Ok(Held { _lock: None }),
            Err(err) => Err(self.not_locked(err)),
        }
    }

    fn not_locked(&self, err: TryLockError) -> RepositoryError {
        match err {
            TryLockError::WouldBlock => RepositoryError::Busy {
                path: self.path.clone(),
            },
            TryLockError::Error(source) => io_error("lock", LOCK)(source),
        }
    }

    /// Removes what a writer that was killed left half written. For one who holds the lock to write.
    pub(crate) fn clear_drafts(&self) -> Result<(), RepositoryError> {
        let ours = format!("{}-", std::process::id());
        for name in self.files.list(TMP).map_err(io_error("read", TMP))? {
            // Another thread of this process may be writing down an erasure, which takes no lock.
            if !name.starts_with(&ours) {
                self.remove(&format!("{TMP}/{name}"))?;
            }
        }
        Ok(())
    }
}

fn is_missing(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

pub(crate) fn io_error(
    doing: &'static str,
    name: &str,
) -> impl FnOnce(io::Error) -> RepositoryError {
    let name = name.to_owned();
    move |source| RepositoryError::Io {
        doing,
        name,
        source,
    }
}

fn read_error(name: &str, err: io::Error) -> RepositoryError {
    let name = name.to_owned();
    match err.kind() {
        _ if is_missing(&err) => RepositoryError::Missing { name },
        io::ErrorKind::FileTooLarge => RepositoryError::TooLarge { name },
        _ => RepositoryError::Io {
            doing: "read",
            name,
            source: err,
        },
    }
}

fn fault_error(name: &str, fault: Fault) -> RepositoryError {
    let name = name.to_owned();
    match fault {
        Fault::Torn => RepositoryError::Torn { name },
        Fault::Changed => RepositoryError::Changed { name },
        Fault::TooLarge => RepositoryError::TooLarge { name },
        Fault::Version(version) => RepositoryError::Version { name, version },
    }
}
