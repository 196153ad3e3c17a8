//! The first page: what the alliance is, who is in it, which devices run.

use askama::Template;
use model::Chamber;

use super::{DeploymentCard, MemberLink, Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// What the first page shows.
#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Every deployment.
    pub(crate) deployments: Vec<DeploymentCard>,
    /// The chambers that have members, each with its members.
    pub(crate) chambers: Vec<(Chamber, Vec<MemberLink>)>,
}

impl HomePage {
    fn members(&self) -> usize {
        self.chambers.iter().map(|(_, members)| members.len()).sum()
    }
}

impl Page for HomePage {
    const NAME: &'static str = "home";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::at(shell, Route::Home);
        let full = Self {
            shell: shell.clone(),
            deployments: sample::cards(),
            chambers: sample::chambers(),
        };
        let empty = Self {
            shell,
            deployments: Vec::new(),
            chambers: Vec::new(),
        };
        vec![("full", full), ("empty", empty)]
    }
}
