//! Asks witnesses to cosign the record (C2SP `tlog-witness`): when it grew, and every hour so that everybody sees that they still watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use custody::{CosignedError, Custody, LedgerError, RecordWitness, WitnessAlarm};
use model::Timestamp;
use record::{MAX_ADD_CHECKPOINT_BYTES, Note, NoteSignature};
use tokio::time::MissedTickBehavior;
use ureq::Agent;

use super::every::{Rhythm, every};
use crate::clock;
use crate::config::RecordWitnesses;
use crate::lifecycle::Stopping;

/// How often somebody looks whether there is something to ask.
const RHYTHM: Rhythm = Rhythm {
    period: Duration::from_secs(2),
    missed: MissedTickBehavior::Skip,
};
/// How long a witness may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often a witness is asked although nothing is new, in milliseconds.
const AGAIN_MILLIS: i64 = 3_600_000;
/// How long to wait after a failure; twice as long after each further one.
const PATIENCE_MILLIS: i64 = 10_000;
/// At most so long.
const MAX_PATIENCE_MILLIS: i64 = 3_600_000;
/// A record is asked about at most so often, in milliseconds.
const LEAST_MILLIS: i64 = 2_000;

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum AskError {
    /// No answer.
    #[error("no answer")]
    Request(#[from] Box<ureq::Error>),
    /// An answer that is no cosignature.
    #[error("it answers with status {0}")]
    Status(u16),
    /// A cosignature that is none.
    #[error("its answer is no cosignature")]
    Answer(#[source] record::NoteError),
    /// It cannot be kept.
    #[error(transparent)]
    Kept(#[from] CosignedError),
    /// Our own record.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What is remembered of a witness while the server runs.
#[derive(Default)]
struct Memory {
    failures: u32,
    not_before: Option<Timestamp>,
}

struct Asker {
    custody: Custody,
    agent: Agent,
    witnesses: RecordWitnesses,
    memory: Mutex<HashMap<String, Memory>>,
}

/// Asks until it is time to stop.
pub(super) async fn run(custody: Custody, witnesses: RecordWitnesses, stopping: Stopping) {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT))
        .build();
    let asker = Arc::new(Asker {
        custody,
        agent: config.into(),
        witnesses,
        memory: Mutex::default(),
    });
    every(RHYTHM, stopping, move |_| asker.turn()).await;
}

impl Asker {
    fn turn(&self) -> Result<(), LedgerError> {
        let size = self.custody.record_size()?.0;
        for known in self.custody.record_witnesses()? {
            let now = clock::now();
            if self.is_due(&known, size, now) {
                self.ask_one(&known, now);
            }
        }
        Ok(())
    }

    fn is_due(&self, known: &RecordWitness, size: u64, now: Timestamp) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = memory.get(&known.key);
        if memory
            .and_then(|it| it.not_before)
            .is_some_and(|it| now < it)
        {
            return false;
        }
        let again = known.cosigned_at.map(|it| it.plus_millis(AGAIN_MILLIS));
        known.size != size || known.alarm.is_some() || again.is_none_or(|it| it <= now)
    }

    fn ask_one(&self, known: &RecordWitness, now: Timestamp) {
        let asked = self.ask(known, now);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = memory.entry(known.key.clone()).or_default();
        let wait = match asked {
            Ok(true) => {
                memory.failures = 0;
                LEAST_MILLIS
            }
            Ok(false) => {
                memory.failures = memory.failures.saturating_add(1);
                patience(memory.failures)
            }
            Err(err) => {
                // Once, not each time: it is asked again anyway.
                if memory.failures == 0 {
                    let error = anyhow::Error::new(err);
                    tracing::warn!("the witness `{}` did not cosign: {error:#}", known.name);
                }
                memory.failures = memory.failures.saturating_add(1);
                patience(memory.failures)
            }
        };
        memory.not_before = Some(now.plus_millis(wait));
    }

    /// Whether the witness cosigned.
    fn ask(&self, known: &RecordWitness, now: Timestamp) -> Result<bool, AskError> {
        let Some((witness, url)) = self.witnesses.of(&known.key) else {
            return Ok(false);
        };
        let mut old_size = known.size;
        for _ in 0..2 {
            let Some(request) = self.custody.witness_request(old_size)? else {
                self.raise(witness, WitnessAlarm::Larger, now)?;
                return Ok(false);
            };
            let address = format!("{}/add-checkpoint", url.trim_end_matches('/'));
            let sent = self.agent.post(&address).send(request.to_string());
            let mut answer = sent.map_err(Box::new)?;
            let body = answer.body_mut().with_config();
            let body = body.limit(MAX_ADD_CHECKPOINT_BYTES as u64).read_to_vec();
            let body = body.map_err(Box::new)?;
            match answer.status().as_u16() {
                200 => {
                    let lines = NoteSignature::parse_lines(&body).map_err(AskError::Answer)?;
                    let mut note: Note = request.note;
                    for line in lines {
                        note.add(line).map_err(AskError::Answer)?;
                    }
                    self.custody.cosigned(witness, &note)?;
                    return Ok(true);
                }
                409 => {
                    let size = String::from_utf8_lossy(&body).trim().parse();
                    old_size = size.map_err(|_| AskError::Status(409))?;
                }
                422 => {
                    self.raise(witness, WitnessAlarm::Other, now)?;
                    return Ok(false);
                }
                status => return Err(AskError::Status(status)),
            }
        }
        Err(AskError::Status(409))
    }

    fn raise(
        &self,
        witness: &record::WitnessVerifier,
        alarm: WitnessAlarm,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        if self.custody.witness_alarm(witness, alarm, now)? {
            let what = match alarm {
                WitnessAlarm::Larger => {
                    "has cosigned a larger record under our key than the one here"
                }
                WitnessAlarm::Other => {
                    "has cosigned another record under our key than the one here"
                }
            };
            tracing::error!(
                "the witness `{}` {what}: either an older copy of the data was put back, or somebody else signs with the key of this record; see docs/how-to/witness-the-record.md",
                witness.name()
            );
        }
        Ok(())
    }
}

fn patience(failures: u32) -> i64 {
    let doubled = failures.saturating_sub(1).min(20);
    PATIENCE_MILLIS
        .saturating_mul(1_i64 << doubled)
        .min(MAX_PATIENCE_MILLIS)
}
