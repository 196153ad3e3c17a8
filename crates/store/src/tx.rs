//! One transaction, as the caller's closure sees it.

use crate::{DbError, Engine, Row, Value, connection::Connection, value};

/// A transaction that is open; given to the closure of [`Db::read`](crate::Db::read) and [`Db::write`](crate::Db::write).
pub struct Tx<'a> {
    connection: &'a mut dyn Connection,
    // INVARIANT: once true nothing more reaches the engine. PostgreSQL would refuse it, and SQLite may have
    // rolled back by itself, so that a further statement would be kept on its own.
    aborted: bool,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(connection: &'a mut dyn Connection) -> Self {
        Self {
            connection,
            aborted: false,
        }
    }

    /// The engine below.
    pub(crate) fn engine(&self) -> Engine {
        self.connection.engine()
    }

    /// Runs one statement; returns how many rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, DbError> {
        self.guard(|connection| {
            value::check(params)?;
            connection.execute(sql, params)
        })
    }

    /// Runs one statement; returns all its rows.
    pub fn query(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, DbError> {
        self.guard(|connection| {
            value::check(params)?;
            connection.query(sql, params)
        })
    }

    /// Runs one statement that gives one row or none; more than one is an error.
    pub fn query_one(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Option<Row>, DbError> {
        self.guard(|connection| {
            value::check(params)?;
            let mut rows = connection.query(sql, params)?.into_iter();
            match (rows.next(), rows.next()) {
                (row, None) => Ok(row),
                (_, Some(_)) => Err(DbError::ManyRows { sql: sql.into() }),
            }
        })
    }

    /// Runs several statements without parameters: the text of a migration.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.guard(|connection| connection.batch(sql))
    }

    pub(crate) fn commit(self) -> Result<(), DbError> {
        if self.aborted {
            return Err(DbError::Aborted);
        }
        self.connection.commit().map_err(|error| match error {
            DbError::Lost { reason } => DbError::CommitUnknown { reason },
            error => error,
        })
    }

    fn guard<T>(
        &mut self,
        f: impl FnOnce(&mut dyn Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        if self.aborted {
            return Err(DbError::Aborted);
        }
        let result = f(self.connection);
        self.aborted = result.is_err();
        result
    }
}
