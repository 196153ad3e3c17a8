//! All values of an export as one table, for programs that calculate: `readings.parquet`.
//!
//! One row for each value, in the order of time, with the columns of the CSV files. A value is in `number`, `text` or `truth`; a number is the nearest double
//! to what was kept, which JSON Lines have digit for digit.

use std::borrow::Cow;

use super::ExportError;
use super::rows_out::Line;
use super::spool::{PartId, Spool};
use crate::parquet::{Cell, Column, Kind, ParquetWriter};
use crate::timeline::{Accuracy, TimelineField};

/// The name of its file.
pub(super) const NAME: &str = "readings.parquet";

/// The table while it is written.
pub(super) struct Table {
    file: PartId,
    writer: ParquetWriter,
}

fn columns() -> Vec<Column> {
    vec![
        Column::required("time", Kind::Moment),
        Column::required("deployment", Kind::Text),
        Column::required("thing", Kind::Text),
        Column::required("field", Kind::Text),
        Column::optional("number", Kind::Number),
        Column::optional("text", Kind::Text),
        Column::optional("truth", Kind::Truth),
        Column::optional("unit", Kind::Text),
        Column::required("is_as_measured", Kind::Truth),
        Column::optional("accuracy", Kind::Number),
        Column::optional("threshold", Kind::Number),
        Column::optional("window_from", Kind::Moment),
        Column::optional("window_until", Kind::Moment),
        Column::optional("window_of", Kind::Text),
        Column::optional("window_count", Kind::Whole),
        Column::required("vanishes", Kind::Moment),
    ]
}

fn some<'a, T>(value: Option<T>, cell: impl FnOnce(T) -> Cell<'a>) -> Cell<'a> {
    value.map_or(Cell::Nothing, cell)
}

impl Table {
    pub(super) fn begin(spool: &mut Spool) -> Result<Self, ExportError> {
        let file = spool.begin(NAME.to_owned())?;
        let mut head = Vec::new();
        let writer = ParquetWriter::new(columns(), &mut head);
        spool.write(file, 0, |it| it.extend(head))?;
        Ok(Self { file, writer })
    }

    /// The values of one reading.
    pub(super) fn add(&mut self, spool: &mut Spool, line: &Line<'_>) -> Result<(), ExportError> {
        for (field, unit) in line.fields {
            let text = text_of(field)?;
            let row = row(line, field, unit, text.as_deref());
            let mut added = Ok(());
            spool.write(self.file, 1, |out| added = self.writer.row(&row, out))?;
            added.map_err(|_| ExportError::Unreadable)?;
        }
        Ok(())
    }

    pub(super) fn finish(self, spool: &mut Spool) -> Result<PartId, ExportError> {
        spool.write(self.file, 0, |out| self.writer.finish(out))?;
        Ok(self.file)
    }
}

/// The value where it is a text.
fn text_of(field: &TimelineField) -> Result<Option<Cow<'_, str>>, ExportError> {
    if !field.value.starts_with('"') {
        return Ok(None);
    }
    let inside = field.value.strip_prefix('"');
    let plain = inside.and_then(|it| it.strip_suffix('"'));
    match plain.filter(|it| !it.contains('\\')) {
        Some(plain) => Ok(Some(Cow::Borrowed(plain))),
        None => {
            let text: String =
                serde_json::from_str(&field.value).map_err(|_| ExportError::Unreadable)?;
            Ok(Some(Cow::Owned(text)))
        }
    }
}

fn row<'a>(
    line: &Line<'a>,
    field: &'a TimelineField,
    unit: &'a str,
    text: Option<&'a str>,
) -> [Cell<'a>; 16] {
    let truth = match field.value.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let is_number = text.is_none() && truth.is_none();
    let number = field.value.parse().ok().filter(|_| is_number);
    let accuracy = match field.coarse {
        Some(Accuracy::Within(it)) => Some(it),
        Some(Accuracy::NotStated) | None => None,
    };
    let window = field.window;
    [
        Cell::Moment(line.at),
        Cell::Text(line.deployment.as_str()),
        Cell::Text(line.thing.as_str()),
        Cell::Text(&field.pointer),
        some(number, Cell::Number),
        some(text, Cell::Text),
        some(truth, Cell::Truth),
        some(Some(unit).filter(|it| !it.is_empty()), Cell::Text),
        Cell::Truth(field.coarse.is_none()),
        some(accuracy, Cell::Number),
        some(field.threshold, Cell::Number),
        some(window.map(|it| it.from), Cell::Moment),
        some(window.map(|it| it.until), Cell::Moment),
        some(window.map(|it| it.of.as_str()), Cell::Text),
        some(window.map(|it| i64::from(it.count)), Cell::Whole),
        Cell::Moment(line.vanishes_at),
    ]
}
