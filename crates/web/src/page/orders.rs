//! Orders of authorities: for everybody, at the desk, and about who looks.

use std::collections::BTreeSet;

use alliance::orders::{
    MAX_EMBARGO_DAYS, MAX_ORDER_DAYS, MAX_ORDER_PAST_DAYS, MAX_ORDER_WORD_CHARS, OrderDraft,
    OrderFigures, OrderFile, OrderState, OrderTold,
};
use askama::Template;
use custody::OrderData;
use model::{DeploymentId, PersonId, Text};

use super::{Page, sample};
use crate::form::FormToken;
use crate::page::REASON_LIMIT;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// An order, as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct OrderCard {
    /// It.
    pub(crate) file: OrderFile,
    /// What people call the deployment.
    pub(crate) title: Text,
    /// What people call the fields.
    pub(crate) fields: Vec<Text>,
    /// What everybody learns; nothing while an embargo stands.
    pub(crate) told: Option<OrderTold>,
    /// Whether who looks said already what they think.
    pub(crate) said: bool,
}

impl OrderCard {
    fn state(&self, shell: &Shell) -> String {
        shell.say(match self.file.state {
            OrderState::Waiting => "orders-state-waiting",
            OrderState::Standing => "orders-state-standing",
            OrderState::Refused => "orders-state-refused",
            OrderState::Lapsed => "orders-state-lapsed",
            OrderState::Expired => "orders-state-expired",
            OrderState::Ended => "orders-state-ended",
        })
    }

    /// As which licence state its tag looks.
    const fn look(&self) -> &'static str {
        match self.file.state {
            OrderState::Standing => "active",
            OrderState::Waiting => "suspended",
            _ => "none",
        }
    }

    fn law(&self, shell: &Shell) -> String {
        let file = &self.file;
        let words = shell
            .with("orders-by-law")
            .set("authority", &file.authority);
        let words = words.set("statute", &file.statute);
        words.set("section", &file.section).to_string()
    }

    fn data(&self, shell: &Shell) -> String {
        shell.say(match self.file.data {
            OrderData::Content => "orders-content",
            OrderData::Traffic => "orders-traffic",
        })
    }

    fn what(&self, shell: &Shell) -> Option<String> {
        (!self.fields.is_empty()).then(|| {
            let words = shell.with("orders-fields");
            words.set("fields", shell.titles(&self.fields)).to_string()
        })
    }

    /// The embargo, while the order is a secret.
    fn secret(&self, shell: &Shell) -> Option<String> {
        let until = self
            .file
            .embargo_until
            .filter(|_| self.file.state.was_approved())?;
        let words = shell.with("orders-secret").set("at", shell.moment(&until));
        self.told.is_none().then(|| words.to_string())
    }

    fn votes(&self, shell: &Shell) -> String {
        let chambers = |agrees| {
            let votes = self.file.votes.iter().filter(move |it| it.agrees == agrees);
            votes
                .map(|it| it.chamber.as_str())
                .collect::<BTreeSet<_>>()
                .len()
        };
        let words = shell.with("orders-votes").set("agree", chambers(true));
        words.set("refuse", chambers(false)).to_string()
    }

    fn waits(&self) -> bool {
        self.file.state == OrderState::Waiting
    }

    fn stands(&self) -> bool {
        self.file.state == OrderState::Standing
    }

    fn sample(state: OrderState, data: OrderData) -> Option<Self> {
        let bus = sample::bus();
        let person = PersonId::parse("p-sample").ok()?;
        let fields: Vec<_> = bus.fields.iter().take(2).collect();
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let decided = (state != OrderState::Waiting).then_some(sample::NOW);
        Some(Self {
            said: false,
            title: bus.title.clone(),
            fields: match data {
                OrderData::Content => fields.iter().map(|it| it.title.clone()).collect(),
                OrderData::Traffic => Vec::new(),
            },
            told: state.was_approved().then_some(OrderTold {
                people: 2,
                handed_over: 31,
            }),
            file: OrderFile {
                number: 7,
                authority: "Cybercrime agency".to_owned(),
                statute: "PECA 2016".to_owned(),
                section: "34".to_owned(),
                deployment: bus.deployment.clone(),
                recipient: bus.recipients.first()?.id.clone(),
                data,
                fields: fields.iter().map(|it| it.pointer.clone()).collect(),
                people: vec![person.clone()],
                from: sample::NOW,
                until: sample::NOW.plus_millis(10 * 86_400_000),
                embargo_until: None,
                document_sha256: hash.to_owned(),
                filed_by: person,
                filed_at: sample::NOW,
                state,
                decided_at: decided,
                ended_at: None,
                end_reason: (state == OrderState::Ended).then(|| "A court quashed it.".to_owned()),
                disclosed_at: decided,
                votes: Vec::new(),
            },
        })
    }
}

/// The transparency report.
#[derive(Template)]
#[template(path = "orders.html")]
pub(crate) struct OrdersPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Figures by year, newest first.
    pub(crate) years: Vec<(i16, OrderFigures)>,
    /// Each order that was decided on.
    pub(crate) cards: Vec<OrderCard>,
    /// How many wait.
    pub(crate) waiting: u64,
    /// Whether who looks files orders or decides on them.
    pub(crate) has_desk: bool,
}

impl Page for OrdersPage {
    const NAME: &'static str = "orders";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = Shell {
            here: Some(Route::Orders),
            ..shell.clone()
        };
        let figures = OrderFigures {
            filed: 6,
            approved: 3,
            refused: 1,
            lapsed: 1,
            content: 2,
            traffic: 1,
            embargo: 1,
            people: 4,
            handed_over: 62,
        };
        let secret = OrderCard::sample(OrderState::Standing, OrderData::Content);
        let secret = secret.map(|mut it| {
            it.told = None;
            it.file.embargo_until = Some(it.file.until);
            it
        });
        let cards = [
            secret,
            OrderCard::sample(OrderState::Standing, OrderData::Traffic),
            OrderCard::sample(OrderState::Ended, OrderData::Content),
            OrderCard::sample(OrderState::Expired, OrderData::Content),
            OrderCard::sample(OrderState::Refused, OrderData::Content),
            OrderCard::sample(OrderState::Lapsed, OrderData::Traffic),
        ];
        let cards = cards.into_iter().flatten().collect();
        let page = |years, cards, waiting| Self {
            shell: shell.clone(),
            years,
            cards,
            waiting,
            has_desk: waiting > 0,
        };
        vec![
            (
                "full",
                page(vec![(2026, figures), (2025, figures)], cards, 1),
            ),
            ("empty", page(Vec::new(), Vec::new(), 0)),
        ]
    }
}

/// What became of a form at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeskNews {
    /// Filed.
    Filed,
    /// Noted.
    Voted,
    /// Ended.
    Ended,
    /// The order is past this point.
    NotNow,
    /// Who looks has a part in it.
    Own,
    /// They spoke already.
    Twice,
    /// A reason is missing or too long.
    Reason,
    /// Authority, law or section.
    Words,
    /// The deployment.
    Deployment,
    /// The recipient.
    Recipient,
    /// What for.
    Data,
    /// The fields.
    Fields,
    /// The people.
    People(String),
    /// The days.
    Days,
    /// The hash.
    Hash,
    /// Too many wait.
    Full,
}

impl DeskNews {
    const fn is_good(&self) -> bool {
        matches!(self, Self::Filed | Self::Voted | Self::Ended)
    }

    /// The part of the form that is wrong.
    const fn place(&self) -> Option<&'static str> {
        match self {
            Self::Words => Some("authority"),
            Self::Deployment => Some("deployment"),
            Self::Recipient => Some("recipient"),
            Self::Data => Some("data"),
            Self::Fields => Some("fields"),
            Self::People(_) => Some("people"),
            Self::Days => Some("until"),
            Self::Hash => Some("hash"),
            _ => None,
        }
    }

    fn words(&self, shell: &Shell) -> String {
        let key = match self {
            Self::Filed => "orders-filed",
            Self::Voted => "orders-voted",
            Self::Ended => "orders-ended",
            Self::NotNow => "orders-not-now",
            Self::Own => "orders-own",
            Self::Twice => "orders-twice",
            Self::Deployment => "orders-wrong-deployment",
            Self::Recipient => "orders-wrong-recipient",
            Self::Data => "orders-wrong-data",
            Self::Fields => "orders-wrong-fields",
            Self::Hash => "orders-wrong-hash",
            Self::Full => "orders-full",
            Self::Reason => {
                let words = shell.with("orders-wrong-reason");
                return words.set("limit", REASON_LIMIT).to_string();
            }
            Self::Words => {
                let words = shell.with("orders-wrong-words");
                return words.set("limit", MAX_ORDER_WORD_CHARS).to_string();
            }
            Self::People(line) => {
                return shell
                    .with("orders-wrong-people")
                    .set("line", line)
                    .to_string();
            }
            Self::Days => {
                let words = shell.with("orders-wrong-days").set("days", MAX_ORDER_DAYS);
                let words = words.set("past", MAX_ORDER_PAST_DAYS);
                return words.set("embargo", MAX_EMBARGO_DAYS).to_string();
            }
        };
        shell.say(key)
    }
}

/// Where orders are filed and decided on.
#[derive(Template)]
#[template(path = "orders_desk.html")]
pub(crate) struct OrdersDeskPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// Whether who looks files orders.
    pub(crate) files: bool,
    /// Whether they decide on them.
    pub(crate) decides: bool,
    /// Deployments to choose from.
    pub(crate) places: Vec<(DeploymentId, Text)>,
    /// Every order.
    pub(crate) cards: Vec<OrderCard>,
    /// What was written.
    pub(crate) draft: OrderDraft,
    /// What a form did.
    pub(crate) news: Option<DeskNews>,
}

impl OrdersDeskPage {
    fn failed(&self) -> bool {
        self.news.as_ref().is_some_and(|it| !it.is_good())
    }

    /// Whether this part of the form is wrong.
    fn bad(&self, place: &str) -> bool {
        let wrong = self.news.as_ref().and_then(DeskNews::place);
        wrong == Some(place)
    }

    fn marks(&self, place: &str) -> &'static str {
        match self.bad(place) {
            true => " aria-invalid=\"true\"",
            false => "",
        }
    }

    fn is_data(&self, data: &OrderData) -> bool {
        self.draft.data == Some(*data)
    }

    fn data_words(&self, data: &OrderData) -> String {
        self.shell.say(match data {
            OrderData::Content => "orders-content",
            OrderData::Traffic => "orders-traffic",
        })
    }
}

impl Page for OrdersDeskPage {
    const NAME: &'static str = "orders-desk";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let bus = sample::bus();
        let page = |files: bool, cards: Vec<OrderCard>, news: Option<DeskNews>| Self {
            shell: match files {
                true => sample::in_office(shell, Route::OrdersDesk),
                false => sample::signed_in(shell, Route::OrdersDesk),
            },
            form: FormToken::sample(),
            files,
            decides: !files,
            places: vec![(bus.deployment.clone(), bus.title.clone())],
            cards,
            draft: OrderDraft::default(),
            news,
        };
        let cards = || {
            let all = [
                OrderCard::sample(OrderState::Waiting, OrderData::Content),
                OrderCard::sample(OrderState::Standing, OrderData::Traffic),
                OrderCard::sample(OrderState::Refused, OrderData::Content),
            ];
            all.into_iter().flatten().collect::<Vec<_>>()
        };
        let wrong = [
            ("error-words", DeskNews::Words),
            ("error-people", DeskNews::People("p-nobody".to_owned())),
            ("error-days", DeskNews::Days),
            ("error-reason", DeskNews::Reason),
            ("error-own", DeskNews::Own),
        ];
        let mut all = vec![
            ("officer", page(true, cards(), Some(DeskNews::Filed))),
            ("delegate", page(false, cards(), Some(DeskNews::Voted))),
            ("empty", page(true, Vec::new(), None)),
        ];
        let wrong = wrong.map(|(name, news)| (name, page(true, Vec::new(), Some(news))));
        all.extend(wrong);
        all
    }
}

/// The orders about who looks.
#[derive(Template)]
#[template(path = "my_orders.html")]
pub(crate) struct MyOrdersPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// They, with how many messages were handed over.
    pub(crate) orders: Vec<(OrderCard, u64)>,
}

impl MyOrdersPage {
    fn got(&self, order: &OrderCard, count: &u64) -> String {
        let key = match order.file.data {
            OrderData::Content => "orders-me-handed",
            OrderData::Traffic => "orders-me-traffic",
        };
        self.shell.with(key).set("count", *count).to_string()
    }
}

impl Page for MyOrdersPage {
    const NAME: &'static str = "my-orders";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |orders| Self {
            shell: sample::signed_in(shell, Route::MyOrders),
            orders,
        };
        let orders = [
            (
                OrderCard::sample(OrderState::Standing, OrderData::Content),
                31,
            ),
            (
                OrderCard::sample(OrderState::Expired, OrderData::Traffic),
                2,
            ),
        ];
        let orders = orders
            .into_iter()
            .filter_map(|it| Some((it.0?, it.1)))
            .collect();
        vec![("full", page(orders)), ("empty", page(Vec::new()))]
    }
}
