//! From the log to blocks, and out after the retention is over.

use std::path::PathBuf;

use model::Timestamp;
use store::{Db, DbError};

use crate::block::{SealedBlock, insert, seal_blocks};
use crate::crypto::{Ciphertext, CryptoError, KeyId, Nonce, open};
use crate::keys::{EpochKey, KeyError, Keyring};
use crate::log::{ClosedSegment, Log, Segment, WaitError};
use crate::reading::{Row, decode, expires_at};
use crate::rows;
use crate::segment::{
    FRAME_HEADER_BYTES, FrameRef, associated_data, frame_identity, widen, widen_len,
};

/// What `maintain` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Segments whose readings went into blocks.
    pub segments: u64,
    /// Readings that went into blocks.
    pub readings: u64,
    /// Blocks made.
    pub blocks: u64,
    /// Readings of segments whose retention was already over: they went nowhere.
    pub expired_readings: u64,
    /// Records of segments whose key row is gone: nobody can open them, they went nowhere.
    pub keyless_readings: u64,
    /// Blocks dropped because the retention of all their readings is over.
    pub expired_blocks: u64,
}

/// `maintain` stopped; what it had not done is done by the next call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintainError {
    /// The open segment could not be closed.
    #[error("the open segment could not be closed")]
    Rotate(#[source] WaitError),
    /// Rows could not be read or written.
    #[error("the rows of the vault could not be read or written")]
    Rows(#[from] DbError),
    /// A key could not be opened.
    #[error("a key of segment `{path}` could not be opened")]
    Key {
        /// The segment's file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: KeyError,
    },
    /// A record could not be read back.
    #[error(
        "segment `{path}` is damaged at byte {offset}: restore the file from a backup, or rename it to `{path}.abandoned` and start again to go on without its readings"
    )]
    Damaged {
        /// The segment's file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// What failed.
        #[source]
        source: RecordError,
    },
    /// A block could not be sealed.
    #[error("a block of readings could not be sealed")]
    Seal(#[source] CryptoError),
    /// The segment's readings are safe in blocks, but its file could not be removed. The next open removes it.
    #[error("segment `{path}` is done with but could not be removed")]
    Remove {
        /// The segment's file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why a record of a segment could not be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file could not be read.
    #[error("the record could not be read")]
    Read(#[source] std::io::Error),
    /// It does not open.
    #[error("the record does not open")]
    Open(#[source] CryptoError),
    /// It opens, but is not a reading.
    #[error("the record is not a reading of a known version")]
    Form,
}

/// Moves every closed segment into blocks, oldest first, then drops blocks whose retention is over.
pub(crate) fn maintain(log: &Log, now: Timestamp) -> Result<Maintained, MaintainError> {
    let mut done = Maintained::default();
    for closed in log.closed_segments() {
        let blocks = compact(&log.db, &log.keyring, &closed, now, &mut done)?;
        let segment = &closed.segment;
        log.db.write(|tx| {
            blocks.iter().try_for_each(|block| insert(tx, block))?;
            rows::mark_done(tx, segment.name)
        })?;
        log.release(segment.name);
        done.segments += 1;
        done.blocks += widen(blocks.len());
        remove(log, segment)?;
    }
    done.expired_blocks = log.db.write(|tx| {
        tx.execute(
            "DELETE FROM vault_block WHERE expires_at <= $1",
            &[now.as_millis().into()],
        )
    })?;
    Ok(done)
}

fn remove(log: &Log, segment: &Segment) -> Result<(), MaintainError> {
    let removed = log
        .disk
        .remove(&segment.path)
        .and_then(|()| log.disk.sync_directory(&log.directory));
    removed.map_err(|source| MaintainError::Remove {
        path: segment.path.clone(),
        source,
    })?;
    log.db.write(|tx| rows::forget(tx, segment.name))?;
    Ok(())
}

/// Seals what is left of a segment into blocks.
fn compact(
    db: &Db,
    keyring: &Keyring,
    closed: &ClosedSegment,
    now: Timestamp,
    done: &mut Maintained,
) -> Result<Vec<SealedBlock>, MaintainError> {
    let mut keys: Vec<KeyId> = closed.index.keys().copied().collect();
    keys.sort_unstable();
    let mut blocks = Vec::new();
    for id in keys {
        let frames = closed.index.get(&id).map(Vec::as_slice).unwrap_or_default();
        let Some(wrapped) = db.read(|tx| rows::wrapped_key(tx, id))? else {
            done.keyless_readings += widen(frames.len());
            tracing::warn!(
                key.id = id.0,
                "{} records have no key any more and are dropped",
                frames.len()
            );
            continue;
        };
        let key = keyring
            .unwrap(wrapped)
            .map_err(|source| MaintainError::Key {
                path: closed.segment.path.clone(),
                source,
            })?;
        let mut kept = Vec::with_capacity(frames.len());
        for frame in frames {
            let row = read_record(&closed.segment, &key, frame).map_err(|source| {
                MaintainError::Damaged {
                    path: closed.segment.path.clone(),
                    offset: frame.offset,
                    source,
                }
            })?;
            if expires_at(row.at, row.retention) > now {
                kept.push(row);
            } else {
                done.expired_readings += 1;
            }
        }
        done.readings += widen(kept.len());
        kept.sort_unstable_by_key(|it| (it.retention, it.at, it.index));
        for class in kept.chunk_by(|one, next| one.retention == next.retention) {
            blocks.extend(
                seal_blocks(&key, closed.segment.name.number, class)
                    .map_err(MaintainError::Seal)?,
            );
        }
    }
    Ok(blocks)
}

/// Reads one record back from its segment.
pub(crate) fn read_record(
    segment: &Segment,
    key: &EpochKey,
    frame: &FrameRef,
) -> Result<Row, RecordError> {
    let mut bytes = zeroize::Zeroizing::new(vec![0; widen_len(frame.len)]);
    let offset = frame.offset + widen(FRAME_HEADER_BYTES);
    segment
        .file
        .read_exact_at(&mut bytes, offset)
        .map_err(RecordError::Read)?;
    let identity = frame_identity(key.id, frame.at, frame.index);
    let mut associated = Vec::new();
    associated_data(
        &mut associated,
        &segment.header,
        &identity,
        key.epoch,
        &key.subject,
    );
    let nonce = Nonce::of_record(segment.name.id, frame.index);
    let plaintext =
        open(&key.record, nonce, &associated, Ciphertext(&mut bytes)).map_err(RecordError::Open)?;
    decode(frame.at, frame.index, plaintext.0).ok_or(RecordError::Form)
}
