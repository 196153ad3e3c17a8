//! Draws the figures that were asked for and those that data sets release by themselves, at fixed moments: who asks cannot time a draw.

use std::time::Duration;

use custody::{Custody, DrawError};
use tokio::time::MissedTickBehavior;

use super::every::{Rhythm, every};
use crate::clock;
use crate::lifecycle::Stopping;

/// How often figures are drawn.
const RHYTHM: Rhythm = Rhythm {
    period: Duration::from_secs(60),
    missed: MissedTickBehavior::Skip,
};

/// Draws until it is time to stop; what is being drawn then is drawn again after the next start.
pub(super) async fn run(custody: Custody, stopping: Stopping) {
    every(RHYTHM, stopping, move |stop| {
        match custody.draw_releases(stop, clock::now()) {
            Ok(_) | Err(DrawError::Stopped) => Ok(()),
            Err(err) => Err(err),
        }
    })
    .await;
}
