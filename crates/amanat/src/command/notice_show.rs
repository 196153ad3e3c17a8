//! `amanat notice show FILE --as FORM`: the same notice, written in another form.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::notice_context::EXAMPLE_SITE;
use super::notice_files::sound;
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A notice file (TOML or JSON)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// In which form
    #[arg(long = "as", value_enum, default_value_t = Form::Toml)]
    form: Form,
    /// The site whose addresses stand in the linked data
    #[arg(long, default_value = EXAMPLE_SITE, value_name = "URL", value_parser = web::PublicUrl::parse)]
    site: web::PublicUrl,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// A notice file in TOML
    Toml,
    /// A notice file in JSON
    Json,
    /// Linked data in the terms of DPV and of the IETF taxonomy
    JsonLd,
}

/// Prints the notice.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let notice = sound(&arguments.file)?;
    let text = match arguments.form {
        Form::Toml => notice.to_toml(),
        Form::Json => notice.to_json(),
        Form::JsonLd => notice.to_json_ld(&arguments.site.to_string()),
    };
    ui::data(text.trim_end());
    Ok(Exit::Ok)
}
