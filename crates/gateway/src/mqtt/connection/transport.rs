//! What a connection needs of its socket.

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::handover::{Gated, Handover};

/// A byte stream that can say, without writing, whether it would take bytes.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Ready when a write would make progress.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Pending when nothing is there to be read, and the task is woken when something is. Ready when that is not known.
    fn poll_readable(&self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// How many bytes it holds of a message that is not whole yet, where it has messages of its own.
    fn held_bytes(&self) -> usize {
        0
    }

    /// Where it may hold bytes back that it took: what they were decided under is noted there.
    fn handover(&self) -> Option<&Handover> {
        None
    }
}

impl Transport for TcpStream {
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(cx)
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_read_ready(cx).map(|_| ())
    }
}

impl<T: Transport> Transport for Gated<T> {
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_writable(cx)
    }

    fn handover(&self) -> Option<&Handover> {
        Some(Gated::handover(self))
    }
}

impl<T: Transport> Transport for TlsStream<Gated<T>> {
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_ref().0.poll_writable(cx)
    }

    fn handover(&self) -> Option<&Handover> {
        Some(self.get_ref().0.handover())
    }
}
