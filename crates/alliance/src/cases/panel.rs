//! Panels: one delegate of each chamber, drawn by lot, who decide together.
//!
//! The lot can be checked: whose SHA-256 of seed, case, round and account is the smallest of a chamber sits. The seed is the hash of the
//! record's signed head at the moment of the draw, which nobody can choose. Who is a party, complained, or sat before is not drawn.

use std::collections::BTreeMap;

use model::{Entry, EntryKind};

use super::rows::DecisionRow;
use super::sanction::{self, SanctionKind};
use super::see::{CaseRole, CaseViewer};
use super::{
    Account, Action, Actor, Alliance, AllianceError, BTreeSet, CaseError, CaseFile, Chamber,
    EventKind, Office, PersonId, Side, Stage, Step, Timestamp, Tx, digest, rows, text_of,
};
use crate::rows::sanction as sanction_rows;
use crate::words::words;

/// The fewest members with whom a panel decides.
pub const MIN_SEATS: usize = 3;

words! {
    /// What a panel found.
    Outcome {
        /// The complaint is right.
        Upheld = "upheld",
        /// It is right in part.
        PartlyUpheld = "partly-upheld",
        /// It is not right.
        Dismissed = "dismissed",
    }
}

/// Somebody in a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The first panel or the second.
    pub round: u8,
    /// Whose seat it is.
    pub account: PersonId,
    /// For which chamber.
    pub chamber: Chamber,
    /// Whether they left it because of a conflict of interest.
    pub is_dismissed: bool,
}

/// A decision as a panellist proposes it.
#[derive(Debug, Clone)]
pub struct DecisionDraft {
    /// What was found.
    pub outcome: Outcome,
    /// Why: public, without names of people.
    pub reasons: String,
    /// What the gateway is to carry out.
    pub sanction: Option<SanctionKind>,
    /// What it is about: fields or things, one a line, or a condition in words.
    pub target: String,
}

/// A decision that was proposed, or taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedDecision {
    /// The first panel or the second.
    pub round: u8,
    /// Its number.
    pub id: u64,
    /// What was found.
    pub outcome: Outcome,
    /// Why.
    pub reasons: String,
    /// What is to be carried out.
    pub sanction: Option<SanctionKind>,
    /// What that is about.
    pub target: String,
    /// When it was taken, if it was.
    pub decided_at: Option<Timestamp>,
    /// How many agree, of how many seats.
    pub agree: usize,
    /// How many do not.
    pub disagree: usize,
}

impl Alliance {
    /// Proposes a decision; who proposes it agrees to it.
    ///
    /// # Errors
    /// When the actor does not sit in the panel that decides now, reasons or target are missing, or the database fails.
    pub fn propose_decision(
        &self,
        by: &Actor,
        number: u64,
        draft: &DecisionDraft,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        let reasons = text_of(&draft.reasons)?.to_owned();
        let account = panellist(by)?;
        self.custody.act(now, |act| {
            let (file, round) = self.decides(act.tx(), account, number)?;
            let target = match (draft.sanction, &file.deployment) {
                (None, _) => String::new(),
                (Some(kind), Some(deployment)) => {
                    sanction::checked_target(act, deployment, kind, &draft.target)?
                }
                (Some(_), None) => return Err(CaseError::Target),
            };
            let known = rows::decisions(act.tx(), number)?;
            let of_round = known.iter().filter(|it| it.round == round);
            let row = DecisionRow {
                round,
                id: of_round.map(|it| it.id).max().unwrap_or(0) + 1,
                author: account.id.clone(),
                outcome: draft.outcome,
                reasons,
                sanction: draft.sanction,
                target,
                at: now,
                decided_at: None,
                votes: Vec::new(),
            };
            rows::put_decision(act.tx(), number, &row)?;
            self.count(act, &file, (round, row.id), (account, true), now)
        })
    }

    /// Says whether the actor agrees to a decision that was proposed. Once more than half of the panel agree it is taken and carried out.
    ///
    /// # Errors
    /// When the actor does not sit in the panel that decides now, there is no such proposal, or the database fails.
    pub fn vote_on_decision(
        &self,
        by: &Actor,
        number: u64,
        id: u64,
        agrees: bool,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        let account = panellist(by)?;
        self.custody.act(now, |act| {
            let (file, round) = self.decides(act.tx(), account, number)?;
            self.count(act, &file, (round, id), (account, agrees), now)
        })
    }

    /// Leaves a panel because of a conflict of interest; another delegate of the chamber is drawn.
    ///
    /// # Errors
    /// When the actor does not sit in the panel that decides now, or the database fails.
    pub fn leave_panel(&self, by: &Actor, number: u64, now: Timestamp) -> Result<(), CaseError> {
        let account = panellist(by)?;
        self.db.write(|tx| {
            let (file, round) = self.decides(tx, account, number)?;
            let seats = rows::seats(tx, number)?;
            let own = seats
                .into_iter()
                .find(|it| it.round == round && it.account == account.id);
            let mut seat = own.ok_or(CaseError::NotFound)?;
            seat.is_dismissed = true;
            rows::put_seat(tx, number, &seat)?;
            self.draw_panel(tx, &file, now, round)
        })
    }

    fn count(
        &self,
        act: &mut custody::Act<'_, '_>,
        file: &CaseFile,
        (round, id): (u8, u64),
        (account, agrees): (&Account, bool),
        now: Timestamp,
    ) -> Result<(), CaseError> {
        let proposed = rows::decisions(act.tx(), file.number)?;
        let is_this = |it: &DecisionRow| it.round == round && it.id == id;
        if !proposed.iter().any(is_this) {
            return Err(CaseError::NotFound);
        }
        rows::put_vote(act.tx(), file.number, (round, id), &account.id, agrees)?;
        let seats = seated(&rows::seats(act.tx(), file.number)?, round);
        let proposed = rows::decisions(act.tx(), file.number)?
            .into_iter()
            .find(is_this);
        let proposed = proposed.ok_or(CaseError::NotFound)?;
        let agree = proposed
            .votes
            .iter()
            .filter(|it| it.1 && seats.contains(&it.0))
            .count();
        if agree * 2 <= seats.len() {
            return Ok(());
        }
        if seats.len() < MIN_SEATS {
            return Err(CaseError::NoPanel);
        }
        self.decide(act, file, &proposed, now)
    }

    /// The decision is taken: history, record, and what is in force, in one transaction.
    fn decide(
        &self,
        act: &mut custody::Act<'_, '_>,
        file: &CaseFile,
        decision: &DecisionRow,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        let step = Step {
            at: now,
            side: Side::Panel,
            kind: EventKind::Decided,
        };
        self.add_step(act.tx(), file, &step, Some(&decision.reasons))?;
        rows::set_decided(act.tx(), file.number, (decision.round, decision.id), now)?;
        let sanction = decision
            .sanction
            .map_or("no sanction", SanctionKind::as_str);
        act.record(Entry {
            at: now,
            kind: EntryKind::CaseDecided,
            about: format!("case:{}", file.number),
            by: "office:panel".to_owned(),
            reason: format!("{}, {sanction}", decision.outcome),
            document_sha256: Some(
                data_encoding::HEXLOWER.encode(&digest(&[decision.reasons.as_bytes()])),
            ),
        });
        if decision.round == 2 {
            // The second panel's decision stands in place of the first one's.
            for standing in sanction_rows::sanctions_of(act.tx(), file.number)? {
                sanction::lift(act, standing, now)?;
            }
        }
        if let (Some(kind), Some(deployment)) = (decision.sanction, &file.deployment) {
            sanction::impose(act, file.number, deployment, kind, &decision.target, now)?;
        }
        Ok(())
    }

    /// The case and the round in which the account sits in the panel that decides now.
    pub(super) fn decides(
        &self,
        tx: &mut Tx<'_>,
        account: &Account,
        number: u64,
    ) -> Result<(CaseFile, u8), CaseError> {
        let viewer = CaseViewer::Account(account.clone());
        let (file, role) = self
            .role_in(tx, &viewer, number)?
            .ok_or(CaseError::NotFound)?;
        if role != CaseRole::Panel {
            return Err(CaseError::NotFound);
        }
        let round = file.stage.round().ok_or(CaseError::NotNow(file.stage))?;
        match self.sits_now(tx, &viewer, &file)? {
            true => Ok((file, round)),
            false => Err(CaseError::NotFound),
        }
    }

    /// Whether a viewer sits in the panel that decides now.
    pub(super) fn sits_now(
        &self,
        tx: &mut Tx<'_>,
        viewer: &CaseViewer,
        file: &CaseFile,
    ) -> Result<bool, CaseError> {
        let (CaseViewer::Account(account), Some(round)) = (viewer, file.stage.round()) else {
            return Ok(false);
        };
        Ok(seated(&rows::seats(tx, file.number)?, round).contains(&account.id))
    }

    /// Draws a delegate for each chamber that has none in this panel.
    pub(super) fn draw_panel(
        &self,
        tx: &mut Tx<'_>,
        file: &CaseFile,
        now: Timestamp,
        round: u8,
    ) -> Result<(), CaseError> {
        let head = self
            .custody
            .record_head_in(tx)
            .map_err(|_| CaseError::NoPanel)?;
        let fresh = digest(&[b"amanat panel v1\0", &head, &now.as_millis().to_be_bytes()]);
        let seed = rows::seed(tx, file.number, round, &fresh)?;
        let seats = rows::seats(tx, file.number)?;
        let taken: BTreeSet<Chamber> = seats
            .iter()
            .filter(|it| it.round == round && !it.is_dismissed)
            .map(|it| it.chamber)
            .collect();
        let before: BTreeSet<&PersonId> = seats.iter().map(|it| &it.account).collect();
        let mut drawn: BTreeMap<Chamber, ([u8; 32], PersonId)> = BTreeMap::new();
        for (account, chamber) in crate::rows::account::delegates(tx)? {
            let is_party = account.member.is_some() && account.member == file.accountable;
            let is_out = is_party
                || taken.contains(&chamber)
                || before.contains(&account.id)
                || self.is_theirs(tx, &account, file.number)?;
            if is_out {
                continue;
            }
            let number = file.number.to_be_bytes();
            let lot = digest(&[&seed, &number, &[round], account.id.as_str().as_bytes()]);
            let held = drawn
                .entry(chamber)
                .or_insert_with(|| (lot, account.id.clone()));
            if lot < held.0 {
                *held = (lot, account.id);
            }
        }
        for (chamber, (_, account)) in drawn {
            let seat = Seat {
                round,
                account,
                chamber,
                is_dismissed: false,
            };
            rows::put_seat(tx, file.number, &seat)?;
        }
        Ok(())
    }

    /// What a viewer sees of the decisions: panellists the proposals too, everybody what was decided.
    pub(super) fn decisions_seen(
        &self,
        tx: &mut Tx<'_>,
        file: &CaseFile,
        role: CaseRole,
    ) -> Result<Vec<ProposedDecision>, CaseError> {
        let seats = rows::seats(tx, file.number)?;
        let rows = rows::decisions(tx, file.number)?.into_iter();
        let seen = rows.filter(|it| it.decided_at.is_some() || role == CaseRole::Panel);
        let proposed = |it: DecisionRow| {
            let seats = seated(&seats, it.round);
            let voted = |agrees| {
                it.votes
                    .iter()
                    .filter(|vote| vote.1 == agrees && seats.contains(&vote.0))
                    .count()
            };
            ProposedDecision {
                agree: voted(true),
                disagree: voted(false),
                round: it.round,
                id: it.id,
                outcome: it.outcome,
                reasons: it.reasons,
                sanction: it.sanction,
                target: it.target,
                decided_at: it.decided_at,
            }
        };
        Ok(seen.map(proposed).collect())
    }
}

fn seated(seats: &[Seat], round: u8) -> BTreeSet<PersonId> {
    let now = seats
        .iter()
        .filter(|it| it.round == round && !it.is_dismissed);
    now.map(|it| it.account.clone()).collect()
}

fn panellist(by: &Actor) -> Result<&Account, CaseError> {
    by.must(Action::SitOnPanels)?;
    match by {
        Actor::Account(account) if account.office == Office::Delegate => Ok(account),
        Actor::Account(_) | Actor::Operator | Actor::Agreed(_) => {
            Err(CaseError::Alliance(AllianceError::Forbidden {
                actor: by.office(),
                action: Action::SitOnPanels,
            }))
        }
    }
}

/// Which stages a panel is drawn for.
pub(super) const fn wants_panel(stage: Stage) -> bool {
    stage.round().is_some()
}
