//! One MQTT session as a machine: bytes and the time go in, bytes come out. No socket, no clock.
//!
//! [`Session::receive`] takes what was read and gives back how much of it was used up.
//! Whatever is to be sent is appended to the output buffer. Publishes go to the
//! [`Backend`] at once; their acknowledgements wait in [`acks`] until
//! [`Session::acknowledge`] is told that their position is durable.
//!
//! A connection begins without a session. Once CONNECT is admitted it claims the one of its client
//! ([`Session::is_claiming`], [`Session::accept`]); [`Session::end`] gives back what outlives it.

mod acks;
mod aliases;
mod answers;
mod commands;
mod kept;
mod open;
mod orders;
mod outbound;
mod publish;
mod queue;
mod subscribe;
mod subscriptions;

use std::sync::Arc;

use model::PurposeId;
use mqtt_proto::v5::DisconnectReasonCode;

use super::backend::{Backend, Role, Start};
use super::decode::{self, AckKind, Disconnect, Packet, Version, Will};
use super::encode::{self, Terms};
use super::fault::Fault;
use super::frame::{self, Frame, Framed};
use super::registry::Closed;
use super::stamp::Origin;
use crate::clock::Moment;
use crate::rate::Bucket;
use crate::{Counter, Counters, Limits};

use acks::Acks;
use aliases::{FromClient, ToClient};
pub(crate) use kept::Kept;
use kept::State;
use open::Opening;
pub(crate) use outbound::Undo;
pub(crate) use queue::Sent;

/// Type and flags of CONNECT.
const CONNECT: u8 = 0x10;

/// What a call of the session works with.
pub(crate) struct Ctx<'a, B: Backend> {
    pub(crate) backend: &'a mut B,
    pub(crate) counters: &'a Counters,
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) now: Moment,
}

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing but CONNECT may come.
    Waiting,
    /// CONNECT was admitted; another connection is about to give up the session of the client.
    Claiming(Role),
    Open(Role),
    /// The last acknowledgements are sent, nothing more is read.
    Draining,
    /// What is in the output buffer is sent, then the connection is closed.
    Closed,
}

/// One session on one connection.
pub(crate) struct Session<B: Backend> {
    limits: Arc<Limits>,
    /// Tells connections apart; assigned client identifiers are made of it.
    number: u64,
    phase: Phase,
    terms: Terms,
    keep_alive_ms: u64,
    /// When the connection was made, then when the last packet came.
    heard_at_ms: u64,
    acks: Acks<B::Position>,
    /// All packets but the acknowledgements that are awaited.
    packets: Bucket,
    /// PINGREQ, and the filters of SUBSCRIBE and UNSUBSCRIBE.
    requests: Bucket,
    /// Until when somebody may stay who has not said who it is.
    newcomer_until_ms: Option<u64>,
    /// Since when the start of a packet waits for its end.
    partial_since_ms: Option<u64>,
    /// How long the last words are held back.
    late_ms: u64,
    aliases_from_client: FromClient,
    aliases_to_client: ToClient,
    /// How many QoS 1 and 2 deliveries may be unacknowledged.
    window: usize,
    /// What may outlive the connection.
    state: State<B>,
    /// The purpose that was named at the door.
    door: Option<Box<PurposeId>>,
    will: Option<Box<Will>>,
    opening: Option<Box<Opening>>,
    /// How long the session outlives its connection; 0: not at all.
    expiry_s: u32,
    /// The packet that was just looked at cannot be taken yet and comes again.
    is_deferred: bool,
    /// CONNECT asked for a session that outlives its connection, so DISCONNECT may too.
    may_prolong: bool,
    is_bridge: bool,
}

impl<B: Backend> Session<B> {
    /// A connection has been made.
    pub(crate) fn new(limits: Arc<Limits>, number: u64, now: Moment) -> Self {
        Self {
            number,
            phase: Phase::Waiting,
            terms: Terms {
                version: Version::V3,
                max_packet_bytes: u32::MAX,
                wants_problems: false,
            },
            keep_alive_ms: 0,
            heard_at_ms: now.uptime_ms,
            acks: Acks::default(),
            packets: Bucket::new(limits.packets_per_second, now.uptime_ms),
            requests: Bucket::new(limits.requests_per_second, now.uptime_ms),
            newcomer_until_ms: None,
            partial_since_ms: None,
            late_ms: 0,
            aliases_from_client: FromClient::default(),
            aliases_to_client: ToClient::default(),
            window: 0,
            state: State::new(Origin::of(number)),
            door: None,
            will: None,
            opening: None,
            expiry_s: 0,
            is_deferred: false,
            may_prolong: false,
            is_bridge: false,
            limits,
        }
    }

    /// Takes bytes from the client and gives back how many were used up; the rest is the start of
    /// a packet, or must wait until [`Session::may_read`] and [`Backend::has_room`].
    pub(crate) fn receive(&mut self, bytes: &[u8], ctx: &mut Ctx<'_, B>) -> usize {
        let mut used = 0;
        let mut accepted = 0;
        while self.may_read(ctx.out.len()) {
            let rest = bytes.get(used..).unwrap_or_default();
            if self.phase == Phase::Waiting && rest.first().is_some_and(|it| *it != CONNECT) {
                // Whatever it is, it is not waited for: 3.1.0-1.
                ctx.counters.add(Counter::NotMqtt);
                self.phase = Phase::Closed;
                break;
            }
            let outcome = match frame::frame(rest, self.max_packet_bytes()) {
                Ok(Framed::Partial { .. }) => break,
                Ok(Framed::Whole(_)) if !ctx.backend.has_room() => break,
                Ok(Framed::Whole(frame)) => {
                    let total_bytes = frame.total_bytes;
                    self.heard_at_ms = ctx.now.uptime_ms;
                    self.partial_since_ms = None;
                    let outcome = self.packet(frame, &mut accepted, ctx);
                    if std::mem::take(&mut self.is_deferred) {
                        break;
                    }
                    used += total_bytes;
                    outcome
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = outcome {
                self.fail(&fault, ctx);
            }
        }
        if accepted > 0 {
            ctx.counters.add_many(Counter::PublishesAccepted, accepted);
        }
        used
    }

    /// Whether more packets may be taken: MQTT 3.1.1 has no receive maximum, so a connection with
    /// too many unacknowledged publishes, or that does not read its answers, is not read.
    pub(crate) fn may_read(&self, output_bytes: usize) -> bool {
        let open = matches!(self.phase, Phase::Waiting | Phase::Open(_));
        let pushed_back = self.terms.version == Version::V3
            && self.acks.len() >= usize::from(self.limits.max_pending_acks);
        open && !pushed_back && output_bytes <= self.limits.max_output_bytes
    }

    /// The longest packet that may come now.
    pub(crate) fn max_packet_bytes(&self) -> u32 {
        match self.phase {
            Phase::Waiting => self.limits.max_connect_bytes,
            _ if self.newcomer_until_ms.is_some() => self.limits.max_connect_bytes,
            _ => self.limits.max_packet_bytes,
        }
    }

    fn packet(
        &mut self,
        frame: Frame<'_>,
        accepted: &mut u64,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<(), Fault> {
        let role = match self.phase {
            Phase::Waiting => {
                self.open(frame, ctx);
                return Ok(());
            }
            Phase::Open(role) => role,
            Phase::Claiming(_) | Phase::Draining | Phase::Closed => return Ok(()),
        };
        let packet = decode::decode(frame, self.terms.version)?;
        if !self.is_awaited(&packet) {
            self.count_packet(ctx.now)?;
        }
        match packet {
            Packet::Publish(it) => {
                if self.publish(&it, role, ctx)? {
                    *accepted += 1;
                }
            }
            Packet::Ack(it) if it.kind == AckKind::Pubrel => self.released(it, ctx)?,
            Packet::Ack(it) => self.acknowledged(it, ctx)?,
            Packet::Subscribe(it) => {
                // What a session cannot hold anyhow is not looked at.
                self.request(it.filters.len().min(self.limits.max_subscriptions), ctx.now)?;
                self.subscribe(&it, role, ctx);
            }
            Packet::Unsubscribe(it) => {
                self.request(it.filters.len(), ctx.now)?;
                self.unsubscribe(&it, ctx);
            }
            Packet::Pingreq => {
                self.request(1, ctx.now)?;
                encode::pingresp(ctx.out);
            }
            Packet::Disconnect(it) => self.disconnected(it)?,
        }
        Ok(())
    }

    /// One more packet of the client that nothing else bounds.
    fn count_packet(&mut self, now: Moment) -> Result<(), Fault> {
        match self.packets.take(now.uptime_ms) {
            true => Ok(()),
            false => Err(too_fast(
                Counter::PacketsTooFast,
                self.limits.packets_per_second,
            )),
        }
    }

    /// The client asks for `count` things at once.
    fn request(&mut self, count: usize, now: Moment) -> Result<(), Fault> {
        match (0..count).all(|_| self.requests.take(now.uptime_ms)) {
            true => Ok(()),
            false => Err(too_fast(
                Counter::RequestsTooFast,
                self.limits.requests_per_second,
            )),
        }
    }

    /// The start of a packet is here, or nothing is; its time runs while it is read.
    pub(crate) fn note_rest(&mut self, has_start: bool, now: Moment) {
        match has_start {
            true => {
                self.partial_since_ms.get_or_insert(now.uptime_ms);
            }
            false => self.partial_since_ms = None,
        }
    }

    /// When the packet must be whole.
    fn whole_at_ms(&self) -> Option<u64> {
        let patience_ms = self.limits.packet_timeout_ms;
        self.partial_since_ms.map(|it| it + patience_ms)
    }

    /// The client goes (3.14): how long its session is kept may change now, and its will is forgotten unless it says
    /// that it is not.
    fn disconnected(&mut self, packet: Disconnect) -> Result<(), Fault> {
        if let Some(expiry_s) = packet.session_expiry_s {
            if expiry_s > 0 && !self.may_prolong {
                return Err(Fault::protocol(
                    "a session that was to end with its connection cannot be prolonged",
                ));
            }
            self.expiry_s = expiry_s.min(self.limits.max_session_expiry_s);
        }
        if packet.forgets_will {
            self.will = None;
        }
        self.phase = Phase::Closed;
        Ok(())
    }

    /// Ends the session with a reason: MQTT 5 is told, MQTT 3.1.1 is closed.
    fn fail(&mut self, fault: &Fault, ctx: &mut Ctx<'_, B>) {
        ctx.counters.add(fault.counter);
        self.leave(fault.code, &fault.text, ctx.out);
    }

    fn leave(&mut self, code: DisconnectReasonCode, text: &str, out: &mut Vec<u8>) {
        let opened = matches!(self.phase, Phase::Open(_) | Phase::Draining);
        if opened && self.terms.version == Version::V5 {
            encode::disconnect(code, text, self.terms.max_packet_bytes, out);
        }
        self.phase = Phase::Closed;
    }

    /// Everything up to `durable` is kept for good: what waited for that is acknowledged.
    pub(crate) fn acknowledge(&mut self, durable: B::Position, out: &mut Vec<u8>) {
        if self.phase != Phase::Closed {
            self.acks.write_until(durable, self.terms, out);
        }
    }

    /// The position that the next acknowledgement waits for.
    pub(crate) fn waits_for(&self) -> Option<B::Position> {
        match self.phase {
            Phase::Closed => None,
            _ => self.acks.next_position(),
        }
    }

    /// Whether some acknowledgement waits for durability.
    pub(crate) fn is_waiting_for_durability(&self) -> bool {
        self.waits_for().is_some()
    }

    /// When [`Session::tick`] is to be called next, in milliseconds of uptime.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Waiting | Phase::Claiming(_) => {
                Some(self.heard_at_ms + self.limits.connect_timeout_ms)
            }
            Phase::Open(_) => {
                let ends = [
                    self.lost_at_ms(),
                    self.whole_at_ms(),
                    self.newcomer_until_ms,
                ];
                ends.into_iter().flatten().min()
            }
            Phase::Draining => Some(self.heard_at_ms + self.limits.drain_timeout_ms / 2),
            Phase::Closed => None,
        }
    }

    /// When the client counts as lost (3.1.2-24).
    fn lost_at_ms(&self) -> Option<u64> {
        let keep_alive_ms = self.keep_alive_ms;
        (keep_alive_ms > 0).then(|| self.heard_at_ms + keep_alive_ms + keep_alive_ms / 2)
    }

    /// Time has passed: no CONNECT in time (4.13), keep alive (3.1.2-24), end of a drain.
    pub(crate) fn tick(&mut self, ctx: &mut Ctx<'_, B>) {
        if self.deadline_ms().is_none_or(|it| ctx.now.uptime_ms < it) {
            return;
        }
        match self.phase {
            Phase::Waiting | Phase::Claiming(_) => {
                ctx.counters.add(Counter::ConnectTimeouts);
                self.phase = Phase::Closed;
            }
            Phase::Open(_)
                if self
                    .newcomer_until_ms
                    .is_some_and(|it| ctx.now.uptime_ms >= it) =>
            {
                ctx.counters.add(Counter::ConnectTimeouts);
                self.leave(
                    DisconnectReasonCode::MaximumConnectTime,
                    "whoever asks for a token does not stay: connect with the token",
                    ctx.out,
                );
            }
            // It is we who do not read.
            Phase::Open(_) if !self.may_read(ctx.out.len()) || !ctx.backend.has_room() => {
                self.heard_at_ms = ctx.now.uptime_ms;
                if self.partial_since_ms.is_some() {
                    self.partial_since_ms = Some(ctx.now.uptime_ms);
                }
            }
            Phase::Open(_) if self.lost_at_ms().is_none_or(|it| ctx.now.uptime_ms < it) => {
                ctx.counters.add(Counter::PacketsTooSlow);
                self.leave(
                    DisconnectReasonCode::UnspecifiedError,
                    "the last packet did not become whole in time",
                    ctx.out,
                );
            }
            Phase::Open(_) => {
                ctx.counters.add(Counter::KeepAliveTimeouts);
                self.leave(
                    DisconnectReasonCode::KeepAliveTimeout,
                    "nothing was heard for one and a half times the keep alive",
                    ctx.out,
                );
            }
            Phase::Draining => self.shut_down(ctx.out),
            Phase::Closed => {}
        }
    }

    /// All connections together hold as much as they may, and this one wants more.
    pub(crate) fn overloaded(&mut self, ctx: &mut Ctx<'_, B>) {
        if self.phase != Phase::Closed {
            ctx.counters.add(Counter::HeldTooMuch);
            self.leave(
                DisconnectReasonCode::QuotaExceeded,
                "too many bytes wait in packets that are not whole or not read",
                ctx.out,
            );
        }
    }

    /// How many bytes it holds beside what is on its way; and whether of a client that was not admitted yet.
    pub(crate) fn held_bytes(&self) -> (usize, bool) {
        let will = self.will.as_ref();
        let bytes = will.map_or(0, |it| it.topic.len() + it.payload.len());
        let is_stranger = self.phase == Phase::Waiting || self.newcomer_until_ms.is_some();
        (bytes, is_stranger)
    }

    /// How long its last words are to be held back, in milliseconds.
    pub(crate) fn late_ms(&self) -> u64 {
        self.late_ms
    }

    /// How long its client may take nothing, in milliseconds.
    pub(crate) fn write_timeout_ms(&self) -> u64 {
        self.limits.write_timeout_ms
    }

    /// The same client has connected again.
    pub(crate) fn taken_over(&mut self, ctx: &mut Ctx<'_, B>) {
        if self.phase != Phase::Closed {
            ctx.counters.add(Counter::SessionsTakenOver);
            self.leave(
                DisconnectReasonCode::SessionTakenOver,
                "another connection of this user uses the same client identifier",
                ctx.out,
            );
        }
    }

    /// What opened the connection does not open any more. Nothing more is taken from this client, its will neither, and its
    /// session ends.
    pub(crate) fn close_unopened(&mut self, why: Closed, ctx: &mut Ctx<'_, B>) {
        if self.phase == Phase::Closed {
            return;
        }
        self.will = None;
        self.expiry_s = 0;
        let (counter, code, text) = match why {
            Closed::Uncertified => (
                Counter::CertificatesEnded,
                DisconnectReasonCode::NotAuthorized,
                "the certificate of this connection does not hold any more",
            ),
            Closed::Revoked => (
                Counter::CredentialsEnded,
                DisconnectReasonCode::NotAuthorized,
                "the credential of this connection was revoked",
            ),
            Closed::Renewed => (
                Counter::CredentialsEnded,
                DisconnectReasonCode::AdministrativeAction,
                "the token of this connection was renewed: connect with the new one",
            ),
        };
        ctx.counters.add(counter);
        self.leave(code, text, ctx.out);
    }

    /// The server stops: nothing more is read, what is pending is still acknowledged. A will is
    /// not published, because it is not the client that is lost.
    pub(crate) fn drain(&mut self, now: Moment) {
        self.will = None;
        match self.phase {
            Phase::Open(_) => {
                self.phase = Phase::Draining;
                self.heard_at_ms = now.uptime_ms;
            }
            Phase::Waiting | Phase::Claiming(_) => self.phase = Phase::Closed,
            Phase::Draining | Phase::Closed => {}
        }
    }

    /// The packet identifiers of deliveries without an acknowledgement, the oldest first.
    #[cfg(test)]
    pub(crate) fn packet_ids_in_flight(&self) -> Vec<u16> {
        self.state.outbound.packet_ids()
    }

    /// What it was made with.
    pub(crate) fn into_limits(self) -> Arc<Limits> {
        self.limits
    }

    /// The end of a drain: everything is acknowledged, or there is no time left.
    pub(crate) fn shut_down(&mut self, out: &mut Vec<u8>) {
        if self.phase == Phase::Draining {
            self.leave(
                DisconnectReasonCode::ServerShuttingDown,
                "the server stops; connect again in a moment",
                out,
            );
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.phase == Phase::Draining
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The connection is gone: whatever the client wanted said then is said now, and what outlives the connection is
    /// given back. `start` is what the client wants that has connected in its place.
    pub(crate) fn end(
        &mut self,
        start: Option<Start>,
        ctx: &mut Ctx<'_, B>,
    ) -> Option<Box<Kept<B>>> {
        self.phase = Phase::Closed;
        ctx.backend.listen(Vec::new());
        ctx.backend.hear_outcomes(false);
        let state = std::mem::replace(&mut self.state, State::new(Origin::of(self.number)));
        let is_kept = self.expiry_s > 0 && start != Some(Start::Clean);
        let may_wait = |it: &Will| is_kept && it.delay_s > 0;
        let delayed = match self.will.take() {
            Some(will) if !may_wait(&will) => {
                kept::publish_will(&will, state.origin, ctx.backend, ctx.now, ctx.counters);
                None
            }
            will => will,
        };
        if !is_kept {
            state.end(ctx.backend);
            return None;
        }
        Some(Box::new(Kept::new(
            state,
            self.expiry_s,
            delayed,
            ctx.now,
            &self.limits,
            ctx.counters,
        )))
    }
}

fn too_fast(counter: Counter, per_second: u32) -> Fault {
    let text = match counter {
        Counter::RequestsTooFast => "at most {} PINGREQ, SUBSCRIBE and UNSUBSCRIBE a second",
        _ => "at most {} packets a second",
    };
    let text = text.replace("{}", &per_second.to_string());
    Fault::new(DisconnectReasonCode::MessageRateTooHigh, counter, text)
}

#[cfg(test)]
mod tests;
