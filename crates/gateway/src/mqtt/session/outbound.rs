//! Deliveries on their way to the client: packet identifiers, the client's window, PUBACK.

use rustc_hash::FxHashSet;

use super::{Phase, Session};
use crate::mqtt::backend::Backend;
use crate::mqtt::encode::{self, Outgoing};
use crate::mqtt::topic;

/// What became of a delivery.
#[derive(Debug)]
pub(crate) enum Delivered<R> {
    /// It stands in the output buffer.
    Written {
        /// With QoS 1; give it back with [`Session::withdraw`] if the packet is not sent.
        packet_id: Option<u16>,
        /// To be voided if the packet is not sent.
        receipt: R,
    },
    /// Its subscription has ended.
    Unsubscribed,
    /// It is longer than the client takes, and counts as delivered (5.0, 3.1.2-25).
    TooLarge,
}

/// The sending side of a session.
#[derive(Debug)]
pub(super) struct Outbound {
    /// How many QoS 1 deliveries may wait for their PUBACK.
    window: usize,
    last_packet_id: u16,
    in_flight: FxHashSet<u16>,
}

impl Outbound {
    pub(super) fn new(window: u16) -> Self {
        Self {
            window: window.into(),
            last_packet_id: 0,
            in_flight: FxHashSet::default(),
        }
    }

    /// The client's receive maximum (5.0, 3.1.2.11.3).
    pub(super) fn narrow(&mut self, receive_maximum: u16) {
        self.window = self.window.min(receive_maximum.into()).max(1);
    }

    /// The client has it. An identifier that is not in flight is ignored: it belongs to nothing.
    pub(super) fn acknowledged(&mut self, packet_id: u16) {
        self.in_flight.remove(&packet_id);
    }

    fn room(&self) -> usize {
        self.window.saturating_sub(self.in_flight.len())
    }

    /// The next free identifier; there is one, because the window is smaller than their number.
    pub(super) fn take_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if self.in_flight.insert(self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}

impl<P: Copy + Ord> Session<P> {
    /// How many deliveries the client takes now; the others wait in their queue.
    pub(crate) fn window(&self) -> usize {
        match self.phase {
            Phase::Open(_) => self.outbound.room(),
            Phase::Waiting | Phase::Draining | Phase::Closed => 0,
        }
    }

    /// Writes a permitted delivery; `payload` is memory to work in.
    pub(crate) fn deliver<B: Backend>(
        &mut self,
        tag: u32,
        permit: B::Permit,
        payload: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Delivered<B::Receipt> {
        let Some((form, with_ack)) = self.subscriptions.by_tag(tag) else {
            return Delivered::Unsubscribed;
        };
        let label = B::label(&permit);
        let coarse = label.coarse;
        let topic = topic::delivery_topic(form, label.purpose, label.deployment, label.thing);
        payload.clear();
        let receipt = B::write_payload(permit, payload);
        let packet_id = with_ack.then(|| self.outbound.take_packet_id());
        let packet = Outgoing {
            topic: &topic,
            packet_id,
            coarse,
            payload,
        };
        if encode::publish(packet, self.terms, out) {
            return Delivered::Written { packet_id, receipt };
        }
        B::void(receipt);
        self.withdraw(packet_id);
        Delivered::TooLarge
    }

    /// A written delivery was not sent: its identifier is free again.
    pub(crate) fn withdraw(&mut self, packet_id: Option<u16>) {
        if let Some(packet_id) = packet_id {
            self.outbound.in_flight.remove(&packet_id);
        }
    }
}
