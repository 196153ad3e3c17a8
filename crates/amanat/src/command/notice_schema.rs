//! `amanat notice schema`: the JSON Schema of notice files.

use crate::exit::{Exit, Stop};
use crate::ui;

/// Prints the schema.
pub(crate) fn run() -> Result<Exit, Stop> {
    ui::data(model::notice_schema().trim_end());
    Ok(Exit::Ok)
}
