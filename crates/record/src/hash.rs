//! Merkle hashing of RFC 6962, section 2.1, with SHA-256.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

/// Length of a SHA-256 hash.
pub(crate) const HASH_BYTES: usize = 32;

/// Domain separation of RFC 6962: a leaf can never be taken for an inner node.
const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// A Merkle tree hash: of a leaf, of a subtree, or of the whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// Reads the base64 form that checkpoints use; `None` unless it is exactly 32 bytes in canonical base64.
    pub fn from_base64(text: &str) -> Option<Hash> {
        let bytes = STANDARD.decode(text).ok()?;
        bytes.try_into().ok().map(Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The root of the empty tree: the hash of no bytes.
pub fn empty_root() -> Hash {
    finish(digest::digest(&digest::SHA256, &[]))
}

/// The hash of one entry as a leaf of the tree.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(entry);
    finish(context.finish())
}

/// The hash of an inner node from its two children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[NODE_PREFIX]);
    context.update(&left.0);
    context.update(&right.0);
    finish(context.finish())
}

/// SHA-256 without Merkle prefix, for key ids.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    finish(digest::digest(&digest::SHA256, bytes))
}

/// The root of a complete subtree from its nodes at one level; their count must be a power of two.
///
/// `None` for no nodes at all. An odd node at the end of a level moves up unhashed, as in RFC 6962.
pub(crate) fn subtree_root(nodes: &[Hash]) -> Option<Hash> {
    let mut level = nodes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [odd] => Some(*odd),
                _ => None,
            })
            .collect();
    }
    level.first().copied()
}

/// Splits concatenated hashes; `None` unless the length is a whole number of hashes.
pub(crate) fn split_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    rest.is_empty()
        .then(|| hashes.iter().map(|hash| Hash(*hash)).collect())
}

/// The opposite of [`split_hashes`].
pub(crate) fn join_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn finish(digest: digest::Digest) -> Hash {
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(digest.as_ref());
    Hash(hash)
}
