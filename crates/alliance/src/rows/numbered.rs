//! What tables have in common whose rows are numbered from 1.

use custody::RowError;
use store::Tx;

/// A number as rows hold it.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number of the next row.
pub(super) fn next(
    tx: &mut Tx<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<u64, RowError> {
    let sql = format!("SELECT COALESCE(MAX({column}), 0) + 1 FROM {table}");
    let row = tx.query_one(&sql, &[])?;
    let next: i64 = row.map_or(Ok(1), |it| it.get(0))?;
    u64::try_from(next).map_err(|_| unreadable(table, column))
}

/// Something in a row that this version cannot read.
pub(super) fn unreadable(table: &'static str, value: &str) -> RowError {
    RowError::Unreadable {
        table,
        value: value.to_owned(),
    }
}
