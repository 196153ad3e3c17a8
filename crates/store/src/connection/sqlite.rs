//! SQLite: a file in WAL mode, every commit synced.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use rusqlite::{
    CachedStatement, OpenFlags, ToSql,
    ffi::{self, ErrorCode},
    types::{ToSqlOutput, ValueRef},
};

use super::{Connection, LOCK_TIMEOUT_MS, Mode, Role, STATEMENTS};
use crate::{DbError, Engine, OpenError, Row, Value, row::Cell, url::Target};

pub(crate) struct SqliteConnection {
    connection: rusqlite::Connection,
    role: Role,
}

impl SqliteConnection {
    pub(crate) fn open(target: &Target, path: &Path, role: Role) -> Result<Self, OpenError> {
        create(path).map_err(|source| OpenError::Create {
            path: path.to_owned(),
            source,
        })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || {
            let connection = rusqlite::Connection::open_with_flags(path, flags)?;
            settle(&connection, role)?;
            let mode = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            Ok((connection, mode))
        };
        let (connection, mode): (_, String) =
            connect().map_err(|error| target.unreachable(db_error("open", &error)))?;
        if mode != "wal" {
            return Err(target.unfit(
                "its file system does not allow a write-ahead log; put it on a local disk",
            ));
        }
        Ok(Self { connection, role })
    }

    fn run(&self, sql: &str) -> Result<(), DbError> {
        self.connection
            .execute_batch(sql)
            .map_err(|error| db_error(sql, &error))
    }

    fn prepare(&self, sql: &str, params: &[Value<'_>]) -> Result<CachedStatement<'_>, DbError> {
        let prepared = self.connection.prepare_cached(sql);
        let mut statement = prepared.map_err(|error| prepare_error(sql, &error))?;
        bind(&mut statement, params).map_err(|error| match error {
            Some(error) => db_error(sql, &error),
            None => DbError::Parameters {
                sql: sql.into(),
                given: params.len(),
            },
        })?;
        Ok(statement)
    }
}

impl Connection for SqliteConnection {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn begin(&mut self, mode: Mode) -> Result<(), DbError> {
        match mode {
            Mode::Read => self.run("BEGIN"),
            Mode::Write | Mode::Rebuild => self.run("BEGIN IMMEDIATE"),
        }
    }

    fn commit(&mut self) -> Result<(), DbError> {
        if self.role == Role::Migrator && !self.query("PRAGMA foreign_key_check", &[])?.is_empty() {
            return Err(DbError::ForeignKey {
                constraint: "found by the check before the commit".into(),
            });
        }
        self.run("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        // A full disk, for one, makes SQLite roll back by itself.
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.run("ROLLBACK")
    }

    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, DbError> {
        let before = self.connection.total_changes();
        let mut statement = self.prepare(sql, params)?;
        let mut rows = statement.raw_query();
        while rows
            .next()
            .map_err(|error| db_error(sql, &error))?
            .is_some()
        {}
        // `changes` tells of the last statement that changed rows, which need not be this one.
        if self.connection.total_changes() == before {
            return Ok(0);
        }
        Ok(self.connection.changes())
    }

    fn query(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, DbError> {
        let mut statement = self.prepare(sql, params)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut result = Vec::new();
        while let Some(row) = rows.next().map_err(|error| db_error(sql, &error))? {
            let cells = (0..columns).map(|column| {
                let value = row.get_ref(column).map_err(|error| db_error(sql, &error))?;
                cell(value).ok_or(DbError::Column {
                    column,
                    wanted: "text",
                    found: "text that is not UTF-8",
                })
            });
            result.push(Row::new(cells.collect::<Result<_, _>>()?));
        }
        Ok(result)
    }

    fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        // Without parameters the engine's words can only repeat the statement's own.
        self.connection
            .execute_batch(sql)
            .map_err(|error| prepare_error(sql, &error))
    }
}

/// Creates the file for its owner alone; SQLite gives the files beside it the same mode.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    match options.open(path) {
        Ok(_) => match path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn settle(connection: &rusqlite::Connection, role: Role) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(LOCK_TIMEOUT_MS.into()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // `FULL` syncs at every commit. `secure_delete` overwrites what is deleted, wrapped keys above all, and
    // `temp_store` keeps sorting out of files that would stay behind. The last one makes `LIKE` heed case.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA case_sensitive_like = ON;",
    )?;
    connection.execute_batch(match role {
        Role::Reader => "PRAGMA foreign_keys = ON; PRAGMA query_only = ON;",
        Role::Writer => "PRAGMA foreign_keys = ON;",
        Role::Migrator => "PRAGMA foreign_keys = OFF;",
    })
}

/// SQLite takes `$2` for a name and numbers names by first appearance: the number is read from the name.
/// An error of `None` means that the parameters do not fit the statement.
fn bind(
    statement: &mut CachedStatement<'_>,
    params: &[Value<'_>],
) -> Result<(), Option<rusqlite::Error>> {
    let count = statement.parameter_count();
    if count != params.len() {
        return Err(None);
    }
    for index in 1..=count {
        let name = statement.parameter_name(index);
        let number = name.and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let param = number.and_then(|number| params.get(number.checked_sub(1)?));
        let param = param.ok_or(None)?;
        statement.raw_bind_parameter(index, Param(*param))?;
    }
    Ok(())
}

struct Param<'a>(Value<'a>);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(value),
            Value::Real(value) => ValueRef::Real(value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

fn cell(value: ValueRef<'_>) -> Option<Cell> {
    Some(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(value) => Cell::Text(str::from_utf8(value).ok()?.to_owned()),
        ValueRef::Blob(value) => Cell::Blob(value.to_vec()),
    })
}

/// Before parameters are bound the engine's words can only repeat the statement's own.
fn prepare_error(sql: &str, error: &rusqlite::Error) -> DbError {
    match db_error(sql, error) {
        DbError::Sql { sql, .. } => DbError::Sql {
            sql,
            reason: match error {
                rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
                error => error.to_string(),
            },
        },
        error => error,
    }
}

fn db_error(sql: &str, error: &rusqlite::Error) -> DbError {
    let (code, extended, message) = match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            (code.code, code.extended_code, message.as_deref())
        }
        _ => (ErrorCode::Unknown, 0, None),
    };
    let constraint = || {
        let message = message.unwrap_or_default();
        let name = message.split_once("failed: ").map(|(_, name)| name);
        name.unwrap_or("SQLite does not name it").to_owned()
    };
    match (code, extended) {
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => DbError::Unique {
            constraint: constraint(),
        },
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            DbError::ForeignKey {
                constraint: constraint(),
            }
        }
        (ErrorCode::ConstraintViolation, _) => DbError::Constraint {
            constraint: constraint(),
        },
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => DbError::Busy,
        (ErrorCode::ReadOnly, _) => DbError::ReadOnly,
        (ErrorCode::DiskFull, _) => DbError::Full,
        (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen, _) => DbError::Lost {
            reason: ffi::code_to_str(extended).to_owned(),
        },
        _ => DbError::Sql {
            sql: sql.to_owned(),
            reason: match error {
                rusqlite::Error::MultipleStatement => "more than one statement",
                _ => ffi::code_to_str(extended),
            }
            .to_owned(),
        },
    }
}
