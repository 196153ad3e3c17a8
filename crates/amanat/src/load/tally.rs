//! What all connections of a run count together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::clock::Stopwatch;
use crate::mqtt::link::LinkError;

use super::histogram::Histogram;

/// The most different reasons that are kept apart; the rest is counted as one.
const MAX_REASONS: usize = 32;

/// Counters of one run.
#[derive(Debug)]
pub(crate) struct Tally {
    stopwatch: OnceLock<Stopwatch>,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    delivered: AtomicU64,
    delivered_bytes: AtomicU64,
    last_delivery: AtomicU64,
    latency: Mutex<Histogram>,
    connecting: Mutex<Histogram>,
    refusals: Mutex<BTreeMap<String, u64>>,
    denied: AtomicU64,
}

impl Tally {
    /// Nothing counted.
    pub(crate) fn new() -> Self {
        Self {
            stopwatch: OnceLock::new(),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            delivered_bytes: AtomicU64::new(0),
            last_delivery: AtomicU64::new(0),
            latency: Mutex::new(Histogram::new()),
            connecting: Mutex::new(Histogram::new()),
            refusals: Mutex::new(BTreeMap::new()),
            denied: AtomicU64::new(0),
        }
    }

    /// The publishers start now.
    pub(crate) fn start(&self, stopwatch: Stopwatch) {
        self.stopwatch.get_or_init(|| stopwatch);
    }

    /// A connection was accepted after `nanos`.
    pub(crate) fn connected(&self, nanos: u64) {
        lock(&self.connecting).record(nanos);
    }

    /// So many messages were handed to the socket.
    pub(crate) fn sent(&self, messages: u64) {
        self.sent.fetch_add(messages, Ordering::Relaxed);
    }

    /// Messages were acknowledged, each after its latency in nanoseconds.
    pub(crate) fn acknowledged(&self, latencies: &[u64]) {
        let mut histogram = lock(&self.latency);
        for latency in latencies {
            histogram.record(*latency);
        }
        self.acknowledged
            .fetch_add(latencies.len() as u64, Ordering::Relaxed);
    }

    /// Messages reached a subscriber.
    pub(crate) fn deliveries(&self, messages: u64, bytes: u64) {
        self.delivered.fetch_add(messages, Ordering::Relaxed);
        self.delivered_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(stopwatch) = self.stopwatch.get() {
            self.last_delivery
                .fetch_max(stopwatch.nanos(), Ordering::Relaxed);
        }
    }

    /// Something was refused or broke.
    pub(crate) fn refused(&self, error: &LinkError) {
        if matches!(
            error,
            LinkError::Refused {
                code: 4 | 5 | 0x86 | 0x87,
                ..
            }
        ) {
            self.denied.fetch_add(1, Ordering::Relaxed);
        }
        let reason = match error {
            LinkError::Connect(source) | LinkError::Broken(source) => format!("{error}: {source}"),
            _ => error.to_string(),
        };
        let mut refusals = lock(&self.refusals);
        let reason = if refusals.len() >= MAX_REASONS && !refusals.contains_key(&reason) {
            "other reasons".to_owned()
        } else {
            reason
        };
        *refusals.entry(reason).or_default() += 1;
    }

    /// How many messages were handed to sockets.
    pub(crate) fn messages_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many messages were acknowledged.
    pub(crate) fn messages_acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// How many messages reached subscribers.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// How many payload bytes reached subscribers.
    pub(crate) fn delivered_bytes(&self) -> u64 {
        self.delivered_bytes.load(Ordering::Relaxed)
    }

    /// When the last message reached a subscriber, in nanoseconds after the start.
    pub(crate) fn last_delivery(&self) -> u64 {
        self.last_delivery.load(Ordering::Relaxed)
    }

    /// How often the server said that we may not.
    pub(crate) fn denials(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }

    /// Latencies of acknowledgements, in nanoseconds.
    pub(crate) fn latency(&self) -> Histogram {
        lock(&self.latency).clone()
    }

    /// Times from connecting to CONNACK, in nanoseconds.
    pub(crate) fn connecting(&self) -> Histogram {
        lock(&self.connecting).clone()
    }

    /// What was refused, how often.
    pub(crate) fn refusals(&self) -> BTreeMap<String, u64> {
        lock(&self.refusals).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
