//! `amanat export import FILE --person ID`: bring what somebody took along back into an account.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::operator::{Place, ask};
use crate::control::OperatorRequest;
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The export, a ZIP file that the server's user may read
    file: PathBuf,
    /// The account that it is brought back into
    #[arg(long, value_name = "ACCOUNT")]
    person: String,
    /// The verifier key of the record that signed it, from a source that you trust; without it, the key in the export counts
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Brings it back and says what came in, what did not, and why.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    let path = &arguments.file;
    // Whoever answers may work in another directory.
    let file = path
        .canonicalize()
        .with_context(|| format!("cannot read `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, "name the file of an export"))?;
    let file = file
        .to_str()
        .with_context(|| format!("`{}` is no UTF-8", path.display()))
        .map_err(|err| Stop::invalid(err, "give the file another name"))?;
    let request = OperatorRequest::ImportExport {
        file: file.to_owned(),
        person: arguments.person,
        key: arguments.key,
    };
    let answer = ask(arguments.place, &request)?;
    if arguments.json {
        ui::data(&super::listing::json_line(&answer));
        return Ok(Exit::Ok);
    }
    if answer.get("key_given") == Some(&Value::Bool(false)) {
        ui::words(
            "the key comes from the export itself; give --key to take only what a record that you trust has signed",
        );
    }
    print(&answer);
    Ok(Exit::Ok)
}

fn print(answer: &Value) {
    let number = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or(0);
    ui::data(&format!(
        "readings: {} in the file, {} brought back",
        number("readings"),
        number("brought")
    ));
    for (key, what) in [
        (
            "trimmed",
            "brought back without values that are not declared here",
        ),
        ("known", "here already"),
        ("expired", "past their retention"),
        ("erased", "erased here, so not brought back"),
    ] {
        if number(key) > 0 {
            ui::data(&format!("{what}: {}", number(key)));
        }
    }
    for it in list(answer.get("unfit")) {
        ui::data(&format!(
            "not matched: {} of {}/{}: {}",
            it.get("readings").and_then(Value::as_u64).unwrap_or(0),
            word(it, "deployment"),
            word(it, "thing"),
            why(word(it, "why")),
        ));
    }
    let Some(choices) = answer.get("choices").filter(|it| it.is_object()) else {
        return;
    };
    let count = |key: &str| choices.get(key).and_then(Value::as_u64).unwrap_or(0);
    ui::data(&format!(
        "choices: {} wait a day for the person to agree, on the page `Bring a file of choices`; {} are the same here",
        count("waiting"),
        count("same")
    ));
    for it in list(choices.get("unmatched")) {
        ui::data(&format!(
            "choice not matched: {} {} {} {}",
            word(it, "deployment"),
            word(it, "field"),
            word(it, "purpose"),
            word(it, "recipient"),
        ));
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn why(word: &str) -> &'static str {
    match word {
        "no-deployment" => "there is no such deployment here",
        "no-thing" => "the deployment has no such device here",
        "not-kept" => "the person wants nothing of this deployment kept here",
        "not-declared" => "the notice here declares none of their values",
        "future" => "they are of a moment that has not come",
        "sealed" => {
            "they are of days that are sealed to the person's own keys here, and stay as they are there"
        }
        _ => "they do not fit here",
    }
}
