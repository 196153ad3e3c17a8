//! No command is handed over while an interlock holds: against somebody who reads the notice and nothing else.

use std::cell::Cell;

use super::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Debug, Clone)]
enum Step {
    Power(&'static str),
    Lid(&'static str),
    Ask,
    Take,
    Leave,
    Tick,
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let step = prop_oneof![
        2 => prop::sample::select(vec!["100", "2000", "2000.1", "9000", "\"x\"", "null"]).prop_map(Step::Power),
        2 => prop::sample::select(vec!["\"shut\"", "\"open\"", "true"]).prop_map(Step::Lid),
        2 => Just(Step::Power("100")),
        2 => Just(Step::Lid("\"shut\"")),
        3 => Just(Step::Ask),
        3 => Just(Step::Take),
        1 => Just(Step::Leave),
        1 => Just(Step::Tick),
    ];
    let passed = prop::sample::select(vec![
        0, 0, 0, 1, 1, 999, 5_000, 29_998, 29_999, 30_000, 59_999, 60_000, 60_001,
    ]);
    (passed, step)
}

/// What somebody would do who reads the notice: the last value that was readable, unless an unreadable one came after it.
#[derive(Default)]
struct Naive {
    power: Option<(f64, i64)>,
    is_shut: Option<(bool, i64)>,
}

impl Naive {
    fn is_safe(&self, now: i64) -> bool {
        let is_cool = self
            .power
            .is_some_and(|(it, at)| it <= 2_000.0 && now - at <= 60_000);
        let is_shut = self
            .is_shut
            .is_some_and(|(it, at)| it && now - at <= 60_000);
        is_cool && is_shut
    }
}

fn no_command_while_held(home: &Home, begin: i64, steps: &[(i64, Step)]) {
    let mut now = begin;
    let mut naive = Naive::default();
    let listen = || {
        home.house
            .custody
            .listen(&home.meter, |it| it == "meter-1/heat")
    };
    let mut listener = Some(listen());
    // Commands that wait, oldest first, with when they were asked for.
    let mut waiting: Vec<(CommandId, i64)> = Vec::new();
    for (passed, step) in steps {
        now += passed;
        match step {
            Step::Power(value) => {
                home.send(&format!(r#"{{"power": {value}}}"#), after(now));
                // A message without a value says nothing, and so does `null`.
                if *value != "null" {
                    naive.power = value.parse().ok().map(|it| (it, now));
                }
            }
            Step::Lid(value) => {
                home.send(&format!(r#"{{"lid": {value}}}"#), after(now));
                naive.is_shut = value
                    .starts_with('"')
                    .then_some((*value == "\"shut\"", now));
            }
            Step::Ask if waiting.len() < MAX_WAITING_PER_THING => {
                home.tick(after(now));
                waiting.retain(|it| now < it.1 + 30_000);
                let asked = home.heat(after(now));
                assert_eq!(asked.is_ok(), naive.is_safe(now), "{asked:?} at {now}");
                waiting.extend(asked.ok().map(|it| (it, now)));
            }
            Step::Ask | Step::Tick => home.tick(after(now)),
            Step::Leave => listener = None,
            Step::Take => {
                let listener = listener.get_or_insert_with(listen);
                let sent = taken(listener, CommandAck::Never, after(now));
                let sent: Vec<_> = sent.iter().map(|it| format!("{:016x}", it.id())).collect();
                let mut expected: Vec<_> = Vec::new();
                for (id, at) in waiting.drain(..) {
                    let is_due = naive.is_safe(now) && now < at + 30_000;
                    expected.extend(is_due.then(|| id.to_string()));
                }
                let (mut sent, mut due) = (sent, expected);
                sent.sort();
                due.sort();
                assert_eq!(sent, due, "at {now}");
            }
        }
    }
}

#[test]
fn no_command_is_handed_over_while_an_interlock_holds() {
    held_in_cases(50);
}

mod slow {
    #[test]
    fn no_command_is_ever_handed_over_while_an_interlock_holds() {
        super::held_in_cases(1_000);
    }
}

fn held_in_cases(cases: u32) {
    let db = store::Db::open(&testkit::sqlite_with(&custody::MIGRATION_SETS)).unwrap();
    let directory = testkit::temp_dir();
    let home = Home::new(house(db, directory.path().to_owned()));
    home.grant("utility-desk", "billing", None);
    let begin = Cell::new(0);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let ran = TestRunner::new(config).run(&prop::collection::vec(step(), 1..40), |steps| {
        // Each case begins when all before it is over.
        begin.set(begin.get() + 10_000_000);
        home.send(r#"{"power": "x", "lid": 0}"#, after(begin.get()));
        home.tick(after(begin.get()));
        no_command_while_held(&home, begin.get(), &steps);
        Ok(())
    });
    ran.unwrap();
}
