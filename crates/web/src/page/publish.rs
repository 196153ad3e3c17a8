//! Open data in the office: declare a data set, decide on what people gave.

use askama::Template;
use custody::{DataSet, DataSetId, Decided, MAX_DATA_SET_BYTES, Refusal};
use model::{DeploymentId, Text};

use super::commons::{self, ColumnLine, CommonsCard};
use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// What the last form did, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublishNews {
    /// It is declared.
    Declared(DataSetId),
    /// It was not, or would not be; what is wrong, as the file's language has it.
    Wrong(String),
    /// A batch is published.
    Published(DataSetId),
    /// A batch is refused.
    Refused(DataSetId, Refusal),
    /// Too few have given.
    NotYet {
        /// How many at least.
        homes: u32,
        /// How many must have.
        wanted: u32,
    },
    /// It was refused, and nobody has given since.
    Same,
}

impl PublishNews {
    const fn is_problem(&self) -> bool {
        matches!(self, Self::Wrong(_) | Self::NotYet { .. } | Self::Same)
    }

    fn words(&self, shell: &Shell) -> String {
        match self {
            Self::Declared(_) => shell.say("publish-declared"),
            Self::Wrong(_) => shell.say("publish-wrong"),
            Self::Published(_) => shell.say("publish-published"),
            Self::Refused(_, refusal) => {
                let message = shell.with("publish-refused");
                message
                    .set("why", commons::refused(shell, *refusal))
                    .to_string()
            }
            Self::NotYet { homes, wanted } => {
                let message = shell.with("publish-not-yet");
                message
                    .set("homes", *homes)
                    .set("wanted", *wanted)
                    .to_string()
            }
            Self::Same => shell.say("publish-same"),
        }
    }

    /// The data set whose page shows more.
    fn data_set(&self) -> Option<&DataSetId> {
        match self {
            Self::Declared(id) | Self::Published(id) | Self::Refused(id, _) => Some(id),
            Self::Wrong(_) | Self::NotYet { .. } | Self::Same => None,
        }
    }

    /// What is wrong with a file.
    fn detail(&self) -> Option<&str> {
        match self {
            Self::Wrong(detail) => Some(detail),
            _ => None,
        }
    }
}

/// The page of open data in the office.
#[derive(Template)]
#[template(path = "publish.html")]
pub(crate) struct PublishPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// Every data set.
    pub(crate) cards: Vec<CommonsCard>,
    /// The deployments of which one could be made.
    pub(crate) places: Vec<(DeploymentId, Text)>,
    /// What stands in the form.
    pub(crate) source: String,
    /// What it would declare, when it was looked at and is fine.
    pub(crate) looked: Option<Box<DataSet>>,
    /// What the last form did.
    pub(crate) news: Option<PublishNews>,
}

impl PublishPage {
    fn most(&self) -> String {
        let bytes = u64::try_from(MAX_DATA_SET_BYTES).unwrap_or(u64::MAX);
        super::export::size(&self.shell, &bytes)
    }

    fn failed(&self) -> bool {
        self.news.as_ref().is_some_and(PublishNews::is_problem)
    }

    fn columns<'a>(&'a self, data_set: &'a DataSet) -> Vec<ColumnLine<'a>> {
        commons::columns(&self.shell, data_set)
    }

    fn rule(&self, data_set: &DataSet) -> String {
        commons::rule(&self.shell, data_set)
    }

    /// When the newest release came, of how many rows.
    fn newest<'a>(&self, card: &'a CommonsCard) -> Option<&'a Decided> {
        card.newest.as_ref()
    }
}

impl Page for PublishPage {
    const NAME: &'static str = "office-commons";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let view = commons::sample_view();
        let notice = sample::home();
        let page = |news: Option<PublishNews>| Self {
            shell: sample::in_office(shell, Route::OfficeCommons),
            form: FormToken::sample(),
            cards: vec![CommonsCard {
                view: view.clone(),
                place: notice.title.clone(),
                newest: None,
            }],
            places: vec![(notice.deployment.clone(), notice.title.clone())],
            source: String::new(),
            looked: None,
            news,
        };
        let id = || view.data_set.id.clone();
        let mut looked = page(None);
        looked.source.clone_from(&view.document);
        looked.looked = Some(Box::new(view.data_set.clone()));
        let mut wrong = page(Some(PublishNews::Wrong(
            "`k` lies between 5 and 1000".to_owned(),
        )));
        wrong.source = "id = \"home-energy\"".to_owned();
        let mut empty = page(None);
        empty.cards.clear();
        empty.places.clear();
        vec![
            ("full", page(None)),
            ("empty", empty),
            ("looked", looked),
            ("declared", page(Some(PublishNews::Declared(id())))),
            ("published", page(Some(PublishNews::Published(id())))),
            (
                "refused",
                page(Some(PublishNews::Refused(id(), Refusal::Linkage))),
            ),
            ("error-wrong", wrong),
            (
                "error-not-yet",
                page(Some(PublishNews::NotYet {
                    homes: 5,
                    wanted: 10,
                })),
            ),
            ("error-same", page(Some(PublishNews::Same))),
        ]
    }
}
