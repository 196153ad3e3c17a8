//! What an act has written comes into force: prepared inside its transaction, swapped in after the commit.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use model::{DeploymentId, RecipientId, Timestamp};

use super::{Act, ActError};
use crate::Custody;
use crate::catalogue::load::{self, LoadError, NewThing, Next, Touched};
use crate::catalogue::{Catalogue, Deployment, RecipientPeer, ThingPeer};
use crate::ledger::{self, Files};
use crate::open::{OpenError, writer};
use crate::rows;
use crate::secret::TokenHash;

/// What is swapped in after the commit.
#[derive(Default)]
pub(crate) struct Prepared {
    states: Vec<Next>,
    recipients: Vec<(RecipientId, TokenHash)>,
    files: Files,
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
            recipients: std::mem::take(&mut self.recipients),
            ..Prepared::default()
        };
        let catalogue = self.custody.inner.catalogue.load_full();
        let caps = match self.limits {
            true => {
                for (id, _) in catalogue.deployments.iter() {
                    self.touched.entry(id.clone()).or_default();
                }
                Some(rows::cap::all(self.tx)?.into())
            }
            false => None,
        };
        for (id, touched) in std::mem::take(&mut self.touched) {
            let standing = catalogue.deployments.get(&id).filter(|_| !touched.whole);
            let next = match standing {
                Some(deployment) => {
                    let state = deployment.state.load_full();
                    let peers = |thing: &_| catalogue.things.get(thing).cloned();
                    load::derived(self.tx, &id, &state, touched, caps.clone(), peers).map(Some)
                }
                None => load::whole(self.tx, &id, &catalogue, &self.custody.inner.generation),
            };
            let next = next.map_err(|err| unenforceable(&id, err))?;
            prepared
                .states
                .push(next.ok_or(ActError::NoDeployment(id))?);
        }
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
        let standing = self.inner.catalogue.load_full();
        let is_known =
            |it: &Next| it.appeared.is_empty() && standing.deployments.get(&it.id).is_some();
        let mut routes = Vec::new();
        let touched: Vec<_> = prepared.states.iter().map(|it| it.id.clone()).collect();
        if prepared.recipients.is_empty() && prepared.states.iter().all(is_known) {
            for next in prepared.states {
                if let Some(deployment) = standing.deployments.get(&next.id) {
                    deployment.state.store(Arc::new(next.state));
                }
            }
        } else {
            let mut catalogue = Catalogue::clone(&standing);
            for (id, token) in prepared.recipients {
                self.add_recipient(&mut catalogue, id, token);
            }
            for next in prepared.states {
                routes.extend(swap(&mut catalogue, next));
            }
            self.inner.catalogue.store(Arc::new(catalogue));
        }
        for deployment in routes {
            self.inner.hub.route_new(&deployment);
        }
        let catalogue = self.inner.catalogue.load_full();
        for deployment in touched
            .iter()
            .filter_map(|it| catalogue.deployments.get(it))
        {
            self.prune_windows(deployment);
        }
        self.inner.rules.fetch_add(1, Ordering::Release);
        // Whoever was between a permit and a socket under the old rules has finished when this lock is had.
        drop(
            self.inner
                .gate
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
        prepared.files
    }

    fn add_recipient(&self, catalogue: &mut Catalogue, id: RecipientId, token: TokenHash) {
        if catalogue.recipients.get(&id).is_none() {
            let peer = RecipientPeer {
                pseudonym_key: self.inner.pseudonyms.recipient_key(id.as_str()),
                id: id.clone(),
                token,
            };
            catalogue.recipients.insert(id, Arc::new(peer));
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
                ..Prepared::default()
            };
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
        }
        Ok(())
    }
}

/// Gives the deployment when it has just appeared.
fn swap(catalogue: &mut Catalogue, next: Next) -> Option<Arc<Deployment>> {
    let Next {
        id,
        state,
        appeared,
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
                windows: crate::windows::table::WindowTable::default(),
            });
            catalogue.deployments.insert(id, Arc::clone(&deployment));
            (deployment, true)
        }
    };
    for NewThing { id, token, number } in appeared {
        let peer = ThingPeer {
            id: id.clone(),
            number,
            deployment: Arc::clone(&deployment),
            token,
            watching: crate::source::Watching::default(),
        };
        catalogue.things.insert(id, Arc::new(peer));
    }
    is_new.then_some(deployment)
}

/// What an act has touched, by deployment.
pub(crate) type AllTouched = BTreeMap<DeploymentId, Touched>;
