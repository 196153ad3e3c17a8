//! The public record: an append-only Merkle log of opaque entries that anyone can verify.
//!
//! Owns Merkle hashing, tiles, entry bundles, checkpoints, signatures, proofs, and what a witness insists on. It knows bytes: no domain type, no
//! clock, no randomness, and no I/O except [`DirStore`]. Start reading at [`append()`] and [`verify()`].
//!
//! # Format
//!
//! The log is a set of files under one prefix, as in C2SP `tlog-tiles`. Integers on disk are big-endian.
//!
//! | path | bytes |
//! |---|---|
//! | `checkpoint` | a C2SP signed note: origin, tree size, base64 root hash, one a line; signed with Ed25519 |
//! | `tile/<L>/<N>` | 256 SHA-256 hashes (8192 bytes); level 0 holds leaf hashes, a higher level the roots of full tiles below |
//! | `tile/<L>/<N>.p/<W>` | the first `W` (1 to 255) hashes of a tile that is not full yet |
//! | `tile/entries/<N>` | 256 entries, each as a `u16` length and that many bytes |
//! | `tile/entries/<N>.p/<W>` | the first `W` entries of a bundle that is not full yet |
//!
//! `<N>` is the tile's index in groups of three digits, all but the last with an `x`: 1234067 is `x001/x234/067`.
//! Leaf hash = SHA-256(`0x00` ‖ entry), node hash = SHA-256(`0x01` ‖ left ‖ right), tree shape as in RFC 6962 section 2.1.
//! The origin is the name of the signing key. The format's version is C2SP's: paths and hashing never change in place.
//!
//! Limits: an entry has at most [`MAX_ENTRY_BYTES`], a checkpoint at most [`MAX_NOTE_BYTES`] and [`MAX_SIGNATURES`].
//!
//! # Failure and recovery
//!
//! The checkpoint is written last, so it alone says what is in the log. Files beyond it are leftovers of an append that
//! failed; nothing reads them, and the next append overwrites them. A partial tile superseded by a wider one stays true
//! and may be deleted once the full tile exists; readers then take the front of the full tile.
//! A log whose checkpoint is gone while its tiles are there is refused: starting over would fork it.
//! One writer at a time; a [`LogStore`] is borrowed mutably for that reason, and a shared database must serialise writers.

mod append;
mod bundle;
mod checkpoint;
mod cosignature;
mod dir_store;
mod edge;
mod hash;
mod key;
mod log_store;
mod mirror;
mod note;
mod path;
mod proof;
mod read;
mod tlog_proof;
mod verify;
mod witness;

pub use append::{AppendError, Appended, append};
pub use bundle::MAX_ENTRY_BYTES;
pub use checkpoint::{Checkpoint, CheckpointError, CheckpointTextError, checkpoint};
pub use cosignature::CosignError;
pub use dir_store::{DirStore, DirStoreError};
pub use hash::{Hash, empty_root, leaf_hash, node_hash};
pub use key::{KeyNameError, Signer, Verifier, VerifierError, WitnessSigner, WitnessVerifier};
pub use log_store::{LogStore, MemoryStore};
pub use mirror::{MirrorError, Mirrored, mirror};
pub use note::{MAX_NOTE_BYTES, MAX_SIGNATURES, Note, NoteError, NoteSignature};
pub use path::LogPath;
pub use proof::{
    ConsistencyProof, InclusionProof, ProofInvalid, verify_consistency, verify_inclusion,
};
pub use read::{
    ProofError, ReadEntryError, ReadError, consistency_proof, inclusion_proof, read_entries,
    read_entry,
};
pub use tlog_proof::{
    MAX_TLOG_PROOF_BYTES, ProvedEntry, TlogProof, TlogProofError, TlogProofInvalid,
};
pub use verify::{Verified, VerifyError, verify};
pub use witness::{
    AddCheckpoint, AddCheckpointError, MAX_ADD_CHECKPOINT_BYTES, MAX_PROOF_HASHES, Witness,
    WitnessError, WitnessRefusal, admit,
};
