//! A member: its chamber, what it runs, what the record says about it.

use askama::Template;
use model::{Chamber, Text};

use super::{DeploymentCard, EntryLine, MemberLink, Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// What a member's page shows.
#[derive(Template)]
#[template(path = "member.html")]
pub(crate) struct MemberPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The member.
    pub(crate) member: MemberLink,
    /// Its chamber.
    pub(crate) chamber: Chamber,
    /// What it does, in a sentence.
    pub(crate) about: Text,
    /// What it runs.
    pub(crate) deployments: Vec<DeploymentCard>,
    /// Acts about it, newest first.
    pub(crate) record: Vec<EntryLine>,
}

impl Page for MemberPage {
    const NAME: &'static str = "member";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let member = sample::controller(&sample::home());
        let empty = Self {
            shell: sample::at(shell, Route::member(&member.id)),
            member,
            chamber: Chamber::Vendors,
            about: sample::home().summary.clone(),
            deployments: Vec::new(),
            record: Vec::new(),
        };
        let full = Self {
            shell: empty.shell.clone(),
            member: empty.member.clone(),
            chamber: Chamber::Vendors,
            about: sample::home().summary.clone(),
            deployments: sample::cards(),
            record: sample::entries(),
        };
        vec![("full", full), ("empty", empty)]
    }
}
