//! A message comes in: licence → decode → decide → seal → append → offer to the recipients.

use std::borrow::Cow;
use std::sync::Arc;

use model::{FieldKind, LicenceState, Retention, Subject, Timestamp};
use policy::{
    Decision, DecodeError, Effect, Facts, FieldSet, Keeping, Kept, Payload, Refusal, SenmlError,
    Undeclared,
};
use smallvec::SmallVec;
use vault::{AppendError, Lsn, Reading};

use crate::Custody;
use crate::catalogue::bound::Bound;
use crate::catalogue::{Concerned, DeploymentState, Named, ThingPeer};
use crate::deliver::{self, Message};
use crate::destination::Placed;
use crate::secret;
use crate::windows::Arrived;

/// Why a message did not come in. Nothing of it was kept or delivered.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The deployment of the thing has no licence in force.
    #[error(
        "the deployment's licence is {0}: its things may not send until the alliance puts it in force"
    )]
    Unlicensed(LicenceState),
    /// The deployment is quarantined.
    #[error("the deployment is quarantined")]
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
    /// The thing was removed while it was connected.
    #[error("the thing is not registered any more")]
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
}

/// What is kept for one person; people whom the same fields are about share the bytes.
struct Body<'a> {
    subject: &'a Subject,
    about: FieldSet,
    /// Where the person wants it.
    placed: &'a Placed,
    keeping: Keeping,
    retention: Retention,
    bytes: Arc<Vec<u8>>,
}

impl Body<'_> {
    /// With how long and as what it goes into the vault, if it does.
    fn part(&self, from: Option<Timestamp>) -> Option<(&Self, Retention, Cow<'_, [u8]>)> {
        let (keeping, retention) = (self.keeping, self.retention);
        let part = self.placed.part(from, keeping, retention, &self.bytes);
        part.map(|(retention, bytes)| (self, retention, bytes))
    }
}

/// A message that may come in, and what was decided on it.
struct Admitted {
    payload: Payload,
    named: Named,
    bound: Arc<Bound>,
    decision: Decision,
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
        let state = thing.deployment.state.load();
        let facts = state.facts(now);
        if !facts.licence.in_force() {
            return Err(IngestError::Unlicensed(facts.licence));
        }
        let payloads = state.schema.decode_all(payload).map_err(|err| match err {
            DecodeError::TooLarge { .. } => IngestError::TooLarge,
            err => IngestError::Malformed(err),
        })?;
        let mut admitted: SmallVec<[Admitted; 1]> = SmallVec::new();
        for payload in payloads {
            admitted.push(self.admit(&state, thing, payload, &facts)?);
        }
        let mut last = None;
        for message in admitted {
            // Of a message nothing may be kept: its position is the start, and those before it still have to become durable.
            last = last.max(Some(self.take(&state, thing, message, now)?));
        }
        // There is at least one message: an empty pack is no pack.
        last.ok_or(IngestError::Malformed(DecodeError::Senml(
            SenmlError::NoPack,
        )))
    }

    /// Decides on one message. Nothing of it is kept yet.
    fn admit(
        &self,
        state: &DeploymentState,
        thing: &ThingPeer,
        payload: Payload,
        facts: &Facts,
    ) -> Result<Admitted, IngestError> {
        let named = self.named(state, thing, &payload).inspect_err(|_| {
            let drift = &thing.deployment.drift;
            drift.count(payload.undeclared(), facts.now);
        })?;
        let bound = state
            .bound(thing.number, &named, facts.now)
            .ok_or(IngestError::Unregistered)?;
        let decision = policy::decide(&bound.program, &payload, facts);
        match decision.effect() {
            Effect::Admit => {}
            Effect::Refuse(Refusal::Licence(state)) => return Err(IngestError::Unlicensed(state)),
            Effect::Refuse(Refusal::Quarantined | Refusal::Schema) => {
                return Err(IngestError::Quarantined);
            }
        }
        Ok(Admitted {
            payload,
            named,
            bound,
            decision,
        })
    }

    /// Keeps one message and offers it.
    fn take(
        &self,
        state: &DeploymentState,
        thing: &Arc<ThingPeer>,
        admitted: Admitted,
        now: Timestamp,
    ) -> Result<Lsn, IngestError> {
        let Admitted {
            payload,
            named,
            bound,
            decision,
        } = admitted;
        let concerned = state.concerned(&bound, &thing.id);
        let kept = Keep {
            thing,
            concerned: &concerned,
            generation: bound.program.generation(),
            at: now,
            from: None,
        };
        let lsn = self.keep(&kept, &payload, decision.stored())?;
        thing.deployment.drift.count(payload.undeclared(), now);
        thing.watching.saw(&payload, now);
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
        let message = Message {
            thing: Arc::clone(thing),
            payload,
            named,
            concerned,
            at: now,
        };
        deliver::offer(&self.inner.hub, message, &bound.program, &decision);
        Ok(lsn)
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

    /// Seals one reading per retention class and person, each with the fields that are about the person: all of them
    /// are kept, or none.
    pub(crate) fn keep(
        &self,
        keep: &Keep<'_>,
        payload: &Payload,
        stored: &[Kept],
    ) -> Result<Lsn, IngestError> {
        let people = keep.concerned.iter().map(|(subject, _)| subject);
        let placed = self.inner.placements.of(&keep.thing.deployment.id, people);
        let mut bodies: SmallVec<[Body<'_>; 2]> = SmallVec::new();
        for kept in stored {
            let first = bodies.len();
            for ((subject, about), placed) in keep.concerned.iter().zip(&placed) {
                let same = |it: &&Body<'_>| it.about == *about;
                let bytes = match bodies.iter().skip(first).find(same) {
                    Some(body) => Arc::clone(&body.bytes),
                    None => match kept.outcome.only(*about) {
                        Some(outcome) => {
                            let mut body = Vec::with_capacity(256);
                            policy::render_stored(payload, &outcome, &mut body);
                            Arc::new(body)
                        }
                        None => continue,
                    },
                };
                bodies.push(Body {
                    subject,
                    about: *about,
                    placed,
                    keeping: kept.keeping,
                    retention: kept.retention,
                    bytes,
                });
            }
        }
        let parts: SmallVec<[_; 2]> = bodies.iter().filter_map(|it| it.part(keep.from)).collect();
        let readings: SmallVec<[Reading<'_>; 2]> = parts
            .iter()
            .map(|(body, retention, bytes)| Reading {
                subject: body.subject,
                thing: &keep.thing.id,
                deployment: &keep.thing.deployment.id,
                at: keep.at,
                retention: *retention,
                generation: keep.generation,
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
