//! Which backups are kept.

use std::collections::BTreeSet;

use model::Timestamp;

use crate::manifest::BackupId;

/// How many backups are kept. What any of the numbers keeps is kept; the latest always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// So many of the latest.
    pub last: u32,
    /// The latest of each of so many days, as UTC has them.
    pub daily: u32,
    /// The latest of each of so many weeks, which begin on Monday.
    pub weekly: u32,
    /// The latest of each of so many months.
    pub monthly: u32,
}

/// Names the period in which a moment lies.
type Period = fn(Timestamp) -> String;

impl Keep {
    /// Whether it says nothing: then nothing may be removed.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }

    /// Those that stay.
    pub(crate) fn of(&self, backups: &[(BackupId, Timestamp)]) -> BTreeSet<BackupId> {
        let mut latest_first: Vec<_> = backups.iter().collect();
        latest_first.sort_by(|one, other| (other.1, &other.0).cmp(&(one.1, &one.0)));
        let mut kept = BTreeSet::new();
        let last = latest_first.iter().take(as_count(self.last).max(1));
        kept.extend(last.map(|it| it.0.clone()));
        let rules: [(u32, Period); 3] = [
            (self.daily, |at| at.day().to_string()),
            // 1 January 1970 was a Thursday.
            (self.weekly, |at| (at.day() + 3).div_euclid(7).to_string()),
            (self.monthly, |at| at.to_string().chars().take(7).collect()),
        ];
        for (count, period) in rules {
            let mut periods = BTreeSet::new();
            for (id, at) in &latest_first {
                if periods.len() >= as_count(count) {
                    break;
                }
                if periods.insert(period(*at)) {
                    kept.insert(id.clone());
                }
            }
        }
        kept
    }
}

fn as_count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keep: Keep, times: &[&str], expected: &[&str]) {
        let backups: Vec<_> = times
            .iter()
            .map(|it| {
                let at = Timestamp::parse(it).unwrap();
                (BackupId::new(at).unwrap(), at)
            })
            .collect();
        let kept = keep.of(&backups);
        let kept = backups.iter().filter(|it| kept.contains(&it.0));
        let kept: Vec<&str> = kept
            .filter_map(|it| {
                times
                    .iter()
                    .find(|at| Timestamp::parse(at).unwrap() == it.1)
            })
            .copied()
            .collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn the_latest_of_each_period_is_kept_and_the_latest_of_all_always() {
        let times = [
            "2026-09-30T23:59:59Z",
            "2026-10-01T00:00:00Z",
            "2026-11-20T01:00:00Z",
            "2026-11-22T01:00:00Z", // Sunday
            "2026-11-22T23:00:00Z",
            "2026-11-23T01:00:00Z", // Monday
            "2026-11-23T02:00:00Z",
        ];
        let keep = Keep::default();
        check(Keep { last: 0, ..keep }, &times, &times[6..]);
        check(Keep { last: 3, ..keep }, &times, &times[4..]);
        check(Keep { daily: 2, ..keep }, &times, &[times[4], times[6]]);
        // A day without a backup does not count.
        check(
            Keep { daily: 3, ..keep },
            &times,
            &[times[2], times[4], times[6]],
        );
        check(Keep { weekly: 2, ..keep }, &times, &[times[4], times[6]]);
        check(
            Keep { monthly: 9, ..keep },
            &times,
            &[times[0], times[1], times[6]],
        );
        let both = Keep {
            daily: 1,
            monthly: 2,
            ..keep
        };
        check(both, &times, &[times[1], times[6]]);
        check(keep, &[], &[]);
    }
}
