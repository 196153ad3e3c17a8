//! Parcels: readings on their way to an endpoint, for whoever owns the network.
//!
//! [`Custody::parcels_due`] gives what is to be sent now; for each, [`Custody::parcel_delivered`] or [`Custody::parcel_failed`]
//! says how it went. One parcel of a destination is under way at a time, so its readings arrive in order. A parcel that is dropped
//! without a word is given out again.

mod cursor;

use std::sync::Arc;

use model::{DeploymentId, ThingId, Timestamp};

use super::handle::Handle;
use super::{DestinationId, DestinationState, Endpoint, FailureClass, Secret};
use crate::Custody;
use crate::rows::RowError;
use crate::rows::destination::{self as table, Cursor};

/// How many steps are made for a destination before the others have their turn.
const MAX_PAGES: usize = 4;
/// The first pause after a failure; it doubles with each one in a row.
const FIRST_PAUSE_MILLIS: i64 = 5_000;
/// The longest pause.
const LONGEST_PAUSE_MILLIS: i64 = 3_600_000;
/// So many failures in a row make a destination paused: it is tried once in the longest pause.
const PAUSED_AFTER: u32 = 8;

/// Why parcels could not be made, or not be written down.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// The vault.
    #[error("the readings could not be opened")]
    Vault(#[from] vault::ReadError),
    /// The rows.
    #[error("the destinations could not be read or written")]
    Rows(#[from] RowError),
    /// The database.
    #[error("the destinations could not be read or written")]
    Db(#[from] store::DbError),
    /// The sealed address.
    #[error("the address of the destination `{0}` does not open: is this the right root key?")]
    Sealed(DestinationId),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
}

/// One reading of a person, as it was decided that it may be kept for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParcelReading {
    /// Stays the same when the reading is sent again.
    pub id: String,
    /// When it came in.
    pub at: Timestamp,
    /// From which deployment.
    pub deployment: DeploymentId,
    /// From which thing.
    pub thing: ThingId,
    /// The declared values that passed, as JSON, the same as on the person's timeline.
    pub values: Vec<u8>,
}

impl ParcelReading {
    /// Appends it as one JSON object without a line break.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        // Identifiers and times have no character that JSON escapes.
        let head = format!(
            r#"{{"id":"{}","at":"{}","deployment":"{}","thing":"{}","values":"#,
            self.id, self.at, self.deployment, self.thing
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&self.values);
        out.push(b'}');
    }
}

/// What a parcel holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// The endpoint is asked whether it belongs to the person: a webhook sends the token back, others take a test.
    Check {
        /// Random, for this attempt only.
        token: String,
    },
    /// Readings, in the order in which they came in; at least one.
    Readings(Vec<ParcelReading>),
}

/// Something to send to one endpoint. While it lives, the destination gets no other.
pub struct Parcel {
    endpoint: Endpoint,
    secret: Secret,
    contents: Contents,
    before: Cursor,
    through: Cursor,
    /// How many erasures of the person had begun when it was made.
    erasures: usize,
    way: Way,
}

/// The only place on the way to a destination; given back when it is dropped.
struct Way(Arc<Handle>);

impl Drop for Way {
    fn drop(&mut self) {
        self.0.lock().is_under_way = false;
    }
}

impl Parcel {
    /// To which destination.
    #[must_use]
    pub fn destination(&self) -> &DestinationId {
        self.way.0.id()
    }

    /// Where that is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its password or key.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What to send.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }
}

impl std::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parcel(for {})", self.way.0.id())
    }
}

impl Custody {
    /// At most `limit` parcels that are to be sent now, those first whose destinations waited longest. A destination for which none
    /// can be made is passed over and logged. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails, or there is no randomness. Parcels that were made before the failure are given out the next time.
    pub fn parcels_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Parcel>, ParcelError> {
        let mut due = self.inner.couriers.matching(|it| {
            let running = it.lock();
            !running.is_under_way && now >= running.next_attempt_at
        });
        due.sort_by_key(|it| it.sent_at());
        let mut parcels = Vec::new();
        for handle in due {
            if parcels.len() >= limit {
                break;
            }
            if !handle.start(now) {
                continue;
            }
            match self.parcel(Way(Arc::clone(&handle)), now) {
                Ok(parcel) => parcels.extend(parcel),
                // What is wrong with one destination, or the readings of one person, holds up nobody else.
                Err(err @ (ParcelError::Vault(_) | ParcelError::Sealed(_))) => {
                    tracing::error!(destination.id = %handle.id(), error = %err, "no parcel can be made for a destination");
                    self.unopened(&handle, now)?;
                }
                Err(err) => return Err(err),
            }
        }
        Ok(parcels)
    }

    /// Writes down that nothing can be made for a destination, for its person to see; it is tried again after the longest pause.
    fn unopened(&self, handle: &Handle, now: Timestamp) -> Result<(), ParcelError> {
        let class = FailureClass::Unopened;
        let next_attempt_at = now.plus_millis(LONGEST_PAUSE_MILLIS);
        let (state, attempts) = {
            let mut running = handle.lock();
            running.attempts = running.attempts.saturating_add(1);
            if running.state != DestinationState::Unverified {
                running.state = DestinationState::Paused;
            }
            running.next_attempt_at = next_attempt_at;
            running.last_failure = Some(class);
            // The person asks again when they think that it can be opened.
            running.wants_check = false;
            (running.state, running.attempts)
        };
        self.inner
            .db
            .write(|tx| table::failed(tx, handle.id(), state, attempts, next_attempt_at, class))?;
        Ok(())
    }

    /// Whether a parcel may still be sent: nothing of its person was erased since it was made. One that may not is dropped, and made
    /// anew of what is left. Ask right before it is sent.
    #[must_use]
    pub fn parcel_stands(&self, parcel: &Parcel) -> bool {
        self.inner.erasing.guard.begun(parcel.way.0.person()) == parcel.erasures
    }

    fn parcel(&self, way: Way, now: Timestamp) -> Result<Option<Parcel>, ParcelError> {
        let handle = &way.0;
        // Before the readings are read.
        let erasures = self.inner.erasing.guard.begun(handle.person());
        let Some(row) = self.inner.db.read(|tx| table::one(tx, handle.id()))? else {
            return Ok(None);
        };
        let (wants_check, before) = {
            let running = handle.lock();
            (running.wants_check, running.cursor)
        };
        let opened = self
            .inner
            .secrets
            .open(&row.id, &row.person, &row.sealed)
            .map_err(|_| ParcelError::Sealed(row.id.clone()))?;
        let found = if wants_check {
            let token = crate::secret::Token::random()?;
            let token = token.expose_secret().to_owned();
            Some((Contents::Check { token }, before, before))
        } else {
            self.readings_for(handle, now)?
        };
        let Some((contents, before, through)) = found else {
            return Ok(None);
        };
        handle.lock().sent_at = now;
        Ok(Some(Parcel {
            endpoint: opened.0,
            secret: opened.1,
            contents,
            before,
            through,
            erasures,
            way,
        }))
    }

    /// The endpoint has taken a parcel. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails; the parcel is then sent again.
    pub fn parcel_delivered(&self, parcel: Parcel, now: Timestamp) -> Result<(), ParcelError> {
        let handle = &parcel.way.0;
        let moved = self.inner.db.write(|tx| {
            table::delivered(tx, handle.id(), now)?;
            table::move_cursor(tx, handle.id(), parcel.before, parcel.through)
        })?;
        match moved {
            true => handle.move_from(parcel.before, parcel.through),
            false => self.agree(handle)?,
        }
        let mut running = handle.lock();
        running.state = DestinationState::Working;
        running.attempts = 0;
        running.next_attempt_at = Timestamp::EPOCH;
        running.last_failure = None;
        if matches!(parcel.contents, Contents::Check { .. }) {
            running.wants_check = false;
        }
        Ok(())
    }

    /// The endpoint has not taken a parcel, or nobody knows. It is tried again after a pause of which `jitter` (0 to 1,000) lengthens
    /// the second half; a check is not, the person asks for it again. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails; the pause holds all the same.
    pub fn parcel_failed(
        &self,
        parcel: Parcel,
        class: FailureClass,
        jitter: u16,
        now: Timestamp,
    ) -> Result<(), ParcelError> {
        let handle = &parcel.way.0;
        let (state, attempts, next_attempt_at) = {
            let mut running = handle.lock();
            running.attempts = running.attempts.saturating_add(1);
            running.state = match running.state {
                DestinationState::Unverified => DestinationState::Unverified,
                _ if running.attempts >= PAUSED_AFTER => DestinationState::Paused,
                _ => DestinationState::Failing,
            };
            running.next_attempt_at = now.plus_millis(pause_millis(running.attempts, jitter));
            running.last_failure = Some(class);
            if matches!(parcel.contents, Contents::Check { .. }) {
                running.wants_check = false;
            }
            (running.state, running.attempts, running.next_attempt_at)
        };
        tracing::info!(
            destination.id = %handle.id(),
            failure = class.as_str(),
            attempts,
            "a destination of a person did not take a parcel"
        );
        self.inner
            .db
            .write(|tx| table::failed(tx, handle.id(), state, attempts, next_attempt_at, class))?;
        Ok(())
    }

    /// Writes down what became too late for destinations that take nothing, before the vault drops it.
    pub(crate) fn sweep_parcels(&self, now: Timestamp) -> Result<(), ParcelError> {
        for handle in self.inner.couriers.matching(Handle::has_backlog) {
            if !handle.start_sweep() {
                continue;
            }
            let way = Way(handle);
            for _ in 0..MAX_PAGES {
                let scan = match self.scan(&way.0, now) {
                    Ok(scan) => scan,
                    // The others have their turn; parcels say what is wrong here.
                    Err(ParcelError::Vault(_)) => break,
                    Err(err) => return Err(err),
                };
                let moved = self.skip(&way.0, &scan)?;
                if !moved || !scan.readings.is_empty() || scan.is_end {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The pause after so many failures in a row, of which `jitter` (0 to 1,000) lengthens the second half.
pub(crate) fn pause_millis(attempts: u32, jitter: u16) -> i64 {
    let doublings = attempts.saturating_sub(1).min(20);
    let whole = FIRST_PAUSE_MILLIS
        .saturating_mul(1_i64 << doublings)
        .min(LONGEST_PAUSE_MILLIS);
    let half = whole / 2;
    let whole = if attempts >= PAUSED_AFTER {
        LONGEST_PAUSE_MILLIS / 2
    } else {
        half
    };
    whole + whole * i64::from(jitter.min(1_000)) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_keep_their_half() {
        assert_eq!(pause_millis(1, 0), 2_500);
        assert_eq!(pause_millis(1, 1_000), 5_000);
        assert_eq!(pause_millis(2, 1_000), 10_000);
        assert_eq!(pause_millis(7, 1_000), 320_000);
        assert_eq!(pause_millis(PAUSED_AFTER, 0), LONGEST_PAUSE_MILLIS / 2);
        assert_eq!(pause_millis(u32::MAX, u16::MAX), LONGEST_PAUSE_MILLIS);
    }
}
