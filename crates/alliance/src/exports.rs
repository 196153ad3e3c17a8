//! Exports that are brought back into an account: the operator does it, the person sees that it happened.
//!
//! What of a file comes in is custody's matter ([`Custody::import_export`](custody::Custody::import_export)). Choices do not: no actor but the
//! person may choose, so the file's choices wait for them.

use std::io::{Read, Seek};

use custody::{ImportError, ImportedExport};
use model::{PersonId, Timestamp};

use crate::authority::{Action, Actor};
use crate::security_events::EventKind;
use crate::sessions::Device;
use crate::{Alliance, AllianceError, rows};

/// Why an export was not brought back.
#[derive(Debug, thiserror::Error)]
pub enum BringBackError {
    /// The actor may not, there is no such account, or the database failed.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
    /// The file, or what became of it.
    #[error("the export was not brought back, or not all of it")]
    Import(#[from] ImportError),
}

impl Alliance {
    /// Brings an export back into an account. Blocks for long.
    ///
    /// # Errors
    /// See [`BringBackError`].
    pub fn bring_back_export<R: Read + Seek>(
        &self,
        by: &Actor,
        (file, key): (R, Option<&str>),
        account: &PersonId,
        now: Timestamp,
    ) -> Result<ImportedExport, BringBackError> {
        by.must(Action::ManageAccounts)?;
        let found = self.db.read(|tx| rows::account::one(tx, account));
        if found.map_err(AllianceError::from)?.is_none() {
            return Err(BringBackError::Alliance(AllianceError::NotFound {
                what: "account",
                id: account.to_string(),
            }));
        }
        let done = self.custody.import_export(file, key, account, now);
        if !matches!(done, Err(ImportError::Verify(_) | ImportError::Key)) {
            let (kind, device) = (EventKind::ExportBroughtBack, Device::UNKNOWN);
            let noted = self
                .db
                .write(|tx| rows::security_event::put(tx, account, kind, device, now));
            noted.map_err(AllianceError::from)?;
        }
        Ok(done?)
    }
}
