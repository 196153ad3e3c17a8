//! What a session asks of the world: the seam between the protocol and custody.
//!
//! [`Desk`](super::desk::Desk) is the real one; the tests of the session machine bring their own,
//! which refuses and delays as the test wants.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::task::{Context, Poll};

use adapters::Answer;
use custody::{CommandEvent, CommandId, CommandRefusal, CommandRequest};
use model::{DeploymentId, PurposeId, ThingId, Timestamp};

use super::session::Kept;
use super::stamp::Stamp;
use super::topic::Wanted;
use crate::identity::NotAdmitted;
use crate::refusal::Refusal;
use crate::ways::Arriving;

/// What the peer of a session may do; one that may do neither is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    /// A thing, or a bridge that speaks for several.
    pub(crate) publishes: bool,
    /// A recipient.
    pub(crate) receives: bool,
}

/// Who came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) role: Role,
    /// The purpose that was named at the door: the filters of the connection are native then.
    pub(crate) purpose: Option<PurposeId>,
}

/// What becomes of an older session of the same client (3.1.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It ends.
    Clean,
    /// It goes on.
    Resume,
}

/// What a permitted delivery says about itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label<'a> {
    pub(crate) purpose: &'a PurposeId,
    pub(crate) deployment: &'a DeploymentId,
    pub(crate) thing: &'a ThingId,
    /// The topic of the thing in its own dialect.
    pub(crate) native_topic: Option<&'a str>,
    pub(crate) coarse: bool,
    /// When the message came in.
    pub(crate) at: Timestamp,
}

/// A command in the product's own words.
#[derive(Debug, Clone)]
pub(crate) struct CommandText<'a> {
    pub(crate) id: u64,
    pub(crate) topic: Cow<'a, str>,
    pub(crate) payload: Cow<'a, [u8]>,
    /// It goes with QoS 0, whatever was subscribed to.
    pub(crate) is_plain: bool,
}

/// The store stopped: what is not durable by now never will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Custody as one session sees it. Nothing here blocks.
pub(crate) trait Backend {
    /// A position that is durable once everything up to it is.
    type Position: Copy + Ord + std::fmt::Debug;
    /// A message offered to this session; says nothing until it is permitted.
    type Delivery;
    /// The right to send one delivery.
    type Permit;
    /// A command for the thing.
    type Command;
    /// Counts a delivery unless it is voided.
    type Receipt: std::fmt::Debug;
    /// Held from [`Backend::permit`] until the bytes are with the socket.
    type Gate<'a>
    where
        Self: 'a;

    /// Retained messages that have not been looked up yet.
    type Retained;
    /// What of a session outlives its connection here: subscriptions and what waits for them.
    type Resting;

    /// Who this is; the session belongs to that peer from then on.
    /// A certificate stands in for the password, and for the user name.
    fn authenticate(
        &mut self,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<Admitted>;
    /// Whether whoever was let in has not said who it is, and only wants to become somebody.
    fn is_newcomer(&self) -> bool {
        false
    }
    /// Why the last [`Backend::authenticate`] or [`Backend::claim`] let nobody in.
    fn not_admitted(&self) -> Option<NotAdmitted> {
        None
    }
    /// Takes the client identifier; whoever holds a session of the same peer with it is told to give it up. True when
    /// it is to be waited for, with [`Backend::poll_claim`].
    fn claim(&mut self, client_id: &str, start: Start) -> bool;
    /// The session that was given up; nothing when there was none to give.
    fn poll_claim(&mut self, cx: &mut Context<'_>) -> Poll<Option<Box<Kept<Self>>>>
    where
        Self: Sized;
    /// The connection is gone and its place is free; false when its session cannot be kept.
    fn step_aside(&mut self) -> bool;
    /// Gives away what outlives the connection.
    fn rest(&mut self) -> Self::Resting;
    /// Takes what another connection of the same peer gave away.
    fn wake(&mut self, resting: Self::Resting);
    /// Whether a message can be taken now. If not, [`Backend::has_room`] says no until it can, and the same message comes
    /// again then.
    fn prepare(&mut self, _message: &Arriving<'_>) -> bool {
        true
    }
    /// Takes a message of whoever publishes here.
    fn ingest(&mut self, message: &Arriving<'_>, now: Timestamp)
    -> Result<Self::Position, Refusal>;
    /// Everything up to here is kept for good.
    fn durable(&self) -> Self::Position;
    /// Ready when `position` is durable; until then the task is woken when it is.
    fn poll_durable(
        &mut self,
        position: Self::Position,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Stopped>>;
    /// Whether a message of the thing finds room: with every recipient that is waited for, and in the log.
    fn has_room(&self) -> bool;
    /// Ready when [`Backend::has_room`]; until then the task is woken when there may be.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()>;
    /// Begins a subscription of the recipient; an error says why not.
    fn subscribe(&mut self, wanted: &Wanted, tag: u32, now: Timestamp) -> Result<(), ()>;
    /// The retained messages for a subscription that was just begun.
    fn retained(&self, tag: u32) -> Option<Self::Retained>;
    /// The next of them, to be permitted like any delivery.
    fn next_retained(retained: &mut Self::Retained, now: Timestamp) -> Option<Self::Delivery>;
    /// A delivery that its session will not send: another member of its shared subscription may.
    fn hand_over(delivery: Self::Delivery);
    /// Ends a subscription.
    fn unsubscribe(&mut self, tag: u32);

    /// Whether the client speaks a dialect whose software subscribes to topics of its own.
    fn has_own_topics(&self) -> bool {
        false
    }
    /// The client may hear of a filter from now on.
    fn subscribed(&mut self, _filter: &str) {}
    /// What the dialect of the client has its server answer to what was taken last, or was subscribed to.
    fn answers(&mut self, _now: Timestamp) -> Vec<Answer> {
        Vec::new()
    }
    /// The topics on which the thing may get commands.
    fn command_topics(&self) -> Vec<String>;
    /// The thing listens to these filters from now on; to none: not any more.
    fn listen(&mut self, filters: Vec<Box<str>>);
    /// The next command for the thing, when there is one; the task is woken then.
    fn poll_command(&mut self, cx: &mut Context<'_>, now: Timestamp) -> Poll<Self::Command>;
    /// What a command says to this client; nothing when it is not wanted any more, or its dialect cannot say it.
    fn command_text<'a>(
        &mut self,
        command: &'a Self::Command,
        now: Timestamp,
    ) -> Option<CommandText<'a>>;
    /// A command was sent; with `with_ack` the thing will say that it has it.
    fn command_sent(&mut self, command: &Self::Command, with_ack: bool, now: Timestamp);
    /// The thing has a command.
    fn command_received(&mut self, command: u64, now: Timestamp);

    /// The recipient asks for a command. Nothing while that is being decided: [`Backend::has_room`] says no until it is, and
    /// the same comes again then.
    fn ask(
        &mut self,
        _request: &CommandRequest,
        _now: Timestamp,
    ) -> Option<Result<CommandId, CommandRefusal>> {
        Some(Err(CommandRefusal::NotAllowed))
    }
    /// The recipient wants to be told what becomes of its commands from now on, or not any more.
    fn hear_outcomes(&mut self, _wanted: bool) {}
    /// What became of a command, when there is news; the task is woken then.
    fn poll_outcome(&mut self, _cx: &mut Context<'_>, _now: Timestamp) -> Poll<CommandEvent> {
        Poll::Pending
    }

    /// Takes at most `limit` offered deliveries, when there are any.
    fn poll_deliveries(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        into: &mut VecDeque<Self::Delivery>,
    ) -> Poll<()>;
    /// A turn is over; `takes_nothing` when the client takes no deliveries now. Gives when this is to be said again at the
    /// latest: publishers wait for it no longer than it has earned.
    fn settle(&mut self, takes_nothing: bool, now_ms: u64, cx: &Context<'_>) -> Option<u64>;
    /// The client is away: nobody waits for it.
    fn park(&mut self, now_ms: u64);
    /// Which subscription a delivery is for.
    fn tag(delivery: &Self::Delivery) -> u32;
    /// What its publish said about itself.
    fn stamp(delivery: &Self::Delivery) -> Stamp;
    /// Whether it is a retained message, sent because of a new subscription.
    fn is_retained(delivery: &Self::Delivery) -> bool;
    /// How much memory it holds.
    fn size_bytes(delivery: &Self::Delivery) -> usize;
    /// Closes the gate for changes of the rules.
    fn gate(&self) -> Self::Gate<'_>;
    /// The number of the rules in force: to be read under the gate, before anything is decided.
    fn rules(&self) -> u64;
    /// Decides now whether a delivery may leave.
    fn permit(&self, delivery: &Self::Delivery, now: Timestamp) -> Option<Self::Permit>;
    /// What a permitted delivery is.
    fn label(permit: &Self::Permit) -> Label<'_>;
    /// Uses the permit up: appends the payload, and the properties of MQTT 5 that passed with it, encoded.
    fn write_payload(
        permit: Self::Permit,
        out: &mut Vec<u8>,
        properties: &mut Vec<u8>,
    ) -> Self::Receipt;
    /// When the right to what was written may end although nobody acts.
    fn ends_at(receipt: &Self::Receipt) -> Option<Timestamp>;
    /// Nothing of the payload was sent.
    fn void(receipt: Self::Receipt);
}
