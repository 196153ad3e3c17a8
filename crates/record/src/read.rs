//! Reading a log: tiles, proofs from tiles, and entries.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use crate::bundle::Bundle;
use crate::checkpoint::Checkpoint;
use crate::hash::{HASH_BYTES, Hash, empty_root, node_hash, split_hashes, subtree_root};
use crate::log_store::LogStore;
use crate::note::Note;
use crate::path::{LogPath, TILE_HEIGHT, TILE_WIDTH};
use crate::proof::{
    ConsistencyProof, InclusionProof, Subtree, complete_subtrees, consistency_ranges,
    inclusion_ranges, verify_consistency, verify_inclusion,
};

/// Why a tile or bundle that must exist cannot be used. `E` is the store's error.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E: std::error::Error + 'static> {
    /// The store failed.
    #[error("could not read `{path}`")]
    Store {
        /// Path of the file.
        path: String,
        /// The store's error.
        #[source]
        source: E,
    },
    /// Neither the file nor the full tile in its place is there.
    #[error("`{path}` is missing")]
    Missing {
        /// Path of the file.
        path: String,
    },
    /// The file does not hold what its path says.
    #[error("`{path}` is malformed")]
    Malformed {
        /// Path of the file.
        path: String,
    },
}

/// Why no proof could be made. `E` is the store's error.
#[derive(Debug, thiserror::Error)]
pub enum ProofError<E: std::error::Error + 'static> {
    /// The position or older size is not within the checkpoint.
    #[error("position {position} is not within the {size} entries of the checkpoint")]
    OutOfRange {
        /// The position or size asked for.
        position: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// A tile cannot be used.
    #[error("could not read the tiles of the proof")]
    Read(#[source] ReadError<E>),
    /// The tiles do not lead to the checkpoint's root hash; the proof would not verify.
    #[error("tiles do not lead to the root hash of the checkpoint")]
    Corrupt,
}

/// Why entries could not be read. `E` is the store's error.
#[derive(Debug, thiserror::Error)]
pub enum ReadEntryError<E: std::error::Error + 'static> {
    /// The checkpoint, which says how many entries there are, cannot be read.
    #[error("could not read the checkpoint")]
    Store(#[source] E),
    /// The checkpoint is not a checkpoint.
    #[error("checkpoint is malformed")]
    Checkpoint,
    /// A bundle cannot be used.
    #[error("could not read the entry bundle")]
    Bundle(#[source] ReadError<E>),
}

/// Proves that the entry at `index` is in the tree of `checkpoint`.
///
/// The proof was checked against the checkpoint's root, so it verifies or is not given.
pub fn inclusion_proof<S: LogStore>(
    store: &mut S,
    checkpoint: &Checkpoint,
    index: u64,
) -> Result<InclusionProof, ProofError<S::Error>> {
    let size = checkpoint.size;
    if index >= size {
        return Err(ProofError::OutOfRange {
            position: index,
            size,
        });
    }
    let mut tiles = Tiles::new(store, size);
    let path = tiles.range_hashes(inclusion_ranges(index, size))?;
    let leaf = tiles.subtree_hash(Subtree { height: 0, index })?;
    let proof = InclusionProof { index, size, path };
    verify_inclusion(&proof, &leaf, &checkpoint.root).map_err(|_| ProofError::Corrupt)?;
    Ok(proof)
}

/// Proves that the tree of `checkpoint` begins with the tree of its first `old_size` entries.
///
/// The proof was checked against the checkpoint's root, so it verifies for the true older root or is not given.
pub fn consistency_proof<S: LogStore>(
    store: &mut S,
    checkpoint: &Checkpoint,
    old_size: u64,
) -> Result<ConsistencyProof, ProofError<S::Error>> {
    let new_size = checkpoint.size;
    if old_size > new_size {
        return Err(ProofError::OutOfRange {
            position: old_size,
            size: new_size,
        });
    }
    let mut tiles = Tiles::new(store, new_size);
    let path = tiles.range_hashes(consistency_ranges(old_size, new_size))?;
    let old_root = tiles.range_hash(0..old_size)?.unwrap_or_else(empty_root);
    let proof = ConsistencyProof {
        old_size,
        new_size,
        path,
    };
    verify_consistency(&proof, &old_root, &checkpoint.root).map_err(|_| ProofError::Corrupt)?;
    Ok(proof)
}

/// Reads one entry; `None` if the log has no such entry.
///
/// Nothing is verified: for the owner of the store. Others check the entry with [`inclusion_proof`].
pub fn read_entry<S: LogStore>(
    store: &mut S,
    index: u64,
) -> Result<Option<Vec<u8>>, ReadEntryError<S::Error>> {
    Ok(read_entries(store, index..index.saturating_add(1))?.pop())
}

/// Reads the entries of a range in order, as far as the log has them. Nothing is verified, as in [`read_entry`].
pub fn read_entries<S: LogStore>(
    store: &mut S,
    range: Range<u64>,
) -> Result<Vec<Vec<u8>>, ReadEntryError<S::Error>> {
    let size = claimed_size(store)?;
    let range = range.start..range.end.min(size);
    let bundle_width = u64::from(TILE_WIDTH);
    let mut entries = Vec::new();
    for index in range.start / bundle_width..range.end.div_ceil(bundle_width) {
        let path = LogPath::Entries {
            index,
            partial: None,
        };
        let bundle =
            read_bundle(store, path, path.width_at(size)).map_err(ReadEntryError::Bundle)?;
        let positions = index * bundle_width..;
        let wanted = positions
            .zip(bundle.entries())
            .filter(|(position, _)| range.contains(position));
        entries.extend(wanted.map(|(_, entry)| entry.to_vec()));
    }
    Ok(entries)
}

/// The hashes of a tile at a width; the front of the full tile where the partial one was deleted.
pub(crate) fn read_hashes<S: LogStore>(
    store: &mut S,
    tile: LogPath,
    width: u16,
) -> Result<Vec<Hash>, ReadError<S::Error>> {
    let (path, bytes) = read_wide_enough(store, tile, width)?;
    let hashes = if bytes.len() == HASH_BYTES * usize::from(path.width()) {
        split_hashes(&bytes)
    } else {
        None
    };
    let mut hashes = hashes.ok_or_else(|| malformed(path))?;
    hashes.truncate(usize::from(width));
    Ok(hashes)
}

/// The first `width` entries of a bundle; the front of the full bundle where the partial one was deleted.
pub(crate) fn read_bundle<S: LogStore>(
    store: &mut S,
    bundle: LogPath,
    width: u16,
) -> Result<Bundle, ReadError<S::Error>> {
    let (path, bytes) = read_wide_enough(store, bundle, width)?;
    let mut bundle = Bundle::parse(bytes, path.width()).map_err(|_| malformed(path))?;
    bundle.truncate(width);
    Ok(bundle)
}

/// Reads the file of a tile at a width, or else the full one; returns which it was.
fn read_wide_enough<S: LogStore>(
    store: &mut S,
    tile: LogPath,
    width: u16,
) -> Result<(LogPath, Vec<u8>), ReadError<S::Error>> {
    let wanted = tile.at_width(width).unwrap_or(tile);
    let full = (wanted.full() != wanted).then(|| wanted.full());
    for path in std::iter::once(wanted).chain(full) {
        let text = path.to_string();
        let bytes = store
            .read(&text)
            .map_err(|source| ReadError::Store { path: text, source })?;
        if let Some(bytes) = bytes {
            return Ok((path, bytes));
        }
    }
    Err(ReadError::Missing {
        path: wanted.to_string(),
    })
}

fn malformed<E: std::error::Error>(path: LogPath) -> ReadError<E> {
    ReadError::Malformed {
        path: path.to_string(),
    }
}

/// The size that the checkpoint gives, without checking its signature.
fn claimed_size<S: LogStore>(store: &mut S) -> Result<u64, ReadEntryError<S::Error>> {
    let bytes = store
        .read(&LogPath::Checkpoint.to_string())
        .map_err(ReadEntryError::Store)?;
    let Some(bytes) = bytes else {
        return Ok(0);
    };
    let note = Note::parse(&bytes).map_err(|_| ReadEntryError::Checkpoint)?;
    let checkpoint =
        Checkpoint::parse(note.unverified_text()).map_err(|_| ReadEntryError::Checkpoint)?;
    Ok(checkpoint.size)
}

/// Hashes of a tree of known size, each tile read once.
struct Tiles<'a, S> {
    store: &'a mut S,
    size: u64,
    read: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<'a, S: LogStore> Tiles<'a, S> {
    fn new(store: &'a mut S, size: u64) -> Tiles<'a, S> {
        Tiles {
            store,
            size,
            read: BTreeMap::new(),
        }
    }

    fn range_hashes(&mut self, ranges: Vec<Range<u64>>) -> Result<Vec<Hash>, ProofError<S::Error>> {
        let hashes = ranges
            .into_iter()
            .map(|range| self.range_hash(range)?.ok_or(ProofError::Corrupt));
        hashes.collect()
    }

    /// The root over a range as RFC 6962 splits it; `None` for an empty range.
    fn range_hash(&mut self, range: Range<u64>) -> Result<Option<Hash>, ProofError<S::Error>> {
        let peaks: Result<Vec<Hash>, _> = complete_subtrees(range)
            .map(|it| self.subtree_hash(it))
            .collect();
        Ok(peaks?
            .into_iter()
            .rev()
            .reduce(|right, left| node_hash(&left, &right)))
    }

    /// The root of a complete subtree: the nodes of the nearest tile level below, hashed up.
    fn subtree_hash(&mut self, subtree: Subtree) -> Result<Hash, ProofError<S::Error>> {
        let level = u8::try_from(subtree.height / TILE_HEIGHT).map_err(|_| ProofError::Corrupt)?;
        let inner_height = subtree.height % TILE_HEIGHT;
        let node = subtree.index << inner_height;
        let tile_width = u64::from(TILE_WIDTH);
        let start = usize::try_from(node % tile_width).map_err(|_| ProofError::Corrupt)?;
        let hashes = self.tile(level, node / tile_width)?;
        let nodes = hashes.get(start..start + (1 << inner_height));
        nodes.and_then(subtree_root).ok_or(ProofError::Corrupt)
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], ProofError<S::Error>> {
        let slot = match self.read.entry((level, index)) {
            Entry::Occupied(slot) => return Ok(slot.into_mut()),
            Entry::Vacant(slot) => slot,
        };
        let path = LogPath::Tile {
            level,
            index,
            partial: None,
        };
        let hashes =
            read_hashes(self.store, path, path.width_at(self.size)).map_err(ProofError::Read)?;
        Ok(slot.insert(hashes))
    }
}
