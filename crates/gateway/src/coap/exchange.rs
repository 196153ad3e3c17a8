//! What is remembered of messages (RFC 7252 sections 4.2 to 4.5, 5.2.2): which request came already, what was answered,
//! and what has to be sent again.
//!
//! | request | answered within a second | later |
//! |---|---|---|
//! | CON | the response in the acknowledgement | an empty acknowledgement, then the response as a CON of its own, sent up to five times until it is acknowledged or reset |
//! | NON | the response as a NON | the same |
//!
//! A copy of a CON gets what the first got; a copy of a NON gets nothing. Only requests of somebody who has shown a token
//! are remembered: what is refused before has no effect, so that answering it again does no harm, and a stranger cannot
//! fill the table. When the table is full the oldest is forgotten, and a copy of *that* would count as a new message.

use std::collections::VecDeque;
use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use super::message::{self, Kind, Response, Token};

/// How long a copy of a CON may come after it (section 4.8.2).
const EXCHANGE_LIFETIME_MS: u64 = 247_000;
/// How long a copy of a NON may come after it.
const NON_LIFETIME_MS: u64 = 145_000;
/// After how long without a response an acknowledgement goes out alone: half of the client's ACK_TIMEOUT.
const ACK_DELAY_MS: u64 = 1_000;
/// How long to wait for the acknowledgement of a response, in milliseconds, before up to half of it is added by chance.
const ACK_TIMEOUT_MS: u64 = 2_000;
/// How often a response is sent again.
const MAX_RETRANSMIT: u8 = 4;
/// How many requests are remembered.
pub(super) const MAX_EXCHANGES: usize = 131_072;
/// How many responses wait for an acknowledgement; one more goes out as a NON (section 5.2.2 leaves the choice).
pub(super) const MAX_UNACKNOWLEDGED: usize = 1_024;

/// Who sent a message, and the number that they gave it.
pub(super) type Key = (SocketAddr, u16);
/// A datagram to be sent.
pub(super) type Datagram = (SocketAddr, Vec<u8>);

/// Whether a request came before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    /// And what is sent to it, if anything.
    Again(Option<Vec<u8>>),
}

#[derive(Debug)]
struct Exchange {
    serial: u64,
    ends_at_ms: u64,
    kind: Kind,
    token: Token,
    /// What a copy gets; nothing while the request is under way.
    sent: Option<Box<[u8]>>,
}

#[derive(Debug)]
struct Unacknowledged {
    datagram: Vec<u8>,
    due_at_ms: u64,
    wait_ms: u64,
    left: u8,
}

/// The memory of one socket.
#[derive(Debug)]
pub(super) struct Exchanges {
    known: FxHashMap<Key, Exchange>,
    /// In the order in which they began.
    order: VecDeque<(Key, u64)>,
    /// Confirmable requests that wait for their acknowledgement, in the order in which they came.
    unanswered: VecDeque<(u64, Key, u64)>,
    unacknowledged: FxHashMap<Key, Unacknowledged>,
    serial: u64,
    next_id: u16,
    chance: u64,
}

impl Exchanges {
    /// `chance` makes numbers and waits hard to guess.
    pub(super) fn new(chance: u64) -> Self {
        let [first, second, ..] = chance.to_le_bytes();
        Self {
            known: FxHashMap::default(),
            order: VecDeque::new(),
            unanswered: VecDeque::new(),
            unacknowledged: FxHashMap::default(),
            serial: 0,
            next_id: u16::from_le_bytes([first, second]),
            chance: chance | 1,
        }
    }

    /// Whether a request came before.
    pub(super) fn seen(&self, key: Key, now_ms: u64) -> Seen {
        match self.known.get(&key).filter(|it| it.ends_at_ms > now_ms) {
            None => Seen::New,
            Some(it) if it.kind == Kind::NonConfirmable => Seen::Again(None),
            Some(it) => Seen::Again(it.sent.as_ref().map(|it| it.to_vec())),
        }
    }

    /// A request begins.
    pub(super) fn begin(&mut self, key: Key, kind: Kind, token: Token, now_ms: u64) {
        self.forget(now_ms);
        self.serial += 1;
        let lifetime_ms = match kind {
            Kind::NonConfirmable => NON_LIFETIME_MS,
            _ => EXCHANGE_LIFETIME_MS,
        };
        let exchange = Exchange {
            serial: self.serial,
            ends_at_ms: now_ms + lifetime_ms,
            kind,
            token,
            sent: None,
        };
        self.known.insert(key, exchange);
        self.order.push_back((key, self.serial));
        if kind == Kind::Confirmable {
            let due_at_ms = now_ms + ACK_DELAY_MS;
            self.unanswered.push_back((due_at_ms, key, self.serial));
        }
    }

    /// The response to a request that began; what has to be sent for it.
    pub(super) fn finish(&mut self, key: Key, response: &Response, now_ms: u64) -> Option<Vec<u8>> {
        let exchange = self.known.get_mut(&key)?;
        let token = exchange.token;
        let (kind, was_acknowledged) = (exchange.kind, exchange.sent.is_some());
        if kind == Kind::Confirmable && !was_acknowledged {
            let (_, message_id) = key;
            let datagram = message::write(Kind::Acknowledgement, message_id, &token, response);
            exchange.sent = Some(datagram.clone().into_boxed_slice());
            return Some(datagram);
        }
        let message_id = self.next_id();
        let place = (key.0, message_id);
        let is_full = self.unacknowledged.len() >= MAX_UNACKNOWLEDGED;
        if kind == Kind::NonConfirmable || is_full {
            let datagram = message::write(Kind::NonConfirmable, message_id, &token, response);
            return Some(datagram);
        }
        let datagram = message::write(Kind::Confirmable, message_id, &token, response);
        let wait_ms = ACK_TIMEOUT_MS + self.random() % (ACK_TIMEOUT_MS / 2);
        let again = Unacknowledged {
            datagram: datagram.clone(),
            due_at_ms: now_ms + wait_ms,
            wait_ms,
            left: MAX_RETRANSMIT,
        };
        self.unacknowledged.insert(place, again);
        Some(datagram)
    }

    /// Somebody acknowledged or reset a message of ours.
    pub(super) fn settle(&mut self, key: Key) {
        self.unacknowledged.remove(&key);
    }

    /// What has to be sent by now; gives how many responses nobody acknowledged, which are given up.
    pub(super) fn due(&mut self, now_ms: u64, out: &mut Vec<Datagram>) -> u64 {
        while let Some((_, key, serial)) = self.unanswered.pop_front_if(|it| it.0 <= now_ms) {
            let waiting = self.known.get_mut(&key);
            if let Some(it) = waiting.filter(|it| it.serial == serial && it.sent.is_none()) {
                let datagram = message::write_empty(Kind::Acknowledgement, key.1);
                it.sent = Some(datagram.clone().into_boxed_slice());
                out.push((key.0, datagram));
            }
        }
        let mut given_up = 0;
        self.unacknowledged.retain(|key, it| {
            if it.due_at_ms > now_ms {
                return true;
            }
            let Some(left) = it.left.checked_sub(1) else {
                given_up += 1;
                return false;
            };
            it.left = left;
            // Section 4.2: each wait is twice the one before.
            it.wait_ms *= 2;
            it.due_at_ms = now_ms + it.wait_ms;
            out.push((key.0, it.datagram.clone()));
            true
        });
        self.forget(now_ms);
        given_up
    }

    /// When [`Self::due`] has something to do.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        let acknowledgement = self.unanswered.front().map(|it| it.0);
        let again = self.unacknowledged.values().map(|it| it.due_at_ms).min();
        acknowledgement.into_iter().chain(again).min()
    }

    /// A number for a message of ours.
    pub(super) fn next_id(&mut self) -> u16 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    fn forget(&mut self, now_ms: u64) {
        while let Some((key, serial)) = self.order.front().copied() {
            let is_current = self.known.get(&key).filter(|it| it.serial == serial);
            let is_over = is_current.is_none_or(|it| it.ends_at_ms <= now_ms);
            if !is_over && self.order.len() < MAX_EXCHANGES {
                return;
            }
            if is_current.is_some() {
                self.known.remove(&key);
            }
            self.order.pop_front();
        }
    }

    /// Xorshift: waits are spread with it, nothing is secret by it.
    fn random(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }
}

#[cfg(test)]
mod tests;
