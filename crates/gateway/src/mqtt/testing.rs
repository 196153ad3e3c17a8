//! What the tests of this module share: a backend that does as it is told, packets of a client, a session without a socket (`rig`),
//! and a short way to write down what the server answers.

mod packets;
mod rig;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use adapters::Answer;
use model::{DeploymentId, PurposeId, ThingId, Timestamp};

use super::backend::{Admitted, Backend, CommandText, Label, Role, Start, Stopped};
use super::session::Kept;
use super::stamp::Stamp;
use super::topic::Wanted;
use crate::clock::Moment;
use crate::refusal::{Refusal, RefusalKind};
use crate::ways::Arriving;

pub(crate) use packets::{
    DISCONNECT, PINGREQ, bytes_v3, bytes_v5, connect, connect_v3, connect_v5, puback, pubcomp,
    publish, publish_2, pubrec, pubrel, subscribe, texts, unsubscribe,
};
pub(crate) use rig::Rig;

/// What a test sees and sets from outside.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// Payloads that were taken.
    pub(crate) ingested: Vec<String>,
    /// What else was said of them: topic, RETAIN, what the publish said about itself.
    pub(crate) arrived: Vec<(String, bool, Stamp)>,
    /// What the client wanted of an older session.
    pub(crate) starts: Vec<Start>,
    /// The session that somebody else gives up when it is claimed.
    pub(crate) kept: Shelf,
    /// It is not given up yet.
    pub(crate) is_held: bool,
    /// The connection is gone and may be kept or not.
    pub(crate) is_full: bool,
    /// Retained messages for any new subscription.
    pub(crate) retained: Vec<Offered>,
    /// How often something outlived its connection, and came to a new one.
    pub(crate) rested: usize,
    pub(crate) woken: usize,
    /// What every publish is answered with.
    pub(crate) refusal: Option<RefusalKind>,
    pub(crate) client_ids: Vec<String>,
    pub(crate) subscriptions: Vec<(u32, Wanted)>,
    pub(crate) offered: VecDeque<Offered>,
    /// Deliveries that are offered but no longer permitted.
    pub(crate) forbidden: Vec<String>,
    /// Payloads that were taken from a permit, in order.
    pub(crate) released: Vec<String>,
    /// Payloads that count as delivered.
    pub(crate) receipts: Vec<String>,
    /// The number of the rules in force.
    pub(crate) rules: u64,
    /// How many publishes are durable.
    pub(crate) durable: u64,
    /// Nothing more will be durable.
    pub(crate) is_stopped: bool,
    /// After how many publishes in all a recipient is crowded out.
    pub(crate) room: Option<usize>,
    /// The client speaks a dialect with topics of its own.
    pub(crate) has_own_topics: bool,
    /// What the dialect has its server answer to the next publish.
    pub(crate) answers: Vec<Answer>,
    /// The topics on which the thing may get commands.
    pub(crate) command_topics: Vec<String>,
    /// What the thing listens to.
    pub(crate) listening: Vec<String>,
    pub(crate) commands: VecDeque<FakeCommand>,
    /// The client has not said who it is.
    pub(crate) is_newcomer: bool,
    /// Its dialect has commands with QoS 0.
    pub(crate) speaks_plainly: bool,
    /// Commands that were sent, and whether the thing will say that it has them.
    pub(crate) told: Vec<(u64, bool)>,
    pub(crate) told_received: Vec<u64>,
    /// What the session said last about its client.
    pub(crate) takes_nothing: Option<bool>,
    /// How often a turn was over.
    pub(crate) settled: u32,
    /// Until when a client that takes nothing is waited for.
    pub(crate) patience_ms: Option<u64>,
    pub(crate) is_parked: bool,
}

/// A session without a connection, when there is one.
#[derive(Default)]
pub(crate) struct Shelf(pub(crate) Option<Box<Kept<FakeBackend>>>);

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shelf({})", self.0.is_some())
    }
}

/// A delivery of the tests: it says which subscription it is for and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Offered {
    pub(crate) tag: u32,
    pub(crate) payload: String,
    pub(crate) coarse: bool,
    pub(crate) stamp: Stamp,
    pub(crate) is_retained: bool,
    /// The topic of its thing in its own dialect.
    pub(crate) native: Option<String>,
}

pub(crate) fn offered(tag: u32, payload: &str) -> Offered {
    Offered {
        tag,
        payload: payload.to_owned(),
        ..Offered::default()
    }
}

/// A command of the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FakeCommand {
    pub(crate) id: u64,
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) is_void: bool,
}

thread_local! {
    /// Payloads that a session gave to others who share a subscription.
    pub(crate) static HANDED_OVER: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Positions count publishes from 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeBackend {
    pub(crate) world: Arc<Mutex<World>>,
}

pub(crate) struct FakePermit {
    world: Arc<Mutex<World>>,
    offered: Offered,
    purpose: PurposeId,
    deployment: DeploymentId,
    thing: ThingId,
}

/// Counts the delivery in the world when it is dropped.
#[derive(Debug)]
pub(crate) struct FakeReceipt(Arc<Mutex<World>>, Option<String>);

impl Drop for FakeReceipt {
    fn drop(&mut self) {
        let mut world = self.0.lock().unwrap();
        world.receipts.extend(self.1.take());
    }
}

impl Backend for FakeBackend {
    type Position = u64;
    type Delivery = Offered;
    type Permit = FakePermit;
    type Command = FakeCommand;
    type Receipt = FakeReceipt;
    type Gate<'a> = ();
    type Retained = VecDeque<Offered>;
    type Resting = ();

    fn authenticate(
        &mut self,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        _now: Timestamp,
    ) -> Option<Admitted> {
        let (name, purpose) = match user_name?.split_once("?purpose=") {
            Some((name, purpose)) => (name, Some(PurposeId::parse(purpose).ok()?)),
            None => (user_name?, None),
        };
        let (publishes, receives) = match (name, password?) {
            ("thing", b"secret") => (true, false),
            ("recipient", b"secret") => (false, true),
            ("both", b"secret") => (true, true),
            _ => return None,
        };
        Some(Admitted {
            role: Role {
                publishes,
                receives,
            },
            purpose,
        })
    }

    fn is_newcomer(&self) -> bool {
        self.world.lock().unwrap().is_newcomer
    }

    fn claim(&mut self, client_id: &str, start: Start) -> bool {
        let mut world = self.world.lock().unwrap();
        world.client_ids.push(client_id.to_owned());
        world.starts.push(start);
        start == Start::Resume && (world.kept.0.is_some() || world.is_held)
    }

    fn poll_claim(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Box<Kept<Self>>>> {
        let mut world = self.world.lock().unwrap();
        match world.is_held {
            true => Poll::Pending,
            false => Poll::Ready(world.kept.0.take()),
        }
    }

    fn step_aside(&mut self) -> bool {
        !self.world.lock().unwrap().is_full
    }

    fn rest(&mut self) {
        self.world.lock().unwrap().rested += 1;
    }

    fn wake(&mut self, (): ()) {
        self.world.lock().unwrap().woken += 1;
    }

    fn ingest(&mut self, message: &Arriving<'_>, _now: Timestamp) -> Result<u64, Refusal> {
        let mut world = self.world.lock().unwrap();
        if let Some(kind) = world.refusal {
            return Err(Refusal {
                kind,
                text: "because of the test".to_owned(),
            });
        }
        let stamp = Stamp::from_word(message.origin);
        let arrived = (message.topic.to_owned(), message.retain, stamp);
        world.arrived.push(arrived);
        world
            .ingested
            .push(String::from_utf8_lossy(message.payload).into_owned());
        Ok(world.ingested.len() as u64)
    }

    fn durable(&self) -> u64 {
        self.world.lock().unwrap().durable
    }

    fn poll_durable(&mut self, position: u64, _cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        let world = self.world.lock().unwrap();
        match position <= world.durable {
            true => Poll::Ready(Ok(())),
            false if world.is_stopped => Poll::Ready(Err(Stopped)),
            false => Poll::Pending,
        }
    }

    fn has_room(&self) -> bool {
        let world = self.world.lock().unwrap();
        world.room.is_none_or(|it| world.ingested.len() < it)
    }

    fn poll_room(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        match self.has_room() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn subscribe(&mut self, wanted: &Wanted, tag: u32, _now: Timestamp) -> Result<(), ()> {
        if wanted.purpose.as_str() == "denied" {
            return Err(());
        }
        let mut world = self.world.lock().unwrap();
        world.subscriptions.push((tag, wanted.clone()));
        Ok(())
    }

    fn retained(&self, tag: u32) -> Option<VecDeque<Offered>> {
        let retained = self.world.lock().unwrap().retained.clone();
        let of = |it| Offered {
            tag,
            is_retained: true,
            ..it
        };
        Some(retained.into_iter().map(of).collect())
    }

    fn next_retained(retained: &mut VecDeque<Offered>, _now: Timestamp) -> Option<Offered> {
        retained.pop_front()
    }

    fn hand_over(delivery: Offered) {
        HANDED_OVER.with_borrow_mut(|it| it.push(delivery.payload));
    }

    fn unsubscribe(&mut self, tag: u32) {
        self.world
            .lock()
            .unwrap()
            .subscriptions
            .retain(|it| it.0 != tag);
    }

    fn has_own_topics(&self) -> bool {
        self.world.lock().unwrap().has_own_topics
    }

    fn answers(&mut self, _now: Timestamp) -> Vec<Answer> {
        std::mem::take(&mut self.world.lock().unwrap().answers)
    }

    fn command_topics(&self) -> Vec<String> {
        self.world.lock().unwrap().command_topics.clone()
    }

    fn listen(&mut self, filters: Vec<Box<str>>) {
        let filters = filters.iter().map(ToString::to_string);
        self.world.lock().unwrap().listening = filters.collect();
    }

    fn poll_command(&mut self, _cx: &mut Context<'_>, _now: Timestamp) -> Poll<FakeCommand> {
        match self.world.lock().unwrap().commands.pop_front() {
            Some(command) => Poll::Ready(command),
            None => Poll::Pending,
        }
    }

    fn command_text<'a>(
        &mut self,
        command: &'a FakeCommand,
        _now: Timestamp,
    ) -> Option<CommandText<'a>> {
        (!command.is_void).then(|| CommandText {
            id: command.id,
            topic: Cow::Borrowed(&command.topic),
            payload: Cow::Borrowed(command.payload.as_bytes()),
            is_plain: self.world.lock().unwrap().speaks_plainly,
        })
    }

    fn command_sent(&mut self, command: &FakeCommand, with_ack: bool, _now: Timestamp) {
        self.world.lock().unwrap().told.push((command.id, with_ack));
    }

    fn command_received(&mut self, command: u64, _now: Timestamp) {
        self.world.lock().unwrap().told_received.push(command);
    }

    fn poll_deliveries(
        &mut self,
        _cx: &mut Context<'_>,
        limit: usize,
        into: &mut VecDeque<Offered>,
    ) -> Poll<()> {
        let offered = &mut self.world.lock().unwrap().offered;
        if offered.is_empty() {
            return Poll::Pending;
        }
        into.extend(offered.drain(..limit.min(offered.len())));
        Poll::Ready(())
    }

    fn settle(&mut self, takes_nothing: bool, now_ms: u64, _cx: &Context<'_>) -> Option<u64> {
        let mut world = self.world.lock().unwrap();
        world.takes_nothing = Some(takes_nothing);
        world.settled += 1;
        let ends_ms = world.patience_ms.filter(|_| takes_nothing)?;
        (ends_ms > now_ms).then_some(ends_ms)
    }

    fn park(&mut self, _now_ms: u64) {
        self.world.lock().unwrap().is_parked = true;
    }

    fn tag(delivery: &Offered) -> u32 {
        delivery.tag
    }

    fn stamp(delivery: &Offered) -> Stamp {
        delivery.stamp
    }

    fn is_retained(delivery: &Offered) -> bool {
        delivery.is_retained
    }

    fn size_bytes(delivery: &Offered) -> usize {
        delivery.payload.len()
    }

    fn gate(&self) {}

    fn rules(&self) -> u64 {
        self.world.lock().unwrap().rules
    }

    fn permit(&self, delivery: &Offered, _now: Timestamp) -> Option<FakePermit> {
        if self
            .world
            .lock()
            .unwrap()
            .forbidden
            .contains(&delivery.payload)
        {
            return None;
        }
        Some(FakePermit {
            world: Arc::clone(&self.world),
            offered: delivery.clone(),
            purpose: PurposeId::parse("research").unwrap(),
            deployment: DeploymentId::parse("home-1").unwrap(),
            thing: ThingId::parse("meter-7").unwrap(),
        })
    }

    fn label(permit: &FakePermit) -> Label<'_> {
        Label {
            purpose: &permit.purpose,
            deployment: &permit.deployment,
            thing: &permit.thing,
            native_topic: permit.offered.native.as_deref(),
            coarse: permit.offered.coarse,
            at: moment(0).wall,
        }
    }

    fn write_payload(
        permit: FakePermit,
        out: &mut Vec<u8>,
        _properties: &mut Vec<u8>,
    ) -> FakeReceipt {
        let payload = permit.offered.payload;
        out.extend_from_slice(payload.as_bytes());
        permit.world.lock().unwrap().released.push(payload.clone());
        FakeReceipt(permit.world, Some(payload))
    }

    fn ends_at(_receipt: &FakeReceipt) -> Option<Timestamp> {
        None
    }

    fn void(mut receipt: FakeReceipt) {
        receipt.1 = None;
    }
}

pub(crate) fn moment(uptime_ms: u64) -> Moment {
    Moment {
        wall: Timestamp::from_millis(1_700_000_000_000 + i64::try_from(uptime_ms).unwrap()),
        uptime_ms,
    }
}
