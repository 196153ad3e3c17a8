//! What holds for every notice, choice, grant and message.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Cap, CapTarget, FieldKind, Level, LicenceState, PurposeId, RecipientId, Retention, Timestamp,
};
use policy::{
    Decision, DecodeError, FieldIndex, Keeping, Kept, LaneIndex, MAX_UNDECLARED,
    MAX_UNDECLARED_BYTES, Program, Schema, decide, render, render_stored,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::naive::{self, Output, Shown};
use crate::world::{World, every_pointer, message, open_world, plain_notice, scalar, world};

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

/// The output as the reference gives it: values by pointer, and what is marked coarse.
fn read(bytes: &[u8]) -> BTreeMap<String, (Value, Option<Value>)> {
    let mut message: Value = serde_json::from_slice(bytes).unwrap();
    let mut marks = BTreeMap::new();
    if let Some(members) = message.as_object_mut() {
        if let Some(Value::Object(coarse)) = members.remove("@coarse") {
            marks = coarse.into_iter().collect();
        }
        if let Some(value) = members.remove("@value") {
            message = value;
        }
    }
    let mut values = BTreeMap::new();
    flatten(String::new(), &message, &mut values);
    let known: BTreeSet<_> = values.keys().cloned().collect();
    assert!(
        marks.keys().all(|it| known.contains(it)),
        "a mark without a value"
    );
    let with_mark = |(pointer, value): (String, Value)| {
        let mark = marks.remove(&pointer);
        (pointer, (value, mark))
    };
    values.into_iter().map(with_mark).collect()
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

fn close(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) + 1e-12,
        _ => a == b,
    }
}

#[track_caller]
fn check(bytes: &[u8], expected: &Output, message: &Value) {
    let found = read(bytes);
    let text = String::from_utf8_lossy(bytes);
    let pointers: BTreeSet<_> = found.keys().collect();
    assert_eq!(pointers, expected.keys().collect(), "in {text}");
    let output: Value = serde_json::from_slice(bytes).unwrap();
    for (
        pointer,
        Shown {
            value, accuracy, ..
        },
    ) in expected
    {
        let (shown, mark) = &found[pointer];
        assert!(
            close(shown, value),
            "{pointer}: {shown} for {value} in {text}"
        );
        let fits = match (mark, accuracy) {
            (Some(mark), Some(accuracy)) => close(mark, accuracy),
            (None, None) => true,
            _ => false,
        };
        assert!(fits, "{pointer}: {mark:?} for {accuracy:?} in {text}");
        for (end, _) in pointer.match_indices('/') {
            let kind = |it: &Value| it.pointer(&pointer[..end]).map(Value::is_array);
            assert_eq!(kind(&output), kind(message), "the shape above {pointer}");
        }
    }
}

/// What each lane gets of each field, and what is kept at least so many days.
fn revealed(program: &Program, decision: &Decision) -> BTreeMap<(String, FieldIndex), Level> {
    let mut revealed = BTreeMap::new();
    for (recipient, purpose) in World::lanes() {
        let Some(outcome) = lane(program, recipient, purpose).and_then(|it| decision.outcome(it))
        else {
            continue;
        };
        for field in outcome.fields().iter() {
            let key = (format!("{recipient}/{purpose}"), field);
            revealed.insert(key, outcome.level(field));
        }
    }
    for days in [1, 7, 30, 365] {
        for Kept {
            retention, outcome, ..
        } in decision.stored()
        {
            for field in outcome.fields().iter() {
                if *retention >= Retention::from_days(days) {
                    let key = (format!("stored {days}"), field);
                    let level = revealed.entry(key).or_insert(Level::OFF);
                    *level = level.join(outcome.level(field));
                }
            }
        }
    }
    revealed
}

/// Makes one thing stricter.
fn lower(world: &mut World, what: u8, which: usize, to: Level) {
    fn nth<T>(list: &mut [T], which: usize) -> Option<&mut T> {
        let count = list.len().max(1);
        list.get_mut(which % count)
    }
    match what {
        0 => {
            if let Some(choice) = nth(&mut world.people, which).and_then(|it| nth(it, which)) {
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

proptest! {
    #[test]
    fn what_passes_is_what_the_naive_reference_lets_pass(world in world(), message in message()) {
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let decision = decide(&program, &payload, &world.facts);
        for (recipient, purpose) in World::lanes() {
            let expected = naive::delivered(&world, recipient, purpose, &message);
            let outcome = lane(&program, recipient, purpose).and_then(|it| decision.outcome(it));
            prop_assert_eq!(outcome.is_some(), !expected.is_empty());
            if let Some(outcome) = outcome {
                let mut out = vec![];
                render(&payload, outcome, &pseudonym, &mut out);
                check(&out, &expected, &message);
                let coarse = expected.values().any(|it| it.accuracy.is_some());
                prop_assert_eq!(outcome.is_coarse(), coarse);
                for (field, pointer) in program.schema().fields() {
                    let shown = expected.get(pointer.as_str()).map_or(Level::OFF, |it| it.level);
                    prop_assert_eq!(outcome.level(field), shown);
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
            check(&out, &expected[&class(kept)], &message);
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
            let decision = decide(&program, &payload, &world.facts);
            revealed(&program, &decision)
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
    fn why_and_level_agree_with_the_outcome(world in world(), message in message()) {
        let program = world.program();
        let payload = program.schema().decode(message.to_string().as_bytes()).unwrap();
        let facts = policy::Facts { licence: LicenceState::Active, quarantined: false, ..world.facts };
        let decision = decide(&program, &payload, &facts);
        let failed: Vec<_> = decision.errors().iter().map(|it| match it {
            policy::EvaluationError::NotCoarsenable(field) => *field,
        }).collect();
        for (lane, _) in program.lane_indexes() {
            for (field, _) in program.schema().fields() {
                let why = program.why(lane, field, facts.now);
                prop_assert_eq!(why.level, program.level(lane, field, facts.now));
                let outcome = decision.outcome(lane).map_or(Level::OFF, |it| it.level(field));
                let denied = failed.contains(&field) && why.level != Level::ON;
                let came = payload.raw(field).is_some() && !denied;
                prop_assert_eq!(outcome, if came { why.level } else { Level::OFF });
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
            prop_assert_eq!(again.raw(field), payload.raw(field));
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
                    let mut values = read(it);
                    values.retain(|pointer, _| {
                        let declared = world.notice.declarations.iter().flat_map(|it| &it.fields);
                        declared.into_iter().any(|it| it.as_str() == pointer)
                    });
                    values
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
        let (moved, direct) = (payload.under(&new), new.decode(bytes.as_bytes()).unwrap());
        for (field, pointer) in new.fields() {
            let before = old.index_of(pointer).and_then(|it| payload.raw(it));
            let expected = before.filter(|_| direct.raw(field).is_some());
            prop_assert_eq!(moved.raw(field), expected);
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

/// JSON text with names that stand twice, escapes, white space, deep nesting and a mark in every string value.
fn wild_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e999".to_owned()),
        (-50..50_i32).prop_map(|it| it.to_string()),
        "[a-zé]{0,3}".prop_map(|it| format!("\"zqx{it}\"")),
        Just(r#""zqx\"\\\ud83d\ude00""#.to_owned()),
        Just(r#""zqx\ud800""#.to_owned()),
        (1..40_usize).prop_map(|it| format!("{}\"zqx\"{}", "[".repeat(it), "]".repeat(it))),
    ];
    let name = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "d",
        "e",
        "l",
        "m~n",
        "x/y",
        "o",
        "p",
        "q",
        "t",
        "0",
        "2",
        "",
        "\\u0061",
        "ü\\\"\\\\",
        "zz",
        "y~",
        "@coarse",
        "@value",
        "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|it| format!("[ {} ]", it.join(" ,"))),
            prop::collection::vec((name.clone(), inner), 0..7).prop_map(|it| {
                let members: Vec<_> = it
                    .iter()
                    .map(|(name, value)| format!("\"{name}\" :\n{value}"))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}
