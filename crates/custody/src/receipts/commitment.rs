//! A commitment to the receipts of an hour: one root that says nothing about anybody, and a path for each receipt.
//!
//! A leaf is HMAC-SHA-256 of a receipt's text under its person's salt. Without the salt nobody can test a guess.
//! Decoys fill the tree up, and leaves stand in the order of their bytes, so a place in it tells nothing.
//! Pure: salts and decoys are given.

use record::{Hash, InclusionProof, leaf_hash, node_hash};
use ring::hmac;

/// Length of a salt.
pub const RECEIPT_SALT_BYTES: usize = 32;
/// The fewest leaves of a tree, so that the length of a path does not tell a quiet hour.
pub const LEAST_RECEIPT_LEAVES: usize = 1024;

/// What a leaf of the tree says: a receipt that only its salt opens, or random bytes that look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceiptCommitment(pub [u8; 32]);

impl ReceiptCommitment {
    /// Commits to the text of a receipt.
    #[must_use]
    pub fn to(salt: &[u8; RECEIPT_SALT_BYTES], text: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        let tag = hmac::sign(&key, text);
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// Its hash as a leaf (RFC 6962).
    #[must_use]
    pub fn leaf(&self) -> Hash {
        leaf_hash(&self.0)
    }
}

/// How many decoys a tree of so many receipts needs.
#[must_use]
pub fn receipt_decoys(receipts: usize) -> usize {
    let size = receipts.next_power_of_two().max(LEAST_RECEIPT_LEAVES);
    size.saturating_sub(receipts)
}

/// The tree of an hour, its levels from the leaves to the root.
#[derive(Debug, Clone)]
pub struct ReceiptTree {
    leaves: Vec<ReceiptCommitment>,
    levels: Vec<Vec<Hash>>,
    root: Hash,
}

impl ReceiptTree {
    /// Grows the tree over receipts and decoys; `None` unless there are a power of two of them.
    #[must_use]
    pub fn of(mut leaves: Vec<ReceiptCommitment>) -> Option<Self> {
        if !leaves.len().is_power_of_two() {
            return None;
        }
        leaves.sort_unstable();
        let mut level: Vec<Hash> = leaves.iter().map(ReceiptCommitment::leaf).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let pairs = level.chunks_exact(2);
            let above = pairs.filter_map(|it| Some(node_hash(it.first()?, it.last()?)));
            let above = above.collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        let root = *level.first()?;
        Some(Self {
            leaves,
            levels,
            root,
        })
    }

    /// What goes into the record.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The proof that a commitment is in the tree; `None` where it is not.
    #[must_use]
    pub fn prove(&self, commitment: &ReceiptCommitment) -> Option<InclusionProof> {
        let place = self.leaves.binary_search(commitment).ok()?;
        let mut path = Vec::new();
        for (height, level) in self.levels.iter().enumerate() {
            path.push(*level.get((place >> height) ^ 1)?);
        }
        Some(InclusionProof {
            index: u64::try_from(place).ok()?,
            size: u64::try_from(self.leaves.len()).ok()?,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::verify_inclusion;

    fn tree(receipts: u32) -> (Vec<ReceiptCommitment>, ReceiptTree) {
        let receipt = |it: u32| ReceiptCommitment::to(&[7; 32], &it.to_be_bytes());
        let receipts: Vec<_> = (0..receipts).map(receipt).collect();
        let decoys = u32::try_from(receipt_decoys(receipts.len())).unwrap();
        let decoys = (0..decoys).map(|it| ReceiptCommitment::to(&[9; 32], &it.to_be_bytes()));
        let tree = ReceiptTree::of(receipts.iter().copied().chain(decoys).collect()).unwrap();
        (receipts, tree)
    }

    #[test]
    fn each_receipt_of_an_hour_is_proven_by_its_path_and_no_other() {
        for count in [1, 3, 1024, 1025] {
            let (receipts, tree) = tree(count);
            for it in &receipts {
                let proof = tree.prove(it).unwrap();
                assert_eq!(verify_inclusion(&proof, &it.leaf(), &tree.root()), Ok(()));
                let other = ReceiptCommitment::to(&[8; 32], b"other").leaf();
                assert!(verify_inclusion(&proof, &other, &tree.root()).is_err());
            }
        }
    }

    #[test]
    fn a_path_is_as_long_for_one_receipt_as_for_a_thousand() {
        let length = |count| {
            let (receipts, tree) = tree(count);
            tree.prove(&receipts[0]).unwrap().path.len()
        };
        assert_eq!((length(1), length(1000)), (10, 10));
    }

    #[test]
    fn a_guess_of_the_text_is_nothing_without_the_salt() {
        let (_, tree) = tree(3);
        let guess = ReceiptCommitment::to(&[0; 32], &1_u32.to_be_bytes());
        assert_eq!(tree.prove(&guess), None);
    }
}
