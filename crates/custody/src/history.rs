//! Readings of the past for a recipient: what it could have had when they came, and may have now.
//!
//! A recipient that was away asks for what it missed. It gets nothing that it could not have received live:
//!
//! - A stored reading is decided twice, like every delivery (ADR 0004): by what held when it came in, and, at the socket
//!   ([`Custody::permit`]), by what holds now. What was off when it was measured is not revealed by a later choice.
//! - What held then is told by rows: what each person had chosen, and when the notice, the grant and the limits of the rulebook were
//!   changed last. Nothing from before that is given: a notice that changed, a grant that was given later (whatever it says it is valid
//!   from) or a limit that was changed reaches back to nothing. After each such change it takes [`SETTLE_MILLIS`] until readings count:
//!   those that came in the same moment may have been decided by what held before.
//! - A field passes only where it lies in the vault *for every person whom it is about*, and each of them has their readings kept there
//!   now: who has theirs go elsewhere, or nowhere, has none given from here.
//! - Nothing is given for longer than the notice lets it be kept for this purpose.
//! - What a person brought back out of an export is not given: it was not decided on here.
//! - Statistics over time are not given: they leave once, when their window is over.
//! - An order of an authority (`lawful`) gets of the past what the vault holds of its people and fields, by what holds now: nobody was
//!   asked then, and nothing is kept for it. What keeps more from others keeps it from an order too: what is also about somebody else,
//!   what goes elsewhere, what is erased, what is sealed to a person's own key.
//! - Where messages name people (`subject-field`) there is no history: a stored reading does not say whom its message named, so nobody
//!   could ask whether that person agreed.
//!
//! # Order, parts, pages
//! Things come in the order of their identifiers, and of each its messages in the order of time, and within a millisecond in the
//! order in which the vault took them; of each message each field is given once ([`messages`]). A message whose fields are kept for different times, or for different people, can come in parts: readings of the
//! same thing and time that have no field in common.
//! Of one thing, person and millisecond at most [`CHUNK`] readings are given.
//! A page ends after `limit` readings (a message is not divided), [`MAX_HISTORY_BYTES`], or [`MAX_HISTORY_SCANNED`] readings looked at
//! or [`MAX_HISTORY_READS`] reads of the vault; so it may hold few, or none, and go on all the same.
//!
//! # Cost
//! The vault is read by subject: for each thing its own readings and those of everybody whom it sensed in the time asked for, who may
//! have many other things. Each page is at most [`MAX_HISTORY_READS`] such reads (and those of one thing), each of at most [`CHUNK`] readings.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    DeploymentId, Level, Placement, PurposeId, RecipientId, Retention, Subject, ThingId, Timestamp,
};
use policy::{FieldSet, LaneIndex, Payload, Program};
use rustc_hash::FxHashMap;
use vault::{Order, Position, ReadQuery, StoredReading};

use crate::Custody;
use crate::catalogue::{Bound, Deployment, DeploymentState, Named, RecipientPeer, ThingPeer};
use crate::condition::Condition;
use crate::deliver::hub::Subscriber;
use crate::deliver::{Delivery, Filter, Message, Sent};
use crate::destination::is_marked;
use crate::export::is_imported;
use crate::rows::{self, RowError};

mod cursor;
mod messages;
mod then;

use cursor::Place;
use messages::Placed;
use then::Then;

/// The most readings of a page.
pub const MAX_HISTORY_READINGS: u16 = 500;
/// A page gets no further reading when what is stored of it has so many bytes.
pub const MAX_HISTORY_BYTES: usize = 1024 * 1024;
/// The longest time that one query asks for, in days.
pub const MAX_HISTORY_DAYS: i64 = 31;
/// How many stored readings are looked at for a page.
pub const MAX_HISTORY_SCANNED: usize = 4_096;
/// How often the vault is read for a page.
pub const MAX_HISTORY_READS: usize = 256;
/// How long after a change of what is allowed readings are not given.
pub const SETTLE_MILLIS: i64 = 60_000;
/// How many readings of a subject are read at once.
const CHUNK: usize = 256;
const DAY_MILLIS: i64 = 86_400_000;

/// What a recipient asks for.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// Why it receives.
    pub purpose: PurposeId,
    /// From which deployment.
    pub deployment: DeploymentId,
    /// From one thing, or from all.
    pub thing: Option<ThingId>,
    /// What must hold of a payload as the recipient gets it.
    pub condition: Option<Condition>,
    /// From this moment on; a day before `until` where it is not said.
    pub from: Option<Timestamp>,
    /// Before this moment; now where it is not said.
    pub until: Option<Timestamp>,
    /// How many readings, at most [`MAX_HISTORY_READINGS`].
    pub limit: u16,
    /// Where the page before ended.
    pub after: Option<String>,
}

/// A page of the past. Each delivery says nothing until [`Custody::permit`] agrees.
#[derive(Debug)]
pub struct HistoryPage {
    /// What may be given.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins; `None` behind the last one.
    pub next: Option<String>,
    /// Where readings of what this page went through are sealed to a person's own key: the moment behind the last of them. Nobody here
    /// can read those. Said of things only of which the recipient may receive something now.
    pub sealed_before: Option<Timestamp>,
}

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// No grant of this recipient names this purpose there, or there is no such deployment.
    #[error(
        "`{recipient}` has no grant for the purpose `{purpose}` there: ask the deployment for access"
    )]
    NotGranted {
        /// Who asked.
        recipient: RecipientId,
        /// For what.
        purpose: PurposeId,
    },
    /// Its messages name people.
    #[error(
        "messages of `{0}` name people, and stored readings do not say whom: there is no history, subscribe for what comes"
    )]
    NamesPeople(DeploymentId),
    /// The times do not fit.
    #[error("ask for at most {MAX_HISTORY_DAYS} days, from a moment before `until`")]
    Span,
    /// The cursor is not one of this query.
    #[error(
        "`after` does not come from a page of this recipient, deployment and purpose: begin without it"
    )]
    Cursor,
    /// The vault.
    #[error("the readings could not be opened")]
    Vault(#[from] vault::ReadError),
    /// The rows.
    #[error("the rows could not be read")]
    Rows(#[from] RowError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness,
}

impl Custody {
    /// A page of what a recipient could have received, see the module `history`. Blocks on the database: not for an async
    /// worker, and not under the [`Custody::delivery_gate`].
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn history(
        &self,
        recipient: &Arc<RecipientPeer>,
        query: &HistoryQuery,
        now: Timestamp,
    ) -> Result<HistoryPage, HistoryError> {
        self.history_within(recipient, query, MAX_HISTORY_BYTES, now)
    }

    /// The same, where a page gets no further reading when what is stored of it has `most_bytes`.
    pub(crate) fn history_within(
        &self,
        recipient: &Arc<RecipientPeer>,
        query: &HistoryQuery,
        most_bytes: usize,
        now: Timestamp,
    ) -> Result<HistoryPage, HistoryError> {
        let catalogue = self.inner.catalogue.load_full();
        let deployment = catalogue.deployments.get(&query.deployment);
        let state = deployment.map(|it| it.state.load_full());
        let granted = |it: &Arc<DeploymentState>| it.has_grant(&recipient.id, &query.purpose, now);
        let (Some(deployment), Some(state)) = (deployment, state.filter(granted)) else {
            return Err(HistoryError::NotGranted {
                recipient: recipient.id.clone(),
                purpose: query.purpose.clone(),
            });
        };
        if state.schema.subject_field().is_some() {
            return Err(HistoryError::NamesPeople(query.deployment.clone()));
        }
        let (from, until) = span(query, now)?;
        let start = match &query.after {
            None => None,
            Some(text) => {
                let place = cursor::open(text, recipient, &query.deployment, &query.purpose);
                Some(place.ok_or(HistoryError::Cursor)?)
            }
        };
        let mut things: Vec<_> = match &query.thing {
            Some(thing) => catalogue.things.get(thing).into_iter().collect(),
            None => catalogue.things.values().collect(),
        };
        things.retain(|it| {
            let is_behind = start.as_ref().is_some_and(|start| it.id < start.thing);
            Arc::ptr_eq(&it.deployment, deployment) && !is_behind
        });
        things.sort_by(|a, b| a.id.cmp(&b.id));
        let from = from.max(self.had_since(&state, recipient, query, now)?);
        let mut reading = Reading {
            custody: self,
            deployment,
            is_order: state.rules.order(&query.purpose).is_some(),
            then: Then::new(self, &state, &recipient.id, &query.purpose),
            state: &state,
            query,
            subscriber: Subscriber::asking(recipient, filter(query)),
            until,
            now,
            deliveries: Vec::new(),
            limit: usize::from(query.limit.clamp(1, MAX_HISTORY_READINGS)),
            bytes: 0,
            most_bytes,
            scanned: 0,
            reads: 0,
            sealed_before: None,
        };
        let mut next = None;
        for thing in things {
            let resumed = start.as_ref().filter(|it| it.thing == thing.id);
            let after = resumed.and_then(|it| Some((it.from, it.after?)));
            let from = resumed.map_or(from, |it| it.from.max(from));
            if let Some(place) = reading.thing(thing, from, after)? {
                next = Some(place);
                break;
            }
        }
        let seal = |it: Place| cursor::seal(&it, recipient, &query.deployment, &query.purpose);
        let next = match next {
            None => None,
            Some(place) => Some(seal(place).ok_or(HistoryError::Randomness)?),
        };
        Ok(HistoryPage {
            deliveries: reading.deliveries,
            next,
            sealed_before: reading.sealed_before,
        })
    }

    /// From when on readings count: before that something else was allowed, or nobody knows what.
    fn had_since(
        &self,
        state: &DeploymentState,
        recipient: &RecipientPeer,
        query: &HistoryQuery,
        now: Timestamp,
    ) -> Result<Timestamp, RowError> {
        if let Some(order) = state.rules.order(&query.purpose) {
            return Ok(order.from);
        }
        let (notice, granted, capped) = self.inner.db.read(|tx| {
            let newest = rows::notice_version::newest(tx, &query.deployment)?;
            let grant = (&recipient.id, &query.purpose, &query.deployment);
            let granted = rows::access::granted_at(tx, grant)?;
            Ok::<_, RowError>((newest, granted, rows::cap::changed_at(tx)?))
        })?;
        let is_read = |it: &(u32, Option<Timestamp>)| it.0 == state.notice.version;
        // A version of which nobody knows when it came: nothing of it yet.
        let published = notice.filter(is_read).and_then(|it| it.1).unwrap_or(now);
        let changes = [Some(published), granted, capped];
        let settled = |it: Timestamp| it.plus_millis(SETTLE_MILLIS);
        let since = changes.into_iter().flatten().map(settled).max();
        Ok(since.unwrap_or(now))
    }
}

fn filter(query: &HistoryQuery) -> Filter {
    Filter {
        purpose: query.purpose.clone(),
        deployment: Some(query.deployment.clone()),
        thing: query.thing.clone(),
        condition: query.condition.clone(),
        native: None,
    }
}

fn span(query: &HistoryQuery, now: Timestamp) -> Result<(Timestamp, Timestamp), HistoryError> {
    let until = query.until.unwrap_or(now).min(now.plus_millis(1));
    let from = query.from.unwrap_or(until.plus_millis(-DAY_MILLIS));
    let length = until.as_millis().saturating_sub(from.as_millis());
    match (0..=MAX_HISTORY_DAYS * DAY_MILLIS).contains(&length) {
        true => Ok((from, until)),
        false => Err(HistoryError::Span),
    }
}

/// One page while it is being read.
struct Reading<'a> {
    custody: &'a Custody,
    deployment: &'a Arc<Deployment>,
    state: &'a DeploymentState,
    then: Then<'a>,
    /// What an order of an authority asks for was asked of nobody then: what holds now counts.
    is_order: bool,
    query: &'a HistoryQuery,
    subscriber: Arc<Subscriber>,
    until: Timestamp,
    now: Timestamp,
    deliveries: Vec<Delivery>,
    limit: usize,
    bytes: usize,
    most_bytes: usize,
    scanned: usize,
    reads: usize,
    sealed_before: Option<Timestamp>,
}

/// What held when messages of a thing came, and what holds of them now.
struct Moment {
    at: Timestamp,
    bound: Arc<Bound>,
    then: Arc<Program>,
    lane: LaneIndex,
    lane_then: LaneIndex,
}

impl Moment {
    /// How many readings of a person a message can have that are kept so long.
    fn ways_to_keep(&self, retention: Retention) -> usize {
        let [now, then] = [&self.bound.program, &self.then];
        let of = |it: &Program| it.ways_to_keep(retention, self.at);
        of(now).max(of(then))
    }
}

/// What lies in the vault of one thing and moment.
type Group = Vec<Placed>;

impl Reading<'_> {
    fn is_full(&self) -> bool {
        self.deliveries.len() >= self.limit
            || self.bytes >= self.most_bytes
            || self.scanned >= MAX_HISTORY_SCANNED
            || self.reads >= MAX_HISTORY_READS
    }

    /// Reads a thing from a moment on; gives the place where the page ended.
    fn thing(
        &mut self,
        thing: &Arc<ThingPeer>,
        mut from: Timestamp,
        seen: Option<(Timestamp, Position)>,
    ) -> Result<Option<Place>, HistoryError> {
        let place = |from, after| {
            let thing = thing.id.clone();
            Some(Place { thing, from, after })
        };
        if !self.is_full() && from < self.until {
            self.note_sealed(thing, from)?;
        }
        while from < self.until {
            if self.is_full() {
                return Ok(place(from, None));
            }
            let (mut groups, resume) = self.groups(thing, from)?;
            if let Some((at, after)) = seen
                && let Some(group) = groups.get_mut(&at)
            {
                group.retain(|it| it.0 > after);
            }
            for (at, group) in groups {
                let mut last = seen.filter(|it| it.0 == at).map(|it| it.1);
                let Some(moment) = self.moment(thing, at)? else {
                    continue;
                };
                for message in messages::split(group, |it| moment.ways_to_keep(it)) {
                    if self.deliveries.len() >= self.limit || self.bytes >= self.most_bytes {
                        return Ok(place(at, last));
                    }
                    last = message.last().map(|it| it.0);
                    self.message(thing, &moment, message);
                }
            }
            match resume {
                Some(resume) => from = resume,
                None => break,
            }
        }
        Ok(None)
    }

    /// Notes what of a thing is sealed to somebody's own key. Nothing of it is said to who may receive nothing of the thing now.
    fn note_sealed(&mut self, thing: &Arc<ThingPeer>, from: Timestamp) -> Result<(), HistoryError> {
        let Some(bound) = self.state.bound(thing.number, &Named::Nobody, self.now) else {
            return Ok(());
        };
        let program = &bound.program;
        let passes = |lane| {
            let mut fields = program.schema().fields();
            fields.any(|(it, _)| program.level(lane, it, self.now) != Level::OFF)
        };
        if !self.lane(program).is_some_and(passes) {
            return Ok(());
        }
        let vault = &self.custody.inner.vault;
        for subject in self.state.sensed_between(thing.number, from, self.until) {
            let of = (&self.deployment.id, &thing.id);
            let within = (from, self.until);
            let last = vault.own_sealed_until(&subject, of, within, self.now);
            self.reads += 1;
            let end = last.map_err(RowError::from)?.map(|it| it.plus_millis(1));
            self.sealed_before = self.sealed_before.max(end);
        }
        Ok(())
    }

    /// Whole groups from a moment on, and the moment behind them where there may be more.
    fn groups(
        &mut self,
        thing: &Arc<ThingPeer>,
        from: Timestamp,
    ) -> Result<(BTreeMap<Timestamp, Group>, Option<Timestamp>), HistoryError> {
        let mut subjects = vec![Subject::Thing(thing.id.clone())];
        subjects.extend(self.state.sensed_between(thing.number, from, self.until));
        let mut groups: BTreeMap<Timestamp, Group> = BTreeMap::new();
        let mut horizon: Option<Timestamp> = None;
        for subject in subjects {
            let found = self.custody.inner.vault.read_placed(&ReadQuery {
                subject,
                from,
                until: self.until,
                limit: CHUNK,
                order: Order::OldestFirst,
                now: self.now,
            })?;
            self.reads += 1;
            self.scanned += found.len();
            if let Some((_, last)) = found.last().filter(|_| found.len() == CHUNK) {
                horizon = Some(horizon.map_or(last.at, |it| it.min(last.at)));
            }
            let theirs = found.into_iter().filter(|(_, it)| {
                it.thing == thing.id && it.deployment == self.deployment.id && !is_elsewhere(it)
            });
            for it in theirs {
                groups.entry(it.1.at).or_default().push(it);
            }
        }
        // Where one moment holds more than is read at once, what is beyond is left out.
        let resume = horizon.map(|it| it.max(from.plus_millis(1)));
        if let Some(resume) = resume {
            groups.retain(|at, _| *at < resume);
        }
        Ok((groups, resume))
    }

    /// What holds for messages of a thing that came at a moment; `None` where nothing of them may be given.
    fn moment(
        &mut self,
        thing: &Arc<ThingPeer>,
        at: Timestamp,
    ) -> Result<Option<Moment>, HistoryError> {
        let Some(bound) = self.state.bound(thing.number, &Named::Nobody, at) else {
            return Ok(None);
        };
        let then = match self.is_order {
            true => Arc::clone(&bound.program),
            false => self.then.program(&bound, at)?,
        };
        let lanes = self.lane(&bound.program).zip(self.lane(&then));
        Ok(lanes.map(|(lane, lane_then)| Moment {
            at,
            bound,
            then,
            lane,
            lane_then,
        }))
    }

    /// What of one message may be given.
    fn message(&mut self, thing: &Arc<ThingPeer>, moment: &Moment, message: Vec<Placed>) {
        let Moment {
            at,
            bound,
            then,
            lane,
            lane_then,
        } = moment;
        let (at, lane) = (*at, *lane);
        let mut parts: Vec<(u16, Subject, Payload, usize)> = Vec::with_capacity(message.len());
        for (_, it) in message {
            let payload = self.state.schema.decode_stored(&it.body);
            if let Ok(payload) = payload.as_ref()
                && !payload.is_aggregate()
            {
                let days = it.retention.as_days();
                parts.push((days, it.subject, payload.clone(), it.body.len()));
            }
        }
        // What is kept shorter is more precise.
        parts.sort_by_key(|it| it.0);
        let mut open = self.open_fields(bound, &parts);
        let age = self.now.as_millis().saturating_sub(at.as_millis()) / DAY_MILLIS;
        let age = u16::try_from(age).unwrap_or(u16::MAX);
        for (_, _, payload, bytes) in parts {
            let facts_now = self.state.facts(self.now);
            let facts_then = match self.is_order {
                true => facts_now,
                false => self.state.facts(at),
            };
            let outcome = policy::decide_for(&bound.program, &payload, &facts_now, lane)
                .zip(policy::decide_for(then, &payload, &facts_then, *lane_then))
                .and_then(|(now, then)| now.meet(&then))
                .and_then(|it| match self.is_order {
                    true => Some(it),
                    false => bound.program.kept_beyond(lane, &it, age),
                })
                .and_then(|it| it.only(open));
            let Some(outcome) = outcome else { continue };
            open = open.without(outcome.fields());
            self.bytes += bytes;
            let concerned = self.state.concerned(bound, &thing.id);
            let message = Message::new(
                thing,
                payload,
                Named::Nobody,
                concerned,
                at,
                Sent::default(),
            );
            let delivery = Delivery::retained(&Arc::new(message), &self.subscriber, &outcome, lane);
            self.deliveries.push(delivery);
        }
    }

    fn lane(&self, program: &Program) -> Option<LaneIndex> {
        program.lane(&self.subscriber.recipient().id, &self.query.purpose)
    }

    /// The fields that lie in the vault for everybody whom they are about, where each of them still has theirs kept.
    fn open_fields(&self, bound: &Bound, parts: &[(u16, Subject, Payload, usize)]) -> FieldSet {
        let mut held: FxHashMap<&Subject, FieldSet> = FxHashMap::default();
        for (_, subject, payload, _) in parts {
            let known = held.entry(subject).or_insert(FieldSet::EMPTY);
            *known = known.or(payload.present());
        }
        let mut open = self.state.rules.everything();
        let people = bound.people.iter().map(|it| &it.subject);
        let placed = self
            .custody
            .inner
            .placements
            .of(&self.deployment.id, people);
        for (present, placed) in bound.people.iter().zip(placed) {
            let about = self.state.rules.about(present.roles);
            let theirs = match placed.put.is_in_vault() {
                true => held
                    .get(&present.subject)
                    .copied()
                    .unwrap_or(FieldSet::EMPTY),
                false => FieldSet::EMPTY,
            };
            open = open.without(about.without(theirs));
        }
        open
    }
}

/// Whether a reading lies in the vault for its person only: it was brought back, and nobody decided on it here; or it is on its way.
fn is_elsewhere(reading: &StoredReading) -> bool {
    is_imported(reading) || is_on_its_way(reading)
}

/// Whether a reading lies in the vault only until its person's own endpoint has it.
fn is_on_its_way(reading: &StoredReading) -> bool {
    is_marked(&reading.body) && reading.retention.as_days() <= Placement::TRANSIT_DAYS
}
