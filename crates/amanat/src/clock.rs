//! The clocks: the one place of the binary that asks what time it is.

use std::time::Instant;

use model::Timestamp;

/// The wall clock, now.
#[expect(
    clippy::disallowed_methods,
    reason = "the border where the wall clock becomes a parameter"
)]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Measures from a start that all parts of a run share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    start: Instant,
}

impl Stopwatch {
    /// Starts measuring.
    pub(crate) fn start() -> Self {
        Self { start: instant() }
    }

    /// Nanoseconds since the start.
    pub(crate) fn nanos(&self) -> u64 {
        u64::try_from(instant().duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        instant().duration_since(self.start).as_secs_f64()
    }

    /// The instant that lies `nanos` after the start.
    pub(crate) fn instant_at(&self, nanos: u64) -> Instant {
        self.start + std::time::Duration::from_nanos(nanos)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one site of the binary that reads the monotonic clock"
)]
fn instant() -> Instant {
    Instant::now()
}
