//! What tables there are, asked of the engine.

use std::collections::BTreeSet;

use crate::{DbError, Engine, Row, Tx};

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Positions of the columns of its key; none when it has no key.
    pub key: Vec<usize>,
    /// The tables that its rows refer to.
    parents: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold nothing.
    pub is_nullable: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT`.
    Int,
    /// `DOUBLE PRECISION`.
    Real,
    /// `TEXT`.
    Text,
    /// `BYTEA`.
    Blob,
}

impl Kind {
    /// As SQL says it; SQLite has its own word for bytes, as a cast to a type that it does not know makes a number of them.
    pub(crate) const fn sql(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Self::Int, _) => "BIGINT",
            (Self::Real, _) => "DOUBLE PRECISION",
            (Self::Text, _) => "TEXT",
            (Self::Blob, Engine::Sqlite) => "BLOB",
            (Self::Blob, Engine::Postgres) => "BYTEA",
        }
    }

    fn of(declared: &str) -> Option<Self> {
        match declared.to_ascii_uppercase().as_str() {
            "BIGINT" | "INTEGER" => Some(Self::Int),
            "DOUBLE PRECISION" => Some(Self::Real),
            "TEXT" => Some(Self::Text),
            "BYTEA" | "BLOB" => Some(Self::Blob),
            _ => None,
        }
    }
}

pub(super) fn tables(tx: &mut Tx<'_>) -> Result<Vec<Table>, DbError> {
    let asked = Asked::of(tx.engine());
    let names = texts(&tx.query(asked.tables, &[])?)?;
    let mut tables = Vec::new();
    for name in names.into_iter().filter(|it| it != "store_migration") {
        let rows = tx.query(asked.columns, &[name.as_str().into()])?;
        let parents = texts(&tx.query(asked.parents, &[name.as_str().into()])?)?;
        tables.push(table(name, &rows, parents)?);
    }
    Ok(in_order(tables))
}

fn texts(rows: &[Row]) -> Result<Vec<String>, DbError> {
    rows.iter().map(|it| it.get(0)).collect()
}

fn table(name: String, rows: &[Row], parents: Vec<String>) -> Result<Table, DbError> {
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for (position, row) in rows.iter().enumerate() {
        let (column, declared): (String, String) = (row.get(0)?, row.get(1)?);
        let in_key: i64 = row.get(2)?;
        let kind = Kind::of(&declared).ok_or_else(|| DbError::Sql {
            sql: format!("column `{column}` of table `{name}`"),
            reason: format!("`{declared}` is no type that both engines have"),
        })?;
        columns.push(Column {
            name: column,
            kind,
            is_nullable: row.get::<i64>(3)? == 0,
        });
        if in_key > 0 {
            key.push((in_key, position));
        }
    }
    key.sort_unstable();
    Ok(Table {
        name,
        columns,
        key: key.into_iter().map(|(_, position)| position).collect(),
        parents,
    })
}

/// Those that others refer to first; by name among each other.
fn in_order(mut tables: Vec<Table>) -> Vec<Table> {
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let all: BTreeSet<String> = tables.iter().map(|it| it.name.clone()).collect();
    let mut placed: BTreeSet<String> = BTreeSet::new();
    let mut ordered = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let is_free = |it: &Table| {
            let mut parents = it.parents.iter();
            parents.all(|name| *name == it.name || placed.contains(name) || !all.contains(name))
        };
        let (mut free, rest): (Vec<_>, Vec<_>) = tables.into_iter().partition(is_free);
        // Tables that refer to each other in a circle: no order is right, any will do.
        let rest = if free.is_empty() {
            free = rest;
            Vec::new()
        } else {
            rest
        };
        placed.extend(free.iter().map(|it| it.name.clone()));
        ordered.append(&mut free);
        tables = rest;
    }
    ordered
}

/// The questions, in the words of an engine. `$1` is the name of a table.
struct Asked {
    tables: &'static str,
    /// Name, type, place in the key from 1 on or 0, and 1 where it must hold something.
    columns: &'static str,
    parents: &'static str,
}

impl Asked {
    const fn of(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self {
                tables: "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'",
                columns: "SELECT name, type, pk, \"notnull\" FROM pragma_table_info($1) ORDER BY cid",
                parents: "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)",
            },
            Engine::Postgres => Self {
                tables: "SELECT table_name::text FROM information_schema.tables \
                         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'",
                columns: "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), \
                          COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint, \
                          a.attnotnull::int::bigint \
                          FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
                          WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped \
                          ORDER BY a.attnum",
                parents: "SELECT DISTINCT c.relname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid \
                          WHERE k.contype = 'f' AND k.conrelid = to_regclass(quote_ident($1))",
            },
        }
    }
}
