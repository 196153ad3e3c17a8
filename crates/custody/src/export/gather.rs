//! One pass over the readings of a person, in the order of time, into a file for each thing and format.

use std::collections::{BTreeMap, HashMap};

use model::{DeploymentId, Notice, Text, ThingId, Timestamp};
use serde_json::value::RawValue;
use vault::{Order, StoredReading};

use super::rows_out::{self, Line};
use super::spool::{PartId, Spool};
use super::table::Table;
use super::{
    ExportError, ExportField, ExportFormat, ExportProgress, ExportRequest, ExportSummary,
    ExportThing, MAX_PLOTTED_FIELDS, Plot, Watcher,
};
use crate::Custody;
use crate::destination::without_mark;
use crate::pages::Pages;
use crate::rows;
use crate::timeline::{TimelineField, fields};

/// So many pointers of a deployment are remembered with what the notice says of them.
const MAX_KNOWN_POINTERS: usize = 4_096;

/// What the notice of a deployment says of its fields.
pub(super) struct Dictionary {
    pub(super) notice: Option<Notice>,
    known: HashMap<String, Option<usize>>,
}

impl Dictionary {
    fn new(notice: Option<Notice>) -> Self {
        Self {
            notice,
            known: HashMap::new(),
        }
    }

    /// The number of the field that a pointer is of.
    fn field(&mut self, pointer: &str) -> Option<usize> {
        if let Some(known) = self.known.get(pointer) {
            return *known;
        }
        let fields = &self.notice.as_ref()?.fields;
        let found = fields
            .iter()
            .position(|it| it.pointer.as_str() == pointer || it.pointer.covers(pointer));
        if self.known.len() < MAX_KNOWN_POINTERS {
            self.known.insert(pointer.to_owned(), found);
        }
        found
    }

    fn of(&self, number: Option<usize>) -> Option<&model::Field> {
        self.notice.as_ref()?.fields.get(number?)
    }

    fn title(&self) -> Option<Text> {
        self.notice.as_ref().map(|it| it.title.clone())
    }
}

/// What is written of one thing.
struct Stream {
    files: Vec<(ExportFormat, PartId)>,
    readings: u64,
    senml: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    plots: BTreeMap<String, Plot>,
}

struct Gathering<'a> {
    custody: &'a Custody,
    request: &'a ExportRequest,
    spool: &'a mut Spool,
    streams: BTreeMap<(DeploymentId, ThingId), Stream>,
    dictionaries: BTreeMap<DeploymentId, Dictionary>,
    table: Option<Table>,
    readings: u64,
    /// When the first of it vanishes.
    first_gone_at: Option<Timestamp>,
}

impl Custody {
    /// The files of the readings.
    pub(super) fn gather(
        &self,
        request: &ExportRequest,
        now: Timestamp,
        spool: &mut Spool,
        summary: &mut ExportSummary,
        watch: &mut Watcher<'_>,
    ) -> Result<Vec<PartId>, ExportError> {
        let has_table = request.formats.contains(&ExportFormat::Parquet);
        let table = has_table.then(|| Table::begin(spool)).transpose()?;
        let mut gathering = Gathering {
            custody: self,
            table,
            request,
            spool,
            streams: BTreeMap::new(),
            dictionaries: BTreeMap::new(),
            readings: 0,
            first_gone_at: None,
        };
        let mut pages = Pages::between(
            self,
            &request.person,
            (Timestamp::EPOCH, now),
            Order::OldestFirst,
            now,
        );
        let mut begin = None;
        while let Some(page) = pages.next()? {
            let at = page.last().map_or(now, |it| it.at);
            let begin = *begin.get_or_insert_with(|| page.first().map_or(now, |it| it.at));
            for reading in &page {
                gathering.take(reading)?;
            }
            let progress = ExportProgress {
                permille: permille(begin, at, now),
                readings: gathering.readings,
            };
            if watch(progress).is_break() {
                return Err(ExportError::Stopped);
            }
        }
        summary.readings = gathering.readings;
        if let Some(at) = gathering.first_gone_at {
            summary.note_gone(at);
        }
        gathering.finish(summary)
    }
}

/// Time is the measure of the way: nobody knows how many readings there are before they are read. The last tenth is for the file.
fn permille(begin: Timestamp, at: Timestamp, end: Timestamp) -> u16 {
    let whole = end.as_millis().saturating_sub(begin.as_millis()).max(1);
    let done = at.as_millis().saturating_sub(begin.as_millis()).max(0);
    u16::try_from(done.saturating_mul(900) / whole).map_or(900, |it| it.min(900))
}

impl Gathering<'_> {
    fn take(&mut self, reading: &StoredReading) -> Result<(), ExportError> {
        let is_other = |it: &DeploymentId| *it != reading.deployment;
        if self.request.only.as_ref().is_some_and(is_other) {
            return Ok(());
        }
        let body = without_mark(&reading.body);
        let body: &RawValue = serde_json::from_slice(&body).map_err(|_| ExportError::Unreadable)?;
        let found = fields(body).map_err(|_| ExportError::Unreadable)?;
        let promises = &self.custody.inner.promises;
        let vanishes_at = promises.gone_at(reading, &found);
        let first = promises.first_gone_at(reading, &found);
        self.first_gone_at = Some(self.first_gone_at.map_or(first, |it| it.min(first)));
        self.learn(&reading.deployment)?;
        self.begin(reading)?;
        let key = (reading.deployment.clone(), reading.thing.clone());
        let dictionary = self.dictionaries.get_mut(&reading.deployment);
        let (Some(dictionary), Some(stream)) = (dictionary, self.streams.get_mut(&key)) else {
            return Ok(());
        };
        let numbers: Vec<_> = found
            .iter()
            .map(|it| dictionary.field(&it.pointer))
            .collect();
        let unit = |number: Option<usize>| {
            let unit = dictionary.of(number).and_then(|it| it.unit.as_deref());
            unit.unwrap_or_default()
        };
        let found: Vec<(TimelineField, &str)> = found
            .into_iter()
            .zip(numbers)
            .map(|(it, number)| (it, unit(number)))
            .collect();
        stream.draw(reading.at, &found);
        let line = Line {
            at: reading.at,
            vanishes_at,
            retention_days: reading.retention.as_days(),
            deployment: &reading.deployment,
            thing: &reading.thing,
            body,
            fields: &found,
        };
        stream.write(self.spool, &line)?;
        if let Some(table) = &mut self.table {
            table.add(self.spool, &line)?;
        }
        self.readings += 1;
        Ok(())
    }

    /// What the notice in force says, read once.
    fn learn(&mut self, deployment: &DeploymentId) -> Result<(), ExportError> {
        if !self.dictionaries.contains_key(deployment) {
            let notice = self.custody.notice_of(deployment)?;
            self.dictionaries
                .insert(deployment.clone(), Dictionary::new(notice));
        }
        Ok(())
    }

    /// The files of a thing that was not seen before.
    fn begin(&mut self, reading: &StoredReading) -> Result<(), ExportError> {
        let key = (reading.deployment.clone(), reading.thing.clone());
        if self.streams.contains_key(&key) {
            return Ok(());
        }
        let mut files = Vec::new();
        for format in ExportFormat::OF_A_THING {
            let is_wanted =
                format == ExportFormat::JsonLines || self.request.formats.contains(&format);
            if is_wanted {
                let name = format!("readings/{}/{}.{}", key.0, key.1, format.extension());
                files.push((format, self.spool.begin(name)?));
            }
        }
        for (format, id) in &files {
            if *format == ExportFormat::Csv {
                let head = rows_out::CSV_HEAD.as_bytes();
                self.spool.write(*id, 1, |it| it.extend_from_slice(head))?;
            }
        }
        let stream = Stream {
            files,
            readings: 0,
            senml: 0,
            first_at: reading.at,
            last_at: reading.at,
            plots: BTreeMap::new(),
        };
        self.streams.insert(key, stream);
        Ok(())
    }

    fn finish(self, summary: &mut ExportSummary) -> Result<Vec<PartId>, ExportError> {
        let mut parts = Vec::new();
        if let Some(table) = self.table {
            parts.push(table.finish(self.spool)?);
        }
        for ((deployment, thing), stream) in self.streams {
            for (format, id) in &stream.files {
                if *format == ExportFormat::SenMl {
                    let open: &[u8] = if stream.senml == 0 { b"[" } else { b"" };
                    self.spool.write(*id, 0, |it| {
                        it.extend_from_slice(open);
                        it.extend_from_slice(rows_out::SENML_END);
                    })?;
                }
                parts.push(*id);
            }
            let dictionary = self.dictionaries.get(&deployment);
            let field = |(pointer, plot): (String, Plot)| {
                let field = dictionary.and_then(|it| {
                    let number = it.known.get(&pointer).copied().flatten();
                    it.of(number)
                });
                ExportField {
                    title: field.map(|it| it.title.clone()),
                    unit: field.and_then(|it| it.unit.clone()).unwrap_or_default(),
                    pointer,
                    plot,
                }
            };
            summary.things.push(ExportThing {
                title: dictionary.and_then(Dictionary::title),
                readings: stream.readings,
                first_at: stream.first_at,
                last_at: stream.last_at,
                fields: stream.plots.into_iter().map(field).collect(),
                deployment,
                thing,
            });
        }
        Ok(parts)
    }
}

impl Stream {
    fn draw(&mut self, at: Timestamp, fields: &[(TimelineField, &str)]) {
        self.readings += 1;
        self.last_at = at;
        for (field, _) in fields {
            let is_number = field
                .value
                .starts_with(|it: char| it == '-' || it.is_ascii_digit());
            let Some(value) = field
                .value
                .parse()
                .ok()
                .filter(|it: &f64| it.is_finite() && is_number)
            else {
                continue;
            };
            let has_room = self.plots.len() < MAX_PLOTTED_FIELDS;
            match self.plots.get_mut(&field.pointer) {
                Some(plot) => plot.add(at, value),
                None if has_room => {
                    let mut plot = Plot::new(at);
                    plot.add(at, value);
                    self.plots.insert(field.pointer.clone(), plot);
                }
                None => {}
            }
        }
    }

    fn write(&mut self, spool: &mut Spool, line: &Line<'_>) -> Result<(), ExportError> {
        for (format, id) in &self.files {
            match format {
                ExportFormat::JsonLines => {
                    spool.write(*id, 1, |it| rows_out::json_line(line, it))?;
                }
                ExportFormat::Csv => {
                    let lines = u64::try_from(line.fields.len()).unwrap_or_default();
                    spool.write(*id, lines, |it| rows_out::csv_lines(line, it))?;
                }
                ExportFormat::SenMl => {
                    let is_first = self.senml == 0;
                    let mut records = 0;
                    spool.write(*id, 0, |it| {
                        records = rows_out::senml_records(line, is_first, it);
                    })?;
                    self.senml += records;
                }
                // One table for all things.
                ExportFormat::Parquet => {}
            }
        }
        Ok(())
    }
}

impl Custody {
    /// The notice in force, if it can be read.
    pub(super) fn notice_of(
        &self,
        deployment: &DeploymentId,
    ) -> Result<Option<Notice>, ExportError> {
        let found = self
            .inner
            .db
            .read(|tx| rows::consent::notice_in_force(tx, deployment))?;
        Ok(found.and_then(|it| Some(Notice::parse_published(&it).ok()?.notice)))
    }
}
