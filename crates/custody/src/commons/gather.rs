//! What a gift would hold: rows from readings, and what of them is in no row.

use std::collections::{BTreeMap, BTreeSet};

use deidentify::{Cell, PoolRow, Raw, cell};
use model::{ThingId, Timestamp};
use serde_json::value::RawValue;
use vault::StoredReading;

use super::declared::{DataSet, Source};
use super::give::{Gathered, GiftAsk, GiftPreview, GiveError, MAX_GIFT_ROWS};
use crate::destination::without_mark;
use crate::secret::document_sha256;
use crate::timeline::{TimelineField, fields};

/// Goes over readings.
pub(super) struct Gathering<'a> {
    data_set: &'a DataSet,
    /// Things as numbers.
    things: BTreeMap<ThingId, u32>,
    counts: BTreeMap<ThingId, usize>,
    rows: Vec<PoolRow>,
    readings: usize,
    span: Option<(Timestamp, Timestamp)>,
    left_behind: BTreeSet<String>,
    kept_by_law: usize,
    pub(super) imported: usize,
    pub(super) sealed: u64,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(data_set: &'a DataSet) -> Self {
        Self {
            data_set,
            things: BTreeMap::new(),
            counts: BTreeMap::new(),
            rows: Vec::new(),
            readings: 0,
            span: None,
            left_behind: BTreeSet::new(),
            kept_by_law: 0,
            imported: 0,
            sealed: 0,
        }
    }

    /// A reading that a law wants kept. Whoever has it could find the row that shows the same value.
    pub(super) fn pass_by(&mut self, reading: &StoredReading) -> Result<(), GiveError> {
        if found(reading)?.iter().any(|it| self.is_taken(&it.pointer)) {
            return Err(GiveError::KeptByLaw);
        }
        self.kept_by_law += 1;
        Ok(())
    }

    pub(super) fn take(&mut self, reading: &StoredReading) -> Result<(), GiveError> {
        let found = found(reading)?;
        let next = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        let source = *self.things.entry(reading.thing.clone()).or_insert(next);
        *self.counts.entry(reading.thing.clone()).or_default() += 1;
        self.readings += 1;
        let first = self.span.map_or(reading.at, |it| it.0);
        self.span = Some((first, reading.at));
        let columns = self.data_set.columns.iter();
        let plan = &self.data_set.plan;
        let cells: Vec<Cell> = columns
            .zip(&plan.columns)
            .map(|(shown, column)| {
                let text;
                let raw = match &shown.source {
                    Source::Time => Raw::Moment(reading.at.as_millis()),
                    Source::Field(pointer) => {
                        text = value(&found, pointer.as_str());
                        raw(text.as_ref())
                    }
                    Source::Place(lat, lon) => {
                        match (number(&found, lat.as_str()), number(&found, lon.as_str())) {
                            (Some(lat), Some(lon)) => Raw::Place(lat, lon),
                            _ => Raw::Nothing,
                        }
                    }
                };
                cell::coarse(column, raw, plan.utc_offset_minutes)
            })
            .collect();
        for field in &found {
            if !self.is_taken(&field.pointer) && self.left_behind.len() < model::MAX_FIELDS {
                self.left_behind.insert(field.pointer.clone());
            }
        }
        // A row of nothing but its time says only that there was a reading.
        let sources = self.data_set.columns.iter().map(|it| &it.source);
        let says =
            |(source, cell): (&Source, &Cell)| *source != Source::Time && *cell != Cell::Absent;
        if sources.zip(&cells).any(says) {
            self.rows.push(PoolRow { source, cells });
        }
        Ok(())
    }

    fn is_taken(&self, pointer: &str) -> bool {
        let names = |it: &model::Pointer| it.as_str() == pointer;
        self.data_set.columns.iter().any(|it| match &it.source {
            Source::Time => false,
            Source::Field(field) => names(field),
            Source::Place(lat, lon) => names(lat) || names(lon),
        })
    }

    pub(super) fn finish(
        self,
        ask: GiftAsk,
        strip: Option<Vec<u8>>,
    ) -> Result<Gathered, GiveError> {
        let plan = &self.data_set.plan;
        let rows = deidentify::admit::joined(plan, self.rows);
        if rows.is_empty() {
            return Err(GiveError::Nothing);
        }
        if rows.len() > MAX_GIFT_ROWS {
            return Err(GiveError::TooMuch);
        }
        let mut names: Vec<(u32, ThingId)> =
            self.things.into_iter().map(|(it, no)| (no, it)).collect();
        names.sort_unstable();
        let names: Vec<ThingId> = names.into_iter().map(|it| it.1).collect();
        let named = |row: PoolRow| {
            let place = usize::try_from(row.source).unwrap_or(usize::MAX);
            Some((names.get(place)?.clone(), row.cells))
        };
        let rows: Vec<(ThingId, Vec<Cell>)> = rows.into_iter().filter_map(named).collect();
        let shown: Vec<Vec<String>> = rows.iter().map(|it| shown(self.data_set, &it.1)).collect();
        let mut digested = format!("{} {} {ask:?}", self.data_set.id, self.readings);
        for ((thing, _), row) in rows.iter().zip(&shown) {
            digested.push_str(&format!("\n{thing}"));
            for text in row {
                digested.push('\u{1f}');
                digested.push_str(text);
            }
        }
        let preview = GiftPreview {
            data_set: self.data_set.clone(),
            ask,
            rows: shown,
            readings: self.readings,
            span: self.span,
            things: self.counts,
            kept_by_law: self.kept_by_law,
            imported: self.imported,
            sealed_readings: self.sealed,
            left_behind: self.left_behind,
            digest: document_sha256(digested.as_bytes()),
        };
        Ok(Gathered {
            preview,
            rows,
            strip,
        })
    }
}

/// What the finest step shows of each cell.
fn shown(data_set: &DataSet, cells: &[Cell]) -> Vec<String> {
    let columns = data_set.plan.columns.iter().zip(cells);
    columns
        .map(|(column, cell)| cell::shown(column, 0, cell))
        .collect()
}

/// The fields of a reading.
fn found(reading: &StoredReading) -> Result<Vec<TimelineField>, GiveError> {
    let body = without_mark(&reading.body);
    let body: &RawValue = serde_json::from_slice(&body).map_err(|_| GiveError::Unreadable)?;
    fields(body).map_err(|_| GiveError::Unreadable)
}

/// The value at a place: a number or truth value as its text, or the text itself.
fn value(found: &[TimelineField], pointer: &str) -> Option<serde_json::Value> {
    let field = found.iter().find(|it| it.pointer == pointer)?;
    serde_json::from_str(&field.value).ok()
}

fn number(found: &[TimelineField], pointer: &str) -> Option<f64> {
    value(found, pointer)?.as_f64()
}

fn raw(value: Option<&serde_json::Value>) -> Raw<'_> {
    match value {
        Some(serde_json::Value::Number(number)) => {
            number.as_f64().map_or(Raw::Nothing, Raw::Number)
        }
        Some(serde_json::Value::String(text)) => Raw::Word(text),
        Some(serde_json::Value::Bool(true)) => Raw::Word("true"),
        Some(serde_json::Value::Bool(false)) => Raw::Word("false"),
        _ => Raw::Nothing,
    }
}
