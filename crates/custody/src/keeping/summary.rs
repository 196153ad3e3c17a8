//! What is kept about a person, by device and field: how much there is now, for what, and when it vanishes.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    DeploymentId, Notice, PersonId, Pointer, PurposeId, Retention, Subject, ThingId, Timestamp,
};
use vault::{Order, ReadQuery, StoredReading};

use super::expires_at;
use crate::Custody;
use crate::destination::without_mark;
use crate::rows::RowError;
use crate::timeline::fields;

/// So many readings are looked into, the oldest first. What is beyond is counted by how long it is kept, and not by device and field.
pub const MAX_KEPT_SCANNED: usize = 20_000;
/// How many are read at once.
const PAGE: usize = 4_096;

/// What is kept about a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keeping {
    /// All of it by how long it is kept, shortest first.
    pub classes: Vec<KeptClass>,
    /// By deployment and device.
    pub things: Vec<KeptThing>,
    /// Whether `things` is about all of it.
    pub is_whole: bool,
    /// When the next of it vanishes; `None` where there is nothing.
    pub next_at: Option<Timestamp>,
}

/// What is kept equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptClass {
    /// How long.
    pub retention: Retention,
    /// How many readings: parts of messages, since fields that are kept for different times lie apart.
    pub readings: u64,
    /// When the next of them vanishes.
    pub next_at: Timestamp,
    /// When the last of those that are there now vanishes.
    pub last_at: Timestamp,
}

/// What is kept of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptThing {
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// The device.
    pub thing: ThingId,
    /// Field by field, in the order of the notice.
    pub parts: Vec<KeptPart>,
}

/// What is kept of a field for the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPart {
    /// The field; where the notice in force does not declare it, its place in the message.
    pub field: String,
    /// For how long it was said to be kept when it came in.
    pub retention: Retention,
    /// For what the notice in force keeps it so long. None: a notice of before said so.
    pub purposes: Vec<PurposeId>,
    /// Whether the person cannot decide about that: a law or a vital interest wants it kept.
    pub by_law: bool,
    /// Whether a later notice made it shorter for some of it.
    pub is_shortened: bool,
    /// How many values.
    pub values: u64,
    /// When the next of them vanishes.
    pub next_at: Timestamp,
    /// When the last of those that are there now vanishes.
    pub last_at: Timestamp,
}

/// Why it could not be said what is kept, or what a notice made shorter could not be taken out.
#[derive(Debug, thiserror::Error)]
pub enum KeepingError {
    /// The vault.
    #[error("the readings could not be opened")]
    Read(#[from] vault::ReadError),
    /// Blocks of the vault.
    #[error("what is past its time could not be taken out of the vault")]
    Vault(#[from] vault::MaintainError),
    /// Rows.
    #[error("the rows could not be read or written")]
    Rows(#[from] RowError),
    /// A reading that is no JSON.
    #[error("a reading is not what was written")]
    Unreadable,
}

/// Values of one device and field, kept equally long.
#[derive(Default)]
struct Count {
    values: u64,
    is_shortened: bool,
    next_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

/// The place in the notice, then the pointer: fields of no notice come last.
type Place = (usize, String, Retention);

impl Custody {
    /// What is kept about a person, when each part of it vanishes, and for what it is kept. Only for that person: the caller has checked
    /// who asks. Blocks on the vault: not for an async worker.
    ///
    /// # Errors
    /// See [`KeepingError`].
    pub fn keeping(&self, person: &PersonId, now: Timestamp) -> Result<Keeping, KeepingError> {
        let subject = Subject::Person(person.clone());
        let held = self.inner.vault.held(&subject, now).map_err(RowError::Db)?;
        let mut notices = Notices {
            custody: self,
            now,
            known: BTreeMap::new(),
        };
        let mut counts: BTreeMap<(DeploymentId, ThingId), BTreeMap<Place, Count>> = BTreeMap::new();
        let is_whole = self.each_kept(&subject, now, |reading| {
            let notice = notices.of(&reading.deployment);
            let key = (reading.deployment.clone(), reading.thing.clone());
            self.count(notice.as_deref(), reading, counts.entry(key).or_default())
        })?;
        let things: Vec<KeptThing> = counts
            .into_iter()
            .map(|((deployment, thing), parts)| {
                let notice = notices.of(&deployment);
                let parts = parts
                    .into_iter()
                    .filter_map(|(place, count)| part(notice.as_deref(), place, &count));
                KeptThing {
                    parts: parts.collect(),
                    deployment,
                    thing,
                }
            })
            .collect();
        let class = |it: vault::Held| KeptClass {
            retention: it.retention,
            readings: it.readings,
            next_at: it.next_at,
            last_at: it.last_at,
        };
        let classes: Vec<_> = held.into_iter().map(class).collect();
        let of_parts = things.iter().flat_map(|it| &it.parts).map(|it| it.next_at);
        let next_at = match is_whole {
            true => of_parts.min(),
            false => of_parts.chain(classes.iter().map(|it| it.next_at)).min(),
        };
        Ok(Keeping {
            classes,
            things,
            is_whole,
            next_at,
        })
    }

    /// Goes over what is kept of a subject, the oldest first; whether that was all.
    fn each_kept(
        &self,
        subject: &Subject,
        now: Timestamp,
        mut take: impl FnMut(&StoredReading) -> Result<(), KeepingError>,
    ) -> Result<bool, KeepingError> {
        let mut query = ReadQuery {
            subject: subject.clone(),
            from: Timestamp::EPOCH,
            until: now.plus_millis(1),
            limit: PAGE,
            order: Order::OldestFirst,
            now,
        };
        let mut scanned = 0;
        loop {
            let mut found = self.inner.vault.read(&query)?;
            let is_last = found.len() < query.limit;
            let Some(last) = found.last().map(|it| it.at) else {
                return Ok(true);
            };
            if !is_last && found.first().is_some_and(|it| it.at < last) {
                // The last moment may go on behind the page: it is read again as a whole.
                found.retain(|it| it.at < last);
                query.limit = PAGE;
            } else if !is_last {
                // One moment fills the page.
                query.limit = query.limit.saturating_mul(2);
                if query.limit > MAX_KEPT_SCANNED {
                    return Ok(false);
                }
                continue;
            }
            for reading in &found {
                take(reading)?;
            }
            scanned += found.len();
            if is_last {
                return Ok(true);
            }
            if scanned >= MAX_KEPT_SCANNED {
                return Ok(false);
            }
            query.from = last;
        }
    }

    fn count(
        &self,
        notice: Option<&Notice>,
        reading: &StoredReading,
        counts: &mut BTreeMap<Place, Count>,
    ) -> Result<(), KeepingError> {
        let body = without_mark(&reading.body);
        let body = serde_json::from_slice(&body).map_err(|_| KeepingError::Unreadable)?;
        let promised = expires_at(reading.at, reading.retention);
        for field in fields(body).map_err(|_| KeepingError::Unreadable)? {
            let (number, name) = place_of(notice, &field.pointer);
            let count = counts.entry((number, name, reading.retention)).or_default();
            let shortened =
                self.inner
                    .promises
                    .shortened(&reading.deployment, &field.pointer, reading.at);
            let gone_at = shortened.map_or(promised, |it| it.min(promised));
            count.values += 1;
            count.is_shortened |= gone_at < promised;
            count.next_at = Some(count.next_at.map_or(gone_at, |it| it.min(gone_at)));
            count.last_at = Some(count.last_at.map_or(gone_at, |it| it.max(gone_at)));
        }
        Ok(())
    }
}

/// The number of the field in the notice that a value belongs to, and its pointer.
fn place_of(notice: Option<&Notice>, pointer: &str) -> (usize, String) {
    let fields = notice.map(|it| it.fields.iter().enumerate());
    let mut fields = fields.into_iter().flatten();
    let is_it = |it: &Pointer| it.as_str() == pointer || it.covers(pointer);
    match fields.find(|(_, it)| is_it(&it.pointer)) {
        Some((number, field)) => (number, field.pointer.as_str().to_owned()),
        None => (usize::MAX, pointer.to_owned()),
    }
}

fn part(notice: Option<&Notice>, place: Place, count: &Count) -> Option<KeptPart> {
    let (_, field, retention) = place;
    let declarations = notice.map(|it| it.declarations.iter());
    let declarations = declarations
        .into_iter()
        .flatten()
        .filter(|it| it.retention == retention && it.fields.iter().any(|it| it.as_str() == field));
    let (mut purposes, mut by_law) = (Vec::new(), false);
    for declaration in declarations {
        by_law |= !declaration.basis.can_choose();
        if !purposes.contains(&declaration.purpose) {
            purposes.push(declaration.purpose.clone());
        }
    }
    Some(KeptPart {
        field,
        retention,
        purposes,
        by_law,
        is_shortened: count.is_shortened,
        values: count.values,
        next_at: count.next_at?,
        last_at: count.last_at?,
    })
}

/// The notices in force, each looked up once.
struct Notices<'a> {
    custody: &'a Custody,
    now: Timestamp,
    known: BTreeMap<DeploymentId, Option<Arc<Notice>>>,
}

impl Notices<'_> {
    fn of(&mut self, deployment: &DeploymentId) -> Option<Arc<Notice>> {
        let known = self.known.entry(deployment.clone()).or_insert_with(|| {
            let found = self.custody.in_force_at(deployment, self.now);
            found.map(|it| it.notice)
        });
        known.clone()
    }
}
