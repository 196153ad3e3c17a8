//! One command that was asked for, from then until nothing more can be said of it.

use std::sync::{Arc, Mutex, PoisonError};

use model::{
    CommandName, DeclaredCommand, DeploymentId, FilledCommand, Level, Notice, Pointer, PurposeId,
    RecipientId, Subject, ThingId, Timestamp,
};

use super::report::Reports;
use super::{
    CLOCK_SLACK_MS, COMMAND_WATCH_MS, CommandEvent, CommandId, CommandOutcome, RefusedBecause,
};
use crate::catalogue::bound::Bound;
use crate::catalogue::{DeploymentState, Named, RecipientPeer, ThingPeer};
use crate::source;

/// A command that was asked for.
pub(crate) struct Order {
    pub(crate) id: CommandId,
    pub(crate) thing: Arc<ThingPeer>,
    pub(crate) recipient: Arc<RecipientPeer>,
    pub(crate) command: CommandName,
    pub(crate) purpose: PurposeId,
    /// The notice under which it was asked for.
    pub(crate) notice: Arc<Notice>,
    pub(crate) filled: FilledCommand,
    pub(crate) asked_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(super) progress: Mutex<Progress>,
    /// Who is told what becomes of it.
    pub(super) reports: Arc<Reports>,
}

/// How far a command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) outcome: CommandOutcome,
    /// Since when.
    pub(crate) at: Timestamp,
    /// Whether the recipient may not know what the outcome says of what the thing measured.
    pub(crate) is_hidden: bool,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) acknowledged_at: Option<Timestamp>,
    pub(crate) confirmed_at: Option<Timestamp>,
    /// Whether the log does not say so yet.
    pub(crate) is_dirty: bool,
}

/// A line of the log.
#[derive(Debug, Clone)]
pub(crate) struct OrderRow {
    pub(crate) id: CommandId,
    pub(crate) deployment: DeploymentId,
    pub(crate) thing: ThingId,
    pub(crate) command: CommandName,
    pub(crate) recipient: RecipientId,
    pub(crate) purpose: PurposeId,
    pub(crate) arguments: String,
    pub(crate) asked_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) progress: Progress,
    /// Whom the thing sensed when it was asked for; only when it is written.
    pub(crate) about: Vec<Subject>,
}

/// Why a command may not go now, and whether the recipient may not know which interlock it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) because: RefusedBecause,
    pub(super) is_hidden: bool,
}

impl Held {
    pub(super) const fn open(because: RefusedBecause) -> Self {
        Self {
            because,
            is_hidden: false,
        }
    }
}

impl Progress {
    pub(crate) const fn new(outcome: CommandOutcome, at: Timestamp) -> Self {
        Self {
            outcome,
            at,
            is_hidden: false,
            sent_at: None,
            acknowledged_at: None,
            confirmed_at: None,
            is_dirty: false,
        }
    }

    /// What its recipient is told.
    pub(super) fn told(&self) -> CommandOutcome {
        match self.is_hidden {
            true if self.outcome == CommandOutcome::Confirmed => match self.acknowledged_at {
                Some(_) => CommandOutcome::Acknowledged,
                None => CommandOutcome::Sent,
            },
            true => self.outcome.hidden(),
            false => self.outcome,
        }
    }

    /// Since when that is so. That it was confirmed is not to be seen by a moment either.
    pub(super) fn told_at(&self) -> Timestamp {
        match self.is_hidden && self.outcome == CommandOutcome::Confirmed {
            true => self.acknowledged_at.or(self.sent_at).unwrap_or(self.at),
            false => self.at,
        }
    }

    /// The thing has it.
    fn has_it(&mut self, now: Timestamp) {
        if self.sent_at.is_some() && self.acknowledged_at.is_none() {
            self.acknowledged_at = Some(now);
            self.is_dirty = true;
            if self.outcome == CommandOutcome::Sent {
                self.becomes(CommandOutcome::Acknowledged, now);
            }
        }
    }

    fn becomes(&mut self, outcome: CommandOutcome, at: Timestamp) {
        self.outcome = outcome;
        self.at = at;
        self.is_dirty = true;
    }
}

impl Order {
    pub(super) fn progress(&self) -> Progress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how far it has come, and tells the recipient where that changes what it is told.
    fn change<R>(&self, act: impl FnOnce(&mut Progress) -> R) -> R {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let before = progress.told();
        let outcome = act(&mut progress);
        if progress.told() != before {
            self.report(&progress);
        }
        outcome
    }

    /// Tells the recipient how it stands.
    pub(super) fn report(&self, progress: &Progress) {
        let event = || CommandEvent::told(self.row(*progress, Vec::new()));
        self.reports.report(&self.recipient.id, event);
    }

    /// Whether it may be handed over, decided now. What may not is dead from then on.
    pub(crate) fn may_go(&self, now: Timestamp) -> bool {
        self.change(|progress| {
            if progress.outcome != CommandOutcome::Queued {
                return false;
            }
            if self.is_over_time(now) {
                progress.becomes(CommandOutcome::Expired, now);
                return false;
            }
            match self.held(now) {
                None => true,
                Some(held) => {
                    progress.becomes(CommandOutcome::Refused(held.because), now);
                    progress.is_hidden = held.is_hidden;
                    false
                }
            }
        })
    }

    /// The server stops: it never goes.
    pub(super) fn end(&self) {
        self.change(|progress| {
            if progress.outcome == CommandOutcome::Queued {
                let at = progress.at;
                progress.becomes(CommandOutcome::Expired, at);
            }
        });
    }

    fn is_over_time(&self, now: Timestamp) -> bool {
        now >= self.expires_at || now < self.asked_at.plus_millis(-CLOCK_SLACK_MS)
    }

    fn held(&self, now: Timestamp) -> Option<Held> {
        let state = self.thing.deployment.state.load();
        if !Arc::ptr_eq(&state.notice, &self.notice) {
            return Some(Held::open(RefusedBecause::NoticeChanged));
        }
        let Some(command) = self.notice.command(&self.command) else {
            return Some(Held::open(RefusedBecause::NoticeChanged));
        };
        held(&state, &self.thing, &self.recipient, command, now)
    }

    /// It was handed to a connection.
    pub(crate) fn sent(&self, now: Timestamp) {
        self.change(|progress| {
            progress.sent_at.get_or_insert(now);
            if progress.outcome == CommandOutcome::Queued {
                progress.becomes(CommandOutcome::Sent, now);
            }
        });
    }

    /// The thing says that it has it.
    pub(crate) fn received(&self, now: Timestamp) {
        self.change(|progress| progress.has_it(now));
    }

    /// The thing answers it: it has it. Where the notice names no field that shows more, it has also done it, unless it says
    /// that it has not.
    pub(super) fn answered(&self, is_done: bool, now: Timestamp) {
        self.change(|progress| {
            progress.has_it(now);
            let may_be_done = is_done && self.filled.confirm.is_none();
            if may_be_done && progress.outcome == CommandOutcome::Acknowledged {
                progress.confirmed_at = Some(now);
                progress.becomes(CommandOutcome::Confirmed, now);
            }
        });
    }

    /// Looks at the time and at what the thing shows.
    pub(super) fn look(&self, now: Timestamp) {
        self.change(|progress| self.look_at(progress, now));
    }

    fn look_at(&self, progress: &mut Progress, now: Timestamp) {
        match (progress.outcome, progress.sent_at) {
            (CommandOutcome::Queued, _) if self.is_over_time(now) => {
                progress.becomes(CommandOutcome::Expired, now);
            }
            (CommandOutcome::Sent | CommandOutcome::Acknowledged, Some(sent_at)) => {
                let shown = self.filled.confirm.as_ref();
                let shown = shown.and_then(|(field, is)| self.thing.lasts.says(field, is, sent_at));
                if let Some(at) = shown {
                    progress.confirmed_at = Some(at);
                    progress.is_hidden = !self.may_know_confirmed(now);
                    progress.becomes(CommandOutcome::Confirmed, at);
                }
            }
            _ => {}
        }
    }

    fn may_know_confirmed(&self, now: Timestamp) -> bool {
        let state = self.thing.deployment.state.load();
        let bound = state.bound(self.thing.number, &Named::Nobody, now);
        let known = bound.zip(self.filled.confirm.as_ref());
        known.is_some_and(|(bound, (field, _))| {
            may_know(&state, &bound, &self.recipient, &self.purpose, field, now)
        })
    }

    /// Whether nothing more can become of it.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let progress = self.progress();
        match progress.outcome {
            CommandOutcome::Queued => false,
            CommandOutcome::Sent | CommandOutcome::Acknowledged => progress
                .sent_at
                .is_none_or(|it| now >= it.plus_millis(COMMAND_WATCH_MS)),
            _ => true,
        }
    }

    /// The line that the log does not have yet, if there is one.
    pub(super) fn take_dirty(&self) -> Option<OrderRow> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if !progress.is_dirty {
            return None;
        }
        progress.is_dirty = false;
        Some(self.row(*progress, Vec::new()))
    }

    /// The log could not be written.
    pub(super) fn put_back(&self) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.is_dirty = true;
    }

    pub(super) fn row(&self, progress: Progress, about: Vec<Subject>) -> OrderRow {
        OrderRow {
            id: self.id,
            deployment: self.thing.deployment.id.clone(),
            thing: self.thing.id.clone(),
            command: self.command.clone(),
            recipient: self.recipient.id.clone(),
            purpose: self.purpose.clone(),
            arguments: self.filled.arguments.clone(),
            asked_at: self.asked_at,
            expires_at: self.expires_at,
            progress,
            about,
        }
    }
}

/// Why a command of the notice in force may not go to a thing now; `None` where it may.
pub(super) fn held(
    state: &DeploymentState,
    thing: &ThingPeer,
    recipient: &RecipientPeer,
    command: &DeclaredCommand,
    now: Timestamp,
) -> Option<Held> {
    let facts = state.facts(now);
    let is_allowed = facts.licence.in_force()
        && !facts.quarantined
        && !thing.is_barred()
        && !recipient.is_barred()
        && command.recipients.contains(&recipient.id)
        && is_granted(state, recipient, &command.purpose, now);
    let bound = state.bound(thing.number, &Named::Nobody, now);
    let Some(bound) = bound.filter(|_| is_allowed) else {
        return Some(Held::open(RefusedBecause::NotAllowed));
    };
    if source::is_off(state, &bound, &command.touches, now) {
        return Some(Held::open(RefusedBecause::TurnedOff));
    }
    let place = thing.lasts.refusing(state, &command.interlocks, now)?;
    let interlock = command.interlocks.get(place)?;
    let mut fields = interlock.when.places();
    let may_know = |field| may_know(state, &bound, recipient, &command.purpose, field, now);
    let number = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
    Some(Held {
        because: RefusedBecause::Interlock(number),
        is_hidden: !fields.all(|it| may_know(it.0)),
    })
}

/// Whether a grant of a recipient for a purpose is in force.
pub(super) fn is_granted(
    state: &DeploymentState,
    recipient: &RecipientPeer,
    purpose: &PurposeId,
    now: Timestamp,
) -> bool {
    state.rules.grants.iter().any(|it| {
        it.recipient == recipient.id
            && it.purpose == *purpose
            && it.valid_from <= now
            && it.valid_until.is_none_or(|until| now < until)
    })
}

/// Whether a recipient gets a field of a thing as it was measured, for a purpose, now: only then may it be told what follows
/// from the value.
fn may_know(
    state: &DeploymentState,
    bound: &Bound,
    recipient: &RecipientPeer,
    purpose: &PurposeId,
    field: &Pointer,
    now: Timestamp,
) -> bool {
    let lane = bound.program.lane(&recipient.id, purpose);
    let known = lane.zip(state.schema.index_of(field));
    known.is_some_and(|(lane, field)| {
        bound.program.is_open(lane, now) && bound.program.level(lane, field, now) == Level::ON
    })
}
