//! How the operator gets into an account that somebody uses: never alone, never at once, never unseen.
//!
//! The first link of a new account is the operator's to give. From the first sign-in on the account is its owner's. A link for
//! it then needs a request, which
//! - is in the public record at once, without the person: under a random number;
//! - is shown to the person at once on their pages, who can refuse it until it was used;
//! - waits [`ACCESS_WAIT_MILLIS`];
//! - needs an officer of the alliance who agrees, signed in by a password or passkey of their own that is older than
//!   [`APPROVER_AGE_MILLIS`], so that nobody makes an officer up for it;
//! - gives one link, and ends [`ACCESS_LIFETIME_MILLIS`] after it was asked for.
//!
//! Accounts that a demo made up have no owner; they are marked when they are made, and never later.

use custody::{Act, RowError};
use data_encoding::BASE32_NOPAD;
use model::{Entry, EntryKind, PersonId, Timestamp};
use store::Tx;

use crate::accounts::{Account, SessionToken};
use crate::authority::{Action, Actor};
use crate::security_events::EventKind;
use crate::sessions::{Device, SignInWay};
use crate::{Alliance, AllianceError, rows};

/// How long a request for access waits at least, from the asking on, in milliseconds: three days.
pub const ACCESS_WAIT_MILLIS: i64 = 3 * 86_400_000;
/// How long a request stands, from the asking on, in milliseconds: ten days.
pub const ACCESS_LIFETIME_MILLIS: i64 = 10 * 86_400_000;
/// How old the password or passkey of an officer who agrees is at least when it is asked for, in milliseconds: seven days.
pub const APPROVER_AGE_MILLIS: i64 = 7 * 86_400_000;
/// How many requests the office sees.
pub const MAX_ACCESS_SHOWN: u16 = 50;

/// A request of the operator for a way into somebody's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorAccess {
    /// Its number in the public record.
    pub id: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When an officer agreed.
    pub approved_at: Option<Timestamp>,
    /// When it was refused.
    pub ended_at: Option<Timestamp>,
    /// When the link was made.
    pub used_at: Option<Timestamp>,
}

impl OperatorAccess {
    /// The first moment at which the link can be made.
    #[must_use]
    pub fn ready_at(&self) -> Timestamp {
        self.asked_at.plus_millis(ACCESS_WAIT_MILLIS)
    }

    /// The first moment at which it does not stand any more.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.asked_at.plus_millis(ACCESS_LIFETIME_MILLIS)
    }

    /// Whether it can still become a link.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.used_at.is_none() && now < self.ends_at()
    }
}

/// Why an officer cannot agree to a request.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// There is none that stands, or it was agreed to already.
    #[error("there is no such request that stands")]
    Gone,
    /// The officer did not sign in with something of their own, or has it for too short a time.
    #[error(
        "agreeing needs a password or passkey of the officer's own that is older than the rule says"
    )]
    NotOwn,
    /// The officer may not, or the database failed.
    #[error(transparent)]
    Failed(#[from] AllianceError),
}

/// What came of asking for a link.
pub(crate) enum Asked {
    /// It can be made.
    Granted,
    /// It waits.
    Waits(OperatorAccess),
}

fn entry(kind: EntryKind, id: &str, by: &str, now: Timestamp) -> Entry {
    Entry {
        at: now,
        kind,
        about: format!("access:{id}"),
        by: by.to_owned(),
        reason: String::new(),
        document_sha256: None,
    }
}

/// Whether a session was begun with a password or passkey of the account's own, and the account has one since that moment: what nobody
/// makes up to be the second person.
pub(crate) fn came_by_own_way(
    tx: &mut Tx<'_>,
    session: &[u8; 32],
    account: &PersonId,
    since: Timestamp,
) -> Result<bool, RowError> {
    let way = rows::session::way(tx, session, account)?;
    let own_since = rows::account::own_way_since(tx, account)?;
    let own = matches!(way, Some(SignInWay::Password | SignInWay::Passkey));
    Ok(own && own_since.is_some_and(|it| it <= since))
}

/// Asks for a link to an account, or uses the request that stands.
pub(crate) fn ask(
    act: &mut Act<'_, '_>,
    account: &Account,
    by: &Actor,
    now: Timestamp,
) -> Result<Asked, AllianceError> {
    if !rows::account::has_owner(act.tx(), &account.id)? {
        return Ok(Asked::Granted);
    }
    let all = rows::operator_access::of(act.tx(), &account.id)?;
    match all.into_iter().find(|it| it.stands(now)) {
        Some(access) if access.approved_at.is_some() && access.ready_at() <= now => {
            rows::operator_access::used(act.tx(), &access.id, now)?;
            let kind = EventKind::AccessUsed;
            rows::security_event::put(act.tx(), &account.id, kind, Device::UNKNOWN, now)?;
            act.record(entry(EntryKind::AccessUsed, &access.id, by.office(), now));
            Ok(Asked::Granted)
        }
        Some(access) => Ok(Asked::Waits(access)),
        None => {
            let mut bytes = [0; 10];
            getrandom::fill(&mut bytes)?;
            let access = OperatorAccess {
                id: BASE32_NOPAD.encode(&bytes).to_ascii_lowercase(),
                asked_at: now,
                approved_at: None,
                ended_at: None,
                used_at: None,
            };
            rows::operator_access::put(act.tx(), &account.id, &access)?;
            let kind = EventKind::AccessAsked;
            rows::security_event::put(act.tx(), &account.id, kind, Device::UNKNOWN, now)?;
            act.record(entry(EntryKind::AccessAsked, &access.id, by.office(), now));
            Ok(Asked::Waits(access))
        }
    }
}

impl Alliance {
    /// The requests for access to an account that stand.
    ///
    /// # Errors
    /// When the database fails.
    pub fn access_to(
        &self,
        account: &PersonId,
        now: Timestamp,
    ) -> Result<Vec<OperatorAccess>, AllianceError> {
        let mut all = self.db.read(|tx| rows::operator_access::of(tx, account))?;
        all.retain(|it| it.stands(now));
        Ok(all)
    }

    /// The owner of the account refuses a request; `false` when there is none that stands.
    ///
    /// # Errors
    /// When the account may not, or the database fails.
    pub fn refuse_access(
        &self,
        by: &Account,
        id: &str,
        device: Device,
        now: Timestamp,
    ) -> Result<bool, AllianceError> {
        Actor::Account(by.clone()).must(Action::ReadOwn)?;
        self.custody.act(now, |act| {
            let all = rows::operator_access::of(act.tx(), &by.id)?;
            if !all.iter().any(|it| it.id == id && it.stands(now)) {
                return Ok(false);
            }
            rows::operator_access::end(act.tx(), id, now)?;
            let kind = EventKind::AccessRefused;
            rows::security_event::put(act.tx(), &by.id, kind, device, now)?;
            act.record(entry(EntryKind::AccessRefused, id, "person", now));
            Ok(true)
        })
    }

    /// The requests that stand and that nobody agreed to, oldest first: without the account.
    ///
    /// # Errors
    /// When the actor may not, or the database fails.
    pub fn open_access(
        &self,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<OperatorAccess>, AllianceError> {
        by.must(Action::ApproveAccess)?;
        let mut all = self.db.read(|tx| {
            let since = now.plus_millis(-ACCESS_LIFETIME_MILLIS);
            rows::operator_access::open(tx, since)
        })?;
        all.retain(|it| it.stands(now));
        Ok(all)
    }

    /// A second person agrees to a request.
    ///
    /// # Errors
    /// See [`ApproveError`].
    pub fn approve_access(
        &self,
        by: &Account,
        session: &SessionToken,
        id: &str,
        now: Timestamp,
    ) -> Result<(), ApproveError> {
        let actor = Actor::Account(by.clone());
        actor.must(Action::ApproveAccess)?;
        let hash = session.hash();
        self.custody
            .act(now, |act| {
                let Some((owner, access)) = rows::operator_access::one(act.tx(), id)? else {
                    return Ok(Err(ApproveError::Gone));
                };
                if !access.stands(now) || access.approved_at.is_some() {
                    return Ok(Err(ApproveError::Gone));
                }
                let limit = access.asked_at.plus_millis(-APPROVER_AGE_MILLIS);
                let own = came_by_own_way(act.tx(), &hash, &by.id, limit)?;
                if owner == by.id || !own {
                    return Ok(Err(ApproveError::NotOwn));
                }
                rows::operator_access::approve(act.tx(), id, &by.id, now)?;
                let kind = EventKind::AccessApproved;
                rows::security_event::put(act.tx(), &owner, kind, Device::UNKNOWN, now)?;
                act.record(entry(EntryKind::AccessApproved, id, actor.office(), now));
                Ok::<_, AllianceError>(Ok(()))
            })
            .map_err(ApproveError::Failed)?
    }
}
