//! The one clock of the tools: how long a step took, how long a server may take.

use std::time::{Duration, Instant};

/// Now, for measuring durations.
#[expect(
    clippy::disallowed_methods,
    reason = "the tools measure real programs; this is their one allowed site"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits, where a real program can only be asked again.
#[expect(
    clippy::disallowed_methods,
    reason = "the tools wait for real programs; this is their one allowed site"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
