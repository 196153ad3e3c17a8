//! What lies behind the cursor of a destination, and how the cursor moves over it.

use model::{Placement, Subject, Timestamp};
use vault::{FollowQuery, Followed, Position, StoredReading};

use super::{Contents, MAX_PAGES, ParcelError, ParcelReading};
use crate::Custody;
use crate::destination::FailureClass;
use crate::destination::handle::Handle;
use crate::destination::letter::{self, Late};
use crate::destination::placement::unmarked;
use crate::rows::RowError;
use crate::rows::destination::{self as table, Cursor};

/// The most readings of a parcel.
const MAX_PARCEL_READINGS: usize = 200;
/// A parcel gets no further reading when it has so many bytes; a single reading may have more.
const MAX_PARCEL_BYTES: usize = 256 * 1024;
/// How many readings of a person are looked at in one step.
const PAGE: usize = 500;
/// Readings were decided on a clock that may have been set back since.
const CLOCK_SLACK_MILLIS: i64 = 86_400_000;
const TRANSIT_MILLIS: i64 = Placement::TRANSIT_DAYS as i64 * 86_400_000;

/// What lies behind the cursor of a destination.
pub(super) struct Scan {
    /// The cursor behind which was looked.
    before: Cursor,
    /// Too late at the front, or not to be opened.
    late: Option<Late>,
    /// Everything up to here is not for the endpoint, or counted in `late`.
    skipped: Cursor,
    pub(super) readings: Vec<ParcelReading>,
    /// The last of the readings.
    through: Cursor,
    /// There is nothing behind it.
    pub(super) is_end: bool,
}

impl Custody {
    /// The next readings for a destination, and the cursor before and behind them. Writes down what is too late.
    pub(super) fn readings_for(
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

    pub(super) fn scan(&self, handle: &Handle, now: Timestamp) -> Result<Scan, ParcelError> {
        let (cursor, again_at) = {
            let running = handle.lock();
            (running.cursor, running.again_at)
        };
        let page = self.inner.vault.follow(&FollowQuery {
            subject: Subject::Person(handle.person().clone()),
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
            let Some(values) = unmarked(&reading.body, handle.id()) else {
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
    pub(super) fn skip(&self, handle: &Handle, scan: &Scan) -> Result<bool, ParcelError> {
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
            let moved = table::move_cursor(tx, handle.id(), before, scan.skipped)?;
            if let Some(late) = scan.late.as_ref().filter(|_| moved) {
                let through = scan.skipped.position;
                letter::write(tx, handle.id(), before, through, late, reason)?;
            }
            Ok::<_, RowError>(moved)
        })?;
        match moved {
            true => handle.move_from(before, scan.skipped),
            false => self.agree(handle)?,
        }
        if moved && unopened {
            tracing::error!(
                destination.id = %handle.id(),
                "readings of a person do not open: a dead letter counts them; restore the tables `vault_block` and `vault_epoch_key` \
                 or the segments from a backup"
            );
        }
        Ok(moved)
    }

    /// Puts the cursor where the row says it is.
    pub(super) fn agree(&self, handle: &Handle) -> Result<(), ParcelError> {
        if let Some(row) = self.inner.db.read(|tx| table::one(tx, handle.id()))? {
            let mut running = handle.lock();
            running.cursor = row.cursor;
            running.again_at = row.again_at;
            running.is_behind = true;
        }
        Ok(())
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
