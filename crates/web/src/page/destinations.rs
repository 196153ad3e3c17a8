//! A person's own destinations: where their readings go, and how their endpoints stand.

mod adding;
mod samples;

use askama::Template;
use custody::{DeadLetter, DestinationState, FailureClass, Left, MAX_DESTINATIONS};
use model::{DeploymentId, Text, Timestamp};

pub(crate) use self::adding::{
    EndpointError, EndpointInput, MadeDestinationPage, NewDestinationPage,
};
use self::samples::{sample_cards, sample_changes, sample_places, sample_sealed};
use super::{Page, sample};
use crate::form::FormToken;
use crate::route::{EndpointKind, Route};
use crate::shell::{Shell, Viewer};

impl EndpointKind {
    fn words(self, shell: &Shell) -> String {
        shell.say(match self {
            Self::Webhook => "dest-kind-webhook",
            Self::Broker => "dest-kind-broker",
            Self::Bucket => "dest-kind-bucket",
        })
    }

    fn url_hint(self, shell: &Shell) -> String {
        shell.say(match self {
            Self::Webhook => "dest-url-webhook-hint",
            Self::Broker => "dest-url-broker-hint",
            Self::Bucket => "dest-url-bucket-hint",
        })
    }
}

/// Where an endpoint is.
#[derive(Debug, Clone)]
pub(crate) struct EndpointPlace {
    /// What kind.
    pub(crate) kind: EndpointKind,
    /// What the person knows it by.
    pub(crate) label: String,
}

/// One endpoint of the person.
#[derive(Debug, Clone)]
pub(crate) struct EndpointCard {
    /// Its identifier.
    pub(crate) id: String,
    /// Where it is; `None` where its address does not open any more.
    pub(crate) place: Option<EndpointPlace>,
    /// When it was added: all that is known of one whose address does not open.
    pub(crate) made_at: Timestamp,
    /// How it stands.
    pub(crate) state: DestinationState,
    /// Whether a check is under way.
    pub(crate) checking: bool,
    /// When something was last taken.
    pub(crate) last_success_at: Option<Timestamp>,
    /// Why the last try failed.
    pub(crate) failure: Option<FailureClass>,
    /// When it is tried again.
    pub(crate) next_attempt_at: Option<Timestamp>,
    /// What did not arrive.
    pub(crate) letters: Vec<DeadLetter>,
}

impl EndpointCard {
    /// The colour of its state, in the words of licences.
    fn tone(&self) -> &'static str {
        match self.state {
            _ if self.place.is_none() => "suspended",
            DestinationState::Working => "active",
            DestinationState::Unverified => "none",
            DestinationState::Failing | DestinationState::Paused => "suspended",
        }
    }

    fn state_words(&self, shell: &Shell) -> String {
        shell.say(match self.state {
            _ if self.place.is_none() => "dest-state-sealed",
            DestinationState::Unverified => "dest-state-unverified",
            DestinationState::Working => "dest-state-working",
            DestinationState::Failing => "dest-state-failing",
            DestinationState::Paused => "dest-state-paused",
        })
    }

    fn is_checked(&self) -> bool {
        self.state != DestinationState::Unverified
    }

    /// Whether readings can be placed there.
    fn is_ready(&self) -> bool {
        self.is_checked() && self.place.is_some()
    }

    /// What stands for it where readings are placed there.
    fn label(&self, shell: &Shell) -> String {
        match &self.place {
            Some(place) => place.label.clone(),
            None => shell.say("dest-label-sealed"),
        }
    }

    fn letter_words(&self, shell: &Shell, letter: &DeadLetter) -> String {
        let key = match letter.reason {
            Some(FailureClass::Unopened) => "dest-letter-unopened",
            _ => "dest-letter",
        };
        shell
            .with(key)
            .set("count", letter.readings)
            .set("first", shell.moment(&letter.first_at))
            .set("last", shell.moment(&letter.last_at))
            .to_string()
    }

    /// The value of the button that sends a dead letter again.
    fn again(&self, letter: &DeadLetter) -> String {
        format!("{}.{}", self.id, letter.number)
    }

    fn letter_reason(&self, shell: &Shell, letter: &DeadLetter) -> String {
        match &letter.reason {
            Some(FailureClass::Unopened) => shell.say("dest-letter-doubt"),
            Some(class) => failure_words(shell, class),
            None => shell.say("dest-letter-away"),
        }
    }
}

/// Why an endpoint did not take something, in words.
fn failure_words(shell: &Shell, class: &FailureClass) -> String {
    shell.say(match class {
        FailureClass::Name => "dest-fail-name",
        FailureClass::Address => "dest-fail-address",
        FailureClass::Port => "dest-fail-port",
        FailureClass::Connect => "dest-fail-connect",
        FailureClass::Tls => "dest-fail-tls",
        FailureClass::Timeout => "dest-fail-timeout",
        FailureClass::Credentials => "dest-fail-credentials",
        FailureClass::Redirect => "dest-fail-redirect",
        FailureClass::Refused => "dest-fail-refused",
        FailureClass::Protocol => "dest-fail-protocol",
        FailureClass::Challenge => "dest-fail-challenge",
        FailureClass::Unopened => "dest-fail-unopened",
    })
}

/// Where readings can go, as a form says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlaceWish {
    /// Into the vault.
    Vault,
    /// Into the vault, and a copy to an endpoint.
    Copy(String),
    /// To an endpoint only.
    Own(String),
    /// Nowhere.
    Live,
}

impl PlaceWish {
    /// The value of the form.
    pub(crate) fn value(&self) -> String {
        match self {
            Self::Vault => "vault".to_owned(),
            Self::Copy(id) => format!("copy.{id}"),
            Self::Own(id) => format!("own.{id}"),
            Self::Live => "live".to_owned(),
        }
    }

    /// Reads the value back.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        match value.split_once('.') {
            None if value == "vault" => Some(Self::Vault),
            None if value == "live" => Some(Self::Live),
            Some(("copy", id)) => Some(Self::Copy(id.to_owned())),
            Some(("own", id)) => Some(Self::Own(id.to_owned())),
            _ => None,
        }
    }
}

/// Where the readings of one deployment go, or of all.
#[derive(Debug, Clone)]
pub(crate) struct PlaceRow {
    /// The deployment; `None` for all.
    pub(crate) deployment: Option<DeploymentId>,
    /// What people call it.
    pub(crate) title: Option<Text>,
    /// What holds now.
    pub(crate) chosen: PlaceWish,
    /// Whether a law wants some of it kept.
    pub(crate) law: bool,
}

impl PlaceRow {
    fn name(&self) -> &str {
        self.deployment.as_ref().map_or("all", DeploymentId::as_str)
    }

    fn words(&self, shell: &Shell) -> String {
        match &self.title {
            None => shell.say("dest-all"),
            Some(title) => shell.of(title).to_owned(),
        }
    }
}

/// One change of where readings go.
#[derive(Debug, Clone)]
pub(crate) struct PlaceChange {
    /// When.
    pub(crate) at: Timestamp,
    /// For which deployment; `None` for all.
    pub(crate) deployment: Option<DeploymentId>,
    /// What people call it, while it has a notice in force.
    pub(crate) title: Option<Text>,
    /// Where they went.
    pub(crate) before: PlaceWish,
    /// Where they go since.
    pub(crate) after: PlaceWish,
}

/// What the last form did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DestinationsDone {
    /// A placement is in force.
    Placed,
    /// A check was asked for.
    Checking,
    /// Another try was asked for.
    Trying,
    /// An endpoint was deleted.
    Deleted,
    /// Nothing: an endpoint cannot be tried again before.
    TooSoon(Timestamp),
}

impl DestinationsDone {
    fn words(self, shell: &Shell) -> String {
        if let Self::TooSoon(when) = self {
            let line = shell.with("dest-too-soon");
            return line.set("time", shell.moment(&when)).to_string();
        }
        shell.say(match self {
            Self::TooSoon(_) => "dest-too-soon",
            Self::Placed => "dest-done-placed",
            Self::Checking => "dest-done-checking",
            Self::Trying => "dest-done-trying",
            Self::Deleted => "dest-done-deleted",
        })
    }
}

/// What the page of destinations shows.
#[derive(Template)]
#[template(path = "destinations.html")]
pub(crate) struct DestinationsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// The person's endpoints.
    pub(crate) endpoints: Vec<EndpointCard>,
    /// Where readings go: all of them first, then by deployment; empty where nothing is about the person.
    pub(crate) places: Vec<PlaceRow>,
    /// What was changed about where readings go, newest first.
    pub(crate) changes: Vec<PlaceChange>,
    /// What the last form did.
    pub(crate) done: Option<DestinationsDone>,
}

impl DestinationsPage {
    fn is_full(&self) -> bool {
        self.endpoints.len() >= MAX_DESTINATIONS
    }

    /// What there is to tell: what holds for all, and each deployment for which something else holds or a law keeps some.
    fn telling(&self) -> Vec<&PlaceRow> {
        let all = self.places.first().map(|it| &it.chosen);
        let tells = |it: &&PlaceRow| it.deployment.is_none() || Some(&it.chosen) != all || it.law;
        self.places.iter().filter(tells).collect()
    }

    /// What holds, in words.
    fn chosen_words(&self, row: &PlaceRow) -> String {
        let words = self.words_of(&row.chosen);
        match row.law {
            true => self.shell.with("dest-law").set("place", words).to_string(),
            false => words,
        }
    }

    /// What can be chosen: value and words.
    fn options(&self) -> Vec<(String, String)> {
        let mut wishes = vec![PlaceWish::Vault];
        for card in self.endpoints.iter().filter(|it| it.is_ready()) {
            wishes.push(PlaceWish::Copy(card.id.clone()));
            wishes.push(PlaceWish::Own(card.id.clone()));
        }
        wishes.push(PlaceWish::Live);
        let option = |it: &PlaceWish| (it.value(), self.words_of(it));
        wishes.iter().map(option).collect()
    }

    fn words_of(&self, wish: &PlaceWish) -> String {
        let (key, id) = match wish {
            PlaceWish::Vault => return self.shell.say("dest-vault"),
            PlaceWish::Live => return self.shell.say("dest-live"),
            PlaceWish::Copy(id) => ("dest-copy", id),
            PlaceWish::Own(id) => ("dest-own", id),
        };
        let card = self.endpoints.iter().find(|it| it.id == *id);
        let gone = || self.shell.say("dest-label-gone");
        let label = card.map_or_else(gone, |it| it.label(&self.shell));
        self.shell.with(key).set("label", label).to_string()
    }

    /// A change, in words.
    fn change_words(&self, change: &PlaceChange) -> String {
        let which = match (&change.title, &change.deployment) {
            (Some(title), _) => self.shell.of(title).to_owned(),
            (None, Some(deployment)) => deployment.to_string(),
            (None, None) => self.shell.say("dest-all"),
        };
        self.shell
            .with("dest-change")
            .set("which", which)
            .set("before", self.words_of(&change.before))
            .set("after", self.words_of(&change.after))
            .to_string()
    }
}

impl Page for DestinationsPage {
    const NAME: &'static str = "destinations";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::signed_in(shell, Route::Destinations);
        let page = |endpoints: Vec<EndpointCard>, places: Vec<PlaceRow>, done| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            changes: sample_changes(&places),
            endpoints,
            places,
            done,
        };
        let (cards, places) = (sample_cards(), sample_places());
        let sealed = PlaceWish::Own("e".repeat(26));
        let sealed_places = places.iter().cloned().map(|it| PlaceRow {
            chosen: sealed.clone(),
            ..it
        });
        let sealed_places = sealed_places.take(1).collect();
        let placed = Some(DestinationsDone::Placed);
        let deleted = Some(DestinationsDone::Deleted);
        let trying = Some(DestinationsDone::Trying);
        let checking = Some(DestinationsDone::Checking);
        let at = Timestamp::from_millis(1_790_000_000_000);
        let too_soon = Some(DestinationsDone::TooSoon(at));
        let many = cards.iter().cycle().take(MAX_DESTINATIONS).cloned();
        let numbered = many.enumerate().map(|(number, card)| EndpointCard {
            id: format!("{}{number}", card.id),
            letters: Vec::new(),
            ..card
        });
        vec![
            ("full", page(cards.clone(), places.clone(), None)),
            ("placed", page(cards.clone(), places.clone(), placed)),
            ("checking", page(cards.clone(), places.clone(), checking)),
            ("trying", page(cards.clone(), places.clone(), trying)),
            ("too-soon", page(cards.clone(), places.clone(), too_soon)),
            ("sealed", page(sample_sealed(), sealed_places, None)),
            ("most", page(numbered.collect(), places, None)),
            ("empty", page(Vec::new(), Vec::new(), deleted)),
        ]
    }
}
