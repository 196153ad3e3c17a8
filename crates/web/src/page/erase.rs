//! A person has readings erased: what they ask for, what would go, and what became of it.

use askama::Template;
use custody::{
    ERASURE_NOTICE_DAYS, EraseCause, EraseId, ErasePart, ErasePlan, EraseScope, EraseState,
    ErasureView, Grace, MAX_ERASURES_PER_DAY,
};
use model::{DeploymentId, Pointer, Text, ThingId, Timestamp};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::{EraseAsk, Route};
use crate::shell::{Shell, Viewer};

/// What was done, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EraseNews {
    /// An erasure was undone.
    Undone,
    /// It could not be undone any more.
    TooLate,
    /// The dates cannot be read, or end before they begin.
    Dates,
}

/// Why nothing was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PreviewNews {
    /// Who asks has not proved who they are.
    NotProved,
    /// What would go is not what was shown.
    Stale,
    /// Too many in a day.
    TooMany,
    /// Too many places at once.
    TooMuch,
}

/// A deployment of which a part can be chosen.
#[derive(Debug, Clone)]
pub(crate) struct ErasePlace {
    /// The deployment.
    pub(crate) id: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// Its things that sense the person.
    pub(crate) things: Vec<ThingId>,
    /// Its fields.
    pub(crate) fields: Vec<(Pointer, Text)>,
}

/// What is meant, with the names that people know.
#[derive(Debug, Clone)]
pub(crate) struct EraseWhat {
    /// What is meant.
    pub(crate) scope: EraseScope,
    /// What people call the deployment.
    pub(crate) place: Option<Text>,
    /// What people call the field.
    pub(crate) field: Option<Text>,
}

impl EraseWhat {
    /// In words, one line for each part.
    pub(crate) fn lines(&self, shell: &Shell) -> Vec<String> {
        let mut lines = vec![match &self.place {
            None => shell.say("erase-what-all"),
            Some(place) => {
                let message = shell.with("erase-what-place");
                message.set("place", shell.of(place)).to_string()
            }
        }];
        if let Some(thing) = self.scope.thing() {
            let message = shell.with("erase-what-thing");
            lines.push(message.set("thing", thing.as_str()).to_string());
        }
        if let Some(field) = &self.field {
            let message = shell.with("erase-what-field");
            lines.push(message.set("field", shell.of(field)).to_string());
        }
        let moment = |key, at: Option<Timestamp>| {
            at.map(|at| shell.with(key).set("time", shell.moment(&at)).to_string())
        };
        lines.extend(moment("erase-what-from", self.scope.from()));
        lines.extend(moment("erase-what-until", self.scope.until()));
        lines
    }
}

/// A recipient that was told.
#[derive(Debug, Clone)]
pub(crate) struct EraseTold {
    /// Who.
    pub(crate) recipient: Text,
    /// Until when it has to acknowledge.
    pub(crate) due_at: Timestamp,
    /// When it had acknowledged everything.
    pub(crate) acknowledged_at: Option<Timestamp>,
    /// Whether it has asked for it.
    pub(crate) is_fetched: bool,
    /// Whether it is late.
    pub(crate) is_overdue: bool,
}

impl EraseTold {
    fn words(&self, shell: &Shell) -> String {
        let (key, at) = match self.acknowledged_at {
            Some(at) => ("erase-told-done", at),
            None if self.is_overdue => ("erase-told-late", self.due_at),
            None if self.is_fetched => ("erase-told-has", self.due_at),
            None => ("erase-told-waits", self.due_at),
        };
        let message = shell.with(key).set("recipient", shell.of(&self.recipient));
        message.set("day", shell.day(&at)).to_string()
    }
}

/// An erasure and those who were told.
#[derive(Debug, Clone)]
pub(crate) struct EraseCard {
    /// What was meant.
    pub(crate) what: EraseWhat,
    /// How far it is.
    pub(crate) view: ErasureView,
    /// Who was told.
    pub(crate) told: Vec<EraseTold>,
}

impl EraseCard {
    fn tone(&self) -> &'static str {
        match (self.view.state, self.view.finished_at) {
            (EraseState::Waiting, _) => "suspended",
            (EraseState::Erased, Some(_)) => "active",
            _ => "none",
        }
    }

    fn state(&self, shell: &Shell) -> String {
        let key = match (self.view.state, self.view.finished_at) {
            (EraseState::Waiting, _) => "erase-state-waiting",
            (EraseState::AtWork, _) => "erase-state-work",
            (EraseState::Erased, None) => "erase-state-hidden",
            (EraseState::Erased, Some(_)) => "erase-state-done",
        };
        shell.say(key)
    }

    fn asked(&self, shell: &Shell) -> String {
        let key = match self.view.cause {
            EraseCause::Asked => "erase-asked",
            EraseCause::Given => "erase-given",
        };
        let message = shell.with(key);
        message
            .set("time", shell.moment(&self.view.asked_at))
            .to_string()
    }

    fn can_undo(&self) -> bool {
        self.view.state == EraseState::Waiting
    }

    /// The entry of the public record.
    fn entry(&self) -> Option<Route> {
        let proof = self.view.proof.as_ref()?;
        proof.1.map(Route::RecordEntry)
    }

    fn proof(&self) -> Option<Route> {
        let proof = self.view.proof.as_ref();
        proof.map(|_| Route::EraseProof(self.view.id.clone()))
    }
}

/// Where a person says what shall be erased, and sees what was.
#[derive(Template)]
#[template(path = "erase.html")]
pub(crate) struct ErasePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// The deployments that are about the person.
    pub(crate) places: Vec<(DeploymentId, Text)>,
    /// The one of which a part can be chosen; all where there is none.
    pub(crate) place: Option<ErasePlace>,
    /// What they asked for before, newest first.
    pub(crate) cards: Vec<EraseCard>,
    /// What was done.
    pub(crate) news: Option<EraseNews>,
}

impl ErasePage {
    fn at(&self, place: &DeploymentId) -> Route {
        Route::Erase(Some(place.clone()))
    }

    fn failed(&self) -> bool {
        matches!(self.news, Some(EraseNews::TooLate | EraseNews::Dates))
    }

    fn is_chosen(&self, place: &DeploymentId) -> bool {
        self.place.as_ref().is_some_and(|it| it.id == *place)
    }
}

/// What would go.
#[derive(Template)]
#[template(path = "erase_preview.html")]
pub(crate) struct ErasePreviewPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// What was asked for, as the address has it.
    pub(crate) ask: EraseAsk,
    /// The same with the names that people know.
    pub(crate) what: EraseWhat,
    /// What would go; nothing where nothing is there.
    pub(crate) plan: Option<ErasePlan>,
    /// What people call the deployments of the plan, in its order.
    pub(crate) places: Vec<Text>,
    /// What a law wants kept: where, by which law, for how many days.
    pub(crate) kept: Vec<(Text, Option<Text>, u16)>,
    /// Who will be told.
    pub(crate) recipients: Vec<Text>,
    /// Why nothing was erased.
    pub(crate) news: Option<PreviewNews>,
}

impl ErasePreviewPage {
    fn action(&self) -> Route {
        Route::ErasePreview(Box::new(self.ask.clone()))
    }

    fn back(&self) -> Route {
        Route::Erase(self.ask.place.clone())
    }

    fn graces(&self) -> [(Grace, &'static str); 3] {
        Grace::ALL.map(|it| {
            let key = match it {
                Grace::None => "erase-grace-none",
                Grace::Day => "erase-grace-day",
                Grace::Week => "erase-grace-week",
            };
            (it, key)
        })
    }

    fn parts(&self) -> Vec<(&Text, &ErasePart)> {
        let parts = self.plan.iter().flat_map(|it| &it.parts);
        self.places.iter().zip(parts).collect()
    }

    fn part_words(&self, part: &ErasePart) -> String {
        let message = self.shell.with("erase-part");
        let message = message
            .set("count", part.readings)
            .set("days", part.days)
            .set("things", part.things.len());
        message
            .set("first", self.shell.day(&part.first_at))
            .set("last", self.shell.day(&part.last_at))
            .to_string()
    }

    fn kept_words(&self, place: &Text, source: &Option<Text>, days: &u16) -> String {
        let law = self.shell.say("erase-law-vital");
        let law = source.as_ref().map_or(law.as_str(), |it| self.shell.of(it));
        let message = self.shell.with("erase-kept");
        let message = message.set("place", self.shell.of(place)).set("law", law);
        message.set("period", self.shell.period(days)).to_string()
    }
}

fn sample_told(acknowledged: bool, is_fetched: bool, is_overdue: bool) -> EraseTold {
    EraseTold {
        recipient: Text {
            en: "Energy lab".to_owned(),
            ur: "توانائی لیب".to_owned(),
        },
        due_at: sample::NOW.plus_millis(30 * 86_400_000),
        acknowledged_at: acknowledged.then_some(sample::NOW),
        is_fetched,
        is_overdue,
    }
}

fn sample_view(state: EraseState, finished: bool) -> Option<ErasureView> {
    let is_erased = state == EraseState::Erased;
    Some(ErasureView {
        id: EraseId::parse("abcdefghijklmnopqrstuvwxyz")?,
        scope: EraseScope::default(),
        cause: EraseCause::Asked,
        asked_at: sample::NOW,
        due_at: sample::NOW.plus_millis(7 * 86_400_000),
        state,
        erased_at: is_erased.then_some(sample::NOW),
        finished_at: finished.then_some(sample::NOW),
        proof: is_erased.then(|| ("{}".to_owned(), Some(7))),
        notices: Vec::new(),
    })
}

fn sample_place() -> ErasePlace {
    let home = sample::home();
    let fields = home.fields.iter();
    ErasePlace {
        id: home.deployment.clone(),
        title: home.title.clone(),
        things: ThingId::parse("meter-17").into_iter().collect(),
        fields: fields
            .map(|it| (it.pointer.clone(), it.title.clone()))
            .collect(),
    }
}

impl Page for ErasePage {
    const NAME: &'static str = "erase";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let what = |scope, place| EraseWhat {
            scope,
            place,
            field: None,
        };
        let card = |state, finished, told: Vec<EraseTold>| {
            sample_view(state, finished).map(|view| EraseCard {
                what: what(EraseScope::default(), Some(home.title.clone())),
                view,
                told,
            })
        };
        let page = |place: Option<ErasePlace>, cards: Vec<Option<EraseCard>>, news| Self {
            shell: sample::signed_in(shell, Route::Erase(None)),
            form: FormToken::sample(),
            places: vec![(home.deployment.clone(), home.title.clone())],
            place,
            cards: cards.into_iter().flatten().collect(),
            news,
        };
        let all = vec![
            card(EraseState::Waiting, false, Vec::new()),
            card(EraseState::AtWork, false, Vec::new()),
            card(
                EraseState::Erased,
                false,
                vec![
                    sample_told(false, false, false),
                    sample_told(false, true, false),
                ],
            ),
            card(
                EraseState::Erased,
                true,
                vec![
                    sample_told(true, true, false),
                    sample_told(false, true, true),
                ],
            ),
            card(EraseState::Erased, true, Vec::new()).map(|mut card| {
                card.view.cause = EraseCause::Given;
                card
            }),
        ];
        let empty = Self {
            places: Vec::new(),
            ..page(None, Vec::new(), None)
        };
        vec![
            ("new", page(None, Vec::new(), None)),
            ("empty", empty),
            ("place", page(Some(sample_place()), Vec::new(), None)),
            ("full", page(None, all, None)),
            ("undone", page(None, Vec::new(), Some(EraseNews::Undone))),
            (
                "late",
                page(
                    None,
                    vec![card(EraseState::AtWork, false, Vec::new())],
                    Some(EraseNews::TooLate),
                ),
            ),
            ("dates", page(None, Vec::new(), Some(EraseNews::Dates))),
        ]
    }
}

impl Page for ErasePreviewPage {
    const NAME: &'static str = "erase-preview";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let part = |things: usize| ErasePart {
            deployment: home.deployment.clone(),
            things: ThingId::parse("meter-17")
                .into_iter()
                .cycle()
                .take(things)
                .collect(),
            readings: 1_234,
            days: 3,
            first_at: sample::NOW.plus_millis(-3 * 86_400_000),
            last_at: sample::NOW,
        };
        let plan = |is_full: bool| ErasePlan {
            scope: EraseScope::default(),
            parts: vec![part(1)],
            is_more: is_full,
            kept: Vec::new(),
            retained: usize::from(is_full),
            windows: if is_full { 2 } else { 0 },
            sealed_readings: if is_full { 40 } else { 0 },
            has_export: is_full,
            gifts: if is_full { 12 } else { 0 },
            has_own_endpoint: is_full,
            recipients: Vec::new(),
            digest: sample::hash(1),
        };
        let law = home.declarations.iter().find_map(|it| it.source.clone());
        let page = |plan, is_full: bool, news| Self {
            shell: sample::signed_in(shell, Route::ErasePreview(Box::default())),
            form: FormToken::sample(),
            ask: EraseAsk::default(),
            what: EraseWhat {
                scope: EraseScope::default(),
                place: is_full.then(|| home.title.clone()),
                field: None,
            },
            plan,
            places: vec![home.title.clone()],
            kept: match is_full {
                true => vec![(home.title.clone(), law.clone(), 365)],
                false => Vec::new(),
            },
            recipients: match is_full {
                true => home.recipients.iter().map(|it| it.title.clone()).collect(),
                false => Vec::new(),
            },
            news,
        };
        vec![
            ("plain", page(Some(plan(false)), false, None)),
            ("full", page(Some(plan(true)), true, None)),
            ("nothing", page(None, false, None)),
            (
                "denied",
                page(Some(plan(false)), false, Some(PreviewNews::NotProved)),
            ),
            (
                "stale",
                page(Some(plan(false)), false, Some(PreviewNews::Stale)),
            ),
            (
                "many",
                page(Some(plan(false)), false, Some(PreviewNews::TooMany)),
            ),
            (
                "much",
                page(Some(plan(false)), false, Some(PreviewNews::TooMuch)),
            ),
        ]
    }
}
