//! `amanat record follow DIR|URL`: print entries as they come, each checked against all that came before.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::check::{WitnessArguments, shown};
use super::mirror::{Copy, is_passing, stopped};
use super::place::PlaceArguments;
use crate::exit::{Exit, Stop};
use crate::ui;

/// So many entries are read at once.
const AT_ONCE: u64 = 1_024;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// Print entries from this number on; without it, those that come from now on
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,
    /// Keep a copy in this directory, as `amanat record mirror` does, and go on with it the next time
    #[arg(long, value_name = "COPY")]
    copy: Option<PathBuf>,
    /// Look so often, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// Look once
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    witnesses: WitnessArguments,
}

/// Prints each entry as its number and its text. Ends when the record is not what it was.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    arguments.witnesses.quorum()?;
    let mut copy = Copy::open(&arguments.place, arguments.copy.as_deref())?;
    let known = copy.size();
    let mut next = arguments.from.or((known > 0).then_some(known));
    loop {
        match copy.update(&arguments.witnesses) {
            Ok(done) => {
                let size = done.checkpoint.size;
                let mut position = next.unwrap_or(size);
                while position < size {
                    let end = size.min(position.saturating_add(AT_ONCE));
                    let entries = record::read_entries(&mut copy.kept, position..end);
                    let entries = entries
                        .map_err(|err| Stop::failure(err, "look at the disk of the copy"))?;
                    for entry in entries {
                        ui::data(&format!("{position} {}", shown(&entry)));
                        position += 1;
                    }
                }
                next = Some(position);
            }
            Err(err) if is_passing(&err) && !arguments.once => {
                let text = format!("{:#}", anyhow::Error::new(err));
                ui::words(&format!("{text}; looking again in {} s", arguments.every));
            }
            Err(err) => return Err(stopped(err, copy.size())),
        }
        if arguments.once {
            return Ok(Exit::Ok);
        }
        pause(arguments.every);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "somebody else's site is looked at every so often: there is no state to wait on"
)]
fn pause(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}
