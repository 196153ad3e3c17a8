//! Inclusion and consistency proofs: their shape (RFC 6962, section 2.1) and their verification (RFC 9162, section 2.1).
//!
//! Pure: which subtrees a proof consists of is computed here, their hashes come from the tiles.

use std::ops::Range;

use crate::hash::{Hash, empty_root, node_hash};

/// Proof that an entry is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// Position of the entry, from 0.
    pub index: u64,
    /// Size of the tree.
    pub size: u64,
    /// Sibling hashes from the leaf up.
    pub path: Vec<Hash>,
}

/// Proof that a tree is the beginning of a larger one: nothing was changed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Size of the older tree.
    pub old_size: u64,
    /// Size of the newer tree.
    pub new_size: u64,
    /// Hashes of RFC 6962, section 2.1.2; empty if either the older tree is empty or the sizes are equal.
    pub path: Vec<Hash>,
}

/// The proof does not show what it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofInvalid {
    /// The sizes or the position make no sense together.
    #[error("proof is about impossible positions")]
    Impossible,
    /// Too few or too many hashes for these sizes.
    #[error("proof has the wrong number of hashes")]
    WrongLength,
    /// The hashes lead to another root.
    #[error("proof leads to another root hash")]
    WrongRoot,
}

/// Checks that the entry with this leaf hash is in the tree with this root.
pub fn verify_inclusion(
    proof: &InclusionProof,
    leaf: &Hash,
    root: &Hash,
) -> Result<(), ProofInvalid> {
    if proof.index >= proof.size {
        return Err(ProofInvalid::Impossible);
    }
    let mut node = Climb {
        index: proof.index,
        last: proof.size - 1,
    };
    let mut hash = *leaf;
    for sibling in &proof.path {
        hash = match node.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    node.finish()?;
    if hash == *root {
        Ok(())
    } else {
        Err(ProofInvalid::WrongRoot)
    }
}

/// Checks that the tree with the new root begins with the whole tree with the old root.
pub fn verify_consistency(
    proof: &ConsistencyProof,
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofInvalid> {
    let (old_size, new_size) = (proof.old_size, proof.new_size);
    if old_size > new_size {
        return Err(ProofInvalid::Impossible);
    }
    if old_size == 0 || old_size == new_size {
        return verify_trivial_consistency(proof, old_root, new_root);
    }
    let mut path = proof.path.iter();
    // A complete old tree is itself the first subtree, so the proof leaves it out.
    let start = if old_size.is_power_of_two() {
        Some(old_root)
    } else {
        path.next()
    };
    let start = start.ok_or(ProofInvalid::WrongLength)?;
    let shift = (old_size - 1).trailing_ones();
    let mut node = Climb {
        index: (old_size - 1) >> shift,
        last: (new_size - 1) >> shift,
    };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in path {
        match node.step()? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    node.finish()?;
    if old_hash == *old_root && new_hash == *new_root {
        Ok(())
    } else {
        Err(ProofInvalid::WrongRoot)
    }
}

/// From the empty tree, or from a tree to itself: the path is empty and the roots speak for themselves.
fn verify_trivial_consistency(
    proof: &ConsistencyProof,
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofInvalid> {
    let same = proof.old_size != proof.new_size || old_root == new_root;
    let empty = proof.old_size != 0 || *old_root == empty_root();
    if !proof.path.is_empty() {
        return Err(ProofInvalid::WrongLength);
    }
    if same && empty {
        Ok(())
    } else {
        Err(ProofInvalid::WrongRoot)
    }
}

/// A complete subtree: `2^height` leaves from leaf `index × 2^height` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subtree {
    pub(crate) height: u32,
    pub(crate) index: u64,
}

/// The leaf ranges whose hashes are the inclusion proof for `index` in a tree of `size`, in proof order.
pub(crate) fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let mut tree = 0..size;
    while let Some(middle) = middle(&tree) {
        if index < middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The leaf ranges whose hashes are the consistency proof from `old_size` to `new_size`, in proof order.
pub(crate) fn consistency_ranges(old_size: u64, new_size: u64) -> Vec<Range<u64>> {
    if old_size == 0 {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    let mut tree = 0..new_size;
    while tree.end != old_size {
        let Some(middle) = middle(&tree) else { break };
        if old_size <= middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
        }
    }
    if tree.start > 0 {
        ranges.push(tree);
    }
    ranges.reverse();
    ranges
}

/// The complete subtrees that a range of the tree consists of, from left to right.
pub(crate) fn complete_subtrees(mut range: Range<u64>) -> impl Iterator<Item = Subtree> {
    std::iter::from_fn(move || {
        let height = range.end.checked_sub(range.start)?.checked_ilog2()?;
        let subtree = Subtree {
            height,
            index: range.start >> height,
        };
        range.start += 1 << height;
        Some(subtree)
    })
}

/// Where RFC 6962 splits a range: the largest power of two smaller than its length. `None` below two leaves.
fn middle(range: &Range<u64>) -> Option<u64> {
    let length = range.end.checked_sub(range.start)?;
    let height = length.checked_sub(1)?.checked_ilog2()?;
    Some(range.start + (1 << height))
}

/// Which side a sibling is on.
enum Side {
    Left,
    Right,
}

/// A node on its way up: its index in the level and the index of the level's last node.
struct Climb {
    index: u64,
    last: u64,
}

impl Climb {
    /// Where the next sibling is; moves to the parent. RFC 9162, section 2.1.3.2, step 4.
    fn step(&mut self) -> Result<Side, ProofInvalid> {
        if self.last == 0 {
            return Err(ProofInvalid::WrongLength);
        }
        let side = if self.index & 1 == 1 || self.index == self.last {
            // The last node of a level with an odd count has no sibling: it moves up until it has one.
            let levels = self.index.trailing_zeros();
            self.index = self.index.checked_shr(levels).unwrap_or(0);
            self.last = self.last.checked_shr(levels).unwrap_or(0);
            Side::Left
        } else {
            Side::Right
        };
        self.index >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    /// The root is reached exactly when no node is to the right.
    fn finish(&self) -> Result<(), ProofInvalid> {
        if self.last == 0 {
            Ok(())
        } else {
            Err(ProofInvalid::WrongLength)
        }
    }
}
