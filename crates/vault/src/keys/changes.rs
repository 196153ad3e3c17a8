//! Counts what was done to the keys and blocks of subjects, so that who reads notices that what was read is not so any more.
//!
//! A reader notes the count of its subject, reads, and reads again if the count has changed meanwhile. Counts are shared by subjects with
//! the same hash: then a reader reads once too often, never once too seldom.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxBuildHasher;

/// How many counts there are.
const STRIPES: usize = 256;

/// The counts.
pub(crate) struct Changes([AtomicU64; STRIPES]);

impl Default for Changes {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; STRIPES])
    }
}

impl Changes {
    /// How often the subject changed.
    pub(crate) fn of(&self, subject: &str) -> u64 {
        self.stripe(subject)
            .map_or(0, |it| it.load(Ordering::SeqCst))
    }

    /// The keys or blocks of the subject are not as they were. To be called when that is committed.
    pub(crate) fn note(&self, subject: &str) {
        if let Some(stripe) = self.stripe(subject) {
            stripe.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Reads until nothing changed meanwhile.
    pub(crate) fn settled<T, E>(
        &self,
        subject: &str,
        mut read: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        loop {
            let before = self.of(subject);
            let answer = read();
            if self.of(subject) == before {
                return answer;
            }
        }
    }

    fn stripe(&self, subject: &str) -> Option<&AtomicU64> {
        let hash = FxBuildHasher.hash_one(subject);
        let stripes = u64::try_from(STRIPES).unwrap_or(1);
        self.0.get(usize::try_from(hash % stripes).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_while_something_changes_reads_again() {
        let changes = Changes::default();
        let mut reads = 0;
        let read = || {
            reads += 1;
            if reads < 3 {
                changes.note("person:a1");
            }
            Ok::<_, ()>(reads)
        };
        assert_eq!(changes.settled("person:a1", read), Ok(3));
        assert_eq!(changes.settled("person:a1", || Ok::<_, ()>(7)), Ok(7));
    }
}
