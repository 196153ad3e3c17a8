//! Key files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Makes a file; fails if there is one.
pub(super) fn create(path: &Path, line: &[u8]) -> io::Result<()> {
    let draft = write(path, line)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).and(linked)?;
    sync_directory_of(path)
}

/// Writes a file beside a path, durable, and says where.
pub(super) fn write(path: &Path, line: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(line)?;
    file.sync_all()?;
    Ok(draft)
}

/// Gives a file the name of another, in its place.
pub(super) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory_of(to)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
