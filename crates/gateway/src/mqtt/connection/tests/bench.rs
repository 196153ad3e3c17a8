//! A connection over a socket that takes as many bytes as the test allows.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use super::super::{Connection, Kept, Signal, Transport, Turn};
use crate::clock::Clock;
use crate::mqtt::decode::Version;
use crate::mqtt::session::Session;
use crate::mqtt::testing::{FakeBackend, World, connect, offered, subscribe, texts};
use crate::{Counters, Limits};

/// Both ends of a socket, as the test sees them.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) to_server: VecDeque<u8>,
    pub(super) client_closed: bool,
    /// How many bytes the socket takes before it blocks.
    room: usize,
    pub(super) written: Vec<u8>,
    pub(super) writes: usize,
    pub(super) server_closed: bool,
}

#[derive(Clone, Default)]
pub(super) struct FakeSocket(pub(super) Arc<Mutex<Wire>>);

impl AsyncRead for FakeSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.0.lock().unwrap();
        if wire.to_server.is_empty() && !wire.client_closed {
            return Poll::Pending;
        }
        let count = wire.to_server.len().min(buffer.remaining());
        let bytes: Vec<u8> = wire.to_server.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FakeSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.0.lock().unwrap();
        if wire.room == 0 {
            return Poll::Pending;
        }
        let count = bytes.len().min(wire.room);
        wire.room -= count;
        wire.writes += 1;
        wire.written.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().server_closed = true;
        Poll::Ready(Ok(()))
    }
}

impl Transport for FakeSocket {
    fn poll_writable(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.lock().unwrap().room {
            0 => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// A connection over such a socket, and what a test sees and moves of both.
pub(super) struct Bench {
    pub(super) connection: Connection<FakeSocket, FakeBackend>,
    pub(super) socket: FakeSocket,
    pub(super) world: Arc<Mutex<World>>,
    pub(super) counters: Arc<Counters>,
    version: Version,
    pub(super) signal: Option<oneshot::Sender<Signal<Box<Kept<FakeBackend>>>>>,
}

impl Bench {
    pub(super) fn new(version: Version, limits: Limits) -> Self {
        let clock = Clock::start();
        let socket = FakeSocket::default();
        let backend = FakeBackend::default();
        let counters = Arc::new(Counters::default());
        let (signal, told) = oneshot::channel();
        let world = Arc::clone(&backend.world);
        let connection = Connection::new(
            socket.clone(),
            Session::new(Arc::new(limits), 1, clock.now()),
            backend,
            Arc::clone(&counters),
            clock,
            told,
        );
        Self {
            connection,
            socket,
            world,
            counters,
            version,
            signal: Some(signal),
        }
    }

    pub(super) fn connected(version: Version, user_name: &str, limits: Limits) -> Self {
        let mut bench = Self::new(version, limits);
        bench.room(1_000_000);
        bench.send(&connect(version, user_name));
        assert_eq!(bench.turn(), Poll::Pending);
        assert_eq!(bench.answers(), ["CONNACK 0x00"]);
        bench
    }

    /// A recipient with one subscription, tag 1.
    pub(super) fn subscribed(version: Version, qos: u8) -> Self {
        let mut bench = Self::connected(version, "recipient", Limits::default());
        bench.send(&subscribe(version, &[("for/research/#", qos)], &[]));
        assert_eq!(bench.turn(), Poll::Pending);
        bench.answers();
        bench
    }

    pub(super) fn send(&self, bytes: &[u8]) {
        self.socket.0.lock().unwrap().to_server.extend(bytes);
    }

    pub(super) fn room(&self, bytes: usize) {
        self.socket.0.lock().unwrap().room = bytes;
    }

    pub(super) fn offer(&self, payloads: &[&str]) {
        let offered = payloads.iter().map(|it| offered(1, it));
        self.world.lock().unwrap().offered.extend(offered);
    }

    pub(super) fn turn(&mut self) -> Poll<Turn> {
        let mut cx = Context::from_waker(Waker::noop());
        self.connection.poll_turn(&mut cx)
    }

    /// The vault has moved on.
    pub(super) fn durable(&mut self, position: u64) {
        self.world.lock().unwrap().durable = position;
        let _ = self.turn();
    }

    /// What has been written since the last call, whole packets only.
    pub(super) fn answers(&self) -> Vec<String> {
        let mut wire = self.socket.0.lock().unwrap();
        wire.writes = 0;
        texts(&std::mem::take(&mut wire.written), self.version)
    }

    pub(super) fn written(&self) -> usize {
        self.socket.0.lock().unwrap().written.len()
    }
}
