//! What has to be done every second: counts written, readings moved to blocks, what is past its retention dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custody::Custody;

use crate::clock;
use crate::lifecycle::Stopping;

const PERIOD: Duration = Duration::from_secs(1);

/// Keeps house until it is time to stop; `ready` says whether that works.
pub(super) async fn run(custody: Custody, ready: Arc<AtomicBool>, mut stopping: Stopping) {
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = stopping.wait() => break,
            _ = period.tick() => (),
        }
        let data = custody.clone();
        let done = tokio::task::spawn_blocking(move || data.tick(clock::now())).await;
        let failed = match done {
            Ok(Ok(())) => None,
            Ok(Err(err)) => Some(anyhow::Error::new(err)),
            Err(err) => Some(anyhow::Error::new(err)),
        };
        // Once when it begins and once when it is over, not every second.
        match (&failed, failing) {
            (Some(err), false) => tracing::error!("housekeeping fails: {err:#}"),
            (None, true) => tracing::info!("housekeeping works again"),
            _ => (),
        }
        failing = failed.is_some();
        ready.store(!failing, Ordering::Relaxed);
    }
    ready.store(false, Ordering::Relaxed);
}
