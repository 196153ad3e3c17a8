//! From the log to blocks, and out after the retention is over.

use std::path::PathBuf;

use model::Timestamp;
use rustc_hash::FxHashSet;
use store::DbError;

use crate::block::{SealedBlock, insert, seal_blocks};
use crate::crypto::{Ciphertext, CryptoError, KeyId, Nonce, TAG_BYTES, open};
use crate::erase::{EraseError, finish};
use crate::keys::{EpochKey, KeyError, KeyState, WrappedKey};
use crate::log::{ClosedSegment, Log, Segment, WaitError};
use crate::reading::{Row, decode, expires_at};
use crate::rows;
use crate::sealed;
use crate::segment::{
    FRAME_HEADER_BYTES, FrameRef, associated_data, frame_identity, widen, widen_len,
};
use crate::shorten::limited;

/// So long before the end of an epoch keys of the next one are opened, so that not everybody asks the database at midnight.
const AHEAD_MS: i64 = 60 * 60 * 1000;
/// No more keys that are past their time than this are looked at by one call.
const MAX_EXPIRED_KEYS: i64 = 20_000;

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
    /// Files sealed to people's own keys that were dropped because their retention is over.
    pub expired_own_files: u64,
    /// Epoch keys destroyed because nothing is sealed under them any more.
    pub destroyed_keys: u64,
    /// Blocks deleted because their key was destroyed by an erasure.
    pub erased_blocks: u64,
    /// Readings that were erased from blocks and segments of which others remain.
    pub erased_readings: u64,
    /// Readings that were sealed again because others beside them were erased.
    pub resealed_readings: u64,
    /// Keys of the next epoch that were opened, or made, ahead of their first reading.
    pub keys_ahead: u64,
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
    /// Keys could not be opened or made.
    #[error("keys of the vault could not be opened or made")]
    Keys(#[source] KeyError),
    /// An erasure that is written down could not be carried out.
    #[error("an erasure that is written down could not be carried out")]
    Erase(#[source] Box<EraseError>),
    /// Blocks could not be read, to see what is past a shortened time.
    #[error("block {block_id} does not open: restore the table `vault_block` from a backup")]
    Block {
        /// The block.
        block_id: i64,
        /// What failed.
        #[source]
        source: CryptoError,
    },
    /// Something is to be taken out of the bodies of readings, and nobody said how.
    #[error("nobody said how fields are taken out of readings: this is a bug, please report it")]
    NoStripper,
    /// The keys of the next epoch could not be opened ahead of their first reading.
    #[error("the keys of the next day could not be opened ahead")]
    Ahead(#[source] KeyError),
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

/// Moves every closed segment into blocks, oldest first, then drops blocks whose retention is over, and keys that nothing is sealed under.
pub(crate) fn maintain(log: &Log, now: Timestamp) -> Result<Maintained, MaintainError> {
    let mut done = Maintained::default();
    let mut emptied = FxHashSet::default();
    for closed in log.finished_segments() {
        let compacted = compact(log, &closed, now)?;
        let segment = &closed.segment;
        log.db.write(|tx| {
            compacted
                .blocks
                .iter()
                .try_for_each(|block| insert(tx, block))?;
            rows::mark_done(tx, segment.name)
        })?;
        #[cfg(test)]
        crate::crash::point();
        log.release(segment.name);
        done.segments += 1;
        done.blocks += widen(compacted.blocks.len());
        done.readings += compacted.readings;
        done.expired_readings += compacted.expired_readings;
        done.keyless_readings += compacted.keyless_readings;
        done.erased_readings += compacted.erased_readings;
        emptied.extend(compacted.emptied);
        remove(log, segment)?;
    }
    let expired = log.db.write(|tx| rows::drop_expired_blocks(tx, now))?;
    #[cfg(test)]
    crate::crash::point();
    done.expired_blocks = widen(expired.len());
    // Nobody seals while this runs.
    done.expired_own_files = log.db.write(|tx| {
        sealed::delete_halves(tx, None)?;
        sealed::drop_expired(tx, now)
    })?;
    emptied.extend(expired);
    // Those too that a crash left without blocks.
    let unneeded = log
        .db
        .read(|tx| rows::expired_keys(tx, now, MAX_EXPIRED_KEYS))?;
    emptied.extend(unneeded);
    done.destroyed_keys = destroy_unused_keys(log, emptied)?;
    let finished = finish(log, &mut done);
    if now.plus_millis(AHEAD_MS).day() > now.day() {
        done.keys_ahead = log.keyring.open_ahead(now).map_err(MaintainError::Ahead)?;
    }
    finished.map(|()| done)
}

/// Destroys the keys, out of these, that neither a block nor a record of the log needs. Should a crash come between, a key without
/// readings stays behind until all of its class and day is past its retention.
pub(crate) fn destroy_unused_keys(log: &Log, emptied: FxHashSet<KeyId>) -> Result<u64, DbError> {
    if emptied.is_empty() {
        return Ok(0);
    }
    let unused = log.keyring.retire(emptied, |keys| log.keep_unused(keys));
    let destroyed = log.db.write(|tx| {
        let mut destroyed = 0;
        for key in &unused {
            destroyed += rows::destroy_key_without_blocks(tx, *key)?;
        }
        Ok::<_, DbError>(destroyed)
    });
    log.keyring.retired();
    destroyed
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
    #[cfg(test)]
    crate::crash::point();
    log.db.write(|tx| rows::forget(tx, segment.name))?;
    Ok(())
}

/// What became of a segment.
#[derive(Default)]
struct Compacted {
    blocks: Vec<SealedBlock>,
    readings: u64,
    expired_readings: u64,
    keyless_readings: u64,
    erased_readings: u64,
    /// Keys some of whose readings went nowhere.
    emptied: Vec<KeyId>,
}

/// Seals what is left of a segment into blocks.
fn compact(log: &Log, closed: &ClosedSegment, now: Timestamp) -> Result<Compacted, MaintainError> {
    let segment = &closed.segment;
    let mut done = Compacted::default();
    for OfKey {
        id,
        frames,
        wrapped,
    } in by_key(log, closed)?
    {
        let Some(wrapped) = wrapped else {
            done.keyless_readings += widen(frames.len());
            tracing::warn!(
                key.id = id.0,
                "{} records have no key any more and are dropped",
                frames.len()
            );
            continue;
        };
        if wrapped.state == KeyState::Destroyed {
            done.erased_readings += widen(frames.len());
            continue;
        }
        let opened = log.keyring.unwrap(wrapped);
        let key = opened.map_err(|source| MaintainError::Key {
            path: segment.path.clone(),
            source,
        })?;
        let mut rows = read_records(segment, &key, frames)?;
        let before = rows.len();
        rows.retain(|it| expires_at(it.at, it.retention) > now);
        let mut rows = limited(log, &key.subject, rows, now);
        if rows.len() < before {
            done.expired_readings += widen(before - rows.len());
            done.emptied.push(id);
        }
        done.readings += widen(rows.len());
        rows.sort_unstable_by_key(|it| (it.retention, it.at, it.index));
        for class in rows.chunk_by(|one, next| one.retention == next.retention) {
            let sealed = seal_blocks(&key, segment.name.number, class);
            done.blocks.extend(sealed.map_err(MaintainError::Seal)?);
        }
    }
    Ok(done)
}

/// The records of a segment under one key, with the row of the key.
struct OfKey<'a> {
    id: KeyId,
    frames: &'a [FrameRef],
    wrapped: Option<WrappedKey>,
}

/// The records of a segment by key, with the rows of all keys from one transaction.
fn by_key<'a>(log: &Log, closed: &'a ClosedSegment) -> Result<Vec<OfKey<'a>>, DbError> {
    let mut keys: Vec<(&KeyId, &Vec<FrameRef>)> = closed.index.iter().collect();
    keys.sort_unstable_by_key(|(id, _)| **id);
    log.db.read(|tx| {
        let mut of_keys = Vec::with_capacity(keys.len());
        for (id, frames) in keys {
            let wrapped = rows::wrapped_key(tx, *id)?;
            of_keys.push(OfKey {
                id: *id,
                frames,
                wrapped,
            });
        }
        Ok(of_keys)
    })
}

fn read_records(
    segment: &Segment,
    key: &EpochKey,
    frames: &[FrameRef],
) -> Result<Vec<Row>, MaintainError> {
    let mut rows = Vec::with_capacity(frames.len());
    for frame in frames {
        let row = read_record(segment, key, frame).map_err(|source| MaintainError::Damaged {
            path: segment.path.clone(),
            offset: frame.offset,
            source,
        })?;
        rows.push(row);
    }
    Ok(rows)
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
    let opened = key.with_record(segment.suite(), |cipher| {
        open(cipher, nonce, &associated, Ciphertext(&mut bytes)).map(|_| ())
    });
    opened.map_err(RecordError::Open)?;
    let len = bytes.len().saturating_sub(TAG_BYTES);
    let plaintext = bytes.get(..len).ok_or(RecordError::Form)?;
    decode(frame.at, frame.index, plaintext).ok_or(RecordError::Form)
}
