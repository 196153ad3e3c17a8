//! Makes the exports that people asked for, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use web::SiteOptions;

use crate::lifecycle::Stopping;

/// How often somebody looks whether an export waits.
const PERIOD: Duration = Duration::from_secs(1);

/// Makes exports until it is time to stop; one that is being made then is made again after the next start.
pub(super) async fn run(options: SiteOptions, mut stopping: Stopping) {
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let stop = Arc::new(AtomicBool::new(false));
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            _ = period.tick() => (),
        }
        let (options, told) = (options.clone(), Arc::clone(&stop));
        let mut done = tokio::task::spawn_blocking(move || web::run_exports(&options, &told));
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
