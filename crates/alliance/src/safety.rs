//! What the ways to sign in keep in memory, and who may change them.
//!
//! [`Proved`] is somebody who proved within ten minutes who they are. Whatever changes how an account signs in takes one, so that
//! a session that was left open, or stolen, cannot lock its owner out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::{PersonId, Timestamp};

use crate::accounts::{Account, SessionToken};
use crate::passkeys::{Challenges, PasskeyLine};
use crate::passwords::{Gate, PasswordLine};
use crate::security_events::EventKind;
use crate::sessions::Device;
use crate::throttle::Throttle;
use crate::{Alliance, AllianceError, rows};

/// How many accounts may have wrong tries that are not written down yet.
const MAX_PENDING: usize = 4096;

/// From where somebody asks.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The browser, coarsely.
    pub device: Device,
    /// The network; counted in memory, never kept.
    pub network: IpAddr,
}

/// What became of a try to sign in, or to prove who one is.
#[derive(Debug)]
pub enum Attempt<T> {
    /// It is them.
    Done(T),
    /// It is not, or there is no such account: nobody is told which.
    Wrong,
    /// There were too many wrong tries, or too many people try at once.
    Wait,
}

/// Somebody who proved a short time ago who they are.
#[derive(Debug)]
pub struct Proved {
    pub(crate) account: Account,
    pub(crate) session: [u8; 32],
    pub(crate) device: Device,
    pub(crate) now: Timestamp,
}

/// The ways in which an account can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaysIn {
    /// Name and password.
    pub password: Option<PasswordLine>,
    /// Passkeys, oldest first.
    pub passkeys: Vec<PasskeyLine>,
    /// How many recovery codes are left.
    pub codes: usize,
}

impl WaysIn {
    /// How many ways there are beside recovery codes.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.password.is_some()) + self.passkeys.len()
    }

    /// Whether only a link signs in.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.count() == 0 && self.codes == 0
    }
}

/// What is in memory of all ways in.
pub(crate) struct Safety {
    pub(crate) throttle: Throttle,
    pub(crate) gate: Gate,
    pub(crate) challenges: Challenges,
    /// Wrong tries that are written down later: an answer takes as long for a name that nobody has.
    pending: Mutex<HashMap<PersonId, Pending>>,
}

#[derive(Clone, Copy)]
struct Pending {
    at: Timestamp,
    device: Device,
    times: u32,
}

impl Safety {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let (mut watched, mut challenges) = ([0; 32], [0; 32]);
        getrandom::fill(&mut watched)?;
        getrandom::fill(&mut challenges)?;
        Ok(Self {
            throttle: Throttle::new(&watched),
            gate: Gate::default(),
            challenges: Challenges::new(&challenges),
            pending: Mutex::default(),
        })
    }

    /// Remembers a wrong password of an account, to be written down by [`Alliance::write_tries`].
    pub(crate) fn note_try(&self, account: &PersonId, device: Device, now: Timestamp) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() >= MAX_PENDING && !pending.contains_key(account) {
            return;
        }
        let none = Pending {
            at: now,
            device,
            times: 0,
        };
        let it = pending.entry(account.clone()).or_insert(none);
        (it.at, it.device, it.times) = (now, device, it.times + 1);
    }
}

impl Alliance {
    /// Writes down wrong tries that were only remembered: when somebody signs in, and when somebody looks.
    pub(crate) fn write_tries(&self) -> Result<(), AllianceError> {
        let pending = {
            let pending = self.safety.pending.lock();
            std::mem::take(&mut *pending.unwrap_or_else(PoisonError::into_inner))
        };
        if pending.is_empty() {
            return Ok(());
        }
        Ok(self.db.write(|tx| {
            for (account, it) in &pending {
                for _ in 0..it.times {
                    let kind = EventKind::WrongPassword;
                    rows::security_event::count_try(tx, account, kind, it.device, it.at)?;
                }
            }
            Ok::<_, custody::RowError>(())
        })?)
    }

    /// Who has this session, if they proved who they are within [`crate::PROOF_MILLIS`]. Who has no way of their own to sign in
    /// yet, and so nothing to prove it with, needs the session only.
    ///
    /// # Errors
    /// When the database fails.
    pub fn proved(
        &self,
        session: &SessionToken,
        device: Device,
        now: Timestamp,
    ) -> Result<Option<Proved>, AllianceError> {
        let Some(account) = self.session(session, now)? else {
            return Ok(None);
        };
        let enough = self.is_proved(session, now)? || self.ways_in(&account.id)?.is_none();
        Ok(enough.then(|| Proved {
            account,
            session: session.hash(),
            device,
            now,
        }))
    }

    /// The ways in which an account can sign in.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ways_in(&self, account: &PersonId) -> Result<WaysIn, AllianceError> {
        Ok(self.db.read(|tx| {
            Ok::<_, custody::RowError>(WaysIn {
                password: rows::password::line(tx, account)?,
                passkeys: rows::passkey::of(tx, account)?,
                codes: rows::recovery_code::count(tx, account)?,
            })
        })?)
    }
}
