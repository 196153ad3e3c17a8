//! Time windows in a decision: which values of a message count for which window, and where an aggregate may go.
//!
//! An aggregate passes at the level of its own window, to lanes and classes whose level now is at least that: not lower, where
//! less was agreed, and not in another shape. A lane at a lower level that is no window gets its share of every message live.

use std::sync::Arc;

use model::{Level, Retention, Timestamp, Window};
use smallvec::SmallVec;

use super::{Decision, Effect, Facts, Kept, Outcome, blocked, refusal};
use crate::field_set::FieldIndex;
use crate::payload::{Note, Payload};
use crate::program::{Keeping, LaneIndex, Levels, Program, is_open};
use crate::schema::SchemaField;

/// For whom a window is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A recipient with a purpose.
    Lane(LaneIndex),
    /// What is kept.
    Kept(Keeping, Retention),
}

/// A value of a message that counts for a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windowed {
    /// For whom.
    pub target: Target,
    /// Which value.
    pub field: FieldIndex,
    /// Over how long, and what is shown.
    pub window: Window,
}

/// The values of a message that count for time windows: those at the level of a window, in lanes and classes that are open
/// now. Everything else, and everything of a message that is not let in, counts for none.
#[must_use]
pub fn windowed(program: &Program, payload: &Payload, facts: &Facts) -> Vec<Windowed> {
    let mut found = Vec::new();
    let is_quiet = program.windowed.is_empty() || payload.is_aggregate();
    if is_quiet || refusal(program, payload, facts).is_some() {
        return found;
    }
    let fields = payload.present.without(blocked(program, payload));
    let mut add = |target: Target, levels: &Levels| {
        for (level, of_level) in levels {
            for field in of_level.and(fields).iter() {
                let operator = program
                    .schema
                    .field(field)
                    .and_then(|it| it.operator(*level));
                let window = operator.and_then(|it| it.window());
                found.extend(window.map(|window| Windowed {
                    target,
                    field,
                    window: *window,
                }));
            }
        }
    };
    for (lane, _) in program.lane_indexes() {
        let view = program.view_of.get(usize::from(lane.0));
        let view = view.and_then(|it| program.views.get(usize::from(*it)));
        if let Some(view) = view.filter(|it| is_open(&it.windows, facts.now)) {
            add(Target::Lane(lane), &view.windowed);
        }
    }
    for (keeping, retention, levels) in &*program.stored.at(facts.now) {
        let target = Target::Kept(*keeping, *retention);
        add(target, &program.apart(levels.clone()).1);
    }
    found
}

/// Decides on a message that was made of time windows.
pub(super) fn decide(program: &Program, payload: &Payload, now: Timestamp) -> Decision {
    let mut views = SmallVec::new();
    for view in &program.views {
        let levels = view.levels.iter().chain(&view.windowed);
        let open = is_open(&view.windows, now);
        views.push(open.then(|| passing(program, payload, levels)).flatten());
    }
    let classes = program.stored.at(now);
    let stored = classes.iter().filter_map(|(keeping, retention, levels)| {
        Some(Kept {
            keeping: *keeping,
            retention: *retention,
            outcome: passing(program, payload, levels.iter())?,
        })
    });
    Decision {
        effect: Effect::Admit,
        view_of: Arc::clone(&program.view_of),
        views,
        stored: stored.collect(),
        errors: SmallVec::new(),
    }
}

/// The aggregates whose own level is at most the level of their field.
fn passing<'a>(
    program: &Program,
    payload: &Payload,
    levels: impl Iterator<Item = &'a (Level, crate::FieldSet)> + Clone,
) -> Option<Outcome> {
    let mut passing = Levels::new();
    for mark in &payload.marks {
        let Note::Window(window) = mark.note else {
            continue;
        };
        let field = program.schema.field(mark.field);
        let own = field.and_then(|it| own_level(it, |it| window.is_of(it)));
        let now = levels.clone().find(|it| it.1.contains(mark.field));
        if let (Some(own), Some((now, _))) = (own, now)
            && own <= *now
            && payload.present.contains(mark.field)
        {
            match passing.iter_mut().find(|it| it.0 == own) {
                Some(known) => drop(known.1.insert(mark.field)),
                None => passing.push((own, [mark.field].into_iter().collect())),
            }
        }
    }
    passing.sort_by_key(|it| std::cmp::Reverse(it.0));
    (!passing.is_empty()).then_some(Outcome { levels: passing })
}

/// The level of a window among those of its field.
fn own_level(field: &SchemaField, is_own: impl Fn(&Window) -> bool) -> Option<Level> {
    let mut levels = (1..=Level::MAX_COARSE).filter_map(Level::coarse);
    levels.find(|it| {
        let operator = field.operator(*it);
        operator.and_then(|it| it.window()).is_some_and(&is_own)
    })
}

impl Program {
    /// Whether an aggregate of a field may go to a lane or a class now: whether its level there is at least that of the window.
    #[must_use]
    pub fn may_have_aggregate(
        &self,
        target: Target,
        field: FieldIndex,
        window: &Window,
        now: Timestamp,
    ) -> bool {
        let declared = self.schema.field(field);
        let Some(own) = declared.and_then(|it| own_level(it, |it| it == window)) else {
            return false;
        };
        match target {
            Target::Lane(lane) => own <= self.level(lane, field, now),
            Target::Kept(keeping, retention) => {
                let classes = self.stored.at(now);
                let mut class = classes
                    .iter()
                    .filter(|it| (it.0, it.1) == (keeping, retention));
                class.any(|it| it.2.iter().any(|it| own <= it.0 && it.1.contains(field)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
