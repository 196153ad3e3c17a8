//! Who sees what of a case.

use model::{DeploymentId, MemberId};
use store::Value;

use super::clocks::{self, CaseClock};
use super::rows::{Column, StepRow};
use super::{
    Account, Action, Actor, Alliance, CaseCode, CaseError, CaseFile, CaseKind, EventKind,
    MAX_CASES_LISTED, Office, ProposedDecision, Sanction, Seat, Side, Standing, Step, Tx, rows,
};
use crate::rows::sanction as sanction_rows;

/// Who looks at a case.
#[derive(Debug)]
pub enum CaseViewer {
    /// Nobody who is known.
    Anyone,
    /// Who has its receipt code.
    Code(CaseCode),
    /// Who is signed in.
    Account(Account),
}

/// As what somebody sees a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseRole {
    /// Who filed it.
    Complainant,
    /// Who answers for it.
    Accountable,
    /// A panellist.
    Panel,
    /// Anybody else.
    Public,
}

/// A step as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// When, by whom, what.
    pub step: Step,
    /// What was written, for the parties.
    pub text: Option<String>,
}

/// A case as somebody sees it.
#[derive(Debug, Clone)]
pub struct CaseView {
    /// Its facts.
    pub file: CaseFile,
    /// As what it is seen.
    pub role: CaseRole,
    /// Where it stands.
    pub standing: Standing,
    /// The clocks that run.
    pub clocks: Vec<CaseClock>,
    /// Its history.
    pub steps: Vec<StepView>,
    /// How many photos there are; none for who may not see them.
    pub photos: u64,
    /// How to reach who complained, for the panel.
    pub contact: Option<String>,
    /// The panels: for the panellists with accounts, for others the chambers only.
    pub seats: Vec<Seat>,
    /// What was proposed (panel), or decided (everybody).
    pub decisions: Vec<ProposedDecision>,
    /// The sanctions that came of it.
    pub sanctions: Vec<Sanction>,
    /// What the viewer may do now.
    pub may: Vec<EventKind>,
    /// Whether the viewer sits in the panel that decides now.
    pub sits: bool,
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseLine {
    /// Its facts.
    pub file: CaseFile,
    /// The clocks that run.
    pub clocks: Vec<CaseClock>,
}

/// A page of the cases that everybody may know of.
#[derive(Debug, Clone)]
pub struct CasesInTheOpen {
    /// They, newest first.
    pub lines: Vec<CaseLine>,
    /// Where the next page begins, if there is one.
    pub older: Option<u64>,
}

/// How an accountable party kept its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTimes {
    /// Which member; the alliance's own office where none is named.
    pub member: Option<MemberId>,
    /// How many cases.
    pub cases: u64,
    /// Acknowledged in time, and of how many this is known.
    pub acknowledged: (u64, u64),
    /// Answered in time, and of how many this is known.
    pub answered: (u64, u64),
}

impl Alliance {
    /// A case as this viewer sees it; `None` when there is none for their eyes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn case(&self, viewer: &CaseViewer, number: u64) -> Result<Option<CaseView>, CaseError> {
        let calendar = self.calendar()?;
        self.db.read(|tx| {
            let Some((file, role)) = self.role_in(tx, viewer, number)? else {
                return Ok(None);
            };
            let rows = rows::steps(tx, number)?;
            let history: Vec<_> = rows.iter().map(|it| it.step).collect();
            let standing = Standing::of(&history).ok_or(CaseError::NotFound)?;
            let is_party = role != CaseRole::Public;
            let step = |(seq, row): (u64, StepRow)| {
                let body = row.body.filter(|_| is_party);
                StepView {
                    step: row.step,
                    text: body.and_then(|it| self.opened(&format!("case/{number}/{seq}"), &it)),
                }
            };
            let steps = (0..).zip(rows).map(step).collect();
            let contact = rows::hidden(tx, number)?.contact;
            let contact =
                contact.filter(|_| matches!(role, CaseRole::Panel | CaseRole::Complainant));
            let contact =
                contact.and_then(|it| self.opened(&format!("case/{number}/contact"), &it));
            let sits = self.sits_now(tx, viewer, &file)?;
            let side = match role {
                CaseRole::Complainant => Some(Side::Complainant),
                CaseRole::Accountable => Some(Side::Accountable),
                CaseRole::Panel => Some(Side::Panel).filter(|_| sits),
                CaseRole::Public => None,
            };
            let mut may: Vec<EventKind> = Vec::new();
            if let Some(side) = side {
                may.extend(EventKind::ALL.iter().filter(|it| standing.may(side, **it)));
            }
            let decisions = self.decisions_seen(tx, &file, role)?;
            Ok(Some(CaseView {
                role,
                clocks: clocks::running(&file, &standing, &calendar),
                standing,
                steps,
                photos: if is_party {
                    rows::photo_count(tx, number)?
                } else {
                    0
                },
                contact,
                seats: rows::seats(tx, number)?,
                decisions,
                sanctions: sanction_rows::sanctions_of(tx, number)?,
                may,
                sits,
                file,
            }))
        })
    }

    /// The case that a receipt code opens.
    ///
    /// # Errors
    /// When the database fails.
    pub fn case_by_code(&self, code: &CaseCode) -> Result<Option<u64>, CaseError> {
        let hash = code.sha256();
        Ok(self
            .db
            .read(|tx| rows::by_code(tx, &hash))?
            .map(|it| it.number))
    }

    /// A photo, for the parties of a case: a JPEG file.
    ///
    /// # Errors
    /// When the database fails.
    pub fn case_photo(
        &self,
        viewer: &CaseViewer,
        number: u64,
        nth: u64,
    ) -> Result<Option<Vec<u8>>, CaseError> {
        self.db.read(|tx| {
            let role = self.role_in(tx, viewer, number)?.map(|it| it.1);
            if role.is_none_or(|it| it == CaseRole::Public) {
                return Ok(None);
            }
            let sealed = rows::photo(tx, number, nth)?;
            let name = format!("case/{number}/photo/{nth}");
            Ok(sealed.and_then(|it| self.custody.open_text(&name, &it)))
        })
    }

    /// Public facts of cases, newest first: nothing of protected reporters before it is decided.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cases(
        &self,
        below: u64,
        deployment: Option<&DeploymentId>,
    ) -> Result<CasesInTheOpen, CaseError> {
        let by = match deployment {
            Some(id) => (Column::Deployment, Some(id.as_str().into())),
            None => (Column::Every, None),
        };
        let mut lines = self.lines(below, by)?;
        let is_full = lines.len() >= usize::from(MAX_CASES_LISTED);
        let older = lines.last().map(|it| it.file.number).filter(|_| is_full);
        lines.retain(|it| is_public(&it.file));
        Ok(CasesInTheOpen { lines, older })
    }

    /// The cases of an account: those that they filed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn own_cases(&self, account: &Account) -> Result<Vec<CaseLine>, CaseError> {
        let mark = self.custody.mark("case", account.id.as_str());
        self.lines(
            u64::MAX,
            (Column::Complainant, Some(mark.as_slice().into())),
        )
    }

    /// The cases for which the actor answers, newest first.
    ///
    /// # Errors
    /// When the actor may not answer cases, or the database fails.
    pub fn cases_to_answer(&self, by: &Actor) -> Result<Vec<CaseLine>, CaseError> {
        by.must(Action::AnswerCases)?;
        let Actor::Account(account) = by else {
            return Ok(Vec::new());
        };
        let member = account.member.as_ref();
        let mut lines = self.lines(
            u64::MAX,
            (Column::Accountable, member.map(|it| it.as_str().into())),
        )?;
        lines.retain(|it| is_public(&it.file));
        Ok(lines)
    }

    /// The cases in whose panels the actor sits, newest first.
    ///
    /// # Errors
    /// When the actor may not sit in panels, or the database fails.
    pub fn cases_to_decide(&self, by: &Actor) -> Result<Vec<CaseLine>, CaseError> {
        by.must(Action::SitOnPanels)?;
        let Actor::Account(account) = by else {
            return Ok(Vec::new());
        };
        let calendar = self.calendar()?;
        self.db.read(|tx| {
            let files = rows::seated(tx, &account.id, i64::from(MAX_CASES_LISTED))?;
            self.with_clocks(tx, files, &calendar)
        })
    }

    /// Who answers in time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kept_times(&self) -> Result<Vec<KeptTimes>, CaseError> {
        Ok(self.db.read(rows::kept_times)?)
    }

    /// The sanctions in force at a deployment, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sanctions_at(&self, id: &DeploymentId) -> Result<Vec<Sanction>, CaseError> {
        Ok(self.db.read(|tx| sanction_rows::sanctions_at(tx, id))?)
    }

    fn lines(
        &self,
        below: u64,
        by: (Column, Option<Value<'_>>),
    ) -> Result<Vec<CaseLine>, CaseError> {
        let calendar = self.calendar()?;
        self.db.read(|tx| {
            let files = rows::before(tx, below, i64::from(MAX_CASES_LISTED), by)?;
            self.with_clocks(tx, files, &calendar)
        })
    }

    fn with_clocks(
        &self,
        tx: &mut Tx<'_>,
        files: Vec<CaseFile>,
        calendar: &super::Calendar,
    ) -> Result<Vec<CaseLine>, CaseError> {
        let mut lines = Vec::new();
        for file in files {
            let history = self.history(tx, file.number)?;
            let standing = Standing::of(&history).ok_or(CaseError::NotFound)?;
            let clocks = clocks::running(&file, &standing, calendar);
            lines.push(CaseLine { file, clocks });
        }
        Ok(lines)
    }

    /// As what a viewer sees a case; `None` when it is not for their eyes.
    pub(super) fn role_in(
        &self,
        tx: &mut Tx<'_>,
        viewer: &CaseViewer,
        number: u64,
    ) -> Result<Option<(CaseFile, CaseRole)>, CaseError> {
        let Some(file) = rows::one(tx, number)? else {
            return Ok(None);
        };
        let role = match viewer {
            CaseViewer::Anyone => CaseRole::Public,
            CaseViewer::Code(code) => match rows::by_code(tx, &code.sha256())? {
                Some(found) if found.number == number => CaseRole::Complainant,
                _ => CaseRole::Public,
            },
            CaseViewer::Account(account) => self.role_of(tx, account, &file)?,
        };
        let hidden = role == CaseRole::Public && !is_public(&file);
        Ok((!hidden).then_some((file, role)))
    }

    fn role_of(
        &self,
        tx: &mut Tx<'_>,
        account: &Account,
        file: &CaseFile,
    ) -> Result<CaseRole, CaseError> {
        if self.is_theirs(tx, account, file.number)? {
            return Ok(CaseRole::Complainant);
        }
        // Nobody complained of what the gateway found: the licensing office says whether the answer is enough.
        if file.kind == CaseKind::Drift && account.office == Office::Licensing {
            return Ok(CaseRole::Complainant);
        }
        let seats = rows::seats(tx, file.number)?;
        if seats
            .iter()
            .any(|it| it.account == account.id && !it.is_dismissed)
        {
            return Ok(CaseRole::Panel);
        }
        let answers = account.office.may(Action::AnswerCases)
            && match account.office {
                Office::Delegate => account.member.is_some() && account.member == file.accountable,
                Office::Licensing | Office::Resident => file.accountable.is_none(),
            };
        // What a protected reporter wrote stays with the panel, also after the decision.
        Ok(match answers && !file.is_protected {
            true => CaseRole::Accountable,
            false => CaseRole::Public,
        })
    }

    fn opened(&self, name: &str, sealed: &[u8]) -> Option<String> {
        let bytes = self.custody.open_text(name, sealed)?;
        String::from_utf8(bytes).ok()
    }
}

/// Whether everybody may know that there is this case.
fn is_public(file: &CaseFile) -> bool {
    !file.is_protected || matches!(file.stage, super::Stage::Decided | super::Stage::Final)
}
