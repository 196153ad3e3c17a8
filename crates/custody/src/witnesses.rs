//! Who cosigns the record (C2SP `tlog-witness`): what is asked of witnesses, and what they answered.
//!
//! A witness cosigns a checkpoint only if the record grew from the one that it cosigned before. What it gives is kept in a row, and added to
//! the published checkpoint while that is still the same tree. An alarm stands while a witness says that it knows another or a larger record
//! under our key: then somebody signed a second history, or a copy from before was put back and went on.

use model::Timestamp;
use record::{AddCheckpoint, Checkpoint, Note, NoteError, WitnessVerifier};

use crate::Custody;
use crate::ledger::{CHECKPOINT_PATH, LedgerError};
use crate::open::writer;
use crate::rows;

/// The most witnesses that are asked.
pub const MAX_RECORD_WITNESSES: usize = 16;

/// What is wrong between the record and a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WitnessAlarm {
    /// It has cosigned a larger record than this one.
    Larger,
    /// What it has cosigned is not the beginning of this record.
    Other,
}

impl WitnessAlarm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Larger, Self::Other];

    /// The word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Larger => "larger",
            Self::Other => "other",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// A witness of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordWitness {
    /// Its key, as a C2SP verifier key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// How many entries the record had that it cosigned last; 0 when it has cosigned nothing yet.
    pub size: u64,
    /// When, by its own clock.
    pub cosigned_at: Option<Timestamp>,
    /// What is wrong.
    pub alarm: Option<WitnessAlarm>,
    /// Since when.
    pub alarm_at: Option<Timestamp>,
}

/// Why what a witness answered cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum CosignedError {
    /// Not its signature, or of something else.
    #[error("the answer is not the signature of this witness on our checkpoint")]
    Signature(#[source] NoteError),
    /// The note.
    #[error("the checkpoint has no room for another signature")]
    Full(#[source] NoteError),
    /// The checkpoint is none of ours.
    #[error("the signed text is no checkpoint of this record")]
    Foreign,
    /// The rows.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Custody {
    /// Says who is asked from now on. Of a witness that was asked before it is still known what it cosigned.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_record_witnesses(&self, witnesses: &[WitnessVerifier]) -> Result<(), LedgerError> {
        let keys: Vec<_> = witnesses.iter().map(ToString::to_string).collect();
        Ok(self
            .inner
            .db
            .write(|tx| rows::record_witness::set_asked(tx, &keys))?)
    }

    /// The witnesses that are asked, by their keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_witnesses(&self) -> Result<Vec<RecordWitness>, LedgerError> {
        Ok(self.inner.db.read(rows::record_witness::asked)?)
    }

    /// The last checkpoint that a witness cosigned, as a signed note with its signature.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cosigned_by(&self, key: &str) -> Result<Option<String>, LedgerError> {
        Ok(self
            .inner
            .db
            .read(|tx| rows::record_witness::note(tx, key))?)
    }

    /// What to ask a witness that cosigned `old_size` entries last: the checkpoint of now, and the proof that it grew from there. `None`
    /// when the record is smaller than that. Blocks on the database.
    ///
    /// # Errors
    /// When the database fails or the record does not hold together.
    pub fn witness_request(&self, old_size: u64) -> Result<Option<AddCheckpoint>, LedgerError> {
        self.with_record(|files, signer, head| {
            let broken = |err: &dyn std::fmt::Display| LedgerError::Log(err.to_string());
            let checkpoint = record::checkpoint(files, signer.verifier())
                .map_err(|err| broken(&err))?
                .ok_or_else(|| broken(&"there is no checkpoint"))?;
            if checkpoint.size < old_size {
                return Ok(None);
            }
            let path = match old_size {
                0 => Vec::new(),
                old => {
                    let proof = record::consistency_proof(files, &checkpoint, old);
                    proof.map_err(|err| broken(&err))?.path
                }
            };
            Ok(Some(AddCheckpoint {
                old_size,
                path,
                // Only the signature of the log is asked about.
                note: Note::sign(head.unverified_text(), signer).map_err(|err| broken(&err))?,
            }))
        })
    }

    /// Keeps the cosignature of a witness, and publishes it with the checkpoint while that is the newest.
    ///
    /// # Errors
    /// See [`CosignedError`].
    pub fn cosigned(&self, witness: &WitnessVerifier, note: &Note) -> Result<(), CosignedError> {
        let at = witness
            .cosigned_at(note)
            .map_err(CosignedError::Signature)?;
        let text = note
            .verify(self.inner.signer.verifier())
            .map_err(CosignedError::Signature)?;
        let checkpoint = Checkpoint::parse(text).map_err(|_| CosignedError::Foreign)?;
        let at = i64::try_from(at).unwrap_or(i64::MAX / 1_000);
        let at = Timestamp::from_millis(at.saturating_mul(1_000));
        let key = witness.to_string();
        let mut published = writer(&self.inner);
        let files = self.inner.db.write(|tx| {
            let whole = note.to_string();
            rows::record_witness::cosigned(tx, &key, checkpoint.size, &whole, at)
                .map_err(LedgerError::from)?;
            let head = rows::entry::file(tx, CHECKPOINT_PATH).map_err(LedgerError::from)?;
            let head = Note::parse(&head.unwrap_or_default());
            let Some(head) = head.ok().filter(|it| it.unverified_text() == text) else {
                return Ok(Vec::new());
            };
            // One line of each witness: the newest.
            let mut renewed = Note::sign(text, &self.inner.signer).map_err(CosignedError::Full)?;
            let is_its = |line: &&record::NoteSignature| {
                (line.name(), line.key_id()) == (witness.name(), witness.key_id())
            };
            let log = self.inner.signer.verifier();
            let others = head
                .signatures()
                .iter()
                .filter(|it| !is_its(it) && (it.name(), it.key_id()) != (log.name(), log.key_id()));
            for line in others.chain(note.signatures().iter().filter(is_its)) {
                renewed.add(line.clone()).map_err(CosignedError::Full)?;
            }
            let bytes = renewed.to_string().into_bytes();
            rows::entry::put_file(tx, CHECKPOINT_PATH, &bytes).map_err(LedgerError::from)?;
            Ok::<_, CosignedError>(vec![(CHECKPOINT_PATH.to_owned(), bytes)])
        })?;
        if !files.is_empty() {
            self.publish(&mut published, files);
        }
        Ok(())
    }

    /// Notes that a witness knows another or a larger record. Gives whether that is new.
    ///
    /// # Errors
    /// When the database fails.
    pub fn witness_alarm(
        &self,
        witness: &WitnessVerifier,
        alarm: WitnessAlarm,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let key = witness.to_string();
        Ok(self
            .inner
            .db
            .write(|tx| rows::record_witness::set_alarm(tx, &key, alarm, now))?)
    }
}

impl From<store::DbError> for CosignedError {
    fn from(err: store::DbError) -> Self {
        Self::Ledger(err.into())
    }
}
