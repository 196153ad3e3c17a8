//! How long what is kept about a person is kept, and when each of it vanishes.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use custody::{Keeping, KeptClass, KeptPart, KeptThing};
use model::{DeploymentId, Notice, PurposeId, Retention, ThingId};

use super::{Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// The most devices of a page.
const THINGS: usize = 4;
/// The most fields of a device on the page; the file for programs has all of them.
const MAX_PARTS_SHOWN: usize = 12;

/// What the page shows.
#[derive(Template)]
#[template(path = "keeping.html")]
pub(crate) struct KeepingPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What is kept.
    pub(crate) keeping: Keeping,
    /// How many devices stand on the pages before.
    pub(crate) from: u32,
    /// The notices in force.
    pub(crate) notices: BTreeMap<DeploymentId, Arc<Notice>>,
}

impl KeepingPage {
    fn is_empty(&self) -> bool {
        self.keeping.classes.is_empty() && self.keeping.things.is_empty()
    }

    fn things(&self) -> impl Iterator<Item = &KeptThing> {
        self.keeping.things.iter().skip(self.first()).take(THINGS)
    }

    fn first(&self) -> usize {
        usize::try_from(self.from).unwrap_or(usize::MAX)
    }

    fn previous(&self) -> Option<Route> {
        let step = u32::try_from(THINGS).unwrap_or(u32::MAX);
        let before = self.from.saturating_sub(step);
        (self.from > 0).then_some(match before {
            0 => Route::Keeping,
            from => Route::KeepingFrom(from),
        })
    }

    fn next(&self) -> Option<Route> {
        let next = self.first().saturating_add(THINGS);
        let from = u32::try_from(next).ok()?;
        (next < self.keeping.things.len()).then_some(Route::KeepingFrom(from))
    }

    fn parts<'a>(&self, thing: &'a KeptThing) -> impl Iterator<Item = &'a KeptPart> {
        thing.parts.iter().take(MAX_PARTS_SHOWN)
    }

    /// Whether a device has more fields than the page shows.
    fn is_cut(&self) -> bool {
        self.things().any(|it| it.parts.len() > MAX_PARTS_SHOWN)
    }

    fn title(&self, thing: &KeptThing) -> String {
        let notice = self.notices.get(&thing.deployment);
        let place = notice.map_or(thing.deployment.as_str(), |it| self.shell.of(&it.title));
        let title = self.shell.with("keep-thing").set("place", place);
        title.set("thing", thing.thing.as_str()).to_string()
    }

    fn field(&self, thing: &KeptThing, part: &KeptPart) -> String {
        let notice = self.notices.get(&thing.deployment);
        let mut fields = notice.into_iter().flat_map(|it| &it.fields);
        let field = fields.find(|it| it.pointer.as_str() == part.field);
        field.map_or_else(
            || part.field.clone(),
            |it| self.shell.of(&it.title).to_owned(),
        )
    }

    /// For what it is kept so long; `None` where no notice says so any more.
    fn purposes(&self, thing: &KeptThing, part: &KeptPart) -> Option<String> {
        let notice = self.notices.get(&thing.deployment)?;
        let titles: Vec<&str> = part
            .purposes
            .iter()
            .map(|it| {
                let purpose = notice.purpose(it);
                purpose.map_or(it.as_str(), |it| self.shell.of(&it.title))
            })
            .collect();
        let list = self.shell.list(titles.iter().copied());
        (!titles.is_empty()).then_some(list)
    }

    fn count(&self, count: &u64) -> String {
        self.shell
            .number(&i64::try_from(*count).unwrap_or(i64::MAX))
    }
}

impl Page for KeepingPage {
    const NAME: &'static str = "keeping";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let page = |keeping| Self {
            shell: sample::signed_in(shell, Route::Keeping),
            keeping,
            from: 0,
            notices: BTreeMap::from([(home.deployment.clone(), Arc::clone(&home))]),
        };
        let full = keeping_of(&home, 1);
        let many = Keeping {
            is_whole: false,
            ..keeping_of(&home, 2 * THINGS + 1)
        };
        let mut middle = page(many);
        middle.shell = sample::signed_in(shell, Route::KeepingFrom(4));
        middle.from = 4;
        vec![
            ("full", page(full)),
            ("many", middle),
            ("empty", page(Keeping::default())),
        ]
    }
}

const DAY_MS: i64 = 86_400_000;

/// A sample: some devices, each with what is kept for what, what a law wants, and what a notice of before said.
fn keeping_of(notice: &Notice, things: usize) -> Keeping {
    let at = |days: i64| sample::NOW.plus_millis(days * DAY_MS);
    let class = |days: u16, readings, next: i64| KeptClass {
        retention: Retention::from_days(days),
        readings,
        next_at: at(next),
        last_at: at(i64::from(days)),
    };
    let part = |number: usize, days: u16, purposes: Vec<PurposeId>| KeptPart {
        field: notice.fields.get(number).map_or_else(
            || "/was/declared/once".to_owned(),
            |it| it.pointer.as_str().to_owned(),
        ),
        retention: Retention::from_days(days),
        by_law: days == 365,
        is_shortened: purposes.is_empty(),
        purposes,
        values: 4_321,
        next_at: at(1),
        last_at: at(i64::from(days)),
    };
    let purpose = |number: usize| notice.purposes.get(number).map(|it| it.id.clone());
    let both: Vec<_> = [purpose(0), purpose(1)].into_iter().flatten().collect();
    let thing = |number: usize| {
        Some(KeptThing {
            deployment: notice.deployment.clone(),
            thing: ThingId::parse(&format!("meter-{number}")).ok()?,
            parts: vec![
                part(0, 365, purpose(0).into_iter().collect()),
                part(1, 30, both.clone()),
                part(99, 7, Vec::new()),
            ],
        })
    };
    Keeping {
        classes: vec![
            class(7, 120, 0),
            class(30, 43_210, 1),
            class(365, 525_600, 2),
        ],
        things: (1..=things).filter_map(thing).collect(),
        is_whole: true,
        next_at: Some(at(0)),
    }
}
