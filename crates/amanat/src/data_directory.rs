//! The data directory of a process: made private, and used by one process at a time.
//!
//! Two processes on one write-ahead log would destroy each other's readings, so a lock is held on the file `lock` as
//! long as [`DataDirectory`] lives. The operating system releases it when the process ends, however it ends.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The data directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirectoryError {
    /// It could not be made or opened.
    #[error("cannot use the data directory `{path}`")]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("the data directory `{0}` is in use by another amanat")]
    InUse(PathBuf),
}

/// A data directory that is ours.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory where needed, readable by its owner only, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirectoryError> {
        let failed = |source| DataDirectoryError::Io {
            path: path.to_owned(),
            source,
        };
        make(path).map_err(failed)?;
        let lock = private(path.join("lock"), Existing::Keep).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirectoryError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a directory, and those above it, for the owner only.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a secret to a new file of mode 0600.
pub(crate) fn write_secret(path: &Path, secret: &[u8]) -> io::Result<()> {
    let mut file = private(path.to_owned(), Existing::Refuse)?;
    file.write_all(secret)?;
    file.sync_all()
}

enum Existing {
    Keep,
    Refuse,
}

fn private(path: PathBuf, existing: Existing) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match existing {
        Existing::Keep => options.create(true).truncate(false),
        Existing::Refuse => options.create_new(true),
    };
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_process_at_a_time_has_the_directory() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        let first = DataDirectory::open(&path).unwrap();
        let second = DataDirectory::open(&path).unwrap_err();
        assert!(matches!(second, DataDirectoryError::InUse(it) if it == path));
        drop(first);
        DataDirectory::open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn secrets_are_for_the_owner_and_never_overwritten() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("token");
        write_secret(&path, b"x").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(write_secret(&path, b"y").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }
}
