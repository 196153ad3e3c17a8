//! What happened to an account, for its owner to look at: sign-ins, wrong tries, changes of how they sign in.
//!
//! Kept are the moment, what, and two words about the browser; no address of the network. An account keeps
//! [`MAX_EVENTS`] for [`EVENT_LIFETIME_MILLIS`]. Wrong tries within [`TRY_WINDOW_MILLIS`] are one event with a number, so that
//! who guesses cannot push out what a person should see.

use model::{PersonId, Timestamp, words};

use crate::sessions::Device;
use crate::{Alliance, AllianceError, rows};

/// How many events an account keeps, newest first.
pub const MAX_EVENTS: u16 = 30;
/// How long an event is kept, in milliseconds: ninety days.
pub const EVENT_LIFETIME_MILLIS: i64 = 90 * 86_400_000;
/// Wrong tries within this time are one event, in milliseconds: a day.
pub const TRY_WINDOW_MILLIS: i64 = 86_400_000;

words! {
    /// What happened.
    EventKind {
        /// Somebody signed in with a one-time link.
        SignedInByLink = "signed-in-link",
        /// Somebody signed in with name and password.
        SignedInByPassword = "signed-in-password",
        /// Somebody signed in with a passkey.
        SignedInByPasskey = "signed-in-passkey",
        /// Somebody signed in with a recovery code.
        SignedInByRecoveryCode = "signed-in-recovery-code",
        /// A wrong password was given.
        WrongPassword = "wrong-password",
        /// A passkey counted backwards: it may have been copied, and was refused.
        PasskeyCopied = "passkey-copied",
        /// A password was set.
        PasswordSet = "password-set",
        /// The password was removed.
        PasswordRemoved = "password-removed",
        /// A passkey was added.
        PasskeyAdded = "passkey-added",
        /// A passkey was removed.
        PasskeyRemoved = "passkey-removed",
        /// New recovery codes were made.
        CodesMade = "codes-made",
        /// A session was ended from another.
        SessionEnded = "session-ended",
        /// Every other session was ended.
        OthersEnded = "others-ended",
        /// The operator asked for a way into the account.
        AccessAsked = "access-asked",
        /// A second person agreed to that.
        AccessApproved = "access-approved",
        /// The owner, or the office, refused it.
        AccessRefused = "access-refused",
        /// The operator made a link with it.
        AccessUsed = "access-used",
        /// A device got a new credential.
        CredentialRenewed = "credential-renewed",
        /// The credential of a device was ended.
        CredentialRevoked = "credential-revoked",
        /// The operator brought an export back into the account.
        ExportBroughtBack = "export-brought-back",
        /// A key of the person's own was added.
        OwnKeyAdded = "own-key-added",
        /// They showed that they have its secret half.
        OwnKeyProved = "own-key-proved",
        /// Nothing is sealed to it any more.
        OwnKeyRemoved = "own-key-removed",
        /// From now on history is sealed to the person's own keys.
        SealingBegun = "sealing-begun",
        /// History is sealed no further.
        SealingStopped = "sealing-stopped",
    }
}

/// What an account did with keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnKeyAct {
    /// It added one.
    Added,
    /// It showed that it has the secret half of one.
    Proved,
    /// It had nothing sealed to one any more.
    Removed,
    /// It began to have its history sealed.
    Begun,
    /// It ended that.
    Stopped,
}

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// When; of several wrong tries, the last.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// From where.
    pub device: Device,
    /// How often.
    pub times: i64,
}

impl Alliance {
    /// Notes what an account did with keys of its own; `custody` has done it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_own_key(
        &self,
        account: &PersonId,
        did: OwnKeyAct,
        device: Device,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        let kind = match did {
            OwnKeyAct::Added => EventKind::OwnKeyAdded,
            OwnKeyAct::Proved => EventKind::OwnKeyProved,
            OwnKeyAct::Removed => EventKind::OwnKeyRemoved,
            OwnKeyAct::Begun => EventKind::SealingBegun,
            OwnKeyAct::Stopped => EventKind::SealingStopped,
        };
        Ok(self
            .db
            .write(|tx| rows::security_event::put(tx, account, kind, device, now))?)
    }

    /// What happened to an account, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn security_events(
        &self,
        account: &PersonId,
        now: Timestamp,
    ) -> Result<Vec<SecurityEvent>, AllianceError> {
        self.write_tries()?;
        let since = now.plus_millis(-EVENT_LIFETIME_MILLIS);
        Ok(self
            .db
            .read(|tx| rows::security_event::of(tx, account, since))?)
    }
}
