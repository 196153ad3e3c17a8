//! Tends the commons: what was half given is finished, what waited too long goes, and batches are decided on when their time has come.

use std::time::Duration;

use custody::Custody;

use crate::clock;
use crate::lifecycle::Stopping;

/// How often somebody looks.
const PERIOD: Duration = Duration::from_secs(60);

/// Tends until it is time to stop.
pub(super) async fn run(custody: Custody, mut stopping: Stopping) {
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            _ = period.tick() => (),
        }
        let custody = custody.clone();
        let done = tokio::task::spawn_blocking(move || custody.tend_commons(clock::now()));
        match done.await {
            Ok(Ok(())) => {}
            Ok(Err(err)) => tracing::warn!("{:#}", anyhow::Error::new(err)),
            Err(err) => tracing::error!("{:#}", anyhow::Error::new(err)),
        }
    }
}
