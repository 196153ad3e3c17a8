//! Deliveries on their way to the client: packet identifiers, the client's window, PUBACK, PUBREC, PUBREL, PUBCOMP.
//!
//! A delivery with QoS 1 or 2 stays in flight until the client has it, over reconnections too. When it must be sent
//! again (4.4) it is decided again: if it may not leave any more its identifier is released and nothing is sent.
//! Identifiers are given in turn, so a released one does not come back before 65,534 others.
//!
//! A client may leave 65,535 unacknowledged and acknowledge them in any order, so what is let go leaves a hole that is
//! closed later: nothing here costs more when more is in flight.

mod list;

use super::aliases::Alias;
use super::queue::Sent;
use super::{Ctx, Phase, Session};
use crate::mqtt::backend::{Backend, Label};
use crate::mqtt::decode::{Ack, AckKind, Packet, Version};
use crate::mqtt::encode::{self, Outgoing};
use crate::mqtt::fault::Fault;
use crate::mqtt::stamp::Stamp;
use crate::mqtt::topic::{self, Form};

use list::{InFlight, packet_id};
pub(super) use list::{Outbound, Stage};

/// 5.0, 3.6.2.1: the identifier is not known.
const NOT_FOUND: u8 = 0x92;

/// How a packet that was not sent is undone.
#[derive(Debug)]
pub(crate) struct Undo<D> {
    packet: Undone<D>,
    /// It would have told the client a new alias.
    has_new_alias: bool,
}

#[derive(Debug)]
enum Undone<D> {
    /// QoS 0: the delivery goes back into the queue.
    Plain(D),
    /// QoS 1 and 2, the first time.
    First,
    /// It was to be sent again.
    Again(u16),
}

/// The head of a PUBLISH: everything but the payload.
struct Head<'a> {
    form: Form,
    qos: u8,
    packet_id: Option<u16>,
    dup: bool,
    retain: bool,
    identifiers: &'a [u32],
    expiry_s: Option<u32>,
}

/// What a write was: not possible for its length, or possible and perhaps with a new alias.
enum Write<R> {
    TooLarge,
    Done { receipt: R, has_new_alias: bool },
}

impl<B: Backend> Session<B> {
    /// How many deliveries the client takes now; the others wait in their queue.
    pub(crate) fn window(&self) -> usize {
        match self.phase {
            Phase::Open(_) => {
                let most_bytes = self.limits.inflight_bytes;
                self.state.outbound.room(self.window, most_bytes)
            }
            Phase::Waiting | Phase::Claiming(_) | Phase::Draining | Phase::Closed => 0,
        }
    }

    /// Whether a packet moves a delivery on that is in flight. There are no more of those than deliveries were sent, and
    /// the window bounds these (5.0, 4.9), so no rate of packets does.
    pub(super) fn is_awaited(&self, packet: &Packet<'_>) -> bool {
        let Packet::Ack(ack) = packet else {
            return false;
        };
        if ack.kind == AckKind::Pubrel {
            return false; // Of a publish of the client.
        }
        let outbound = &self.state.outbound;
        let stage = outbound
            .position(ack.packet_id)
            .and_then(|it| outbound.in_flight.get(it))
            .map(|it| &it.stage);
        matches!(
            (ack.kind, stage),
            (
                AckKind::Puback,
                Some(Stage::Command(_) | Stage::Sent { qos: 1, .. })
            ) | (AckKind::Pubrec, Some(Stage::Sent { qos: 2, .. }))
                | (AckKind::Pubcomp, Some(Stage::Released))
        )
    }

    /// An acknowledgement of the client. One for an identifier that is not in flight belongs to nothing; one that the
    /// quality of service of its message does not have breaks the protocol (3.1.1, 4.8.0-1; 5.0, 4.13.1).
    pub(super) fn acknowledged(&mut self, ack: Ack, ctx: &mut Ctx<'_, B>) -> Result<(), Fault> {
        let outbound = &mut self.state.outbound;
        let found = outbound.position(ack.packet_id);
        let stage = found
            .and_then(|it| outbound.in_flight.get_mut(it))
            .map(|it| &mut it.stage);
        match (ack.kind, stage, found) {
            (AckKind::Puback, Some(Stage::Command(command)), Some(idx)) => {
                let command = *command;
                outbound.remove(idx);
                ctx.backend.command_received(command, ctx.now.wall);
            }
            (AckKind::Puback, Some(Stage::Sent { qos: 1, .. }), Some(idx))
            | (AckKind::Pubcomp, Some(Stage::Released), Some(idx)) => {
                outbound.remove(idx);
            }
            // 4.3.3: a PUBREC with an error ends the exchange.
            (AckKind::Pubrec, Some(Stage::Sent { qos: 2, .. }), Some(idx)) if ack.is_error => {
                outbound.remove(idx);
            }
            (AckKind::Pubrec, Some(stage @ Stage::Sent { qos: 2, .. }), Some(_)) => {
                let was_due = matches!(stage, Stage::Sent { is_due: true, .. });
                outbound.bytes -= stage.bytes();
                *stage = Stage::Released;
                outbound.due -= usize::from(was_due);
                encode::ack(AckKind::Pubrel, ack.packet_id, ctx.out);
            }
            (AckKind::Pubrec, Some(Stage::Released), _) => {
                encode::ack(AckKind::Pubrel, ack.packet_id, ctx.out);
            }
            (AckKind::Pubrec, None, _) if !ack.is_error => self.pubrel_unknown(ack.packet_id, ctx),
            (_, None, _) => {}
            _ => {
                return Err(Fault::protocol(
                    "this acknowledgement does not go with the quality of service of its message",
                ));
            }
        }
        Ok(())
    }

    /// The client holds a message that we do not know any more: it is let go.
    fn pubrel_unknown(&mut self, packet_id: u16, ctx: &mut Ctx<'_, B>) {
        match self.terms.version {
            Version::V3 => encode::ack(AckKind::Pubrel, packet_id, ctx.out),
            Version::V5 => encode::ack_refused(
                AckKind::Pubrel,
                packet_id,
                NOT_FOUND,
                "no message with this packet identifier is on its way",
                self.terms,
                ctx.out,
            ),
        }
    }

    /// Sends the first packet that is due again. The caller has seen that there is one.
    pub(super) fn send_again(
        &mut self,
        backend: &B,
        now: model::Timestamp,
        payload: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Option<Sent<B>> {
        let outbound = &mut self.state.outbound;
        let idx = outbound.first_due()?;
        let InFlight {
            number,
            stage:
                Stage::Sent {
                    delivery,
                    qos,
                    form,
                    ..
                },
        } = outbound.in_flight.get(idx)?
        else {
            return None;
        };
        let (packet_id, qos, form) = (packet_id(*number), *qos, *form);
        let (stamp, tag) = (B::stamp(delivery), B::tag(delivery));
        let is_retained = B::is_retained(delivery);
        let Some(permit) = backend.permit(delivery, now) else {
            outbound.remove(idx);
            return Some(Sent::NotPermitted);
        };
        let label = B::label(&permit);
        let Some(expiry_s) = seconds_left(stamp, &label, now) else {
            outbound.remove(idx);
            return Some(Sent::Expired);
        };
        let addressed =
            (self.state.subscriptions).address(tag, &label, stamp, self.state.origin, is_retained);
        let (retain, identifiers) = addressed.map_or_else(
            || (is_retained, Default::default()),
            |it| (it.retain, it.identifiers),
        );
        let head = Head {
            form,
            qos,
            packet_id: Some(packet_id),
            dup: true,
            retain,
            identifiers: &identifiers,
            expiry_s,
        };
        match self.write(&head, permit, payload, out) {
            Write::TooLarge => {
                self.state.outbound.remove(idx);
                Some(Sent::TooLarge)
            }
            Write::Done {
                receipt,
                has_new_alias,
            } => {
                self.state.outbound.set_due(packet_id, false);
                let packet = Undone::Again(packet_id);
                Some(Sent::Written {
                    receipt,
                    undo: Undo {
                        packet,
                        has_new_alias,
                    },
                    is_repeated: true,
                })
            }
        }
    }

    /// Decides on a delivery and writes it if it may leave.
    pub(super) fn send_first(
        &mut self,
        delivery: B::Delivery,
        backend: &B,
        now: model::Timestamp,
        payload: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Sent<B> {
        let (stamp, tag, origin) = (B::stamp(&delivery), B::tag(&delivery), self.state.origin);
        if !self.state.subscriptions.takes(tag, stamp, origin) {
            return Sent::Unwanted;
        }
        let Some(permit) = backend.permit(&delivery, now) else {
            return Sent::NotPermitted;
        };
        let label = B::label(&permit);
        let Some(expiry_s) = seconds_left(stamp, &label, now) else {
            return Sent::Expired;
        };
        let is_retained = B::is_retained(&delivery);
        let addressed = (self.state.subscriptions).address(tag, &label, stamp, origin, is_retained);
        let Some(addressed) = addressed else {
            return Sent::Unwanted;
        };
        let (form, qos) = (addressed.form, addressed.qos);
        let mut plain = None;
        let packet_id = match qos {
            0 => {
                plain = Some(delivery);
                None
            }
            _ => Some(self.state.outbound.begin(Stage::Sent {
                bytes: B::size_bytes(&delivery),
                delivery,
                qos,
                form,
                is_due: false,
            })),
        };
        let head = Head {
            form,
            qos,
            packet_id,
            dup: false,
            retain: addressed.retain,
            identifiers: &addressed.identifiers,
            expiry_s,
        };
        match self.write(&head, permit, payload, out) {
            Write::TooLarge => {
                if packet_id.is_some() {
                    self.state.outbound.take_back();
                }
                Sent::TooLarge
            }
            Write::Done {
                receipt,
                has_new_alias,
            } => Sent::Written {
                receipt,
                undo: Undo {
                    packet: plain.map_or(Undone::First, Undone::Plain),
                    has_new_alias,
                },
                is_repeated: false,
            },
        }
    }

    fn write(
        &mut self,
        head: &Head<'_>,
        permit: B::Permit,
        payload: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Write<B::Receipt> {
        let label = B::label(&permit);
        let coarse = label.coarse;
        let topic = topic::delivery_topic(head.form, &label);
        payload.clear();
        let mut properties = Vec::new();
        let receipt = B::write_payload(permit, payload, &mut properties);
        let mut packet = Outgoing {
            topic: &topic,
            qos: head.qos,
            packet_id: head.packet_id,
            dup: head.dup,
            retain: head.retain,
            coarse,
            alias: None,
            expiry_s: head.expiry_s,
            identifiers: head.identifiers,
            properties: &properties,
            payload,
        };
        let alias = self.aliases_to_client.alias(&topic);
        match alias {
            Alias::None => {}
            Alias::New(alias) => packet.alias = Some(alias),
            Alias::Known(alias) => (packet.alias, packet.topic) = (Some(alias), b""),
        }
        let has_new_alias = matches!(alias, Alias::New(_));
        if encode::publish(packet, self.terms, out) {
            return Write::Done {
                receipt,
                has_new_alias,
            };
        }
        if has_new_alias {
            self.aliases_to_client.take_back();
        }
        B::void(receipt);
        Write::TooLarge
    }

    /// A written packet was not sent: what it changed is undone. The last is given back first.
    pub(crate) fn take_back(&mut self, undo: Undo<B::Delivery>) {
        if undo.has_new_alias {
            self.aliases_to_client.take_back();
        }
        match undo.packet {
            Undone::Plain(delivery) => self.state.queue.push_front(delivery),
            Undone::First => {
                if let Some(Stage::Sent { delivery, .. }) = self.state.outbound.take_back() {
                    self.state.queue.push_front(delivery);
                }
            }
            Undone::Again(packet_id) => self.state.outbound.set_due(packet_id, true),
        }
    }
}

/// What is left of the message expiry interval (3.3.2-6): `None` when it is over, `Some(None)` when there is none.
fn seconds_left(stamp: Stamp, label: &Label<'_>, now: model::Timestamp) -> Option<Option<u32>> {
    let Some(expiry_s) = stamp.expiry_s() else {
        return Some(None);
    };
    let waited_ms = now.as_millis().saturating_sub(label.at.as_millis()).max(0);
    let waited_s = u32::try_from(waited_ms / 1_000).unwrap_or(u32::MAX);
    match expiry_s.checked_sub(waited_s) {
        Some(left) if left > 0 => Some(Some(left)),
        _ => None,
    }
}
