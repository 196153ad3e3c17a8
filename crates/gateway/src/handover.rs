//! Between a permit and a socket there may be buffers: nothing leaves them against rules that changed meanwhile.
//!
//! MQTT over plain TCP holds the delivery gate until its bytes are with the socket. Everything else has something in
//! between that takes bytes and writes them later: HTTP's own buffer, the frames of WebSocket, the records of TLS, which
//! cannot be taken back once they are encrypted. So each such connection has a [`Handover`]:
//!
//! ```text
//! who permits      notes under which rules it decided, and until when they hold      Handover::add, Handover::open
//!    [`Flushed`]   notes that everything is with the socket (HTTP; MQTT does it itself)
//!    buffers       HTTP, WebSocket, TLS
//!    [`Gated`]     asks at each write, under the delivery gate, whether these are the rules still
//! socket
//! ```
//!
//! If they are not, or a grant or licence has run out since, not one more byte is written: the connection ends there, what
//! was not written is not counted, and the recipient connects again to get what it may have now. Where no delivery waits,
//! bytes of a handshake, an answer or an acknowledgement pass without a question.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use custody::{Custody, Receipt};
use model::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;

/// What one connection has handed to the layers above its socket and not yet to the socket.
#[derive(Clone, Default)]
pub struct Handover {
    pending: Arc<Mutex<Pending>>,
}

#[derive(Default)]
struct Pending {
    /// How the deliveries that wait were decided; nothing when none wait.
    decided: Option<Decided>,
    /// Those that are counted here; who permits may keep them instead.
    receipts: Vec<Receipt>,
    /// Whoever writes now holds the delivery gate, since before it decided.
    is_gate_held: bool,
    /// Something waited that must not leave: nothing more does.
    is_over: bool,
}

#[derive(Debug, Clone, Copy)]
struct Decided {
    /// The number of the rules under which the oldest was decided.
    rules: u64,
    /// When the right to the first of them ends although nobody acts.
    until: Option<Timestamp>,
}

/// A delivery cannot be added: what waits was decided under other rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RulesChanged;

impl From<RulesChanged> for io::Error {
    fn from(_: RulesChanged) -> Self {
        io::ErrorKind::ConnectionAborted.into()
    }
}

impl Handover {
    /// Notes a piece that was decided under the rules with this number, and until when it may leave under them. Call it under
    /// the delivery gate.
    pub(crate) fn add(
        &self,
        receipts: Vec<Receipt>,
        rules: u64,
        until: Option<Timestamp>,
    ) -> Result<(), RulesChanged> {
        let mut pending = self.lock();
        let before = pending.decided.unwrap_or(Decided { rules, until });
        if pending.is_over || before.rules != rules {
            receipts.into_iter().for_each(Receipt::void);
            return Err(RulesChanged);
        }
        let until = earlier(before.until, until);
        pending.decided = Some(Decided { rules, until });
        pending.receipts.extend(receipts);
        Ok(())
    }

    /// Says that deliveries are decided next, under the rules with this number. Call it under the delivery gate, before the
    /// first is decided, and [`Handover::done`] if none may leave.
    pub(crate) fn open(&self, rules: u64, now: Timestamp) -> Result<(), RulesChanged> {
        if self.is_stale(rules, now) {
            return Err(RulesChanged);
        }
        self.add(Vec::new(), rules, None)
    }

    /// Says until when what was decided since [`Handover::open`] may leave.
    pub(crate) fn limit(&self, until: Option<Timestamp>) {
        if let Some(decided) = &mut self.lock().decided {
            decided.until = earlier(decided.until, until);
        }
    }

    /// Writes while the caller holds the delivery gate, which it took before it decided on what is new here.
    pub(crate) fn under_gate<T>(&self, write: impl FnOnce() -> T) -> T {
        self.lock().is_gate_held = true;
        let written = write();
        self.lock().is_gate_held = false;
        written
    }

    /// Whether something waits that was decided under other rules than these, or may not leave any more; it is not counted
    /// then. Once it is so it stays so.
    fn is_stale(&self, rules: u64, now: Timestamp) -> bool {
        let mut pending = self.lock();
        let is_stale = |it: &Decided| it.rules != rules || it.until.is_some_and(|it| it <= now);
        if pending.decided.as_ref().is_some_and(is_stale) {
            pending.is_over = true;
            pending.receipts.drain(..).for_each(Receipt::void);
        }
        pending.is_over
    }

    /// Everything is with the socket: the deliveries are made.
    pub(crate) fn done(&self) {
        let mut pending = self.lock();
        if !pending.is_over {
            pending.decided = None;
            pending.receipts.clear();
        }
    }

    /// Whether something waited that must not leave: then nothing more was written.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Whether a write needs no question.
    fn is_free(&self) -> bool {
        let pending = self.lock();
        !pending.is_over && (pending.decided.is_none() || pending.is_gate_held)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The earlier of two ends; what has none goes on.
pub(crate) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
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

/// A socket that is given nothing that was decided under other rules than those in force. Whatever buffers is above it.
pub struct Gated<S> {
    stream: S,
    custody: Custody,
    clock: Clock,
    handover: Handover,
}

impl<S> Gated<S> {
    /// Puts the gate in front of a socket.
    pub fn new(stream: S, custody: Custody) -> Self {
        Self {
            stream,
            custody,
            clock: Clock::start(),
            handover: Handover::default(),
        }
    }

    /// The handover of the connection, for who permits and for [`Flushed`].
    #[must_use]
    pub fn handover(&self) -> &Handover {
        &self.handover
    }

    pub(crate) fn socket(&self) -> &S {
        &self.stream
    }

    /// Writes by `write`, under the delivery gate where deliveries wait.
    fn through<T>(
        &mut self,
        write: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>>
    where
        S: Unpin,
    {
        if self.handover.is_free() {
            return write(Pin::new(&mut self.stream));
        }
        let _gate = self.custody.delivery_gate();
        let now = self.clock.now().wall;
        if self.handover.is_stale(self.custody.rules_in_force(), now) {
            return Poll::Ready(Err(RulesChanged.into()));
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

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What HTTP writes to: it flushes when its own buffer is empty, and what is below has nothing left when that is done.
pub struct Flushed<S> {
    stream: S,
    handover: Handover,
}

impl<S> Flushed<S> {
    /// Notes in the handover of a [`Gated`] below when everything is with its socket.
    pub fn new(stream: S, handover: Handover) -> Self {
        Self { stream, handover }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flushed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flushed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

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

#[cfg(test)]
mod tests;
