//! Where deliveries wait for the connection of one recipient, and when publishers wait for it.
//!
//! An outbox is bounded. Two things fill it, and they are told apart:
//!
//! - The recipient is **slow**: its socket takes nothing more, or its window of unacknowledged deliveries is closed.
//!   Nobody ever waits for that. What does not fit is dropped and counted; the message stays in the vault.
//! - The recipient is **starved**: its socket would take more, but its task does not get the processor, because those
//!   who publish have it. Once the outbox is more than half full, whoever fills it stops reading
//!   ([`Custody::poll_room`]) until the recipient has had its turn.
//!
//! Waiting is therefore bounded by a turn on the processor, never by what the other side of a socket does.
//! The recipient says after each turn which of the two it is ([`Inbox::settle`]); while it has not said, it is starved.
//! Those who wait are let go in the order in which they came, some at a time, and all of them when the outbox is empty,
//! the recipient is slow, or it is gone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::mpsc;

use crate::Custody;
use crate::catalogue::ThingPeer;
use crate::deliver::Delivery;

/// How many of those who wait are let go after a turn of the recipient: each has some messages at hand.
const RELEASED_AT_ONCE: usize = 8;

/// Makes an outbox for at most `capacity` deliveries, and the inbox that empties it.
#[must_use]
pub fn outbox(capacity: usize) -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let crowd = Arc::new(Crowd::default());
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
#[derive(Default)]
struct Crowd {
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
        let outcome = self.sender.try_send(delivery);
        !matches!(outcome, Err(mpsc::error::TrySendError::Full(_)))
    }

    /// Whether it is more than half full only because the recipient is starved.
    fn is_crowded(&self) -> bool {
        let Some(crowd) = &self.crowd else {
            return false;
        };
        self.sender.capacity() < self.sender.max_capacity() / 2
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
                into.extend(self.taken.drain(..));
                Poll::Ready(())
            }
        }
    }

    /// The recipient has had its turn: `is_slow` when its side takes nothing more for now.
    pub fn settle(&self, is_slow: bool) {
        self.crowd.is_slow.store(is_slow, Ordering::Release);
        let free = self.receiver.capacity();
        if is_slow || self.receiver.is_empty() {
            self.crowd.release(usize::MAX);
        } else if free >= self.receiver.max_capacity() / 2 {
            self.crowd.release(RELEASED_AT_ONCE);
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.receiver.close();
        self.crowd.release(usize::MAX);
    }
}

impl Custody {
    /// Whether a message of `thing` would find room: no recipient of it is starved by those who publish.
    #[must_use]
    pub fn has_room(&self, thing: &ThingPeer) -> bool {
        let routes = thing.deployment.routes.load();
        let mut outboxes = routes.iter().flat_map(|it| it.outboxes_for(&thing.id));
        !outboxes.any(Outbox::is_crowded)
    }

    /// Ready when [`Custody::has_room`]; until then the task is woken once the starved recipient has had its turn.
    pub fn poll_room(&self, thing: &ThingPeer, hold: &mut Hold, cx: &Context<'_>) -> Poll<()> {
        let routes = thing.deployment.routes.load();
        let mut outboxes = routes.iter().flat_map(|it| it.outboxes_for(&thing.id));
        match outboxes.any(|it| it.poll_room(hold, cx).is_pending()) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }
}
