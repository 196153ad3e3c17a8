//! A proof in one file (C2SP `tlog-proof`): position, path, and the checkpoint with its signatures. It is checked without the log.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bundle::MAX_ENTRY_BYTES;
use crate::checkpoint::{Checkpoint, CheckpointTextError};
use crate::hash::{Hash, leaf_hash};
use crate::key::{Verifier, WitnessVerifier};
use crate::note::{MAX_NOTE_BYTES, Note, NoteError};
use crate::proof::{InclusionProof, ProofInvalid, verify_inclusion};
use crate::witness::MAX_PROOF_HASHES;

/// The first line of every such file.
const VERSION: &str = "c2sp.org/tlog-proof@v1";
/// The longest file that is read, in bytes: an entry, a path and a note.
pub const MAX_TLOG_PROOF_BYTES: usize = MAX_NOTE_BYTES + 2 * MAX_ENTRY_BYTES + 8_192;

/// A proof that an entry is in a log. Prints as the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What goes along without being proved; here it is the entry itself.
    pub extra: Option<Vec<u8>>,
    /// Position of the entry, from 0.
    pub index: u64,
    /// Sibling hashes from the leaf up.
    pub path: Vec<Hash>,
    /// The checkpoint, signed by the log and perhaps by witnesses.
    pub note: Note,
}

/// A file that is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Longer than [`MAX_TLOG_PROOF_BYTES`], or more than 63 hashes.
    #[error("the proof is too large")]
    TooLarge,
    /// Not the form of such a file.
    #[error("the proof is not a file of `{VERSION}`")]
    Malformed,
    /// The note in it.
    #[error("the proof holds no signed note")]
    Note(#[from] NoteError),
}

/// What is wrong with a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofInvalid {
    /// The log did not sign it, or a witness's signature is wrong.
    #[error("the checkpoint is not rightly signed")]
    Signature(#[from] NoteError),
    /// The note is no checkpoint.
    #[error("the note is no checkpoint")]
    Text(#[from] CheckpointTextError),
    /// Another log.
    #[error("the checkpoint is of the log `{origin}`")]
    OtherOrigin {
        /// The origin in the checkpoint.
        origin: String,
    },
    /// The path.
    #[error("the entry is not in the log at this position")]
    Proof(#[from] ProofInvalid),
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedEntry {
    /// The checkpoint that it leads to.
    pub checkpoint: Checkpoint,
    /// Which of the witnesses that were asked for cosigned it, by their place in what was given, and when, in seconds since 1970.
    pub cosigned: Vec<(usize, u64)>,
}

impl TlogProof {
    /// Parses a file. Nothing of it is to be trusted before [`TlogProof::verify`].
    ///
    /// # Errors
    /// See [`TlogProofError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > MAX_TLOG_PROOF_BYTES {
            return Err(TlogProofError::TooLarge);
        }
        let malformed = || TlogProofError::Malformed;
        let text = str::from_utf8(bytes).map_err(|_| malformed())?;
        let (head, note) = text.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(VERSION) {
            return Err(malformed());
        }
        let mut line = lines.next().ok_or_else(malformed)?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            extra = Some(STANDARD.decode(encoded).map_err(|_| malformed())?);
            line = lines.next().ok_or_else(malformed)?;
        }
        let digits = line.strip_prefix("index ").ok_or_else(malformed)?;
        let index: u64 = digits.parse().map_err(|_| malformed())?;
        if index.to_string() != digits {
            return Err(malformed());
        }
        let mut path = Vec::new();
        for line in lines {
            if path.len() == MAX_PROOF_HASHES {
                return Err(TlogProofError::TooLarge);
            }
            path.push(Hash::from_base64(line).ok_or_else(malformed)?);
        }
        let note = Note::parse(note.as_bytes())?;
        Ok(Self {
            extra,
            index,
            path,
            note,
        })
    }

    /// Checks that `entry` is in the log, and which witnesses say that everybody sees the same log. How many of them are enough is for the
    /// caller to say.
    ///
    /// # Errors
    /// See [`TlogProofInvalid`].
    pub fn verify(
        &self,
        entry: &[u8],
        log: &Verifier,
        witnesses: &[WitnessVerifier],
    ) -> Result<ProvedEntry, TlogProofInvalid> {
        let checkpoint = Checkpoint::parse(self.note.verify(log)?)?;
        if checkpoint.origin != log.name() {
            return Err(TlogProofInvalid::OtherOrigin {
                origin: checkpoint.origin,
            });
        }
        let mut cosigned = Vec::new();
        for (place, witness) in witnesses.iter().enumerate() {
            match witness.cosigned_at(&self.note) {
                Ok(at) => cosigned.push((place, at)),
                Err(NoteError::Unsigned { .. }) => {}
                Err(err) => return Err(err.into()),
            }
        }
        let proof = InclusionProof {
            index: self.index,
            size: checkpoint.size,
            path: self.path.clone(),
        };
        verify_inclusion(&proof, &leaf_hash(entry), &checkpoint.root)?;
        Ok(ProvedEntry {
            checkpoint,
            cosigned,
        })
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{VERSION}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.note)
    }
}
