//! What holds for every notice, choice, grant and message.

mod bytes;
mod revealed;
mod written;

use model::{FieldKind, Level, PurposeId, RecipientId};
use policy::{
    FieldSet, Keeping, Kept, LaneIndex, Outcome, Payload, Program, Schema, decide, render,
    render_stored,
};
use proptest::prelude::*;

use self::written::{check, flat, read, stands_for};
use crate::naive;
use crate::world::{World, every_pointer, message, open_world, plain_notice, world};

fn lane(program: &Program, recipient: &str, purpose: &str) -> Option<LaneIndex> {
    let recipient = RecipientId::parse(recipient).unwrap();
    program.lane(&recipient, &PurposeId::parse(purpose).unwrap())
}

/// What a log line would show.
fn pseudonym(token: &str) -> String {
    format!("~{token}~")
}

proptest! {
    #[test]
    fn what_passes_is_what_the_naive_reference_lets_pass(world in world(), message in message()) {
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let decision = decide(&program, &payload, &world.facts);
        for (recipient, purpose) in World::lanes() {
            let expected = naive::delivered(&world, recipient, purpose, &message);
            let outcome = lane(&program, recipient, purpose).and_then(|it| decision.outcome(it));
            prop_assert_eq!(outcome.is_some(), !expected.levels.is_empty());
            if let Some(outcome) = outcome {
                let mut out = vec![];
                render(&payload, outcome, &pseudonym, &mut out);
                check(&out, &expected);
                prop_assert_eq!(outcome.is_coarse(), !expected.marks.is_empty());
                for (field, pointer) in program.schema().fields() {
                    let shown = expected.levels.get(pointer.as_str());
                    prop_assert_eq!(outcome.level(field), shown.copied().unwrap_or(Level::OFF));
                }
            }
        }
        let expected = naive::stored(&world, &message);
        let class = |it: &Kept| (it.keeping == Keeping::ByLaw, it.retention.as_days());
        let classes: Vec<_> = decision.stored().iter().map(class).collect();
        prop_assert_eq!(classes, expected.keys().rev().copied().collect::<Vec<_>>());
        for kept in decision.stored() {
            let mut out = vec![];
            render_stored(&payload, &kept.outcome, &mut out);
            check(&out, &expected[&class(kept)]);
        }
    }

    #[test]
    fn the_decision_for_one_lane_is_that_for_all_lanes(world in world(), message in message()) {
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let decision = decide(&program, &payload, &world.facts);
        for (lane, _) in program.lane_indexes() {
            let alone = policy::decide_for(&program, &payload, &world.facts, lane);
            prop_assert_eq!(alone.as_ref(), decision.outcome(lane));
        }
        // Also when what is kept is decided first, and each lane when it is asked for, in any order and twice.
        let kept = policy::decide_kept(&program, &payload, &world.facts);
        prop_assert_eq!(kept.effect(), decision.effect());
        prop_assert_eq!(kept.stored(), decision.stored());
        let mut passing = kept.passing(&program);
        let lanes: Vec<_> = program.lane_indexes().map(|it| it.0).collect();
        for lane in lanes.iter().rev().chain(&lanes) {
            prop_assert_eq!(passing.outcome(*lane), decision.outcome(*lane));
        }
    }

    #[test]
    fn a_trimmed_message_shows_nothing_else_and_no_more(world in world(), message in message()) {
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let decision = decide(&program, &payload, &world.facts);
        let outcomes: Vec<_> = program.lane_indexes().filter_map(|it| decision.outcome(it.0)).collect();
        let most = outcomes.iter().fold(None, |most: Option<Outcome>, it| {
            Some(most.map_or_else(|| Outcome::clone(it), |most| most.join(it)))
        });
        let Some(most) = most else { return Ok(()) };
        for (field, _) in program.schema().fields() {
            let highest = outcomes.iter().map(|it| it.level(field)).max();
            prop_assert_eq!(Some(most.level(field)), highest, "the join is the highest level of each field");
        }
        prop_assert_eq!(&Outcome::of_levels(most.levels()), &Some(most.clone()));
        let subject: FieldSet = program.schema().subject_field().into_iter().collect();
        let kept = most.fields().without(subject);
        let Some(trimmed) = payload.trimmed(&most) else {
            prop_assert!(kept.is_empty());
            return Ok(());
        };
        prop_assert_eq!(trimmed.present(), kept);
        for outcome in outcomes {
            let Some(outcome) = outcome.only(kept) else { continue };
            // Where a lane gets a field as precisely as it was kept, it gets just what it would have got.
            if outcome.levels().all(|(field, level)| most.level(field) == level) {
                let [mut before, mut after] = [vec![], vec![]];
                render(&payload, &outcome, &pseudonym, &mut before);
                render(&trimmed, &outcome, &pseudonym, &mut after);
                let [before, after] = [before, after].map(|it| String::from_utf8(it).unwrap());
                prop_assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn the_meet_of_two_outcomes_is_the_lower_level_of_each_field(world in world(), message in message()) {
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let decision = decide(&program, &payload, &world.facts);
        let outcomes: Vec<_> = program.lane_indexes().filter_map(|it| decision.outcome(it.0)).collect();
        for a in &outcomes {
            for b in &outcomes {
                let met = a.meet(b);
                let mut lowest = Level::OFF;
                for (field, _) in program.schema().fields() {
                    let expected = a.level(field).meet(b.level(field));
                    prop_assert_eq!(met.as_ref().map_or(Level::OFF, |it| it.level(field)), expected);
                    lowest = lowest.join(expected);
                }
                prop_assert_eq!(met.is_some(), lowest != Level::OFF);
            }
        }
    }

    #[test]
    fn what_is_on_comes_out_as_it_came(
        kinds in prop::collection::vec(prop::sample::select(FieldKind::ALL), every_pointer().len()),
        message in message(),
    ) {
        let fields: Vec<_> = every_pointer().iter().copied().zip(kinds).collect();
        let world = open_world(plain_notice(&fields));
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let decision = decide(&program, &payload, &world.facts);
        let Some(outcome) = decision.outcome(lane(&program, "r0", "p0").unwrap()) else {
            prop_assert!(payload.present().is_empty());
            return Ok(());
        };
        let mut out = vec![];
        render(&payload, outcome, &pseudonym, &mut out);
        let again = program.schema().decode(&out).unwrap();
        prop_assert_eq!(again.undeclared(), &[]);
        for (field, _) in program.schema().fields() {
            let values = |it: &Payload| it.values(field).map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(values(&again), values(&payload));
        }
        let mut twice = vec![];
        render(&again, outcome, &pseudonym, &mut twice);
        prop_assert_eq!(twice, out);
    }

    #[test]
    fn what_was_stored_reads_back_with_its_marks(world in world(), message in message()) {
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let decision = decide(&program, &payload, &world.facts);
        let mut everything = open_world(world.notice.clone());
        for declaration in &mut everything.notice.declarations {
            declaration.precision = Level::ON;
            declaration.basis = model::LegalBasis::VitalInterest;
            declaration.purpose = PurposeId::parse("p0").unwrap();
            declaration.recipients = vec![RecipientId::parse("r0").unwrap()];
        }
        let everything = everything.program();
        for Kept { outcome, .. } in decision.stored() {
            let mut out = vec![];
            render_stored(&payload, outcome, &mut out);
            let again = everything.schema().decode_stored(&out).unwrap();
            prop_assert_eq!(again.undeclared(), &[]);
            let mut kept = outcome.fields();
            if let Some(subject) = program.schema().subject_field() {
                kept = kept.without([subject].into_iter().collect());
            }
            prop_assert_eq!(again.present(), kept);
            let facts = open_world(world.notice.clone()).facts;
            let decision = decide(&everything, &again, &facts);
            if let Some(outcome) = decision.outcome(lane(&everything, "r0", "p0").unwrap()) {
                let mut twice = vec![];
                render_stored(&again, outcome, &mut twice);
                let declared = |it: &[u8]| {
                    let mut written = read(it);
                    let names = |pointer: &String| {
                        let all = world.notice.declarations.iter().flat_map(|it| &it.fields);
                        all.into_iter().any(|it| stands_for(it.as_str(), pointer))
                    };
                    let mut values = flat(&written.message);
                    values.retain(|it, _| names(it));
                    written.marks.retain(|it, _| names(it));
                    written.thresholds.retain(|it, _| names(it));
                    (values, written.marks, written.thresholds)
                };
                prop_assert_eq!(declared(&twice), declared(&out));
            }
        }
    }

    #[test]
    fn a_message_moves_to_another_notice_without_gaining_anything(
        one in world(),
        other in world(),
        message in message(),
    ) {
        let (old, new) = (Schema::compile(&one.notice).unwrap(), Schema::compile(&other.notice).unwrap());
        let bytes = message.to_string();
        let payload = old.decode(bytes.as_bytes()).unwrap();
        let moved = payload.under(&new);
        for (field, pointer) in new.fields() {
            let declared = |it: &World| it.notice.field(pointer).cloned();
            let same = declared(&one).zip(declared(&other)).filter(|(a, b)| {
                a.kind == b.kind && a.unit == b.unit
            });
            let fits = |value: &str| same.as_ref().is_some_and(|(_, new)| {
                new.range.is_none_or(|it| it.holds(value.parse().unwrap()))
            });
            let before = old.index_of(pointer).into_iter().flat_map(|it| payload.values(it));
            let expected: Vec<_> = before.filter(|it| fits(it)).collect();
            prop_assert_eq!(moved.values(field).collect::<Vec<_>>(), expected);
        }
        let program = other.program();
        let stale = decide(&program, &payload, &other.facts);
        if !old.matches(&new) {
            prop_assert!(matches!(stale.effect(), policy::Effect::Refuse(_)));
            prop_assert!(stale.stored().is_empty());
            for (lane, _) in program.lane_indexes() {
                prop_assert_eq!(stale.outcome(lane), None);
            }
        }
    }
}
