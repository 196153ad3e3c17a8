//! What a person shares: every field × purpose × recipient of a deployment with its levels.

use askama::Template;
use custody::{Preset, ReceiptId, Way};
use model::{DeploymentId, Field, LegalBasis, Level, LicenceState, Notice, Text, Timestamp};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::view::{commands, sources};

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
    /// What passes now from things that sense others too.
    pub(crate) together: Level,
    /// By which way it was decided; `None` where nothing was.
    pub(crate) way: Option<Way>,
    /// Why this passes and no more, in a sentence.
    pub(crate) why: Option<String>,
    /// Whether the thing itself was told to stop measuring, in a sentence.
    pub(crate) source_state: Option<String>,
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

    /// Whether somebody else who is sensed by the same thing chose less.
    fn held_back(&self) -> bool {
        self.together < self.effective
    }

    /// How it was decided, where that is not obvious.
    fn way_in(&self, shell: &Shell) -> Option<String> {
        match self.way? {
            Way::BrowserSignal => Some(shell.say("way-browser-signal")),
            Way::CarriedOver => Some(shell.say("way-carried-over")),
            _ => None,
        }
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
    /// It put changes in force.
    Changes {
        /// The first of them.
        changes: Vec<ChoiceChange>,
        /// How many more there are.
        more: usize,
        /// The receipt.
        receipt: Option<ReceiptId>,
    },
}

/// That the notice changed after the person last chose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News {
    /// When, where that is known.
    pub(crate) at: Option<Timestamp>,
}

/// A page of the values of a deployment with many.
#[derive(Debug, Clone)]
pub(crate) struct SheetPage {
    /// The purposes on it, in their order.
    pub(crate) purposes: Vec<Text>,
    /// The number of its first value, from 1.
    pub(crate) first: usize,
    /// The number of its last value.
    pub(crate) last: usize,
    /// Where it is.
    pub(crate) route: Route,
    /// Whether it is the one that is shown.
    pub(crate) here: bool,
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
    /// All pages, where there are several.
    pub(crate) pages: Vec<SheetPage>,
    /// Where the form goes.
    pub(crate) action: Route,
    /// How many values are off because the browser asked for it.
    pub(crate) signal: usize,
    /// Whether the notice changed since the person last chose.
    pub(crate) news: Option<News>,
    /// Whether the person has other deployments, for which the same can be chosen.
    pub(crate) others: bool,
    /// What the devices were told, a line each.
    pub(crate) told: Vec<String>,
    /// What others had the devices do, a line each.
    pub(crate) done: Vec<String>,
    /// What the last form did.
    pub(crate) saved: Saved,
}

impl ChoicesPage {
    fn presets(&self) -> [Preset; 4] {
        Preset::ALL
    }

    /// How many values there are on all pages.
    fn count(&self) -> usize {
        self.pages.last().map_or(0, |it| it.last)
    }

    fn decided(&self) -> bool {
        let mut rows = self.lanes.iter().flat_map(|it| &it.rows);
        rows.any(|it| it.way.is_some())
    }

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
            pages: Vec::new(),
            action: Route::choices(&notice.deployment),
            signal: 0,
            news: None,
            others: true,
            told: Vec::new(),
            done: Vec::new(),
            saved,
        };
        let receipt = sample::receipt_id();
        let mut signal = page(sample::lanes(&notice), Saved::No);
        signal.signal = 1;
        if let Some(row) = signal.lanes.iter_mut().flat_map(|it| &mut it.rows).nth(1) {
            row.way = Some(Way::BrowserSignal);
            (row.chosen, row.effective, row.together) = (Level::ON, Level::ON, Level::OFF);
            row.why = Some("It passes because you allowed it.".to_owned());
        }
        let switched = switched(page(sample::lanes(&notice), Saved::No), &notice);
        let mut commanded = page(sample::lanes(&notice), Saved::No);
        if let Some(notice) = commands::sample_notice(&notice) {
            commanded.done = commands::sample_log(&shell, &notice, sample::NOW);
        }
        let mut changed = page(sample::lanes(&notice), Saved::No);
        changed.news = Some(News {
            at: Some(sample::NOW),
        });
        let mut undated = page(sample::lanes(&sample::bus()), Saved::No);
        undated.news = Some(News { at: None });
        let mut long = page(sample::lanes(&notice), Saved::No);
        long.pages = sample::sheet_pages(&notice);
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
                    Saved::Changes {
                        changes: sample::changes(&shell, &notice),
                        more: 3,
                        receipt,
                    },
                ),
            ),
            ("signal", signal),
            ("switched", switched),
            ("commanded", commanded),
            ("long", long),
            ("unchanged", suspended),
            ("error", failed),
            ("changed", changed),
            ("changed-undated", undated),
            ("covered", page(sample::lanes(&sample::bus()), Saved::No)),
            ("empty", page(Vec::new(), Saved::No)),
        ]
    }
}

/// A sample in which devices were told things.
fn switched(mut switched: ChoicesPage, notice: &Notice) -> ChoicesPage {
    let shell = switched.shell.clone();
    for (place, row) in switched
        .lanes
        .iter_mut()
        .flat_map(|it| &mut it.rows)
        .enumerate()
    {
        let states = sources::samples(&row.field.pointer, sample::NOW);
        let state = states.get(place..=place).unwrap_or_default();
        row.source_state = sources::line(&shell, state, &row.field.pointer);
    }
    if let Some(field) = notice.fields.first() {
        let events = sources::sample_events(&field.pointer, sample::NOW);
        switched.told = sources::log(&shell, notice, &events);
    }
    switched
}
