//! What is in force, in memory: one immutable state per deployment, swapped whole.
//!
//! A message takes one snapshot of its deployment's state and uses nothing else, so a choice, a notice, a grant or a
//! licence is in force for all things of the deployment in one atomic swap. The hot path takes no lock and makes no query.
//!
//! Start reading at `state` (what decides, and how the next state is derived), then `bound` (whom a thing senses when),
//! `rules` (what holds for all things alike), `peer` (who stands behind a connection) and `load` (from the rows).

mod access;
mod authenticate;
pub(crate) mod bound;
pub(crate) mod chosen;
pub(crate) mod load;
pub(crate) mod peer;
pub(crate) mod rules;
pub(crate) mod shards;
pub(crate) mod state;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use model::{
    Assignment, BridgeId, Cap, DeploymentId, LicenceState, Notice, PersonId, RecipientId, ThingId,
    Timestamp,
};

use crate::deliver::budget::Budget;
use crate::deliver::{Route, Topics};
use crate::drift::DriftCounter;
use crate::receipts::ReceiptCounter;
use crate::rows::{self, RowError};

pub use peer::{
    BridgePeer, MAX_DEVICE_NAME_BYTES, MAX_SEEN_DEVICES, Opened, Peer, Publisher, RecipientPeer,
    Registered, SeenDevice, ThingPeer,
};

pub(crate) use bound::Bound;
pub(crate) use state::{Concerned, DeploymentState, Holding, Named, ThingNumber};

use shards::Shards;

/// The most assignments of one person at one deployment that are told.
pub const MAX_ASSIGNMENTS_SHOWN: i64 = 50;

/// The name of a device at a bridge: 1 to [`MAX_DEVICE_NAME_BYTES`] bytes without control characters.
pub(crate) fn check_device_name(name: &str) -> Option<&str> {
    let fits = !name.is_empty() && name.len() <= MAX_DEVICE_NAME_BYTES;
    (fits && !name.chars().any(char::is_control)).then_some(name)
}

/// Everyone and everything that is registered.
#[derive(Default, Clone)]
pub(crate) struct Catalogue {
    pub(crate) deployments: Shards<DeploymentId, Arc<Deployment>>,
    pub(crate) things: Shards<ThingId, Arc<ThingPeer>>,
    pub(crate) recipients: Shards<RecipientId, Arc<RecipientPeer>>,
    pub(crate) bridges: Shards<BridgeId, Arc<BridgePeer>>,
}

/// A deployment: its identity stays, its state is swapped.
pub(crate) struct Deployment {
    pub(crate) id: DeploymentId,
    pub(crate) state: ArcSwap<DeploymentState>,
    pub(crate) drift: DriftCounter,
    pub(crate) routes: ArcSwap<Vec<Arc<Route>>>,
    /// The native topics of its things.
    pub(crate) topics: Mutex<Topics>,
    /// What whoever subscribes later gets.
    pub(crate) retained: crate::retained::table::RetainedTable,
    /// What messages hold that wait for recipients, everywhere.
    pub(crate) budget: Arc<Budget>,
    /// What has left, everywhere.
    pub(crate) receipts: Arc<ReceiptCounter>,
    /// What waits for the end of a time window.
    pub(crate) windows: crate::windows::table::WindowTable,
}

/// What is in force at a deployment: public.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The deployment.
    pub id: DeploymentId,
    /// Its notice.
    pub notice: Arc<Notice>,
    /// Its licence as it stands at the moment of asking.
    pub licence: LicenceState,
    /// The first moment without licence, where an end is set.
    pub licence_until: Option<Timestamp>,
    /// How many things it has.
    pub things: usize,
    /// Whether it senses people: by a field of its messages, or because somebody is assigned to one of its things.
    pub senses_people: bool,
    /// The limits of the rulebook that touch something that its notice declares.
    pub limits: Vec<Cap>,
}

impl Deployment {
    /// The native topics of its things.
    pub(crate) fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_force(&self, now: Timestamp) -> InForce {
        let state = self.state.load();
        InForce {
            id: self.id.clone(),
            notice: Arc::clone(&state.notice),
            licence: state.licence_at(now),
            licence_until: state.licence.until,
            things: state.thing_count(),
            senses_people: state.senses_people(now),
            limits: state.rules.limits(),
        }
    }
}

impl crate::Custody {
    /// What is in force everywhere, by identifier of the deployment.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> Vec<InForce> {
        let catalogue = self.inner.catalogue.load();
        let mut all: Vec<_> = catalogue
            .deployments
            .values()
            .map(|it| it.in_force(now))
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Whether anything of a deployment is about this person, was or will be.
    #[must_use]
    pub fn concerns(&self, person: &PersonId, deployment: &DeploymentId) -> bool {
        let catalogue = self.inner.catalogue.load();
        let deployment = catalogue.deployments.get(deployment);
        deployment.is_some_and(|it| it.state.load().concerns(person))
    }

    /// The field by which messages of a deployment name a person; `None` where they do not. Only for that person: the caller has
    /// checked who asks.
    #[must_use]
    pub fn naming_field(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
    ) -> Option<model::Field> {
        let catalogue = self.inner.catalogue.load();
        let state = catalogue.deployments.get(deployment)?.state.load();
        let field = state.notice.subject_field.as_ref()?;
        let named = state.may_name(person);
        state.notice.field(field).filter(|_| named).cloned()
    }

    /// How the things of a deployment sense a person, did and will; what began last stands first, at most
    /// [`MAX_ASSIGNMENTS_SHOWN`]. Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn assignments(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
    ) -> Result<Vec<Assignment>, RowError> {
        self.inner.db.read(|tx| {
            rows::thing::assignments_about(tx, deployment, person, MAX_ASSIGNMENTS_SHOWN)
        })
    }

    /// How many people a thing senses at a moment.
    ///
    /// # Errors
    /// When the database fails.
    pub fn people_sensed(&self, thing: &ThingId, at: Timestamp) -> Result<usize, RowError> {
        let all = self
            .inner
            .db
            .read(|tx| rows::thing::assignments_of(tx, thing))?;
        let then =
            |it: &&Assignment| it.valid_from <= at && it.valid_until.is_none_or(|end| at < end);
        let people = all.iter().filter(then).map(|it| &it.person);
        Ok(people.collect::<BTreeSet<_>>().len())
    }

    /// A thing, also when it was removed.
    #[must_use]
    pub fn thing(&self, thing: &ThingId) -> Option<Arc<ThingPeer>> {
        let catalogue = self.inner.catalogue.load();
        catalogue.things.get(thing).map(Arc::clone)
    }

    /// The things of a deployment, by identifier, without those that were removed.
    #[must_use]
    pub fn things_of(&self, deployment: &DeploymentId) -> Vec<Arc<ThingPeer>> {
        let catalogue = self.inner.catalogue.load();
        let theirs = |it: &&Arc<ThingPeer>| it.deployment.id == *deployment && !it.is_removed();
        let mut all: Vec<_> = catalogue
            .things
            .values()
            .filter(theirs)
            .map(Arc::clone)
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Whether a thing, a bridge or a recipient has this identifier, or a thing that was removed had it.
    #[must_use]
    pub fn is_taken(&self, id: &str) -> bool {
        let catalogue = self.inner.catalogue.load();
        let is_thing = ThingId::parse(id).is_ok_and(|it| catalogue.things.get(&it).is_some());
        let is_bridge = BridgeId::parse(id).is_ok_and(|it| catalogue.bridges.get(&it).is_some());
        let recipient = RecipientId::parse(id);
        is_thing || is_bridge || recipient.is_ok_and(|it| catalogue.recipients.get(&it).is_some())
    }

    /// Every recipient, by identifier.
    #[must_use]
    pub fn recipients(&self) -> Vec<Arc<RecipientPeer>> {
        let catalogue = self.inner.catalogue.load();
        let mut all: Vec<_> = catalogue.recipients.values().map(Arc::clone).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Every bridge, by identifier.
    #[must_use]
    pub fn bridges(&self) -> Vec<Arc<BridgePeer>> {
        let catalogue = self.inner.catalogue.load();
        let mut all: Vec<_> = catalogue.bridges.values().map(Arc::clone).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// What is in force at one deployment, if there is such a one.
    #[must_use]
    pub fn in_force_at(&self, deployment: &DeploymentId, now: Timestamp) -> Option<InForce> {
        let catalogue = self.inner.catalogue.load();
        Some(catalogue.deployments.get(deployment)?.in_force(now))
    }
}
