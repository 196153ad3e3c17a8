//! Where PostgreSQL is installed, and as whom it can run.

use std::{
    env, fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// The programs of one PostgreSQL, and who runs them.
pub(crate) struct Installation {
    pub(crate) programs: PathBuf,
    /// Somebody with fewer rights when we are root, as PostgreSQL refuses to run as root; otherwise we run them.
    other: Option<User>,
}

struct User {
    uid: u32,
    gid: u32,
}

impl Installation {
    pub(crate) fn find(uid: u32) -> Result<Self> {
        let programs = newest(&candidates()).context(
            "PostgreSQL is not installed, and tests of rows run on it too: \
             `apt install postgresql` (Debian, Ubuntu), `dnf install postgresql-server` (Fedora), \
             `brew install postgresql` (macOS)",
        )?;
        let other = match uid {
            0 => Some(unprivileged()?),
            _ => None,
        };
        Ok(Self { programs, other })
    }

    /// A command run by whoever runs the server.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        // They may not be allowed into the directory that we are in.
        command.current_dir("/");
        if let Some(user) = &self.other {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Gives a file or directory of ours to whoever runs the server.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        if let Some(user) = &self.other {
            std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
                .with_context(|| format!("`{}` could not be given away", path.display()))?;
        }
        Ok(())
    }
}

/// Who we are, seen on a file that we make.
pub(crate) fn our_uid() -> Result<u32> {
    let file = tempfile::tempfile().context("no temporary file could be made")?;
    Ok(file.metadata()?.uid())
}

/// Distributions keep the programs outside of the path, in a directory for each version.
fn candidates() -> Vec<PathBuf> {
    let below = |parent: &str| fs::read_dir(parent).into_iter().flatten().flatten();
    let debian = below("/usr/lib/postgresql").map(|entry| entry.path().join("bin"));
    let others = below("/usr")
        .chain(below("/usr/local/opt"))
        .chain(below("/opt/homebrew/opt"))
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("pgsql-") || name.starts_with("postgresql")
        })
        .map(|entry| entry.path().join("bin"));
    #[expect(
        clippy::disallowed_methods,
        reason = "test programs are found as a shell finds them"
    )]
    let path = env::var_os("PATH").unwrap_or_default();
    debian
        .chain(others)
        .chain(env::split_paths(&path))
        .collect()
}

/// The directory whose `postgres` has the highest version and an `initdb` beside it.
fn newest(candidates: &[PathBuf]) -> Option<PathBuf> {
    let installed = candidates
        .iter()
        .filter(|directory| directory.join("initdb").exists());
    let versions = installed.filter_map(|directory| Some((version(directory)?, directory)));
    let (_, directory) = versions.max_by_key(|(version, _)| version.clone())?;
    Some(directory.clone())
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → `[15, 18]`.
fn version(directory: &Path) -> Option<Vec<u32>> {
    let output = Command::new(directory.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().nth(2)?;
    // A beta is `18beta1`: the digits in front count.
    let parts = number.split('.').map_while(|part| {
        let end = part.find(|it: char| !it.is_ascii_digit());
        part.get(..end.unwrap_or(part.len()))?.parse().ok()
    });
    Some(parts.collect())
}

/// The distribution's user for PostgreSQL, or else the one for nobody.
fn unprivileged() -> Result<User> {
    let users = fs::read_to_string("/etc/passwd").context("`/etc/passwd` cannot be read")?;
    let find = |wanted: &str| {
        users.lines().find_map(|line| {
            let mut parts = line.split(':');
            if parts.next() != Some(wanted) {
                return None;
            }
            let uid = parts.nth(1)?.parse().ok()?;
            let gid = parts.next()?.parse().ok()?;
            Some(User { uid, gid })
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .context("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn install(parent: &Path, name: &str, version: &str) -> PathBuf {
        let directory = parent.join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("initdb"), "").unwrap();
        let program = directory.join("postgres");
        fs::write(
            &program,
            format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        directory
    }

    #[test]
    fn the_newest_version_is_taken_by_number_and_not_by_spelling() {
        let parent = tempfile::tempdir().unwrap();
        let candidates = [
            install(parent.path(), "a", "9.6.24"),
            install(parent.path(), "b", "17.2 (Debian 17.2-1)"),
            install(parent.path(), "c", "15.18"),
            parent.path().join("missing"),
        ];
        assert_eq!(newest(&candidates), Some(candidates[1].clone()));
        assert_eq!(newest(&candidates[3..]), None);
    }
}
