//! A copy of a log that follows it, and believes nothing: every entry is hashed again, on top of what the copy holds already.
//!
//! So a copy that reaches the signed root shows that the log only grew since the last time. What does not reach it is left without a
//! checkpoint over it, as after an append that failed.

use crate::append::{AppendError, End};
use crate::checkpoint::{Checkpoint, CheckpointError, checkpoint, checkpoint_of};
use crate::hash::empty_root;
use crate::key::Verifier;
use crate::log_store::LogStore;
use crate::note::{Note, NoteError};
use crate::path::{LogPath, TILE_WIDTH};
use crate::read::{ReadError, read_bundle};

/// What a round of copying did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// How many entries the copy had.
    pub before: u64,
    /// What it holds now.
    pub checkpoint: Checkpoint,
    /// The same with its signatures, of the log and of witnesses.
    pub note: Note,
}

/// Why the copy did not follow. `F` is the error of the log's store, `T` that of the copy's. The copy holds what it held before.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError<F: std::error::Error + 'static, T: std::error::Error + 'static> {
    /// The log has no checkpoint.
    #[error("the log has no checkpoint")]
    NoCheckpoint,
    /// Its checkpoint could not be read.
    #[error("could not read the checkpoint")]
    Source(#[source] F),
    /// Its checkpoint is damaged, or not signed by the key.
    #[error("the checkpoint is not one of this log")]
    Checkpoint(#[source] CheckpointError<F>),
    /// The caller does not accept the checkpoint.
    #[error("the checkpoint is not accepted")]
    Refused(#[source] NoteError),
    /// The log is smaller than it was.
    #[error(
        "the log had {known} entries, and now it shows {size}: it was cut, or an old state is shown"
    )]
    Shrunk {
        /// How many entries the copy holds.
        known: u64,
        /// How many the log shows.
        size: u64,
    },
    /// The log does not begin with what the copy holds, or its entries are not those that were signed.
    #[error(
        "the {known} entries of the copy and what the log shows behind them do not lead to the signed root of {size}: the log was rewritten, or two of them are shown"
    )]
    Rewritten {
        /// How many entries the copy holds.
        known: u64,
        /// How many the log shows.
        size: u64,
    },
    /// An entry could not be read.
    #[error("could not read the entries")]
    Read(#[source] ReadError<F>),
    /// The copy cannot be built upon.
    #[error("the copy's own checkpoint cannot be used")]
    Own(#[source] CheckpointError<T>),
    /// The copy cannot be written.
    #[error("could not write the copy")]
    Copy(#[source] AppendError<T>),
}

/// Brings a copy up to the log. `accept` sees the signed checkpoint before anything is copied: it says whether enough witnesses signed.
///
/// # Errors
/// See [`MirrorError`].
pub fn mirror<F: LogStore, T: LogStore>(
    from: &mut F,
    to: &mut T,
    verifier: &Verifier,
    accept: impl FnOnce(&Note) -> Result<(), NoteError>,
) -> Result<Mirrored, MirrorError<F::Error, T::Error>> {
    let head = LogPath::Checkpoint.to_string();
    let bytes = from.read(&head).map_err(MirrorError::Source)?;
    let bytes = bytes.ok_or(MirrorError::NoCheckpoint)?;
    let (newest, note) = checkpoint_of(&bytes, verifier).map_err(MirrorError::Checkpoint)?;
    accept(&note).map_err(MirrorError::Refused)?;
    let own = checkpoint(to, verifier).map_err(MirrorError::Own)?;
    let is_new = own.is_none();
    let own = own.unwrap_or_else(|| Checkpoint {
        origin: newest.origin.clone(),
        size: 0,
        root: empty_root(),
    });
    let (known, size) = (own.size, newest.size);
    if size < known {
        return Err(MirrorError::Shrunk { known, size });
    }
    let mut end = End::read(to, &own).map_err(MirrorError::Copy)?;
    copy(from, to, &mut end, known..size)?;
    if end.root() != newest.root {
        return Err(MirrorError::Rewritten { known, size });
    }
    if size > known || is_new || has_more_signatures(to, &note)? {
        end.write_partials(to).map_err(MirrorError::Copy)?;
        to.write(&head, &bytes)
            .map_err(|source| MirrorError::Copy(AppendError::Store { path: head, source }))?;
    }
    Ok(Mirrored {
        before: known,
        checkpoint: newest,
        note,
    })
}

fn copy<F: LogStore, T: LogStore>(
    from: &mut F,
    to: &mut T,
    end: &mut End,
    range: std::ops::Range<u64>,
) -> Result<(), MirrorError<F::Error, T::Error>> {
    let width = u64::from(TILE_WIDTH);
    for index in range.start / width..range.end.div_ceil(width) {
        let path = LogPath::Entries {
            index,
            partial: None,
        };
        let bundle = read_bundle(from, path, path.width_at(range.end));
        let bundle = bundle.map_err(MirrorError::Read)?;
        let positions = index.saturating_mul(width)..;
        for (position, entry) in positions.zip(bundle.entries()) {
            if position >= range.start {
                end.push(to, 0, entry).map_err(MirrorError::Copy)?;
            }
        }
    }
    Ok(())
}

/// Whether a checkpoint has more signatures than the copy's: witnesses sign a little later.
fn has_more_signatures<F: std::error::Error, T: LogStore>(
    to: &mut T,
    note: &Note,
) -> Result<bool, MirrorError<F, T::Error>> {
    let path = LogPath::Checkpoint.to_string();
    let own = to
        .read(&path)
        .map_err(|source| MirrorError::Own(CheckpointError::Store(source)))?;
    let own = own.and_then(|it| Note::parse(&it).ok());
    Ok(own.is_none_or(|it| it.signatures().len() < note.signatures().len()))
}
