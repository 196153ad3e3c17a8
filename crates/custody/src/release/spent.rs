//! What was spent on people within a year, also what nobody here remembers.
//!
//! Rows out of a backup have forgotten what was released between the backup and the restore: which figures, and who was in them. Each
//! person is charged the most that it can have been. At no moment may a year have cost a person more than [`PERSON_YEAR_EPSILON`], so
//! what is forgotten is no more than that, less what the rows know of the year before the restore. It is charged until that year is over.
//! Where the clock shows a time before the restore, everything is.

use model::{PersonId, Timestamp};
use rustc_hash::FxHashMap;
use statistics::budget::Epsilon;
use store::Tx;

use super::{PERSON_YEAR_EPSILON, PERSON_YEAR_MILLIS, epsilon};
use crate::rows::{self, RowError};

const FOREVER: Timestamp = Timestamp::from_millis(i64::MAX);

fn all() -> i64 {
    i64::try_from(PERSON_YEAR_EPSILON.as_micro()).unwrap_or(i64::MAX)
}

fn year_before(moment: Timestamp) -> Timestamp {
    moment.plus_millis(-PERSON_YEAR_MILLIS)
}

/// The last restore, as long as what it has forgotten counts.
fn restored(tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Timestamp>, RowError> {
    let latest = rows::restored::latest(tx)?;
    Ok(latest.filter(|it| *it > year_before(now)))
}

/// The most that can be forgotten of a person, in millionths: `known` is what the rows know of the year before the restore.
fn forgotten(restored: Timestamp, known: i64, now: Timestamp) -> i64 {
    match now < restored {
        true => all(),
        false => all().saturating_sub(known).max(0),
    }
}

fn sum(known: i64, forgotten: i64) -> Epsilon {
    epsilon(known.saturating_add(forgotten).min(all()))
}

/// What was spent on everybody.
pub(super) struct Spent {
    now: Timestamp,
    known: FxHashMap<PersonId, i64>,
    /// When the rows came out of a backup, and what they knew of the year before.
    restored: Option<(Timestamp, FxHashMap<PersonId, i64>)>,
}

impl Spent {
    /// Reads it.
    pub(super) fn read(tx: &mut Tx<'_>, now: Timestamp) -> Result<Self, RowError> {
        let known = rows::release::spent_by_people(tx, (year_before(now), FOREVER))?;
        let restored = match restored(tx, now)? {
            None => None,
            Some(at) => Some((
                at,
                rows::release::spent_by_people(tx, (year_before(at), at))?,
            )),
        };
        Ok(Self {
            now,
            known,
            restored,
        })
    }

    /// What was spent on a person within the year.
    pub(super) fn on(&self, person: &PersonId) -> Epsilon {
        let of = |it: &FxHashMap<PersonId, i64>| it.get(person).copied().unwrap_or(0);
        let forgotten = self
            .restored
            .as_ref()
            .map_or(0, |(at, known)| forgotten(*at, of(known), self.now));
        sum(of(&self.known), forgotten)
    }
}

/// What was spent on one person.
pub(super) struct SpentOnOne {
    /// Within the year.
    pub(super) spent: Epsilon,
    /// When the first of it comes back.
    pub(super) renews_at: Option<Timestamp>,
    /// The restore that has forgotten some of it.
    pub(super) restored_at: Option<Timestamp>,
}

impl SpentOnOne {
    /// Reads it.
    pub(super) fn read(
        tx: &mut Tx<'_>,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<Self, RowError> {
        let year = (year_before(now), FOREVER);
        let (known, oldest) = rows::release::spent_by(tx, person, year)?;
        let mut found = (None, 0);
        if let Some(at) = restored(tx, now)? {
            let (before, _) = rows::release::spent_by(tx, person, (year_before(at), at))?;
            let forgotten = forgotten(at, before, now);
            found = ((forgotten > 0).then_some(at), forgotten);
        }
        let (restored_at, forgotten) = found;
        let first = [oldest, restored_at].into_iter().flatten().min();
        Ok(Self {
            spent: sum(known, forgotten),
            renews_at: first.map(|it| it.plus_millis(PERSON_YEAR_MILLIS)),
            restored_at,
        })
    }
}
