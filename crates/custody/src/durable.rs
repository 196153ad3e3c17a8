//! Kept for good: who waits for a position, and who is woken.
//!
//! Positions only grow, so those who wait stand in a line, lowest position first. When the vault has synced up to a
//! position, exactly those whose position was reached are taken from the front and woken: a commit costs as much as
//! the messages it has made durable, however many others wait.
//!
//! [`Custody::durable`] asks; [`Custody::poll_durable`] asks and takes a place in the line. Neither blocks.
//!
//! # Gathering
//! While many send and wait, a commit as soon as possible is a small one: the sync, and waking those who waited, take
//! the processor from those who come next. So after a commit that woke [`MANY`] or more, the next one waits until as many
//! stand in the line again, and at most [`GATHERING`]. Every [`PROBE_EVERY`] commits it waits for twice as many, to find
//! out whether there are more. Where fewer than [`MANY`] send at a time, nothing is ever waited for.
//!
//! Where nobody waits at all, as for messages with QoS 0, the next commit waits until somebody does, and at most
//! [`GATHERING`] as well: a sync for every few messages would be paid for by those who send them.
//!
//! # The end
//! When the vault was closed or has failed, everybody in the line is woken and told: what is not durable by then never
//! will be.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use vault::Lsn;

use crate::Custody;

/// After a commit that woke so many, the next one gathers.
const MANY: usize = 64;
/// How long a commit gathers at most.
const GATHERING: Duration = Duration::from_millis(1);
/// Every so many commits, twice as many are waited for.
const PROBE_EVERY: u32 = 16;

/// The store stopped before the position was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store stopped before the message was kept")]
pub struct NeverDurable;

/// The place of one task in the line; it may stand for one position after the other.
#[derive(Debug)]
pub struct DurableWait<P = Lsn> {
    place: Option<(P, Waker)>,
}

impl<P> Default for DurableWait<P> {
    fn default() -> Self {
        Self { place: None }
    }
}

/// Those who wait.
pub(crate) struct Line<P = Lsn> {
    queue: Mutex<Queue<P>>,
    /// As many stand in the line as the commit wants.
    gathered: Condvar,
    /// Changed under the lock only.
    is_closed: AtomicBool,
}

struct Queue<P> {
    /// Lowest position first.
    waiting: VecDeque<(P, Waker)>,
    /// How many the commit that gathers waits for; 0 when none does.
    wanted: usize,
    commits: u32,
}

impl<P> Default for Line<P> {
    fn default() -> Self {
        Self {
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                wanted: 0,
                commits: 0,
            }),
            gathered: Condvar::new(),
            is_closed: AtomicBool::new(false),
        }
    }
}

impl<P: Copy + Ord> Line<P> {
    /// Wakes everybody whose position is durable; says how many that were.
    pub(crate) fn advance(&self, durable: P) -> usize {
        let reached: Vec<_> = {
            let waiting = &mut self.lock().waiting;
            let count = waiting.partition_point(|it| it.0 <= durable);
            waiting.drain(..count).collect()
        };
        let woken = reached.len();
        reached.into_iter().for_each(|(_, waker)| waker.wake());
        woken
    }

    /// Blocks the commit thread a moment after it woke `woken`, if more of them are worth it; see the module.
    pub(crate) fn gather(&self, woken: usize) {
        let mut queue = self.lock();
        queue.wanted = match woken {
            0 if queue.waiting.is_empty() && !self.is_closed.load(Ordering::Acquire) => 1,
            0..MANY => return,
            MANY.. => {
                queue.commits = queue.commits.wrapping_add(1);
                let is_probe = queue.commits.is_multiple_of(PROBE_EVERY);
                woken * (1 + usize::from(is_probe))
            }
        };
        let gathering = self
            .gathered
            .wait_timeout_while(queue, GATHERING, |it| it.waiting.len() < it.wanted);
        let (mut queue, _) = gathering.unwrap_or_else(PoisonError::into_inner);
        queue.wanted = 0;
    }

    /// Nothing more will be durable: wakes everybody, and lets nobody wait any more.
    pub(crate) fn close(&self) {
        let left = {
            let mut queue = self.lock();
            self.is_closed.store(true, Ordering::Release);
            queue.wanted = 0;
            std::mem::take(&mut queue.waiting)
        };
        self.gathered.notify_one();
        left.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn poll(
        &self,
        durable: impl Fn() -> P,
        position: P,
        wait: &mut DurableWait<P>,
        cx: &Context<'_>,
    ) -> Poll<Result<P, NeverDurable>> {
        let reached = durable();
        if reached >= position {
            wait.place = None;
            return Poll::Ready(Ok(reached));
        }
        if !wait.is_for(position, cx.waker()) {
            let mut queue = self.lock();
            // The position is stored before `advance` takes the lock: seen here, or found in the line there.
            let reached = durable();
            if reached >= position {
                wait.place = None;
                return Poll::Ready(Ok(reached));
            }
            if !self.is_closed.load(Ordering::Acquire) {
                queue.enter(position, cx.waker().clone());
                wait.place = Some((position, cx.waker().clone()));
                if queue.wanted > 0 && queue.waiting.len() >= queue.wanted {
                    queue.wanted = 0;
                    self.gathered.notify_one();
                }
            }
        }
        if self.is_closed.load(Ordering::Acquire) {
            let reached = durable();
            return Poll::Ready(match reached >= position {
                true => Ok(reached),
                false => Err(NeverDurable),
            });
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Queue<P>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Copy + Ord> Queue<P> {
    fn enter(&mut self, position: P, waker: Waker) {
        let at = self.waiting.partition_point(|it| it.0 <= position);
        self.waiting.insert(at, (position, waker));
    }
}

impl<P: Copy + Ord> DurableWait<P> {
    fn is_for(&self, position: P, waker: &Waker) -> bool {
        let place = self.place.as_ref();
        place.is_some_and(|it| it.0 == position && it.1.will_wake(waker))
    }
}

impl Custody {
    /// The position up to which everything is kept for good.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        self.inner.vault.durable()
    }

    /// Ready once `position` is durable, with how far it is by then. Until then the task is woken when it is, not before.
    ///
    /// # Errors
    /// [`NeverDurable`] when the store has stopped.
    pub fn poll_durable(
        &self,
        position: Lsn,
        wait: &mut DurableWait,
        cx: &Context<'_>,
    ) -> Poll<Result<Lsn, NeverDurable>> {
        self.inner
            .line
            .poll(|| self.inner.vault.durable(), position, wait, cx)
    }

    /// Waits until `position` is durable.
    ///
    /// # Errors
    /// [`NeverDurable`] when the store has stopped.
    pub async fn until_durable(&self, position: Lsn) -> Result<Lsn, NeverDurable> {
        let mut wait = DurableWait::default();
        poll_fn(|cx| self.poll_durable(position, &mut wait, cx)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::task::Wake;

    use super::*;

    /// One who waits, and how often it was woken.
    #[derive(Default)]
    struct Waiter {
        woken: Arc<Woken>,
        wait: DurableWait<u64>,
    }

    #[derive(Default)]
    struct Woken(AtomicU64);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Waiter {
        fn poll(
            &mut self,
            line: &Line<u64>,
            durable: u64,
            position: u64,
        ) -> Poll<Result<u64, NeverDurable>> {
            let waker = Waker::from(Arc::clone(&self.woken));
            let cx = Context::from_waker(&waker);
            line.poll(|| durable, position, &mut self.wait, &cx)
        }

        fn woken(&self) -> u64 {
            self.woken.0.load(Ordering::SeqCst)
        }
    }

    fn waiters(line: &Line<u64>, positions: &[u64]) -> Vec<Waiter> {
        let wait = |position: &u64| {
            let mut waiter = Waiter::default();
            assert_eq!(waiter.poll(line, 0, *position), Poll::Pending);
            waiter
        };
        positions.iter().map(wait).collect()
    }

    #[test]
    fn a_waiter_is_woken_when_its_position_is_durable_and_not_before() {
        let line = Line::default();
        let positions = [3, 1, 2, 7, 5, 5];
        let mut waiters = waiters(&line, &positions);
        for durable in [1, 4, 4, 5, 6, 9] {
            line.advance(durable);
            for (waiter, position) in waiters.iter_mut().zip(positions) {
                assert_eq!(waiter.woken(), u64::from(position <= durable), "{durable}");
                let expected = match position <= durable {
                    true => Poll::Ready(Ok(durable)),
                    false => Poll::Pending,
                };
                assert_eq!(waiter.poll(&line, durable, position), expected);
            }
        }
        assert!(
            line.lock().waiting.is_empty(),
            "nobody stands in the line twice"
        );
    }

    #[test]
    fn what_is_durable_already_is_not_waited_for() {
        let line = Line::default();
        let mut waiter = Waiter::default();
        assert_eq!(waiter.poll(&line, 4, 4), Poll::Ready(Ok(4)));
        assert!(line.lock().waiting.is_empty());
    }

    #[test]
    fn a_waiter_that_asks_again_keeps_its_place_and_may_move_to_the_next_position() {
        let line = Line::default();
        let mut waiter = Waiter::default();
        for position in [2, 2, 2, 6, 6] {
            assert_eq!(waiter.poll(&line, 1, position), Poll::Pending);
        }
        assert_eq!(line.lock().waiting.len(), 2);
        line.advance(6);
        assert_eq!(waiter.woken(), 2);
    }

    #[test]
    fn the_end_wakes_everybody_and_tells_who_was_kept() {
        let line = Line::default();
        let mut all = waiters(&line, &[1, 2, 3]);
        line.close();
        for (waiter, expected) in all.iter_mut().zip([Ok(2), Ok(2), Err(NeverDurable)]) {
            assert_eq!(waiter.woken(), 1);
            let position = waiter.wait.place.as_ref().unwrap().0;
            assert_eq!(waiter.poll(&line, 2, position), Poll::Ready(expected));
        }
        let mut late = Waiter::default();
        assert_eq!(late.poll(&line, 2, 9), Poll::Ready(Err(NeverDurable)));
        assert!(line.lock().waiting.is_empty());
    }

    #[test]
    fn nobody_is_forgotten_while_positions_become_durable() {
        const LAST: u64 = 20_000;
        let line = Line::default();
        let durable = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for first in 1..=3 {
                let (line, durable) = (&line, &durable);
                scope.spawn(move || {
                    for position in (first..=LAST).step_by(3) {
                        let mut wait = DurableWait::default();
                        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
                        let cx = Context::from_waker(&waker);
                        let now = || durable.load(Ordering::Acquire);
                        while line.poll(now, position, &mut wait, &cx).is_pending() {
                            std::thread::park();
                        }
                    }
                });
            }
            for position in 1..=LAST {
                durable.store(position, Ordering::Release);
                line.advance(position);
            }
        });
        assert!(line.lock().waiting.is_empty());
    }

    #[test]
    fn a_commit_that_woke_few_gathers_nobody() {
        let line = Line::<u64>::default();
        for _ in 0..100 {
            line.gather(MANY - 1);
        }
        assert_eq!(line.lock().commits, 0, "it went on at once");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of a wait measures it")]
    fn while_nobody_waits_a_commit_gathers_until_somebody_does() {
        let line = Line::default();
        let start = std::time::Instant::now();
        line.gather(0);
        assert!(start.elapsed() >= GATHERING, "nobody came");
        let _waiter = waiters(&line, &[1]);
        line.gather(0);
        assert_eq!(line.lock().wanted, 0, "somebody waits: it went on at once");
        line.advance(1);
        line.lock().wanted = 1;
        let _next = waiters(&line, &[2]);
        assert_eq!(line.lock().wanted, 0, "who comes ends the gathering");
        line.close();
        line.gather(0);
        assert_eq!(line.lock().wanted, 0);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of a wait measures it")]
    fn a_commit_gathers_until_as_many_are_back_or_its_time_is_over() {
        let line = Line::default();
        let start = std::time::Instant::now();
        line.gather(MANY);
        assert!(start.elapsed() >= GATHERING, "nobody came");
        let _waiters = waiters(&line, &[1; MANY]);
        line.gather(MANY);
        let queue = line.lock();
        assert_eq!((queue.commits, queue.wanted), (2, 0));
    }

    #[test]
    fn whoever_completes_the_number_ends_the_gathering() {
        let line = Line::default();
        line.lock().wanted = 3;
        let _two = waiters(&line, &[1, 2]);
        assert_eq!(line.lock().wanted, 3);
        let _third = waiters(&line, &[3]);
        assert_eq!(line.lock().wanted, 0);
        line.lock().wanted = 9;
        line.close();
        assert_eq!(line.lock().wanted, 0, "the end does too");
    }

    struct Unpark(std::thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
}
