//! Sealing days, as the module above says.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use model::{DeploymentId, Retention, Subject, ThingId, Timestamp};
use ring::digest::{Context, SHA256};
use rustc_hash::FxHashSet;
use store::{Db, DbError, Tx};
use zeroize::Zeroizing;

use crate::StoredReading;
use crate::block::{BlockHead, HEAD_COLUMNS, SealedBlock, head_of, insert, open, seal_blocks};
use crate::crypto::{KeyId, random_id};
use crate::keys::mask::row_of;
use crate::keys::{EpochKey, KeyError, KeyState, WrappedKey, from_row, to_row};
use crate::log::Log;
use crate::own::{OwnFormat, OwnKeys, OwnWriter};
use crate::reading::{Row, expires_at};
use crate::rows::keys_of_subject;
use crate::sealed::delete_halves;
use crate::segment::widen;
use crate::shorten::limited;

/// So many days are sealed in one call: their keys die in one transaction.
const MAX_DAYS: usize = 32;
/// So many files are written side by side; a day with more goes through its blocks again.
const MAX_OPEN_FILES: usize = 64;
/// So many blocks that overlap in time are brought in order together.
const MAX_RUN: usize = 64;
/// A piece of a file has so many bytes, the last one fewer.
const PIECE_BYTES: usize = 256 * 1024;

/// What shall be sealed.
#[derive(Debug, Clone, Copy)]
pub struct SealDays<'a> {
    /// Whose.
    pub subject: &'a Subject,
    /// To which keys.
    pub keys: &'a OwnKeys,
    /// From this UTC day on.
    pub from_day: i64,
    /// Up to and without this one.
    pub until_day: i64,
}

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealedDays {
    /// How many days.
    pub days: u64,
    /// Into how many files.
    pub files: u64,
    /// How many readings.
    pub readings: u64,
    /// How many readings stay readable.
    pub kept: u64,
    /// Keys of days that wait: for the log, for an erasure, or for the next call.
    pub waiting: u64,
    /// Days that do not open: they stay as they are.
    pub damaged: u64,
    /// Whether another call would seal more.
    pub is_more: bool,
}

/// Days could not be sealed; they are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealDaysError {
    /// Rows.
    #[error("the rows of the vault could not be read or written")]
    Rows(#[from] DbError),
    /// Keys.
    #[error("a key could not be opened or destroyed")]
    Key(#[from] KeyError),
    /// The file.
    #[error("a sealed file could not be written")]
    Write(#[source] io::Error),
    /// What was read back is not what was written.
    #[error("a sealed file is not in the database as it was written: nothing was given up")]
    Unverified,
}

/// How readings are written, and which are not.
#[derive(Clone, Copy)]
pub struct SealForm<'a> {
    /// Writes a reading as it shall stand in its file.
    pub line: &'a (dyn Fn(&StoredReading, &mut Vec<u8>) + Sync),
    /// Whether a reading must stay readable: it goes into no file.
    pub stays: &'a (dyn Fn(&StoredReading) -> bool + Sync),
}

/// What stands in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    deployment: DeploymentId,
    thing: ThingId,
    retention: Retention,
}

/// A file that is written and was read back.
struct Written {
    id: u64,
    pieces: u32,
    bytes: u64,
    readings: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    retention: Retention,
}

/// Seals.
pub(crate) fn seal_days(
    log: &Log,
    wanted: &SealDays<'_>,
    form: SealForm<'_>,
    now: Timestamp,
) -> Result<SealedDays, SealDaysError> {
    log.db.write(remove_halves)?;
    let text = wanted.subject.key();
    let last = wanted.until_day.saturating_sub(1);
    let found = log
        .db
        .read(|tx| keys_of_subject(tx, &text, wanted.from_day, last))?;
    let kept = log.db.read(|tx| kept_keys(tx, &text))?;
    let found = found.into_iter().filter(|it| !kept.contains(&it.id));
    let mut done = SealedDays::default();
    let (found, masked): (Vec<_>, Vec<_>) = found.partition(|it| it.state == KeyState::InUse);
    done.waiting += widen(masked.len());
    if found.is_empty() {
        return Ok(done);
    }
    let ids: FxHashSet<KeyId> = found.iter().map(|it| it.id).collect();
    let free = log.keyring.retire(ids, |keys| log.keep_unused(keys));
    let (mut found, waiting): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|it| free.contains(&it.id));
    done.waiting += widen(waiting.len());
    let days: BTreeSet<i64> = found.iter().map(|it| it.epoch).collect();
    if let Some(end) = days.iter().nth(MAX_DAYS) {
        let later = found.iter().filter(|it| it.epoch >= *end).count();
        done.waiting += widen(later);
        done.is_more = true;
        found.retain(|it| it.epoch < *end);
    }
    let sealing = Sealing {
        log,
        wanted,
        form,
        now,
    };
    let sealed = sealing.seal(found, &mut done);
    log.keyring.retired();
    sealed.map(|()| done)
}

/// Removes what an earlier sealing did not finish.
fn remove_halves(tx: &mut Tx<'_>) -> Result<(), DbError> {
    delete_halves(tx, None)?;
    tx.execute(
        "DELETE FROM vault_epoch_key WHERE is_kept = 1 \
         AND NOT EXISTS (SELECT 1 FROM vault_block b WHERE b.key_id = vault_epoch_key.key_id)",
        &[],
    )?;
    Ok(())
}

/// The keys of what stays readable.
fn kept_keys(tx: &mut Tx<'_>, subject: &str) -> Result<FxHashSet<KeyId>, DbError> {
    let sql = "SELECT key_id FROM vault_epoch_key WHERE subject = $1 AND is_kept = 1";
    let rows = tx.query(sql, &[subject.into()])?;
    let id = |row: &store::Row| row.get(0).map(|it| KeyId(from_row(it)));
    rows.iter().map(id).collect()
}

struct Sealing<'a> {
    log: &'a Log,
    wanted: &'a SealDays<'a>,
    form: SealForm<'a>,
    now: Timestamp,
}

impl Sealing<'_> {
    fn seal(&self, found: Vec<WrappedKey>, done: &mut SealedDays) -> Result<(), SealDaysError> {
        let mut by_day: BTreeMap<i64, Vec<WrappedKey>> = BTreeMap::new();
        for key in found {
            by_day.entry(key.epoch).or_default().push(key);
        }
        let mut given_up: Vec<(KeyId, Vec<u8>)> = Vec::new();
        let (mut files, mut stays) = (Vec::new(), Vec::new());
        for (day, keys) in by_day {
            let as_found: Vec<_> = keys.iter().map(|it| (it.id, it.wrapped.clone())).collect();
            let opened = keys.into_iter().map(|it| self.log.keyring.unwrap(it));
            let opened = match opened.collect::<Result<Vec<_>, _>>() {
                Ok(opened) => opened,
                Err(KeyError::Damaged { .. }) => {
                    done.damaged += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(written) = self.day(day, &opened)? else {
                done.damaged += 1;
                tracing::warn!(day, "a day with a damaged block is not sealed");
                continue;
            };
            let stay = self.what_stays(&opened)?;
            done.kept += stay
                .iter()
                .map(|it| it.head.readings.unsigned_abs())
                .sum::<u64>();
            stays.extend(stay);
            done.days += 1;
            done.readings += written.iter().map(|it| it.readings).sum::<u64>();
            files.extend(written);
            given_up.extend(as_found);
        }
        if given_up.is_empty() {
            return Ok(());
        }
        #[cfg(test)]
        crate::crash::point();
        let whole = |tx: &mut Tx<'_>| {
            stays.iter().try_for_each(|it| insert(tx, it))?;
            files.iter().try_for_each(|it| make_whole(tx, it))
        };
        self.log
            .keyring
            .give_up(self.wanted.subject, &given_up, whole)?;
        #[cfg(test)]
        crate::crash::point();
        done.files = widen(files.len());
        Ok(())
    }

    /// The files of a day; `None` where something of it does not open.
    fn day(&self, day: i64, keys: &[EpochKey]) -> Result<Option<Vec<Written>>, SealDaysError> {
        let mut heads = Vec::new();
        for key in keys {
            heads.extend(self.heads(key)?.into_iter().map(|it| (key, it)));
        }
        heads.sort_by_key(|(_, it)| (it.retention, it.first_at, it.segment_number));
        let mut written = Vec::new();
        let mut had: BTreeSet<Group> = BTreeSet::new();
        loop {
            let mut files: BTreeMap<Group, Writing<'_>> = BTreeMap::new();
            let mut is_more = false;
            let mut rest = heads.as_slice();
            while let Some((run, later)) = rest.split_at_checked(run_of(rest)) {
                if run.is_empty() {
                    break;
                }
                rest = later;
                let Some(rows) = self.in_order(run)? else {
                    return Ok(None);
                };
                for row in rows {
                    is_more |= !self.add(day, row, &had, &mut files)?;
                }
            }
            for (group, file) in files {
                written.push(file.finish(&self.log.db, self.wanted.keys.len())?);
                had.insert(group);
                #[cfg(test)]
                crate::crash::point();
            }
            if !is_more {
                return Ok(Some(written));
            }
        }
    }

    /// What must stay readable, in the blocks where it lies, under a key of its own.
    fn what_stays(&self, keys: &[EpochKey]) -> Result<Vec<SealedBlock>, SealDaysError> {
        let mut blocks = Vec::new();
        for key in keys {
            let mut new_key = None;
            for head in self.heads(key)? {
                let mut rows = self.rows(key, &head)?.unwrap_or_default();
                rows.retain(|it| expires_at(it.at, it.retention) > self.now);
                let subject = self.wanted.subject;
                let stays = rows.into_iter().filter_map(|row| {
                    let index = row.index;
                    let stored = row.into_stored(subject.clone());
                    (self.form.stays)(&stored).then(|| row_of(stored, index))
                });
                let stays: Vec<Row> = stays.collect();
                if stays.is_empty() {
                    continue;
                }
                let new_key = match &mut new_key {
                    Some(key) => key,
                    none => none.insert(self.log.keyring.make_kept(subject, key.shelf())?),
                };
                let sealed = seal_blocks(new_key, head.segment_number, &stays);
                blocks.extend(sealed.map_err(KeyError::New)?);
            }
        }
        Ok(blocks)
    }

    fn heads(&self, key: &EpochKey) -> Result<Vec<BlockHead>, DbError> {
        let sql = format!("SELECT {HEAD_COLUMNS} FROM vault_block WHERE key_id = $1");
        let rows = self
            .log
            .db
            .read(|tx| tx.query(&sql, &[to_row(key.id.0).into()]))?;
        rows.iter().map(head_of).collect()
    }

    /// The readings of blocks by time, and at one time in the order of appending; `None` where one does not open.
    fn in_order(&self, run: &[(&EpochKey, BlockHead)]) -> Result<Option<Vec<Row>>, DbError> {
        let mut placed = Vec::new();
        for (key, head) in run {
            let Some(rows) = self.rows(key, head)? else {
                return Ok(None);
            };
            let place = |row: Row| ((row.at, head.segment_number, row.index), row);
            placed.extend(rows.into_iter().map(place));
        }
        placed.sort_unstable_by_key(|(place, _)| *place);
        Ok(Some(placed.into_iter().map(|(_, row)| row).collect()))
    }

    /// The readings of a block; `None` where it does not open.
    fn rows(&self, key: &EpochKey, head: &BlockHead) -> Result<Option<Vec<Row>>, DbError> {
        let sql = "SELECT sealed FROM vault_block WHERE block_id = $1";
        let row = self
            .log
            .db
            .read(|tx| tx.query_one(sql, &[to_row(head.block_id).into()]))?;
        let Some(row) = row else {
            return Ok(Some(Vec::new()));
        };
        let opened = open(key, head, row.get(0)?).ok();
        Ok(opened.map(|it| limited(self.log, &key.subject, it, self.now)))
    }

    /// Writes a reading into its file. False where that has to wait for the next time through.
    fn add<'w>(
        &'w self,
        day: i64,
        row: Row,
        had: &BTreeSet<Group>,
        files: &mut BTreeMap<Group, Writing<'w>>,
    ) -> Result<bool, SealDaysError> {
        let group = Group {
            deployment: row.deployment.clone(),
            thing: row.thing.clone(),
            retention: row.retention,
        };
        if had.contains(&group) || expires_at(row.at, row.retention) <= self.now {
            return Ok(true);
        }
        let stored = row.into_stored(self.wanted.subject.clone());
        if (self.form.stays)(&stored) {
            return Ok(true);
        }
        if !files.contains_key(&group) {
            if files.len() >= MAX_OPEN_FILES {
                return Ok(false);
            }
            let file = Writing::begin(self, day, &group, stored.at)?;
            files.insert(group.clone(), file);
        }
        if let Some(file) = files.get_mut(&group) {
            file.add(&stored, self.form)?;
        }
        Ok(true)
    }
}

/// How many blocks from the first one on are of one retention class and overlap in time: their readings are brought in order together.
fn run_of(heads: &[(&EpochKey, BlockHead)]) -> usize {
    let Some((_, first)) = heads.first() else {
        return 0;
    };
    let mut end = first.last_at;
    let overlaps = heads.iter().take(MAX_RUN).take_while(|(_, it)| {
        let is_one = it.retention == first.retention && it.first_at <= end;
        end = end.max(it.last_at);
        is_one
    });
    overlaps.count()
}

/// A file that is being written.
struct Writing<'a> {
    format: OwnFormat,
    stream: OwnWriter<Sink<'a>>,
    plain: u64,
    readings: u64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl<'a> Writing<'a> {
    fn begin(
        sealing: &'a Sealing<'a>,
        day: i64,
        group: &Group,
        at: Timestamp,
    ) -> Result<Self, SealDaysError> {
        let id = random_id().map_err(KeyError::New)?;
        let sink = Sink {
            db: &sealing.log.db,
            id,
            subject: sealing.wanted.subject.key(),
            day,
            group: group.clone(),
            pieces: 0,
            bytes: 0,
            buffer: Vec::new(),
            format: sealing.wanted.keys.format(),
            digest: Context::new(&SHA256),
        };
        let keys = sealing.wanted.keys;
        Ok(Self {
            format: keys.format(),
            stream: keys.seal(sink).map_err(SealDaysError::Write)?,
            plain: 0,
            readings: 0,
            first_at: at,
            last_at: at,
        })
    }

    fn add(&mut self, stored: &StoredReading, form: SealForm<'_>) -> Result<(), SealDaysError> {
        let mut text = Zeroizing::new(Vec::new());
        (form.line)(stored, &mut text);
        self.stream.write_all(&text).map_err(SealDaysError::Write)?;
        self.plain += widen(text.len());
        self.readings += 1;
        self.first_at = self.first_at.min(stored.at);
        self.last_at = self.last_at.max(stored.at);
        Ok(())
    }

    /// Writes the end and reads all of it back.
    fn finish(self, db: &Db, keys: usize) -> Result<Written, SealDaysError> {
        let mut sink = self.stream.finish().map_err(SealDaysError::Write)?;
        sink.put().map_err(SealDaysError::Write)?;
        let mut context = Context::new(&SHA256);
        let (mut bytes, mut header) = (0, None);
        for number in 0..sink.pieces {
            let sql = "SELECT bytes FROM vault_own_chunk WHERE file_id = $1 AND number = $2";
            let values = [to_row(sink.id).into(), i64::from(number).into()];
            let row = db.read(|tx| tx.query_one(sql, &values))?;
            let piece: Vec<u8> = row.ok_or(SealDaysError::Unverified)?.get(0)?;
            if number == 0 {
                header = self.format.header_of(&piece);
            }
            bytes += widen(piece.len());
            context.update(&piece);
        }
        let (places, length) = header.ok_or(SealDaysError::Unverified)?;
        let expected = widen(length) + self.format.payload_bytes(self.plain);
        let is_same = context.finish().as_ref() == sink.digest.finish().as_ref();
        if !is_same || places < keys || bytes != expected || bytes != sink.bytes {
            return Err(SealDaysError::Unverified);
        }
        Ok(Written {
            id: sink.id,
            pieces: sink.pieces,
            bytes,
            readings: self.readings,
            first_at: self.first_at,
            last_at: self.last_at,
            retention: sink.group.retention,
        })
    }
}

/// Where the bytes of a file go: rows, a piece each. The row of the file comes with the first of them.
struct Sink<'a> {
    db: &'a Db,
    id: u64,
    subject: String,
    day: i64,
    group: Group,
    format: OwnFormat,
    pieces: u32,
    bytes: u64,
    buffer: Vec<u8>,
    digest: Context,
}

impl Sink<'_> {
    fn put(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() && self.pieces > 0 {
            return Ok(());
        }
        self.db
            .write(|tx| self.insert(tx))
            .map_err(io::Error::other)?;
        self.digest.update(&self.buffer);
        self.bytes += widen(self.buffer.len());
        self.pieces += 1;
        self.buffer.clear();
        Ok(())
    }

    fn insert(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        if self.pieces == 0 {
            tx.execute(
                "INSERT INTO vault_own_file (file_id, subject, epoch, deployment, thing, retention_days, \
                 first_at, last_at, expires_at, readings, bytes, is_whole, format) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0, 0, 0, $7)",
                &[
                    to_row(self.id).into(),
                    self.subject.as_str().into(),
                    self.day.into(),
                    self.group.deployment.as_str().into(),
                    self.group.thing.as_str().into(),
                    i64::from(self.group.retention.as_days()).into(),
                    self.format.extension().into(),
                ],
            )?;
        }
        tx.execute(
            "INSERT INTO vault_own_chunk (file_id, number, bytes) VALUES ($1, $2, $3)",
            &[
                to_row(self.id).into(),
                i64::from(self.pieces).into(),
                (&self.buffer).into(),
            ],
        )?;
        Ok(())
    }
}

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= PIECE_BYTES {
            self.put()?;
        }
        let room = PIECE_BYTES.saturating_sub(self.buffer.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.buffer.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shows a file from here on. In the transaction that destroys the keys; an error, should the file not be there as it was written.
fn make_whole(tx: &mut Tx<'_>, file: &Written) -> Result<(), KeyError> {
    let sql = "SELECT COUNT(*) FROM vault_own_chunk WHERE file_id = $1";
    let row = tx.query_one(sql, &[to_row(file.id).into()])?;
    let pieces: i64 = row.map_or(Ok(0), |it| it.get(0))?;
    let whole = tx.execute(
        "UPDATE vault_own_file SET first_at = $2, last_at = $3, expires_at = $4, readings = $5, bytes = $6, is_whole = 1 \
         WHERE file_id = $1 AND is_whole = 0",
        &[
            to_row(file.id).into(),
            file.first_at.as_millis().into(),
            file.last_at.as_millis().into(),
            expires_at(file.last_at, file.retention).as_millis().into(),
            to_row(file.readings).into(),
            to_row(file.bytes).into(),
        ],
    )?;
    if whole != 1 || pieces != i64::from(file.pieces) {
        return Err(KeyError::Changed);
    }
    Ok(())
}
