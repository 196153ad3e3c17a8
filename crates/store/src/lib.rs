//! One database for rows: SQLite by default, PostgreSQL when a second machine joins, chosen by URL at run time.
//!
//! Owns connections, transactions, parameters, rows and migrations.
//! Must not know a domain word, a clock, or a table other than `store_migration`.
//! Start reading at [`Db`]; what the two engines have in common is the trait in `connection`.
//!
//! # The SQL that both engines speak
//!
//! SQL is written once. The subset, held by tests that run on both engines:
//!
//! - Parameters are `$1`, `$2`, …, in any order, any number of times.
//!   One of unknown type, as in `$1 IS NULL`, is written `CAST($1 AS TEXT) IS NULL`.
//! - `ON CONFLICT`, `RETURNING`, `CREATE TABLE`, `ALTER TABLE` for adding, dropping and renaming a column.
//! - Columns are `BIGINT` (also time in milliseconds, and 0 or 1 for yes and no), `DOUBLE PRECISION`, `TEXT` and `BYTEA`.
//!   Keys are given by the caller: no `AUTOINCREMENT`, no `SERIAL`.
//! - Text is compared byte by byte, `LIKE` heeds case, `SUM` of integers is an integer.
//! - Text holds no NUL character and a number is never NaN: both are refused before the engine sees them.
//!
//! # Transactions
//!
//! A write transaction is alone: one writer at a time in the whole database, on both engines, so what it read stays true until it commits.
//! A read transaction sees one state of the database from its first statement on, and does not wait for the writer.
//! After a statement failed nothing more can be done in that transaction: a caller that wants to branch on
//! [`DbError::Unique`] returns it from the closure, or avoids it with `ON CONFLICT`.

mod db;
mod tx;

mod row;
mod value;

mod migrate;

mod dump;

mod connection;
mod pool;

mod error;
mod url;

pub use db::{Db, Engine};
pub use dump::{AppliedStep, Column, Kind, RefillError, Table};
pub use error::{DbError, OpenError};
pub use migrate::{MigrateError, MigrationSet, Step};
pub use row::Row;
pub use tx::Tx;
pub use value::{FromValue, Value};
