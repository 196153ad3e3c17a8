//! Verification of a whole log: everything is computed again from the entries.

use crate::bundle::Bundle;
use crate::checkpoint::{CheckpointError, checkpoint};
use crate::edge::Edge;
use crate::hash::{HASH_BYTES, Hash, join_hashes};
use crate::key::Verifier;
use crate::log_store::LogStore;
use crate::path::{LogPath, TILE_WIDTH};
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
    #[error("checkpoint does not verify")]
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
    /// A file differs from what the entries before it give.
    #[error("`{path}` does not match the entries")]
    Mismatch {
        /// Path of the file.
        path: String,
    },
    /// The entries lead to another root hash than the signed one.
    #[error("the {size} entries lead to another root hash than the checkpoint's")]
    WrongRoot {
        /// Number of entries.
        size: u64,
    },
}

/// Checks the signed checkpoint, then computes every leaf, tile and the root again from the entry bundles and compares
/// all of them, superseded partial tiles that the store lists included.
///
/// Any changed byte in a file of the log makes this fail, except in signatures of keys other than `verifier`.
/// Memory is bounded by one bundle and one tile a level.
pub fn verify<S: LogStore>(store: &mut S, verifier: &Verifier) -> Result<Verified, VerifyError> {
    let checkpoint = checkpoint(store, verifier)
        .map_err(checkpoint_failed)?
        .ok_or(VerifyError::NoCheckpoint)?;
    let size = checkpoint.size;
    let mut edge = Edge::default();
    for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        let path = LogPath::Entries {
            index,
            partial: None,
        };
        let bundle = read_bundle(store, path, path.width_at(size)).map_err(read_failed)?;
        compare_bundle_partials(store, path, &bundle)?;
        for leaf in bundle.leaf_hashes() {
            edge.push(leaf, |tile, hashes| compare_tile(store, tile, hashes))?;
        }
    }
    for (tile, hashes) in edge.partials() {
        compare_tile(store, tile, hashes)?;
    }
    let root = edge.root();
    if root == checkpoint.root {
        Ok(Verified { size, root })
    } else {
        Err(VerifyError::WrongRoot { size })
    }
}

fn compare_tile<S: LogStore>(
    store: &mut S,
    tile: LogPath,
    expected: &[Hash],
) -> Result<(), VerifyError> {
    let hashes = read_hashes(store, tile, tile.width()).map_err(read_failed)?;
    if hashes != expected {
        return Err(VerifyError::Mismatch {
            path: tile.to_string(),
        });
    }
    let bytes = join_hashes(expected);
    compare_partials(store, tile, tile.width(), |width| {
        bytes.get(..HASH_BYTES * usize::from(width))
    })
}

fn compare_bundle_partials<S: LogStore>(
    store: &mut S,
    path: LogPath,
    bundle: &Bundle,
) -> Result<(), VerifyError> {
    let width = u16::try_from(bundle.len()).unwrap_or(TILE_WIDTH);
    compare_partials(store, path, width, |width| Some(bundle.prefix(width)))
}

/// Compares the narrower partial forms of a tile or bundle. Wider ones are not in the log yet.
fn compare_partials<'a, S: LogStore>(
    store: &mut S,
    tile: LogPath,
    width: u16,
    prefix: impl Fn(u16) -> Option<&'a [u8]>,
) -> Result<(), VerifyError> {
    let full = tile.full().to_string();
    let failed = |path: String| {
        |source: S::Error| VerifyError::Store {
            path,
            source: Box::new(source),
        }
    };
    let widths = store.partial_widths(&full).map_err(failed(full.clone()))?;
    for narrow in widths
        .into_iter()
        .map(u16::from)
        .filter(|narrow| *narrow < width)
    {
        let Some(path) = tile.at_width(narrow) else {
            continue;
        };
        let path = path.to_string();
        let bytes = store.read(&path).map_err(failed(path.clone()))?;
        // A writer may delete a superseded tile at any time.
        if bytes.is_some_and(|bytes| prefix(narrow) != Some(bytes.as_slice())) {
            return Err(VerifyError::Mismatch { path });
        }
    }
    Ok(())
}

fn checkpoint_failed<E: std::error::Error + Send + Sync + 'static>(
    error: CheckpointError<E>,
) -> VerifyError {
    VerifyError::Checkpoint(Box::new(error))
}

fn read_failed<E: std::error::Error + Send + Sync + 'static>(error: ReadError<E>) -> VerifyError {
    VerifyError::Read(Box::new(error))
}
