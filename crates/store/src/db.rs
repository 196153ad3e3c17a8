//! The handle on the database, and the way a transaction is run.

use std::{cell::RefCell, fmt, panic, sync::Arc, thread};

use crate::{
    DbError, MigrateError, MigrationSet, OpenError, Tx,
    connection::{Connection, Mode, Role},
    migrate,
    pool::{Lease, Pool},
    url::Target,
};

/// How many read transactions run at once; more of them wait for their turn.
const READERS: usize = 8;

/// A database, cheap to clone; all clones share the same connections.
///
/// Every method blocks. It may be called from anywhere, a thread of an async runtime included.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

/// Which engine keeps the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file of this process.
    Sqlite,
    /// A server that several processes may share.
    Postgres,
}

impl Db {
    /// Opens `sqlite:/path/to/file.db` (created, readable by its owner alone) or `postgres://user:password@host/database`.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        let target = Target::parse(url)?;
        let inner = Inner {
            target,
            writer: Pool::new(1),
            readers: Pool::new(READERS),
        };
        let connection = match inner.apart(|| inner.target.connect(Role::Writer)) {
            Ok(connected) => connected?,
            Err(source) => return Err(inner.target.unreachable(source)),
        };
        inner.writer.put(connection);
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The engine named by the URL.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.inner.target.engine()
    }

    /// Applies the steps of `set` that this database has not seen, each in its own transaction.
    pub fn migrate(&self, set: &MigrationSet) -> Result<(), MigrateError> {
        migrate::run(self, set)
    }

    /// Runs `f` on one unchanging state of the database; a statement that would write is refused.
    pub fn read<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send) -> Result<T, E>
    where
        T: Send,
        E: From<DbError> + Send,
    {
        self.transact(Mode::Read, f)
    }

    /// Runs `f` alone: what it did is kept if it returns `Ok`, and undone if it returns `Err` or panics.
    pub fn write<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send) -> Result<T, E>
    where
        T: Send,
        E: From<DbError> + Send,
    {
        self.transact(Mode::Write, f)
    }

    /// Runs `f` for each item in a write transaction of its own, in which a step of a migration may rebuild tables. The first that fails is
    /// undone and the last.
    pub(crate) fn rebuild<I, E>(
        &self,
        items: impl IntoIterator<Item = I> + Send,
        f: impl FnMut(&mut Tx<'_>, I) -> Result<(), E> + Send,
    ) -> Result<(), E>
    where
        E: From<DbError> + Send,
    {
        self.alone(|| self.inner.rebuild(items, f))
    }

    fn transact<T, E>(
        &self,
        mode: Mode,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<DbError> + Send,
    {
        self.alone(|| self.inner.run(mode, f))
    }

    /// Runs `f` as the one transaction of this thread, where it may block.
    fn alone<T, E>(&self, f: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E>
    where
        T: Send,
        E: From<DbError> + Send,
    {
        let key = Arc::as_ptr(&self.inner).addr();
        if Turn::is_taken(key) {
            return Err(DbError::Nested.into());
        }
        self.inner.apart(|| {
            let _turn = Turn::take(key);
            f()
        })?
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Db({})", self.inner.target)
    }
}

struct Inner {
    target: Target,
    writer: Pool,
    readers: Pool,
}

impl Inner {
    fn run<T, E: From<DbError>>(
        &self,
        mode: Mode,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lease = match mode {
            Mode::Read => self.readers.lease()?,
            Mode::Write | Mode::Rebuild => self.writer.lease()?,
        };
        self.within(&mut lease, mode, f)
    }

    fn rebuild<I, E: From<DbError>>(
        &self,
        items: impl IntoIterator<Item = I>,
        mut f: impl FnMut(&mut Tx<'_>, I) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut lease = self.writer.lease()?;
        // Its settings differ, and statements must not outlive the tables they were prepared for.
        lease.set_apart();
        for item in items {
            self.readers.clear();
            self.within(&mut lease, Mode::Rebuild, |tx| f(tx, item))?;
        }
        Ok(())
    }

    fn within<T, E: From<DbError>>(
        &self,
        lease: &mut Lease<'_>,
        mode: Mode,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let role = match mode {
            Mode::Read => Role::Reader,
            Mode::Write => Role::Writer,
            Mode::Rebuild => Role::Migrator,
        };
        let connect = || self.target.connect(role).map_err(OpenError::into_lost);
        let mut tx = Tx::new(lease.begin(mode, connect)?);
        let value = f(&mut tx)?;
        tx.commit()?;
        lease.settled();
        Ok(value)
    }

    /// Runs `f` where it may block: the PostgreSQL client drives a small runtime of its own,
    /// and that must neither run nor be dropped on a thread that belongs to another runtime.
    fn apart<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T, DbError> {
        if self.target.engine() == Engine::Sqlite {
            return Ok(f());
        }
        thread::scope(|scope| {
            let thread = thread::Builder::new()
                .name("store".into())
                .spawn_scoped(scope, f)
                .map_err(|error| DbError::Lost {
                    reason: format!("no thread could be started: {error}"),
                })?;
            thread.join().or_else(|panic| panic::resume_unwind(panic))
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let mut idle: Vec<Box<dyn Connection>> = self.writer.drain();
        idle.extend(self.readers.drain());
        if !idle.is_empty() && self.apart(|| drop(idle)).is_err() {
            tracing::warn!("the connections to the database could not be closed in order");
        }
    }
}

thread_local! {
    /// The databases in a transaction on this thread.
    static TAKEN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Held while a transaction runs on this thread, so that a second one inside it is an error and not a deadlock.
struct Turn(usize);

impl Turn {
    fn is_taken(key: usize) -> bool {
        TAKEN.with_borrow(|taken| taken.contains(&key))
    }

    fn take(key: usize) -> Self {
        TAKEN.with_borrow_mut(|taken| taken.push(key));
        Self(key)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.with_borrow_mut(|taken| taken.retain(|key| *key != self.0));
    }
}
