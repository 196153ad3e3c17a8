//! What a repository needs from where it lies: few operations, so that a failing place can be put in its stead.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Where files are written before they have their names.
pub(crate) const TMP: &str = "tmp";
/// So many names of one directory are looked at.
pub(crate) const MAX_NAMES: usize = 1_000_000;

/// Files by names such as `chunks/ab/abcd`. Names are made by this crate, never by what a file says.
pub(crate) trait Files: Send + Sync {
    /// All of a file, if it has at most so many bytes.
    fn read(&self, name: &str, max_bytes: u64) -> io::Result<Vec<u8>>;
    /// Its first bytes, and how many it has in all.
    fn head(&self, name: &str, bytes: usize) -> io::Result<(Vec<u8>, u64)>;
    /// Writes a file whole or not at all, in the place of another if there is one. Durable after [`Files::settle`].
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes names that were given or taken durable.
    fn settle(&self) -> io::Result<()>;
    /// The names in a directory; none when it is not there.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Removes a file; it is fine when it is not there.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// A directory.
pub(crate) struct Directory {
    path: PathBuf,
    /// Directories whose names are not durable yet.
    unsettled: Mutex<BTreeSet<PathBuf>>,
}

impl Directory {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            unsettled: Mutex::default(),
        }
    }

    fn note(&self, directory: Option<&Path>) {
        let mut unsettled = self
            .unsettled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unsettled.extend(directory.map(Path::to_owned));
    }

    /// Makes a directory below ours, and those above it.
    fn make(&self, directory: &Path) -> io::Result<()> {
        if directory.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let above = directory.ancestors().skip(1);
        for above in above.take_while(|it| it.starts_with(&self.path)) {
            self.note(Some(above));
        }
        Ok(())
    }
}

impl Files for Directory {
    fn read(&self, name: &str, max_bytes: u64) -> io::Result<Vec<u8>> {
        let (file, size_bytes) = open(&self.path.join(name))?;
        if size_bytes > max_bytes {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the file is too large",
            ));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(0));
        file.take(max_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn head(&self, name: &str, bytes: usize) -> io::Result<(Vec<u8>, u64)> {
        let (file, size_bytes) = open(&self.path.join(name))?;
        let mut head = Vec::with_capacity(bytes);
        file.take(u64::try_from(bytes).unwrap_or(u64::MAX))
            .read_to_end(&mut head)?;
        Ok((head, size_bytes))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (path, tmp) = (self.path.join(name), self.path.join(TMP));
        self.make(&tmp)?;
        if let Some(parent) = path.parent() {
            self.make(parent)?;
        }
        let draft = tmp.join(format!("{}-{:016x}", std::process::id(), getrandom::u64()?));
        let written = (|| {
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        })();
        if written.is_err() {
            // The next backup removes it if this cannot.
            let _ = fs::remove_file(&draft);
        }
        self.note(path.parent());
        written
    }

    fn settle(&self) -> io::Result<()> {
        let unsettled = {
            let mut unsettled = self
                .unsettled
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unsettled)
        };
        let settled = unsettled
            .iter()
            .try_for_each(|it| File::open(it)?.sync_all());
        if settled.is_err() {
            let mut again = self
                .unsettled
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            again.extend(unsettled);
        }
        settled
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path.join(directory)) {
            Ok(entries) => entries,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(err) => return Err(err),
        };
        let mut names = Vec::new();
        for entry in entries {
            // What is no text is no name of ours.
            names.extend(entry?.file_name().into_string().ok());
            if names.len() > MAX_NAMES {
                return Err(io::Error::other(
                    "there are too many files in one directory",
                ));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            _ => {
                self.note(path.parent());
                Ok(())
            }
        }
    }
}

/// Opens a file and nothing else: reading a pipe would wait for ever, and a link leads anywhere.
fn open(path: &Path) -> io::Result<(File, u64)> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a file",
        ));
    }
    let file = File::open(path)?;
    let size_bytes = file.metadata()?.len();
    Ok((file, size_bytes))
}
