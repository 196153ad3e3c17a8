//! One row of a result.

use std::fmt;

use crate::{DbError, FromValue, Value};

/// A row; columns are counted from 0, in the order of the statement.
pub struct Row {
    cells: Box<[Cell]>,
}

/// A value that owns its bytes.
pub(crate) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self {
            cells: cells.into_boxed_slice(),
        }
    }

    /// Every value, in the order of the statement.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        self.cells.iter().map(Cell::value)
    }

    /// The value of a column, whatever it is.
    pub(crate) fn value(&self, column: usize) -> Option<Value<'_>> {
        self.cells.get(column).map(Cell::value)
    }

    /// About how much memory it takes.
    pub(crate) fn size_bytes(&self) -> usize {
        let size = |it: Value<'_>| match it {
            Value::Null => 1,
            Value::Int(_) | Value::Real(_) => 8,
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
        };
        self.values().map(size).sum()
    }

    /// The value of a column; an error if it is of another kind or does not exist.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, DbError> {
        let cell = self.cells.get(column).map(Cell::value);
        cell.and_then(T::from_value).ok_or(DbError::Column {
            column,
            wanted: T::WANTED,
            found: cell.map_or("no such column", |value| value.kind()),
        })
    }
}

/// Tells the number of columns and hides the values, which may be personal data.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} columns)", self.cells.len())
    }
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(*value),
            Self::Real(value) => Value::Real(*value),
            Self::Text(value) => Value::Text(value),
            Self::Blob(value) => Value::Blob(value),
        }
    }
}
