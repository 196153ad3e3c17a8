//! What an erasure would take away, without doing it.
//!
//! A plan has a digest over what decides: the scope, the places and things, what laws want kept, who has received something. Not over
//! counts: things go on measuring while somebody reads the page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    DeploymentId, LegalBasis, Notice, PersonId, PurposeId, RecipientId, Retention, Subject, Text,
    ThingId, Timestamp,
};
use vault::{Order, StoredReading, Strip};

use super::scope::{self, Law};
use super::{EraseCause, EraseError, EraseScope};
use crate::Custody;
use crate::catalogue::Deployment;
use crate::pages::Pages;
use crate::receipts::HOUR_MILLIS;
use crate::rows;
use crate::rows::erasure::GotRow;
use crate::secret::document_sha256;

/// The most readings that are counted for a plan.
pub const MAX_COUNTED_READINGS: usize = 50_000;
/// The most versions of a notice that are looked through for what laws want kept.
const MAX_VERSIONS: i64 = 500;

/// What an erasure would take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasePlan {
    /// What was asked for.
    pub scope: EraseScope,
    /// What goes, by deployment.
    pub parts: Vec<ErasePart>,
    /// Whether there is more than was counted.
    pub is_more: bool,
    /// What a law or a vital interest wants kept.
    pub kept: Vec<KeptByLaw>,
    /// Retained messages of things that go, whole or in part.
    pub retained: usize,
    /// Open time windows that go.
    pub windows: usize,
    /// Readings that are sealed to the person's own keys: their files go whole.
    pub sealed_readings: u64,
    /// Whether an export that waits or is ready is deleted.
    pub has_export: bool,
    /// Rows that wait for the commons, and are deleted: only where everything goes.
    pub gifts: i64,
    /// Whether there are copies at the person's own endpoint, which stay.
    pub has_own_endpoint: bool,
    /// Who has received some of it, and will be told.
    pub recipients: Vec<ErasedFor>,
    /// Stands for all of it but the counts: what is done is what was shown.
    pub digest: String,
}

impl ErasePlan {
    /// How many readings go, as far as they were counted.
    #[must_use]
    pub fn readings(&self) -> usize {
        self.parts.iter().map(|it| it.readings).sum()
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty()
            && self.retained == 0
            && self.windows == 0
            && self.sealed_readings == 0
            && self.gifts == 0
            && self.recipients.is_empty()
    }
}

/// What goes of one deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasePart {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Its things.
    pub things: Vec<ThingId>,
    /// How many readings.
    pub readings: usize,
    /// On how many days.
    pub days: usize,
    /// The first of them.
    pub first_at: Timestamp,
    /// The last of them.
    pub last_at: Timestamp,
}

/// What does not go, because a law or a vital interest wants it kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptByLaw {
    /// At which deployment.
    pub deployment: DeploymentId,
    /// On which basis.
    pub basis: LegalBasis,
    /// The law, where the notice names it.
    pub source: Option<Text>,
    /// For how long, from when it came in.
    pub retention: Retention,
}

/// A recipient that has received some of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedFor {
    /// Who.
    pub recipient: RecipientId,
    /// Of which deployments.
    pub deployments: Vec<DeploymentId>,
    /// For which purposes.
    pub purposes: Vec<PurposeId>,
}

/// What was counted of one deployment.
struct Counted {
    things: BTreeSet<ThingId>,
    days: BTreeSet<i64>,
    readings: usize,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Counted {
    fn new(at: Timestamp) -> Self {
        Self {
            things: BTreeSet::new(),
            days: BTreeSet::new(),
            readings: 0,
            first_at: at,
            last_at: at,
        }
    }

    fn add(&mut self, reading: StoredReading) {
        self.readings += 1;
        self.days.insert(reading.at.day());
        self.first_at = self.first_at.min(reading.at);
        self.last_at = self.last_at.max(reading.at);
        self.things.insert(reading.thing);
    }
}

/// What was looked at of a scope.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Looked {
    /// How many readings of its time.
    pub(super) readings: usize,
    /// Whether these were all.
    pub(super) is_all: bool,
}

/// What laws want kept, for the vault and for people.
#[derive(Default)]
pub(super) struct Laws {
    pub(super) told: Vec<Law>,
    shown: Vec<KeptByLaw>,
}

impl Laws {
    fn add(&mut self, notice: &Notice) {
        let fixed = notice
            .declarations
            .iter()
            .filter(|it| !it.basis.can_choose() && it.retention != Retention::LIVE_ONLY);
        for declaration in fixed {
            let (deployment, days) = (&notice.deployment, declaration.retention.as_days());
            let known = self
                .told
                .iter_mut()
                .find(|it| it.deployment == *deployment && it.days == days);
            match known {
                Some(law) => {
                    let fields = declaration.fields.iter();
                    let new: Vec<_> = fields.filter(|it| !law.fields.contains(it)).collect();
                    let new: Vec<_> = new.into_iter().cloned().collect();
                    law.fields.extend(new);
                }
                None => self.told.push(Law {
                    deployment: deployment.clone(),
                    days,
                    fields: declaration.fields.clone(),
                }),
            }
            let shown = KeptByLaw {
                deployment: deployment.clone(),
                basis: declaration.basis,
                source: declaration.source.clone(),
                retention: declaration.retention,
            };
            if !self.shown.contains(&shown) {
                self.shown.push(shown);
            }
        }
    }
}

impl Custody {
    /// What an erasure would take away. Changes nothing. Only for that person: the caller has checked who asks. Reads at most
    /// [`MAX_COUNTED_READINGS`].
    ///
    /// # Errors
    /// See [`EraseError`]; [`EraseError::Nothing`] when nothing of it is there.
    pub fn plan_erasure(
        &self,
        person: &PersonId,
        scope: &EraseScope,
        now: Timestamp,
    ) -> Result<ErasePlan, EraseError> {
        let laws = self.laws(person, scope)?;
        let strip = scope::description(scope.field(), &laws.told, EraseCause::Asked);
        let (counted, is_more) = self.counted(person, scope, strip.as_deref(), now)?;
        let part = |(deployment, it): (DeploymentId, Counted)| ErasePart {
            deployment,
            things: it.things.into_iter().collect(),
            readings: it.readings,
            days: it.days.len(),
            first_at: it.first_at,
            last_at: it.last_at,
        };
        let placed = self.placements(person)?;
        let export = self.export_of(person, now)?;
        let (retained, windows) = self.held_of(person, scope, now);
        let subject = Subject::Person(person.clone());
        let told = scope.for_vault(Some(scope.end(now)), strip.clone());
        let sealed = self.inner.vault.own_files_in(&subject, &told)?;
        let mut plan = ErasePlan {
            scope: scope.clone(),
            parts: counted.into_iter().map(part).collect(),
            is_more,
            kept: laws.shown,
            retained,
            windows,
            sealed_readings: sealed.readings,
            has_export: export.is_some(),
            gifts: match scope.is_everything() {
                true => self.rows_given(person).map_err(gifts_failed)?,
                false => 0,
            },
            has_own_endpoint: placed.iter().any(|it| it.1.destination().is_some()),
            recipients: recipients(&self.received(person, scope)?),
            digest: String::new(),
        };
        if plan.is_empty() {
            return Err(EraseError::Nothing);
        }
        plan.digest = digest(&plan);
        Ok(plan)
    }

    /// What laws want kept, by every version of the notices of the deployments in a scope.
    pub(super) fn laws(&self, person: &PersonId, scope: &EraseScope) -> Result<Laws, EraseError> {
        let mut laws = Laws::default();
        for deployment in self.places_in(person, scope) {
            laws.add(&deployment.state.load().notice);
            let sources = self
                .inner
                .db
                .read(|tx| rows::erasure::notice_sources(tx, &deployment.id, MAX_VERSIONS))?;
            // What cannot be understood any more lets nothing pass, so it keeps nothing either.
            let published = sources
                .iter()
                .filter_map(|it| Notice::parse_published(it).ok());
            published.for_each(|it| laws.add(&it.notice));
        }
        Ok(laws)
    }

    /// The deployments of a scope that are about the person, were or will be.
    pub(super) fn places_in(&self, person: &PersonId, scope: &EraseScope) -> Vec<Arc<Deployment>> {
        let catalogue = self.inner.catalogue.load();
        let is_meant = |it: &&Arc<Deployment>| {
            scope.deployment().is_none_or(|id| *id == it.id) && it.state.load().concerns(person)
        };
        let mut found: Vec<_> = catalogue
            .deployments
            .values()
            .filter(is_meant)
            .cloned()
            .collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }

    /// Counts what goes, newest first; says whether there is more.
    fn counted(
        &self,
        person: &PersonId,
        scope: &EraseScope,
        strip: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<(BTreeMap<DeploymentId, Counted>, bool), EraseError> {
        let mut counted: BTreeMap<DeploymentId, Counted> = BTreeMap::new();
        let take = |reading: StoredReading| {
            let known = counted
                .entry(reading.deployment.clone())
                .or_insert_with(|| Counted::new(reading.at));
            known.add(reading);
            true
        };
        let told = (scope, strip);
        let looked = self.each_reading(person, told, MAX_COUNTED_READINGS, now, take)?;
        Ok((counted, !looked.is_all))
    }

    /// Gives every reading of which something goes, newest first, until `take` says that it is enough or so many were looked at, whatever
    /// of them goes.
    pub(super) fn each_reading(
        &self,
        person: &PersonId,
        (scope, strip): (&EraseScope, Option<&[u8]>),
        most: usize,
        now: Timestamp,
        mut take: impl FnMut(StoredReading) -> bool,
    ) -> Result<Looked, EraseError> {
        let from = scope.from().unwrap_or(Timestamp::EPOCH);
        let end = scope.end(now);
        let mut looked = Looked::default();
        let mut pages = Pages::between(self, person, (from, end), Order::NewestFirst, now);
        while let Some(page) = pages.next()? {
            for reading in page {
                if looked.readings >= most {
                    return Ok(looked);
                }
                looked.readings += 1;
                let is_meant = scope.covers(end, &reading.deployment, &reading.thing, reading.at)
                    && strip.is_none_or(|it| scope::strip(it, &reading) != Strip::Keep);
                if is_meant && !take(reading) {
                    return Ok(looked);
                }
            }
        }
        looked.is_all = true;
        Ok(looked)
    }

    /// What recipients got of it that they have to erase, as receipts say.
    pub(super) fn received(
        &self,
        person: &PersonId,
        scope: &EraseScope,
    ) -> Result<Vec<GotRow>, EraseError> {
        self.flush_receipts()?;
        // A delivery is never before its reading; how much later it was says nothing.
        let since = scope.from().unwrap_or(Timestamp::EPOCH);
        let since = since.as_millis().div_euclid(HOUR_MILLIS);
        let got = self
            .inner
            .db
            .read(|tx| rows::erasure::got(tx, person, scope, since))?;
        let catalogue = self.inner.catalogue.load();
        let left = |mut got: GotRow| {
            if let Some(field) = scope.field() {
                got.fields.retain(|it| it == field.as_str());
            }
            if let Some(deployment) = catalogue.deployments.get(&got.deployment) {
                let state = deployment.state.load();
                let by_law = super::guard::by_law(&state, &got.recipient, &got.purpose);
                let is_by_law = |it: &String| {
                    let mut pointers = by_law.iter().filter_map(|it| state.schema.pointer(it));
                    pointers.any(|pointer| pointer.as_str() == it)
                };
                got.fields.retain(|it| !is_by_law(it));
            }
            (!got.fields.is_empty()).then_some(got)
        };
        Ok(got.into_iter().filter_map(left).collect())
    }

    /// How many retained messages and open windows would go.
    fn held_of(&self, person: &PersonId, scope: &EraseScope, now: Timestamp) -> (usize, usize) {
        let (mut retained, mut windows) = (0, 0);
        let end = scope.end(now);
        for deployment in self.places_in(person, scope) {
            let state = deployment.state.load();
            let table = deployment.retained.lock();
            let held = table.iter().filter(|(_, it)| {
                let concerned = state.concerned(&it.bound, &it.thing.id);
                let about = concerned.iter().find(|it| is_person(&it.0, person));
                let fields = about.map(|it| it.1).unwrap_or_default();
                let fields = fields.and(it.payload.present());
                let meant = match scope.field() {
                    None => fields,
                    Some(field) => fields.and(state.schema.index_of(field).into_iter().collect()),
                };
                scope.covers(end, &deployment.id, &it.thing.id, it.at) && !meant.is_empty()
            });
            retained += held.count();
            drop(table);
            windows += deployment.windows.lock().count(|key, open| {
                let is_theirs = key.people.iter().any(|it| it.person() == Some(person));
                let between = (open.accumulator.from(), open.last_at);
                is_theirs
                    && scope.field().is_none_or(|it| *it == key.field)
                    && scope.overlaps(end, &deployment.id, &key.thing, between)
            });
        }
        (retained, windows)
    }
}

fn is_person(subject: &Subject, person: &PersonId) -> bool {
    matches!(subject, Subject::Person(it) if it == person)
}

pub(super) fn gifts_failed(err: crate::GiveError) -> EraseError {
    EraseError::Gifts(Box::new(err))
}

/// By recipient.
fn recipients(got: &[GotRow]) -> Vec<ErasedFor> {
    let mut found: BTreeMap<&RecipientId, (BTreeSet<_>, BTreeSet<_>)> = BTreeMap::new();
    for row in got {
        let known = found.entry(&row.recipient).or_default();
        known.0.insert(row.deployment.clone());
        known.1.insert(row.purpose.clone());
    }
    let one = |(recipient, (deployments, purposes)): (&RecipientId, (BTreeSet<_>, BTreeSet<_>))| {
        ErasedFor {
            recipient: recipient.clone(),
            deployments: deployments.into_iter().collect(),
            purposes: purposes.into_iter().collect(),
        }
    };
    found.into_iter().map(one).collect()
}

fn digest(plan: &ErasePlan) -> String {
    let places: Vec<_> = plan
        .parts
        .iter()
        .map(|it| (&it.deployment, &it.things))
        .collect();
    let text = format!(
        "{:?}\n{places:?}\n{:?}\n{:?}\n{} {} {}",
        plan.scope,
        plan.kept,
        plan.recipients,
        plan.has_export,
        plan.has_own_endpoint,
        plan.gifts > 0
    );
    document_sha256(text.as_bytes())
}
