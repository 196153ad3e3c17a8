//! What a restore needs from the disk that it fills: few operations, so that one that fails and forgets can be put in its place.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Directories and files for their owner only.
pub(crate) trait Disk: Send + Sync {
    /// Makes a directory and those above it; it is fine when it is there.
    fn make(&self, directory: &Path) -> io::Result<()>;
    /// Makes a new file; it must not exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;
    /// Gives a file another name, which may be that of another file.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file, or a directory and what is in it; it is fine when there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes durable which names a directory has.
    fn settle(&self, directory: &Path) -> io::Result<()>;
}

/// A file that is being written.
pub(crate) trait NewFile {
    /// Writes what comes next.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes durable what was written.
    fn sync_all(&mut self) -> io::Result<()>;
}

/// Writes a file whole or not at all, durable, in the place of another if there is one.
pub(crate) fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.file_name().unwrap_or_default().to_owned();
    draft.push(".new");
    let draft = path.with_file_name(draft);
    let directory = path.parent().unwrap_or(path);
    disk.make(directory)?;
    disk.remove(&draft)?;
    let mut file = disk.create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    disk.rename(&draft, path)?;
    disk.settle(directory)
}

/// The file system of the operating system.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn make(&self, directory: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = match std::fs::symlink_metadata(path) {
            Ok(it) if it.is_dir() => std::fs::remove_dir_all(path),
            Ok(_) => std::fs::remove_file(path),
            Err(err) => Err(err),
        };
        match removed {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            _ => Ok(()),
        }
    }

    fn settle(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

impl NewFile for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(self, bytes)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        Self::sync_all(self)
    }
}
