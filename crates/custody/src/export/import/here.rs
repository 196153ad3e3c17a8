//! What is here already of readings that come back.

use model::Timestamp;
use ring::digest::{SHA256, digest};
use rustc_hash::FxHashMap;
use vault::StoredReading;

use super::slice::Crowd;

/// What tells two readings of a thing apart: their moment and what they say.
pub(super) type Print = (Timestamp, [u8; 32]);

pub(super) fn print(at: Timestamp, body: &[u8]) -> Print {
    let mut bytes = [0; 32];
    let found = digest(&SHA256, body);
    bytes
        .iter_mut()
        .zip(found.as_ref())
        .for_each(|(to, from)| *to = *from);
    (at, bytes)
}

/// What is here of what comes: as large as that, however much is here.
pub(super) struct Here {
    /// How often each of the readings that come is here.
    times: FxHashMap<Print, u32>,
    /// What the person has of their moments, of whatever thing.
    moments: FxHashMap<Timestamp, Crowd>,
}

impl Here {
    pub(super) fn of(coming: &[(StoredReading, bool)]) -> Self {
        let coming = coming.iter().map(|it| &it.0);
        Self {
            times: coming
                .clone()
                .map(|it| (print(it.at, &it.body), 0))
                .collect(),
            moments: coming.map(|it| (it.at, Crowd::default())).collect(),
        }
    }

    /// Counts what is here to its moment; whether that is one of those that come.
    pub(super) fn is_looked_for(&mut self, reading: &StoredReading) -> bool {
        let moment = self.moments.get_mut(&reading.at);
        let is_one = moment.is_some();
        moment.into_iter().for_each(|it| it.add(reading));
        is_one
    }

    pub(super) fn found(&mut self, print: &Print) {
        self.times
            .get_mut(print)
            .into_iter()
            .for_each(|it| *it += 1);
    }

    /// Whether a reading is here; each that is here stands for one that comes.
    pub(super) fn has(&mut self, reading: &StoredReading) -> bool {
        let times = self.times.get_mut(&print(reading.at, &reading.body));
        times.is_some_and(|it| {
            let is_here = *it > 0;
            *it = it.saturating_sub(1);
            is_here
        })
    }

    /// Whether a moment has too much with a reading more.
    pub(super) fn is_crowded_by(&mut self, reading: &StoredReading) -> bool {
        let moment = self.moments.entry(reading.at).or_default();
        moment.add(reading);
        moment.is_too_much()
    }
}

#[cfg(test)]
mod tests {
    use model::{DeploymentId, PersonId, Retention, Subject, ThingId};

    use super::super::slice::MAX_MOMENT_READINGS;
    use super::*;

    fn reading(at: i64, body: &str) -> StoredReading {
        StoredReading {
            subject: Subject::Person(PersonId::parse("p1").unwrap()),
            thing: ThingId::parse("meter-1").unwrap(),
            deployment: DeploymentId::parse("home").unwrap(),
            at: Timestamp::from_millis(at),
            retention: Retention::from_days(30),
            generation: 0,
            body: body.as_bytes().to_vec(),
        }
    }

    fn seen(here: &mut Here, reading: &StoredReading) {
        if here.is_looked_for(reading) {
            here.found(&print(reading.at, &reading.body));
        }
    }

    #[test]
    fn each_reading_that_is_here_stands_for_one_that_comes() {
        let coming = [reading(1, "a"), reading(1, "a"), reading(2, "b")];
        let mut here = Here::of(&coming.clone().map(|it| (it, false)));
        for other in [reading(1, "a"), reading(1, "b"), reading(3, "b")] {
            seen(&mut here, &other);
        }
        let found: Vec<_> = coming.iter().map(|it| here.has(it)).collect();
        assert_eq!(found, [true, false, false]);
    }

    #[test]
    fn as_much_is_remembered_as_comes_however_much_is_here() {
        let mut here = Here::of(&[(reading(5_000, "a"), false), (reading(6_000, "a"), false)]);
        for at in 5_000..6_001 {
            for body in ["a", "b", "c"] {
                seen(&mut here, &reading(at, body));
            }
        }
        assert_eq!((here.times.len(), here.moments.len()), (2, 2));
    }

    #[test]
    fn what_is_here_counts_to_the_most_of_a_moment() {
        let coming = reading(1, "new");
        let mut here = Here::of(&[(coming.clone(), false)]);
        for _ in 0..MAX_MOMENT_READINGS - 1 {
            seen(&mut here, &reading(1, "other"));
        }
        assert!(!here.is_crowded_by(&coming));
        assert!(here.is_crowded_by(&coming));
    }
}
