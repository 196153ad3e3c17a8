//! What is in force, in memory: one immutable state per deployment, swapped whole.
//!
//! A message takes one snapshot of its deployment's state and uses nothing else, so a choice, a notice, a grant or a
//! licence is in force for all things of the deployment in one atomic swap. The hot path takes no lock and makes no query.

use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use model::{
    Choice, DeploymentId, Grant, Licence, LicenceState, Notice, PersonId, RecipientId, Roles,
    Subject, ThingId, Timestamp,
};
use policy::{Facts, Inputs, Program, Schema, Sensed};
use ring::hmac;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::deliver::Route;
use crate::drift::DriftCounter;
use crate::rows::deployment::DeploymentRow;
use crate::secret::{SubjectToken, TokenHash};

/// Who stands behind a connection.
#[derive(Debug, Clone)]
pub enum Peer {
    /// A device: may publish.
    Thing(Arc<ThingPeer>),
    /// A party that receives: may subscribe, naming a purpose.
    Recipient(Arc<RecipientPeer>),
}

/// A registered thing.
pub struct ThingPeer {
    pub(crate) id: ThingId,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) token: TokenHash,
}

impl ThingPeer {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &ThingId {
        &self.id
    }
}

impl std::fmt::Debug for ThingPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ThingPeer({})", self.id)
    }
}

/// A registered recipient.
pub struct RecipientPeer {
    pub(crate) id: RecipientId,
    pub(crate) token: TokenHash,
    pub(crate) pseudonym_key: hmac::Key,
}

impl RecipientPeer {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &RecipientId {
        &self.id
    }
}

impl std::fmt::Debug for RecipientPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecipientPeer({})", self.id)
    }
}

/// Everyone and everything that is registered.
#[derive(Default, Clone)]
pub(crate) struct Catalogue {
    pub(crate) deployments: FxHashMap<DeploymentId, Arc<Deployment>>,
    pub(crate) things: FxHashMap<ThingId, Arc<ThingPeer>>,
    pub(crate) recipients: FxHashMap<RecipientId, Arc<RecipientPeer>>,
}

/// A deployment: its identity stays, its state is swapped.
pub(crate) struct Deployment {
    pub(crate) id: DeploymentId,
    pub(crate) state: ArcSwap<DeploymentState>,
    pub(crate) drift: DriftCounter,
    pub(crate) routes: ArcSwap<Vec<Route>>,
}

/// Everything that decides about a message of a deployment, at one moment.
pub(crate) struct DeploymentState {
    pub(crate) notice: Arc<Notice>,
    pub(crate) schema: Arc<Schema>,
    licence: Licence,
    quarantined: bool,
    grants: Vec<Grant>,
    choices: FxHashMap<PersonId, Vec<Choice>>,
    /// By thing: the people assigned to it.
    things: FxHashMap<ThingId, Arc<Bound>>,
    /// By what a message says: the person known by a field.
    subjects: FxHashMap<SubjectToken, Arc<Bound>>,
    /// By both, made when first met: only where things have people *and* messages name people.
    both: RwLock<FxHashMap<(ThingId, SubjectToken), Arc<Bound>>>,
    generation: u64,
}

/// The most bounds for a thing's people and a named person together that are kept; then they are made anew.
const MAX_BOTH: usize = 10_000;

/// Whom a message names, where its notice declares a field that identifies people.
pub(crate) enum Named {
    /// The notice declares no such field, or the message does not have it.
    Nobody,
    /// By the keyed hash of what it says.
    Somebody(SubjectToken),
}

/// A program and the people under whose keys its readings are sealed.
pub(crate) struct Bound {
    people: Vec<PersonId>,
    pub(crate) program: Arc<Program>,
    pub(crate) subjects: SmallVec<[Subject; 1]>,
}

/// What the rows say about one deployment.
pub(crate) struct Loaded {
    pub(crate) row: DeploymentRow,
    pub(crate) things: Vec<LoadedThing>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) choices: FxHashMap<PersonId, Vec<Choice>>,
    pub(crate) subjects: Vec<(SubjectToken, PersonId)>,
}

/// A thing with the people assigned to it.
pub(crate) struct LoadedThing {
    pub(crate) id: ThingId,
    pub(crate) token: TokenHash,
    pub(crate) people: Vec<PersonId>,
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
}

impl Deployment {
    fn in_force(&self, now: Timestamp) -> InForce {
        let state = self.state.load();
        InForce {
            id: self.id.clone(),
            notice: Arc::clone(&state.notice),
            licence: state.licence_at(now),
            licence_until: state.licence.until,
            things: state.things.len(),
            senses_people: state.senses_people(),
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

    /// What is in force at one deployment, if there is such a one.
    #[must_use]
    pub fn in_force_at(&self, deployment: &DeploymentId, now: Timestamp) -> Option<InForce> {
        let catalogue = self.inner.catalogue.load();
        Some(catalogue.deployments.get(deployment)?.in_force(now))
    }
}

impl DeploymentState {
    /// Compiles what the rows say. Things that sense the same people share one program.
    pub(crate) fn compile(loaded: &Loaded, generation: u64) -> Result<Self, policy::CompileError> {
        let notice = Arc::new(loaded.row.notice.clone());
        let mut state = Self {
            schema: Schema::compile(&notice)?,
            notice,
            licence: loaded.row.licence,
            quarantined: loaded.row.quarantined,
            grants: loaded.grants.clone(),
            choices: loaded.choices.clone(),
            things: FxHashMap::default(),
            subjects: FxHashMap::default(),
            both: RwLock::default(),
            generation,
        };
        let mut programs: FxHashMap<&[PersonId], Arc<Program>> = FxHashMap::default();
        for thing in &loaded.things {
            let program = programs
                .entry(&thing.people)
                .or_insert_with(|| Arc::new(state.program_for(&thing.people)));
            let bound = Bound {
                people: thing.people.clone(),
                program: Arc::clone(program),
                subjects: subjects_of(thing),
            };
            state.things.insert(thing.id.clone(), Arc::new(bound));
        }
        for (token, person) in &loaded.subjects {
            let bound = state.bound_to(vec![person.clone()]);
            state.subjects.insert(token.clone(), Arc::new(bound));
        }
        Ok(state)
    }

    /// The program for a message that senses exactly these people.
    pub(crate) fn program_for(&self, people: &[PersonId]) -> Program {
        let sensed: Vec<_> = people
            .iter()
            .map(|it| Sensed {
                roles: Roles::ALL,
                choices: self.choices_of(it),
            })
            .collect();
        policy::compile(&Inputs {
            notice: &self.notice,
            schema: &self.schema,
            people: &sensed,
            grants: &self.grants,
            caps: &[],
            generation: self.generation,
        })
    }

    /// The facts of a decision at `now`.
    pub(crate) fn facts(&self, now: Timestamp) -> Facts {
        Facts {
            now,
            licence: self.licence_at(now),
            quarantined: self.quarantined,
        }
    }

    pub(crate) fn licence_at(&self, now: Timestamp) -> LicenceState {
        self.licence.state_at(now)
    }

    /// The program and people for a message of `thing`: those assigned to it and whoever the message names, together,
    /// so that the most protective choice of all of them wins.
    pub(crate) fn bound(&self, thing: &ThingId, named: &Named) -> Option<Arc<Bound>> {
        let assigned = self.things.get(thing)?;
        let known = match named {
            Named::Nobody => None,
            Named::Somebody(token) => self.subjects.get(token).map(|it| (token, it)),
        };
        match known {
            None => Some(Arc::clone(assigned)),
            Some((_, known)) if assigned.people.is_empty() => Some(Arc::clone(known)),
            Some((token, known)) => Some(self.bound_to_both(thing, token, assigned, known)),
        }
    }

    fn bound_to_both(
        &self,
        thing: &ThingId,
        token: &SubjectToken,
        assigned: &Bound,
        known: &Bound,
    ) -> Arc<Bound> {
        let key = (thing.clone(), token.clone());
        if let Some(bound) = self
            .both
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Arc::clone(bound);
        }
        let mut people = assigned.people.clone();
        people.extend(
            known
                .people
                .iter()
                .filter(|it| !assigned.people.contains(it))
                .cloned(),
        );
        let bound = Arc::new(self.bound_to(people));
        let mut both = self.both.write().unwrap_or_else(PoisonError::into_inner);
        if both.len() >= MAX_BOTH {
            both.clear();
        }
        both.insert(key, Arc::clone(&bound));
        bound
    }

    /// A program for exactly these people, who are not nobody.
    fn bound_to(&self, people: Vec<PersonId>) -> Bound {
        Bound {
            program: Arc::new(self.program_for(&people)),
            subjects: people.iter().cloned().map(Subject::Person).collect(),
            people,
        }
    }

    pub(crate) fn choices_of(&self, person: &PersonId) -> &[Choice] {
        self.choices.get(person).map_or(&[], Vec::as_slice)
    }

    fn senses_people(&self) -> bool {
        self.notice.subject_field.is_some() || self.things.values().any(|it| !it.people.is_empty())
    }

    /// Whether any thing or field of the deployment concerns this person.
    pub(crate) fn concerns(&self, person: &PersonId) -> bool {
        let subject = Subject::Person(person.clone());
        let mut bounds = self.things.values().chain(self.subjects.values());
        bounds.any(|it| it.subjects.contains(&subject))
    }

    pub(crate) fn has_grant(
        &self,
        recipient: &RecipientId,
        purpose: &model::PurposeId,
        now: Timestamp,
    ) -> bool {
        self.grants.iter().any(|it| {
            it.recipient == *recipient
                && it.purpose == *purpose
                && it.valid_until.is_none_or(|until| now < until)
        })
    }
}

/// Readings of a thing without persons lie under the thing's own key.
fn subjects_of(thing: &LoadedThing) -> SmallVec<[Subject; 1]> {
    if thing.people.is_empty() {
        return SmallVec::from_iter([Subject::Thing(thing.id.clone())]);
    }
    thing.people.iter().cloned().map(Subject::Person).collect()
}
