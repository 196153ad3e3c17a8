//! What is wanted of a source, from the programs in force.

use model::{Level, Notice, Pointer, SourceSwitch, Timestamp};
use policy::{Program, Schema};

use super::machine::Setting;
use crate::catalogue::DeploymentState;
use crate::catalogue::bound::Bound;

/// Gives what is wanted of each switch of a deployment, for one bound after the other, at one moment.
pub(super) struct Wanted<'a> {
    state: &'a DeploymentState,
    now: Timestamp,
    /// Nothing may come in at all: no licence, or quarantine.
    is_shut: bool,
    /// Where messages name people, and a thing has nobody assigned: a message may be about anyone whom the deployment
    /// knows, so a source stays on while anyone of them lets somebody have something.
    anybody: Vec<Level>,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(state: &'a DeploymentState, now: Timestamp) -> Self {
        let facts = state.facts(now);
        let switches = &state.notice.source_switches;
        let mut anybody = vec![Level::OFF; switches.len()];
        if state.notice.subject_field.is_some() {
            for bound in state.named() {
                let levels = switches
                    .iter()
                    .map(|it| most(&bound.program, &state.schema, it, now));
                for (best, level) in anybody.iter_mut().zip(levels) {
                    *best = (*best).max(level);
                }
            }
        }
        Self {
            state,
            now,
            is_shut: !facts.licence.in_force() || facts.quarantined,
            anybody,
        }
    }

    /// What is wanted of a thing under this bound, switch by switch.
    pub(super) fn of(&self, bound: &Bound) -> Vec<Setting> {
        let notice: &Notice = &self.state.notice;
        let switches = notice.source_switches.iter().zip(&self.anybody);
        let setting = |(switch, anybody): (&SourceSwitch, &Level)| {
            if self.is_shut {
                return Setting::Off;
            }
            let assigned = most(&bound.program, &self.state.schema, switch, self.now);
            let level = match bound.people.is_empty() {
                true => assigned.max(*anybody),
                false => assigned,
            };
            match level {
                Level::OFF => Setting::Off,
                it if it < Level::ON && switch.slow.is_some() => Setting::Slow,
                _ => Setting::On,
            }
        };
        switches.map(setting).collect()
    }
}

/// Whether the people whom a thing senses have turned one of these fields off, or have it slowed down at the source: then
/// nothing may make it come. Where nobody is assigned and messages name people, anyone of them may let somebody have it.
pub(crate) fn is_off(
    state: &DeploymentState,
    bound: &Bound,
    fields: &[Pointer],
    now: Timestamp,
) -> bool {
    if fields.is_empty() {
        return false;
    }
    let wanted = Wanted::new(state, now).of(bound);
    let mut switches = state.notice.source_switches.iter().zip(wanted);
    if switches
        .any(|(it, wanted)| wanted != Setting::On && it.fields.iter().any(|it| fields.contains(it)))
    {
        return true;
    }
    let names_people = state.notice.subject_field.is_some() && bound.people.is_empty();
    let mut indexes = fields.iter().map(|it| state.schema.index_of(it));
    indexes.any(|index| {
        let Some(index) = index else { return true };
        let named = state.named().filter(|_| names_people);
        let mut programs = named.map(|it| &it.program).chain([&bound.program]);
        programs.all(|it| it.most(index, now) == Level::OFF)
    })
}

/// The best level at which anybody may have any field of a switch.
fn most(program: &Program, schema: &Schema, switch: &SourceSwitch, now: Timestamp) -> Level {
    let indexes = switch.fields.iter().filter_map(|it| schema.index_of(it));
    let levels = indexes.map(|it| program.most(it, now));
    levels.max().unwrap_or(Level::OFF)
}
