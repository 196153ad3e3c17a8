//! Who may read a person's data, and the credentials of their own devices; and the requests for access that the office sees.

use alliance::{OperatorAccess, OwnThing};
use askama::Template;
use model::{DeploymentId, LicenceState, Text};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// How many readers of a deployment are shown.
pub(crate) const MAX_ACCESS_READERS: usize = 6;
/// How many deployments are shown.
pub(crate) const MAX_ACCESS_DEPLOYMENTS: usize = 6;

/// Somebody who may read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PersonReader {
    /// Who.
    pub(crate) recipient: Text,
    /// What for.
    pub(crate) purpose: Text,
    /// How many values pass now.
    pub(crate) values: usize,
}

/// Who may read what a deployment senses of the person.
#[derive(Debug, Clone)]
pub(crate) struct PersonReading {
    /// The deployment.
    pub(crate) id: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// Whether it may run.
    pub(crate) licence: LicenceState,
    /// Who may read.
    pub(crate) readers: Vec<PersonReader>,
    /// How many more there are.
    pub(crate) more: usize,
    /// How many others its devices sense together with the person.
    pub(crate) others: usize,
}

/// What was done with a device, or why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessNews {
    /// Its credential was ended.
    Revoked,
    /// Nothing: who asks has not proved who they are.
    NotProved,
}

/// Who may read, and the person's own devices.
#[derive(Template)]
#[template(path = "access.html")]
pub(crate) struct AccessPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// By deployment.
    pub(crate) readings: Vec<PersonReading>,
    /// How many deployments are not shown.
    pub(crate) more: usize,
    /// Their own devices.
    pub(crate) things: Vec<OwnThing>,
    /// What was done.
    pub(crate) news: Option<AccessNews>,
}

fn both(en: &str, ur: &str) -> Text {
    Text {
        en: en.to_owned(),
        ur: ur.to_owned(),
    }
}

impl Page for AccessPage {
    const NAME: &'static str = "access";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let reader = |values| PersonReader {
            recipient: both(
                "Energy lab of the university",
                "یونیورسٹی کی توانائی لیبارٹری",
            ),
            purpose: both("Research on saving power", "بجلی کی بچت پر تحقیق"),
            values,
        };
        let reading = |readers: Vec<PersonReader>, more, others| PersonReading {
            id: home.deployment.clone(),
            title: home.title.clone(),
            licence: LicenceState::Active,
            readers,
            more,
            others,
        };
        let page = |readings, news| Self {
            shell: sample::signed_in(shell, Route::Access),
            form: FormToken::sample(),
            readings,
            more: 0,
            things: Vec::new(),
            news,
        };
        let full = vec![
            reading(vec![reader(1), reader(3)], 0, 1),
            reading(vec![reader(2); MAX_ACCESS_READERS], 7, 3),
            reading(Vec::new(), 0, 0),
        ];
        let most = reading(vec![reader(12); MAX_ACCESS_READERS], 7, 3);
        let mut most = page(vec![most; MAX_ACCESS_DEPLOYMENTS], None);
        most.more = 4;
        let mut full = page(full, None);
        full.more = 2;
        full.things = sample::linked()
            .iter()
            .flat_map(|it| &it.stays)
            .zip([false, true])
            .map(|(stay, is_barred)| OwnThing {
                id: stay.thing.clone(),
                is_barred,
            })
            .collect();
        vec![
            ("full", full),
            ("most", most),
            ("empty", page(Vec::new(), None)),
            ("done", page(Vec::new(), Some(AccessNews::Revoked))),
            ("error", page(Vec::new(), Some(AccessNews::NotProved))),
        ]
    }
}

/// The new credential of a device, this once.
#[derive(Template)]
#[template(path = "own_token.html")]
pub(crate) struct OwnTokenPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The device.
    pub(crate) thing: String,
    /// Its credential.
    pub(crate) token: String,
}

impl Page for OwnTokenPage {
    const NAME: &'static str = "own-token";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let full = Self {
            shell: sample::signed_in(shell, Route::Access),
            thing: "plug-9".to_owned(),
            token: "a2b3c4d5e6f7g2h3i4j5k6l7m2n3o4p5q6r7s2t3u4v5w6x7y2z3".to_owned(),
        };
        vec![("full", full)]
    }
}

/// What became of an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApproveNews {
    /// It was given.
    Done,
    /// The officer has nothing of their own that is old enough.
    NotOwn,
    /// The request does not stand any more.
    Gone,
}

/// Requests of the operator that wait for a second person.
#[derive(Template)]
#[template(path = "office_access.html")]
pub(crate) struct OfficeAccessPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// What waits.
    pub(crate) open: Vec<OperatorAccess>,
    /// What was done.
    pub(crate) news: Option<ApproveNews>,
}

impl Page for OfficeAccessPage {
    const NAME: &'static str = "office-access";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let access = OperatorAccess {
            id: "abcdefghijklmnop".to_owned(),
            asked_at: sample::NOW,
            approved_at: None,
            ended_at: None,
            used_at: None,
        };
        let page = |open, news| Self {
            shell: sample::in_office(shell, Route::OfficeAccess),
            form: FormToken::sample(),
            open,
            news,
        };
        vec![
            ("full", page(vec![access.clone(), access], None)),
            ("empty", page(Vec::new(), None)),
            ("done", page(Vec::new(), Some(ApproveNews::Done))),
            ("error-own", page(Vec::new(), Some(ApproveNews::NotOwn))),
            ("error-gone", page(Vec::new(), Some(ApproveNews::Gone))),
        ]
    }
}
