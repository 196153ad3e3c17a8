//! What pages show of switches: to a person, and to everybody.

use std::sync::{Arc, PoisonError};

use model::{DeploymentId, PersonId, Pointer, Subject, ThingId, Timestamp};

use super::keeper::{Entry, Shelf, Switch};
use super::listen::{self, Ears};
use super::machine::{Happening, Outcome, Setting, State, Step};
use crate::Custody;
use crate::rows::{self, RowError};

/// The most switches that are shown to a person of one deployment.
const MAX_SHOWN: usize = 100;
/// Fewer things than this are not counted in public: a small count would tell what somebody chose.
const LEAST_COUNT: u32 = 5;

/// Where a switch of a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was never told anything: it measures as it was made to.
    AsMade,
    /// It is being told.
    Waiting,
    /// It cannot be told: it does not listen.
    Deaf,
    /// It was told; whether it obeys is not known yet, or cannot be known.
    Told,
    /// It obeys.
    Obeyed,
    /// It does not obey.
    Disobeyed,
}

/// A switch of a thing, as the person sees it whom the thing senses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// The thing.
    pub thing: ThingId,
    /// What the switch is for.
    pub fields: Vec<Pointer>,
    /// What is wanted.
    pub wanted: Setting,
    /// Where that stands.
    pub standing: Standing,
    /// When the thing was told last, where it sensed this person then.
    pub told_at: Option<Timestamp>,
    /// Whether it is not told again.
    pub is_given_up: bool,
}

/// Something that happened at a switch of a thing while it sensed a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEvent {
    /// The thing.
    pub thing: ThingId,
    /// What the switch is for.
    pub fields: Vec<Pointer>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
    /// What the thing was told.
    pub setting: Setting,
}

/// A number of things, as everybody may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicCount {
    /// Fewer than so many, perhaps none.
    FewerThan(u32),
    /// So many.
    Exactly(u32),
}

/// How the things of a deployment do as they are told: public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceCounts {
    /// Things that were told and do not obey.
    pub disobey: PublicCount,
    /// Things that are to be told and do not listen.
    pub deaf: PublicCount,
}

impl Custody {
    /// Events of switches that were not written, since the start: more than
    /// [`MAX_EVENTS_PER_HOUR`](super::MAX_EVENTS_PER_HOUR) of one thing and switch.
    #[must_use]
    pub fn unwritten_source_events(&self) -> u64 {
        let unwritten = &self.inner.source.unwritten;
        unwritten.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The switches of the things that sense a person at a deployment. Empty where its notice has none. Blocks on the
    /// database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_states(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Vec<SourceState>, RowError> {
        let named = self.is_named_at(person, deployment);
        let mut found = self.switches_about(person, deployment, named);
        found.sort_by(|a, b| a.0.thing.cmp(&b.0.thing));
        found.truncate(MAX_SHOWN);
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let subject = Subject::Person(person.clone());
        let told = self
            .inner
            .db
            .read(|tx| rows::source::told(tx, &subject, deployment))?;
        let shown = found.into_iter().map(|(mut state, key, is_theirs)| {
            if is_theirs {
                let theirs = told.iter().find(|it| it.0 == state.thing && it.1 == *key);
                state.told_at = theirs.map(|it| it.2);
            }
            state.told_at = state.told_at.filter(|it| *it <= now);
            state
        });
        Ok(shown.collect())
    }

    /// What happened at the switches of things while they sensed a person, the newest first; at most `limit`. Switches
    /// that the notice in force does not have any more are left out. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_events(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        limit: u16,
    ) -> Result<Vec<SourceEvent>, RowError> {
        let subject = Subject::Person(person.clone());
        let rows = self
            .inner
            .db
            .read(|tx| rows::source::events(tx, &subject, deployment, limit))?;
        let keeper = &self.inner.source;
        let book = keeper.book.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(shelf) = book.shelves.get(deployment) else {
            return Ok(Vec::new());
        };
        let events = rows.into_iter().filter_map(|it| {
            let switch = shelf
                .switches
                .iter()
                .find(|switch| *switch.key == *it.switch)?;
            Some(SourceEvent {
                thing: it.thing,
                fields: switch.words.fields.clone(),
                at: it.at,
                what: it.what,
                setting: it.setting,
            })
        });
        Ok(events.collect())
    }

    /// How the things of a deployment do as they are told; `None` where its notice has no switches.
    #[must_use]
    pub fn source_counts(&self, deployment: &DeploymentId) -> Option<SourceCounts> {
        let keeper = &self.inner.source;
        let book = keeper.book.lock().unwrap_or_else(PoisonError::into_inner);
        let ears = keeper.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = book.shelves.get(deployment)?;
        let (mut disobey, mut deaf) = (0, 0);
        for (thing, entry) in &shelf.things {
            let is = |standing| {
                let mut all = standings(shelf, thing, entry, ears.get(thing));
                all.any(|it| it == standing)
            };
            disobey += u32::from(is(Standing::Disobeyed));
            deaf += u32::from(is(Standing::Deaf));
        }
        Some(SourceCounts {
            disobey: PublicCount::of(disobey),
            deaf: PublicCount::of(deaf),
        })
    }

    fn is_named_at(&self, person: &PersonId, deployment: &DeploymentId) -> bool {
        let catalogue = self.inner.catalogue.load();
        let Some(deployment) = catalogue.deployments.get(deployment) else {
            return false;
        };
        let state = deployment.state.load();
        state.notice.subject_field.is_some() && state.concerns(person)
    }

    /// Each switch with its name, and whether its thing is assigned to the person.
    fn switches_about(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        named: bool,
    ) -> Vec<(SourceState, Arc<str>, bool)> {
        let keeper = &self.inner.source;
        let book = keeper.book.lock().unwrap_or_else(PoisonError::into_inner);
        let ears = keeper.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(shelf) = book.shelves.get(deployment) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (thing, entry) in &shelf.things {
            let people = &entry.bound.people;
            let is_theirs = people.iter().any(|it| it.person() == Some(person));
            if is_theirs || named && people.is_empty() {
                let standings = standings(shelf, thing, entry, ears.get(thing));
                let all = shelf.switches.iter().zip(&entry.states).zip(standings);
                found.extend(all.map(|((switch, state), standing)| {
                    let shown = SourceState {
                        thing: thing.clone(),
                        fields: switch.words.fields.clone(),
                        wanted: state.wanted,
                        standing,
                        told_at: state.told.map(|it| it.1),
                        is_given_up: state.is_given_up(),
                    };
                    (shown, Arc::clone(&switch.key), is_theirs)
                }));
            }
        }
        found
    }
}

fn standings<'a>(
    shelf: &'a Shelf,
    thing: &'a ThingId,
    entry: &'a Entry,
    ears: Option<&'a Ears>,
) -> impl Iterator<Item = Standing> + 'a {
    let all = shelf.switches.iter().zip(&entry.states).enumerate();
    all.map(move |(index, (switch, state))| {
        standing(switch, thing, state, (entry.measures(index), ears))
    })
}

fn standing(
    switch: &Switch,
    thing: &ThingId,
    state: &State,
    (measures, ears): (bool, Option<&Ears>),
) -> Standing {
    match (state.outcome, state.step) {
        (Outcome::Obeyed { .. }, _) => Standing::Obeyed,
        (Outcome::Disobeyed { .. }, _) => Standing::Disobeyed,
        (Outcome::Open, Step::Rest) => Standing::AsMade,
        (Outcome::Open, Step::Sent { .. } | Step::Watching) => Standing::Told,
        (Outcome::Open, Step::Due { .. } | Step::Offered { .. }) => {
            let topic = listen::topic_of(&switch.words, thing);
            let listens = ears.is_some_and(|it| it.iter().any(|it| it.takes(&topic)));
            match listens {
                true => Standing::Waiting,
                // A notice is for all things of a deployment: one that never measured this need not be told.
                false if !measures && state.told.is_none() => Standing::AsMade,
                false => Standing::Deaf,
            }
        }
    }
}

impl PublicCount {
    pub(crate) fn of(count: u32) -> Self {
        match count {
            it if it < LEAST_COUNT => Self::FewerThan(LEAST_COUNT),
            it => Self::Exactly(it),
        }
    }
}
