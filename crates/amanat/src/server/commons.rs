//! Tends the commons: what was half given is finished, what waited too long goes, and batches are decided on when their time has come.

use std::time::Duration;

use custody::Custody;
use tokio::time::MissedTickBehavior;

use super::every::{Rhythm, every};
use crate::clock;
use crate::lifecycle::Stopping;

/// How often somebody looks.
const RHYTHM: Rhythm = Rhythm {
    period: Duration::from_secs(60),
    missed: MissedTickBehavior::Skip,
};

/// Tends until it is time to stop.
pub(super) async fn run(custody: Custody, stopping: Stopping) {
    every(RHYTHM, stopping, move |_| {
        custody.tend_commons(clock::now())
    })
    .await;
}
