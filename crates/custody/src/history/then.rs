//! What held when a reading came in, as far as rows can tell; where they cannot, it was less.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{DeploymentId, Level, PersonId, Pointer, PurposeId, RecipientId, Roles, Timestamp};
use policy::Program;
use rustc_hash::FxHashMap;

use super::SETTLE_MILLIS;
use crate::Custody;
use crate::catalogue::chosen::Chosen;
use crate::catalogue::{Bound, DeploymentState};
use crate::rows::{self, RowError};

/// A change of a choice: when, and the levels before and after.
type Turn = (Timestamp, Level, Level);

/// What people chose for one lane, over time.
pub(super) struct Then<'a> {
    custody: &'a Custody,
    state: &'a DeploymentState,
    recipient: &'a RecipientId,
    purpose: &'a PurposeId,
    turns: FxHashMap<PersonId, Arc<BTreeMap<Pointer, Vec<Turn>>>>,
    programs: FxHashMap<Vec<(Roles, Chosen)>, Arc<Program>>,
}

impl<'a> Then<'a> {
    pub(super) fn new(
        custody: &'a Custody,
        state: &'a DeploymentState,
        recipient: &'a RecipientId,
        purpose: &'a PurposeId,
    ) -> Self {
        Self {
            custody,
            state,
            recipient,
            purpose,
            turns: FxHashMap::default(),
            programs: FxHashMap::default(),
        }
    }

    /// The program for these people with what they had chosen at a moment. Only what it says of the one lane counts.
    pub(super) fn program(
        &mut self,
        bound: &Bound,
        at: Timestamp,
    ) -> Result<Arc<Program>, RowError> {
        let mut is_as_now = true;
        let mut key = Vec::with_capacity(bound.people.len());
        for present in bound.people.iter() {
            let Some(person) = present.person() else {
                continue;
            };
            let now = self.state.chosen_by(person);
            let turns = self.turns(person)?;
            let then = self.chosen(&now, &turns, at);
            is_as_now &= then == now;
            key.push((present.roles, then));
        }
        if is_as_now {
            return Ok(Arc::clone(&bound.program));
        }
        if let Some(known) = self.programs.get(&key) {
            return Ok(Arc::clone(known));
        }
        let program = Arc::new(self.state.rules.program_as(&key));
        self.programs.insert(key, Arc::clone(&program));
        Ok(program)
    }

    /// What a person had chosen at a moment: as now, but for what changed since.
    fn chosen(&self, now: &Chosen, turns: &BTreeMap<Pointer, Vec<Turn>>, at: Timestamp) -> Chosen {
        let mut then: BTreeMap<u32, Level> = now.iter().copied().collect();
        for (field, turns) in turns {
            let slots = &self.state.rules.slots;
            let number = slots.number(field, self.purpose, self.recipient);
            if let (Some(number), Some(level)) = (number, level_at(turns, at)) {
                then.insert(number, level);
            }
        }
        match then.len() == now.len()
            && then.iter().zip(now.iter()).all(|(a, b)| (*a.0, *a.1) == *b)
        {
            true => Arc::clone(now),
            false => then.into_iter().collect(),
        }
    }

    fn turns(&mut self, person: &PersonId) -> Result<Arc<BTreeMap<Pointer, Vec<Turn>>>, RowError> {
        if let Some(known) = self.turns.get(person) {
            return Ok(Arc::clone(known));
        }
        let deployment: &DeploymentId = &self.state.notice.deployment;
        let (acts, changes) = self.custody.inner.db.read(|tx| {
            Ok::<_, RowError>((
                rows::consent::all_acts(tx, person)?,
                rows::consent::changes_at(tx, person, deployment)?,
            ))
        })?;
        let times: FxHashMap<i64, Timestamp> = acts.iter().map(|it| (it.number, it.at)).collect();
        let mut turns: BTreeMap<Pointer, Vec<Turn>> = BTreeMap::new();
        for (number, change) in changes {
            let matter = change.matter;
            if matter.purpose == *self.purpose
                && matter.recipient == *self.recipient
                && let Some(at) = times.get(&number)
            {
                let turn = (*at, change.before.level, change.after.level);
                turns.entry(matter.field).or_default().push(turn);
            }
        }
        let turns = Arc::new(turns);
        self.turns.insert(person.clone(), Arc::clone(&turns));
        Ok(turns)
    }
}

/// The level at a moment, from changes in their order. Around a change the lower of both counts for [`SETTLE_MILLIS`].
fn level_at(turns: &[Turn], at: Timestamp) -> Option<Level> {
    let settled = at.plus_millis(-SETTLE_MILLIS);
    let mut level = turns.first()?.1;
    for (when, _, after) in turns {
        if *when <= settled {
            level = *after;
        } else if *when <= at {
            level = level.meet(*after);
        } else {
            break;
        }
    }
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_counts_from_a_while_after_it_was_chosen_and_until_it_is_lowered() {
        let at = Timestamp::from_millis;
        let day = 86_400_000;
        let turns = [
            (at(day), Level::OFF, Level::ON),
            (at(3 * day), Level::ON, Level::OFF),
        ];
        let level = |millis| level_at(&turns, at(millis));
        assert_eq!(level(0), Some(Level::OFF));
        assert_eq!(level(day), Some(Level::OFF));
        assert_eq!(level(day + SETTLE_MILLIS - 1), Some(Level::OFF));
        assert_eq!(level(day + SETTLE_MILLIS), Some(Level::ON));
        assert_eq!(level(3 * day - 1), Some(Level::ON));
        assert_eq!(level(3 * day), Some(Level::OFF));
        assert_eq!(level(4 * day), Some(Level::OFF));
        assert_eq!(level_at(&[], at(0)), None);
    }
}
