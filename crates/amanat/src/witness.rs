//! A witness of public records (C2SP `tlog-witness`): it cosigns what only grew, and keeps the proof when a record lied.
//!
//! ```text
//! DATA/witness.key              the secret seed, 64 hexadecimal digits (mode 0600); whoever has it can sign in the witness's name
//! DATA/witness.vkey             the public key, to be given to the logs
//! DATA/logs/<hash>/checkpoint   the last checkpoint that was cosigned; <hash> is the SHA-256 of the log's origin, hexadecimal
//! DATA/refused/<hash>/checkpoint the first checkpoint whose proof did not show that it grew from what was cosigned: a hint, no proof
//! DATA/split/<hash>/checkpoint  a checkpoint that contradicts the one that was cosigned then: together they prove that the log lied
//! DATA/lock                     held while a process uses the directory
//! ```
//!
//! The directory is the witness's memory. A copy from before lets a log take back what was cosigned since; so it has no backup, and a
//! witness that lost it begins again under another key.

mod service;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use data_encoding::HEXLOWER_PERMISSIVE;
use record::{
    AddCheckpoint, CheckpointError, DirStore, DirStoreError, KeyNameError, LogStore as _,
    NoteSignature, Verifier, Witness, WitnessError, WitnessRefusal, WitnessSigner,
};
use zeroize::Zeroizing;

use crate::data_directory;

pub(crate) use service::router;

/// The most logs that a witness follows.
pub(crate) const MAX_LOGS: usize = 1_000;
/// How a checkpoint is named in the store of a log.
const CHECKPOINT: &str = "checkpoint";

/// Why a witness cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenWitnessError {
    /// More than [`MAX_LOGS`].
    #[error("a witness follows at most {MAX_LOGS} logs")]
    TooMany,
    /// Two keys with one origin.
    #[error("`{0}` is named twice, and a log has one key")]
    Twice(String),
    /// The name.
    #[error("a witness cannot have this name")]
    Name(#[from] KeyNameError),
    /// The directory belongs to a witness with another name or key.
    #[error("this is the directory of the witness `{0}`")]
    Other(String),
    /// Nobody said how it is called.
    #[error("a new witness needs a name")]
    NoName,
    /// What is in the directory.
    #[error(transparent)]
    Directory(#[from] anyhow::Error),
    /// What was cosigned last.
    #[error("what was cosigned last of `{origin}` cannot be used")]
    Last {
        /// Of which log.
        origin: String,
        #[source]
        source: CheckpointError<DirStoreError>,
    },
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddError {
    /// The witness does not follow this log.
    #[error("this witness does not follow this log")]
    UnknownLog,
    /// The log.
    #[error(transparent)]
    Witness(#[from] WitnessError<DirStoreError>),
}

/// A log that is followed.
struct Followed {
    witness: Witness<DirStore>,
    /// Where a contradiction is kept.
    split: DirStore,
    /// Where a checkpoint is kept that did not follow from what was cosigned.
    refused: DirStore,
}

/// A witness of several logs.
pub(crate) struct Witnesses {
    signer: WitnessSigner,
    /// By the hash of their origins.
    logs: BTreeMap<String, Mutex<Followed>>,
}

impl Witnesses {
    /// Opens or makes a witness in a directory that nobody else uses.
    pub(crate) fn open(
        directory: &Path,
        name: Option<&str>,
        logs: Vec<Verifier>,
    ) -> Result<Self, OpenWitnessError> {
        if logs.len() > MAX_LOGS {
            return Err(OpenWitnessError::TooMany);
        }
        let signer = signer(directory, name)?;
        let mut followed = BTreeMap::new();
        for log in logs {
            let origin = log.name().to_owned();
            let hash = origin_hash(&origin);
            let store = |part: &str| DirStore::create(directory.join(part).join(&hash));
            let context = || format!("`{}` cannot be used", directory.display());
            let split = store("split").with_context(context)?;
            let refused = store("refused").with_context(context)?;
            let kept = store("logs").with_context(context)?;
            let witness = Witness::open(kept, log, &signer);
            let witness = witness.map_err(|source| OpenWitnessError::Last {
                origin: origin.clone(),
                source,
            })?;
            let one = Mutex::new(Followed {
                witness,
                split,
                refused,
            });
            if followed.insert(hash, one).is_some() {
                return Err(OpenWitnessError::Twice(origin));
            }
        }
        Ok(Self {
            signer,
            logs: followed,
        })
    }

    /// The key that the logs are given.
    pub(crate) fn key(&self) -> String {
        self.signer.verifier().to_string()
    }

    /// Cosigns what a log asks for, if it may have it; keeps the proof where the log contradicts itself.
    fn add(&self, request: &AddCheckpoint, now_seconds: u64) -> Result<NoteSignature, AddError> {
        let log = self.logs.get(&origin_hash(request.origin()));
        let log = log.ok_or(AddError::UnknownLog)?;
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let log = &mut *log;
        let done = log.witness.add(request, &self.signer, now_seconds);
        if let Err(WitnessError::Refused(WitnessRefusal::SplitView { size })) = &done {
            let origin = log.witness.log().name();
            tracing::error!(
                "the log `{origin}` has signed two different trees of {size} entries: it showed somebody another record; tell everybody who relies on it"
            );
            keep_first(&mut log.split, request).map_err(WitnessError::Store)?;
        }
        if let Err(WitnessError::Refused(WitnessRefusal::Proof(_))) = &done {
            let origin = log.witness.log().name();
            tracing::warn!(
                "the log `{origin}` has signed a checkpoint and could not show that it grew from the one that was cosigned: it may have another history, or a fault"
            );
            keep_first(&mut log.refused, request).map_err(WitnessError::Store)?;
        }
        Ok(done?)
    }

    /// The last checkpoint of a log that was cosigned, by the hash of its origin.
    fn last(&self, hash: &str) -> Option<String> {
        let log = self.logs.get(hash)?.lock();
        let log = log.unwrap_or_else(PoisonError::into_inner);
        log.witness.last().map(|it| it.0.to_string())
    }

    /// A checkpoint of the log that did not follow from what was cosigned, if there was one.
    fn refused(&self, hash: &str) -> Result<Option<Vec<u8>>, DirStoreError> {
        let Some(log) = self.logs.get(hash) else {
            return Ok(None);
        };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.refused.read(CHECKPOINT)
    }

    /// A checkpoint that contradicts what was cosigned, if there is one.
    fn split(&self, hash: &str) -> Result<Option<Vec<u8>>, DirStoreError> {
        let Some(log) = self.logs.get(hash) else {
            return Ok(None);
        };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.split.read(CHECKPOINT)
    }
}

/// The first one is kept; one is enough.
fn keep_first(store: &mut DirStore, request: &AddCheckpoint) -> Result<(), DirStoreError> {
    if store.read(CHECKPOINT)?.is_some() {
        return Ok(());
    }
    store.write(CHECKPOINT, request.note.to_string().as_bytes())
}

/// SHA-256 of a log's origin, as C2SP `tlog-witness` has it in addresses.
fn origin_hash(origin: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, origin.as_bytes());
    data_encoding::HEXLOWER.encode(hash.as_ref())
}

/// The key of the directory, which is made where there is none.
fn signer(directory: &Path, name: Option<&str>) -> Result<WitnessSigner, OpenWitnessError> {
    let (secret, public) = (
        directory.join("witness.key"),
        directory.join("witness.vkey"),
    );
    let known = match std::fs::read_to_string(&public) {
        Ok(text) => Some(text.trim_end().to_owned()),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => None,
        Err(err) => {
            let what = format!("`{}` cannot be read", public.display());
            return Err(anyhow::Error::new(err).context(what).into());
        }
    };
    let named = known.as_deref().and_then(|it| it.split_once('+'));
    let name = name.or(named.map(|it| it.0));
    let name = name.ok_or(OpenWitnessError::NoName)?;
    let seed = if secret.exists() {
        read_seed(&secret)?
    } else {
        if let Some(known) = known {
            return Err(OpenWitnessError::Other(known));
        }
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice())
            .map_err(|err| anyhow::anyhow!("this machine gives no random numbers: {err}"))?;
        // A name that cannot be one makes no key.
        WitnessSigner::new(name, &seed)?;
        let text = Zeroizing::new(data_encoding::HEXLOWER.encode(seed.as_slice()));
        data_directory::write_secret(&secret, text.as_bytes())
            .with_context(|| format!("`{}` cannot be written", secret.display()))?;
        seed
    };
    let signer = WitnessSigner::new(name, &seed)?;
    let text = signer.verifier().to_string();
    match known {
        Some(known) if known == text => {}
        Some(known) => return Err(OpenWitnessError::Other(known)),
        None => {
            let written = std::fs::write(&public, format!("{text}\n"));
            written.with_context(|| format!("`{}` cannot be written", public.display()))?;
        }
    }
    Ok(signer)
}

fn read_seed(path: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.with_context(|| format!("`{}` cannot be read", path.display()))?;
    let bytes = HEXLOWER_PERMISSIVE.decode(text.trim_end().as_bytes()).ok();
    let seed: Option<[u8; 32]> = bytes
        .map(Zeroizing::new)
        .and_then(|it| (*it).clone().try_into().ok());
    let seed =
        seed.with_context(|| format!("`{}` is not 64 hexadecimal digits", path.display()))?;
    Ok(Zeroizing::new(seed))
}
