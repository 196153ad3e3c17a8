//! The readings of a file in slices of time, taken in one by one: a moment is in one slice, so that what is here already is looked up once.
//!
//! A slice is as small as its limits say, and larger by no more than a moment; how much a moment may have is limited too. So neither a
//! file nor what is here already decides how much memory is taken.

use vault::StoredReading;

/// So many readings are taken in at once, and the others of their last moment.
const SLICE_READINGS: usize = 1_000;
/// … or so many bytes.
const SLICE_BYTES: usize = 4 * 1024 * 1024;
/// The most readings of one moment.
pub(super) const MAX_MOMENT_READINGS: usize = 20_000;
/// The most bytes of them.
pub(super) const MAX_MOMENT_BYTES: usize = 16 * 1024 * 1024;

/// How much there is of one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Crowd {
    readings: usize,
    bytes: usize,
}

impl Crowd {
    pub(super) fn add(&mut self, reading: &StoredReading) {
        self.readings = self.readings.saturating_add(1);
        self.bytes = self.bytes.saturating_add(reading.body.len());
    }

    pub(super) const fn is_too_much(self) -> bool {
        self.readings > MAX_MOMENT_READINGS || self.bytes > MAX_MOMENT_BYTES
    }
}

/// Why a reading does not come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is older than the one before it.
    Order,
    /// Its moment has too much already.
    Crowded,
}

/// Readings that follow each other.
#[derive(Default)]
pub(super) struct Slice {
    readings: Vec<StoredReading>,
    bytes: usize,
    last: Crowd,
}

impl Slice {
    /// Takes the next reading. Gives what came before it once that is enough.
    pub(super) fn take(&mut self, reading: StoredReading) -> Result<Vec<StoredReading>, Refused> {
        let last = self.readings.last().map(|it| it.at);
        if last.is_some_and(|it| it > reading.at) {
            return Err(Refused::Order);
        }
        let is_full = self.readings.len() >= SLICE_READINGS || self.bytes >= SLICE_BYTES;
        let mut whole = Vec::new();
        if last.is_some_and(|it| it < reading.at) {
            self.last = Crowd::default();
            if is_full {
                whole = std::mem::take(&mut self.readings);
                self.bytes = 0;
            }
        }
        self.last.add(&reading);
        if self.last.is_too_much() {
            return Err(Refused::Crowded);
        }
        self.bytes = self.bytes.saturating_add(reading.body.len());
        self.readings.push(reading);
        Ok(whole)
    }

    /// What is left at the end.
    pub(super) fn rest(self) -> Vec<StoredReading> {
        self.readings
    }
}

#[cfg(test)]
mod tests {
    use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};

    use super::*;

    fn reading(at: i64, bytes: usize) -> StoredReading {
        StoredReading {
            subject: Subject::Person(PersonId::parse("p1").unwrap()),
            thing: ThingId::parse("meter-1").unwrap(),
            deployment: DeploymentId::parse("home").unwrap(),
            at: Timestamp::from_millis(at),
            retention: Retention::from_days(30),
            generation: 0,
            body: vec![b' '; bytes],
        }
    }

    /// The sizes of the slices, or what is refused behind how many readings.
    fn sliced(
        readings: impl Iterator<Item = StoredReading>,
    ) -> Result<Vec<usize>, (usize, Refused)> {
        let mut slice = Slice::default();
        let mut sizes = Vec::new();
        for (count, reading) in readings.enumerate() {
            let whole = slice.take(reading).map_err(|it| (count, it))?;
            sizes.extend((!whole.is_empty()).then_some(whole.len()));
        }
        sizes.push(slice.rest().len());
        Ok(sizes)
    }

    #[test]
    fn a_slice_ends_with_a_moment_once_it_has_enough() {
        assert_eq!(
            sliced((0..2_500).map(|it| reading(it, 10))),
            Ok(vec![1_000, 1_000, 500])
        );
        let pairs = (0..2_001).map(|it| reading((it + 1) / 2, 10));
        assert_eq!(
            sliced(pairs),
            Ok(vec![1_001, 1_000]),
            "no moment is divided"
        );
        let large = (0..9).map(|it| reading(it, 1024 * 1024));
        assert_eq!(sliced(large), Ok(vec![4, 4, 1]));
        assert_eq!(sliced(std::iter::empty()), Ok(vec![0]));
    }

    #[test]
    fn one_moment_has_no_more_than_its_bytes_and_its_readings() {
        let mebibyte = 1024 * 1024;
        let at_once = |count: usize, bytes| sliced((0..count).map(move |_| reading(7, bytes)));
        assert_eq!(at_once(16, mebibyte), Ok(vec![16]));
        assert_eq!(at_once(17, mebibyte), Err((16, Refused::Crowded)));
        let most = MAX_MOMENT_READINGS;
        assert_eq!(at_once(most, 2), Ok(vec![most]));
        assert_eq!(at_once(most + 1, 2), Err((most, Refused::Crowded)));
        // Another moment begins anew.
        let two = (0..32).map(|it| reading(it / 16, mebibyte));
        assert_eq!(sliced(two), Ok(vec![16, 16]));
    }

    #[test]
    fn time_does_not_go_back_in_a_file() {
        let back = [reading(5, 1), reading(4, 1)].into_iter();
        assert_eq!(sliced(back), Err((1, Refused::Order)));
    }
}
