//! Whether what a repository lists is there, and what it holds.

use std::collections::BTreeSet;

use crate::manifest::Manifest;
use crate::repository::{ChunkId, Repository, RepositoryError};
use crate::restore::read_rows;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every list is opened; every piece is there, as long as it says. Finds what is missing or torn.
    Files,
    /// In addition every piece is read and opened, and every row and segment of the latest backup is read. Finds every changed bit.
    Contents,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The backups that can be read, oldest first.
    pub backups: Vec<Manifest>,
    /// How many pieces they need.
    pub chunks: u64,
    /// How many bytes these take.
    pub bytes: u64,
    /// Everything that is wrong, in words.
    pub problems: Vec<String>,
}

/// Looks at everything and reports every problem.
///
/// # Errors
/// When the repository cannot be listed, or somebody is removing from it. Problems are no errors.
pub fn verify(repository: &Repository, depth: Depth) -> Result<Verified, RepositoryError> {
    let _stays = repository.lock_to_read()?;
    let mut found = Verified::default();
    let mut chunks: BTreeSet<ChunkId> = BTreeSet::new();
    for id in repository.backups()? {
        match repository.manifest(&id) {
            Ok(manifest) => {
                chunks.extend(manifest.chunks());
                found.backups.push(manifest);
            }
            Err(err) => found.problems.push(format!("backup {id}: {}", words(&err))),
        }
    }
    if let Err(err) = repository.erasures() {
        found.problems.push(format!("erasures: {}", words(&err)));
    }
    let mut bad = BTreeSet::new();
    for id in chunks {
        found.chunks += 1;
        match check(repository, id, depth) {
            Ok(bytes) => found.bytes += bytes,
            Err(err) => {
                found.problems.push(words(&err));
                bad.insert(id);
            }
        }
    }
    for manifest in found.backups.iter().filter(|_| !bad.is_empty()) {
        if manifest.chunks().any(|it| bad.contains(&it)) {
            let words = format!("backup {}: it cannot be put back", manifest.id);
            found.problems.push(words);
        }
    }
    if let (Depth::Contents, true, Some(latest)) = (depth, bad.is_empty(), found.backups.last())
        && let Err(err) = read_latest(repository, latest)
    {
        found.problems.push(err);
    }
    Ok(found)
}

fn check(repository: &Repository, id: ChunkId, depth: Depth) -> Result<u64, RepositoryError> {
    let bytes = repository.check_chunk(id)?;
    if depth == Depth::Contents {
        let plain = repository.chunk(id)?;
        // Whoever has the key could have sealed anything under this name.
        if repository.key.chunk_name(&plain) != id.0 {
            return Err(RepositoryError::Changed { name: id.file() });
        }
    }
    Ok(bytes)
}

fn read_latest(repository: &Repository, manifest: &Manifest) -> Result<(), String> {
    read_rows(repository, manifest).map_err(|err| words(&err))?;
    for log in &manifest.logs {
        let mut bytes = 0;
        for id in &log.chunks {
            let piece = repository.chunk(*id).map_err(|err| words(&err))?;
            bytes += piece.len() as u64;
            if bytes > log.bytes {
                break;
            }
        }
        if bytes != log.bytes {
            let (id, name) = (&manifest.id, &log.name);
            return Err(format!(
                "backup {id}: segment `{name}` is not as long as its list says"
            ));
        }
    }
    Ok(())
}

/// An error with its causes, as one line.
fn words(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text = format!("{text}: {err}");
        cause = err.source();
    }
    text
}
