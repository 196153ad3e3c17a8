//! A consistent state for backups, and what is special about a data directory that came out of one.
//!
//! What a backup has is decided by the crate `backup`: rows, segments, erasures. Not in it: the root key, the published record (it is
//! made again from rows), files of exports (their rows are forgotten by [`Custody::forget_lost_exports`]).

use model::Timestamp;
use store::{Db, DbError, MigrationSet, Tx};
use vault::SegmentCopy;

use crate::Custody;
use crate::export::ExportState;
use crate::rows::{self, RowError};

/// The migrations of this crate and of those below it, in the order in which they are applied.
pub const MIGRATION_SETS: [&MigrationSet; 2] = [&vault::MIGRATIONS, &rows::MIGRATIONS];

/// By which columns rows are ordered first in a backup, so that new ones come together.
pub const BACKUP_ORDERS: [(&str, &[&str]); 1] = [("vault_block", &["segment_number"])];

impl Custody {
    /// Gives one state of everything that is kept: rows, as `Tx` sees them, and the segments of the log that belong to them. Whatever was
    /// acknowledged before the call is in it. Nobody waits for `f`, except that an SQLite database keeps its log file until it returns.
    ///
    /// # Errors
    /// When rows cannot be read, and whatever `f` returns.
    pub fn back_up<T, E>(
        &self,
        f: impl FnOnce(&mut Tx<'_>, &[SegmentCopy]) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<DbError> + Send,
    {
        if let Err(err) = self.flush_receipts() {
            tracing::warn!("counts of the last second are not in the backup: {err}");
        }
        self.inner.db.read(|tx| {
            let segments = self.inner.vault.cut(tx)?;
            f(tx, &segments)
        })
    }

    /// Notes that the rows came out of a backup, which was made at `backed_up_at`: what was released of statistics since is not known any
    /// more, and is taken to be all that can have been. Questions that waited are taken back, for they may have been answered. To be called
    /// when a backup was restored, before anything is drawn; broken off, the restore begins anew.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_restore(&self, backed_up_at: Timestamp, now: Timestamp) -> Result<(), RowError> {
        self.inner.db.write(|tx| {
            // The clock of this machine may be behind that of the other one.
            let last = rows::release::last_drawn(tx)?.unwrap_or(now);
            rows::restored::insert(tx, now.max(backed_up_at).max(last), backed_up_at)?;
            rows::release::take_back_waiting(tx)
        })
    }

    /// Forgets exports whose files are not there: a backup has none. People ask for them again. Says how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_lost_exports(&self) -> Result<u64, RowError> {
        let exports = &self.inner.exports;
        self.inner.db.write(|tx| {
            let mut forgotten = 0;
            for row in rows::export::all(tx)? {
                if row.state == ExportState::Ready && !exports.has_file(&row.id) {
                    rows::export::delete(tx, &row.id)?;
                    forgotten += 1;
                }
            }
            Ok(forgotten)
        })
    }
}

/// How many erasures a database knows to be carried out.
///
/// # Errors
/// When it cannot be read.
pub fn carried_out_erasures(db: &Db) -> Result<u64, DbError> {
    vault::carried_out_erasures(db)
}
