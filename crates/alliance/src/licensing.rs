//! Licensing: no licence, no ingest. Each decision is one act: the state, the record and what is in force.

use custody::Act;
use model::{DeploymentId, Entry, EntryKind, Licence, LicenceState, Timestamp};

use crate::authority::{Action, Actor};
use crate::four_eyes::{self, LicenceDecision, OfficeAct};
use crate::rows;
use crate::rulebook::public_reason;
use crate::{Alliance, AllianceError};

/// The longest reason of a decision, in characters.
pub const MAX_REASON_CHARS: usize = 500;

/// A decision on a licence.
struct Decision {
    decision: LicenceDecision,
    action: Action,
    kind: EntryKind,
    /// The states from which it can be taken.
    from: &'static [LicenceState],
    to: LicenceState,
}

const ISSUE: Decision = Decision {
    decision: LicenceDecision::Issue,
    action: Action::IssueLicence,
    kind: EntryKind::LicenceIssued,
    from: &[LicenceState::None, LicenceState::Expired],
    to: LicenceState::Active,
};
const SUSPEND: Decision = Decision {
    decision: LicenceDecision::Suspend,
    action: Action::SuspendLicence,
    kind: EntryKind::LicenceSuspended,
    from: &[LicenceState::Active],
    to: LicenceState::Suspended,
};
const REINSTATE: Decision = Decision {
    decision: LicenceDecision::Reinstate,
    action: Action::SuspendLicence,
    kind: EntryKind::LicenceReinstated,
    from: &[LicenceState::Suspended],
    to: LicenceState::Active,
};
const REVOKE: Decision = Decision {
    decision: LicenceDecision::Revoke,
    action: Action::RevokeLicence,
    kind: EntryKind::LicenceRevoked,
    from: &[
        LicenceState::Active,
        LicenceState::Suspended,
        LicenceState::Expired,
    ],
    to: LicenceState::Revoked,
};

/// What a decision does to the end date.
enum End {
    /// A suspension does not make a licence longer.
    Keep,
    Set(Option<Timestamp>),
}

impl Alliance {
    /// Puts a licence in force, until a date or until decided otherwise.
    ///
    /// # Errors
    /// When the actor may not, there is no such deployment, its licence is in force or revoked, or the database fails.
    pub fn issue_licence(
        &self,
        by: &Actor,
        deployment: &DeploymentId,
        until: Option<Timestamp>,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        self.decide_licence(by, deployment, &ISSUE, End::Set(until), reason, now)
    }

    /// Stops a deployment: its things are refused from the next packet on. One officer can; where two have to agree it ends by itself
    /// unless another one does (`four_eyes`).
    ///
    /// # Errors
    /// When the actor may not, no reason is given, the licence is not in force, or the database fails.
    pub fn suspend_licence(
        &self,
        by: &Actor,
        deployment: &DeploymentId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        self.decide_licence(by, deployment, &SUSPEND, End::Keep, reason, now)
    }

    /// Puts a suspended licence in force again.
    ///
    /// # Errors
    /// When the actor may not, no reason is given, the licence is not suspended, or the database fails.
    pub fn reinstate_licence(
        &self,
        by: &Actor,
        deployment: &DeploymentId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        self.decide_licence(by, deployment, &REINSTATE, End::Keep, reason, now)
    }

    /// Takes a licence away for good.
    ///
    /// # Errors
    /// When the actor may not, no reason is given, there is no licence to take, or the database fails.
    pub fn revoke_licence(
        &self,
        by: &Actor,
        deployment: &DeploymentId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        self.decide_licence(by, deployment, &REVOKE, End::Keep, reason, now)
    }

    fn decide_licence(
        &self,
        by: &Actor,
        deployment: &DeploymentId,
        decision: &Decision,
        end: End,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(decision.action)?;
        let reason = public_reason(reason)?;
        let asked = OfficeAct::Licence {
            deployment: deployment.to_string(),
            decision: decision.decision,
            until: match end {
                End::Keep => None,
                End::Set(until) => until.map(Timestamp::as_millis),
            },
            reason: reason.clone(),
        };
        let provisional = asked.clone();
        let decide = |act: &mut Act<'_, '_>| {
            let found = act.licence(deployment)?;
            if !decision.from.contains(&found.state) {
                return Err(AllianceError::LicenceState {
                    found: found.state,
                    wanted: decision.to,
                });
            }
            let until = match end {
                End::Keep => found.until,
                End::Set(until) => until,
            };
            let licence = Licence {
                state: decision.to,
                until,
            };
            if decision.decision == LicenceDecision::Reinstate
                && rows::sanction::rests_at(act.tx(), deployment)?
            {
                return Err(AllianceError::Sanctioned);
            }
            rows::office_act::overtake(act.tx(), deployment, now)?;
            act.set_licence(deployment, licence)?;
            act.record(Entry {
                at: now,
                kind: decision.kind,
                about: format!("deployment:{deployment}"),
                by: by.office().to_owned(),
                reason: reason.clone(),
                document_sha256: None,
            });
            Ok(())
        };
        match decision.decision {
            // What must stop cannot wait.
            LicenceDecision::Suspend => self.custody.act(now, |act| {
                decide(act)?;
                four_eyes::note_provisional(act.tx(), by, provisional, now)
            }),
            _ => self.in_two(by, asked, now, decide),
        }
    }
}
