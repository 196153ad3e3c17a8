//! Backups that are not kept are removed, and then the pieces that no other one needs.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;

use crate::manifest::BackupId;
use crate::repository::{BACKUPS, CHUNKS, ChunkId, Repository, RepositoryError, io_error};
use crate::retention::Keep;

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The backups.
    pub removed: Vec<BackupId>,
    /// Those that stay.
    pub kept: Vec<BackupId>,
    /// How many pieces no backup needs any more.
    pub chunks: u64,
    /// How many bytes these took.
    pub bytes: u64,
}

/// Nothing more was removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// Nobody said what to keep.
    #[error("nothing says which backups to keep")]
    Unset,
    /// A backup cannot be read, so nobody knows which pieces it needs.
    #[error("backup {id} cannot be read, so it is not known what it needs: nothing was removed")]
    Unreadable {
        /// The backup.
        id: BackupId,
        /// What is wrong with it.
        #[source]
        source: RepositoryError,
    },
    /// The repository.
    #[error("backups could not be removed")]
    Repository(#[from] RepositoryError),
}

/// Removes what is not kept; only says what it would remove when `is_rehearsal`.
///
/// # Errors
/// See [`PruneError`]. Broken off, it goes on when it is called again.
pub fn prune(
    repository: &Repository,
    keep: &Keep,
    is_rehearsal: bool,
) -> Result<Pruned, PruneError> {
    if keep.is_unset() {
        return Err(PruneError::Unset);
    }
    let _alone = repository.lock_to_write()?;
    let mut manifests = Vec::new();
    for id in repository.backups()? {
        match repository.manifest(&id) {
            Ok(manifest) => manifests.push(manifest),
            Err(source) => return Err(PruneError::Unreadable { id, source }),
        }
    }
    let times: Vec<_> = manifests.iter().map(|it| (it.id.clone(), it.at)).collect();
    let kept = keep.of(&times);
    let mut pruned = Pruned::default();
    let mut needed = BTreeSet::new();
    for manifest in manifests {
        if kept.contains(&manifest.id) {
            needed.extend(manifest.chunks());
            pruned.kept.push(manifest.id);
        } else {
            pruned.removed.push(manifest.id);
        }
    }
    if !is_rehearsal {
        repository.clear_drafts()?;
        for id in &pruned.removed {
            repository.remove(&format!("{BACKUPS}/{id}"))?;
        }
        // No list may name pieces that are gone.
        repository.settle()?;
    }
    for id in chunks(repository)?
        .into_iter()
        .filter(|it| !needed.contains(it))
    {
        let name = id.file();
        pruned.chunks += 1;
        pruned.bytes += repository.files.head(&name, 0).map_or(0, |it| it.1);
        if !is_rehearsal {
            repository.remove(&name)?;
        }
    }
    repository.settle()?;
    Ok(pruned)
}

/// Every piece that is there.
fn chunks(repository: &Repository) -> Result<Vec<ChunkId>, RepositoryError> {
    let mut ids = Vec::new();
    let list = |directory: &str| {
        repository
            .files
            .list(directory)
            .map_err(io_error("read", directory))
    };
    for shelf in list(CHUNKS)? {
        let is_shelf = shelf.len() == 2 && HEXLOWER.decode(shelf.as_bytes()).is_ok();
        if !is_shelf {
            continue;
        }
        for name in list(&format!("{CHUNKS}/{shelf}"))? {
            let id = HEXLOWER.decode(name.as_bytes()).ok();
            let id = id.and_then(|it| it.try_into().ok()).map(ChunkId);
            // One that lies on another shelf is not what is removed by its name.
            ids.extend(id.filter(|it| it.file() == format!("{CHUNKS}/{shelf}/{name}")));
        }
    }
    Ok(ids)
}
