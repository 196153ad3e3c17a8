//! The same decision, asked of `policy::decide`, of cedar-policy and of an interpreter of rules over JSON, in one run.
//!
//! `cargo xtask bench` builds and runs this; it prints nanoseconds for one message as one flat JSON object.
//!
//! The question is the same for all: one message, so many fields, so many recipients; which field passes to whom? Everything
//! that can be prepared before the message comes is prepared, for the peers too: parsed policies, entities, requests. The
//! answers are compared before anything is measured. Amanat's answer also says how much of each field passes (exact, or which
//! coarse level) and what is kept how long; cedar is asked only whether it passes, which is the easier question.

use std::hint::black_box;
use std::time::Instant;

#[path = "../../crates/policy/benches/decide/world.rs"]
mod world;

mod cedar;
mod walk;

use world::{FACTS, level, message, payload, program};

/// How many views the recipients share.
const VIEWS: usize = 4;
/// Samples of which the median is given.
const SAMPLES: usize = 31;
/// How long one sample takes at least, in nanoseconds.
const SAMPLE_NANOSECONDS: f64 = 2_000_000.0;

fn main() {
    let mut figures = Vec::new();
    for (fields, recipients) in [(5, 1), (20, 8), (100, 64)] {
        let passing = passing(fields, recipients);
        let program = program(fields, recipients, VIEWS);
        let payload = payload(&program, fields, VIEWS);
        let mut cedar = cedar::Cedar::new(fields, recipients);
        let mut walk = walk::Walk::new(fields, recipients);
        assert_eq!(ours(&program, &payload), passing);
        assert_eq!(cedar.decide(), passing);
        assert_eq!(walk.decide(), passing);
        let size = format!("{fields}x{recipients}");
        let amanat = median(|| {
            drop(black_box(policy::decide(
                &program,
                black_box(&payload),
                &FACTS,
            )))
        });
        let cedar = median(|| {
            black_box(cedar.decide());
        });
        let walk = median(|| {
            black_box(walk.decide());
        });
        figures.push((format!("peers_decide_{size}_ns"), amanat));
        figures.push((format!("peers_cedar_{size}_ns"), cedar));
        figures.push((format!("peers_json_walk_{size}_ns"), walk));
        figures.push((format!("cedar_vs_decide_{size}_ratio"), cedar / amanat));
        figures.push((format!("json_walk_vs_decide_{size}_ratio"), walk / amanat));
    }
    let members = figures
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value:.3}"));
    println!("{{{}}}", members.collect::<Vec<_>>().join(", "));
}

/// How many pairs of field and recipient pass.
fn passing(fields: usize, recipients: usize) -> usize {
    let recipients = 0..recipients;
    let passes = |recipient: usize| {
        (0..fields)
            .filter(move |it| level(recipient % VIEWS, *it) != Some(model::Level::OFF))
            .count()
    };
    recipients.map(passes).sum()
}

fn ours(program: &policy::Program, payload: &policy::Payload) -> usize {
    let decision = policy::decide(program, payload, &FACTS);
    let outcomes = program
        .lane_indexes()
        .filter_map(|it| decision.outcome(it.0));
    outcomes.map(|it| it.fields().len()).sum()
}

/// The names of the fields, in the order of the notice.
fn names(fields: usize) -> Vec<String> {
    let numbers = (0..fields - 4).map(|it| format!("/value{it}"));
    let others = ["/at/lat", "/at/lon", "/state", "/open"].map(str::to_owned);
    numbers.chain(others).collect()
}

/// Which recipients have a field exactly, and which coarsely.
fn audience(recipients: usize, place: usize) -> (Vec<String>, Vec<String>) {
    let (mut exact, mut coarse) = (Vec::new(), Vec::new());
    for recipient in 0..recipients {
        match level(recipient % VIEWS, place) {
            None => exact.push(format!("r{recipient}")),
            Some(model::Level::OFF) => {}
            Some(_) => coarse.push(format!("r{recipient}")),
        }
    }
    (exact, coarse)
}

/// Nanoseconds of one call.
fn median(mut call: impl FnMut()) -> f64 {
    let mut timed = |calls: u32| {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    };
    let once = timed(10).max(1.0);
    let calls = (SAMPLE_NANOSECONDS / once).clamp(1.0, 100_000.0) as u32;
    let mut samples: Vec<f64> = (0..SAMPLES).map(|_| timed(calls)).collect();
    samples.sort_by(f64::total_cmp);
    samples[SAMPLES / 2]
}
