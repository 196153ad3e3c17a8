//! Sessions: who is signed in where, for how long, and how long ago they proved who they are.
//!
//! A session ends [`SESSION_LIFETIME_MILLIS`] after it began, and earlier when nobody used it for [`SESSION_IDLE_MILLIS`]. An
//! account has at most [`MAX_SESSIONS`]: a new one ends the one that was not used for longest. Of the browser only two words
//! are kept ([`Device`]), of the network nothing. What changes how somebody signs in asks for a proof that is not older than
//! [`PROOF_MILLIS`]; signing in is one.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use model::{PersonId, Timestamp, words};
use store::Tx;

use crate::accounts::{Account, SessionToken};
use crate::authority::Office;
use crate::safety::Attempt;
use crate::security_events::EventKind;
use crate::throttle::Watched;
use crate::{Alliance, AllianceError, rows};

/// How long a session lasts, in milliseconds: thirty days.
pub const SESSION_LIFETIME_MILLIS: i64 = 30 * 86_400_000;
/// After how long without use a session ends, in milliseconds: fourteen days.
pub const SESSION_IDLE_MILLIS: i64 = 14 * 86_400_000;
/// How many sessions an account has at most.
pub const MAX_SESSIONS: usize = 10;
/// How long a proof of who somebody is counts for what changes how they sign in, in milliseconds: ten minutes.
pub const PROOF_MILLIS: i64 = 600_000;
/// How exact the moment is at which a session was used last, in milliseconds: five minutes.
pub const SEEN_MILLIS: i64 = 300_000;

words! {
    /// What kind of browser, as it says itself.
    Browser {
        /// Firefox.
        Firefox = "firefox",
        /// Chrome or Chromium.
        Chrome = "chrome",
        /// Edge.
        Edge = "edge",
        /// Opera.
        Opera = "opera",
        /// The browser of Samsung's telephones.
        Samsung = "samsung",
        /// Safari.
        Safari = "safari",
        /// Any other.
        Other = "other",
    }
}

words! {
    /// What kind of device, as its browser says.
    System {
        /// Android.
        Android = "android",
        /// An iPhone.
        Iphone = "iphone",
        /// An iPad.
        Ipad = "ipad",
        /// Windows.
        Windows = "windows",
        /// A Mac.
        Mac = "mac",
        /// Linux.
        Linux = "linux",
        /// Any other.
        Other = "other",
    }
}

words! {
    /// By what somebody signed in.
    SignInWay {
        /// A one-time link.
        Link = "link",
        /// Name and password.
        Password = "password",
        /// A passkey.
        Passkey = "passkey",
        /// A recovery code.
        RecoveryCode = "recovery-code",
    }
}

/// From where somebody asks, as coarsely as a person needs to know it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// The browser.
    pub browser: Browser,
    /// The device.
    pub system: System,
}

impl Device {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        browser: Browser::Other,
        system: System::Other,
    };

    /// Reads back what rows keep; [`Device::UNKNOWN`] where that is not two of our words.
    pub(crate) fn read(text: &str) -> Self {
        let (browser, system) = text.split_once('/').unwrap_or_default();
        match (Browser::parse(browser), System::parse(system)) {
            (Some(browser), Some(system)) => Self { browser, system },
            _ => Self::UNKNOWN,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.browser.as_str(), self.system.as_str())
    }
}

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it; opens nothing.
    pub id: String,
    /// By what it began.
    pub way: SignInWay,
    /// Where.
    pub device: Device,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was used last, to [`SEEN_MILLIS`].
    pub seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// Somebody who has just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub account: Account,
    /// The secret of the new session.
    pub session: SessionToken,
}

/// The name of a session: it tells nothing about its token that would open it.
pub(crate) fn name_of(token_sha256: &[u8]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(b"amanat session name v1");
    context.update(token_sha256);
    let digest = context.finish();
    let short = digest.as_ref().get(..10).unwrap_or_default();
    BASE32_NOPAD.encode(short).to_ascii_lowercase()
}

/// Begins a session, ends the one too many, and writes down that somebody signed in. That proves who they are, but for a link
/// to an office whose officer has a way of their own: the operator makes such links alone.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    account: &Account,
    way: SignInWay,
    device: Device,
    now: Timestamp,
) -> Result<SignedIn, AllianceError> {
    let session = SessionToken::random()?;
    rows::account::remove_expired(tx, now)?;
    rows::session::keep_newest(tx, &account.id, MAX_SESSIONS - 1)?;
    let proves = !(way == SignInWay::Link
        && account.office != Office::Resident
        && rows::account::own_way_since(tx, &account.id)?.is_some());
    let hash = session.hash();
    rows::session::put(tx, &hash, &account.id, way, device, now)?;
    if proves {
        rows::session::proved(tx, &hash, now)?;
    }
    // Links that were made before end: who kept one has no way in beside its owner.
    rows::account::remove_links(tx, &account.id)?;
    rows::account::signed_in(tx, &account.id, now)?;
    let kind = match way {
        SignInWay::Link => EventKind::SignedInByLink,
        SignInWay::Password => EventKind::SignedInByPassword,
        SignInWay::Passkey => EventKind::SignedInByPasskey,
        SignInWay::RecoveryCode => EventKind::SignedInByRecoveryCode,
    };
    rows::security_event::put(tx, &account.id, kind, device, now)?;
    Ok(SignedIn {
        account: account.clone(),
        session,
    })
}

impl Alliance {
    /// Whose session it is, if it is one and was used not too long ago; from now on it was used now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn session(
        &self,
        session: &SessionToken,
        now: Timestamp,
    ) -> Result<Option<Account>, AllianceError> {
        let hash = session.hash();
        let found = self.db.read(|tx| rows::session::account(tx, &hash, now))?;
        let Some((account, seen_at)) = found else {
            return Ok(None);
        };
        if seen_at.plus_millis(SEEN_MILLIS) <= now {
            self.db.write(|tx| rows::session::seen(tx, &hash, now))?;
        }
        Ok(Some(account))
    }

    /// Begins a session of an account whose owner was just recognised, and writes what belongs to that in the same transaction.
    pub(crate) fn let_in(
        &self,
        id: &PersonId,
        (way, device): (SignInWay, Device),
        now: Timestamp,
        also: impl FnOnce(&mut Tx<'_>) -> Result<(), AllianceError> + Send,
    ) -> Result<Attempt<SignedIn>, AllianceError> {
        self.write_tries()?;
        let signed_in = self.db.write(|tx| {
            let Some(account) = rows::account::one(tx, id)? else {
                return Ok::<_, AllianceError>(None);
            };
            also(tx)?;
            begin(tx, &account, way, device, now).map(Some)
        })?;
        Ok(signed_in.map_or(Attempt::Wrong, Attempt::Done))
    }

    /// Whose session it is that wants to prove who they are; or why it may not try.
    pub(crate) fn proving(
        &self,
        session: &SessionToken,
        now: Timestamp,
    ) -> Result<Result<Account, Attempt<()>>, AllianceError> {
        let Some(account) = self.session(session, now)? else {
            return Ok(Err(Attempt::Wrong));
        };
        let watched = [Watched::Account(&account.id)];
        Ok(match self.safety.throttle.begin(&watched, now) {
            true => Ok(account),
            false => Err(Attempt::Wait),
        })
    }

    /// Writes down that who has a session has proved who they are.
    pub(crate) fn proof(
        &self,
        session: &SessionToken,
        account: &Account,
        now: Timestamp,
    ) -> Result<Attempt<()>, AllianceError> {
        let watched = [Watched::Account(&account.id)];
        self.safety.throttle.forgive(&watched);
        let hash = session.hash();
        self.db.write(|tx| rows::session::proved(tx, &hash, now))?;
        Ok(Attempt::Done(()))
    }

    /// Whether who has this session proved who they are within [`PROOF_MILLIS`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_proved(&self, session: &SessionToken, now: Timestamp) -> Result<bool, AllianceError> {
        let hash = session.hash();
        let proved_at = self.db.read(|tx| rows::session::proved_at(tx, &hash))?;
        Ok(proved_at.is_some_and(|it| now < it.plus_millis(PROOF_MILLIS)))
    }

    /// The sessions of an account, used last first; `this` is the one that asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sessions(
        &self,
        account: &PersonId,
        this: &SessionToken,
        now: Timestamp,
    ) -> Result<Vec<Session>, AllianceError> {
        let this = name_of(&this.hash());
        let mut all = self.db.read(|tx| rows::session::of(tx, account, now))?;
        for it in &mut all {
            it.is_this = it.id == this;
        }
        Ok(all)
    }

    /// Ends one session of an account by its name; `false` when it has no such session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_session(
        &self,
        account: &PersonId,
        id: &str,
        device: Device,
        now: Timestamp,
    ) -> Result<bool, AllianceError> {
        Ok(self.db.write(|tx| {
            let ended = rows::session::end_named(tx, account, id)?;
            if ended {
                let kind = EventKind::SessionEnded;
                rows::security_event::put(tx, account, kind, device, now)?;
            }
            Ok::<_, custody::RowError>(ended)
        })?)
    }

    /// Ends every session of an account but this one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_other_sessions(
        &self,
        account: &PersonId,
        this: &SessionToken,
        device: Device,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        Ok(self.db.write(|tx| {
            rows::session::end_others(tx, account, &this.hash())?;
            rows::security_event::put(tx, account, EventKind::OthersEnded, device, now)
        })?)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sign_out(&self, session: &SessionToken) -> Result<(), AllianceError> {
        Ok(self
            .db
            .write(|tx| rows::session::end(tx, &session.hash()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rows_keep_of_a_device_reads_back_and_anything_else_is_unknown() {
        for browser in Browser::ALL {
            for system in System::ALL {
                let (browser, system) = (*browser, *system);
                let device = Device { browser, system };
                assert_eq!(Device::read(&device.to_string()), device);
            }
        }
        for odd in ["", "firefox", "firefox/", "lynx/android", "/"] {
            assert_eq!(Device::read(odd), Device::UNKNOWN, "{odd}");
        }
    }
}
