//! Schema changes, in order, each applied once.
//!
//! What was applied is kept in one table:
//!
//! ```text
//! store_migration (owner TEXT, version BIGINT, name TEXT, checksum TEXT, PRIMARY KEY (owner, version))
//! ```
//!
//! `owner` is the crate whose tables they are; `checksum` is `sha256:` and the hex digest of the step's text.
//! A step that was applied must never be edited, and a binary that does not know all applied steps is too old for the database:
//! both are refused before anything is changed.

use std::{collections::BTreeMap, fmt::Write as _};

use ring::digest;

use crate::{Db, DbError, Tx};

/// The schema of one crate: all its steps since the first release.
#[derive(Debug, Clone, Copy)]
pub struct MigrationSet {
    /// The crate whose tables these are.
    pub owner: &'static str,
    /// In ascending order of version.
    pub steps: &'static [Step],
}

/// One change of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Ascending within a set; gaps are fine.
    pub version: u32,
    /// A few words for people.
    pub name: &'static str,
    /// Statements that both engines speak, without `BEGIN` and `COMMIT`.
    pub sql: &'static str,
}

/// The schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The list of applied steps could not be read.
    #[error("the schema of `{owner}` could not be looked up")]
    Read {
        /// The crate whose tables these are.
        owner: &'static str,
        /// What went wrong.
        source: DbError,
    },
    /// A step failed and was undone; the steps before it stay.
    #[error("step {version} (`{name}`) of the schema of `{owner}` failed and was undone")]
    Step {
        /// The crate whose tables these are.
        owner: &'static str,
        /// The step.
        version: u32,
        /// The step.
        name: &'static str,
        /// What went wrong.
        source: DbError,
    },
    /// A step was edited after it had been applied here.
    #[error(
        "step {version} (`{name}`) of the schema of `{owner}` is not the one that was applied to this database"
    )]
    Changed {
        /// The crate whose tables these are.
        owner: &'static str,
        /// The step.
        version: u32,
        /// The step.
        name: &'static str,
    },
    /// The database was used by a later release.
    #[error(
        "the schema of `{owner}` in this database is at step {database} and this program knows steps up to {program}; use the release that the database was last used with, or a later one"
    )]
    Newer {
        /// The crate whose tables these are.
        owner: &'static str,
        /// The last step applied.
        database: u64,
        /// The last step known.
        program: u32,
    },
    /// The steps in the program are not ascending, or one was put in before a step that was applied.
    #[error("step {version} of the schema of `{owner}` is out of order")]
    Order {
        /// The crate whose tables these are.
        owner: &'static str,
        /// The step.
        version: u64,
    },
}

pub(crate) fn run(db: &Db, set: &MigrationSet) -> Result<(), MigrateError> {
    ascending(set)?;
    let read = |source| MigrateError::Read {
        owner: set.owner,
        source,
    };
    db.write(|tx| {
        tx.execute(TABLE, &[])?;
        applied(tx, set.owner)
    })
    .map_err(read)
    .and_then(|applied| compare(set, &applied))?;
    for step in set.steps {
        let failed = |source| MigrateError::Step {
            owner: set.owner,
            version: step.version,
            name: step.name,
            source,
        };
        if !is_applied(db, set.owner, step).map_err(read)? {
            db.rebuild(|tx| apply(tx, set.owner, step))
                .map_err(failed)?;
        }
    }
    Ok(())
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_migration (
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (owner, version)
)";

/// What this database has seen: checksums by version.
type Applied = BTreeMap<u64, String>;

fn applied(tx: &mut Tx<'_>, owner: &str) -> Result<Applied, DbError> {
    let rows = tx.query(
        "SELECT version, checksum FROM store_migration WHERE owner = $1",
        &[owner.into()],
    )?;
    let pairs = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
    pairs.collect()
}

fn is_applied(db: &Db, owner: &str, step: &Step) -> Result<bool, DbError> {
    let applied = db.read(|tx| applied(tx, owner))?;
    Ok(applied.contains_key(&step.version.into()))
}

/// Another node may have applied the step while this one waited for its turn to write.
fn apply(tx: &mut Tx<'_>, owner: &str, step: &Step) -> Result<(), DbError> {
    if applied(tx, owner)?.contains_key(&step.version.into()) {
        return Ok(());
    }
    tx.batch(step.sql)?;
    tx.execute(
        "INSERT INTO store_migration (owner, version, name, checksum) VALUES ($1, $2, $3, $4)",
        &[
            owner.into(),
            step.version.into(),
            step.name.into(),
            (&checksum(step.sql)).into(),
        ],
    )?;
    tracing::info!(
        schema.owner = owner,
        schema.version = step.version,
        "applied step {} (`{}`) of the schema of `{owner}`",
        step.version,
        step.name
    );
    Ok(())
}

fn ascending(set: &MigrationSet) -> Result<(), MigrateError> {
    let later = set.steps.iter().skip(1);
    for (step, next) in set.steps.iter().zip(later) {
        if step.version >= next.version {
            return Err(MigrateError::Order {
                owner: set.owner,
                version: next.version.into(),
            });
        }
    }
    Ok(())
}

fn compare(set: &MigrationSet, applied: &Applied) -> Result<(), MigrateError> {
    let owner = set.owner;
    let program = set.steps.last().map_or(0, |step| step.version);
    let database = applied.keys().last().copied().unwrap_or(0);
    if database > program.into() {
        return Err(MigrateError::Newer {
            owner,
            database,
            program,
        });
    }
    for version in applied.keys() {
        if !set
            .steps
            .iter()
            .any(|step| u64::from(step.version) == *version)
        {
            return Err(MigrateError::Order {
                owner,
                version: *version,
            });
        }
    }
    for step in set.steps {
        let version = step.version.into();
        match applied.get(&version) {
            Some(known) if *known == checksum(step.sql) => {}
            Some(_) => {
                return Err(MigrateError::Changed {
                    owner,
                    version: step.version,
                    name: step.name,
                });
            }
            None if version < database => return Err(MigrateError::Order { owner, version }),
            None => {}
        }
    }
    Ok(())
}

fn checksum(sql: &str) -> String {
    let digest = digest::digest(&digest::SHA256, sql.as_bytes());
    let mut text = String::from("sha256:");
    for byte in digest.as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
