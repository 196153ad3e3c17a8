//! Tends cases and the office: what is due by the clock happens, and panels that are not complete are filled.

use std::time::Duration;

use alliance::Alliance;
use alliance::cases::CaseError;
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
pub(super) async fn run(alliance: Alliance, stopping: Stopping) {
    every(RHYTHM, stopping, move |_| {
        let now = clock::now();
        alliance.tend_office_acts(now).map_err(CaseError::from)?;
        if let Err(err) = alliance.tend_orders(now) {
            tracing::error!(error = %err, "orders of authorities could not be tended");
        }
        alliance.open_findings(now)?;
        alliance.tend_cases(now)
    })
    .await;
}
