//! Where the readings of a person go: asked for every message, changed by [`Custody::place`].
//!
//! In memory there is one entry for each person who decided anything; the others' readings go to the vault. `ingest` takes one
//! snapshot of a shard, no lock and no query.

use std::borrow::Cow;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use model::{DeploymentId, PersonId, Placement, Retention, Subject, Timestamp};
use policy::Keeping;
use rustc_hash::{FxBuildHasher, FxHashMap};
use smallvec::SmallVec;
use vault::Lsn;

use super::change;
use super::handle::Handle;
use super::{DestinationId, DestinationState};
use crate::Custody;
use crate::act::ActError;
use crate::rows::destination::PlacementRow;
use crate::rows::{self, RowError};

/// Where a person wants the readings of a deployment to go. What a law wants kept is kept in the vault all the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Placing {
    /// Into the vault.
    #[default]
    Vault,
    /// Into the vault, and a copy to the person's own endpoint.
    VaultAndCopy(DestinationId),
    /// To the person's own endpoint; in the vault only on the way.
    OwnEndpoint(DestinationId),
    /// Nowhere: delivered to whom the person allows, and not kept.
    LiveOnly,
}

impl Placing {
    /// What it means for the vault.
    #[must_use]
    pub const fn placement(&self) -> Placement {
        match self {
            Self::Vault | Self::VaultAndCopy(_) => Placement::Vault,
            Self::OwnEndpoint(_) => Placement::OwnEndpoint,
            Self::LiveOnly => Placement::LiveOnly,
        }
    }

    /// The destination that gets the readings.
    #[must_use]
    pub const fn destination(&self) -> Option<&DestinationId> {
        match self {
            Self::VaultAndCopy(id) | Self::OwnEndpoint(id) => Some(id),
            Self::Vault | Self::LiveOnly => None,
        }
    }

    /// From its two halves, where they fit together.
    #[must_use]
    pub fn of(placement: Placement, destination: Option<DestinationId>) -> Option<Self> {
        match (placement, destination) {
            (Placement::Vault, None) => Some(Self::Vault),
            (Placement::Vault, Some(id)) => Some(Self::VaultAndCopy(id)),
            (Placement::OwnEndpoint, Some(id)) => Some(Self::OwnEndpoint(id)),
            (Placement::LiveOnly, None) => Some(Self::LiveOnly),
            (Placement::OwnEndpoint, None) | (Placement::LiveOnly, Some(_)) => None,
        }
    }
}

/// Why a placement was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Nothing of this deployment concerns the person.
    #[error("no device of `{0}` is about you")]
    NotConcerned(DeploymentId),
    /// The person has no such destination, or nobody has shown yet that it is theirs.
    #[error("there is no checked destination `{0}`")]
    NoDestination(DestinationId),
    /// The act failed.
    #[error("the placement could not be put in force")]
    Act(#[from] ActError),
}

impl From<RowError> for PlaceError {
    fn from(err: RowError) -> Self {
        Self::Act(ActError::Rows(err))
    }
}

/// A placing as the hot path has it.
#[derive(Clone, Default)]
pub(crate) enum Put {
    #[default]
    Vault,
    Copy(Arc<Handle>),
    Own(Arc<Handle>),
    Live,
}

impl Put {
    /// Whether the vault may keep it as it keeps everything.
    pub(crate) fn is_in_vault(&self) -> bool {
        matches!(self, Self::Vault | Self::Copy(_))
    }

    /// What goes into the vault of a part: how long, and which bytes. `None`: nothing.
    pub(crate) fn part<'a>(
        &self,
        keeping: Keeping,
        retention: Retention,
        body: &'a [u8],
    ) -> Option<(Retention, Cow<'a, [u8]>)> {
        let marked = |it: &Handle| Cow::Owned(mark(body, it.id()));
        match (self, keeping) {
            (Self::Vault, _) | (Self::Live, Keeping::ByLaw) => Some((retention, body.into())),
            (Self::Live, Keeping::AsChosen) => None,
            (Self::Copy(it), _) | (Self::Own(it), Keeping::ByLaw) => Some((retention, marked(it))),
            (Self::Own(it), Keeping::AsChosen) => {
                Some((Retention::from_days(Placement::TRANSIT_DAYS), marked(it)))
            }
        }
    }

    /// The readings up to `lsn` are on their way.
    pub(crate) fn appended(&self, lsn: Lsn) {
        match self {
            Self::Copy(it) | Self::Own(it) => it.wants(lsn),
            Self::Vault | Self::Live => {}
        }
    }
}

const MARK: &[u8] = br#"{"@to":""#;
const MARK_BARE: &[u8] = br#"{"@for":""#;
const BARE_VALUE: &[u8] = br#"","@value":"#;

/// A stored body that names the destination it is on its way to: as the first member of an object, or around anything else.
/// Names that begin with `@` are the platform's; the timeline does not show them.
fn mark(body: &[u8], id: &DestinationId) -> Vec<u8> {
    let id = id.as_str().as_bytes();
    match body.strip_prefix(b"{") {
        Some(b"}") => [MARK, id, b"\"}"].concat(),
        Some(members) => [MARK, id, b"\",", members].concat(),
        None => [MARK_BARE, id, BARE_VALUE, body, b"}"].concat(),
    }
}

/// Whether a stored body is on its way to some destination, or was.
pub(crate) fn is_marked(body: &[u8]) -> bool {
    body.starts_with(MARK) || body.starts_with(MARK_BARE)
}

/// The body without its mark, if it is on its way to this destination.
pub(crate) fn unmarked(body: &[u8], id: &DestinationId) -> Option<Vec<u8>> {
    let id = id.as_str().as_bytes();
    if let Some(rest) = body.strip_prefix(MARK) {
        let members = rest.strip_prefix(id)?.strip_prefix(b"\"")?;
        let members = members.strip_prefix(b",").unwrap_or(members);
        return Some([b"{", members].concat());
    }
    let rest = body.strip_prefix(MARK_BARE)?.strip_prefix(id)?;
    let value = rest.strip_prefix(BARE_VALUE)?.strip_suffix(b"}")?;
    Some(value.to_vec())
}

/// The body without the mark of whichever destination it is on its way to.
pub(crate) fn without_mark(body: &[u8]) -> Cow<'_, [u8]> {
    let mark = [MARK, MARK_BARE]
        .into_iter()
        .find_map(|it| body.strip_prefix(it));
    let id = mark.and_then(|it| it.split(|it| *it == b'"').next());
    let id = id.and_then(|it| std::str::from_utf8(it).ok());
    let id = id.and_then(DestinationId::parse);
    match id.and_then(|it| unmarked(body, &it)) {
        Some(body) => Cow::Owned(body),
        None => Cow::Borrowed(body),
    }
}

/// A placing and since when it holds.
#[derive(Clone)]
pub(crate) struct Placed {
    pub(crate) put: Put,
    since: Timestamp,
}

impl Default for Placed {
    fn default() -> Self {
        Self {
            put: Put::Vault,
            since: Timestamp::EPOCH,
        }
    }
}

impl Placed {
    /// What goes into the vault of a part; `from` is when the time window began that it is of. As chosen nothing of a window is
    /// kept when the person placed their readings elsewhere while some of it was measured: that may have been nowhere.
    pub(crate) fn part<'a>(
        &self,
        from: Option<Timestamp>,
        keeping: Keeping,
        retention: Retention,
        body: &'a [u8],
    ) -> Option<(Retention, Cow<'a, [u8]>)> {
        let has_changed = from.is_some_and(|it| self.since > it);
        match keeping {
            Keeping::AsChosen if has_changed => None,
            _ => self.put.part(keeping, retention, body),
        }
    }
}

/// What one person decided.
#[derive(Default)]
struct OfPerson {
    all: Placed,
    by_deployment: FxHashMap<DeploymentId, Placed>,
}

type Shard = FxHashMap<PersonId, Arc<OfPerson>>;

const SHARDS: usize = 64;

/// Everything that was decided by anybody.
pub(crate) struct Placements {
    shards: Box<[ArcSwap<Shard>]>,
    people: AtomicUsize,
    /// One change at a time, so that the last one in the rows is the last one in memory.
    changing: Mutex<()>,
}

impl Default for Placements {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            people: AtomicUsize::new(0),
            changing: Mutex::default(),
        }
    }
}

impl Placements {
    /// Where the readings of a message go, in the order of its subjects.
    pub(crate) fn of<'a>(
        &self,
        deployment: &DeploymentId,
        subjects: impl Iterator<Item = &'a Subject>,
    ) -> SmallVec<[Placed; 1]> {
        if self.people.load(Ordering::Acquire) == 0 {
            return subjects.map(|_| Placed::default()).collect();
        }
        let placed = |subject: &Subject| match subject {
            Subject::Person(person) => self.placed(person, deployment),
            Subject::Thing(_) => Placed::default(),
        };
        subjects.map(placed).collect()
    }

    fn placed(&self, person: &PersonId, deployment: &DeploymentId) -> Placed {
        let Some(shard) = self.shard(person) else {
            return Placed::default();
        };
        let shard = shard.load();
        let Some(found) = shard.get(person) else {
            return Placed::default();
        };
        let single = found.by_deployment.get(deployment);
        single.unwrap_or(&found.all).clone()
    }

    fn shard(&self, person: &PersonId) -> Option<&ArcSwap<Shard>> {
        let hash = FxBuildHasher.hash_one(person) >> 32;
        let number = usize::try_from(hash).unwrap_or_default() % SHARDS;
        self.shards.get(number)
    }

    fn set(&self, person: &PersonId, found: Option<OfPerson>) {
        let Some(shard) = self.shard(person) else {
            return;
        };
        let mut changed = Shard::clone(&shard.load());
        let before = changed.len();
        match found {
            Some(found) => changed.insert(person.clone(), Arc::new(found)),
            None => changed.remove(person),
        };
        let after = changed.len();
        shard.store(Arc::new(changed));
        // Shards are changed by one at a time.
        if after > before {
            self.people.fetch_add(1, Ordering::Release);
        } else if after < before {
            self.people.fetch_sub(1, Ordering::Release);
        }
    }
}

impl Custody {
    /// What a person decided: for all their devices (`None`) and for single deployments.
    ///
    /// # Errors
    /// When the database fails.
    pub fn placements(
        &self,
        person: &PersonId,
    ) -> Result<Vec<(Option<DeploymentId>, Placing)>, RowError> {
        let rows = self
            .inner
            .db
            .read(|tx| rows::destination::placements(tx, Some(person)))?;
        Ok(rows
            .into_iter()
            .map(|(_, it, placing, _)| (it, placing))
            .collect())
    }

    /// Puts in force where a person's readings of one deployment go, or of all of theirs (`None`, which also ends what they said
    /// for single ones). The next message after this returns goes there. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// See [`PlaceError`].
    pub fn place(
        &self,
        person: &PersonId,
        deployment: Option<&DeploymentId>,
        placing: &Placing,
        now: Timestamp,
    ) -> Result<(), PlaceError> {
        if let Some(deployment) = deployment
            && !self.deployments_about(person).contains(deployment)
        {
            return Err(PlaceError::NotConcerned(deployment.clone()));
        }
        self.change_placements(person, || {
            self.act(now, |act| {
                if let Some(id) = placing.destination() {
                    let found = rows::destination::one(act.tx(), id)?;
                    let is_ready = |it: &rows::destination::DestinationRow| {
                        let opened = self.inner.secrets.open(&it.id, &it.person, &it.sealed);
                        it.person == *person
                            && it.state != DestinationState::Unverified
                            && opened.is_ok()
                    };
                    if !found.as_ref().is_some_and(is_ready) {
                        return Err(PlaceError::NoDestination(id.clone()));
                    }
                }
                let before = rows::destination::placements(act.tx(), Some(person))?;
                if stands(&before, deployment, placing) {
                    act.leave_all();
                    return Ok(());
                }
                if deployment.is_none() {
                    rows::destination::delete_single_placements(act.tx(), person)?;
                }
                rows::destination::put_placement(act.tx(), person, deployment, placing, now)?;
                change::note(act.tx(), person, &before, now)?;
                Ok(())
            })
        })
    }

    /// Runs an act that changes placements of a person, then puts in force what the rows say, whatever the act came to.
    pub(crate) fn change_placements<T, E: From<ActError>>(
        &self,
        person: &PersonId,
        run: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let changing = &self.inner.placements.changing;
        let _one_at_a_time = changing.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = run();
        if let Err(err) = self.reload_placements(person) {
            tracing::error!(error = %err, "a placement may differ from what is in force: restart");
            return outcome.and(Err(E::from(ActError::Unsettled)));
        }
        self.prune_retained_of(person);
        // Whoever was between a permit and a socket has finished when this lock is had.
        let gate = &self.inner.gate;
        drop(gate.write().unwrap_or_else(PoisonError::into_inner));
        outcome
    }

    fn reload_placements(&self, person: &PersonId) -> Result<(), RowError> {
        let rows = self
            .inner
            .db
            .read(|tx| rows::destination::placements(tx, Some(person)))?;
        self.put_placements(person, rows);
        Ok(())
    }

    fn put_placements(&self, person: &PersonId, rows: Vec<PlacementRow>) {
        let mut found = OfPerson::default();
        let is_plain = rows.is_empty();
        for (_, deployment, placing, since) in rows {
            let placed = Placed {
                put: self.put_of(placing),
                since,
            };
            match deployment {
                None => found.all = placed,
                Some(deployment) => {
                    found.by_deployment.insert(deployment, placed);
                }
            }
        }
        let found = (!is_plain).then_some(found);
        self.inner.placements.set(person, found);
    }

    /// A destination that is gone sends nothing, so what was to go there goes to the vault.
    fn put_of(&self, placing: Placing) -> Put {
        let handle = |id: &DestinationId| self.inner.couriers.handle(id);
        match placing {
            Placing::Vault => Put::Vault,
            Placing::LiveOnly => Put::Live,
            Placing::VaultAndCopy(id) => handle(&id).map_or(Put::Vault, Put::Copy),
            Placing::OwnEndpoint(id) => handle(&id).map_or(Put::Vault, Put::Own),
        }
    }

    /// Puts in force what the rows say, at the start.
    pub(crate) fn load_destinations(&self) -> Result<(), RowError> {
        let (destinations, placements) = self.inner.db.read(|tx| {
            Ok::<_, RowError>((
                rows::destination::all(tx)?,
                rows::destination::placements(tx, None)?,
            ))
        })?;
        for row in &destinations {
            self.inner.couriers.insert(Handle::of(row));
        }
        let mut by_person: FxHashMap<PersonId, Vec<PlacementRow>> = FxHashMap::default();
        for row in placements {
            by_person.entry(row.0.clone()).or_default().push(row);
        }
        for (person, rows) in by_person {
            self.put_placements(&person, rows);
        }
        Ok(())
    }
}

/// Whether exactly this was decided before: then it holds since then, and time windows that are open lose nothing.
fn stands(rows: &[PlacementRow], deployment: Option<&DeploymentId>, placing: &Placing) -> bool {
    let is_whole = deployment.is_some() || rows.len() == 1;
    is_whole
        && rows
            .iter()
            .any(|it| it.1.as_ref() == deployment && it.2 == *placing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_body_is_for_its_destination_only_and_comes_back_as_it_was() {
        let a = DestinationId::random().unwrap();
        let b = DestinationId::random().unwrap();
        for body in [
            "{}",
            r#"{"power":1.50}"#,
            r#"{"@value":20,"@coarse":{"":2.5}}"#,
            "21.5",
            r#"[{"n":"temp","v":1}]"#,
            r#""}""#,
        ] {
            let marked = mark(body.as_bytes(), &a);
            let json: serde_json::Value = serde_json::from_slice(&marked).unwrap();
            assert!(json.is_object());
            assert_eq!(unmarked(&marked, &a).as_deref(), Some(body.as_bytes()));
            assert_eq!(unmarked(&marked, &b), None);
            assert_eq!(unmarked(body.as_bytes(), &a), None);
        }
    }
}
