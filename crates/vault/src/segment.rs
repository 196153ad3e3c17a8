//! Segments of the write-ahead log: the format, byte by byte. All numbers are little-endian, whatever the host.
//!
//! A segment is one file `wal-<number>-<id>.seg` (both 16 hexadecimal digits). It is written by one process from front to back and never
//! appended to after a reopen, so (segment id, record index) names a record once and for ever.
//!
//! ```text
//! header, 32 bytes
//!   0   8  magic "AMANWAL\0"
//!   8   4  version = the number of the suite: 1 is AES-256-GCM, 2 is ChaCha20-Poly1305; nothing else differs
//!   12  8  number: segments are ordered by it
//!   20  8  segment id: random, first half of the nonces
//!   28  4  CRC-32 (IEEE) of bytes 0..28
//! then batches, each written with one write and made durable with one fdatasync
//!   0   4  marker "BTCH"; "ENDS" in the trailer of a segment that was finished
//!   4   4  batch number: 0, 1, 2 …
//!   8   4  index of the first record; in the trailer the number of records
//!   12  4  length of the frames that follow, in bytes; 0 in the trailer
//!   16  4  CRC-32 of the segment id and bytes 0..16
//! each batch has frames
//!   0   4  length of the ciphertext with its tag, in bytes; 16 ..= MAX_CIPHERTEXT_BYTES
//!   4   4  CRC-32 of bytes 0..4, 8..28 and the ciphertext
//!   8   8  key id of the epoch key
//!   16  8  time of the reading, milliseconds since the Unix epoch, signed
//!   24  4  record index: 0, 1, 2 … without a gap
//!   28  …  ciphertext and tag (16 bytes)
//! ```
//! Key: HKDF-SHA-256 of the epoch key, no salt, info = the label `record`, and behind it what `crypto::Suite` adds. Nonce: segment id (8 bytes) and record
//! index (4 bytes), both big-endian. Labels end with a NUL byte and are in one table, `crypto::Label`.
//!
//! The ciphertext holds everything that names a person or a thing (see the `reading` module).
//! Associated data: the label `record`, the segment header, bytes 8..28 of the frame, the epoch (UTC day, 8 bytes), the subject's text.
//!
//! # Reading back
//! Batch *n + 1* is written only after batch *n* is durable, so:
//! - the last batch, if it is not whole, is the **torn tail** of a crash; nobody was told it is kept; it is cut, and the trailer is written;
//! - anything wrong *before* a valid later batch or trailer is **damage** and is reported with its offset, never skipped.
//!
//! What one cannot tell from a torn tail is damage in the very last batch of a segment that ended with a crash.

use std::path::{Path, PathBuf};

use model::Timestamp;
use rustc_hash::FxHashMap;

use crate::crypto::{KeyId, Label, Suite, TAG_BYTES};
use crate::cursor::Cursor;
use crate::reading::{MAX_BODY_BYTES, MAX_HEAD_BYTES};

/// Bytes of the segment header.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 32;
/// Bytes of a batch header.
pub(crate) const BATCH_HEADER_BYTES: usize = 20;
/// Bytes of a frame header.
pub(crate) const FRAME_HEADER_BYTES: usize = 28;
/// The longest ciphertext of a record.
pub(crate) const MAX_CIPHERTEXT_BYTES: usize = MAX_HEAD_BYTES + MAX_BODY_BYTES + TAG_BYTES;
/// The ending of segment file names.
pub(crate) const SUFFIX: &str = ".seg";

const MAGIC: &[u8; 8] = b"AMANWAL\0";
const BATCH_MARKER: [u8; 4] = *b"BTCH";
const END_MARKER: [u8; 4] = *b"ENDS";

/// Names a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SegmentName {
    /// Segments are ordered by it.
    pub(crate) number: u64,
    /// Random; first half of the nonces.
    pub(crate) id: u64,
}

impl SegmentName {
    /// Its file.
    pub(crate) fn path(self, directory: &Path) -> PathBuf {
        directory.join(format!("wal-{:016x}-{:016x}{SUFFIX}", self.number, self.id))
    }

    /// The header of its file.
    pub(crate) fn header(self, suite: Suite) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&u32::from(suite.number()).to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.id.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        let mut header = [0; SEGMENT_HEADER_BYTES];
        header
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = from);
        header
    }
}

/// Why a header was not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Not a segment, or damaged.
    Damaged,
    /// A version this program does not know.
    Version(u32),
}

/// Reads a segment header.
pub(crate) fn parse_header(bytes: &[u8]) -> Result<SegmentName, HeaderFault> {
    let mut cursor = Cursor(bytes);
    let parsed = (|| {
        let magic = cursor.take(8)?;
        let version = cursor.u32()?;
        let name = SegmentName {
            number: cursor.u64()?,
            id: cursor.u64()?,
        };
        Some((magic, version, name, cursor.u32()?))
    })();
    let Some((magic, version, name, crc)) = parsed else {
        return Err(HeaderFault::Damaged);
    };
    let covered = bytes.get(..SEGMENT_HEADER_BYTES - 4).unwrap_or_default();
    if magic != MAGIC || crc != crc32fast::hash(covered) {
        return Err(HeaderFault::Damaged);
    }
    match suite_of(version) {
        Some(_) => Ok(name),
        None => Err(HeaderFault::Version(version)),
    }
}

/// The suite of a segment, from a header that was understood.
pub(crate) fn suite_of_header(header: &[u8]) -> Option<Suite> {
    let mut cursor = Cursor(header);
    cursor.take(MAGIC.len())?;
    suite_of(cursor.u32()?)
}

fn suite_of(version: u32) -> Option<Suite> {
    u8::try_from(version).ok().and_then(Suite::of_number)
}

/// Where a record lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameRef {
    /// Time of the reading.
    pub(crate) at: Timestamp,
    /// Offset of the frame header in the file.
    pub(crate) offset: u64,
    /// Length of the ciphertext with its tag.
    pub(crate) len: u32,
    /// Record index.
    pub(crate) index: u32,
}

impl FrameRef {
    /// First byte after the frame.
    pub(crate) fn end(&self) -> u64 {
        self.offset + widen(FRAME_HEADER_BYTES) + u64::from(self.len)
    }
}

/// Which records a segment has, by key.
pub(crate) type Index = FxHashMap<KeyId, Vec<FrameRef>>;

/// The twenty bytes of a frame header behind length and CRC; also part of the associated data.
pub(crate) fn frame_identity(key: KeyId, at: Timestamp, index: u32) -> [u8; 20] {
    let mut bytes = [0; 20];
    let (id, rest) = bytes.split_at_mut(8);
    id.copy_from_slice(&key.0.to_le_bytes());
    let (time, rest) = rest.split_at_mut(8);
    time.copy_from_slice(&at.as_millis().to_le_bytes());
    rest.copy_from_slice(&index.to_le_bytes());
    bytes
}

/// The header of a frame.
pub(crate) fn frame_header(len: u32, crc: u32, identity: &[u8; 20]) -> [u8; FRAME_HEADER_BYTES] {
    let mut bytes = [0; FRAME_HEADER_BYTES];
    let (front, back) = bytes.split_at_mut(8);
    let (of_len, of_crc) = front.split_at_mut(4);
    of_len.copy_from_slice(&len.to_le_bytes());
    of_crc.copy_from_slice(&crc.to_le_bytes());
    back.copy_from_slice(identity);
    bytes
}

/// The CRC of a frame.
pub(crate) fn frame_crc(len: u32, identity: &[u8; 20], ciphertext: &[u8]) -> u32 {
    let mut head = [0; 24];
    let (front, back) = head.split_at_mut(4);
    front.copy_from_slice(&len.to_le_bytes());
    back.copy_from_slice(identity);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head);
    hasher.update(ciphertext);
    hasher.finalize()
}

/// The associated data of a record.
pub(crate) fn associated_data(
    bytes: &mut Vec<u8>,
    header: &[u8; SEGMENT_HEADER_BYTES],
    identity: &[u8; 20],
    epoch: i64,
    subject: &str,
) {
    bytes.clear();
    bytes.extend_from_slice(Label::Record.bytes());
    bytes.extend_from_slice(header);
    bytes.extend_from_slice(identity);
    bytes.extend_from_slice(&epoch.to_le_bytes());
    bytes.extend_from_slice(subject.as_bytes());
}

/// The header of a batch.
pub(crate) fn batch_header(
    segment_id: u64,
    number: u32,
    first_index: u32,
    len: u32,
) -> [u8; BATCH_HEADER_BYTES] {
    marked_header(BATCH_MARKER, segment_id, number, first_index, len)
}

/// The trailer of a finished segment.
pub(crate) fn trailer(segment_id: u64, number: u32, records: u32) -> [u8; BATCH_HEADER_BYTES] {
    marked_header(END_MARKER, segment_id, number, records, 0)
}

fn marked_header(
    marker: [u8; 4],
    segment_id: u64,
    number: u32,
    index: u32,
    len: u32,
) -> [u8; BATCH_HEADER_BYTES] {
    let mut bytes = [0; BATCH_HEADER_BYTES];
    let words = [
        marker,
        number.to_le_bytes(),
        index.to_le_bytes(),
        len.to_le_bytes(),
    ];
    for (to, from) in bytes.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&from);
    }
    let (covered, crc) = bytes.split_at_mut(BATCH_HEADER_BYTES - 4);
    crc.copy_from_slice(&batch_crc(segment_id, covered).to_le_bytes());
    bytes
}

fn batch_crc(segment_id: u64, covered: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment_id.to_le_bytes());
    hasher.update(covered);
    hasher.finalize()
}

struct Batch {
    is_end: bool,
    number: u32,
    first_index: u32,
    len: u32,
}

fn parse_batch(segment_id: u64, bytes: &[u8]) -> Option<Batch> {
    let mut cursor = Cursor(bytes);
    let marker = cursor.take(4)?;
    let batch = Batch {
        is_end: marker == END_MARKER,
        number: cursor.u32()?,
        first_index: cursor.u32()?,
        len: cursor.u32()?,
    };
    let covered = bytes.get(..BATCH_HEADER_BYTES - 4)?;
    let valid =
        (batch.is_end || marker == BATCH_MARKER) && cursor.u32()? == batch_crc(segment_id, covered);
    valid.then_some(batch)
}

/// What a segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Its records.
    pub(crate) index: Index,
    /// How many.
    pub(crate) records: u32,
    /// How many batches.
    pub(crate) batches: u32,
    /// First byte after the last whole batch.
    pub(crate) end: u64,
    /// Whether the trailer follows there.
    pub(crate) is_finished: bool,
}

/// Something is wrong that a crash does not explain.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Where it begins.
    pub(crate) offset: u64,
}

/// Finds every record of a segment whose header was understood.
pub(crate) fn scan(segment_id: u64, bytes: &[u8]) -> Result<Contents, Damage> {
    let mut contents = Contents {
        end: widen(SEGMENT_HEADER_BYTES),
        ..Contents::default()
    };
    let mut rest = bytes.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
    loop {
        match next_batch(segment_id, rest, &contents) {
            Some((Batch { is_end: true, .. }, _)) => {
                contents.is_finished = true;
                return Ok(contents);
            }
            Some((batch, frames)) => {
                let size = BATCH_HEADER_BYTES + widen_len(batch.len);
                for (key, frame) in frames {
                    contents.index.entry(key).or_default().push(frame);
                    contents.records += 1;
                }
                contents.batches += 1;
                contents.end += widen(size);
                rest = rest.get(size..).unwrap_or_default();
            }
            None if has_later_batch(segment_id, rest, contents.batches) => {
                return Err(Damage {
                    offset: contents.end,
                });
            }
            None => return Ok(contents),
        }
    }
}

/// The batch at the front, if it is whole and the one that must follow.
fn next_batch(
    segment_id: u64,
    bytes: &[u8],
    before: &Contents,
) -> Option<(Batch, Vec<(KeyId, FrameRef)>)> {
    let batch = parse_batch(segment_id, bytes)?;
    if batch.number != before.batches || batch.first_index != before.records {
        return None;
    }
    let end = BATCH_HEADER_BYTES.checked_add(widen_len(batch.len))?;
    let mut cursor = Cursor(bytes.get(BATCH_HEADER_BYTES..end)?);
    let mut frames = Vec::new();
    let mut offset = before.end + widen(BATCH_HEADER_BYTES);
    let mut index = before.records;
    while !cursor.0.is_empty() {
        let (key, frame) = next_frame(&mut cursor, offset, index)?;
        offset = frame.end();
        index = index.checked_add(1)?;
        frames.push((key, frame));
    }
    Some((batch, frames))
}

fn next_frame(cursor: &mut Cursor<'_>, offset: u64, index: u32) -> Option<(KeyId, FrameRef)> {
    let len = cursor.u32()?;
    let crc = cursor.u32()?;
    let identity: &[u8; 20] = cursor.take(20)?.try_into().ok()?;
    if !(TAG_BYTES..=MAX_CIPHERTEXT_BYTES).contains(&widen_len(len)) {
        return None;
    }
    let ciphertext = cursor.take(widen_len(len))?;
    let mut fields = Cursor(identity);
    let key = KeyId(fields.u64()?);
    let at = Timestamp::from_millis(fields.i64()?);
    let valid = fields.u32()? == index && crc == frame_crc(len, identity, ciphertext);
    valid.then_some((
        key,
        FrameRef {
            at,
            offset,
            len,
            index,
        },
    ))
}

/// Whether a batch or trailer with a number above `number` begins anywhere in the bytes.
fn has_later_batch(segment_id: u64, bytes: &[u8], number: u32) -> bool {
    let mut rest = bytes;
    while rest.len() >= BATCH_HEADER_BYTES {
        let marked = rest.starts_with(&BATCH_MARKER) || rest.starts_with(&END_MARKER);
        if marked && parse_batch(segment_id, rest).is_some_and(|it| it.number > number) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// A length as an offset. No target has a `usize` above 64 bits.
pub(crate) fn widen(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// A length from a file as a length in memory. Saturates on targets with a small `usize`: nothing is that long there.
pub(crate) fn widen_len(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
