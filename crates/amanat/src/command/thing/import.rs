//! `amanat thing import`: every device of a CSV file, all or none.
//!
//! The columns are described in `docs/reference/thing-import.md`. Everything that is wrong is said at once, each with its
//! line; nothing is registered then.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use model::DeploymentId;
use serde_json::Value;

use super::table::{self, Row};
use crate::command::operator::{self, Place};
use crate::control::OperatorRequest;
use crate::control::operate::{MAX_IMPORTED, MAX_PROBLEMS, ThingRequest};
use crate::exit::{Exit, Stop};
use crate::ui;

/// The largest file, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The table: columns id, topic, adapter, bridge, name
    file: PathBuf,
    /// The deployment of all of them
    #[arg(long, value_parser = DeploymentId::parse)]
    deployment: DeploymentId,
    /// Write the tokens, as CSV, to this new file that only its owner may read
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    tokens: Option<PathBuf>,
    /// Only say what is wrong; register nothing
    #[arg(long, conflicts_with = "tokens")]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

/// Registers them.
pub(super) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    let text = read(&arguments.file)?;
    let rows = table::rows(&text)
        .map_err(|err| Stop::invalid(err, "nothing was registered; correct the file"))?;
    let (lines, things) = things(&rows)?;
    let tokens = arguments
        .tokens
        .as_deref()
        .map(operator::new_secret)
        .transpose()?;
    let request = OperatorRequest::AddThings {
        deployment: arguments.deployment.to_string(),
        things,
        dry_run: arguments.dry_run,
    };
    let done = finish(
        operator::ask(arguments.place, &request),
        &request,
        &lines,
        tokens,
    );
    if let (Err(_), Some(path)) = (&done, &arguments.tokens) {
        // Made by this call and empty: the next call can have the name.
        let _ = std::fs::remove_file(path);
    }
    done
}

fn finish(
    answer: Result<Value, Stop>,
    request: &OperatorRequest,
    lines: &[usize],
    tokens: Option<File>,
) -> Result<Exit, Stop> {
    let answer = answer?;
    let line = |position| lines.get(usize::try_from(position).ok()?).copied();
    operator::problems(&answer, line)?;
    let Some(file) = tokens else {
        ui::words(&format!(
            "all {} can be registered; nothing was",
            lines.len()
        ));
        return Ok(Exit::Ok);
    };
    let OperatorRequest::AddThings { things, .. } = request else {
        return Ok(Exit::Ok);
    };
    if let Err(err) = write(file, things, &answer) {
        // What was registered stays: its tokens are gone and can be renewed, one by one.
        ui::words(&format!("the tokens could not be written: {err:#}"));
        ui::words("the devices are registered; renew their tokens with `amanat thing renew`");
        return Ok(Exit::Failure);
    }
    ui::words(&format!("{} devices are registered", lines.len()));
    Ok(Exit::Ok)
}

fn write(file: File, things: &[ThingRequest], answer: &Value) -> anyhow::Result<()> {
    let tokens = answer.get("tokens").and_then(Value::as_array);
    let tokens = tokens.context("the answer has no tokens")?;
    let mut out = std::io::BufWriter::new(file);
    out.write_all(b"id,token\n")?;
    for (thing, token) in things.iter().zip(tokens) {
        let token = token.as_str().context("a token is missing")?;
        writeln!(out, "{},{token}", thing.id)?;
    }
    let file = out.into_inner()?;
    Ok(file.sync_all()?)
}

fn read(path: &std::path::Path) -> Result<String, Stop> {
    let failed = |err: anyhow::Error| {
        let error = err.context(format!("cannot read `{}`", path.display()));
        Stop::invalid(error, "name a CSV file in UTF-8 of at most 16 MiB")
    };
    let length = std::fs::metadata(path)
        .map_err(|err| failed(err.into()))?
        .len();
    if length > MAX_FILE_BYTES {
        return Err(failed(anyhow!("it has {length} bytes")));
    }
    std::fs::read_to_string(path).map_err(|err| failed(err.into()))
}

/// The columns that there are.
const COLUMNS: [&str; 5] = ["id", "topic", "adapter", "bridge", "name"];

/// Every thing with its line; what is wrong with the table itself is said at once.
fn things(rows: &[Row]) -> Result<(Vec<usize>, Vec<ThingRequest>), Stop> {
    let invalid =
        |text: String| Stop::invalid(anyhow!(text), "correct the file; nothing was registered");
    let Some((header, rows)) = rows.split_first() else {
        return Err(invalid("the file is empty".to_owned()));
    };
    let places = places(header).map_err(invalid)?;
    if rows.len() > MAX_IMPORTED {
        return Err(invalid(format!(
            "the file has {} devices, and one import at most {MAX_IMPORTED}",
            rows.len()
        )));
    }
    let (mut lines, mut things, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match thing(row, header.values.len(), &places) {
            Ok(it) => {
                lines.push(row.line);
                things.push(it);
            }
            Err(words) => wrong.push(format!("line {}: {words}", row.line)),
        }
    }
    if wrong.is_empty() {
        return Ok((lines, things));
    }
    for words in wrong.iter().take(MAX_PROBLEMS) {
        ui::words(words);
    }
    if let Some(more) = wrong.len().checked_sub(MAX_PROBLEMS).filter(|it| *it > 0) {
        ui::words(&format!("and {more} more"));
    }
    Err(invalid("nothing was registered".to_owned()))
}

/// Where each column stands, in the order of [`COLUMNS`].
fn places(header: &Row) -> Result<[Option<usize>; 5], String> {
    let mut places = [None; 5];
    for (place, name) in header.values.iter().enumerate() {
        let known = COLUMNS.iter().position(|it| it == name);
        let slot = known.and_then(|it| places.get_mut(it)).ok_or_else(|| {
            format!(
                "there is no column `{name}`; the columns are {}",
                COLUMNS.join(", ")
            )
        })?;
        if slot.replace(place).is_some() {
            return Err(format!("the column `{name}` stands twice"));
        }
    }
    match places {
        [None, ..] => Err("the first line names the columns, and `id` is one of them".to_owned()),
        places => Ok(places),
    }
}

fn thing(
    row: &Row,
    width: usize,
    places: &[Option<usize>; 5],
) -> Result<ThingRequest, &'static str> {
    if row.values.len() != width {
        return Err("this line has not as many values as there are columns");
    }
    let value = |place: &Option<usize>| {
        let value = row.values.get((*place)?)?;
        (!value.is_empty()).then(|| value.clone())
    };
    let [id, topic, adapter, bridge, name] = places;
    let bridge = match (value(bridge), value(name)) {
        (None, None) => None,
        (Some(bridge), Some(name)) => Some((bridge, name)),
        _ => return Err("a bridge needs the name that it uses, and a name its bridge"),
    };
    Ok(ThingRequest {
        id: value(id).ok_or("a device needs an identifier")?,
        topic: value(topic),
        adapter: value(adapter),
        bridge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Result<(Vec<usize>, Vec<ThingRequest>), String> {
        things(&table::rows(text).unwrap()).map_err(|it| it.to_string())
    }

    #[test]
    fn columns_stand_in_any_order_and_may_be_left_out() {
        let (lines, things) = taken("name,id,bridge\nKüche,plug-1,hub-1\n,plug-2,\n").unwrap();
        assert_eq!(lines, [2, 3]);
        assert_eq!(
            things[0].bridge,
            Some(("hub-1".to_owned(), "Küche".to_owned()))
        );
        assert_eq!(
            (things[1].id.as_str(), &things[1].bridge),
            ("plug-2", &None)
        );
    }

    #[test]
    fn a_table_without_sense_is_refused() {
        for (text, words) in [
            ("", "empty"),
            ("topic\na", "`id` is one of them"),
            ("id,colour\na,b", "no column `colour`"),
            ("id,id\na,b", "stands twice"),
            ("id,topic\nplug-1", "nothing was registered"),
            ("id,bridge,name\nplug-1,hub-1,", "nothing was registered"),
            ("id,topic\n,a/b", "nothing was registered"),
        ] {
            let err = taken(text).unwrap_err();
            assert!(err.contains(words), "{text}: {err}");
        }
    }

    #[test]
    fn a_hundred_thousand_devices_are_one_import_and_one_more_is_not() {
        let mut text = "id\n".to_owned();
        for number in 0..MAX_IMPORTED {
            text.push_str(&format!("plug-{number}\n"));
        }
        assert_eq!(taken(&text).unwrap().1.len(), MAX_IMPORTED);
        text.push_str("one-more\n");
        assert!(taken(&text).unwrap_err().contains("at most 100000"));
    }
}
