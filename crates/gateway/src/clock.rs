//! The clock of the shell: the only place of this crate that asks what time it is.
//!
//! Everything below the shell takes a [`Moment`], so a test can choose the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// One instant in both measures that are needed: what the calendar says, and what cannot jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall time: what is written down and what policy decides by.
    pub wall: Timestamp,
    /// Milliseconds since the clock was made: never goes back, so timeouts are measured with it.
    pub uptime_ms: u64,
}

/// A clock that was started once and is asked many times.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts the clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one site of this crate that reads the monotonic clock at the start"
    )]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// What time it is.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one site of this crate that reads the clocks; everything else takes a `Moment`"
    )]
    pub fn now(&self) -> Moment {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |it| it.as_millis());
        Moment {
            wall: Timestamp::from_millis(i64::try_from(wall).unwrap_or(i64::MAX)),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The instant `uptime_ms` after the start, for a timer.
    pub(crate) fn instant(&self, uptime_ms: u64) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + Duration::from_millis(uptime_ms))
    }
}
