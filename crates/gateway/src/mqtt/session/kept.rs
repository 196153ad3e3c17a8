//! A session whose connection is gone: what is kept of it, how long, and how much may wait for it (3.1.2.4, 4.1).
//!
//! In memory only: after a restart of the server no session is present, and what was missed is read as history. Nothing
//! that waits here has been decided for good: it is decided again when it goes.

use std::collections::VecDeque;

use model::Timestamp;
use rustc_hash::FxHashMap;

use super::commands::Listening;
use super::orders::Ordering;
use super::outbound::Outbound;
use super::subscriptions::Subscriptions;
use crate::clock::Moment;
use crate::mqtt::backend::Backend;
use crate::mqtt::decode::Will;
use crate::mqtt::stamp::{Origin, Stamp};
use crate::ways::Arriving;
use crate::{Counter, Counters, Limits};

/// The state of a session (4.1): it may outlive its connection.
pub(super) struct State<B: Backend> {
    pub(super) origin: Origin,
    /// QoS 2 publishes that were taken and not released yet, and from where on they are durable.
    pub(super) received: FxHashMap<u16, B::Position>,
    pub(super) outbound: Outbound<B::Delivery>,
    pub(super) subscriptions: Subscriptions,
    pub(super) listening: Listening,
    pub(super) ordering: Ordering,
    /// Deliveries that have not been sent at all.
    pub(super) queue: VecDeque<B::Delivery>,
    /// Retained messages for subscriptions, by tag, that have not been looked up yet.
    pub(super) retained: Vec<(u32, B::Retained)>,
}

impl<B: Backend> State<B> {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            received: FxHashMap::default(),
            outbound: Outbound::default(),
            subscriptions: Subscriptions::default(),
            listening: Listening::default(),
            ordering: Ordering::default(),
            queue: VecDeque::new(),
            retained: Vec::new(),
        }
    }

    /// The next retained message for a subscription.
    pub(super) fn next_retained(&mut self, now: Timestamp) -> Option<B::Delivery> {
        while let Some((_, retained)) = self.retained.first_mut() {
            match B::next_retained(retained, now) {
                Some(delivery) => return Some(delivery),
                None => drop(self.retained.remove(0)),
            }
        }
        self.retained = Vec::new();
        None
    }

    /// The session ends: what it has not sent may be for others, where a subscription is shared (5.0, 4.8.2).
    pub(super) fn end(mut self, backend: &mut B) {
        for tag in self.subscriptions.take_tags() {
            backend.unsubscribe(tag);
        }
        for delivery in self.outbound.unsent().chain(self.queue) {
            B::hand_over(delivery);
        }
    }
}

/// A session without a connection.
pub(crate) struct Kept<B: Backend> {
    pub(super) state: State<B>,
    /// Custody's part of it, while it goes from one connection to the next.
    pub(super) resting: Option<B::Resting>,
    expiry_s: u32,
    ends_at_ms: u64,
    will: Option<(u64, Box<Will>)>,
    queued_bytes: usize,
}

/// A moment that is `seconds` later.
fn later(now: Moment, seconds: u32) -> u64 {
    now.uptime_ms + u64::from(seconds) * 1_000
}

impl<B: Backend> Kept<B> {
    /// The connection ended at `now`. A will that is to be delayed is published at the end of its delay or of the
    /// session, whichever is first (5.0, 3.1.3.2.2).
    pub(super) fn new(
        state: State<B>,
        expiry_s: u32,
        will: Option<Box<Will>>,
        now: Moment,
        limits: &Limits,
        counters: &Counters,
    ) -> Self {
        let mut kept = Self {
            state,
            resting: None,
            expiry_s,
            ends_at_ms: later(now, expiry_s),
            will: will.map(|it| (later(now, it.delay_s.min(expiry_s)), it)),
            queued_bytes: 0,
        };
        kept.state.outbound.forget_commands();
        for delivery in std::mem::take(&mut kept.state.queue) {
            kept.offer(delivery, limits, counters);
        }
        while kept.state.queue.len() < limits.queued_deliveries
            && let Some(delivery) = kept.state.next_retained(now.wall)
        {
            kept.offer(delivery, limits, counters);
        }
        kept.state.retained = Vec::new();
        kept
    }

    /// A delivery for the absent client: QoS 0 does not wait (4.1), QoS 1 and 2 do while there is room.
    pub(crate) fn offer(&mut self, delivery: B::Delivery, limits: &Limits, counters: &Counters) {
        let (tag, stamp) = (B::tag(&delivery), B::stamp(&delivery));
        let subscriptions = &self.state.subscriptions;
        if !subscriptions.takes(tag, stamp, self.state.origin)
            || subscriptions.qos(tag, stamp).is_none_or(|it| it == 0)
        {
            return;
        }
        let bytes = B::size_bytes(&delivery);
        if self.state.queue.len() >= limits.queued_deliveries
            || self.queued_bytes + bytes > limits.queued_bytes
        {
            return counters.add(Counter::DeliveriesQueueFull);
        }
        self.queued_bytes += bytes;
        self.state.queue.push_back(delivery);
    }

    /// When [`Kept::tick`] is to be called next, in milliseconds of uptime.
    pub(crate) fn deadline_ms(&self) -> u64 {
        match &self.will {
            Some((due_ms, _)) => self.ends_at_ms.min(*due_ms),
            None => self.ends_at_ms,
        }
    }

    /// Time has passed: the will may be due, the session may be over. True when it is.
    pub(crate) fn tick(&mut self, backend: &mut B, now: Moment, counters: &Counters) -> bool {
        let is_due = |at_ms: u64| now.uptime_ms >= at_ms;
        if self.will.as_ref().is_some_and(|it| is_due(it.0)) {
            self.publish_will(backend, now, counters);
        }
        let is_over = is_due(self.ends_at_ms);
        if is_over {
            counters.add(Counter::SessionsExpired);
        }
        is_over
    }

    /// The session ends before its time: a will that waits is published (5.0, 3.1.2-8).
    pub(crate) fn publish_will(&mut self, backend: &mut B, now: Moment, counters: &Counters) {
        if let Some((_, will)) = self.will.take() {
            publish_will(&will, self.state.origin, backend, now, counters);
        }
    }

    /// The session ends here.
    pub(crate) fn end(self, backend: &mut B) {
        self.state.end(backend);
    }

    /// Goes to a new connection of the client.
    pub(crate) fn give(&mut self, resting: B::Resting) {
        self.resting = Some(resting);
    }

    /// Comes back from a new connection that was never opened; its time begins again.
    pub(crate) fn come_back(&mut self, now: Moment) -> Option<B::Resting> {
        self.ends_at_ms = later(now, self.expiry_s);
        self.resting.take()
    }

    /// How many deliveries wait for the client.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.state.queue.len()
    }
}

/// Publishes a will like any message of its peer.
pub(super) fn publish_will<B: Backend>(
    will: &Will,
    origin: Origin,
    backend: &mut B,
    now: Moment,
    counters: &Counters,
) {
    let stamp = Stamp::new(origin, will.qos as u8, will.retain, will.expiry_s);
    let arriving = Arriving {
        topic: &will.topic,
        payload: &will.payload,
        properties: &will.properties,
        retain: will.retain,
        origin: stamp.word(),
        expires_at: stamp.expires_at(now.wall),
    };
    counters.add(match backend.ingest(&arriving, now.wall) {
        Ok(_) => Counter::WillsAccepted,
        Err(_) => Counter::WillsRefused,
    });
}
