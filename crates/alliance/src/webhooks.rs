//! Webhooks of recipients: where their readings are sent to.
//!
//! A webhook changes where something goes that its recipient may have anyway, and a URL can hold a secret. So neither stands in the
//! public record; the grants that let something pass do.

use custody::{NewWebhook, Secret, WebhookError, WebhookId};
use model::Timestamp;

use crate::authority::{Action, Actor};
use crate::{Alliance, AllianceError};

/// Why an act on webhooks did not happen.
#[derive(Debug, thiserror::Error)]
pub enum WebhookActError {
    /// The actor may not.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
    /// It was refused or failed.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

impl Alliance {
    /// Adds a webhook of a recipient; its signing key is shown this once.
    ///
    /// # Errors
    /// When the actor may not, the recipient has no grant there, it has as many as it may, or the database fails.
    pub fn add_webhook(
        &self,
        by: &Actor,
        wanted: &NewWebhook,
        now: Timestamp,
    ) -> Result<(WebhookId, Secret), WebhookActError> {
        by.must(Action::ManageAccess)?;
        Ok(self.custody.add_webhook(wanted, now)?)
    }

    /// Makes another signing key, shown this once; requests are signed with the former one too until a moment.
    ///
    /// # Errors
    /// When the actor may not, there is no such webhook, the overlap is too long, or the database fails.
    pub fn rotate_webhook(
        &self,
        by: &Actor,
        id: &WebhookId,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Result<Secret, WebhookActError> {
        by.must(Action::ManageAccess)?;
        Ok(self.custody.rotate_webhook(id, former_until, now)?)
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// When the actor may not, there is no such webhook, or the database fails.
    pub fn remove_webhook(&self, by: &Actor, id: &WebhookId) -> Result<(), WebhookActError> {
        by.must(Action::ManageAccess)?;
        Ok(self.custody.remove_webhook(id)?)
    }

    /// Asks for a test request, which holds no reading.
    ///
    /// # Errors
    /// When the actor may not, there is no such webhook, or this process sends nothing.
    pub fn test_webhook(&self, by: &Actor, id: &WebhookId) -> Result<(), WebhookActError> {
        by.must(Action::ManageAccess)?;
        Ok(self.custody.test_webhook(id)?)
    }
}
