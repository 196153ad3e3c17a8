//! The log of commands to devices, for the office: who asked for what, and what came of it.

use askama::Template;
use model::{DeploymentId, Text};

use super::{Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::view::commands;

/// A command that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct CommandRow {
    /// At which deployment.
    pub(crate) deployment: DeploymentId,
    /// What people call it, while it has a notice.
    pub(crate) place: Option<Text>,
    /// In words.
    pub(crate) told: commands::Told,
}

/// What the log shows.
#[derive(Template)]
#[template(path = "office_commands.html")]
pub(crate) struct OfficeCommandsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The one deployment that it is about.
    pub(crate) only: Option<(DeploymentId, Option<Text>)>,
    /// How many there are in all.
    pub(crate) all: u64,
    /// Those of this page, newest first.
    pub(crate) rows: Vec<CommandRow>,
    /// Whether this is the newest page.
    pub(crate) newest: bool,
    /// The page of older ones.
    pub(crate) older: Option<Route>,
}

impl OfficeCommandsPage {
    fn place<'a>(&'a self, id: &'a DeploymentId, title: &'a Option<Text>) -> &'a str {
        title.as_ref().map_or(id.as_str(), |it| self.shell.of(it))
    }

    fn newest_route(&self) -> Route {
        Route::OfficeCommands {
            deployment: self.only.as_ref().map(|it| it.0.clone()),
            after: None,
        }
    }
}

impl Page for OfficeCommandsPage {
    const NAME: &'static str = "office-commands";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let id = home.deployment.clone();
        let rows = commands::sample_notice(&home).map_or_else(Vec::new, |notice| {
            let events = commands::sample_events(&notice, sample::NOW);
            let since = Some(model::Timestamp::EPOCH);
            let row = |(at, event): (usize, &custody::CommandEvent)| {
                // One of a deployment that has no notice any more.
                let notice = (at != 5).then_some((&notice, since));
                CommandRow {
                    deployment: event.deployment.clone(),
                    place: notice.map(|it| it.0.title.clone()),
                    told: commands::tell(shell, notice, event),
                }
            };
            events.iter().enumerate().map(row).collect()
        });
        let page =
            |only: Option<(DeploymentId, Option<Text>)>, rows: Vec<CommandRow>, newest: bool| {
                let route = |after| Route::OfficeCommands {
                    deployment: only.as_ref().map(|it| it.0.clone()),
                    after,
                };
                let after = custody::CommandId::parse("00000000000000ff");
                Self {
                    shell: sample::in_office(shell, route(after.filter(|_| !newest))),
                    all: u64::try_from(rows.len()).unwrap_or_default(),
                    older: (!rows.is_empty() && newest).then(|| route(after)),
                    only,
                    rows,
                    newest,
                }
            };
        let mut paged = page(Some((id, Some(home.title.clone()))), rows.clone(), true);
        paged.all = 1_204;
        vec![
            ("full", page(None, rows.clone(), true)),
            ("one", paged),
            ("last", page(None, rows, false)),
            ("empty", page(None, Vec::new(), true)),
        ]
    }
}
