//! A log in a directory.
//!
//! A file is written beside its place as `.<name>.tmp`, synced, renamed over its place, and the directory synced; so it
//! is whole and durable or not there. A `.tmp` file is what a crash left behind; it is never read, and written over.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::bundle::MAX_ENTRY_BYTES;
use crate::hash::HASH_BYTES;
use crate::log_store::LogStore;
use crate::note::MAX_NOTE_BYTES;
use crate::path::{LogPath, TILE_WIDTH};

/// A directory with exactly the files of one log. One writer at a time.
#[derive(Clone, Debug)]
pub struct DirStore {
    root: PathBuf,
}

/// Why a directory store failed.
#[derive(Debug, thiserror::Error)]
pub enum DirStoreError {
    /// Not the path of a log file; nothing was touched.
    #[error("`{path}` is not the path of a log file")]
    NotLogPath {
        /// The refused path.
        path: String,
    },
    /// The file is longer than a file of its kind can be.
    #[error("`{path}` is longer than {limit_bytes} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit for its kind.
        limit_bytes: u64,
    },
    /// The log's directory does not exist.
    #[error("`{path}` is not a directory")]
    NotDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("could not {action} `{path}`")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl DirStore {
    /// Opens an existing directory.
    pub fn open(root: impl Into<PathBuf>) -> Result<DirStore, DirStoreError> {
        let root = root.into();
        if root.is_dir() {
            Ok(DirStore { root })
        } else {
            Err(DirStoreError::NotDirectory { path: root })
        }
    }

    /// Opens a directory, creating it and those above it where needed.
    pub fn create(root: impl Into<PathBuf>) -> Result<DirStore, DirStoreError> {
        let root = root.into();
        create_durably(&root)?;
        DirStore::open(root)
    }

    fn locate(&self, path: &str) -> Result<(LogPath, PathBuf), DirStoreError> {
        match LogPath::parse(path) {
            Some(log_path) => Ok((log_path, self.root.join(path))),
            None => Err(DirStoreError::NotLogPath {
                path: path.to_owned(),
            }),
        }
    }

    /// The directory that holds the partial forms of a tile or bundle.
    fn locate_partials(&self, tile: &str) -> Result<PathBuf, DirStoreError> {
        match self.locate(tile)? {
            (path, _) if path.full() == path && path != LogPath::Checkpoint => {
                Ok(self.root.join(format!("{tile}.p")))
            }
            _ => Err(DirStoreError::NotLogPath {
                path: tile.to_owned(),
            }),
        }
    }
}

impl LogStore for DirStore {
    type Error = DirStoreError;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, DirStoreError> {
        let (log_path, path) = self.locate(path)?;
        let limit_bytes = limit_bytes(log_path);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error("open", &path, source)),
        };
        let mut bytes = Vec::new();
        let read = file.take(limit_bytes + 1).read_to_end(&mut bytes);
        let length = read.map_err(|source| io_error("read", &path, source))?;
        if u64::try_from(length).is_ok_and(|length| length <= limit_bytes) {
            Ok(Some(bytes))
        } else {
            Err(DirStoreError::TooLong { path, limit_bytes })
        }
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), DirStoreError> {
        let (_, path) = self.locate(path)?;
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(DirStoreError::NotLogPath {
                path: path.display().to_string(),
            });
        };
        create_durably(dir)?;
        let temporary = dir.join(format!(".{}.tmp", name.display()));
        write_synced(&temporary, bytes).map_err(|source| io_error("write", &temporary, source))?;
        fs::rename(&temporary, &path).map_err(|source| io_error("replace", &path, source))?;
        sync_dir(dir)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one listing: which partial forms of a tile a directory holds"
    )]
    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, DirStoreError> {
        let dir = self.locate_partials(tile)?;
        let names = match fs::read_dir(&dir) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io_error("list", &dir, source)),
        };
        let mut widths = Vec::new();
        for name in names {
            let name = name
                .map_err(|source| io_error("list", &dir, source))?
                .file_name();
            let name = name
                .to_str()
                .filter(|name| LogPath::parse(&format!("{tile}.p/{name}")).is_some());
            widths.extend(name.and_then(|name| name.parse::<u8>().ok()));
        }
        widths.sort_unstable();
        Ok(widths)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one deletion, of a directory `locate_partials` made from a log path"
    )]
    fn drop_partials(&mut self, tile: &str) -> Result<(), DirStoreError> {
        let dir = self.locate_partials(tile)?;
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &dir, error))
            }
            _ => Ok(()),
        }
    }
}

/// The longest a file of this kind can be.
fn limit_bytes(path: LogPath) -> u64 {
    let limit = match path {
        LogPath::Checkpoint => MAX_NOTE_BYTES,
        LogPath::Tile { .. } => HASH_BYTES * usize::from(TILE_WIDTH),
        LogPath::Entries { .. } => (2 + MAX_ENTRY_BYTES) * usize::from(TILE_WIDTH),
    };
    u64::try_from(limit).unwrap_or(u64::MAX - 1)
}

/// Creates a directory and those above it; each new name is synced to the directory that holds it.
fn create_durably(dir: &Path) -> Result<(), DirStoreError> {
    let missing: Vec<&Path> = dir
        .ancestors()
        .take_while(|it| !it.as_os_str().is_empty() && !it.is_dir())
        .collect();
    fs::create_dir_all(dir).map_err(|source| io_error("create", dir, source))?;
    for dir in missing.into_iter().rev() {
        match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent)?,
            _ => sync_dir(Path::new("."))?,
        }
    }
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new or replaced name is durable only when its directory is synced.
fn sync_dir(dir: &Path) -> Result<(), DirStoreError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| io_error("sync", dir, source))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> DirStoreError {
    DirStoreError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
