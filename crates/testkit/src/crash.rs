//! The process ends, as if it were killed, at the point that was chosen.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many points are still passed; at 0 none is chosen.
static LEFT: AtomicU64 = AtomicU64::new(0);

/// The process ends at the n-th point from here on.
pub fn at(n: u64) {
    LEFT.store(n, Ordering::SeqCst);
}

/// A point between two steps.
pub fn point() {
    let before = LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
    if before == Ok(1) {
        std::process::abort();
    }
}
