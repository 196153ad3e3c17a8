//! Why values pass as they do before anybody has chosen anything: one sentence for each field × purpose × recipient.

use std::sync::Arc;

use askama::Template;
use model::{Notice, Text};

use super::{Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// What one recipient gets for one purpose.
#[derive(Debug, Clone)]
pub(crate) struct WhyGroup {
    /// The recipient.
    pub(crate) recipient: Text,
    /// The purpose.
    pub(crate) purpose: Text,
    /// Each sentence with the fields of which it holds.
    pub(crate) lines: Vec<(Vec<Text>, String)>,
}

/// What the page of reasons shows.
#[derive(Template)]
#[template(path = "why.html")]
pub(crate) struct WhyPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The notice in force.
    pub(crate) notice: Arc<Notice>,
    /// The reasons, in the order of the notice.
    pub(crate) groups: Vec<WhyGroup>,
    /// The page before.
    pub(crate) previous: Option<Route>,
    /// The page after.
    pub(crate) next: Option<Route>,
}

impl Page for WhyPage {
    const NAME: &'static str = "why";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let notice = sample::home();
        let title = |pick: fn(&Notice) -> Option<&Text>| {
            pick(&notice)
                .cloned()
                .unwrap_or_else(|| notice.title.clone())
        };
        let field = title(|it| it.fields.first().map(|it| &it.title));
        let other = title(|it| it.fields.get(1).map(|it| &it.title));
        let says = |what: &'static str, why: &'static str| {
            let texts = &shell.texts;
            texts.sentence(&texts.say(what), &texts.say(why))
        };
        let group = WhyGroup {
            recipient: title(|it| it.recipients.first().map(|it| &it.title)),
            purpose: title(|it| it.purposes.first().map(|it| &it.title)),
            lines: vec![
                (
                    vec![field.clone(), other],
                    says("explain-exact", "explain-contract"),
                ),
                (vec![field], says("explain-nothing", "explain-one-silent")),
            ],
        };
        let page = |groups, previous, next| Self {
            shell: sample::at(shell, Route::why(&notice.deployment)),
            notice: Arc::clone(&notice),
            groups,
            previous,
            next,
        };
        let at = |skip| Some(Route::why_from(&notice.deployment, skip));
        vec![
            ("full", page(vec![group.clone(), group.clone()], None, None)),
            ("paged", page(vec![group], at(0), at(80))),
        ]
    }
}
