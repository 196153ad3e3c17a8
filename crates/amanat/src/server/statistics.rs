//! Draws the figures that were asked for and those that data sets release by themselves, at fixed moments: who asks cannot time a draw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custody::{Custody, DrawError};

use crate::clock;
use crate::lifecycle::Stopping;

/// How often figures are drawn.
const PERIOD: Duration = Duration::from_secs(60);

/// Draws until it is time to stop; what is being drawn then is drawn again after the next start.
pub(super) async fn run(custody: Custody, mut stopping: Stopping) {
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let stop = Arc::new(AtomicBool::new(false));
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            _ = period.tick() => (),
        }
        let (custody, told) = (custody.clone(), Arc::clone(&stop));
        let mut done =
            tokio::task::spawn_blocking(move || custody.draw_releases(&told, clock::now()));
        let ended = tokio::select! {
            ended = &mut done => ended,
            () = stopping.wait() => {
                stop.store(true, Ordering::Relaxed);
                done.await
            }
        };
        match ended {
            Ok(Ok(_) | Err(DrawError::Stopped)) => {}
            Ok(Err(err)) => tracing::warn!("{:#}", anyhow::Error::new(err)),
            Err(err) => tracing::error!("{:#}", anyhow::Error::new(err)),
        }
    }
}
