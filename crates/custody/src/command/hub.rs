//! Bridges that take commands to their things: connections of those who speak for several devices.
//!
//! A bridge hears the commands of its own things only, each under the name that it has for the thing. Which things those are
//! is looked up when a command is offered, and asked again when it goes: a device that was linked a moment ago is heard,
//! one that was unlinked is not.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use model::{ThingId, Timestamp};
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use super::Order;
use crate::Custody;
use crate::catalogue::shards::Shards;
use crate::catalogue::{BridgePeer, ThingPeer};
use crate::source::Command;

/// How many commands may wait for one bridge.
const MAX_QUEUED: usize = 64;

type Takes = Arc<dyn Fn(&str) -> bool + Send + Sync>;
type Named = Shards<Arc<str>, Arc<ThingPeer>>;
/// By thing, and what they were made of.
type Names = (Arc<Named>, FxHashMap<ThingId, Arc<str>>);

/// The bridges that listen now.
#[derive(Default)]
pub(super) struct Hubs(Mutex<Vec<HubEar>>);

struct HubEar {
    number: u64,
    bridge: Arc<BridgePeer>,
    takes: Takes,
    sender: mpsc::Sender<Arc<Command>>,
    /// The names that it has for its things, and of when.
    names: Option<Names>,
}

impl Hubs {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<HubEar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a command to the newest bridge that takes it; tells which one has it.
    pub(super) fn offer(&self, order: &Arc<Order>) -> Option<(u64, Arc<Command>)> {
        let mut ears = self.lock();
        ears.iter_mut().rev().find_map(|ear| ear.offer(order))
    }
}

impl HubEar {
    fn offer(&mut self, order: &Arc<Order>) -> Option<(u64, Arc<Command>)> {
        let device = self.name_of(&order.thing.id)?;
        let command = Arc::new(Command::of_order(order, Some((&self.bridge, &device)))?);
        if !(self.takes)(command.topic()) {
            return None;
        }
        self.sender.try_send(Arc::clone(&command)).ok()?;
        Some((self.number, command))
    }

    fn name_of(&mut self, thing: &ThingId) -> Option<Arc<str>> {
        let now = self.bridge.things.load_full();
        let is_known = |it: &Names| Arc::ptr_eq(&it.0, &now);
        if !self.names.as_ref().is_some_and(is_known) {
            let mut names: FxHashMap<ThingId, Arc<str>> = FxHashMap::default();
            for (name, thing) in now.iter() {
                // Of two names for the same thing always the same one.
                let known = names
                    .entry(thing.id.clone())
                    .or_insert_with(|| Arc::clone(name));
                if name < known {
                    *known = Arc::clone(name);
                }
            }
            self.names = Some((now, names));
        }
        self.names.as_ref()?.1.get(thing).cloned()
    }
}

/// A connection on which a bridge listens for the commands of its things. Dropping it ends that.
pub struct BridgeListener {
    custody: Custody,
    number: u64,
    receiver: mpsc::Receiver<Arc<Command>>,
}

impl Custody {
    /// The topics on which the things of a bridge may get commands under the notice in force, with `{thing}` and `{device}` in
    /// them; empty where they are never told anything.
    #[must_use]
    pub fn command_topics_behind(&self, bridge: &BridgePeer) -> Vec<String> {
        let catalogue = self.inner.catalogue.load();
        let Some(deployment) = catalogue.deployments.get(bridge.deployment_id()) else {
            return Vec::new();
        };
        let state = deployment.state.load();
        let topics = state.notice.commands.iter();
        topics.map(|it| it.topic.clone()).collect()
    }

    /// A bridge listens for the commands of its things, on topics for which `takes` is true.
    #[must_use]
    pub fn listen_behind(
        &self,
        bridge: &Arc<BridgePeer>,
        takes: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> BridgeListener {
        let (sender, receiver) = mpsc::channel(MAX_QUEUED);
        let inner = &self.inner;
        let number = inner.source.next_number();
        inner.orders.hubs().lock().push(HubEar {
            number,
            bridge: Arc::clone(bridge),
            takes: Arc::new(takes),
            sender,
            names: None,
        });
        inner
            .orders
            .offer_all(&inner.source, bridge.deployment_id());
        BridgeListener {
            custody: self.clone(),
            number,
            receiver,
        }
    }
}

impl BridgeListener {
    /// Listens on other topics from now on.
    pub fn change(&self, takes: impl Fn(&str) -> bool + Send + Sync + 'static) {
        let inner = &self.custody.inner;
        let mut ears = inner.orders.hubs().lock();
        let mine = ears.iter_mut().find(|it| it.number == self.number);
        let deployment = mine.map(|ear| {
            ear.takes = Arc::new(takes);
            ear.bridge.deployment_id().clone()
        });
        drop(ears);
        if let Some(deployment) = deployment {
            inner.orders.offer_all(&inner.source, &deployment);
        }
    }

    /// The next command, when there is one; the task is woken then.
    pub fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Arc<Command>> {
        match self.receiver.poll_recv(cx) {
            Poll::Ready(Some(command)) => Poll::Ready(command),
            // The other side is held as long as this is there.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// The command was handed to the connection.
    pub fn sent(&self, command: &Command, now: Timestamp) {
        command.order_sent(now);
    }

    /// The bridge says that it has received a command. An unknown number is passed over.
    pub fn received(&self, command: u64, now: Timestamp) {
        self.custody
            .inner
            .orders
            .received_by(self.number, command, now);
    }
}

impl std::fmt::Debug for BridgeListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BridgeListener({})", self.number)
    }
}

impl Drop for BridgeListener {
    fn drop(&mut self) {
        let inner = &self.custody.inner;
        inner
            .orders
            .hubs()
            .lock()
            .retain(|it| it.number != self.number);
        inner.orders.hub_gone(&inner.source, self.number);
    }
}
