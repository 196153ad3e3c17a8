//! A body on its way: it says how it was decided at the moment when it is handed to HTTP, below whose buffer the socket's gate is; and
//! it counts as delivered when a byte of it has come to the socket.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Bytes;
use custody::Receipt;
use hyper::body::{Frame, SizeHint};
use model::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::handover::Handover;

/// What was decided of a body.
pub(super) struct Decided {
    pub(super) receipts: Vec<Receipt>,
    /// The number of the rules under which it was decided.
    pub(super) rules: u64,
    /// When the right to some of it ends although nobody acts.
    pub(super) until: Option<Timestamp>,
}

/// A body in one piece.
pub(super) struct Handed {
    bytes: Bytes,
    decided: Option<(u64, Option<Timestamp>)>,
    handover: Handover,
    outcome: Arc<Outcome>,
    is_read: bool,
}

/// What is counted once it is known whether anything was written.
pub(super) struct Outcome {
    receipts: Mutex<Vec<Receipt>>,
    /// How much had been written when the body was handed on; `u64::MAX` before.
    handed_at: AtomicU64,
    written: Arc<AtomicU64>,
}

impl Handed {
    pub(super) fn new(
        bytes: Bytes,
        decided: Option<Decided>,
        handover: &Handover,
        written: Arc<AtomicU64>,
    ) -> Self {
        let how = decided.as_ref().map(|it| (it.rules, it.until));
        let receipts = decided.map(|it| it.receipts).unwrap_or_default();
        Self {
            bytes,
            decided: how,
            handover: handover.clone(),
            outcome: Arc::new(Outcome {
                receipts: Mutex::new(receipts),
                handed_at: AtomicU64::new(u64::MAX),
                written,
            }),
            is_read: false,
        }
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// To be held until no more is written.
    pub(super) fn outcome(&self) -> Arc<Outcome> {
        Arc::clone(&self.outcome)
    }
}

impl hyper::body::Body for Handed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_read {
            return Poll::Ready(None);
        }
        self.is_read = true;
        if let Some((rules, until)) = self.decided
            && let Err(err) = self.handover.add(Vec::new(), rules, until)
        {
            return Poll::Ready(Some(Err(err.into())));
        }
        let outcome = &self.outcome;
        let written = outcome.written.load(Ordering::Acquire);
        outcome.handed_at.store(written, Ordering::Release);
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_read
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

impl Drop for Outcome {
    /// Where nothing was written after the body was handed on, nothing of it left.
    fn drop(&mut self) {
        let written = self.written.load(Ordering::Acquire);
        let has_left = written > self.handed_at.load(Ordering::Acquire);
        let receipts = self
            .receipts
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        match has_left {
            true => receipts.clear(),
            false => receipts.drain(..).for_each(Receipt::void),
        }
    }
}

/// A socket that counts what is written to it.
pub(super) struct Counted<S> {
    stream: S,
    written: Arc<AtomicU64>,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, written: Arc<AtomicU64>) -> Self {
        Self { stream, written }
    }

    fn count(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &polled {
            self.written.fetch_add(*count as u64, Ordering::AcqRel);
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count(polled)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::Request;
    use custody::{Custody, CustodyOptions};
    use tokio::io::{AsyncReadExt as _, duplex};

    use super::*;
    use crate::courier::web;
    use crate::handover::{Flushed, Gated};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    /// How many bytes lie between the two ends.
    const CAPACITY: usize = 2_048;

    fn custody() -> (tempfile::TempDir, Custody) {
        let directory = testkit::temp_dir();
        let options = CustodyOptions {
            directory: directory.path().to_owned(),
            record_origin: "record.example/test".to_owned(),
        };
        let db = store::Db::open(&testkit::sqlite_with(&custody::MIGRATION_SETS)).unwrap();
        let custody = Custody::open(&options, db).unwrap();
        (directory, custody)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn after_an_act_no_byte_of_a_batch_passes_the_socket() {
        let (_directory, custody) = custody();
        let (near, mut far) = duplex(CAPACITY);
        let written = Arc::new(AtomicU64::new(0));
        let gated = Gated::new(Counted::new(near, Arc::clone(&written)), custody.clone());
        let handover = gated.handover().clone();
        let decided = Decided {
            receipts: Vec::new(),
            rules: custody.rules_in_force(),
            until: None,
        };
        let bytes = Bytes::from(vec![b'x'; 100_000]);
        let body = Handed::new(bytes, Some(decided), &handover, Arc::clone(&written));
        let outcome = body.outcome();
        let request = Request::post("/in").body(Body::new(body)).unwrap();
        let stream = Flushed::new(gated, handover.clone());
        let sent = tokio::spawn(web::head(stream, "endpoint.test", request));
        let is_full = || written.load(Ordering::SeqCst) == CAPACITY as u64;
        testkit::wait_until("the socket is full", Duration::from_secs(20), is_full);
        custody.act(NOW, |act| act.set_caps(&[])).unwrap();
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), CAPACITY, "not one byte more");
        assert!(sent.await.unwrap().is_err());
        assert!(
            handover.is_over(),
            "so it is made anew, and no failure of the receiver"
        );
        let handed_at = outcome.handed_at.load(Ordering::SeqCst);
        assert!(
            written.load(Ordering::SeqCst) > handed_at,
            "so it counts as delivered"
        );
    }
}
