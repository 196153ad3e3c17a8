//! A token bucket: how many publishes a connection may make, in steady state and at once.

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

#[cfg(test)]
mod tests {
    use super::*;

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
