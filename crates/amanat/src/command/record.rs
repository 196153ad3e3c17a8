//! `amanat record …`: read and check the public record without trusting the server that wrote it.

mod check;
mod follow;
mod http_store;
mod mirror;
mod place;
mod prove;
mod receipt;
mod since;
mod verify;

use clap::Subcommand;

use crate::exit::{Exit, Stop};

#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Check the whole record: entries, tiles, root and signature
    Verify(verify::Arguments),
    /// Write a proof that an entry is in the record, to be checked without it
    Prove(prove::Arguments),
    /// Check such a proof, and show the entry
    Check(check::Arguments),
    /// Copy the record, and see that it only grew since the last time
    Mirror(mirror::Arguments),
    /// Print entries as they come
    Follow(follow::Arguments),
    /// Check that the record holds a receipt fast, and show what it says
    Receipt(receipt::Arguments),
}

/// Runs a command.
pub(crate) fn run(command: &RecordCommand) -> Result<Exit, Stop> {
    match command {
        RecordCommand::Verify(arguments) => verify::run(arguments),
        RecordCommand::Prove(arguments) => prove::run(arguments),
        RecordCommand::Check(arguments) => check::run(arguments),
        RecordCommand::Mirror(arguments) => mirror::run(arguments),
        RecordCommand::Follow(arguments) => follow::run(arguments),
        RecordCommand::Receipt(arguments) => receipt::run(arguments),
    }
}
