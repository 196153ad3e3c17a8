//! Accepting connections, and letting them end.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use custody::{Custody, Transport as Arrived};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use crate::clock::{Clock, Moment};
use crate::codecs::Codecs;
use crate::guard::Guard;
use crate::handover::Gated;
use crate::identity::{Arrival, pause_until};
use crate::listener::{Carries, Listener};
use crate::mqtt::{Connection, Desk, Kept, Registry, Session, Ticket, Told, Transport, WebSocket};
use crate::provisioning::Provisioner;
use crate::{Counter, Counters, Limits};

/// How long to wait when the operating system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long to wait while connections come faster than they may.
const PACE_PAUSE: Duration = Duration::from_millis(5);
/// After how much silence the operating system asks whether the other side is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// What the MQTT server works with.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The limits.
    pub limits: Arc<Limits>,
    /// The clock.
    pub clock: Clock,
    /// Rates and budgets, which HTTP shares.
    pub guard: Arc<Guard>,
    /// Runs codecs; without it messages that need one are refused.
    pub codecs: Option<Arc<Codecs>>,
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
    let provisioner = Provisioner::new(custody.clone(), Arc::clone(&counters), options.clock);
    let server = Server {
        custody,
        provisioner: Arc::new(provisioner),
        registry: Arc::new(Registry::default()),
        limits: options.limits,
        clock: options.clock,
        guard: options.guard,
        codecs: options.codecs,
        counters,
    };
    let registry = Arc::clone(&server.registry);
    let count = move |id: &str| registry.connections_of(id);
    server.guard.count_connections(count);
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut keeper = pin!(server.close_unopened());
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            () = &mut keeper => {}
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => report(ended),
            (accepted, listener) = accept(&listeners) => match accepted {
                Ok((stream, address)) => {
                    server.keep_pace().await;
                    server.admit(stream, address, listener, &mut tasks);
                }
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

/// Whether a handshake failed because of what the client's certificate says.
fn is_about_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|it| it.downcast_ref());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

/// The next connection of any listener.
async fn accept(listeners: &[Listener]) -> (io::Result<(TcpStream, SocketAddr)>, &Listener) {
    poll_fn(|cx| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.socket.poll_accept(cx) {
                return Poll::Ready((accepted, listener));
            }
        }
        Poll::Pending
    })
    .await
}

/// A connection that was let in.
struct Visit {
    ticket: Ticket<Box<Kept<Desk>>>,
    signal: Told<Desk>,
    from: IpAddr,
    at: Moment,
}

#[derive(Clone)]
pub(crate) struct Server {
    custody: Custody,
    registry: Arc<Registry<Box<Kept<Desk>>>>,
    limits: Arc<Limits>,
    clock: Clock,
    guard: Arc<Guard>,
    codecs: Option<Arc<Codecs>>,
    provisioner: Arc<Provisioner>,
    counters: Arc<Counters>,
}

impl Server {
    /// Waits while connections come faster than they may; the next ones wait in the backlog.
    async fn keep_pace(&self) {
        let may_accept = || self.guard.may_accept(self.clock.now().wall);
        if may_accept() {
            return;
        }
        self.counters.add(Counter::AcceptsPaced);
        while !may_accept() {
            tokio::time::sleep(PACE_PAUSE).await;
        }
    }

    /// Ends connections whose credentials do not open any more, as soon as that is so. Never ready.
    async fn close_unopened(&self) {
        let mut watch = self.custody.credential_watch();
        loop {
            let now = self.clock.now().wall;
            let next = self.registry.close_unopened(now);
            tokio::select! {
                () = watch.changed() => {}
                () = self.registry.ending() => {}
                () = tokio::time::sleep(pause_until(next, now)) => {}
            }
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        listener: &Listener,
        tasks: &mut JoinSet<()>,
    ) {
        if !self.guard.may_arrive(address.ip(), self.clock.now().wall) {
            return self.counters.add(Counter::RefusedAddressTooFast);
        }
        let (ticket, signal) = match self.registry.enter(address.ip(), &self.limits) {
            Ok(it) => it,
            Err(counter) => return self.counters.add(counter),
        };
        self.counters.add(Counter::ConnectionsAccepted);
        // A socket that is already gone fails at the first read.
        let _ = stream.set_nodelay(true);
        let keepalive = TcpKeepalive::new().with_time(TCP_KEEPALIVE);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        let visit = Visit {
            ticket,
            signal,
            from: address.ip(),
            at: self.clock.now(),
        };
        match &listener.tls {
            None => {
                let arrival = Arrival::plain(address.ip());
                if arrival.transport() == Arrived::Plain {
                    self.counters.add(Counter::ConnectionsPlain);
                }
                match listener.carries {
                    Carries::Mqtt => {
                        let connection = self.connection(stream, arrival, visit);
                        tasks.spawn(connection.run());
                    }
                    Carries::WebSocket => {
                        let server = self.clone();
                        let gated = Gated::new(stream, self.custody.clone());
                        tasks.spawn(server.run_websocket(gated, arrival, visit));
                    }
                }
            }
            Some(acceptor) => {
                // Below TLS: what is encrypted waits there too.
                let accepting = acceptor.accept(Gated::new(stream, self.custody.clone()));
                self.admit_tls(accepting, listener.carries, visit, tasks);
            }
        }
    }

    /// When a connection must have sent its whole CONNECT, with everything that comes before that.
    fn deadline(&self, visit: &Visit) -> tokio::time::Instant {
        let at_ms = visit.at.uptime_ms + self.limits.connect_timeout_ms;
        self.clock.instant(at_ms)
    }

    fn admit_tls(
        &self,
        accepting: tokio_rustls::Accept<Gated<TcpStream>>,
        carries: Carries,
        visit: Visit,
        tasks: &mut JoinSet<()>,
    ) {
        let deadline = self.deadline(&visit);
        let server = self.clone();
        tasks.spawn(async move {
            match tokio::time::timeout_at(deadline, accepting).await {
                Ok(Ok(stream)) => server.run_tls(stream, carries, visit).await,
                Ok(Err(err)) => {
                    server.counters.add(match is_about_certificate(&err) {
                        true => Counter::CertificatesRefused,
                        false => Counter::TlsHandshakeFailed,
                    });
                    server.counters.add(Counter::ConnectionsClosed);
                }
                Err(_) => {
                    server.counters.add(Counter::ConnectTimeouts);
                    server.counters.add(Counter::ConnectionsClosed);
                }
            }
        });
    }

    /// Runs a connection after its handshake; ends it when its certificate does.
    async fn run_tls<T: Transport + Send + 'static>(
        self,
        stream: TlsStream<Gated<T>>,
        carries: Carries,
        visit: Visit,
    ) {
        let chain = stream.get_ref().1.peer_certificates();
        let arrival = match Arrival::over_tls(&self.custody, chain, self.clock.now().wall) {
            Ok(it) => it,
            Err(_) => {
                self.counters.add(Counter::CertificatesRefused);
                self.counters.add(Counter::ConnectionsClosed);
                return;
            }
        };
        let number = visit.ticket.number();
        let identity = arrival.identity().cloned();
        let (registry, clock) = (Arc::clone(&self.registry), self.clock);
        let run: Pin<Box<dyn Future<Output = ()> + Send>> = match carries {
            Carries::Mqtt => Box::pin(self.connection(stream, arrival, visit).run()),
            Carries::WebSocket => Box::pin(self.run_websocket(stream, arrival, visit)),
        };
        let Some(identity) = identity else {
            return run.await;
        };
        let mut run = run;
        tokio::select! {
            () = &mut run => return,
            () = identity.ended(clock) => registry.uncertified(number),
        }
        run.await;
    }

    /// Runs a connection over WebSocket, after its handshake.
    async fn run_websocket<T: Transport>(self, stream: T, arrival: Arrival, visit: Visit) {
        let accepting = WebSocket::accept(stream, &self.limits);
        let counter = match tokio::time::timeout_at(self.deadline(&visit), accepting).await {
            Ok(Ok(stream)) => {
                let arrival = match stream.is_from_other_site() {
                    true => arrival.without_certificate(),
                    false => arrival,
                };
                let connection = self.connection(stream, arrival, visit);
                drop(self);
                return connection.run().await;
            }
            Ok(Err(_)) => Counter::NotMqtt,
            Err(_) => Counter::ConnectTimeouts,
        };
        self.counters.add(counter);
        self.counters.add(Counter::ConnectionsClosed);
    }

    fn connection<T: Transport>(
        &self,
        transport: T,
        arrival: Arrival,
        visit: Visit,
    ) -> Connection<T, Desk> {
        let number = visit.ticket.number();
        let session = Session::new(Arc::clone(&self.limits), number, visit.at);
        let desk = Desk::new(
            self.custody.clone(),
            visit.ticket,
            arrival.guarded(visit.from, &self.guard),
            Arc::clone(&self.limits),
            Arc::clone(&self.counters),
            self.codecs.clone(),
            Arc::clone(&self.provisioner),
        );
        let connection = Connection::new(
            transport,
            session,
            desk,
            Arc::clone(&self.counters),
            self.clock,
            visit.signal,
        );
        connection.holding(self.guard.share())
    }
}

#[cfg(test)]
impl Server {
    /// For tests that bring their own sockets.
    pub(crate) fn alone(custody: Custody) -> Self {
        let limits = Arc::new(Limits::default());
        let clock = Clock::start();
        let provisioner = Provisioner::new(custody.clone(), Arc::default(), clock);
        Self {
            custody,
            provisioner: Arc::new(provisioner),
            registry: Arc::default(),
            guard: Guard::new(Arc::clone(&limits)),
            limits,
            clock,
            codecs: None,
            counters: Arc::default(),
        }
    }

    pub(crate) async fn over_tls<T: Transport + Send + 'static>(
        self,
        stream: TlsStream<Gated<T>>,
        carries: Carries,
    ) {
        let visit = self.visit();
        self.run_tls(stream, carries, visit).await;
    }

    pub(crate) async fn over_websocket<T: Transport>(self, stream: T) {
        let visit = self.visit();
        let arrival = Arrival::plain(visit.from);
        self.run_websocket(stream, arrival, visit).await;
    }

    fn visit(&self) -> Visit {
        let from = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let (ticket, signal) = self.registry.enter(from, &self.limits).unwrap();
        Visit {
            ticket,
            signal,
            from,
            at: self.clock.now(),
        }
    }
}
