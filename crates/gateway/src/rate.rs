//! Token buckets: how much may be done in steady state and at once, by one connection or by many that share a bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts in thousandths of a token, so that one token per millisecond is exact.
const MILLI: u64 = 1_000;

/// A bucket that holds one second of its rate and is full at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    per_second: u32,
    milli_tokens: u64,
    filled_at_ms: u64,
}

impl Bucket {
    /// A full bucket; `per_second` 0 means without limit.
    pub(crate) fn new(per_second: u32, now_ms: u64) -> Self {
        Self {
            per_second,
            milli_tokens: u64::from(per_second) * MILLI,
            filled_at_ms: now_ms,
        }
    }

    /// Takes one token, or says that there is none.
    pub(crate) fn take(&mut self, now_ms: u64) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let passed_ms = now_ms.saturating_sub(self.filled_at_ms);
        if passed_ms > 0 {
            let earned = passed_ms.saturating_mul(u64::from(self.per_second));
            let full = u64::from(self.per_second) * MILLI;
            self.milli_tokens = self.milli_tokens.saturating_add(earned).min(full);
            self.filled_at_ms = now_ms;
        }
        match self.milli_tokens.checked_sub(MILLI) {
            Some(left) => {
                self.milli_tokens = left;
                true
            }
            None => false,
        }
    }
}

/// Nanoseconds in a millisecond.
const NANOS: u64 = 1_000_000;
/// A lease holds what is earned in about a tenth of a millisecond, and never more than this.
const MAX_LEASE: u32 = 64;

/// So many in so much time, and as many at once.
///
/// The state of a bucket is one number: when it will be full again. Who uses it may hand in any clock that goes
/// forward; a clock that was set back empties nothing for longer than the burst.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The time that earns one token; 0 is without limit.
    gap_nanos: u64,
    burst_nanos: u64,
}

impl Pace {
    /// `count` in `period_ms`; a count of 0 is without limit.
    pub(crate) fn new(count: u32, period_ms: u64) -> Self {
        let burst_nanos = period_ms.saturating_mul(NANOS);
        Self {
            gap_nanos: match count {
                0 => 0,
                count => (burst_nanos / u64::from(count)).max(1),
            },
            burst_nanos,
        }
    }

    /// Takes `count` tokens out of a bucket, or none.
    pub(crate) fn take(self, bucket: &AtomicU64, count: u32, now_ms: u64) -> bool {
        if self.gap_nanos == 0 {
            return true;
        }
        let now = now_ms.saturating_mul(NANOS);
        let cost = self.gap_nanos.saturating_mul(u64::from(count));
        let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let next = self.since(full_at, now).saturating_add(cost);
            (next - now <= self.burst_nanos).then_some(next)
        });
        taken.is_ok()
    }

    /// Whether there is no token in a bucket.
    pub(crate) fn is_empty(self, bucket: &AtomicU64, now_ms: u64) -> bool {
        let now = now_ms.saturating_mul(NANOS);
        let full_at = self.since(bucket.load(Ordering::Relaxed), now);
        self.gap_nanos > 0 && full_at - now + self.gap_nanos > self.burst_nanos
    }

    /// From when on the next token is paid for. A bucket that would be full later than any use could make it was used
    /// before the clock was set back.
    fn since(self, full_at: u64, now: u64) -> u64 {
        match full_at > now.saturating_add(self.burst_nanos) {
            true => now,
            false => full_at.max(now),
        }
    }
}

/// A bucket that several connections use.
#[derive(Debug)]
pub(crate) struct Shared {
    pace: Pace,
    full_at: AtomicU64,
    /// How many tokens are taken at once, so that fast connections do not meet at every message.
    lease: u32,
}

impl Shared {
    /// A full bucket; 0 is without limit.
    pub(crate) fn per_second(count: u32) -> Self {
        Self {
            pace: Pace::new(count, 1_000),
            full_at: AtomicU64::new(0),
            lease: (count / 10_000).clamp(1, MAX_LEASE),
        }
    }
}

/// What one connection has of a shared bucket.
#[derive(Debug)]
pub(crate) struct Lease {
    shared: Arc<Shared>,
    held: u32,
}

impl Lease {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared, held: 0 }
    }

    /// Takes one token and nothing for later.
    pub(crate) fn take_one(&self, now_ms: u64) -> bool {
        self.shared.pace.take(&self.shared.full_at, 1, now_ms)
    }

    /// Takes one token, or says that there is none.
    pub(crate) fn take(&mut self, now_ms: u64) -> bool {
        let Shared {
            pace,
            full_at,
            lease,
        } = &*self.shared;
        if self.held == 0 && pace.take(full_at, *lease, now_ms) {
            self.held = *lease;
        }
        if self.held > 0 {
            self.held -= 1;
            return true;
        }
        // The last few.
        self.take_one(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_thing_share_its_rate() {
        let shared = Arc::new(Shared::per_second(10));
        let mut one = Lease::of(Arc::clone(&shared));
        let mut two = Lease::of(shared);
        let now_ms = 1_700_000_000_000;
        let mut taken = (0..20).filter(|_| one.take(now_ms)).count();
        taken += (0..20).filter(|_| two.take(now_ms)).count();
        assert_eq!(taken, 10);
        assert!(!two.take(now_ms + 99));
        assert!(two.take(now_ms + 100));
        assert!(!one.take(now_ms + 100));
    }

    #[test]
    fn a_lease_gives_no_more_than_its_bucket_has() {
        let shared = Arc::new(Shared::per_second(1_000_001));
        let mut one = Lease::of(Arc::clone(&shared));
        let mut two = Lease::of(shared);
        let mut taken = 0;
        while one.take(5) | two.take(5) {
            taken += 2;
        }
        assert!((999_900..=1_001_100).contains(&taken), "{taken}");
    }

    #[test]
    fn a_shared_bucket_survives_a_clock_that_is_set_back() {
        let (pace, bucket) = (Pace::new(2, 1_000), AtomicU64::new(0));
        let later_ms = 5_000_000;
        assert!(pace.take(&bucket, 2, later_ms) && pace.is_empty(&bucket, later_ms));
        assert!(pace.take(&bucket, 1, 1_000), "no hour of silence");
        assert!(pace.take(&bucket, 1, 1_000) && !pace.take(&bucket, 1, 1_000));
        assert!(Pace::new(0, 1_000).take(&bucket, u32::MAX, 0));
    }

    #[test]
    fn a_bucket_gives_one_second_at_once_and_then_its_rate() {
        let mut bucket = Bucket::new(10, 0);
        assert_eq!((0..20).filter(|_| bucket.take(0)).count(), 10);
        assert!(!bucket.take(99));
        assert!(bucket.take(100));
        assert!(!bucket.take(100));
        assert_eq!((0..20).filter(|_| bucket.take(60_000)).count(), 10);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let mut bucket = Bucket::new(0, 0);
        assert!((0..1000).all(|_| bucket.take(0)));
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing() {
        let mut bucket = Bucket::new(1, 5_000);
        assert!(bucket.take(5_000));
        assert!(!bucket.take(0));
    }
}
