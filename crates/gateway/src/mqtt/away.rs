//! A session whose connection is gone, as a task: it takes in what is offered, publishes the will when it is due, and
//! waits until the client comes back or the session expires.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::backend::{Backend, Start};
use super::registry::Signal;
use super::session::Kept;
use crate::clock::{Clock, Moment};
use crate::{Counter, Counters, Limits};

/// How many deliveries are taken in before other tasks get their turn.
const TAKEN_AT_ONCE: usize = 256;
/// How long a connection that died before its session was handed to it waits for it.
const CLAIM_PATIENCE: Duration = Duration::from_secs(10);

/// What a connection is told, and by what its session is called back.
pub(crate) type Told<B> = oneshot::Receiver<Signal<Box<Kept<B>>>>;

/// A newer connection of the same client.
pub(super) struct Successor<B: Backend> {
    /// What it wants of the session.
    pub(super) start: Start,
    /// Where the session is to go.
    pub(super) reply: Option<oneshot::Sender<Box<Kept<B>>>>,
}

/// A session without a connection, and what it needs.
pub(super) struct Away<B: Backend> {
    pub(super) backend: B,
    pub(super) limits: Arc<Limits>,
    pub(super) counters: Arc<Counters>,
    pub(super) clock: Clock,
}

/// How a session without a connection ends here.
enum Ending<B: Backend> {
    /// A new connection of the client takes it.
    HandedOver(oneshot::Sender<Box<Kept<B>>>),
    /// It is over: the client wants a new one, its time is up, or another one of the peer needs the place.
    Over,
    /// The server stops, or what opened it does not open any more: no will is published.
    Silent,
}

impl<B: Backend> Ending<B> {
    fn told(signal: Option<Signal<Box<Kept<B>>>>) -> Self {
        match signal {
            Some(Signal::TakenOver { start, reply }) => Successor { start, reply }.into(),
            Some(Signal::MakeRoom) => Self::Over,
            Some(Signal::Stop | Signal::Closed(_)) | None => Self::Silent,
        }
    }
}

impl<B: Backend> From<Successor<B>> for Ending<B> {
    fn from(successor: Successor<B>) -> Self {
        match (successor.start, successor.reply) {
            (Start::Resume, Some(reply)) => Self::HandedOver(reply),
            _ => Self::Over,
        }
    }
}

impl<B: Backend> Away<B> {
    /// Keeps a session until somebody takes it or it ends. Without one, it is the one that the connection had claimed
    /// when it died.
    pub(super) async fn run(
        mut self,
        kept: Option<Box<Kept<B>>>,
        successor: Option<Successor<B>>,
        told: Option<Told<B>>,
    ) {
        let kept = match kept {
            Some(it) => Some(it),
            None => self.claimed().await,
        };
        let Some(mut kept) = kept else {
            return;
        };
        let ending = match (successor, told) {
            (Some(it), _) => Ending::from(it),
            (None, Some(told)) => self.rest(&mut kept, told).await,
            // It was told to stop.
            (None, None) => Ending::Silent,
        };
        match ending {
            Ending::HandedOver(reply) => {
                kept.give(self.backend.rest());
                // When whoever asked for it is gone, so is the session.
                let _ = reply.send(kept);
            }
            Ending::Over => {
                let now = self.clock.now();
                kept.publish_will(&mut self.backend, now, &self.counters);
                kept.end(&mut self.backend);
            }
            Ending::Silent => {}
        }
    }

    /// The session that was claimed is not lost with the connection that had claimed it.
    async fn claimed(&mut self) -> Option<Box<Kept<B>>> {
        let claimed = poll_fn(|cx| self.backend.poll_claim(cx));
        let mut kept = tokio::time::timeout(CLAIM_PATIENCE, claimed).await.ok()??;
        if let Some(resting) = kept.come_back(self.clock.now()) {
            self.backend.wake(resting);
        }
        Some(kept)
    }

    async fn rest(&mut self, kept: &mut Kept<B>, mut told: Told<B>) -> Ending<B> {
        if !self.backend.step_aside() {
            self.counters.add(Counter::SessionsNotKept);
            return Ending::Over;
        }
        let mut timer = Box::pin(self.sleep_until(kept.deadline_ms()));
        let mut taken = VecDeque::new();
        poll_fn(|cx| {
            if let Poll::Ready(signal) = Pin::new(&mut told).poll(cx) {
                return Poll::Ready(Ending::told(signal.ok()));
            }
            match self.poll_time(kept, timer.as_mut(), cx) {
                Poll::Ready(()) => return Poll::Ready(Ending::Over),
                Poll::Pending => {}
            }
            self.take_in(kept, &mut taken, cx);
            Poll::Pending
        })
        .await
    }

    fn sleep_until(&self, at_ms: u64) -> Sleep {
        tokio::time::sleep_until(self.clock.instant(at_ms))
    }

    /// Ready when the time of the session is up.
    fn poll_time(
        &mut self,
        kept: &mut Kept<B>,
        mut timer: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while timer.as_mut().poll(cx).is_ready() {
            let now = self.clock.now();
            // The timer may be early by the part of a millisecond.
            let uptime_ms = now.uptime_ms.max(kept.deadline_ms());
            if kept.tick(
                &mut self.backend,
                Moment { uptime_ms, ..now },
                &self.counters,
            ) {
                return Poll::Ready(());
            }
            timer.as_mut().reset(self.clock.instant(kept.deadline_ms()));
        }
        Poll::Pending
    }

    /// Nobody waits for an absent client: what does not fit is dropped and counted.
    fn take_in(
        &mut self,
        kept: &mut Kept<B>,
        taken: &mut VecDeque<B::Delivery>,
        cx: &mut Context<'_>,
    ) {
        self.backend.park(self.clock.now().uptime_ms);
        if self
            .backend
            .poll_deliveries(cx, TAKEN_AT_ONCE, taken)
            .is_ready()
        {
            for delivery in taken.drain(..) {
                kept.offer(delivery, &self.limits, &self.counters);
            }
            cx.waker().wake_by_ref();
        }
    }
}
