//! Cases: the list, the form, one case, and the days off that its clocks go by.

use alliance::cases::{
    CaseClock, CaseKind, CaseRole, ClockKind, DayKind, DayLine, Days, Deadline, EventKind, Harm,
    Holiday, MAX_CASE_TEXT_CHARS, MAX_CONTACT_CHARS, MAX_FINDING_DAYS, MAX_PHOTOS, MIN_SEATS,
    Outcome, ProposedDecision, SanctionKind, Seat, Side, Stage, Step, StepView,
};
use askama::Template;
use model::{Chamber, DeploymentId, PersonId, Text, Timestamp};

use super::{Page, REASON_LIMIT, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

mod samples;

/// A case as every page shows it.
#[derive(Debug, Clone)]
pub(crate) struct CaseRow {
    /// Its number.
    pub(crate) number: u64,
    /// What is wrong.
    pub(crate) kind: CaseKind,
    /// What harm it does.
    pub(crate) harm: Harm,
    /// The deployment that it is about.
    pub(crate) about: Option<(DeploymentId, Text)>,
    /// Who answers; the alliance's own office where nobody is named.
    pub(crate) accountable: Option<Text>,
    /// How far it has come.
    pub(crate) stage: Stage,
    /// When it was filed.
    pub(crate) filed_at: Timestamp,
    /// The clocks that run.
    pub(crate) clocks: Vec<CaseClock>,
    /// The moment of the page.
    pub(crate) now: Timestamp,
}

impl CaseRow {
    fn about(&self, shell: &Shell) -> String {
        match &self.about {
            Some((_, title)) => shell.of(title).to_owned(),
            None => shell.say("case-about-alliance"),
        }
    }

    fn who(&self, shell: &Shell) -> String {
        match &self.accountable {
            Some(name) => shell.of(name).to_owned(),
            None => shell.say("case-office"),
        }
    }

    fn is_late(&self, clock: &CaseClock) -> bool {
        clock.deadline.is_over(self.now)
    }

    /// Until when, in a sentence.
    fn due(&self, shell: &Shell, clock: &CaseClock) -> String {
        let what = shell.clock(&clock.kind);
        let Some(day) = clock.deadline.last_day() else {
            return shell.with("case-waits").set("what", what).to_string();
        };
        let key = match self.is_late(clock) {
            true => "case-late",
            false => "case-due",
        };
        shell
            .with(key)
            .set("what", what)
            .set("date", shell.date(&day))
            .to_string()
    }
}

/// Who answers in time.
#[derive(Debug, Clone)]
pub(crate) struct TimesRow {
    /// Who answers; the alliance's own office where nobody is named.
    pub(crate) member: Option<Text>,
    /// How many cases.
    pub(crate) cases: u64,
    /// Seen in time, of how many.
    pub(crate) acknowledged: (u64, u64),
    /// Answered in time, of how many.
    pub(crate) answered: (u64, u64),
}

impl TimesRow {
    fn who(&self, shell: &Shell) -> String {
        match &self.member {
            Some(name) => shell.of(name).to_owned(),
            None => shell.say("case-office"),
        }
    }

    fn kept(shell: &Shell, kept: (u64, u64)) -> String {
        shell
            .with("cases-times-of")
            .set("kept", kept.0)
            .set("all", kept.1)
            .to_string()
    }
}

/// The list of cases.
#[derive(Template)]
#[template(path = "cases.html")]
pub(crate) struct CasesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What forms carry.
    pub(crate) form: FormToken,
    /// Whether a code was typed that opens nothing.
    pub(crate) wrong_code: bool,
    /// The viewer's own, those to answer and those to decide.
    pub(crate) mine: [Vec<CaseRow>; 3],
    /// Those in the open.
    pub(crate) rows: Vec<CaseRow>,
    /// Older ones.
    pub(crate) older: Option<Route>,
    /// Who answers in time.
    pub(crate) times: Vec<TimesRow>,
}

impl CasesPage {
    fn lists(&self) -> [(&'static str, &Vec<CaseRow>); 3] {
        let [own, answer, decide] = &self.mine;
        [
            ("cases-own", own),
            ("cases-answer", answer),
            ("cases-decide", decide),
        ]
    }
}

/// What is wrong with what somebody sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaseFormError {
    /// A text is missing or too long.
    Text,
    /// The way to reach somebody is too long.
    Contact,
    /// Too many photos.
    Photos,
    /// A photo that cannot be taken.
    Photo,
    /// Too many cases today.
    Full,
    /// What is asked for is not possible any more.
    Now,
    /// The own case.
    Own,
    /// The panel is too small.
    Panel,
    /// What the sanction is about.
    Target,
}

impl CaseFormError {
    /// The part of the form that it is about.
    fn place(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Contact => "contact",
            Self::Photos | Self::Photo => "photo",
            Self::Full | Self::Now | Self::Own | Self::Panel => "content",
            Self::Target => "target",
        }
    }

    fn words(self, shell: &Shell) -> String {
        let (key, limit) = match self {
            Self::Text => ("case-error-text", MAX_CASE_TEXT_CHARS),
            Self::Contact => ("case-error-contact", MAX_CONTACT_CHARS),
            Self::Photos => ("case-error-photos", MAX_PHOTOS),
            Self::Photo => ("case-error-photo", 0),
            Self::Full => ("case-error-full", 0),
            Self::Now => ("case-error-now", 0),
            Self::Own => ("case-error-own", 0),
            Self::Panel => ("case-error-panel", MIN_SEATS),
            Self::Target => ("case-error-target", 0),
        };
        shell.with(key).set("limit", limit).to_string()
    }
}

/// What somebody typed into the form.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseInput {
    /// What is wrong.
    pub(crate) kind: String,
    /// What harm it does.
    pub(crate) harm: String,
    /// About which deployment.
    pub(crate) about: String,
    /// What happened.
    pub(crate) text: String,
    /// How they can be reached.
    pub(crate) contact: String,
    /// Whether they want to stay unknown.
    pub(crate) is_protected: bool,
}

/// The form to say that something is wrong.
#[derive(Template)]
#[template(path = "new-case.html")]
pub(crate) struct NewCasePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What the form carries.
    pub(crate) form: FormToken,
    /// What it can be about.
    pub(crate) places: Vec<(DeploymentId, Text)>,
    /// What was typed.
    pub(crate) input: CaseInput,
    /// What is wrong with it.
    pub(crate) errors: Vec<CaseFormError>,
}

impl NewCasePage {
    fn kinds() -> impl Iterator<Item = &'static CaseKind> {
        CaseKind::ALL.iter().filter(|it| **it != CaseKind::Drift)
    }

    fn wrong(&self, place: &str) -> Option<String> {
        let found = self.errors.iter().find(|it| it.place() == place)?;
        Some(found.words(&self.shell))
    }
}

/// A case was filed.
#[derive(Template)]
#[template(path = "filed-case.html")]
pub(crate) struct FiledCasePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Its number.
    pub(crate) number: u64,
    /// Its receipt code.
    pub(crate) code: String,
    /// Who answers; the alliance's own office where nobody is named.
    pub(crate) who: Option<Text>,
    /// Whether who complained is protected.
    pub(crate) is_protected: bool,
}

impl FiledCasePage {
    fn who(&self) -> String {
        match &self.who {
            Some(name) => self.shell.of(name).to_owned(),
            None => self.shell.say("case-office"),
        }
    }
}

/// A sanction as the page shows it.
#[derive(Debug, Clone)]
pub(crate) struct SanctionRow {
    /// Its number.
    pub(crate) id: u64,
    /// What it does.
    pub(crate) kind: SanctionKind,
    /// What it is about.
    pub(crate) target: String,
    /// Since when.
    pub(crate) imposed_at: Timestamp,
    /// When it was said to be cured.
    pub(crate) cured_at: Option<Timestamp>,
    /// When it was lifted.
    pub(crate) lifted_at: Option<Timestamp>,
}

impl SanctionRow {
    fn can_end(&self) -> bool {
        self.lifted_at.is_none() && self.kind != SanctionKind::RevokeLicence
    }
}

/// One case.
#[derive(Template)]
#[template(path = "case.html")]
pub(crate) struct CasePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What forms carry.
    pub(crate) form: FormToken,
    /// Its facts.
    pub(crate) row: CaseRow,
    /// As what it is seen.
    pub(crate) role: CaseRole,
    /// Its history.
    pub(crate) steps: Vec<StepView>,
    /// How many photos there are to see.
    pub(crate) photos: u64,
    /// How to reach who complained.
    pub(crate) contact: Option<String>,
    /// The panels.
    pub(crate) seats: Vec<Seat>,
    /// What was proposed or decided.
    pub(crate) decisions: Vec<ProposedDecision>,
    /// The sanctions that came of it.
    pub(crate) sanctions: Vec<SanctionRow>,
    /// What the viewer may do now.
    pub(crate) may: Vec<EventKind>,
    /// Whether the viewer sits in the panel that decides now.
    pub(crate) sits: bool,
    /// What was typed and is wrong.
    pub(crate) error: Option<CaseFormError>,
    /// Whether something was done.
    pub(crate) done: bool,
}

impl CasePage {
    /// What the viewer may do with a form of its own.
    fn acts(&self) -> impl Iterator<Item = &EventKind> {
        self.may.iter().filter(|it| **it != EventKind::Decided)
    }

    fn wants_words(kind: &EventKind) -> bool {
        !matches!(
            kind,
            EventKind::Acknowledged | EventKind::Satisfied | EventKind::Withdrawn
        )
    }

    fn is_party(&self) -> bool {
        self.role != CaseRole::Public
    }

    /// Those who sit in the panel of this round.
    fn sitting(&self, round: u8) -> usize {
        self.seats
            .iter()
            .filter(|it| it.round == round && !it.is_dismissed)
            .count()
    }

    /// Whether the panel that has to decide now is too small.
    fn is_small(&self) -> bool {
        self.row
            .stage
            .round()
            .is_some_and(|it| self.sitting(it) < MIN_SEATS)
    }

    fn is_open(&self, decision: &ProposedDecision) -> bool {
        self.sits && decision.decided_at.is_none() && Some(decision.round) == self.row.stage.round()
    }

    const fn limit() -> usize {
        MAX_CASE_TEXT_CHARS
    }
}

/// The days off.
#[derive(Template)]
#[template(path = "holidays.html")]
pub(crate) struct HolidaysPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What forms carry.
    pub(crate) form: FormToken,
    /// The days.
    pub(crate) holidays: Vec<Holiday>,
    /// What was typed: day, English and Urdu name.
    pub(crate) input: [String; 3],
    /// Whether it is wrong.
    pub(crate) wrong: bool,
    /// Whether the table was changed.
    pub(crate) done: bool,
}

/// When a finding opens a case by itself.
#[derive(Template)]
#[template(path = "findings.html")]
pub(crate) struct FindingsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What the form carries.
    pub(crate) form: FormToken,
    /// After how many days of drift; `None` when never.
    pub(crate) days: Option<u16>,
    /// What was typed: days and reason.
    pub(crate) input: [String; 2],
    /// Whether it is wrong.
    pub(crate) wrong: bool,
    /// Whether the rule was changed.
    pub(crate) done: bool,
}

impl FindingsPage {
    fn error(&self) -> String {
        let words = self
            .shell
            .with("findings-error")
            .set("limit", MAX_FINDING_DAYS);
        words.set("most", REASON_LIMIT).to_string()
    }
}
