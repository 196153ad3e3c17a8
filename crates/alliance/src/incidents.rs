//! Incidents: data may have got out. A clock runs from when the office became aware of it; whom it reached is computed.
//!
//! The office opens an incident, says what happened and what was done, in both languages. Until [`REPORT_MILLIS`] after it became aware the
//! authority has to be told. Who is affected is computed from receipts and keys (`custody::Affected`) each time, and kept with the
//! moment at which the people were told; they see it on their pages.
//!
//! The record has an entry when it is opened, when the authority and when the people were told; everybody sees whether the time was kept.

use custody::{ActError, Affected, Exposure, RowError};
use model::{DeploymentId, Entry, EntryKind, RecipientId, Text, Timestamp};

use crate::accounts::Account;
use crate::authority::{Action, Actor};
use crate::rows::incident as rows;
use crate::{Alliance, AllianceError};

/// How long the office has to tell the authority from when it became aware, in milliseconds: 72 hours.
pub const REPORT_MILLIS: i64 = 72 * 3_600_000;
/// The longest time of exposure, in days.
pub const MAX_EXPOSED_DAYS: i64 = 3_660;
/// The longest text about an incident, in characters.
pub const MAX_INCIDENT_CHARS: usize = 2_000;
/// The most incidents.
pub const MAX_INCIDENTS: u64 = 10_000;
const DAY_MILLIS: i64 = 86_400_000;

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its number.
    pub number: u64,
    /// Where something got out.
    pub exposure: Exposure,
    /// The first moment whose data may have got out.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    /// When the office became aware.
    pub aware_at: Timestamp,
    /// What happened, for people.
    pub what: Text,
    /// What was done about it, and what people can do.
    pub done: Text,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When the authority was told.
    pub reported_at: Option<Timestamp>,
    /// When the people were told.
    pub told_at: Option<Timestamp>,
}

impl Incident {
    /// Until when the authority has to be told.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.aware_at.plus_millis(REPORT_MILLIS)
    }

    /// Whether the authority was told in time; `None` while there is time left.
    #[must_use]
    pub fn was_in_time(&self, now: Timestamp) -> Option<bool> {
        match self.reported_at {
            Some(at) => Some(at <= self.due_at()),
            None => (self.due_at() < now).then_some(false),
        }
    }
}

/// An incident as an officer writes it.
#[derive(Debug, Clone)]
pub struct IncidentDraft {
    /// `recipient`, `deployment` or `server`.
    pub exposure: String,
    /// Which recipient or deployment.
    pub party: String,
    /// The first day, as `2026-11-24`.
    pub from: String,
    /// The last day.
    pub until: String,
    /// Day and time at which the office became aware, as `2026-11-24T10:30`.
    pub aware: String,
    /// What happened.
    pub what: Text,
    /// What was done.
    pub done: Text,
}

/// An incident with whom it reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentView {
    /// It.
    pub incident: Incident,
    /// Whom it may have reached: as it was when the people were told, computed now before that.
    pub affected: Affected,
}

/// What everybody learns of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentLine {
    /// It.
    pub incident: Incident,
    /// How many people were told; `None` before that.
    pub people: Option<u64>,
}

/// Why something about an incident did not happen.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// There is none.
    #[error("there is no such incident")]
    NotFound,
    /// Where something got out.
    #[error("say where it got out: at a recipient or a deployment that is there, or at the server")]
    Exposure,
    /// The days or the moment.
    #[error(
        "the first day is not after the last one nor in the future, and the office became aware before now"
    )]
    Days,
    /// A text.
    #[error(
        "say in both languages what happened and what was done, each in 1 to {MAX_INCIDENT_CHARS} characters"
    )]
    Words,
    /// It was done already.
    #[error("this was done already")]
    Done,
    /// Too many.
    #[error("there are {MAX_INCIDENTS} incidents, which is the most")]
    TooMany,
    /// Something else.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
}

impl From<ActError> for IncidentError {
    fn from(err: ActError) -> Self {
        Self::Alliance(err.into())
    }
}

impl From<RowError> for IncidentError {
    fn from(err: RowError) -> Self {
        Self::Alliance(err.into())
    }
}

impl From<store::DbError> for IncidentError {
    fn from(err: store::DbError) -> Self {
        Self::Alliance(err.into())
    }
}

impl Alliance {
    /// Opens an incident; its clock runs.
    ///
    /// # Errors
    /// When the actor may not, something makes no sense, or the database fails.
    pub fn open_incident(
        &self,
        by: &Actor,
        draft: &IncidentDraft,
        now: Timestamp,
    ) -> Result<u64, IncidentError> {
        by.must(Action::HandleIncidents)?;
        let (from, until, aware_at) = self.times(draft, now)?;
        let mut incident = Incident {
            number: 0,
            exposure: exposure(draft)?,
            from,
            until,
            aware_at,
            what: words(&draft.what)?,
            done: words(&draft.done)?,
            opened_at: now,
            reported_at: None,
            told_at: None,
        };
        self.custody.act(now, |act| {
            let is_there = match &incident.exposure {
                Exposure::Recipient(id) => act.has_recipient(id)?,
                Exposure::Deployment(id) => act.notice_in_force(id)?.is_some(),
                Exposure::Server => true,
            };
            if !is_there {
                return Err(IncidentError::Exposure);
            }
            // None is ever taken away, so the number says how many there are.
            incident.number = rows::next(act.tx())?;
            if incident.number > MAX_INCIDENTS {
                return Err(IncidentError::TooMany);
            }
            rows::put(act.tx(), &incident)?;
            act.record(entry(
                EntryKind::IncidentOpened,
                &incident,
                String::new(),
                now,
            ));
            Ok(incident.number)
        })
    }

    /// Says anew what happened and what was done; not once the people were told.
    ///
    /// # Errors
    /// When the actor may not, a text is missing or too long, the people were told, or the database fails.
    pub fn reword_incident(
        &self,
        by: &Actor,
        number: u64,
        (what, done): (&Text, &Text),
        now: Timestamp,
    ) -> Result<(), IncidentError> {
        by.must(Action::HandleIncidents)?;
        let (what, done) = (words(what)?, words(done)?);
        self.custody.act(now, |act| {
            let mut incident = rows::one(act.tx(), number)?.ok_or(IncidentError::NotFound)?;
            if incident.told_at.is_some() {
                return Err(IncidentError::Done);
            }
            (incident.what, incident.done) = (what, done);
            Ok(rows::update(act.tx(), &incident)?)
        })
    }

    /// Notes that the authority was told.
    ///
    /// # Errors
    /// When the actor may not, it was told already, or the database fails.
    pub fn report_incident(
        &self,
        by: &Actor,
        number: u64,
        now: Timestamp,
    ) -> Result<(), IncidentError> {
        by.must(Action::HandleIncidents)?;
        self.custody.act(now, |act| {
            let mut incident = rows::one(act.tx(), number)?.ok_or(IncidentError::NotFound)?;
            if incident.reported_at.is_some() {
                return Err(IncidentError::Done);
            }
            incident.reported_at = Some(now);
            rows::update(act.tx(), &incident)?;
            let words = match incident.was_in_time(now) {
                Some(true) => "within 72 hours",
                _ => "later than 72 hours",
            };
            act.record(entry(
                EntryKind::IncidentReported,
                &incident,
                words.to_owned(),
                now,
            ));
            Ok(())
        })
    }

    /// Tells the people whom it may have reached, on their pages. Gives how many there are.
    ///
    /// # Errors
    /// When the actor may not, they were told already, or the database fails.
    pub fn tell_people(
        &self,
        by: &Actor,
        number: u64,
        now: Timestamp,
    ) -> Result<u64, IncidentError> {
        by.must(Action::HandleIncidents)?;
        // What waits in memory counts too.
        let known = self.db.read(|tx| rows::one(tx, number))?;
        let known = known.ok_or(IncidentError::NotFound)?;
        let affected = self.affected_by(&known)?;
        self.custody.act(now, |act| {
            let mut incident = rows::one(act.tx(), number)?.ok_or(IncidentError::NotFound)?;
            if incident.told_at.is_some() {
                return Err(IncidentError::Done);
            }
            incident.told_at = Some(now);
            rows::update(act.tx(), &incident)?;
            rows::put_affected(act.tx(), number, &affected)?;
            let people = affected.people.len();
            act.record(entry(
                EntryKind::IncidentTold,
                &incident,
                format!("people:{people}"),
                now,
            ));
            Ok(u64::try_from(people).unwrap_or(u64::MAX))
        })
    }

    fn affected_by(&self, incident: &Incident) -> Result<Affected, IncidentError> {
        let range = (incident.from, incident.until);
        Ok(self.custody.affected(&incident.exposure, range)?)
    }

    /// Every incident, newest first.
    ///
    /// # Errors
    /// When the actor may not, or the database fails.
    pub fn incidents(&self, by: &Actor) -> Result<Vec<Incident>, IncidentError> {
        by.must(Action::HandleIncidents)?;
        Ok(self.db.read(rows::all)?)
    }

    /// One incident, with whom it may have reached.
    ///
    /// # Errors
    /// When the actor may not, there is none, or the database fails.
    pub fn incident(&self, by: &Actor, number: u64) -> Result<IncidentView, IncidentError> {
        by.must(Action::HandleIncidents)?;
        let incident = self.db.read(|tx| rows::one(tx, number))?;
        let incident = incident.ok_or(IncidentError::NotFound)?;
        let affected = match incident.told_at {
            Some(_) => self.db.read(|tx| rows::affected(tx, number))?,
            None => self.affected_by(&incident)?,
        };
        Ok(IncidentView { incident, affected })
    }

    /// What everybody learns: that there is an incident, whether the time was kept, and once the people were told what happened.
    ///
    /// # Errors
    /// When the database fails.
    pub fn incidents_in_the_open(&self) -> Result<Vec<IncidentLine>, IncidentError> {
        self.db.read(|tx| {
            let mut lines = Vec::new();
            for incident in rows::all(tx)? {
                let people = match incident.told_at {
                    Some(_) => Some(rows::affected(tx, incident.number)?.people.len()),
                    None => None,
                };
                lines.push(IncidentLine {
                    people: people.map(|it| u64::try_from(it).unwrap_or(u64::MAX)),
                    incident,
                });
            }
            Ok(lines)
        })
    }

    /// The incidents of which somebody was told, with the fields that a recipient had, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn incidents_about(
        &self,
        account: &Account,
    ) -> Result<Vec<(Incident, Vec<String>)>, IncidentError> {
        Ok(self.db.read(|tx| rows::told_to(tx, &account.id))?)
    }

    /// First moment, first moment after, and when the office became aware.
    fn times(
        &self,
        draft: &IncidentDraft,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp, Timestamp), IncidentError> {
        let zone = &self.time_zone;
        let moment = |at: jiff::civil::DateTime| {
            let at = at.to_zoned(zone.clone()).map_err(|_| IncidentError::Days)?;
            Ok::<_, IncidentError>(Timestamp::from_millis(at.timestamp().as_millisecond()))
        };
        let day = |text: &str| {
            let day: jiff::civil::Date = text.trim().parse().map_err(|_| IncidentError::Days)?;
            Ok::<_, IncidentError>(day)
        };
        let from = moment(day(&draft.from)?.at(0, 0, 0, 0))?;
        let after = day(&draft.until)?
            .tomorrow()
            .map_err(|_| IncidentError::Days)?;
        let until = moment(after.at(0, 0, 0, 0))?;
        let aware: jiff::civil::DateTime = draft
            .aware
            .trim()
            .parse()
            .map_err(|_| IncidentError::Days)?;
        let aware_at = moment(aware)?;
        let length = until.as_millis().saturating_sub(from.as_millis());
        let fits = (1..=MAX_EXPOSED_DAYS * DAY_MILLIS).contains(&length);
        match fits && from <= now && from <= aware_at && aware_at <= now {
            true => Ok((from, until, aware_at)),
            false => Err(IncidentError::Days),
        }
    }
}

fn exposure(draft: &IncidentDraft) -> Result<Exposure, IncidentError> {
    let party = draft.party.trim();
    let wrong = |_| IncidentError::Exposure;
    match draft.exposure.as_str() {
        "recipient" => Ok(Exposure::Recipient(
            RecipientId::parse(party).map_err(wrong)?,
        )),
        "deployment" => Ok(Exposure::Deployment(
            DeploymentId::parse(party).map_err(wrong)?,
        )),
        "server" => Ok(Exposure::Server),
        _ => Err(IncidentError::Exposure),
    }
}

fn words(text: &Text) -> Result<Text, IncidentError> {
    let one = |text: &str| {
        let text = text.trim();
        let fits = (1..=MAX_INCIDENT_CHARS).contains(&text.chars().count());
        fits.then(|| text.to_owned()).ok_or(IncidentError::Words)
    };
    Ok(Text {
        en: one(&text.en)?,
        ur: one(&text.ur)?,
    })
}

fn entry(kind: EntryKind, incident: &Incident, reason: String, now: Timestamp) -> Entry {
    Entry {
        at: now,
        kind,
        about: format!("incident:{}", incident.number),
        by: "office:licensing".to_owned(),
        reason,
        document_sha256: None,
    }
}
