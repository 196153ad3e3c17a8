//! Counts of values in buckets whose width grows with the value: percentiles with an error under 1 %.
//!
//! A value below 256 has its own bucket. Above, each power of two is cut into 128 buckets, so a bucket is at most
//! 1/128 of the value wide. The whole range of `u64` fits in 7 424 counters; nothing is ever clipped.

const SUB_BITS: u32 = 7;
const SUB_BUCKETS: usize = 1 << SUB_BITS;
const BUCKETS: usize = SUB_BUCKETS * (64 - SUB_BITS as usize + 1);

/// A histogram of unsigned numbers.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// An empty histogram.
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            max: 0,
        }
    }

    /// Counts `value` once.
    pub(crate) fn record(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// How many values were counted.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The greatest value, exactly.
    pub(crate) const fn max(&self) -> u64 {
        self.max
    }

    /// The value that `per_mille` of a thousand values do not exceed; `None` when nothing was counted.
    pub(crate) fn per_mille(&self, per_mille: u64) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        let wanted = self.total.saturating_mul(per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (idx, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(upper_bound(idx).min(self.max));
            }
        }
        Some(self.max)
    }
}

fn bucket(value: u64) -> usize {
    let bits = 64 - value.leading_zeros();
    let shift = bits.saturating_sub(SUB_BITS + 1);
    let sub = usize::try_from(value >> shift).unwrap_or(0);
    shift as usize * SUB_BUCKETS + sub
}

/// The greatest value of a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let shift = (bucket / SUB_BUCKETS).saturating_sub(1);
    let sub = (bucket - shift * SUB_BUCKETS) as u64;
    let above = u128::from(sub + 1) << shift;
    u64::try_from(above - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_within_one_percent() {
        let mut value = 1_u64;
        while value < u64::MAX / 3 {
            for near in [value - 1, value, value + 1] {
                let idx = bucket(near);
                assert!(idx < BUCKETS, "{near}");
                let upper = upper_bound(idx);
                assert!(
                    upper >= near && upper - near <= near / 100,
                    "{near} ≤ {upper}"
                );
            }
            value = value * 3 / 2 + 1;
        }
        assert!(bucket(u64::MAX) < BUCKETS);
        assert_eq!(upper_bound(bucket(u64::MAX)), u64::MAX);
    }

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        for idx in 1..BUCKETS - 1 {
            assert_eq!(bucket(upper_bound(idx)), idx);
            assert_eq!(bucket(upper_bound(idx) + 1), idx + 1);
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::new();
        for value in 1..=1000_u64 {
            histogram.record(value * 1000);
        }
        for (per_mille, exact) in [(500, 500_000), (900, 900_000), (990, 990_000)] {
            let found = histogram.per_mille(per_mille).unwrap();
            assert!(
                found >= exact && found - exact <= exact / 100,
                "{found} for {exact}"
            );
        }
        assert_eq!(histogram.per_mille(1000), Some(1_000_000));
        assert_eq!(histogram.max(), 1_000_000);
        assert_eq!(histogram.total(), 1000);
        assert_eq!(Histogram::new().per_mille(500), None);
    }
}
