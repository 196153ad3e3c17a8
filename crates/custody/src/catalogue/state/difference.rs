//! Whether two states say the same, in words for whoever looks after the server.

use std::sync::Arc;

use model::PersonId;
use policy::Program;
use rustc_hash::FxHashMap;

use super::{Bound, DeploymentState, Known, People, Timeline};

impl DeploymentState {
    /// The first difference to what another state says of the same things, in words without names; see
    /// `Custody::check_in_force`.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        let rules = |it: &Self| (it.rules.opened().to_vec(), it.rules.caps.clone());
        if self.licence != other.licence || self.quarantined != other.quarantined {
            return Some("the licence");
        }
        if *self.notice != *other.notice || rules(self) != rules(other) {
            return Some("the notice, grants or limits");
        }
        if self.rules.orders != other.rules.orders {
            return Some("the orders of authorities");
        }
        let mut programs = SameProgram::default();
        let mut same = |a: &Bound, b: &Bound| a.people == b.people && programs.same(a, b);
        let things = self.thing_count == other.thing_count
            && self.removed == other.removed
            && self.things.iter().all(|(index, mine)| {
                let gone = Timeline::Gone;
                let theirs = other.things.get(index).unwrap_or(&gone);
                mine.parts().count() == theirs.parts().count()
                    && mine
                        .parts()
                        .zip(theirs.parts())
                        .all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
            });
        if !things {
            return Some("a thing");
        }
        let subjects = self.subjects.iter().count() == other.subjects.iter().count()
            && self.subjects.iter().all(|(token, mine)| {
                let theirs = other.subjects.get(token);
                theirs.is_some_and(|it| same(mine, it))
            });
        if !subjects {
            return Some("a person known by a field");
        }
        (!self.people.same(&other.people)).then_some("what is known of a person")
    }
}

impl People {
    fn same(&self, other: &Self) -> bool {
        let known = |people: &Self, person: &PersonId| {
            let mut known = people
                .0
                .get(person)
                .map_or_else(Known::default, |it| Known::clone(it));
            known.things.sort_unstable();
            known.tokens.sort_unstable();
            (people.chosen(Some(person)), known.things, known.tokens)
        };
        let mut everybody = self.0.iter().chain(other.0.iter()).map(|it| it.0);
        everybody.all(|it| known(self, it) == known(other, it))
    }
}

/// Compares programs by everything they say but their number; each pair once.
#[derive(Default)]
struct SameProgram(FxHashMap<(usize, usize), bool>);

impl SameProgram {
    fn same(&mut self, a: &Bound, b: &Bound) -> bool {
        let key = (
            Arc::as_ptr(&a.program).addr(),
            Arc::as_ptr(&b.program).addr(),
        );
        *self.0.entry(key).or_insert_with(|| {
            let said = |program: &Program| {
                let number = format!("generation: {}, ", program.generation());
                format!("{program:?}").replacen(&number, "", 1)
            };
            said(&a.program) == said(&b.program)
        })
    }
}
