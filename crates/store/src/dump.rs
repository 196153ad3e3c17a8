//! Every row of a database in one form for both engines, out and in: for backups, and for moving from one engine to the other.
//!
//! Out: [`Tx::tables`] finds what there is, [`Tx::each_row`] reads a table page by page, all in one read transaction.
//! In: [`Db::begin_refill`] makes an empty schema by the same migrations that the rows come from, one write transaction inserts the
//! rows and ends with [`Tx::end_refill`]. Between the two the database has a mark, and [`Db::migrate`] refuses it: nothing
//! starts on half of the rows. A refill that was broken off may be begun again, which drops what it had made; until
//! [`Db::settle_refill`] also one that had ended, by who knows its token.
//!
//! No SQL ever comes from where the rows come from: names of tables and columns are those that the migrations made.

mod schema;

use std::fmt::Write as _;

use crate::{Db, DbError, Engine, MigrateError, MigrationSet, Row, Tx, Value, migrate};

pub use schema::{Column, Kind, Table};

/// How many rows a page has at first, and at most.
const FIRST_PAGE_ROWS: usize = 128;
const MAX_PAGE_ROWS: usize = 4_096;
/// A page that was larger is followed by a shorter one, one that was smaller than a quarter of it by a longer one.
const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// How many rows one statement inserts.
const INSERTED_ROWS: usize = 32;
/// SQLite takes no more parameters in a statement.
const MAX_PARAMETERS: usize = 32_766;

/// A step of a migration that a database has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedStep {
    /// The crate whose tables it made.
    pub owner: String,
    /// Its number.
    pub version: u32,
    /// `sha256:` and the digest of its text.
    pub checksum: String,
}

/// Rows cannot be put into a database.
#[derive(Debug, thiserror::Error)]
pub enum RefillError {
    /// Somebody uses it.
    #[error("the database has data already: name one that is empty")]
    NotEmpty,
    /// The schema could not be made.
    #[error("the schema that the rows need could not be made")]
    Migrate(#[source] MigrateError),
    /// The rows come from a program that this one knows nothing of.
    #[error(
        "the rows belong to `{owner}`, which this program does not know: use the release that they come from"
    )]
    Owner {
        /// The name.
        owner: String,
    },
    /// Rows or tables could not be read, made or dropped.
    #[error("the database could not be prepared")]
    Rows(#[from] DbError),
}

impl Tx<'_> {
    /// Every table but the one of migrations, those that others refer to first.
    pub fn tables(&mut self) -> Result<Vec<Table>, DbError> {
        schema::tables(self)
    }

    /// The steps that made the schema, by owner and version.
    pub fn applied_steps(&mut self) -> Result<Vec<AppliedStep>, DbError> {
        let rows = self.query(
            "SELECT owner, version, checksum FROM store_migration WHERE owner NOT LIKE 'store/%' ORDER BY owner, version",
            &[],
        )?;
        let step = |row: &Row| {
            Ok(AppliedStep {
                owner: row.get(0)?,
                version: row.get(1)?,
                checksum: row.get(2)?,
            })
        };
        rows.iter().map(step).collect()
    }

    /// Gives every row of a table to `f`, its columns in the order of [`Table::columns`].
    ///
    /// In the order of the columns `first` that always hold something, then of the key; of all columns where there is no key. The order
    /// of keys is the same on both engines.
    pub fn each_row<E: From<DbError>>(
        &mut self,
        table: &Table,
        first: &[&str],
        mut f: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let scan = Scan::new(table, first);
        let count = self.query_one(&scan.count, &[])?;
        let count: u64 = count.map_or(Ok(0), |it| it.get(0))?;
        let mut page_rows = FIRST_PAGE_ROWS;
        let (mut last, mut seen): (Option<Row>, usize) = (None, 0);
        loop {
            let limit = i64::try_from(page_rows).unwrap_or(i64::MAX);
            let rows = match &last {
                None => self.query(&scan.first, &[limit.into()])?,
                Some(row) => {
                    let params = scan.params(row, seen, limit);
                    self.query(&scan.next, &params)?
                }
            };
            rows.iter().try_for_each(&mut f)?;
            let bytes: usize = rows.iter().map(Row::size_bytes).sum();
            seen += rows.len();
            let is_last = rows.len() < page_rows;
            last = rows.into_iter().next_back();
            if is_last || last.is_none() {
                return scan.check(seen, count).map_err(E::from);
            }
            page_rows = match bytes {
                it if it > PAGE_BYTES => (page_rows / 2).max(1),
                it if it < PAGE_BYTES / 4 => (page_rows * 2).min(MAX_PAGE_ROWS),
                _ => page_rows,
            };
        }
    }

    /// Deletes every row of a table.
    pub fn clear(&mut self, table: &Table) -> Result<(), DbError> {
        self.execute(&format!("DELETE FROM {}", quoted(&table.name)), &[])?;
        Ok(())
    }

    /// Inserts rows; their values are in the order of [`Table::columns`].
    pub fn insert_rows(&mut self, table: &Table, rows: &[Vec<Value<'_>>]) -> Result<(), DbError> {
        let columns = table.columns.len().max(1);
        let at_once = INSERTED_ROWS.min(MAX_PARAMETERS / columns).max(1);
        for some in rows.chunks(at_once) {
            let sql = insert(self.engine(), table, some.len());
            let params: Vec<Value<'_>> = some.iter().flatten().copied().collect();
            self.execute(&sql, &params)?;
        }
        Ok(())
    }

    /// Says that all rows are in: from the commit on the database may be used.
    pub fn end_refill(&mut self) -> Result<(), DbError> {
        migrate::mark_refilled(self)
    }
}

impl Db {
    /// Prepares an empty database for rows of a schema that `applied` steps of these migrations had made. Whatever a refill that was
    /// broken off had put there is dropped.
    ///
    /// `token` is a text that nobody else has: who gives the same one may begin again even after all rows were in.
    ///
    /// # Errors
    /// When it has data of anybody else, or the steps are not those of this program; nothing was changed then.
    pub fn begin_refill(
        &self,
        sets: &[&MigrationSet],
        applied: &[AppliedStep],
        token: &str,
    ) -> Result<(), RefillError> {
        for step in applied {
            if !sets.iter().any(|it| it.owner == step.owner) {
                let owner = step.owner.clone();
                return Err(RefillError::Owner { owner });
            }
        }
        for set in sets {
            migrate::check_known(set, applied).map_err(RefillError::Migrate)?;
        }
        self.write(|tx| {
            migrate::make_table(tx)?;
            let is_ours = migrate::is_refilling(tx)? || migrate::is_refilled(tx, token)?;
            let tables = tx.tables()?;
            if !is_ours && !tables.is_empty() {
                return Err(RefillError::NotEmpty);
            }
            for table in tables.iter().rev() {
                tx.execute(&format!("DROP TABLE {}", quoted(&table.name)), &[])?;
            }
            migrate::mark_refilling(tx, token).map_err(RefillError::Rows)
        })?;
        for set in sets {
            migrate::run_known(self, set, applied).map_err(RefillError::Migrate)?;
        }
        Ok(self.write(|tx| {
            // Steps of migrations put rows into some of them.
            let tables = tx.tables()?;
            tables.iter().rev().try_for_each(|it| tx.clear(it))
        })?)
    }
}

impl Db {
    /// Says that a refill will not be begun again: whatever comes from now on is somebody's.
    ///
    /// # Errors
    /// When the database cannot be written to.
    pub fn settle_refill(&self) -> Result<(), DbError> {
        self.write(migrate::unmark_refilled)
    }
}

/// The statements that read a table in order.
struct Scan<'a> {
    table: &'a Table,
    count: String,
    first: String,
    next: String,
    /// Positions of the columns that the order goes by; none when a place is a number of rows.
    by: Vec<usize>,
}

impl<'a> Scan<'a> {
    fn new(table: &'a Table, first: &[&str]) -> Self {
        let name = quoted(&table.name);
        let is_it = |it: &Column, wanted: &str| it.name == wanted && !it.is_nullable;
        let position = |wanted: &str| table.columns.iter().position(|it| is_it(it, wanted));
        let mut by: Vec<usize> = first.iter().copied().filter_map(position).collect();
        for column in &table.key {
            if !by.contains(column) {
                by.push(*column);
            }
        }
        let has_key = !table.key.is_empty();
        if !has_key {
            by = (0..table.columns.len()).collect();
        }
        let all: Vec<String> = table.columns.iter().map(|it| quoted(&it.name)).collect();
        let ordered: Vec<&str> = by
            .iter()
            .filter_map(|it| all.get(*it))
            .map(String::as_str)
            .collect();
        let (all, ordered) = (all.join(", "), ordered.join(", "));
        let select = format!("SELECT {all} FROM {name}");
        let marks: Vec<String> = (1..=by.len()).map(|it| format!("${it}")).collect();
        let next = match has_key {
            true => format!(
                "{select} WHERE ({ordered}) > ({}) ORDER BY {ordered} LIMIT ${}",
                marks.join(", "),
                by.len() + 1
            ),
            false => format!("{select} ORDER BY {ordered} LIMIT $2 OFFSET $1"),
        };
        Self {
            table,
            count: format!("SELECT COUNT(*) FROM {name}"),
            first: format!("{select} ORDER BY {ordered} LIMIT $1"),
            next,
            by: if has_key { by } else { Vec::new() },
        }
    }

    /// A key that holds nothing would be passed over.
    fn check(&self, seen: usize, count: u64) -> Result<(), DbError> {
        match u64::try_from(seen) == Ok(count) {
            true => Ok(()),
            false => Err(DbError::Sql {
                sql: self.next.clone(),
                reason: format!("{seen} of {count} rows were found: a key holds nothing"),
            }),
        }
    }

    fn params<'r>(&self, last: &'r Row, seen: usize, limit: i64) -> Vec<Value<'r>> {
        let mut params: Vec<Value<'r>> = match self.table.key.is_empty() {
            true => vec![Value::Int(i64::try_from(seen).unwrap_or(i64::MAX))],
            false => self.by.iter().filter_map(|it| last.value(*it)).collect(),
        };
        params.push(limit.into());
        params
    }
}

fn insert(engine: Engine, table: &Table, rows: usize) -> String {
    let columns: Vec<String> = table.columns.iter().map(|it| quoted(&it.name)).collect();
    let mut sql = format!(
        "INSERT INTO {} ({}) VALUES ",
        quoted(&table.name),
        columns.join(", ")
    );
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for (position, column) in table.columns.iter().enumerate() {
            number += 1;
            let comma = if position == 0 { "" } else { ", " };
            // Null has no type of its own, and of several rows the first would settle it.
            let _ = write!(sql, "{comma}CAST(${number} AS {})", column.kind.sql(engine));
        }
        sql.push(')');
    }
    sql
}

/// A name as SQL takes it whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
