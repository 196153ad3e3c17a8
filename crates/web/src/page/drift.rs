//! Everything that came in to a deployment without having been declared, page by page.

use std::sync::Arc;

use askama::Template;
use model::{Notice, Timestamp};

use super::{Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// What a value that nobody declared is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DriftName {
    /// Its place in the message.
    Pointer(String),
    /// It is the message itself, which was no object.
    Whole,
    /// Names that could be data themselves, counted together.
    Hidden,
    /// What came in after the list was full, counted together.
    Rest,
}

/// Why a value does not count as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DriftReason {
    /// The notice does not name it.
    Unknown,
    /// The notice names it, with another type or unit.
    WrongType,
    /// The notice names it, and a range that it does not lie in.
    OutOfRange,
    /// A model works it out that is not in force yet.
    NotYet,
}

/// A value that came in without having been declared.
#[derive(Debug, Clone)]
pub(crate) struct DriftLine {
    /// What it is called.
    pub(crate) name: DriftName,
    /// Why it does not count as declared.
    pub(crate) reason: DriftReason,
    /// How often.
    pub(crate) times: i64,
    /// First time.
    pub(crate) first_at: Timestamp,
    /// Last time.
    pub(crate) last_at: Timestamp,
}

/// What the page of all undeclared values shows.
#[derive(Template)]
#[template(path = "drift.html")]
pub(crate) struct DriftPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The notice in force.
    pub(crate) notice: Arc<Notice>,
    /// The values of this page, the one seen last first.
    pub(crate) drift: Vec<DriftLine>,
    /// How many values stand on the pages before.
    pub(crate) skip: u16,
    /// How many values there are on all pages.
    pub(crate) total: usize,
    /// The page before.
    pub(crate) previous: Option<Route>,
    /// The page after.
    pub(crate) next: Option<Route>,
}

impl DriftPage {
    fn first(&self) -> usize {
        usize::from(self.skip) + 1
    }

    fn last(&self) -> usize {
        usize::from(self.skip) + self.drift.len()
    }
}

impl Page for DriftPage {
    const NAME: &'static str = "drift";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let notice = sample::home();
        let at = |skip| Route::drift_from(&notice.deployment, skip);
        let page = |drift: Vec<DriftLine>| Self {
            shell: sample::at(shell, Route::drift(&notice.deployment)),
            notice: Arc::clone(&notice),
            total: drift.len(),
            drift,
            skip: 0,
            previous: None,
            next: None,
        };
        let mut paged = page(sample::long_drift());
        paged.shell = sample::at(shell, at(25));
        paged.skip = 25;
        paged.total = 257;
        paged.previous = Some(at(0));
        paged.next = Some(at(50));
        vec![
            ("full", page(sample::drift())),
            ("paged", paged),
            ("empty", page(Vec::new())),
        ]
    }
}
