//! What an act has written comes into force: prepared inside its transaction, swapped in after the commit.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use model::{BridgeId, DeploymentId, ThingId, Timestamp};

use super::{Act, ActError};
use crate::Custody;
use crate::catalogue::load::{self, Appeared, LoadError, Next, Touched};
use crate::catalogue::{BridgePeer, Catalogue, Deployment, RecipientPeer, ThingPeer};
use crate::deliver::Hub;
use crate::ledger::{self, Files};
use crate::open::{OpenError, writer};
use crate::rows;
use crate::rows::access::RecipientRow;
use crate::rows::bridge::BridgeRow;
use crate::rows::thing::ThingRow;
use crate::watch::Watch;

/// What is swapped in after the commit.
#[derive(Default)]
pub(crate) struct Prepared {
    states: Vec<Next>,
    recipients: Vec<RecipientRow>,
    bridges: Vec<BridgeRow>,
    links: Vec<Link>,
    /// The links are all there are.
    anew: bool,
    certificates: Option<crate::certificate::Next>,
    files: Files,
    /// The moment of the act.
    now: Option<Timestamp>,
    leaves_all: bool,
}

impl Prepared {
    /// Whether the act said that all stands, and nothing says otherwise.
    fn leaves_all(&self) -> bool {
        self.leaves_all
            && self.states.is_empty()
            && self.recipients.is_empty()
            && self.bridges.is_empty()
            && self.links.is_empty()
            && self.certificates.is_none()
            && self.files.is_empty()
    }
}

/// What a bridge means by a name from now on; nothing: no thing any more.
pub(crate) struct Link {
    pub(crate) bridge: BridgeId,
    pub(crate) name: Arc<str>,
    pub(crate) thing: Option<ThingId>,
}

/// What is in force and what the rows say are not the same.
#[derive(Debug, thiserror::Error)]
pub enum InForceError {
    /// The rows could not be read.
    #[error("the rows could not be put in force beside what is in force")]
    Rows(#[source] OpenError),
    /// They differ.
    #[error(
        "{what} of `{deployment}` is in force differently from what the database says: restart the server, and report this as a bug"
    )]
    Different {
        /// Where.
        deployment: DeploymentId,
        /// What differs, without names.
        what: &'static str,
    },
}

impl Act<'_, '_> {
    /// Writes the record and derives what will be in force.
    pub(super) fn prepare(mut self) -> Result<Prepared, ActError> {
        let mut prepared = Prepared {
            links: std::mem::take(&mut self.links),
            leaves_all: self.leaves_all,
            ..Prepared::default()
        };
        for id in std::mem::take(&mut self.recipients) {
            let row = rows::access::recipient(self.tx, &id)?;
            prepared.recipients.extend(row);
        }
        for id in std::mem::take(&mut self.bridges) {
            prepared.bridges.extend(rows::bridge::one(self.tx, &id)?);
        }
        if !self.certificates.is_empty() {
            let next = crate::certificate::Next::derived(self.tx, &self.certificates)?;
            prepared.certificates = Some(next);
        }
        let catalogue = self.custody.inner.catalogue.load_full();
        if self.limits {
            for (id, _) in catalogue.deployments.iter() {
                self.touched.entry(id.clone()).or_default().suspended = true;
            }
        }
        let caps = match self.touched.values().any(|it| it.suspended) {
            true => Some(rows::cap::CapsByDeployment::read(self.tx)?),
            false => None,
        };
        for (id, touched) in std::mem::take(&mut self.touched) {
            let standing = catalogue.deployments.get(&id).filter(|_| !touched.whole);
            let next = match standing {
                Some(deployment) => {
                    let state = deployment.state.load_full();
                    let peers = |thing: &_| catalogue.things.get(thing).cloned();
                    let caps = caps.as_ref().filter(|_| touched.suspended);
                    let caps = caps.map(|it| it.at(&id));
                    load::derived(self.tx, &id, &state, touched, caps, peers).map(Some)
                }
                None => load::whole(self.tx, &id, &catalogue, &self.custody.inner.generation),
            };
            let next = next.map_err(|err| unenforceable(&id, err))?;
            prepared
                .states
                .push(next.ok_or(ActError::NoDeployment(id))?);
        }
        prepared.now = Some(self.now);
        if !self.entries.is_empty() {
            prepared.files = ledger::append(self.tx, &self.custody.inner.signer, &self.entries)?;
        }
        Ok(prepared)
    }
}

fn unenforceable(deployment: &DeploymentId, error: LoadError) -> ActError {
    match error {
        LoadError::Rows(err) => ActError::Rows(err),
        LoadError::Notice(err) => ActError::Unenforceable {
            deployment: deployment.clone(),
            reason: err.to_string(),
        },
        err @ (LoadError::Assignments | LoadError::Things) => ActError::Unenforceable {
            deployment: deployment.clone(),
            reason: err.to_string(),
        },
    }
}

impl Custody {
    /// Swaps in what was prepared. Cannot fail: everything that could has happened inside the transaction.
    pub(super) fn put_in_force(&self, prepared: Prepared) -> Files {
        let leaves_all = prepared.leaves_all();
        let standing = self.inner.catalogue.load_full();
        let is_known =
            |it: &Next| it.appeared.is_empty() && standing.deployments.get(&it.id).is_some();
        let mut routes = Vec::new();
        let has_things = |it: &Next| !it.appeared.is_empty() || !it.changed.is_empty();
        let things = prepared.states.iter().filter(|it| has_things(it));
        let things: Vec<_> = things.map(|it| it.id.clone()).collect();
        let credentials = !prepared.recipients.is_empty()
            || !prepared.bridges.is_empty()
            || prepared.states.iter().any(|it| !it.changed.is_empty());
        let touched: Vec<_> = prepared.states.iter().map(|it| it.id.clone()).collect();
        let parties = prepared.recipients.is_empty() && prepared.bridges.is_empty();
        if parties && prepared.states.iter().all(is_known) {
            for next in prepared.states {
                if let Some(deployment) = standing.deployments.get(&next.id) {
                    deployment.state.store(Arc::new(next.state));
                }
                set_things(&standing, &next.changed);
            }
        } else {
            let mut catalogue = Catalogue::clone(&standing);
            for row in prepared.recipients {
                self.put_recipient(&mut catalogue, &row);
            }
            for row in prepared.bridges {
                put_bridge(&mut catalogue, &row);
            }
            for next in prepared.states {
                routes.extend(swap(&mut catalogue, next, &self.inner.hub));
            }
            self.inner.catalogue.store(Arc::new(catalogue));
        }
        link(&self.inner.catalogue.load(), prepared.links, prepared.anew);
        for deployment in routes {
            self.inner.hub.route_new(&deployment);
        }
        let catalogue = self.inner.catalogue.load_full();
        for deployment in things.iter().filter_map(|it| catalogue.deployments.get(it)) {
            self.inner.hub.route_again(deployment);
        }
        for deployment in touched
            .iter()
            .filter_map(|it| catalogue.deployments.get(it))
        {
            self.prune_windows(deployment);
            self.prune_retained(deployment, prepared.now);
        }
        if let Some(next) = prepared.certificates {
            self.inner.certificates.put_in_force(next);
        }
        if !leaves_all {
            self.inner.rules.fetch_add(1, Ordering::Release);
        }
        // Whoever was between a permit and a socket under the old rules has finished when this lock is had.
        drop(
            self.inner
                .gate
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if credentials {
            self.inner.credentials.tell();
        }
        prepared.files
    }

    /// Tells about changes of credentials from now on.
    #[must_use]
    pub fn credential_watch(&self) -> Watch {
        self.inner.credentials.watch()
    }

    fn put_recipient(&self, catalogue: &mut Catalogue, row: &RecipientRow) {
        match catalogue.recipients.get(&row.id) {
            Some(peer) => peer.set(row),
            None => {
                let key = self.inner.pseudonyms.recipient_key(row.id.as_str());
                let peer = Arc::new(RecipientPeer::new(row, key));
                catalogue.recipients.insert(row.id.clone(), peer);
            }
        }
    }

    /// Puts in force what the rows say, at the start and when nobody knows what they say.
    pub(crate) fn load_all(&self) -> Result<(), OpenError> {
        let prepared = self.prepare_all()?;
        self.put_in_force(prepared);
        Ok(())
    }

    fn prepare_all(&self) -> Result<Prepared, OpenError> {
        let catalogue = self.inner.catalogue.load_full();
        self.inner.db.read(|tx| {
            let mut prepared = Prepared {
                recipients: rows::access::recipients(tx)?,
                bridges: rows::bridge::all(tx)?,
                anew: true,
                ..Prepared::default()
            };
            let links = rows::bridge::links(tx)?;
            prepared.links = links
                .into_iter()
                .map(|it| Link {
                    bridge: it.bridge,
                    name: it.name,
                    thing: Some(it.thing),
                })
                .collect();
            prepared.certificates = Some(crate::certificate::Next::whole(tx)?);
            for id in rows::deployment::ids(tx)? {
                let next = load::whole(tx, &id, &catalogue, &self.inner.generation);
                prepared.states.extend(next.map_err(|err| match err {
                    LoadError::Rows(err) => OpenError::Rows(err),
                    LoadError::Notice(_) | LoadError::Assignments | LoadError::Things => {
                        OpenError::Notice(id.clone())
                    }
                })?);
            }
            Ok(prepared)
        })
    }

    /// Compares what is in force with what the rows say, in full: slow, for tests and for whoever doubts.
    ///
    /// # Errors
    /// See [`InForceError`].
    pub fn check_in_force(&self, now: Timestamp) -> Result<(), InForceError> {
        let _no_act_now = writer(&self.inner);
        let prepared = self.prepare_all().map_err(InForceError::Rows)?;
        let catalogue = self.inner.catalogue.load_full();
        let different = |deployment: &DeploymentId, what| InForceError::Different {
            deployment: deployment.clone(),
            what,
        };
        for next in &prepared.states {
            let standing = catalogue.deployments.get(&next.id);
            let standing = standing.ok_or_else(|| different(&next.id, "the existence"))?;
            let standing = standing.state.load_full();
            if standing.senses_people(now) != next.state.senses_people(now) {
                return Err(different(&next.id, "whether it senses people"));
            }
            if let Some(what) = standing.difference(&next.state) {
                return Err(different(&next.id, what));
            }
            let known = |it: &ThingRow| {
                catalogue
                    .things
                    .get(&it.id)
                    .is_some_and(|peer| peer.is_as(it))
            };
            if !next.appeared.is_empty() || !next.changed.iter().all(known) {
                return Err(different(&next.id, "a thing's credential or topic"));
            }
        }
        Ok(())
    }
}

/// Gives the deployment when it has just appeared.
fn swap(catalogue: &mut Catalogue, next: Next, hub: &Hub) -> Option<Arc<Deployment>> {
    let Next {
        id,
        state,
        appeared,
        changed,
    } = next;
    let (deployment, is_new) = match catalogue.deployments.get(&id) {
        Some(deployment) => {
            deployment.state.store(Arc::new(state));
            (Arc::clone(deployment), false)
        }
        None => {
            let deployment = Arc::new(Deployment {
                id: id.clone(),
                state: ArcSwap::from_pointee(state),
                drift: crate::drift::DriftCounter::default(),
                routes: ArcSwap::default(),
                topics: Mutex::default(),
                retained: crate::retained::table::RetainedTable::default(),
                budget: Arc::clone(&hub.budget),
                receipts: Arc::clone(&hub.receipts),
                windows: crate::windows::table::WindowTable::default(),
            });
            catalogue.deployments.insert(id, Arc::clone(&deployment));
            (deployment, true)
        }
    };
    for Appeared { row, number } in appeared {
        let peer = ThingPeer::new(&row, number, Arc::clone(&deployment));
        if let Some(topic) = peer.topic() {
            deployment.topics().appear(number, topic);
        }
        catalogue.things.insert(row.id, Arc::new(peer));
    }
    set_things(catalogue, &changed);
    is_new.then_some(deployment)
}

fn set_things(catalogue: &Catalogue, changed: &[ThingRow]) {
    for row in changed {
        if let Some(peer) = catalogue.things.get(&row.id) {
            let topic = peer.topic();
            peer.set(row);
            if peer.topic() != topic {
                let mut topics = peer.deployment.topics();
                topics.set(peer.number, peer.topic());
            }
        }
    }
}

fn put_bridge(catalogue: &mut Catalogue, row: &BridgeRow) {
    match catalogue.bridges.get(&row.id) {
        Some(peer) => peer.set(row),
        None => {
            let peer = Arc::new(BridgePeer::new(row));
            catalogue.bridges.insert(row.id.clone(), peer);
        }
    }
}

/// Tells each bridge which things it means by its names.
fn link(catalogue: &Catalogue, links: Vec<Link>, anew: bool) {
    let mut of_each: BTreeMap<BridgeId, Vec<_>> = BTreeMap::new();
    if anew {
        of_each.extend(
            catalogue
                .bridges
                .iter()
                .map(|it| (it.0.clone(), Vec::new())),
        );
    }
    for Link {
        bridge,
        name,
        thing,
    } in links
    {
        let thing = thing.and_then(|it| catalogue.things.get(&it).map(Arc::clone));
        of_each.entry(bridge).or_default().push((name, thing));
    }
    for (bridge, changes) in of_each {
        if let Some(peer) = catalogue.bridges.get(&bridge) {
            peer.link(&changes, anew);
        }
    }
}

/// What an act has touched, by deployment.
pub(crate) type AllTouched = BTreeMap<DeploymentId, Touched>;
