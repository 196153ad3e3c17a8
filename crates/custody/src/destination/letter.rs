//! Dead letters: readings that did not reach an endpoint in time, or do not open, as a number and a range of time.
//!
//! Of readings that do not open nobody can say for whom they were: they are counted as [`FailureClass::Unopened`], and there are no
//! more than so many. Such a letter is not joined with others, so that theirs stay exact.

use model::Timestamp;
use store::Tx;
use vault::Position;

use super::{DestinationId, FailureClass};
use crate::rows::RowError;
use crate::rows::destination::{self as table, Cursor, LetterRow};

/// The most dead letters that are listed; older ones are summed up in the oldest.
pub(super) const MAX_LETTERS: usize = 50;

/// Readings that are too late or do not open, while they are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Late {
    readings: i64,
    first_at: Timestamp,
    last_at: Timestamp,
    pub(super) are_unopened: bool,
}

impl Late {
    /// One reading that is too late.
    pub(super) fn one(at: Timestamp) -> Self {
        Self {
            readings: 1,
            first_at: at,
            last_at: at,
            are_unopened: false,
        }
    }

    /// Readings that do not open.
    pub(super) fn unopened(readings: u64, first_at: Timestamp, last_at: Timestamp) -> Self {
        Self {
            readings: i64::try_from(readings).unwrap_or(i64::MAX),
            first_at,
            last_at,
            are_unopened: true,
        }
    }

    /// Counts them together; false where they are not of one kind, and nothing was counted.
    pub(super) fn add(late: &mut Option<Self>, more: Self) -> bool {
        let Some(sum) = late else {
            *late = Some(more);
            return true;
        };
        if sum.are_unopened != more.are_unopened {
            return false;
        }
        sum.readings = sum.readings.saturating_add(more.readings);
        sum.first_at = sum.first_at.min(more.first_at);
        sum.last_at = sum.last_at.max(more.last_at);
        true
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
    let joins = |it: &LetterRow| {
        it.through == before.position && is_unopened(it.reason) == is_unopened(reason)
    };
    if let Some(newest) = newest.filter(joins) {
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

fn is_unopened(reason: Option<FailureClass>) -> bool {
    reason == Some(FailureClass::Unopened)
}

/// Two letters as one; the number is exact only if it is of both.
fn sum(older: &LetterRow, newer: &LetterRow) -> LetterRow {
    let doubtful = [newer, older].into_iter().find(|it| is_unopened(it.reason));
    let reason = doubtful.and_then(|it| it.reason);
    LetterRow {
        before: older.before,
        through: newer.through,
        readings: older.readings.saturating_add(newer.readings),
        first_at: older.first_at.min(newer.first_at),
        last_at: older.last_at.max(newer.last_at),
        reason: reason.or(newer.reason).or(older.reason),
    }
}
