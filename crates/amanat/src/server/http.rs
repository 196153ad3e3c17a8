//! HTTP/1.1 connections: how many, how slow, and how they end.
//!
//! When [`HttpLimits::connections`] are open, new ones wait in the backlog of the operating system; an address that has
//! [`HttpLimits::connections_per_address`] open gets no more, except loopback. A connection that sends no complete head
//! for [`HEAD_TIMEOUT`], be it new or between two requests, or takes nothing of an answer for [`WRITE_TIMEOUT`], is closed.

mod address;
mod progress;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use custody::Custody;
use gateway::{Arrival, Flushed, Gated, Guard, Handover};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::clock;
use crate::lifecycle::Stopping;

use address::{Addresses, Turn};
use progress::Progressing;

/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the TLS handshake may take.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what is sent to it.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when the operating system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What connections may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpLimits {
    /// How many may be open.
    pub(crate) connections: usize,
    /// How many of them one address may have; loopback is not counted.
    pub(crate) connections_per_address: usize,
    /// How long a client may take nothing of what is sent to it.
    pub(crate) progress: Duration,
    /// How long they may take to finish when the server stops.
    pub(crate) drain: Duration,
}

/// Where connections come in.
pub(crate) struct Door {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// How to speak TLS on it, where that is spoken.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Rates that are shared with MQTT, where devices and recipients are served.
    pub(crate) guard: Option<Arc<Guard>>,
}

impl Door {
    /// Without TLS.
    pub(crate) fn plain(socket: TcpListener) -> Self {
        Self {
            socket,
            tls: None,
            guard: None,
        }
    }

    /// With the rates of the server.
    pub(super) fn guarded(mut self, guard: &Arc<Guard>) -> Self {
        self.guard = Some(Arc::clone(guard));
        self
    }
}

/// Serves until it is time to stop, then lets requests finish.
pub(crate) async fn serve(
    door: Door,
    router: Router,
    data: Option<Custody>,
    limits: HttpLimits,
    mut stopping: Stopping,
) {
    let Door { socket, tls, guard } = door;
    let places = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::new(limits.connections_per_address);
    let graceful = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.wait() => break,
            accepted = accept(&socket, &places) => accepted,
        };
        while tasks.try_join_next().is_some() {}
        let Some((stream, address, place)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if guard
            .as_ref()
            .is_some_and(|it| !it.may_arrive(address, clock::now()))
        {
            continue;
        }
        let Some(turn) = addresses.enter(address) else {
            continue;
        };
        let connection = Connection {
            builder: builder.clone(),
            router: router.clone(),
            data: data.clone(),
            progress: limits.progress,
            address,
            guard: guard.clone(),
            watcher: graceful.watcher(),
            _held: (place, turn),
        };
        match &tls {
            None => tasks.spawn(connection.run_plain(stream, Arrival::plain(address))),
            Some(acceptor) => tasks.spawn(connection.run_tls(acceptor.clone(), stream)),
        };
    }
    drop(socket);
    if tokio::time::timeout(limits.drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some HTTP connections did not end in time and are dropped");
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// A connection that was let in.
struct Connection {
    builder: http1::Builder,
    router: Router,
    /// Where devices and recipients are served: what they may have, and which certificates count.
    data: Option<Custody>,
    progress: Duration,
    address: IpAddr,
    guard: Option<Arc<Guard>>,
    watcher: Watcher,
    _held: (Place, Turn),
}

impl Connection {
    /// A client that cannot finish its handshake, or whose certificate counts for nothing, is its own affair.
    async fn run_tls(self, acceptor: TlsAcceptor, stream: TcpStream) {
        let Some(data) = self.data.clone() else {
            return;
        };
        // Below TLS: what is encrypted waits there too.
        let accepting = acceptor.accept(Gated::new(stream, data.clone()));
        let Ok(Ok(stream)) = tokio::time::timeout(TLS_TIMEOUT, accepting).await else {
            return;
        };
        let (gated, session) = stream.get_ref();
        let handover = gated.handover().clone();
        let chain = session.peer_certificates();
        if let Ok(arrival) = Arrival::over_tls(&data, chain, clock::now()) {
            self.run(stream, handover, arrival).await;
        }
    }

    async fn run_plain(self, stream: TcpStream, arrival: Arrival) {
        match self.data.clone() {
            None => {
                let stream = Progressing::new(stream, self.progress);
                let service = TowerToHyperService::new(self.router);
                let connection = self.builder.serve_connection(TokioIo::new(stream), service);
                let _ = self.watcher.watch(connection).await;
            }
            Some(data) => {
                let gated = Gated::new(stream, data);
                let handover = gated.handover().clone();
                self.run(gated, handover, arrival).await;
            }
        }
    }

    /// A client that goes away or sends nonsense is its own affair.
    async fn run<S>(self, stream: S, handover: Handover, arrival: Arrival)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let arrival = match &self.guard {
            Some(guard) => arrival.guarded(self.address, guard),
            None => arrival,
        };
        let stream = Progressing::new(stream, self.progress);
        let stream = Flushed::new(stream, handover.clone());
        let service = Handing {
            router: TowerToHyperService::new(self.router),
            handover,
            arrival,
            came_from: web::CameFrom(gateway::network(self.address)),
        };
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let _ = self.watcher.watch(connection).await;
    }
}

/// Gives each request the handover of its connection, and how it came in.
struct Handing {
    router: TowerToHyperService<Router>,
    handover: Handover,
    arrival: Arrival,
    came_from: web::CameFrom,
}

impl Service<hyper::Request<hyper::body::Incoming>> for Handing {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future =
        <TowerToHyperService<Router> as Service<hyper::Request<hyper::body::Incoming>>>::Future;

    fn call(&self, mut request: hyper::Request<hyper::body::Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.handover.clone());
        request.extensions_mut().insert(self.arrival.clone());
        request.extensions_mut().insert(self.came_from);
        self.router.call(request)
    }
}

/// The next connection, once there is a place for it; `None` when the operating system refuses for now.
async fn accept(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, Place)> {
    let place = places.clone().acquire_owned().await.ok()?;
    let (stream, address) = socket.accept().await.ok()?;
    // A socket that is already gone fails at the first read.
    let _ = stream.set_nodelay(true);
    Some((stream, address.ip(), place))
}

#[cfg(test)]
mod tests;
