//! What holds for every notice, choice, grant and message.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Cap, CapTarget, Coarsening, FieldKind, Level, LicenceState, PurposeId, RecipientId, Retention,
    Roles, Timestamp,
};
use policy::{
    DecodeError, FieldIndex, FieldSet, Keeping, Kept, LaneIndex, MAX_UNDECLARED,
    MAX_UNDECLARED_BYTES, Outcome, Payload, Program, Schema, Target, Windowed, decide, render,
    render_stored, windowed,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::naive::{self, Output};
use crate::world::{
    Person, World, every_pointer, message, open_world, person, plain_notice, scalar, wild_json,
    world,
};

fn lane(program: &Program, recipient: &str, purpose: &str) -> Option<LaneIndex> {
    let recipient = RecipientId::parse(recipient).unwrap();
    program.lane(&recipient, &PurposeId::parse(purpose).unwrap())
}

/// What a log line would show.
fn told(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn pseudonym(token: &str) -> String {
    format!("~{token}~")
}

/// A message that was written, taken apart: the message itself, accuracies, and bounds of thresholds.
#[derive(Debug, PartialEq)]
struct Written {
    message: Value,
    marks: BTreeMap<String, Value>,
    thresholds: BTreeMap<String, Value>,
}

fn read(bytes: &[u8]) -> Written {
    let mut message: Value = serde_json::from_slice(bytes).unwrap();
    let mut taken = |name: &str| match message.as_object_mut().and_then(|it| it.remove(name)) {
        Some(Value::Object(members)) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    let (marks, thresholds) = (taken("@coarse"), taken("@threshold"));
    if let Some(value) = message.as_object_mut().and_then(|it| it.remove("@value")) {
        message = value;
    }
    Written {
        message,
        marks,
        thresholds,
    }
}

/// Every value with its pointer.
fn flat(message: &Value) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    flatten(String::new(), message, &mut values);
    values
}

fn flatten(pointer: String, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            assert!(!members.is_empty() || pointer.is_empty(), "an empty object");
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                flatten(format!("{pointer}/{name}"), value, into);
            }
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "an empty list");
            assert!(
                items.last() != Some(&Value::Null),
                "null after the last value"
            );
            for (position, value) in items.iter().enumerate() {
                flatten(format!("{pointer}/{position}"), value, into);
            }
        }
        Value::Null => {}
        value => drop(into.insert(pointer, value.clone())),
    }
}

/// Whether a pointer with positions is one that a pointer with `*` stands for.
fn stands_for(pattern: &str, pointer: &str) -> bool {
    let (pattern, pointer) = (pattern.split('/'), pointer.split('/'));
    pattern.clone().count() == pointer.clone().count()
        && pattern.zip(pointer).all(|(a, b)| a == "*" || a == b)
}

/// Coordinates are shown to a millionth of a degree, and accuracies are rounded up to one.
fn close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) + 2e-6
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| close(a, b)))
        }
        _ => a == b,
    }
}

#[track_caller]
fn check(bytes: &[u8], expected: &Output) {
    let found = read(bytes);
    let text = String::from_utf8_lossy(bytes);
    flat(&found.message);
    assert!(
        close(&found.message, &expected.message),
        "{text} for {}",
        expected.message
    );
    for (found, expected) in [
        (&found.marks, &expected.marks),
        (&found.thresholds, &expected.thresholds),
    ] {
        let pointers: BTreeSet<_> = found.keys().collect();
        assert_eq!(pointers, expected.keys().collect(), "in {text}");
        for (pointer, mark) in found {
            assert!(
                close(mark, &expected[pointer]),
                "{pointer}: {mark} in {text}"
            );
        }
    }
}

/// What each lane gets of each field, and what is kept at least so many days.
fn revealed(world: &World, program: &Program, payload: &Payload) -> Revealed {
    let decision = decide(program, payload, &world.facts);
    let mut revealed = Revealed::new();
    let mut reveal = |place: String, field: FieldIndex, level: Level| {
        let known = revealed.entry((place, field)).or_insert(Level::OFF);
        *known = known.join(level);
    };
    for (index, lane) in program.lane_indexes() {
        let place = format!("{}/{}", lane.recipient, lane.purpose);
        if let Some(outcome) = decision.outcome(index) {
            for field in outcome.fields().iter() {
                reveal(place.clone(), field, outcome.level(field));
            }
        }
    }
    for kept in decision.stored() {
        for field in kept.outcome.fields().iter() {
            for place in kept_at_least(kept.retention) {
                reveal(place, field, kept.outcome.level(field));
            }
        }
    }
    for it in windowed(program, payload, &world.facts) {
        let level = level_of(world, program, &it);
        match it.target {
            Target::Lane(lane) => {
                let lane = &program.lanes()[number(program, lane)];
                let place = format!("{}/{}", lane.recipient, lane.purpose);
                reveal(place, it.field, level);
            }
            Target::Kept(_, retention) => {
                for place in kept_at_least(retention) {
                    reveal(place, it.field, level);
                }
            }
        }
    }
    revealed
}

type Revealed = BTreeMap<(String, FieldIndex), Level>;

fn kept_at_least(retention: Retention) -> impl Iterator<Item = String> {
    let days = [1, 7, 30, 365].into_iter();
    days.filter(move |it| retention >= Retention::from_days(*it))
        .map(|it| format!("stored {it}"))
}

fn number(program: &Program, lane: LaneIndex) -> usize {
    let mut lanes = program.lane_indexes();
    lanes.position(|it| it.0 == lane).unwrap()
}

/// The level of the window that a value counts for.
fn level_of(world: &World, program: &Program, windowed: &Windowed) -> Level {
    let pointer = program.schema().pointer(windowed.field).unwrap();
    let coarse = &world.notice.field(pointer).unwrap().coarse;
    let window = Coarsening::Window(windowed.window);
    let place = coarse.iter().position(|it| *it == window).unwrap();
    Level::coarse(u8::try_from(place + 1).unwrap()).unwrap()
}

/// Makes one thing stricter.
fn lower(world: &mut World, what: u8, which: usize, to: Level) {
    fn nth<T>(list: &mut [T], which: usize) -> Option<&mut T> {
        let count = list.len().max(1);
        list.get_mut(which % count)
    }
    match what {
        0 => {
            if let Some(choice) =
                nth(&mut world.people, which).and_then(|it| nth(&mut it.choices, which))
            {
                choice.level = choice.level.meet(to);
            }
        }
        1 => {
            if let Some(cap) = nth(&mut world.caps, which) {
                cap.most = cap.most.meet(to);
            }
        }
        2 => {
            let Some(field) = nth(&mut world.notice.fields, which) else {
                return;
            };
            world.caps.push(Cap {
                target: CapTarget::Field(field.pointer.clone()),
                purpose: None,
                most: to,
            });
        }
        3 => {
            // As far as the levels exist, which a notice is held to.
            let fields = world.notice.fields.clone();
            if let Some(it) = nth(&mut world.notice.declarations, which) {
                let number = to.coarse_number().map_or(0, usize::from);
                let named = fields
                    .iter()
                    .filter(|field| it.fields.contains(&field.pointer));
                if named.map(|it| it.coarse.len()).all(|it| it >= number) {
                    it.precision = it.precision.meet(to);
                }
            }
        }
        4 => {
            if !world.grants.is_empty() {
                let count = world.grants.len();
                world.grants.remove(which % count);
            }
        }
        5 => {
            if let Some(grant) = nth(&mut world.grants, which) {
                let until = Timestamp::from_millis(7);
                grant.valid_until = Some(grant.valid_until.map_or(until, |it| it.min(until)));
                grant.valid_from = grant.valid_from.max(Timestamp::from_millis(3));
            }
        }
        6 => world.facts.licence = LicenceState::Suspended,
        _ => world.facts.quarantined = true,
    }
}

/// A world, and somebody more for it.
fn with_a_person() -> impl Strategy<Value = (World, Person)> {
    world().prop_flat_map(|world| {
        let pointers = world.notice.fields.iter().map(|it| it.pointer.clone());
        let person = person(pointers.collect());
        (Just(world), person)
    })
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
    fn lowering_anything_never_reveals_more(
        world in world(),
        message in message(),
        what in 0..8_u8,
        which: usize,
        to in (0..9_u8).prop_map(|it| Level::coarse(it).unwrap_or(Level::OFF)),
    ) {
        let bytes = message.to_string();
        let decide = |world: &World| {
            let program = world.program();
            let payload = program.schema().decode(bytes.as_bytes()).unwrap();
            revealed(world, &program, &payload)
        };
        let mut lowered = world.clone();
        lower(&mut lowered, what, which, to);
        let (before, after) = (decide(&world), decide(&lowered));
        for (place, level) in after {
            let before = before.get(&place).copied().unwrap_or(Level::OFF);
            prop_assert!(level <= before, "{:?}: {} after {}", place, level, before);
        }
    }

    #[test]
    fn a_person_more_never_reveals_more(
        (world, one_more) in with_a_person(),
        message in message(),
    ) {
        // With nobody there is nobody to consent, so somebody is there before: in every role.
        let mut before = world;
        if let Some(first) = before.people.first_mut() {
            first.roles = Roles::ALL;
        } else {
            before.people.push(Person { roles: Roles::ALL, choices: vec![] });
        }
        let mut after = before.clone();
        after.people.push(one_more);
        let bytes = message.to_string();
        let [before, after] = [before, after].map(|world| {
            let program = world.program();
            let payload = program.schema().decode(bytes.as_bytes()).unwrap();
            revealed(&world, &program, &payload)
        });
        for (place, level) in after {
            let before = before.get(&place).copied().unwrap_or(Level::OFF);
            prop_assert!(level <= before, "{:?}: {} after {}", place, level, before);
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

    #[test]
    fn nothing_undeclared_is_kept_or_named(text in wild_json()) {
        // Only numbers and booleans are declared, so no string of a message may show anywhere.
        let fields: Vec<_> = every_pointer().iter().map(|it| (*it, FieldKind::Number)).collect();
        let world = open_world(plain_notice(&fields));
        let program = world.program();
        match program.schema().decode(text.as_bytes()) {
            Err(err) => prop_assert!(!told(&err).contains("zqx")),
            Ok(payload) => {
                prop_assert!(payload.undeclared().len() <= MAX_UNDECLARED);
                for it in payload.undeclared() {
                    prop_assert!(it.pointer.len() <= MAX_UNDECLARED_BYTES);
                    prop_assert!(!it.pointer.contains("zqx"));
                }
                prop_assert!(!told(&payload).contains("zqx"));
                let decision = decide(&program, &payload, &world.facts);
                if let Some(outcome) = decision.outcome(lane(&program, "r0", "p0").unwrap()) {
                    let mut out = vec![];
                    render(&payload, outcome, &pseudonym, &mut out);
                    render_stored(&payload, outcome, &mut out);
                    prop_assert!(!String::from_utf8(out).unwrap().contains("zqx"));
                }
            }
        }
    }

    #[test]
    fn a_declared_name_that_stands_twice_denies(
        first in scalar(),
        second in scalar(),
        escaped: bool,
        between in wild_json(),
    ) {
        let schema = Schema::compile(&plain_notice(&[("/t", FieldKind::Number), ("/o/0/p", FieldKind::Text)])).unwrap();
        let name = if escaped { "\\u0074" } else { "t" };
        let twice = format!(r#"{{"t":{first},"zzz":{between},"{name}":{second}}}"#);
        let found = schema.decode(twice.as_bytes()).unwrap_err();
        let expected = if found == DecodeError::TooDeep { found.clone() } else { DecodeError::Duplicate("/t".into()) };
        prop_assert_eq!(found, expected);
        let nested = format!(r#"{{"o":[{{"p":{first},"p":{second}}}]}}"#);
        prop_assert_eq!(schema.decode(nested.as_bytes()).unwrap_err(), DecodeError::Duplicate("/o/0/p".into()));
    }

    #[test]
    fn any_bytes_are_decided_without_panic(
        world in world(),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            (message(), any::<usize>(), any::<u8>()).prop_map(|(it, place, byte)| {
                let mut bytes = it.to_string().into_bytes();
                let place = place % bytes.len();
                bytes[place] = byte;
                bytes
            }),
            "[\\[\\]{}:,\"\\\\a0-9eE.+tn-]{0,24}".prop_map(String::into_bytes),
            wild_json().prop_map(String::into_bytes),
        ],
    ) {
        let program = world.program();
        for payload in [program.schema().decode(&bytes), program.schema().decode_stored(&bytes)] {
            let Ok(payload) = payload else { continue };
            let decision = decide(&program, &payload, &world.facts);
            let lanes = program.lane_indexes().filter_map(|it| decision.outcome(it.0));
            for outcome in lanes.chain(decision.stored().iter().map(|it| &it.outcome)) {
                let mut out = vec![];
                render(&payload, outcome, &pseudonym, &mut out);
                prop_assert!(serde_json::from_slice::<&serde_json::value::RawValue>(&out).is_ok());
            }
        }
    }
}
