//! Verification of a whole log: everything is computed again from the entries.

use crate::bundle::Bundle;
use crate::checkpoint::{CheckpointError, checkpoint};
use crate::edge::Edge;
use crate::hash::{HASH_BYTES, Hash, join_hashes};
use crate::key::Verifier;
use crate::log_store::LogStore;
use crate::path::{LogPath, MAX_LEVEL};
use crate::read::{ReadError, read_bundle, read_hashes};

/// A log whose every entry, tile and signature fits together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Number of entries.
    pub size: u64,
    /// Root hash of the tree.
    pub root: Hash,
}

/// The error of the store beneath.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a log does not verify.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log has no checkpoint.
    #[error("log has no checkpoint")]
    NoCheckpoint,
    /// The checkpoint is damaged or not signed by the key.
    #[error("`checkpoint` does not verify")]
    Checkpoint(#[source] Source),
    /// A file is missing, malformed or unreadable.
    #[error("could not read the log")]
    Read(#[source] Source),
    /// The store failed for another reason.
    #[error("could not read `{path}`")]
    Store {
        /// Path of the file.
        path: String,
        /// The store's error.
        #[source]
        source: Source,
    },
    /// A file differs from what the rest of the log gives.
    #[error("`{path}` does not match the rest of the record")]
    Mismatch {
        /// Path of the file.
        path: String,
    },
    /// The entries lead to another root hash than the signed one, and no single file explains it.
    #[error("the {size} entries lead to another root hash than the checkpoint's")]
    WrongRoot {
        /// Number of entries.
        size: u64,
    },
}

/// Checks the signed checkpoint, then computes every leaf, tile and the root again from the entry bundles and compares
/// all of them; superseded partial tiles that the store lists come last, so that a damaged file is not blamed on them.
///
/// Any changed byte in a file of the log makes this fail, except in signatures of keys other than `verifier`. When one
/// file was changed, the error names it: between a bundle and the tile over it, the signed root decides.
/// Memory is bounded by one bundle and one tile a level.
pub fn verify<S: LogStore>(store: &mut S, verifier: &Verifier) -> Result<Verified, VerifyError> {
    let checkpoint = checkpoint(store, verifier)
        .map_err(checkpoint_failed)?
        .ok_or(VerifyError::NoCheckpoint)?;
    let size = checkpoint.size;
    let (root, differing) = recompute(store, size)?;
    if root != checkpoint.root {
        return Err(match differing.bundle {
            Some(bundle) if root_of_tiles(store, size) == Some(checkpoint.root) => mismatch(bundle),
            _ => VerifyError::WrongRoot { size },
        });
    }
    if let Some(tile) = differing.tile {
        return Err(mismatch(tile));
    }
    for tile in tiles(size) {
        compare_partials(store, tile)?;
    }
    Ok(Verified { size, root })
}

/// The first files found that do not fit together.
#[derive(Default)]
struct Differing {
    /// A tile that does not follow from the entries.
    tile: Option<LogPath>,
    /// A bundle whose entries do not lead to the tile over it.
    bundle: Option<LogPath>,
}

/// The root that the entries lead to, and which tiles do not follow from them.
fn recompute<S: LogStore>(store: &mut S, size: u64) -> Result<(Hash, Differing), VerifyError> {
    let mut edge = Edge::default();
    let mut differing = Differing::default();
    for bundle in bundles(size) {
        let entries = read_bundle(store, bundle, bundle.width()).map_err(read_failed)?;
        for leaf in entries.leaf_hashes() {
            edge.push(leaf, |tile, hashes| {
                compare_tile(store, tile, hashes, &mut differing)
            })?;
        }
    }
    for (tile, hashes) in edge.partials() {
        compare_tile(store, tile, hashes, &mut differing)?;
    }
    Ok((edge.root(), differing))
}

fn compare_tile<S: LogStore>(
    store: &mut S,
    tile: LogPath,
    expected: &[Hash],
    differing: &mut Differing,
) -> Result<(), VerifyError> {
    let hashes = read_hashes(store, tile, tile.width()).map_err(read_failed)?;
    if hashes != expected {
        differing.tile.get_or_insert(tile);
        if let LogPath::Tile {
            level: 0,
            index,
            partial,
        } = tile
        {
            differing
                .bundle
                .get_or_insert(LogPath::Entries { index, partial });
        }
    }
    Ok(())
}

/// The root that the stored leaf hashes lead to; `None` if they cannot be read.
fn root_of_tiles<S: LogStore>(store: &mut S, size: u64) -> Option<Hash> {
    let mut edge = Edge::default();
    for tile in level(0, size) {
        for leaf in read_hashes(store, tile, tile.width()).ok()? {
            edge.push(leaf, |_, _| Ok::<_, ReadError<S::Error>>(()))
                .ok()?;
        }
    }
    Some(edge.root())
}

/// The bundles of a log, each at its present width.
fn bundles(size: u64) -> impl Iterator<Item = LogPath> {
    at_width(size, |index| LogPath::Entries {
        index,
        partial: None,
    })
}

/// The tiles of one level, each at its present width.
fn level(level: u8, size: u64) -> impl Iterator<Item = LogPath> {
    at_width(size, move |index| LogPath::Tile {
        level,
        index,
        partial: None,
    })
}

/// Every bundle and tile of a log, each at its present width.
fn tiles(size: u64) -> impl Iterator<Item = LogPath> {
    let tiles = (0..=MAX_LEVEL).flat_map(move |it| level(it, size));
    bundles(size).chain(tiles)
}

fn at_width(size: u64, path: impl Fn(u64) -> LogPath) -> impl Iterator<Item = LogPath> {
    (0..).map_while(move |index| {
        let path = path(index);
        path.at_width(path.width_at(size))
    })
}

fn mismatch(path: LogPath) -> VerifyError {
    VerifyError::Mismatch {
        path: path.to_string(),
    }
}

/// Compares the narrower partial forms of a tile or bundle, which itself was found to be right. Wider ones are not in
/// the log yet.
fn compare_partials<S: LogStore>(store: &mut S, tile: LogPath) -> Result<(), VerifyError> {
    let full = tile.full().to_string();
    let widths = store
        .partial_widths(&full)
        .map_err(|source| store_failed(full, source))?;
    let narrow: Vec<_> = widths
        .into_iter()
        .filter(|it| u16::from(*it) < tile.width())
        .filter_map(|it| tile.at_width(it.into()))
        .collect();
    if narrow.is_empty() {
        return Ok(());
    }
    let content = Content::read(store, tile).map_err(read_failed)?;
    for path in narrow {
        let text = path.to_string();
        let bytes = store
            .read(&text)
            .map_err(|source| store_failed(text, source))?;
        // A writer may delete a superseded tile at any time.
        if bytes.is_some_and(|bytes| content.prefix(path.width()) != Some(bytes.as_slice())) {
            return Err(mismatch(path));
        }
    }
    Ok(())
}

/// What a tile or bundle holds.
enum Content {
    Hashes(Vec<u8>),
    Entries(Bundle),
}

impl Content {
    fn read<S: LogStore>(store: &mut S, path: LogPath) -> Result<Content, ReadError<S::Error>> {
        Ok(match path {
            LogPath::Entries { .. } => Content::Entries(read_bundle(store, path, path.width())?),
            LogPath::Checkpoint | LogPath::Tile { .. } => {
                Content::Hashes(join_hashes(&read_hashes(store, path, path.width())?))
            }
        })
    }

    /// The file form at a narrower width.
    fn prefix(&self, width: u16) -> Option<&[u8]> {
        match self {
            Content::Hashes(bytes) => bytes.get(..HASH_BYTES * usize::from(width)),
            Content::Entries(bundle) => Some(bundle.prefix(width)),
        }
    }
}

fn store_failed<E: std::error::Error + Send + Sync + 'static>(
    path: String,
    source: E,
) -> VerifyError {
    VerifyError::Store {
        path,
        source: Box::new(source),
    }
}

fn checkpoint_failed<E: std::error::Error + Send + Sync + 'static>(
    error: CheckpointError<E>,
) -> VerifyError {
    VerifyError::Checkpoint(Box::new(error))
}

fn read_failed<E: std::error::Error + Send + Sync + 'static>(error: ReadError<E>) -> VerifyError {
    VerifyError::Read(Box::new(error))
}
