//! Any sequence of appending, maintaining, reopening and reading gives what a plain list would give.

use model::{DeploymentId, Retention, Subject, ThingId, Timestamp};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use proptest::{collection, prop_assert_eq};
use vault::{Order, ReadQuery, StoredReading, Vault};

use crate::fixture::{DAY_MS, Fixture, START, person, reading};

#[derive(Debug, Clone)]
enum Action {
    Append {
        subject: u8,
        late_ms: i64,
        days: u16,
        body: Vec<u8>,
    },
    Pass {
        ms: i64,
    },
    Maintain,
    Reopen,
    Read {
        subject: u8,
        from_ms: i64,
        span_ms: i64,
        limit: usize,
        order: Order,
    },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let append = (
        0..3_u8,
        prop_oneof![Just(0), 0..3 * DAY_MS],
        1..4_u16,
        collection::vec(any::<u8>(), 0..300),
    );
    let read = (
        0..3_u8,
        -4 * DAY_MS..DAY_MS,
        1..6 * DAY_MS,
        1..8_usize,
        any::<bool>(),
    );
    let action = prop_oneof![
        8 => append.prop_map(|(subject, late_ms, days, body)| Action::Append { subject, late_ms, days, body }),
        2 => (0..DAY_MS).prop_map(|ms| Action::Pass { ms }),
        1 => Just(Action::Maintain),
        1 => Just(Action::Reopen),
        3 => read.prop_map(|(subject, from_ms, span_ms, limit, newest)| Action::Read {
            subject,
            from_ms,
            span_ms,
            limit,
            order: if newest { Order::NewestFirst } else { Order::OldestFirst },
        }),
    ];
    collection::vec(action, 1..40)
}

fn subject(number: u8) -> Subject {
    match number {
        0 => person("a1"),
        1 => person("b2"),
        _ => Subject::Thing(ThingId::parse("a1").unwrap()),
    }
}

/// The naive model: everything that was appended, in order.
struct Model {
    readings: Vec<StoredReading>,
    now: Timestamp,
}

impl Model {
    fn read(&self, query: &ReadQuery) -> Vec<StoredReading> {
        let is_kept = |it: &&StoredReading| {
            it.subject == query.subject
                && (query.from..query.until).contains(&it.at)
                && it
                    .at
                    .plus_millis(i64::from(it.retention.as_days()) * DAY_MS)
                    > query.now
        };
        let mut found: Vec<_> = self.readings.iter().filter(is_kept).cloned().collect();
        found.sort_by_key(|it| it.at);
        if query.order == Order::NewestFirst {
            found.reverse();
        }
        found.truncate(query.limit);
        found
    }

    fn query(&self, subject: Subject) -> ReadQuery {
        crate::fixture::everything(&subject, self.now)
    }
}

fn check(fixture: &Fixture, actions: Vec<Action>) -> Result<(), TestCaseError> {
    let mut vault = fixture.open();
    let mut model = Model {
        readings: Vec::new(),
        now: START,
    };
    for action in actions {
        match action {
            Action::Append {
                subject: number,
                late_ms,
                days,
                body,
            } => {
                let stored = StoredReading {
                    subject: subject(number),
                    thing: ThingId::parse("meter-7").unwrap(),
                    deployment: DeploymentId::parse("home-energy").unwrap(),
                    at: model.now.plus_millis(-late_ms),
                    retention: Retention::from_days(days),
                    generation: u64::from(number),
                    body,
                };
                vault.append(&reading(&stored)).unwrap();
                model.readings.push(stored);
            }
            Action::Pass { ms } => model.now = model.now.plus_millis(ms),
            Action::Maintain => {
                vault.maintain(model.now).unwrap();
            }
            Action::Reopen => {
                drop(vault);
                vault = fixture.open();
            }
            Action::Read {
                subject: number,
                from_ms,
                span_ms,
                limit,
                order,
            } => {
                let from = model.now.plus_millis(from_ms);
                let until = from.plus_millis(span_ms);
                let query = ReadQuery {
                    subject: subject(number),
                    from,
                    until,
                    limit,
                    order,
                    now: model.now,
                };
                settle(&vault, &model);
                prop_assert_eq!(vault.read(&query).unwrap(), model.read(&query));
            }
        }
    }
    settle(&vault, &model);
    for number in 0..3 {
        let query = model.query(subject(number));
        prop_assert_eq!(vault.read(&query).unwrap(), model.read(&query));
    }
    Ok(())
}

/// Appends one more reading of a subject that is not looked at, and waits for it: then everything before is durable.
fn settle(vault: &Vault, model: &Model) {
    let marker = crate::fixture::stored(&person("marker"), model.now, "");
    crate::fixture::keep(vault, &marker);
}

fn run(cases: u32, fixture: impl Fn() -> Fixture) {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&actions(), |actions| check(&fixture(), actions))
        .unwrap();
}

#[test]
fn any_history_reads_back_as_from_a_plain_list_on_sqlite() {
    run(48, crate::fixture::on_sqlite);
}

#[test]
fn any_history_reads_back_as_from_a_plain_list_on_postgres() {
    run(12, || Fixture {
        home: testkit::temp_dir(),
        db: store::Db::open(&testkit::postgres()).unwrap(),
    });
}

#[test]
fn many_readings_of_a_day_take_few_rows_and_come_back_in_order() {
    crate::fixture::on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        let appended: Vec<StoredReading> = (0..2_000)
            .map(|n| {
                crate::fixture::stored(&subject, START.plus_millis(n), &format!("{{\"kwh\":{n}}}"))
            })
            .collect();
        let last = appended
            .iter()
            .map(|it| vault.append(&reading(it)).unwrap())
            .last()
            .unwrap();
        vault.wait(last).unwrap();
        let done = vault.maintain(START).unwrap();
        assert_eq!((done.segments, done.readings, done.blocks), (1, 2_000, 4));
        assert_eq!(fixture.count("vault_block"), 4);
        assert_eq!(crate::fixture::all(&vault, &subject, START), appended);
        let mut query = crate::fixture::everything(&subject, START);
        query.order = Order::NewestFirst;
        query.limit = 700;
        let expected: Vec<_> = appended.iter().rev().take(700).cloned().collect();
        assert_eq!(vault.read(&query).unwrap(), expected);
        let compressed = fixture
            .db
            .read(|tx| tx.query("SELECT sealed FROM vault_block", &[]))
            .unwrap();
        let bytes: usize = compressed
            .iter()
            .map(|it| it.get::<Vec<u8>>(0).unwrap().len())
            .sum();
        assert!(bytes < 2_000 * 30, "{bytes} bytes for 2,000 readings");
    });
}

#[test]
fn the_largest_bodies_go_through_log_and_blocks() {
    let fixture = crate::fixture::on_sqlite();
    let vault = fixture.open();
    let subject = person("a1");
    let mut noise = 1_u64;
    let appended: Vec<StoredReading> = (0..3)
        .map(|n| {
            let mut stored = crate::fixture::stored(&subject, START.plus_millis(n), "");
            stored.body = (0..vault::MAX_BODY_BYTES)
                .map(|_| {
                    noise = noise
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    noise.to_be_bytes()[0]
                })
                .collect();
            stored
        })
        .collect();
    for stored in &appended {
        crate::fixture::keep(&vault, stored);
    }
    assert!(crate::fixture::all(&vault, &subject, START) == appended);
    assert_eq!(vault.maintain(START).unwrap().blocks, 3);
    assert!(crate::fixture::all(&vault, &subject, START) == appended);
}
