//! Housekeeping: counters are written, readings move to their blocks, what is past its retention is dropped.
//!
//! The three do not wait for each other: a counter that cannot be written must not keep readings beyond their retention.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::Timestamp;

use crate::Custody;
use crate::catalogue::Deployment;
use crate::drift::DriftRow;
use crate::rows::{self, RowError};

/// How often the vault is maintained, in milliseconds.
const MAINTENANCE_MILLIS: i64 = 60_000;

/// Why housekeeping failed.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// Counters could not be written; they are kept.
    #[error("counters could not be written")]
    Rows(#[source] RowError),
    /// What did not reach people's own endpoints in time could not be counted.
    #[error("what did not reach people's own endpoints could not be counted")]
    Destinations(#[source] crate::destination::ParcelError),
    /// Receipts of hours that are over could not be committed to yet; it is tried again.
    #[error("receipts of hours that are over could not be committed to")]
    Receipts(#[source] Box<crate::CommitReceiptsError>),
    /// What people have had erased could not be erased yet; it is tried again.
    #[error("an erasure could not be carried out yet")]
    Erase(#[source] Box<crate::EraseError>),
    /// Days that are over could not be sealed to people's own keys.
    #[error("days that are over could not be sealed to people's own keys")]
    OwnKeys(#[source] crate::own_key::OwnKeyPassError),
    /// What a notice made shorter could not be taken out of the vault yet; it is tried again.
    #[error("what a notice made shorter could not be taken out of the vault")]
    Keeping(#[source] crate::KeepingError),
    /// Readings could not be moved or dropped.
    #[error("the vault could not be maintained")]
    Vault(#[source] vault::MaintainError),
}

impl Custody {
    /// Writes counters, moves readings to their blocks, and drops what is past its retention. Call it every second or
    /// so, from where blocking is fine.
    ///
    /// # Errors
    /// The first failure; the rest was done all the same, and counts are kept and written next time.
    pub fn tick(&self, now: Timestamp) -> Result<(), TickError> {
        self.settle_windows(now);
        let counted = self.flush_counts();
        let windows = self.save_windows(false).map_err(TickError::Rows);
        let retained = self
            .save_retained(Some(now), false)
            .map_err(TickError::Rows);
        let windows = windows.and(retained);
        let erased = self.tend_erasures(now);
        let erased = erased.map_err(|err| TickError::Erase(Box::new(err)));
        let committed = self.commit_receipts(now);
        let erased = erased.and(committed.map_err(|err| TickError::Receipts(Box::new(err))));
        let maintained = self.maintain(now);
        let sealed = self.seal_own_days(now).map_err(TickError::OwnKeys);
        let maintained = maintained.and(sealed);
        let tended = self.tend_sources(now).map_err(TickError::Rows);
        let commanded = self.tend_commands(now).map_err(TickError::Rows);
        let tended = tended.and(commanded);
        counted.and(windows).and(erased).and(maintained).and(tended)
    }

    /// Writes what is pending and stops. Nothing may be ingested afterwards.
    ///
    /// # Errors
    /// When the database fails.
    pub fn close(&self) -> Result<(), TickError> {
        self.inner.vault.close();
        self.inner.line.close();
        let saved = self.save_sources().map_err(TickError::Rows);
        let ended = self.end_commands().map_err(TickError::Rows);
        let saved = saved.and(ended);
        let windows = self.save_windows(true).map_err(TickError::Rows);
        let retained = self.save_retained(None, true).map_err(TickError::Rows);
        let windows = windows.and(retained);
        self.flush_counts().and(saved).and(windows)
    }

    /// Maintains the vault when it is time, or when the clock was set back.
    fn maintain(&self, now: Timestamp) -> Result<(), TickError> {
        let last = &self.inner.maintained_at;
        let since = now.as_millis() - last.load(Ordering::Relaxed);
        if (0..MAINTENANCE_MILLIS).contains(&since) {
            return Ok(());
        }
        last.store(now.as_millis(), Ordering::Relaxed);
        let swept = self.sweep_parcels(now).map_err(TickError::Destinations);
        self.inner.vault.maintain(now).map_err(TickError::Vault)?;
        let enforced = self.enforce_promises(now).map_err(TickError::Keeping);
        swept.and(enforced)
    }

    fn flush_counts(&self) -> Result<(), TickError> {
        let receipts = self.flush_receipts();
        let drift = self.flush_drift();
        let transports = self.write_transports();
        receipts.and(drift).and(transports).map_err(TickError::Rows)
    }

    pub(crate) fn flush_receipts(&self) -> Result<(), RowError> {
        let receipts = self.inner.hub.receipts.take();
        if receipts.is_empty() {
            return Ok(());
        }
        let written = self.inner.db.write(|tx| {
            receipts
                .iter()
                .try_for_each(|it| rows::receipt::add(tx, it))
        });
        written.inspect_err(|_| self.inner.hub.receipts.put_back(receipts))
    }

    fn flush_drift(&self) -> Result<(), RowError> {
        let catalogue = self.inner.catalogue.load();
        let drift: Vec<(Arc<Deployment>, Vec<DriftRow>)> = catalogue
            .deployments
            .values()
            .map(|it| (Arc::clone(it), it.drift.take()))
            .filter(|(_, rows)| !rows.is_empty())
            .collect();
        if drift.is_empty() {
            return Ok(());
        }
        let written = self.inner.db.write(|tx| {
            for (deployment, rows) in &drift {
                rows.iter()
                    .try_for_each(|it| rows::drift::add(tx, &deployment.id, it))?;
            }
            Ok(())
        });
        written.inspect_err(|_| {
            for (deployment, rows) in drift {
                deployment.drift.put_back(rows);
            }
        })
    }
}
