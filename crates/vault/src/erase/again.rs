//! Erasing again what is written down and not known to the database: after a crash, and after a backup was restored.
//!
//! What was carried out so is told to whoever keeps copies of readings elsewhere in the same database ([`Vault::reapplied`]). That it is
//! to be told is noted in the transaction that erases, and forgotten in the one in which it is taken up ([`Vault::settle_reapplied`]): no
//! crash and no failure in between loses it.

use std::sync::atomic::Ordering;

use model::{Subject, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{DbError, Tx};

use super::{EraseError, Erasure, carry_out};
use crate::Vault;
use crate::keys::KeyError;
use crate::keys::mask::subject_of;
use crate::log::Log;
use crate::rows;
use crate::tombstone::{ErasureId, Graveyard, Tombstone};

/// An erasure that was carried out because the database did not know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reapplied {
    /// Its name.
    pub id: ErasureId,
    /// When it was asked for.
    pub at: Timestamp,
    /// What was erased.
    pub erasure: Erasure,
}

/// Carries out what is written down and not known to the database, all of it that can be. Says how many.
pub(crate) fn reapply(log: &Log) -> Result<u64, EraseError> {
    let mut graveyard = log.keyring.graveyard();
    let known = log
        .db
        .read(rows::noted_erasures)
        .map_err(|error| EraseError::Pending(error.into()))?;
    let mut known_ids: FxHashSet<ErasureId> = FxHashSet::default();
    for tombstone in known.iter().filter_map(|it| Tombstone::parse(it)) {
        if !graveyard.has(tombstone.id) {
            graveyard.add(&tombstone)?;
        }
        graveyard.note_done(tombstone.id);
        known_ids.insert(tombstone.id);
    }
    let mut missing: Vec<Tombstone> = graveyard
        .all()
        .filter(|it| !known_ids.contains(&it.id))
        .cloned()
        .collect();
    if missing.is_empty() {
        return Ok(0);
    }
    missing.sort_unstable_by_key(|it| (it.at, it.id));
    let subjects = log
        .db
        .read(rows::subjects)
        .map_err(|error| EraseError::Pending(error.into()))?;
    let by_hash = |it: &String| Some((log.keyring.stonemason.hash(it), subject_of(it)?));
    let subjects: FxHashMap<[u8; 32], Subject> = subjects.iter().filter_map(by_hash).collect();
    let (mut done, mut failed) = (0, None);
    for tombstone in &missing {
        let subject = subjects.get(&tombstone.subject);
        match reapply_one(log, &graveyard, subject, tombstone) {
            Ok(()) => {
                graveyard.note_done(tombstone.id);
                done += 1;
            }
            // The others are carried out all the same.
            Err(error) => {
                let id = tombstone.id;
                tracing::error!(erasure = %id, %error, "erasure {id} is not carried out yet");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

/// Of nobody whom the rows know there is nothing to erase.
fn reapply_one(
    log: &Log,
    graveyard: &Graveyard,
    subject: Option<&Subject>,
    tombstone: &Tombstone,
) -> Result<(), EraseError> {
    let scope = log.keyring.stonemason.scope(tombstone);
    let scope = scope.map_err(|source| graveyard.foreign(source))?;
    let done = match subject {
        Some(subject) => {
            let text = subject.key();
            let note = |tx: &mut Tx<'_>| rows::note_reapplied(tx, tombstone.id, &text);
            carry_out(log, subject, &scope, tombstone, note).map(|_| {
                log.has_reapplied.store(true, Ordering::SeqCst);
            })
        }
        None => log
            .db
            .write(|tx| rows::note_erasure(tx, tombstone))
            .map_err(KeyError::Rows),
    };
    done.map_err(EraseError::Pending)?;
    tracing::info!(
        erasure = %tombstone.id,
        "erasure {} is carried out: the database did not know it",
        tombstone.id
    );
    Ok(())
}

/// See [`Vault::were_erased`].
pub(crate) fn were_erased(log: &Log, subjects: &[Subject]) -> Vec<bool> {
    let graveyard = log.keyring.graveyard();
    let known: FxHashSet<[u8; 32]> = graveyard.all().map(|it| it.subject).collect();
    let hash = |it: &Subject| log.keyring.stonemason.hash(&it.key());
    subjects
        .iter()
        .map(|it| known.contains(&hash(it)))
        .collect()
}

impl Vault {
    /// What was carried out because the database did not know it, in the order in which it was asked for: after a backup was restored,
    /// or after a crash. For whoever keeps copies of readings elsewhere in the same database; each is there until it is settled.
    ///
    /// # Errors
    /// When rows cannot be read.
    pub fn reapplied(&self) -> Result<Vec<Reapplied>, DbError> {
        let log = self.log();
        if !log.has_reapplied.swap(false, Ordering::SeqCst) {
            return Ok(Vec::new());
        }
        let found = log.db.read(rows::reapplied);
        if !matches!(&found, Ok(found) if found.is_empty()) {
            log.has_reapplied.store(true, Ordering::SeqCst);
        }
        found?
            .into_iter()
            .map(|(subject, body)| reapplied(log, &subject, &body))
            .collect()
    }

    /// Says that an erasure that was carried out again is taken up. In the transaction that takes it up.
    ///
    /// # Errors
    /// When rows cannot be written.
    pub fn settle_reapplied(tx: &mut Tx<'_>, id: ErasureId) -> Result<(), DbError> {
        rows::forget_reapplied(tx, id)
    }
}

fn reapplied(log: &Log, subject: &str, body: &[u8]) -> Result<Reapplied, DbError> {
    let read = || {
        let tombstone = Tombstone::parse(body)?;
        let scope = log.keyring.stonemason.scope(&tombstone).ok()?;
        let subject = subject_of(subject)?;
        Some(Reapplied {
            id: tombstone.id,
            at: tombstone.at,
            erasure: Erasure { subject, scope },
        })
    };
    read().ok_or(DbError::Column {
        column: 1,
        wanted: "an erasure of this installation",
        found: "something else",
    })
}
