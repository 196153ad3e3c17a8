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

use crate::{AppliedStep, Db, DbError, Tx};

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
    /// Rows are being put into the database, or were not all put.
    #[error(
        "a restore into this database was broken off: run `amanat backup restore` again, or use an empty database"
    )]
    Refilling,
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
    let (is_refilling, applied) = db
        .write(|tx| {
            make_table(tx)?;
            Ok((is_refilling(tx)?, applied(tx, set.owner)?))
        })
        .map_err(read)?;
    if is_refilling {
        return Err(MigrateError::Refilling);
    }
    compare(set, &applied)?;
    run_steps(db, set, |_| true)
}

/// Applies the steps that another database has seen, and no other.
pub(crate) fn run_known(
    db: &Db,
    set: &MigrationSet,
    known: &[AppliedStep],
) -> Result<(), MigrateError> {
    run_steps(db, set, |step| {
        let is_it = |it: &AppliedStep| it.owner == set.owner && it.version == step.version;
        known.iter().any(is_it)
    })
}

/// Whether steps that another database has seen are steps of this program.
pub(crate) fn check_known(set: &MigrationSet, known: &[AppliedStep]) -> Result<(), MigrateError> {
    ascending(set)?;
    let known = known.iter().filter(|it| it.owner == set.owner);
    let applied = known.map(|it| (it.version.into(), it.checksum.clone()));
    compare(set, &applied.collect())
}

fn run_steps(
    db: &Db,
    set: &MigrationSet,
    is_wanted: impl Fn(&Step) -> bool,
) -> Result<(), MigrateError> {
    let read = |source| MigrateError::Read {
        owner: set.owner,
        source,
    };
    let applied = db.read(|tx| applied(tx, set.owner)).map_err(read)?;
    let is_missing = |it: &&Step| is_wanted(it) && !applied.contains_key(&it.version.into());
    let missing: Vec<&Step> = set.steps.iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut begun: Option<&Step> = None;
    let done = db.rebuild(missing, |tx, step| {
        begun = Some(step);
        apply(tx, set.owner, step)
    });
    done.map_err(|source| match begun {
        Some(step) => MigrateError::Step {
            owner: set.owner,
            version: step.version,
            name: step.name,
            source,
        },
        None => read(source),
    })
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_migration (
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (owner, version)
)";

/// The owner of the row that marks a database into which rows are put (see `dump`).
pub(crate) const REFILL: &str = "store/refill";

/// Makes the table of applied steps.
pub(crate) fn make_table(tx: &mut Tx<'_>) -> Result<(), DbError> {
    tx.execute(TABLE, &[]).map(|_| ())
}

/// Whether rows are being put into this database, or were not all put.
pub(crate) fn is_refilling(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let sql = "SELECT version FROM store_migration WHERE owner = $1";
    Ok(tx.query_one(sql, &[REFILL.into()])?.is_some())
}

/// The owner of the row that says for a while which refill ended.
const REFILLED: &str = "store/refilled";

/// Whether the rows of this database were put in under this token, and nobody has said yet that this is settled.
pub(crate) fn is_refilled(tx: &mut Tx<'_>, token: &str) -> Result<bool, DbError> {
    let sql = "SELECT version FROM store_migration WHERE owner = $1 AND checksum = $2";
    Ok(tx
        .query_one(sql, &[REFILLED.into(), token.into()])?
        .is_some())
}

/// All rows are in.
pub(crate) fn mark_refilled(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let sql = "UPDATE store_migration SET owner = $1 WHERE owner = $2";
    tx.execute(sql, &[REFILLED.into(), REFILL.into()])
        .map(|_| ())
}

/// Nobody may begin it again.
pub(crate) fn unmark_refilled(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let sql = "DELETE FROM store_migration WHERE owner = $1";
    tx.execute(sql, &[REFILLED.into()]).map(|_| ())
}

/// Notes that rows will be put into this database; whatever was applied is gone.
pub(crate) fn mark_refilling(tx: &mut Tx<'_>, token: &str) -> Result<(), DbError> {
    tx.execute("DELETE FROM store_migration", &[])?;
    tx.execute(
        "INSERT INTO store_migration (owner, version, name, checksum) VALUES ($1, 0, $2, $3)",
        &[REFILL.into(), "rows are being put in".into(), token.into()],
    )?;
    Ok(())
}

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
