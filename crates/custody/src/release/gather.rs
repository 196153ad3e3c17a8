//! One value for each unit of privacy, made of the readings that the data set's recipient may have.
//!
//! # What a unit is
//! Whoever shares a thing in the period is one unit: a reading of the kitchen is about everybody who lives there, and counted for each of
//! them it would be told as often. So people who are sensed by the same thing within the period, directly or over others, have one value
//! together, and whatever the things sensed of all of them is hidden by the same noise. Most units are a household or one person.
//! Which thing senses whom is taken as given: it is the frame, not the data.
//!
//! # Which readings
//! Those of [`Custody::history`], each let through by [`Custody::permit`]: what everybody whom a reading is about allowed for this
//! recipient and purpose when it came in, and allows now. There is no other way to a payload (invariant 1), and no delivery is counted: nobody
//! got the reading.
//! Of each thing at most [`MAX_READINGS_PER_THING`] of a period, so that how much one thing sends changes nothing for others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{PersonId, Subject, Timestamp};
use rustc_hash::FxHashMap;
use serde_json::value::RawValue;

use super::declared::{DeclaredStatistic, Each};
use super::{DrawError, MAX_READINGS_PER_THING};
use crate::Custody;
use crate::catalogue::chosen::Chosen;
use crate::catalogue::{DeploymentState, Named, RecipientPeer, ThingNumber, ThingPeer};
use crate::history::{HistoryError, HistoryQuery, MAX_HISTORY_READINGS};
use crate::timeline::fields;

/// A thing with everybody whom it sensed.
type Sensed = (ThingNumber, Vec<Subject>);
/// What the readings of a unit come to, and by which things.
type Part = (Tally, Vec<Sensed>);

/// People who have one value together.
pub(super) struct Unit {
    /// Who they are.
    pub(super) people: Vec<PersonId>,
    /// What they had chosen here, in the same order.
    chosen: Vec<Chosen>,
    /// By which things they were sensed, each with everybody whom it sensed.
    things: Vec<Sensed>,
    /// Their value.
    pub(super) value: i64,
}

/// The values of a period, and under which rules they were read.
pub(super) struct Gathered {
    state: Arc<DeploymentState>,
    until: Timestamp,
    from: Timestamp,
    pub(super) units: Vec<Unit>,
}

/// What the readings of a unit come to.
#[derive(Default)]
struct Tally {
    count: u64,
    sum: i128,
    max: Option<i64>,
}

impl Tally {
    fn add(&mut self, value: i64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(i128::from(value));
        self.max = Some(self.max.map_or(value, |it| it.max(value)));
    }

    /// The one value; `None` where there was no reading.
    fn value(&self, declared: &DeclaredStatistic) -> Option<i64> {
        let max = self.max?;
        let count = i128::from(self.count);
        let value = match declared.each {
            Each::Max => i128::from(max),
            Each::Sum => self.sum,
            // To the nearest, up from the middle.
            Each::Mean => (self.sum.saturating_mul(2).saturating_add(count)).div_euclid(count * 2),
            Each::Count => count.saturating_mul(10_i128.pow(u32::from(declared.decimals))),
        };
        let (low, high) = (i128::from(declared.low), i128::from(declared.high));
        i64::try_from(value.clamp(low, high)).ok()
    }
}

/// Who belongs together, over things that they share.
#[derive(Default)]
struct Together {
    number: FxHashMap<PersonId, usize>,
    parent: Vec<usize>,
}

impl Together {
    fn number(&mut self, person: &PersonId) -> usize {
        if let Some(known) = self.number.get(person) {
            return *known;
        }
        let next = self.parent.len();
        self.parent.push(next);
        self.number.insert(person.clone(), next);
        next
    }

    fn root(&self, mut of: usize) -> usize {
        while let Some(above) = self.parent.get(of).copied().filter(|it| *it != of) {
            of = above;
        }
        of
    }

    /// These people share a thing; gives the number of one of them.
    fn share(&mut self, people: &[PersonId]) -> Option<usize> {
        let (first, others) = people.split_first()?;
        let first = self.number(first);
        for other in others {
            let other = self.number(other);
            let (one, two) = (self.root(first), self.root(other));
            if let Some(parent) = self.parent.get_mut(one.max(two)) {
                *parent = one.min(two);
            }
        }
        Some(first)
    }
}

/// The people among subjects.
fn people(subjects: &[Subject]) -> Vec<PersonId> {
    let person = |it: &Subject| match it {
        Subject::Person(person) => Some(person.clone()),
        Subject::Thing(_) => None,
    };
    subjects.iter().filter_map(person).collect()
}

/// A thing that senses people, with whom.
type Sensing = (Arc<ThingPeer>, Vec<Subject>, usize);

impl Custody {
    /// The values of a period. `None` where the recipient has no access now, or nothing may leave: then there is nothing to draw, yet.
    pub(super) fn gather_units(
        &self,
        declared: &DeclaredStatistic,
        from: Timestamp,
        stop: &AtomicBool,
        now: Timestamp,
    ) -> Result<Option<Gathered>, DrawError> {
        let until = declared.end_of(from);
        let catalogue = self.inner.catalogue.load_full();
        let deployment = catalogue.deployments.get(&declared.deployment);
        let recipient = catalogue.recipients.get(&declared.recipient);
        let (Some(deployment), Some(recipient)) = (deployment, recipient) else {
            return Ok(None);
        };
        let state = deployment.state.load_full();
        let is_open = state.licence_at(now).in_force()
            && state.has_grant(&declared.recipient, &declared.purpose, now);
        if !is_open || recipient.is_barred() {
            return Ok(None);
        }
        let theirs = catalogue.things.values();
        let theirs = theirs.filter(|it| Arc::ptr_eq(&it.deployment, deployment));
        let mut together = Together::default();
        let mut sensing: Vec<Sensing> = Vec::new();
        for thing in theirs {
            let subjects = state.sensed_between(thing.number, from, until);
            if let Some(one) = together.share(&people(&subjects)) {
                sensing.push((Arc::clone(thing), subjects, one));
            }
        }
        let mut tallies: BTreeMap<usize, Part> = BTreeMap::new();
        for (thing, subjects, one) in sensing {
            if stop.load(Ordering::Relaxed) {
                return Err(DrawError::Stopped);
            }
            let (tally, things) = tallies.entry(together.root(one)).or_default();
            let reading = Reading {
                custody: self,
                declared,
                state: &state,
                recipient,
                thing: &thing,
            };
            reading.tally((from, until), tally, now)?;
            things.push((thing.number, subjects));
        }
        let unit = |(_, (tally, things)): (_, Part)| {
            let value = tally.value(declared)?;
            let mut them: Vec<_> = things.iter().flat_map(|it| people(&it.1)).collect();
            them.sort_unstable();
            them.dedup();
            Some(Unit {
                chosen: them.iter().map(|it| state.chosen_by(it)).collect(),
                people: them,
                things,
                value,
            })
        };
        let units = tallies.into_iter().filter_map(unit).collect();
        Ok(Some(Gathered {
            state,
            from,
            until,
            units,
        }))
    }

    /// The units whose values may be used now, while no act can change that; `None` where other rules hold and all must be read again.
    pub(super) fn still_counted<'g>(
        &self,
        declared: &DeclaredStatistic,
        gathered: &'g Gathered,
        now: Timestamp,
    ) -> Option<Vec<&'g Unit>> {
        let catalogue = self.inner.catalogue.load();
        let deployment = catalogue.deployments.get(&declared.deployment)?;
        let state = deployment.state.load_full();
        let recipient = catalogue.recipients.get(&declared.recipient)?;
        let is_open = state.licence_at(now).in_force() && !recipient.is_barred();
        if !Arc::ptr_eq(&state.rules, &gathered.state.rules) || !is_open {
            return None;
        }
        let is_same = |unit: &&Unit| {
            let (from, until) = (gathered.from, gathered.until);
            let mut chosen = unit.people.iter().zip(&unit.chosen);
            let mut things = unit.things.iter();
            Arc::ptr_eq(&state, &gathered.state)
                || (chosen.all(|(person, before)| state.chosen_by(person) == *before)
                    && things.all(|it| state.sensed_between(it.0, from, until) == it.1))
        };
        let is_kept_here = |unit: &&Unit| {
            let subjects: Vec<_> = unit.people.iter().cloned().map(Subject::Person).collect();
            let placed = self
                .inner
                .placements
                .of(&declared.deployment, subjects.iter());
            placed.iter().all(|it| it.put.is_in_vault())
        };
        let units = gathered.units.iter();
        Some(units.filter(is_same).filter(is_kept_here).collect())
    }
}

/// The readings of one thing.
struct Reading<'a> {
    custody: &'a Custody,
    declared: &'a DeclaredStatistic,
    state: &'a DeploymentState,
    recipient: &'a Arc<RecipientPeer>,
    thing: &'a ThingPeer,
}

impl Reading<'_> {
    fn tally(
        &self,
        (from, until): (Timestamp, Timestamp),
        tally: &mut Tally,
        now: Timestamp,
    ) -> Result<(), DrawError> {
        let mut left = MAX_READINGS_PER_THING;
        let mut query = HistoryQuery {
            purpose: self.declared.purpose.clone(),
            deployment: self.declared.deployment.clone(),
            thing: Some(self.thing.id.clone()),
            condition: None,
            from: Some(from),
            until: Some(until),
            limit: MAX_HISTORY_READINGS,
            after: None,
        };
        loop {
            let page = match self.custody.history(self.recipient, &query, now) {
                Ok(page) => page,
                // It was taken away meanwhile: what was read before is thrown away as well.
                Err(HistoryError::NotGranted { .. }) => return Err(DrawError::Changed),
                Err(err) => return Err(err.into()),
            };
            for delivery in page.deliveries {
                if left == 0 {
                    return Ok(());
                }
                let senses_somebody = self
                    .state
                    .bound(self.thing.number, &Named::Nobody, delivery.at())
                    .is_some_and(|it| !it.people.is_empty());
                let permit = self.custody.permit(&delivery, now);
                let Some(permit) = permit.filter(|_| senses_somebody) else {
                    continue;
                };
                let (body, receipt) = permit.into_payload();
                // Nobody gets the reading.
                receipt.void();
                left -= 1;
                self.add(&body, tally)?;
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn add(&self, body: &[u8], tally: &mut Tally) -> Result<(), DrawError> {
        let body: &RawValue = serde_json::from_slice(body).map_err(|_| DrawError::Unreadable)?;
        let found = fields(body).map_err(|_| DrawError::Unreadable)?;
        let field = &self.declared.field;
        let is_it = |place: &str| field.as_str() == place || field.covers(place);
        let values = found.iter().filter(|it| is_it(&it.pointer));
        for value in values.filter_map(|it| whole(&it.value, self.declared.decimals)) {
            tally.add(value);
        }
        Ok(())
    }
}

/// A JSON value in units of the last decimal place: numbers rounded to the nearest, no and yes as 0 and 1; nothing for a text.
fn whole(value: &str, decimals: u8) -> Option<i64> {
    let number = match value {
        "true" => 1.0,
        "false" => 0.0,
        text => text.parse::<f64>().ok().filter(|it| it.is_finite())?,
    };
    // What is beyond 64 bits becomes the end of them; it lies beyond the bounds anyway. No noise is made here.
    Some((number * 10_f64.powi(i32::from(decimals))).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_shares_a_thing_is_one() {
        let person = |it: &str| PersonId::parse(it).unwrap();
        let mut together = Together::default();
        let [a, b, c, d] = ["a", "b", "c", "d"].map(person);
        let one = together.share(&[a.clone(), b.clone()]).unwrap();
        let two = together.share(std::slice::from_ref(&c)).unwrap();
        let three = together.share(std::slice::from_ref(&d)).unwrap();
        assert_ne!(together.root(one), together.root(two));
        together.share(&[c, b]).unwrap();
        assert_eq!(together.root(one), together.root(two));
        assert_ne!(together.root(one), together.root(three));
        assert_eq!(together.share(&[]), None);
    }

    #[test]
    fn values_are_whole_numbers_of_the_declared_place() {
        for (value, decimals, expected) in [
            ("1.25", 1, Some(13)),
            ("-0.5", 0, Some(-1)),
            ("true", 2, Some(100)),
            ("\"x\"", 0, None),
            ("1e300", 0, Some(i64::MAX)),
            ("12", 3, Some(12_000)),
        ] {
            assert_eq!(whole(value, decimals), expected, "{value}");
        }
    }
}
