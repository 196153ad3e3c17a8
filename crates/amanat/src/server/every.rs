//! Work that comes again and again and blocks: one turn after the other until it is time to stop.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::lifecycle::Stopping;

/// How often, and what happens to moments that a long turn missed.
pub(super) struct Rhythm {
    /// The time between two moments.
    pub(super) period: Duration,
    /// Whether the next turn comes a whole period later, or at the next moment of the first rhythm.
    pub(super) missed: MissedTickBehavior,
}

/// Runs `turn` away from the workers that answer, at each moment of the rhythm, until it is time to stop. A turn is told through
/// the flag that it should end; it is waited for. What fails is written down, and the next turn comes all the same.
pub(super) async fn every<T, E>(
    rhythm: Rhythm,
    mut stopping: Stopping,
    turn: impl Fn(&AtomicBool) -> Result<T, E> + Clone + Send + 'static,
) where
    T: Send + 'static,
    E: Error + Send + Sync + 'static,
{
    let mut period = tokio::time::interval(rhythm.period);
    period.set_missed_tick_behavior(rhythm.missed);
    let stop = Arc::new(AtomicBool::new(false));
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            _ = period.tick() => (),
        }
        let (turn, told) = (turn.clone(), Arc::clone(&stop));
        let mut done = tokio::task::spawn_blocking(move || turn(&told));
        let ended = tokio::select! {
            ended = &mut done => ended,
            () = stopping.wait() => {
                stop.store(true, Ordering::Relaxed);
                done.await
            }
        };
        match ended {
            Ok(Ok(_)) => {}
            Ok(Err(err)) => tracing::warn!("{:#}", anyhow::Error::new(err)),
            Err(err) => tracing::error!("{:#}", anyhow::Error::new(err)),
        }
    }
}
