//! CoAP (RFC 7252) for things, over UDP: `POST /ingest/v1`, and ThingsBoard's `POST /api/v1/{access token}/telemetry`.
//!
//! What a datagram leads to:
//!
//! | datagram | what happens | counter |
//! |---|---|---|
//! | from nobody (port 0, a group, ourselves), of another version, shorter than a header | nothing | `coap_malformed` |
//! | more than the address may send | nothing | `coap_too_fast` |
//! | CON with a format error, CON without a code (a "ping"), CON with a response | reset (4.2, 4.3) | `coap_malformed`; none for a ping |
//! | NON, ACK or RST with a format error, NON with a response or empty | nothing | `coap_malformed` |
//! | ACK or RST, empty | the response that it is about is not sent again | |
//! | a copy of a request | what the first got ([`exchange`]) | `coap_duplicates` |
//! | a request | its options and path ([`request`]), who sends it, its rate, its pieces ([`block`]), then custody ([`keeping`]) | see [`answer`] |
//!
//! A response to somebody who has shown no token is never longer than the request (11.3), so a forged address gains
//! nothing. There is no history, no Observe and no discovery: GET is 4.05, whatever the options. There is neither DTLS nor
//! OSCORE (ADR 0020), so it listens on private addresses only, and what comes from other machines is noted as plain.
//!
//! One task owns the socket and all memory of it; a message is kept in a task of its own, as many at once as
//! [`MAX_UNDER_WAY`], each with at most the longest message.

mod address;
mod answer;
#[cfg(test)]
pub(crate) mod any_bytes;
#[cfg(test)]
pub(crate) mod any_pieces;
mod block;
mod exchange;
mod keeping;
mod message;
mod request;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use custody::{Custody, Publisher};
use ring::rand::{SecureRandom, SystemRandom};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::clock::{Clock, Moment};
use crate::codecs::Codecs;
use crate::guard::Guard;
use crate::identity::Arrival;
use crate::listener::{PlainReach, is_private};
use crate::{Counter, Counters, Limits};

use address::Addresses;
use answer::Wrong;
use block::{Piece, Step, TransferKey, Transfers};
use exchange::{Exchanges, Key, Seen};
use keeping::{Keeper, Whole};
use message::{Code, Kind, Message, ReadError, Response, option};
use request::Request;

/// The longest datagram: longer messages come in pieces. RFC 7252 section 4.6 asks for 1,152.
const MAX_DATAGRAM_BYTES: usize = 2_048;
/// How many messages are being kept at once.
const MAX_UNDER_WAY: usize = 1_024;
/// How many bytes may wait in the socket while we are busy.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;
/// How often what is over is forgotten.
const SWEEP_MS: u64 = 10_000;
/// How long to wait when the operating system cannot receive.
const RECEIVE_PAUSE: Duration = Duration::from_millis(50);

/// Why the listener could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CoapBindError {
    /// On a public address.
    #[error(
        "`{0}` can be reached from outside, and CoAP has no encryption here: everybody on the way can read and change what passes; use a loopback or private address"
    )]
    InPublic(SocketAddr),
    /// The operating system refused.
    #[error("cannot listen on `{address}` for CoAP")]
    Socket {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// What the CoAP server works with.
#[derive(Debug, Clone)]
pub struct CoapOptions {
    /// Rates and failed logins, which MQTT and HTTP share.
    pub guard: Arc<Guard>,
    /// The limits.
    pub limits: Arc<Limits>,
    /// The clock.
    pub clock: Clock,
    /// Runs codecs; without it messages that need one are refused.
    pub codecs: Option<Arc<Codecs>>,
}

/// A bound socket for CoAP.
#[derive(Debug)]
pub struct CoapListener {
    socket: UdpSocket,
    address: SocketAddr,
}

impl CoapListener {
    /// Listens without encryption; there is no other way. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the address is public and `reach` does not say that this is meant, or when the operating system refuses.
    pub fn bind(address: SocketAddr, reach: PlainReach) -> Result<Self, CoapBindError> {
        if reach == PlainReach::Private && !is_private(address.ip()) {
            return Err(CoapBindError::InPublic(address));
        }
        let failed = |source| CoapBindError::Socket { address, source };
        let socket = listening(address).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Where it listens: the port that was found, when 0 was asked for.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }
}

fn listening(address: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Serves CoAP until `shutdown` is ready; what is being kept then is still answered, for at most
/// [`Limits::drain_timeout_ms`].
pub async fn serve_coap(
    listener: CoapListener,
    custody: Custody,
    options: CoapOptions,
    counters: Arc<Counters>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let drain = Duration::from_millis(options.limits.drain_timeout_ms);
    let mut server = Server::new(listener, custody, options, counters);
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES + 1];
    let mut shutdown = pin!(shutdown);
    loop {
        let wake = server.keeper.clock.instant(server.wakes_at_ms());
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(kept) = server.under_way.join_next(), if !server.under_way.is_empty() => {
                server.finish(kept);
            }
            () = tokio::time::sleep_until(wake) => server.tend(),
            received = server.socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => {
                    server.take(from, buffer.get(..length).unwrap_or(&[]));
                }
                Err(_) => {
                    server.keeper.counters.add(Counter::AcceptFailed);
                    tokio::time::sleep(RECEIVE_PAUSE).await;
                }
            },
        }
    }
    let drained = async {
        while let Some(kept) = server.under_way.join_next().await {
            server.finish(kept);
        }
    };
    if tokio::time::timeout(drain, drained).await.is_err() {
        tracing::warn!("some messages over CoAP were not kept in time and are not answered");
    }
}

struct Server {
    socket: UdpSocket,
    address: SocketAddr,
    keeper: Keeper,
    addresses: Addresses,
    exchanges: Exchanges,
    transfers: Transfers,
    guard: Arc<Guard>,
    under_way: JoinSet<(Key, Response)>,
    sweeps_at_ms: u64,
}

/// A request and what is needed to answer it.
struct Asked<'m, 'a> {
    from: SocketAddr,
    message: &'m Message<'a>,
    /// How long the datagram was.
    length: usize,
    now: Moment,
}

impl Asked<'_, '_> {
    fn key(&self) -> Key {
        (self.from, self.message.message_id)
    }
}

/// Who may send a request, and the request.
type Admitted<'a> = (Publisher, Request<'a>);

impl Server {
    fn new(
        listener: CoapListener,
        custody: Custody,
        options: CoapOptions,
        counters: Arc<Counters>,
    ) -> Self {
        let max_bytes = usize::try_from(options.limits.max_packet_bytes).unwrap_or(usize::MAX);
        let addresses = Addresses::new(options.limits.counts_loopback);
        let mut chance = [0; 8];
        // Without randomness message ids are easier to guess; whoever can forge addresses gains an early end of resending.
        let _ = SystemRandom::new().fill(&mut chance);
        Self {
            socket: listener.socket,
            address: listener.address,
            keeper: Keeper {
                custody,
                limits: options.limits,
                clock: options.clock,
                codecs: options.codecs,
                counters,
            },
            addresses,
            exchanges: Exchanges::new(u64::from_le_bytes(chance)),
            transfers: Transfers::new(max_bytes),
            guard: options.guard,
            under_way: JoinSet::new(),
            sweeps_at_ms: SWEEP_MS,
        }
    }

    fn limits(&self) -> &Limits {
        &self.keeper.limits
    }

    fn count(&self, counter: Counter) {
        self.keeper.counters.add(counter);
    }

    /// A datagram that the socket does not take is lost like any other: the client sends its request again.
    fn send(&self, to: SocketAddr, datagram: &[u8]) {
        let _ = self.socket.try_send_to(datagram, to);
    }

    fn wakes_at_ms(&self) -> u64 {
        let due = self.exchanges.next_due_ms();
        due.unwrap_or(u64::MAX).min(self.sweeps_at_ms)
    }

    /// Sends what is due, and forgets what is over.
    fn tend(&mut self) {
        let now_ms = self.keeper.clock.now().uptime_ms;
        let mut out = Vec::new();
        let given_up = self.exchanges.due(now_ms, &mut out);
        self.keeper
            .counters
            .add_many(Counter::CoapResponsesGivenUp, given_up);
        for (to, datagram) in out {
            self.send(to, &datagram);
        }
        if now_ms >= self.sweeps_at_ms {
            self.transfers.forget(now_ms);
            self.sweeps_at_ms = now_ms + SWEEP_MS;
        }
    }

    /// A message was kept, or not.
    fn finish(&mut self, kept: Result<(Key, Response), tokio::task::JoinError>) {
        match kept {
            Ok((key, response)) => {
                let now_ms = self.keeper.clock.now().uptime_ms;
                if let Some(datagram) = self.exchanges.finish(key, &response, now_ms) {
                    self.send(key.0, &datagram);
                }
            }
            Err(err) => tracing::error!("a message over CoAP was lost by a fault of ours: {err}"),
        }
    }

    /// A datagram came.
    fn take(&mut self, from: SocketAddr, datagram: &[u8]) {
        let now = self.keeper.clock.now();
        self.count(Counter::CoapDatagrams);
        if !is_somebody(from) || from == self.address {
            return self.count(Counter::CoapMalformed);
        }
        if !self.addresses.admit(from.ip(), now.uptime_ms) {
            return self.count(Counter::CoapTooFast);
        }
        if datagram.len() > MAX_DATAGRAM_BYTES {
            return self.refuse_oversized(from, datagram);
        }
        match message::read(datagram) {
            Ok(message) => self.take_message(Asked {
                from,
                message: &message,
                length: datagram.len(),
                now,
            }),
            Err(err) => {
                self.count(Counter::CoapMalformed);
                if let ReadError::Malformed(Kind::Confirmable, message_id) = err {
                    self.reset(from, message_id);
                }
            }
        }
    }

    fn take_message(&mut self, asked: Asked<'_, '_>) {
        let message = asked.message;
        match (message.kind, message.code) {
            (Kind::Acknowledgement | Kind::Reset, Code::EMPTY) => {
                self.exchanges.settle(asked.key())
            }
            // Section 4.3: so a client asks whether somebody is there.
            (Kind::Confirmable, Code::EMPTY) => self.reset(asked.from, message.message_id),
            (Kind::Confirmable | Kind::NonConfirmable, code)
                if code != Code::EMPTY && code.class() == 0 =>
            {
                self.take_request(&asked);
            }
            (kind, _) => {
                self.count(Counter::CoapMalformed);
                if kind == Kind::Confirmable {
                    self.reset(asked.from, message.message_id);
                }
            }
        }
    }

    fn reset(&self, to: SocketAddr, message_id: u16) {
        self.send(to, &message::write_empty(Kind::Reset, message_id));
    }

    fn take_request(&mut self, asked: &Asked<'_, '_>) {
        match self.exchanges.seen(asked.key(), asked.now.uptime_ms) {
            Seen::Again(datagram) => {
                self.count(Counter::CoapDuplicates);
                if let Some(datagram) = datagram {
                    self.send(asked.from, &datagram);
                }
            }
            Seen::New => match self.admit(asked) {
                Ok(admitted) => self.take_admitted(asked, admitted),
                Err((wrong, is_known)) => {
                    self.count(wrong.counter);
                    self.refuse(asked, &wrong, is_known);
                }
            },
        }
    }

    /// Who sends a request, if they may; with a refusal goes whether they have shown a token.
    fn admit<'a>(&mut self, asked: &Asked<'_, 'a>) -> Result<Admitted<'a>, (Wrong, bool)> {
        let stranger = |wrong| (wrong, false);
        let (address, now_ms) = (asked.from.ip(), asked.now.uptime_ms);
        let request = request::read(asked.message).map_err(stranger)?;
        if !self.addresses.may_try(address, now_ms) {
            return Err(stranger(answer::too_many_failures()));
        }
        let password = request.token.as_bytes();
        // Failures are not counted where those of other ways in are, see `address`.
        let admitted = Arrival::plain(address).admit(
            &self.keeper.custody,
            Some(request.user_name),
            Some(password).filter(|it| !it.is_empty()),
            asked.now.wall,
        );
        let (peer, _) = admitted.map_err(|_| {
            self.addresses.failed(address, now_ms);
            stranger(answer::unauthorized())
        })?;
        let known = |wrong| (wrong, true);
        let publisher = peer.publisher().ok_or_else(|| {
            known(Wrong::new(
                Code::FORBIDDEN,
                "a recipient does not send messages; only a thing does",
                Counter::PublishesNotAllowed,
            ))
        })?;
        self.check(&publisher, &request, asked.now).map_err(known)?;
        Ok((publisher, request))
    }

    fn check(
        &mut self,
        sender: &Publisher,
        request: &Request<'_>,
        now: Moment,
    ) -> Result<(), Wrong> {
        if request.topic.len() > self.limits().max_topic_bytes {
            let counter = Counter::TopicsRejected;
            return Err(Wrong::new(
                Code::BAD_REQUEST,
                "the topic is too long",
                counter,
            ));
        }
        let is_plain = matches!(sender, Publisher::Thing(it) if it.adapter().is_none());
        if is_plain && !is_readable(request.content_format) {
            return Err(Wrong::new(
                Code::UNSUPPORTED_CONTENT_FORMAT,
                "send Content-Format 50 (JSON), 60 (CBOR), 110 or 112 (SenML), as the notice says",
                Counter::UnsupportedMediaType,
            ));
        }
        // A message is counted with its first piece.
        if request.block.is_some_and(|it| it.number > 0) {
            return Ok(());
        }
        match self.guard.may_publish(sender, now.wall) {
            true => Ok(()),
            false => Err(answer::too_fast()),
        }
    }

    fn take_admitted(&mut self, asked: &Asked<'_, '_>, (publisher, request): Admitted<'_>) {
        let (key, now_ms) = (asked.key(), asked.now.uptime_ms);
        if self.under_way.len() >= MAX_UNDER_WAY {
            self.count(Counter::PublishesUnavailable);
            let response = answer::unavailable("too much at once: try again later");
            return self.reply(asked, &response);
        }
        let message = asked.message;
        self.exchanges
            .begin(key, message.kind, message.token, now_ms);
        let payload = match request.block {
            None => request.payload.to_vec(),
            Some(block) => {
                let transfer = TransferKey {
                    from: asked.from,
                    sender: id(&publisher).into(),
                    topic: request.topic.into(),
                    tag: request.tag,
                };
                let piece = Piece {
                    block,
                    bytes: request.payload,
                    announced: request.announced_bytes,
                };
                match self.transfers.take(transfer, piece, now_ms) {
                    Step::Whole(payload) => payload,
                    Step::More(response) => return self.finish(Ok((key, response))),
                    Step::Refused(response, counter) => {
                        self.count(counter);
                        return self.finish(Ok((key, response)));
                    }
                }
            }
        };
        let whole = Whole {
            key,
            publisher,
            door: request.door,
            topic: request.topic.into(),
            payload,
            block: request.block,
        };
        self.under_way.spawn(self.keeper.clone().keep(whole));
    }

    fn refuse(&mut self, asked: &Asked<'_, '_>, wrong: &Wrong, is_known: bool) {
        if wrong.is_silent_for_non && asked.message.kind == Kind::NonConfirmable {
            return;
        }
        let mut response = wrong.response.clone();
        if !is_known && message_bytes(asked, &response) > asked.length {
            response = Response::new(response.code);
        }
        self.reply(asked, &response);
    }

    /// Answers without remembering it.
    fn reply(&mut self, asked: &Asked<'_, '_>, response: &Response) {
        let message = asked.message;
        let (kind, message_id) = match message.kind {
            Kind::Confirmable => (Kind::Acknowledgement, message.message_id),
            _ => (Kind::NonConfirmable, self.exchanges.next_id()),
        };
        let datagram = message::write(kind, message_id, &message.token, response);
        self.send(asked.from, &datagram);
    }

    /// Section 4.6; with the size of pieces that is hoped for (RFC 7959 section 2.9.3). What was cut off is not read.
    fn refuse_oversized(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.count(Counter::OversizedPackets);
        let Some((kind, message_id, token)) = message::read_beginning(datagram) else {
            return;
        };
        if kind == Kind::Confirmable {
            let response = Response::new(Code::REQUEST_ENTITY_TOO_LARGE).with(option::BLOCK1, 6);
            let datagram = message::write(Kind::Acknowledgement, message_id, &token, &response);
            self.send(from, &datagram);
        }
    }
}

fn message_bytes(asked: &Asked<'_, '_>, response: &Response) -> usize {
    message::write(Kind::Acknowledgement, 0, &asked.message.token, response).len()
}

fn id(publisher: &Publisher) -> &str {
    match publisher {
        Publisher::Thing(thing) => thing.id().as_str(),
        Publisher::Bridge(bridge) => bridge.id().as_str(),
    }
}

/// JSON, CBOR, SenML in JSON or CBOR, or nothing. Which it has to be says the notice; what is there is read as that.
fn is_readable(content_format: Option<u32>) -> bool {
    matches!(content_format, None | Some(50 | 60 | 110 | 112))
}

/// Whether an address can be answered: no group, no broadcast, no port 0.
fn is_somebody(from: SocketAddr) -> bool {
    let ip = from.ip().to_canonical();
    let is_broadcast = matches!(ip, std::net::IpAddr::V4(it) if it.is_broadcast());
    from.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}
