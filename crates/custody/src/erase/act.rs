//! An erasure is asked for, waits, can be undone, is carried out, and is finished.
//!
//! # After a crash
//! The row is the first thing that is written; it says everything that is needed to go on. Each step of carrying out may be made twice:
//! what was erased is erased again, up to the same moment, and finds nothing. Only the last step, which tells recipients and goes into the
//! record, is one transaction with the row that says that it is done.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use data_encoding::HEXLOWER;
use model::{
    DeploymentId, Entry, EntryKind, PersonId, PurposeId, RecipientId, Subject, ThingId, Timestamp,
};
use store::Tx;
use vault::{ErasureProof, MAX_STRIP_BYTES, Reapplied, Vault};

use super::plan::Looked;
use super::{
    DAY_MILLIS, ERASURE_NOTICE_DAYS, EraseCause, EraseError, EraseId, EraseScope, EraseState,
    ErasureNotice, ErasureView, Grace, MAX_ERASURES_PER_DAY, MAX_ERASURES_SHOWN, scope,
};
use crate::Custody;
use crate::catalogue::Named;
use crate::rows::erasure::{ErasureRow, GotRow};
use crate::rows::{self, RowError};
use crate::secret::document_sha256;

/// After a failure it is tried again after this.
pub(super) const RETRY_MILLIS: i64 = 10_000;
/// How often it is asked whether the vault has sealed again what was left.
const LOOK_MILLIS: i64 = 5_000;
/// So often it is erased, when messages that had come in before are still being appended.
const MAX_ROUNDS: usize = 3;
/// So many readings of the time of an erasure are read afterwards to see that nothing of it is left, the newest first; the proof says how many
/// it were, and whether these were all. Of what was erased whole nothing is left to be read.
const MAX_CHECKED_READINGS: usize = 1_000_000;
/// Who acts, in the record: the person whom it is about, who is not named.
const BY: &str = "person";

impl Custody {
    /// Erases what a plan with this digest said, at once or when the person cannot undo it any more. From when this returns recipients get
    /// nothing of it. The caller has checked who asks, and that they proved it a short time ago. Blocks for long.
    ///
    /// # Errors
    /// See [`EraseError`]; nothing was written down then. What fails after that is tried again by [`Custody::tick`].
    pub fn erase(
        &self,
        person: &PersonId,
        scope: &EraseScope,
        digest: &str,
        grace: Grace,
        now: Timestamp,
    ) -> Result<EraseId, EraseError> {
        let _one = self.inner.erasing.one_at_a_time();
        // Before the plan: a law that comes in between changes its digest, and one that comes later changes nothing of what was shown.
        let strip = self.told_to_vault(person, scope, EraseCause::Asked)?;
        if self.plan_erasure(person, scope, now)?.digest != digest {
            return Err(EraseError::Stale);
        }
        let row = ErasureRow {
            id: EraseId::random()?,
            person: person.clone(),
            scope: scope.clone(),
            cause: EraseCause::Asked,
            asked_at: now,
            due_at: now.plus_millis(grace.millis()),
            state: EraseState::Waiting,
            strip,
            done_at: None,
            vault_id: None,
            proof: None,
            finished_at: None,
        };
        self.write_down(&row, now)?;
        self.hold_back(&row);
        if grace == Grace::None {
            let id = row.id.clone();
            if let Err(err) = self.carry_out(row, true, now) {
                tracing::error!(erasure.id = %id, error = %err, "an erasure is written down and not finished; it is tried again");
                self.look_again_at(&id, now.plus_millis(RETRY_MILLIS));
            }
            return Ok(id);
        }
        Ok(row.id)
    }

    fn write_down(&self, row: &ErasureRow, now: Timestamp) -> Result<(), EraseError> {
        let since = now.plus_millis(-DAY_MILLIS);
        let written = self.inner.db.write(|tx| {
            if rows::erasure::count_since(tx, &row.person, since)? >= MAX_ERASURES_PER_DAY {
                return Err(EraseError::TooMany);
            }
            Ok(rows::erasure::insert(tx, row)?)
        });
        match written {
            // The answer may have been lost, and not what was written.
            Err(EraseError::Db(err)) => {
                let found = self.inner.db.read(|tx| rows::erasure::one(tx, &row.id));
                match found {
                    Ok(Some(_)) => Ok(()),
                    _ => Err(EraseError::Db(err)),
                }
            }
            written => written,
        }
    }

    /// What the vault is to be told beside time, thing and deployment.
    pub(crate) fn told_to_vault(
        &self,
        person: &PersonId,
        scope: &EraseScope,
        cause: EraseCause,
    ) -> Result<Option<Vec<u8>>, EraseError> {
        let laws = self.laws(person, scope)?;
        let strip = scope::description(scope.field(), &laws.told, cause);
        match strip.as_ref().is_some_and(|it| it.len() > MAX_STRIP_BYTES) {
            true => Err(EraseError::TooMuch),
            false => Ok(strip),
        }
    }

    /// From when this returns no recipient gets anything of it.
    pub(super) fn hold_back(&self, row: &ErasureRow) {
        let erasing = &self.inner.erasing;
        erasing.guard.put([row].into_iter());
        erasing.open().insert(row.id.clone(), row.due_at);
        self.prune_retained_of(&row.person);
        if let Err(err) = self.erase_windows_of(row) {
            // Held in memory no more; their rows go when it is carried out.
            tracing::error!(error = %err, "rows of time windows could not be erased yet");
        }
        self.inner.rules.fetch_add(1, Ordering::Release);
        // Whoever was between a permit and a socket has finished when this lock is had.
        let gate = &self.inner.gate;
        drop(gate.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn erase_windows_of(&self, row: &ErasureRow) -> Result<(), rows::RowError> {
        for deployment in self.places_in(&row.person, &row.scope) {
            self.erase_windows(&deployment, &row.id)?;
        }
        Ok(())
    }

    /// Undoes an erasure that waits; false where there is no such one of this person, or it has begun.
    ///
    /// # Errors
    /// When the database fails.
    pub fn undo_erasure(&self, person: &PersonId, id: &EraseId) -> Result<bool, EraseError> {
        let _one = self.inner.erasing.one_at_a_time();
        let undone = self
            .inner
            .db
            .write(|tx| rows::erasure::delete_waiting(tx, person, id))?;
        if undone {
            self.inner.erasing.guard.remove(person, id);
            self.inner.erasing.open().remove(id);
        }
        Ok(undone)
    }

    /// The erasures of a person, newest first, at most [`MAX_ERASURES_SHOWN`]. Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erasures(&self, person: &PersonId) -> Result<Vec<ErasureView>, EraseError> {
        let view = |tx: &mut store::Tx<'_>, row: ErasureRow| -> Result<ErasureView, EraseError> {
            let notices = rows::erasure::notices_of(tx, &row.id)?;
            let entry = match &row.vault_id {
                Some(id) => rows::entry::about(tx, &about(id), 1)?.pop(),
                None => None,
            };
            let position = entry.map(|it| it.position);
            Ok(ErasureView {
                id: row.id,
                scope: row.scope,
                cause: row.cause,
                asked_at: row.asked_at,
                due_at: row.due_at,
                state: row.state,
                erased_at: row.done_at,
                finished_at: row.finished_at,
                proof: row.proof.map(|it| (it, position)),
                notices,
            })
        };
        self.inner.db.read(|tx| {
            let rows = rows::erasure::of(tx, person, MAX_ERASURES_SHOWN)?;
            rows.into_iter().map(|it| view(tx, it)).collect()
        })
    }

    /// Carries out what is due, and finishes what was begun.
    pub(crate) fn tend_erasures(&self, now: Timestamp) -> Result<(), EraseError> {
        let erasing = &self.inner.erasing;
        let _one = erasing.one_at_a_time();
        let mut taken_up = Vec::new();
        let took_up = self.take_up_reapplied(&mut taken_up);
        taken_up.iter().for_each(|it| self.hold_back(it));
        let mut failed = took_up.err().map(EraseError::Rows);
        let due: Vec<EraseId> = {
            let open = erasing.open();
            let due = open.iter().filter(|it| *it.1 <= now);
            due.map(|it| it.0.clone()).collect()
        };
        for id in due {
            if let Err(err) = self.tend(&id, now) {
                self.look_again_at(&id, now.plus_millis(RETRY_MILLIS));
                failed = Some(err);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn tend(&self, id: &EraseId, now: Timestamp) -> Result<(), EraseError> {
        let row = self.inner.db.read(|tx| rows::erasure::one(tx, id))?;
        let Some(row) = row else {
            self.inner.erasing.open().remove(id);
            return Ok(());
        };
        if row.state != EraseState::Erased {
            return self.carry_out(row, false, now);
        }
        let subject = Subject::Person(row.person);
        if row.finished_at.is_none() && self.inner.vault.unfinished_erasure(&subject)? > 0 {
            self.look_again_at(id, now.plus_millis(LOOK_MILLIS));
            return Ok(());
        }
        self.inner
            .db
            .write(|tx| rows::erasure::finish(tx, id, now))?;
        self.inner.erasing.open().remove(id);
        Ok(())
    }

    pub(super) fn look_again_at(&self, id: &EraseId, at: Timestamp) {
        self.inner.erasing.open().insert(id.clone(), at);
    }

    /// Steps 4 to 6. `is_first`: it was asked for just now, so nothing that came in since has to stay.
    pub(super) fn carry_out(
        &self,
        row: ErasureRow,
        is_first: bool,
        now: Timestamp,
    ) -> Result<(), EraseError> {
        let row = ErasureRow {
            state: EraseState::AtWork,
            ..row
        };
        let begun = self
            .inner
            .db
            .write(|tx| rows::erasure::begin(tx, &row.id))?;
        if !begun {
            self.inner.erasing.open().remove(&row.id);
            return Ok(());
        }
        self.inner.erasing.guard.put([&row].into_iter());
        self.put_out(&row, now)?;
        let (proof, looked) = self.erase_in_vault(&row, is_first, now)?;
        // One that was asked for since has read what was still there; one that is asked for from here on finds nothing of it.
        self.delete_export(&row.person)?;
        let notices = self.notices_of_erasure(&row, now)?;
        let vault_id = proof.id.to_string();
        let document = document(&proof, looked, notices.len());
        let entry = Entry {
            at: now,
            kind: EntryKind::DataErased,
            about: about(&vault_id),
            by: BY.to_owned(),
            reason: String::new(),
            document_sha256: Some(document_sha256(document.as_bytes())),
        };
        self.act(now, |act| {
            for notice in &notices {
                rows::erasure::insert_notice(act.tx(), &row.id, notice)?;
            }
            rows::erasure::end(act.tx(), &row.id, &vault_id, &document, now)?;
            if row.cause == EraseCause::Given {
                rows::commons::unlinked(act.tx(), &row.id)?;
            }
            act.record(entry);
            Ok::<_, EraseError>(())
        })?;
        if !notices.is_empty() {
            self.inner.pushes.tell();
        }
        self.look_again_at(&row.id, now.plus_millis(LOOK_MILLIS));
        Ok(())
    }

    /// Everything beside the vault. May be done twice.
    fn put_out(&self, row: &ErasureRow, now: Timestamp) -> Result<(), EraseError> {
        self.prune_retained_of(&row.person);
        self.erase_windows_of(row)?;
        self.delete_export(&row.person)?;
        if row.scope.is_everything() {
            let subject = Subject::Person(row.person.clone());
            let destroyed = self
                .inner
                .db
                .write(|tx| rows::receipt_batch::destroy_key(tx, &subject));
            destroyed?;
            let dropped = self.drop_gifts_of(&row.person, now);
            dropped.map_err(super::plan::gifts_failed)?;
        }
        let is_recent = row.scope.until().is_none_or(|it| it > row.asked_at);
        for deployment in self.places_in(&row.person, &row.scope) {
            let state = deployment.state.load();
            let names = state.may_name(&row.person);
            let catalogue = self.inner.catalogue.load();
            let things = catalogue.things.values().filter(|it| {
                is_recent
                    && it.deployment.id == deployment.id
                    && row.scope.thing().is_none_or(|id| *id == it.id)
            });
            for thing in things {
                let bound = state.bound(thing.number, &Named::Nobody, now);
                let people = bound.as_ref().map(|it| &*it.people).unwrap_or_default();
                if names || people.iter().any(|it| it.person() == Some(&row.person)) {
                    self.missed(thing);
                }
            }
        }
        let whole = row.scope.deployment().is_none();
        if whole {
            let (from, end) = (row.scope.from().unwrap_or(Timestamp::EPOCH), row.end());
            self.inner.db.write(|tx| {
                for destination in rows::destination::of(tx, &row.person)? {
                    for letter in rows::destination::letters(tx, &destination.id)? {
                        if letter.first_at >= from && letter.last_at < end {
                            let id = &destination.id;
                            rows::destination::delete_letter(tx, id, letter.through)?;
                        }
                    }
                }
                Ok::<_, EraseError>(())
            })?;
        }
        Ok(())
    }

    /// Erases, and reads what should be gone; says how much was read.
    fn erase_in_vault(
        &self,
        row: &ErasureRow,
        is_first: bool,
        now: Timestamp,
    ) -> Result<(ErasureProof, Looked), EraseError> {
        let end = Some(row.end());
        // What is asked for without an end, and at once, goes with whole keys.
        let mut until = match (is_first, row.scope.until()) {
            (true, None) => None,
            _ => end,
        };
        let mut proof: Option<ErasureProof> = None;
        for _ in 0..MAX_ROUNDS {
            let erasure = vault::Erasure {
                subject: Subject::Person(row.person.clone()),
                scope: row.scope.for_vault(until, row.strip.clone()),
            };
            let more = self.inner.vault.erase(&erasure, now);
            let more = more.map_err(EraseError::Vault)?;
            let done = proof.get_or_insert(more);
            let mut is_gone = true;
            let told = (&row.scope, row.strip.as_deref());
            let (person, most) = (&row.person, MAX_CHECKED_READINGS);
            let looked = self.each_reading(person, told, most, row.asked_at, |_| {
                is_gone = false;
                false
            })?;
            if is_gone {
                return Ok((done.clone(), looked));
            }
            // A message that had come in before was still being appended.
            until = end;
        }
        Err(EraseError::StillThere)
    }

    /// What each recipient is told: of each thing, what it got.
    fn notices_of_erasure(
        &self,
        row: &ErasureRow,
        now: Timestamp,
    ) -> Result<Vec<ErasureNotice>, EraseError> {
        let got = self.received(&row.person, &row.scope)?;
        type Key = (RecipientId, DeploymentId, ThingId);
        let mut by_thing: BTreeMap<Key, (Vec<String>, Vec<PurposeId>)> = BTreeMap::new();
        for GotRow {
            recipient,
            deployment,
            thing,
            purpose,
            fields,
        } in got
        {
            let known = by_thing.entry((recipient, deployment, thing)).or_default();
            known.0.extend(fields);
            known.1.push(purpose);
        }
        let mut notices = Vec::with_capacity(by_thing.len());
        for ((recipient, deployment, thing), (mut fields, mut purposes)) in by_thing {
            fields.sort();
            fields.dedup();
            purposes.sort();
            purposes.dedup();
            notices.push(ErasureNotice {
                id: EraseId::random()?,
                is_whole: self.is_about_one(&thing, now),
                recipient,
                deployment,
                thing,
                fields,
                purposes,
                from: row.scope.from(),
                until: row.end(),
                told_at: now,
                due_at: now.plus_millis(ERASURE_NOTICE_DAYS * DAY_MILLIS),
                fetched_at: None,
                acknowledged_at: None,
            });
        }
        Ok(notices)
    }

    /// Whether messages of a thing are about one person alone.
    fn is_about_one(&self, thing: &ThingId, now: Timestamp) -> bool {
        let catalogue = self.inner.catalogue.load();
        let Some(thing) = catalogue.things.get(thing) else {
            return false;
        };
        let state = thing.deployment.state.load();
        let bound = state.bound(thing.number, &Named::Nobody, now);
        state.schema.subject_field().is_none() && bound.is_some_and(|it| it.people.len() == 1)
    }

    /// Takes up what the vault has carried out by itself and the rows do not know: after a backup was restored.
    fn take_up_reapplied(&self, taken_up: &mut Vec<ErasureRow>) -> Result<(), RowError> {
        for Reapplied { id, at, erasure } in self.inner.vault.reapplied()? {
            let settle = |tx: &mut Tx<'_>| Vault::settle_reapplied(tx, id);
            let Subject::Person(person) = &erasure.subject else {
                // No copies of it are here.
                self.inner.db.write(settle)?;
                continue;
            };
            // One that only a later release understands waits for it.
            let Some((scope, cause)) = EraseScope::from_vault(&erasure.scope) else {
                continue;
            };
            let row = ErasureRow {
                id: EraseId::random().map_err(|_| no_randomness())?,
                person: person.clone(),
                scope,
                cause,
                asked_at: at,
                due_at: at,
                state: EraseState::AtWork,
                strip: erasure.scope.strip.clone(),
                done_at: None,
                vault_id: None,
                proof: None,
                finished_at: None,
            };
            let known = self
                .inner
                .db
                .read(|tx| rows::erasure::of(tx, person, i64::MAX))?;
            let is_known = known.iter().any(|it| is_same(it, &row));
            self.inner.db.write(|tx| {
                if !is_known {
                    rows::erasure::insert(tx, &row)?;
                }
                if row.scope.is_everything_so_far() {
                    rows::receipt_batch::destroy_key(tx, &erasure.subject)?;
                }
                Ok::<_, RowError>(settle(tx)?)
            })?;
            if is_known {
                continue;
            }
            taken_up.push(row);
        }
        Ok(())
    }

    /// Reads what was asked for, at the start, and what the vault has just carried out again.
    pub(crate) fn load_erasures(&self) -> Result<(), rows::RowError> {
        self.take_up_reapplied(&mut Vec::new())?;
        let rows = self.inner.db.read(rows::erasure::all)?;
        let erasing = &self.inner.erasing;
        erasing.guard.put(rows.iter());
        let mut open = erasing.open();
        for row in rows.iter().filter(|it| it.finished_at.is_none()) {
            open.insert(row.id.clone(), row.due_at);
        }
        Ok(())
    }

    /// Erases what was read back of time windows and is to be erased: the rest is done by the next [`Custody::tick`].
    pub(crate) fn resume_erasures(&self) -> Result<(), rows::RowError> {
        let rows = self.inner.db.read(rows::erasure::all)?;
        let is_open = |it: &&ErasureRow| it.state != EraseState::Erased;
        rows.iter()
            .filter(is_open)
            .try_for_each(|it| self.erase_windows_of(it))
    }
}

/// Whether an erasure that the vault has carried out by itself is one of the rows that is not done: of the same readings, up to the same
/// moment. One that is done was known to the vault's rows before.
fn is_same(known: &ErasureRow, again: &ErasureRow) -> bool {
    let told = |it: &ErasureRow| it.scope.for_vault(None, it.strip.clone());
    let is_open = known.state != EraseState::Erased;
    is_open && told(known) == told(again) && known.end() == again.end()
}

fn no_randomness() -> rows::RowError {
    rows::RowError::Unreadable {
        table: "erasure",
        value: "no randomness for a name".to_owned(),
    }
}

/// What the entry in the record is about: the random name that the vault gave.
fn about(vault_id: &str) -> String {
    format!("erasure:{vault_id}")
}

/// What the person keeps, and whose hash is public. Its name is random, so nobody can guess what a hash is of.
fn document(proof: &ErasureProof, looked: Looked, told: usize) -> String {
    format!(
        r#"{{"v":1,"erasure":"{}","at":"{}","destroyed-keys":{},"masked-keys":{},"kept-keys":{},"own-files":{},"destroyed-sha256":"{}","tries":{},"opened":0,"readings-read":{},"all-read":{},"readings-left":0,"notices":{told}}}"#,
        proof.id,
        proof.at,
        proof.destroyed_keys,
        proof.masked_keys,
        proof.kept_keys,
        proof.own_files,
        HEXLOWER.encode(&proof.digest),
        proof.tries,
        looked.readings,
        looked.is_all,
    )
}
