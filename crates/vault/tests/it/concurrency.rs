//! Appending, compacting and reading at the same time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::Retention;
use vault::VaultOptions;

use crate::fixture::{DAY_MS, START, all, keep, on_each_database, person, reading, stored};

#[test]
fn reading_while_segments_become_blocks_neither_hides_nor_doubles_a_reading() {
    on_each_database(|fixture| {
        let options = VaultOptions {
            segment_bytes: 8_000,
            ..fixture.options()
        };
        let vault = fixture.try_open(options).unwrap();
        let subject = person("a1");
        let is_done = AtomicBool::new(false);
        let total = 1_500_i64;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..total {
                    let one = stored(&subject, START.plus_millis(n), "some body");
                    let lsn = vault.append(&reading(&one)).unwrap();
                    if n % 50 == 0 {
                        vault.wait(lsn).unwrap();
                    }
                }
                is_done.store(true, Ordering::Release);
            });
            scope.spawn(|| {
                while !is_done.load(Ordering::Acquire) {
                    vault.maintain(START).unwrap();
                }
            });
            let mut seen = 0;
            while !is_done.load(Ordering::Acquire) {
                let times: Vec<i64> = all(&vault, &subject, START)
                    .iter()
                    .map(|it| it.at.as_millis() - START.as_millis())
                    .collect();
                let expected: Vec<i64> = (0..).take(times.len()).collect();
                assert_eq!(times, expected);
                assert!(times.len() >= seen, "{} after {seen}", times.len());
                seen = times.len();
            }
        });
        vault.close();
        assert_eq!(
            all(&vault, &subject, START).len(),
            usize::try_from(total).unwrap()
        );
    });
}

#[test]
fn threads_that_append_share_commits_and_lose_nothing() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let vault = &vault;
                scope.spawn(move || {
                    let subject = person(&format!("p{thread}"));
                    for n in 0..200 {
                        let one = stored(&subject, START.plus_millis(n), "x");
                        let lsn = vault.append(&reading(&one)).unwrap();
                        vault.wait(lsn).unwrap();
                        assert!(vault.durable() >= lsn);
                    }
                });
            }
        });
        for thread in 0..4 {
            assert_eq!(
                all(&vault, &person(&format!("p{thread}")), START).len(),
                200
            );
        }
    });
}

#[test]
fn destroying_keys_while_readings_arrive_under_them_loses_none() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        let rounds = AtomicU64::new(0);
        let is_done = AtomicBool::new(false);
        let late = START.plus_millis(2 * DAY_MS);
        let mut destroyed = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for epoch in 0..60 {
                    let mut one = stored(&subject, START.plus_millis(-epoch * DAY_MS), "over");
                    one.retention = Retention::from_days(1);
                    keep(&vault, &one);
                    // None, one or two more rounds of maintenance: the key is in use, on its way out, or gone.
                    let round = rounds.load(Ordering::Acquire) + u64::try_from(epoch % 3).unwrap();
                    while rounds.load(Ordering::Acquire) < round {
                        std::thread::yield_now();
                    }
                    one.retention = Retention::from_days(1_000);
                    keep(&vault, &one);
                }
                is_done.store(true, Ordering::Release);
            });
            while !is_done.load(Ordering::Acquire) {
                destroyed += vault.maintain(late).unwrap().destroyed_keys;
                rounds.fetch_add(1, Ordering::AcqRel);
            }
        });
        vault.maintain(late).unwrap();
        let kept: Vec<i64> = all(&vault, &subject, late)
            .iter()
            .map(|it| it.at.day() - START.day())
            .collect();
        assert_eq!(kept, (-59..=0).collect::<Vec<i64>>());
        assert!(destroyed >= 20, "{destroyed}");
    });
}
