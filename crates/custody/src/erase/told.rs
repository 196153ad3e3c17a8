//! Recipients ask what they were told of erasures, and acknowledge it; operators see who is late.

use model::{RecipientId, Timestamp};

use super::{EraseId, ErasureNotice, MAX_NOTICES_LISTED};
use crate::Custody;
use crate::rows::{self, RowError};

impl Custody {
    /// What a recipient was told and has not acknowledged, oldest first, behind `after`; at most [`MAX_NOTICES_LISTED`]. Whoever calls this
    /// gives it to the recipient: from now on it counts as having it. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erasure_notices(
        &self,
        recipient: &RecipientId,
        after: Option<&EraseId>,
        limit: u16,
        now: Timestamp,
    ) -> Result<Vec<ErasureNotice>, RowError> {
        let limit = i64::from(limit.clamp(1, MAX_NOTICES_LISTED));
        self.inner.db.write(|tx| {
            let notices = rows::erasure::open_notices(tx, recipient, after, limit)?;
            for notice in notices.iter().filter(|it| it.fetched_at.is_none()) {
                rows::erasure::fetched(tx, &notice.id, now)?;
            }
            Ok(notices)
        })
    }

    /// A recipient says that it has erased too; false where it was not told so. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn acknowledge_erasure(
        &self,
        recipient: &RecipientId,
        id: &EraseId,
        now: Timestamp,
    ) -> Result<bool, RowError> {
        self.inner
            .db
            .write(|tx| rows::erasure::acknowledge(tx, recipient, id, now))
    }

    /// What all recipients were told, oldest first, behind `after`, and how many there are in all. Nothing in it names a person.
    ///
    /// # Errors
    /// When the database fails.
    pub fn all_erasure_notices(
        &self,
        after: Option<&EraseId>,
        limit: u32,
    ) -> Result<(Vec<ErasureNotice>, i64), RowError> {
        self.inner.db.read(|tx| {
            let notices = rows::erasure::all_notices(tx, after, i64::from(limit))?;
            Ok((notices, rows::erasure::count_notices(tx)?))
        })
    }
}
