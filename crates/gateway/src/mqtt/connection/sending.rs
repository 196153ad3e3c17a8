//! The sending side of a connection: what is in the output, commands, and deliveries behind them.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use model::Timestamp;

use super::{Connection, Moved, Transport};
use crate::clock::Moment;
use crate::mqtt::backend::Backend;
use crate::mqtt::output::{Mark, Output};
use crate::mqtt::session::{Sent, Undo};
use crate::{Counter, Counters};

/// How many deliveries are permitted under one gate, and how many bytes are gathered for them.
const BATCH_DELIVERIES: usize = 256;
const BATCH_BYTES: usize = 64 * 1024;

/// Above this many bytes the thread lets go of the memory in which batches are written.
const KEPT_BATCH_BYTES: usize = 256 * 1024;

thread_local! {
    /// Lent to the connection that sends a batch, so that none at rest holds so much and none has to grow it.
    static BATCH_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A packet in the output, until it is with the socket.
pub(super) type Written<B> = Mark<Undo<<B as Backend>::Delivery>, <B as Backend>::Receipt>;

impl<T: Transport, B: Backend> Connection<T, B> {
    /// Writes once: what is in the output, and deliveries behind it.
    pub(super) fn poll_write(&mut self, now: Moment, cx: &mut Context<'_>) -> io::Result<Moved> {
        self.poll_commands(now, cx);
        self.poll_outcomes(now, cx);
        let count = self.poll_batch(cx)?;
        if count > 0 {
            let moved = self.send_batch(count, now, cx)?;
            return Ok(if moved { Moved::Some } else { Moved::Nothing });
        }
        if self.output.is_empty() {
            return self.poll_flush(cx).map(|_| Moved::Nothing);
        }
        let moved = write_once(&mut self.transport, &mut self.output, &self.counters, cx)?;
        self.takes_nothing |= !self.output.is_empty();
        self.is_flushed = false;
        if moved {
            self.stuck_since_ms = None;
        }
        self.poll_flush(cx)?;
        // A listener is asked for commands when the output is empty, which it may not have been.
        let is_done = self.output.is_empty() && self.is_flushed && !self.session.is_listening();
        Ok(match (moved, is_done) {
            (false, _) => Moved::Nothing,
            (true, true) => Moved::All,
            (true, false) => Moved::Some,
        })
    }

    /// Writes commands for the thing into the output, while its window is open and it reads. A command may hurt somebody, so it
    /// is not decided before the socket takes it: what waited here would go when nobody expects it.
    pub(super) fn poll_commands(&mut self, now: Moment, cx: &mut Context<'_>) {
        if !self.session.is_listening()
            || !self.output.is_empty()
            || !matches!(self.is_writable(cx), Ok(true))
        {
            return;
        }
        while self.session.window() > 0 && self.output.unsent().len() < BATCH_BYTES {
            let Poll::Ready(command) = self.backend.poll_command(cx, now.wall) else {
                return;
            };
            self.with_session(now, |session, ctx| session.tell(&command, ctx));
        }
    }

    /// Writes what became of commands of the recipient into the output, while it reads.
    fn poll_outcomes(&mut self, now: Moment, cx: &mut Context<'_>) {
        if !self.session.hears_outcomes()
            || !self.output.is_empty()
            || !matches!(self.is_writable(cx), Ok(true))
        {
            return;
        }
        while self.output.unsent().len() < BATCH_BYTES {
            let Poll::Ready(event) = self.backend.poll_outcome(cx, now.wall) else {
                return;
            };
            self.with_session(now, |session, ctx| session.tell_outcome(event, ctx));
        }
    }

    /// Whether the transport has given everything on; the waker is registered if not.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if !self.is_flushed {
            match Pin::new(&mut self.transport).poll_flush(cx) {
                Poll::Ready(outcome) => {
                    outcome?;
                    self.is_flushed = true;
                    if self.output.is_empty() {
                        self.unflushed.delivered(self.transport.handover());
                    }
                }
                Poll::Pending => {}
            }
        }
        Ok(self.is_flushed)
    }

    /// How many deliveries may be tried now: none while the client's window is closed or the socket
    /// takes nothing.
    pub(super) fn poll_batch(&mut self, cx: &mut Context<'_>) -> io::Result<usize> {
        let window = self.session.window().min(BATCH_DELIVERIES);
        self.is_blocked = false;
        self.takes_nothing = window == 0;
        if window == 0
            || (!self.session.has_next()
                && self
                    .session
                    .poll_offered(&mut self.backend, cx, 1)
                    .is_pending())
        {
            return Ok(0);
        }
        if !self.is_writable(cx)? {
            self.takes_nothing = true;
            self.is_blocked = true;
            return Ok(0);
        }
        let more = window.saturating_sub(self.session.queued());
        if more > 0 {
            // Woken by what is queued already: whether there is more does not matter.
            let _ = self.session.poll_offered(&mut self.backend, cx, more);
        }
        Ok(window)
    }

    pub(super) fn is_writable(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if !self.poll_flush(cx)? {
            return Ok(false);
        }
        match self.transport.poll_writable(cx) {
            Poll::Ready(outcome) => outcome.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// Decides on at most `count` deliveries, writes what may leave, and hands it to the socket.
    pub(super) fn send_batch(
        &mut self,
        count: usize,
        now: Moment,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        let mut marks = Vec::with_capacity(count.min(self.session.queued()));
        let mut tally = Tally::default();
        let mut payload = Vec::new();
        self.output.lend(BATCH_BUFFER.take());
        let gate = self.backend.gate();
        if let Some(handover) = self.transport.handover() {
            // Before anything is decided: see `http::receive`.
            handover.open(self.backend.rules(), now.wall)?;
        }
        for _ in 0..count {
            if self.output.unsent().len() >= BATCH_BYTES {
                break;
            }
            let out = self.output.buffer();
            let start = out.len();
            let Some(sent) = self
                .session
                .send_next(&self.backend, now.wall, &mut payload, out)
            else {
                break;
            };
            tally.note(sent, start, &mut marks);
        }
        let outcome = if self.output.is_empty() {
            Ok(true)
        } else {
            self.is_flushed = false;
            let until = match self.transport.handover() {
                Some(_) => marks.iter().filter_map(|it| B::ends_at(&it.receipt)).min(),
                None => None,
            };
            let write =
                |transport: &mut T| write_once(transport, &mut self.output, &self.counters, cx);
            under_gate(&mut self.transport, until, write)
        };
        drop(gate);
        self.takes_nothing = !self.output.is_empty();
        for mark in self.output.take_back(&mut marks).into_iter().rev() {
            B::void(mark.receipt);
            self.session.take_back(mark.undo);
        }
        if let Some(buffer) = self.output.give_back()
            && buffer.capacity() <= KEPT_BATCH_BYTES
        {
            BATCH_BUFFER.set(buffer);
        }
        self.session.shrink();
        tally.count(&marks, &self.counters);
        self.unflushed.add(marks, self.transport.handover());
        let moved = outcome?;
        if moved {
            self.stuck_since_ms = None;
        }
        self.poll_flush(cx)?;
        Ok(moved)
    }
}

/// What became of the deliveries of a batch.
#[derive(Debug, Default)]
struct Tally {
    not_permitted: u64,
    too_large: u64,
    expired: u64,
}

impl Tally {
    fn note<B: Backend>(&mut self, sent: Sent<B>, start: usize, marks: &mut Vec<Written<B>>) {
        match sent {
            Sent::Written {
                receipt,
                undo,
                is_repeated,
            } => marks.push(Mark {
                start,
                is_repeated,
                undo,
                receipt,
            }),
            Sent::NotPermitted => self.not_permitted += 1,
            Sent::TooLarge => self.too_large += 1,
            Sent::Expired => self.expired += 1,
            Sent::Unwanted => {}
        }
    }

    fn count<D, R>(&self, marks: &[Mark<D, R>], counters: &Counters) {
        let repeated = marks.iter().filter(|it| it.is_repeated).count();
        for (counter, count) in [
            (Counter::DeliveriesSent, (marks.len() - repeated) as u64),
            (Counter::DeliveriesRepeated, repeated as u64),
            (Counter::DeliveriesNotPermitted, self.not_permitted),
            (Counter::DeliveriesTooLarge, self.too_large),
            (Counter::DeliveriesExpired, self.expired),
        ] {
            if count > 0 {
                counters.add_many(counter, count);
            }
        }
    }
}

/// Writes what was decided under the delivery gate, which is held; it may leave until then.
fn under_gate<T: Transport, R>(
    transport: &mut T,
    until: Option<Timestamp>,
    write: impl FnOnce(&mut T) -> R,
) -> R {
    let Some(handover) = transport.handover().cloned() else {
        return write(transport);
    };
    handover.limit(until);
    handover.under_gate(|| write(transport))
}

/// One write of what is in the output; tells whether the socket took anything.
fn write_once<T: Transport>(
    transport: &mut T,
    output: &mut Output,
    counters: &Counters,
    cx: &mut Context<'_>,
) -> io::Result<bool> {
    match Pin::new(transport).poll_write(cx, output.unsent()) {
        Poll::Pending => Ok(false),
        Poll::Ready(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
        Poll::Ready(Ok(count)) => {
            counters.add_many(Counter::BytesSent, count as u64);
            output.sent(count);
            Ok(true)
        }
        Poll::Ready(Err(err)) => Err(err),
    }
}
