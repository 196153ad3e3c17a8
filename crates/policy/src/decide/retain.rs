//! What of a message is kept for those who subscribe later, and the decision for one lane alone.

use super::classes::ByLevel;
use super::{Facts, Outcome, aggregate, blocked_of, refusal};
use crate::field_set::{FieldIndex, FieldSet};
use crate::payload::Payload;
use crate::program::{LaneIndex, Levels, Program, is_open};
use crate::render::render_stored;
use model::{Level, Retention, Timestamp};

/// What passes of a message to one lane: what [`decide`](super::decide) says of it, without what it says of all others.
#[must_use]
pub fn decide_for(
    program: &Program,
    payload: &Payload,
    facts: &Facts,
    lane: LaneIndex,
) -> Option<Outcome> {
    if refusal(program, payload, facts).is_some() {
        return None;
    }
    if payload.is_aggregate() {
        let decision = aggregate::decide(program, payload, facts.now);
        return decision.outcome(lane).cloned();
    }
    let number = program.view_of.get(usize::from(lane.0))?;
    let view = program.views.get(usize::from(*number))?;
    if !is_open(&view.windows, facts.now) {
        return None;
    }
    let coarse = view.levels.iter().filter(|it| it.0 != Level::ON);
    let coarse = coarse.fold(FieldSet::EMPTY, |all, it| all.or(it.1));
    let blocked = blocked_of(program, payload, coarse);
    Outcome::of(&view.levels, payload.present, blocked)
}

/// So long a message may wait for a recipient with whom nothing is kept of it: what is live only is not stored in a queue instead.
pub const MAX_LIVE_WAIT_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 86_400_000;

impl Program {
    /// How many ways there are at a moment in which something is kept so long: as the person chose, and by law.
    #[must_use]
    pub fn ways_to_keep(&self, retention: Retention, at: Timestamp) -> usize {
        let classes = self.stored.at(at);
        classes.iter().filter(|it| it.1 == retention).count()
    }

    /// Of what passes to a lane, the fields that may have waited for so long on their way: as long as the notice lets them be kept for it,
    /// and what is live only for [`MAX_LIVE_WAIT_MILLIS`].
    #[must_use]
    pub fn may_wait(
        &self,
        lane: LaneIndex,
        outcome: &Outcome,
        waited_millis: i64,
    ) -> Option<Outcome> {
        let verdicts = self.verdicts.get(usize::from(lane.0))?;
        let may_wait = |retention: Retention| {
            let kept = i64::from(retention.as_days()) * DAY_MILLIS;
            kept.max(MAX_LIVE_WAIT_MILLIS) > waited_millis
        };
        let waiting = verdicts.fields.iter();
        let waiting = waiting.filter(|it| may_wait(it.1.retention));
        outcome.only(waiting.map(|it| it.0).collect())
    }

    /// Of what passes to a lane, the fields that the notice lets be kept for it longer than so many whole days.
    #[must_use]
    pub fn kept_beyond(&self, lane: LaneIndex, outcome: &Outcome, days: u16) -> Option<Outcome> {
        let verdicts = self.verdicts.get(usize::from(lane.0))?;
        let kept = verdicts.fields.iter();
        let kept = kept.filter(|it| it.1.retention.as_days() > days);
        outcome.only(kept.map(|it| it.0).collect())
    }
}

impl Outcome {
    /// Each field at the higher of its two levels. Both must be of messages read under the same fields.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let mut joined = ByLevel::default();
        for (level, fields) in self.levels.iter().chain(&other.levels) {
            joined.add(*level, *fields);
        }
        Self {
            levels: joined.beyond(&ByLevel::default()),
        }
    }

    /// Each field with its level.
    pub fn levels(&self) -> impl Iterator<Item = (FieldIndex, Level)> {
        let levels = self.levels.iter();
        levels.flat_map(|(level, fields)| fields.iter().map(move |it| (it, *level)))
    }

    /// From fields with their levels; `None` when nothing passes.
    #[must_use]
    pub fn of_levels(fields: impl Iterator<Item = (FieldIndex, Level)>) -> Option<Self> {
        let mut by_level = ByLevel::default();
        for (field, level) in fields {
            by_level.add(level, [field].into_iter().collect());
        }
        let levels: Levels = by_level.beyond(&ByLevel::default());
        (!levels.is_empty()).then_some(Self { levels })
    }
}

impl Payload {
    /// The message with nothing in it but what passes, each value as precise as it passes; the field that identifies people is
    /// left out. `None` when nothing is left.
    #[must_use]
    pub fn trimmed(&self, outcome: &Outcome) -> Option<Self> {
        let mut body = Vec::with_capacity(256);
        render_stored(self, outcome, &mut body);
        let trimmed = self.schema.decode_stored(&body).ok()?;
        (!trimmed.present.is_empty()).then_some(trimmed)
    }
}
