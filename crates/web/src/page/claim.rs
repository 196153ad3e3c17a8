//! Taking a device with the code from its label: what it measures first, the button afterwards.

use std::sync::Arc;

use askama::Template;
use jiff::tz::TimeZone;
use model::{Language, Notice, Role, Text};

use super::{Page, sample};
use crate::form::FormToken;
use crate::qr::{self, CodeError};
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::texts::Texts;

/// How many values the page names before it says how many more there are.
const MAX_VALUES: usize = 12;

/// Why a code leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimError {
    /// It is no code: too long, too short, or of other characters.
    Form,
    /// It does not work.
    Wrong,
    /// Too many that did not work.
    Wait,
}

/// The device of a code.
#[derive(Debug, Clone)]
pub(crate) struct ClaimDevice {
    /// What its deployment calls it.
    pub(crate) thing: String,
    /// What its deployment declares.
    pub(crate) notice: Arc<Notice>,
    /// As what it will sense the person.
    pub(crate) role: Role,
}

/// How far somebody is.
#[derive(Debug, Clone)]
pub(crate) enum ClaimStep {
    /// Nobody is signed in.
    SignIn,
    /// The code is asked for; what was typed stands there still.
    Enter(Option<ClaimError>, String),
    /// What the device measures, before anything happens.
    Look(ClaimDevice, String),
    /// It is theirs.
    Done(ClaimDevice),
}

/// What the page of claims shows.
#[derive(Template)]
#[template(path = "claim.html")]
pub(crate) struct ClaimPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token; nobody has one who is not signed in.
    pub(crate) form: Option<FormToken>,
    /// How far.
    pub(crate) step: ClaimStep,
}

impl ClaimPage {
    /// Whether something is wrong with the code, in words.
    fn wrong(&self) -> Option<String> {
        match &self.step {
            ClaimStep::Enter(Some(ClaimError::Form), _) => Some(self.shell.say("claim-form")),
            ClaimStep::Enter(Some(ClaimError::Wrong), _) => Some(self.shell.say("claim-wrong")),
            ClaimStep::Enter(Some(ClaimError::Wait), _) => Some(self.shell.say("claim-wait")),
            _ => None,
        }
    }
}

impl ClaimDevice {
    fn values(&self) -> impl Iterator<Item = &Text> {
        self.notice
            .fields
            .iter()
            .map(|it| &it.title)
            .take(MAX_VALUES)
    }

    fn more(&self) -> usize {
        self.notice.fields.len().saturating_sub(MAX_VALUES)
    }

    fn words(&self, shell: &Shell) -> String {
        match self.role {
            Role::Holder => shell.say("claim-role-holder"),
            Role::Household => shell.say("claim-role-household"),
            Role::Occupant => shell.say("claim-role-occupant"),
        }
    }
}

impl Page for ClaimPage {
    const NAME: &'static str = "claim";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let stranger = sample::at(shell, Route::Claim);
        let resident = sample::signed_in(shell, Route::Claim);
        let device = ClaimDevice {
            thing: "meter-17".to_owned(),
            notice: sample::home(),
            role: Role::Household,
        };
        let enter = |wrong, typed: &str| ClaimStep::Enter(wrong, typed.to_owned());
        let page = |step: ClaimStep| Self {
            shell: match &step {
                ClaimStep::SignIn => stranger.clone(),
                _ => resident.clone(),
            },
            form: Some(FormToken::sample()),
            step,
        };
        let look = |role| {
            let device = ClaimDevice {
                role,
                ..device.clone()
            };
            page(ClaimStep::Look(device, "abcd-efgh-2345-wxyz".to_owned()))
        };
        vec![
            ("denied", page(ClaimStep::SignIn)),
            ("empty", page(enter(None, ""))),
            (
                "error-form",
                page(enter(Some(ClaimError::Form), "abcd-efgh")),
            ),
            (
                "error-wrong",
                page(enter(Some(ClaimError::Wrong), "abcd-efgh-2345-wxyz")),
            ),
            (
                "error-wait",
                page(enter(Some(ClaimError::Wait), "abcd-efgh-2345-wxyz")),
            ),
            ("full", look(Role::Household)),
            ("holder", look(Role::Holder)),
            ("occupant", look(Role::Occupant)),
            ("done", page(ClaimStep::Done(device.clone()))),
        ]
    }
}

/// A label to print and put on a device, in both languages.
#[derive(Template)]
#[template(path = "claim_label.html")]
struct ClaimLabel<'a> {
    both: [(Language, Texts); 2],
    code: &'a str,
    link: &'a str,
    until: &'a str,
    picture: String,
}

/// Why a label could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The link does not fit.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The page could not be written.
    #[error("the label could not be written")]
    Page(#[from] askama::Error),
}

/// A page to print with a claim code, its link as a QR code, and when it ends. The page is a secret until the code is used.
///
/// # Errors
/// When the link does not fit into a QR code.
pub fn claim_label(code: &str, link: &str, until: &str) -> Result<String, LabelError> {
    let texts = |language| (language, Texts::new(language, TimeZone::UTC));
    let svg = qr::svg(link)?;
    let label = ClaimLabel {
        both: [texts(Language::En), texts(Language::Ur)],
        code,
        link,
        until: until.split('T').next().unwrap_or(until),
        // Inside of a page an SVG has no XML declaration.
        picture: svg
            .find("<svg")
            .and_then(|it| svg.get(it..))
            .unwrap_or_default()
            .to_owned(),
    };
    Ok(label.render()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_code_link_and_picture_in_both_languages_and_no_script() {
        let link = "https://amanat.example/claim?code=abcd-efgh-2345-wxyz";
        let label = claim_label("abcd-efgh-2345-wxyz", link, "2026-12-24T10:00:00Z").unwrap();
        for part in [
            "abcd-efgh-2345-wxyz",
            link,
            "<svg",
            "2026-12-24",
            "lang=\"ur\"",
        ] {
            assert!(label.contains(part), "{part}");
        }
        assert!(!label.contains("<?xml") && !label.contains("script"));
        let escaped = claim_label("<i>", "https://a.example/\"><i>", "").unwrap();
        assert!(!escaped.contains("<i>"));
    }
}
