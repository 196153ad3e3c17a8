//! A bounded set of connections, opened when first needed and kept for the next transaction.

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    DbError,
    connection::{Connection, Mode},
};

/// How long a transaction waits for its turn before it is told that the database is busy.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Pool {
    limit: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Box<dyn Connection>>,
    leased: usize,
}

impl Pool {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// Waits for a turn; the lease may have a connection already or not yet.
    pub(crate) fn lease(&self) -> Result<Lease<'_>, DbError> {
        let (mut state, timeout) = self
            .returned
            .wait_timeout_while(self.state(), TURN_TIMEOUT, |state| {
                state.leased >= self.limit
            })
            .unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(DbError::Busy);
        }
        state.leased += 1;
        Ok(Lease {
            pool: self,
            connection: state.idle.pop(),
            in_transaction: false,
            single_use: false,
        })
    }

    pub(crate) fn put(&self, connection: Box<dyn Connection>) {
        self.state().idle.push(connection);
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn clear(&self) {
        drop(self.drain());
    }

    pub(crate) fn drain(&self) -> Vec<Box<dyn Connection>> {
        mem::take(&mut self.state().idle)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use one connection of the pool; rolls back what was not settled, panics included.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Box<dyn Connection>>,
    in_transaction: bool,
    single_use: bool,
}

impl Lease<'_> {
    /// Begins a transaction, on a new connection if there is none or the one we have is dead.
    pub(crate) fn begin(
        &mut self,
        mode: Mode,
        connect: impl FnOnce() -> Result<Box<dyn Connection>, DbError>,
    ) -> Result<&mut dyn Connection, DbError> {
        let kept = match self.connection.take() {
            Some(connection) => begin_again(connection, mode)?,
            None => None,
        };
        let connection = match kept {
            Some(connection) => connection,
            None => {
                let mut connection = connect()?;
                connection.begin(mode)?;
                connection
            }
        };
        self.in_transaction = true;
        Ok(self.connection.insert(connection).as_mut())
    }

    pub(crate) fn settled(&mut self) {
        self.in_transaction = false;
    }

    /// Makes this turn use a connection of its own, closed at the end.
    pub(crate) fn set_apart(&mut self) {
        self.connection = None;
        self.single_use = true;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection
            && self.in_transaction
            && connection.rollback().is_err()
        {
            // Closing it makes the engine roll back.
            self.connection = None;
        }
        if self.single_use {
            self.connection = None;
        }
        let mut state = self.pool.state();
        state.leased -= 1;
        state.idle.extend(self.connection.take());
        drop(state);
        self.pool.returned.notify_one();
    }
}

/// Nothing has been done yet in a transaction that could not begin, so a dead connection may be replaced unseen.
fn begin_again(
    mut connection: Box<dyn Connection>,
    mode: Mode,
) -> Result<Option<Box<dyn Connection>>, DbError> {
    match connection.begin(mode) {
        Ok(()) => Ok(Some(connection)),
        Err(DbError::Lost { reason }) => {
            tracing::warn!("the connection to the database was lost ({reason}), connecting again");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
