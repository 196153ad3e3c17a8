//! A recipient asks for a command.

use std::sync::{Arc, Mutex};

use model::{ArgumentError, CommandName, DeploymentId, PurposeId, Text, ThingId, Timestamp};
use serde_json::{Map, Value};

use super::order::{self, Held, Order, Progress};
use super::{
    CommandId, CommandOutcome, MAX_COMMANDS_PER_MINUTE, MAX_WAITING_PER_THING, RefusedBecause,
};
use crate::Custody;
use crate::catalogue::{DeploymentState, Named, RecipientPeer, ThingPeer};
use crate::rows::{self, RowError};

/// What a recipient asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRequest {
    /// Which thing is to do it.
    pub thing: ThingId,
    /// What.
    pub command: CommandName,
    /// With which arguments.
    pub arguments: Map<String, Value>,
    /// For which purpose.
    pub purpose: PurposeId,
    /// Of which deployment the thing has to be, where the recipient says so.
    pub deployment: Option<DeploymentId>,
    /// In how many seconds the recipient wants it no more, where that is sooner than the notice says.
    pub within_seconds: Option<u32>,
}

/// A command was not taken. Nothing of it goes to the thing, now or later.
#[derive(Debug, thiserror::Error)]
pub enum CommandRefusal {
    /// There is no such thing or command, or it is not this recipient's to send.
    #[error(
        "the notice in force declares no such command of this thing for this recipient and purpose, or no grant is in force: look at the public notice, and ask the member for access"
    )]
    NotAllowed,
    /// No licence in force, or quarantine.
    #[error(
        "the deployment has no licence in force, or is quarantined: its things take no commands"
    )]
    Unlicensed,
    /// The arguments do not fit.
    #[error("{0}")]
    Arguments(#[from] ArgumentError),
    /// An interlock.
    #[error("refused for safety by interlock {number}: {}; it holds, or nothing fresh is known of it. Do not repeat it blindly", why.en)]
    Interlock {
        /// Its place in the notice, counted from 1.
        number: u32,
        /// Why it is there.
        why: Text,
    },
    /// An interlock on what the recipient may not know.
    #[error(
        "refused for safety by an interlock of the notice; which one is not this recipient's to know. Do not repeat it blindly"
    )]
    SomeInterlock,
    /// People have turned off what it touches.
    #[error("people have turned off what this command touches: nobody may undo that")]
    TurnedOff,
    /// The thing has peace.
    #[error("the same command was taken for this thing a moment ago: ask again in {0} seconds")]
    TooSoon(u32),
    /// The recipient asks too often.
    #[error("a recipient may ask for {MAX_COMMANDS_PER_MINUTE} commands a minute: ask again later")]
    TooMany,
    /// Too many wait.
    #[error(
        "{MAX_WAITING_PER_THING} commands wait for this thing already, or too many for all: ask again when they are over"
    )]
    TooManyWaiting,
    /// The log cannot be written, and without it nothing is done.
    #[error("the log of commands cannot be written, so nothing was done: ask again later")]
    Unavailable(#[source] Option<RowError>),
}

impl Custody {
    /// Takes a command of a recipient: it is in the log when this returns, and on its way to its thing. Blocks on the database:
    /// not for an async worker.
    ///
    /// # Errors
    /// See [`CommandRefusal`]. A refusal by an interlock, a switch, a licence or its arguments is in the log, too.
    pub fn command(
        &self,
        recipient: &Arc<RecipientPeer>,
        request: &CommandRequest,
        now: Timestamp,
    ) -> Result<CommandId, CommandRefusal> {
        self.inner.orders.asks(&recipient.id, now)?;
        let thing = self.thing(&request.thing);
        let wanted = request.deployment.as_ref();
        let thing = thing
            .filter(|it| !it.is_barred())
            .filter(|it| wanted.is_none_or(|wanted| *wanted == it.deployment.id))
            .ok_or(CommandRefusal::NotAllowed)?;
        let state = thing.deployment.state.load();
        let command = state.notice.command(&request.command);
        let command = command
            .filter(|it| it.recipients.contains(&recipient.id) && it.purpose == request.purpose)
            .filter(|it| order::is_granted(&state, recipient, &it.purpose, now))
            .filter(|_| !recipient.is_barred())
            .ok_or(CommandRefusal::NotAllowed)?;
        let id = CommandId::random().ok_or(CommandRefusal::Unavailable(None))?;
        let asked = Asked {
            custody: self,
            state: &state,
            thing: &thing,
            recipient,
            request,
            id,
            now,
        };
        let filled = match command.fill(&thing.id, &request.arguments) {
            Ok(filled) => filled,
            Err(err) => {
                asked.log_refused(command, Held::open(RefusedBecause::Arguments))?;
                return Err(err.into());
            }
        };
        if let Some(held) = order::held(&state, &thing, recipient, command, now) {
            asked.log_refused(command, held)?;
            return Err(asked.refusal(command, held));
        }
        let orders = &self.inner.orders;
        let peace = command.least_seconds_between;
        let before = orders.reserve(&thing.id, &command.id, peace, now)?;
        let order = asked.order(command, filled);
        if let Err(err) = asked.log(&order, Progress::new(CommandOutcome::Queued, now)) {
            orders.give_back(&thing.id, &command.id, before);
            return Err(err);
        }
        order.report(&order.progress());
        orders.follow(&self.inner.source, order);
        Ok(id)
    }
}

/// What was asked, in its surroundings.
struct Asked<'a> {
    custody: &'a Custody,
    state: &'a DeploymentState,
    thing: &'a Arc<ThingPeer>,
    recipient: &'a Arc<RecipientPeer>,
    request: &'a CommandRequest,
    id: CommandId,
    now: Timestamp,
}

impl Asked<'_> {
    fn order(&self, command: &model::DeclaredCommand, filled: model::FilledCommand) -> Order {
        let longest = command.expires_seconds;
        let seconds = self.request.within_seconds.unwrap_or(longest).min(longest);
        let millis = i64::from(seconds) * 1_000;
        Order {
            id: self.id,
            thing: Arc::clone(self.thing),
            recipient: Arc::clone(self.recipient),
            command: command.id.clone(),
            purpose: command.purpose.clone(),
            notice: Arc::clone(&self.state.notice),
            filled,
            asked_at: self.now,
            expires_at: self.now.plus_millis(millis),
            progress: Mutex::new(Progress::new(CommandOutcome::Queued, self.now)),
            reports: Arc::clone(self.custody.inner.orders.reports()),
        }
    }

    fn log(&self, order: &Order, progress: Progress) -> Result<(), CommandRefusal> {
        let bound = self
            .state
            .bound(self.thing.number, &Named::Nobody, self.now);
        let people = bound.iter().flat_map(|it| it.people.iter());
        let about = people.map(|it| it.subject.clone()).collect();
        let row = order.row(progress, about);
        let written = self
            .custody
            .inner
            .db
            .write(|tx| rows::command::add(tx, &row));
        written.map_err(|err| CommandRefusal::Unavailable(Some(err)))
    }

    /// What is refused without arguments that fit is logged without them.
    fn log_refused(
        &self,
        command: &model::DeclaredCommand,
        held: Held,
    ) -> Result<(), CommandRefusal> {
        let nothing = model::FilledCommand {
            topic: String::new(),
            payload: String::new(),
            arguments: "{}".to_owned(),
            confirm: None,
        };
        let mut progress = Progress::new(CommandOutcome::Refused(held.because), self.now);
        progress.is_hidden = held.is_hidden;
        self.log(&self.order(command, nothing), progress)
    }

    fn refusal(&self, command: &model::DeclaredCommand, held: Held) -> CommandRefusal {
        match held.because {
            RefusedBecause::Interlock(number) if !held.is_hidden => {
                let place = usize::try_from(number).unwrap_or_default();
                let interlock = command.interlocks.get(place.saturating_sub(1));
                match interlock {
                    Some(it) => CommandRefusal::Interlock {
                        number,
                        why: it.why.clone(),
                    },
                    None => CommandRefusal::SomeInterlock,
                }
            }
            RefusedBecause::Interlock(_) | RefusedBecause::SomeInterlock => {
                CommandRefusal::SomeInterlock
            }
            RefusedBecause::TurnedOff => CommandRefusal::TurnedOff,
            _ => CommandRefusal::Unlicensed,
        }
    }
}
