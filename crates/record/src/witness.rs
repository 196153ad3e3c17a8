//! What a witness is asked and on what it insists (C2SP `tlog-witness`, `add-checkpoint`). Who listens is elsewhere.
//!
//! A witness knows one checkpoint of each log, the last that it cosigned. It cosigns another one only if the log proves that the tree
//! grew from it; so whoever shows two people two records needs two sets of witnesses.

use std::fmt;

use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointTextError};
use crate::cosignature::CosignError;
use crate::hash::{Hash, empty_root};
use crate::key::{Verifier, WitnessSigner};
use crate::log_store::LogStore;
use crate::note::{MAX_NOTE_BYTES, Note, NoteError, NoteSignature};
use crate::path::LogPath;
use crate::proof::{ConsistencyProof, ProofInvalid, verify_consistency};

/// The most hashes that a proof has which is sent to a witness: a tree is at most 2^63 high.
pub const MAX_PROOF_HASHES: usize = 63;
/// The longest request that is read, in bytes: a note, and 64 lines of at most 45 bytes.
pub const MAX_ADD_CHECKPOINT_BYTES: usize = MAX_NOTE_BYTES + 4_096;

/// Asks a witness to cosign a checkpoint. Prints as the body of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// How large the log was when the witness cosigned it last, as the asker believes; 0 for never.
    pub old_size: u64,
    /// The proof that the tree grew from there (RFC 6962, section 2.1.2).
    pub path: Vec<Hash>,
    /// The checkpoint, signed by its log.
    pub note: Note,
}

/// The body is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointError {
    /// Longer than [`MAX_ADD_CHECKPOINT_BYTES`], or more than [`MAX_PROOF_HASHES`].
    #[error("the request is too large")]
    TooLarge,
    /// Not `old <size>`, hashes, an empty line and a note.
    #[error("the request is not `old <size>`, lines of hashes, an empty line and a checkpoint")]
    Malformed,
    /// The note.
    #[error("the request has no signed note")]
    Note(#[from] NoteError),
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// The log did not sign it, or not rightly.
    #[error("the checkpoint is not signed by the log")]
    Signature(#[from] NoteError),
    /// It is no checkpoint.
    #[error("the note is no checkpoint")]
    Text(#[from] CheckpointTextError),
    /// It is a checkpoint of another log than the key's.
    #[error("the checkpoint is of another log")]
    OtherOrigin,
    /// The old size is beyond the new one.
    #[error("the old size is larger than the checkpoint's")]
    OldBeyondNew,
    /// The asker believes something else of what was cosigned last.
    #[error("the last checkpoint that was cosigned has {size} entries")]
    OldSize {
        /// How large the log was when it was cosigned last.
        size: u64,
    },
    /// The log signed two trees of the same size: one of them is a lie.
    #[error("the log has signed two different trees of {size} entries")]
    SplitView {
        /// Of which size.
        size: u64,
    },
    /// The proof does not show that the tree grew from the one that was cosigned last.
    #[error("the proof of consistency is wrong")]
    Proof(#[from] ProofInvalid),
}

impl WitnessRefusal {
    /// The status that C2SP `tlog-witness` has for it.
    pub fn status(&self) -> u16 {
        match self {
            Self::Signature(_) => 403,
            Self::Text(_) | Self::OtherOrigin | Self::OldBeyondNew => 400,
            Self::OldSize { .. } => 409,
            Self::SplitView { .. } | Self::Proof(_) => 422,
        }
    }
}

impl AddCheckpoint {
    /// Parses the body of a request. Nothing of it is to be trusted before [`admit`].
    ///
    /// # Errors
    /// See [`AddCheckpointError`].
    pub fn parse(body: &[u8]) -> Result<Self, AddCheckpointError> {
        if body.len() > MAX_ADD_CHECKPOINT_BYTES {
            return Err(AddCheckpointError::TooLarge);
        }
        let malformed = || AddCheckpointError::Malformed;
        let body = str::from_utf8(body).map_err(|_| malformed())?;
        let (head, note) = body.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|it| it.strip_prefix("old "));
        let old = old.ok_or_else(malformed)?;
        let old_size: u64 = old.parse().map_err(|_| malformed())?;
        if old_size.to_string() != old {
            return Err(malformed());
        }
        let mut path = Vec::new();
        for line in lines {
            if path.len() == MAX_PROOF_HASHES {
                return Err(AddCheckpointError::TooLarge);
            }
            path.push(Hash::from_base64(line).ok_or_else(malformed)?);
        }
        let note = Note::parse(note.as_bytes())?;
        Ok(Self {
            old_size,
            path,
            note,
        })
    }

    /// Of which log it says to be: whose key has to be looked up.
    pub fn origin(&self) -> &str {
        let text = self.note.unverified_text();
        text.split_once('\n').map_or(text, |it| it.0)
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.path {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.note)
    }
}

/// Whether a witness that cosigned `last` of this log (nothing yet: `None`) may cosign what it is asked for. What is given back has to be
/// kept, durably and instead of `last` alone, before the cosignature is handed out.
///
/// # Errors
/// See [`WitnessRefusal`]. After [`WitnessRefusal::SplitView`] the note of the request and the one of `last` together prove that the log
/// lied; keep both.
pub fn admit(
    request: &AddCheckpoint,
    log: &Verifier,
    last: Option<&Checkpoint>,
) -> Result<Checkpoint, WitnessRefusal> {
    let new = Checkpoint::parse(request.note.verify(log)?)?;
    if new.origin != log.name() {
        return Err(WitnessRefusal::OtherOrigin);
    }
    if request.old_size > new.size {
        return Err(WitnessRefusal::OldBeyondNew);
    }
    let (size, root) = last.map_or((0, empty_root()), |it| (it.size, it.root));
    if request.old_size != size {
        return Err(WitnessRefusal::OldSize { size });
    }
    if size == new.size && root != new.root {
        return Err(WitnessRefusal::SplitView { size });
    }
    let proof = ConsistencyProof {
        old_size: size,
        new_size: new.size,
        path: request.path.clone(),
    };
    verify_consistency(&proof, &root, &new.root)?;
    Ok(new)
}

/// What a witness knows of one log: kept in a store as that log's `checkpoint`, with the cosignature that was handed out.
///
/// One at a time for a log: whoever opens a second one on the same store makes it possible to cosign two views.
pub struct Witness<S> {
    log: Verifier,
    store: S,
    last: Option<Cosigned>,
    is_broken: bool,
}

struct Cosigned {
    checkpoint: Checkpoint,
    note: Note,
    at_seconds: u64,
}

/// Why a witness gave no cosignature. `E` is the store's error.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError<E: std::error::Error + 'static> {
    /// The log may not have it.
    #[error("the checkpoint is not cosigned")]
    Refused(#[from] WitnessRefusal),
    /// The time.
    #[error("the checkpoint could not be cosigned")]
    Cosign(#[from] CosignError),
    /// There is no room for one more signature on the checkpoint.
    #[error("the checkpoint has too many signatures")]
    Note(#[source] NoteError),
    /// What was cosigned could not be kept. Nothing more is cosigned until the witness is opened again.
    #[error("what is cosigned could not be kept")]
    Store(#[source] E),
    /// It could not be kept before, so nobody knows what would be there after a power cut.
    #[error("what was cosigned before could not be kept; start the witness again")]
    Broken,
}

impl<S: LogStore> Witness<S> {
    /// Begins where the store ends. Without a checkpoint in it nothing of this log was cosigned yet: whoever loses the store makes a witness
    /// that cosigns any history.
    ///
    /// # Errors
    /// See [`CheckpointError`]; what is kept must be signed by the log and by the witness.
    pub fn open(
        mut store: S,
        log: Verifier,
        signer: &WitnessSigner,
    ) -> Result<Self, CheckpointError<S::Error>> {
        let path = LogPath::Checkpoint.to_string();
        let kept = store.read(&path).map_err(CheckpointError::Store)?;
        let mut last = None;
        if let Some(bytes) = kept {
            let note = Note::parse(&bytes).map_err(CheckpointError::Note)?;
            let text = note.verify(&log).map_err(CheckpointError::Note)?;
            let checkpoint = Checkpoint::parse(text).map_err(CheckpointError::Text)?;
            let at_seconds = signer.verifier().cosigned_at(&note);
            let at_seconds = at_seconds.map_err(CheckpointError::Note)?;
            last = Some(Cosigned {
                checkpoint,
                note,
                at_seconds,
            });
        }
        Ok(Self {
            log,
            store,
            last,
            is_broken: false,
        })
    }

    /// The log.
    pub fn log(&self) -> &Verifier {
        &self.log
    }

    /// The last checkpoint that was cosigned, with the signature of the log and of the witness, and when, in seconds since 1970.
    pub fn last(&self) -> Option<(&Note, u64)> {
        let last = self.last.as_ref()?;
        Some((&last.note, last.at_seconds))
    }

    /// Cosigns what is asked, after it was kept. The time never goes back, whatever the clock says.
    ///
    /// # Errors
    /// See [`WitnessError`].
    pub fn add(
        &mut self,
        request: &AddCheckpoint,
        signer: &WitnessSigner,
        now_seconds: u64,
    ) -> Result<NoteSignature, WitnessError<S::Error>> {
        if self.is_broken {
            return Err(WitnessError::Broken);
        }
        let last = self.last.as_ref();
        let checkpoint = admit(request, &self.log, last.map(|it| &it.checkpoint))?;
        let at_seconds = last.map_or(now_seconds, |it| it.at_seconds.max(now_seconds));
        let mut note = request.note.only_of(&self.log);
        let signature = signer.cosign(&note, at_seconds)?;
        note.add(signature.clone()).map_err(WitnessError::Note)?;
        let path = LogPath::Checkpoint.to_string();
        if let Err(err) = self.store.write(&path, note.to_string().as_bytes()) {
            self.is_broken = true;
            return Err(WitnessError::Store(err));
        }
        self.last = Some(Cosigned {
            checkpoint,
            note,
            at_seconds,
        });
        Ok(signature)
    }
}
