//! What is erased, for whoever decides on what leaves.
//!
//! The vault hides what is erased from whoever reads it. What was read before, or never was in the vault (a message that waits for its
//! recipient, a value in an open time window, a retained message), is held back by this: it knows every erasure that was asked for, from
//! the moment of asking, and is asked wherever something may leave. It is in memory, from the rows at the start. It also holds back what
//! a law wants kept from everybody but those who have it by that law.

use std::sync::Arc;

use arc_swap::ArcSwap;
use model::{PersonId, PurposeId, RecipientId, Subject, Timestamp};
use policy::{FieldSet, Keeping, Schema};
use rustc_hash::FxHashMap;

use super::{EraseId, EraseScope};
use crate::catalogue::{DeploymentState, ThingPeer};
use crate::rows::erasure::ErasureRow;
use crate::windows::table::{Key, Slot};

/// One erasure.
#[derive(Debug, Clone)]
pub(crate) struct Guarded {
    id: EraseId,
    scope: EraseScope,
    /// The first moment that is not in it any more.
    end: Timestamp,
    /// It cannot be taken back any more.
    has_begun: bool,
}

type People = FxHashMap<PersonId, Arc<[Guarded]>>;

/// Every erasure, by person.
#[derive(Default)]
pub(crate) struct Guard {
    people: ArcSwap<People>,
}

impl Guard {
    /// Puts in what the rows say, or what has just been asked for or begun.
    pub(crate) fn put<'a>(&self, rows: impl Iterator<Item = &'a ErasureRow> + Clone) {
        self.people.rcu(|people| {
            let mut people = People::clone(people);
            for row in rows.clone() {
                let known = people.get(&row.person).map_or(&[][..], |it| it);
                let others = known.iter().filter(|it| it.id != row.id).cloned();
                let guarded = Guarded {
                    id: row.id.clone(),
                    scope: row.scope.clone(),
                    end: row.end(),
                    has_begun: row.state != super::EraseState::Waiting,
                };
                let all: Arc<[Guarded]> = others.chain([guarded]).collect();
                people.insert(row.person.clone(), all);
            }
            people
        });
    }

    /// Forgets an erasure that was taken back.
    pub(crate) fn remove(&self, person: &PersonId, id: &EraseId) {
        self.people.rcu(|people| {
            let mut people = People::clone(people);
            let known = people.remove(person).unwrap_or_default();
            let left: Arc<[Guarded]> = known.iter().filter(|it| it.id != *id).cloned().collect();
            if !left.is_empty() {
                people.insert(person.clone(), left);
            }
            people
        });
    }

    /// How many erasures of a person have begun: it only grows.
    pub(crate) fn begun(&self, person: &PersonId) -> usize {
        let people = self.people.load();
        let known = people.get(person).map_or(&[][..], |it| it);
        known.iter().filter(|it| it.has_begun).count()
    }

    /// Who has asked for everything to be erased, and can still undo it.
    pub(crate) fn asked_for_everything(&self) -> Vec<PersonId> {
        let people = self.people.load();
        let waits = |it: &Guarded| it.scope.is_everything() && !it.has_begun;
        let found = people.iter().filter(|(_, all)| all.iter().any(waits));
        found.map(|it| it.0.clone()).collect()
    }

    /// The fields of a message that somebody whom they are about has had erased.
    pub(crate) fn fields(
        &self,
        concerned: &[(Subject, FieldSet)],
        thing: &ThingPeer,
        at: Timestamp,
        schema: &Schema,
    ) -> FieldSet {
        let people = self.people.load();
        if people.is_empty() {
            return FieldSet::EMPTY;
        }
        let mut gone = FieldSet::EMPTY;
        for (subject, about) in concerned {
            let Subject::Person(person) = subject else {
                continue;
            };
            let known = people.get(person).map_or(&[][..], |it| it);
            let deployment = &thing.deployment.id;
            let covering = known
                .iter()
                .filter(|it| it.scope.covers(it.end, deployment, &thing.id, at));
            for erased in covering {
                let fields = match erased.scope.field() {
                    None => *about,
                    Some(field) => about.and(schema.index_of(field).into_iter().collect()),
                };
                gone = gone.or(fields);
            }
        }
        gone
    }

    /// Whether somebody has had what a time window holds erased, of values from the first to the last of these moments, by any erasure or
    /// by one. What is kept for people is erased from when they cannot undo it any more.
    pub(crate) fn has_window(
        &self,
        state: &DeploymentState,
        key: &Key,
        between: (Timestamp, Timestamp),
        only: Option<&EraseId>,
    ) -> bool {
        let people = self.people.load();
        if people.is_empty() {
            return false;
        }
        let Some(field) = state.schema.index_of(&key.field) else {
            return false;
        };
        let is_kept = match &key.slot {
            Slot::Kept(Keeping::ByLaw, _) => return false,
            Slot::Kept(Keeping::AsChosen, _) => true,
            Slot::Lane(lane) if by_law(state, &lane.recipient, &lane.purpose).contains(field) => {
                return false;
            }
            Slot::Lane(_) => false,
        };
        key.people.iter().any(|present| {
            let known = present.person().and_then(|it| people.get(it));
            let mut known = known.into_iter().flat_map(|it| it.iter());
            state.rules.about(present.roles).contains(field)
                && known.any(|it| {
                    let deployment = &state.notice.deployment;
                    (!is_kept || it.has_begun)
                        && only.is_none_or(|id| *id == it.id)
                        && it.scope.field().is_none_or(|it| *it == key.field)
                        && it.scope.overlaps(it.end, deployment, &key.thing, between)
                })
        })
    }
}

/// The fields that a recipient has for a purpose whatever people choose, because a law or a vital interest says so.
pub(crate) fn by_law(
    state: &DeploymentState,
    recipient: &RecipientId,
    purpose: &PurposeId,
) -> FieldSet {
    let declarations = state.notice.declarations.iter();
    let fixed = declarations.filter(|it| {
        !it.basis.can_choose() && it.purpose == *purpose && it.recipients.contains(recipient)
    });
    let fields = fixed.flat_map(|it| &it.fields);
    fields.filter_map(|it| state.schema.index_of(it)).collect()
}
