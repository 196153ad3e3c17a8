//! Time windows of a case: what they hold from message to message, and what comes of them once they are over.

use std::collections::BTreeMap;

use model::Timestamp;

use super::Answer;
use crate::decide::aggregate::{Target, Windowed, windowed};
use crate::decide::{Facts, decide};
use crate::explain::Question;
use crate::field_set::FieldIndex;
use crate::program::Keeping;
use crate::render::{render, render_stored};
use crate::window::{Accumulator, Closed, aggregate};

/// Every window that is open.
#[derive(Debug, Default)]
pub(super) struct Open {
    windows: Vec<(Windowed, Accumulator)>,
    /// How many windows were closed so far, by place.
    closed: BTreeMap<String, usize>,
}

impl Open {
    /// Adds the values of a message.
    pub(super) fn add(&mut self, answer: &Answer<'_>) {
        let Ok((payload, _)) = &answer.decided else {
            return;
        };
        let Question { program, facts, .. } = answer.question;
        for it in windowed(program, payload, &facts) {
            if self.windows.iter().all(|(known, _)| *known != it) {
                let fresh = Accumulator::begin(it.window, facts.now);
                self.windows.push((it, fresh));
            }
            let open = self.windows.iter_mut().filter(|(known, _)| *known == it);
            for (_, open) in open {
                for value in payload.values(it.field) {
                    // Late values are left out, as the window's own tests show; none is over, they were closed before.
                    let _ = open.add(value, facts.now);
                }
            }
        }
    }

    /// Closes what is over: by place and number, what comes of it.
    pub(super) fn close(
        &mut self,
        question: &Question<'_>,
        now: Timestamp,
    ) -> Vec<(String, String)> {
        let mut over: BTreeMap<(Timestamp, Target), Vec<(FieldIndex, Closed)>> = BTreeMap::new();
        self.windows.retain(|(windowed, window)| {
            if window.is_over(now) {
                let closed = window.close().map(|it| (windowed.field, it));
                let key = (window.until(), windowed.target);
                over.entry(key).or_default().extend(closed);
            }
            !window.is_over(now)
        });
        let shown = over.iter().filter_map(|((_, target), closed)| {
            let (place, text) = shown(question, now, *target, closed)?;
            let number = self.closed.entry(place.clone()).or_default();
            *number += 1;
            Some((format!("window {place} {number}"), text))
        });
        shown.collect()
    }
}

/// What a lane or class gets of windows that are over.
fn shown(
    question: &Question<'_>,
    now: Timestamp,
    target: Target,
    closed: &[(FieldIndex, Closed)],
) -> Option<(String, String)> {
    let program = question.program;
    let facts = Facts {
        now,
        ..question.facts
    };
    let payload = aggregate(program.schema(), closed)?;
    let decision = decide(program, &payload, &facts);
    let mut out = Vec::new();
    let place = match target {
        Target::Lane(index) => {
            let (_, lane) = program.lane_indexes().find(|it| it.0 == index)?;
            render(&payload, decision.outcome(index)?, &str::to_owned, &mut out);
            format!("{}/{}", lane.recipient, lane.purpose)
        }
        Target::Kept(keeping, retention) => {
            let mut kept = decision.stored().iter();
            let kept = kept.find(|it| (it.keeping, it.retention) == (keeping, retention))?;
            render_stored(&payload, &kept.outcome, &mut out);
            match keeping {
                Keeping::AsChosen => format!("stored {}", retention.as_days()),
                Keeping::ByLaw => format!("stored {} by law", retention.as_days()),
            }
        }
    };
    Some((place, String::from_utf8_lossy(&out).into_owned()))
}
