//! The decision on a message that has just come, in two steps: what is kept, at once; what passes to whom, when somebody asks.
//!
//! Together both say what [`decide`](super::decide) says. Most messages are asked about for few of their lanes.

use model::Timestamp;
use smallvec::SmallVec;

use super::{Effect, Facts, Kept, Outcome, Refusal, blocked, refusal, stored};
use crate::field_set::FieldSet;
use crate::payload::Payload;
use crate::program::{LaneIndex, Program, is_open};

/// Whether a message is let in, and what of it is kept.
#[derive(Debug)]
pub struct KeptDecision {
    effect: Effect,
    stored: SmallVec<[Kept; 2]>,
    present: FieldSet,
    blocked: FieldSet,
    now: Timestamp,
}

/// What passes of a message to those who ask; lanes that share a view share the answer.
#[derive(Debug)]
pub struct Passing<'a> {
    program: &'a Program,
    present: FieldSet,
    blocked: FieldSet,
    now: Timestamp,
    views: SmallVec<[(u16, Option<Outcome>); 1]>,
}

/// Decides whether a message is let in, and what of it is kept. Not for what was made of time windows: that is not let in here.
#[must_use]
pub fn decide_kept(program: &Program, payload: &Payload, facts: &Facts) -> KeptDecision {
    let refusal = refusal(program, payload, facts);
    let refusal = refusal.or_else(|| payload.is_aggregate().then_some(Refusal::Schema));
    if let Some(refusal) = refusal {
        return KeptDecision {
            effect: Effect::Refuse(refusal),
            stored: SmallVec::new(),
            present: FieldSet::EMPTY,
            blocked: FieldSet::EMPTY,
            now: facts.now,
        };
    }
    let blocked = blocked(program, payload);
    KeptDecision {
        effect: Effect::Admit,
        stored: stored(program, facts.now, payload.present, blocked),
        present: payload.present,
        blocked,
        now: facts.now,
    }
}

impl KeptDecision {
    /// Whether the message is let in at all.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// What is kept; see [`Decision::stored`](super::Decision::stored).
    #[must_use]
    pub fn stored(&self) -> &[Kept] {
        &self.stored
    }

    /// What passes to whom, under the program under which it was decided.
    #[must_use]
    pub fn passing<'a>(&self, program: &'a Program) -> Passing<'a> {
        Passing {
            program,
            present: self.present,
            blocked: self.blocked,
            now: self.now,
            views: SmallVec::new(),
        }
    }
}

impl Passing<'_> {
    /// What passes to a lane; `None` when nothing does.
    pub fn outcome(&mut self, lane: LaneIndex) -> Option<&Outcome> {
        let number = *self.program.view_of.get(usize::from(lane.0))?;
        let known = self.views.iter().position(|it| it.0 == number);
        let known = known.unwrap_or_else(|| {
            self.views.push((number, self.view(number)));
            self.views.len() - 1
        });
        self.views.get(known)?.1.as_ref()
    }

    fn view(&self, number: u16) -> Option<Outcome> {
        let view = self.program.views.get(usize::from(number))?;
        if !is_open(&view.windows, self.now) {
            return None;
        }
        Outcome::of(&view.levels, self.present, self.blocked)
    }
}
