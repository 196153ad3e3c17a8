//! Appending entries: bundles and tiles first, the checkpoint last.

use crate::bundle::{Bundle, MAX_ENTRY_BYTES};
use crate::checkpoint::{Checkpoint, CheckpointError, checkpoint};
use crate::edge::Edge;
use crate::hash::{HASH_BYTES, Hash, empty_root, join_hashes, leaf_hash};
use crate::key::Signer;
use crate::log_store::LogStore;
use crate::note::NoteError;
use crate::path::{LogPath, TILE_HEIGHT, TILE_WIDTH};
use crate::read::{ReadError, read_bundle, read_hashes};

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first new entry; the others follow.
    pub first_index: u64,
    /// The new checkpoint.
    pub checkpoint: Checkpoint,
}

/// Why nothing was appended. `E` is the store's error.
///
/// After any error the log still verifies: at its old size, or at the new one if only the answer of the last write was lost.
#[derive(Debug, thiserror::Error)]
pub enum AppendError<E: std::error::Error + 'static> {
    /// An entry is longer than [`MAX_ENTRY_BYTES`].
    #[error("entry {position} of the batch has {size_bytes} bytes, more than {MAX_ENTRY_BYTES}")]
    EntryTooLong {
        /// Position in the batch.
        position: usize,
        /// Its length.
        size_bytes: usize,
    },
    /// The log cannot count further.
    #[error("log is full")]
    Full,
    /// The present checkpoint cannot be used.
    #[error("could not use the present checkpoint")]
    Checkpoint(#[source] CheckpointError<E>),
    /// There are entries but no checkpoint: starting over would fork the log.
    #[error("checkpoint is missing although `{path}` exists; restore it from a copy")]
    CheckpointLost {
        /// A file that shows that the log was not empty.
        path: String,
    },
    /// A tile or bundle at the end of the log cannot be used.
    #[error("could not read the end of the log")]
    Read(#[source] ReadError<E>),
    /// The store failed to read for another reason than a tile, to list, to write or to delete.
    #[error("could not update `{path}`")]
    Store {
        /// Path of the file.
        path: String,
        /// The store's error.
        #[source]
        source: E,
    },
    /// The end of the log does not lead to the root hash that was signed; run a verification.
    #[error("tiles do not lead to the root hash of the checkpoint")]
    Corrupt,
    /// The new checkpoint cannot be signed.
    #[error("could not sign the checkpoint")]
    Sign(#[source] NoteError),
}

/// Appends entries in order, as one step: the new checkpoint covers all of them, or none is in the log.
///
/// Without entries, an existing log is left alone and a new one gets its checkpoint of size 0.
/// The end of the log is checked against the signed root first, so a damaged log is not built upon.
pub fn append<S: LogStore>(
    store: &mut S,
    signer: &Signer,
    entries: &[&[u8]],
) -> Result<Appended, AppendError<S::Error>> {
    check_lengths(entries)?;
    let old = match checkpoint(store, signer.verifier()).map_err(AppendError::Checkpoint)? {
        Some(checkpoint) => checkpoint,
        None => start(store, signer)?,
    };
    if entries.is_empty() {
        return Ok(Appended {
            first_index: old.size,
            checkpoint: old,
        });
    }
    let count = u64::try_from(entries.len()).map_err(|_| AppendError::Full)?;
    let size = old.size.checked_add(count).ok_or(AppendError::Full)?;
    let mut end = End::read(store, &old)?;
    for (position, entry) in entries.iter().enumerate() {
        end.push(store, position, entry)?;
    }
    end.write_partials(store)?;
    let checkpoint = Checkpoint {
        origin: old.origin,
        size,
        root: end.edge.root(),
    };
    publish(store, signer, &checkpoint)?;
    Ok(Appended {
        first_index: old.size,
        checkpoint,
    })
}

fn check_lengths<E: std::error::Error>(entries: &[&[u8]]) -> Result<(), AppendError<E>> {
    let too_long = entries
        .iter()
        .enumerate()
        .find(|(_, entry)| entry.len() > MAX_ENTRY_BYTES);
    match too_long {
        None => Ok(()),
        Some((position, entry)) => Err(AppendError::EntryTooLong {
            position,
            size_bytes: entry.len(),
        }),
    }
}

/// Publishes the checkpoint of an empty log. From then on a missing checkpoint means that it was lost.
fn start<S: LogStore>(store: &mut S, signer: &Signer) -> Result<Checkpoint, AppendError<S::Error>> {
    for width in 1..=TILE_WIDTH {
        let Some(path) = (LogPath::Entries {
            index: 0,
            partial: None,
        })
        .at_width(width) else {
            continue;
        };
        let path = path.to_string();
        match store.read(&path) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(AppendError::CheckpointLost { path }),
            Err(source) => return Err(AppendError::Store { path, source }),
        }
    }
    let checkpoint = Checkpoint {
        origin: signer.verifier().name().to_owned(),
        size: 0,
        root: empty_root(),
    };
    publish(store, signer, &checkpoint)?;
    Ok(checkpoint)
}

fn publish<S: LogStore>(
    store: &mut S,
    signer: &Signer,
    checkpoint: &Checkpoint,
) -> Result<(), AppendError<S::Error>> {
    let note = checkpoint.sign(signer).map_err(AppendError::Sign)?;
    let path = LogPath::Checkpoint.to_string();
    store
        .write(&path, note.to_string().as_bytes())
        .map_err(|source| AppendError::Store { path, source })
}

/// The end of a log that is being extended.
pub(crate) struct End {
    old_size: u64,
    edge: Edge,
    bundle: Bundle,
    bundle_index: u64,
}

impl End {
    /// Reads the tiles and the bundle that are not full, and checks them against the checkpoint.
    pub(crate) fn read<S: LogStore>(
        store: &mut S,
        checkpoint: &Checkpoint,
    ) -> Result<End, AppendError<S::Error>> {
        let size = checkpoint.size;
        let mut levels = Vec::new();
        for level in 0.. {
            let nodes = size
                .checked_shr(TILE_HEIGHT * u32::from(level))
                .unwrap_or(0);
            if nodes == 0 {
                break;
            }
            let tile = LogPath::Tile {
                level,
                index: nodes / u64::from(TILE_WIDTH),
                partial: None,
            };
            levels.push(match tile.width_at(size) {
                0 => Vec::new(),
                width => read_hashes(store, tile, width).map_err(AppendError::Read)?,
            });
        }
        let edge = Edge::new(size, levels);
        let bundle_index = size / u64::from(TILE_WIDTH);
        let path = LogPath::Entries {
            index: bundle_index,
            partial: None,
        };
        let bundle = match path.width_at(size) {
            0 => Bundle::default(),
            width => read_bundle(store, path, width).map_err(AppendError::Read)?,
        };
        if edge.root() != checkpoint.root || !bundle.leaf_hashes().eq(edge.leaves().iter().copied())
        {
            return Err(AppendError::Corrupt);
        }
        Ok(End {
            old_size: size,
            edge,
            bundle,
            bundle_index,
        })
    }

    /// Adds one entry, `position` being its place in the batch, and writes the tiles that it fills.
    pub(crate) fn push<S: LogStore>(
        &mut self,
        store: &mut S,
        position: usize,
        entry: &[u8],
    ) -> Result<(), AppendError<S::Error>> {
        if !self.bundle.push(entry) {
            return Err(AppendError::EntryTooLong {
                position,
                size_bytes: entry.len(),
            });
        }
        if self.bundle.len() == usize::from(TILE_WIDTH) {
            self.write_bundle(store, TILE_WIDTH)?;
            self.bundle = Bundle::default();
            self.bundle_index += 1;
        }
        let old_size = self.old_size;
        self.edge.push(leaf_hash(entry), |tile, hashes| {
            write_hashes(store, old_size, tile, hashes)
        })
    }

    /// The root of all that is in it.
    pub(crate) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Writes what is not full at the new end.
    pub(crate) fn write_partials<S: LogStore>(
        &mut self,
        store: &mut S,
    ) -> Result<(), AppendError<S::Error>> {
        if let Ok(width) = u16::try_from(self.bundle.len()) {
            self.write_bundle(store, width)?;
        }
        for (tile, hashes) in self.edge.partials() {
            write_hashes(store, self.old_size, tile, hashes)?;
        }
        Ok(())
    }

    fn write_bundle<S: LogStore>(
        &self,
        store: &mut S,
        width: u16,
    ) -> Result<(), AppendError<S::Error>> {
        let path = LogPath::Entries {
            index: self.bundle_index,
            partial: None,
        };
        write_tile(store, self.old_size, path, width, |width| {
            self.bundle.prefix(width)
        })
    }
}

fn write_hashes<S: LogStore>(
    store: &mut S,
    old_size: u64,
    tile: LogPath,
    hashes: &[Hash],
) -> Result<(), AppendError<S::Error>> {
    let bytes = join_hashes(hashes);
    let prefix = |width| {
        bytes
            .get(..HASH_BYTES * usize::from(width))
            .unwrap_or(&bytes)
    };
    write_tile(
        store,
        old_size,
        tile,
        u16::try_from(hashes.len()).unwrap_or(TILE_WIDTH),
        prefix,
    )
}

/// Writes a tile or bundle at its new width, if it grew since `old_size`.
///
/// A failed append may have left partial tiles between the two widths. They are overwritten, because from now on they
/// are within the log. When the tile is full, its partial forms are given up.
fn write_tile<'a, S: LogStore>(
    store: &mut S,
    old_size: u64,
    tile: LogPath,
    width: u16,
    prefix: impl Fn(u16) -> &'a [u8],
) -> Result<(), AppendError<S::Error>> {
    let old_width = tile.width_at(old_size);
    let Some(path) = tile.at_width(width).filter(|_| width > old_width) else {
        return Ok(());
    };
    let full = tile.full().to_string();
    let failed = |path: &str| {
        let path = path.to_owned();
        |source| AppendError::Store { path, source }
    };
    for stale in store
        .partial_widths(&full)
        .map_err(failed(&full))?
        .into_iter()
        .map(u16::from)
    {
        if let Some(path) = tile
            .at_width(stale)
            .filter(|_| old_width < stale && stale < width)
        {
            let path = path.to_string();
            store.write(&path, prefix(stale)).map_err(failed(&path))?;
        }
    }
    let path = path.to_string();
    store.write(&path, prefix(width)).map_err(failed(&path))?;
    if width == TILE_WIDTH {
        store.drop_partials(&full).map_err(failed(&full))?;
    }
    Ok(())
}
