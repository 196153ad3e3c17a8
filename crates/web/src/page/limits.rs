//! The rulebook's limits: what is in force, and the forms to add and lift one.

use askama::Template;
use model::{Cap, CapTarget, Level, PurposeId, Sensitivity, Text, Timestamp};

use super::{Page, REASON_LIMIT, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// A limit in force.
#[derive(Debug, Clone)]
pub(crate) struct LimitLine {
    /// What it limits, and how far.
    pub(crate) cap: Cap,
    /// Why.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

impl LimitLine {
    /// What is limited, as the form that lifts it sends it.
    fn target(&self) -> String {
        format!("{}:{}", self.cap.target.kind(), self.cap.target.name())
    }

    fn purpose(&self) -> &str {
        self.cap.purpose.as_ref().map_or("", PurposeId::as_str)
    }
}

/// What is wrong with what an officer sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitError {
    /// No reason was written.
    ReasonMissing,
    /// The reason has this many characters.
    ReasonLong(usize),
    /// The name of the field is none.
    Field,
    /// The rulebook is full.
    Full,
    /// The limit is not there any more.
    Gone,
}

impl LimitError {
    /// The part of the form that it is about.
    fn place(self) -> &'static str {
        match self {
            Self::ReasonMissing | Self::ReasonLong(_) => "reason",
            Self::Field => "field",
            Self::Full | Self::Gone => "limits",
        }
    }

    fn words(self, shell: &Shell) -> String {
        match self {
            Self::ReasonMissing => shell.say("office-reason-missing"),
            Self::ReasonLong(length) => {
                let message = shell.with("office-reason-long").set("length", length);
                message.set("limit", REASON_LIMIT).to_string()
            }
            Self::Field => shell.say("limits-field-wrong"),
            Self::Full => shell
                .with("limits-full")
                .set("most", custody::MAX_CAPS)
                .to_string(),
            Self::Gone => shell.say("limits-gone"),
        }
    }
}

/// What was written into the form that sets a limit, kept when something was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LimitInput {
    /// A sensitivity, or empty for a field.
    pub(crate) sensitivity: String,
    /// The JSON Pointer of a field.
    pub(crate) field: String,
    /// A purpose, or empty for every one.
    pub(crate) purpose: String,
    /// The most that may pass.
    pub(crate) most: String,
    /// Why.
    pub(crate) reason: String,
}

/// What the last form did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitDone {
    /// A limit is in force.
    Set,
    /// A limit is lifted.
    Lifted,
}

/// What the page of the limits shows.
#[derive(Template)]
#[template(path = "limits.html")]
pub(crate) struct LimitsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// Every limit.
    pub(crate) limits: Vec<LimitLine>,
    /// The purposes of all notices in force, each once.
    pub(crate) purposes: Vec<(PurposeId, Text)>,
    /// What was written.
    pub(crate) input: LimitInput,
    /// Everything that was wrong with it.
    pub(crate) errors: Vec<LimitError>,
    /// What the last form did.
    pub(crate) done: Option<LimitDone>,
}

impl LimitsPage {
    /// The steps that can be chosen as the most, with their words.
    fn levels(&self) -> Vec<(String, String)> {
        let coarse = (1..=Level::MAX_COARSE).filter_map(Level::coarse);
        let all = [Level::OFF].into_iter().chain(coarse);
        all.map(|it| (it.to_string(), self.shell.limit_most(it)))
            .collect()
    }

    fn sensitivities(&self) -> impl Iterator<Item = &'static Sensitivity> {
        Sensitivity::ALL.iter()
    }

    /// What is wrong with one part of the form.
    fn wrong(&self, place: &str) -> Option<String> {
        let error = self.errors.iter().find(|it| it.place() == place)?;
        Some(error.words(&self.shell))
    }
}

impl Page for LimitsPage {
    const NAME: &'static str = "limits";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::in_office(shell, Route::OfficeLimits);
        let notice = sample::home();
        let purposes = notice.purposes.iter();
        let purposes: Vec<_> = purposes
            .map(|it| (it.id.clone(), it.title.clone()))
            .collect();
        let page = |limits: Vec<LimitLine>| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            limits,
            purposes: purposes.clone(),
            input: LimitInput::default(),
            errors: Vec::new(),
            done: None,
        };
        let limits = limits_of_samples(&purposes);
        let mut set = page(limits.clone());
        set.done = Some(LimitDone::Set);
        let mut lifted = page(Vec::new());
        lifted.done = Some(LimitDone::Lifted);
        let wrong = |errors: &[LimitError]| {
            let mut wrong = page(limits.clone());
            wrong.errors = errors.to_vec();
            wrong.input.reason = "A reason".to_owned();
            wrong.input.field = "power".to_owned();
            wrong
        };
        vec![
            ("full", page(limits.clone())),
            ("empty", page(Vec::new())),
            ("set", set),
            ("lifted", lifted),
            ("error-missing", wrong(&[LimitError::ReasonMissing])),
            ("error-long", wrong(&[LimitError::ReasonLong(612)])),
            ("error-field", wrong(&[LimitError::Field])),
            (
                "error-both",
                wrong(&[LimitError::Field, LimitError::ReasonMissing]),
            ),
            ("error-many", wrong(&[LimitError::Full])),
            ("error-gone", wrong(&[LimitError::Gone])),
        ]
    }
}

/// Two limits, one of each kind.
pub(super) fn limits_of_samples(purposes: &[(PurposeId, Text)]) -> Vec<LimitLine> {
    let line = |target, purpose: Option<PurposeId>, most, reason: &str| LimitLine {
        cap: Cap {
            target,
            purpose,
            most,
        },
        reason: reason.to_owned(),
        since: sample::NOW,
    };
    let notice = sample::home();
    let field = notice.fields.first().map(|it| it.pointer.clone());
    let purpose = purposes.first().map(|it| it.0.clone());
    let coarse = Level::coarse(1).unwrap_or(Level::OFF);
    let by_field = field.map(|it| {
        let reason = "Exact values tell when people are at home.";
        line(CapTarget::Field(it), purpose, coarse, reason)
    });
    let by_sensitivity = line(
        CapTarget::Sensitivity(Sensitivity::VeryHigh),
        None,
        Level::OFF,
        "Nothing of this kind is measured by members of this alliance.",
    );
    by_field.into_iter().chain([by_sensitivity]).collect()
}
