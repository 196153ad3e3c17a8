//! Notices as they were published: the text whose hash stands in the record.

use model::DeploymentId;

use crate::rows::{RowError, deployment};

impl crate::Custody {
    /// The notice in force as it was published, byte for byte; `None` when there is no such deployment.
    ///
    /// # Errors
    /// When the database fails.
    pub fn notice_source(&self, id: &DeploymentId) -> Result<Option<String>, RowError> {
        self.inner.db.read(|tx| deployment::notice_source(tx, id))
    }
}
