//! The same readings in clear in a table of PostgreSQL: inserting them, and deleting those of a person.
//!
//! The server is the one of the tests: a plain installation that does not wait for the disk (`fsync = off`), so it is quicker here than
//! where it keeps what it acknowledges.

use store::{Db, Value};

use crate::{BODY_BYTES, Elapsed, OrExit as _, SUBJECTS, as_f64, median, now, rate};

/// So many rows a statement, so that it is not the way to the server that is timed.
const PER_STATEMENT: usize = 128;
/// So many rows a transaction: as many as one commit of the log takes.
const PER_TRANSACTION: usize = 4_096;
const AT_MS: i64 = 1_800_000_000_000;

fn open() -> Db {
    let db = Db::open(&testkit::postgres()).expect_or_exit("a database of PostgreSQL");
    let table = "CREATE TABLE reading (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject TEXT NOT NULL, \
                 thing TEXT NOT NULL, at BIGINT NOT NULL, body BYTEA NOT NULL)";
    db.write(|tx| tx.execute(table, &[]))
        .expect_or_exit("a table");
    let index = "CREATE INDEX reading_subject ON reading (subject, at)";
    db.write(|tx| tx.execute(index, &[]))
        .expect_or_exit("an index");
    db
}

/// Rows inserted and acknowledged a second.
pub(crate) fn insert(rounds: usize, rows: usize) -> f64 {
    let rows = rows / PER_TRANSACTION * PER_TRANSACTION;
    let places: Vec<String> = (0..PER_STATEMENT)
        .map(|row| {
            let first = row * 4 + 1;
            format!("(${first}, ${}, ${}, ${})", first + 1, first + 2, first + 3)
        })
        .collect();
    let sql = format!(
        "INSERT INTO reading (subject, thing, at, body) VALUES {}",
        places.join(", ")
    );
    let subjects: Vec<String> = (0..SUBJECTS)
        .map(|it| format!("person:person-{it}"))
        .collect();
    let body = vec![7_u8; BODY_BYTES];
    let mut rates = Vec::new();
    for _ in 0..rounds {
        let db = open();
        let insert = || {
            let start = now();
            for _ in 0..rows / PER_TRANSACTION {
                let written = db.write(|tx| {
                    for statement in 0..PER_TRANSACTION / PER_STATEMENT {
                        let mut params: Vec<Value<'_>> = Vec::with_capacity(PER_STATEMENT * 4);
                        for row in 0..PER_STATEMENT {
                            let number = (statement * PER_STATEMENT + row) * 7 % SUBJECTS;
                            let subject = subjects.get(number).map_or("", String::as_str);
                            params.push(subject.into());
                            params.push("meter-123".into());
                            params.push(AT_MS.into());
                            params.push(body.as_slice().into());
                        }
                        tx.execute(&sql, &params)?;
                    }
                    Ok::<_, store::DbError>(())
                });
                written.expect_or_exit("inserting");
            }
            start.elapsed_s()
        };
        rates.push(rate(rows, insert));
    }
    median(rates)
}

/// Milliseconds for deleting all rows of a person who has so many, beside others who have as many together.
pub(crate) fn delete(readings: i64) -> f64 {
    let db = open();
    let fill = "INSERT INTO reading (subject, thing, at, body) \
                SELECT CASE WHEN n % 2 = 0 THEN 'person:resident' ELSE 'person:other-' || (n % 101) END, 'meter-1', n, \
                decode(repeat('7b22706f776572223a317d', 5), 'hex') FROM generate_series(1, $1) AS n";
    let all = readings * 2;
    db.write(|tx| tx.execute(fill, &[all.into()]))
        .expect_or_exit("filling");
    let sql = "DELETE FROM reading WHERE subject = 'person:resident'";
    let start = now();
    let deleted = db.write(|tx| tx.execute(sql, &[]));
    let Elapsed(took_s) = start.elapsed_s();
    let deleted = usize::try_from(deleted.expect_or_exit("deleting")).unwrap_or(0);
    if as_f64(deleted) < as_f64(usize::try_from(readings).unwrap_or(0)) {
        crate::exit("not all was deleted");
    }
    took_s * 1e3
}
