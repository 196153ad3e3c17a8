//! What is kept how long: worked out from the parts of a program, for each time between two moments at which a lane opens or
//! closes, when the program is made.

use std::borrow::Cow;

use model::{Level, Retention, Timestamp};
use smallvec::SmallVec;

use crate::field_set::FieldSet;
use crate::program::{Keeping, Levels, StoredPart, is_open};

/// So many times are worked out ahead. A program whose lanes open and close more often works it out for each message.
const MAX_TIMES: usize = 8;
/// Before every message.
const BEGINNING: Timestamp = Timestamp::from_millis(i64::MIN);

/// A way of keeping, for how long, and what.
pub(crate) type Class = (Keeping, Retention, Levels);

/// What is kept how long, at every time.
#[derive(Debug)]
pub(crate) struct Classes {
    /// What the law wants kept first, then longest retention first.
    parts: Vec<StoredPart>,
    /// Ascending, the first one from the beginning; empty where there are too many.
    times: Vec<(Timestamp, Box<[Class]>)>,
}

impl Classes {
    /// From parts: what the law wants kept first, then longest retention first.
    pub(crate) fn new(parts: Vec<StoredPart>) -> Self {
        let windows = parts.iter().flat_map(|it| &it.windows);
        let mut moments: Vec<_> = windows
            .flat_map(|it| [Some(it.from), it.until])
            .flatten()
            .chain([BEGINNING])
            .collect();
        moments.sort_unstable();
        moments.dedup();
        let times = match moments.len() <= MAX_TIMES {
            true => moments.into_iter(),
            false => Vec::new().into_iter(),
        };
        let times = times.map(|it| (it, of(&parts, it).into()));
        Self {
            times: times.collect(),
            parts,
        }
    }

    /// What is kept how long at a moment, of whatever comes then.
    pub(crate) fn at(&self, now: Timestamp) -> Cow<'_, [Class]> {
        let after = self.times.partition_point(|it| it.0 <= now);
        match after.checked_sub(1).and_then(|it| self.times.get(it)) {
            Some((_, classes)) => Cow::Borrowed(classes),
            None => Cow::Owned(of(&self.parts, now)),
        }
    }
}

/// What is kept how long, from the parts whose lanes are open now.
fn of(parts: &[StoredPart], now: Timestamp) -> Vec<Class> {
    let mut classes = Vec::new();
    // What is kept at least as long as the class at hand, whoever decides about it.
    let mut longer: SmallVec<[(Retention, ByLevel); 2]> = SmallVec::new();
    for class in parts.chunk_by(|a, b| (a.keeping, a.retention) == (b.keeping, b.retention)) {
        let Some(StoredPart {
            keeping, retention, ..
        }) = class.first()
        else {
            continue;
        };
        let mut joined = ByLevel::default();
        let open = class.iter().filter(|it| is_open(&it.windows, now));
        for (level, fields) in open.flat_map(|it| &it.levels) {
            joined.add(*level, *fields);
        }
        let mut known = ByLevel::default();
        for (_, kept) in longer.iter().filter(|it| it.0 >= *retention) {
            known.join(kept);
        }
        let levels = joined.beyond(&known);
        if !levels.is_empty() {
            classes.push((*keeping, *retention, levels));
        }
        longer.push((*retention, joined));
    }
    classes
}

/// How many levels let something pass.
const LEVELS: usize = Level::MAX_COARSE as usize + 1;

/// Sets of fields by level, lowest first; a field may stand at several levels.
#[derive(Default)]
pub(super) struct ByLevel([FieldSet; LEVELS]);

impl ByLevel {
    pub(super) fn add(&mut self, level: Level, fields: FieldSet) {
        if let Some(set) = slot(level).and_then(|it| self.0.get_mut(it)) {
            *set = set.or(fields);
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (set, other) in self.0.iter_mut().zip(&other.0) {
            *set = set.or(*other);
        }
    }

    /// Each field at its highest level, without those that are in `others` at the same level or above.
    pub(super) fn beyond(&self, others: &Self) -> Levels {
        let mut levels = Levels::new();
        let mut done = FieldSet::EMPTY;
        let slots = self.0.iter().zip(&others.0).enumerate().rev();
        for (number, (fields, others)) in slots {
            done = done.or(*others);
            let fresh = fields.without(done);
            done = done.or(*fields);
            if !fresh.is_empty()
                && let Some(level) = level(number)
            {
                levels.push((level, fresh));
            }
        }
        levels
    }
}

fn slot(level: Level) -> Option<usize> {
    match level.coarse_number() {
        Some(number) => usize::from(number).checked_sub(1),
        None if level == Level::ON => Some(LEVELS - 1),
        None => None,
    }
}

fn level(slot: usize) -> Option<Level> {
    if slot == LEVELS - 1 {
        return Some(Level::ON);
    }
    Level::coarse(u8::try_from(slot + 1).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_set::FieldIndex;
    use crate::program::Window;

    fn part(keeping: Keeping, days: u16, field: u8, window: (i64, Option<i64>)) -> StoredPart {
        let window = Window {
            from: Timestamp::from_millis(window.0),
            until: window.1.map(Timestamp::from_millis),
        };
        StoredPart {
            keeping,
            retention: Retention::from_days(days),
            windows: SmallVec::from_iter([window]),
            levels: SmallVec::from_iter([(Level::ON, [FieldIndex(field)].into_iter().collect())]),
        }
    }

    fn parts(count: u8) -> Vec<StoredPart> {
        let law = part(Keeping::ByLaw, 9, 0, (5, None));
        let chosen = (0..count).map(|it| {
            let from = 10 * i64::from(it);
            part(Keeping::AsChosen, 30, it, (from, Some(from + 15)))
        });
        [law].into_iter().chain(chosen).collect()
    }

    #[test]
    fn what_was_worked_out_ahead_is_what_holds_at_each_moment() {
        for count in [0, 1, 2, 9] {
            let classes = Classes::new(parts(count));
            assert_eq!(classes.times.is_empty(), count == 9, "{count}");
            for now in (-20..120).map(Timestamp::from_millis) {
                assert_eq!(&*classes.at(now), of(&classes.parts, now), "{count} {now}");
            }
        }
    }

    #[test]
    fn levels_and_slots_are_one_to_one() {
        let slots: Vec<_> = (0..LEVELS).map(|it| level(it).and_then(slot)).collect();
        assert_eq!(slots, (0..LEVELS).map(Some).collect::<Vec<_>>());
        assert_eq!(slot(Level::OFF), None);
    }
}
