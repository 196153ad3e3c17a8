//! Parcels: readings on their way to an endpoint, for whoever owns the network.
//!
//! [`Custody::parcels_due`] gives what is to be sent now; for each, [`Custody::parcel_delivered`] or [`Custody::parcel_failed`]
//! says how it went. One parcel of a destination is under way at a time, so its readings arrive in order. A parcel that is dropped
//! without a word is given out again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use model::{DeploymentId, PersonId, Placement, Subject, ThingId, Timestamp};
use rustc_hash::FxHashMap;
use vault::{FollowQuery, Followed, Lsn, Position, StoredReading};

use super::asking::Asking;
use super::letter::{self, Late};
use super::placement::unmarked;
use super::{DestinationId, DestinationState, Endpoint, FailureClass, Secret};
use crate::Custody;
use crate::rows::RowError;
use crate::rows::destination::{self as table, Cursor, DestinationRow};

/// The most readings of a parcel.
const MAX_PARCEL_READINGS: usize = 200;
/// A parcel gets no further reading when it has so many bytes; a single reading may have more.
const MAX_PARCEL_BYTES: usize = 256 * 1024;
/// How many readings of a person are looked at in one step.
const PAGE: usize = 500;
/// How many steps are made for a destination before the others have their turn.
const MAX_PAGES: usize = 4;
/// Between two parcels to a destination: at most ten a second.
const GAP_MILLIS: i64 = 100;
/// The first pause after a failure; it doubles with each one in a row.
const FIRST_PAUSE_MILLIS: i64 = 5_000;
/// The longest pause.
const LONGEST_PAUSE_MILLIS: i64 = 3_600_000;
/// So many failures in a row make a destination paused: it is tried once in the longest pause.
const PAUSED_AFTER: u32 = 8;
/// Readings were decided on a clock that may have been set back since.
const CLOCK_SLACK_MILLIS: i64 = 86_400_000;
const TRANSIT_MILLIS: i64 = Placement::TRANSIT_DAYS as i64 * 86_400_000;

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

/// A destination as the hot path and the couriers have it.
pub(crate) struct Handle {
    id: DestinationId,
    person: PersonId,
    /// The last reading that was appended for it, as a position of this process.
    wanted: AtomicU64,
    state: Mutex<Running>,
}

struct Running {
    cursor: Cursor,
    state: DestinationState,
    again_at: Option<Timestamp>,
    attempts: u32,
    next_attempt_at: Timestamp,
    last_failure: Option<FailureClass>,
    /// Up to here everything that was durable has been looked at.
    scanned: u64,
    /// There may be more behind the cursor, whatever `wanted` says.
    is_behind: bool,
    wants_check: bool,
    is_under_way: bool,
    sent_at: Timestamp,
}

impl Handle {
    pub(crate) fn of(row: &DestinationRow) -> Self {
        Self {
            id: row.id.clone(),
            person: row.person.clone(),
            wanted: AtomicU64::new(0),
            state: Mutex::new(Running {
                cursor: row.cursor,
                state: row.state,
                again_at: row.again_at,
                attempts: row.attempts,
                next_attempt_at: row.next_attempt_at,
                last_failure: row.last_failure,
                scanned: 0,
                is_behind: true,
                // A check that a restart interrupted is made again.
                wants_check: row.state == DestinationState::Unverified
                    && row.last_failure.is_none(),
                is_under_way: false,
                sent_at: Timestamp::EPOCH,
            }),
        }
    }

    pub(crate) fn id(&self) -> &DestinationId {
        &self.id
    }

    pub(super) fn person(&self) -> &PersonId {
        &self.person
    }

    /// A reading for it was appended.
    pub(super) fn wants(&self, lsn: Lsn) {
        self.wanted.fetch_max(lsn.as_u64(), Ordering::AcqRel);
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether readings may wait for it.
    pub(super) fn has_backlog(&self) -> bool {
        let running = self.lock();
        running.state != DestinationState::Unverified
            && (running.is_behind || self.wanted.load(Ordering::Acquire) > running.scanned)
    }

    /// Takes the only place on the way, if there is something to send now.
    fn start(&self, now: Timestamp) -> bool {
        let mut running = self.lock();
        let news = running.is_behind || self.wanted.load(Ordering::Acquire) > running.scanned;
        let sends = running.state != DestinationState::Unverified && news;
        // A clock that was set back must not hold anything up.
        let since = now.as_millis().saturating_sub(running.sent_at.as_millis());
        let is_due = now >= running.next_attempt_at && !(0..GAP_MILLIS).contains(&since);
        let starts = !running.is_under_way && is_due && (running.wants_check || sends);
        running.is_under_way |= starts;
        starts
    }

    /// Takes the only place on the way, to look at what became too late while nothing can be sent.
    fn start_sweep(&self) -> bool {
        if !self.has_backlog() {
            return false;
        }
        let mut running = self.lock();
        let starts = !running.is_under_way;
        running.is_under_way = true;
        starts
    }

    fn sent_at(&self) -> Timestamp {
        self.lock().sent_at
    }

    /// Everything behind a position is sent again, and may be as old as it is.
    pub(super) fn rewind(&self, cursor: Cursor, now: Timestamp) {
        let mut running = self.lock();
        running.cursor = cursor;
        running.again_at = Some(now);
        running.is_behind = true;
        running.next_attempt_at = Timestamp::EPOCH;
    }

    /// The next attempt is now.
    pub(super) fn hurry(&self) {
        let mut running = self.lock();
        running.next_attempt_at = Timestamp::EPOCH;
        running.is_behind = true;
    }

    /// The address is to be checked now.
    pub(super) fn check(&self) {
        let mut running = self.lock();
        running.wants_check = true;
        running.next_attempt_at = Timestamp::EPOCH;
    }

    pub(super) fn is_being_checked(&self) -> bool {
        self.lock().wants_check
    }
}

/// Every destination.
#[derive(Default)]
pub(crate) struct Couriers {
    handles: RwLock<FxHashMap<DestinationId, Arc<Handle>>>,
    pub(super) asking: Asking,
}

impl Couriers {
    pub(crate) fn handle(&self, id: &DestinationId) -> Option<Arc<Handle>> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.get(id).cloned()
    }

    pub(crate) fn insert(&self, handle: Handle) {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        handles.insert(handle.id.clone(), Arc::new(handle));
    }

    pub(crate) fn remove(&self, id: &DestinationId) {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        handles.remove(id);
    }

    fn matching(&self, is_wanted: impl Fn(&Handle) -> bool) -> Vec<Arc<Handle>> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        let matching = handles.values().filter(|it| is_wanted(it));
        matching.cloned().collect()
    }
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
        &self.way.0.id
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
        write!(f, "Parcel(for {})", self.way.0.id)
    }
}

/// What lies behind the cursor of a destination.
struct Scan {
    /// The cursor behind which was looked.
    before: Cursor,
    /// Too late at the front, or not to be opened.
    late: Option<Late>,
    /// Everything up to here is not for the endpoint, or counted in `late`.
    skipped: Cursor,
    readings: Vec<ParcelReading>,
    /// The last of the readings.
    through: Cursor,
    /// There is nothing behind it.
    is_end: bool,
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
                    tracing::error!(destination.id = %handle.id, error = %err, "no parcel can be made for a destination");
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
            .write(|tx| table::failed(tx, &handle.id, state, attempts, next_attempt_at, class))?;
        Ok(())
    }

    fn parcel(&self, way: Way, now: Timestamp) -> Result<Option<Parcel>, ParcelError> {
        let handle = &way.0;
        let Some(row) = self.inner.db.read(|tx| table::one(tx, &handle.id))? else {
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
            way,
        }))
    }

    /// The next readings for a destination, and the cursor before and behind them. Writes down what is too late.
    fn readings_for(
        &self,
        handle: &Handle,
        now: Timestamp,
    ) -> Result<Option<(Contents, Cursor, Cursor)>, ParcelError> {
        for _ in 0..MAX_PAGES {
            // Noted before the vault is asked: what becomes durable meanwhile is looked for again.
            let durable = self.inner.vault.durable().as_u64();
            let scan = self.scan(handle, now)?;
            if !self.skip(handle, &scan)? {
                continue;
            }
            if !scan.readings.is_empty() {
                handle.lock().is_behind = true;
                let contents = Contents::Readings(scan.readings);
                return Ok(Some((contents, scan.skipped, scan.through)));
            }
            if scan.is_end {
                let mut running = handle.lock();
                running.scanned = running.scanned.max(durable);
                running.is_behind = false;
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn scan(&self, handle: &Handle, now: Timestamp) -> Result<Scan, ParcelError> {
        let (cursor, again_at) = {
            let running = handle.lock();
            (running.cursor, running.again_at)
        };
        let page = self.inner.vault.follow(&FollowQuery {
            subject: Subject::Person(handle.person.clone()),
            after: cursor.position,
            from: cursor.at.plus_millis(-CLOCK_SLACK_MILLIS),
            until: now.plus_millis(CLOCK_SLACK_MILLIS),
            limit: PAGE,
            // Those past their retention are counted, and then forgotten.
            now: Timestamp::EPOCH,
        })?;
        let mut scan = Scan {
            before: cursor,
            late: None,
            skipped: cursor,
            readings: Vec::new(),
            through: cursor,
            is_end: page.len() < PAGE,
        };
        let mut bytes = 0_usize;
        for (position, followed) in page {
            let reading = match followed {
                Followed::Reading(reading) => reading,
                Followed::Unopened {
                    readings,
                    first_at,
                    last_at,
                } => {
                    let place = Cursor {
                        position,
                        at: first_at,
                    };
                    let late = Late::unopened(readings, first_at, last_at);
                    if !scan.count(place, late) {
                        break;
                    }
                    continue;
                }
            };
            let place = Cursor {
                position,
                at: reading.at,
            };
            let Some(values) = unmarked(&reading.body, &handle.id) else {
                scan.pass(place);
                continue;
            };
            if is_late(&reading, again_at, now) {
                if !scan.count(place, Late::one(reading.at)) {
                    break;
                }
                continue;
            }
            bytes = bytes.saturating_add(values.len());
            let is_full = scan.readings.len() >= MAX_PARCEL_READINGS || bytes > MAX_PARCEL_BYTES;
            if is_full && !scan.readings.is_empty() {
                break;
            }
            scan.readings.push(reading_of(position, reading, values));
            scan.through = place;
        }
        Ok(scan)
    }

    /// Moves the cursor over what is not for the endpoint, and writes down what is too late for it. False when somebody has moved
    /// the cursor meanwhile: then nothing is written, and it has to be looked again.
    fn skip(&self, handle: &Handle, scan: &Scan) -> Result<bool, ParcelError> {
        let before = scan.before;
        if scan.skipped == before {
            return Ok(true);
        }
        let unopened = scan.late.is_some_and(|it| it.are_unopened);
        let reason = match unopened {
            true => Some(FailureClass::Unopened),
            false => handle.lock().last_failure,
        };
        let moved = self.inner.db.write(|tx| {
            let moved = table::move_cursor(tx, &handle.id, before, scan.skipped)?;
            if let Some(late) = scan.late.as_ref().filter(|_| moved) {
                let through = scan.skipped.position;
                letter::write(tx, &handle.id, before, through, late, reason)?;
            }
            Ok::<_, RowError>(moved)
        })?;
        match moved {
            true => handle.move_from(before, scan.skipped),
            false => self.agree(handle)?,
        }
        if moved && unopened {
            tracing::error!(
                destination.id = %handle.id,
                "readings of a person do not open: a dead letter counts them; restore the tables `vault_block` and `vault_epoch_key` \
                 or the segments from a backup"
            );
        }
        Ok(moved)
    }

    /// Puts the cursor where the row says it is.
    fn agree(&self, handle: &Handle) -> Result<(), ParcelError> {
        if let Some(row) = self.inner.db.read(|tx| table::one(tx, &handle.id))? {
            let mut running = handle.lock();
            running.cursor = row.cursor;
            running.again_at = row.again_at;
            running.is_behind = true;
        }
        Ok(())
    }

    /// The endpoint has taken a parcel. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails; the parcel is then sent again.
    pub fn parcel_delivered(&self, parcel: Parcel, now: Timestamp) -> Result<(), ParcelError> {
        let handle = &parcel.way.0;
        let moved = self.inner.db.write(|tx| {
            table::delivered(tx, &handle.id, now)?;
            table::move_cursor(tx, &handle.id, parcel.before, parcel.through)
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
            destination.id = %handle.id,
            failure = class.as_str(),
            attempts,
            "a destination of a person did not take a parcel"
        );
        self.inner
            .db
            .write(|tx| table::failed(tx, &handle.id, state, attempts, next_attempt_at, class))?;
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

impl Handle {
    /// Moves the cursor, unless somebody has moved it meanwhile.
    fn move_from(&self, before: Cursor, after: Cursor) {
        let mut running = self.lock();
        if running.cursor == before {
            running.cursor = after;
        }
    }
}

impl Scan {
    /// A reading that is not sent: the cursor may stand behind it, as long as nothing before it is to be sent.
    fn pass(&mut self, place: Cursor) {
        if self.readings.is_empty() {
            self.skipped = place;
        }
        self.through = place;
    }

    /// Counts what is not sent, at the front; false where it has to be at the front of the next scan.
    fn count(&mut self, place: Cursor, late: Late) -> bool {
        let counted = self.readings.is_empty() && Late::add(&mut self.late, late);
        if counted {
            self.pass(place);
        } else {
            self.is_end = false;
        }
        counted
    }
}

fn reading_of(position: Position, reading: StoredReading, values: Vec<u8>) -> ParcelReading {
    ParcelReading {
        id: format!("{:010}-{:010}", position.segment, position.index),
        at: reading.at,
        deployment: reading.deployment,
        thing: reading.thing,
        values,
    }
}

/// Whether a reading is past its retention, or has waited longer than it may.
fn is_late(reading: &StoredReading, again_at: Option<Timestamp>, now: Timestamp) -> bool {
    let kept_millis = i64::from(reading.retention.as_days()) * 86_400_000;
    let since = again_at.map_or(reading.at, |it| it.max(reading.at));
    now >= reading.at.plus_millis(kept_millis) || now >= since.plus_millis(TRANSIT_MILLIS)
}

fn pause_millis(attempts: u32, jitter: u16) -> i64 {
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
