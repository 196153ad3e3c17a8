//! What can go wrong. No text here holds the value of a parameter or of a column.

use std::path::PathBuf;

/// A transaction, or a statement in it, failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A row with the same key is there already. The name is for reading, not for branching: the engines differ.
    #[error("a row with the same key exists already ({constraint})")]
    Unique {
        /// What the engine calls the key.
        constraint: String,
    },
    /// A row refers to one that is not there, or one that is referred to would go.
    #[error("a row refers to one that does not exist ({constraint})")]
    ForeignKey {
        /// What the engine calls the reference.
        constraint: String,
    },
    /// A value breaks a `NOT NULL` or a `CHECK`.
    #[error("a value is not allowed in its column ({constraint})")]
    Constraint {
        /// What the engine calls the rule.
        constraint: String,
    },
    /// A read transaction tried to write.
    #[error("a read transaction tried to write")]
    ReadOnly,
    /// Somebody else had the database for too long; nothing was done, trying again is fine.
    #[error("the database is busy")]
    Busy,
    /// The connection is gone and nothing was kept; the next transaction connects again.
    #[error("the database cannot be reached: {reason}")]
    Lost {
        /// What the engine or the network said.
        reason: String,
    },
    /// The connection went away during the commit: the transaction was either kept whole or not at all.
    #[error("the connection broke during a commit, which may or may not have been kept: {reason}")]
    CommitUnknown {
        /// What the engine or the network said.
        reason: String,
    },
    /// No room on the disk; nothing was kept.
    #[error("the disk of the database is full")]
    Full,
    /// A statement of this transaction had failed before, so nothing of it is kept.
    #[error("an earlier statement of the transaction had failed")]
    Aborted,
    /// A transaction was started inside another one on the same thread.
    #[error("a transaction was started inside a transaction")]
    Nested,
    /// A parameter that one of the engines would not keep as it is.
    #[error("parameter ${number} is {reason}")]
    Value {
        /// The number after the `$`.
        number: usize,
        /// What it is.
        reason: &'static str,
    },
    /// The parameters given are not `$1`, `$2`, … of the statement, each used.
    #[error("{given} parameters do not fit the statement `{sql}`")]
    Parameters {
        /// The statement.
        sql: String,
        /// How many were given.
        given: usize,
    },
    /// A statement that gives one row or none gave more.
    #[error("more than one row from `{sql}`")]
    ManyRows {
        /// The statement.
        sql: String,
    },
    /// A column is not of the type it was read as.
    #[error("column {column} was read as {wanted} and is {found}")]
    Column {
        /// Counted from 0.
        column: usize,
        /// What the caller asked for.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// Anything else: as a rule a mistake in the statement.
    #[error("the statement `{sql}` failed: {reason}")]
    Sql {
        /// The statement, without its parameters.
        sql: String,
        /// What the engine said, left out where it could repeat a value.
        reason: String,
    },
}

/// A database could not be opened. No text here holds a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address names no engine that we have.
    #[error(
        "`{scheme}` is no database we know; write `sqlite:/path/to/file.db` or `postgres://user:password@host:5432/database`"
    )]
    Scheme {
        /// What stands before the first colon.
        scheme: String,
    },
    /// The address names an engine and nothing that it could open.
    #[error("the address of the database cannot be read: {reason}")]
    Address {
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// The file could not be created.
    #[error("the database file `{}` cannot be created; does its directory exist, and may we write there?", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The engine could not be reached, or did not accept us.
    #[error("the {target} cannot be opened")]
    Connect {
        /// The database, without the password.
        target: String,
        /// What went wrong.
        source: DbError,
    },
    /// The database was reached and is not set up in a way that we can use.
    #[error("the {target} cannot be used: {reason}")]
    Unfit {
        /// The database, without the password.
        target: String,
        /// What is wrong and what to do.
        reason: &'static str,
    },
}

impl OpenError {
    /// The same, when a transaction needed one more connection.
    pub(crate) fn into_lost(self) -> DbError {
        match self {
            Self::Connect { source, .. } => source,
            error => DbError::Lost {
                reason: error.to_string(),
            },
        }
    }
}
