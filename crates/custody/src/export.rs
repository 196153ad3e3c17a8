//! Everything that is kept about a person, as one file that they take along.
//!
//! # The way of an export
//! 1. The moment of the call is the cut: what came in before it and is still kept is in, nothing else. What is past its retention at the
//!    cut or erased is not read.
//! 2. `gather` goes over the readings once, in the order of time, and feeds a file for each thing and format (`spool`: bounded memory).
//! 3. `papers` adds choices, records and receipts of consent, receipts of deliveries, notices and the entries of the public record with
//!    their proofs.
//! 4. The caller gives pages for people ([`ExportFrame::pages`]); custody knows no page.
//! 5. `manifest` names every file with its SHA-256 and is signed with the key of the record.
//! 6. `zip` writes it all to the sink, front to back.
//!
//! [`verify_export`] checks a file without a server; `import` brings one back. `job` runs exports in the background and
//! keeps the finished file sealed for a while. The format for people is `docs/reference/export-format.md`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use model::{DeploymentId, PersonId, Placement, Text, ThingId, Timestamp};

use crate::Custody;
use crate::act::ActError;
use crate::consent::RecordFrame;
use crate::ledger::LedgerError;
use crate::rows::RowError;

mod gather;
mod import;
mod job;
mod line;
mod manifest;
mod opened;
mod papers;
mod plot;
mod rows_out;
mod sealed;
mod sealed_file;
mod spool;
mod table;
mod verify;
mod zip;

pub(crate) use rows_out::cell;

pub(crate) use import::is_imported;
pub use import::{ImportError, ImportedExport, MAX_UNFIT, Unfit as UnfitReadings, WhyUnfit};
pub(crate) use job::Exports;
pub use job::{
    AskExportError, EXPORT_KEEP_MILLIS, ExportJob, ExportState, LEAST_EXPORT_MILLIS,
    MAX_ALL_EXPORTS_BYTES, MAX_EXPORTS, MAX_KEPT_EXPORT_BYTES,
};
pub(crate) use line::reading_line;
pub use opened::{OpenExportError, OpenedExport, open_sealed_export};
pub use plot::{MAX_BUCKETS, Plot, PlotBucket};
pub use sealed_file::SealedExport;
pub use verify::{VerifiedExport, VerifyExportError, verify_export};
pub use zip::{MAX_ENTRIES as MAX_EXPORT_FILES, MAX_UNPACKED_BYTES as MAX_EXPORT_BYTES};

use spool::{PartId, Spool};
use zip::{DosTime, ZipWriter};

/// The version of the format.
pub const EXPORT_VERSION: u32 = 1;

/// A format of readings. JSON Lines are always there: they alone hold what was kept, digit for digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportFormat {
    /// JSON Lines.
    JsonLines,
    /// Comma-separated values.
    Csv,
    /// SenML.
    SenMl,
    /// Parquet: all values in one table.
    Parquet,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::JsonLines, Self::Csv, Self::SenMl, Self::Parquet];

    /// The formats with a file for each thing.
    const OF_A_THING: [Self; 3] = [Self::JsonLines, Self::Csv, Self::SenMl];

    /// The word in rows and forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::SenMl => "senml",
            Self::Parquet => "parquet",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::SenMl => "senml.json",
            Self::Parquet => "parquet",
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// About whom.
    pub person: PersonId,
    /// Readings of this deployment only; `None` for all. Choices and receipts are always whole.
    pub only: Option<DeploymentId>,
    /// In which formats, beside JSON Lines.
    pub formats: Vec<ExportFormat>,
}

/// A page for people, or another file that the caller adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPage {
    /// Its name, without a directory.
    pub name: String,
    /// What it holds.
    pub body: Vec<u8>,
}

/// What an export holds beside what custody knows.
pub struct ExportFrame<'a> {
    /// The records of consent, one in each language.
    pub records: Vec<RecordFrame>,
    /// Makes the pages when all else is known.
    pub pages: &'a dyn Fn(&ExportSummary) -> Vec<ExportPage>,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportProgress {
    /// Thousandths of the way.
    pub permille: u16,
    /// Readings so far.
    pub readings: u64,
}

/// What is in an export, for pages and manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportSummary {
    /// The cut.
    pub made_at: Timestamp,
    /// About whom.
    pub person: PersonId,
    /// Of one deployment only.
    pub only: Option<DeploymentId>,
    /// What was asked for.
    pub formats: Vec<ExportFormat>,
    /// The things with readings, by deployment and name.
    pub things: Vec<ExportThing>,
    /// How many readings.
    pub readings: u64,
    /// How many acts of choosing, each with its receipt.
    pub choices: u64,
    /// How many hours of deliveries to a recipient.
    pub deliveries: u64,
    /// How many entries of the public record.
    pub entries: u64,
    /// When the first of what is in it vanishes here.
    pub first_gone_at: Option<Timestamp>,
    /// What is not in it and why.
    pub left_out: Vec<LeftOut>,
    /// Every file so far, by name, with its size in bytes.
    pub files: Vec<(String, u64)>,
    /// The public key of the record, which signs the manifest.
    pub key: String,
}

/// What an export has of one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportThing {
    /// The deployment.
    pub deployment: DeploymentId,
    /// What people call the deployment, where its notice is known.
    pub title: Option<Text>,
    /// The thing.
    pub thing: ThingId,
    /// How many readings.
    pub readings: u64,
    /// The first.
    pub first_at: Timestamp,
    /// The last.
    pub last_at: Timestamp,
    /// Its fields that hold numbers, by pointer; at most [`MAX_PLOTTED_FIELDS`].
    pub fields: Vec<ExportField>,
}

/// The most fields of a thing that are drawn.
pub const MAX_PLOTTED_FIELDS: usize = 6;

/// A field that holds numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportField {
    /// Its pointer.
    pub pointer: String,
    /// What people call it, where the notice in force declares it.
    pub title: Option<Text>,
    /// Its unit; empty where it has none.
    pub unit: String,
    /// Its values over time.
    pub plot: Plot,
}

/// Readings that are not in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Of which deployment; `None` for all that are not named.
    pub deployment: Option<DeploymentId>,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why readings are not in an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLeftOut {
    /// The person had them sent on and not kept.
    LiveOnly,
    /// They went to the person's own endpoint and are kept here only on the way.
    OwnEndpoint,
    /// Another deployment was asked for.
    NotAskedFor,
    /// They are sealed to the person's own keys: the files are in the folder `sealed`, and nobody else can open them.
    Sealed,
    /// So are these, and there was no room for their files: they can be downloaded one by one.
    SealedElsewhere,
}

impl ExportSummary {
    /// Something that vanishes at this moment is in it.
    fn note_gone(&mut self, at: Timestamp) {
        self.first_gone_at = Some(self.first_gone_at.map_or(at, |it| it.min(at)));
    }
}

impl WhyLeftOut {
    /// The word in the manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LiveOnly => "live-only",
            Self::OwnEndpoint => "own-endpoint",
            Self::NotAskedFor => "not-asked-for",
            Self::Sealed => "sealed-to-own-key",
            Self::SealedElsewhere => "sealed-elsewhere",
        }
    }
}

/// Why an export was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The readings.
    #[error("the readings could not be opened")]
    Vault(#[from] vault::ReadError),
    /// The rows.
    #[error("the database could not be read")]
    Rows(#[from] RowError),
    /// Choices and consent.
    #[error("the choices could not be read")]
    Act(#[from] ActError),
    /// The record.
    #[error("the record could not be read")]
    Ledger(#[from] LedgerError),
    /// A reading that is no JSON.
    #[error("a reading is not what was written")]
    Unreadable,
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    Random,
    /// The scratch file.
    #[error("the scratch file could not be used: check that the disk has room")]
    Scratch(#[source] io::Error),
    /// What takes the file.
    #[error("the export could not be written: check that the disk has room")]
    Sink(#[source] io::Error),
    /// Too many bytes.
    #[error("the export would have more than {0} bytes: ask for one deployment at a time")]
    TooLarge(u64),
    /// Too many things.
    #[error(
        "the export would have more than {MAX_EXPORT_FILES} files: ask for one deployment at a time"
    )]
    TooManyFiles,
    /// The manifest could not be signed.
    #[error("the manifest could not be signed")]
    Sign(#[source] record::NoteError),
    /// Whoever watches wants it to stop.
    #[error("the export was stopped")]
    Stopped,
}

/// What asks for progress, and may stop it.
pub type Watcher<'a> = dyn FnMut(ExportProgress) -> ControlFlow<()> + 'a;

impl Custody {
    /// Writes everything that is kept about a person to `sink`; `scratch` is a directory on a disk with room for as much. Gives what
    /// is in it and how many bytes were written. Only for that person: the caller has checked who asks. Blocks for long.
    ///
    /// # Errors
    /// See [`ExportError`]; the sink then has the beginning of a file that does not verify.
    pub fn write_export(
        &self,
        request: &ExportRequest,
        frame: &ExportFrame<'_>,
        scratch: &Path,
        sink: impl Write,
        watch: &mut Watcher<'_>,
        now: Timestamp,
    ) -> Result<(ExportSummary, u64), ExportError> {
        self.flush_receipts()?;
        let mut spool = Spool::new(scratch_file(scratch)?, MAX_EXPORT_BYTES)?;
        let mut summary = ExportSummary {
            made_at: now,
            person: request.person.clone(),
            only: request.only.clone(),
            formats: request.formats.clone(),
            things: Vec::new(),
            readings: 0,
            choices: 0,
            deliveries: 0,
            entries: 0,
            first_gone_at: None,
            left_out: self.left_out(request)?,
            files: Vec::new(),
            key: self.record_key(),
        };
        let mut parts = self.gather(request, now, &mut spool, &mut summary, watch)?;
        parts.extend(self.papers(frame, &mut spool, &mut summary)?);
        parts.extend(self.sealed_papers(&mut spool, &mut summary)?);
        let finished = spool.finish(&parts)?;
        summary.files = finished
            .iter()
            .map(|it| (it.name.clone(), it.size))
            .collect();
        summary.files.sort();
        let mut pages = Vec::new();
        for page in (frame.pages)(&summary) {
            pages.push(spool.whole(&page.name, &page.body)?);
        }
        let mut files = spool.finish(&pages)?;
        let mut order: BTreeMap<String, PartId> = BTreeMap::new();
        for (file, id) in finished.iter().zip(&parts) {
            order.insert(file.name.clone(), *id);
        }
        files.extend(sorted(finished));
        let mut ids = pages;
        ids.extend(order.into_values());
        let signer = &self.inner.signer;
        let manifest = manifest::write(&summary, &files);
        let signature = manifest::sign(&manifest, files.len(), now, signer)?;
        let last = [
            spool.whole(manifest::NAME, &manifest)?,
            spool.whole(manifest::SIGNATURE_NAME, signature.as_bytes())?,
        ];
        spool.finish(&last)?;
        ids.extend(last);
        let bytes = write_zip(&mut spool, &ids, sink, now, watch, summary.readings)?;
        Ok((summary, bytes))
    }

    /// What is not in it because of where the person wants their readings to go.
    fn left_out(&self, request: &ExportRequest) -> Result<Vec<LeftOut>, ExportError> {
        let mut left_out = Vec::new();
        for (deployment, placing) in self.placements(&request.person)? {
            let why = match placing.placement() {
                Placement::LiveOnly => WhyLeftOut::LiveOnly,
                Placement::OwnEndpoint => WhyLeftOut::OwnEndpoint,
                _ => continue,
            };
            left_out.push(LeftOut { deployment, why });
        }
        if request.only.is_some() {
            left_out.push(LeftOut {
                deployment: None,
                why: WhyLeftOut::NotAskedFor,
            });
        }
        Ok(left_out)
    }
}

fn sorted(mut files: Vec<spool::Finished>) -> Vec<spool::Finished> {
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

/// A new file that has no name any more when this returns: it is gone with the process.
fn scratch_file(directory: &Path) -> Result<File, ExportError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| ExportError::Random)?;
    let path = directory.join(format!(
        "scratch-{}",
        data_encoding::HEXLOWER.encode(&random)
    ));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(ExportError::Scratch)?;
    std::fs::remove_file(&path).map_err(ExportError::Scratch)?;
    Ok(file)
}

fn write_zip(
    spool: &mut Spool,
    ids: &[PartId],
    sink: impl Write,
    now: Timestamp,
    watch: &mut Watcher<'_>,
    readings: u64,
) -> Result<u64, ExportError> {
    let mut zip = ZipWriter::new(sink, DosTime::of(now));
    for (number, id) in ids.iter().enumerate() {
        let done = number * 99 / ids.len().max(1);
        let progress = ExportProgress {
            permille: 900_u16.saturating_add(u16::try_from(done).unwrap_or(99)),
            readings,
        };
        if watch(progress).is_break() {
            return Err(ExportError::Stopped);
        }
        let Some((name, facts)) = spool.facts(*id) else {
            continue;
        };
        let name = name.to_owned();
        zip.entry(&name, facts, |sink| spool.copy(*id, sink))
            .map_err(ExportError::Sink)?;
    }
    let (mut sink, bytes) = zip.finish().map_err(ExportError::Sink)?;
    sink.flush().map_err(ExportError::Sink)?;
    Ok(bytes)
}
