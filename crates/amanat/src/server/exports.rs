//! Makes the exports that people asked for, one after the other.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use web::SiteOptions;

use super::every::{Rhythm, every};
use crate::lifecycle::Stopping;

/// How often somebody looks whether an export waits.
const RHYTHM: Rhythm = Rhythm {
    period: Duration::from_secs(1),
    missed: MissedTickBehavior::Delay,
};

/// Makes exports until it is time to stop; one that is being made then is made again after the next start.
pub(super) async fn run(options: SiteOptions, stopping: Stopping) {
    every(RHYTHM, stopping, move |stop| {
        web::run_exports(&options, stop)
    })
    .await;
}
