//! `amanat erasure`: what recipients were told of what people had erased, and who is late.

use clap::Subcommand;

use super::listing::{Column, ListArguments};
use crate::control::OperatorRequest;
use crate::exit::{Exit, Stop};

#[derive(Debug, Subcommand)]
pub(crate) enum ErasureCommand {
    /// Say which recipients were told to erase what, and how each stands, the oldest first; nobody who erased is named
    List(ListArguments),
}

const COLUMNS: &[Column] = &[
    ("erasure", "/id"),
    ("recipient", "/recipient"),
    ("deployment", "/deployment"),
    ("thing", "/thing"),
    ("told", "/told-at"),
    ("asked for it", "/fetched-at"),
    ("until", "/acknowledge-by"),
    ("state", "/state"),
    ("acknowledged", "/acknowledged-at"),
];

/// Does what is asked of erasures.
pub(crate) fn run(command: ErasureCommand) -> Result<Exit, Stop> {
    let ErasureCommand::List(list) = command;
    list.list("erasures", COLUMNS, |page| OperatorRequest::ListErasures {
        page,
    })
}
