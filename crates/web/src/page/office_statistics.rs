//! Figures about many people in the office: ask for one, and see what may still be told about each period.

use askama::Template;
use custody::{Budget, Epsilon, Measure, ReleaseView, StatisticView};
use model::{Text, Timestamp};

use super::statistics::StatisticCard;
use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// How many of the newest questions are listed.
const MAX_ASKED: usize = 12;

/// Every statistical data set.
#[derive(Template)]
#[template(path = "office_statistics.html")]
pub(crate) struct OfficeStatisticsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The data sets, by name.
    pub(crate) cards: Vec<StatisticCard>,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AskNews {
    /// It will be drawn.
    New,
    /// It was asked before.
    Before,
    /// The budget of the period does not reach.
    Overrun {
        /// What it costs.
        asked: Epsilon,
        /// What is left.
        left: Epsilon,
        /// When the next period begins, which has its own.
        next: Timestamp,
    },
    /// The period is not over before this.
    NotOver(Timestamp),
    /// What is kept came out of a backup then, and the period ended before.
    Restored(Timestamp),
    /// Too little to say anything.
    TooSmall,
    /// The recipient may not have anything now.
    NoAccess,
    /// What stands there is no ε.
    Epsilon,
    /// What stands there is no number of a hundred.
    Percent,
}

impl AskNews {
    const fn is_problem(&self) -> bool {
        !matches!(self, Self::New | Self::Before)
    }

    /// The part of the form that it is about.
    const fn place(&self) -> &'static str {
        match self {
            Self::NotOver(_) | Self::Restored(_) => "from",
            Self::Percent => "percent",
            Self::New | Self::Before | Self::NoAccess => "figure",
            Self::Overrun { .. } | Self::TooSmall | Self::Epsilon => "epsilon",
        }
    }

    fn words(&self, shell: &Shell) -> String {
        match self {
            Self::New => shell.say("ask-new"),
            Self::Before => shell.say("ask-before"),
            Self::Overrun { asked, left, next } => shell
                .with("ask-overrun")
                .set("asked", asked.to_string())
                .set("left", left.to_string())
                .set("next", shell.moment(next))
                .to_string(),
            Self::NotOver(at) => {
                let message = shell.with("ask-not-over");
                message.set("time", shell.moment(at)).to_string()
            }
            Self::Restored(at) => {
                let message = shell.with("ask-restored");
                message.set("time", shell.moment(at)).to_string()
            }
            Self::TooSmall => shell.say("ask-too-small"),
            Self::NoAccess => shell.say("ask-no-access"),
            Self::Epsilon => shell
                .with("ask-no-epsilon")
                .set("most", Epsilon::MAX.to_string())
                .to_string(),
            Self::Percent => shell.say("ask-no-percent"),
        }
    }
}

/// What was written into the form, kept when something was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AskInput {
    /// When the period begins, in milliseconds.
    pub(crate) from: String,
    /// The figure.
    pub(crate) figure: String,
    /// Of a quantile: how many of a hundred lie below.
    pub(crate) percent: String,
    /// What it may cost.
    pub(crate) epsilon: String,
}

/// A figure that can be asked for: its word in the form; a quantile has its percentage beside it.
pub(crate) const FIGURES: [(&str, Measure); 5] = [
    ("people", Measure::People),
    ("sum", Measure::Sum),
    ("mean", Measure::Mean),
    ("histogram", Measure::Histogram),
    ("quantile", Measure::Quantile(50)),
];

/// One data set: the form, and what is left.
#[derive(Template)]
#[template(path = "office_statistic.html")]
pub(crate) struct OfficeStatisticPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// The data set.
    pub(crate) view: StatisticView,
    /// What people call the deployment.
    pub(crate) place: Text,
    /// The newest periods that are over, newest first, with what was spent on each.
    pub(crate) periods: Vec<(Timestamp, Budget)>,
    /// What was asked, the newest period first.
    pub(crate) asked: Vec<ReleaseView>,
    /// What stands in the form.
    pub(crate) input: AskInput,
    /// What became of the last question.
    pub(crate) news: Option<AskNews>,
}

impl OfficeStatisticPage {
    fn failed(&self) -> bool {
        self.news.as_ref().is_some_and(AskNews::is_problem)
    }

    fn figure(&self, figure: &(&'static str, Measure)) -> String {
        match figure.1 {
            Measure::Quantile(_) => self.shell.say("ask-quantile"),
            other => self.shell.measure(other),
        }
    }

    fn figures(&self) -> impl Iterator<Item = &'static (&'static str, Measure)> {
        FIGURES.iter()
    }

    fn lines(&self) -> &[ReleaseView] {
        self.asked.get(..MAX_ASKED).unwrap_or(&self.asked)
    }

    fn period(&self, from: &Timestamp, budget: &Budget) -> String {
        self.shell
            .with("ask-period")
            .set("from", self.shell.moment(from))
            .set("left", budget.left().to_string())
            .to_string()
    }

    fn state(&self, release: &ReleaseView) -> String {
        self.shell.say(match &release.released {
            None => "stat-waits",
            Some(it) if it.drawn.is_withheld => "stat-withheld",
            Some(_) => "ask-released",
        })
    }

    /// What is wrong with one part of the form.
    fn wrong(&self, place: &str) -> Option<String> {
        let news = self.news.as_ref().filter(|it| it.is_problem())?;
        (news.place() == place).then(|| news.words(&self.shell))
    }
}

impl Page for OfficeStatisticsPage {
    const NAME: &'static str = "office-statistics";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |cards| Self {
            shell: sample::in_office(shell, Route::OfficeStatistics),
            cards,
        };
        let card = super::statistics::sample_view().map(|view| StatisticCard {
            view,
            place: sample::home().title.clone(),
            newest: Some(sample::NOW),
        });
        vec![
            ("full", page(card.into_iter().collect())),
            ("empty", page(Vec::new())),
        ]
    }
}

impl Page for OfficeStatisticPage {
    const NAME: &'static str = "office-statistic";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let Some(view) = super::statistics::sample_view() else {
            return Vec::new();
        };
        let epsilon = |micro| Epsilon::from_micro(micro).unwrap_or(Epsilon::ZERO);
        let last = view.declared.before(view.declared.period_of(sample::NOW));
        let page = |news: Option<AskNews>| {
            let id = view.declared.id.clone();
            let budget = |spent| Budget::new(view.declared.budget, epsilon(spent));
            Self {
                shell: sample::in_office(shell, Route::OfficeStatistic(id)),
                form: FormToken::sample(),
                place: sample::home().title.clone(),
                periods: vec![
                    (last, budget(400_000)),
                    (view.declared.before(last), budget(1_000_000)),
                ],
                asked: super::statistics::sample_releases(&view),
                input: AskInput::default(),
                news,
                view: view.clone(),
            }
        };
        let mut ended = page(None);
        ended.view.ended_at = Some(sample::NOW);
        let overrun = AskNews::Overrun {
            asked: epsilon(700_000),
            left: epsilon(600_000),
            next: sample::NOW,
        };
        vec![
            ("full", page(None)),
            ("ended", ended),
            ("new", page(Some(AskNews::New))),
            ("before", page(Some(AskNews::Before))),
            ("error-overrun", page(Some(overrun))),
            ("error-not-over", page(Some(AskNews::NotOver(sample::NOW)))),
            ("error-restored", page(Some(AskNews::Restored(sample::NOW)))),
            ("error-small", page(Some(AskNews::TooSmall))),
            ("error-access", page(Some(AskNews::NoAccess))),
            ("error-epsilon", page(Some(AskNews::Epsilon))),
            ("error-percent", page(Some(AskNews::Percent))),
        ]
    }
}
