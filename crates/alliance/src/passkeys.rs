//! Passkeys: keys that stay in a person's device, as W3C Web Authentication Level 3 has them ("WebAuthn" below).
//!
//! The device makes a pair of keys for this site; rows keep the public one. To sign in the device signs a challenge of ours
//! together with the site that the browser saw, so that a copy of this site gets nothing. No attestation is asked for: which
//! make of device somebody has is their affair. [`ceremony`] checks what a device said, [`challenge`] that it was asked.
//!
//! An account has at most [`MAX_PASSKEYS`].

use model::{PersonId, Timestamp};

use crate::accounts::SessionToken;
use crate::safety::{Asking, Attempt, Proved};
use crate::security_events::EventKind;
use crate::sessions::{self, SignInWay, SignedIn};
use crate::throttle::Watched;
use crate::{Alliance, AllianceError, rows};

mod ceremony;
mod challenge;
mod public_key;

pub use ceremony::{Assertion, PasskeyError, Registration, RelyingParty};
pub(crate) use challenge::Challenges;
pub use challenge::{CHALLENGE_MILLIS, ChallengeFor};

use ceremony::Asserted;

/// How many passkeys an account has at most.
pub const MAX_PASSKEYS: usize = 5;
/// How many characters the name of a passkey has at most.
pub const MAX_PASSKEY_NAME_CHARS: usize = 40;

/// A passkey, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyLine {
    /// Names it on pages.
    pub id: String,
    /// The credential's identifier, by which devices know it.
    pub credential: Vec<u8>,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it signed in last.
    pub used_at: Option<Timestamp>,
}

/// What rows keep to check a passkey.
pub(crate) struct KeptPasskey {
    pub(crate) account: PersonId,
    /// The key as `SubjectPublicKeyInfo`.
    pub(crate) public_key: Vec<u8>,
    pub(crate) sign_count: u32,
}

/// The name of a passkey on pages.
pub(crate) fn line_id(credential: &[u8]) -> String {
    sessions::name_of(credential)
}

/// Why a passkey was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddPasskeyError {
    /// Its name is empty or too long.
    #[error("a passkey has a name of 1 to {MAX_PASSKEY_NAME_CHARS} characters")]
    Name,
    /// There are as many as there may be.
    #[error("an account has {MAX_PASSKEYS} passkeys at most")]
    TooMany,
    /// It is there already.
    #[error("this passkey is there already")]
    Known,
    /// What the device said does not hold.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] AllianceError),
}

impl From<custody::RowError> for AddPasskeyError {
    fn from(err: custody::RowError) -> Self {
        Self::Failed(err.into())
    }
}

impl From<store::DbError> for AddPasskeyError {
    fn from(err: store::DbError) -> Self {
        Self::Failed(err.into())
    }
}

impl Alliance {
    /// A challenge for a browser that holds `binding`, good for one answer within [`CHALLENGE_MILLIS`].
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn passkey_challenge(
        &self,
        wanted: ChallengeFor,
        binding: &str,
        now: Timestamp,
    ) -> Result<String, AllianceError> {
        Ok(self.safety.challenges.make(wanted, binding, now)?)
    }

    /// Adds a passkey (WebAuthn, section 7.1).
    ///
    /// # Errors
    /// See [`AddPasskeyError`].
    pub fn add_passkey(
        &self,
        by: &Proved,
        name: &str,
        registration: &Registration,
        site: &RelyingParty,
        binding: &str,
    ) -> Result<(), AddPasskeyError> {
        let name = name.trim();
        if name.is_empty()
            || name.chars().count() > MAX_PASSKEY_NAME_CHARS
            || name.contains(char::is_control)
        {
            return Err(AddPasskeyError::Name);
        }
        let made = registration.check(site)?;
        let challenges = &self.safety.challenges;
        if !challenges.take(ChallengeFor::Adding, binding, &made.challenge, by.now) {
            return Err(PasskeyError::Challenge.into());
        }
        let kept = KeptPasskey {
            account: by.account.id.clone(),
            public_key: made.public_key,
            sign_count: made.sign_count,
        };
        self.db.write(|tx| {
            if rows::passkey::of(tx, &by.account.id)?.len() >= MAX_PASSKEYS {
                return Err(AddPasskeyError::TooMany);
            }
            if !rows::passkey::put(tx, &made.credential, name, &kept, by.now)? {
                return Err(AddPasskeyError::Known);
            }
            let kind = EventKind::PasskeyAdded;
            rows::security_event::put(tx, &by.account.id, kind, by.device, by.now)?;
            Ok(())
        })
    }

    /// Checks an assertion and moves its counter on. What does not hold is written down where it may be a copy of a passkey.
    fn assert(
        &self,
        assertion: &Assertion,
        site: &RelyingParty,
        (wanted, binding): (ChallengeFor, &str),
        asking: Asking,
        now: Timestamp,
    ) -> Result<Result<PersonId, PasskeyError>, AllianceError> {
        let kept = self
            .db
            .read(|tx| rows::passkey::one(tx, &assertion.credential))?;
        let Some(kept) = kept else {
            return Ok(Err(PasskeyError::Unknown));
        };
        let Asserted {
            challenge,
            sign_count,
        } = match assertion.check(site, &kept) {
            Ok(asserted) => asserted,
            Err(err) => {
                if err == PasskeyError::Counter {
                    let kind = EventKind::PasskeyCopied;
                    self.db.write(|tx| {
                        rows::security_event::count_try(tx, &kept.account, kind, asking.device, now)
                    })?;
                }
                return Ok(Err(err));
            }
        };
        if !self
            .safety
            .challenges
            .take(wanted, binding, &challenge, now)
        {
            return Ok(Err(PasskeyError::Challenge));
        }
        let credential = &assertion.credential;
        let used = self
            .db
            .write(|tx| rows::passkey::used(tx, credential, kept.sign_count, sign_count, now))?;
        Ok(if used {
            Ok(kept.account)
        } else {
            Err(PasskeyError::Counter)
        })
    }

    /// Signs in with a passkey (WebAuthn, section 7.2).
    ///
    /// # Errors
    /// When the database fails.
    pub fn sign_in_with_passkey(
        &self,
        assertion: &Assertion,
        site: &RelyingParty,
        binding: &str,
        asking: Asking,
        now: Timestamp,
    ) -> Result<Attempt<SignedIn>, AllianceError> {
        let watched = [Watched::Network(asking.network)];
        if !self.safety.throttle.begin(&watched, now) {
            return Ok(Attempt::Wait);
        }
        let wanted = (ChallengeFor::SigningIn, binding);
        let Ok(id) = self.assert(assertion, site, wanted, asking, now)? else {
            return Ok(Attempt::Wrong);
        };
        self.safety.throttle.forgive(&watched);
        let from = (SignInWay::Passkey, asking.device);
        self.let_in(&id, from, now, |_| Ok(()))
    }

    /// Proves with a passkey who has a session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn prove_with_passkey(
        &self,
        session: &SessionToken,
        assertion: &Assertion,
        site: &RelyingParty,
        asking: Asking,
        now: Timestamp,
    ) -> Result<Attempt<()>, AllianceError> {
        let account = match self.proving(session, now)? {
            Ok(account) => account,
            Err(not) => return Ok(not),
        };
        let wanted = (ChallengeFor::Proving, session.expose_secret());
        match self.assert(assertion, site, wanted, asking, now)? {
            Ok(id) if id == account.id => self.proof(session, &account, now),
            _ => Ok(Attempt::Wrong),
        }
    }

    /// Removes a passkey by its name on pages; of the last way in only who says that they `understood` what that means. Every
    /// other session ends. `false` when they did not, or there is no such passkey.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_passkey(
        &self,
        by: &Proved,
        id: &str,
        understood: bool,
    ) -> Result<bool, AllianceError> {
        let ways = self.ways_in(&by.account.id)?;
        let found = ways.passkeys.iter().find(|it| it.id == id);
        let Some(found) = found.filter(|_| ways.count() > 1 || understood) else {
            return Ok(false);
        };
        Ok(self.db.write(|tx| {
            let removed = rows::passkey::remove(tx, &by.account.id, &found.credential)?;
            if removed {
                rows::session::end_others(tx, &by.account.id, &by.session)?;
                let kind = EventKind::PasskeyRemoved;
                rows::security_event::put(tx, &by.account.id, kind, by.device, by.now)?;
            }
            Ok::<_, custody::RowError>(removed)
        })?)
    }
}
