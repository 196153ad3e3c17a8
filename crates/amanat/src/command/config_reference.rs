//! `amanat config-reference`: print the reference page of the configuration.

use crate::config;
use crate::exit::{Exit, Stop};
use crate::ui;

/// Prints `docs/reference/config.md`.
pub(crate) fn run() -> Result<Exit, Stop> {
    ui::data(config::reference().trim_end());
    Ok(Exit::Ok)
}
