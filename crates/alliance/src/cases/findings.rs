//! Findings that open cases by themselves, where the rulebook says so.
//!
//! The gateway sees values that a notice does not declare (drift). The rulebook says how long that may go on. Then a case is opened in
//! the name of nobody; the licensing office says whether the answer is enough.

use model::{DeploymentId, Entry, EntryKind, Timestamp};

use super::rows::{Column, Hidden};
use super::{
    Alliance, CaseCode, CaseError, CaseFile, CaseKind, EventKind, Harm, Side, Stage, Standing,
    Step, rows,
};
use crate::authority::{Action, Actor};
use crate::four_eyes::OfficeAct;
use crate::rows::finding_rule;
use crate::rulebook::public_reason;

/// The longest that the rulebook lets a deployment send what it did not declare before a case is opened, in days.
pub const MAX_FINDING_DAYS: u16 = 365;
/// So many undeclared names are named in a case.
const MAX_NAMED: u16 = 20;
/// So many of the newest cases of a deployment are looked at for one that stands.
const LOOKED_AT: i64 = 50;
const DAY_MILLIS: i64 = 86_400_000;

impl Alliance {
    /// After how many days of drift the rulebook has a case opened; `None` when never.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drift_rule(&self) -> Result<Option<u16>, CaseError> {
        Ok(self.db.read(finding_rule::drift)?)
    }

    /// Says after how many days of drift a case is opened, or that none is; publicly.
    ///
    /// # Errors
    /// When the actor may not, no reason is given, there are too many days, or the database fails.
    pub fn set_drift_rule(
        &self,
        by: &Actor,
        days: Option<u16>,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        by.must(Action::SetLimits).map_err(CaseError::Alliance)?;
        let reason = public_reason(reason).map_err(CaseError::Alliance)?;
        if days.is_some_and(|it| it > MAX_FINDING_DAYS) {
            return Err(CaseError::Days);
        }
        let asked = OfficeAct::SetDriftRule {
            days,
            reason: reason.clone(),
        };
        self.in_two(by, asked, now, |act| {
            finding_rule::set_drift(act.tx(), days)?;
            let words = days.map_or_else(|| "never".to_owned(), |it| format!("after {it} days"));
            act.record(Entry {
                at: now,
                kind: EntryKind::FindingRuleSet,
                about: "rulebook:drift".to_owned(),
                by: by.office().to_owned(),
                reason: format!("{words}: {reason}"),
                document_sha256: None,
            });
            Ok(())
        })
    }

    /// Opens the cases that the rulebook wants. Gives how many.
    ///
    /// # Errors
    /// When the database fails; what was opened before stands.
    pub fn open_findings(&self, now: Timestamp) -> Result<u64, CaseError> {
        let Some(days) = self.drift_rule()? else {
            return Ok(0);
        };
        let mut opened = 0;
        for deployment in self.custody.in_force(now) {
            opened += u64::from(self.open_drift(&deployment.id, days, now)?);
        }
        Ok(opened)
    }

    fn open_drift(&self, id: &DeploymentId, days: u16, now: Timestamp) -> Result<bool, CaseError> {
        let drift = self.custody.drift(id, MAX_NAMED)?;
        if drift.is_empty() {
            return Ok(false);
        }
        let since = match self.last_finding(id)? {
            LastFinding::Stands => return Ok(false),
            LastFinding::Over(closed_at) => closed_at,
            LastFinding::None => Timestamp::EPOCH,
        };
        // What came before the last case was over was answered in it.
        let goes_on = |it: &&custody::DriftRow| {
            let first = it.first_at.max(since);
            it.last_at > since && it.last_at >= first.plus_millis(i64::from(days) * DAY_MILLIS)
        };
        let named: Vec<_> = drift.iter().filter(goes_on).collect();
        if named.is_empty() {
            return Ok(false);
        }
        let lines = named
            .iter()
            .map(|it| format!("{} ({}): {}", it.pointer, it.reason, it.times));
        let text = lines.collect::<Vec<_>>().join("\n");
        self.open_finding(id, &text, now)?;
        Ok(true)
    }

    fn last_finding(&self, id: &DeploymentId) -> Result<LastFinding, CaseError> {
        self.db.read(|tx| {
            let by = (Column::Deployment, Some(id.as_str().into()));
            let files = rows::before(tx, u64::MAX, LOOKED_AT, by)?;
            let Some(last) = files.into_iter().find(|it| it.kind == CaseKind::Drift) else {
                return Ok(LastFinding::None);
            };
            let standing =
                Standing::of(&self.history(tx, last.number)?).ok_or(CaseError::NotFound)?;
            Ok(standing
                .closed_at
                .map_or(LastFinding::Stands, LastFinding::Over))
        })
    }

    fn open_finding(&self, id: &DeploymentId, text: &str, now: Timestamp) -> Result<(), CaseError> {
        let at = self
            .custody
            .in_force_at(id, now)
            .ok_or(CaseError::NotFound)?;
        let code = CaseCode::random()?;
        let _one_at_a_time = self.one_at_a_time();
        self.db.write(|tx| {
            let file = CaseFile {
                number: rows::next_number(tx)?,
                kind: CaseKind::Drift,
                harm: Harm::None,
                deployment: Some(id.clone()),
                accountable: Some(at.notice.controller.clone()),
                stage: Stage::Filed,
                is_protected: false,
                filed_at: now,
                acknowledged_in_time: None,
                answered_in_time: None,
            };
            // Nobody is given the code: nobody complained.
            let hidden = Hidden {
                code: code.sha256(),
                complainant: None,
                contact: None,
            };
            rows::insert(tx, &file, &hidden)?;
            let first = Step {
                at: now,
                side: Side::Complainant,
                kind: EventKind::Filed,
            };
            let body = self.sealed_step(file.number, 0, text)?;
            Ok(rows::add_step(
                tx,
                file.number,
                0,
                &first,
                Some(&body),
                Stage::Filed,
            )?)
        })
    }
}

/// The last case that drift of a deployment opened.
enum LastFinding {
    /// There was none.
    None,
    /// It is not over.
    Stands,
    /// It was over at this moment.
    Over(Timestamp),
}
