//! Readings that come back from elsewhere, with the times they had: out of a file that a person took along, for example.
//!
//! What was erased here stays erased. A reading that a tombstone of its subject covers, and that was made before it, is not appended; of a
//! reading of which something was erased only the rest is. The file of erasures is held meanwhile, so no erasure comes in between.

use model::Timestamp;

use crate::erase::EraseError;
use crate::keys::mask::{Scope, left, row_of};
use crate::log::{AppendError, Log, Lsn};
use crate::reading::{Reading, StoredReading};

/// What became of readings that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameBack {
    /// They are kept once [`Vault::durable`](crate::Vault::durable) has reached this position.
    pub lsn: Lsn,
    /// How many were appended.
    pub appended: u64,
    /// How many were not, because they were erased here.
    pub erased: u64,
}

/// Readings did not come back: none of those that were given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComeBackError {
    /// What was erased could not be looked up.
    #[error("what was erased here could not be looked up")]
    Erasures(#[from] EraseError),
    /// They could not be appended.
    #[error("the readings could not be appended")]
    Append(#[from] AppendError),
}

/// What of one subject was erased, and when.
type Erased = Vec<(Timestamp, Scope)>;

/// Appends what erasures leave of readings of one subject.
pub(crate) fn come_back(
    log: &Log,
    readings: Vec<StoredReading>,
    append: impl FnOnce(&[Reading<'_>]) -> Result<Lsn, AppendError>,
) -> Result<CameBack, ComeBackError> {
    let Some(subject) = readings.first().map(|it| it.subject.clone()) else {
        return Ok(CameBack {
            lsn: Lsn::START,
            appended: 0,
            erased: 0,
        });
    };
    let graveyard = log.keyring.graveyard();
    let text = subject.key();
    let hash = log.keyring.stonemason.hash(&text);
    let mut erased: Erased = Vec::new();
    for tombstone in graveyard.all().filter(|it| it.subject == hash) {
        let scope = log.keyring.stonemason.scope(tombstone);
        let scope = scope.map_err(|source| EraseError::from(graveyard.foreign(source)))?;
        erased.push((tombstone.at, scope));
    }
    let given = crate::segment::widen(readings.len());
    let mut kept = Vec::with_capacity(readings.len());
    for reading in readings.into_iter().filter(|it| it.subject == subject) {
        let stripper = log.keyring.stripper.get();
        let mut row = Some(row_of(reading, 0));
        for (at, scope) in &erased {
            row = row.and_then(|it| match it.at < *at {
                true => left(std::slice::from_ref(scope), stripper, &text, it),
                false => Some(it),
            });
        }
        kept.extend(row.map(|it| it.into_stored(subject.clone())));
    }
    let parts: Vec<Reading<'_>> = kept.iter().map(StoredReading::as_reading).collect();
    let lsn = append(&parts)?;
    let appended = crate::segment::widen(parts.len());
    Ok(CameBack {
        lsn,
        appended,
        erased: given.saturating_sub(appended),
    })
}
