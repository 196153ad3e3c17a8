//! The values of a field over time, in few numbers: what a picture of them needs. One pass, bounded memory.

use model::Timestamp;

/// A plot has at most so many buckets.
pub const MAX_BUCKETS: usize = 240;
/// The first width of a bucket: a minute.
const FIRST_WIDTH_MILLIS: i64 = 60_000;

/// Values by stretches of time of the same width.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// When the first bucket begins.
    pub start: Timestamp,
    /// How long a bucket is.
    pub width_millis: i64,
    /// The buckets without a gap; those without a value have a count of 0.
    pub buckets: Vec<PlotBucket>,
}

/// What lies in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PlotBucket {
    /// How many values.
    pub count: u64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// Their sum.
    pub sum: f64,
}

impl PlotBucket {
    fn merge(self, other: Self) -> Self {
        match (self.count, other.count) {
            (0, _) => other,
            (_, 0) => self,
            _ => Self {
                count: self.count + other.count,
                least: self.least.min(other.least),
                greatest: self.greatest.max(other.greatest),
                sum: self.sum + other.sum,
            },
        }
    }
}

impl Plot {
    pub(super) fn new(at: Timestamp) -> Self {
        let start = at.as_millis().div_euclid(FIRST_WIDTH_MILLIS) * FIRST_WIDTH_MILLIS;
        Self {
            start: Timestamp::from_millis(start),
            width_millis: FIRST_WIDTH_MILLIS,
            buckets: Vec::new(),
        }
    }

    /// Counts a value; times do not go back.
    pub(super) fn add(&mut self, at: Timestamp, value: f64) {
        let since = at.as_millis().saturating_sub(self.start.as_millis()).max(0);
        let mut place = since / self.width_millis;
        while place >= MAX_BUCKETS as i64 {
            self.halve();
            place = since / self.width_millis;
        }
        let place = usize::try_from(place).unwrap_or(0);
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, PlotBucket::default());
        }
        let value = PlotBucket {
            count: 1,
            least: value,
            greatest: value,
            sum: value,
        };
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket = bucket.merge(value);
        }
    }

    fn halve(&mut self) {
        self.width_millis = self.width_millis.saturating_mul(2);
        let merged = self.buckets.chunks(2).map(|it| {
            it.iter()
                .fold(PlotBucket::default(), |sum, it| sum.merge(*it))
        });
        self.buckets = merged.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_fit_and_nothing_is_lost() {
        let mut plot = Plot::new(Timestamp::from_millis(1_790_000_000_000));
        let mut expected = (0, f64::INFINITY, f64::NEG_INFINITY);
        for number in 0..20_000_i64 {
            let value = (number % 97) as f64 - 5.0;
            let at = Timestamp::from_millis(1_790_000_000_000 + number * 3_600_000);
            plot.add(at, value);
            expected = (expected.0 + 1, value.min(expected.1), value.max(expected.2));
        }
        assert!(plot.buckets.len() <= MAX_BUCKETS);
        let whole = plot
            .buckets
            .iter()
            .fold(PlotBucket::default(), |sum, it| sum.merge(*it));
        assert_eq!((whole.count, whole.least, whole.greatest), expected);
    }
}
