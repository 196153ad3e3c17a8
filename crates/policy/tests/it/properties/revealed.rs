//! What anybody can get to see, and that it is never more when something is stricter.

use std::collections::BTreeMap;

use model::{Cap, CapTarget, Coarsening, Level, LicenceState, Retention, Roles, Timestamp};
use policy::{FieldIndex, LaneIndex, Payload, Program, Target, Windowed, decide, windowed};
use proptest::prelude::*;

use crate::world::{Person, World, message, person, world};

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
}
