//! Between a permit and a socket there is HTTP's own buffer: nothing leaves it against rules that changed meanwhile.
//!
//! An MQTT session holds the delivery gate until its bytes are with the socket. A streamed HTTP answer cannot: it hands
//! a piece to the HTTP layer, which writes it when the socket takes it. So each connection has a [`Handover`]: the stream
//! notes under which rules its pieces were decided, and [`Gated`], the stream of bytes below, asks at each write, under
//! the delivery gate, whether these are the rules still, and whether no grant or licence has run out since. If not, the
//! connection ends there, what was not written is not counted, and the recipient connects again to get what it may have now.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use custody::{Custody, Receipt};
use model::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;

/// What one connection has handed to the HTTP layer and not yet to its socket.
#[derive(Clone, Default)]
pub struct Handover {
    pending: Arc<Mutex<Pending>>,
}

#[derive(Default)]
struct Pending {
    /// The number of the rules under which the oldest piece was decided.
    rules: u64,
    /// When the right to the first of the pieces ends although nobody acts.
    until: Option<Timestamp>,
    receipts: Vec<Receipt>,
}

/// A piece cannot be added: what waits was decided under other rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RulesChanged;

impl Handover {
    /// Notes a piece that was decided under the rules with this number, and until when it may leave under them. Call it under
    /// the delivery gate.
    pub(super) fn add(
        &self,
        receipts: Vec<Receipt>,
        rules: u64,
        until: Option<Timestamp>,
    ) -> Result<(), RulesChanged> {
        let mut pending = self.lock();
        if pending.receipts.is_empty() {
            pending.rules = rules;
            pending.until = None;
        } else if pending.rules != rules {
            receipts.into_iter().for_each(Receipt::void);
            return Err(RulesChanged);
        }
        pending.until = earlier(pending.until, until);
        pending.receipts.extend(receipts);
        Ok(())
    }

    /// Whether something waits that was decided under other rules than these, or may not leave any more; it is not counted then.
    fn is_stale(&self, rules: u64, now: Timestamp) -> bool {
        let mut pending = self.lock();
        let is_over = pending.until.is_some_and(|it| it <= now);
        let is_stale = !pending.receipts.is_empty() && (pending.rules != rules || is_over);
        if is_stale {
            pending.receipts.drain(..).for_each(Receipt::void);
        }
        is_stale
    }

    /// Everything is with the socket: the deliveries are made.
    fn done(&self) {
        self.lock().receipts.clear();
    }

    fn is_empty(&self) -> bool {
        self.lock().receipts.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The earlier of two ends; what has none goes on.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

impl Drop for Pending {
    /// The connection ended before these were written.
    fn drop(&mut self) {
        self.receipts.drain(..).for_each(Receipt::void);
    }
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handover(…)")
    }
}

/// A stream of bytes that writes nothing that was decided under other rules than those in force.
pub struct Gated<S> {
    stream: S,
    custody: Custody,
    clock: Clock,
    handover: Handover,
}

impl<S> Gated<S> {
    /// Puts the gate in front of a stream. The handover goes to the requests of the connection, as an extension.
    pub fn new(stream: S, custody: Custody) -> (Self, Handover) {
        let handover = Handover::default();
        let gated = Self {
            stream,
            custody,
            clock: Clock::start(),
            handover: handover.clone(),
        };
        (gated, handover)
    }

    /// Writes by `write`, under the delivery gate where deliveries wait.
    fn through<T>(
        &mut self,
        write: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>>
    where
        S: Unpin,
    {
        if self.handover.is_empty() {
            return write(Pin::new(&mut self.stream));
        }
        let _gate = self.custody.delivery_gate();
        let now = self.clock.now().wall;
        if self.handover.is_stale(self.custody.rules_in_force(), now) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        write(Pin::new(&mut self.stream))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.through(|stream| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.through(|stream| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The HTTP layer flushes when its own buffer is empty: everything that it was given is with the socket then.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.handover.done();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
