//! How often a person may have the server connect to an address of theirs at once: whoever can press a button must not be able
//! to make the server knock somewhere again and again.

use std::sync::{Mutex, PoisonError};

use model::{PersonId, Timestamp};
use rustc_hash::FxHashMap;

use super::DestinationId;

/// Between two times that a person asks for the same destination.
pub const ASK_PAUSE_SECONDS: i64 = 10;
/// How often a person may ask in a day, for all of their destinations; adding one counts too.
pub const MAX_ASKS_PER_DAY: u16 = 50;
const DAY_MILLIS: i64 = 86_400_000;
/// When so many people asked, those who did not ask within a day are forgotten.
const MIN_SWEEP: usize = 1_024;

/// What people asked for since the start.
#[derive(Default)]
pub(super) struct Asking {
    people: Mutex<FxHashMap<PersonId, Asked>>,
}

/// What one person asked for in the day that began then.
struct Asked {
    from: Timestamp,
    asks: u16,
    /// The last time for each destination, while its pause lasts.
    last: Vec<(DestinationId, Timestamp)>,
}

/// Whether a moment lies less than so long ago. A clock that was set back holds nothing up.
fn is_within(at: Timestamp, millis: i64, now: Timestamp) -> bool {
    (0..millis).contains(&now.as_millis().saturating_sub(at.as_millis()))
}

impl Asking {
    /// Notes that a person asks, or says when they can.
    pub(super) fn ask(
        &self,
        person: &PersonId,
        id: Option<&DestinationId>,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let pause = ASK_PAUSE_SECONDS * 1_000;
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= MIN_SWEEP {
            people.retain(|_, it| is_within(it.from, DAY_MILLIS, now));
        }
        let new = || Asked {
            from: now,
            asks: 0,
            last: Vec::new(),
        };
        let asked = people.entry(person.clone()).or_insert_with(new);
        if !is_within(asked.from, DAY_MILLIS, now) {
            *asked = new();
        }
        asked.last.retain(|it| is_within(it.1, pause, now));
        let last = id.and_then(|id| asked.last.iter().find(|it| it.0 == *id));
        if let Some((_, at)) = last {
            return Err(at.plus_millis(pause));
        }
        if asked.asks >= MAX_ASKS_PER_DAY {
            return Err(asked.from.plus_millis(DAY_MILLIS));
        }
        asked.asks += 1;
        asked.last.extend(id.map(|id| (id.clone(), now)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_destination_is_asked_for_once_in_a_pause_and_a_person_asks_so_often_in_a_day() {
        let asking = Asking::default();
        let person = PersonId::parse("somebody").unwrap();
        let (one, other) = (
            DestinationId::random().unwrap(),
            DestinationId::random().unwrap(),
        );
        assert_eq!(asking.ask(&person, Some(&one), at(0)), Ok(()));
        assert_eq!(asking.ask(&person, Some(&one), at(9)), Err(at(10)));
        assert_eq!(asking.ask(&person, Some(&other), at(9)), Ok(()));
        assert_eq!(asking.ask(&person, Some(&one), at(10)), Ok(()));
        for _ in 3..MAX_ASKS_PER_DAY {
            assert_eq!(asking.ask(&person, None, at(11)), Ok(()));
        }
        assert_eq!(asking.ask(&person, None, at(12)), Err(at(86_400)));
        let neighbour = PersonId::parse("somebody-else").unwrap();
        assert_eq!(asking.ask(&neighbour, None, at(12)), Ok(()));
        assert_eq!(asking.ask(&person, Some(&one), at(86_400)), Ok(()));
    }
}
