//! What waits to be sent, and the next of it.

use std::task::{Context, Poll};

use super::outbound::Undo;
use super::{Phase, Session};
use crate::mqtt::backend::Backend;

/// What became of the next packet.
pub(crate) enum Sent<B: Backend> {
    /// It stands in the output buffer.
    Written {
        /// To be voided if the packet is not sent.
        receipt: B::Receipt,
        /// To be given to [`Session::take_back`] if the packet is not sent.
        undo: Undo<B::Delivery>,
        /// It was sent before, on another connection.
        is_repeated: bool,
    },
    /// It may not leave (any more).
    NotPermitted,
    /// Its message expiry interval is over.
    Expired,
    /// Its subscription has ended, or another one sends it.
    Unwanted,
    /// It is longer than the client takes, and counts as delivered (5.0, 3.1.2-25).
    TooLarge,
}

impl<B: Backend> Session<B> {
    /// Whether something waits to be sent.
    pub(crate) fn has_next(&self) -> bool {
        let state = &self.state;
        state.outbound.has_due() || !state.queue.is_empty() || !state.retained.is_empty()
    }

    /// Takes at most `limit` offered deliveries from custody; the task is woken when there are some.
    pub(crate) fn poll_offered(
        &mut self,
        backend: &mut B,
        cx: &mut Context<'_>,
        limit: usize,
    ) -> Poll<()> {
        backend.poll_deliveries(cx, limit, &mut self.state.queue)
    }

    /// How many deliveries wait.
    pub(crate) fn queued(&self) -> usize {
        self.state.queue.len()
    }

    /// Decides on what is next and writes it, if it may leave; `payload` is memory to work in. Nothing when nothing
    /// waits.
    pub(crate) fn send_next(
        &mut self,
        backend: &B,
        now: model::Timestamp,
        payload: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Option<Sent<B>> {
        if !matches!(self.phase, Phase::Open(_)) {
            return None;
        }
        if self.state.outbound.has_due() {
            return self.send_again(backend, now, payload, out);
        }
        let retained = self.state.next_retained(now);
        let delivery = retained.or_else(|| self.state.queue.pop_front())?;
        Some(self.send_first(delivery, backend, now, payload, out))
    }

    /// The queue is empty for now: its memory is given back.
    pub(crate) fn shrink(&mut self) {
        if self.state.queue.is_empty() && self.state.queue.capacity() > 0 {
            self.state.queue = std::collections::VecDeque::new();
        }
    }
}
