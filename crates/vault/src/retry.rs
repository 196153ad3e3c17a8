//! Rows that are written again when the database was away for a moment.

use store::{Db, DbError, Tx};

/// Runs `write` in a transaction until it is kept. When the database is lost or busy, `pause` waits before the next try, or ends it with
/// the last error by returning false; every other error ends it at once.
///
/// A transaction of which nobody knows whether it was kept is never simply repeated: each further try asks `is_there` first.
pub(crate) fn write_with_patience(
    db: &Db,
    mut pause: impl FnMut() -> bool,
    is_there: impl Fn(&mut Tx<'_>) -> Result<bool, DbError> + Sync,
    write: impl Fn(&mut Tx<'_>) -> Result<(), DbError> + Sync,
) -> Result<(), DbError> {
    let Err(mut error) = db.write(&write) else {
        return Ok(());
    };
    let (mut is_unknown, mut was_told) = (false, false);
    loop {
        is_unknown |= matches!(error, DbError::CommitUnknown { .. });
        let may_go_away = match &error {
            DbError::Lost { .. } | DbError::Busy | DbError::CommitUnknown { .. } => true,
            // The transaction of which nobody knew was kept after all, while this one was on its way.
            DbError::Unique { .. } => is_unknown,
            _ => false,
        };
        if !may_go_away || !pause() {
            return Err(error);
        }
        if !was_told {
            tracing::warn!("rows of the vault could not be written, trying again: {error}");
            was_told = true;
        }
        let again = db.write(|tx| match is_there(tx)? {
            true => Ok(()),
            false => write(tx),
        });
        match again {
            Ok(()) => return Ok(()),
            Err(next) => error = next,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn lost() -> DbError {
        DbError::Lost {
            reason: "a fault of the test".to_owned(),
        }
    }

    fn unknown() -> DbError {
        DbError::CommitUnknown {
            reason: "a fault of the test".to_owned(),
        }
    }

    fn insert(tx: &mut Tx<'_>) -> Result<(), DbError> {
        tx.execute("INSERT INTO thing (id) VALUES (7)", &[])
            .map(|_| ())
    }

    fn is_there(tx: &mut Tx<'_>) -> Result<bool, DbError> {
        let row = tx.query_one("SELECT id FROM thing WHERE id = 7", &[])?;
        Ok(row.is_some())
    }

    fn on_each_database(check: impl Fn(&Db)) {
        for (name, db) in testkit::databases() {
            println!("on {name}");
            let table = "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY)";
            db.write(|tx| tx.execute(table, &[])).unwrap();
            check(&db);
        }
    }

    #[test]
    fn a_database_that_comes_back_in_time_is_written_to_once() {
        on_each_database(|db| {
            let tries = AtomicU32::new(0);
            let write = |tx: &mut Tx<'_>| {
                insert(tx)?;
                match tries.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(lost()),
                    1 => Err(DbError::Busy),
                    2 => Err(unknown()),
                    _ => Ok(()),
                }
            };
            let mut pauses = 0;
            let pause = || {
                pauses += 1;
                true
            };
            write_with_patience(db, pause, is_there, write).unwrap();
            assert_eq!((tries.into_inner(), pauses), (4, 3));
            assert!(db.read(is_there).unwrap());
        });
    }

    #[test]
    fn what_was_kept_after_all_is_not_written_twice() {
        on_each_database(|db| {
            let tries = AtomicU32::new(0);
            let write = |_: &mut Tx<'_>| {
                tries.fetch_add(1, Ordering::Relaxed);
                Err(unknown())
            };
            let pause = || db.write(insert).is_ok();
            write_with_patience(db, pause, is_there, write).unwrap();
            assert_eq!(tries.into_inner(), 1);
        });
    }

    #[test]
    fn what_was_kept_while_it_was_tried_again_is_found_by_the_next_try() {
        on_each_database(|db| {
            let looks = AtomicU32::new(0);
            // Not there at the first look, and there when it is written: the other one was faster.
            let looked = |tx: &mut Tx<'_>| match looks.fetch_add(1, Ordering::Relaxed) {
                0 => Ok(false),
                _ => is_there(tx),
            };
            let tries = AtomicU32::new(0);
            let write = |tx: &mut Tx<'_>| match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Err(unknown()),
                _ => insert(tx),
            };
            let mut pauses = 0;
            let pause = || {
                pauses += 1;
                pauses > 1 || db.write(insert).is_ok()
            };
            write_with_patience(db, pause, looked, write).unwrap();
            assert_eq!((tries.into_inner(), pauses), (2, 2));
        });
    }

    #[test]
    fn a_row_that_somebody_else_made_is_an_error_at_once() {
        on_each_database(|db| {
            db.write(insert).unwrap();
            let error = write_with_patience(db, || true, |_| Ok(false), insert).unwrap_err();
            assert!(matches!(error, DbError::Unique { .. }), "{error}");
        });
    }

    #[test]
    fn patience_ends_with_the_last_error() {
        on_each_database(|db| {
            let mut left = 3;
            let pause = || {
                left -= 1;
                left > 0
            };
            let error = write_with_patience(db, pause, is_there, |_| Err(lost())).unwrap_err();
            assert!(matches!(error, DbError::Lost { .. }), "{error}");
            assert_eq!(left, 0);
        });
    }
}
