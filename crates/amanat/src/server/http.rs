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
use gateway::http::{Gated, Handover};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::lifecycle::Stopping;

use address::{Addresses, Turn};
use progress::Progressing;

/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what is sent to it.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when the operating system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What connections may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct HttpLimits {
    /// How many may be open.
    pub(super) connections: usize,
    /// How many of them one address may have; loopback is not counted.
    pub(super) connections_per_address: usize,
    /// How long a client may take nothing of what is sent to it.
    pub(super) progress: Duration,
    /// How long they may take to finish when the server stops.
    pub(super) drain: Duration,
}

/// Serves until it is time to stop, then lets requests finish.
pub(super) async fn serve(
    socket: TcpListener,
    router: Router,
    data: Option<Custody>,
    limits: HttpLimits,
    mut stopping: Stopping,
) {
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
        let Some(turn) = addresses.enter(address) else {
            continue;
        };
        let stream = Progressing::new(stream, limits.progress);
        let held = (place, turn);
        let router = router.clone();
        match &data {
            None => {
                let service = TowerToHyperService::new(router);
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                tasks.spawn(finish(graceful.watch(connection), held));
            }
            Some(data) => {
                let (stream, handover) = Gated::new(stream, data.clone());
                let service = Handing {
                    router: TowerToHyperService::new(router),
                    handover,
                };
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                tasks.spawn(finish(graceful.watch(connection), held));
            }
        }
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

/// A client that goes away or sends nonsense is its own affair.
async fn finish<E>(connection: impl Future<Output = Result<(), E>>, _held: (Place, Turn)) {
    let _ = connection.await;
}

/// Gives each request the handover of its connection.
struct Handing {
    router: TowerToHyperService<Router>,
    handover: Handover,
}

impl Service<hyper::Request<hyper::body::Incoming>> for Handing {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future =
        <TowerToHyperService<Router> as Service<hyper::Request<hyper::body::Incoming>>>::Future;

    fn call(&self, mut request: hyper::Request<hyper::body::Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.handover.clone());
        self.router.call(request)
    }
}

/// The next connection, once there is a place for it; `None` when the operating system refuses for now.
async fn accept(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, IpAddr, Place)> {
    let place = places.clone().acquire_owned().await.ok()?;
    let (stream, address) = socket.accept().await.ok()?;
    // A socket that is already gone fails at the first read.
    let _ = stream.set_nodelay(true);
    Some((stream, address.ip(), place))
}

#[cfg(test)]
mod tests;
