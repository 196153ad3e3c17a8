//! The versions of a notice and what each changed for people.

use std::sync::Arc;

use askama::Template;
use model::{ChangeEffect, Language, Notice, Timestamp};

use super::{Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::texts::{ChangeLine, first_changes, notice_changes_heading, notice_unchanged};

/// The most changes of one version that the page lists.
const MAX_CHANGES: usize = 20;

/// What a version changed.
#[derive(Debug, Clone)]
pub(crate) enum Story {
    /// There was none before it.
    First,
    /// The version before it is not there to compare with.
    Unknown,
    /// It changed this.
    Changes {
        /// What reveals more first; nothing where nothing changed for people.
        lines: Vec<ChangeLine>,
        /// How many more changes there are.
        more: usize,
    },
}

impl Story {
    /// What `new` changed, put into words.
    pub(crate) fn of(old: &Notice, new: &Notice, language: Language) -> Self {
        let (lines, more) = first_changes(old, new, language, MAX_CHANGES);
        Self::Changes { lines, more }
    }
}

/// A version of a notice.
#[derive(Debug, Clone)]
pub(crate) struct VersionLine {
    /// Its number.
    pub(crate) version: u32,
    /// When it was published, where that is known.
    pub(crate) at: Option<Timestamp>,
    /// The entry of the record that says so.
    pub(crate) entry: Option<u64>,
    /// Lower-case hex SHA-256 of its text.
    pub(crate) sha256: String,
    /// What it changed.
    pub(crate) story: Story,
}

/// Changes with the same effect, under a heading.
struct Group<'a> {
    heading: String,
    lines: Vec<&'a str>,
}

/// What the page of versions shows.
#[derive(Template)]
#[template(path = "changes.html")]
pub(crate) struct ChangesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The notice in force.
    pub(crate) notice: Arc<Notice>,
    /// The versions, newest first.
    pub(crate) versions: Vec<VersionLine>,
    /// Whether this is the newest page.
    pub(crate) newest: bool,
    /// The page of older versions.
    pub(crate) older: Option<Route>,
}

impl ChangesPage {
    /// The changes by what they do to people, in the order in which they come.
    fn groups<'a>(&self, lines: &'a [ChangeLine]) -> Vec<Group<'a>> {
        let language = self.shell.texts.language();
        let effects = [ChangeEffect::More, ChangeEffect::Other, ChangeEffect::Less];
        let groups = effects.into_iter().map(|effect| Group {
            heading: notice_changes_heading(effect, language),
            lines: lines
                .iter()
                .filter(|it| it.effect == effect)
                .map(|it| it.text.as_str())
                .collect(),
        });
        groups.filter(|it| !it.lines.is_empty()).collect()
    }

    fn unchanged(&self) -> String {
        notice_unchanged(self.shell.texts.language())
    }
}

impl Page for ChangesPage {
    const NAME: &'static str = "changes";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let notice = sample::home();
        let language = shell.texts.language();
        let mut old = Notice::clone(&notice);
        for declaration in &mut old.declarations {
            declaration.retention = model::Retention::LIVE_ONLY;
        }
        old.fields.truncate(1);
        old.bystanders = None;
        let line = |version, at, story| VersionLine {
            version,
            at,
            entry: at.map(|_| 7),
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            story,
        };
        let mut long = Story::of(&old, &notice, language);
        if let Story::Changes { more, .. } = &mut long {
            *more = 12;
        }
        let page = |versions, newest: bool, before: Option<u32>| Self {
            shell: sample::at(
                shell,
                Route::NoticeChanges {
                    deployment: notice.deployment.clone(),
                    before: (!newest).then_some(4),
                },
            ),
            notice: Arc::clone(&notice),
            versions,
            newest,
            older: before.map(|it| Route::NoticeChanges {
                deployment: notice.deployment.clone(),
                before: Some(it),
            }),
        };
        let at = Some(sample::NOW);
        let same = Story::of(&notice, &notice, language);
        vec![
            (
                "full",
                page(
                    vec![line(notice.version, at, long), line(1, at, Story::First)],
                    true,
                    None,
                ),
            ),
            (
                "paged",
                page(
                    vec![line(3, at, same), line(2, None, Story::Unknown)],
                    false,
                    Some(2),
                ),
            ),
        ]
    }
}
