//! `amanat record prove DIR|URL NUMBER`: one entry with its proof, in a file that is checked without the record (C2SP `tlog-proof`).

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use record::{LogStore, Note, TlogProof, checkpoint, inclusion_proof, read_entry};

use super::place::PlaceArguments;
use crate::exit::{Exit, Stop};
use crate::ui;

const DAMAGED: &str = "run `amanat record verify`, which names the file that is wrong";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// The number of the entry, from 0, as the page of the entry shows it
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// Write the proof to this file instead of standard output; by custom it ends in .tlog-proof
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints the proof, or writes it.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let (mut place, key) = arguments.place.open()?;
    let damaged = |err: anyhow::Error| Stop::failure(err, DAMAGED);
    let newest = checkpoint(&mut place, &key).map_err(|err| damaged(err.into()))?;
    let newest = newest.ok_or_else(|| damaged(anyhow!("the record has no checkpoint")))?;
    let number = arguments.number;
    if number >= newest.size {
        let size = newest.size;
        return Err(Stop::invalid(
            anyhow!("the record has no entry {number}: it has {size} entries, counted from 0"),
            "give the number that the page of the entry shows",
        ));
    }
    let proof = inclusion_proof(&mut place, &newest, number);
    let proof = proof.map_err(|err| damaged(err.into()))?;
    let entry = read_entry(&mut place, number).map_err(|err| damaged(err.into()))?;
    let bytes = place.read("checkpoint");
    let bytes = bytes
        .map_err(|err| damaged(err.into()))?
        .unwrap_or_default();
    let note = Note::parse(&bytes).map_err(|err| damaged(err.into()))?;
    let proof = TlogProof {
        extra: entry,
        index: number,
        path: proof.path,
        note,
    };
    // The checkpoint may have been replaced meanwhile, and a bundle may not fit the tiles.
    let entry = proof.extra.as_deref().unwrap_or_default();
    let checked = proof.verify(entry, &key, &[]);
    checked.map_err(|err| damaged(anyhow::Error::new(err).context("the proof does not hold")))?;
    let text = proof.to_string();
    match &arguments.output {
        None => ui::data(text.trim_end()),
        Some(path) => {
            let written = std::fs::write(path, text);
            let context = || format!("cannot write `{}`", path.display());
            written
                .with_context(context)
                .map_err(|err| Stop::failure(err, "name another file"))?;
        }
    }
    Ok(Exit::Ok)
}
