//! The alliance's office: licences, and the acts on them.

use askama::Template;
use model::{DeploymentId, LicenceState, Text};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// The longest reason, in characters.
pub(crate) const REASON_LIMIT: usize = alliance::MAX_REASON_CHARS;

/// What is wrong with an act that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReasonError {
    /// No reason was written.
    Missing,
    /// The reason has this many characters.
    Long(usize),
    /// The licence is in another state by now.
    State,
    /// A panel holds it.
    Sanctioned,
}

impl ReasonError {
    fn words(self, shell: &Shell) -> String {
        match self {
            Self::Missing => shell.say("office-reason-missing"),
            Self::Long(length) => {
                let message = shell.with("office-reason-long").set("length", length);
                message.set("limit", REASON_LIMIT).to_string()
            }
            Self::State => shell.say("office-state-changed"),
            Self::Sanctioned => shell.say("office-sanctioned"),
        }
    }
}

/// The act that is open on a licence.
pub(crate) struct OpenAct {
    label: String,
    hint: String,
    route: Route,
    stops: bool,
}

/// A deployment in the office's list.
#[derive(Debug, Clone)]
pub(crate) struct OfficeRow {
    /// The deployment.
    pub(crate) id: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// Who answers for it.
    pub(crate) controller: Text,
    /// Whether it may run.
    pub(crate) licence: LicenceState,
    /// What the officer wrote, kept when something was wrong.
    pub(crate) reason: String,
    /// What was wrong.
    pub(crate) error: Option<ReasonError>,
}

impl OfficeRow {
    fn act(&self, shell: &Shell) -> Option<OpenAct> {
        match self.licence {
            LicenceState::Active => Some(OpenAct {
                label: shell.say("office-suspend"),
                hint: shell.say("office-suspend-hint"),
                route: Route::suspend(&self.id),
                stops: true,
            }),
            LicenceState::Suspended => Some(OpenAct {
                label: shell.say("office-reinstate"),
                hint: shell.say("office-reinstate-hint"),
                route: Route::reinstate(&self.id),
                stops: false,
            }),
            LicenceState::None | LicenceState::Revoked | LicenceState::Expired => None,
        }
    }
}

/// An act that has just come into force.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    /// The deployment.
    pub(crate) title: Text,
    /// The state of its licence now.
    pub(crate) licence: LicenceState,
    /// The entry in the record.
    pub(crate) entry: u64,
}

impl Done {
    fn words(&self, shell: &Shell) -> String {
        let key = if self.licence.in_force() {
            "office-done-reinstated"
        } else {
            "office-done-suspended"
        };
        shell
            .with(key)
            .set("title", shell.of(&self.title))
            .to_string()
    }
}

/// What the office shows.
#[derive(Template)]
#[template(path = "office.html")]
pub(crate) struct OfficePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// Every deployment.
    pub(crate) rows: Vec<OfficeRow>,
    /// What the last form did.
    pub(crate) done: Option<Done>,
}

impl OfficePage {
    fn failed(&self) -> bool {
        self.rows.iter().any(|it| it.error.is_some())
    }
}

impl Page for OfficePage {
    const NAME: &'static str = "office";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::in_office(shell, Route::Office);
        let page = |rows: Vec<OfficeRow>, done: Option<Done>| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            rows,
            done,
        };
        let with_error = |error: ReasonError, reason: &str| {
            let mut rows = sample::office_rows();
            if let Some(row) = rows.first_mut() {
                row.error = Some(error);
                reason.clone_into(&mut row.reason);
            }
            page(rows, None)
        };
        let done = |licence: LicenceState| Done {
            title: sample::bus().title.clone(),
            licence,
            entry: 5,
        };
        vec![
            ("full", page(sample::office_rows(), None)),
            ("empty", page(Vec::new(), None)),
            (
                "suspended",
                page(sample::office_rows(), Some(done(LicenceState::Suspended))),
            ),
            (
                "reinstated",
                page(sample::office_rows(), Some(done(LicenceState::Active))),
            ),
            ("error-missing", with_error(ReasonError::Missing, "")),
            (
                "error-long",
                with_error(ReasonError::Long(612), "A long reason"),
            ),
            ("error-state", with_error(ReasonError::State, "A reason")),
            (
                "error-sanctioned",
                with_error(ReasonError::Sanctioned, "A reason"),
            ),
        ]
    }
}
