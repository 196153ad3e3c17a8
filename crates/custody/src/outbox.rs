//! Where deliveries wait for the connection of one recipient, and when publishers wait for it.
//!
//! An outbox is bounded, by count and by what its deliveries hold. Two things fill it, and they are told apart:
//!
//! - The recipient is **slow**: its socket takes nothing more, its window of unacknowledged deliveries is closed, or it is
//!   offline and only its session is there ([`Inbox::park`]). Nobody ever waits for that. What does not fit is dropped and
//!   counted; what waits already stays, in order. The message is in the vault.
//! - The recipient is **starved**: its socket would take more, but its task does not get the processor, because those
//!   who publish have it. Once the outbox is more than half full, whoever fills it stops reading
//!   ([`Custody::poll_room`]) until the recipient has had its turn.
//!
//! Waiting is therefore bounded by a turn on the processor, never by what the other side of a socket does.
//! The recipient says after each turn which of the two it is ([`Inbox::settle`]); while it has not said, it is starved.
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

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::Custody;
use crate::catalogue::ThingPeer;
use crate::deliver::{Delivery, Message};

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
        is_slow: AtomicBool::new(false),
        held: Mutex::default(),
    });
    let outbox = Outbox {
        sender,
        crowd: Some(Arc::clone(&crowd)),
    };
    let inbox = Inbox {
        receiver,
        crowd,
        taken: Vec::new(),
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
}

/// The place of one publisher among those who wait for a starved recipient.
#[derive(Default)]
pub struct Hold {
    place: Option<(Arc<Crowd>, u64)>,
}

/// Those who wait for one outbox, in the order in which they came.
struct Crowd {
    /// What its deliveries hold.
    bytes: AtomicUsize,
    most_bytes: usize,
    is_slow: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The number of the first of them.
    first: u64,
    wakers: VecDeque<Waker>,
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

    /// Whether its side takes nothing for now; also when nobody says how it is.
    fn is_slow(&self) -> bool {
        let crowd = self.crowd.as_ref();
        crowd.is_none_or(|it| it.is_slow.load(Ordering::Acquire))
    }

    /// Whether there was no place in memory for a message.
    pub(crate) fn is_left_out(&self, message: &Message) -> bool {
        message.is_left_out(false) || (message.is_left_out(true) && self.is_slow())
    }

    /// Whether its recipient keeps up.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_slow() && !self.is_crowded() && !self.sender.is_closed()
    }

    /// Whether it is more than half full only because the recipient is starved.
    pub(crate) fn is_crowded(&self) -> bool {
        let Some(crowd) = &self.crowd else {
            return false;
        };
        let is_long = self.sender.capacity() < self.sender.max_capacity() / 2;
        (is_long || crowd.is_large())
            && !crowd.is_slow.load(Ordering::Acquire)
            && !self.sender.is_closed()
    }

    /// Pending while it is crowded; the task is woken then.
    fn poll_room(&self, hold: &mut Hold, cx: &Context<'_>) -> Poll<()> {
        let Some(crowd) = self.crowd.as_ref().filter(|_| self.is_crowded()) else {
            return Poll::Ready(());
        };
        let mut held = crowd.lock();
        // What the recipient did before it took the lock is seen here; what it does after finds the waker.
        if !self.is_crowded() {
            return Poll::Ready(());
        }
        let place = match &hold.place {
            Some((known, place)) if Arc::ptr_eq(known, crowd) => held.waker(*place),
            _ => None,
        };
        match place {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                held.wakers.push_back(cx.waker().clone());
                let place = held.first + held.wakers.len() as u64 - 1;
                hold.place = Some((Arc::clone(crowd), place));
            }
        }
        Poll::Pending
    }
}

impl Held {
    /// The waker of a place, while it has not been let go.
    fn waker(&mut self, place: u64) -> Option<&mut Waker> {
        let idx = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.wakers.get_mut(idx)
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

    /// Lets the first `count` go.
    fn release(&self, count: usize) {
        let released: Vec<_> = {
            let mut held = self.lock();
            let count = count.min(held.wakers.len());
            held.first += count as u64;
            held.wakers.drain(..count).collect()
        };
        released.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub fn park(&self) {
        self.settle(true);
    }

    /// The recipient has had its turn: `is_slow` when its side takes nothing more for now.
    pub fn settle(&self, is_slow: bool) {
        self.crowd.is_slow.store(is_slow, Ordering::Release);
        let free = self.receiver.capacity();
        if is_slow || self.receiver.is_empty() {
            self.crowd.release(usize::MAX);
        } else if free >= self.receiver.max_capacity() / 2 && !self.crowd.is_large() {
            self.crowd.release(RELEASED_AT_ONCE);
        }
    }
}

/// What was not taken goes to others where a subscription is shared.
impl Drop for Inbox {
    fn drop(&mut self) {
        self.receiver.close();
        self.crowd.release(usize::MAX);
        while let Ok(delivery) = self.receiver.try_recv() {
            delivery.hand_over();
        }
    }
}

impl Custody {
    /// Whether a message of `thing` would find room: no recipient of it is starved by those who publish.
    #[must_use]
    pub fn has_room(&self, thing: &ThingPeer) -> bool {
        let routes = thing.deployment.routes.load();
        let mut routes = routes.iter();
        !routes.any(|it| it.any_crowded(thing, Outbox::is_crowded))
    }

    /// Ready when [`Custody::has_room`]; until then the task is woken once the starved recipient has had its turn.
    pub fn poll_room(&self, thing: &ThingPeer, hold: &mut Hold, cx: &Context<'_>) -> Poll<()> {
        let routes = thing.deployment.routes.load();
        let mut routes = routes.iter();
        let mut waits = |it: &Outbox| it.poll_room(hold, cx).is_pending();
        match routes.any(|it| it.any_crowded(thing, &mut waits)) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }
}
