//! What a person gives to the commons leaves their account as what they have erased does.
//!
//! One erasure for each gift, from the row that is written with it: nobody gets any of it from then on, exports and windows go, recipients are
//! told, the proof is kept. Its last transaction is also the one after which the gift counts. It cannot be undone, and says nothing of the
//! data set. What it told the vault says that it was a gift, so a restored backup does not make it anything else.

use model::Timestamp;

use super::{EraseCause, EraseError, EraseId, EraseScope, EraseState};
use crate::Custody;
use crate::rows::commons::UnlinkingRow;
use crate::rows::erasure::ErasureRow;
use crate::rows::{self, RowError};

/// What of an account a gift takes with it.
pub(crate) fn scope(row: &UnlinkingRow) -> Result<EraseScope, RowError> {
    let between = (row.from, Some(row.until));
    let scope = EraseScope::new(
        between,
        Some(row.deployment.clone()),
        row.thing.clone(),
        None,
    );
    scope.map_err(|_| RowError::Unreadable {
        table: "commons_unlinking",
        value: row.gift.clone(),
    })
}

/// The erasure of a gift; `strip` is what the vault was or will be told.
pub(crate) fn erasure(
    row: &UnlinkingRow,
    strip: Option<Vec<u8>>,
    now: Timestamp,
) -> Result<ErasureRow, EraseError> {
    Ok(ErasureRow {
        id: EraseId::random()?,
        person: row.person.clone(),
        scope: scope(row)?,
        cause: EraseCause::Given,
        asked_at: now,
        due_at: now,
        state: EraseState::AtWork,
        strip,
        done_at: None,
        vault_id: None,
        proof: None,
        finished_at: None,
    })
}

impl Custody {
    /// Erases what was given, written down a moment ago. The caller lets no other erasure begin meanwhile.
    ///
    /// # Errors
    /// See [`EraseError`]; it is tried again then.
    pub(crate) fn erase_given(&self, row: ErasureRow, now: Timestamp) -> Result<(), EraseError> {
        self.hold_back(&row);
        let id = row.id.clone();
        self.carry_out(row, false, now).inspect_err(|err| {
            tracing::error!(erasure.id = %id, error = %err, "what was given is written down and not erased; it is tried again");
            self.look_again_at(&id, now.plus_millis(super::act::RETRY_MILLIS));
        })
    }

    /// Erases what was given and broken off. The caller lets no other erasure begin meanwhile.
    pub(crate) fn finish_given(&self, now: Timestamp) -> Result<(), EraseError> {
        for unlinking in self.inner.db.read(rows::commons::unlinkings)? {
            let known = match &unlinking.erasure {
                Some(id) => self.inner.db.read(|tx| rows::erasure::one(tx, id))?,
                None => None,
            };
            let row = match known {
                Some(row) => row,
                // From before there were erasures of gifts.
                None => {
                    let scope = scope(&unlinking)?;
                    let cause = EraseCause::Given;
                    let strip = self.told_to_vault(&unlinking.person, &scope, cause)?;
                    let row = erasure(&unlinking, strip, now)?;
                    self.inner.db.write(|tx| {
                        rows::erasure::insert(tx, &row)?;
                        rows::commons::unlinked_by(tx, &unlinking.gift, &row.id)
                    })?;
                    row
                }
            };
            self.erase_given(row, now)?;
        }
        Ok(())
    }
}
