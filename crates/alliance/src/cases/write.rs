//! One step of a case: who takes it is asked first, then the table.

use model::Timestamp;

use super::clocks::{self, ClockKind};
use super::see::CaseViewer;
use super::{
    Account, Alliance, CaseError, CaseFile, CaseRole, EventKind, MAX_STEPS, Side, Standing, Step,
    Tx, rows, text_of,
};

/// Whether a step needs a text.
const fn needs_text(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Extended
            | EventKind::Asked
            | EventKind::Replied
            | EventKind::Answered
            | EventKind::NotSatisfied
            | EventKind::Appealed
    )
}

impl Alliance {
    /// Takes a step in a case, on behalf of the side on which the viewer stands. Decisions are taken by
    /// [`Alliance::propose_decision`].
    ///
    /// # Errors
    /// When the viewer has no part in it, the step is not possible now, its text is missing, or the database fails.
    pub fn step_case(
        &self,
        viewer: &CaseViewer,
        number: u64,
        kind: EventKind,
        text: &str,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        let text = match needs_text(kind) || !text.trim().is_empty() {
            true => Some(text_of(text)?),
            false => None,
        };
        self.db.write(|tx| {
            let (file, role) = self
                .role_in(tx, viewer, number)?
                .ok_or(CaseError::NotFound)?;
            let side = match role {
                CaseRole::Complainant => Side::Complainant,
                CaseRole::Accountable => Side::Accountable,
                CaseRole::Panel if kind == EventKind::Asked => Side::Panel,
                CaseRole::Panel | CaseRole::Public => return Err(CaseError::NotFound),
            };
            if side != Side::Complainant {
                self.must_not_be_own(tx, viewer, number)?;
            }
            if side == Side::Panel && !self.sits_now(tx, viewer, &file)? {
                return Err(CaseError::NotFound);
            }
            let step = Step {
                at: now,
                side,
                kind,
            };
            let standing = self.add_step(tx, &file, &step, text)?;
            if let Some(round) = standing
                .stage
                .round()
                .filter(|_| standing.stage != file.stage)
            {
                self.draw_panel(tx, &file, now, round)?;
            }
            Ok(())
        })
    }

    /// Adds a step that the table allows, with its text sealed, and says where the case stands then.
    pub(super) fn add_step(
        &self,
        tx: &mut Tx<'_>,
        file: &CaseFile,
        step: &Step,
        text: Option<&str>,
    ) -> Result<Standing, CaseError> {
        let history = self.history(tx, file.number)?;
        if history.len() >= MAX_STEPS {
            return Err(CaseError::Steps);
        }
        let standing = Standing::of(&history).ok_or(CaseError::NotFound)?;
        let before = standing.clone();
        let next = standing
            .after(*step)
            .ok_or(CaseError::NotNow(before.stage))?;
        let seq = u64::try_from(history.len()).unwrap_or(u64::MAX);
        let body = text
            .map(|it| self.sealed_step(file.number, seq, it))
            .transpose()?;
        rows::add_step(tx, file.number, seq, step, body.as_deref(), next.stage)?;
        self.note_times(tx, file, &before, step)?;
        Ok(next)
    }

    /// Whether a time was kept is judged once, by the calendar of that day.
    fn note_times(
        &self,
        tx: &mut Tx<'_>,
        file: &CaseFile,
        before: &Standing,
        step: &Step,
    ) -> Result<(), CaseError> {
        let holidays = crate::rows::holiday::all(tx)?;
        let calendar = super::Calendar::new(self.time_zone.clone(), holidays);
        let kept = |kind| {
            clocks::one(kind, file, before, &calendar).map(|it| !it.deadline.is_over(step.at))
        };
        let first_sign = before.acknowledged_at.is_none();
        let (acknowledged, answered) = match step.kind {
            EventKind::Acknowledged => (kept(ClockKind::Acknowledge), None),
            EventKind::Answered => (
                kept(ClockKind::Acknowledge).filter(|_| first_sign),
                kept(ClockKind::Answer),
            ),
            EventKind::Escalated if !file.is_protected => {
                (Some(false).filter(|_| first_sign), Some(false))
            }
            _ => return Ok(()),
        };
        Ok(rows::set_in_time(tx, file.number, acknowledged, answered)?)
    }

    pub(super) fn history(&self, tx: &mut Tx<'_>, number: u64) -> Result<Vec<Step>, CaseError> {
        Ok(rows::steps(tx, number)?
            .into_iter()
            .map(|it| it.step)
            .collect())
    }

    pub(super) fn sealed_step(
        &self,
        number: u64,
        seq: u64,
        text: &str,
    ) -> Result<Vec<u8>, CaseError> {
        let name = format!("case/{number}/{seq}");
        self.custody
            .seal_text(&name, text.as_bytes())
            .ok_or(CaseError::Text)
    }

    /// Nobody acts on a case that they filed themselves.
    pub(super) fn must_not_be_own(
        &self,
        tx: &mut Tx<'_>,
        viewer: &CaseViewer,
        number: u64,
    ) -> Result<(), CaseError> {
        match viewer {
            CaseViewer::Account(account) if self.is_theirs(tx, account, number)? => {
                Err(CaseError::OwnCase)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn is_theirs(
        &self,
        tx: &mut Tx<'_>,
        account: &Account,
        number: u64,
    ) -> Result<bool, CaseError> {
        let mark = rows::hidden(tx, number)?.complainant;
        let own = self.custody.mark("case", account.id.as_str());
        Ok(mark.is_some_and(|it| it == own))
    }
}
