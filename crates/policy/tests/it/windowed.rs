//! Time windows against a naive reference that keeps every value and adds them up in floating point.

use std::collections::BTreeMap;

use model::{Coarsening, Level, Statistic, Timestamp, Window};
use policy::{
    Accumulator, Added, Keeping, Target, Windowed, aggregate, decide, render, render_stored,
    windowed,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::naive;
use crate::world::{World, message, world};

/// What one unit of the worlds' times is here, in milliseconds: long enough for windows.
const UNIT: i64 = 7_000;

/// Where an aggregate goes: a lane or a class, by name.
type Place = String;

proptest! {
    #[test]
    fn windows_show_what_the_naive_reference_adds_up(
        world in world(),
        messages in prop::collection::vec((0..3_i64, message()), 1..10),
    ) {
        let world = in_units(world);
        let mut at = 0;
        let messages: Vec<_> = messages.into_iter().map(|(later, message)| {
            at += later * UNIT + later;
            (Timestamp::from_millis(at), message)
        }).collect();
        let end = Timestamp::from_millis(3_600_000 + at);
        prop_assert_eq!(kept(&world, &messages, end), expected(&world, &messages, end));
    }
}

fn in_units(mut world: World) -> World {
    let scaled = |it: Timestamp| Timestamp::from_millis(it.as_millis() * UNIT);
    for grant in &mut world.grants {
        grant.valid_from = scaled(grant.valid_from);
        // Nearly everything is over at the end: what is still open then is what this is about.
        grant.valid_until = grant
            .valid_until
            .filter(|it| it.as_millis() < 5)
            .map(scaled);
    }
    world
}

fn at(world: &World, now: Timestamp) -> World {
    let mut world = world.clone();
    world.facts.now = now;
    world
}

/// Place, pointer, and length and begin of the window. The windows of a field differ in length.
type Key = (Place, String, u32, i64);

/// What is shown, to seven digits, and of how many values.
type Shown = BTreeMap<Key, (String, u64)>;

fn round(value: f64) -> String {
    format!("{value:.6e}")
}

fn kept(world: &World, messages: &[(Timestamp, Value)], end: Timestamp) -> Shown {
    let program = world.program();
    let mut open: Vec<(Windowed, Accumulator)> = vec![];
    let mut shown = Shown::new();
    let last = (end, Value::Null);
    for (now, message) in messages.iter().chain([&last]) {
        let over = open.extract_if(.., |it| it.1.is_over(*now));
        for (windowed, window) in over {
            shown.extend(closed(world, &program, *now, &windowed, &window));
        }
        let payload = program
            .schema()
            .decode(message.to_string().as_bytes())
            .unwrap();
        let facts = at(world, *now).facts;
        for it in windowed(&program, &payload, &facts) {
            if open.iter().all(|(known, _)| *known != it) {
                open.push((it, Accumulator::begin(it.window, *now)));
            }
            let (_, window) = open.iter_mut().find(|(known, _)| *known == it).unwrap();
            for value in payload.values(it.field) {
                assert_eq!(window.add(value, *now), Added::Counted, "{value}");
                let mut saved = vec![];
                window.save(&mut saved);
                assert_eq!(Accumulator::restore(&saved).as_ref(), Some(&*window));
            }
        }
    }
    shown
}

fn closed(
    world: &World,
    program: &policy::Program,
    now: Timestamp,
    Windowed { target, field, .. }: &Windowed,
    window: &Accumulator,
) -> Option<(Key, (String, u64))> {
    let closed = window.close()?;
    let payload = aggregate(program.schema(), &[(*field, closed)])?;
    let decision = decide(program, &payload, &at(world, now).facts);
    let mut out = vec![];
    let place = match target {
        Target::Lane(index) => {
            render(
                &payload,
                decision.outcome(*index)?,
                &str::to_owned,
                &mut out,
            );
            let (_, lane) = program.lane_indexes().find(|it| it.0 == *index)?;
            format!("{}/{}", lane.recipient, lane.purpose)
        }
        Target::Kept(keeping, retention) => {
            let mut kept = decision.stored().iter();
            let kept = kept.find(|it| (it.keeping, it.retention) == (*keeping, *retention))?;
            render_stored(&payload, &kept.outcome, &mut out);
            format!("{} {}", *keeping == Keeping::ByLaw, retention.as_days())
        }
    };
    let pointer = program.schema().pointer(*field)?.to_string();
    let message: Value = serde_json::from_slice(&out).unwrap();
    let value = message.pointer(&pointer).and_then(Value::as_f64).unwrap();
    let count = message["@window"][&pointer]["count"].as_u64().unwrap();
    let seconds = window.window().seconds;
    let key = (place, pointer, seconds, window.from().as_millis());
    Some((key, (round(value), count)))
}

fn expected(world: &World, messages: &[(Timestamp, Value)], end: Timestamp) -> Shown {
    let mut values: BTreeMap<Key, (Window, Level, Vec<f64>)> = BTreeMap::new();
    for (now, message) in messages {
        for (place, pointer, level, window) in open_at(&at(world, *now)) {
            let length = i64::from(window.seconds) * 1000;
            let begin = now.as_millis() - now.as_millis().rem_euclid(length);
            let field = world
                .notice
                .field(&model::Pointer::parse(&pointer).unwrap())
                .unwrap();
            let arrived = naive::arrived(field, message);
            if arrived.iter().all(|it| naive::can_coarsen(field, it)) {
                let numbers = arrived.into_iter().map(|it| it.as_f64().unwrap());
                let key = (place, pointer, window.seconds, begin);
                let known = values.entry(key).or_insert((window, level, vec![]));
                known.2.extend(numbers);
            }
        }
    }
    let mut shown = Shown::new();
    for (key, (window, level, numbers)) in values {
        let (place, pointer, _, begin) = &key;
        let over = begin + i64::from(window.seconds) * 1000;
        let mut times = messages.iter().map(|it| it.0).chain([end]);
        let closing = times.find(|it| it.as_millis() >= over).unwrap();
        let still = levels(&at(world, closing));
        let still = still
            .iter()
            .any(|it| it.0 == *place && it.1 == *pointer && it.2 >= level);
        if still && numbers.len() >= window.least as usize && !numbers.is_empty() {
            let value = statistic(window.of, &numbers);
            shown.insert(key, (round(value), numbers.len() as u64));
        }
    }
    shown
}

fn statistic(of: Statistic, numbers: &[f64]) -> f64 {
    let count = numbers.len() as f64;
    match of {
        Statistic::Mean => shortened(numbers.iter().sum::<f64>() / count, numbers),
        Statistic::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Statistic::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Statistic::Count => count,
        Statistic::Last => numbers[numbers.len() - 1],
    }
}

/// A mean has two decimal places more than the most precise value, as the design says.
fn shortened(mean: f64, numbers: &[f64]) -> f64 {
    let places = numbers.iter().map(|it| {
        let text = it.to_string();
        text.split_once('.').map_or(0, |(_, places)| places.len())
    });
    let places = places.max().unwrap_or(0) + 2;
    if places > 9 {
        return mean;
    }
    let scale = 10_f64.powi(i32::try_from(places).unwrap());
    (mean * scale).round() / scale
}

/// Which field counts for which window where, now.
fn open_at(world: &World) -> Vec<(Place, String, Level, Window)> {
    let mut open = vec![];
    for (place, pointer, level) in levels(world) {
        let field = model::Pointer::parse(&pointer).unwrap();
        let field = world.notice.field(&field).unwrap();
        if let Some(Coarsening::Window(window)) = naive::coarsening(field, level) {
            open.push((place, pointer, level, *window));
        }
    }
    open
}

/// At which level which field may go where, now.
fn levels(world: &World) -> Vec<(Place, String, Level)> {
    let mut levels = vec![];
    for field in &world.notice.fields {
        let pointer = || field.pointer.to_string();
        for (recipient, purpose) in World::lanes() {
            if naive::admitted(world)
                && naive::granted(world, recipient, purpose)
                && let Some((level, ..)) = naive::level(world, field, recipient, purpose)
            {
                levels.push((format!("{recipient}/{purpose}"), pointer(), level));
            }
        }
        for ((by_law, days), level) in naive::kept(world, field) {
            levels.push((format!("{by_law} {days}"), pointer(), level));
        }
    }
    levels
}
