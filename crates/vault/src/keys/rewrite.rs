//! Giving a subject a new key, under which only those epoch keys are sealed again that shall still open.
//!
//! This is how subject keys are changed, and how readings are erased: an epoch key that is not sealed again is no more, and a copy of its
//! old row (in a page of the disk that was not written over yet) does not open with any key that the platform still has.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::Subject;
use store::{DbError, Row, Tx};

use super::epoch::{unwrap_epoch_key, wrap_epoch_key};
use super::mask::{self, MAX_MASKS, Scope};
use super::{EpochKey, KeyError, KeyState, Keyring, Shelf, from_row, to_row};
use crate::crypto::{KeyId, SecretKey};
use crate::rows;

/// A copy of the row of an epoch key that was destroyed, to try it.
pub(crate) struct OldCopy {
    pub(crate) id: KeyId,
    pub(crate) epoch: i64,
    pub(crate) wrapped: Vec<u8>,
}

/// What became of the epoch keys of a subject.
#[derive(Default)]
pub(crate) struct Rewritten {
    /// They are no more.
    pub(crate) destroyed: Vec<OldCopy>,
    /// Part of what is under them is masked.
    pub(crate) masked: u64,
    /// Nothing changed but the key above them.
    pub(crate) kept: u64,
    /// Files sealed to the subject's own keys that were deleted.
    pub(crate) own_files: u64,
}

/// Why a subject gets a new key.
#[derive(Clone, Copy)]
enum Cause<'a> {
    /// It is time.
    Renewal,
    /// Some of its readings are erased.
    Erasure(&'a Scope),
    /// Everything under these keys, as they were found, lies elsewhere.
    GivenUp(&'a [(KeyId, Vec<u8>)]),
}

/// What shall become of an epoch key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Mask,
    Destroy,
}

struct Found {
    id: KeyId,
    epoch: i64,
    wrapped: Vec<u8>,
    state: KeyState,
    mask: Option<Vec<u8>>,
}

impl Keyring {
    /// Gives a subject a new key, and erases a scope of its readings if there is one. `with` adds its rows to the same transaction.
    /// When it returns, every reader and appender goes by the new rows.
    pub(crate) fn rewrite(
        &self,
        subject: &Subject,
        scope: Option<&Scope>,
        with: impl Fn(&mut Tx<'_>) -> Result<(), KeyError> + Send + Sync,
    ) -> Result<Rewritten, KeyError> {
        let cause = scope.map_or(Cause::Renewal, Cause::Erasure);
        self.rewrite_for(subject, cause, with)
    }

    /// Destroys epoch keys of a subject, whose readings lie elsewhere, as an erasure destroys them. `with` says where they lie, in the
    /// same transaction. Nothing happens unless the rows of the keys are as they were found.
    pub(crate) fn give_up(
        &self,
        subject: &Subject,
        keys: &[(KeyId, Vec<u8>)],
        with: impl Fn(&mut Tx<'_>) -> Result<(), KeyError> + Send + Sync,
    ) -> Result<Rewritten, KeyError> {
        self.rewrite_for(subject, Cause::GivenUp(keys), with)
    }

    fn rewrite_for(
        &self,
        subject: &Subject,
        cause: Cause<'_>,
        with: impl Fn(&mut Tx<'_>) -> Result<(), KeyError> + Send + Sync,
    ) -> Result<Rewritten, KeyError> {
        let text = subject.key();
        let _place = self.opening.enter(subject);
        self.flush()?;
        // From here on nobody seals under a key of the subject until the place is left.
        self.write_cache().forget(subject);
        let rewritten = self.db.write(|tx| {
            let rewritten = self.rewrite_rows(tx, &text, cause)?;
            with(tx)?;
            #[cfg(test)]
            crate::crash::point();
            Ok::<_, KeyError>(rewritten)
        });
        if !matches!(cause, Cause::Renewal) {
            self.has_unfinished.store(true, Ordering::SeqCst);
        }
        #[cfg(test)]
        crate::crash::point();
        self.changes.note(&text);
        rewritten
    }

    /// The key of an epoch and class that is sealed with now, with its row written.
    pub(crate) fn current(
        &self,
        subject: &Subject,
        shelf: Shelf,
    ) -> Result<Arc<EpochKey>, KeyError> {
        let key = self.open_or_make(subject, shelf)?;
        self.flush()?;
        Ok(key)
    }

    /// Whether no key of a subject has as many masks as it may have and would get one more.
    pub(crate) fn has_room_for(&self, subject: &Subject, scope: &Scope) -> Result<bool, KeyError> {
        let text = subject.key();
        let masked = self.db.read(|tx| rows::masked_keys(tx, &text))?;
        let mask = scope.as_mask();
        for row in masked {
            let epoch = row.epoch;
            if scope.has_whole_epoch(epoch) || !scope.meets_epoch(epoch) {
                continue;
            }
            match self.unwrap(row) {
                Ok(key) if key.masks.len() < MAX_MASKS || key.masks.contains(&mask) => {}
                // It is destroyed.
                Err(KeyError::Damaged { .. }) => {}
                Ok(_) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Forgets a subject that has no epoch keys any more.
    pub(crate) fn forget_subject(&self, subject: &Subject) -> Result<bool, KeyError> {
        let text = subject.key();
        let _place = self.opening.enter(subject);
        self.flush()?;
        let sql = "DELETE FROM vault_subject_key WHERE subject = $1 \
                   AND NOT EXISTS (SELECT 1 FROM vault_epoch_key e WHERE e.subject = $1)";
        let deleted = self
            .db
            .write(|tx| tx.execute(sql, &[text.as_str().into()]))?;
        Ok(deleted > 0)
    }

    fn rewrite_rows(
        &self,
        tx: &mut Tx<'_>,
        subject: &str,
        cause: Cause<'_>,
    ) -> Result<Rewritten, KeyError> {
        let sql = "SELECT wrapped FROM vault_subject_key WHERE subject = $1";
        let Some(row) = tx.query_one(sql, &[subject.into()])? else {
            return Ok(Rewritten::default());
        };
        let old = self.unwrap_subject(subject, row.get(0)?);
        let sql = "SELECT key_id, epoch, wrapped, state, mask FROM vault_epoch_key \
                   WHERE subject = $1 AND state < 2 ORDER BY epoch, key_id";
        let rows = tx.query(sql, &[subject.into()])?;
        let found = rows.iter().map(found).collect::<Result<Vec<_>, _>>()?;
        if let Cause::GivenUp(keys) = cause {
            as_they_were(keys, &found)?;
        }
        let mut done = Rewritten::default();
        let old = match (old, cause) {
            // Nobody can read what is under it: what is to be erased goes, the rest stays, to be told of.
            (Err(KeyError::Damaged { .. }), Cause::Erasure(_)) => {
                let met = |it: &Found| fate(cause, it) != Fate::Keep;
                for key in found.into_iter().filter(met) {
                    give_away(tx, key, &mut done)?;
                }
                return Ok(done);
            }
            (old, _) => old?,
        };
        let new = SecretKey::random().map_err(KeyError::New)?;
        for key in found {
            self.rewrite_key(tx, (&old, &new), subject, cause, key, &mut done)?;
        }
        let wrapped = self.wrap_subject(subject, &new)?;
        let sql = "UPDATE vault_subject_key SET wrapped = $2 WHERE subject = $1";
        tx.execute(sql, &[subject.into(), wrapped.as_slice().into()])?;
        Ok(done)
    }

    fn rewrite_key(
        &self,
        tx: &mut Tx<'_>,
        (old, new): (&SecretKey, &SecretKey),
        subject: &str,
        cause: Cause<'_>,
        key: Found,
        done: &mut Rewritten,
    ) -> Result<(), KeyError> {
        let fate = fate(cause, &key);
        if fate == Fate::Destroy {
            return give_away(tx, key, done);
        }
        let Ok(secret) = unwrap_epoch_key(old, key.id, key.epoch, subject, key.wrapped) else {
            // Damaged before: nobody can read what is under it. It stays, to be told of, unless it is to be erased.
            if fate == Fate::Mask {
                destroy(tx, key.id)?;
            }
            return Ok(());
        };
        let wrapped = wrap_epoch_key(new, self.suite, key.id, key.epoch, subject, &secret)
            .map_err(KeyError::New)?;
        let (mut state, mut sealed_mask) = (key.state, key.mask);
        if let (Fate::Mask, Cause::Erasure(scope)) = (fate, cause) {
            let opened = sealed_mask.take().map(|it| mask::open(&secret, key.id, it));
            let Ok(masks) = opened.transpose().map(Option::unwrap_or_default) else {
                // What was erased before is not known any more: a new mask alone would show it again. Nobody can read what is under
                // the key as it is.
                return destroy(tx, key.id).map_err(KeyError::Rows);
            };
            let masks = joined(masks, scope);
            let sealed = mask::seal(&secret, self.suite, key.id, &masks).map_err(KeyError::New)?;
            (state, sealed_mask) = (KeyState::Masked, Some(sealed));
            done.masked += 1;
        } else {
            done.kept += 1;
        }
        let sql =
            "UPDATE vault_epoch_key SET wrapped = $2, state = $3, mask = $4 WHERE key_id = $1";
        let params = [
            to_row(key.id.0).into(),
            wrapped.as_slice().into(),
            state.to_row().into(),
            sealed_mask.as_deref().into(),
        ];
        tx.execute(sql, &params)?;
        Ok(())
    }
}

/// Destroys a key, and keeps a copy to try.
fn give_away(tx: &mut Tx<'_>, key: Found, done: &mut Rewritten) -> Result<(), KeyError> {
    destroy(tx, key.id)?;
    done.destroyed.push(OldCopy {
        id: key.id,
        epoch: key.epoch,
        wrapped: key.wrapped,
    });
    Ok(())
}

/// One more mask. The same one again is no other. What is written down is carried out however many there are: whether there are too
/// many is asked before, see [`Keyring::has_room_for`].
fn joined(mut masks: Vec<Scope>, scope: &Scope) -> Vec<Scope> {
    let mask = scope.as_mask();
    if !masks.contains(&mask) {
        masks.push(mask);
    }
    masks
}

fn fate(cause: Cause<'_>, key: &Found) -> Fate {
    match cause {
        Cause::Erasure(scope) if scope.has_whole_epoch(key.epoch) => Fate::Destroy,
        Cause::Erasure(scope) if scope.meets_epoch(key.epoch) => Fate::Mask,
        Cause::GivenUp(keys) if keys.iter().any(|(id, _)| *id == key.id) => Fate::Destroy,
        _ => Fate::Keep,
    }
}

/// Whether keys are there as they were found before, and in use: every erasure seals them again or masks them.
fn as_they_were(keys: &[(KeyId, Vec<u8>)], found: &[Found]) -> Result<(), KeyError> {
    let is_same = |(id, wrapped): &(KeyId, Vec<u8>)| {
        let mut found = found.iter().filter(|it| it.state == KeyState::InUse);
        found.any(|it| it.id == *id && it.wrapped == *wrapped)
    };
    if keys.iter().all(is_same) {
        Ok(())
    } else {
        Err(KeyError::Changed)
    }
}

fn destroy(tx: &mut Tx<'_>, id: KeyId) -> Result<(), DbError> {
    let sql = "UPDATE vault_epoch_key SET wrapped = $2, state = $3, mask = NULL WHERE key_id = $1";
    let nothing: &[u8] = &[];
    let state = KeyState::Destroyed.to_row();
    tx.execute(sql, &[to_row(id.0).into(), nothing.into(), state.into()])?;
    Ok(())
}

fn found(row: &Row) -> Result<Found, DbError> {
    Ok(Found {
        id: KeyId(from_row(row.get(0)?)),
        epoch: row.get(1)?,
        wrapped: row.get(2)?,
        state: KeyState::from_row(row.get(3)?),
        mask: row.get(4)?,
    })
}
