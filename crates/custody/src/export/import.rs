//! Brings an export back: into the Amanat that made it, or into another one, for a person who has an account there.
//!
//! # What comes in
//! - The file is verified first, as a whole ([`super::verify_export`]).
//! - A reading comes in where its deployment has a notice here and its thing is registered there. Of its values those come in that the
//!   notice here declares, as precise as they are in the file: through [`policy::Payload`], which has no place for anything else.
//! - It keeps its time, vanishes when the file says, which is earlier than its retention where a later notice had made that shorter there, and
//!   is sealed under the person's key of its own day, like every other.
//!
//! # What does not
//! What is past its retention, what was erased here ([`vault::Vault::come_back`]), what is here already (so a file can be brought back
//! twice), what is of a later moment than now, what is of a deployment whose readings the person wants not kept here, what is of a day of a
//! thing that is sealed to the person's own keys here, and what does not fit: that is listed. Where a moment would have more readings, with those that are here, than a moment may have, the file ends there.
//!
//! # What it does not do
//! Nothing of it is delivered, and no recipient gets it later: such a reading has [`IMPORTED`] in the place of the rules that decided on it, because
//! none did here, and `history` leaves it out. There is no entry in the public record. Choices are planned and laid out for the person,
//! who alone puts them in force: nobody decides for somebody else.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Seek};

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};
use policy::{Outcome, Payload};
use record::Verifier;
use serde::Deserialize;
use serde_json::value::RawValue;
use vault::{AppendError, ComeBackError, Order, Scope, StoredReading};

use super::verify::Opened;
use super::{ExportError, VerifiedExport, VerifyExportError, papers, verify_export};
use crate::Custody;
use crate::act::ActError;
use crate::choose::ChooseError;
use crate::consent::{
    BulkPlan, BulkRequest, ChoicesFile, ChoicesFileError, MAX_CHOICES_FILE_BYTES,
};
use crate::destination::{Placing, without_mark};
use crate::keeping::expires_at;
use crate::pages::Pages;
use crate::rows::RowError;

mod here;
mod slice;

use here::{Here, print};
use slice::{MAX_MOMENT_BYTES, MAX_MOMENT_READINGS, Refused, Slice};

/// Stands in place of the generation of the rules that decided on a reading: none did, it was brought back.
pub(crate) const IMPORTED: u64 = u64::MAX;
/// The longest line of a file of readings.
const MAX_LINE_BYTES: u64 = vault::MAX_BODY_BYTES as u64 + 4_096;
/// The most different things that do not fit which are listed.
pub const MAX_UNFIT: usize = 1_000;
const DAY_MILLIS: i64 = 86_400_000;
/// How often it is tried again when the disk does not keep up.
const MAX_TRIES: u32 = 1_000;

/// What became of an export that was brought back.
#[derive(Debug, Clone)]
pub struct ImportedExport {
    /// The file.
    pub verified: VerifiedExport,
    /// How many readings it has.
    pub readings: u64,
    /// How many of them came in.
    pub brought: u64,
    /// How many of those without some of their values, because the notice here does not declare them.
    pub trimmed: u64,
    /// How many were here already.
    pub known: u64,
    /// How many are past their retention.
    pub expired: u64,
    /// How many were erased here.
    pub erased: u64,
    /// How many did not fit, by what and why; at most [`MAX_UNFIT`].
    pub unfit: Vec<Unfit>,
    /// What the choices of the file would change; nothing where it has none.
    pub choices: Option<BulkPlan>,
}

/// Readings that did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// Their deployment.
    pub deployment: DeploymentId,
    /// Their thing.
    pub thing: ThingId,
    /// Why.
    pub why: WhyUnfit,
    /// How many.
    pub readings: u64,
}

/// Why readings did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyUnfit {
    /// No such deployment has a notice here.
    NoDeployment,
    /// The deployment has no such thing here.
    NoThing,
    /// The person wants nothing of this deployment kept here.
    NotKept,
    /// The notice here declares none of their values.
    NotDeclared,
    /// They are of a moment that has not come.
    Future,
    /// They are of a day that is sealed to the person's own keys: they may be in it, and nobody here can look.
    Sealed,
}

impl WhyUnfit {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoDeployment => "no-deployment",
            Self::NoThing => "no-thing",
            Self::NotKept => "not-kept",
            Self::NotDeclared => "not-declared",
            Self::Future => "future",
            Self::Sealed => "sealed",
        }
    }
}

/// Why an export was not brought back. What came in before stays; to bring the file back again is safe.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It does not verify: nothing came in.
    #[error("the export does not verify")]
    Verify(#[from] VerifyExportError),
    /// The key that was given is none: nothing came in.
    #[error("the key cannot be used: a key looks like name+12345678+base64")]
    Key,
    /// A line that no export has.
    #[error("line {line} of `{name}` is no reading of an export: what stands before it came in")]
    Line {
        /// The file.
        name: String,
        /// Counted from 1.
        line: u64,
    },
    /// More of one moment than a person may have here.
    #[error(
        "`{thing}` of `{deployment}`: a person has at most {MAX_MOMENT_READINGS} readings and {} MiB of one moment, and there would be more at {at}: what stands before came in, what follows cannot be taken",
        MAX_MOMENT_BYTES / 1024 / 1024
    )]
    Crowded {
        /// Of which deployment.
        deployment: DeploymentId,
        /// Of which thing.
        thing: ThingId,
        /// The moment.
        at: Timestamp,
    },
    /// The choices in it.
    #[error("the choices in it cannot be read")]
    ChoicesFile(#[from] ChoicesFileError),
    /// What its choices would change.
    #[error("what its choices would change could not be said")]
    Choose(#[from] ChooseError),
    /// The vault.
    #[error("the readings could not be kept: what stands before came in; try again")]
    Vault(#[from] ComeBackError),
    /// The vault stopped before they were kept for good.
    #[error("the readings could not be kept for good: try again")]
    Durable(#[from] vault::WaitError),
    /// What is here.
    #[error("what is here already could not be read")]
    Read(#[source] Box<ExportError>),
    /// The rows.
    #[error("the database failed")]
    Rows(#[from] RowError),
    /// The choices could not be laid out for the person.
    #[error("the choices could not be laid out for the person")]
    Act(#[from] ActError),
}

impl From<ExportError> for ImportError {
    fn from(err: ExportError) -> Self {
        Self::Read(Box::new(err))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    at: &'a str,
    deployment: &'a str,
    thing: &'a str,
    retention_days: u16,
    vanishes_at: &'a str,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl Custody {
    /// Brings an export back for a person who has an account here; see the module for what comes in. Without a key, the one in the file
    /// counts, and whoever made the file chose it. The caller has checked who asks. Blocks for long.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub fn import_export<R: Read + Seek>(
        &self,
        mut file: R,
        key: Option<&str>,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<ImportedExport, ImportError> {
        let key = key.map(|it| Verifier::parse(it.trim())).transpose();
        let key = key.map_err(|_| ImportError::Key)?;
        let verified = verify_export(&mut file, key.as_ref())?;
        let mut opened = Opened::new(&mut file)?;
        let (manifest, _) = opened.manifest()?;
        let mut importing = Importing::new(self, person, verified, now)?;
        for listed in &manifest.files {
            let Some((deployment, thing)) = of_thing(&listed.name) else {
                continue;
            };
            let failed = VerifyExportError::Read;
            let Some(body) = opened.body(&listed.name) else {
                continue;
            };
            let lines = BufReader::new(body.map_err(failed)?);
            importing.file(&listed.name, (&deployment, &thing), lines)?;
        }
        let most = u64::try_from(MAX_CHOICES_FILE_BYTES).unwrap_or(u64::MAX);
        if let Some(bytes) = opened.small(papers::CHOICES_NAME, most) {
            importing.choices(&String::from_utf8_lossy(&bytes))?;
        }
        importing.finish()
    }
}

/// The deployment and the thing of a file of readings, by its name.
fn of_thing(name: &str) -> Option<(DeploymentId, ThingId)> {
    let stem = name.strip_prefix("readings/")?.strip_suffix(".jsonl")?;
    let (deployment, thing) = stem.split_once('/')?;
    Some((
        DeploymentId::parse(deployment).ok()?,
        ThingId::parse(thing).ok()?,
    ))
}

fn crowded((deployment, thing): (&DeploymentId, &ThingId), at: Timestamp) -> ImportError {
    ImportError::Crowded {
        deployment: deployment.clone(),
        thing: thing.clone(),
        at,
    }
}

struct Importing<'a> {
    custody: &'a Custody,
    subject: Subject,
    person: &'a PersonId,
    /// Whether a day of a thing was sealed to the person's own keys, of the days that were looked up for the file that is read.
    sealed: BTreeMap<i64, bool>,
    /// Of which deployments nothing is kept here; `None` stands for all that are not named.
    placements: Vec<(Option<DeploymentId>, Placing)>,
    unfit: BTreeMap<(DeploymentId, ThingId, WhyUnfit), u64>,
    done: ImportedExport,
    lsn: vault::Lsn,
    now: Timestamp,
}

impl<'a> Importing<'a> {
    fn new(
        custody: &'a Custody,
        person: &'a PersonId,
        verified: VerifiedExport,
        now: Timestamp,
    ) -> Result<Self, ImportError> {
        Ok(Self {
            placements: custody.placements(person)?,
            custody,
            subject: Subject::Person(person.clone()),
            person,
            sealed: BTreeMap::new(),
            unfit: BTreeMap::new(),
            done: ImportedExport {
                verified,
                readings: 0,
                brought: 0,
                trimmed: 0,
                known: 0,
                expired: 0,
                erased: 0,
                unfit: Vec::new(),
                choices: None,
            },
            lsn: vault::Lsn::START,
            now,
        })
    }

    /// One file of readings, oldest first.
    fn file(
        &mut self,
        name: &str,
        of: (&DeploymentId, &ThingId),
        mut lines: impl std::io::BufRead,
    ) -> Result<(), ImportError> {
        self.sealed.clear();
        let mut slice = Slice::default();
        let mut count = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut lines)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line);
            if read.map_err(VerifyExportError::Read)? == 0 {
                return self.bring(of, slice.rest());
            }
            count += 1;
            let wrong = || ImportError::Line {
                name: name.to_owned(),
                line: count,
            };
            let reading = self.reading(of, &line).ok_or_else(wrong)?;
            let at = reading.at;
            let whole = slice.take(reading).map_err(|it| match it {
                Refused::Order => wrong(),
                Refused::Crowded => crowded(of, at),
            })?;
            self.bring(of, whole)?;
        }
    }

    /// One line; nothing where it is none of this file.
    fn reading(&self, of: (&DeploymentId, &ThingId), line: &[u8]) -> Option<StoredReading> {
        let read: Written<'_> = serde_json::from_slice(line).ok()?;
        let at = Timestamp::parse(read.at).ok()?;
        let vanishes_at = Timestamp::parse(read.vanishes_at).ok()?;
        let retention = kept_for(at, vanishes_at, read.retention_days)?;
        let reading = StoredReading {
            subject: self.subject.clone(),
            thing: ThingId::parse(read.thing).ok()?,
            deployment: DeploymentId::parse(read.deployment).ok()?,
            at,
            retention,
            generation: IMPORTED,
            body: read.body.get().as_bytes().to_vec(),
        };
        ((&reading.deployment, &reading.thing) == of).then_some(reading)
    }

    /// Brings in what fits of readings of a thing that follow each other.
    fn bring(
        &mut self,
        (deployment, thing): (&DeploymentId, &ThingId),
        batch: Vec<StoredReading>,
    ) -> Result<(), ImportError> {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.done.readings += count;
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            return Ok(());
        };
        let (from, until) = (first.at, last.at.plus_millis(1));
        let why = |why| (deployment.clone(), thing.clone(), why);
        let schema = match self.schema(deployment, thing) {
            Ok(schema) => schema,
            Err(it) => {
                *self.unfit.entry(why(it)).or_default() += count;
                return Ok(());
            }
        };
        let mut fitting = Vec::new();
        for mut reading in batch {
            if expires_at(reading.at, reading.retention) <= self.now {
                self.done.expired += 1;
                continue;
            }
            if reading.at > self.now {
                *self.unfit.entry(why(WhyUnfit::Future)).or_default() += 1;
                continue;
            }
            let Some((body, is_trimmed)) = declared(&schema, &reading.body) else {
                *self.unfit.entry(why(WhyUnfit::NotDeclared)).or_default() += 1;
                continue;
            };
            reading.body = body;
            fitting.push((reading, is_trimmed));
        }
        let mut here = Here::of(&fitting);
        self.look((deployment, thing), (from, until), &schema, &mut here)?;
        let mut new = Vec::with_capacity(fitting.len());
        for (reading, is_trimmed) in fitting {
            if here.has(&reading) {
                self.done.known += 1;
                continue;
            }
            if self.is_sealed(&reading)? {
                *self.unfit.entry(why(WhyUnfit::Sealed)).or_default() += 1;
                continue;
            }
            if here.is_crowded_by(&reading) {
                return Err(crowded((deployment, thing), reading.at));
            }
            self.done.trimmed += u64::from(is_trimmed);
            new.push(reading);
        }
        self.append(new)
    }

    /// What the notice here declares, where the deployment and the thing are here and the person has their readings kept here.
    fn schema(
        &self,
        deployment: &DeploymentId,
        thing: &ThingId,
    ) -> Result<std::sync::Arc<policy::Schema>, WhyUnfit> {
        let catalogue = self.custody.inner.catalogue.load();
        let found = catalogue.deployments.get(deployment);
        let found = found.ok_or(WhyUnfit::NoDeployment)?;
        let registered = catalogue.things.get(thing).ok_or(WhyUnfit::NoThing)?;
        if registered.deployment.id != *deployment {
            return Err(WhyUnfit::NoThing);
        }
        let of = |id: Option<&DeploymentId>| {
            let mut placements = self.placements.iter();
            placements.find(|(it, _)| it.as_ref() == id)
        };
        let placing = of(Some(deployment)).or_else(|| of(None)).map(|it| &it.1);
        let is_kept = |it: &Placing| matches!(it, Placing::Vault | Placing::VaultAndCopy(_));
        if !placing.is_none_or(is_kept) {
            return Err(WhyUnfit::NotKept);
        }
        Ok(std::sync::Arc::clone(&found.state.load().schema))
    }

    /// Looks up what is here.
    fn look(
        &self,
        (deployment, thing): (&DeploymentId, &ThingId),
        (from, until): (Timestamp, Timestamp),
        schema: &std::sync::Arc<policy::Schema>,
        here: &mut Here,
    ) -> Result<(), ImportError> {
        let between = (from, until);
        let mut pages = Pages::between(
            self.custody,
            self.person,
            between,
            Order::OldestFirst,
            self.now,
        );
        while let Some(page) = pages.next().map_err(ExportError::from)? {
            for reading in &page {
                let of_thing = reading.deployment == *deployment && reading.thing == *thing;
                if here.is_looked_for(reading) && of_thing {
                    let body = without_mark(&reading.body);
                    let body = declared(schema, &body).map_or_else(|| body.to_vec(), |it| it.0);
                    here.found(&print(reading.at, &body));
                }
            }
        }
        Ok(())
    }

    /// Whether the day of a reading has files that are sealed to the person's own keys: what they sealed does not come back in clear.
    fn is_sealed(&mut self, reading: &StoredReading) -> Result<bool, ImportError> {
        let day = reading.at.day();
        if let Some(known) = self.sealed.get(&day) {
            return Ok(*known);
        }
        let begins = Timestamp::from_millis(day.saturating_mul(DAY_MILLIS));
        let scope = Scope {
            from: Some(begins),
            until: Some(begins.plus_millis(DAY_MILLIS)),
            thing: Some(reading.thing.clone()),
            deployment: Some(reading.deployment.clone()),
            ..Scope::default()
        };
        let vault = &self.custody.inner.vault;
        let files = vault.own_files_in(&self.subject, &scope);
        let is_sealed = files.map_err(RowError::from)?.files > 0;
        self.sealed.insert(day, is_sealed);
        Ok(is_sealed)
    }

    fn append(&mut self, readings: Vec<StoredReading>) -> Result<(), ImportError> {
        let vault = &self.custody.inner.vault;
        let mut tries = 0;
        let came = loop {
            match vault.come_back(readings.clone()) {
                Err(ComeBackError::Append(AppendError::Busy)) if tries < MAX_TRIES => {
                    tries += 1;
                    // What was appended before makes room when it is durable.
                    vault.wait(self.lsn)?;
                }
                came => break came?,
            }
        };
        self.lsn = self.lsn.max(came.lsn);
        self.done.brought += came.appended;
        self.done.erased += came.erased;
        Ok(())
    }

    /// Says what the choices would change, and lays them out for the person; a file that waits already is left alone.
    fn choices(&mut self, text: &str) -> Result<(), ImportError> {
        let file = ChoicesFile::parse(text)?;
        if file.count() == 0 {
            return Ok(());
        }
        let request = BulkRequest::Import(file);
        let plan = self.custody.plan_choices(self.person, &request, self.now)?;
        let waits = self.custody.choices_draft(self.person, self.now)?;
        if waits.is_none() && !plan.changes.is_empty() {
            self.custody
                .put_choices_draft(self.person, text, self.now)?;
        }
        self.done.choices = Some(plan);
        Ok(())
    }

    fn finish(mut self) -> Result<ImportedExport, ImportError> {
        self.custody.inner.vault.wait(self.lsn)?;
        let unfit = self.unfit.into_iter().take(MAX_UNFIT);
        let unfit = unfit.map(|((deployment, thing, why), readings)| Unfit {
            deployment,
            thing,
            why,
            readings,
        });
        self.done.unfit = unfit.collect();
        Ok(self.done)
    }
}

/// How long a reading is kept of which a file says when it vanishes: for as long as it was promised, or for the fewer days that a later
/// notice left it. Nothing where no notice says such.
fn kept_for(at: Timestamp, vanishes_at: Timestamp, promised: u16) -> Option<Retention> {
    let millis = vanishes_at.as_millis().checked_sub(at.as_millis())?;
    let days = u16::try_from(millis.div_euclid(DAY_MILLIS)).ok()?;
    let fits = promised > 0 && days <= promised && millis.rem_euclid(DAY_MILLIS) == 0;
    fits.then(|| Retention::from_days(days))
}

/// What of a body the notice declares, as it would be stored here, and whether something was left out; `None` when that is nothing.
fn declared(schema: &std::sync::Arc<policy::Schema>, body: &[u8]) -> Option<(Vec<u8>, bool)> {
    let payload: Payload = schema.decode_stored(body).ok()?;
    let everything = payload.present().iter().map(|it| (it, model::Level::ON));
    let outcome = Outcome::of_levels(everything)?;
    let mut kept = Vec::with_capacity(body.len());
    policy::render_stored(&payload, &outcome, &mut kept);
    let is_trimmed = !payload.undeclared().is_empty() || payload.unlisted() > 0;
    (kept != b"{}").then_some((kept, is_trimmed))
}

/// Whether a reading was brought back: nobody decided on it here.
pub(crate) fn is_imported(reading: &StoredReading) -> bool {
    reading.generation == IMPORTED
}

#[cfg(test)]
mod tests;
