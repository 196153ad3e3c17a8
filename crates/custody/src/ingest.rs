//! A message comes in: licence → decode → decide → seal → append → offer to the recipients.

mod several;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use model::{FieldKind, LicenceState, Retention, Subject, Timestamp};
use policy::{
    DecodeError, Effect, Facts, FieldSet, Keeping, Kept, KeptDecision, Outcome, Payload, Refusal,
    SenmlError, Undeclared,
};
use smallvec::SmallVec;
use vault::{AppendError, Lsn, Reading};

use crate::Custody;
use crate::catalogue::{Concerned, DeploymentState, Holding, Named, ThingPeer};
use crate::deliver::{self, Message, Sent};
use crate::destination::Placed;
use crate::retained::ToRetain;
use crate::secret;
use crate::windows::Arrived;

/// How many bytes most messages are stored in.
const TEXT_BYTES: usize = 512;

/// What a message does to what its thing has retained (MQTT 5.0 section 3.3.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retain {
    /// Nothing.
    No,
    /// Whoever subscribes later gets this one, until the next.
    Keep,
    /// Whoever subscribes later gets nothing, from when this one has come in.
    TakeBack,
}

/// What a thing sent at once, and how.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Who sent it.
    pub thing: &'a Arc<ThingPeer>,
    /// As it came. Nothing at all, which is to be retained or to take back, takes back what was retained.
    pub payload: &'a [u8],
    /// What becomes of what whoever subscribes later gets.
    pub retain: Retain,
    /// Which connection sent it, so that its own subscriptions can leave it out; 0 where nobody asks.
    pub origin: u64,
    /// From when on it is not to be delivered any more (MQTT 5.0 section 3.3.2.3.3). The reading itself stays.
    pub expires_at: Option<Timestamp>,
    /// The order of names that a recipient's protocol needs to put the message together as it was sent. Only who holds a
    /// [`Permit`](crate::Permit) sees it, and nothing is shown because of it.
    pub order: Option<&'a Arc<[Box<str>]>>,
}

/// Why a message did not come in. Nothing of it was kept or delivered.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The deployment of the thing has no licence in force.
    #[error(
        "the deployment's licence is {0}: its things may not send until the alliance puts it in force"
    )]
    Unlicensed(LicenceState),
    /// The deployment or the thing is quarantined.
    #[error(
        "the deployment or the thing is quarantined: nothing of it is taken until that is lifted"
    )]
    Quarantined,
    /// The payload is not a message that can be decided on.
    #[error("the payload cannot be read: {0}")]
    Malformed(DecodeError),
    /// The field that says whom the message is about has a type that was not declared.
    #[error(
        "the field that says whom the message is about does not have the type that the notice declares"
    )]
    NobodyNamed,
    /// The payload is larger than a message may be.
    #[error("the payload is larger than {} bytes", policy::MAX_PAYLOAD_BYTES)]
    TooLarge,
    /// The store does not take more now; try again.
    #[error("the store is busy or failed, try again later")]
    Unavailable(#[source] AppendError),
    /// The thing was removed, or its credential revoked, while it was connected.
    #[error("the thing is not registered any more, or its token was revoked")]
    Unregistered,
}

/// Of which message something is kept, and for whom.
pub(crate) struct Keep<'a> {
    pub(crate) thing: &'a ThingPeer,
    pub(crate) concerned: &'a Concerned,
    pub(crate) generation: u64,
    pub(crate) at: Timestamp,
    /// Of a time window, when it began.
    pub(crate) from: Option<Timestamp>,
    pub(crate) payload: &'a Payload,
    pub(crate) stored: &'a [Kept],
}

impl Keep<'_> {
    /// Adds one body per retention class and person, and its text; `placed` says where each person wants theirs.
    fn bodies<'a>(
        &'a self,
        placed: &'a [Placed],
        text: &mut Vec<u8>,
        bodies: &mut SmallVec<[Body<'a>; 2]>,
    ) {
        for kept in self.stored {
            let first = bodies.len();
            for ((subject, about), placed) in self.concerned.iter().zip(placed) {
                let same = |it: &&Body<'_>| it.about == *about;
                let range = match bodies.iter().skip(first).find(same) {
                    Some(body) => body.range.clone(),
                    None => {
                        let start = text.len();
                        if !self.write(&kept.outcome, *about, text) {
                            continue;
                        }
                        start..text.len()
                    }
                };
                bodies.push(Body {
                    of: self,
                    subject,
                    about: *about,
                    placed,
                    keeping: kept.keeping,
                    retention: kept.retention,
                    range,
                });
            }
        }
    }

    /// Writes what passes of some fields; `false` when that is nothing.
    fn write(&self, outcome: &Outcome, about: FieldSet, text: &mut Vec<u8>) -> bool {
        if outcome.fields().without(about).is_empty() {
            policy::render_stored(self.payload, outcome, text);
            return true;
        }
        let Some(outcome) = outcome.only(about) else {
            return false;
        };
        policy::render_stored(self.payload, &outcome, text);
        true
    }
}

/// What is kept for one person; people whom the same fields are about share the bytes.
struct Body<'a> {
    of: &'a Keep<'a>,
    subject: &'a Subject,
    about: FieldSet,
    /// Where the person wants it.
    placed: &'a Placed,
    keeping: Keeping,
    retention: Retention,
    /// Where its text stands among all texts.
    range: Range<usize>,
}

impl Body<'_> {
    /// With how long and as what it goes into the vault, if it does.
    fn part<'t>(&'t self, text: &'t [u8]) -> Option<(&'t Self, Retention, Cow<'t, [u8]>)> {
        let (keeping, retention) = (self.keeping, self.retention);
        let body = text.get(self.range.clone())?;
        let part = self.placed.part(self.of.from, keeping, retention, body);
        part.map(|(retention, bytes)| (self, retention, bytes))
    }
}

/// A message that may come in, and what was decided on it.
struct Admitted<'s> {
    payload: Box<Payload>,
    named: Named,
    bound: Holding<'s>,
    concerned: Concerned,
    decision: KeptDecision,
}

impl Admitted<'_> {
    /// What is kept of it.
    fn keep<'a>(&'a self, thing: &'a ThingPeer, now: Timestamp) -> Keep<'a> {
        Keep {
            thing,
            concerned: &self.concerned,
            generation: self.bound.program.generation(),
            at: now,
            from: None,
            payload: &self.payload,
            stored: self.decision.stored(),
        }
    }
}

/// The messages of one arrival, where its thing may send: at least one, or none where what is retained is taken back.
fn decoded(
    state: &DeploymentState,
    arrival: &Arrival<'_>,
    facts: &Facts,
) -> Result<SmallVec<[Box<Payload>; 1]>, IngestError> {
    if arrival.thing.is_barred() {
        return Err(IngestError::Unregistered);
    }
    if arrival.retain != Retain::No && arrival.payload.is_empty() {
        return Ok(SmallVec::new());
    }
    if !facts.licence.in_force() {
        return Err(IngestError::Unlicensed(facts.licence));
    }
    let payloads = state.schema.decode_all(arrival.payload);
    let mut payloads = payloads.map_err(|err| match err {
        DecodeError::TooLarge { .. } => IngestError::TooLarge,
        err => IngestError::Malformed(err),
    })?;
    if payloads.is_empty() {
        let nothing = DecodeError::Senml(SenmlError::NoPack);
        return Err(IngestError::Malformed(nothing));
    }
    payloads.iter_mut().for_each(|it| it.attribute(facts.now));
    Ok(payloads)
}

impl Custody {
    /// Takes what a thing sent at once: one message, or, of a SenML pack, one for each time. Decides, seals, appends, and
    /// offers each to whoever may have it. When one of them cannot come in, none does.
    ///
    /// Every message is of the moment at which it arrived, whatever time a pack names: that one a device could choose.
    ///
    /// Uses the processor only, no disk and no lock that is held long. All is kept once
    /// [`Custody::durable`] has reached the returned position; acknowledge it then and not before.
    ///
    /// # Errors
    /// See [`IngestError`]: the message left no trace but a count.
    pub fn ingest(
        &self,
        thing: &Arc<ThingPeer>,
        payload: &[u8],
        now: Timestamp,
    ) -> Result<Lsn, IngestError> {
        let arrival = Arrival {
            thing,
            payload,
            retain: Retain::No,
            origin: 0,
            expires_at: None,
            order: None,
        };
        self.take(&arrival, now)
    }

    /// See [`Custody::ingest`]; says in addition which connection sent it and whether it is retained.
    ///
    /// # Errors
    /// See [`IngestError`]: the message left no trace but a count.
    pub fn take(&self, arrival: &Arrival<'_>, now: Timestamp) -> Result<Lsn, IngestError> {
        let taken = self.taken(arrival, now);
        taken.inspect_err(|_| self.missed(arrival.thing))
    }

    /// Something came from a thing that was not taken, and may have told more than what it said before: interlocks that need what it
    /// said last refuse until it says it again.
    pub fn missed(&self, thing: &ThingPeer) {
        thing.lasts.lose();
    }

    fn taken(&self, arrival: &Arrival<'_>, now: Timestamp) -> Result<Lsn, IngestError> {
        let state = arrival.thing.deployment.state.load();
        let facts = state.facts(now);
        let mut payloads = decoded(&state, arrival, &facts)?;
        let Some(last) = payloads.pop() else {
            self.forget_retained(arrival.thing);
            return Ok(self.durable());
        };
        if payloads.is_empty() {
            // Nearly always. What was decided is large to move about, so it is not gathered with others.
            let admitted = self.admit(&state, arrival.thing, last, &facts)?;
            let lsn = self.keep(&[admitted.keep(arrival.thing, now)])?;
            self.pass_on(&state, arrival, admitted, now);
            return Ok(lsn);
        }
        payloads.push(last);
        let admitted = self.admit_all(&state, arrival, payloads, &facts)?;
        let keeps = admitted.iter().map(|it| it.keep(arrival.thing, now));
        let keeps: SmallVec<[Keep<'_>; 4]> = keeps.collect();
        // All of a pack in one: what the vault refuses has left no trace, neither with recipients nor in windows.
        let lsn = self.keep(&keeps)?;
        drop(keeps);
        for message in admitted {
            self.pass_on(&state, arrival, message, now);
        }
        Ok(lsn)
    }

    /// Decides on the messages of one arrival. Nothing of them is kept yet. None: what is retained is taken back.
    fn admitted<'s>(
        &self,
        state: &'s DeploymentState,
        arrival: &Arrival<'_>,
        now: Timestamp,
    ) -> Result<SmallVec<[Admitted<'s>; 1]>, IngestError> {
        let facts = state.facts(now);
        let payloads = decoded(state, arrival, &facts)?;
        self.admit_all(state, arrival, payloads, &facts)
    }

    fn admit_all<'s>(
        &self,
        state: &'s DeploymentState,
        arrival: &Arrival<'_>,
        payloads: SmallVec<[Box<Payload>; 1]>,
        facts: &Facts,
    ) -> Result<SmallVec<[Admitted<'s>; 1]>, IngestError> {
        payloads
            .into_iter()
            .map(|it| self.admit(state, arrival.thing, it, facts))
            .collect()
    }

    /// Decides on one message. Nothing of it is kept yet.
    fn admit<'s>(
        &self,
        state: &'s DeploymentState,
        thing: &ThingPeer,
        payload: Box<Payload>,
        facts: &Facts,
    ) -> Result<Admitted<'s>, IngestError> {
        if thing.is_quarantined() {
            return Err(IngestError::Quarantined);
        }
        let named = self.named(state, thing, &payload).inspect_err(|_| {
            let drift = &thing.deployment.drift;
            drift.count(payload.undeclared(), facts.now);
        })?;
        let bound = state
            .holding(thing.number, &named, facts.now)
            .ok_or(IngestError::Unregistered)?;
        let decision = policy::decide_kept(&bound.program, &payload, facts);
        match decision.effect() {
            Effect::Admit => {}
            Effect::Refuse(Refusal::Licence(state)) => return Err(IngestError::Unlicensed(state)),
            Effect::Refuse(Refusal::Quarantined | Refusal::Schema) => {
                return Err(IngestError::Quarantined);
            }
        }
        Ok(Admitted {
            concerned: state.concerned(&bound, &thing.id),
            payload,
            named,
            bound,
            decision,
        })
    }

    /// Offers one message that is kept, and adds it to what counts.
    fn pass_on(
        &self,
        state: &DeploymentState,
        arrival: &Arrival<'_>,
        admitted: Admitted<'_>,
        now: Timestamp,
    ) {
        let Arrival { thing, .. } = *arrival;
        let Admitted {
            payload,
            named,
            bound,
            concerned,
            decision,
        } = admitted;
        thing.deployment.drift.count(payload.undeclared(), now);
        thing.watching.saw(&payload, now);
        thing.lasts.saw(state, &payload, now);
        if bound.program.has_windows() {
            self.accumulate(&Arrived {
                state,
                thing,
                bound: &bound,
                named: &named,
                payload: &payload,
                at: now,
            });
        }
        let sent = Sent {
            origin: arrival.origin,
            retain: arrival.retain == Retain::Keep,
            expires_at: arrival.expires_at,
        };
        if arrival.retain == Retain::TakeBack {
            self.forget_retained(thing);
        }
        if sent.retain {
            self.retain(&ToRetain {
                state,
                thing,
                bound: &bound.shared(),
                named: &named,
                payload: &payload,
                at: now,
                sent,
            });
        }
        let program = &bound.program;
        let make = || {
            let message = Message::new(thing, payload, named, concerned, now, sent);
            message.in_order(arrival.order)
        };
        deliver::offer(&self.inner.hub, thing, make, program, &decision);
    }

    /// Whom the message names, where the notice declares a field that identifies people. When that field is there and
    /// cannot be read, nobody knows whose choices hold, so the message is refused.
    fn named(
        &self,
        state: &DeploymentState,
        thing: &ThingPeer,
        payload: &Payload,
    ) -> Result<Named, IngestError> {
        let Some(field) = state.schema.subject_field() else {
            return Ok(Named::Nobody);
        };
        let pointer = state.schema.pointer(field);
        if let Some(text) = payload.text(field) {
            let kind = pointer
                .and_then(|it| state.notice.field(it))
                .map_or(FieldKind::Text, |it| it.kind);
            let text = secret::subject_text(&text, kind);
            let deployment = thing.deployment.id.as_str();
            return Ok(Named::Somebody(
                self.inner.pseudonyms.subject(deployment, &text),
            ));
        }
        let is_unreadable =
            |it: &Undeclared| pointer.is_some_and(|field| field.as_str() == it.pointer);
        if payload.unlisted() > 0 || payload.undeclared().iter().any(is_unreadable) {
            return Err(IngestError::NobodyNamed);
        }
        Ok(Named::Nobody)
    }

    /// Seals one reading per message, retention class and person, each with the fields that are about the person: all of
    /// them are kept, or none.
    pub(crate) fn keep(&self, messages: &[Keep<'_>]) -> Result<Lsn, IngestError> {
        let placed = |it: &Keep<'_>| {
            let people = it.concerned.iter().map(|(subject, _)| subject);
            self.inner.placements.of(&it.thing.deployment.id, people)
        };
        let placed: SmallVec<[_; 1]> = messages.iter().map(placed).collect();
        let mut bodies: SmallVec<[Body<'_>; 2]> = SmallVec::new();
        let mut text = Vec::with_capacity(TEXT_BYTES);
        for (message, placed) in messages.iter().zip(&placed) {
            message.bodies(placed, &mut text, &mut bodies);
        }
        let parts: SmallVec<[_; 2]> = bodies.iter().filter_map(|it| it.part(&text)).collect();
        let readings: SmallVec<[Reading<'_>; 2]> = parts
            .iter()
            .map(|(body, retention, bytes)| Reading {
                subject: body.subject,
                thing: &body.of.thing.id,
                deployment: &body.of.thing.deployment.id,
                at: body.of.at,
                retention: *retention,
                generation: body.of.generation,
                body: bytes,
            })
            .collect();
        let appended = self.inner.vault.append_all(&readings);
        let lsn = appended.map_err(|err| self.not_appended(err))?;
        parts
            .iter()
            .for_each(|(body, ..)| body.placed.put.appended(lsn));
        Ok(lsn)
    }

    /// When the vault takes nothing more, what it has not synced will never be durable: those who wait are told.
    fn not_appended(&self, error: AppendError) -> IngestError {
        if matches!(error, AppendError::Stopped(_) | AppendError::Closed) {
            self.inner.line.close();
        }
        IngestError::Unavailable(error)
    }
}
