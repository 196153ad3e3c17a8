//! `amanat pages check --out DIR`: every page in every state and language as a file.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to write the pages
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the pages and prints how many.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let count = web::write_samples(&arguments.out)
        .map_err(|err| Stop::failure(err, "name a directory that can be written to"))?;
    ui::data(&format!("{count} pages in {}", arguments.out.display()));
    Ok(Exit::Ok)
}
