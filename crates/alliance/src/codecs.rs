//! Codecs: scripts that read what no dialect knows, set for a thing or a bridge.
//!
//! A script changes how a message is read and not what may pass, so it does not stand in the public record.

use custody::{Identity, SetCodecError};
use model::Timestamp;

use crate::authority::{Action, Actor};
use crate::{Alliance, AllianceError};

/// Why a codec was not set.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The actor may not.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
    /// It cannot be set.
    #[error(transparent)]
    Set(#[from] SetCodecError),
}

impl Alliance {
    /// Sets the codec of a thing or bridge; nothing: it has none any more. In force for the next message.
    ///
    /// # Errors
    /// When the actor may not, nobody has the identifier, the script is too long, or the database fails.
    pub fn set_codec(
        &self,
        by: &Actor,
        owner: &Identity,
        source: Option<&str>,
        now: Timestamp,
    ) -> Result<(), CodecError> {
        by.must(Action::ManageDeployment)?;
        Ok(self.custody.set_codec(owner, source, now)?)
    }
}
