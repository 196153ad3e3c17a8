//! What a connection can do, whatever the engine.

mod postgres;
mod sqlite;

use crate::{DbError, Engine, Row, Value};

pub(crate) use self::{postgres::PostgresConnection, sqlite::SqliteConnection};

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 256;

/// How long an engine waits for somebody else's lock.
const LOCK_TIMEOUT_MS: u32 = 10_000;

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
    /// Write, on a connection of the migrator.
    Rebuild,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Reader,
    Writer,
    /// On SQLite references are checked once before the commit and not at every statement: with the
    /// usual setting, dropping a table to rebuild it would delete every row that refers to it.
    Migrator,
}

pub(crate) trait Connection: Send {
    fn engine(&self) -> Engine;
    fn begin(&mut self, mode: Mode) -> Result<(), DbError>;
    fn commit(&mut self) -> Result<(), DbError>;
    fn rollback(&mut self) -> Result<(), DbError>;
    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, DbError>;
    fn query(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, DbError>;
    fn batch(&mut self, sql: &str) -> Result<(), DbError>;
}
