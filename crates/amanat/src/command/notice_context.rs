//! `amanat notice context`: the JSON-LD context of notices.

use clap::Args;

use crate::exit::{Exit, Stop};
use crate::ui;

/// The site that stands in published examples.
pub(super) const EXAMPLE_SITE: &str = "https://amanat.example";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The site whose own words the context defines
    #[arg(long, default_value = EXAMPLE_SITE, value_name = "URL", value_parser = web::PublicUrl::parse)]
    site: web::PublicUrl,
}

/// Prints the context.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let context = model::notice_context(&arguments.site.to_string());
    ui::data(context.trim_end());
    Ok(Exit::Ok)
}
