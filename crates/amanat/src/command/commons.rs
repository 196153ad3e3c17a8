//! `amanat commons`: open data sets made of what people give without their names.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use custody::{DataSetId, MAX_DATA_SET_BYTES};
use serde_json::Value;

use super::listing::{Column, ListArguments, Part, ShowArguments};
use super::operator::{self, Place};
use crate::control::OperatorRequest;
use crate::exit::{Exit, Stop};
use crate::ui;

const LIST: &[Column] = &[
    ("data set", "/id"),
    ("deployment", "/deployment"),
    ("columns", "/columns"),
    ("licence", "/licence"),
    ("declared", "/declared"),
];
const ONE: &[Column] = &[
    ("data set", "/id"),
    ("title", "/title/en"),
    ("deployment", "/deployment"),
    ("columns", "/columns"),
    ("licence", "/licence"),
    ("homes behind each row", "/k"),
    ("homes before it is looked at", "/least-homes"),
    ("declared", "/declared"),
];
const DECISIONS: &[Part] = &[Part {
    title: "what was decided, the newest first; attacks in thousandths of the tries",
    pointer: "/decisions",
    columns: &[
        ("number", "/number"),
        ("at", "/at"),
        ("state", "/state"),
        ("rows", "/rows"),
        ("left out", "/left-out"),
        ("homes at least", "/homes-at-least"),
        ("singling out", "/singling-out-permille"),
        ("linkage", "/linkage-permille"),
        ("inference", "/inference-permille"),
        ("without", "/inference-without-permille"),
    ],
}];

#[derive(Debug, Subcommand)]
pub(crate) enum CommonsCommand {
    /// Declare an open data set, from a file of TOML or JSON; public, and never changed afterwards
    Declare {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Say which open data sets there are
    List(ListArguments),
    /// Show one data set, and what was decided on what people gave to it
    Show {
        /// The data set
        #[arg(value_parser = id)]
        data_set: DataSetId,
        #[command(flatten)]
        how: ShowArguments,
    },
    /// Decide now on what people gave, without waiting for the set time: it is published, or refused with the reason; public
    Admit {
        /// The data set
        #[arg(value_parser = id)]
        data_set: DataSetId,
        #[command(flatten)]
        place: Place,
    },
}

fn id(text: &str) -> Result<DataSetId, model::IdError> {
    DataSetId::parse(text)
}

/// Does what is asked of the commons.
pub(crate) fn run(command: CommonsCommand) -> Result<Exit, Stop> {
    match command {
        CommonsCommand::Declare { file, place } => {
            let source = declaration(&file)
                .map_err(|err| Stop::invalid(err, "see docs/reference/data-sets.md"))?;
            let answer = operator::ask(place, &OperatorRequest::DeclareDataSet { source })?;
            let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
            ui::words(&format!("declared; its page is /commons/{id}"));
            Ok(Exit::Ok)
        }
        CommonsCommand::List(list) => list.list("data-sets", LIST, |page| {
            OperatorRequest::ListDataSets { page }
        }),
        CommonsCommand::Show { data_set, how } => {
            let request = OperatorRequest::ShowDataSet {
                data_set: data_set.to_string(),
            };
            how.show(ONE, DECISIONS, &request)
        }
        CommonsCommand::Admit { data_set, place } => {
            let request = OperatorRequest::DecideCommons {
                data_set: data_set.to_string(),
            };
            let answer = operator::ask(place, &request)?;
            ui::data(&super::listing::json_line(&answer));
            Ok(Exit::Ok)
        }
    }
}

fn declaration(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?;
    let most = u64::try_from(MAX_DATA_SET_BYTES).unwrap_or(u64::MAX);
    anyhow::ensure!(
        size.len() <= most,
        "`{shown}` has more than {MAX_DATA_SET_BYTES} bytes"
    );
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))
}
