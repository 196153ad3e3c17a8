//! A data directory out of a backup: what is put where, and in which order, so that whatever happens in between nothing starts on half of it.
//!
//! 1. The directory gets the mark `restoring`, durable before anything else changes. It holds in words what for, and the token with which
//!    rows are put into the database.
//! 2. What an earlier try has made goes.
//! 3. The root key, where one is given, and the erasures get their names; then segments, then rows.
//! 4. The caller opens everything as a server would: with the right root key only; what was erased is erased again; and closes it.
//! 5. Every name in the directory is made durable. Only then the mark goes.
//!
//! Broken off anywhere, the mark is there and the same restore begins anew with the same token; or everything is whole. A directory that
//! has neither mark nor anything of this was not begun.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use store::{Db, MigrationSet};
use vault::ErasureFile;

use crate::disk::{Disk, RealDisk, write_whole};
use crate::manifest::{BackupId, Manifest};
use crate::repository::Repository;
use crate::restore::{RestoreError, Restored, put_back};

/// What the mark says behind the first line: with which token rows are put into the database.
const TOKEN: &str = "token: ";
/// What the mark says too when the root key came from elsewhere, and may come again.
const KEY_CAME: &str = "root key: copied";
const MAX_LINE_BYTES: usize = 500;
/// A mark is never longer.
const MAX_MARK_BYTES: u64 = 4096;
/// The root key, as `vault` and `custody` look for it.
const ROOT_KEY: &str = "keys/root.key";
/// The segments, likewise.
const LOG: &str = "wal";

/// A directory into which a backup is put. Whoever has one holds the lock of the directory.
pub struct RestoreTarget {
    path: PathBuf,
    disk: Box<dyn Disk>,
}

/// What is put there.
pub struct RestoreParts<'a> {
    /// Where the backups are.
    pub repository: &'a Repository,
    /// Which one.
    pub manifest: &'a Manifest,
    /// Everything that is known to be erased: also what the directory's own file has.
    pub erasures: &'a ErasureFile,
    /// The file of the root key; nothing where it is there already.
    pub root_key: Option<&'a [u8]>,
    /// The steps that make the tables.
    pub sets: &'a [&'a MigrationSet],
    /// The names that an earlier try may have made.
    pub made: &'a [&'a str],
}

/// Whoever can open what was put there.
pub trait RestoreHost: Sized {
    /// What it finds.
    type Found;
    /// Why it does not.
    type Error;

    /// Why nothing was put there, or not all.
    fn refused(&self, err: RestoreError) -> Self::Error;

    /// Whether the root key that is there opens.
    ///
    /// # Errors
    /// When it does not.
    fn check_key(&self) -> Result<(), Self::Error>;

    /// The database that rows go into.
    ///
    /// # Errors
    /// When it does not open.
    fn database(&self) -> Result<Db, Self::Error>;

    /// Opens everything as a server does, looks whether it is whole, closes it, and calls `finish` before anybody else can open it.
    ///
    /// # Errors
    /// When it is not whole, or `finish` fails.
    fn open(
        self,
        db: &Db,
        put: Restored,
        finish: impl FnOnce() -> Result<(), RestoreError>,
    ) -> Result<Self::Found, Self::Error>;
}

impl RestoreTarget {
    /// The mark of a directory into which a backup is being put.
    pub const MARK: &str = "restoring";
    /// The file of erasures in a data directory.
    pub const ERASURES: &str = "erasures.log";

    /// A directory, which is there.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::on(path, Box::new(RealDisk))
    }

    pub(crate) fn on(path: impl Into<PathBuf>, disk: Box<dyn Disk>) -> Self {
        Self {
            path: path.into(),
            disk,
        }
    }

    /// What is being put into a directory, or was not all put; nothing when it is whole.
    #[must_use]
    pub fn unfinished(path: &Path) -> Option<String> {
        let path = path.join(Self::MARK);
        // A mark that cannot be looked for is one.
        if !path.try_exists().unwrap_or(true) {
            return None;
        }
        let text = read_mark(&path);
        let line = text.lines().next();
        let line = line.filter(|it| !it.is_empty() && it.len() <= MAX_LINE_BYTES);
        Some(line.unwrap_or("a restore").to_owned())
    }

    /// Whether the root key that is there was put there by an earlier try.
    #[must_use]
    pub fn key_came(&self) -> bool {
        self.mark_line(|it| (it == KEY_CAME).then_some(()))
            .is_some()
    }

    fn mark_line<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        read_mark(&self.path.join(Self::MARK))
            .lines()
            .find_map(find)
    }

    /// Marks the directory; a mark that is there keeps its token, which this returns.
    fn mark(&self, id: &BackupId, key_comes: bool) -> io::Result<String> {
        let former = self.mark_line(|it| it.strip_prefix(TOKEN).map(str::to_owned));
        let token = match former {
            Some(token) => token,
            None => format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?),
        };
        let mut text = format!("the restore of backup {id}\n{TOKEN}{token}\n");
        if key_comes || self.key_came() {
            text.push_str(KEY_CAME);
            text.push('\n');
        }
        write_whole(&*self.disk, &self.path.join(Self::MARK), text.as_bytes())?;
        Ok(token)
    }

    /// Removes what an earlier try has made.
    fn clear(&self, made: &[&str]) -> io::Result<()> {
        made.iter()
            .try_for_each(|it| self.disk.remove(&self.path.join(it)))?;
        self.disk.settle(&self.path)
    }

    /// What was put there stays, whatever happens from here on; and only then it is whole.
    fn unmark(&self) -> io::Result<()> {
        self.disk.settle(&self.path)?;
        self.disk.remove(&self.path.join(Self::MARK))?;
        self.disk.settle(&self.path)
    }

    fn failed(&self, name: &str) -> impl FnOnce(io::Error) -> RestoreError {
        let path = self.path.join(name);
        move |source| RestoreError::File { path, source }
    }

    /// Everything but what the host does.
    fn lay(&self, parts: &RestoreParts<'_>) -> Result<String, RestoreError> {
        let token = self
            .mark(&parts.manifest.id, parts.root_key.is_some())
            .map_err(self.failed(Self::MARK))?;
        self.clear(parts.made).map_err(self.failed(""))?;
        if let Some(key) = parts.root_key {
            write_whole(&*self.disk, &self.path.join(ROOT_KEY), key)
                .map_err(self.failed(ROOT_KEY))?;
        }
        let erasures = parts.erasures.to_bytes();
        write_whole(&*self.disk, &self.path.join(Self::ERASURES), &erasures)
            .map_err(self.failed(Self::ERASURES))?;
        Ok(token)
    }
}

fn read_mark(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(it) if it.len() <= MAX_MARK_BYTES => fs::read_to_string(path).unwrap_or_default(),
        _ => String::new(),
    }
}

/// Puts a backup into a directory and a database, and has it opened.
///
/// # Errors
/// See [`RestoreError`], and what the host says. Nothing starts on the directory then; doing it again begins anew.
pub fn restore<H: RestoreHost>(
    target: &RestoreTarget,
    parts: &RestoreParts<'_>,
    host: H,
) -> Result<H::Found, H::Error> {
    let token = target.lay(parts).map_err(|err| host.refused(err))?;
    host.check_key()?;
    let db = host.database()?;
    let log = target.path.join(LOG);
    let put = put_back(
        (parts.repository, parts.manifest),
        (&db, parts.sets, &token),
        (&*target.disk, &log),
    )
    .map_err(|err| host.refused(err))?;
    #[cfg(test)]
    testkit::crash::point();
    host.open(&db, put, || {
        target
            .unmark()
            .map_err(target.failed(RestoreTarget::MARK))?;
        #[cfg(test)]
        testkit::crash::point();
        db.settle_refill().map_err(RestoreError::Rows)
    })
}
