//! Those who wait for one thing, and are let go in the order in which they came.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The place of one publisher in a queue.
#[derive(Default)]
pub struct Hold {
    place: Option<(Arc<Queue>, u64)>,
}

/// Publishers that are not read.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// The number of the first of them.
    first: u64,
    wakers: VecDeque<Waker>,
    /// Who wants to know when somebody comes.
    watcher: Option<Waker>,
}

impl Queue {
    /// Pending while `is_crowded`; the task is woken when it is let go.
    pub(super) fn poll(
        self: &Arc<Self>,
        hold: &mut Hold,
        cx: &Context<'_>,
        is_crowded: impl Fn() -> bool,
    ) -> Poll<()> {
        let mut held = self.lock();
        // What the other side did before it took the lock is seen here; what it does after finds the waker.
        if !is_crowded() {
            return Poll::Ready(());
        }
        let place = match &hold.place {
            Some((known, place)) if Arc::ptr_eq(known, self) => held.waker(*place),
            _ => None,
        };
        match place {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                held.wakers.push_back(cx.waker().clone());
                let place = held.first + held.wakers.len() as u64 - 1;
                hold.place = Some((Arc::clone(self), place));
            }
        }
        let watcher = held.watcher.take();
        drop(held);
        if let Some(watcher) = watcher {
            watcher.wake();
        }
        Poll::Pending
    }

    /// Lets the first `count` go.
    pub(crate) fn release(&self, count: usize) {
        let released: Vec<_> = {
            let mut held = self.lock();
            let count = count.min(held.wakers.len());
            held.first += count as u64;
            held.wakers.drain(..count).collect()
        };
        released.into_iter().for_each(Waker::wake);
    }

    /// Whether somebody waits. If not, the task is woken when somebody does.
    pub(super) fn watch(&self, cx: &Context<'_>) -> bool {
        let mut held = self.lock();
        let somebody_waits = !held.wakers.is_empty();
        held.watcher = (!somebody_waits).then(|| cx.waker().clone());
        somebody_waits
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The waker of a place, while it has not been let go.
    fn waker(&mut self, place: u64) -> Option<&mut Waker> {
        let idx = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.wakers.get_mut(idx)
    }
}
