//! What is kept about an account itself, for its owner to take along: how it signs in, where it is signed in, what happened to it.
//!
//! No address is among it, of mail or of a network: none is kept. Secrets are not facts: neither tokens nor hashes of passwords.

use model::{PersonId, Timestamp};

use crate::accounts::Account;
use crate::safety::WaysIn;
use crate::security_events::SecurityEvent;
use crate::sessions::Session;
use crate::{Alliance, AllianceError, rows};

/// What is kept about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// Who, and what the account is for.
    pub account: Account,
    /// How it signs in.
    pub ways: WaysIn,
    /// Where it is signed in, used last first; none is the one that asks.
    pub sessions: Vec<Session>,
    /// What happened to it, newest first.
    pub events: Vec<SecurityEvent>,
}

impl Alliance {
    /// What is kept about an account; `None` where there is none. Only for its owner: the caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn account_facts(
        &self,
        account: &PersonId,
        now: Timestamp,
    ) -> Result<Option<AccountFacts>, AllianceError> {
        let read = |tx: &mut store::Tx<'_>| {
            let Some(found) = rows::account::one(tx, account)? else {
                return Ok(None);
            };
            Ok::<_, custody::RowError>(Some((found, rows::session::of(tx, account, now)?)))
        };
        let Some((found, sessions)) = self.db.read(read)? else {
            return Ok(None);
        };
        Ok(Some(AccountFacts {
            account: found,
            ways: self.ways_in(account)?,
            sessions,
            events: self.security_events(account, now)?,
        }))
    }
}
