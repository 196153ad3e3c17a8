//! What of the readings under a key is erased and not yet re-sealed.
//!
//! A mask takes effect with the commit of its row, for everybody who reads; `maintain` then seals what remains under another key and
//! destroys the key that has the mask. It lies in the row of the key, sealed under the key, so it vanishes with it.
//!
//! # Format of a scope, versions 1 and 2 (little-endian)
//! ```text
//! 0   1  version: 1, or 2 where files sealed to the person's own keys stay; what follows is the same
//! 1   8  from, milliseconds since the Unix epoch; the least number for "from the beginning"
//! 9   8  until, the greatest number for "without an end"
//! 17  1  n, then n bytes: thing id; 0 for every thing
//! …   1  m, then m bytes: deployment id; 0 for every deployment
//! …   4  k, then k bytes: what is taken out of bodies, for whoever knows their form; 2^32 - 1 and nothing for the whole reading
//! ```
//! The plaintext of a mask is one scope behind the other.

use std::fmt;

use model::{DeploymentId, PersonId, Subject, ThingId, Timestamp};

use crate::crypto::{CryptoError, KeyId, Label, SecretKey, Suite};
use crate::cursor::{Cursor, push_short_text};
use crate::reading::{MAX_BODY_BYTES, Row, StoredReading};

/// The longest description of what is taken out of bodies.
pub const MAX_STRIP_BYTES: usize = 64 * 1024;
/// No erasure is begun that would give a key more masks than this: `maintain` takes them away. What was begun before is carried out all
/// the same, so after a backup was restored there can be more.
pub(crate) const MAX_MASKS: usize = 64;
const VERSION: u8 = 1;
/// The same, and files that are sealed to the person's own keys stay.
const VERSION_SPARING: u8 = 2;
const WHOLE: u32 = u32::MAX;

/// Which readings of a subject. The default is all of them; each field that is set leaves fewer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to and without this moment.
    pub until: Option<Timestamp>,
    /// Of this thing only.
    pub thing: Option<ThingId>,
    /// Of this deployment only.
    pub deployment: Option<DeploymentId>,
    /// Not the readings themselves but something in their bodies: a description that only the one understands who gave it to
    /// [`Vault::strip_with`](crate::Vault::strip_with); at most [`MAX_STRIP_BYTES`]. It is stored, sealed, and interpreted again
    /// after a restart.
    pub strip: Option<Vec<u8>>,
    /// Files that are sealed to the person's own keys stay: what is erased is only what could be read here, because that is what lies
    /// elsewhere from now on. What the person gives to the commons is such.
    pub spares_own_files: bool,
}

/// What becomes of a reading of which something is erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strip {
    /// Nothing of what is erased is in it.
    Keep,
    /// Nothing would be left of it.
    Drop,
    /// It is kept with this body; one that is longer than [`MAX_BODY_BYTES`] is dropped.
    Replace(Vec<u8>),
}

/// Takes out of a reading what a description says. It must give the same answer each time, and for its own answer [`Strip::Keep`].
pub(crate) type Stripper = Box<dyn Fn(&[u8], &StoredReading) -> Strip + Send + Sync>;

impl Scope {
    /// Whether every reading of a subject in an epoch is in it, whatever it is of.
    pub(crate) fn has_whole_epoch(&self, epoch: i64) -> bool {
        let is_plain = self.thing.is_none() && self.deployment.is_none() && self.strip.is_none();
        let (first, end) = bounds(epoch);
        is_plain && self.from.is_none_or(|it| it <= first) && self.until.is_none_or(|it| it >= end)
    }

    /// Whether a reading of a subject in an epoch can be in it.
    pub(crate) fn meets_epoch(&self, epoch: i64) -> bool {
        let (first, end) = bounds(epoch);
        self.from.is_none_or(|it| it < end) && self.until.is_none_or(|it| it > first)
    }

    /// The same for readings alone: a mask says nothing of sealed files.
    pub(super) fn as_mask(&self) -> Self {
        Self {
            spares_own_files: false,
            ..self.clone()
        }
    }

    fn has(&self, row: &Row) -> bool {
        self.from.is_none_or(|it| row.at >= it)
            && self.until.is_none_or(|it| row.at < it)
            && self.thing.as_ref().is_none_or(|it| *it == row.thing)
            && self
                .deployment
                .as_ref()
                .is_none_or(|it| *it == row.deployment)
    }

    /// Appends its bytes.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) -> Option<()> {
        bytes.push(match self.spares_own_files {
            true => VERSION_SPARING,
            false => VERSION,
        });
        let from = self.from.map_or(i64::MIN, Timestamp::as_millis);
        let until = self.until.map_or(i64::MAX, Timestamp::as_millis);
        bytes.extend_from_slice(&from.to_le_bytes());
        bytes.extend_from_slice(&until.to_le_bytes());
        push_short_text(bytes, self.thing.as_ref().map_or("", ThingId::as_str));
        let deployment = self.deployment.as_ref();
        push_short_text(bytes, deployment.map_or("", DeploymentId::as_str));
        let Some(strip) = &self.strip else {
            bytes.extend_from_slice(&WHOLE.to_le_bytes());
            return Some(());
        };
        if strip.len() > MAX_STRIP_BYTES {
            return None;
        }
        bytes.extend_from_slice(&u32::try_from(strip.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(strip);
        Some(())
    }

    /// Reads one off the front.
    pub(crate) fn decode(cursor: &mut Cursor<'_>) -> Option<Self> {
        let spares_own_files = match cursor.u8()? {
            VERSION => false,
            VERSION_SPARING => true,
            _ => return None,
        };
        let (from, until) = (cursor.i64()?, cursor.i64()?);
        let (thing, deployment) = (cursor.short_text()?, cursor.short_text()?);
        let strip = match cursor.u32()? {
            WHOLE => None,
            len => Some(cursor.take(usize::try_from(len).ok()?)?.to_vec()),
        };
        Some(Self {
            from: (from != i64::MIN).then(|| Timestamp::from_millis(from)),
            until: (until != i64::MAX).then(|| Timestamp::from_millis(until)),
            thing: parsed(thing, |it| ThingId::parse(it).ok())?,
            deployment: parsed(deployment, |it| DeploymentId::parse(it).ok())?,
            strip,
            spares_own_files,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self == &Self::default(), &self.strip) {
            (true, _) => "everything",
            (_, Some(_)) => "something in readings",
            (_, None) => "some readings",
        })
    }
}

/// Nothing for an empty text, an error (`None`) for one that does not parse.
fn parsed<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() {
        return Some(None);
    }
    parse(text).map(Some)
}

fn bounds(epoch: i64) -> (Timestamp, Timestamp) {
    const DAY_MS: i64 = 86_400_000;
    let first = Timestamp::from_millis(epoch.saturating_mul(DAY_MS));
    (first, first.plus_millis(DAY_MS))
}

/// Seals the masks of a key.
pub(super) fn seal(
    secret: &SecretKey,
    suite: Suite,
    id: KeyId,
    scopes: &[Scope],
) -> Result<Vec<u8>, CryptoError> {
    let mut plain = Vec::new();
    for scope in scopes {
        scope.encode(&mut plain).ok_or(CryptoError::Seal)?;
    }
    secret.seal_row(Label::Mask, suite, &data(id), &plain)
}

/// Opens the masks of a key.
pub(super) fn open(
    secret: &SecretKey,
    id: KeyId,
    mut sealed: Vec<u8>,
) -> Result<Vec<Scope>, CryptoError> {
    let opened = secret.open_row(Label::Mask, &data(id), &mut sealed)?;
    let mut cursor = Cursor(opened.0);
    let mut scopes = Vec::new();
    while !cursor.0.is_empty() {
        scopes.push(Scope::decode(&mut cursor).ok_or(CryptoError::Open)?);
    }
    Ok(scopes)
}

fn data(id: KeyId) -> Vec<u8> {
    [Label::Mask.bytes(), &id.0.to_le_bytes()].concat()
}

/// What the masks of a key leave of a reading; nothing of one that needs a stripper when there is none.
pub(crate) fn left(
    scopes: &[Scope],
    stripper: Option<&Stripper>,
    subject: &str,
    row: Row,
) -> Option<Row> {
    let mut row = row;
    for scope in scopes {
        if !scope.has(&row) {
            continue;
        }
        let (strip, stripper) = (scope.strip.as_deref()?, stripper?);
        let index = row.index;
        let stored = row.into_stored(subject_of(subject)?);
        let answer = stripper(strip, &stored);
        row = row_of(stored, index);
        match answer {
            Strip::Keep => {}
            Strip::Replace(body) if body.len() <= MAX_BODY_BYTES => row.body = body,
            Strip::Drop | Strip::Replace(_) => return None,
        }
    }
    Some(row)
}

/// A reading without its subject.
pub(crate) fn row_of(stored: StoredReading, index: u32) -> Row {
    Row {
        at: stored.at,
        index,
        thing: stored.thing,
        deployment: stored.deployment,
        retention: stored.retention,
        generation: stored.generation,
        body: stored.body,
    }
}

/// A subject from its text in rows.
pub(crate) fn subject_of(text: &str) -> Option<Subject> {
    let person = text.strip_prefix("person:").map(PersonId::parse);
    let thing = text.strip_prefix("thing:").map(ThingId::parse);
    match (person, thing) {
        (Some(person), _) => person.ok().map(Subject::Person),
        (_, Some(thing)) => thing.ok().map(Subject::Thing),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
