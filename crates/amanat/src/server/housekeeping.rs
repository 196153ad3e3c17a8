//! What has to be done every second: counts written, readings moved to blocks, what is past its retention dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custody::Custody;

use crate::clock;
use crate::lifecycle::{Alarm, Stopping};

const PERIOD: Duration = Duration::from_secs(1);
/// How often the vault is asked whether it still works.
const WATCH_PERIOD: Duration = Duration::from_millis(200);

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

/// Raises the alarm when the vault has stopped: only a new start can open it again.
pub(super) async fn watch(custody: Custody, alarm: Alarm, mut stopping: Stopping) {
    let mut period = tokio::time::interval(WATCH_PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            _ = period.tick() => (),
        }
        if custody.failed() {
            tracing::error!(
                "no message can be kept any more, so the server ends: remove the cause named above and start it again"
            );
            alarm.raise();
            return stopping.wait().await;
        }
    }
}
