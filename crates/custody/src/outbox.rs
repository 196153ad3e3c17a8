//! Where deliveries wait for the connection of one recipient, and when publishers wait for it.
//!
//! An outbox is bounded, by count and by what its deliveries hold. Once it is more than half full, whoever fills it stops
//! reading ([`Custody::poll_room`]), unless the recipient is slow. After each turn the recipient says how it is
//! ([`Inbox::settle`]):
//!
//! - **Starved**: its side would take more, but its task does not get the processor, because those who publish have it.
//!   They wait until it has had its turn. While it has said nothing, it is starved.
//! - **Behind**: its socket takes nothing more, or its window of unacknowledged deliveries is closed, and it has patience
//!   left: it has taken so many deliveries that it is worth waiting for the next ([`patience`]). Publishers wait.
//! - **Slow**: its patience is used up, or it is offline and only its session is there ([`Inbox::park`]). Nobody waits for that.
//!   What does not fit is dropped and counted; what waits already stays, in order. The message is in the vault.
//!
//! Waiting is therefore bounded by a turn on the processor and by what the recipient has taken, never by what the other side
//! of a socket does. Who says that it takes nothing is told until when it is waited for, and says again then.
//!
//! Publishers wait for the log too, when half of what may wait for the disk does: a flood is slowed down, not refused.
//!
//! # When a queue is full
//! 1. An outbox that is full by count or by bytes takes nothing new: the delivery is dropped and counted
//!    ([`Custody::dropped_deliveries`]).
//! 2. All messages that wait, for everybody, have a budget ([`MAX_HELD_BYTES`](crate::MAX_HELD_BYTES)). From three quarters of it
//!    slow recipients get nothing new, beyond it nobody does. Also that is dropped and counted.
//! 3. A delivery of a shared subscription goes to another member first, and is dropped when none has a place.
//! 4. What is left in an outbox when its connection ends is let go; what is shared goes to another member.
//!
//! # Who is let go when
//! Those who wait are let go in the order in which they came, some at a time, and all of them when the outbox is empty,
//! the recipient is slow, or it is gone.

mod patience;
mod queue;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::Custody;
use crate::catalogue::{RecipientPeer, ThingPeer};
use crate::deliver::{Delivery, Message};

pub(crate) use patience::Grace;
use patience::Patience;
pub use queue::Hold;
pub(crate) use queue::Queue;

/// How many bytes of messages one outbox holds at most, where nothing else was said.
pub const MAX_OUTBOX_BYTES: usize = 8 * 1024 * 1024;
/// How many of those who wait are let go after a turn of the recipient: each has some messages at hand.
const RELEASED_AT_ONCE: usize = 8;

/// Makes an outbox for at most `capacity` deliveries and [`MAX_OUTBOX_BYTES`], and the inbox that empties it.
#[must_use]
pub fn outbox(capacity: usize) -> (Outbox, Inbox) {
    outbox_of(capacity, MAX_OUTBOX_BYTES)
}

/// Makes an outbox for at most `capacity` deliveries that hold `most_bytes` ([`Delivery::size_bytes`]), and the inbox that
/// empties it.
#[must_use]
pub fn outbox_of(capacity: usize, most_bytes: usize) -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let crowd = Arc::new(Crowd {
        bytes: AtomicUsize::new(0),
        most_bytes,
        side: AtomicU8::new(STARVED),
        grace: OnceLock::new(),
        queue: Arc::default(),
    });
    let outbox = Outbox {
        sender,
        crowd: Some(Arc::clone(&crowd)),
    };
    let inbox = Inbox {
        receiver,
        crowd,
        taken: Vec::new(),
        patience: Patience::default(),
        is_behind: false,
    };
    (outbox, inbox)
}

/// The side that is filled. Subscriptions of one connection share one.
#[derive(Clone)]
pub struct Outbox {
    sender: mpsc::Sender<Delivery>,
    crowd: Option<Arc<Crowd>>,
}

/// A plain channel: its recipient counts as slow, so nobody waits for it.
impl From<mpsc::Sender<Delivery>> for Outbox {
    fn from(sender: mpsc::Sender<Delivery>) -> Self {
        Self {
            sender,
            crowd: None,
        }
    }
}

/// The side that is emptied, by one connection. Dropping it lets everybody go who waits for it.
pub struct Inbox {
    receiver: mpsc::Receiver<Delivery>,
    crowd: Arc<Crowd>,
    taken: Vec<Delivery>,
    patience: Patience,
    /// Whether it has said that its side takes nothing.
    is_behind: bool,
}

/// How a recipient is: see the module.
const STARVED: u8 = 0;
const BEHIND: u8 = 1;
const SLOW: u8 = 2;

/// What both sides of an outbox know.
struct Crowd {
    /// What its deliveries hold.
    bytes: AtomicUsize,
    most_bytes: usize,
    side: AtomicU8,
    /// Of the recipient, once it has subscribed.
    grace: OnceLock<Arc<Grace>>,
    /// Those who wait for it.
    queue: Arc<Queue>,
}

impl Outbox {
    /// Puts a delivery in; false when there is no place. A recipient that is gone takes everything.
    pub(crate) fn offer(&self, delivery: Delivery) -> bool {
        self.hand(delivery).is_none() || self.sender.is_closed()
    }

    /// Puts a delivery in, or gives it back: there is no place, or the recipient is gone.
    pub(crate) fn hand(&self, delivery: Delivery) -> Option<Delivery> {
        let bytes = delivery.size_bytes();
        if !self.crowd.as_ref().is_none_or(|it| it.takes(bytes)) {
            return Some(delivery);
        }
        let (TrySendError::Full(delivery) | TrySendError::Closed(delivery)) =
            self.sender.try_send(delivery).err()?;
        if let Some(crowd) = &self.crowd {
            crowd.gives(bytes);
        }
        Some(delivery)
    }

    /// Whether nobody waits for it; also when nobody says how it is.
    fn is_slow(&self) -> bool {
        let crowd = self.crowd.as_ref();
        crowd.is_none_or(|it| it.is_slow())
    }

    /// It is filled for a recipient.
    pub(crate) fn is_of(&self, recipient: &RecipientPeer) {
        if let Some(crowd) = &self.crowd {
            crowd.grace.get_or_init(|| Arc::clone(&recipient.grace));
        }
    }

    /// Whether there was no place in memory for a message.
    pub(crate) fn is_left_out(&self, message: &Message) -> bool {
        message.is_left_out(false) || (message.is_left_out(true) && self.is_slow())
    }

    /// Whether its recipient keeps up.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_slow() && !self.is_crowded() && !self.sender.is_closed()
    }

    /// Whether it is more than half full, and its recipient is waited for.
    pub(crate) fn is_crowded(&self) -> bool {
        let Some(crowd) = &self.crowd else {
            return false;
        };
        let is_long = self.sender.capacity() < self.sender.max_capacity() / 2;
        (is_long || crowd.is_large()) && !crowd.is_slow() && !self.sender.is_closed()
    }

    /// Pending while it is crowded; the task is woken then.
    fn poll_room(&self, hold: &mut Hold, cx: &Context<'_>) -> Poll<()> {
        let Some(crowd) = self.crowd.as_ref().filter(|_| self.is_crowded()) else {
            return Poll::Ready(());
        };
        crowd.queue.poll(hold, cx, || self.is_crowded())
    }
}

impl Crowd {
    /// Counts bytes in, if there is place for them.
    fn takes(&self, bytes: usize) -> bool {
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = held.saturating_add(bytes) <= self.most_bytes;
        if !fits {
            self.gives(bytes);
        }
        fits
    }

    /// Counts bytes out.
    fn gives(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn is_large(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.most_bytes / 2
    }

    fn is_slow(&self) -> bool {
        self.side.load(Ordering::Acquire) == SLOW
    }
}

impl Inbox {
    /// Takes at most `limit` deliveries, in order, and says whether there were any; the task is woken when there are.
    pub fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        into: &mut VecDeque<Delivery>,
    ) -> Poll<()> {
        match self.receiver.poll_recv_many(cx, &mut self.taken, limit) {
            Poll::Ready(0) | Poll::Pending => Poll::Pending,
            Poll::Ready(_) => {
                let bytes = self.taken.iter().map(Delivery::size_bytes).sum();
                self.crowd.gives(bytes);
                self.patience.earn(self.taken.len() as u64);
                into.extend(self.taken.drain(..));
                Poll::Ready(())
            }
        }
    }

    /// The next delivery; the task is woken when there is one. `None`: nothing will come any more.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        let next = self.receiver.poll_recv(cx);
        next.map(|it| it.inspect(|it| self.crowd.gives(it.size_bytes())))
    }

    /// The next delivery, if there is one.
    pub fn try_next(&mut self) -> Option<Delivery> {
        let next = self.receiver.try_recv().ok()?;
        self.crowd.gives(next.size_bytes());
        Some(next)
    }

    /// The recipient is offline: it is slow until the next [`Inbox::settle`], and whoever waits for it is let go.
    pub fn park(&mut self, now_ms: u64) {
        if std::mem::take(&mut self.is_behind) {
            let grace = self.crowd.grace.get().map(Arc::as_ref);
            self.patience.pay(grace, now_ms);
        }
        self.crowd.side.store(SLOW, Ordering::Release);
        self.crowd.queue.release(usize::MAX);
    }

    /// The recipient has had its turn; `takes_nothing` when its side takes nothing more for now. The time may begin anywhere,
    /// and does not go back.
    ///
    /// Gives when it is to be called again at the latest, because somebody waits and has waited long enough then. While nobody
    /// does, the task is woken when somebody begins to.
    pub fn settle(&mut self, takes_nothing: bool, now_ms: u64, cx: &Context<'_>) -> Option<u64> {
        let (crowd, grace) = (&self.crowd, self.crowd.grace.get().map(Arc::as_ref));
        let is_patient = match self.is_behind || takes_nothing {
            true => self.patience.pay(grace, now_ms),
            false => true,
        };
        self.is_behind = takes_nothing;
        let side = match (takes_nothing, is_patient) {
            (false, _) => STARVED,
            (true, true) => BEHIND,
            (true, false) => SLOW,
        };
        crowd.side.store(side, Ordering::Release);
        let free = self.receiver.capacity();
        if side == SLOW || self.receiver.is_empty() {
            crowd.queue.release(usize::MAX);
        } else if free >= self.receiver.max_capacity() / 2 && !crowd.is_large() {
            crowd.queue.release(RELEASED_AT_ONCE);
        }
        let somebody_waits = side == BEHIND && crowd.queue.watch(cx);
        somebody_waits.then(|| self.patience.wait(grace, now_ms))
    }
}

/// What was not taken goes to others where a subscription is shared.
impl Drop for Inbox {
    fn drop(&mut self) {
        self.receiver.close();
        self.crowd.queue.release(usize::MAX);
        while let Ok(delivery) = self.receiver.try_recv() {
            delivery.hand_over();
        }
    }
}

impl Custody {
    /// Whether a message of `thing` would find room: in the log, and with every recipient that is waited for.
    #[must_use]
    pub fn has_room(&self, thing: &ThingPeer) -> bool {
        if self.inner.vault.is_crowded() {
            return false;
        }
        let routes = thing.deployment.routes.load();
        let mut routes = routes.iter();
        !routes.any(|it| it.any_crowded(thing, Outbox::is_crowded))
    }

    /// Ready when [`Custody::has_room`]; until then the task is woken once the log was written, or the recipient has had its
    /// turn.
    pub fn poll_room(&self, thing: &ThingPeer, hold: &mut Hold, cx: &Context<'_>) -> Poll<()> {
        let inner = &self.inner;
        let is_crowded = || inner.vault.is_crowded();
        if is_crowded() && inner.room.poll(hold, cx, is_crowded).is_pending() {
            return Poll::Pending;
        }
        let routes = thing.deployment.routes.load();
        let mut routes = routes.iter();
        let mut waits = |it: &Outbox| it.poll_room(hold, cx).is_pending();
        match routes.any(|it| it.any_crowded(thing, &mut waits)) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }
}
