//! A person gives to the commons: what it means, what they would give, what waits.

use askama::Template;
use custody::{
    DataSetId, ERASURE_NOTICE_DAYS, GiftAsk, GiftPreview, Given, MAX_ERASURES_PER_DAY, WaitingGifts,
};
use model::{Notice, Text, ThingId, Timestamp};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// The most rows that a preview shows; there can be thousands.
const MAX_ROWS: usize = 12;
/// The most fields that are named as left behind.
const MAX_LEFT: usize = 12;
/// The most devices that a preview names.
const MAX_THINGS: usize = 12;

/// What was done, or why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GiftNews {
    /// It was given.
    Given(Given),
    /// It was taken back.
    TakenBack,
    /// There was nothing to take back.
    NothingWaits,
    /// Who asks has not proved who they are.
    NotProved,
    /// Nothing is there to give.
    Nothing,
    /// A law wants it kept.
    KeptByLaw,
    /// Too much at once.
    TooMuch,
    /// A date does not read, or the end lies before the beginning.
    Dates,
    /// As often as they may in a day.
    TooMany,
    /// The batch takes no more.
    Full,
    /// It is written down and will be finished.
    Unfinished,
    /// What is there is not what was shown.
    Stale,
}

impl GiftNews {
    /// Whether nothing was done.
    pub(crate) const fn is_problem(self) -> bool {
        !matches!(self, Self::Given(_) | Self::TakenBack | Self::Unfinished)
    }

    fn words(self, shell: &Shell) -> String {
        match self {
            Self::Given(given) => shell
                .with("unlink-given")
                .set("rows", given.rows)
                .set("readings", given.readings)
                .to_string(),
            Self::TakenBack => shell.say("unlink-taken-back"),
            Self::NothingWaits => shell.say("unlink-nothing-waits"),
            Self::NotProved => shell.say("unlink-not-proved"),
            Self::Nothing => shell.say("unlink-nothing"),
            Self::KeptByLaw => shell.say("unlink-by-law"),
            Self::TooMuch => shell.say("unlink-too-much"),
            Self::Dates => shell.say("unlink-dates"),
            Self::TooMany => shell
                .with("unlink-too-many")
                .set("count", MAX_ERASURES_PER_DAY)
                .to_string(),
            Self::Full => shell.say("unlink-full"),
            Self::Unfinished => shell.say("unlink-unfinished"),
            Self::Stale => shell.say("unlink-stale"),
        }
    }
}

/// What a person can give to.
#[derive(Debug, Clone)]
pub(crate) struct GiftChoice {
    /// The data set.
    pub(crate) id: DataSetId,
    /// What people call it.
    pub(crate) title: Text,
    /// What people call the deployment.
    pub(crate) place: Text,
}

/// Where a person gives.
#[derive(Template)]
#[template(path = "unlink.html")]
pub(crate) struct UnlinkPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// The data sets that readings about the person fit.
    pub(crate) choices: Vec<GiftChoice>,
    /// What of them waits.
    pub(crate) waiting: Vec<WaitingGifts>,
    /// What was done.
    pub(crate) news: Option<GiftNews>,
}

impl UnlinkPage {
    fn failed(&self) -> bool {
        self.news.is_some_and(GiftNews::is_problem)
    }
}

/// What a person would give.
#[derive(Template)]
#[template(path = "gift.html")]
pub(crate) struct GiftPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// What would be given.
    pub(crate) preview: GiftPreview,
    /// What the notice in force calls its fields.
    pub(crate) notice: Option<std::sync::Arc<Notice>>,
    /// Why nothing was given yet.
    pub(crate) news: Option<GiftNews>,
}

impl GiftPage {
    fn titles(&self) -> impl Iterator<Item = &Text> {
        self.preview.data_set.columns.iter().map(|it| &it.title)
    }

    fn rows(&self) -> impl Iterator<Item = &Vec<String>> {
        self.preview.rows.iter().take(MAX_ROWS)
    }

    fn more(&self) -> usize {
        self.preview.rows.len().saturating_sub(MAX_ROWS)
    }

    fn left(&self) -> Vec<String> {
        let name = |pointer: &String| {
            let field = self.notice.as_ref().and_then(|it| it.field_at(pointer));
            let title = field.map(|it| self.shell.of(&it.title).to_owned());
            title.unwrap_or_else(|| pointer.clone())
        };
        let mut names: Vec<String> = self.preview.left_behind.iter().map(name).collect();
        names.dedup();
        names.truncate(MAX_LEFT);
        names
    }

    fn more_left(&self) -> usize {
        self.preview.left_behind.len().saturating_sub(MAX_LEFT)
    }

    fn things(&self) -> impl Iterator<Item = (&ThingId, &usize)> {
        self.preview.things.iter().take(MAX_THINGS)
    }

    fn millis(at: Option<&Timestamp>) -> String {
        at.map_or_else(String::new, |it| it.as_millis().to_string())
    }

    fn from(&self) -> String {
        Self::millis(self.preview.ask.from.as_ref())
    }

    fn until(&self) -> String {
        Self::millis(self.preview.ask.until.as_ref())
    }

    fn thing(&self) -> &str {
        let thing = self.preview.ask.thing.as_ref();
        thing.map_or("", ThingId::as_str)
    }
}

#[expect(clippy::unreachable, reason = "it is an identifier")]
fn sample_ask() -> GiftAsk {
    let view = super::commons::sample_view();
    let Ok(person) = model::PersonId::parse("p-sample") else {
        unreachable!("it is an identifier")
    };
    GiftAsk {
        person,
        data_set: view.data_set.id,
        thing: None,
        from: None,
        until: Some(sample::NOW),
    }
}

impl Page for UnlinkPage {
    const NAME: &'static str = "unlink";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let data_set = super::commons::sample_view().data_set;
        let choice = GiftChoice {
            id: data_set.id.clone(),
            title: data_set.title.clone(),
            place: sample::home().title.clone(),
        };
        let waiting = WaitingGifts {
            data_set,
            rows: 48,
            decided_at: sample::NOW.plus_millis(3 * 86_400_000),
        };
        let page = |choices, waiting, news| Self {
            shell: sample::signed_in(shell, Route::Unlink),
            form: FormToken::sample(),
            choices,
            waiting,
            news,
        };
        let given = GiftNews::Given(Given {
            rows: 48,
            readings: 1_234,
        });
        let one = || vec![choice.clone()];
        vec![
            ("new", page(one(), Vec::new(), None)),
            ("given", page(one(), vec![waiting], Some(given))),
            ("none", page(Vec::new(), Vec::new(), None)),
            ("nothing", page(one(), Vec::new(), Some(GiftNews::Nothing))),
            ("back", page(one(), Vec::new(), Some(GiftNews::TakenBack))),
        ]
    }
}

impl Page for GiftPage {
    const NAME: &'static str = "gift";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let row = |it: usize| vec![format!("{:02}", it % 24), ((it % 5) * 250).to_string()];
        let things = ThingId::parse("meter-12").into_iter().map(|it| (it, 1_234));
        let preview = GiftPreview {
            data_set: super::commons::sample_view().data_set,
            ask: sample_ask(),
            rows: (0..48).map(row).collect(),
            readings: 1_234,
            span: Some((sample::NOW.plus_millis(-86_400_000), sample::NOW)),
            things: things.collect(),
            left_behind: ["/energy".to_owned(), "/phase".to_owned()].into(),
            kept_by_law: 96,
            imported: 31,
            sealed_readings: 288,
            digest: sample::hash(7),
        };
        let page = |preview, news| Self {
            shell: sample::signed_in(shell, Route::Unlink),
            form: FormToken::sample(),
            notice: Some(sample::home()),
            preview,
            news,
        };
        let denied = page(preview.clone(), Some(GiftNews::NotProved));
        let small = GiftPreview {
            rows: vec![row(3)],
            left_behind: std::collections::BTreeSet::new(),
            kept_by_law: 0,
            imported: 0,
            sealed_readings: 0,
            ..preview.clone()
        };
        vec![
            ("full", page(preview, None)),
            ("denied", denied),
            ("small", page(small, Some(GiftNews::Stale))),
        ]
    }
}
