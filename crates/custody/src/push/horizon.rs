//! Up to which moment everything that came in can be read.
//!
//! Readings carry the moment at which their message arrived, and become readable a little later: when they are appended and synced. So
//! a reader that goes by time must not ask for the present. Each time it is asked, this notes how much was appended by then; once that
//! is durable, everything that arrived [`PUSH_SLACK_MILLIS`] before can be read.

use std::collections::VecDeque;

use model::Timestamp;

use super::PUSH_SLACK_MILLIS;

/// How far notes lie apart, in milliseconds.
const APART_MILLIS: i64 = 200;
/// The most notes that wait for the disk. While it hangs for longer no more are taken.
const MAX_NOTES: usize = 1_024;

/// A moment that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// Everything that arrived before this can be read.
    pub(super) before: Timestamp,
    /// That is no more than so much.
    pub(super) most: u64,
    /// No less than so much arrived before this. When it is `most` of a later moment, nothing came in between.
    pub(super) least: Option<u64>,
}

/// What waits for the disk, and what does not any more.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    /// Moments, and how much was appended by then.
    notes: VecDeque<(Timestamp, u64)>,
    /// Those before the notes, back to the settled moment.
    past: VecDeque<(Timestamp, u64)>,
    settled: Option<Settled>,
}

impl Horizon {
    /// Notes how much is appended and durable now, and gives what is settled; nothing before the first sync is.
    pub(super) fn note(&mut self, now: Timestamp, appended: u64, durable: u64) -> Option<Settled> {
        let last = self.notes.back().or(self.past.back()).map(|it| it.0);
        if last.is_some_and(|it| it > now) {
            // The clock was set back: what was noted says nothing about the moments that come again.
            self.past.clear();
        }
        let is_near = |it: Timestamp| {
            (0..APART_MILLIS).contains(&now.as_millis().saturating_sub(it.as_millis()))
        };
        if self.notes.len() < MAX_NOTES && !last.is_some_and(is_near) {
            self.notes.push_back((now, appended));
        }
        while let Some((at, most)) = self.notes.front().copied()
            && most <= durable
        {
            self.notes.pop_front();
            let before = at.plus_millis(-PUSH_SLACK_MILLIS);
            self.past.push_back((at, most));
            while self.past.get(1).is_some_and(|it| it.0 < before) {
                self.past.pop_front();
            }
            // Not that of the moment itself: what arrived in it may be appended already.
            let least = self.past.front().filter(|it| it.0 < before);
            self.settled = Some(Settled {
                before,
                most,
                least: least.map(|it| it.1),
            });
        }
        self.settled
    }

    pub(super) fn settled(&self) -> Option<Settled> {
        self.settled
    }

    /// Whether anybody has asked yet.
    pub(super) fn is_begun(&self) -> bool {
        self.settled.is_some() || !self.notes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn settled(before: i64, most: u64, least: Option<u64>) -> Option<Settled> {
        Some(Settled {
            before: at(before),
            most,
            least,
        })
    }

    #[test]
    fn a_moment_is_settled_when_all_that_was_appended_by_then_is_durable() {
        let mut horizon = Horizon::default();
        assert!(!horizon.is_begun());
        assert_eq!(horizon.note(at(10_000), 5, 4), None);
        assert!(horizon.is_begun());
        assert_eq!(horizon.note(at(11_000), 9, 4), None);
        assert_eq!(horizon.note(at(12_000), 9, 8), settled(8_000, 5, None));
        assert_eq!(horizon.note(at(12_300), 9, 9), settled(10_300, 9, Some(5)));
        assert_eq!(horizon.settled(), settled(10_300, 9, Some(5)));
        // The clock was set back: what is settled goes back with it.
        assert_eq!(horizon.note(at(3_000), 9, 9), settled(1_000, 9, None));
    }

    #[test]
    fn nothing_came_between_two_moments_only_where_that_is_certain() {
        let mut horizon = Horizon::default();
        horizon.note(at(97_000), 4, 4);
        // A message that arrived at 99,000 is appended, but it is not before what is settled.
        let first = horizon.note(at(100_000), 5, 5);
        assert_eq!(first, settled(98_000, 5, Some(4)));
        // So the next moment is not one before which nothing came.
        let same = horizon.note(at(102_000), 5, 5);
        assert_eq!(
            same,
            settled(100_000, 5, Some(4)),
            "it may be of this very moment"
        );
        let next = horizon.note(at(102_500), 5, 5);
        assert_eq!(next, settled(100_500, 5, Some(5)));
        assert_ne!(first.unwrap().least, Some(next.unwrap().most));
        let quiet = horizon.note(at(103_000), 5, 5);
        assert_eq!(next.unwrap().least, Some(quiet.unwrap().most));
    }

    #[test]
    fn while_the_disk_hangs_no_more_than_so_much_is_noted() {
        let mut horizon = Horizon::default();
        for second in 0..5_000 {
            horizon.note(at(second * 1_000), 7, 3);
        }
        assert_eq!(horizon.notes.len(), MAX_NOTES);
        let last = i64::try_from(MAX_NOTES).unwrap() - 1;
        let now_settled = horizon.note(at(6_000_000), 7, 7).unwrap();
        assert_eq!(now_settled.before, at(last * 1_000 - PUSH_SLACK_MILLIS));
        assert!(horizon.past.len() <= 4);
    }
}
