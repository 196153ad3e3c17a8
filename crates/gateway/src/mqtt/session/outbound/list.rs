//! What is on its way to the client, by packet identifier: every change of the list keeps its counts.

use std::collections::VecDeque;

use crate::mqtt::decode::AckKind;
use crate::mqtt::encode;
use crate::mqtt::topic::Form;

/// Above this many places the list gives its memory back when it is empty.
const KEPT_PLACES: usize = 16;
/// So many holes are always borne.
const KEPT_HOLES: usize = 64;
/// How many packet identifiers there are: 0 is none.
const PACKET_IDS: u64 = 65_535;

/// What the client has not acknowledged, in the order in which it was first sent.
#[derive(Debug)]
pub(in crate::mqtt::session) struct Outbound<D> {
    next: u64,
    /// By number. The first is never a hole.
    pub(super) in_flight: VecDeque<InFlight<D>>,
    /// How many of them are holes.
    holes: usize,
    /// How many of them are to be sent again on this connection.
    pub(super) due: usize,
    /// None before this number is.
    due_from: u64,
    /// What their messages hold.
    pub(super) bytes: usize,
}

/// One of them.
#[derive(Debug)]
pub(in crate::mqtt::session) struct InFlight<D> {
    pub(super) number: u64,
    pub(super) stage: Stage<D>,
}

/// How far an exchange is.
#[derive(Debug)]
pub(in crate::mqtt::session) enum Stage<D> {
    /// PUBLISH was sent: PUBACK or PUBREC is to come.
    Sent {
        delivery: D,
        /// What it holds.
        bytes: usize,
        qos: u8,
        form: Form,
        is_due: bool,
    },
    /// PUBREL was sent: PUBCOMP is to come.
    Released,
    /// A command to a thing was sent: PUBACK is to come.
    Command(u64),
    /// It is over.
    Hole,
}

impl<D> Stage<D> {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Sent { bytes, .. } => *bytes,
            Self::Released | Self::Command(_) | Self::Hole => 0,
        }
    }

    fn is_hole(&self) -> bool {
        matches!(self, Self::Hole)
    }
}

impl<D> Default for Outbound<D> {
    fn default() -> Self {
        Self {
            next: 0,
            in_flight: VecDeque::new(),
            holes: 0,
            due: 0,
            due_from: 0,
            bytes: 0,
        }
    }
}

impl<D> InFlight<D> {
    fn packet_id(&self) -> u16 {
        packet_id(self.number)
    }

    fn is_due(&self) -> bool {
        matches!(self.stage, Stage::Sent { is_due: true, .. })
    }
}

/// The identifier that a number has.
pub(super) fn packet_id(number: u64) -> u16 {
    u16::try_from(number % PACKET_IDS + 1).unwrap_or(1)
}

impl<D> Outbound<D> {
    /// How many more packets the client takes, as far as their messages may hold memory; what is due holds it already.
    pub(super) fn room(&self, window: usize, most_bytes: usize) -> usize {
        if self.due == 0 && self.bytes >= most_bytes {
            return 0;
        }
        window.saturating_sub(self.in_flight.len() - self.holes - self.due)
    }

    /// Takes the next free identifier; there is one, because the window is smaller than their number.
    pub(in crate::mqtt::session) fn begin(&mut self, stage: Stage<D>) -> u16 {
        let oldest = self.in_flight.front().map(|it| it.number);
        while oldest.is_some_and(|it| self.next - it >= PACKET_IDS)
            && self.position(packet_id(self.next)).is_some()
        {
            self.next += 1;
        }
        let number = self.next;
        self.next += 1;
        self.bytes += stage.bytes();
        self.in_flight.push_back(InFlight { number, stage });
        packet_id(number)
    }

    /// The packet that was begun last was not sent.
    pub(in crate::mqtt::session) fn take_back(&mut self) -> Option<Stage<D>> {
        let last = self.in_flight.pop_back()?;
        self.next = last.number;
        self.bytes -= last.stage.bytes();
        Some(last.stage)
    }

    pub(super) fn position(&self, packet_id: u16) -> Option<usize> {
        let (first, last) = (self.in_flight.front()?, self.in_flight.back()?.number);
        if first.packet_id() == packet_id {
            return Some(0); // Nearly always: they are acknowledged in order (4.6).
        }
        // The last number with this identifier, then the one a whole turn of identifiers before.
        let wanted = u64::from(packet_id.checked_sub(1)?);
        let mut number = last.checked_sub((last + PACKET_IDS - wanted) % PACKET_IDS)?;
        while number >= first.number {
            let found = self
                .in_flight
                .binary_search_by_key(&number, |it| it.number)
                .ok()
                .filter(|it| {
                    self.in_flight
                        .get(*it)
                        .is_some_and(|it| !it.stage.is_hole())
                });
            if found.is_some() {
                return found;
            }
            number = number.checked_sub(PACKET_IDS)?;
        }
        None
    }

    pub(super) fn remove(&mut self, idx: usize) {
        let Some(gone) = self.in_flight.get_mut(idx) else {
            return;
        };
        let was_due = gone.is_due();
        let stage = std::mem::replace(&mut gone.stage, Stage::Hole);
        self.bytes -= stage.bytes();
        self.due -= usize::from(was_due);
        self.holes += 1;
        while self.in_flight.front().is_some_and(|it| it.stage.is_hole()) {
            self.in_flight.pop_front();
            self.holes -= 1;
        }
        if self.holes > KEPT_HOLES.max(self.in_flight.len() / 2) {
            self.close_holes();
        }
        if self.in_flight.is_empty() && self.in_flight.capacity() > KEPT_PLACES {
            self.in_flight = VecDeque::new();
        }
    }

    fn close_holes(&mut self) {
        self.in_flight.retain(|it| !it.stage.is_hole());
        self.holes = 0;
    }

    /// The client has connected again (4.4.0-1): PUBRELs go out at once, PUBLISHes are due. Commands are custody's to
    /// make anew.
    pub(in crate::mqtt::session) fn resume(&mut self, out: &mut Vec<u8>) {
        self.forget_commands();
        self.due = 0;
        self.due_from = 0;
        for it in &mut self.in_flight {
            let packet_id = packet_id(it.number);
            match &mut it.stage {
                Stage::Sent { is_due, .. } => {
                    *is_due = true;
                    self.due += 1;
                }
                Stage::Released => encode::ack(AckKind::Pubrel, packet_id, out),
                Stage::Command(_) | Stage::Hole => {}
            }
        }
    }

    /// Commands of a connection that is gone are not waited for.
    pub(in crate::mqtt::session) fn forget_commands(&mut self) {
        for it in &mut self.in_flight {
            if matches!(it.stage, Stage::Command(_)) {
                it.stage = Stage::Hole;
            }
        }
        self.close_holes();
    }

    /// The deliveries with QoS 1 that the client has not acknowledged: somebody else may get them.
    pub(in crate::mqtt::session) fn unsent(self) -> impl Iterator<Item = D> {
        self.in_flight.into_iter().filter_map(|it| match it.stage {
            Stage::Sent {
                delivery, qos: 1, ..
            } => Some(delivery),
            _ => None,
        })
    }

    pub(in crate::mqtt::session) fn has_due(&self) -> bool {
        self.due > 0
    }

    /// The first that is to be sent again.
    pub(super) fn first_due(&self) -> Option<usize> {
        let from = self
            .in_flight
            .partition_point(|it| it.number < self.due_from);
        let mut rest = self.in_flight.iter().skip(from);
        rest.position(InFlight::is_due).map(|it| from + it)
    }

    pub(super) fn set_due(&mut self, packet_id: u16, due: bool) {
        let found = self.position(packet_id);
        if let Some(InFlight {
            stage: Stage::Sent { is_due, .. },
            number,
        }) = found.and_then(|it| self.in_flight.get_mut(it))
            && *is_due != due
        {
            *is_due = due;
            match due {
                true => {
                    self.due += 1;
                    self.due_from = self.due_from.min(*number);
                }
                false => {
                    self.due -= 1;
                    // Only the first is sent, so none before it is due.
                    self.due_from = *number;
                }
            }
        }
    }

    #[cfg(test)]
    pub(in crate::mqtt::session) fn packet_ids(&self) -> Vec<u16> {
        let in_flight = self.in_flight.iter().filter(|it| !it.stage.is_hole());
        in_flight.map(InFlight::packet_id).collect()
    }
}
