//! Deciding, reading and writing one message of 20 fields for 4 and 8 recipients with a view each.
//!
//! `cargo bench -p policy` prints divan's table; with `-- --json` it prints the medians as one flat JSON object instead.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use model::{Choice, Grant, Level, LicenceState, Notice, PersonId, Roles, Timestamp};
use policy::{Facts, Inputs, Outcome, Payload, Program, Schema, Sensed, compile, decide, render};

const FIELDS: usize = 20;
/// Samples of which the median is given, and calls in each.
const SAMPLES: usize = 101;
const CALLS: u32 = 2000;

fn main() {
    #[expect(clippy::disallowed_methods, reason = "the arguments of a program")]
    let json = std::env::args().any(|it| it == "--json");
    if !json {
        return divan::main();
    }
    let figures = [
        ("decide_20x4_ns", median(deciding(4))),
        ("decide_20x8_ns", median(deciding(8))),
        ("decode_20_ns", median(decoding())),
        ("render_20_ns", median(rendering())),
    ];
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

fn deciding(recipients: usize) -> impl FnMut() {
    let program = program(recipients);
    let payload = payload(&program);
    move || {
        black_box(decide(black_box(&program), black_box(&payload), &FACTS));
    }
}

fn decoding() -> impl FnMut() {
    let program = program(4);
    let message = message();
    move || {
        black_box(program.schema().decode(black_box(message.as_bytes()))).ok();
    }
}

fn rendering() -> impl FnMut() {
    let program = program(4);
    let payload = payload(&program);
    let outcome = first_outcome(&program, &payload);
    let mut out = Vec::with_capacity(1024);
    move || {
        out.clear();
        let pseudonym = |it: &str| it.to_owned();
        render(black_box(&payload), &outcome, &pseudonym, &mut out);
        black_box(&out);
    }
}

#[divan::bench(args = [4, 8])]
fn decide_20_fields(bencher: divan::Bencher<'_, '_>, recipients: usize) {
    bencher.bench_local(deciding(recipients));
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
    bencher.bench_local(|| program(recipients));
}

const FACTS: Facts = Facts {
    now: Timestamp::EPOCH,
    licence: LicenceState::Active,
    quarantined: false,
};

/// A program in which every recipient has a view of its own, with fields on, coarse and off.
fn program(recipients: usize) -> Program {
    let notice = Notice::parse(&notice(recipients)).unwrap_or_else(|err| unreachable!("{err:?}"));
    let schema = Schema::compile(&notice).unwrap_or_else(|err| unreachable!("{err}"));
    let (mut choices, mut grants) = (Vec::new(), Vec::new());
    for (number, declaration) in notice.declarations.iter().enumerate() {
        for recipient in &declaration.recipients {
            grants.push(Grant {
                recipient: recipient.clone(),
                purpose: declaration.purpose.clone(),
                deployment: notice.deployment.clone(),
                valid_from: Timestamp::EPOCH,
                valid_until: None,
            });
            for (place, field) in notice.fields.iter().enumerate() {
                choices.extend(
                    level(number + place + (number & place)).map(|level| Choice {
                        person: PersonId::parse("p").unwrap_or_else(|err| unreachable!("{err}")),
                        deployment: notice.deployment.clone(),
                        field: field.pointer.clone(),
                        purpose: declaration.purpose.clone(),
                        recipient: recipient.clone(),
                        level,
                    }),
                );
            }
        }
    }
    let program = compile(&Inputs {
        notice: &notice,
        schema: &schema,
        people: &[Sensed {
            roles: Roles::ALL,
            choices: &choices,
        }],
        grants: &grants,
        caps: &[],
        generation: 1,
    });
    assert_eq!(program.lanes().len(), recipients);
    program
}

/// One field in five is off and two in five are coarse, at different places for each recipient.
fn level(place: usize) -> Option<Level> {
    match place % 5 {
        0 => Some(Level::OFF),
        1 => Level::coarse(1),
        2 => Level::coarse(2),
        _ => None,
    }
}

fn payload(program: &Program) -> Payload {
    let payload = program.schema().decode(message().as_bytes());
    let payload = payload.unwrap_or_else(|err| unreachable!("{err}"));
    assert_eq!(payload.present().len(), FIELDS);
    let decision = decide(program, &payload, &FACTS);
    let lanes = program.lane_indexes();
    let views: BTreeSet<_> = lanes.filter_map(|it| decision.view(it.0)).collect();
    assert_eq!(views.len(), program.lanes().len(), "a view for each lane");
    payload
}

fn first_outcome(program: &Program, payload: &Payload) -> Outcome {
    let decision = decide(program, payload, &FACTS);
    let lane = program.lane_indexes().next();
    let outcome = lane.and_then(|it| decision.outcome(it.0).cloned());
    outcome.unwrap_or_else(|| unreachable!("the first lane is open"))
}

fn message() -> String {
    let numbers: Vec<_> = (0..FIELDS - 4)
        .map(|it| format!("\"value{it}\":{it}.25"))
        .collect();
    format!(
        "{{{},\"at\":{{\"lat\":31.5204,\"lon\":74.3587}},\"state\":\"ok\",\"open\":false}}",
        numbers.join(",")
    )
}

fn notice(recipients: usize) -> String {
    let text = r#"{ en = "Benchmark", ur = "پیمائش" }"#;
    let mut notice = format!(
        "deployment = \"bench\"\nversion = 1\ncontroller = \"city\"\ntitle = {text}\nsummary = {text}\nplace = {text}\n\
         stored-in = {text}\n[contact]\nname = {text}\nemail = \"a@b.example\"\nphone = \"+92\"\n\
         [[purposes]]\nid = \"use\"\ndpv = \"dpv:PublicBenefit\"\ntitle = {text}\nwhy = {text}\n"
    );
    let numbers = (0..FIELDS - 4).map(|it| format!("/value{it}"));
    let numbers = numbers.chain(["/at/lat".to_owned(), "/at/lon".to_owned()]);
    let mut pointers = Vec::new();
    let fields = numbers.map(|it| (it, "number", "round = 0.5"));
    let others = [("/state", "text"), ("/open", "boolean")];
    let others = others.map(|(it, kind)| (it.to_owned(), kind, ""));
    for (pointer, kind, finer) in fields.chain(others) {
        let finer = if finer.is_empty() {
            String::new()
        } else {
            format!("[[fields.coarse]]\n{finer}\n")
        };
        notice += &format!(
            "[[fields]]\npointer = \"{pointer}\"\ntitle = {text}\nkind = \"{kind}\"\nsensitivity = \"low\"\n\
             [[fields.coarse]]\npresence = true\n{finer}"
        );
        pointers.push(format!("\"{pointer}\""));
    }
    let pointers = pointers.join(", ");
    for number in 0..recipients {
        let days = if number % 2 == 0 { 30 } else { 365 };
        notice += &format!(
            "[[recipients]]\nid = \"r{number}\"\ntitle = {text}\nterms = {text}\n\
             [[declarations]]\nfields = [{pointers}]\npurpose = \"use\"\nbasis = \"contract\"\nrecipients = [\"r{number}\"]\n\
             retention-days = {days}\nprecision = \"on\"\n"
        );
    }
    notice
}
