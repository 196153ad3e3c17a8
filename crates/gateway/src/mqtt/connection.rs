//! The shell of a session: one task that moves bytes between a socket and the machine.
//!
//! A wake-up reads once, hands everything to the session, appends the acknowledgements and the
//! deliveries that are due, and writes once, again while there may be more. Reading borrows a buffer of the thread, so a
//! connection at rest holds none; what stays is the start of a packet that is not whole yet.
//!
//! Deliveries are permitted, written and handed to the socket under the delivery gate, in one
//! synchronous stretch: after a choice is acknowledged no older decision is still on its way here.
//! Where frames of WebSocket or records of TLS lie in between, what they hold back is gated at the socket (see
//! [`crate::handover`]): it counts as delivered when they have nothing left, and if an act comes first the connection ends.
//!
//! A thing is not read while it would crowd out a recipient that is waited for, nor while too much waits for the disk.
//! A recipient says after each turn whether its own side is what stands in the way: its socket, or its window. Then
//! publishers wait for what it has earned by taking deliveries, and no longer: what does not fit is dropped and counted. The
//! connection's timer sees to that.

mod sending;
mod transport;
mod unflushed;
pub(crate) mod websocket;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;

use super::away::{Away, Successor, Told};
use super::backend::{Backend, Stopped};
use super::output::Output;
use super::registry::Signal;
use super::session::{Ctx, Kept, Session};
use crate::clock::{Clock, Moment};
use crate::guard::Held;
use crate::{Counter, Counters};

pub(crate) use transport::Transport;
use unflushed::Unflushed;
pub(crate) use websocket::WebSocket;

/// How much is read at once: about a hundred messages, which is the work of one turn.
const READ_BYTES: usize = 16 * 1024;
/// How many times a turn may go round before other tasks get theirs.
const ROUNDS: usize = 2;
/// Above this many bytes the start of a packet gives its memory back when it is used up.
const KEPT_INPUT_BYTES: usize = 512;
/// So close to its end the timer may have ended already.
const TIMER_SLACK_MS: u64 = 2;
/// How long a closing connection may take to read its last packet.
const LINGER: Duration = Duration::from_secs(1);

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// Why a turn has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The session is over; what is in the output is still to be sent.
    Closed,
    /// The socket is gone.
    Gone,
}

/// What became of reading or writing once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moved {
    /// Nothing was there; the task is woken when something is.
    Nothing,
    /// Everything that was there; the task is woken when more is.
    All,
    /// Something, and there may be more.
    Some,
}

/// One connection: a socket, a session, and custody behind it.
pub(crate) struct Connection<T, B: Backend> {
    transport: T,
    session: Session<B>,
    backend: B,
    counters: Arc<Counters>,
    clock: Clock,
    /// The start of a packet, or packets that must wait.
    input: Vec<u8>,
    output: Output,
    /// Whether the transport holds nothing back of what it took.
    is_flushed: bool,
    /// What it may hold back, where it can.
    unflushed: Unflushed<B>,
    /// The client takes no deliveries now: its socket is full, or its window is closed.
    takes_nothing: bool,
    /// When publishers have waited long enough for it.
    patience_ends_ms: Option<u64>,
    signal: Option<Told<B>>,
    /// Who has connected in the place of this client, and where its session is to go.
    successor: Option<Successor<B>>,
    timer: Pin<Box<Sleep>>,
    timer_ms: u64,
    /// Whom the timer wakes, once it has been asked.
    timer_wakes: Option<Waker>,
    /// What it holds of what all hold together.
    held: Option<Held>,
    /// Since when its client takes nothing of what is there for it.
    stuck_since_ms: Option<u64>,
    /// A delivery could not be tried, because the socket takes nothing.
    is_blocked: bool,
}

impl<T: Transport, B: Backend> Connection<T, B> {
    pub(crate) fn new(
        transport: T,
        session: Session<B>,
        backend: B,
        counters: Arc<Counters>,
        clock: Clock,
        signal: Told<B>,
    ) -> Self {
        let timer_ms = session.deadline_ms().unwrap_or(u64::MAX / 2);
        Self {
            transport,
            session,
            backend,
            counters,
            timer: Box::pin(tokio::time::sleep_until(clock.instant(timer_ms))),
            timer_ms,
            timer_wakes: None,
            clock,
            input: Vec::new(),
            output: Output::default(),
            is_flushed: true,
            unflushed: Unflushed::default(),
            takes_nothing: false,
            patience_ends_ms: None,
            signal: Some(signal),
            successor: None,
            held: None,
            stuck_since_ms: None,
            is_blocked: false,
        }
    }

    /// The same, counting what it holds.
    pub(crate) fn holding(mut self, held: Held) -> Self {
        self.held = Some(held);
        self
    }

    /// Runs the connection to its end, and then its session for as long as it is kept.
    pub(crate) async fn run(mut self) {
        let turn = poll_fn(|cx| self.poll_turn(cx)).await;
        // In a place of its own, so that a connection at rest does not hold it.
        Box::pin(self.part(turn)).await;
    }

    /// Says goodbye to the client, and keeps its session.
    async fn part(mut self, turn: Turn) {
        let is_claiming = self.session.is_claiming();
        let kept = self.end();
        let Self {
            transport,
            output,
            unflushed,
            session,
            backend,
            counters,
            clock,
            signal,
            successor,
            held,
            ..
        } = self;
        drop(held);
        let late = Duration::from_millis(session.late_ms());
        let goodbye = async move {
            if !late.is_zero() {
                tokio::time::sleep(late).await;
            }
            goodbye(transport, output, unflushed, turn).await;
        };
        let away = Away {
            backend,
            limits: session.into_limits(),
            counters: Arc::clone(&counters),
            clock,
        };
        if kept.is_some() || is_claiming {
            let goodbye = async {
                goodbye.await;
                counters.add(Counter::ConnectionsClosed);
            };
            // A client that comes back at once does not wait for the last words of its old connection.
            tokio::join!(goodbye, away.run(kept, successor, signal));
        } else {
            goodbye.await;
            drop(away);
            counters.add(Counter::ConnectionsClosed);
        }
    }

    /// Does what can be done now; ready when the session is over.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let now = self.clock.now();
        self.poll_signal(now, cx);
        for round in 0.. {
            let moved = match self.round(now, cx) {
                Ok(moved) => moved,
                Err(_) => return Poll::Ready(Turn::Gone),
            };
            if self.session.is_closed() {
                return Poll::Ready(Turn::Closed);
            }
            match self.poll_durable(cx) {
                Poll::Pending if moved < Moved::Some => break,
                Poll::Ready(Err(Stopped)) => return Poll::Ready(Turn::Gone),
                Poll::Pending | Poll::Ready(Ok(())) => {}
            }
            if round >= ROUNDS {
                cx.waker().wake_by_ref();
                break;
            }
        }
        self.settle(now, cx);
        self.note_progress(now);
        self.weigh(now);
        self.poll_timer(now, cx);
        if self.is_given_up(now) {
            self.counters.add(Counter::ClientsNotReading);
            return Poll::Ready(Turn::Gone);
        }
        match self.session.is_closed() {
            true => Poll::Ready(Turn::Closed),
            false => Poll::Pending,
        }
    }

    /// Says how the client is.
    fn settle(&mut self, now: Moment, cx: &Context<'_>) {
        let takes_nothing = self.takes_nothing;
        self.patience_ends_ms = self.backend.settle(takes_nothing, now.uptime_ms, cx);
    }

    /// Notes since when a packet is not whole, and since when the client takes nothing.
    fn note_progress(&mut self, now: Moment) {
        let has_start = !self.input.is_empty() || self.transport.held_bytes() > 0;
        self.session.note_rest(has_start, now);
        if self.output.is_empty() && self.is_flushed && !self.is_blocked {
            self.stuck_since_ms = None;
        } else {
            self.stuck_since_ms.get_or_insert(now.uptime_ms);
        }
    }

    /// When the client has taken nothing for too long.
    fn given_up_at_ms(&self) -> Option<u64> {
        let patience_ms = self.session.write_timeout_ms();
        self.stuck_since_ms.map(|it| it.saturating_add(patience_ms))
    }

    fn is_given_up(&self, now: Moment) -> bool {
        // The timer may be early by the part of a millisecond.
        self.given_up_at_ms()
            .is_some_and(|it| it <= now.uptime_ms || self.timer.is_elapsed() && it <= self.timer_ms)
    }

    /// Counts what is held until the next turn; whoever makes it too much ends.
    fn weigh(&mut self, now: Moment) {
        let Some(held) = &mut self.held else {
            return;
        };
        let (bytes, is_stranger) = self.session.held_bytes();
        let input = self.input.capacity() + self.transport.held_bytes();
        let output = self.output.buffer().capacity();
        let bytes = [input, output, bytes]
            .into_iter()
            .filter(|it| *it > KEPT_INPUT_BYTES);
        if !held.set(bytes.sum(), is_stranger) {
            self.with_session(now, |session, ctx| session.overloaded(ctx));
        }
    }

    /// Ready when an acknowledgement that waited can be written.
    fn poll_durable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        match self.session.waits_for() {
            Some(position) => self.backend.poll_durable(position, cx),
            None => Poll::Pending,
        }
    }

    /// The session of the client may have been given up by whoever held it.
    fn poll_claim(&mut self, now: Moment, cx: &mut Context<'_>) {
        if self.session.is_claiming()
            && let Poll::Ready(kept) = self.backend.poll_claim(cx)
        {
            self.with_session(now, |session, ctx| session.accept(kept, ctx));
        }
    }

    /// Reads once and writes once.
    fn round(&mut self, now: Moment, cx: &mut Context<'_>) -> io::Result<Moved> {
        self.poll_claim(now, cx);
        let could_read = self.session.may_read(self.output.unsent().len());
        let read = self.poll_read(now, cx)?;
        self.acknowledge();
        if self.session.is_draining() && !self.session.is_waiting_for_durability() {
            self.session.shut_down(self.output.buffer());
        }
        if self.session.late_ms() > 0 {
            // What is said last is said late.
            return Ok(read);
        }
        let written = self.poll_write(now, cx)?;
        Ok(match read.max(written) {
            // What was written, or acknowledged, may be what reading waited for.
            Moved::All if !could_read => Moved::Some,
            moved => moved,
        })
    }

    fn acknowledge(&mut self) {
        if self.session.is_waiting_for_durability() {
            let durable = self.backend.durable();
            self.session.acknowledge(durable, self.output.buffer());
        }
    }

    fn poll_signal(&mut self, now: Moment, cx: &mut Context<'_>) {
        let Some(signal) = &mut self.signal else {
            return;
        };
        if let Poll::Ready(told) = Pin::new(signal).poll(cx) {
            self.signal = None;
            match told {
                Ok(Signal::TakenOver { start, reply }) => {
                    self.successor = Some(Successor { start, reply });
                    self.with_session(now, |session, ctx| session.taken_over(ctx));
                }
                Ok(Signal::Closed(why)) => self.with_session(now, |session, ctx| {
                    session.close_unopened(why, ctx);
                }),
                Ok(Signal::Stop) => self.session.drain(now),
                // Only who has no connection makes room.
                Ok(Signal::MakeRoom) | Err(_) => {}
            }
        }
    }

    /// The timer may be early, never late: packets move the deadline on without touching it.
    fn poll_timer(&mut self, now: Moment, cx: &mut Context<'_>) {
        while let Some(deadline_ms) = self.deadline_ms() {
            if deadline_ms < self.timer_ms {
                self.set_timer(deadline_ms);
            } else if self.is_timer_set(now, cx) {
                return;
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                self.timer_wakes = Some(cx.waker().clone());
                return;
            }
            if deadline_ms > now.uptime_ms.max(self.timer_ms) {
                self.set_timer(deadline_ms);
                continue;
            }
            let due = Moment {
                uptime_ms: now.uptime_ms.max(self.timer_ms),
                ..now
            };
            self.with_session(due, |session, ctx| session.tick(ctx));
            if self.patience_ends_ms.is_some() {
                self.settle(due, cx);
            }
            if self.deadline_ms().is_none_or(|it| it <= due.uptime_ms) {
                return;
            }
        }
    }

    fn deadline_ms(&self) -> Option<u64> {
        let deadlines = [
            self.session.deadline_ms(),
            self.given_up_at_ms(),
            self.patience_ends_ms,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Whether the timer runs and wakes this task: then it need not be asked at each turn.
    fn is_timer_set(&self, now: Moment, cx: &Context<'_>) -> bool {
        let wakes = self.timer_wakes.as_ref();
        now.uptime_ms + TIMER_SLACK_MS < self.timer_ms
            && wakes.is_some_and(|it| it.will_wake(cx.waker()))
    }

    fn set_timer(&mut self, at_ms: u64) {
        self.timer_wakes = None;
        self.timer_ms = at_ms;
        let at = self.clock.instant(at_ms);
        self.timer.as_mut().reset(at);
    }

    fn with_session<R>(
        &mut self,
        now: Moment,
        act: impl FnOnce(&mut Session<B>, &mut Ctx<'_, B>) -> R,
    ) -> R {
        let mut ctx = Ctx {
            backend: &mut self.backend,
            counters: &self.counters,
            out: self.output.buffer(),
            now,
        };
        act(&mut self.session, &mut ctx)
    }

    /// Reads, unless packets wait or must wait.
    fn poll_read(&mut self, now: Moment, cx: &mut Context<'_>) -> io::Result<Moved> {
        if !self.session.may_read(self.output.unsent().len())
            || self.backend.poll_room(cx).is_pending()
        {
            return Ok(Moved::Nothing);
        }
        if !self.input.is_empty() && (self.use_input(now) > 0 || !self.backend.has_room()) {
            return Ok(Moved::Some);
        }
        if !self.session.may_read(self.output.unsent().len()) {
            return Ok(Moved::Nothing);
        }
        let Some(is_short) = self.poll_read_once(now, cx)? else {
            return Ok(Moved::Nothing);
        };
        let waits_for_more = is_short
            && self.input.is_empty()
            && !self.session.is_claiming()
            && self.session.may_read(self.output.unsent().len())
            && self.transport.poll_readable(cx).is_pending();
        Ok(match waits_for_more {
            true => Moved::All,
            false => Moved::Some,
        })
    }

    /// Reads once, and tells whether that was all there was for now; nothing when there was nothing.
    fn poll_read_once(&mut self, now: Moment, cx: &mut Context<'_>) -> io::Result<Option<bool>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            match Pin::new(&mut self.transport).poll_read(cx, &mut buffer) {
                Poll::Pending => return Ok(None),
                Poll::Ready(outcome) => outcome?,
            }
            let read = buffer.filled();
            if read.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.counters
                .add_many(Counter::BytesReceived, read.len() as u64);
            if self.input.is_empty() {
                let used = self.with_session(now, |session, ctx| session.receive(read, ctx));
                self.input
                    .extend_from_slice(read.get(used..).unwrap_or_default());
            } else {
                self.input.extend_from_slice(read);
                self.use_input(now);
            }
            Ok(Some(buffer.remaining() > 0))
        })
    }

    /// Hands over what was left from before; gives how much of it was used.
    fn use_input(&mut self, now: Moment) -> usize {
        let input = std::mem::take(&mut self.input);
        let used = self.with_session(now, |session, ctx| session.receive(&input, ctx));
        self.input = input;
        self.input.drain(..used);
        if self.input.is_empty() && self.input.capacity() > KEPT_INPUT_BYTES {
            self.input = Vec::new();
        }
        used
    }

    /// Ends the session on this connection; gives what is to be kept of it.
    fn end(&mut self) -> Option<Box<Kept<B>>> {
        let now = self.clock.now();
        let start = self.successor.as_ref().map(|it| it.start);
        self.backend.park(now.uptime_ms);
        self.with_session(now, |session, ctx| session.end(start, ctx))
    }
}

/// Sends the last packet and waits a moment until the client has read it: closing a socket with unread input would
/// throw away what was sent.
async fn goodbye<T: Transport, B: Backend>(
    mut transport: T,
    output: Output,
    mut unflushed: Unflushed<B>,
    turn: Turn,
) {
    if turn == Turn::Gone {
        return;
    }
    let last_words = async {
        transport.write_all(output.unsent()).await?;
        transport.flush().await?;
        unflushed.delivered(transport.handover());
        transport.shutdown().await?;
        let mut discarded = [0; 512];
        while transport.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether it worked or not, the connection ends here.
    let _ = tokio::time::timeout(LINGER, last_words).await;
}

#[cfg(test)]
mod tests;
