//! Sealed blocks: many readings of one subject, epoch, retention class, hour and segment in one row.
//!
//! Readings of one block are of one hour (UTC), so the whole row is past its retention at the end of that hour at the latest: what is
//! kept no longer goes by deleting rows, and nothing is opened for it. Blocks from before version 4 of the tables are of a whole day.
//!
//! # Format of `vault_block`
//! | column | what |
//! |---|---|
//! | `block_id` | random |
//! | `key_id` | the epoch key; it tells subject and epoch |
//! | `retention_days` | the retention class |
//! | `segment_number` | the segment the readings came from |
//! | `first_at`, `last_at`, `readings` | earliest and latest time, and how many; times in milliseconds since the Unix epoch |
//! | `expires_at` | `last_at` and the days of the class: from then on the row is deleted by `maintain` |
//! | `sealed` | version byte, nonce, ciphertext, tag (see `crypto`) |
//!
//! The plaintext under `sealed`, little-endian: length in bytes of what follows when decompressed (4 bytes, at most
//! `MAX_BLOCK_BYTES`), then an LZ4 block. Compressed *before* sealing. Decompressed it is a version byte (= 1), and for each reading, ordered by (time, index):
//! ```text
//! 0   8  time
//! 8   4  record index in the segment
//! 12  8  generation
//! 20  1  n, then n bytes: thing id
//! …   1  m, then m bytes: deployment id
//! …   4  k, then k bytes: body
//! ```
//! Associated data: label `block`, all columns but `sealed` and `expires_at` in the order above (8 bytes each), the epoch (8 bytes), the subject's text.
//! So a row cannot be given to another subject, class, time or key.

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};
use model::{DeploymentId, Retention, ThingId, Timestamp};
use store::{DbError, Row as DbRow, Tx};
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, KeyId, Label, SealingKey, random_id, seal_row};
use crate::cursor::{Cursor, push_short_text};
use crate::keys::{EpochKey, days_from_row, from_row, to_row};
use crate::reading::{MAX_BODY_BYTES, Row, expires_at};

/// A block has at most so many readings.
pub(crate) const MAX_BLOCK_READINGS: usize = 512;
/// A block is closed when it has so many bytes before compression.
const TARGET_BLOCK_BYTES: usize = 256 * 1024;
/// No block has more bytes before compression.
const MAX_BLOCK_BYTES: usize = TARGET_BLOCK_BYTES + MAX_BODY_BYTES + 1024;
const VERSION: u8 = 1;
const HOUR_MS: i64 = 3_600_000;

/// The columns of a block but the sealed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHead {
    pub(crate) block_id: u64,
    pub(crate) key: KeyId,
    pub(crate) retention: Retention,
    pub(crate) segment_number: u64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    pub(crate) readings: i64,
}

/// A block that is sealed and not yet a row.
pub(crate) struct SealedBlock {
    pub(crate) head: BlockHead,
    sealed: Vec<u8>,
}

impl BlockHead {
    fn associated_data(&self, epoch: i64, subject: &str) -> Vec<u8> {
        let mut bytes = Label::Block.bytes().to_vec();
        let numbers = [
            to_row(self.block_id),
            to_row(self.key.0),
            i64::from(self.retention.as_days()),
            to_row(self.segment_number),
            self.first_at.as_millis(),
            self.last_at.as_millis(),
            self.readings,
            epoch,
        ];
        bytes.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
        bytes.extend_from_slice(subject.as_bytes());
        bytes
    }
}

/// The columns that [`head_of`] reads, in its order.
pub(crate) const HEAD_COLUMNS: &str =
    "block_id, key_id, retention_days, segment_number, first_at, last_at, readings";

/// The head of a block from a row that begins with [`HEAD_COLUMNS`].
pub(crate) fn head_of(row: &DbRow) -> Result<BlockHead, DbError> {
    Ok(BlockHead {
        block_id: from_row(row.get(0)?),
        key: KeyId(from_row(row.get(1)?)),
        retention: days_from_row(row.get(2)?),
        segment_number: from_row(row.get(3)?),
        first_at: Timestamp::from_millis(row.get(4)?),
        last_at: Timestamp::from_millis(row.get(5)?),
        readings: row.get(6)?,
    })
}

/// Seals the readings of one key, class and segment; they must be ordered by (time, index).
pub(crate) fn seal_blocks(
    key: &EpochKey,
    segment_number: u64,
    rows: &[Row],
) -> Result<Vec<SealedBlock>, CryptoError> {
    let cipher = key.block()?;
    let mut blocks = Vec::new();
    let mut rest = rows;
    while let (Some(first), count) = (rest.first(), count_for_block(rest)) {
        let (rows, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        rest = later;
        let head = BlockHead {
            block_id: random_id()?,
            key: key.id,
            retention: first.retention,
            segment_number,
            first_at: first.at,
            last_at: rows.last().unwrap_or(first).at,
            readings: i64::try_from(rows.len()).unwrap_or(i64::MAX),
        };
        let sealed = seal_block(key, &cipher, &head, rows)?;
        blocks.push(SealedBlock { head, sealed });
    }
    Ok(blocks)
}

fn seal_block(
    key: &EpochKey,
    cipher: &SealingKey,
    head: &BlockHead,
    rows: &[Row],
) -> Result<Vec<u8>, CryptoError> {
    let packed = pack(rows).ok_or(CryptoError::Seal)?;
    seal_row(
        cipher,
        &head.associated_data(key.epoch, &key.subject),
        &packed,
    )
}

/// How many of the readings go into the next block: at least one, and all of one hour.
fn count_for_block(rows: &[Row]) -> usize {
    let hour = rows.first().map(|it| hour(it.at));
    let mut bytes = 0;
    let full = rows.iter().take(MAX_BLOCK_READINGS).position(|row| {
        bytes += row.body.len();
        bytes > TARGET_BLOCK_BYTES || Some(self::hour(row.at)) != hour
    });
    full.map_or(rows.len().min(MAX_BLOCK_READINGS), |at| at.max(1))
}

/// The hour of a moment, since the Unix epoch.
fn hour(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(HOUR_MS)
}

/// Inserts a block.
pub(crate) fn insert(tx: &mut Tx<'_>, block: &SealedBlock) -> Result<(), DbError> {
    let head = &block.head;
    tx.execute(
        "INSERT INTO vault_block (block_id, key_id, retention_days, segment_number, first_at, last_at, expires_at, readings, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            to_row(head.block_id).into(),
            to_row(head.key.0).into(),
            i64::from(head.retention.as_days()).into(),
            to_row(head.segment_number).into(),
            head.first_at.as_millis().into(),
            head.last_at.as_millis().into(),
            expires_at(head.last_at, head.retention).as_millis().into(),
            head.readings.into(),
            (&block.sealed).into(),
        ],
    )?;
    Ok(())
}

/// Opens a block.
pub(crate) fn open(
    key: &EpochKey,
    head: &BlockHead,
    mut sealed: Vec<u8>,
) -> Result<Vec<Row>, CryptoError> {
    let associated = head.associated_data(key.epoch, &key.subject);
    let opened = key.open_block(&associated, &mut sealed)?;
    unpack(opened.0, head.retention).ok_or(CryptoError::Open)
}

fn pack(rows: &[Row]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(TARGET_BLOCK_BYTES));
    plain.push(VERSION);
    for row in rows {
        plain.extend_from_slice(&row.at.as_millis().to_le_bytes());
        plain.extend_from_slice(&row.index.to_le_bytes());
        plain.extend_from_slice(&row.generation.to_le_bytes());
        push_short_text(&mut plain, row.thing.as_str());
        push_short_text(&mut plain, row.deployment.as_str());
        plain.extend_from_slice(&u32::try_from(row.body.len()).ok()?.to_le_bytes());
        plain.extend_from_slice(&row.body);
    }
    let mut packed = Zeroizing::new(vec![0; 4 + get_maximum_output_size(plain.len())]);
    let (len, body) = packed.split_at_mut_checked(4)?;
    len.copy_from_slice(&u32::try_from(plain.len()).ok()?.to_le_bytes());
    let used = compress_into(&plain, body).ok()?;
    packed.truncate(4 + used);
    Some(packed)
}

fn unpack(packed: &[u8], retention: Retention) -> Option<Vec<Row>> {
    let mut cursor = Cursor(packed);
    let len = usize::try_from(cursor.u32()?)
        .ok()
        .filter(|it| *it <= MAX_BLOCK_BYTES)?;
    let mut plain = Zeroizing::new(vec![0; len]);
    if decompress_into(cursor.rest(), &mut plain).ok()? != len {
        return None;
    }
    let mut cursor = Cursor(&plain);
    if cursor.u8()? != VERSION {
        return None;
    }
    let mut rows = Vec::new();
    while !cursor.0.is_empty() {
        rows.push(unpack_row(&mut cursor, retention)?);
    }
    Some(rows)
}

fn unpack_row(cursor: &mut Cursor<'_>, retention: Retention) -> Option<Row> {
    let at = Timestamp::from_millis(cursor.i64()?);
    let index = cursor.u32()?;
    let generation = cursor.u64()?;
    let thing = ThingId::parse(cursor.short_text()?).ok()?;
    let deployment = DeploymentId::parse(cursor.short_text()?).ok()?;
    let len = usize::try_from(cursor.u32()?).ok()?;
    let body = cursor.take(len)?.to_vec();
    Some(Row {
        at,
        index,
        thing,
        deployment,
        retention,
        generation,
        body,
    })
}
