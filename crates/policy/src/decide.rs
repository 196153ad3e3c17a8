//! The decision on one message: which fields pass to which lane, and which are kept how long.

use std::sync::Arc;

use model::{Level, LicenceState, Retention, Timestamp};
use smallvec::SmallVec;

use crate::field_set::{FieldIndex, FieldSet};
use crate::payload::Payload;
use crate::program::{Keeping, LaneIndex, Levels, Program, is_open};
use crate::schema::SchemaField;

pub(crate) mod aggregate;
pub(crate) mod classes;
pub(crate) mod kept;
pub(crate) mod retain;

/// What holds at the moment of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The time.
    pub now: Timestamp,
    /// The licence of the deployment.
    pub licence: LicenceState,
    /// Whether the security desk has shut the thing off.
    pub quarantined: bool,
}

/// Whether a message is let in at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is; the outcomes say what passes where.
    Admit,
    /// It is not: nothing passes, nothing is stored.
    Refuse(Refusal),
}

/// Why a message is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The deployment has no licence in force.
    Licence(LicenceState),
    /// The thing is shut off.
    Quarantined,
    /// The message was read under a schema that is not the program's: read it again, or see [`Payload::under`].
    Schema,
}

/// What passes: fields by level. Never empty, never holds a field that did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub(crate) levels: Levels,
}

impl Outcome {
    /// How much of a field passes.
    #[must_use]
    pub fn level(&self, field: FieldIndex) -> Level {
        let found = self.levels.iter().find(|it| it.1.contains(field));
        found.map_or(Level::OFF, |it| it.0)
    }

    /// The fields that pass in any form.
    #[must_use]
    pub fn fields(&self) -> FieldSet {
        let sets = self.levels.iter().map(|it| it.1);
        sets.fold(FieldSet::EMPTY, FieldSet::or)
    }

    /// The fields that pass as precisely as they came.
    #[must_use]
    pub fn exact(&self) -> FieldSet {
        let sets = self.levels.iter().filter(|it| it.0 == Level::ON);
        sets.fold(FieldSet::EMPTY, |all, it| all.or(it.1))
    }

    /// Whether some field passes less precisely than it came.
    #[must_use]
    pub fn is_coarse(&self) -> bool {
        self.levels.iter().any(|it| it.0 != Level::ON)
    }

    /// What both let pass, each field at the lower of its two levels; `None` when that is nothing.
    /// Both must be of messages read under the same fields.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        if self == other {
            return Some(self.clone());
        }
        let mut met = Levels::new();
        for (level, fields) in &self.levels {
            for (other_level, other_fields) in &other.levels {
                let (level, fields) = (level.meet(*other_level), fields.and(*other_fields));
                match met.iter_mut().find(|it| it.0 == level) {
                    Some(known) => known.1 = known.1.or(fields),
                    None if fields.is_empty() => {}
                    None => met.push((level, fields)),
                }
            }
        }
        met.sort_by_key(|it| std::cmp::Reverse(it.0));
        (!met.is_empty()).then_some(Self { levels: met })
    }

    /// What passes of these fields; `None` when that is nothing.
    #[must_use]
    pub fn only(&self, fields: FieldSet) -> Option<Self> {
        Self::of(&self.levels, fields, FieldSet::EMPTY)
    }

    /// Of a view, what came; `None` when that is nothing.
    fn of(levels: &Levels, present: FieldSet, blocked: FieldSet) -> Option<Self> {
        let mut passing = Levels::new();
        for (level, fields) in levels {
            let mut fields = fields.and(present);
            if *level != Level::ON {
                fields = fields.without(blocked);
            }
            if !fields.is_empty() {
                passing.push((*level, fields));
            }
        }
        (!passing.is_empty()).then_some(Self { levels: passing })
    }
}

/// A field that is denied because it could not be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A coarse level of the field cannot show the value, so it passes at none of them.
    #[error("the value is outside of what the coarse levels of the field can show")]
    NotCoarsenable(FieldIndex),
}

/// What of a message is kept, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Who decides whether it is kept.
    pub keeping: Keeping,
    /// How long.
    pub retention: Retention,
    /// What.
    pub outcome: Outcome,
}

/// The decision on one message.
#[derive(Debug, Clone)]
pub struct Decision {
    effect: Effect,
    view_of: Arc<[u16]>,
    views: SmallVec<[Option<Outcome>; 4]>,
    stored: SmallVec<[Kept; 2]>,
    errors: SmallVec<[EvaluationError; 2]>,
}

impl Decision {
    /// Whether the message is let in at all.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// What passes to a lane; `None` when nothing does.
    #[must_use]
    pub fn outcome(&self, lane: LaneIndex) -> Option<&Outcome> {
        let view = self.view_of.get(usize::from(lane.0))?;
        self.views.get(usize::from(*view))?.as_ref()
    }

    /// The number of the view that a lane shares with others: lanes with the same number have the same outcome.
    #[must_use]
    pub fn view(&self, lane: LaneIndex) -> Option<u16> {
        self.view_of.get(usize::from(lane.0)).copied()
    }

    /// What is kept: what the law wants first, then longest first. A field stands in each class where it passes more
    /// precisely than in those before that are kept at least as long.
    #[must_use]
    pub fn stored(&self) -> &[Kept] {
        &self.stored
    }

    /// Fields that were denied because they could not be evaluated.
    #[must_use]
    pub fn errors(&self) -> &[EvaluationError] {
        &self.errors
    }
}

/// Decides what of a message passes, to whom, and what is kept.
#[must_use]
pub fn decide(program: &Program, payload: &Payload, facts: &Facts) -> Decision {
    if let Some(refusal) = refusal(program, payload, facts) {
        return Decision {
            effect: Effect::Refuse(refusal),
            view_of: Arc::clone(&program.view_of),
            views: SmallVec::new(),
            stored: SmallVec::new(),
            errors: SmallVec::new(),
        };
    }
    if payload.is_aggregate() {
        return aggregate::decide(program, payload, facts.now);
    }
    let present = payload.present;
    let blocked = blocked(program, payload);
    let mut views = SmallVec::new();
    for view in &program.views {
        let open = is_open(&view.windows, facts.now);
        views.push(if open {
            Outcome::of(&view.levels, present, blocked)
        } else {
            None
        });
    }
    let errors = blocked.iter().map(EvaluationError::NotCoarsenable);
    Decision {
        effect: Effect::Admit,
        view_of: Arc::clone(&program.view_of),
        views,
        stored: stored(program, facts.now, present, blocked),
        errors: errors.collect(),
    }
}

fn refusal(program: &Program, payload: &Payload, facts: &Facts) -> Option<Refusal> {
    if !facts.licence.in_force() {
        Some(Refusal::Licence(facts.licence))
    } else if facts.quarantined {
        Some(Refusal::Quarantined)
    } else if !program.schema.matches(&payload.schema) {
        Some(Refusal::Schema)
    } else {
        None
    }
}

/// The fields that came, that some lane coarsens, and whose value cannot be coarsened.
fn blocked(program: &Program, payload: &Payload) -> FieldSet {
    blocked_of(program, payload, program.numeric)
}

/// Those of them that are among these fields.
fn blocked_of(program: &Program, payload: &Payload, fields: FieldSet) -> FieldSet {
    let candidates = payload.present.and(program.numeric).and(fields);
    let mut blocked = FieldSet::EMPTY;
    for index in candidates.iter() {
        let mark = payload.mark(index);
        let field = program.schema.field(index);
        let can_show = |field: &SchemaField| {
            let ladder = field.ladder();
            payload
                .values(index)
                .all(|it| ladder.can_show(it, mark.as_ref()))
        };
        if !field.is_some_and(can_show) {
            blocked.insert(index);
        }
    }
    blocked
}

/// One outcome for each retention class, from the parts whose lanes are open now. What is at the level of a time window is
/// not kept as it came.
fn stored(
    program: &Program,
    now: Timestamp,
    present: FieldSet,
    blocked: FieldSet,
) -> SmallVec<[Kept; 2]> {
    let classes = program.stored.at(now);
    let kept = classes.iter().filter_map(|(keeping, retention, levels)| {
        let outcome = match program.windowed.is_empty() {
            true => Outcome::of(levels, present, blocked)?,
            false => Outcome::of(&program.apart(levels.clone()).0, present, blocked)?,
        };
        Some(Kept {
            keeping: *keeping,
            retention: *retention,
            outcome,
        })
    });
    kept.collect()
}

#[cfg(test)]
mod tests;
