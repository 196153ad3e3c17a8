//! What a person shares: every field × purpose × recipient of a deployment with its levels.

use askama::Template;
use model::{DeploymentId, Field, LegalBasis, Level, LicenceState, Text};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// One field on its way to one recipient for one purpose.
#[derive(Debug, Clone)]
pub(crate) struct ChoiceRow {
    /// The name of its control: purpose, recipient and pointer, separated by single spaces.
    pub(crate) name: String,
    /// The name of its place in the page.
    pub(crate) anchor: String,
    /// The field.
    pub(crate) field: Field,
    /// Whether the field says who a message is about: recipients get a cover name in its place.
    pub(crate) covered: bool,
    /// Why it is allowed.
    pub(crate) basis: LegalBasis,
    /// The law or reason behind the basis.
    pub(crate) source: Option<Text>,
    /// The levels to choose from, from off upwards.
    pub(crate) options: Vec<Level>,
    /// What was chosen.
    pub(crate) chosen: Level,
    /// What passes now.
    pub(crate) effective: Level,
    /// Whether the form sent a level that is not among the options.
    pub(crate) bad: bool,
}

impl ChoiceRow {
    /// A level in words.
    pub(crate) fn words(&self, shell: &Shell, level: &Level) -> String {
        if self.covered && *level == Level::ON {
            shell.say("notice-cover-name")
        } else {
            shell.level(&self.field, level)
        }
    }

    fn is_chosen(&self, level: &Level) -> bool {
        *level == self.chosen && !self.bad
    }

    /// Whether less passes now than was chosen: the recipient has no access yet, or another rule holds it back.
    fn waits(&self) -> bool {
        self.effective < self.chosen
    }

    fn source_in<'a>(&'a self, shell: &'a Shell) -> &'a str {
        self.source.as_ref().map_or("–", |it| shell.of(it))
    }
}

/// One recipient for one purpose.
#[derive(Debug, Clone)]
pub(crate) struct ChoiceLane {
    /// The name of its explanation in the page.
    pub(crate) anchor: String,
    /// Who receives.
    pub(crate) recipient: Text,
    /// Under which terms.
    pub(crate) terms: Text,
    /// For what.
    pub(crate) purpose: Text,
    /// Why, in a sentence.
    pub(crate) why: Text,
    /// The fields.
    pub(crate) rows: Vec<ChoiceRow>,
}

impl ChoiceLane {
    /// The first row, if what is explained about it holds for all.
    fn shared(&self) -> Option<&ChoiceRow> {
        let (first, rest) = self.rows.split_first()?;
        let same = |it: &ChoiceRow| {
            it.basis == first.basis && it.source == first.source && it.waits() == first.waits()
        };
        rest.iter().all(same).then_some(first)
    }
}

/// A choice that has just come into force, in the reader's words.
#[derive(Debug, Clone)]
pub(crate) struct ChoiceChange {
    /// Which field.
    pub(crate) field: String,
    /// To whom.
    pub(crate) recipient: String,
    /// For what.
    pub(crate) purpose: String,
    /// The level before.
    pub(crate) before: String,
    /// The level now.
    pub(crate) after: String,
}

/// What the last form did.
#[derive(Debug, Clone)]
pub(crate) enum Saved {
    /// There was none.
    No,
    /// It said what was in force already.
    Nothing,
    /// It put these changes in force.
    Changes(Vec<ChoiceChange>),
}

/// What the choices page shows.
#[derive(Template)]
#[template(path = "choices.html")]
pub(crate) struct ChoicesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// The deployment.
    pub(crate) deployment: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// Whether it may run.
    pub(crate) licence: LicenceState,
    /// Recipients and purposes with their fields.
    pub(crate) lanes: Vec<ChoiceLane>,
    /// What the last form did.
    pub(crate) saved: Saved,
}

impl ChoicesPage {
    fn failed(&self) -> bool {
        self.lanes
            .iter()
            .any(|lane| lane.rows.iter().any(|it| it.bad))
    }
}

impl Page for ChoicesPage {
    const NAME: &'static str = "choices";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let notice = sample::home();
        let shell = sample::signed_in(shell, Route::choices(&notice.deployment));
        let page = |lanes: Vec<ChoiceLane>, saved: Saved| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            deployment: notice.deployment.clone(),
            title: notice.title.clone(),
            licence: LicenceState::Active,
            lanes,
            saved,
        };
        let mut suspended = page(sample::lanes(&notice), Saved::Nothing);
        suspended.licence = LicenceState::Suspended;
        let mut failed = page(sample::lanes(&notice), Saved::No);
        if let Some(row) = failed.lanes.iter_mut().flat_map(|it| &mut it.rows).next() {
            row.bad = true;
        }
        vec![
            ("full", page(sample::lanes(&notice), Saved::No)),
            (
                "saved",
                page(
                    sample::lanes(&notice),
                    Saved::Changes(sample::changes(&shell, &notice)),
                ),
            ),
            ("unchanged", suspended),
            ("error", failed),
            ("covered", page(sample::lanes(&sample::bus()), Saved::No)),
            ("empty", page(Vec::new(), Saved::No)),
        ]
    }
}
