//! Four eyes: what the office does with public effect takes two of its officers.
//!
//! One proposes by doing it as always: what they ask for is checked, and kept instead of carried out. Another agrees, and then it is
//! carried out in one transaction with the note that it was. The record says `by` whom: `office:licensing+licensing`, or
//! `office:operator+licensing` where the operator proposed it at the command line.
//!
//! - An officer's word counts who has a password or passkey of their own for [`APPROVER_AGE_MILLIS`], and signed in with it to agree: so
//!   the operator makes nobody up for it. Accounts that a demo made up count at once.
//! - While fewer than two officers count, the alliance is being founded, and each acts alone; the record says `office:licensing` or
//!   `office:operator` then.
//! - To suspend a licence cannot wait. It is in force at once, and ends by itself when nobody agrees within [`PROVISIONAL_MILLIS`].
//! - What only carries out what was decided under four eyes before (a figure out of a declared budget, a batch of gifts that the
//!   attacks passed) takes one.

mod act;
mod carry;

use custody::{Act, ActError};
use model::{DeploymentId, Entry, EntryKind, Licence, LicenceState, PersonId, Timestamp};
use store::Tx;

use crate::accounts::{Account, SessionToken};
use crate::authority::{Action, Actor, Office};
use crate::operator_access::{self, APPROVER_AGE_MILLIS};
use crate::rows::{self, office_act};
use crate::words::words;
use crate::{Alliance, AllianceError};

pub use act::{LicenceDecision, OfficeAct};

/// How long what an officer proposed can be agreed to, in milliseconds: fourteen days.
pub const PROPOSAL_MILLIS: i64 = 14 * 86_400_000;
/// How long the suspension of a licence by one officer lasts when nobody agrees, in milliseconds: three days.
pub const PROVISIONAL_MILLIS: i64 = 3 * 86_400_000;
/// The most acts that wait at once.
pub const MAX_WAITING_ACTS: u64 = 100;
/// So many that ended are shown.
const SHOWN_ENDED: u16 = 20;
/// With so many officers two have to agree.
const ENOUGH_OFFICERS: u64 = 2;

words! {
    /// What became of an act.
    ActOutcome {
        /// Nothing yet.
        Waiting = "waiting",
        /// Somebody agreed, and it was carried out.
        Done = "done",
        /// Somebody refused it.
        Refused = "refused",
        /// Who proposed it took it back.
        Withdrawn = "withdrawn",
        /// Nobody agreed in time.
        Lapsed = "lapsed",
        /// Something else was decided meanwhile.
        Overtaken = "overtaken",
    }
}

/// An act that somebody proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedAct {
    /// Its number.
    pub id: u64,
    /// What.
    pub act: OfficeAct,
    /// Who proposed it; the operator where nobody is named.
    pub proposed_by: Option<PersonId>,
    /// When.
    pub proposed_at: Timestamp,
    /// Until when somebody can agree.
    pub ends_at: Timestamp,
    /// Whether it is in force meanwhile.
    pub is_provisional: bool,
    /// What became of it.
    pub outcome: ActOutcome,
    /// When.
    pub ended_at: Option<Timestamp>,
}

/// Two who agree: made here and nowhere else.
#[derive(Debug, Clone)]
pub struct Agreed {
    act: u64,
    is_operators: bool,
    second: PersonId,
}

impl Agreed {
    pub(crate) const fn office(&self) -> &'static str {
        match self.is_operators {
            true => "office:operator+licensing",
            false => "office:licensing+licensing",
        }
    }

    pub(crate) fn may(&self, action: Action) -> bool {
        match self.is_operators {
            true => Actor::Operator.may(action),
            false => Office::Licensing.may(action),
        }
    }
}

/// Why somebody cannot agree to an act.
#[derive(Debug, thiserror::Error)]
pub enum AgreeError {
    /// There is none that waits.
    #[error("no such act waits")]
    Gone,
    /// It is their own.
    #[error("nobody agrees to what they proposed themselves")]
    Own,
    /// The officer did not sign in with something of their own, or has it for too short a time.
    #[error(
        "agreeing needs a password or passkey of the officer's own that is older than the rule says"
    )]
    NotOwnWay,
    /// It cannot be carried out as things are. It still waits.
    #[error("it cannot be carried out now: {0}")]
    Impossible(String),
    /// The officer may not, or the database failed.
    #[error(transparent)]
    Failed(#[from] AllianceError),
}

/// Whether somebody else has to agree to this first. Where two agreed it is noted that it was carried out.
fn takes_another(tx: &mut Tx<'_>, by: &Actor, now: Timestamp) -> Result<bool, AllianceError> {
    let Actor::Agreed(agreed) = by else {
        return are_two(tx, now);
    };
    let second = Some(&agreed.second);
    match office_act::end(tx, agreed.act, ActOutcome::Done, second, now)? {
        true => Ok(false),
        false => Err(gone(agreed.act)),
    }
}

/// Notes what one did that cannot wait, so that a second one can agree, where two have to.
pub(crate) fn note_provisional(
    tx: &mut Tx<'_>,
    by: &Actor,
    act: OfficeAct,
    now: Timestamp,
) -> Result<(), AllianceError> {
    if matches!(by, Actor::Agreed(_)) || !are_two(tx, now)? {
        return Ok(());
    }
    propose(tx, by, act, true, now)?;
    Ok(())
}

fn gone(id: u64) -> AllianceError {
    AllianceError::NotFound {
        what: "act that waits",
        id: id.to_string(),
    }
}

fn are_two(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, AllianceError> {
    let since = now.plus_millis(-APPROVER_AGE_MILLIS);
    Ok(office_act::officers(tx, since)? >= ENOUGH_OFFICERS)
}

fn propose(
    tx: &mut Tx<'_>,
    by: &Actor,
    act: OfficeAct,
    is_provisional: bool,
    now: Timestamp,
) -> Result<u64, AllianceError> {
    if office_act::waiting_count(tx)? >= MAX_WAITING_ACTS {
        return Err(AllianceError::TooManyActs);
    }
    let lasts = match is_provisional {
        true => PROVISIONAL_MILLIS,
        false => PROPOSAL_MILLIS,
    };
    let id = office_act::next(tx)?;
    let proposed = ProposedAct {
        id,
        act,
        proposed_by: match by {
            Actor::Account(account) => Some(account.id.clone()),
            Actor::Operator | Actor::Agreed(_) => None,
        },
        proposed_at: now,
        ends_at: now.plus_millis(lasts),
        is_provisional,
        outcome: ActOutcome::Waiting,
        ended_at: None,
    };
    office_act::put(tx, &proposed)?;
    Ok(id)
}

impl Alliance {
    /// Does something that takes two: carries it out when two agreed, or while there are no two. Otherwise it is only tried, so that
    /// what is wrong with it is told at once, and then kept for the second one.
    pub(crate) fn in_two<T, E>(
        &self,
        by: &Actor,
        asked: OfficeAct,
        now: Timestamp,
        run: impl FnOnce(&mut Act<'_, '_>) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<ActError> + From<AllianceError> + Send,
    {
        let mut waits = false;
        let done = self.custody.act(now, |act| {
            let another = takes_another(act.tx(), by, now)?;
            let value = run(act)?;
            if another {
                waits = true;
                // Nothing of it stays.
                return Err(AllianceError::TakesTwo.into());
            }
            Ok(value)
        });
        if !waits {
            return done;
        }
        let kept: Result<u64, AllianceError> = self
            .custody
            .act(now, |act| propose(act.tx(), by, asked, false, now));
        Err(AllianceError::Waits(kept?).into())
    }

    /// Whether acts of the office take two now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn takes_two(&self, now: Timestamp) -> Result<bool, AllianceError> {
        self.db.read(|tx| are_two(tx, now))
    }

    /// The acts that wait for a second officer, oldest first, and what became of the last others.
    ///
    /// # Errors
    /// When the actor may not, or the database fails.
    pub fn office_acts(
        &self,
        by: &Actor,
    ) -> Result<(Vec<ProposedAct>, Vec<ProposedAct>), AllianceError> {
        by.must(Action::AgreeToActs)?;
        self.db.read(|tx| {
            Ok((
                office_act::waiting(tx)?,
                office_act::ended(tx, SHOWN_ENDED)?,
            ))
        })
    }

    /// A second officer agrees, and the act is carried out.
    ///
    /// # Errors
    /// See [`AgreeError`].
    pub fn agree_to_act(
        &self,
        by: &Account,
        session: &SessionToken,
        id: u64,
        now: Timestamp,
    ) -> Result<(), AgreeError> {
        Actor::Account(by.clone()).must(Action::AgreeToActs)?;
        let hash = session.hash();
        let (proposed, is_own_way) = self.db.read(|tx| {
            let limit = now.plus_millis(-APPROVER_AGE_MILLIS);
            let own = operator_access::came_by_own_way(tx, &hash, &by.id, limit)?;
            let is_own_way = own || office_act::is_made_up(tx, &by.id)?;
            Ok::<_, AllianceError>((office_act::one(tx, id)?, is_own_way))
        })?;
        let waits = |it: &ProposedAct| it.outcome == ActOutcome::Waiting && now < it.ends_at;
        let proposed = proposed.filter(waits).ok_or(AgreeError::Gone)?;
        if proposed.proposed_by.as_ref() == Some(&by.id) {
            return Err(AgreeError::Own);
        }
        if !is_own_way {
            return Err(AgreeError::NotOwnWay);
        }
        let actor = Actor::Agreed(Agreed {
            act: id,
            is_operators: proposed.proposed_by.is_none(),
            second: by.id.clone(),
        });
        match proposed.is_provisional {
            true => Ok(self.confirm(&actor, &proposed, now)?),
            false => self.carry_out(&actor, &proposed.act, now),
        }
    }

    /// Ends an act that waits: who proposed it takes it back, another officer refuses it. What was in force for a while ends.
    ///
    /// # Errors
    /// When the actor may not, no such act waits, or the database fails.
    pub fn refuse_act(&self, by: &Account, id: u64, now: Timestamp) -> Result<(), AllianceError> {
        Actor::Account(by.clone()).must(Action::AgreeToActs)?;
        self.custody.act(now, |act| {
            let proposed = office_act::one(act.tx(), id)?.ok_or_else(|| gone(id))?;
            let outcome = match proposed.proposed_by.as_ref() == Some(&by.id) {
                true => ActOutcome::Withdrawn,
                false => ActOutcome::Refused,
            };
            undo(act, &proposed, outcome, Some(&by.id), now)
        })
    }

    /// Ends what nobody agreed to in time.
    ///
    /// # Errors
    /// When the database fails; what was ended before stays ended.
    pub fn tend_office_acts(&self, now: Timestamp) -> Result<(), AllianceError> {
        let over = self.db.read(office_act::waiting)?;
        for proposed in over.into_iter().filter(|it| it.ends_at <= now) {
            self.custody.act(now, |act| {
                match undo(act, &proposed, ActOutcome::Lapsed, None, now) {
                    // Somebody was faster.
                    Err(AllianceError::NotFound { .. }) => Ok(()),
                    other => other,
                }
            })?;
        }
        Ok(())
    }

    /// Says in the record that a second one agrees to what is in force already.
    fn confirm(
        &self,
        by: &Actor,
        proposed: &ProposedAct,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        self.custody.act(now, |act| {
            takes_another(act.tx(), by, now)?;
            act.record(Entry {
                at: now,
                kind: EntryKind::LicenceSuspended,
                about: format!(
                    "deployment:{}",
                    proposed.act.deployment().unwrap_or_default()
                ),
                by: by.office().to_owned(),
                reason: proposed.act.reason().unwrap_or_default().to_owned(),
                document_sha256: None,
            });
            Ok(())
        })
    }
}

/// Ends an act that waits, and what it had in force for a while.
fn undo(
    act: &mut Act<'_, '_>,
    proposed: &ProposedAct,
    outcome: ActOutcome,
    by: Option<&PersonId>,
    now: Timestamp,
) -> Result<(), AllianceError> {
    if !office_act::end(act.tx(), proposed.id, outcome, by, now)? {
        return Err(gone(proposed.id));
    }
    let deployment = proposed.act.deployment().map(DeploymentId::parse);
    let (true, Some(Ok(deployment))) = (proposed.is_provisional, deployment) else {
        return Ok(());
    };
    let licence = act.licence(&deployment)?;
    if licence.state != LicenceState::Suspended || rows::sanction::rests_at(act.tx(), &deployment)?
    {
        return Ok(());
    }
    let state = LicenceState::Active;
    act.set_licence(&deployment, Licence { state, ..licence })?;
    act.record(Entry {
        at: now,
        kind: EntryKind::LicenceReinstated,
        about: format!("deployment:{deployment}"),
        by: "office:licensing".to_owned(),
        reason: "The suspension by one officer was not agreed to by a second one.".to_owned(),
        document_sha256: None,
    });
    Ok(())
}
