//! The right edge of the tree: for each tile level the hashes of the tile that is not full yet.
//!
//! The edge is all that is needed to extend the tree and to compute its root.

use crate::hash::{Hash, empty_root, node_hash, subtree_root};
use crate::path::{LogPath, TILE_HEIGHT, TILE_WIDTH};

/// The tree's right edge, by tile level from the leaves up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// An edge from the hashes of the partial tiles of a tree of `size` entries, from the leaves up.
    pub(crate) fn new(size: u64, levels: Vec<Vec<Hash>>) -> Edge {
        Edge { size, levels }
    }

    /// The leaf hashes of the level-0 tile that is not full yet.
    pub(crate) fn leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// Adds a leaf; `on_full` is called with every tile that this fills, from the leaves up.
    pub(crate) fn push<E>(
        &mut self,
        leaf: Hash,
        mut on_full: impl FnMut(LogPath, &[Hash]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.size += 1;
        let mut carry = leaf;
        for level in 0.. {
            let shift = TILE_HEIGHT * (u32::from(level) + 1);
            let Some(hashes) = self.level_mut(level) else {
                break;
            };
            hashes.push(carry);
            if hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let Some(root) = subtree_root(hashes) else {
                break;
            };
            carry = root;
            let full = std::mem::take(hashes);
            let index = self.size.checked_shr(shift).unwrap_or(0).saturating_sub(1);
            on_full(
                LogPath::Tile {
                    level,
                    index,
                    partial: None,
                },
                &full,
            )?;
        }
        Ok(())
    }

    /// The tiles that are not full and not empty, with their hashes.
    pub(crate) fn partials(&self) -> impl Iterator<Item = (LogPath, &[Hash])> {
        (0_u8..).zip(&self.levels).filter_map(|(level, hashes)| {
            let index = self
                .size
                .checked_shr(TILE_HEIGHT * (u32::from(level) + 1))
                .unwrap_or(0);
            let width = u16::try_from(hashes.len()).ok()?;
            let path = LogPath::Tile {
                level,
                index,
                partial: None,
            }
            .at_width(width)?;
            Some((path, hashes.as_slice()))
        })
    }

    /// The root hash of the tree.
    pub(crate) fn root(&self) -> Hash {
        // Complete subtrees from right to left: levels upwards, and within a level the smallest first.
        let mut root = None;
        for hashes in &self.levels {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let width = 1_usize << rest.len().trailing_zeros();
                let (left, peak) = rest.split_at(rest.len() - width);
                let peak = subtree_root(peak);
                root = match (peak, root) {
                    (Some(peak), Some(right)) => Some(node_hash(&peak, &right)),
                    (peak, right) => peak.or(right),
                };
                rest = left;
            }
        }
        root.unwrap_or_else(empty_root)
    }

    fn level_mut(&mut self, level: u8) -> Option<&mut Vec<Hash>> {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        self.levels.get_mut(level)
    }
}
