//! `amanat statistics`: figures about many people, released with noise.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use custody::StatisticId;
use serde_json::Value;

use super::listing::{Column, ListArguments, Part, ShowArguments};
use super::operator::{self, Place};
use crate::control::OperatorRequest;
use crate::exit::{Exit, Stop};
use crate::ui;

const LIST: &[Column] = &[
    ("data set", "/id"),
    ("deployment", "/deployment"),
    ("field", "/field"),
    ("period", "/period"),
    ("budget", "/budget"),
    ("ended", "/ended"),
];
const ONE: &[Column] = &[
    ("data set", "/id"),
    ("title", "/title/en"),
    ("deployment", "/deployment"),
    ("field", "/field"),
    ("of each", "/declaration/each"),
    ("from", "/declaration/low"),
    ("to", "/declaration/high"),
    ("period", "/period"),
    ("budget of a period", "/budget"),
    ("least people", "/least-people"),
    ("declared", "/declared"),
    ("ended", "/ended"),
];
const RELEASES: &[Part] = &[Part {
    title: "what was asked of it, the newest period first",
    pointer: "/releases",
    columns: &[
        ("from", "/from"),
        ("figure", "/figure"),
        ("state", "/state"),
        ("value", "/values"),
        ("±", "/within-95"),
        ("people", "/people"),
        ("±", "/people-within-95"),
        ("epsilon", "/epsilon"),
    ],
}];

#[derive(Debug, Subcommand)]
pub(crate) enum StatisticsCommand {
    /// Declare a statistical data set, from a file of TOML or JSON; public
    Declare {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Ask for a figure of a period that is over; what it costs is spent, and a job draws it
    Ask(AskArguments),
    /// Say which statistical data sets there are
    List(ListArguments),
    /// Show one data set, and what was released of it
    Show {
        /// The data set
        #[arg(value_parser = id)]
        statistic: StatisticId,
        #[command(flatten)]
        how: ShowArguments,
    },
    /// End a data set: nothing more is released, what was released stays; public
    End {
        /// The data set
        #[arg(value_parser = id)]
        statistic: StatisticId,
        /// Why; stands in the public record
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AskArguments {
    /// The data set
    #[arg(value_parser = id)]
    statistic: StatisticId,
    /// When the period begins, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// people, sum, mean, histogram, or quantile-50 and the like
    #[arg(long)]
    figure: String,
    /// What the figure may tell about anybody, such as 0.5
    #[arg(long)]
    epsilon: String,
    #[command(flatten)]
    place: Place,
}

/// The largest declaration that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

fn id(text: &str) -> Result<StatisticId, model::IdError> {
    StatisticId::parse(text)
}

/// Does what is asked of statistics.
pub(crate) fn run(command: StatisticsCommand) -> Result<Exit, Stop> {
    match command {
        StatisticsCommand::Declare { file, place } => {
            let source = declaration(&file)
                .map_err(|err| Stop::invalid(err, "see docs/how-to/release-statistics.md"))?;
            let answer = operator::ask(place, &OperatorRequest::DeclareStatistic { source })?;
            let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
            ui::words(&format!("declared; its page is /commons/statistics/{id}"));
            Ok(Exit::Ok)
        }
        StatisticsCommand::Ask(asked) => {
            let request = OperatorRequest::AskStatistic {
                statistic: asked.statistic.to_string(),
                from: asked.from,
                figure: asked.figure,
                epsilon: asked.epsilon,
            };
            let answer = operator::ask(asked.place, &request)?;
            let is_new = answer.get("new").and_then(Value::as_bool) == Some(true);
            ui::words(match is_new {
                true => {
                    "it is drawn within two minutes where a server runs: amanat statistics show"
                }
                false => "it was asked before: the figure stays as it is, and nothing was spent",
            });
            Ok(Exit::Ok)
        }
        StatisticsCommand::List(list) => list.list("statistics", LIST, |page| {
            OperatorRequest::ListStatistics { page }
        }),
        StatisticsCommand::Show { statistic, how } => {
            let request = OperatorRequest::ShowStatistic {
                statistic: statistic.to_string(),
            };
            how.show(ONE, RELEASES, &request)
        }
        StatisticsCommand::End {
            statistic,
            reason,
            place,
        } => {
            let request = OperatorRequest::EndStatistic {
                statistic: statistic.to_string(),
                reason,
            };
            operator::done(place, &request)
        }
    }
}

/// The file as JSON.
fn declaration(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?;
    anyhow::ensure!(
        size.len() <= MAX_FILE_BYTES,
        "`{shown}` has more than {MAX_FILE_BYTES} bytes"
    );
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    if text.trim_start().starts_with('{') {
        return Ok(text);
    }
    let read: toml::Value =
        toml::from_str(&text).with_context(|| format!("`{shown}` is no TOML"))?;
    Ok(serde_json::to_string(&read)?)
}
