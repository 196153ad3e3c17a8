//! `amanat export verify FILE`: check what somebody took along, without a server and without trusting the file.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use custody::{VerifiedExport, VerifyExportError, verify_export};
use record::Verifier;

use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The export, a ZIP file
    file: PathBuf,
    /// The verifier key of the record, from a source that you trust; without it, the key in the export counts
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
}

/// Prints what is in it, or the first file that is wrong.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let key = arguments.key.as_deref().map(given_key).transpose()?;
    let path = &arguments.file;
    let file = File::open(path)
        .with_context(|| format!("cannot read `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, "name the file of an export"))?;
    let verified = verify_export(BufReader::new(file), key.as_ref()).map_err(stop)?;
    if !verified.is_key_given {
        ui::words(
            "the key comes from the export that was checked; give --key to check against one that you trust",
        );
    }
    print(&verified);
    Ok(Exit::Ok)
}

fn print(verified: &VerifiedExport) {
    ui::data(&format!(
        "ok: {} files, {} bytes, {} readings",
        verified.files, verified.bytes, verified.readings
    ));
    ui::data(&format!("person: {}", verified.person));
    ui::data(&format!("made: {}", verified.made_at));
    ui::data(&format!(
        "record entries proved: {}",
        verified.record_entries
    ));
    ui::data(&format!("signed: {}", verified.key));
}

fn given_key(text: &str) -> Result<Verifier, Stop> {
    Verifier::parse(text.trim()).map_err(|err| {
        let error = anyhow::Error::new(err).context("the key of --key cannot be used");
        Stop::invalid(error, "a key looks like name+12345678+base64")
    })
}

fn stop(err: VerifyExportError) -> Stop {
    let next = match &err {
        VerifyExportError::Read(_) => "check the disk and try again",
        VerifyExportError::Form(_) => {
            "download the export again; a download that broke off can be resumed"
        }
        VerifyExportError::NoKey | VerifyExportError::Signature { .. } => {
            "give the true key with --key, and keep this file as evidence when it still does not verify"
        }
        _ => "the export was changed after it was made: keep it as evidence, and download it again",
    };
    let error = anyhow::Error::new(err).context("the export does not verify");
    Stop::failure(error, next)
}
