//! Erasing: what is not sealed again does not open any more.
//!
//! # What happens, in this order
//! 1. A tombstone is written, durable, outside of what a backup takes (see `tombstone`).
//! 2. Rows of keys that were made and not yet written are written; the keys of the subject leave the cache; nobody seals for the subject
//!    until step 3 is done.
//! 3. In one transaction the subject gets a new key, and its epoch keys are sealed again under it, but for those whose readings are all
//!    erased: their rows are emptied. Keys of which some readings are erased get a mask and seal nothing any more. The transaction notes
//!    the erasure.
//! 4. From here on nobody sees what was erased: readers look at the rows of keys, and begin again if they changed meanwhile.
//! 5. Copies of the destroyed keys are tried against everything that is left ([`ErasureProof`]).
//! 6. The next [`Vault::maintain`](crate::Vault::maintain) moves what is in the log to blocks, deletes the blocks under destroyed keys,
//!    seals again what masks leave of others, and deletes the rows of all these keys. In one call, or in the next one after it failed.
//!
//! Steps 2 to 5 take as long as the subject has epoch keys (one a day, as a rule), however many readings there are. Step 6 takes as
//! long as there are blocks; what it has not reached is unreadable (destroyed keys) or hidden (masks).
//!
//! # What it covers
//! | copy | how |
//! |---|---|
//! | blocks in the database | key destroyed, or masked and sealed again; then deleted |
//! | records in segments, pending records | sealed under the same keys; segments go in step 6 |
//! | keys in the cache, keys whose rows are not written | step 2 |
//! | readers at work, cursors of destinations | step 4: [`follow`](crate::Vault::follow) and [`read`](crate::Vault::read) use the same rows |
//! | files sealed to the person's own keys | deleted whole in step 3, see `sealed`; not where the scope spares them |
//! | pages of the database that were freed | the key above them is another one (step 3); SQLite also overwrites them |
//! | backups | the tombstone, when one is restored; and for good once the root key was changed and its old file destroyed |
//!
//! A reading that is appended while an erasure is at work is erased, or not, as if it had come before or after; one that is appended
//! after it is kept.

mod again;

use std::sync::atomic::{AtomicU64, Ordering};

use model::{Subject, Timestamp};
use ring::digest::{Context, SHA256};
use rustc_hash::FxHashSet;
use store::{DbError, Tx};

use crate::block::{HEAD_COLUMNS, SealedBlock, head_of, insert, open, seal_blocks};
use crate::crypto::KeyId;
use crate::keys::mask::{MAX_MASKS, left, subject_of};
use crate::keys::rewrite::{OldCopy, Rewritten};
use crate::keys::{EpochKey, KeyError, KeyState, Shelf, WrappedKey, to_row};
use crate::log::Log;
use crate::reading::Row;
use crate::rows;
use crate::sealed::delete_in_scope;
use crate::segment::widen;
use crate::tombstone::{ErasureId, Graveyard, Tombstone, TombstoneError};
use crate::{MaintainError, Maintained, Scope};

pub use again::Reapplied;
pub(crate) use again::{reapply, were_erased};

/// So many blocks under destroyed keys are tried at most.
const MAX_TRIED_BLOCKS: usize = 16;
/// So many keys that are left are tried on each of these blocks at most: the latest.
const MAX_TRIED_KEYS: usize = 32;
/// So many blocks are deleted in one transaction.
const DELETE_BATCH: i64 = 2_000;
/// So many blocks are sealed again in one transaction.
const RESEAL_BATCH: i64 = 16;

/// What shall be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whose readings.
    pub subject: Subject,
    /// Which of them.
    pub scope: Scope,
}

/// What was done, and that it worked: for the public record. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureProof {
    /// The erasure.
    pub id: ErasureId,
    /// When it was carried out.
    pub at: Timestamp,
    /// Epoch keys that are no more: all readings under them are gone.
    pub destroyed_keys: u64,
    /// Epoch keys of which some readings are hidden from now on, until `maintain` has sealed the others again.
    pub masked_keys: u64,
    /// Epoch keys that were sealed again under a new key of the subject, and not touched otherwise.
    pub kept_keys: u64,
    /// Files sealed to the person's own keys that were deleted, see `sealed`.
    pub own_files: u64,
    /// SHA-256 over the ids and the sealed bytes of the destroyed keys, in the order of their epochs: what the platform had.
    pub digest: [u8; 32],
    /// How often it was tried to open a destroyed key or a block under one with what is left. None of them opened.
    pub tries: u64,
}

/// Erasing failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// It was not written down: nothing was erased.
    #[error("the erasure could not be written down, and nothing was erased")]
    Tombstone(#[from] TombstoneError),
    /// The rows of keys could not be read, to see whether there is room for it.
    #[error("the keys could not be looked at, and nothing was erased: try again")]
    NotBegun(#[source] KeyError),
    /// So many parts of the same day were erased one after the other that it waits: nothing was written down, nothing erased.
    #[error(
        "{MAX_MASKS} erasures of the same day are not finished, and nothing was erased: try again after the next maintenance"
    )]
    Crowded,
    /// It is written down and not carried out: the next maintenance does that, or the next start, or whoever asks for the same again.
    /// Whatever is appended until then is erased too.
    #[error("the erasure is written down; it is carried out once the database answers")]
    Pending(#[source] KeyError),
    /// The rows could not be read again, to check: it is carried out all the same.
    #[error("the erasure is carried out, but could not be checked")]
    Unchecked(#[source] DbError),
    /// The check failed: something still opens.
    #[error(
        "after the erasure {opened} of {tries} tries opened what must not open: this is a bug, please report it"
    )]
    StillOpens {
        /// How many.
        opened: u64,
        /// Of how many.
        tries: u64,
    },
}

/// Erases.
pub(crate) fn erase(
    log: &Log,
    erasure: &Erasure,
    now: Timestamp,
) -> Result<ErasureProof, EraseError> {
    let Erasure { subject, scope } = erasure;
    // Held to the end: nobody takes an erasure that is at work for one that was broken off, and nobody else adds masks.
    let mut graveyard = log.keyring.graveyard();
    let tombstone = match broken_off(log, &graveyard, erasure) {
        Some(tombstone) => tombstone,
        None => begin(log, &mut graveyard, erasure, now)?,
    };
    #[cfg(test)]
    crate::crash::point();
    match carry_out(log, subject, scope, &tombstone, |_| Ok(())) {
        Ok(rewritten) => {
            graveyard.note_done(tombstone.id);
            prove(log, subject, &tombstone, &rewritten)
        }
        Err(error) => {
            graveyard.note_broken_off(&tombstone);
            log.keyring.has_unfinished.store(true, Ordering::SeqCst);
            Err(EraseError::Pending(error))
        }
    }
}

/// The tombstone of the same erasure that was written down before and not carried out.
fn broken_off(log: &Log, graveyard: &Graveyard, erasure: &Erasure) -> Option<Tombstone> {
    let mason = &log.keyring.stonemason;
    let mut found = graveyard.broken_off(mason.hash(&erasure.subject.key()));
    let is_same = |it: &&Tombstone| matches!(mason.scope(it), Ok(scope) if scope == erasure.scope);
    found.find(is_same).cloned()
}

/// Writes an erasure down.
fn begin(
    log: &Log,
    graveyard: &mut Graveyard,
    erasure: &Erasure,
    now: Timestamp,
) -> Result<Tombstone, EraseError> {
    let Erasure { subject, scope } = erasure;
    let has_room = log.keyring.has_room_for(subject, scope);
    if !has_room.map_err(EraseError::NotBegun)? {
        return Err(EraseError::Crowded);
    }
    let mason = &log.keyring.stonemason;
    let tombstone = mason.make(&subject.key(), scope, now);
    let tombstone = tombstone.map_err(TombstoneError::Seal)?;
    graveyard.add(&tombstone)?;
    Ok(tombstone)
}

/// `note` adds its rows to the transaction.
fn carry_out(
    log: &Log,
    subject: &Subject,
    scope: &Scope,
    tombstone: &Tombstone,
    note: impl Fn(&mut Tx<'_>) -> Result<(), DbError> + Send + Sync,
) -> Result<Rewritten, KeyError> {
    let text = subject.key();
    let own_files = AtomicU64::new(0);
    let with = |tx: &mut Tx<'_>| {
        let deleted = delete_in_scope(tx, &text, scope)?;
        own_files.store(deleted, Ordering::SeqCst);
        rows::note_erasure(tx, tombstone)?;
        Ok(note(tx)?)
    };
    let mut rewritten = log.keyring.rewrite(subject, Some(scope), with)?;
    rewritten.own_files = own_files.into_inner();
    Ok(rewritten)
}

/// Tries every copy of what was destroyed.
fn prove(
    log: &Log,
    subject: &Subject,
    tombstone: &Tombstone,
    rewritten: &Rewritten,
) -> Result<ErasureProof, EraseError> {
    let text = subject.key();
    let left = log
        .db
        .read(|tx| rows::keys_of_subject(tx, &text, i64::MIN, i64::MAX))
        .map_err(EraseError::Unchecked)?;
    let mut tried = Tried::default();
    for copy in &rewritten.destroyed {
        let row = log.db.read(|tx| rows::wrapped_key(tx, copy.id));
        let row = row.map_err(EraseError::Unchecked)?;
        tried.destroyed_row(log, &text, copy, row);
        tried.note(log.keyring.is_open(subject, copy.id));
    }
    let left = left.into_iter().rev().take(MAX_TRIED_KEYS);
    let left: Vec<EpochKey> = left.filter_map(|it| log.keyring.unwrap(it).ok()).collect();
    for copy in rewritten.destroyed.iter().rev().take(MAX_TRIED_BLOCKS) {
        tried
            .blocks(log, copy.id, &left)
            .map_err(EraseError::Unchecked)?;
    }
    let Tried { tries, opened } = tried;
    if opened > 0 {
        return Err(EraseError::StillOpens { opened, tries });
    }
    Ok(ErasureProof {
        id: tombstone.id,
        at: tombstone.at,
        destroyed_keys: widen(rewritten.destroyed.len()),
        masked_keys: rewritten.masked,
        kept_keys: rewritten.kept,
        own_files: rewritten.own_files,
        digest: digest(&rewritten.destroyed),
        tries,
    })
}

fn digest(destroyed: &[OldCopy]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for copy in destroyed {
        context.update(&copy.id.0.to_le_bytes());
        context.update(&widen(copy.wrapped.len()).to_le_bytes());
        context.update(&copy.wrapped);
    }
    let mut digest = [0; 32];
    digest
        .iter_mut()
        .zip(context.finish().as_ref())
        .for_each(|(to, from)| *to = *from);
    digest
}

#[derive(Default)]
struct Tried {
    tries: u64,
    opened: u64,
}

impl Tried {
    fn note(&mut self, opened: bool) {
        self.tries += 1;
        self.opened += u64::from(opened);
    }

    /// The row as it is now, and the old bytes under the key that the subject has now.
    fn destroyed_row(&mut self, log: &Log, subject: &str, copy: &OldCopy, row: Option<WrappedKey>) {
        let Some(row) = row else {
            return;
        };
        let old = WrappedKey {
            id: copy.id,
            epoch: copy.epoch,
            retention: row.retention,
            subject: subject.to_owned(),
            wrapped: copy.wrapped.clone(),
            state: KeyState::InUse,
            mask: None,
            wrapped_subject: row.wrapped_subject.clone(),
        };
        self.note(log.keyring.unwrap(row).is_ok());
        self.note(log.keyring.unwrap(old).is_ok());
    }

    /// One block under a destroyed key, with the keys that are left.
    fn blocks(&mut self, log: &Log, id: KeyId, left: &[EpochKey]) -> Result<(), DbError> {
        let sql =
            format!("SELECT {HEAD_COLUMNS}, sealed FROM vault_block WHERE key_id = $1 LIMIT 1");
        let row = log
            .db
            .read(|tx| tx.query_one(&sql, &[to_row(id.0).into()]))?;
        let Some(row) = row else {
            return Ok(());
        };
        let (head, sealed) = (head_of(&row)?, row.get::<Vec<u8>>(SEALED_COLUMN)?);
        for key in left {
            self.note(open(key, &head, sealed.clone()).is_ok());
        }
        Ok(())
    }
}

/// The column behind [`HEAD_COLUMNS`].
pub(crate) const SEALED_COLUMN: usize = 7;

/// Deletes what is under destroyed keys, and seals again what masks leave of others. Keys that records in the log need wait.
pub(crate) fn finish(log: &Log, done: &mut Maintained) -> Result<(), MaintainError> {
    if !log.keyring.has_unfinished.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let finished = finish_all(log, done);
    if !matches!(finished, Ok(true)) {
        log.keyring.has_unfinished.store(true, Ordering::SeqCst);
    }
    finished.map(|_| ())
}

/// Whether all is done.
fn finish_all(log: &Log, done: &mut Maintained) -> Result<bool, MaintainError> {
    let reapplied = reapply(log).map_err(|source| MaintainError::Erase(Box::new(source)));
    // An erasure that fails must not keep the masks of others from shrinking.
    let is_all = finish_keys(log, done)?;
    reapplied.map(|_| is_all)
}

fn finish_keys(log: &Log, done: &mut Maintained) -> Result<bool, MaintainError> {
    let unfinished = log.db.read(rows::unfinished_keys)?;
    let mut free = unfinished.iter().map(|it| it.id).collect();
    log.keep_unused(&mut free);
    let mut is_all = true;
    let mut touched = FxHashSet::default();
    for key in unfinished {
        if !free.contains(&key.id) {
            is_all = false;
            continue;
        }
        let (id, subject) = (key.id, key.subject.clone());
        if key.state == KeyState::Masked {
            reseal(log, id, done)?;
        }
        #[cfg(test)]
        crate::crash::point();
        done.erased_blocks += delete_blocks(log, id)?;
        #[cfg(test)]
        crate::crash::point();
        done.destroyed_keys += log
            .db
            .write(|tx| rows::destroy_key_without_blocks(tx, id))?;
        log.keyring.changes.note(&subject);
        touched.insert(subject);
        #[cfg(test)]
        crate::crash::point();
    }
    for subject in touched.iter().filter_map(|it| subject_of(it)) {
        log.keyring
            .forget_subject(&subject)
            .map_err(MaintainError::Keys)?;
    }
    Ok(is_all)
}

fn delete_blocks(log: &Log, id: KeyId) -> Result<u64, DbError> {
    let sql = "DELETE FROM vault_block WHERE block_id IN \
               (SELECT block_id FROM vault_block WHERE key_id = $1 LIMIT $2)";
    let params = [to_row(id.0).into(), DELETE_BATCH.into()];
    let mut deleted = 0;
    loop {
        match log.db.write(|tx| tx.execute(sql, &params))? {
            0 => return Ok(deleted),
            some => deleted += some,
        }
    }
}

/// Seals what the masks of a key leave under the key that is in use for its epoch, some blocks at a time.
fn reseal(log: &Log, id: KeyId, done: &mut Maintained) -> Result<(), MaintainError> {
    // Looked up each time: another erasure may come in between.
    while let Some(row) = log.db.read(|tx| rows::wrapped_key(tx, id))? {
        let as_found = row.wrapped.clone();
        let (Some(subject), KeyState::Masked) = (subject_of(&row.subject), row.state) else {
            return Ok(());
        };
        let key = match log.keyring.unwrap(row) {
            Ok(key) => key,
            // Nobody can read what is under it.
            Err(KeyError::Damaged { .. }) => return Ok(()),
            Err(error) => return Err(MaintainError::Keys(error)),
        };
        if !reseal_some(log, &subject, &key, &as_found, done)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether there was anything to seal again.
fn reseal_some(
    log: &Log,
    subject: &Subject,
    key: &EpochKey,
    as_found: &[u8],
    done: &mut Maintained,
) -> Result<bool, MaintainError> {
    let needs_stripper = key.masks.iter().any(|it| it.strip.is_some());
    if needs_stripper && log.keyring.stripper.get().is_none() {
        return Err(MaintainError::NoStripper);
    }
    let sql = format!(
        "SELECT {HEAD_COLUMNS}, sealed FROM vault_block WHERE key_id = $1 ORDER BY block_id LIMIT $2"
    );
    let params = [to_row(key.id.0).into(), RESEAL_BATCH.into()];
    let found = log.db.read(|tx| tx.query(&sql, &params))?;
    if found.is_empty() {
        return Ok(false);
    }
    let mut resealed = Resealed::default();
    for row in &found {
        let head = head_of(row)?;
        resealed.old.push(to_row(head.block_id));
        let Ok(rows) = open(key, &head, row.get(SEALED_COLUMN)?) else {
            tracing::warn!(block.id = head.block_id, "a damaged block is erased whole");
            continue;
        };
        let before = rows.len();
        let rows = unmasked(log, key, rows);
        resealed.erased += widen(before.saturating_sub(rows.len()));
        resealed.kept += widen(rows.len());
        // A key of before there were classes has blocks of several.
        let shelf = Shelf {
            epoch: key.epoch,
            retention: head.retention,
        };
        let current = log.keyring.current(subject, shelf);
        let current = current.map_err(MaintainError::Keys)?;
        let sealed = seal_blocks(&current, head.segment_number, &rows);
        resealed.new.extend(sealed.map_err(MaintainError::Seal)?);
    }
    let is_done = log
        .db
        .write(|tx| exchange(tx, key.id, as_found, &resealed))?;
    if is_done {
        #[cfg(test)]
        crate::crash::point();
        log.keyring.changes.note(&key.subject);
        done.erased_readings += resealed.erased;
        done.resealed_readings += resealed.kept;
    }
    Ok(true)
}

/// Blocks in the place of others.
#[derive(Default)]
pub(crate) struct Resealed {
    pub(crate) old: Vec<i64>,
    pub(crate) new: Vec<SealedBlock>,
    pub(crate) erased: u64,
    pub(crate) kept: u64,
}

/// What the masks of a key leave of readings.
pub(crate) fn unmasked(log: &Log, key: &EpochKey, rows: Vec<Row>) -> Vec<Row> {
    if key.masks.is_empty() {
        return rows;
    }
    let stripper = log.keyring.stripper.get();
    let left = |row| left(&key.masks, stripper, &key.subject, row);
    rows.into_iter().filter_map(left).collect()
}

/// Does nothing if the keys of the subject changed since they were looked up: every change seals the masked key again.
pub(crate) fn exchange(
    tx: &mut Tx<'_>,
    key: KeyId,
    as_found: &[u8],
    resealed: &Resealed,
) -> Result<bool, DbError> {
    let row = rows::wrapped_key(tx, key)?;
    if row.is_none_or(|it| it.wrapped != as_found) {
        return Ok(false);
    }
    resealed
        .new
        .iter()
        .try_for_each(|block| insert(tx, block))?;
    #[cfg(test)]
    crate::crash::point();
    for block in &resealed.old {
        tx.execute(
            "DELETE FROM vault_block WHERE block_id = $1",
            &[(*block).into()],
        )?;
    }
    Ok(true)
}
