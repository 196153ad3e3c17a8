//! Accepting connections, and letting them end.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use custody::Custody;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::listener::Listener;
use crate::mqtt::{Connection, Desk, Registry, Session, Signal, Ticket, Transport};
use crate::{Counter, Counters, Limits};

/// How long to wait when the operating system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// After how much silence the operating system asks whether the other side is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// What the MQTT server works with.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The limits.
    pub limits: Arc<Limits>,
    /// The clock.
    pub clock: Clock,
}

/// Serves MQTT on all `listeners` until `shutdown` is ready, then lets the connections end: nothing
/// more is read, what is durable is acknowledged, MQTT 5 clients are told, and after
/// [`Limits::drain_timeout_ms`] whatever is left is dropped.
pub async fn serve(
    listeners: Vec<Listener>,
    custody: Custody,
    options: ServeOptions,
    counters: Arc<Counters>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let server = Server {
        custody,
        registry: Arc::new(Registry::default()),
        limits: options.limits,
        clock: options.clock,
        counters,
    };
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => report(ended),
            (accepted, tls) = accept(&listeners) => match accepted {
                Ok((stream, address)) => server.admit(stream, address, tls, &mut tasks),
                Err(err) => {
                    server.counters.add(Counter::AcceptFailed);
                    if !is_about_one_connection(&err) {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            },
        }
    }
    drop(listeners);
    server.registry.stop();
    let drained = async {
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    };
    let patience = Duration::from_millis(server.limits.drain_timeout_ms);
    if tokio::time::timeout(patience, drained).await.is_err() {
        tracing::warn!("some MQTT connections did not end in time and are dropped");
    }
}

/// A connection that panicked has ended alone; the others go on.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(err) = ended {
        tracing::error!("an MQTT connection ended by a fault of ours: {err}");
    }
}

/// Whether it was the other side that gave up; pausing then would let a stranger slow us down.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// The next connection of any listener.
async fn accept(
    listeners: &[Listener],
) -> (io::Result<(TcpStream, SocketAddr)>, Option<&TlsAcceptor>) {
    poll_fn(|cx| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.socket.poll_accept(cx) {
                return Poll::Ready((accepted, listener.tls.as_ref()));
            }
        }
        Poll::Pending
    })
    .await
}

#[derive(Clone)]
struct Server {
    custody: Custody,
    registry: Arc<Registry>,
    limits: Arc<Limits>,
    clock: Clock,
    counters: Arc<Counters>,
}

impl Server {
    fn admit(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        tls: Option<&TlsAcceptor>,
        tasks: &mut JoinSet<()>,
    ) {
        let (ticket, signal) = match self.registry.enter(address.ip(), &self.limits) {
            Ok(it) => it,
            Err(counter) => return self.counters.add(counter),
        };
        self.counters.add(Counter::ConnectionsAccepted);
        // A socket that is already gone fails at the first read.
        let _ = stream.set_nodelay(true);
        let keepalive = TcpKeepalive::new().with_time(TCP_KEEPALIVE);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        match tls {
            None => {
                let connection = self.connection(stream, ticket, signal);
                tasks.spawn(connection.run());
            }
            Some(acceptor) => {
                let accepting = acceptor.accept(stream);
                self.admit_tls(accepting, ticket, signal, tasks);
            }
        }
    }

    fn admit_tls(
        &self,
        accepting: tokio_rustls::Accept<TcpStream>,
        ticket: Ticket,
        signal: oneshot::Receiver<Signal>,
        tasks: &mut JoinSet<()>,
    ) {
        let patience = Duration::from_millis(self.limits.connect_timeout_ms);
        let server = self.clone();
        tasks.spawn(async move {
            match tokio::time::timeout(patience, accepting).await {
                Ok(Ok(stream)) => {
                    let connection = server.connection(stream, ticket, signal);
                    drop(server);
                    connection.run().await;
                }
                Ok(Err(_)) => {
                    server.counters.add(Counter::TlsHandshakeFailed);
                    server.counters.add(Counter::ConnectionsClosed);
                }
                Err(_) => {
                    server.counters.add(Counter::ConnectTimeouts);
                    server.counters.add(Counter::ConnectionsClosed);
                }
            }
        });
    }

    fn connection<T: Transport>(
        &self,
        transport: T,
        ticket: Ticket,
        signal: oneshot::Receiver<Signal>,
    ) -> Connection<T, Desk> {
        let session = Session::new(Arc::clone(&self.limits), ticket.number(), self.clock.now());
        let desk = Desk::new(self.custody.clone(), ticket, self.limits.outbox_deliveries);
        Connection::new(
            transport,
            session,
            desk,
            Arc::clone(&self.counters),
            self.clock,
            signal,
        )
    }
}
