//! What the other modules share: a table, and transactions that are expected to work.

use store::{Db, DbError, Tx};

/// A fresh database of each engine, with one table.
pub(crate) fn databases_with_items() -> Vec<(&'static str, Db)> {
    let databases = testkit::databases();
    for (_, db) in &databases {
        write(db, |tx| {
            tx.execute(
                "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, weight DOUBLE PRECISION, body BYTEA)",
                &[],
            )
        });
    }
    databases
}

/// A write transaction that is expected to work.
#[track_caller]
pub(crate) fn write<T: Send>(
    db: &Db,
    f: impl FnOnce(&mut Tx<'_>) -> Result<T, DbError> + Send,
) -> T {
    match db.write(f) {
        Ok(value) => value,
        Err(error) => panic!("{:?}: {error}", db.engine()),
    }
}

/// A read transaction that is expected to work.
#[track_caller]
pub(crate) fn read<T: Send>(
    db: &Db,
    f: impl FnOnce(&mut Tx<'_>) -> Result<T, DbError> + Send,
) -> T {
    match db.read(f) {
        Ok(value) => value,
        Err(error) => panic!("{:?}: {error}", db.engine()),
    }
}

pub(crate) fn add_item(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<u64, DbError> {
    tx.execute(
        "INSERT INTO item (id, name) VALUES ($1, $2)",
        &[id.into(), name.into()],
    )
}

#[track_caller]
pub(crate) fn count_items(db: &Db) -> i64 {
    read(db, count_items_in)
}

pub(crate) fn count_items_in(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let row = tx.query_one("SELECT COUNT(*) FROM item", &[])?;
    row.map_or(Ok(-1), |row| row.get(0))
}
