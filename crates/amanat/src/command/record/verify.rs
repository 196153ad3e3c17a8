//! `amanat record verify DIR|URL`: check the public record without trusting the server that wrote it.
//!
//! A directory is the record itself or a data directory with `record/` in it; reading it needs no server. A URL is the
//! site, whose record lies under `/record/log/`.

use clap::Args;
use record::{Verified, Verifier};

use super::place::{Place, PlaceArguments};
use super::since::Since;
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// Prove that the record contains an earlier one: what an earlier run printed as `since`
    #[arg(long, value_name = "SIZE:ROOT", value_parser = Since::parse)]
    since: Option<Since>,
}

/// Prints `ok: N entries, root HASH` and `since: N:HASH` for the next run, or says which file is wrong.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let (mut place, key) = arguments.place.open()?;
    let since = arguments.since.as_ref();
    let verified = verify(&mut place, &key, since)?;
    ui::data(&format!(
        "ok: {} entries, root {}",
        verified.size, verified.root
    ));
    if let Some(since) = since {
        ui::data(&format!("contains: {since}"));
    }
    ui::data(&format!("since: {}", Since::of(&verified)));
    Ok(Exit::Ok)
}

fn verify(store: &mut Place, key: &Verifier, since: Option<&Since>) -> Result<Verified, Stop> {
    let verified = record::verify(store, key).map_err(|err| {
        let error = anyhow::Error::new(err).context("the record does not verify");
        Stop::failure(
            error,
            "the record was changed, is incomplete, or was signed by another key: keep it as evidence and ask the alliance",
        )
    })?;
    if let Some(since) = since {
        since.is_contained(store, key, &verified).map_err(|err| {
            let error = err.context(format!("the earlier record `{since}` is not contained"));
            Stop::failure(
                error,
                "the record was rewritten since then, or this is another record: keep both as evidence and ask the alliance",
            )
        })?;
    }
    Ok(verified)
}
