//! How commands show what there is: tables for people, one line of JSON each for scripts.
//!
//! A list is given a page at a time; what stands behind the last page is said on standard error.

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde_json::Value;

use super::operator::{self, Place};
use crate::control::OperatorRequest;
use crate::control::operate::{MAX_LISTED, PageRequest};
use crate::exit::{Exit, Stop};
use crate::ui;

/// What stands between columns.
const GAP: &str = "  ";
/// What stands for nothing.
const NOTHING: &str = "-";
/// How long a value of a table may be, in characters; JSON has all of it.
const MAX_CELL_CHARS: usize = 60;

/// How a list is shown.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Print one line of JSON each, for scripts
    #[arg(long)]
    json: bool,
    /// Print at most so many
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = limit())]
    limit: u32,
    /// Print what stands behind this identifier
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// How one thing is shown.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// Print one line of JSON, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

fn limit() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=u64::from(MAX_LISTED))
}

/// A column of a table, or a line about one thing: what people read, and where in the answer it stands (a JSON Pointer).
pub(super) type Column = (&'static str, &'static str);

/// A table below what is said about one thing.
pub(super) struct Part {
    /// What stands over it.
    pub(super) title: &'static str,
    /// Where in the answer it stands.
    pub(super) pointer: &'static str,
    pub(super) columns: &'static [Column],
}

impl ListArguments {
    /// Asks for one page and prints it.
    pub(super) fn list(
        self,
        name: &str,
        columns: &[Column],
        request: impl FnOnce(PageRequest) -> OperatorRequest,
    ) -> Result<Exit, Stop> {
        let page = PageRequest {
            after: self.after,
            limit: self.limit,
        };
        let answer = operator::ask(self.place, &request(page))?;
        entries(answer.get(name), columns, self.json);
        if let Some(next) = answer.get("next").and_then(Value::as_str) {
            let all = answer.get("all").map(cell).unwrap_or_default();
            ui::words(&format!(
                "there are {all} in all; for those behind these add: --after {next}"
            ));
        }
        Ok(Exit::Ok)
    }
}

impl ShowArguments {
    /// Asks, and prints what is answered.
    pub(super) fn show(
        self,
        lines: &[Column],
        parts: &[Part],
        request: &OperatorRequest,
    ) -> Result<Exit, Stop> {
        let answer = operator::ask(self.place, request)?;
        if self.json {
            ui::data(&json_line(&answer));
            return Ok(Exit::Ok);
        }
        for line in described(&answer, lines) {
            ui::data(&line);
        }
        for part in parts {
            let found = answer.pointer(part.pointer).and_then(Value::as_array);
            let found = found.map(Vec::as_slice).unwrap_or_default();
            if !found.is_empty() {
                ui::data("");
                ui::data(part.title);
                print_table(found, part.columns);
            }
        }
        Ok(Exit::Ok)
    }

    /// The same of what is a list itself, with the answer for more words.
    pub(super) fn list(
        self,
        name: &str,
        columns: &[Column],
        request: &OperatorRequest,
    ) -> Result<Value, Stop> {
        let answer = operator::ask(self.place, request)?;
        entries(answer.get(name), columns, self.json);
        Ok(answer)
    }
}

/// Prints a list in one form or the other.
pub(super) fn entries(listed: Option<&Value>, columns: &[Column], json: bool) {
    let listed = listed.and_then(Value::as_array).map(Vec::as_slice);
    let listed = listed.unwrap_or_default();
    if json {
        listed.iter().for_each(|it| ui::data(&json_line(it)));
    } else if listed.is_empty() {
        ui::words("there is nothing to list");
    } else {
        print_table(listed, columns);
    }
}

fn print_table(entries: &[Value], columns: &[Column]) {
    for line in table(entries, columns) {
        ui::data(&line);
    }
}

/// The lines of a table: the titles, then a line for each entry, in columns that are as wide as they must be.
fn table(entries: &[Value], columns: &[Column]) -> Vec<String> {
    let titles = columns.iter().map(|(title, _)| (*title).to_owned());
    let row = |entry: &Value| -> Vec<String> {
        let of = |(_, pointer): &Column| cell(entry.pointer(pointer).unwrap_or(&Value::Null));
        columns.iter().map(of).collect()
    };
    let mut rows = vec![titles.collect::<Vec<_>>()];
    rows.extend(entries.iter().map(row));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|it| it.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, width)| format!("{cell:width$}"));
        let line = padded.collect::<Vec<_>>().join(GAP);
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// What is said about one thing, a line each.
fn described(answer: &Value, lines: &[Column]) -> Vec<String> {
    let width = lines.iter().map(|it| it.0.chars().count()).max();
    let width = width.unwrap_or(0) + 1;
    let line = |(title, pointer): &Column| {
        let value = cell(answer.pointer(pointer).unwrap_or(&Value::Null));
        format!("{:width$}{GAP}{value}", format!("{title}:"))
    };
    lines.iter().map(line).collect()
}

/// A value as people read it, on one line. What came from a device cannot break the table.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => text.chars().map(plain).collect(),
        Value::Array(all) if all.is_empty() => NOTHING.to_owned(),
        Value::Array(all) => all.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    match text.char_indices().nth(MAX_CELL_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn plain(it: char) -> char {
    match is_special(it) {
        true => ' ',
        false => it,
    }
}

/// Whether a terminal does something else with it than to show it: control characters, the ends of lines and paragraphs, and the
/// marks of direction (Unicode Standard Annex 9), which would turn the line around.
fn is_special(it: char) -> bool {
    let turns = matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    it.is_control() || turns || matches!(it, '\u{2028}' | '\u{2029}')
}

/// JSON on one line, for a script or a terminal. What JSON lets stand as it is and a terminal does not is escaped (RFC 8259
/// section 7).
pub(super) fn json_line(value: &Value) -> String {
    let plain = value.to_string();
    if !plain.chars().any(is_special) {
        return plain;
    }
    let mut line = String::with_capacity(plain.len() + 16);
    for it in plain.chars() {
        match is_special(it) {
            true => line.push_str(&format!("\\u{:04x}", u32::from(it))),
            false => line.push(it),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_titles_and_columns_that_are_as_wide_as_they_must_be() {
        let entries = [
            json!({ "id": "kitchen", "title": { "en": "Kitchen" }, "things": 3, "gone": null }),
            json!({ "id": "x", "title": { "en": "" }, "things": 12_000, "gone": true }),
        ];
        let columns = [
            ("deployment", "/id"),
            ("title", "/title/en"),
            ("things", "/things"),
            ("gone", "/gone"),
        ];
        assert_eq!(
            table(&entries, &columns),
            [
                "deployment  title    things  gone",
                "kitchen     Kitchen  3       -",
                "x           -        12000   yes",
            ]
        );
    }

    #[test]
    fn what_a_device_calls_itself_cannot_break_a_line_or_turn_it_around() {
        assert_eq!(cell(&json!("a\n\u{1b}[31mb\u{202e}c")), "a  [31mb c");
        let long = "ش".repeat(200);
        assert_eq!(cell(&json!(long)).chars().count(), MAX_CELL_CHARS + 1);
        assert_eq!(cell(&json!(["a", "b"])), "a, b");
    }

    #[test]
    fn json_has_nothing_that_a_terminal_obeys_and_reads_back_as_it_was() {
        for text in [
            "a\n\u{1b}[31m",
            "\u{9b}31m\u{85}\u{7f}",
            "\u{202e}b\u{2066}\u{61c}",
            "\u{2028}",
            "پانی \"x\" \\u0041",
        ] {
            let value = json!({ text: [text] });
            let line = json_line(&value);
            assert!(!line.chars().any(is_special), "{line}");
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        }
        assert_eq!(json_line(&json!("پانی")), "\"پانی\"");
    }

    #[test]
    fn what_is_said_about_one_thing_stands_below_each_other() {
        let answer = json!({ "id": "kitchen-plug", "last": { "at": "2030-01-01T00:00:00Z" } });
        let lines = [
            ("thing", "/id"),
            ("last came", "/last/at"),
            ("bridge", "/bridge"),
        ];
        assert_eq!(
            described(&answer, &lines),
            [
                "thing:      kitchen-plug",
                "last came:  2030-01-01T00:00:00Z",
                "bridge:     -",
            ]
        );
    }
}
