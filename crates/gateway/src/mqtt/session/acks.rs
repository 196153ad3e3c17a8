//! Acknowledgements that wait: PUBACK and PUBREC go out when the message is durable, in the order in
//! which the publishes came (4.6.0-2, 4.6.0-3), so a refusal waits for those before it.

use std::collections::VecDeque;

use crate::mqtt::decode::AckKind;
use crate::mqtt::encode::{self, Terms};

/// Above this many places the queue gives its memory back when it is empty.
const KEPT_PLACES: usize = 32;

#[derive(Debug)]
struct Waiting<P> {
    packet_id: u16,
    kind: AckKind,
    answer: Answer<P>,
}

#[derive(Debug)]
enum Answer<P> {
    /// Success, once everything up to here is durable.
    KeptAt(P),
    Refused(Box<(u8, String)>),
}

/// The acknowledgements of one session.
#[derive(Debug)]
pub(super) struct Acks<P> {
    waiting: VecDeque<Waiting<P>>,
    /// How many of them are PUBREC with success.
    pubrecs: usize,
}

impl<P> Default for Acks<P> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            pubrecs: 0,
        }
    }
}

impl<P: Copy + Ord> Acks<P> {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Those that are not the PUBREC of a message that was taken.
    pub(super) fn len_without_pubrecs(&self) -> usize {
        self.waiting.len() - self.pubrecs
    }

    /// Whether the PUBREC of a packet waits.
    pub(super) fn has_pubrec(&self, packet_id: u16) -> bool {
        let is_it = |it: &Waiting<P>| it.kind == AckKind::Pubrec && it.packet_id == packet_id;
        self.pubrecs > 0 && self.waiting.iter().any(is_it)
    }

    /// What the first of them waits for. A refusal is never first: it is said at once then.
    pub(super) fn next_position(&self) -> Option<P> {
        match self.waiting.front()?.answer {
            Answer::KeptAt(position) => Some(position),
            Answer::Refused(_) => None,
        }
    }

    /// A publish was taken.
    pub(super) fn kept(&mut self, kind: AckKind, packet_id: u16, position: P) {
        self.pubrecs += usize::from(kind == AckKind::Pubrec);
        self.waiting.push_back(Waiting {
            packet_id,
            kind,
            answer: Answer::KeptAt(position),
        });
    }

    /// An MQTT 5 publish was refused.
    pub(super) fn refused(
        &mut self,
        kind: AckKind,
        packet_id: u16,
        code: u8,
        text: String,
        terms: Terms,
        out: &mut Vec<u8>,
    ) {
        if self.waiting.is_empty() {
            return encode::ack_refused(kind, packet_id, code, &text, terms, out);
        }
        self.waiting.push_back(Waiting {
            packet_id,
            kind,
            answer: Answer::Refused(Box::new((code, text))),
        });
    }

    /// Writes what may be said now that everything up to `durable` is kept.
    pub(super) fn write_until(&mut self, durable: P, terms: Terms, out: &mut Vec<u8>) {
        while let Some(ack) = self.waiting.front() {
            match &ack.answer {
                Answer::KeptAt(position) if *position > durable => return,
                Answer::KeptAt(_) => {
                    self.pubrecs -= usize::from(ack.kind == AckKind::Pubrec);
                    encode::ack(ack.kind, ack.packet_id, out);
                }
                Answer::Refused(it) => {
                    encode::ack_refused(ack.kind, ack.packet_id, it.0, &it.1, terms, out);
                }
            }
            self.waiting.pop_front();
        }
        if self.waiting.capacity() > KEPT_PLACES {
            self.waiting.shrink_to(KEPT_PLACES);
        }
    }
}
