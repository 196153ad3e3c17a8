//! An explanation agrees with what happens, and its reason is one that holds: worked out again from the naive reference.

use model::{Because, Coarsening, Field, Level, PurposeId, RecipientId, Shown, Voices};
use policy::{Question, compile, decide, explain, explain_kept, explain_message};
use proptest::prelude::*;

use crate::naive;
use crate::world::{World, message, world};

proptest! {
    #[test]
    fn an_explanation_agrees_with_the_outcome(world in world(), message in message(), asker in prop::option::of(0..4_usize)) {
        world.with_inputs(|inputs| {
            let program = compile(inputs);
            let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
            let decision = decide(&program, &payload, &world.facts);
            let question = Question { inputs, program: &program, asker, facts: world.facts };
            for (recipient, purpose) in World::lanes() {
                let ids = (RecipientId::parse(recipient).unwrap(), PurposeId::parse(purpose).unwrap());
                let lane = program.lane(&ids.0, &ids.1);
                let outcome = lane.and_then(|it| decision.outcome(it));
                for (field, pointer) in program.schema().fields() {
                    let declared = world.notice.field(pointer).unwrap();
                    let told = explain_message(&question, &payload, &decision, &ids.0, &ids.1, field).unwrap();
                    let passes = outcome.map_or(Level::OFF, |it| it.level(field));
                    let waits = matches!(told.shown, Shown::Coarse(Coarsening::Window(_)));
                    let expected = if waits { Level::OFF } else { told.level };
                    assert_eq!(passes, expected, "{told:?}");
                    assert_eq!(told.level == Level::OFF, told.shown == Shown::Nothing);
                    holds(&world, declared, recipient, purpose, &message, &told);
                    let always = explain(&question, &ids.0, &ids.1, field).unwrap();
                    assert!(told == always || told.level == Level::OFF, "{told:?} but {always:?}");
                }
            }
            let kept: usize = decision.stored().iter().map(|it| {
                let subject = program.schema().subject_field();
                it.outcome.fields().iter().filter(|it| Some(*it) != subject).count()
            }).sum();
            assert_eq!(explain_kept(&question, &decision).len(), kept);
        });
    }
}

/// Whether the reason is true.
#[track_caller]
fn holds(
    world: &World,
    field: &Field,
    recipient: &str,
    purpose: &str,
    message: &serde_json::Value,
    told: &model::Explanation,
) {
    let level = naive::level(world, field, recipient, purpose).map(|it| it.0);
    let granted = naive::granted(world, recipient, purpose);
    let values = naive::arrived(field, message);
    let now = world.facts.now;
    let true_is = match &told.because {
        Because::Licence(state) => *state == world.facts.licence && !state.in_force(),
        Because::Quarantined => world.facts.quarantined && world.facts.licence.in_force(),
        Because::Absent | Because::WrongType | Because::OutOfRange => values.is_empty(),
        Because::CannotBeCoarsened => !values.iter().all(|it| naive::can_coarsen(field, it)),
        Because::NotDeclared => level.is_none(),
        Because::NoAccess => !granted && level > Some(Level::OFF),
        Because::AccessFrom(from) => !granted && *from > now,
        Because::AccessEnded(at) => !granted && *at <= now,
        Because::OtherNotice | Because::NotYet | Because::Unknown => false,
        Because::Declared { .. }
        | Because::Fixed { .. }
        | Because::Chosen(_)
        | Because::NotConsented(_)
        | Because::Capped { .. }
        | Because::NoSuchLevel => {
            assert_eq!(level, Some(told.level), "{told:?}");
            assert!(granted || told.level == Level::OFF);
            ruled(world, field, recipient, purpose, told)
        }
    };
    assert!(true_is, "{told:?}");
}

/// What one declaration and everybody's choices come to.
struct Parts {
    precision: Level,
    caps: Vec<Level>,
    can_choose: bool,
    /// Of each person concerned, the lowest that they chose.
    chosen: Vec<Option<Level>>,
}

/// Whether some declaration that comes to the level comes to it by the reason.
fn ruled(
    world: &World,
    field: &Field,
    recipient: &str,
    purpose: &str,
    told: &model::Explanation,
) -> bool {
    let id = RecipientId::parse(recipient).unwrap();
    let parts = naive::covering(world, field, recipient, purpose).into_iter();
    let mut parts = parts.map(|declaration| Parts {
        precision: declaration.precision,
        caps: naive::caps(&world.caps, field, purpose),
        can_choose: declaration.basis.can_choose(),
        chosen: naive::concerned(world, field)
            .into_iter()
            .map(|it| {
                naive::chosen(world, it, declaration, field, &id)
                    .into_iter()
                    .min()
            })
            .collect(),
    });
    let people = naive::concerned(world, field).len();
    let existing = |it| naive::existing(world, field, it);
    parts.any(|it| {
        let cap = it.caps.iter().copied().min().unwrap_or(Level::ON);
        let rules = it.precision.min(cap);
        let lowest = it
            .chosen
            .iter()
            .flatten()
            .copied()
            .min()
            .unwrap_or(Level::ON);
        let silent = it.chosen.iter().filter(|it| it.is_none()).count();
        let count = |voices: &Voices, count: usize| voices.count == count && voices.of == people;
        match &told.because {
            Because::Declared { people: voices, .. } => {
                existing(it.precision) == told.level && voices.of == people
            }
            Because::Fixed { .. } => {
                !it.can_choose && lowest < rules && existing(rules) == told.level
            }
            Because::Chosen(voices) => {
                let below = |it: &&Option<Level>| it.is_some_and(|it| existing(it) <= told.level);
                let lower = it.chosen.iter().filter(below).count();
                it.can_choose
                    && lowest < rules
                    && existing(lowest) == told.level
                    && count(voices, lower)
            }
            Because::NotConsented(voices) => {
                told.level == Level::OFF && it.can_choose && count(voices, silent)
            }
            Because::Capped { .. } => cap < it.precision && existing(cap) == told.level,
            Because::NoSuchLevel => {
                let lowest = if it.can_choose { lowest } else { Level::ON };
                let lowest = rules.min(lowest);
                lowest != Level::OFF && existing(lowest) == Level::OFF
            }
            _ => false,
        }
    })
}
