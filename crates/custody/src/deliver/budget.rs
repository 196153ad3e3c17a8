//! How many bytes of messages may wait for recipients, all of them together.
//!
//! A message counts once, however many recipients it waits for, from when it is first offered until the last of them has
//! let it go. While less than three quarters of the budget are used everybody gets everything. Above, recipients that are slow
//! get nothing new; when it is used up, nobody does. What is left out is counted as dropped; it is in the vault.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes of messages wait for recipients at most, all of them together, where nothing else was said.
pub const MAX_HELD_BYTES: usize = 256 * 1024 * 1024;

/// Counts what messages hold.
pub(crate) struct Budget {
    held: AtomicUsize,
    most: AtomicUsize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            held: AtomicUsize::new(0),
            most: AtomicUsize::new(MAX_HELD_BYTES),
        }
    }
}

/// How much of the budget was used when a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    /// Everybody gets it.
    Low,
    /// Slow recipients do not.
    High,
    /// Nobody does.
    Full,
}

impl Budget {
    /// Counts a message in.
    pub(crate) fn take(&self, bytes: usize) -> Pressure {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let most = self.most.load(Ordering::Relaxed);
        if held > most {
            Pressure::Full
        } else if held > most - most / 4 {
            Pressure::High
        } else {
            Pressure::Low
        }
    }

    /// Counts a message out.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn set_most(&self, bytes: usize) {
        self.most.store(bytes, Ordering::Relaxed);
    }
}
