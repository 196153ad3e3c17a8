//! Dead letters: readings that did not reach an endpoint in time, as a number and a range of time.

use model::Timestamp;
use store::Tx;
use vault::Position;

use super::{DestinationId, FailureClass};
use crate::rows::RowError;
use crate::rows::destination::{self as table, Cursor, LetterRow};

/// The most dead letters that are listed; older ones are summed up in the oldest.
pub(super) const MAX_LETTERS: usize = 50;

/// Readings that are too late, while they are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Late {
    readings: i64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Late {
    /// Counts one reading more.
    pub(super) fn add(late: &mut Option<Self>, at: Timestamp) {
        let sum = late.get_or_insert(Self {
            readings: 0,
            first_at: at,
            last_at: at,
        });
        sum.readings += 1;
        sum.first_at = sum.first_at.min(at);
        sum.last_at = sum.last_at.max(at);
    }
}

/// Writes down what was too late behind a cursor, which moves to `through`: as part of the newest letter where nothing was delivered in between.
pub(super) fn write(
    tx: &mut Tx<'_>,
    id: &DestinationId,
    before: Cursor,
    through: Position,
    late: &Late,
    reason: Option<FailureClass>,
) -> Result<(), RowError> {
    let mut letters = table::letters(tx, id)?;
    let mut letter = LetterRow {
        before: before.position,
        through,
        readings: late.readings,
        first_at: late.first_at,
        last_at: late.last_at,
        reason,
    };
    let newest = letters.first().copied();
    if let Some(newest) = newest.filter(|it| it.through == before.position) {
        table::delete_letter(tx, id, newest.through)?;
        letters.remove(0);
        letter = LetterRow {
            reason: letter.reason.or(newest.reason),
            through: letter.through,
            ..sum(&newest, &letter)
        };
    }
    table::insert_letter(tx, id, &letter)?;
    letters.insert(0, letter);
    while letters.len() > MAX_LETTERS {
        let (Some(oldest), Some(next)) = (letters.pop(), letters.pop()) else {
            break;
        };
        table::delete_letter(tx, id, oldest.through)?;
        table::delete_letter(tx, id, next.through)?;
        let both = sum(&oldest, &next);
        table::insert_letter(tx, id, &both)?;
        letters.push(both);
    }
    Ok(())
}

/// Two letters as one.
fn sum(older: &LetterRow, newer: &LetterRow) -> LetterRow {
    LetterRow {
        before: older.before,
        through: newer.through,
        readings: older.readings.saturating_add(newer.readings),
        first_at: older.first_at.min(newer.first_at),
        last_at: older.last_at.max(newer.last_at),
        reason: newer.reason.or(older.reason),
    }
}
