//! All or nothing, one writer, readers that do not wait.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use store::{Db, DbError};

use crate::items::{add_item, count_items, count_items_in, databases_with_items, read, write};

/// An error of a caller, as every use case has one.
#[derive(Debug, PartialEq)]
enum CallerError {
    Refused,
    Rows,
}

impl From<DbError> for CallerError {
    fn from(_: DbError) -> Self {
        Self::Rows
    }
}

#[test]
fn what_was_done_is_undone_when_the_caller_returns_an_error() {
    for (name, db) in databases_with_items() {
        let result: Result<(), CallerError> = db.write(|tx| {
            add_item(tx, 1, "one")?;
            assert_eq!(count_items_in(tx)?, 1);
            Err(CallerError::Refused)
        });
        assert_eq!(result, Err(CallerError::Refused), "{name}");
        assert_eq!(count_items(&db), 0, "{name}");
        write(&db, |tx| add_item(tx, 1, "one"));
        assert_eq!(count_items(&db), 1, "{name}");
    }
}

#[test]
fn what_was_done_is_undone_when_the_caller_panics_and_the_panic_goes_on() {
    for (name, db) in databases_with_items() {
        let panicking = AssertUnwindSafe(|| {
            write(&db, |tx| {
                add_item(tx, 1, "one")?;
                if count_items_in(tx)? == 1 {
                    panic!("the caller's own words");
                }
                Ok(())
            });
        });
        let payload = panic::catch_unwind(panicking).unwrap_err();
        let words = payload.downcast_ref::<&str>().copied();
        assert_eq!(words, Some("the caller's own words"), "{name}");
        assert_eq!(count_items(&db), 0, "{name}");
        write(&db, |tx| add_item(tx, 1, "one"));
        assert_eq!(count_items(&db), 1, "{name}");
    }
}

#[test]
fn a_failed_statement_fails_the_transaction_even_if_the_caller_looks_away() {
    for (name, db) in databases_with_items() {
        write(&db, |tx| add_item(tx, 1, "one"));
        let result = db.write(|tx| {
            add_item(tx, 2, "two")?;
            let refused = add_item(tx, 1, "again");
            assert!(
                matches!(refused, Err(DbError::Unique { .. })),
                "{name}: {refused:?}"
            );
            let further = add_item(tx, 3, "three");
            assert!(
                matches!(further, Err(DbError::Aborted)),
                "{name}: {further:?}"
            );
            Ok::<_, DbError>(())
        });
        assert!(
            matches!(result, Err(DbError::Aborted)),
            "{name}: {result:?}"
        );
        assert_eq!(count_items(&db), 1, "{name}");
    }
}

#[test]
fn readers_work_side_by_side_and_see_the_old_state_while_a_writer_is_busy() {
    for (name, db) in databases_with_items() {
        write(&db, |tx| add_item(tx, 1, "one"));
        let counts = write(&db, |tx| {
            add_item(tx, 2, "two")?;
            // Each reader is inside its transaction before any of them may leave.
            let barrier = Barrier::new(4);
            let counts: Vec<i64> = thread::scope(|scope| {
                let reader = || {
                    read(&db, |tx| {
                        barrier.wait();
                        count_items_in(tx)
                    })
                };
                let readers: Vec<_> = (0..4).map(|_| scope.spawn(reader)).collect();
                readers.into_iter().map(|it| it.join().unwrap()).collect()
            });
            Ok(counts)
        });
        assert_eq!(counts, [1, 1, 1, 1], "{name}");
        assert_eq!(count_items(&db), 2, "{name}");
    }
}

#[test]
fn a_read_transaction_sees_one_state_from_beginning_to_end() {
    for (name, db) in databases_with_items() {
        let (before, after) = read(&db, |tx| {
            let before = count_items_in(tx)?;
            thread::scope(|scope| {
                scope
                    .spawn(|| write(&db, |tx| add_item(tx, 1, "one")))
                    .join()
            })
            .unwrap();
            Ok((before, count_items_in(tx)?))
        });
        assert_eq!((before, after), (0, 0), "{name}");
        assert_eq!(count_items(&db), 1, "{name}");
    }
}

#[test]
fn a_read_transaction_cannot_write() {
    for (name, db) in databases_with_items() {
        let result = db.read(|tx| add_item(tx, 1, "one"));
        assert!(
            matches!(result, Err(DbError::ReadOnly)),
            "{name}: {result:?}"
        );
        assert_eq!(count_items(&db), 0, "{name}");
    }
}

/// Each writer reads a number and writes the next one: with two at a time some would be lost.
#[track_caller]
fn check_one_writer_at_a_time(name: &str, handles: &[Db]) {
    const ROUNDS: usize = 25;
    thread::scope(|scope| {
        for db in handles {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    write(db, |tx| {
                        let next = count_items_in(tx)?;
                        add_item(tx, next, &format!("item {next}"))
                    });
                }
            });
        }
    });
    let expected = i64::try_from(handles.len() * ROUNDS).unwrap();
    assert_eq!(count_items(&handles[0]), expected, "{name}");
}

#[test]
fn one_writer_at_a_time_among_threads_of_one_process() {
    for (name, db) in databases_with_items() {
        check_one_writer_at_a_time(name, &[db.clone(), db.clone(), db.clone(), db]);
    }
}

#[test]
fn one_writer_at_a_time_among_processes() {
    // Two handles opened apart share nothing, as if they were in two processes.
    for url in [testkit::sqlite(), testkit::postgres()] {
        let handles = [Db::open(&url).unwrap(), Db::open(&url).unwrap()];
        write(&handles[0], |tx| {
            tx.execute(
                "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
                &[],
            )
        });
        check_one_writer_at_a_time(&format!("{:?}", handles[0].engine()), &handles);
    }
}

#[test]
fn a_second_writer_waits_until_the_first_is_done() {
    for (name, db) in databases_with_items() {
        let (inside, first_is_inside) = mpsc::channel();
        let first_is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let (db, first_is_done) = (&db, &first_is_done);
            scope.spawn(move || {
                write(db, |tx| {
                    inside.send(()).unwrap();
                    // Long enough for the second to get in, if it could.
                    for id in 0..200 {
                        add_item(tx, id, &id.to_string())?;
                    }
                    first_is_done.store(true, Ordering::SeqCst);
                    Ok(())
                });
            });
            first_is_inside
                .recv_timeout(Duration::from_secs(10))
                .unwrap();
            let seen = write(db, |tx| {
                assert!(first_is_done.load(Ordering::SeqCst), "{name}");
                count_items_in(tx)
            });
            assert_eq!(seen, 200, "{name}");
        });
    }
}

#[test]
fn a_transaction_inside_a_transaction_is_an_error_and_not_a_deadlock() {
    for (name, db) in databases_with_items() {
        let nested = write(&db, |_| Ok(db.write(|tx| add_item(tx, 1, "one"))));
        assert!(matches!(nested, Err(DbError::Nested)), "{name}: {nested:?}");
        let nested = write(&db, |_| Ok(db.read(count_items_in)));
        assert!(matches!(nested, Err(DbError::Nested)), "{name}: {nested:?}");
        let nested = read(&db, |_| Ok(db.read(count_items_in)));
        assert!(matches!(nested, Err(DbError::Nested)), "{name}: {nested:?}");
        // Another database is another matter.
        let (_, other) = databases_with_items().remove(0);
        assert_eq!(read(&db, |_| other.read(count_items_in)), 0, "{name}");
    }
}

#[test]
fn everything_works_on_the_threads_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for url in [testkit::sqlite(), testkit::postgres()] {
        let task = async move {
            let db = Db::open(&url).unwrap();
            write(&db, |tx| {
                tx.execute("CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT)", &[])?;
                add_item(tx, 1, "one")
            });
            let refused = db.write(|tx| add_item(tx, 1, "one"));
            assert!(matches!(refused, Err(DbError::Unique { .. })));
            let count = count_items(&db);
            // The last handle goes on this thread too.
            drop(db);
            count
        };
        assert_eq!(runtime.block_on(runtime.spawn(task)).unwrap(), 1);
    }
}
