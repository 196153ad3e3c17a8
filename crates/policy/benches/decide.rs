//! Deciding one message of 5, 20 and 100 fields for 1, 8 and 64 recipients; reading and writing one of 20 fields.
//!
//! People choose by kind of recipient, so recipients share views: four of them here. `decide_20x4_ns` has a view for each
//! recipient, `decide_20x8_apart_ns` as well; those are the dearest.
//!
//! `cargo bench -p policy` prints divan's table; with `-- --json` it prints the medians as one flat JSON object instead.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use model::{Statistic, Timestamp, Window};
use policy::{Accumulator, Outcome, Payload, Program, decide, render};

#[path = "decide/world.rs"]
mod world;

use world::{FACTS, message, payload, program};

/// How many views the recipients share.
const VIEWS: usize = 4;
/// Samples of which the median is given, and calls in each.
const SAMPLES: usize = 101;
const CALLS: u32 = 2000;

fn main() {
    #[expect(clippy::disallowed_methods, reason = "the arguments of a program")]
    let json = std::env::args().any(|it| it == "--json");
    if !json {
        return divan::main();
    }
    let mut figures = vec![
        (
            "decide_20x8_apart_ns".to_owned(),
            median(deciding(20, 8, 8)),
        ),
        ("decide_20x4_ns".to_owned(), median(deciding(20, 4, VIEWS))),
        ("decode_20_ns".to_owned(), median(decoding())),
        ("render_20_ns".to_owned(), median(rendering())),
        ("window_add_ns".to_owned(), median(accumulating())),
    ];
    for fields in [5, 20, 100] {
        for recipients in [1, 8, 64] {
            let name = format!("decide_{fields}x{recipients}_ns");
            figures.push((name, median(deciding(fields, recipients, VIEWS))));
        }
    }
    let members: Vec<_> = figures
        .iter()
        .map(|(name, nanoseconds)| format!("\"{name}\": {nanoseconds:.1}"))
        .collect();
    let line = format!("{{{}}}\n", members.join(", "));
    if std::io::stdout().write_all(line.as_bytes()).is_err() {
        std::process::exit(1);
    }
}

/// Nanoseconds of one call.
fn median(mut call: impl FnMut()) -> f64 {
    let sample = |_| {
        #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    let mut samples: Vec<f64> = (0..SAMPLES).map(sample).collect();
    samples.sort_by(f64::total_cmp);
    samples.get(SAMPLES / 2).copied().unwrap_or(f64::NAN)
}

fn deciding(fields: usize, recipients: usize, views: usize) -> impl FnMut() {
    let program = program(fields, recipients, views);
    let payload = payload(&program, fields, views);
    move || {
        black_box(decide(black_box(&program), black_box(&payload), &FACTS));
    }
}

fn decoding() -> impl FnMut() {
    let program = program(20, 4, VIEWS);
    let message = message(20);
    move || {
        black_box(program.schema().decode(black_box(message.as_bytes()))).ok();
    }
}

fn rendering() -> impl FnMut() {
    let program = program(20, 4, VIEWS);
    let payload = payload(&program, 20, VIEWS);
    let outcome = first_outcome(&program, &payload);
    let mut out = Vec::with_capacity(1024);
    move || {
        out.clear();
        let pseudonym = |it: &str| it.to_owned();
        render(black_box(&payload), &outcome, &pseudonym, &mut out);
        black_box(&out);
    }
}

/// One value more in a window.
fn accumulating() -> impl FnMut() {
    let window = Window {
        seconds: 900,
        of: Statistic::Mean,
        least: 2,
    };
    let mut accumulator = Accumulator::begin(window, Timestamp::EPOCH);
    move || {
        black_box(accumulator.add(black_box("1210.25"), Timestamp::EPOCH));
    }
}

#[divan::bench(args = [1, 8, 64])]
fn decide_20_fields(bencher: divan::Bencher<'_, '_>, recipients: usize) {
    bencher.bench_local(deciding(20, recipients, VIEWS));
}

#[divan::bench]
fn decode_20_fields(bencher: divan::Bencher<'_, '_>) {
    bencher.bench_local(decoding());
}

#[divan::bench]
fn render_20_fields(bencher: divan::Bencher<'_, '_>) {
    bencher.bench_local(rendering());
}

#[divan::bench(args = [4, 8])]
fn compile_20_fields(bencher: divan::Bencher<'_, '_>, recipients: usize) {
    bencher.bench_local(|| program(20, recipients, VIEWS));
}

fn first_outcome(program: &Program, payload: &Payload) -> Outcome {
    let decision = decide(program, payload, &FACTS);
    let lane = program.lane_indexes().next();
    let outcome = lane.and_then(|it| decision.outcome(it.0).cloned());
    outcome.unwrap_or_else(|| unreachable!("the first lane is open"))
}
