//! Connections on which things listen, and the commands on their way to them.
//!
//! Custody knows no protocol: a listener says by a function which topics it takes, takes commands out of a bounded queue,
//! and tells what became of each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use model::{DeploymentId, SourceSwitch, ThingId, Timestamp};
use smallvec::SmallVec;
use tokio::sync::mpsc;

use super::keeper::Keeper;
use super::machine::{COMMAND_AGE_MS, Setting};
use crate::Custody;
use crate::catalogue::{BridgePeer, ThingPeer};
use crate::command::Order;

/// How many commands may wait for one connection: more than a notice has switches for one thing.
const MAX_QUEUED: usize = 64;
/// How many commands of recipients may wait for one connection.
const MAX_QUEUED_ORDERS: usize = 16;
/// What stands for the identifier of the thing in a topic or a command.
const THING: &str = "{thing}";

/// A command to a thing: of the keeper of its switches, or of a recipient.
pub struct Command(Errand);

enum Errand {
    Switch(Arc<SwitchCommand>),
    Order {
        order: Arc<Order>,
        /// Topic and payload for the connection that it goes over.
        words: (String, String),
        /// The bridge that takes it, and its name for the thing.
        via: Option<(Arc<BridgePeer>, Arc<str>)>,
        /// Somebody else has it.
        is_void: AtomicBool,
    },
}

/// A command for a switch at the source.
#[derive(Debug)]
pub(super) struct SwitchCommand {
    pub(super) id: u64,
    pub(super) deployment: DeploymentId,
    pub(super) thing: ThingId,
    /// The name of the switch.
    pub(super) switch: Arc<str>,
    pub(super) setting: Setting,
    pub(super) made_at: Timestamp,
    pub(super) topic: String,
    pub(super) payload: String,
    pub(super) is_void: AtomicBool,
}

impl Command {
    /// For the thing's own connection, or for that of a bridge which has a name for the thing; nothing where that name cannot
    /// stand in it.
    pub(crate) fn of_order(
        order: &Arc<Order>,
        via: Option<(&Arc<BridgePeer>, &Arc<str>)>,
    ) -> Option<Self> {
        let device = via.map_or_else(|| order.thing.id.as_str(), |it| it.1);
        Some(Self(Errand::Order {
            order: Arc::clone(order),
            words: order.filled.words(device, order.id.short())?,
            via: via.map(|(bridge, name)| (Arc::clone(bridge), Arc::clone(name))),
            is_void: AtomicBool::new(false),
        }))
    }

    /// The number by which a device names it in its answer; a switch has none.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        match &self.0 {
            Errand::Switch(_) => None,
            Errand::Order { order, .. } => Some(order.id.short()),
        }
    }

    /// A recipient's command was handed to a connection.
    pub(crate) fn order_sent(&self, now: Timestamp) {
        if let Errand::Order { order, .. } = &self.0 {
            order.sent(now);
        }
    }

    /// Nobody hands it over any more.
    pub(crate) fn make_void(&self) {
        match &self.0 {
            Errand::Switch(it) => it.is_void.store(true, Ordering::Release),
            Errand::Order { is_void, .. } => is_void.store(true, Ordering::Release),
        }
    }

    /// Its number: what the thing is asked to repeat where the protocol has no acknowledgement of its own.
    #[must_use]
    pub fn id(&self) -> u64 {
        match &self.0 {
            Errand::Switch(it) => it.id,
            Errand::Order { order, .. } => order.id.number(),
        }
    }

    /// The topic that the product expects it on.
    #[must_use]
    pub fn topic(&self) -> &str {
        match &self.0 {
            Errand::Switch(it) => &it.topic,
            Errand::Order { words, .. } => &words.0,
        }
    }

    /// The command in the product's own words.
    #[must_use]
    pub fn payload(&self) -> &str {
        match &self.0 {
            Errand::Switch(it) => &it.payload,
            Errand::Order { words, .. } => &words.1,
        }
    }

    /// Whether it is still wanted and young enough, and, if it is a recipient's, whether it may go at all: that is decided here.
    /// Ask right before it is sent, and send nothing else.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        match &self.0 {
            Errand::Switch(it) => {
                !it.is_void.load(Ordering::Acquire) && now < it.made_at.plus_millis(COMMAND_AGE_MS)
            }
            Errand::Order {
                order,
                via,
                is_void,
                ..
            } => {
                let means_it = |bridge: &BridgePeer, name: &str| {
                    let thing = bridge.thing(name).filter(|_| !bridge.is_barred());
                    thing.is_some_and(|it| it.id == order.thing.id)
                };
                !is_void.load(Ordering::Acquire)
                    && via
                        .as_ref()
                        .is_none_or(|(bridge, name)| means_it(bridge, name))
                    && order.may_go(now)
            }
        }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Errand::Switch(it) => write!(f, "Command({}, {})", it.thing, it.setting.as_str()),
            Errand::Order { order, .. } => {
                write!(f, "Command({}, {})", order.thing.id, order.command)
            }
        }
    }
}

/// Whether a thing will say that it has received a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandAck {
    /// It should, within so many milliseconds.
    Within(i64),
    /// It will not; what was sent counts as received.
    Never,
}

/// What became of a command, on its way to the keeper.
#[derive(Debug)]
pub(super) enum Mail {
    Sent {
        command: Arc<SwitchCommand>,
        until: Option<Timestamp>,
        at: Timestamp,
    },
    Received {
        command: u64,
        at: Timestamp,
    },
    /// The listener has gone; what it had and was not received is lost.
    Gone {
        listener: u64,
    },
}

type Takes = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A listener as the keeper sees it.
pub(super) struct Ear {
    pub(super) number: u64,
    /// Whether the thing comes and asks, so that nobody knows when.
    asks: bool,
    takes: Takes,
    sender: mpsc::Sender<Arc<Command>>,
    /// Apart from the others: commands of recipients never keep a switch waiting.
    orders: mpsc::Sender<Arc<Command>>,
}

impl Ear {
    pub(super) const fn asks(&self) -> bool {
        self.asks
    }

    pub(super) fn takes(&self, topic: &str) -> bool {
        (self.takes)(topic)
    }

    /// False when it has no place, or is gone.
    pub(super) fn offer(&self, command: Arc<SwitchCommand>) -> bool {
        let command = Arc::new(Command(Errand::Switch(command)));
        self.sender.try_send(command).is_ok()
    }
}

/// Who gets a command: the newest connection, and somebody who asks only where there is none.
pub(super) fn nearest<'a>(ears: &'a [Ear], topic: &str) -> Option<&'a Ear> {
    let taking = ears.iter().rev().filter(|it| it.takes(topic));
    taking.min_by_key(|it| it.asks)
}

/// The listeners of one thing.
pub(super) type Ears = SmallVec<[Ear; 1]>;

/// A connection on which a thing listens for commands. Dropping it ends that.
pub struct SourceListener {
    custody: Custody,
    thing: Arc<ThingPeer>,
    number: u64,
    receiver: mpsc::Receiver<Arc<Command>>,
    orders: mpsc::Receiver<Arc<Command>>,
}

impl Keeper {
    /// Offers a command of a recipient to the nearest listener of its thing; gives the number of the one that has it.
    pub(crate) fn offer_order(&self, order: &Arc<Order>) -> Option<(u64, Arc<Command>)> {
        let ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let ears = ears.get(&order.thing.id)?;
        let command = Arc::new(Command::of_order(order, None)?);
        let ear = nearest(ears, command.topic())?;
        ear.orders.try_send(Arc::clone(&command)).ok()?;
        Some((ear.number, command))
    }
}

impl Custody {
    /// The topics on which a thing may get commands under the notice in force; empty where it is never told anything.
    #[must_use]
    pub fn command_topics(&self, thing: &ThingPeer) -> Vec<String> {
        let state = thing.deployment.state.load();
        let switches = state.notice.source_switches.iter();
        let switches = switches.map(|it| topic_of(it, &thing.id));
        let commands = state.notice.commands.iter();
        // A thing with a connection of its own is called there what it is called everywhere.
        let of_command = |topic: String| topic.replace("{device}", thing.id.as_str());
        let mut topics: Vec<_> = switches
            .chain(commands.map(|it| of_command(it.topic_of(&thing.id))))
            .collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// A thing listens on topics for which `takes` is true. What was waiting for that is offered at the next tick.
    #[must_use]
    pub fn listen(
        &self,
        thing: &Arc<ThingPeer>,
        takes: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> SourceListener {
        self.hear(thing, Arc::new(takes), false)
    }

    /// A thing that has no connection comes now and then to ask for what it is to be told. While it also listens on a
    /// connection, that is where it is told; a connection that comes later takes over what the thing did not fetch, and, after
    /// [`ASKER_SILENCE_MS`](crate::ASKER_SILENCE_MS), what it fetched and does not confirm.
    #[must_use]
    pub fn listen_by_asking(&self, thing: &Arc<ThingPeer>) -> SourceListener {
        self.hear(thing, Arc::new(|_: &str| true), true)
    }

    fn hear(&self, thing: &Arc<ThingPeer>, takes: Takes, asks: bool) -> SourceListener {
        let (sender, receiver) = mpsc::channel(MAX_QUEUED);
        let (orders, ordered) = mpsc::channel(MAX_QUEUED_ORDERS);
        let keeper = &self.inner.source;
        let number = keeper.next_number();
        let ear = Ear {
            number,
            asks,
            takes,
            sender,
            orders,
        };
        let mut ears = keeper.ears.lock().unwrap_or_else(PoisonError::into_inner);
        ears.entry(thing.id.clone()).or_default().push(ear);
        drop(ears);
        self.inner.orders.offer_to(keeper, thing);
        SourceListener {
            custody: self.clone(),
            thing: Arc::clone(thing),
            number,
            receiver,
            orders: ordered,
        }
    }
}

impl SourceListener {
    /// Listens on other topics from now on.
    pub fn change(&self, takes: impl Fn(&str) -> bool + Send + Sync + 'static) {
        let keeper = &self.custody.inner.source;
        let mut ears = keeper.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = ears.get_mut(&self.thing.id);
        let mine = mine.and_then(|it| it.iter_mut().find(|it| it.number == self.number));
        if let Some(ear) = mine {
            ear.takes = Arc::new(takes);
        }
        drop(ears);
        self.custody.inner.orders.offer_to(keeper, &self.thing);
    }

    /// The next command, when there is one; the task is woken then. Those of switches come first.
    pub fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Arc<Command>> {
        match self.receiver.poll_recv(cx) {
            Poll::Ready(Some(command)) => return Poll::Ready(command),
            // The keeper holds the other side as long as this is there.
            Poll::Ready(None) | Poll::Pending => {}
        }
        match self.orders.poll_recv(cx) {
            Poll::Ready(Some(command)) => Poll::Ready(command),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// The next command, if there is one now.
    pub fn take_command(&mut self) -> Option<Arc<Command>> {
        let of_switch = self.receiver.try_recv().ok();
        of_switch.or_else(|| self.orders.try_recv().ok())
    }

    /// The command was handed to the connection.
    pub fn sent(&self, command: &Arc<Command>, ack: CommandAck, now: Timestamp) {
        let command = match &command.0 {
            Errand::Switch(command) => Arc::clone(command),
            Errand::Order { order, .. } => return order.sent(now),
        };
        let until = match ack {
            CommandAck::Within(millis) => Some(now.plus_millis(millis)),
            CommandAck::Never => None,
        };
        self.custody.inner.source.post(Mail::Sent {
            command,
            until,
            at: now,
        });
    }

    /// The thing says that it has received a command. An unknown number is passed over.
    pub fn received(&self, command: u64, now: Timestamp) {
        let inner = &self.custody.inner;
        if !inner.orders.received(&self.thing, command, now) {
            inner.source.post(Mail::Received { command, at: now });
        }
    }
}

impl std::fmt::Debug for SourceListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SourceListener({})", self.thing.id)
    }
}

impl Drop for SourceListener {
    fn drop(&mut self) {
        let keeper = &self.custody.inner.source;
        let mut ears = keeper.ears.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = ears.get_mut(&self.thing.id) {
            mine.retain(|it| it.number != self.number);
            if mine.is_empty() {
                ears.remove(&self.thing.id);
            }
        }
        drop(ears);
        keeper.post(Mail::Gone {
            listener: self.number,
        });
        let orders = &self.custody.inner.orders;
        orders.listener_gone(keeper, &self.thing, self.number);
    }
}

/// The topic of a switch for one thing.
pub(super) fn topic_of(switch: &SourceSwitch, thing: &ThingId) -> String {
    switch.topic.replace(THING, thing.as_str())
}

/// The command of a switch for one thing; `None` where the notice has no words for it.
pub(super) fn payload_of(
    switch: &SourceSwitch,
    setting: Setting,
    thing: &ThingId,
) -> Option<String> {
    let text = match setting {
        Setting::Off => &switch.off,
        Setting::On => &switch.on,
        Setting::Slow => switch.slow.as_ref()?,
    };
    Some(text.replace(THING, thing.as_str()))
}
