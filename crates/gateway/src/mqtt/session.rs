//! One MQTT session as a machine: bytes and the time go in, bytes come out. No socket, no clock.
//!
//! [`Session::receive`] takes what was read and gives back how much of it was used up.
//! Whatever is to be sent is appended to the output buffer. Publishes go to the
//! [`Backend`] at once; their acknowledgements wait in [`acks`] until
//! [`Session::acknowledge`] is told that their position is durable.

mod acks;
mod commands;
mod open;
mod outbound;
mod publish;
mod subscribe;

use std::sync::Arc;

use mqtt_proto::v5::DisconnectReasonCode;

use super::backend::{Backend, Role};
use super::decode::{self, Packet, Version, Will};
use super::encode::{self, Terms};
use super::fault::Fault;
use super::frame::{self, Frame, Framed};
use crate::clock::Moment;
use crate::rate::Bucket;
use crate::{Counter, Counters, Limits};

use acks::Acks;
use commands::Listening;
pub(crate) use outbound::Delivered;
use outbound::Outbound;
use subscribe::Subscriptions;

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
    Open(Role),
    /// The last acknowledgements are sent, nothing more is read.
    Draining,
    /// What is in the output buffer is sent, then the connection is closed.
    Closed,
}

/// One session, which is one connection: none survives it.
pub(crate) struct Session<P> {
    limits: Arc<Limits>,
    /// Tells connections apart; assigned client identifiers are made of it.
    number: u64,
    phase: Phase,
    terms: Terms,
    keep_alive_ms: u64,
    /// When the connection was made, then when the last packet came.
    heard_at_ms: u64,
    acks: Acks<P>,
    bucket: Bucket,
    /// The topic aliases the client has set, as bits.
    aliases: u16,
    outbound: Outbound,
    subscriptions: Subscriptions,
    listening: Listening,
    will: Option<Box<Will>>,
    /// CONNECT asked for a session that outlives its connection, so DISCONNECT may too.
    may_prolong: bool,
}

impl<P: Copy + Ord> Session<P> {
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
            bucket: Bucket::new(limits.publishes_per_second, now.uptime_ms),
            aliases: 0,
            outbound: Outbound::new(limits.max_inflight),
            subscriptions: Subscriptions::default(),
            listening: Listening::default(),
            will: None,
            may_prolong: false,
            limits,
        }
    }

    /// Takes bytes from the client and gives back how many were used up; the rest is the start of
    /// a packet, or must wait until [`Session::may_read`] and [`Backend::has_room`].
    pub(crate) fn receive<B: Backend<Position = P>>(
        &mut self,
        bytes: &[u8],
        ctx: &mut Ctx<'_, B>,
    ) -> usize {
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
                    used += frame.total_bytes;
                    self.heard_at_ms = ctx.now.uptime_ms;
                    self.packet(frame, &mut accepted, ctx)
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
            _ => self.limits.max_packet_bytes,
        }
    }

    fn packet<B: Backend<Position = P>>(
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
            Phase::Draining | Phase::Closed => return Ok(()),
        };
        match decode::decode(frame, self.terms.version)? {
            Packet::Publish(it) => {
                if self.publish(&it, role, ctx)? {
                    *accepted += 1;
                }
            }
            Packet::Puback { packet_id } => {
                self.outbound.acknowledged(packet_id);
                self.command_acknowledged(packet_id, ctx);
            }
            Packet::Subscribe(it) => self.subscribe(it, role, ctx)?,
            Packet::Unsubscribe(it) => self.unsubscribe(&it, ctx),
            Packet::Pingreq => encode::pingresp(ctx.out),
            Packet::Disconnect(it) => {
                if it.session_expiry_s > 0 && !self.may_prolong {
                    return Err(Fault::protocol(
                        "a session that was to end with its connection cannot be prolonged",
                    ));
                }
                if it.forgets_will {
                    self.will = None;
                }
                self.phase = Phase::Closed;
            }
        }
        Ok(())
    }

    /// Ends the session with a reason: MQTT 5 is told, MQTT 3.1.1 is closed.
    fn fail<B: Backend>(&mut self, fault: &Fault, ctx: &mut Ctx<'_, B>) {
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
    pub(crate) fn acknowledge(&mut self, durable: P, out: &mut Vec<u8>) {
        if self.phase != Phase::Closed {
            self.acks.write_until(durable, self.terms, out);
        }
    }

    /// The position that the next acknowledgement waits for.
    pub(crate) fn waits_for(&self) -> Option<P> {
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
            Phase::Waiting => Some(self.heard_at_ms + self.limits.connect_timeout_ms),
            Phase::Open(_) if self.keep_alive_ms > 0 => {
                Some(self.heard_at_ms + self.keep_alive_ms + self.keep_alive_ms / 2)
            }
            Phase::Draining => Some(self.heard_at_ms + self.limits.drain_timeout_ms / 2),
            Phase::Open(_) | Phase::Closed => None,
        }
    }

    /// Time has passed: no CONNECT in time (4.13), keep alive (3.1.2-24), end of a drain.
    pub(crate) fn tick<B: Backend>(&mut self, ctx: &mut Ctx<'_, B>) {
        if self.deadline_ms().is_none_or(|it| ctx.now.uptime_ms < it) {
            return;
        }
        match self.phase {
            Phase::Waiting => {
                ctx.counters.add(Counter::ConnectTimeouts);
                self.phase = Phase::Closed;
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

    /// The same client has connected again.
    pub(crate) fn taken_over<B: Backend>(&mut self, ctx: &mut Ctx<'_, B>) {
        if self.phase != Phase::Closed {
            ctx.counters.add(Counter::SessionsTakenOver);
            self.leave(
                DisconnectReasonCode::SessionTakenOver,
                "another connection of this user uses the same client identifier",
                ctx.out,
            );
        }
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
            Phase::Waiting => self.phase = Phase::Closed,
            Phase::Draining | Phase::Closed => {}
        }
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

    /// The connection is gone: nothing is delivered any more, and whatever the client wanted said
    /// then is said now.
    pub(crate) fn end<B: Backend<Position = P>>(&mut self, ctx: &mut Ctx<'_, B>) {
        self.phase = Phase::Closed;
        for tag in self.subscriptions.take_tags() {
            ctx.backend.unsubscribe(tag);
        }
        ctx.backend.listen(Vec::new());
        if let Some(will) = self.will.take() {
            let counter = match ctx.backend.ingest(&will.payload, ctx.now.wall) {
                Ok(_) => Counter::WillsAccepted,
                Err(_) => Counter::WillsRefused,
            };
            ctx.counters.add(counter);
        }
    }
}

#[cfg(test)]
mod tests;
