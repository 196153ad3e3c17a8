//! Acknowledgements that wait: PUBACK goes out when the message is durable, in the order in
//! which the publishes came (4.6.0-2), so a refusal waits for those before it.

use std::collections::VecDeque;

use mqtt_proto::v5::PubackReasonCode;

use crate::mqtt::encode::{self, Terms};

/// Above this many places the queue gives its memory back when it is empty.
const KEPT_PLACES: usize = 32;

#[derive(Debug)]
struct Ack<P> {
    packet_id: u16,
    answer: Answer<P>,
}

#[derive(Debug)]
enum Answer<P> {
    /// Success, once everything up to here is durable.
    KeptAt(P),
    Refused(Box<(PubackReasonCode, String)>),
}

/// The acknowledgements of one session.
#[derive(Debug)]
pub(super) struct Acks<P> {
    waiting: VecDeque<Ack<P>>,
}

impl<P> Default for Acks<P> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
        }
    }
}

impl<P: Copy + Ord> Acks<P> {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// What the first of them waits for. A refusal is never first: it is said at once then.
    pub(super) fn next_position(&self) -> Option<P> {
        match self.waiting.front()?.answer {
            Answer::KeptAt(position) => Some(position),
            Answer::Refused(_) => None,
        }
    }

    /// A publish was taken.
    pub(super) fn kept(&mut self, packet_id: u16, position: P) {
        self.waiting.push_back(Ack {
            packet_id,
            answer: Answer::KeptAt(position),
        });
    }

    /// An MQTT 5 publish was refused.
    pub(super) fn refused(
        &mut self,
        packet_id: u16,
        code: PubackReasonCode,
        text: String,
        terms: Terms,
        out: &mut Vec<u8>,
    ) {
        if self.waiting.is_empty() {
            return encode::puback_refused(packet_id, code, &text, terms, out);
        }
        self.waiting.push_back(Ack {
            packet_id,
            answer: Answer::Refused(Box::new((code, text))),
        });
    }

    /// Writes what may be said now that everything up to `durable` is kept.
    pub(super) fn write_until(&mut self, durable: P, terms: Terms, out: &mut Vec<u8>) {
        while let Some(ack) = self.waiting.front() {
            match &ack.answer {
                Answer::KeptAt(position) if *position > durable => return,
                Answer::KeptAt(_) => encode::puback(ack.packet_id, out),
                Answer::Refused(it) => {
                    encode::puback_refused(ack.packet_id, it.0, &it.1, terms, out);
                }
            }
            self.waiting.pop_front();
        }
        if self.waiting.capacity() > KEPT_PLACES {
            self.waiting.shrink_to(KEPT_PLACES);
        }
    }
}
